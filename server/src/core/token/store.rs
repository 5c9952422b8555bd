//! Where tokens are kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::batch::BatchKey;
use super::cache::TokenCache;
use super::count::TokenCounts;
use super::id::{self, BATCH_PREFIX, Salt, namespace_of};
use super::record::{AccessorRecord, EndRecord, TokenRecord};
use super::surroundings::Surroundings;
use super::{TokenEntry, TokenKind};
use crate::barrier::{Barrier, Transaction, unpack};
use crate::core::clearing::Clearing;
use crate::core::error::Error;
use crate::core::lease::Leases;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;
use crate::core::wrapping::ParcelKey;

/// Where the two keys are stored.
const KEYS_KEY: &str = "core/token-keys";
/// Tokens above another that are looked at each time; what is above them is looked up as a whole. Most trees are not
/// as deep, but those of tests have to get there.
const NEAR: usize = if cfg!(test) { 1 } else { 8 };

/// All tokens of the server.
pub(crate) struct Tokens {
    pub(in crate::core) barrier: Arc<Barrier>,
    pub(super) surroundings: Weak<dyn Surroundings>,
    pub(super) cache: Arc<TokenCache>,
    pub(super) leases: Leases,
    pub(super) counts: TokenCounts,
    clearing: Clearing,
    keys: ArcSwapOption<Keys>,
}

/// What hides service tokens and seals batch tokens. In memory while the barrier is unsealed.
pub(super) struct Keys {
    salt: Salt,
    batch: BatchKey,
    parcels: ParcelKey,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeysRecord {
    salt: [u8; id::KEY_LENGTH],
    batch: [u8; id::KEY_LENGTH],
    /// PKCS #8. Stores of older versions have none.
    #[serde(default)]
    parcels: Vec<u8>,
}

/// A token to be made.
pub(crate) struct Issue<'a> {
    /// Whose it is.
    pub(crate) namespace: &'a Namespace,
    /// All but id, accessor, namespace and cubbyhole.
    pub(crate) entry: TokenEntry,
    /// The text of the token, if it is chosen.
    pub(crate) text: Option<ClientToken>,
}

impl Tokens {
    /// A store that is closed until [`open`](Self::open).
    pub(crate) fn new(barrier: Arc<Barrier>, surroundings: Weak<dyn Surroundings>) -> Self {
        Self {
            barrier,
            surroundings,
            cache: Arc::new(TokenCache::new()),
            leases: Leases::new(),
            counts: TokenCounts::default(),
            clearing: Clearing::default(),
            keys: ArcSwapOption::empty(),
        }
    }

    /// Reads the keys after an unseal, or makes them in `transaction` if there are none yet.
    pub(crate) async fn open(&self, transaction: &Transaction) -> Result<(), Error> {
        let stored = transaction.get_json::<KeysRecord>(KEYS_KEY).await?;
        let mut record = stored.unwrap_or_else(|| KeysRecord {
            salt: *id::random_key(),
            batch: *id::random_key(),
            parcels: Vec::new(),
        });
        if record.parcels.is_empty() {
            record.parcels = ParcelKey::generate()?.to_vec();
            transaction.put_json(KEYS_KEY, &record)?;
        }
        let keys = Keys {
            salt: Salt::new(&record.salt),
            batch: BatchKey::new(&record.batch),
            parcels: ParcelKey::read(&record.parcels)?,
        };
        self.keys.store(Some(Arc::new(keys)));
        Ok(())
    }

    /// Forgets keys and tokens, for sealing.
    pub(crate) fn close(&self) {
        self.keys.store(None);
        self.cache.clear();
        self.leases.close();
    }

    /// Forgets the leases of the namespaces with these ids, and all tokens, for sealing the namespaces.
    pub(crate) fn forget_namespaces(&self, ids: &BTreeSet<String>) {
        self.cache.clear();
        self.leases.forget(|id| ids.contains(namespace_of(id)));
    }

    /// The leases, those of tokens included.
    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Where to leave what is too much to delete at once.
    pub(crate) fn clearing(&self) -> &Clearing {
        &self.clearing
    }

    /// Runs `work` with the key that signs wrapping tokens.
    ///
    /// # Errors
    /// 503 while sealed, and those of `work`.
    pub(crate) fn with_parcel_key<T>(
        &self,
        work: impl FnOnce(&ParcelKey) -> Result<T, Error>,
    ) -> Result<T, Error> {
        work(&self.keys()?.parcels)
    }

    pub(super) fn keys(&self) -> Result<Arc<Keys>, Error> {
        self.keys.load_full().ok_or_else(|| crate::barrier::BarrierError::Sealed.into())
    }

    pub(crate) fn surroundings(&self) -> Result<Arc<dyn Surroundings>, Error> {
        self.surroundings.upgrade().ok_or_else(|| Error::internal("the core is gone"))
    }

    /// The namespace that `id` (of a token, an accessor or a lease) tells.
    pub(crate) fn namespace_of(&self, id: &str) -> Result<Option<Arc<Namespace>>, Error> {
        self.surroundings()?.namespace(namespace_of(id))
    }

    /// Whether the namespace that `id` tells may be one in `above` that is sealed by a seal of its own.
    pub(crate) fn may_be_sealed(&self, id: &str, above: &Namespace) -> Result<bool, Error> {
        Ok(self.surroundings()?.may_be_sealed(namespace_of(id), above))
    }

    /// The token `token`, if it may be used now: neither revoked nor expired nor used up.
    ///
    /// # Errors
    /// Only if the storage fails.
    pub(crate) async fn lookup(
        &self,
        token: &ClientToken,
        now: Timestamp,
    ) -> Result<Option<Arc<TokenEntry>>, Error> {
        let Some(entry) = self.lookup_even_used_up(token, now).await? else { return Ok(None) };
        Ok(Some(entry).filter(|entry| entry.num_uses >= 0))
    }

    /// As [`lookup`](Self::lookup), also a token whose last use is under way.
    pub(crate) async fn lookup_even_used_up(
        &self,
        token: &ClientToken,
        now: Timestamp,
    ) -> Result<Option<Arc<TokenEntry>>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let keys = self.keys()?;
        let id = keys.salt.hide(token.expose());
        let entry = if token.expose().starts_with(BATCH_PREFIX) {
            self.open_batch(&keys, token, &id, now).await?
        } else {
            self.find(&id).await?
        };
        let Some(entry) = entry.filter(|entry| !entry.is_expired(now)) else { return Ok(None) };
        let is_left_over = self.is_left_over(&entry, now).await?;
        Ok(Some(entry).filter(|_| !is_left_over))
    }

    /// Whether a token above `entry` has ended or is revoked, so that `entry` is only there until it is cleared away.
    pub(crate) async fn is_left_over(&self, entry: &TokenEntry, now: Timestamp) -> Result<bool, Error> {
        if entry.is_orphan() {
            return Ok(false);
        }
        let mut above = self.find(&entry.parent).await?;
        for _ in 0..NEAR {
            let Some(ancestor) = above.filter(|ancestor| !ancestor.is_expired(now)) else { return Ok(true) };
            if ancestor.is_orphan() {
                return Ok(false);
            }
            above = self.find(&ancestor.parent).await?;
        }
        let Some(far) = above else { return Ok(true) };
        let end = self.end_of_line(&far.id).await?;
        Ok(end.is_none_or(|end| end <= now))
    }

    /// When the first of the token `id` and those above it ends, [`Timestamp::MAX`] if none does; `None` if one is not
    /// there.
    async fn end_of_line(&self, id: &str) -> Result<Option<Timestamp>, Error> {
        let ancestry = self.cache.ancestry();
        let epoch = ancestry.epoch();
        let (mut line, mut id) = (Vec::new(), id.to_owned());
        let above = loop {
            if let Some(end) = ancestry.end_of(&id) {
                break end;
            }
            let Some(ancestor) = self.find(&id).await? else { return Ok(None) };
            line.push((id, ancestor.expires_at.unwrap_or(Timestamp::MAX)));
            if ancestor.is_orphan() {
                break Timestamp::MAX;
            }
            id = ancestor.parent.clone();
        };
        let first = line.iter().map(|(_, end)| *end).fold(above, Timestamp::min);
        ancestry.keep(line, above, epoch);
        Ok(Some(first))
    }

    async fn open_batch(
        &self,
        keys: &Keys,
        token: &ClientToken,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<TokenEntry>>, Error> {
        let Some(entry) = keys.batch.open(token.expose(), id) else { return Ok(None) };
        if self.surroundings()?.namespace(&entry.namespace)?.is_none() {
            return Ok(None);
        }
        if !entry.is_orphan() {
            let parent = self.find(&entry.parent).await?;
            if parent.is_none_or(|parent| parent.is_expired(now) || parent.num_uses < 0) {
                return Ok(None);
            }
        }
        Ok(Some(Arc::new(entry)))
    }

    /// The service token stored under `id`, whatever its state, as of the last commit.
    async fn find(&self, id: &str) -> Result<Option<Arc<TokenEntry>>, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(None) };
        if let Some(entry) = self.cache.find(id) {
            return Ok(Some(entry));
        }
        let epoch = self.cache.epoch(id);
        let key = token_key(&namespace, id);
        let Some(bytes) = self.barrier.get(&key).await? else { return Ok(None) };
        let record: TokenRecord = unpack(&key, &bytes)?;
        let entry = Arc::new(record.into_entry(id, &namespace.id, TokenKind::Service));
        self.cache.keep(&entry, epoch);
        Ok(Some(entry))
    }

    /// When the service token stored under `id` ends, as of the last commit; `None` also if it is not there. Keeps
    /// nothing in memory, since all tokens are asked for after a start.
    pub(crate) async fn end_of(&self, id: &str) -> Result<Option<Timestamp>, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(None) };
        let key = token_key(&namespace, id);
        let found = self.barrier.scan(&key, None, 1).await?;
        let Some((_, record)) = found.iter().find(|(found, _)| *found == key) else { return Ok(None) };
        Ok(unpack::<EndRecord>(&key, record)?.expires_at)
    }

    /// The service token stored under `id`, as `transaction` sees it: its commit fails if the token changes before.
    pub(crate) async fn read(
        &self,
        transaction: &Transaction,
        id: &str,
    ) -> Result<Option<TokenEntry>, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(None) };
        let record: Option<TokenRecord> = transaction.get_packed(&token_key(&namespace, id)).await?;
        Ok(record.map(|record| record.into_entry(id, &namespace.id, TokenKind::Service)))
    }

    /// The stored name of the token that `accessor` belongs to.
    pub(crate) async fn by_accessor(
        &self,
        transaction: &Transaction,
        accessor: &str,
    ) -> Result<Option<String>, Error> {
        let Some(namespace) = self.namespace_of(accessor)? else { return Ok(None) };
        let key = accessor_key(&namespace, &self.keys()?.salt.hide(accessor));
        let record: Option<AccessorRecord> = transaction.get_packed(&key).await?;
        Ok(record.map(|record| record.token))
    }

    /// The accessors of `namespace`, in no order that tells anything.
    pub(crate) async fn accessors(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
    ) -> Result<Vec<String>, Error> {
        let keys = transaction.scan_keys(&accessor_key(namespace, "")).await?;
        let mut accessors = Vec::with_capacity(keys.len());
        for key in keys {
            let record: Option<AccessorRecord> = transaction.get_packed(&key).await?;
            accessors.extend(record.map(|record| record.accessor));
        }
        Ok(accessors)
    }

    /// Removes the accessors in `namespace` that lead to no token. Tokens that are used up are left: their last use may be
    /// under way.
    pub(crate) async fn tidy(&self, transaction: &Transaction, namespace: &Namespace) -> Result<(), Error> {
        for key in transaction.scan_keys(&accessor_key(namespace, "")).await? {
            let Some(record) = transaction.get_packed::<AccessorRecord>(&key).await? else { continue };
            if transaction.get(&token_key(namespace, &record.token)).await?.is_none() {
                transaction.delete(key);
            }
        }
        Ok(())
    }

    /// Makes a token: all its records in `transaction`. Answers the token and its entry.
    ///
    /// # Errors
    /// 400 if the chosen text is taken.
    pub(crate) async fn issue(
        &self,
        transaction: &Transaction,
        issue: Issue<'_>,
    ) -> Result<(ClientToken, TokenEntry), Error> {
        let Issue { namespace, mut entry, text } = issue;
        entry.namespace.clone_from(&namespace.id);
        self.require_parent(transaction, &entry).await?;
        let keys = self.keys()?;
        if entry.kind == TokenKind::Batch {
            let token = keys.batch.seal(&entry, namespace)?;
            entry.id = keys.salt.hide(token.expose());
            return Ok((token, entry));
        }
        let token = text.unwrap_or_else(|| id::service_token(namespace));
        entry.id = keys.salt.hide(token.expose());
        let key = token_key(namespace, &entry.id);
        if transaction.get(&key).await?.is_some() {
            return Err(Error::invalid("cannot create a token with a duplicate ID"));
        }
        entry.accessor = id::accessor(namespace);
        entry.cubbyhole_id = id::random_text();
        self.write_indexes(transaction, namespace, &entry, &keys)?;
        transaction.put_packed(&key, &TokenRecord::from(&entry))?;
        Ok((token, entry))
    }

    /// The id that a token of `namespace` could have, which there is not.
    pub(super) fn id_of_none(&self, namespace: &Namespace) -> Result<String, Error> {
        Ok(self.keys()?.salt.hide(id::service_token(namespace).expose()))
    }

    /// A child must not outlive a revocation that runs beside its creation: the parent is read in `transaction`.
    async fn require_parent(&self, transaction: &Transaction, entry: &TokenEntry) -> Result<(), Error> {
        if entry.is_orphan() || self.read(transaction, &entry.parent).await?.is_some() {
            return Ok(());
        }
        Err(Error::invalid("parent token lookup failed: no parent found"))
    }

    fn write_indexes(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
        keys: &Keys,
    ) -> Result<(), Error> {
        let accessor = accessor_key(namespace, &keys.salt.hide(&entry.accessor));
        let record = AccessorRecord { accessor: entry.accessor.clone(), token: entry.id.clone() };
        transaction.put_packed(&accessor, &record)?;
        if let Some(key) = self.child_key(entry)? {
            transaction.put(key, "");
        }
        if entry.is_leased {
            self.leases.register_token(transaction, namespace, entry)?;
        }
        Ok(())
    }

    /// Where `entry` stands among the children of its parent; `None` for orphans.
    pub(super) fn child_key(&self, entry: &TokenEntry) -> Result<Option<String>, Error> {
        if entry.is_orphan() {
            return Ok(None);
        }
        let namespace = self.namespace_of(&entry.parent)?;
        Ok(namespace.map(|namespace| format!("{}{}", children_prefix(&namespace, &entry.parent), entry.id)))
    }

    /// Writes `entry` as it is now.
    pub(crate) fn rewrite(&self, transaction: &Transaction, entry: &TokenEntry) -> Result<(), Error> {
        let namespace =
            self.namespace_of(&entry.id)?.ok_or_else(|| Error::internal("a token without namespace"))?;
        transaction.put_packed(&token_key(&namespace, &entry.id), &TokenRecord::from(entry))?;
        self.forget_after(transaction, &entry.id);
        Ok(())
    }

    /// Takes `id` out of the cache when `transaction` is committed.
    pub(super) fn forget_after(&self, transaction: &Transaction, id: &str) {
        let (cache, id) = (Arc::clone(&self.cache), id.to_owned());
        transaction.after_commit(Box::new(move || cache.forget(&id)));
    }

    /// Removes all records of `entry` itself.
    pub(super) fn erase(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) -> Result<(), Error> {
        transaction.delete(token_key(namespace, &entry.id));
        transaction.delete(accessor_key(namespace, &self.keys()?.salt.hide(&entry.accessor)));
        if let Some(key) = self.child_key(entry)? {
            transaction.delete(key);
        }
        if entry.is_leased {
            self.leases.unregister_token(transaction, namespace, entry);
        }
        self.forget_after(transaction, &entry.id);
        Ok(())
    }
}

fn token_key(namespace: &Namespace, id: &str) -> String {
    format!("{}sys/token/id/{id}", namespace.storage_prefix())
}

fn accessor_key(namespace: &Namespace, accessor: &str) -> String {
    format!("{}sys/token/accessor/{accessor}", namespace.storage_prefix())
}

/// Before the stored names of all children of the token `id`.
pub(super) fn children_prefix(namespace: &Namespace, id: &str) -> String {
    format!("{}sys/token/parent/{id}/", namespace.storage_prefix())
}
