//! A bound on the work of one configuration, so that a short text cannot fill memory.

use std::cell::Cell;

use crate::value::Val;

/// Values and bytes that the expressions of one configuration may make. A stack of ten thousand objects uses
/// about a twentieth of it.
const UNITS: u64 = 10_000_000;

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Cell::new(UNITS))
    }

    /// Takes `units`; false if there are not as many left.
    pub(crate) fn take(&self, units: u64) -> bool {
        let left = self.0.get().checked_sub(units);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Takes what `value` weighs.
    pub(crate) fn weigh(&self, value: &Val) -> bool {
        self.take(weight(value))
    }
}

/// How many values and bytes it holds.
fn weight(value: &Val) -> u64 {
    match value {
        Val::String(text) => 1 + text.len() as u64,
        Val::List(items) => 1 + items.iter().map(weight).sum::<u64>(),
        Val::Map(entries) => {
            1 + entries.iter().map(|(key, value)| key.len() as u64 + weight(value)).sum::<u64>()
        }
        _ => 1,
    }
}
