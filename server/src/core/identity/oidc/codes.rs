//! Codes that were given out: in memory alone, for minutes, and good once.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::pkce::Challenge;

/// How long a code is good.
const LIFETIME: SignedDuration = SignedDuration::from_secs(300);
/// Codes that are kept at most. Beyond, the first of who asks for more goes; of who has none, the first of all.
const CAPACITY: usize = 100_000;

/// What a code is given out for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Id of the namespace.
    pub(super) namespace: String,
    /// Name of the provider.
    pub(super) provider: String,
    pub(super) client_id: String,
    /// Who has signed in.
    pub(super) entity_id: String,
    pub(super) redirect_uri: String,
    /// Empty for none.
    pub(super) nonce: String,
    pub(super) scopes: Vec<String>,
    /// When they proved who they are, if the client wants to know.
    pub(super) auth_time: Option<i64>,
    pub(super) challenge: Option<Challenge>,
}

#[derive(Debug)]
struct Kept {
    grant: Grant,
    since: Timestamp,
    /// Id of the request that has used it.
    used_by: Option<String>,
}

/// All codes that are good, by their hash.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<[u8; 32], Kept>>);

impl Codes {
    /// Makes `code` good for `grant`.
    pub(super) fn add(&self, code: &str, grant: Grant, now: Timestamp) {
        let mut codes = self.0.lock();
        if codes.len() >= CAPACITY {
            codes.retain(|_, kept| is_good(kept, now));
        }
        if codes.len() >= CAPACITY {
            let first = |kept: &(&[u8; 32], &Kept)| kept.1.since;
            let own = codes.iter().filter(|(_, kept)| kept.grant.entity_id == grant.entity_id);
            let first =
                own.min_by_key(first).or_else(|| codes.iter().min_by_key(first)).map(|(hash, _)| *hash);
            first.map(|first| codes.remove(&first));
        }
        codes.insert(hash(code), Kept { grant, since: now, used_by: None });
    }

    /// What `code` is good for in `namespace`. It is used up by that, for all but `request`, whose handler may run
    /// again.
    pub(super) fn take(&self, code: &str, namespace: &str, request: &str, now: Timestamp) -> Option<Grant> {
        let mut codes = self.0.lock();
        let kept = codes.get_mut(&hash(code)).filter(|kept| kept.grant.namespace == namespace)?;
        let is_free = kept.used_by.as_deref().is_none_or(|user| user == request);
        if !is_free || !is_good(kept, now) {
            return None;
        }
        kept.used_by = Some(request.to_owned());
        Some(kept.grant.clone())
    }

    /// Forgets the codes of the namespaces with these ids, for sealing them.
    pub(crate) fn forget_namespaces(&self, ids: &BTreeSet<String>) {
        self.0.lock().retain(|_, kept| !ids.contains(&kept.grant.namespace));
    }

    /// Forgets all codes, for sealing.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

fn is_good(kept: &Kept, now: Timestamp) -> bool {
    now.duration_since(kept.since) < LIFETIME
}

fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            namespace: "root".to_owned(),
            provider: "p".to_owned(),
            client_id: "c".to_owned(),
            entity_id: "e".to_owned(),
            redirect_uri: "https://app.example".to_owned(),
            nonce: String::new(),
            scopes: Vec::new(),
            auth_time: None,
            challenge: None,
        }
    }

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    #[test]
    fn a_code_is_good_once() {
        let codes = Codes::default();
        codes.add("code", grant(), moment(0));
        assert!(codes.take("other", "root", "one", moment(1)).is_none());
        assert!(codes.take("code", "root", "one", moment(1)).is_some());
        assert!(codes.take("code", "root", "one", moment(1)).is_some(), "a handler runs again");
        assert!(codes.take("code", "root", "two", moment(1)).is_none());
    }

    #[test]
    fn a_code_is_good_in_its_namespace_and_not_for_ever() {
        let codes = Codes::default();
        codes.add("code", grant(), moment(0));
        assert!(codes.take("code", "team", "one", moment(1)).is_none());
        assert!(codes.take("code", "root", "one", moment(300)).is_none());
        assert!(codes.take("code", "root", "one", moment(299)).is_some());
    }

    #[test]
    fn there_are_not_more_codes_than_there_is_room_for() {
        let codes = Codes::default();
        for index in 0..=CAPACITY {
            codes.add(&index.to_string(), grant(), moment(0));
        }
        assert_eq!(codes.0.lock().len(), CAPACITY);
    }
}
