//! Namespaces that have a seal of their own: what is forgotten when one is sealed, and read when it is unsealed.
//!
//! A sealed namespace is there for those who ask for its seal, and for nobody else: its mounts, its tokens and the
//! namespaces in it are not known before it is unsealed. What is left to be done in it, such as ending leases, is left.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::Error;
use super::namespace::Namespace;
use super::state::{Core, load_domain};
use crate::seal::{Seal, SecretBytes};

/// The seals of namespaces that were asked for, by the prefix of what they guard.
#[derive(Default)]
pub(crate) struct Seals(Mutex<HashMap<String, Arc<Seal>>>);

impl Seals {
    /// Forgets those that guard something below `prefix`, and with them all shares that were entered.
    fn forget_below(&self, prefix: &str) {
        self.0.lock().retain(|known, _| !known.starts_with(prefix));
    }

    /// Forgets all, for sealing the server.
    pub(super) fn clear(&self) {
        self.forget_below("");
    }
}

impl Core {
    /// The seal of `namespace`; `None` if it has none of its own.
    pub(crate) fn seal_of(&self, namespace: &Namespace) -> Option<Arc<Seal>> {
        if namespace.is_root() {
            return Some(Arc::clone(&self.seal));
        }
        if !namespace.sealable {
            return None;
        }
        let mut seals = self.seals.0.lock();
        let seal = seals.entry(namespace.storage_prefix()).or_insert_with_key(|prefix| {
            Arc::new(Seal::of(Arc::clone(&self.barrier), self.barrier.domain(prefix)))
        });
        Some(Arc::clone(seal))
    }

    /// Seals `namespace` and all below it: requests are refused from now on, and everything decrypted is forgotten. Goes
    /// on if nobody waits for it any more.
    pub(crate) async fn seal_namespace(
        self: &Arc<Self>,
        namespace: &Arc<Namespace>,
        seal: Arc<Seal>,
    ) -> Result<(), Error> {
        let (core, namespace) = (Arc::clone(self), Arc::clone(namespace));
        let sealing = tokio::spawn(async move {
            let _opening = core.opening.lock().await;
            core.seal_now(&namespace, &seal).await
        });
        sealing.await.map_err(Error::internal)?
    }

    /// As [`seal_namespace`](Self::seal_namespace), for who has the lock.
    async fn seal_now(self: &Arc<Self>, namespace: &Namespace, seal: &Seal) -> Result<(), Error> {
        // Another namespace may have come to its place meanwhile.
        if self.open_topology()?.by_id(&namespace.id).is_none() {
            return Err(Error::invalid("namespace doesn't exist"));
        }
        // First: what is committed without the namespaces would take them for gone.
        let sealed = if seal.domain().is_sealed() { Ok(()) } else { seal.seal().await };
        let mut gone = BTreeSet::new();
        self.topology_writer
            .stop_for(async {
                let Some(topology) = self.topology() else { return };
                if topology.by_id(&namespace.id).is_none_or(|space| space.is_sealed) {
                    return;
                }
                let below = topology.below(&namespace.path, true).into_values();
                gone = below.map(|space| space.namespace.id.clone()).collect();
                gone.insert(namespace.id.clone());
                self.publish(&topology.with_sealed(&namespace.path));
            })
            .await;
        self.seals.forget_below(&format!("{}{}", namespace.storage_prefix(), crate::barrier::NAMESPACES));
        if !gone.is_empty() {
            self.forget_namespaces(&gone);
        }
        sealed.map_err(Error::from)
    }

    /// Forgets all that memory holds of the namespaces with these ids, and much that it holds of others.
    fn forget_namespaces(&self, ids: &BTreeSet<String>) {
        self.tokens.forget_namespaces(ids);
        self.acls.clear();
        self.identities.clear();
        self.identity_pairs.clear();
        self.mfa.forget_namespaces(ids);
        self.codes.forget_namespaces(ids);
    }

    /// Enters a share for `namespace`. The one that reaches the threshold unseals it; namespaces in it that have seals of
    /// their own stay sealed. Goes on if nobody waits for it any more.
    pub(crate) async fn unseal_namespace(
        self: &Arc<Self>,
        namespace: &Arc<Namespace>,
        seal: Arc<Seal>,
        share: SecretBytes,
    ) -> Result<(), Error> {
        let (core, namespace) = (Arc::clone(self), Arc::clone(namespace));
        let unsealing = tokio::spawn(async move {
            let _opening = core.opening.lock().await;
            // One that it lies in may be sealed since it was found.
            if core.open_topology()?.by_id(&namespace.id).is_none() {
                return Err(Error::namespace_sealed());
            }
            if seal.unseal_share(share).await?.sealed {
                return Ok(());
            }
            let opened = core.open_namespace(&namespace).await;
            if opened.is_err() {
                core.seal_now(&namespace, &seal).await?;
            }
            opened
        });
        unsealing.await.map_err(Error::internal)?
    }

    /// Reads what there is in `namespace`, which is unsealed. Requests are served from then on.
    async fn open_namespace(self: &Arc<Self>, namespace: &Namespace) -> Result<(), Error> {
        let load = async {
            let present = self.open_topology()?;
            let space = present.by_id(&namespace.id).ok_or_else(Error::not_found)?;
            if !space.is_sealed {
                return Ok(Vec::new());
            }
            let mut next = (*present).clone();
            let opened = load_domain(&self.barrier, &mut next, Arc::clone(&space.namespace)).await?;
            self.publish(&Arc::new(next));
            Ok::<_, Error>(opened)
        };
        let opened = self.topology_writer.stop_for(load).await?;
        if !opened.is_empty() {
            self.start_restoring(opened);
            self.tokens.clearing().wake();
        }
        Ok(())
    }

    /// Prefixes of what is encrypted by the keys of the server and of the namespaces that are served: those of one that
    /// is just being unsealed are not.
    pub(crate) fn served_domains(&self) -> Vec<String> {
        let Some(topology) = self.topology() else { return vec![String::new()] };
        let open = topology.spaces().filter(|space| space.namespace.sealable && !space.is_sealed);
        std::iter::once(String::new()).chain(open.map(|space| space.namespace.storage_prefix())).collect()
    }

    /// Forgets the seals of all that is stored below `prefix`, which is deleted: it may be cleared away without keys.
    pub(crate) fn abandon_below(&self, prefix: &str) {
        self.barrier.abandon_below(prefix);
        self.seals.forget_below(prefix);
    }
}

#[cfg(test)]
mod tests;
