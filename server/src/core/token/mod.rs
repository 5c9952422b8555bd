//! Tokens.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What lives under a token: its rights and its limits. Never the token itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenEntry {
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
    /// Salted id of the parent; empty for orphans.
    pub parent: String,
    /// Uses that are left; 0 without limit, -1 revoked.
    pub num_uses: i64,
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
    /// When it ends, unless renewed; `None` for ever. Kept in the lease for service tokens and filled in on reading.
    pub expires_at: Option<Timestamp>,
    /// May it be renewed.
    pub renewable: bool,
}

/// How a token is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// Stored, revocable, renewable.
    Service,
    /// Carries its own content, is stored nowhere.
    Batch,
}

impl TokenEntry {
    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    /// Whether it may be used from `address`.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.bound_cidrs.is_empty() || self.bound_cidrs.iter().any(|network| network.contains(&address))
    }
}
