//! Storage that stops where a test wants to look.

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::storage::{Batch, InmemStorage, Storage, StorageError};

/// Storage in memory with a gate behind all scans and one behind all commits: what was scanned is not answered yet, and
/// what is committed can be read already.
#[derive(Default)]
pub(crate) struct HeldStorage {
    inner: InmemStorage,
    pub(crate) scans: Gate,
    pub(crate) commits: Gate,
}

/// Open until a test closes it, and then closed to one who comes by.
#[derive(Default)]
pub(crate) struct Gate {
    closed_to: Mutex<Option<&'static str>>,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// Stops the next who comes by with a key that begins with `prefix`.
    pub(crate) fn close_to(&self, prefix: &'static str) {
        *self.closed_to.lock() = Some(prefix);
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets go who stands before it.
    pub(crate) fn open(&self) {
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

#[async_trait]
impl Storage for HeldStorage {
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
