//! Embedded durable storage: one redb file in a folder of its own.
//!
//! One thread writes. It takes every batch that has queued up while the previous sync ran, applies them in
//! order in one redb transaction and syncs once, so a sync under load is shared by many requests. Readers
//! work on the last committed tree and never wait for the writer.

mod database;
mod disk;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Batch, Storage, StorageError};
use database::Database;
use writer::{Job, Writer};

/// The file inside of the configured folder.
const FILE_NAME: &str = "lockstep.redb";

/// Storage in a folder of the local disk (`storage "file" { path = … }`).
///
/// Dropping it waits until everything that was handed over is written.
pub struct FileStorage {
    database: Arc<Database>,
    writer: Writer,
}

impl FileStorage {
    /// Opens the storage in `folder`; creates both if they are not there.
    ///
    /// After a crash the file is checked and repaired, which takes about a quarter of a second per gigabyte.
    ///
    /// # Errors
    /// [`StorageError::Locked`] if another process has it open, [`StorageError::Damaged`] if the file is not
    /// ours or torn, [`StorageError::Io`] if the folder cannot be used.
    pub fn open(folder: &Path) -> Result<Self, StorageError> {
        let database = Arc::new(Database::open(folder)?);
        let writer = Writer::start(Arc::clone(&database))?;
        Ok(Self { database, writer })
    }

    /// How many syncs the disk was asked for since this was opened.
    pub fn syncs(&self) -> u64 {
        self.database.gauge().syncs()
    }
}

#[async_trait]
impl Storage for FileStorage {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        self.database.get(key)
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Bytes)>, StorageError> {
        let entry = |key: &str, value: &[u8]| (key.to_owned(), Bytes::copy_from_slice(value));
        self.database.collect(prefix, after, limit, entry)
    }

    async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        self.database.collect(prefix, after, limit, |key, _| key.to_owned())
    }

    async fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Job { batch, answer })?;
        answered.await.unwrap_or_else(|_| Err(writer::gone()))
    }

    fn kind(&self) -> &'static str {
        "file"
    }
}

#[cfg(test)]
mod tests;
