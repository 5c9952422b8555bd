//! The line that nothing crosses unencrypted.
//!
//! A [`Barrier`] lies over a [`Storage`]: each value is encrypted by AES-256-GCM under the newest term of
//! a keyring, with its storage key authenticated. The keyring is encrypted by the root key, and the root key
//! is what the [seal](crate::seal) guards. Request handlers work in a [`Transaction`].

mod cache;
mod cipher;
mod claims;
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

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::storage::{Batch, Storage, Write};
use cache::{Epoch, ValueCache};
use keyring::{KEYRING_KEY, Keyring};
use listings::Listings;
use order::CommitOrder;

pub(crate) use claims::Claim;
pub use error::{BarrierError, CommitError};
pub use keyring::{RootKey, TermStatus};
pub(crate) use listings::Names;
pub(crate) use order::Place;
pub(crate) use packed::{pack, unpack};
pub use transaction::{Savepoint, Transaction};
pub use view::View;

/// Entries that are stored outside of the barrier's encryption and so cannot be written through it.
const RESERVED: [&str; 3] = [KEYRING_KEY, crate::seal::ROOT_KEY_KEY, crate::seal::SEAL_CONFIG_KEY];

/// Encryption over a storage. Begins sealed.
pub struct Barrier {
    storage: Arc<dyn Storage>,
    keyring: ArcSwapOption<Keyring>,
    /// Held while the keyring is replaced.
    replacing: tokio::sync::Mutex<()>,
    order: CommitOrder,
    values: ValueCache,
    listings: Listings,
}

impl Barrier {
    /// A sealed barrier over `storage`.
    pub fn new(storage: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self {
            storage,
            keyring: ArcSwapOption::empty(),
            replacing: tokio::sync::Mutex::new(()),
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
        Ok(self.storage.get(KEYRING_KEY).await?.is_some())
    }

    /// Whether there are no keys in memory.
    pub fn is_sealed(&self) -> bool {
        self.keyring.load().is_none()
    }

    /// Stores a new keyring under `root`, together with `also`, which is stored in the clear. Stays sealed.
    pub async fn initialize(&self, root: &RootKey, also: Batch) -> Result<(), BarrierError> {
        self.initialize_with(root, also, Batch::new()).await
    }

    /// As [`initialize`](Barrier::initialize), with first contents, which are encrypted: one batch of it all.
    pub async fn initialize_with(
        &self,
        root: &RootKey,
        also: Batch,
        contents: Batch,
    ) -> Result<(), BarrierError> {
        let _replacing = self.replacing.lock().await;
        if self.is_initialized().await? {
            return Err(BarrierError::AlreadyInitialized);
        }
        let keyring = Keyring::generate(root.clone());
        let mut batch = encrypt(&keyring, &contents)?;
        for (key, write) in also {
            batch.replace(&key, Some(write));
        }
        batch.put(KEYRING_KEY, keyring.to_entry());
        Ok(self.storage.commit(batch).await?)
    }

    /// Opens the stored keyring with `root`.
    pub async fn unseal(&self, root: &RootKey) -> Result<(), BarrierError> {
        let _replacing = self.replacing.lock().await;
        let entry = self.storage.get(KEYRING_KEY).await?.ok_or(BarrierError::NotInitialized)?;
        let keyring = Keyring::from_entry(root.clone(), &entry)?;
        self.keyring.store(Some(Arc::new(keyring)));
        Ok(())
    }

    /// Drops all keys and all that is decrypted. Requests that are under way fail with [`BarrierError::Sealed`] at
    /// their next step.
    pub fn seal(&self) {
        self.keyring.store(None);
        self.values.clear();
        self.listings.clear();
    }

    /// Waits, after a [seal](Self::seal), until what was on its way to the storage is there. Nothing is sent after it.
    pub async fn settle(&self) {
        self.order.settle().await;
    }

    /// Adds a term to the keyring; it encrypts from now on. Answers its status.
    pub async fn rotate(self: &Arc<Self>) -> Result<TermStatus, BarrierError> {
        self.replace_keyring(Batch::new(), Batch::new(), Keyring::rotated).await
    }

    /// Lets `root` open the keyring instead of the present root key, and stores with it `also` in the clear and
    /// `contents` encrypted.
    pub async fn replace_root_key(
        self: &Arc<Self>,
        root: &RootKey,
        also: Batch,
        contents: Batch,
    ) -> Result<(), BarrierError> {
        self.replace_keyring(also, contents, |keyring| keyring.with_root(root.clone())).await?;
        Ok(())
    }

    /// Stores the counts of encryptions, which are otherwise stored by a rotation only.
    pub async fn store_encryption_counts(self: &Arc<Self>) -> Result<(), BarrierError> {
        let same_root = |keyring: &Keyring| keyring.with_root(keyring.root().clone());
        self.replace_keyring(Batch::new(), Batch::new(), same_root).await?;
        Ok(())
    }

    /// Stores the keyring that `next` makes of the present one, with it `also` in the clear and `contents` encrypted.
    /// The contents take part in the order of commits: what is kept in memory of them is renewed, too.
    async fn replace_keyring(
        self: &Arc<Self>,
        mut also: Batch,
        contents: Batch,
        next: impl FnOnce(&Keyring) -> Keyring,
    ) -> Result<TermStatus, BarrierError> {
        let _replacing = self.replacing.lock().await;
        let next = next(&*self.open_keyring()?);
        let status = next.status();
        also.put(KEYRING_KEY, next.to_entry());
        let transaction = Transaction::of_batch(Arc::clone(self), contents);
        let (barrier, next) = (Arc::clone(self), Arc::new(next));
        // Sealed meanwhile: then it stays so.
        transaction.after_commit(Box::new(move || {
            barrier.keyring.rcu(|present| present.as_ref().map(|_| Arc::clone(&next)));
        }));
        match transaction.commit_beside(also).await {
            Ok(()) => Ok(status),
            Err(CommitError::Barrier(error)) => Err(error),
            Err(CommitError::Conflict) => unreachable!("nothing was read"),
        }
    }

    /// The term that encrypts now.
    pub fn term_status(&self) -> Result<TermStatus, BarrierError> {
        Ok(self.open_keyring()?.status())
    }

    /// Whether `root` is the root key of this unsealed barrier.
    pub fn is_root_key(&self, root: &RootKey) -> Result<bool, BarrierError> {
        use subtle::ConstantTimeEq as _;
        Ok(self.open_keyring()?.root().expose().ct_eq(root.expose()).into())
    }

    fn open_keyring(&self) -> Result<Arc<Keyring>, BarrierError> {
        self.keyring.load_full().ok_or(BarrierError::Sealed)
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
        if self.is_sealed() {
            return Err(BarrierError::Sealed);
        }
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
        let keyring = self.open_keyring()?;
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
        let keyring = self.open_keyring()?;
        let entries = self.storage.scan(prefix, after, limit).await?;
        let decrypt = |(key, entry): (String, Bytes)| {
            let value = keyring.decrypt(&key, &entry)?;
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
        self.open_keyring()?;
        Ok(self.storage.scan_keys(prefix, after, limit).await?)
    }

    /// Encrypts and writes `batch`, which depends on nothing that was read.
    pub async fn commit(self: &Arc<Self>, batch: Batch) -> Result<(), CommitError> {
        Transaction::of_batch(Arc::clone(self), batch).commit().await
    }

    /// `batch` as it goes to the storage.
    fn encrypt(&self, batch: &Batch) -> Result<Batch, BarrierError> {
        encrypt(&*self.open_keyring()?, batch)
    }
}

fn encrypt(keyring: &Keyring, batch: &Batch) -> Result<Batch, BarrierError> {
    let mut encrypted = Batch::new();
    for (key, write) in batch.iter() {
        if RESERVED.contains(&key) {
            return Err(BarrierError::Reserved { key: key.to_owned() });
        }
        match write {
            Write::Delete => encrypted.delete(key),
            Write::Put(value) => {
                let entry = keyring.encrypt(key, value);
                encrypted.put(key, entry);
            }
        }
    }
    Ok(encrypted)
}
