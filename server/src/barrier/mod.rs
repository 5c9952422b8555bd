//! The line that nothing crosses unencrypted.
//!
//! A [`Barrier`] lies over a [`Storage`]: each value is encrypted by AES-256-GCM under the newest term of
//! a keyring, with its storage key authenticated. The keyring is encrypted by the root key, and the root key
//! is what the [seal](crate::seal) guards. A namespace with a seal of its own is a [`Domain`] of its own: it has another
//! keyring, in the same order of commits. Request handlers work in a [`Transaction`].

mod cache;
mod cipher;
mod claims;
mod domain;
mod error;
mod keyring;
mod listing;
mod listings;
mod order;
mod packed;
mod transaction;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::storage::{Batch, Storage, Write};
use cache::{Epoch, ValueCache};
use domain::{DomainDraft, Domains};
use keyring::{KEYRING_KEY, Keyring};
use listings::Listings;
use order::CommitOrder;

pub(crate) use claims::Claim;
pub(crate) use domain::{Domain, NAMESPACES};
pub use error::{BarrierError, CommitError};
pub use keyring::{RootKey, TermStatus};
pub(crate) use listings::Names;
pub(crate) use order::Place;
pub(crate) use packed::{pack, unpack};
pub use transaction::{Savepoint, Transaction};
pub use view::View;

/// Encryption over a storage. Begins sealed.
///
/// What begins with the prefix of a [`Domain`] is encrypted by the keyring of that one, everything else by the server's.
pub struct Barrier {
    storage: Arc<dyn Storage>,
    /// The keys of all that no namespace has keys of its own for.
    own: Arc<Domain>,
    /// Those of namespaces with a seal of their own.
    others: Domains,
    order: CommitOrder,
    values: ValueCache,
    listings: Listings,
}

impl Barrier {
    /// A sealed barrier over `storage`.
    pub fn new(storage: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self {
            own: Domain::new(&storage, ""),
            storage,
            others: Domains::default(),
            order: CommitOrder::new(),
            values: ValueCache::new(),
            listings: Listings::default(),
        })
    }

    /// The storage underneath, for what is stored in the clear.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Whether a keyring is stored.
    pub async fn is_initialized(&self) -> Result<bool, BarrierError> {
        self.own.is_initialized().await
    }

    /// Whether there are no keys in memory.
    pub fn is_sealed(&self) -> bool {
        self.own.is_sealed()
    }

    /// Stores a new keyring under `root`, together with `also`, which is stored in the clear. Stays sealed.
    pub async fn initialize(&self, root: &RootKey, also: Batch) -> Result<(), BarrierError> {
        self.own.initialize(root, also, Batch::new()).await
    }

    /// As [`initialize`](Barrier::initialize), with first contents, which are encrypted: one batch of it all.
    pub async fn initialize_with(
        &self,
        root: &RootKey,
        also: Batch,
        contents: Batch,
    ) -> Result<(), BarrierError> {
        self.own.initialize(root, also, contents).await
    }

    /// Opens the stored keyring with `root`.
    pub async fn unseal(&self, root: &RootKey) -> Result<(), BarrierError> {
        self.own.unseal(root).await
    }

    /// Drops all keys and all that is decrypted. Requests that are under way fail with [`BarrierError::Sealed`] at
    /// their next step.
    pub fn seal(&self) {
        self.seal_below("");
    }

    /// As [`seal`](Self::seal), the keys of the domains whose prefix begins with `prefix`; all others keep theirs, but
    /// read anew what they have decrypted. Domains stay known: what is written there fails, and is not encrypted by
    /// other keys.
    pub(crate) fn seal_below(&self, prefix: &str) {
        self.domains_below(prefix).iter().for_each(|domain| domain.seal());
        self.values.clear();
        self.listings.clear();
    }

    /// Waits, after a [seal](Self::seal), until what was on its way to the storage is there. Nothing is sent after it.
    pub async fn settle(&self) {
        self.order.settle().await;
    }

    /// The domain of all that is in no other one.
    pub(crate) fn own_domain(&self) -> &Arc<Domain> {
        &self.own
    }

    /// The domains whose prefix begins with `prefix`, by prefix, sealed ones included.
    pub(crate) fn domains_below(&self, prefix: &str) -> Vec<Arc<Domain>> {
        let own = prefix.is_empty().then(|| Arc::clone(&self.own));
        own.into_iter().chain(self.others.below(prefix)).collect()
    }

    /// Prefixes of the domains that are open.
    pub(crate) fn open_domains(&self) -> Vec<String> {
        let open = self.domains_below("").into_iter().filter(|domain| !domain.is_sealed());
        open.map(|domain| domain.prefix().to_owned()).collect()
    }

    /// The domain of what begins with `prefix`, which has a keyring of its own: the one that is known, or a sealed one.
    pub(crate) fn domain(&self, prefix: &str) -> Arc<Domain> {
        self.others.get_or_add(prefix, || Domain::new(&self.storage, prefix))
    }

    /// Makes the domains with these prefixes known, sealed unless they are known already.
    pub(crate) fn know_domains(&self, prefixes: &[String]) {
        self.others.add_all(prefixes, |prefix| Domain::new(&self.storage, prefix));
    }

    /// Begins a domain whose keyring `root` opens, in `transaction`, whose commit seals it. Until then what is written
    /// below `prefix` is encrypted by it; if there is no commit, nobody knows it any more.
    pub(crate) fn begin_domain(
        self: &Arc<Self>,
        transaction: &Transaction,
        prefix: &str,
        root: &RootKey,
    ) -> Arc<Domain> {
        let (domain, entry) = Domain::begun(&self.storage, prefix, root);
        self.others.get_or_add(prefix, || Arc::clone(&domain));
        transaction.put_as_it_is(domain.key(KEYRING_KEY), entry);
        let draft = DomainDraft { barrier: Arc::clone(self), domain: Arc::clone(&domain), is_stored: false };
        transaction.after_commit(Box::new(move || draft.keep()));
        domain
    }

    /// Lets what is stored below `prefix` be deleted without its keys, and nothing else be done with it: it is nobody's
    /// any more.
    pub(crate) fn abandon_below(&self, prefix: &str) {
        self.domains_below(prefix).iter().for_each(|domain| domain.abandon());
        self.values.clear();
        self.listings.clear();
    }

    /// Adds a term to the keyring; it encrypts from now on. Answers its status.
    pub async fn rotate(self: &Arc<Self>) -> Result<TermStatus, BarrierError> {
        self.rotate_in(&self.own).await
    }

    /// As [`rotate`](Self::rotate), the keyring of `domain`.
    pub(crate) async fn rotate_in(
        self: &Arc<Self>,
        domain: &Arc<Domain>,
    ) -> Result<TermStatus, BarrierError> {
        self.replace_keyring(domain, Batch::new(), Batch::new(), Keyring::rotated).await
    }

    /// Lets `root` open the keyring of `domain` instead of the present root key, and stores with it `also` in the clear
    /// and `contents` encrypted.
    pub(crate) async fn replace_root_key(
        self: &Arc<Self>,
        domain: &Arc<Domain>,
        root: &RootKey,
        also: Batch,
        contents: Batch,
    ) -> Result<(), BarrierError> {
        self.replace_keyring(domain, also, contents, |keyring| keyring.with_root(root.clone())).await?;
        Ok(())
    }

    /// Stores the counts of encryptions by `domain`, which are otherwise stored by a rotation only.
    pub(crate) async fn store_encryption_counts(
        self: &Arc<Self>,
        domain: &Arc<Domain>,
    ) -> Result<(), BarrierError> {
        let same_root = |keyring: &Keyring| keyring.with_root(keyring.root().clone());
        self.replace_keyring(domain, Batch::new(), Batch::new(), same_root).await?;
        Ok(())
    }

    /// Stores the keyring that `next` makes of the present one, with it `also` in the clear and `contents` encrypted.
    /// The contents take part in the order of commits: what is kept in memory of them is renewed, too.
    async fn replace_keyring(
        self: &Arc<Self>,
        domain: &Arc<Domain>,
        mut also: Batch,
        contents: Batch,
        next: impl FnOnce(&Keyring) -> Keyring,
    ) -> Result<TermStatus, BarrierError> {
        let _replacing = domain.replacing().await;
        let next = next(&*domain.keyring()?);
        let status = next.status();
        also.put(domain.key(KEYRING_KEY), next.to_entry(&domain.key(KEYRING_KEY)));
        let transaction = Transaction::of_batch(Arc::clone(self), contents);
        let (domain, next) = (Arc::clone(domain), Arc::new(next));
        // Sealed meanwhile: then it stays so.
        transaction.after_commit(Box::new(move || domain.replace(&next)));
        match transaction.commit_beside(also).await {
            Ok(()) => Ok(status),
            Err(CommitError::Barrier(error)) => Err(error),
            Err(CommitError::Conflict) => unreachable!("nothing was read"),
        }
    }

    /// The term that encrypts now.
    pub fn term_status(&self) -> Result<TermStatus, BarrierError> {
        self.own.term_status()
    }

    fn open_keyring(&self) -> Result<Arc<Keyring>, BarrierError> {
        self.own.keyring()
    }

    /// The keyring for the entry `key`.
    fn keyring_of(&self, key: &str) -> Result<Arc<Keyring>, BarrierError> {
        match self.others.of(key) {
            Some(domain) => domain.keyring(),
            None => self.open_keyring(),
        }
    }

    /// Refuses what needs the keys for `key` while they are not in memory.
    fn require_open(&self, key: &str) -> Result<(), BarrierError> {
        if self.is_sealed() {
            return Err(BarrierError::Sealed);
        }
        match self.others.of(key) {
            Some(domain) => domain.require_open(),
            None => Ok(()),
        }
    }

    /// Refuses to show names below `prefix` while nobody may see them. Those of what is abandoned are needed to delete it.
    fn require_listable(&self, prefix: &str) -> Result<(), BarrierError> {
        if self.is_sealed() {
            return Err(BarrierError::Sealed);
        }
        match self.others.of(prefix) {
            Some(domain) => domain.require_open_or_abandoned(),
            None => Ok(()),
        }
    }

    /// Begins a transaction.
    pub fn begin(self: &Arc<Self>) -> Transaction {
        Transaction::new(Arc::clone(self))
    }

    /// Where changes of `key` are seen.
    pub(crate) fn place(&self, key: &str) -> Place {
        Place(self.order.stripe(key))
    }

    /// The decrypted value under `key`.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BarrierError> {
        self.require_open(key)?;
        match self.values.find(key) {
            Ok(value) => Ok(value),
            Err(epoch) => self.read(key, epoch).await,
        }
    }

    /// Reads `key` from the storage. The keyring is taken after the epoch: what is decrypted by one that a seal has
    /// dropped is not kept.
    async fn read(&self, key: &str, epoch: Epoch) -> Result<Option<Bytes>, BarrierError> {
        // Storage answers at once: who reads very many keys must let others run in between.
        tokio::task::coop::consume_budget().await;
        let keyring = self.keyring_of(key)?;
        let value = match self.storage.get(key).await? {
            Some(entry) => Some(keyring.decrypt(key, &entry)?),
            None => None,
        };
        self.values.keep(key, value.as_ref(), epoch);
        Ok(value)
    }

    /// Keys with `prefix` and their decrypted values, in byte order, strictly after `after`, at most `limit`.
    pub async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Bytes)>, BarrierError> {
        self.require_open(prefix)?;
        let entries = self.storage.scan(prefix, after, limit).await?;
        let decrypt = |(key, entry): (String, Bytes)| {
            let value = self.keyring_of(&key)?.decrypt(&key, &entry)?;
            Ok((key, value))
        };
        entries.into_iter().map(decrypt).collect()
    }

    /// As [`scan`](Barrier::scan), without the values.
    pub async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, BarrierError> {
        self.require_listable(prefix)?;
        Ok(self.storage.scan_keys(prefix, after, limit).await?)
    }

    /// Encrypts and writes `batch`, which depends on nothing that was read.
    pub async fn commit(self: &Arc<Self>, batch: Batch) -> Result<(), CommitError> {
        Transaction::of_batch(Arc::clone(self), batch).commit().await
    }

    /// `batch` as it goes to the storage: each entry encrypted by the keys for it, but for those that are `as_they_are`.
    fn encrypt(&self, batch: &Batch, as_they_are: &BTreeSet<String>) -> Result<Batch, BarrierError> {
        let own = self.open_keyring()?;
        let mut encrypted = Batch::new();
        for (key, write) in batch.iter() {
            let write = match self.others.of(key) {
                _ if as_they_are.contains(key) => write.clone(),
                Some(domain) => domain.encrypt(key, write)?,
                None => domain::encrypt(&own, &self.own, key, write)?,
            };
            encrypted.replace(key, Some(write));
        }
        Ok(encrypted)
    }

    /// Refuses `batch` if some of its keys were forgotten since it was encrypted.
    fn require_writable(&self, batch: &Batch) -> Result<(), BarrierError> {
        self.open_keyring()?;
        if self.others.is_empty() {
            return Ok(());
        }
        for (key, write) in batch.iter() {
            match (self.others.of(key), write) {
                (Some(domain), Write::Delete) => domain.require_open_or_abandoned()?,
                (Some(domain), Write::Put(_)) => domain.require_open()?,
                (None, _) => {}
            }
        }
        Ok(())
    }
}
