//! The parts of a storage that have keys of their own.
//!
//! A domain is all that begins with one prefix, but for the domains within it; the server's has none. It is open while
//! its keyring is in memory. Domains are never forgotten while the server runs, whether they are sealed or abandoned: a
//! request that is under way must not find other keys for what it writes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use tokio::sync::MutexGuard;

use super::keyring::{KEYRING_KEY, Keyring, RootKey, TermStatus};
use super::{Barrier, BarrierError};
use crate::storage::{Batch, Storage, Write};

/// Entries below the prefix of a domain that are stored outside of its encryption, so that nothing is written there
/// through it.
const RESERVED: [&str; 3] = [KEYRING_KEY, crate::seal::ROOT_KEY_KEY, crate::seal::SEAL_CONFIG_KEY];

/// Begins the prefix of a namespace within the domain that the namespace lies in. Then comes its name and a slash.
pub(crate) const NAMESPACES: &str = "namespaces/";

/// A part of the storage that has a keyring of its own.
pub(crate) struct Domain {
    prefix: Box<str>,
    storage: Arc<dyn Storage>,
    keyring: ArcSwapOption<Keyring>,
    /// Held while the keyring is replaced.
    replacing: tokio::sync::Mutex<()>,
    is_abandoned: AtomicBool,
}

impl Domain {
    /// The sealed domain of what begins with `prefix`.
    pub(super) fn new(storage: &Arc<dyn Storage>, prefix: &str) -> Arc<Self> {
        Arc::new(Self {
            prefix: prefix.into(),
            storage: Arc::clone(storage),
            keyring: ArcSwapOption::empty(),
            replacing: tokio::sync::Mutex::new(()),
            is_abandoned: AtomicBool::new(false),
        })
    }

    /// As [`new`](Self::new), open with a fresh keyring; and that as it is stored.
    pub(super) fn begun(storage: &Arc<dyn Storage>, prefix: &str, root: &RootKey) -> (Arc<Self>, Bytes) {
        let (domain, keyring) = (Self::new(storage, prefix), Keyring::generate(root.clone()));
        let entry = keyring.to_entry(&domain.key(KEYRING_KEY));
        domain.keyring.store(Some(Arc::new(keyring)));
        (domain, entry)
    }

    /// What its keys begin with; empty for the server's own.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of its own that others have under `name`.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether a keyring is stored.
    pub(crate) async fn is_initialized(&self) -> Result<bool, BarrierError> {
        Ok(self.storage.get(&self.key(KEYRING_KEY)).await?.is_some())
    }

    /// Whether its keys are not in memory.
    pub(crate) fn is_sealed(&self) -> bool {
        self.keyring.load().is_none()
    }

    /// Whether it is the server's own.
    pub(crate) fn is_own(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Whether it is nobody's any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    fn sealed(&self) -> BarrierError {
        if self.is_own() { BarrierError::Sealed } else { BarrierError::NamespaceSealed }
    }

    pub(super) fn require_open(&self) -> Result<(), BarrierError> {
        if self.is_sealed() { Err(self.sealed()) } else { Ok(()) }
    }

    pub(super) fn require_open_or_abandoned(&self) -> Result<(), BarrierError> {
        if self.is_abandoned() { Ok(()) } else { self.require_open() }
    }

    pub(super) fn keyring(&self) -> Result<Arc<Keyring>, BarrierError> {
        self.keyring.load_full().ok_or_else(|| self.sealed())
    }

    /// The term that encrypts now.
    pub(crate) fn term_status(&self) -> Result<TermStatus, BarrierError> {
        Ok(self.keyring()?.status())
    }

    /// Whether `root` is the root key of this domain, which is open.
    pub(crate) fn is_root_key(&self, root: &RootKey) -> Result<bool, BarrierError> {
        use subtle::ConstantTimeEq as _;
        Ok(self.keyring()?.root().expose().ct_eq(root.expose()).into())
    }

    /// Stores a new keyring under `root`, together with `also`, which is stored in the clear, and `contents`, which are
    /// encrypted. Stays sealed.
    pub(super) async fn initialize(
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
        let mut batch = Batch::new();
        for (key, write) in contents.iter() {
            batch.replace(key, Some(encrypt(&keyring, self, key, write)?));
        }
        for (key, write) in also {
            batch.replace(&key, Some(write));
        }
        batch.put(self.key(KEYRING_KEY), keyring.to_entry(&self.key(KEYRING_KEY)));
        Ok(self.storage.commit(batch).await?)
    }

    /// Opens the stored keyring with `root`.
    pub(crate) async fn unseal(&self, root: &RootKey) -> Result<(), BarrierError> {
        let _replacing = self.replacing.lock().await;
        let key = self.key(KEYRING_KEY);
        let entry = self.storage.get(&key).await?.ok_or(BarrierError::NotInitialized)?;
        self.keyring.store(Some(Arc::new(Keyring::from_entry(root.clone(), &key, &entry)?)));
        // It may have become nobody's meanwhile, and then is not opened again.
        if self.is_abandoned() {
            self.seal();
            return Err(self.sealed());
        }
        Ok(())
    }

    pub(super) fn seal(&self) {
        self.keyring.store(None);
    }

    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.seal();
    }

    pub(super) async fn replacing(&self) -> MutexGuard<'_, ()> {
        self.replacing.lock().await
    }

    /// Takes `next` for its keyring, unless it is sealed.
    pub(super) fn replace(&self, next: &Arc<Keyring>) {
        self.keyring.rcu(|present| present.as_ref().map(|_| Arc::clone(next)));
    }

    /// `write` to `key` as it goes to the storage.
    pub(super) fn encrypt(&self, key: &str, write: &Write) -> Result<Write, BarrierError> {
        match write {
            Write::Delete => self.require_open_or_abandoned().map(|()| Write::Delete),
            Write::Put(_) => encrypt(&*self.keyring()?, self, key, write),
        }
    }
}

/// `write` to `key` of `domain` as it goes to the storage, encrypted by `keyring`.
pub(super) fn encrypt(
    keyring: &Keyring,
    domain: &Domain,
    key: &str,
    write: &Write,
) -> Result<Write, BarrierError> {
    if key.strip_prefix(domain.prefix()).is_some_and(|name| RESERVED.contains(&name)) {
        return Err(BarrierError::Reserved { key: key.to_owned() });
    }
    Ok(match write {
        Write::Delete => Write::Delete,
        Write::Put(value) => Write::Put(keyring.encrypt(key, value)),
    })
}

/// The prefixes of namespaces that `key` begins with, from the outside in.
fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let name = key[end..].strip_prefix(NAMESPACES)?;
        end = key.len() - name.len() + name.find('/')? + 1;
        Some(&key[..end])
    })
}

/// Domains by prefix. Most servers have none, and pay for them with one look whether there is one.
#[derive(Default)]
pub(super) struct Domains(ArcSwap<BTreeMap<Box<str>, Arc<Domain>>>);

impl Domains {
    pub(super) fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    /// The innermost domain that `key` is in.
    pub(super) fn of(&self, key: &str) -> Option<Arc<Domain>> {
        let domains = self.0.load();
        if domains.is_empty() {
            return None;
        }
        prefixes(key).filter_map(|prefix| domains.get(prefix)).last().map(Arc::clone)
    }

    /// Those whose prefix begins with `prefix`.
    pub(super) fn below(&self, prefix: &str) -> Vec<Arc<Domain>> {
        let domains = self.0.load();
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let below = domains.range::<str, _>(from).take_while(|(found, _)| found.starts_with(prefix));
        below.map(|(_, domain)| Arc::clone(domain)).collect()
    }

    /// The domain with `prefix`: if there is none, the one that `make` makes.
    pub(super) fn get_or_add(&self, prefix: &str, make: impl FnOnce() -> Arc<Domain>) -> Arc<Domain> {
        if let Some(known) = self.0.load().get(prefix) {
            return Arc::clone(known);
        }
        let made = make();
        let before = self.0.rcu(|domains| {
            let mut domains = BTreeMap::clone(domains);
            domains.entry(prefix.into()).or_insert_with(|| Arc::clone(&made));
            domains
        });
        before.get(prefix).map_or(made, Arc::clone)
    }

    /// Adds those of `prefixes` that are not known, as `make` makes them, in one step.
    pub(super) fn add_all(&self, prefixes: &[String], make: impl Fn(&str) -> Arc<Domain>) {
        if prefixes.is_empty() {
            return;
        }
        self.0.rcu(|domains| {
            let mut domains = BTreeMap::clone(domains);
            for prefix in prefixes {
                domains.entry(prefix.as_str().into()).or_insert_with(|| make(prefix));
            }
            domains
        });
    }

    fn remove(&self, prefix: &str) {
        self.0.rcu(|domains| {
            let mut domains = BTreeMap::clone(domains);
            domains.remove(prefix);
            domains
        });
    }
}

/// A domain whose keyring is not stored yet.
pub(super) struct DomainDraft {
    pub(super) barrier: Arc<Barrier>,
    pub(super) domain: Arc<Domain>,
    pub(super) is_stored: bool,
}

impl DomainDraft {
    /// It is stored by now, and open only to those who have its shares.
    pub(super) fn keep(mut self) {
        self.is_stored = true;
        self.domain.seal();
    }
}

impl Drop for DomainDraft {
    fn drop(&mut self) {
        if !self.is_stored {
            // Nothing of it was written, and nobody else has heard of its prefix.
            self.domain.seal();
            self.barrier.others.remove(self.domain.prefix());
        }
    }
}
