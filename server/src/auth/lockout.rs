//! Who fails to log in too often has to wait.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::core::context::Context;
use crate::core::error::Error;

/// Failures in a row before somebody is locked out.
const THRESHOLD: u32 = 5;
/// How long somebody stays locked out, and after how long a failure is forgotten.
const DURATION: SignedDuration = SignedDuration::from_mins(15);
/// From this many entries on, those whose time is over are dropped.
const CROWD: usize = 10_000;

/// Failed logins of one mount by name, in memory: a restart forgets them.
#[derive(Clone, Default)]
pub(super) struct Lockout(Arc<Mutex<HashMap<String, Failures>>>);

struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.last) >= DURATION
    }
}

impl Lockout {
    /// Refuses `name` while it is locked out.
    ///
    /// # Errors
    /// 403, which does not tell the reason.
    pub(super) fn require_open(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let failures = self.0.lock();
        match failures.get(name) {
            Some(entry) if entry.count >= THRESHOLD && !entry.is_over(now) => Err(Error::permission_denied()),
            _ => Ok(()),
        }
    }

    /// Counts a failure of `name`.
    pub(super) fn note_failure(&self, name: &str, now: Timestamp) {
        let mut failures = self.0.lock();
        if failures.len() >= CROWD {
            failures.retain(|_, entry| !entry.is_over(now));
        }
        let entry = failures.entry(name.to_owned()).or_insert(Failures { count: 0, last: now });
        if entry.is_over(now) {
            entry.count = 0;
        }
        entry.count += 1;
        entry.last = now;
    }

    /// Forgets the failures of `name` once the login of `cx` is committed.
    pub(super) fn forget_after(&self, cx: &Context<'_>, name: &str) {
        if !self.0.lock().contains_key(name) {
            return;
        }
        let (failures, name) = (Arc::clone(&self.0), name.to_owned());
        cx.transaction().after_commit(Box::new(move || {
            failures.lock().remove(&name);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn five_failures_lock_out_for_a_quarter_of_an_hour() {
        let lockout = Lockout::default();
        for _ in 0..4 {
            lockout.note_failure("ada", at(0));
        }
        assert!(lockout.require_open("ada", at(0)).is_ok());
        lockout.note_failure("ada", at(1));
        assert_eq!(lockout.require_open("ada", at(2)).expect_err("locked").status(), 403);
        assert!(lockout.require_open("bob", at(2)).is_ok());
        assert!(lockout.require_open("ada", at(16)).is_ok());
    }

    #[test]
    fn old_failures_do_not_count() {
        let lockout = Lockout::default();
        for _ in 0..4 {
            lockout.note_failure("ada", at(0));
        }
        lockout.note_failure("ada", at(15));
        assert!(lockout.require_open("ada", at(15)).is_ok());
    }
}
