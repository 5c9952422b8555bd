//! A part of a transaction.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BarrierError, Names, Transaction};

/// A [`Transaction`] with a prefix before each key: all that an engine gets to see of storage.
#[derive(Clone)]
pub struct View<'a> {
    transaction: &'a Transaction,
    prefix: String,
}

impl<'a> View<'a> {
    pub(super) fn new(transaction: &'a Transaction, prefix: String) -> Self {
        Self { transaction, prefix }
    }

    /// The prefix of all keys of this view.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The transaction that this view is a part of.
    pub fn transaction(&self) -> &'a Transaction {
        self.transaction
    }

    /// A view of the keys of this one that begin with `prefix`.
    pub fn view(&self, prefix: &str) -> View<'a> {
        Self { transaction: self.transaction, prefix: self.key(prefix) }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// See [`Transaction::get`].
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BarrierError> {
        self.transaction.get(&self.key(key)).await
    }

    /// See [`Transaction::get_json`].
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, BarrierError> {
        self.transaction.get_json(&self.key(key)).await
    }

    /// See [`Transaction::put`].
    pub fn put(&self, key: &str, value: impl Into<Bytes>) {
        self.transaction.put(self.key(key), value);
    }

    /// See [`Transaction::put_json`].
    pub fn put_json<T: Serialize + ?Sized>(&self, key: &str, record: &T) -> Result<(), BarrierError> {
        self.transaction.put_json(&self.key(key), record)
    }

    /// See [`Transaction::delete`].
    pub fn delete(&self, key: &str) {
        self.transaction.delete(self.key(key));
    }

    /// See [`Transaction::list`].
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, BarrierError> {
        self.transaction.list(&self.key(prefix), after, limit).await
    }

    /// See [`Transaction::list_all`].
    pub(crate) async fn list_all(&self, prefix: &str) -> Result<Names, BarrierError> {
        self.transaction.list_all(&self.key(prefix)).await
    }

    /// As [`Transaction::scan_keys`], the keys relative to this view.
    pub async fn scan_keys(&self, prefix: &str) -> Result<Vec<String>, BarrierError> {
        let mut keys = self.transaction.scan_keys(&self.key(prefix)).await?;
        for key in &mut keys {
            key.drain(..self.prefix.len());
        }
        Ok(keys)
    }

    /// See [`Transaction::has_any`].
    pub async fn has_any(&self, prefix: &str) -> Result<bool, BarrierError> {
        self.transaction.has_any(&self.key(prefix)).await
    }
}
