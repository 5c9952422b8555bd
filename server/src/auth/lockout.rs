//! Who fails to log in too often has to wait.

use std::collections::{HashMap, VecDeque};
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
/// Requests whose failures are known by their ids, of one name: as many as may be under way for it at once.
const REMEMBERED: usize = 16;
/// From this many entries on, those whose time is over are dropped.
const CROWD: usize = 10_000;

/// Failed logins of one mount by name, in memory: a restart forgets them.
#[derive(Clone, Default)]
pub struct Lockout(Arc<Mutex<HashMap<String, Failures>>>);

struct Failures {
    count: u64,
    last: Timestamp,
    /// The requests that failed last.
    requests: VecDeque<String>,
}

/// What a login is looked at with.
#[derive(Clone, Copy)]
struct Asked<'a> {
    limits: UserLockout,
    now: Timestamp,
    /// Id of the request.
    request: &'a str,
    /// Whether its handler has run before: others came in between.
    is_repeated: bool,
}

impl<'a> Asked<'a> {
    fn of(cx: &'a Context<'_>) -> Self {
        let limits = cx.mount().entry.config.user_lockout.unwrap_or_default();
        Self { limits, now: cx.now(), request: &cx.request().id, is_repeated: cx.is_repeated }
    }
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

    /// Whether `asked` was counted when its handler ran before.
    fn has_counted(&self, asked: Asked<'_>) -> bool {
        asked.is_repeated && self.requests.iter().any(|request| request == asked.request)
    }

    /// Seconds since the last one.
    fn age(&self, now: Timestamp) -> u64 {
        u64::try_from(now.duration_since(self.last).as_secs()).unwrap_or_default()
    }
}

fn or(seconds: u64, usual: u64) -> u64 {
    if seconds == 0 { usual } else { seconds }
}

impl Lockout {
    /// Refuses `name` while it is locked out.
    ///
    /// # Errors
    /// 403, which does not tell the reason.
    pub(super) fn require_open(&self, cx: &Context<'_>, name: &str) -> Result<(), Error> {
        if self.is_open(name, Asked::of(cx)) { Ok(()) } else { Err(Error::permission_denied()) }
    }

    fn is_open(&self, name: &str, asked: Asked<'_>) -> bool {
        let failures = self.0.lock();
        let is_locked = |entry: &Failures| entry.lock(asked.limits, asked.now) && !entry.has_counted(asked);
        !failures.get(name).is_some_and(is_locked)
    }

    /// Counts a failure of `name`: each request once, however often its handler runs.
    pub(super) fn note_failure(&self, cx: &Context<'_>, name: &str) {
        self.note(name, Asked::of(cx));
    }

    fn note(&self, name: &str, asked: Asked<'_>) {
        let Asked { limits, now, request, .. } = asked;
        let mut failures = self.0.lock();
        if failures.len() >= CROWD {
            failures.retain(|_, entry| !entry.is_forgotten(limits, now));
        }
        let fresh = Failures { count: 0, last: now, requests: VecDeque::new() };
        let entry = failures.entry(name.to_owned()).or_insert(fresh);
        if entry.has_counted(asked) {
            return;
        }
        let was_locked_out = entry.count >= or(limits.threshold, THRESHOLD) && !entry.lock(limits, now);
        if was_locked_out || entry.is_forgotten(limits, now) {
            entry.count = 0;
        }
        entry.count += 1;
        entry.last = now;
        entry.requests.truncate(REMEMBERED - 1);
        entry.requests.push_front(request.to_owned());
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

    fn asked(limits: UserLockout, minute: i64) -> Asked<'static> {
        Asked { limits, now: at(minute), request: "id", is_repeated: false }
    }

    #[test]
    fn a_request_whose_handler_runs_again_counts_once() {
        let (lockout, limits) = (Lockout::default(), UserLockout { threshold: 2, ..UserLockout::default() });
        let first = asked(limits, 0);
        let again = Asked { is_repeated: true, ..first };
        lockout.note("ada", first);
        lockout.note("ada", again);
        assert!(lockout.is_open("ada", first));
        let second = Asked { request: "other", ..first };
        lockout.note("ada", second);
        assert!(!lockout.is_open("ada", first));
        // Which is what it was told when it ran first.
        assert!(lockout.is_open("ada", Asked { is_repeated: true, ..second }));
    }

    /// Failures at `failures` (minutes); then whether a login at `then` is let in.
    #[track_caller]
    fn check(limits: UserLockout, failures: &[i64], then: i64, is_open: bool) {
        let lockout = Lockout::default();
        for minute in failures {
            lockout.note("ada", asked(limits, *minute));
        }
        assert_eq!(lockout.is_open("ada", asked(limits, then)), is_open);
        assert!(lockout.is_open("bob", asked(limits, then)));
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
