//! The end of tokens, and their use.

use jiff::Timestamp;

use super::store::children_prefix;
use super::{TokenEntry, Tokens};
use crate::barrier::{Claim, Transaction};
use crate::core::clearing::{AT_ONCE, Leftover};
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;

impl Tokens {
    /// Ends the token `id` and all its descendants: their records, cubbyholes and leases, in `transaction`.
    /// Leased secrets get due at once. Of a large tree a part is only made useless, and cleared away later. No error
    /// if it is not there.
    pub(crate) async fn revoke_tree(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (mut pending, mut room) = (vec![id.to_owned()], AT_ONCE);
        while let Some(id) = pending.pop() {
            let Some(entry) = self.read(transaction, &id).await? else { continue };
            self.end(transaction, &entry, now).await?;
            match self.children(transaction, &entry.id, room + 1).await? {
                children if children.len() <= room => {
                    room -= children.len();
                    pending.extend(self.take_out(transaction, &entry.id, children)?);
                }
                _ => self.leave(transaction, Leftover::Children(entry.id))?,
            }
        }
        Ok(())
    }

    /// Ends some descendants of the token `id`, which is revoked already. Answers whether none are left.
    pub(crate) async fn revoke_children(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        // With its namespace everything went.
        if self.namespace_of(id)?.is_none() {
            return Ok(true);
        }
        let children = self.children(transaction, id, AT_ONCE).await?;
        let is_done = children.len() < AT_ONCE;
        for child in self.take_out(transaction, id, children)? {
            let Some(entry) = self.read(transaction, &child).await? else { continue };
            self.end(transaction, &entry, now).await?;
            if !self.children(transaction, &child, 1).await?.is_empty() {
                self.leave(transaction, Leftover::Children(child))?;
            }
        }
        Ok(is_done)
    }

    /// Ends the token `id`; its children live on without parent.
    ///
    /// # Errors
    /// 503 if one of them lies in a namespace that is sealed: it could not be told, and would end with its parent.
    pub(crate) async fn revoke_orphan(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(entry) = self.read(transaction, id).await? else { return Ok(()) };
        let namespace = self.namespace_of(id)?.ok_or_else(|| Error::internal("a token without namespace"))?;
        self.end(transaction, &entry, now).await?;
        let children = self.children(transaction, id, usize::MAX).await?;
        for child in self.take_out(transaction, id, children)? {
            match self.read(transaction, &child).await? {
                Some(mut child) => {
                    child.parent.clear();
                    self.rewrite(transaction, &child)?;
                }
                None if self.may_be_sealed(&child, &namespace)? => return Err(Error::namespace_sealed()),
                None => {}
            }
        }
        Ok(())
    }

    /// Ends `entry` alone. Its children stay where they are, and are good for nothing without it.
    async fn end(&self, transaction: &Transaction, entry: &TokenEntry, now: Timestamp) -> Result<(), Error> {
        let namespace =
            self.namespace_of(&entry.id)?.ok_or_else(|| Error::internal("a token without namespace"))?;
        if let Some(cubbyhole) = self.cubbyhole(&namespace, entry)? {
            self.clearing().delete_all(transaction, &namespace.domain(), &cubbyhole).await?;
        }
        if !self.leases.end_all_of(transaction, &namespace, &entry.id, now).await? {
            self.leave(transaction, Leftover::Secrets(entry.id.clone()))?;
        }
        self.erase(transaction, &namespace, entry)
    }

    /// Makes the secrets due that were leased under the token `id`, which has ended, in namespaces that were sealed then.
    ///
    /// # Errors
    /// If one of these still is.
    pub(crate) async fn end_secrets_of(
        &self,
        transaction: &Transaction,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(true) };
        match self.leases.end_all_of(transaction, &namespace, id, now).await? {
            true => Ok(true),
            false => Err(Error::namespace_sealed()),
        }
    }

    /// Notes `leftover`, which is of a token, where that is.
    fn leave(&self, transaction: &Transaction, leftover: Leftover) -> Result<(), Error> {
        let (Leftover::Children(id) | Leftover::Secrets(id)) = &leftover else { return Ok(()) };
        let namespace = self.namespace_of(id)?.ok_or_else(|| Error::internal("a token without namespace"))?;
        self.clearing().leave(transaction, &namespace.domain(), &leftover)
    }

    /// Stored names of children of the token `id`, at most `limit`.
    async fn children(
        &self,
        transaction: &Transaction,
        id: &str,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(Vec::new()) };
        let prefix = children_prefix(&namespace, id);
        let keys = transaction.first_keys(&prefix, limit).await?;
        Ok(keys.into_iter().map(|key| key[prefix.len()..].to_owned()).collect())
    }

    /// Takes `children` off the list of those of the token `id`.
    fn take_out(
        &self,
        transaction: &Transaction,
        id: &str,
        children: Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let Some(namespace) = self.namespace_of(id)? else { return Ok(Vec::new()) };
        let prefix = children_prefix(&namespace, id);
        children.iter().for_each(|child| transaction.delete(format!("{prefix}{child}")));
        Ok(children)
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
        let mut claim = Claim::default();
        loop {
            claim.turn().await;
            let transaction = self.barrier.begin();
            let present = self.read(&transaction, &entry.id).await?;
            let Some(mut entry) = present.filter(|entry| entry.num_uses >= 0) else { return Ok(None) };
            entry.num_uses = match entry.num_uses {
                0 => return Ok(Some(entry)),
                1 => -1,
                uses => uses - 1,
            };
            self.rewrite(&transaction, &entry)?;
            if transaction.commit_with(&mut claim).await? {
                return Ok(Some(entry));
            }
        }
    }

    /// Ends the token `id` and all its descendants, in a transaction of its own.
    pub(crate) async fn revoke(&self, id: &str, now: Timestamp) -> Result<(), Error> {
        let mut claim = Claim::default();
        loop {
            claim.turn().await;
            let transaction = self.barrier.begin();
            self.revoke_tree(&transaction, id, now).await?;
            if transaction.commit_with(&mut claim).await? {
                return Ok(());
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
        let owner = self.surroundings()?.namespace(&entry.namespace)?;
        Ok(owner.filter(|owner| owner.is_within(namespace)).map(|_| entry))
    }
}
