//! A request that needs the approval of others: put away, and run once it is approved.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use schemas::acl::ControlGroup;

use super::stored::Deferral;
use super::{Approval, Approved, Asker, AskerAlias, Authorization};
use crate::barrier::{Claim, Transaction};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::{Entity, EntityAlias};
use crate::core::pipeline::{Reply, require_reachable};
use crate::core::request::{Inline, Request};
use crate::core::state::Core;
use crate::core::token::{TokenEntry, namespace_of};
use crate::core::topology::Topology;
use crate::core::wrap::WrapInfo;
use crate::core::wrapping::{self, Kept, Parcel};

/// How long a request waits at most if the rule does not say it: a day, as no one approves at night.
const WAIT: Duration = Duration::from_hours(24);

impl Core {
    /// Puts the request away until it is approved as `group` asks for.
    ///
    /// # Errors
    /// 400 for a token that could not run it later.
    pub(crate) async fn defer(&self, cx: &Context<'_>, group: &ControlGroup) -> Result<WrapInfo, Error> {
        let (request, token) = (cx.request(), cx.token()?);
        require_lasting(request, token.num_uses)?;
        let topology = self.open_topology()?;
        let asker = request.entity.as_deref().map(|entity| asker(entity, &topology)).unwrap_or_default();
        let approval = Approval::new(request.operation.as_str(), asker, &token.namespace, group);
        let parcel = Parcel {
            namespace: &request.namespace,
            path: &request.path,
            display_name: token.display_name.clone(),
            ttl: group.ttl.unwrap_or_else(|| request.wrap_ttl.map_or(WAIT, |ttl| ttl.min(WAIT))),
            kept: Kept::Request(Box::new(Deferral::new(request, approval))),
            status: None,
            accessor: String::new(),
        };
        let info = self.tokens.wrap(cx.transaction(), parcel, cx.now()).await?;
        self.in_format(request, info)
    }

    /// Runs the request that the wrapping token of `request` keeps, as the one who has asked for it: with its token as
    /// that is now, and with what that may do now. Who unwraps it needs nothing but the wrapping token.
    pub(in crate::core) fn run_stored<'a>(
        self: &'a Arc<Self>,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>> {
        Box::pin(async move {
            // A chain of them could be of any length.
            if request.approved.is_some() {
                return Err(Error::invalid(
                    "a request that was approved cannot itself run another one that was approved",
                ));
            }
            let mut stored = self.stored(request).await?;
            if stored.wrap_ttl.is_none() {
                (stored.wrap_ttl, stored.wrap_signed) = (request.wrap_ttl, request.wrap_signed);
            }
            let topology = self.open_topology()?;
            let space = topology.by_id(&stored.namespace.id).filter(|space| !space.namespace.tainted);
            let space = Arc::clone(space.ok_or_else(wrapping::invalid)?);
            require_reachable(&topology, &space, &stored.path)?;
            Ok(self.serve_in(&topology, &space, stored).await)
        })
    }

    /// The request that the wrapping token of `request` keeps.
    async fn stored(&self, request: &Request) -> Result<Request, Error> {
        let wrapping = wrapping::token_of(&request.parameters, &request.client_token)?;
        let entry = self.tokens.wrapping_entry(&wrapping, self.clock.now()).await?;
        let namespace = self.tokens.namespace_of(&entry.id)?.ok_or_else(wrapping::invalid)?;
        let transaction = self.barrier.begin();
        let approval = self.approval_now(&transaction, &entry).await?;
        let stored = self.tokens.stored_request(&transaction, &entry).await?;
        let (Some(approval), Some(stored)) = (approval.filter(Approval::is_met), stored) else {
            return Err(wrapping::invalid());
        };
        let approved = Approved { approval, wrapping: entry.id, is_used_up: false };
        stored.into_request(&namespace, &wrapping, approved)
    }

    /// What the request that `entry` keeps waits for, with the identities as they are now: those that were merged are one,
    /// and those that are gone approve nothing.
    pub(super) async fn approval_now(
        &self,
        transaction: &Transaction,
        entry: &TokenEntry,
    ) -> Result<Option<Approval>, Error> {
        let Some(mut approval) = self.tokens.approval(transaction, entry).await? else { return Ok(None) };
        if let Some(id) = self.id_now(transaction, &approval.asker.id).await? {
            approval.asker.id = id;
        }
        let excluded = (!approval.self_auth_allowed).then_some(&approval.asker.id);
        for factor in &mut approval.factors {
            let mut counted: Vec<Authorization> = Vec::new();
            for given in std::mem::take(&mut factor.authorizations) {
                let Some(entity_id) = self.id_now(transaction, &given.entity_id).await? else { continue };
                let is_known = counted.iter().any(|known| known.entity_id == entity_id);
                if !is_known && excluded != Some(&entity_id) {
                    counted.push(Authorization { entity_id, ..given });
                }
            }
            factor.authorizations = counted;
        }
        Ok(Some(approval))
    }

    /// The id that the entity `id` has now; `None` if it is gone.
    async fn id_now(&self, transaction: &Transaction, id: &str) -> Result<Option<String>, Error> {
        if id.is_empty() {
            return Ok(None);
        }
        let Some(namespace) = self.tokens.namespace_of(id)? else { return Ok(None) };
        Ok(self.identity_in(transaction, &namespace, id).await?.map(|entity| entity.id))
    }

    /// Before a request that was approved is run: its wrapping token must be there. One that `runs_once`, as it changes what
    /// no commit takes back, ends it here and now.
    pub(crate) async fn begin_approved(
        &self,
        transaction: &Transaction,
        request: &mut Request,
        runs_once: bool,
    ) -> Result<(), Error> {
        let Some(approved) = &mut request.approved else { return Ok(()) };
        if approved.is_used_up {
            return Ok(());
        }
        if !runs_once {
            let entry = self.tokens.read(transaction, &approved.wrapping).await?;
            return entry.map(|_| ()).ok_or_else(wrapping::invalid);
        }
        let mut claim = Claim::default();
        while !approved.is_used_up {
            claim.turn().await;
            let own = self.barrier.begin();
            self.tokens.end_wrapping(&own, &approved.wrapping, false, self.clock.now()).await?;
            approved.is_used_up = own.commit_with(&mut claim).await?;
        }
        Ok(())
    }

    /// Ends the wrapping token of a request that was approved, in the transaction of the request: it runs once, or has
    /// changed nothing. One that `is_unfinished` has more to do.
    pub(crate) async fn end_approved(
        &self,
        transaction: &Transaction,
        request: &Request,
        is_unfinished: bool,
    ) -> Result<(), Error> {
        match request.approved.as_deref() {
            Some(approved) if !approved.is_used_up && !is_unfinished => {
                let now = self.clock.now();
                self.tokens.end_wrapping(transaction, &approved.wrapping, false, now).await
            }
            _ => Ok(()),
        }
    }
}

/// Refuses tokens that end with this request: what is put away runs with the token that has asked.
fn require_lasting(request: &Request, num_uses: i64) -> Result<(), Error> {
    let problem = match request.inline {
        Inline::Proved => "a token of inline authentication ends with its request",
        _ if num_uses < 0 => "this was the last use of the token",
        _ => return Ok(()),
    };
    let text = "and a request that others must approve needs its token again once it is approved";
    Err(Error::invalid(format!("{problem}, {text}")))
}

fn asker(entity: &Entity, topology: &Topology) -> Asker {
    let namespace = namespace_of(&entity.id);
    let kind_of = |accessor: &str| {
        let mounts = topology.by_id(namespace).into_iter().flat_map(|space| space.mounts());
        let mut mounts = mounts.map(|(_, mounted)| mounted.entry());
        mounts.find(|entry| entry.accessor == accessor).map(|entry| entry.kind.clone()).unwrap_or_default()
    };
    let alias = |alias: &EntityAlias| AskerAlias {
        mount_type: kind_of(&alias.mount_accessor),
        mount_accessor: alias.mount_accessor.clone(),
        name: alias.name.clone(),
        metadata: alias.metadata.clone(),
        id: alias.id.clone(),
        namespace_id: namespace.to_owned(),
        custom_metadata: alias.custom_metadata.clone(),
    };
    Asker {
        id: entity.id.clone(),
        name: entity.name.clone(),
        aliases: entity.aliases.iter().map(alias).collect(),
        metadata: entity.metadata.clone(),
        namespace_id: namespace.to_owned(),
    }
}
