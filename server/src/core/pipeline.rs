//! The way of a request: namespace, token, ACL, engine, commit, answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::acl::{self, AclRequest};
use super::context::Context;
use super::engine::{Access, AnyEngine, Found};
use super::error::Error;
use super::help;
use super::input::{self, Input};
use super::mount_table;
use super::path::ApiPath;
use super::render::{self, Extra};
use super::request::{ClientToken, MfaCredentials, Operation, Parameters, Request};
use super::response::{Effect, Grant, Response};
use super::state::Core;
use super::token::namespace_meant;
use super::topology::{Mounted, Space, Topology};
use super::wrap::WrapInfo;
use super::wrapping::Parcel;
use crate::barrier::{CommitError, Transaction};

/// A handler whose commits conflict so often is given up.
const ATTEMPTS: usize = 256;

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
    pub(crate) client: IpAddr,
    pub(crate) headers: HeaderMap,
    pub(crate) client_token: ClientToken,
    pub(crate) mfa: MfaCredentials,
}

/// An answer as the HTTP layer sends it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

impl Reply {
    /// A body of JSON.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }

    /// The answer that `error` is.
    pub(crate) fn error(error: &Error, is_authenticated: bool) -> Self {
        Self::json(error.status(), render::error_body(error, is_authenticated))
    }
}

/// Where a request goes.
struct Target<'t> {
    mounted: &'t Arc<Mounted>,
    engine: &'t Arc<dyn AnyEngine>,
    /// Relative to the mount.
    path: &'t str,
    found: Found<'t>,
}

/// Why a request cannot be routed; answered after it is authenticated.
type Unroutable = Error;

impl Core {
    /// Answers `incoming`.
    pub(crate) async fn serve(self: &Arc<Self>, incoming: Incoming) -> Reply {
        let topology = match self.open_topology() {
            Ok(topology) => topology,
            Err(error) => return Reply::error(&error, false),
        };
        match self.place(&topology, incoming) {
            Ok((space, request)) if request.operation == Operation::Help => {
                self.help(space, request).await.unwrap_or_else(|error| Reply::error(&error, true))
            }
            Ok((space, request)) => self.serve_in(space, request).await,
            Err(error) => Reply::error(&error, false),
        }
    }

    /// Describes a path. No ACL is asked: every token may know what there is.
    async fn help(&self, space: &Space, mut request: Request) -> Result<Reply, Error> {
        let path = request.path.clone();
        let (mounted, rest) = space.route(&path).ok_or_else(|| no_route(&path))?;
        let engine = mounted.engine.as_ref().filter(|_| !mounted.entry().tainted);
        let engine = engine.ok_or_else(|| no_route(&path))?;
        let is_open = engine.is_open(rest);
        let admission = self.admit(&mut request, !is_open).await.map_err(Error::plain)?;
        let reply = help::reply(&**engine, mounted.entry().plain_kind(), rest);
        self.depart(admission).await?;
        reply
    }

    /// Finds the namespace.
    fn place<'t>(
        &self,
        topology: &'t Topology,
        incoming: Incoming,
    ) -> Result<(&'t Arc<Space>, Request), Error> {
        let (space, length) = topology
            .resolve(&incoming.namespace, &incoming.path)
            .filter(|(space, _)| !space.namespace.tainted)
            .ok_or_else(|| Error::with_status(StatusCode::NOT_FOUND, "namespace not found"))?;
        let request = Request {
            id: incoming.id,
            namespace: Arc::clone(&space.namespace),
            path: incoming.path.without_first(length),
            operation: incoming.operation,
            parameters: incoming.parameters,
            wrap_ttl: incoming.wrap_ttl,
            client: incoming.client,
            headers: incoming.headers,
            client_token: incoming.client_token,
            mfa: incoming.mfa,
            token: None,
            entity: None,
        };
        require_unlocked(topology, &request)?;
        require_root_namespace(&request)?;
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
            path: incoming.path.clone().without_first(length),
            operation: incoming.operation,
            parameters: incoming.parameters.clone(),
            wrap_ttl: None,
            client: incoming.client,
            headers: HeaderMap::new(),
            client_token: ClientToken::default(),
            mfa: MfaCredentials::default(),
            token: None,
            entity: None,
        };
        let target = target(space, &request.path, request.operation).ok()?;
        let transaction = self.barrier.begin();
        let cx = self.context(&target, &request, &transaction);
        // What it writes into the transaction is dropped with it.
        target.engine.role_of_login(&cx).await.ok()
    }

    async fn serve_in(self: &Arc<Self>, space: &Space, mut request: Request) -> Reply {
        let path = request.path.clone();
        let target = target(space, &path, request.operation);
        let access = match &target {
            Ok(target) => target.found.info.access,
            Err(_) if is_open(space, &path) => Access::Unauthenticated,
            Err(_) => Access::Token,
        };
        let is_authenticated = matches!(access, Access::Token | Access::Sudo);
        let admission = match self.admit(&mut request, is_authenticated).await {
            Ok(admission) => admission,
            Err(error) => return Reply::error(&error, false),
        };
        let answer = match &target {
            Ok(target) => self.run(target, &mut request).await,
            Err(error) => Err(self.authorize_unroutable(&request, error, access).await),
        };
        let departed = self.depart(admission).await;
        answer.and_then(|reply| departed.map(|()| reply)).unwrap_or_else(|error| {
            if let Some(cause) = error.cause() {
                tracing::error!(path = %request.path, request_id = %request.id, "{cause}");
            }
            Reply::error(&error, is_authenticated)
        })
    }

    /// The error of a request that leads nowhere: whether it does is told only to those who may ask.
    async fn authorize_unroutable(&self, request: &Request, error: &Unroutable, access: Access) -> Error {
        match self.authorize(request, access).await {
            Ok(_) => error.clone(),
            Err(denied) => denied,
        }
    }

    async fn run(self: &Arc<Self>, target: &Target<'_>, request: &mut Request) -> Result<Reply, Error> {
        let _writer = match target.found.info.changes_topology {
            true => Some(self.topology_writer.lock().await),
            false => None,
        };
        let asked = request.operation;
        for attempt in 0..ATTEMPTS {
            request.operation = asked;
            let transaction = self.barrier.begin();
            if !asked.is_by_query() || asked == Operation::Delete {
                require_mounted(target, request, &transaction).await?;
            }
            let (response, extra) = match self.attempt(target, request, &transaction).await {
                // What it has read may come from two moments, which do not fit together.
                Err(error) if error.status().is_server_error() && transaction.was_stale().await => {
                    continue;
                }
                attempted => attempted?,
            };
            match transaction.commit().await {
                Ok(()) => return self.reply(request, response, &extra).await,
                Err(CommitError::Conflict) if attempt % 8 == 7 => tokio::task::yield_now().await,
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("the commit of this request conflicted with others too often"))
    }

    async fn attempt(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &mut Request,
        transaction: &Transaction,
    ) -> Result<(Response, Extra), Error> {
        if request.operation == Operation::Update
            && target.found.info.has_existence_check
            && !self.exists(target, request, transaction).await?
        {
            request.operation = Operation::Create;
        }
        if let Some(limit) = self.authorize(request, target.found.info.access).await? {
            request.parameters.insert("limit".to_owned(), serde_json::value::to_raw_value(&limit)?);
        }
        if !target.engine.takes(target.found.index, request.operation) {
            return Err(Error::unsupported_operation());
        }
        let mut cx = self.context(target, request, transaction);
        let input = decode(target, &mut cx)?;
        let warnings = input.warnings();
        cx.input = input.record;
        let handled = target.engine.handle(target.found.index, request.operation, &cx).await;
        let mut response = handled.or_else(|error| with_warnings_only(request, &warnings, error))?;
        if !response.is_empty() {
            response.warnings.extend(warnings);
        }
        let mut extra = self.grant(&cx, &mut response).await?;
        extra.wrap_info = self.wrap(&cx, &response, &extra).await?;
        Ok((response, extra))
    }

    async fn exists(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &Request,
        transaction: &Transaction,
    ) -> Result<bool, Error> {
        let mut cx = self.context(target, request, transaction);
        cx.input = decode(target, &mut cx)?.record;
        target.engine.exists(target.found.index, &cx).await
    }

    fn context<'a>(
        self: &'a Arc<Self>,
        target: &'a Target<'_>,
        request: &'a Request,
        transaction: &'a Transaction,
    ) -> Context<'a> {
        Context {
            core: self,
            request,
            mount: &target.mounted.mount,
            path: target.path,
            captures: target.found.captures.clone(),
            input: schemas::Record::new(),
            transaction,
            prefix: &target.mounted.prefix,
            limits: self.settings.limits.of_mount(&target.mounted.entry().config),
            now: self.clock.now(),
        }
    }

    /// Asks the ACL. Answers the value that `limit` must take.
    async fn authorize(&self, request: &Request, access: Access) -> Result<Option<i64>, Error> {
        if matches!(access, Access::Unauthenticated | Access::Login) {
            return Ok(None);
        }
        let acl = self.acl_of(request).await?;
        let parameters = if acl.is_root() { None } else { tree(&request.parameters)? };
        let decision = acl.check(&AclRequest {
            operation: operation(request.operation),
            namespace: &request.namespace.path,
            path: &request.path,
            parameters: parameters.as_ref(),
            wrap_ttl: request.wrap_ttl,
        });
        if !decision.allowed || (access == Access::Sudo && !decision.sudo) {
            return Err(Error::permission_denied());
        }
        if !decision.mfa_methods.is_empty()
            || decision.control_group.is_some()
            || decision.filter_path.is_some()
        {
            return Err(Error::not_implemented(
                "a policy rule with mfa_methods, control_group or list_scan_response_keys_filter_path",
            ));
        }
        Ok(decision.limit)
    }

    /// The matcher of the request's token.
    pub(crate) async fn acl_of(&self, request: &Request) -> Result<Arc<acl::Acl>, Error> {
        let token = request.token.as_deref().ok_or_else(Error::permission_denied)?;
        let topology = self.open_topology()?;
        let home = topology.by_id(&token.namespace).ok_or_else(Error::permission_denied)?;
        let now = self.clock.now().as_second();
        self.acls.acl(&self.barrier, &home.namespace, &token.policies, request.entity.as_deref(), now).await
    }

    /// Makes the token or the lease that the handler has granted.
    async fn grant(&self, cx: &Context<'_>, response: &mut Response) -> Result<Extra, Error> {
        match std::mem::take(&mut response.grant) {
            Grant::Nothing => Ok(Extra::default()),
            Grant::Login(grant) => {
                let login = self.tokens.log_in(cx, *grant).await?;
                response.warnings.extend(login.warnings);
                let display_name = Some(login.display_name);
                Ok(Extra { auth: Some(login.auth), display_name, ..Extra::default() })
            }
            Grant::Lease(grant) => {
                let (lease, warnings) = self.tokens.lease(cx, *grant).await?;
                response.warnings.extend(warnings);
                Ok(Extra { lease, ..Extra::default() })
            }
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
        let is_wanted = !(response.is_empty() && extra.is_empty()) && response.status.is_none();
        let Some(ttl) = cx.request.wrap_ttl.filter(|_| is_wanted) else { return Ok(None) };
        let body = match &response.raw {
            Some(raw) => raw.bytes.to_vec(),
            None => render::body(&cx.request.id, response, extra)?,
        };
        let parcel = Parcel {
            namespace: &cx.request.namespace,
            path: &cx.request.path,
            display_name: extra.display_name.clone().unwrap_or_else(|| display_name(cx.request)),
            ttl,
            body: String::from_utf8(body).map_err(Error::internal)?.trim_end().to_owned(),
            accessor: match &extra.auth {
                Some(auth) => auth.accessor.clone(),
                None => response.wrapped_accessor.clone().unwrap_or_default(),
            },
        };
        self.tokens.wrap(cx.transaction, parcel, cx.now).await.map(Some)
    }

    async fn reply(&self, request: &Request, response: Response, extra: &Extra) -> Result<Reply, Error> {
        if response.effect == Some(Effect::Seal) {
            self.close().await?;
        }
        if let Some(wrap_info) = &extra.wrap_info {
            return Ok(Reply::json(StatusCode::OK, render::wrapped_body(wrap_info, &[])?));
        }
        if let Some(raw) = response.raw {
            let status = response.status.unwrap_or(StatusCode::OK);
            return Ok(Reply { status, content_type: raw.content_type, body: raw.bytes });
        }
        if response.is_empty() && extra.is_empty() {
            let status = response.status.unwrap_or(StatusCode::NO_CONTENT);
            return Ok(Reply::json(status, Bytes::new()));
        }
        let status = response.status.unwrap_or(StatusCode::OK);
        Ok(Reply::json(status, render::body(&request.id, &response, extra)?))
    }
}

/// An empty list is not found, unless there is something to tell of the request.
fn with_warnings_only(request: &Request, warnings: &[String], error: Error) -> Result<Response, Error> {
    let is_list = matches!(request.operation, Operation::List | Operation::Scan);
    if is_list && !warnings.is_empty() && error.is_bare(StatusCode::NOT_FOUND) {
        return Response::data(&Map::new());
    }
    Err(error)
}

fn target<'t>(space: &'t Space, path: &'t str, operation: Operation) -> Result<Target<'t>, Unroutable> {
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
const ONLY_IN_ROOT: [&str; 25] = [
    "audit",
    "audit-hash",
    "config/auditing",
    "config/cors",
    "config/reload",
    "config/state",
    "config/ui",
    "generate-recovery-token",
    "generate-root",
    "health",
    "host-info",
    "in-flight-req",
    "init",
    "internal/inspect/router",
    "loggers",
    "metrics",
    "monitor",
    "pprof",
    "quotas/config",
    "quotas/rate-limit",
    "raw",
    "rekey",
    "step-down",
    "storage",
    "unseal",
];

/// Refuses requests in a namespace for what is the whole server's.
fn require_root_namespace(request: &Request) -> Result<(), Error> {
    let Some(rest) = request.path.strip_prefix("sys/").filter(|_| !request.namespace.is_root()) else {
        return Ok(());
    };
    let is_at =
        |path: &str| rest.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ONLY_IN_ROOT.into_iter().any(is_at) {
        return Err(Error::invalid("operation only available in root namespace"));
    }
    Ok(())
}

/// Refuses requests to a locked namespace, but for the one that unlocks it.
fn require_unlocked(topology: &Topology, request: &Request) -> Result<(), Error> {
    if request.namespace.is_root() || &*request.path == "sys/namespaces/api-lock/unlock" {
        return Ok(());
    }
    match topology.lock_above(&request.namespace.path) {
        Some(locked) => Err(Error::with_status(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "API access to this namespace has been locked by an administrator - \"{}\" must be unlocked to gain \
                 access.",
                locked.path
            ),
        )),
        None => Ok(()),
    }
}

fn no_route(path: &str) -> Error {
    let text = format!("no handler for route \"{path}\". route entry not found.");
    Error::with_status(StatusCode::NOT_FOUND, text)
}

/// Whether `path`, which leads to no route, is where no token is needed.
fn is_open(space: &Space, path: &str) -> bool {
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
    let entries = parameters.iter().map(|(name, raw)| Ok((name.clone(), serde_json::from_str(raw.get())?)));
    entries.collect::<Result<_, serde_json::Error>>().map(Some).map_err(Error::from)
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
    }
}
