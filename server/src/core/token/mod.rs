//! Tokens.
//!
//! [`Tokens`] keeps them: service tokens as records under a keyed hash of the token, batch tokens in
//! themselves. The API at `auth/token/` is [`TokenEngine`]. All records of a token are written in the
//! transaction of the request that makes it, and all records of a tree in the one that revokes it.

mod ancestry;
mod batch;
mod cache;
mod count;
mod engine;
mod gate;
mod id;
pub(crate) mod login;
mod place;
mod policies;
mod record;
mod revoke;
mod root;
mod store;
mod surroundings;
pub(crate) mod ttl;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policies::AclSlot;

pub(crate) use batch::unfit_for_batch;
pub(crate) use engine::{TokenEngine, of_accessor as token_of_accessor};
pub(crate) use id::{namespace_of, random_letters, random_text};
pub(crate) use place::{namespace_meant, require_text};
pub(crate) use policies::{normalized as normalized_names, sanitize as sanitize_policies};
pub(crate) use store::{Issue, Tokens};
pub(crate) use surroundings::{Home, Surroundings};

/// What lives under a token: its rights and its limits. Never the token itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenEntry {
    /// Keyed hash of the token, with the namespace's suffix: under this name it is stored, and children and leases
    /// refer to it.
    pub id: String,
    /// Names the token without giving its rights. Empty for batch tokens.
    pub accessor: String,
    /// Id of the namespace that it belongs to.
    pub namespace: String,
    /// Policies of the token itself, normalized.
    pub policies: Vec<String>,
    /// The request path that made it: `auth/approle/login`.
    pub path: String,
    /// `token`, `userpass-alice`, …
    pub display_name: String,
    /// Shown by lookups and in the audit log.
    pub metadata: BTreeMap<String, String>,
    /// The identity behind it; empty for none.
    pub entity_id: String,
    /// How long it lives.
    pub kind: TokenKind,
    /// Key of its cubbyhole; empty for batch tokens.
    pub cubbyhole_id: String,
    /// [`id`](Self::id) of the parent; empty for orphans.
    pub parent: String,
    /// Uses that are left; 0 without limit, -1 when the last use is under way.
    pub num_uses: i64,
    /// Uses that it was made with.
    pub uses_at_first: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Lifetime at creation, in seconds; 0 for ever.
    pub creation_ttl: u64,
    /// Lifetime that no renewal extends, in seconds; 0 without.
    pub explicit_max_ttl: u64,
    /// Each renewal gives it this many seconds; 0: not periodic.
    pub period: u64,
    /// The token role that it was made by; empty for none.
    pub role: String,
    /// Networks from which it may be used; empty for all.
    pub bound_cidrs: Vec<ipnet::IpNet>,
    /// When it ends, unless renewed; `None` for ever.
    pub expires_at: Option<Timestamp>,
    /// Seconds that it was given at creation or by the last renewal: what a renewal asks for that names nothing.
    pub granted_ttl: u64,
    /// When it was last renewed.
    pub renewed_at: Option<Timestamp>,
    /// May it be renewed.
    pub renewable: bool,
    /// Whether it has a lease: all but batch tokens and the first root token.
    pub is_leased: bool,
    /// Whether it is a wrapping token that keeps a request, and no answer.
    pub is_deferred: bool,
    /// What [`renew_login`](super::engine::Engine::renew_login) is given back; `None` for tokens of `auth/token/`.
    pub login: Option<LoginGrant>,
    /// What its policies say, while it is asked for.
    pub(crate) acl: AclSlot,
    /// What an access token of the OIDC provider is good for, instead of any policies; `None` for all others.
    pub access: Option<OidcAccess>,
}

/// What an access token of the OIDC provider is good for: reading who is behind it, for one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcAccess {
    /// Name of the provider.
    pub provider: String,
    /// Whom it was given to.
    pub client_id: String,
    /// Scopes that were asked for.
    pub scopes: Vec<String>,
}

/// What is kept of the login that made a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginGrant {
    /// Longest lifetime that the login granted, in seconds; 0 for the mount's.
    pub max_ttl: u64,
    /// Lifetime that the login granted, in seconds; 0 for the mount's.
    pub ttl: u64,
    /// Known to the auth method alone.
    pub internal: BTreeMap<String, String>,
    /// Names that the login gave of external groups which there were.
    pub group_aliases: Vec<String>,
}

/// How a token is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKind {
    /// Stored, revocable, renewable.
    #[default]
    Service,
    /// Carries its own content, is stored nowhere.
    Batch,
}

impl TokenKind {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

impl TokenEntry {
    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    /// Whether it has no parent.
    pub fn is_orphan(&self) -> bool {
        self.parent.is_empty()
    }

    /// Whether it may be used from `address`.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.bound_cidrs.is_empty() || self.bound_cidrs.iter().any(|network| network.contains(&address))
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whole seconds until it ends; 0 for ever.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        self.expires_at.map_or(0, |end| ttl::seconds_between(now, end))
    }

    /// The id of its lease.
    pub fn lease_id(&self) -> String {
        format!("{}/{}", self.path, self.id)
    }
}
