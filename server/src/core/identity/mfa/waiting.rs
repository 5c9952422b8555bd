//! Logins that wait for second factors, and what guards the factors: in memory alone, as tokens are not made yet.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use crate::barrier::Transaction;
use crate::core::response::AuthGrant;
use crate::engines::totp::Fingerprint;

/// How long a login waits.
const LIFETIME: SignedDuration = SignedDuration::from_secs(300);
/// Logins that wait at most; those that came first go.
const CAPACITY: usize = 100_000;

/// A login that waits.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) grant: AuthGrant,
    /// The request path of the login.
    pub(super) path: String,
    /// Accessor of its mount: another one at the same path knows nothing of who has logged in here.
    pub(super) accessor: String,
    /// Id of the namespace.
    pub(super) namespace: String,
    /// Id of the entity.
    pub(super) entity: String,
    pub(super) since: Timestamp,
    /// Id of the request that proves it at this moment: no other may.
    pub(super) claimed_by: Option<String>,
}

/// All logins that wait; passcodes that were used; and attempts that failed.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    logins: Mutex<HashMap<String, Login>>,
    used: Mutex<HashMap<Used, (Timestamp, String)>>,
    attempts: Mutex<HashMap<Factor, Attempts>>,
    checking: Mutex<()>,
}

/// What is asked for: a method, of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Factor {
    pub(super) method: String,
    pub(super) entity: String,
}

/// A time step of a secret whose passcode was used. Of the secret, not of who has it: a new one has used nothing, and one
/// that goes with its entity into another takes with it what it has used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Used {
    pub(super) method: String,
    pub(super) secret: Fingerprint,
    pub(super) counter: u64,
}

#[derive(Debug)]
struct Attempts {
    count: u64,
    until: Timestamp,
    last: String,
}

impl Waiting {
    /// Lets `login` wait under `id` once `transaction` is committed.
    pub(super) fn add_after(waiting: &Arc<Self>, transaction: &Transaction, id: String, login: Login) {
        let waiting = Arc::clone(waiting);
        transaction.after_commit(Box::new(move || waiting.add(id, login)));
    }

    fn add(&self, id: String, login: Login) {
        let mut logins = self.logins.lock();
        if logins.len() >= CAPACITY {
            logins.retain(|_, known| login.since.duration_since(known.since) < LIFETIME);
        }
        if logins.len() >= CAPACITY {
            // The first of who asks for more; of who has none, the first of all.
            let first = |known: &(&String, &Login)| known.1.since;
            let own = logins.iter().filter(|(_, known)| known.entity == login.entity);
            let first = own.min_by_key(first).or_else(|| logins.iter().min_by_key(first));
            let first = first.map(|(id, _)| id.clone());
            first.map(|first| logins.remove(&first));
        }
        logins.insert(id, login);
    }

    /// The login `id`, for `request` alone until it [releases](Self::release) it.
    pub(super) fn claim(&self, id: &str, request: &str, now: Timestamp) -> Option<Login> {
        let mut logins = self.logins.lock();
        let login = logins.get_mut(id)?;
        if now.duration_since(login.since) >= LIFETIME {
            logins.remove(id);
            return None;
        }
        // A handler runs again after a conflict: the same request may claim twice.
        if login.claimed_by.as_ref().is_some_and(|other| other != request) {
            return None;
        }
        login.claimed_by = Some(request.to_owned());
        Some(login.clone())
    }

    /// Gives the login `id` back after a failure.
    pub(super) fn release(&self, id: &str) {
        if let Some(login) = self.logins.lock().get_mut(id) {
            login.claimed_by = None;
        }
    }

    /// Ends the wait of `id`, whose token is made by `transaction`.
    pub(super) fn remove_after(waiting: &Arc<Self>, transaction: &Transaction, id: String) {
        let waiting = Arc::clone(waiting);
        transaction.after_commit(Box::new(move || drop(waiting.logins.lock().remove(&id))));
    }

    /// Until it is dropped, nobody else looks whether a passcode was used, and then uses it.
    pub(super) fn check_alone(&self) -> MutexGuard<'_, ()> {
        self.checking.lock()
    }

    /// Whether another request than `request` has used the time step.
    pub(super) fn is_used(&self, used: &Used, request: &str, now: Timestamp) -> bool {
        let known = self.used.lock();
        known.get(used).is_some_and(|(until, holder)| now < *until && holder != request)
    }

    /// Counts an attempt of `request` at `factor`; answers how many there were within `period` seconds.
    pub(super) fn attempt(&self, factor: &Factor, request: &str, period: u64, now: Timestamp) -> u64 {
        let mut attempts = self.attempts.lock();
        attempts.retain(|_, known| now < known.until);
        let until = after(now, period);
        let known =
            attempts.entry(factor.clone()).or_insert(Attempts { count: 0, until, last: String::new() });
        if known.last != request {
            known.count += 1;
            request.clone_into(&mut known.last);
        }
        known.count
    }

    /// Forgets the attempts at `factor`.
    pub(super) fn succeed(&self, factor: &Factor) {
        self.attempts.lock().remove(factor);
    }

    /// Uses up a time step for `request` for `period` seconds; false if another request has used it.
    pub(super) fn use_up(&self, used: Used, request: &str, period: u64, now: Timestamp) -> bool {
        let mut known = self.used.lock();
        known.retain(|_, (until, _)| now < *until);
        let (_, holder) = known.entry(used).or_insert_with(|| (after(now, period), request.to_owned()));
        holder == request
    }

    /// Forgets the logins of the namespaces with these ids, for sealing them.
    pub(crate) fn forget_namespaces(&self, ids: &BTreeSet<String>) {
        self.logins.lock().retain(|_, login| !ids.contains(&login.namespace));
    }

    /// Forgets everything, for sealing.
    pub(crate) fn clear(&self) {
        self.logins.lock().clear();
        self.used.lock().clear();
        self.attempts.lock().clear();
    }
}

fn after(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    fn used(key: &str) -> Used {
        Used { method: "m".to_owned(), secret: Fingerprint::of(key), counter: 7 }
    }

    fn factor() -> Factor {
        Factor { method: "m".to_owned(), entity: "e".to_owned() }
    }

    #[test]
    fn a_passcode_is_used_by_one_request() {
        let waiting = Waiting::default();
        let used = || used("a");
        assert!(waiting.use_up(used(), "one", 90, moment(0)));
        assert!(waiting.use_up(used(), "one", 90, moment(1)), "a handler runs again");
        assert!(!waiting.use_up(used(), "two", 90, moment(2)));
        assert!(!waiting.is_used(&used(), "one", moment(2)) && waiting.is_used(&used(), "two", moment(2)));
        assert!(!waiting.is_used(&used(), "two", moment(90)));
        assert!(waiting.use_up(used(), "two", 90, moment(90)));
    }

    #[test]
    fn a_new_secret_has_used_nothing() {
        let waiting = Waiting::default();
        assert!(waiting.use_up(used("a"), "one", 90, moment(0)));
        assert!(!waiting.is_used(&used("b"), "two", moment(1)));
        assert!(
            waiting.use_up(used("b"), "two", 90, moment(1)) && waiting.is_used(&used("a"), "two", moment(1))
        );
    }

    #[test]
    fn attempts_count_once_a_request_and_are_forgotten() {
        let waiting = Waiting::default();
        assert_eq!(waiting.attempt(&factor(), "one", 30, moment(0)), 1);
        assert_eq!(waiting.attempt(&factor(), "one", 30, moment(0)), 1);
        assert_eq!(waiting.attempt(&factor(), "two", 30, moment(1)), 2);
        assert_eq!(waiting.attempt(&factor(), "three", 30, moment(30)), 1);
        waiting.succeed(&factor());
        assert_eq!(waiting.attempt(&factor(), "four", 30, moment(31)), 1);
    }

    #[test]
    fn a_login_waits_for_one_request_and_not_for_ever() {
        let waiting = Waiting::default();
        let login = Login {
            grant: AuthGrant::default(),
            path: String::new(),
            accessor: String::new(),
            namespace: String::new(),
            entity: String::new(),
            since: moment(0),
            claimed_by: None,
        };
        waiting.add("id".to_owned(), login);
        assert!(waiting.claim("id", "one", moment(1)).is_some());
        assert!(waiting.claim("id", "two", moment(1)).is_none());
        waiting.release("id");
        assert!(waiting.claim("id", "two", moment(299)).is_some());
        assert!(waiting.claim("id", "two", moment(300)).is_none());
    }
}
