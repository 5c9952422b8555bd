//! Who fails to log in too often has to wait.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::mount::UserLockout;

/// Failures in a row before somebody is locked out, where the mount says nothing.
const THRESHOLD: u64 = 5;
/// How long somebody stays locked out, and after how long a failure is forgotten, where the mount says nothing.
const SECONDS: u64 = 15 * 60;
/// From this many entries on, those whose time is over are dropped.
const CROWD: usize = 10_000;

/// Failed logins of one mount by name, in memory: a restart forgets them.
#[derive(Clone, Default)]
pub struct Lockout(Arc<Mutex<HashMap<String, Failures>>>);

struct Failures {
    count: u64,
    last: Timestamp,
}

impl Failures {
    /// Whether somebody with these failures has to wait.
    fn lock(&self, limits: UserLockout, now: Timestamp) -> bool {
        !limits.disable
            && self.count >= or(limits.threshold, THRESHOLD)
            && self.age(now) < or(limits.duration, SECONDS)
    }

    fn is_forgotten(&self, limits: UserLockout, now: Timestamp) -> bool {
        !self.lock(limits, now) && self.age(now) >= or(limits.counter_reset, SECONDS)
    }

    /// Seconds since the last one.
    fn age(&self, now: Timestamp) -> u64 {
        u64::try_from(now.duration_since(self.last).as_secs()).unwrap_or_default()
    }
}

fn or(seconds: u64, usual: u64) -> u64 {
    if seconds == 0 { usual } else { seconds }
}

/// The limits of the mount of `cx`.
pub(super) fn limits(cx: &Context<'_>) -> UserLockout {
    cx.mount().entry.config.user_lockout.unwrap_or_default()
}

impl Lockout {
    /// Refuses `name` while it is locked out.
    ///
    /// # Errors
    /// 403, which does not tell the reason.
    pub(super) fn require_open(&self, name: &str, limits: UserLockout, now: Timestamp) -> Result<(), Error> {
        let failures = self.0.lock();
        match failures.get(name) {
            Some(entry) if entry.lock(limits, now) => Err(Error::permission_denied()),
            _ => Ok(()),
        }
    }

    /// Counts a failure of `name`.
    pub(super) fn note_failure(&self, name: &str, limits: UserLockout, now: Timestamp) {
        let mut failures = self.0.lock();
        if failures.len() >= CROWD {
            failures.retain(|_, entry| !entry.is_forgotten(limits, now));
        }
        let entry = failures.entry(name.to_owned()).or_insert(Failures { count: 0, last: now });
        let was_locked_out = entry.count >= or(limits.threshold, THRESHOLD) && !entry.lock(limits, now);
        if was_locked_out || entry.is_forgotten(limits, now) {
            entry.count = 0;
        }
        entry.count += 1;
        entry.last = now;
    }

    /// Who is locked out, sorted.
    pub(crate) fn locked_out(&self, limits: UserLockout, now: Timestamp) -> Vec<String> {
        let failures = self.0.lock();
        let locked = failures.iter().filter(|(_, entry)| entry.lock(limits, now));
        let mut names: Vec<String> = locked.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Forgets the failures of `name`.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().remove(name);
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
    use jiff::SignedDuration;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    /// Failures at `failures` (minutes); then whether a login at `then` is let in.
    #[track_caller]
    fn check(limits: UserLockout, failures: &[i64], then: i64, is_open: bool) {
        let lockout = Lockout::default();
        for minute in failures {
            lockout.note_failure("ada", limits, at(*minute));
        }
        let answer = lockout.require_open("ada", limits, at(then));
        assert_eq!(answer.map_err(|error| error.status().as_u16()), if is_open { Ok(()) } else { Err(403) });
        assert!(lockout.require_open("bob", limits, at(then)).is_ok());
    }

    #[test]
    fn five_failures_lock_out_for_a_quarter_of_an_hour() {
        let usual = UserLockout::default();
        check(usual, &[0, 0, 0, 0], 0, true);
        check(usual, &[0, 0, 0, 0, 1], 2, false);
        check(usual, &[0, 0, 0, 0, 1], 16, true);
    }

    #[test]
    fn old_failures_do_not_count() {
        check(UserLockout::default(), &[0, 0, 0, 0, 15], 15, true);
        check(UserLockout::default(), &[0, 0, 0, 0, 0, 15], 15, true);
    }

    #[test]
    fn a_mount_sets_its_own_limits() {
        check(UserLockout { threshold: 2, ..UserLockout::default() }, &[0, 0], 0, false);
        check(UserLockout { duration: 60, ..UserLockout::default() }, &[0; 5], 1, true);
        check(UserLockout { duration: 3600, ..UserLockout::default() }, &[0; 5], 30, false);
        check(UserLockout { counter_reset: 60, ..UserLockout::default() }, &[0, 0, 0, 0, 1], 1, true);
        check(UserLockout { disable: true, ..UserLockout::default() }, &[0; 9], 0, true);
    }
}
