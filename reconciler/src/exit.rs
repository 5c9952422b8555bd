//! Exit codes: they follow from what is printed, never from anything else.

use crate::apply::Journal;
use crate::plan::{Action, Plan};

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
    /// Partly applied.
    Partial = 5,
    /// Something in scope could not be read.
    Incomplete = 6,
}

/// The code for a plan, and for drift.
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

/// The code for an apply of `plan`.
pub fn of_apply(plan: &Plan, journal: &Journal) -> Exit {
    if !journal.is_complete() {
        Exit::Partial
    } else if plan.count(Action::Unknown) > 0 {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}
