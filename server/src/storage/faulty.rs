//! Storage that fails when a test wants it to, and stops where a test wants to look.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Batch, InmemStorage, Storage, StorageError};

/// Wraps another storage and fails chosen commits, whole: a failed batch leaves no trace. There is a gate behind all scans
/// of keys and one behind all commits: what was scanned is not answered yet, and what is committed can be read already.
pub struct FaultyStorage<S> {
    inner: S,
    /// Commits asked for so far.
    count: AtomicU64,
    fails: Box<dyn Fn(u64) -> bool + Send + Sync>,
    /// Behind scans of keys, by their prefixes.
    pub scans: Gate,
    /// Behind commits, by the keys of their batches.
    pub commits: Gate,
}

impl Default for FaultyStorage<InmemStorage> {
    /// Storage in memory that does not fail.
    fn default() -> Self {
        Self::failing_when(InmemStorage::new(), |_| false)
    }
}

/// Open until a test closes it, and then closed to one who comes by.
#[derive(Default)]
pub struct Gate {
    closed_to: Mutex<Option<&'static str>>,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// Stops the next who comes by with a key that begins with `prefix`.
    pub fn close_to(&self, prefix: &'static str) {
        *self.closed_to.lock() = Some(prefix);
    }

    /// Waits until somebody stands before it.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets go who stands before it.
    pub fn open(&self) {
        self.opened.notify_one();
    }

    fn takes<'a>(&self, mut keys: impl Iterator<Item = &'a str>) -> bool {
        let mut closed_to = self.closed_to.lock();
        let is_closed = closed_to.is_some_and(|prefix| keys.any(|key| key.starts_with(prefix)));
        if is_closed {
            *closed_to = None;
        }
        is_closed
    }

    async fn wait(&self) {
        self.reached.notify_one();
        self.opened.notified().await;
    }
}

impl<S: Storage> FaultyStorage<S> {
    /// Fails the `nth` commit (the first is 1) and no other.
    pub fn failing_nth(inner: S, nth: u64) -> Self {
        Self::failing_when(inner, move |count| count == nth)
    }

    /// Fails about one commit in `one_in`, the same ones for the same `seed`.
    pub fn failing_seeded(inner: S, seed: u64, one_in: u64) -> Self {
        Self::failing_when(inner, move |count| mix(seed ^ count).is_multiple_of(one_in.max(1)))
    }

    fn failing_when(inner: S, fails: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        let (scans, commits) = (Gate::default(), Gate::default());
        Self { inner, count: AtomicU64::new(0), fails: Box::new(fails), scans, commits }
    }

    /// How many commits were asked for so far, failed ones included.
    pub fn commits(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// The storage underneath.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// The output function of SplitMix64: neighbouring inputs give unrelated outputs.
fn mix(input: u64) -> u64 {
    let mut value = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[async_trait]
impl<S: Storage> Storage for FaultyStorage<S> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        self.inner.get(key).await
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Bytes)>, StorageError> {
        self.inner.scan(prefix, after, limit).await
    }

    async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let keys = self.inner.scan_keys(prefix, after, limit).await;
        if self.scans.takes(std::iter::once(prefix)) {
            self.scans.wait().await;
        }
        keys
    }

    async fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if (self.fails)(count) {
            return Err(StorageError::Unavailable {
                cause: format!("commit {count} was made to fail").into(),
            });
        }
        let is_held = self.commits.takes(batch.iter().map(|(key, _)| key));
        self.inner.commit(batch).await?;
        if is_held {
            self.commits.wait().await;
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
}
