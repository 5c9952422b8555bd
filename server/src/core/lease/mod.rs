//! Leases: when tokens and secrets end.
//!
//! A lease is a record under its id, written with the secret or the token that it ends. The [queue] in memory only
//! tells when to look: who takes a lease out of it reads the record.

mod expiry;
mod paths;
mod queue;
mod record;
mod secrets;

use std::sync::Arc;

use jiff::Timestamp;

use super::error::Error;
use super::namespace::Namespace;
use super::token::TokenEntry;
use crate::barrier::{BarrierError, Transaction};
use queue::Queue;

pub(crate) use paths::ROUTES;
pub(crate) use record::{LeaseRecord, SecretLease};

/// All leases of the server.
pub(crate) struct Leases {
    queue: Arc<Queue>,
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self { queue: Arc::new(Queue::new()) }
    }

    /// Forgets all that is due, for sealing.
    pub(crate) fn close(&self) {
        self.queue.clear();
    }

    /// Watches those whose id `is_meant` no more.
    pub(crate) fn forget(&self, is_meant: impl Fn(&str) -> bool) {
        self.queue.retain(|id| !is_meant(id));
    }

    /// How many are watched.
    pub(crate) fn watched(&self) -> usize {
        self.queue.len()
    }

    /// Writes the lease of a token.
    pub(crate) fn register_token(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) -> Result<(), Error> {
        let id = entry.lease_id();
        transaction.put_json(&lease_key(namespace, &id), &LeaseRecord::Token)?;
        self.watch(transaction, id, entry.expires_at);
        Ok(())
    }

    /// Removes the lease of a token.
    pub(crate) fn unregister_token(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) {
        transaction.delete(lease_key(namespace, &entry.lease_id()));
        self.unwatch(transaction, entry.lease_id(), entry.expires_at);
    }

    /// Lets the lease `id` be looked at when it ends.
    pub(crate) fn watch(&self, transaction: &Transaction, id: String, end: Option<Timestamp>) {
        let Some(end) = end else { return };
        let queue = Arc::clone(&self.queue);
        transaction.after_commit(Box::new(move || queue.add(id, end)));
    }

    /// Lets the lease `id`, which was to end at `end`, not be looked at any more.
    pub(crate) fn unwatch(&self, transaction: &Transaction, id: String, end: Option<Timestamp>) {
        let Some(end) = end else { return };
        let queue = Arc::clone(&self.queue);
        transaction.after_commit(Box::new(move || queue.remove(id, end)));
    }

    /// Writes the lease `id` of a secret as it is now, and lets it be looked at when it ends.
    pub(crate) fn write_secret(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
        lease: &SecretLease,
    ) -> Result<(), Error> {
        self.write_secret_until(transaction, namespace, id, lease, lease.expires_at)
    }

    /// As [`write_secret`](Self::write_secret), to be looked at `next`.
    pub(crate) fn write_secret_until(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
        lease: &SecretLease,
        next: Timestamp,
    ) -> Result<(), Error> {
        let record = LeaseRecord::Secret(Box::new(lease.clone()));
        transaction.put_json(&lease_key(namespace, id), &record)?;
        self.watch(transaction, id.to_owned(), Some(next));
        Ok(())
    }

    /// Makes all secrets that were leased under the token `id` due now. `namespace` is the token's. False if some are in
    /// a namespace that is sealed: these stay as they are.
    pub(crate) async fn end_all_of(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut are_all = true;
        let prefix = leases_of_prefix(namespace, id);
        for key in transaction.scan_keys(&prefix).await? {
            let lease = key[prefix.len()..].to_owned();
            let place: Option<String> = transaction.get_json(&key).await?;
            let Some(place) = place else { continue };
            let found = match transaction.get_json(&place).await {
                Err(BarrierError::NamespaceSealed) => {
                    are_all = false;
                    continue;
                }
                found => found?,
            };
            if let Some(LeaseRecord::Secret(mut record)) = found {
                self.unwatch(transaction, lease.clone(), Some(record.expires_at));
                record.expires_at = record.expires_at.min(now);
                transaction.put_json(&place, &LeaseRecord::Secret(record))?;
                self.watch(transaction, lease, Some(now));
            }
            transaction.delete(key);
        }
        Ok(are_all)
    }
}

/// Where the lease `id` of `namespace` is stored.
pub(crate) fn lease_key(namespace: &Namespace, id: &str) -> String {
    format!("{}sys/expire/id/{id}", namespace.storage_prefix())
}

/// The stored name of the token that the lease `id` of a token ends.
pub(crate) fn token_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Before the ids of all leases under the token `token` of `namespace`.
fn leases_of_prefix(namespace: &Namespace, token: &str) -> String {
    format!("{}sys/expire/token/{token}/", namespace.storage_prefix())
}
