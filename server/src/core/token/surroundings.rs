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

/// The core, as tokens, leases, wrapping and identities see it.
#[async_trait]
pub(crate) trait Surroundings: Send + Sync {
    /// The namespace with this id; `None` also for one that is being deleted, or is sealed.
    ///
    /// # Errors
    /// While sealed nobody knows whether it is there.
    fn namespace(&self, id: &str) -> Result<Option<Arc<Namespace>>, Error>;

    /// The namespace with this id, if it is sealed by a seal of its own. One that lies in it is not known.
    fn sealed_namespace(&self, id: &str) -> Option<Arc<Namespace>>;

    /// All namespaces that are not sealed.
    fn namespaces(&self) -> Vec<Arc<Namespace>>;

    /// The mount that answers `path` of `namespace`, even one that takes no requests any more.
    fn mount_at(&self, namespace: &Namespace, path: &str) -> Option<Home>;

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

    fn sealed_namespace(&self, id: &str) -> Option<Arc<Namespace>> {
        let topology = self.topology()?;
        let space = topology.by_id(id).filter(|space| space.is_sealed)?;
        Some(Arc::clone(&space.namespace))
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
        let now = self.clock.now().as_second();
        Ok(record.is_some_and(|record| record.expiration.is_none_or(|end| now < end)))
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
