//! Storage in the memory of the process, for `-dev` and for tests.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;

use super::{Batch, Storage, StorageError, Write};

/// Storage that ends with the process.
#[derive(Default)]
pub struct InmemStorage {
    entries: RwLock<BTreeMap<String, Bytes>>,
}

impl InmemStorage {
    /// Empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps every entry that [`Storage::scan`] would return.
    fn collect<T>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        entry: impl Fn(&String, &Bytes) -> T,
    ) -> Vec<T> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let entries = self.entries.read();
        entries
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| entry(key, value))
            .collect()
    }
}

#[async_trait]
impl Storage for InmemStorage {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        Ok(self.entries.read().get(key).cloned())
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Bytes)>, StorageError> {
        Ok(self.collect(prefix, after, limit, |key, value| (key.clone(), value.clone())))
    }

    async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(self.collect(prefix, after, limit, |key, _| key.clone()))
    }

    async fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let mut entries = self.entries.write();
        for (key, write) in batch {
            match write {
                Write::Delete => entries.remove(&key),
                Write::Put(value) => entries.insert(key, value),
            };
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        "inmem"
    }
}
