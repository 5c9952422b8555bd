//! Named keys as they are stored: the pair that signs, the one that comes next, and all public halves that verify.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::pairs::{Rotating, Supply};
use super::record::{DEFAULT, EVERY_CLIENT};
use super::signing::{Pair, SigningKey};
use super::store::{self, Record};
use super::wire::Jwk;
use crate::barrier::{Claim, CommitError};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::namespace::Namespace;
use crate::core::state::{Core, namespace_key};
use crate::core::token::Surroundings as _;

/// What periods are without being told.
pub(super) const DAY: u64 = 24 * 3600;
/// How often a rotation gives way to others who change the key.
const ATTEMPTS: usize = 8;

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

    /// Takes new pairs: the first ones, or for another algorithm. What the former ones have signed is verified for its
    /// time (OpenBao never forgets them).
    pub(super) async fn renew(&mut self, supply: &mut Supply<'_>, now: Timestamp) -> Result<(), Error> {
        let end = after(now, self.verification_ttl);
        for half in self.ring.iter_mut().filter(|half| half.expires_at.is_none()) {
            half.expires_at = Some(end);
        }
        self.signing = Some(self.publish(supply.take(self.algorithm).await?));
        self.next = Some(self.publish(supply.take(self.algorithm).await?));
        self.schedule(now);
        Ok(())
    }

    /// Lets the next pair sign, and takes another one that comes next.
    pub(super) async fn rotate(
        &mut self,
        supply: &mut Supply<'_>,
        verification_ttl: u64,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.replenish(supply).await?;
        self.advance(verification_ttl, now);
        self.replenish(supply).await
    }

    /// Does what its time has come for, as [`lags`](Self::lags) tells. A pair that nobody could know before does not
    /// sign yet.
    async fn catch_up(&mut self, supply: &mut Supply<'_>, now: Timestamp) -> Result<(), Error> {
        if self.is_due(now) {
            self.advance(self.verification_ttl, now);
        }
        self.replenish(supply).await
    }

    /// Lets the next pair sign, if there is one; tells whether there was. The former one is verified by for
    /// `verification_ttl` seconds more.
    fn advance(&mut self, verification_ttl: u64, now: Timestamp) -> bool {
        let Some(next) = self.next.take() else { return false };
        if let Some(former) = self.signing.replace(next) {
            let end = after(now, verification_ttl);
            let halves = self.ring.iter_mut().filter(|half| half.jwk.kid == former.id);
            halves.for_each(|half| half.expires_at = Some(end));
        }
        self.next_rotation = Some(after(now, self.rotation_period));
        self.ring.retain(|half| half.verifies(now));
        true
    }

    /// Takes the pair that comes next, if there is none.
    async fn replenish(&mut self, supply: &mut Supply<'_>) -> Result<(), Error> {
        if self.next.is_none() {
            self.next = Some(self.publish(supply.take(self.algorithm).await?));
        }
        Ok(())
    }

    fn publish(&mut self, pair: Pair) -> SigningKey {
        self.ring.push(PublicHalf { jwk: pair.public, expires_at: None });
        pair.key
    }

    /// Brings the next rotation nearer, if the period was shortened.
    pub(super) fn schedule(&mut self, now: Timestamp) {
        let end = after(now, self.rotation_period);
        self.next_rotation = Some(self.next_rotation.map_or(end, |known| known.min(end)));
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.signing.is_some() && self.next_rotation.is_some_and(|end| end <= now)
    }

    /// Whether it waits for a rotation, or for the pair that comes next.
    fn lags(&self, now: Timestamp) -> bool {
        self.is_due(now) || (self.signing.is_some() && self.next.is_none())
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

/// The key `name` as it is stored. If its time has come, it is rotated beside the request, which waits for nothing.
pub(super) async fn published(cx: &Context<'_>, name: &str) -> Result<Option<KeyRecord>, Error> {
    let store = Store::of(cx);
    let key = store::load::<KeyRecord>(&store, name).await?;
    if key.as_ref().is_some_and(|key| key.lags(cx.now())) {
        cx.core.rotate_identity_key_beside(&store, &cx.request().namespace, name);
    }
    Ok(key)
}

/// The key `name` to sign with. If its time has come, the pair signs that was published to come next.
pub(super) async fn current(cx: &Context<'_>, name: &str) -> Result<Option<KeyRecord>, Error> {
    let Some(mut key) = published(cx, name).await? else { return Ok(None) };
    let (store, now) = (Store::of(cx), cx.now());
    if key.is_due(now) && is_there(&store).await? && key.advance(key.verification_ttl, now) {
        store::save(&store, name, &key)?;
    }
    Ok(Some(key))
}

/// The key `name`, if it [lags](KeyRecord::lags) and may be changed.
async fn lagging(store: &Store<'_>, name: &str, now: Timestamp) -> Result<Option<KeyRecord>, Error> {
    let key = store::load::<KeyRecord>(store, name).await?.filter(|key| key.lags(now));
    match key {
        Some(key) if is_there(store).await? => Ok(Some(key)),
        _ => Ok(None),
    }
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
            let names = match store.ids("oidc/key/").await {
                Err(error) if error.is_of_sealed_namespace() => continue,
                names => names?,
            };
            for name in names {
                let Some(turn) = self.identity_pairs.begin(&store, &name) else { continue };
                let Err(error) = self.rotate_identity_key_when_due(&turn, &namespace, &name).await else {
                    continue;
                };
                if self.barrier.is_sealed() {
                    return Err(error);
                }
                if error.is_of_sealed_namespace() {
                    break;
                }
                not_rotated(&namespace, &name, &error);
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

    /// As [`rotate_identity_keys_when_due`](Self::rotate_identity_keys_when_due) one key, unless somebody is at it;
    /// returns at once.
    fn rotate_identity_key_beside(
        self: &Arc<Self>,
        store: &Store<'_>,
        namespace: &Arc<Namespace>,
        name: &str,
    ) {
        let Some(turn) = self.identity_pairs.begin(store, name) else { return };
        let (core, namespace, name) = (Arc::clone(self), Arc::clone(namespace), name.to_owned());
        tokio::spawn(async move {
            let Err(error) = core.rotate_identity_key_when_due(&turn, &namespace, &name).await else {
                return;
            };
            if !core.barrier.is_sealed() && !error.is_of_sealed_namespace() {
                not_rotated(&namespace, &name, &error);
            }
        });
    }

    async fn rotate_identity_key_when_due(
        &self,
        _turn: &Rotating,
        namespace: &Namespace,
        name: &str,
    ) -> Result<(), Error> {
        self.prepare_identity_pair(namespace, name).await?;
        for _ in 0..ATTEMPTS {
            let transaction = self.barrier.begin();
            let (store, now) = (Store::new(&transaction, namespace, &self.identities), self.clock.now());
            let Some(mut key) = lagging(&store, name, now).await? else { return Ok(()) };
            let caught_up = key.catch_up(&mut self.identity_pairs.supply(&store, name), now).await;
            if caught_up.is_err() && transaction.was_stale(&mut Claim::default()).await {
                continue;
            }
            caught_up?;
            store::save(&store, name, &key)?;
            match transaction.commit().await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Others change it all the time; the next time will tell.
        Ok(())
    }

    /// Makes the pair that a rotation will take, if one is due: before the transaction that stores it, which is short so.
    async fn prepare_identity_pair(&self, namespace: &Namespace, name: &str) -> Result<(), Error> {
        let transaction = self.barrier.begin();
        let store = Store::new(&transaction, namespace, &self.identities);
        if let Some(key) = lagging(&store, name, self.clock.now()).await? {
            self.identity_pairs.supply(&store, name).take(key.algorithm).await?;
        }
        Ok(())
    }
}

fn not_rotated(namespace: &Namespace, name: &str, error: &Error) {
    tracing::error!(namespace = %namespace.path, key = %name, "a key of identity tokens is not rotated: {error}");
}
