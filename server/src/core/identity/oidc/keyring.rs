//! Named keys as they are stored: the pair that signs, the one that comes next, and all public halves that verify.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::record::{DEFAULT, EVERY_CLIENT};
use super::signing::SigningKey;
use super::store::{self, Record};
use super::wire::Jwk;
use crate::barrier::CommitError;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::namespace::Namespace;
use crate::core::state::{Core, namespace_key};
use crate::core::token::Surroundings as _;

/// What periods are without being told.
pub(super) const DAY: u64 = 24 * 3600;

/// A named key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) algorithm: Algorithm,
    /// Seconds.
    pub(super) rotation_period: u64,
    /// Seconds that a public half is shown after its private one has signed for the last time.
    pub(super) verification_ttl: u64,
    /// Who may have tokens signed by it.
    pub(super) allowed_client_ids: Vec<String>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    next_rotation: Option<Timestamp>,
    ring: Vec<PublicHalf>,
    /// `None` before it is needed: the key that every namespace has is mostly not.
    signing: Option<SigningKey>,
    next: Option<SigningKey>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PublicHalf {
    jwk: Jwk,
    #[serde(default, with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    expires_at: Option<Timestamp>,
}

impl Record for KeyRecord {
    const FOLDER: &'static str = "key";

    fn built_in() -> Option<(&'static str, Self)> {
        let key = Self { allowed_client_ids: vec![EVERY_CLIENT.to_owned()], ..Self::new(Algorithm::Rs256) };
        Some((DEFAULT, key))
    }
}

impl KeyRecord {
    /// A key without any pair yet.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            rotation_period: DAY,
            verification_ttl: DAY,
            allowed_client_ids: Vec::new(),
            next_rotation: None,
            ring: Vec::new(),
            signing: None,
            next: None,
        }
    }

    /// Whether it has no pair yet.
    pub(super) fn is_empty(&self) -> bool {
        self.signing.is_none()
    }

    /// Makes new pairs: the first ones, or for another algorithm. What the former ones have signed is verified for its
    /// time (OpenBao never forgets them).
    pub(super) async fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        let end = after(now, self.verification_ttl);
        for half in self.ring.iter_mut().filter(|half| half.expires_at.is_none()) {
            half.expires_at = Some(end);
        }
        self.signing = Some(self.generate().await?);
        self.next = Some(self.generate().await?);
        self.schedule(now);
        Ok(())
    }

    /// Lets the next pair sign. The former one is verified by for `verification_ttl` seconds more.
    pub(super) async fn rotate(&mut self, verification_ttl: u64, now: Timestamp) -> Result<(), Error> {
        let next = match self.next.take() {
            Some(next) => next,
            None => self.generate().await?,
        };
        if let Some(former) = self.signing.replace(next) {
            let end = after(now, verification_ttl);
            let halves = self.ring.iter_mut().filter(|half| half.jwk.kid == former.id);
            halves.for_each(|half| half.expires_at = Some(end));
        }
        self.next = Some(self.generate().await?);
        self.next_rotation = Some(after(now, self.rotation_period));
        self.ring.retain(|half| half.verifies(now));
        Ok(())
    }

    async fn generate(&mut self) -> Result<SigningKey, Error> {
        let (key, jwk) = SigningKey::generate(self.algorithm).await?;
        self.ring.push(PublicHalf { jwk, expires_at: None });
        Ok(key)
    }

    /// Brings the next rotation nearer, if the period was shortened.
    pub(super) fn schedule(&mut self, now: Timestamp) {
        let end = after(now, self.rotation_period);
        self.next_rotation = Some(self.next_rotation.map_or(end, |known| known.min(end)));
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.signing.is_some() && self.next_rotation.is_some_and(|end| end <= now)
    }

    /// The pair that signs.
    ///
    /// # Errors
    /// If there is none: nothing has needed it yet.
    pub(super) fn signing(&self) -> Result<&SigningKey, Error> {
        self.signing.as_ref().ok_or_else(|| Error::internal("a key that signs has no pair"))
    }

    /// The public halves that verify now.
    pub(super) fn public(&self, now: Timestamp) -> impl Iterator<Item = &Jwk> {
        self.ring.iter().filter(move |half| half.verifies(now)).map(|half| &half.jwk)
    }
}

impl PublicHalf {
    fn verifies(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

fn after(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(seconds).unwrap_or(Timestamp::MAX)
}

/// The key `name`, rotated if its time has come.
pub(super) async fn current(cx: &Context<'_>, name: &str) -> Result<Option<KeyRecord>, Error> {
    let store = Store::of(cx);
    let key = store::load::<KeyRecord>(&store, name).await?;
    match key {
        Some(key) => rotated(&store, name, key, cx.now()).await.map(|(key, _)| Some(key)),
        None => Ok(None),
    }
}

/// `key`, rotated if its time has come; tells whether it was.
async fn rotated(
    store: &Store<'_>,
    name: &str,
    mut key: KeyRecord,
    now: Timestamp,
) -> Result<(KeyRecord, bool), Error> {
    let is_due = key.is_due(now) && is_there(store).await?;
    if is_due {
        key.rotate(key.verification_ttl, now).await?;
        store::save(store, name, &key)?;
    }
    Ok((key, is_due))
}

/// Whether the namespace is still there. The commit fails if it goes before: nothing may be written behind it.
async fn is_there(store: &Store<'_>) -> Result<bool, Error> {
    let namespace = store.namespace;
    Ok(namespace.is_root() || store.transaction.get(&namespace_key(namespace)).await?.is_some())
}

impl Core {
    /// Rotates the keys of identity tokens whose time has come, also where nobody asks for them. One that cannot be
    /// rotated keeps no other from it.
    ///
    /// # Errors
    /// If the server is sealed, or a key could not be rotated.
    pub(crate) async fn rotate_identity_keys_when_due(&self) -> Result<(), Error> {
        let mut failures = 0_usize;
        for namespace in self.namespaces() {
            let transaction = self.barrier.begin();
            let store = Store::new(&transaction, &namespace, &self.identities);
            for name in store.ids("oidc/key/").await? {
                let Err(error) = self.rotate_identity_key_when_due(&namespace, &name).await else { continue };
                if self.barrier.is_sealed() {
                    return Err(error);
                }
                let path = &namespace.path;
                tracing::error!(namespace = %path, key = %name, "a key of identity tokens is not rotated: {error}");
                failures += 1;
            }
        }
        match failures {
            0 => Ok(()),
            _ => {
                Err(Error::internal(format_args!("{failures} keys of identity tokens could not be rotated")))
            }
        }
    }

    async fn rotate_identity_key_when_due(&self, namespace: &Namespace, name: &str) -> Result<(), Error> {
        let transaction = self.barrier.begin();
        let store = Store::new(&transaction, namespace, &self.identities);
        let Some(key) = store::load::<KeyRecord>(&store, name).await? else { return Ok(()) };
        if !rotated(&store, name, key, self.clock.now()).await?.1 {
            return Ok(());
        }
        match transaction.commit().await {
            // Somebody else has changed it; the next time will tell.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
