//! Exit codes: they follow from what is printed, never from anything else.

use crate::apply::Journal;
use crate::plan::{Action, Plan, Step};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// In sync, or applied.
    Done = 0,
    /// An error.
    Error = 1,
    /// Changes or drift.
    Changes = 2,
    /// Blocked by a limit or a guard.
    Blocked = 3,
    /// The saved plan is stale.
    Stale = 4,
    /// Partly applied, as far as is known.
    Partial = 5,
    /// Something in scope could not be read.
    Incomplete = 6,
}

/// The code for a plan.
pub fn of_plan(plan: &Plan) -> Exit {
    if plan.count(Action::Blocked) > 0 {
        Exit::Blocked
    } else if plan.writes() {
        Exit::Changes
    } else if plan.count(Action::Unknown) > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

/// The code for drift: an object that differs is drift, whether or not it may be mended.
pub fn of_drift(plan: &Plan) -> Exit {
    let differs = |step: &Step| step.action == Action::Blocked && !step.changes.is_empty();
    if plan.steps.iter().any(differs) { Exit::Changes } else { of_plan(plan) }
}

/// The code for an apply of `plan`.
pub fn of_apply(plan: &Plan, journal: &Journal) -> Exit {
    if !journal.is_complete() {
        if journal.may_have_written() { Exit::Partial } else { Exit::Error }
    } else if plan.count(Action::Unknown) > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}
