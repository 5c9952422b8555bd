//! Storage that fails when a test wants it to.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Batch, Storage, StorageError};

/// Wraps another storage and fails chosen commits, whole: a failed batch leaves no trace.
pub struct FaultyStorage<S> {
    inner: S,
    /// Commits asked for so far.
    commits: AtomicU64,
    fails: Box<dyn Fn(u64) -> bool + Send + Sync>,
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
        Self { inner, commits: AtomicU64::new(0), fails: Box::new(fails) }
    }

    /// How many commits were asked for so far, failed ones included.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
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
        self.inner.scan_keys(prefix, after, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let count = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if (self.fails)(count) {
            return Err(StorageError::Unavailable {
                cause: format!("commit {count} was made to fail").into(),
            });
        }
        self.inner.commit(batch).await
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
}
