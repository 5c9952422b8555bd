//! The way of a request: namespace, token, ACL, engine, commit, answer.

mod joint;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use schemas::acl::ControlGroup;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::acl::{self, AclRequest};
use super::context::Context;
use super::engine::{Access, AnyEngine, Found, Lease};
use super::error::Error;
use super::filter::Filter;
use super::help;
use super::identity;
use super::inline::InlineLogin;
use super::input::{self, Input};
use super::mount_table;
use super::namespace::Namespace;
use super::path::ApiPath;
use super::policies;
use super::render::{self, Extra};
use super::request::{Authorization, ClientToken, Inline, MfaCredentials, Operation, Parameters, Request};
use super::response::{Effect, Grant, RawBody, Response, Spread};
use super::state::Core;
use super::token::{namespace_meant, require_text};
use super::topology::{Mounted, NextTopology, Space, Topology};
use super::wrap::WrapInfo;
use super::wrapping::{self, Kept, Parcel};
use crate::barrier::{Claim, Savepoint, Transaction};
pub(crate) use joint::TopologyWriter;

/// A handler whose commits conflict so often is given up.
const ATTEMPTS: usize = 256;

const UPGRADING: &str = "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief \
                         period and will resume service shortly.";

/// A request as the HTTP layer reads it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) id: String,
    /// `X-Vault-Namespace`.
    pub(crate) namespace: String,
    /// Without `/v1/`; may begin with a namespace.
    pub(crate) path: ApiPath,
    pub(crate) operation: Operation,
    pub(crate) parameters: Parameters,
    pub(crate) wrap_ttl: Option<Duration>,
    /// `X-Vault-Wrap-Format: jwt`.
    pub(crate) wrap_signed: bool,
    pub(crate) client: IpAddr,
    pub(crate) headers: HeaderMap,
    pub(crate) client_token: ClientToken,
    pub(crate) authorization: Authorization,
    pub(crate) mfa: MfaCredentials,
    /// The login that proves the request in place of a token.
    pub(crate) login: Option<Box<InlineLogin>>,
}

/// An answer as the HTTP layer sends it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    /// Further headers; they win over those that every answer has.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it is the answer of the login that came with the request.
    pub(crate) is_of_login: bool,
}

impl Reply {
    /// A body of JSON.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let content_type = "application/json";
        Self { status, content_type, headers: HeaderMap::new(), body: body.into(), is_of_login: false }
    }

    /// Another body than the usual one.
    pub(crate) fn raw(status: StatusCode, body: RawBody) -> Self {
        let RawBody { content_type, headers, bytes } = body;
        Self { status, content_type, headers, body: bytes, is_of_login: false }
    }

    /// The answer that `error` is.
    pub(crate) fn error(error: &Error, is_authenticated: bool) -> Self {
        Self::json(error.status(), render::error_body(error, is_authenticated))
    }
}

/// Where a request goes.
pub(super) struct Target<'t> {
    mounted: &'t Arc<Mounted>,
    engine: &'t Arc<dyn AnyEngine>,
    /// Relative to the mount.
    path: &'t str,
    pub(super) found: Found<'t>,
}

impl Target<'_> {
    /// Refuses what the engine does not do, or not yet.
    fn require_ready(&self, operation: Operation) -> Result<(), Error> {
        if !self.engine.takes(self.found.index, operation) {
            return Err(Error::unsupported_operation());
        }
        if self.mounted.entry().upgrading && !self.found.info.is_hidden {
            return Err(Error::invalid(UPGRADING));
        }
        Ok(())
    }
}

/// What goes with the leave that the ACL gives.
#[derive(Default)]
struct Pass {
    /// The value that the parameter `limit` must take.
    limit: Option<i64>,
    /// What of a list may be shown.
    filter: Option<Filter>,
    /// Approvals that the request waits for.
    group: Option<Box<ControlGroup>>,
}

/// What a handler works on.
#[derive(Clone, Copy)]
struct Draft<'a> {
    transaction: &'a Transaction,
    /// For a request that changes mounts or namespaces.
    next: Option<&'a NextTopology>,
    /// Whether it is not the first attempt.
    is_repeated: bool,
}

impl Draft<'_> {
    /// Marks what there is by now.
    fn mark(&self) -> (Savepoint, Option<Arc<Topology>>) {
        (self.transaction.savepoint(), self.next.map(NextTopology::get))
    }

    /// Takes back what a handler has done since then.
    fn take_back(&self, (savepoint, topology): (Savepoint, Option<Arc<Topology>>)) {
        self.transaction.rollback_to(savepoint);
        if let (Some(next), Some(topology)) = (self.next, topology) {
            next.set(topology);
        }
    }
}

/// Why a request cannot be routed; answered after it is authenticated.
pub(super) type Unroutable = Error;

impl Core {
    /// Answers `incoming`.
    pub(crate) async fn serve(self: &Arc<Self>, mut incoming: Incoming) -> Reply {
        let topology = match self.open_topology() {
            Ok(topology) => topology,
            // What it asks for is so.
            Err(_) if incoming.operation == Operation::Update && &*incoming.path == "sys/seal" => {
                return Reply::json(StatusCode::NO_CONTENT, Bytes::new());
            }
            Err(error) => return Reply::error(&error, false),
        };
        let login = incoming.login.take();
        let mut placed = self.place(&topology, incoming);
        if let (Ok((_, request)), Some(login)) = (&mut placed, login)
            && let Err(reply) = Box::pin(self.prove(&topology, request, *login)).await
        {
            return reply;
        }
        match placed {
            Ok((space, request)) if request.operation == Operation::Help => {
                Box::pin(self.help(space, request)).await.unwrap_or_else(|error| Reply::error(&error, true))
            }
            Ok((space, request)) => self.serve_in(&topology, space, request).await,
            Err(error) => Reply::error(&error, false),
        }
    }

    /// Describes a path. No ACL is asked: every token may know what there is.
    async fn help(&self, space: &Space, mut request: Request) -> Result<Reply, Error> {
        let path = request.path.clone();
        let admission = self.admit(&mut request, !is_open(space, &path)).await.map_err(Error::plain)?;
        let reply = help_for(space, &path);
        self.depart(admission).await?;
        reply
    }

    /// Refuses what is asked of `path` while the server is sealed, or the namespace that `header` and `path` name takes
    /// no requests.
    pub(crate) fn require_reachable(&self, header: &str, path: &str) -> Result<(), Error> {
        reachable(&*self.open_topology()?, header, path).map(drop)
    }

    /// Finds the namespace.
    pub(super) fn place<'t>(
        &self,
        topology: &'t Topology,
        incoming: Incoming,
    ) -> Result<(&'t Arc<Space>, Request), Error> {
        require_no_namespace(&incoming)?;
        let (space, length) = reachable(topology, &incoming.namespace, &incoming.path)?;
        let mut request = Request {
            id: incoming.id,
            namespace: Arc::clone(&space.namespace),
            namespace_in_path: length > 0,
            path: incoming.path.without_first(length),
            operation: incoming.operation,
            parameters: incoming.parameters,
            wrap_ttl: incoming.wrap_ttl,
            wrap_signed: incoming.wrap_signed,
            client: incoming.client,
            headers: incoming.headers,
            client_token: incoming.client_token,
            authorization: incoming.authorization,
            mfa: incoming.mfa,
            inline: Inline::No,
            token: None,
            entity: None,
            approved: None,
        };
        require_root_namespace(&request)?;
        require_text(&request)?;
        if wrapping::PATHS.contains(&&*request.path) {
            self.tokens.with_parcel_key(|key| key.open(&mut request))?;
        }
        let meant = namespace_meant(&request).and_then(|id| topology.by_id(&id));
        match meant.filter(|space| !space.namespace.tainted) {
            Some(space) => Ok((space, Request { namespace: Arc::clone(&space.namespace), ..request })),
            None => Ok((space, request)),
        }
    }

    /// The role that a login names, before anything is checked; `None` if it leads nowhere.
    pub(crate) async fn role_of_login(self: &Arc<Self>, incoming: &Incoming) -> Option<String> {
        let topology = self.topology()?;
        let (space, length) = topology.resolve(&incoming.namespace, &incoming.path)?;
        let request = Request {
            id: incoming.id.clone(),
            namespace: Arc::clone(&space.namespace),
            namespace_in_path: length > 0,
            path: incoming.path.clone().without_first(length),
            operation: incoming.operation,
            parameters: incoming.parameters.clone(),
            wrap_ttl: None,
            wrap_signed: false,
            client: incoming.client,
            headers: HeaderMap::new(),
            client_token: ClientToken::default(),
            authorization: Authorization::None,
            mfa: MfaCredentials::default(),
            inline: Inline::No,
            token: None,
            entity: None,
            approved: None,
        };
        let target = target(space, &request.path, request.operation).ok()?;
        let transaction = self.barrier.begin();
        let mut cx = self.context(
            &target,
            &request,
            Draft { transaction: &transaction, next: None, is_repeated: false },
        );
        cx.input = decode(&target, &mut cx).ok()?.record;
        // What it writes into the transaction is dropped with it.
        target.engine.role_of_login(&cx).await.ok()
    }

    pub(super) async fn serve_in(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        space: &Space,
        mut request: Request,
    ) -> Reply {
        let path = request.path.clone();
        let target = target(space, &path, request.operation);
        let access = match &target {
            Ok(target) => target.found.info.access,
            Err(_) if is_open(space, &path) => Access::Unauthenticated,
            Err(_) => Access::Token,
        };
        let is_authenticated = matches!(access, Access::Token | Access::Sudo);
        let is_resource = target.as_ref().is_ok_and(|target| target.found.info.is_oauth_resource);
        let admission = match self.admit(&mut request, is_authenticated).await {
            Ok(admission) => admission,
            Err(error) => return refusal(&error, false, is_resource),
        };
        if admission.runs_stored {
            let answer = self.run_stored(&request).await;
            return answer.unwrap_or_else(|error| refusal(&error, is_authenticated, is_resource));
        }
        let answer = match &target {
            Ok(target) => self.answer(topology, target, &mut request).await,
            Err(error) => Err(Box::pin(self.authorize_unroutable(&request, error, access)).await),
        };
        let departed = self.depart(admission).await;
        answer.and_then(|reply| departed.map(|()| reply)).unwrap_or_else(|error| {
            if let Some(cause) = error.cause() {
                tracing::error!(path = %request.path, request_id = %request.id, "{cause}");
            }
            refusal(&error, is_authenticated, is_resource)
        })
    }

    /// The error of a request that leads nowhere: whether it does is told only to those who may ask.
    async fn authorize_unroutable(&self, request: &Request, error: &Unroutable, access: Access) -> Error {
        match self.authorize(request, access).await {
            Ok(_) => error.clone(),
            Err(denied) => denied,
        }
    }

    async fn answer(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        target: &Target<'_>,
        request: &mut Request,
    ) -> Result<Reply, Error> {
        let (response, extra) = self.run(topology, target, request).await?;
        self.reply(request, response, &extra).await
    }

    /// Runs the handler and commits, until nothing has come in between. `target` is as `topology` has it: if another one
    /// is there when an attempt begins, the request goes where that leads.
    pub(super) async fn run(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        target: &Target<'_>,
        request: &mut Request,
    ) -> Result<(Response, Extra), Error> {
        let (asked, path) = (request.operation, request.path.clone());
        if target.found.info.changes_topology && may_write(asked) {
            return Box::pin(self.run_jointly(target, request)).await;
        }
        if target.found.info.runs_once && may_write(asked) {
            return Box::pin(self.run_once(target, request)).await;
        }
        let (mut claim, mut attempt) = (Claim::default(), 0);
        while attempt < ATTEMPTS {
            attempt += 1;
            request.operation = asked;
            claim.turn().await;
            let transaction = self.barrier.begin();
            let draft = Draft { transaction: &transaction, next: None, is_repeated: attempt > 1 };
            // Whatever was committed before has been published, so that none of it is missed here.
            let present = self.open_topology()?;
            let moved = match Arc::ptr_eq(&present, topology) {
                true => None,
                false => {
                    let access = target.found.info.access;
                    Some(Box::pin(self.target_again(&present, request, &path, access)).await?)
                }
            };
            let target = moved.as_ref().unwrap_or(target);
            let attempted = self.attempt(target, request, draft).await;
            // What it has found, or has not found, may be of the mount as it is going to be.
            if self.has_moved(&transaction, &present, target).await {
                continue;
            }
            let (response, extra) = match attempted {
                // What it has read may come from two moments, which do not fit together.
                Err(error) if error.status().is_server_error() && transaction.was_stale(&mut claim).await => {
                    continue;
                }
                attempted => attempted?,
            };
            if !transaction.commit_with(&mut claim).await? {
                continue;
            }
            match response.effect {
                Some(Effect::Again) => (claim, attempt) = (Claim::default(), 0),
                _ => return Ok((response.told()?, extra)),
            }
        }
        Err(too_often())
    }

    /// Runs a handler whose work no commit takes back: its answer holds whatever has come in between, and only what
    /// wraps it is tried again.
    async fn run_once(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &mut Request,
    ) -> Result<(Response, Extra), Error> {
        let mut claim = Claim::default();
        let mut transaction = self.barrier.begin();
        let draft = Draft { transaction: &transaction, next: None, is_repeated: false };
        let (mut response, mut extra) = self.attempt(target, request, draft).await?;
        debug_assert!(
            extra.wrap_info.is_some() || !transaction.is_dirty(),
            "{} writes, and runs once",
            request.path
        );
        for _ in 0..ATTEMPTS {
            // Without a parcel there is nothing that it could fail to commit.
            if transaction.commit_with(&mut claim).await? {
                return Ok((response.told()?, extra));
            }
            claim.turn().await;
            transaction = self.barrier.begin();
            let draft = Draft { transaction: &transaction, next: None, is_repeated: true };
            if let Some(Effect::Deferred) = response.effect {
                (response, extra) = self.attempt(target, request, draft).await?;
                continue;
            }
            extra.wrap_info = None;
            extra.wrap_info = self.wrap(&self.context(target, request, draft), &response, &extra).await?;
        }
        Err(too_often())
    }

    /// Where `topology` leads a request that was admitted with another one.
    async fn target_again<'t>(
        &self,
        topology: &'t Topology,
        request: &Request,
        path: &'t str,
        access: Access,
    ) -> Result<Target<'t>, Error> {
        if topology.is_sealed(&request.namespace.path) {
            return Err(Error::namespace_sealed());
        }
        let space = topology.by_id(&request.namespace.id).filter(|space| !space.namespace.tainted);
        match space.ok_or_else(|| no_route(path)).and_then(|space| target(space, path, request.operation)) {
            Ok(target) => Ok(target),
            Err(error) => Err(self.authorize_unroutable(request, &error, access).await),
        }
    }

    /// Whether the mount of `target`, which `topology` has, was moved or changed before `transaction` has read the last
    /// of it. A change that is on its way is waited for: the storage shows it before it is published.
    async fn has_moved(
        &self,
        transaction: &Transaction,
        topology: &Arc<Topology>,
        target: &Target<'_>,
    ) -> bool {
        transaction.wait_for_change(target.mounted.place(&self.barrier)).await;
        let present = self.topology.load();
        let Some(present) = present.as_ref().filter(|present| !Arc::ptr_eq(present, topology)) else {
            return false;
        };
        let space = present.by_id(&target.mounted.mount.namespace.id);
        let mounted = space.and_then(|space| space.mount(&target.mounted.entry().api_path()));
        !mounted.is_some_and(|mounted| Arc::ptr_eq(mounted, target.mounted))
    }

    async fn attempt(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &mut Request,
        draft: Draft<'_>,
    ) -> Result<(Response, Extra), Error> {
        if may_write(request.operation) {
            require_mounted(target, request, draft.transaction).await?;
        }
        if request.operation == Operation::Update
            && target.found.info.has_existence_check
            && !self.exists(target, request, draft).await?
        {
            request.operation = Operation::Create;
        }
        let Pass { limit, filter, group } = self.authorize(request, target.found.info.access).await?;
        target.require_ready(request.operation)?;
        if let Some(group) = group {
            return self.put_away(target, request, draft, &group).await;
        }
        if let Some(limit) = limit {
            request.parameters.insert("limit".to_owned(), serde_json::value::to_raw_value(&limit)?);
        }
        if request.approved.is_some() {
            Box::pin(self.begin_approved(draft.transaction, request, target.found.info.runs_once)).await?;
        }
        let mut cx = self.context(target, request, draft);
        let input = decode(target, &mut cx)?;
        let warnings = input.warnings();
        cx.input = input.record;
        let before = request.approved.is_some().then(|| draft.mark());
        let handled = target.engine.handle(target.found.index, request.operation, &cx).await;
        let handled = handled
            .or_else(|error| with_warnings_only(request, &warnings, error))
            .map_err(|error| of_empty_list(request, error));
        let mut response = match (handled, before) {
            // What was approved has one answer, also if that is an error.
            (Err(error), Some(before)) if !error.status().is_server_error() => {
                draft.take_back(before);
                Box::pin(self.end_approved(draft.transaction, request, false)).await?;
                return Ok((Response::refused(error), Extra::default()));
            }
            (handled, _) => handled?,
        };
        if let Some(Effect::Refuse(_)) = response.effect {
            return Ok((response, Extra::default()));
        }
        if let Some(filter) = filter {
            let filtered = self.filter(&filter, request, &mut response);
            filtered.map_err(|error| of_empty_list(request, error))?;
        }
        // An answer with another status than the usual one is whole as it is.
        let is_whole = response.status.is_some_and(|status| status != StatusCode::OK);
        if !response.is_empty() && !is_whole {
            response.warnings.extend(warnings);
        }
        if request.inline == Inline::Proved {
            Box::pin(take_back_lease(target, &cx, &response)).await?;
        }
        if request.approved.is_some() {
            let is_unfinished = matches!(response.effect, Some(Effect::Again));
            Box::pin(self.end_approved(draft.transaction, request, is_unfinished)).await?;
        }
        let mut extra = self.grant(&cx, &mut response).await?;
        if extra.wrap_info.is_none() {
            extra.wrap_info = self.wrap(&cx, &response, &extra).await?;
        }
        Ok((response, extra))
    }

    /// Keeps the request until it is approved as `group` asks for.
    async fn put_away(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &Request,
        draft: Draft<'_>,
        group: &ControlGroup,
    ) -> Result<(Response, Extra), Error> {
        let mut cx = self.context(target, request, draft);
        // What cannot be run need not be approved.
        decode(target, &mut cx)?;
        let wrap_info = Box::pin(self.defer(&cx, group)).await?;
        let response = Response { effect: Some(Effect::Deferred), ..Response::empty() };
        Ok((response, Extra { wrap_info: Some(wrap_info), ..Extra::default() }))
    }

    async fn exists(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &Request,
        draft: Draft<'_>,
    ) -> Result<bool, Error> {
        let mut cx = self.context(target, request, draft);
        cx.input = decode(target, &mut cx)?.record;
        target.engine.exists(target.found.index, &cx).await
    }

    fn context<'a>(
        self: &'a Arc<Self>,
        target: &'a Target<'_>,
        request: &'a Request,
        draft: Draft<'a>,
    ) -> Context<'a> {
        Context {
            core: self,
            request,
            mount: &target.mounted.mount,
            path: target.path,
            captures: target.found.captures.clone(),
            input: schemas::Record::new(),
            transaction: draft.transaction,
            next: draft.next,
            is_repeated: draft.is_repeated,
            prefix: &target.mounted.prefix,
            limits: self.limits_of(&target.mounted.mount),
            now: self.clock.now(),
        }
    }

    /// Asks the ACL.
    async fn authorize(&self, request: &Request, access: Access) -> Result<Pass, Error> {
        self.authorize_in(request, &request.namespace, access).await
    }

    /// Whether `request` would be run at once if it were sent to `namespace`: who may do something there may do it from
    /// elsewhere, and nobody else may.
    ///
    /// # Errors
    /// 501 for a rule that cannot be followed.
    pub(crate) async fn may_in(
        &self,
        request: &Request,
        namespace: &Namespace,
        access: Access,
    ) -> Result<bool, Error> {
        match self.authorize_in(request, namespace, access).await {
            Ok(pass) => Ok(pass.group.is_none()),
            Err(error) if error.status() == StatusCode::FORBIDDEN => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn authorize_in(
        &self,
        request: &Request,
        namespace: &Namespace,
        access: Access,
    ) -> Result<Pass, Error> {
        if matches!(access, Access::Unauthenticated | Access::Login) {
            return Ok(Pass::default());
        }
        let acl = self.acl_of(request).await?;
        let is_read = acl.looks_at_data() || matches!(request.operation, Operation::List | Operation::Scan);
        let parameters = if acl.is_root() || !is_read { None } else { tree(&request.parameters)? };
        let operation = operation(request.operation);
        let decision = acl.check(&AclRequest {
            operation,
            namespace: &namespace.path,
            path: &request.path,
            parameters: parameters.as_ref(),
            wrap_ttl: request.wrap_ttl,
        });
        if !decision.allowed || (access == Access::Sudo && !decision.sudo) {
            return Err(Error::permission_denied());
        }
        if decision.needs_second_factor() {
            return Err(Error::not_implemented("a policy rule with mfa_methods"));
        }
        let group = match (&request.approved, decision.control_group, operation.capability()) {
            (Some(approved), Some(group), Some(capability)) => {
                approved.require(group, capability)?;
                None
            }
            (_, group, _) => group.map(|group| Box::new(group.clone())),
        };
        let (limit, path) = (decision.limit, decision.filter_path.cloned());
        Ok(Pass { limit, filter: path.map(|path| Filter { acl, path }), group })
    }

    /// The matcher of the request's token.
    pub(crate) async fn acl_of(&self, request: &Request) -> Result<Arc<acl::Acl>, Error> {
        let token = request.token.as_deref().ok_or_else(Error::permission_denied)?;
        let topology = self.open_topology()?;
        let home = topology.by_id(&token.namespace).ok_or_else(Error::permission_denied)?;
        let now = self.clock.now().as_microsecond();
        if let Some(access) = &token.access {
            return policies::acl_of_access(&home.namespace, access, now).map(Arc::new);
        }
        self.acls.acl_of(&self.barrier, &home.namespace, token, request.entity.as_ref(), now).await
    }

    /// Makes the token or the lease that the handler has granted.
    async fn grant(&self, cx: &Context<'_>, response: &mut Response) -> Result<Extra, Error> {
        match std::mem::take(&mut response.grant) {
            Grant::Nothing => Ok(Extra::default()),
            Grant::Login(grant) => {
                let login = Box::pin(self.tokens.log_in(cx, *grant)).await?;
                response.warnings.extend(login.warnings);
                let display_name = Some(login.display_name);
                Ok(Extra { auth: Some(login.auth), display_name, proof: login.proof, ..Extra::default() })
            }
            Grant::Lease(grant) => {
                let (lease, warnings) = Box::pin(self.tokens.lease(cx, *grant)).await?;
                response.warnings.extend(warnings);
                Ok(Extra { lease, ..Extra::default() })
            }
            Grant::Proved(token) => Ok(Extra { proof: Some(token), ..Extra::default() }),
            Grant::Wrapped(wrap_info) => Ok(Extra { wrap_info: Some(*wrap_info), ..Extra::default() }),
            Grant::Issued(auth) => Ok(Extra { auth: Some(*auth), ..Extra::default() }),
            Grant::Renewed(lease) => Ok(Extra { lease: *lease, ..Extra::default() }),
        }
    }

    /// Puts the answer away, if the client wants it wrapped.
    async fn wrap(
        &self,
        cx: &Context<'_>,
        response: &Response,
        extra: &Extra,
    ) -> Result<Option<WrapInfo>, Error> {
        let is_nothing = response.is_empty() && extra.is_empty() && response.status.is_none();
        let Some(ttl) = cx.request.wrap_ttl.filter(|_| !is_nothing) else { return Ok(None) };
        let body = match &response.raw {
            Some(raw) => raw.bytes.to_vec(),
            None => render::body(&cx.request.id, response, extra, Spread::No)?,
        };
        let parcel = Parcel {
            namespace: &cx.request.namespace,
            path: &cx.request.path,
            display_name: extra.display_name.clone().unwrap_or_else(|| display_name(cx.request)),
            ttl,
            kept: Kept::Answer(String::from_utf8(body).map_err(Error::internal)?.trim_end().to_owned()),
            status: response.status.map(|status| status.as_u16()),
            accessor: match &extra.auth {
                Some(auth) => auth.accessor.clone(),
                None => response.wrapped_accessor.clone().unwrap_or_default(),
            },
        };
        let info = Box::pin(self.tokens.wrap(cx.transaction, parcel, cx.now)).await?;
        self.in_format(cx.request, info).map(Some)
    }

    /// `info` in the form that the request asks for.
    pub(crate) fn in_format(&self, request: &Request, info: WrapInfo) -> Result<WrapInfo, Error> {
        if !request.wrap_signed {
            return Ok(info);
        }
        let address = &self.settings.api_addr;
        self.tokens.with_parcel_key(|key| key.sign(info, address, self.clock.now()))
    }

    async fn reply(&self, request: &Request, response: Response, extra: &Extra) -> Result<Reply, Error> {
        if let Some(Effect::Seal) = response.effect {
            Box::pin(self.close()).await?;
        }
        if let Some(wrap_info) = &extra.wrap_info {
            return Ok(Reply::json(StatusCode::OK, render::wrapped_body(wrap_info, &[])?));
        }
        if let Some(raw) = response.raw {
            return Ok(Reply::raw(response.status.unwrap_or(StatusCode::OK), raw));
        }
        if response.is_empty() && extra.is_empty() {
            let status = response.status.unwrap_or(StatusCode::NO_CONTENT);
            return Ok(Reply::json(status, Bytes::new()));
        }
        let status = response.status.unwrap_or(StatusCode::OK);
        let is_elsewhere = request.namespace_in_path || request.approved.is_some();
        let spread = if is_elsewhere { Spread::No } else { response.spread };
        Ok(Reply::json(status, render::body(&request.id, &response, extra, spread)?))
    }
}

/// An empty list is not found; one that was to be wrapped is so in other words.
fn of_empty_list(request: &Request, error: Error) -> Error {
    let is_wrapped_list = request.operation == Operation::List && request.wrap_ttl.is_some();
    if is_wrapped_list && error.is_bare(StatusCode::NOT_FOUND) {
        return Error::unsupported_path().plain();
    }
    error
}

/// An empty list is not found, unless there is something to tell of the request.
fn with_warnings_only(request: &Request, warnings: &[String], error: Error) -> Result<Response, Error> {
    let is_list = matches!(request.operation, Operation::List | Operation::Scan);
    if is_list && !warnings.is_empty() && error.is_bare(StatusCode::NOT_FOUND) {
        return Response::data(&Map::new());
    }
    Err(error)
}

/// Refuses the lease of a secret that was made by a request whose token ends with it, and ends the secret.
async fn take_back_lease(target: &Target<'_>, cx: &Context<'_>, response: &Response) -> Result<(), Error> {
    let Grant::Lease(grant) = &response.grant else { return Ok(()) };
    let lease =
        Lease { path: cx.path().to_owned(), internal: grant.internal.clone(), increment: Duration::ZERO };
    target.engine.revoke(cx, &lease).await?;
    Err(Error::invalid("requests with inline authentication cannot generate leases"))
}

/// The answer that `error` is. `is_resource`: who is not let in is told so as OAuth says.
fn refusal(error: &Error, is_authenticated: bool, is_resource: bool) -> Reply {
    if is_resource && error.status() == StatusCode::FORBIDDEN {
        return Reply::raw(StatusCode::UNAUTHORIZED, identity::oidc::denied());
    }
    Reply::error(error, is_authenticated)
}

pub(super) fn target<'t>(
    space: &'t Space,
    path: &'t str,
    operation: Operation,
) -> Result<Target<'t>, Unroutable> {
    let (mounted, rest) = space.route(path).ok_or_else(|| no_route(path))?;
    if mounted.entry().tainted {
        return Err(no_route(path));
    }
    let engine = mounted.engine.as_ref().ok_or_else(|| {
        Error::not_implemented(format_args!(
            "the type `{}` of the mount `{}`",
            mounted.entry().kind,
            mounted.entry().path
        ))
    })?;
    let found = engine.find(rest, operation).ok_or_else(Error::unsupported_path)?;
    Ok(Target { mounted, engine, path: rest, found })
}

/// Whether `operation` may change something.
fn may_write(operation: Operation) -> bool {
    !operation.is_by_query() || operation == Operation::Delete
}

/// Refuses a write into a mount that is gone by now. The commit fails if it goes before, or what is written
/// would stay behind under a prefix that nobody deletes again.
async fn require_mounted(
    target: &Target<'_>,
    request: &Request,
    transaction: &Transaction,
) -> Result<(), Error> {
    let (entry, namespace) = (target.mounted.entry(), &target.mounted.mount.namespace);
    if namespace.is_root() && entry.is_permanent() {
        return Ok(());
    }
    match transaction.get(&mount_table::key(namespace, entry)).await? {
        Some(_) => Ok(()),
        None => Err(no_route(&request.path)),
    }
}

/// Endpoints below `sys/` that are the whole server's.
const ONLY_IN_ROOT: &[&str] = &[
    "audit",
    "audit-hash",
    "config/auditing",
    "config/cors",
    "config/reload",
    "config/state",
    "config/ui",
    "host-info",
    "internal/counters/activity",
    "internal/counters/config",
    "internal/inspect/router",
    "loggers",
    "mfa/method",
    "monitor",
    "quotas/config",
    "quotas/rate-limit",
    "replication",
    "sealwrap/rewrap",
];

/// Those that refuse any header of a namespace, even of one that there is not, or of the root.
const NOT_IN_NAMESPACES: &[&str] = &[
    "generate-recovery-token",
    "generate-root",
    "health",
    "in-flight-req",
    "init",
    "metrics",
    "pprof",
    "raw",
    "rekey",
    "rekey-recovery-key",
    "seal",
    "step-down",
    "storage",
    "unseal",
];

/// Whether `path` is one of `endpoints` below `sys/`, or below one.
fn is_endpoint(path: &str, endpoints: &[&str]) -> bool {
    let Some(path) = path.strip_prefix("sys/") else { return false };
    let is_at = |endpoint: &&str| {
        path.strip_prefix(*endpoint).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    endpoints.iter().any(is_at)
}

/// Refuses the header of a namespace for what is the whole server's.
fn require_no_namespace(incoming: &Incoming) -> Result<(), Error> {
    if incoming.namespace.is_empty() || !is_endpoint(&incoming.path, NOT_IN_NAMESPACES) {
        return Ok(());
    }
    Err(Error::invalid("operation unavailable in namespaces"))
}

/// Refuses requests in a namespace for what is the whole server's.
fn require_root_namespace(request: &Request) -> Result<(), Error> {
    let is_of_root = [NOT_IN_NAMESPACES, ONLY_IN_ROOT].into_iter().any(|all| is_endpoint(&request.path, all));
    if is_of_root && !request.namespace.is_root() {
        return Err(Error::invalid("operation only available in root namespace"));
    }
    Ok(())
}

/// The namespace that `header` and `path` name, and how much of `path` is its name, if it takes requests.
fn reachable<'t>(topology: &'t Topology, header: &str, path: &str) -> Result<(&'t Arc<Space>, usize), Error> {
    let (space, length) = topology
        .resolve(header, path)
        .filter(|(space, _)| !space.namespace.tainted)
        .ok_or_else(|| Error::with_status(StatusCode::NOT_FOUND, "namespace not found"))?;
    require_reachable(topology, space, &path[length..])?;
    Ok((space, length))
}

/// Refuses requests to a namespace that is sealed or locked. Of one that is both the lock is told; a locked one takes the
/// request that unlocks it.
pub(super) fn require_reachable(topology: &Topology, space: &Space, path: &str) -> Result<(), Error> {
    if !space.namespace.is_root() && path != "sys/namespaces/api-lock/unlock" {
        topology.require_unlocked(&space.namespace.path)?;
    }
    if space.is_sealed { Err(Error::namespace_sealed()) } else { Ok(()) }
}

/// The error of a request that others have come in between of, again and again.
fn too_often() -> Error {
    let text = "other requests have changed what this one works on too often while it ran; send it again";
    Error::with_status(StatusCode::SERVICE_UNAVAILABLE, text)
}

fn no_route(path: &str) -> Error {
    let text = format!("no handler for route \"{path}\". route entry not found.");
    Error::with_status(StatusCode::NOT_FOUND, text)
}

/// The help for `path`.
fn help_for(space: &Space, path: &str) -> Result<Reply, Error> {
    let (mounted, rest) = space.route(path).ok_or_else(|| no_route(path))?;
    let engine = mounted.engine.as_ref().filter(|_| !mounted.entry().tainted);
    help::reply(&**engine.ok_or_else(|| no_route(path))?, mounted.entry().plain_kind(), rest)
}

/// Whether `path`, which leads to no route, is where no token is needed.
pub(super) fn is_open(space: &Space, path: &str) -> bool {
    let Some((mounted, rest)) = space.route(path) else { return false };
    !mounted.entry().tainted && mounted.engine.as_ref().is_some_and(|engine| engine.is_open(rest))
}

fn decode(target: &Target<'_>, cx: &mut Context<'_>) -> Result<Input, Error> {
    match target.found.info.fields {
        Some(table) => {
            let decoded = input::decode(table, &cx.request.parameters, &mut cx.captures);
            // An existence check reads the fields first, and its errors come without the words before them.
            let writes = matches!(cx.request.operation, Operation::Create | Operation::Update);
            let is_first_read = target.found.info.has_existence_check && writes;
            decoded
                .map_err(|error| if is_first_read { error } else { error.after("Field validation failed: ") })
        }
        None => Ok(Input::default()),
    }
}

/// The name of who asks.
fn display_name(request: &Request) -> String {
    request.token.as_ref().map(|token| token.display_name.clone()).unwrap_or_default()
}

/// `parameters` as the ACL reads them; `None` without any.
fn tree(parameters: &Parameters) -> Result<Option<Map<String, Value>>, Error> {
    if parameters.is_empty() {
        return Ok(None);
    }
    let entries = parameters.iter().map(|(name, raw)| Ok((name.clone(), compared(raw)?)));
    entries.collect::<Result<_, Error>>().map(Some)
}

/// A value as a rule compares it. What is too deep or too large to be read is like no value that a rule can name.
fn compared(raw: &RawValue) -> Result<Value, Error> {
    let is_text = raw.get().starts_with('"');
    match serde_json::from_str(raw.get()) {
        Err(_) if !is_text => Ok(Value::Null),
        read => Ok(read?),
    }
}

fn operation(operation: Operation) -> acl::Operation {
    match operation {
        Operation::Read => acl::Operation::Read,
        Operation::List => acl::Operation::List,
        Operation::Scan => acl::Operation::Scan,
        Operation::Create => acl::Operation::Create,
        Operation::Update => acl::Operation::Update,
        Operation::Patch => acl::Operation::Patch,
        Operation::Delete => acl::Operation::Delete,
        Operation::Help => acl::Operation::Help,
        Operation::Head => acl::Operation::Head,
    }
}

#[cfg(test)]
mod tests;
