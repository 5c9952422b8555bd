//! Who fails to log in too often has to wait.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::barrier::View;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::mount::UserLockout;
use crate::core::response::Response;

/// Failures in a row before somebody is locked out, where the mount says nothing.
const THRESHOLD: u64 = 5;
/// How long somebody stays locked out, and after how long a failure is forgotten, where the mount says nothing.
const SECONDS: u64 = 15 * 60;
/// Requests whose failures are known by their ids, of one name: as many as may be under way for it at once.
const REMEMBERED: usize = 16;
/// From this many entries on, those whose time is over are dropped.
const CROWD: usize = 10_000;
/// Where those who are locked out are kept, by name: below the view of the mount.
const LOCKED_OUT: &str = "lockout/";

/// Failed logins of one mount by name.
///
/// They are counted in memory. Who has failed too often is kept in the storage of the mount as well, so that nobody is
/// let in by a restart.
#[derive(Clone, Default)]
pub struct Lockout(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Whether [`by_name`](Self::by_name) has what is stored.
    is_loaded: bool,
    by_name: HashMap<String, Failures>,
}

struct Failures {
    tally: Tally,
    /// Whether there is a record of it.
    is_stored: bool,
    /// The requests that failed last.
    requests: VecDeque<String>,
}

/// How often somebody has failed, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Tally {
    /// In a row.
    count: u64,
    /// When for the last time.
    last: Timestamp,
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

impl Tally {
    /// Whether it is too often, wherever lockouts are not disabled.
    fn is_locked_out(self, limits: UserLockout, now: Timestamp) -> bool {
        self.count >= or(limits.threshold, THRESHOLD) && self.age(now) < or(limits.duration, SECONDS)
    }

    fn is_forgotten(self, limits: UserLockout, now: Timestamp) -> bool {
        !self.is_locked_out(limits, now) && self.age(now) >= or(limits.counter_reset, SECONDS)
    }

    /// Seconds since the last one.
    fn age(self, now: Timestamp) -> u64 {
        u64::try_from(now.duration_since(self.last).as_secs()).unwrap_or_default()
    }
}

impl Failures {
    /// Whether `asked` was counted when its handler ran before.
    fn has_counted(&self, asked: Asked<'_>) -> bool {
        asked.is_repeated && self.requests.iter().any(|request| request == asked.request)
    }
}

fn or(seconds: u64, usual: u64) -> u64 {
    if seconds == 0 { usual } else { seconds }
}

fn key(name: &str) -> String {
    format!("{LOCKED_OUT}{name}")
}

impl Known {
    fn is_open(&self, name: &str, asked: Asked<'_>) -> bool {
        let is_locked = |entry: &Failures| {
            entry.tally.is_locked_out(asked.limits, asked.now) && !entry.has_counted(asked)
        };
        asked.limits.disable || !self.by_name.get(name).is_some_and(is_locked)
    }

    /// Counts a failure of `name`, once for each request. Answers what is to be stored if it is one too many.
    fn note(&mut self, name: &str, asked: Asked<'_>) -> Option<Tally> {
        let Asked { limits, now, request, .. } = asked;
        if self.by_name.len() >= CROWD {
            // What is stored stays known, so that the next login that is right deletes it.
            self.by_name.retain(|_, entry| entry.is_stored || !entry.tally.is_forgotten(limits, now));
        }
        let fresh =
            Failures { tally: Tally { count: 0, last: now }, is_stored: false, requests: VecDeque::new() };
        let entry = self.by_name.entry(name.to_owned()).or_insert(fresh);
        if !entry.has_counted(asked) {
            let before = if entry.tally.is_forgotten(limits, now) { 0 } else { entry.tally.count };
            entry.tally = Tally { count: before + 1, last: now };
            entry.requests.truncate(REMEMBERED - 1);
            entry.requests.push_front(request.to_owned());
        }
        entry.is_stored |= entry.tally.is_locked_out(limits, now);
        entry.tally.is_locked_out(limits, now).then_some(entry.tally)
    }
}

impl Lockout {
    /// Refuses `name` while it is locked out.
    ///
    /// # Errors
    /// 403, which does not tell the reason.
    pub(super) async fn require_open(&self, cx: &Context<'_>, name: &str) -> Result<(), Error> {
        self.load(&cx.view()).await?;
        if self.0.lock().is_open(name, Asked::of(cx)) { Ok(()) } else { Err(Error::permission_denied()) }
    }

    /// Refuses a login of `name` with `error`, and counts it: each request once, however often its handler runs.
    ///
    /// # Errors
    /// `error`, or what becomes of it once it is stored that `name` is locked out.
    pub(super) async fn refuse(&self, cx: &Context<'_>, name: &str, error: Error) -> Result<Response, Error> {
        let asked = Asked::of(cx);
        let noted = if asked.limits.disable { None } else { self.0.lock().note(name, asked) };
        let Some(tally) = noted else { return Err(error) };
        // Read, so that it and a login that is right do not pass each other.
        cx.view().get(&key(name)).await?;
        cx.view().put_json(&key(name), &tally)?;
        Ok(Response::refused(error))
    }

    /// Who is locked out of the mount that `view` is of, sorted.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub(crate) async fn locked_out(
        &self,
        view: &View<'_>,
        limits: UserLockout,
        now: Timestamp,
    ) -> Result<Vec<String>, Error> {
        self.load(view).await?;
        let known = self.0.lock();
        let locked = known.by_name.iter().filter(|(_, entry)| entry.tally.is_locked_out(limits, now));
        let mut names: Vec<String> = locked.map(|(name, _)| name.clone()).collect();
        names.sort();
        Ok(names)
    }

    /// Forgets the failures of `name` once the transaction of `view` is committed.
    ///
    /// # Errors
    /// Storage that cannot be read.
    pub(crate) async fn forget(&self, view: &View<'_>, name: &str) -> Result<(), Error> {
        self.load(view).await?;
        if !self.0.lock().by_name.contains_key(name) {
            return Ok(());
        }
        if view.get(&key(name)).await?.is_some() {
            view.delete(&key(name));
        }
        let (known, name) = (Arc::clone(&self.0), name.to_owned());
        view.transaction().after_commit(Box::new(move || {
            known.lock().by_name.remove(&name);
        }));
        Ok(())
    }

    /// As [`forget`](Self::forget), for the login of `cx`, which is right. Where lockouts are disabled it proves nothing
    /// about those who guess, and changes nothing.
    pub(super) async fn forget_after(&self, cx: &Context<'_>, name: &str) -> Result<(), Error> {
        if Asked::of(cx).limits.disable { Ok(()) } else { self.forget(&cx.view(), name).await }
    }

    /// Reads what is stored, once.
    async fn load(&self, view: &View<'_>) -> Result<(), Error> {
        if self.0.lock().is_loaded {
            return Ok(());
        }
        let mut stored = Vec::new();
        for key in view.scan_keys(LOCKED_OUT).await? {
            let tally: Option<Tally> = view.get_json(&key).await?;
            stored.extend(tally.map(|tally| (key[LOCKED_OUT.len()..].to_owned(), tally)));
        }
        let mut known = self.0.lock();
        // Whoever was faster may have changed some of it since.
        if !known.is_loaded {
            known.is_loaded = true;
            known.by_name.extend(
                stored.into_iter().map(|(name, tally)| {
                    (name, Failures { tally, is_stored: true, requests: VecDeque::new() })
                }),
            );
        }
        Ok(())
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
        let (mut known, limits) = (Known::default(), UserLockout { threshold: 2, ..UserLockout::default() });
        let first = asked(limits, 0);
        let again = Asked { is_repeated: true, ..first };
        known.note("ada", first);
        known.note("ada", again);
        assert!(known.is_open("ada", first));
        let second = Asked { request: "other", ..first };
        known.note("ada", second);
        assert!(!known.is_open("ada", first));
        // Which is what it was told when it ran first.
        assert!(known.is_open("ada", Asked { is_repeated: true, ..second }));
    }

    /// Failures at `failures` (minutes); then whether a login at `then` is let in.
    #[track_caller]
    fn check(limits: UserLockout, failures: &[i64], then: i64, is_open: bool) {
        let mut known = Known::default();
        for minute in failures {
            known.note("ada", asked(limits, *minute));
        }
        assert_eq!(known.is_open("ada", asked(limits, then)), is_open);
        assert!(known.is_open("bob", asked(limits, then)));
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
        let short = UserLockout { duration: 60, ..UserLockout::default() };
        check(short, &[0; 5], 1, true);
        // The failures before are not forgotten yet.
        check(short, &[0, 0, 0, 0, 0, 2], 2, false);
        check(UserLockout { duration: 3600, ..UserLockout::default() }, &[0; 5], 30, false);
        check(UserLockout { counter_reset: 60, ..UserLockout::default() }, &[0, 0, 0, 0, 1], 1, true);
        check(UserLockout { disable: true, ..UserLockout::default() }, &[0; 9], 0, true);
    }
}
