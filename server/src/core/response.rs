//! What a handler answers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::error::Error;
use super::token::TokenEntry;
use super::wrap::WrapInfo;

/// A successful answer.
///
/// It can carry data, and at most one of a login and a lease; it cannot carry an error, so that no token is
/// ever made for a request that failed.
#[derive(Debug, Default)]
pub struct Response {
    /// `data` of the body: a JSON object, as text. `None` with nothing else answers 204.
    pub data: Option<Box<RawValue>>,
    /// `warnings` of the body.
    pub warnings: Vec<String>,
    /// Whether no warnings are an empty list; else null.
    pub lists_warnings: bool,
    /// What the core has to make before it answers.
    pub grant: Grant,
    /// Another status than 200 or 204; the body is as usual.
    pub status: Option<StatusCode>,
    /// Another body than the usual one.
    pub raw: Option<RawBody>,
    /// Answers a body although there is nothing to say.
    pub has_body: bool,
    /// Whether the keys of `data` are repeated at the top level of the body, as some of `sys/` do.
    pub spread: Spread,
    /// What the core does once everything is committed.
    pub(crate) effect: Option<Effect>,
    /// `lease_duration` of an answer without lease, in seconds: kv v1 tells how often to read again.
    pub lease_duration: u64,
    /// Accessor that the wrapping tells of if the answer is wrapped: of a secret id, say. A login's own needs none.
    pub wrapped_accessor: Option<String>,
}

/// Whether `data` is also the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// It is not.
    #[default]
    No,
    /// It is, but for keys that the usual body has.
    Merged,
    /// It is, and none of its keys can be one that the usual body has: its text is used as it is.
    Apart,
}

/// What cannot be part of a transaction.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Seal the server.
    Seal,
    /// Run the handler again: it has done a part of what is asked for, which is committed, and nothing else may be
    /// told yet. So a request that has very much to do neither is one large batch nor loses all of it to another.
    Again,
    /// Refuse the request: what the handler has written is committed all the same, which an error would undo.
    Refuse(Box<Error>),
}

/// What an engine or an auth method gives out. The core makes token or lease in the transaction of the request.
#[derive(Debug, Default)]
pub enum Grant {
    /// Nothing.
    #[default]
    Nothing,
    /// A login has succeeded.
    Login(Box<AuthGrant>),
    /// A secret that ends with its lease.
    Lease(Box<LeaseGrant>),
    /// The token of a login that is for one other request, and stored nowhere.
    Proved(Box<TokenEntry>),
    /// A token that the core has made already: the answer of `auth/token/create`, or of a renewal.
    Issued(Box<AuthBlock>),
    /// A wrapping token that was made already, which is not wrapped again.
    Wrapped(Box<WrapInfo>),
    /// A lease that there is already: the answer of `sys/leases/renew`.
    Renewed(Box<LeaseBlock>),
}

/// What a login is worth: the core makes a token of it, capped by the limits of mount and system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthGrant {
    /// Policies of the token, as configured. `default` is added unless [`no_default_policy`](Self::no_default_policy).
    pub policies: Vec<String>,
    /// Name in lookups and audit log, without the mount: `alice`. The core puts the mount's name before it.
    pub display_name: String,
    /// Metadata of the token.
    pub metadata: BTreeMap<String, String>,
    /// Who has logged in; the core finds or makes the entity. `None`: no identity.
    pub alias: Option<Alias>,
    /// Names of external groups that the login proves.
    pub group_aliases: Vec<String>,
    /// Lifetime wanted; zero for the mount's default.
    pub ttl: Duration,
    /// Longest lifetime wanted; zero for the mount's.
    pub max_ttl: Duration,
    /// Lifetime that nothing extends; zero for none.
    pub explicit_max_ttl: Duration,
    /// Makes the token periodic; zero for not.
    pub period: Duration,
    /// How often the token may be used; 0 without limit.
    pub num_uses: i64,
    /// Networks from which it may be used; empty for all.
    pub bound_cidrs: Vec<ipnet::IpNet>,
    /// Service or batch.
    pub token_type: TokenType,
    /// Leave out the policy `default`.
    pub no_default_policy: bool,
    /// Kept with the token's lease and given back to [`renew_login`](super::engine::Engine::renew_login).
    pub internal: BTreeMap<String, String>,
    /// Whether the token can be renewed.
    pub renewable: bool,
}

/// The name under which an auth method knows somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alias {
    /// Unique in the mount: a user name, a role id.
    pub name: String,
    /// Metadata of the alias.
    pub metadata: BTreeMap<String, String>,
}

/// The type of token that a role asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// What the mount says; service if it says nothing.
    #[default]
    Default,
    /// Service.
    Service,
    /// Batch.
    Batch,
    /// Service, unless the request asks for batch.
    DefaultService,
    /// Batch, unless the request asks for service.
    DefaultBatch,
}

/// A secret that the core ends by [`revoke`](super::engine::Engine::revoke) when its time is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaseGrant {
    /// Lifetime wanted; zero for the mount's default.
    pub ttl: Duration,
    /// Longest lifetime wanted; zero for the mount's.
    pub max_ttl: Duration,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// What the engine needs to renew or revoke it. Stored encrypted, never answered.
    pub internal: BTreeMap<String, String>,
}

/// `auth` of a body.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuthBlock {
    /// The token, in clear.
    pub client_token: String,
    /// Its accessor; empty for batch tokens.
    pub accessor: String,
    /// All policies, those of the identity included; null while there is no token yet.
    pub policies: Option<Vec<String>>,
    /// Policies of the token itself; left out while there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_policies: Option<Vec<String>>,
    /// Policies of the identity; left out without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity_policies: Vec<String>,
    /// Metadata; null without any.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Seconds.
    pub lease_duration: u64,
    /// May it be renewed.
    pub renewable: bool,
    /// The identity behind it; empty for none.
    pub entity_id: String,
    /// `service` or `batch`.
    pub token_type: &'static str,
    /// Has no parent.
    pub orphan: bool,
    /// Second factors that are still wanted.
    pub mfa_requirement: Option<Box<MfaRequirement>>,
    /// Uses that are left; 0 without limit.
    pub num_uses: i64,
}

/// What a login still has to prove, one method of each constraint.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaRequirement {
    /// Names the login that waits.
    pub mfa_request_id: String,
    /// By name of the enforcement.
    pub mfa_constraints: BTreeMap<String, MfaAny>,
}

/// Any of these methods will do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaAny {
    /// The methods.
    pub any: Vec<MfaMethod>,
}

/// A method that a login may be proved by.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MfaMethod {
    /// `totp`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Whether a passcode is needed; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uses_passcode: bool,
    /// Its name; left out without.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// The lease of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseBlock {
    /// `<path>/<24 characters>`.
    pub id: String,
    /// May it be renewed.
    pub renewable: bool,
    /// Seconds.
    pub duration: u64,
}

/// A body that is not the usual one.
#[derive(Clone, Debug)]
pub struct RawBody {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers; they win over those that every answer has.
    pub headers: HeaderMap,
    /// The bytes as they are sent.
    pub bytes: Bytes,
}

impl RawBody {
    /// JSON.
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self { content_type: "application/json", headers: HeaderMap::new(), bytes: bytes.into() }
    }
}

impl From<RawBody> for Response {
    fn from(raw: RawBody) -> Self {
        Self { raw: Some(raw), ..Self::default() }
    }
}

impl Response {
    /// Nothing to say: 204, or 200 if the core adds a warning.
    pub fn empty() -> Self {
        Self::default()
    }

    /// `error`, with all that the handler has written committed.
    pub(crate) fn refused(error: Error) -> Self {
        Self { effect: Some(Effect::Refuse(Box::new(error))), ..Self::default() }
    }

    /// What the client is told once all is committed.
    ///
    /// # Errors
    /// The one that the request is [refused](Self::refused) with.
    pub(crate) fn told(mut self) -> Result<Self, Error> {
        match self.effect.take() {
            Some(Effect::Refuse(error)) => Err(*error),
            effect => Ok(Self { effect, ..self }),
        }
    }

    /// `data` is the object that `data` serializes to.
    ///
    /// # Errors
    /// Internal, if it has no JSON form.
    pub fn data<T: Serialize + ?Sized>(data: &T) -> Result<Self, Error> {
        Ok(Self { data: Some(serde_json::value::to_raw_value(data)?), ..Self::default() })
    }

    /// As [`data`](Self::data), with the names in alphabetical order, whatever order `T` has: for what is put together
    /// of parts.
    ///
    /// # Errors
    /// Internal, if it has no JSON form.
    pub fn sorted_data<T: Serialize>(data: &T) -> Result<Self, Error> {
        Self::data(&serde_json::to_value(data)?)
    }

    /// `data` is `json`, character by character.
    pub fn raw_data(json: Box<RawValue>) -> Self {
        Self { data: Some(json), ..Self::default() }
    }

    /// The names of a list.
    ///
    /// # Errors
    /// 404 if there are none, as the API answers an empty list.
    pub fn keys<T: Serialize>(keys: &[T]) -> Result<Self, Error> {
        #[derive(Serialize)]
        struct Keys<'a, T> {
            keys: &'a [T],
        }
        if keys.is_empty() {
            return Err(Error::not_found());
        }
        Self::data(&Keys { keys })
    }

    /// A login.
    pub fn login(grant: AuthGrant) -> Self {
        Self { grant: Grant::Login(Box::new(grant)), ..Self::default() }
    }

    /// Adds a lease to the secret that is in `data`.
    #[must_use]
    pub fn with_lease(mut self, grant: LeaseGrant) -> Self {
        self.grant = Grant::Lease(Box::new(grant));
        self
    }

    /// Adds a warning.
    #[must_use]
    pub fn with_warning(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// Answers with another status; 404 keeps the body.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Answers a list of warnings even if there is none.
    #[must_use]
    pub fn with_list_of_warnings(mut self) -> Self {
        self.lists_warnings = true;
        self
    }

    /// Answers a body even if there is nothing to say.
    #[must_use]
    pub fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    /// Repeats `data` at the top level.
    #[must_use]
    pub fn spread(mut self) -> Self {
        self.spread = Spread::Merged;
        self
    }

    /// As [`spread`](Self::spread), of data whose keys are folders: with a slash at their ends.
    #[must_use]
    pub fn spread_folders(mut self) -> Self {
        self.spread = Spread::Apart;
        self
    }

    /// Says how often to read again, in seconds.
    #[must_use]
    pub fn with_lease_duration(mut self, seconds: u64) -> Self {
        self.lease_duration = seconds;
        self
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.data.is_none()
            && self.warnings.is_empty()
            && !self.has_body
            && self.raw.is_none()
            && matches!(self.grant, Grant::Nothing)
    }
}
