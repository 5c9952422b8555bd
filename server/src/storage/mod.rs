//! Ordered keys with bytes behind them, written in atomic batches.
//!
//! The barrier is the only caller: what arrives here is already encrypted, except for the few entries that
//! are needed before unsealing. A backend has four operations, so that one over PostgreSQL or over Raft is
//! one file and no engine notices it.

mod batch;
mod error;
mod faulty;
mod file;
mod inmem;

use async_trait::async_trait;
use bytes::Bytes;

pub use batch::{Batch, Write};
pub use error::StorageError;
pub use faulty::{FaultyStorage, Gate};
pub use file::FileStorage;
pub use inmem::InmemStorage;

/// A durable ordered map from keys to bytes.
///
/// Keys are non-empty UTF-8 and ordered by their bytes. Every implementation gives the same guarantees:
/// a batch is applied whole or not at all, a read sees only whole batches, and what
/// [`commit`](Storage::commit) has acknowledged survives a crash (in so far as the backend survives at all:
/// `inmem` ends with its process).
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// The bytes under `key`, or `None` if there is no such key.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError>;

    /// Keys that start with `prefix` and their bytes, in byte order, strictly after `after`, at most `limit`.
    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Bytes)>, StorageError>;

    /// As [`scan`](Storage::scan), without the bytes.
    async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;

    /// Applies all of `batch` or nothing. Durable when it returns.
    ///
    /// # Errors
    /// After an error nothing of the batch is visible, except after [`StorageError::Uncertain`], where the
    /// backend cannot tell and refuses further commits until it is opened again.
    async fn commit(&self, batch: Batch) -> Result<(), StorageError>;

    /// The name that `seal-status` shows as `storage_type`: `inmem`, `file`, …
    fn kind(&self) -> &'static str;
}

#[cfg(test)]
mod tests;
