//! What tokens and leases need of the rest of the core.

use std::sync::Arc;

use async_trait::async_trait;

use crate::barrier::Transaction;
use crate::core::acl::{self, AclRequest};
use crate::core::context::Context;
use crate::core::engine::AnyEngine;
use crate::core::error::Error;
use crate::core::limits::TtlLimits;
use crate::core::mount::Mount;
use crate::core::namespace::Namespace;
use crate::core::policies::{self, PolicyRecord};
use crate::core::state::Core;
use crate::core::topology::Space;

/// The core, as tokens, leases, wrapping and identities see it.
#[async_trait]
pub(crate) trait Surroundings: Send + Sync {
    /// The namespace with this id; `None` also for one that is being deleted, or is sealed.
    ///
    /// # Errors
    /// While sealed nobody knows whether it is there.
    fn namespace(&self, id: &str) -> Result<Option<Arc<Namespace>>, Error>;

    /// Whether the namespace with this id may be one in `above` that is sealed by a seal of its own, or lies in such: those
    /// are not known, and neither are those that are gone.
    fn may_be_sealed(&self, id: &str, above: &Namespace) -> bool;

    /// Whether the namespace with this id is known to be sealed by a seal of its own.
    fn is_sealed(&self, id: &str) -> bool;

    /// All namespaces that are not sealed.
    fn namespaces(&self) -> Vec<Arc<Namespace>>;

    /// The mount that answers `path` of `namespace`, even one that takes no requests any more.
    fn mount_at(&self, namespace: &Namespace, path: &str) -> Option<Home>;

    /// Refuses what is asked of `namespace` while it, or one that it lies in, is locked.
    ///
    /// # Errors
    /// 503 with the name of the locked one.
    fn require_unlocked(&self, namespace: &Namespace) -> Result<(), Error>;

    /// Whether the token of the request has `sudo` at its path.
    async fn has_sudo(&self, cx: &Context<'_>) -> Result<bool, Error>;

    /// Whether `namespace` has the policy `name` (normalized), built-in ones included.
    async fn has_policy(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        name: &str,
    ) -> Result<bool, Error>;
}

/// A mount with its engine: where a lease or a login was made.
pub(crate) struct Home {
    /// The mount.
    pub(crate) mount: Mount,
    /// Its engine; `None`: of a type that is not built.
    pub(crate) engine: Option<Arc<dyn AnyEngine>>,
}

#[async_trait]
impl Surroundings for Core {
    fn namespace(&self, id: &str) -> Result<Option<Arc<Namespace>>, Error> {
        let topology = self.open_topology()?;
        let space = topology.by_id(id).filter(|space| !space.namespace.tainted && !space.is_sealed);
        Ok(space.map(|space| Arc::clone(&space.namespace)))
    }

    fn may_be_sealed(&self, id: &str, above: &Namespace) -> bool {
        let Some(topology) = self.topology() else { return false };
        let is_meant = |space: &Arc<Space>| space.is_sealed && space.namespace.is_within(above);
        match topology.by_id(id) {
            Some(space) => is_meant(space),
            None => topology.spaces().any(is_meant),
        }
    }

    fn is_sealed(&self, id: &str) -> bool {
        self.topology().is_some_and(|topology| topology.by_id(id).is_some_and(|space| space.is_sealed))
    }

    fn namespaces(&self) -> Vec<Arc<Namespace>> {
        let Some(topology) = self.topology() else { return Vec::new() };
        let open = topology.spaces().filter(|space| !space.is_sealed);
        open.map(|space| Arc::clone(&space.namespace)).collect()
    }

    fn mount_at(&self, namespace: &Namespace, path: &str) -> Option<Home> {
        let topology = self.topology()?;
        let (mounted, _) = topology.space(&namespace.path)?.route(path)?;
        Some(Home { mount: mounted.mount.clone(), engine: mounted.engine.clone() })
    }

    fn require_unlocked(&self, namespace: &Namespace) -> Result<(), Error> {
        self.open_topology()?.require_unlocked(&namespace.path)
    }

    async fn has_sudo(&self, cx: &Context<'_>) -> Result<bool, Error> {
        let acl = self.acl_of(cx.request()).await?;
        let request = AclRequest {
            operation: acl::Operation::Update,
            namespace: &cx.request().namespace.path,
            path: &cx.request().path,
            parameters: None,
            wrap_ttl: None,
        };
        Ok(acl.check(&request).sudo)
    }

    async fn has_policy(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        name: &str,
    ) -> Result<bool, Error> {
        if matches!(name, "root" | "response-wrapping") {
            return Ok(true);
        }
        let key = format!("{}{name}", policies::policy_prefix(namespace));
        let record: Option<PolicyRecord> = transaction.get_json(&key).await?;
        let now = self.clock.now().as_microsecond();
        Ok(record.is_some_and(|record| record.ends_at().is_none_or(|end| now < end)))
    }
}

impl<'a> Context<'a> {
    /// This request as another mount sees it, for what the core asks of the mount's engine.
    pub(crate) fn at<'b>(&'b self, mount: &'b Mount, prefix: &'b str, limits: TtlLimits) -> Context<'b>
    where
        'a: 'b,
    {
        Context {
            core: self.core,
            request: self.request,
            mount,
            path: "",
            captures: Vec::new(),
            input: schemas::Record::new(),
            transaction: self.transaction,
            next: self.next,
            is_repeated: self.is_repeated,
            prefix,
            limits,
            now: self.now,
        }
    }
}
