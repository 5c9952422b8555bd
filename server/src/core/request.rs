//! A request as everything behind the HTTP layer sees it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde_json::value::RawValue;

use super::approval::Approved;
use super::identity::Entity;
use super::namespace::Namespace;
use super::path::ApiPath;
use super::token::TokenEntry;

/// What a client can ask for. What the server asks of an engine itself (renew, revoke) are methods of
/// [`Engine`](super::engine::Engine) and cannot be reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// GET.
    Read,
    /// LIST, or GET with `list=true`.
    List,
    /// SCAN: as a list, of all levels.
    Scan,
    /// POST or PUT of what is not there, where the route can tell.
    Create,
    /// Any other POST or PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// Any method with `help=1`.
    Help,
    /// HEAD, which no route takes: only what keeps it from its route is told.
    Head,
}

impl Operation {
    /// Number of operations.
    pub const COUNT: usize = 9;

    /// The word for it in logs and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::List => "list",
            Operation::Scan => "scan",
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Patch => "patch",
            Operation::Delete => "delete",
            Operation::Help => "help",
            Operation::Head => "header",
        }
    }

    /// Whether its parameters stand in the query.
    pub fn is_by_query(self) -> bool {
        matches!(
            self,
            Operation::Read
                | Operation::List
                | Operation::Scan
                | Operation::Delete
                | Operation::Help
                | Operation::Head
        )
    }

    /// Whether it writes.
    pub fn is_write(self) -> bool {
        matches!(self, Operation::Create | Operation::Update | Operation::Patch | Operation::Delete)
    }
}

/// Parameters by top-level name, each the JSON text that the client sent (numbers keep their digits).
pub type Parameters = BTreeMap<String, Box<RawValue>>;

/// A request, made once at the edge. Engines get it as part of a [`Context`](super::context::Context).
#[derive(Clone, Debug)]
pub struct Request {
    /// UUID, answered as `request_id`.
    pub id: String,
    /// Whose mounts, policies and identities are meant.
    pub namespace: Arc<Namespace>,
    /// Whether the path that was asked for began with the namespace, or a part of it.
    pub namespace_in_path: bool,
    /// Where in the namespace; mount included.
    pub path: ApiPath,
    /// What to do there.
    pub operation: Operation,
    /// Body, or query for operations [without one](Operation::is_by_query).
    pub parameters: Parameters,
    /// The client wants the answer wrapped for so long.
    pub wrap_ttl: Option<Duration>,
    /// It wants the wrapping token signed.
    pub wrap_signed: bool,
    /// Who asks.
    pub client: IpAddr,
    /// Headers that the mount lets pass; never credentials.
    pub headers: HeaderMap,
    /// The token in clear, which only the core's token store may use. Empty without one.
    pub client_token: ClientToken,
    /// What the header `Authorization` was worth.
    pub authorization: Authorization,
    /// Second factors that came with the request.
    pub mfa: MfaCredentials,
    /// Whether its token is one that is stored nowhere.
    pub inline: Inline,
    /// What the token may do; `None` on unauthenticated requests.
    pub token: Option<Arc<TokenEntry>>,
    /// Who is behind the token.
    pub entity: Option<Arc<Entity>>,
    /// That it had to be approved, and was; `None` for what comes from a client.
    pub(crate) approved: Option<Box<Approved>>,
}

/// The part of a request in inline authentication: a login and what it is for, in one HTTP request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inline {
    /// None.
    #[default]
    No,
    /// It is the login. Its token is for the other one alone, and stored nowhere.
    Login,
    /// It was proved by such a login.
    Proved,
}

/// A token in clear. Shows nothing of itself, and is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct ClientToken(String);

impl ClientToken {
    /// Wraps `token`.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token, for the token store and the answer to the one who asked for it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for ClientToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(token)")
    }
}

/// What the header `Authorization` was worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// Nothing: it was not there, or another header had the token.
    #[default]
    None,
    /// It had the token.
    Bearer,
    /// It had a name and a secret.
    Basic {
        /// Before the first colon.
        name: String,
        /// After it.
        secret: ClientToken,
    },
}

/// Passcodes by id or name of the method. Shows nothing of itself, and is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MfaCredentials(BTreeMap<String, Vec<ClientToken>>);

impl MfaCredentials {
    /// Takes `method:passcode`, or a method alone. What is empty counts for nothing.
    ///
    /// # Errors
    /// The part that is missing.
    pub fn add(&mut self, text: &str) -> Result<(), &'static str> {
        match text.split_once(':') {
            None if text.is_empty() => {}
            None => drop(self.0.entry(text.to_owned()).or_default()),
            Some(("", _)) => return Err("name or ID"),
            Some((_, "")) => return Err("value"),
            Some((method, passcode)) => self.insert(method, [passcode.to_owned()]),
        }
        Ok(())
    }

    /// Adds passcodes of a method.
    pub fn insert(&mut self, method: &str, passcodes: impl IntoIterator<Item = String>) {
        self.0.entry(method.to_owned()).or_default().extend(passcodes.into_iter().map(ClientToken::new));
    }

    /// The passcodes that were given for `method`; `None` if it was not named.
    pub fn of(&self, method: &str) -> Option<&[ClientToken]> {
        self.0.get(method).map(Vec::as_slice)
    }

    /// Whether no method was named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for MfaCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(second factors)")
    }
}
