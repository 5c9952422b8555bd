//! The end of tokens, and their use.

use jiff::Timestamp;

use super::store::children_prefix;
use super::{TokenEntry, Tokens};
use crate::barrier::{CommitError, Transaction};
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;

impl Tokens {
    /// Ends the token `id` and all its descendants: their records, cubbyholes and leases, in `transaction`.
    /// Leased secrets get due at once. No error if it is not there.
    pub(crate) async fn revoke_tree(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut pending = vec![id.to_owned()];
        while let Some(id) = pending.pop() {
            if let Some(entry) = self.read(transaction, &id).await? {
                pending.extend(self.end(transaction, &entry, now).await?);
            }
        }
        Ok(())
    }

    /// Ends the token `id`; its children live on without parent.
    pub(crate) async fn revoke_orphan(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(entry) = self.read(transaction, id).await? else { return Ok(()) };
        for child in self.end(transaction, &entry, now).await? {
            if let Some(mut child) = self.read(transaction, &child).await? {
                child.parent.clear();
                self.rewrite(transaction, &child)?;
            }
        }
        Ok(())
    }

    /// Ends `entry` alone; answers its children.
    async fn end(
        &self,
        transaction: &Transaction,
        entry: &TokenEntry,
        now: Timestamp,
    ) -> Result<Vec<String>, Error> {
        let namespace =
            self.namespace_of(&entry.id)?.ok_or_else(|| Error::internal("a token without namespace"))?;
        self.destroy_cubbyhole(transaction, &namespace, entry).await?;
        self.leases.end_all_of(transaction, &namespace, &entry.id, now).await?;
        let prefix = children_prefix(&namespace, &entry.id);
        let children = transaction.scan_keys(&prefix).await?;
        for key in &children {
            transaction.delete(key.clone());
        }
        self.erase(transaction, &namespace, entry)?;
        Ok(children.into_iter().map(|key| key[prefix.len()..].to_owned()).collect())
    }

    async fn destroy_cubbyhole(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) -> Result<(), Error> {
        let Some(prefix) = self.cubbyhole(namespace, entry)? else { return Ok(()) };
        for key in transaction.scan_keys(&prefix).await? {
            transaction.delete(key);
        }
        Ok(())
    }

    /// Before all keys of the cubbyhole of `entry`.
    pub(crate) fn cubbyhole(
        &self,
        namespace: &Namespace,
        entry: &TokenEntry,
    ) -> Result<Option<String>, Error> {
        if entry.cubbyhole_id.is_empty() {
            return Ok(None);
        }
        let home = self.surroundings()?.mount_at(namespace, "cubbyhole/");
        Ok(home.map(|home| format!("{}{}/", home.mount.storage_prefix(), entry.cubbyhole_id)))
    }

    /// Counts one use of a token with limited uses, in a transaction of its own, so that it counts also if the
    /// request is denied. Answers the entry as it is for this use; its `num_uses` is -1 on the last one, and then the
    /// caller must [revoke](Self::revoke) it when the request is over. `None` if another request was faster.
    pub(crate) async fn spend(&self, entry: &TokenEntry) -> Result<Option<TokenEntry>, Error> {
        loop {
            let transaction = self.barrier.begin();
            let Some(mut entry) =
                self.read(&transaction, &entry.id).await?.filter(|entry| entry.num_uses >= 0)
            else {
                return Ok(None);
            };
            entry.num_uses = match entry.num_uses {
                0 => return Ok(Some(entry)),
                1 => -1,
                uses => uses - 1,
            };
            self.rewrite(&transaction, &entry)?;
            match transaction.commit().await {
                Ok(()) => return Ok(Some(entry)),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the token `id` and all its descendants, in a transaction of its own.
    pub(crate) async fn revoke(&self, id: &str, now: Timestamp) -> Result<(), Error> {
        loop {
            let transaction = self.barrier.begin();
            self.revoke_tree(&transaction, id, now).await?;
            match transaction.commit().await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The entry of the token in a request body, if it may be used and acted on in `namespace`: it belongs to it or
    /// to a namespace below.
    pub(crate) async fn lookup_within(
        &self,
        token: &ClientToken,
        namespace: &Namespace,
        now: Timestamp,
    ) -> Result<Option<std::sync::Arc<TokenEntry>>, Error> {
        let Some(entry) = self.lookup(token, now).await? else { return Ok(None) };
        let owner = self.surroundings()?.namespace(&entry.namespace);
        Ok(owner.filter(|owner| owner.is_within(namespace)).map(|_| entry))
    }
}
