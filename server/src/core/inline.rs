//! Inline authentication: a login that is for the one request it comes with.
//!
//! The login is a request of its own, counted, locked out and committed as any other; only its token is stored
//! nowhere, and never answered. Nothing but a login can be reached so.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::engine::Access;
use super::error::Error;
use super::path::ApiPath;
use super::pipeline::{Incoming, Reply, is_open, target};
use super::quota::RateLimit;
use super::request::{Authorization, ClientToken, Inline, MfaCredentials, Operation, Parameters, Request};
use super::state::Core;
use super::token::TokenEntry;
use super::topology::{Space, Topology};

/// The words before what the core says of a login.
pub(crate) const WORDS: &str = "failed to perform inline authentication: ";

/// A login as the headers of a request have it.
pub(crate) struct InlineLogin {
    /// Where it is; may begin with a namespace.
    pub(crate) path: String,
    /// `Update` or `Read`.
    pub(crate) operation: Operation,
    /// Of the login, which may be another one than that of the request.
    pub(crate) namespace: String,
    pub(crate) parameters: Parameters,
    /// What came with the request is for the login.
    pub(crate) mfa: MfaCredentials,
}

impl std::fmt::Debug for InlineLogin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("InlineLogin").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Core {
    /// Gives `request` the token of `login`; or the answer that it gets instead.
    pub(super) async fn prove(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        request: &mut Request,
        login: InlineLogin,
    ) -> Result<(), Reply> {
        let token = self.log_in_for(topology, request, login).await.map_err(Refusal::told)?;
        request.token = Some(Arc::new(*token));
        request.inline = Inline::Proved;
        Ok(())
    }

    async fn log_in_for(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        request: &Request,
        login: InlineLogin,
    ) -> Result<Box<TokenEntry>, Refusal> {
        let incoming = incoming(request, login)?;
        self.require_quota(&incoming).await?;
        let is_known = topology.resolve(&incoming.namespace, &incoming.path);
        is_known.filter(|(space, _)| !space.namespace.tainted).ok_or_else(|| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Error::with_status(status, "inline auth namespace was not found")
        })?;
        let (space, login) = self.place(topology, incoming)?;
        self.log_in_at(topology, space, Request { inline: Inline::Login, ..login }).await
    }

    /// A login counts as such, whatever it is for.
    async fn require_quota(self: &Arc<Self>, incoming: &Incoming) -> Result<(), Error> {
        let limit = self.rate_limit(&incoming.namespace, &incoming.path, incoming.client);
        match limit {
            RateLimit::OfRole => self.rate_limit_of_role(incoming).await.require(&incoming.path),
            limit => limit.require(&incoming.path),
        }
    }

    async fn log_in_at(
        self: &Arc<Self>,
        topology: &Arc<Topology>,
        space: &Space,
        mut login: Request,
    ) -> Result<Box<TokenEntry>, Refusal> {
        let path = login.path.clone();
        let target = match target(space, &path, login.operation) {
            Ok(target) if target.found.info.access == Access::Login => target,
            Err(error) if is_open(space, &path) => return Err(error.into()),
            _ => return Err(Refusal::no_login()),
        };
        let (_, extra) = self.run(topology, &target, &mut login).await?;
        extra.proof.ok_or_else(Refusal::no_login)
    }
}

/// The login as a request of its own.
fn incoming(request: &Request, login: InlineLogin) -> Result<Incoming, Refusal> {
    let path = ApiPath::parse(&login.path).ok().filter(|path| **path == *login.path && !path.is_empty());
    // What is no canonical path leads nowhere, and where it leads is not told without a token.
    let path = path.ok_or_else(Refusal::no_login)?;
    if path.ends_with('/') && login.operation == Operation::Update {
        return Err(Error::invalid("cannot write to a path ending in '/'").into());
    }
    Ok(Incoming {
        id: uuid::Uuid::new_v4().to_string(),
        namespace: login.namespace,
        path,
        operation: login.operation,
        parameters: login.parameters,
        wrap_ttl: None,
        wrap_signed: false,
        client: request.client,
        headers: HeaderMap::clone(&request.headers),
        client_token: ClientToken::default(),
        authorization: Authorization::None,
        mfa: login.mfa,
        login: None,
    })
}

/// Why there is no token for the request.
struct Refusal {
    error: Error,
    /// Whether it is answered as what the login says, and not as what kept the request from being proved.
    is_of_login: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let is_of_login = error.status() == StatusCode::BAD_REQUEST;
        Self { error, is_of_login }
    }
}

impl Refusal {
    /// Of a path where nobody logs in. Whether there is anything else is not told without a token.
    fn no_login() -> Self {
        Self { error: Error::permission_denied(), is_of_login: true }
    }

    fn told(self) -> Reply {
        if let Some(cause) = self.error.cause() {
            tracing::error!("a login that came with a request: {cause}");
        }
        let error = self.error.plain();
        match self.is_of_login {
            true => Reply { is_of_login: true, ..Reply::error(&error, false) },
            false => Reply::error(&error.after(WORDS), false),
        }
    }
}
