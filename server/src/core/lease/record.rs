//! Leases as they are stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a lease ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LeaseRecord {
    /// A token: its stored name [ends](super::token_of) the id of the lease, and its times are in its own record.
    Token,
    /// A secret.
    Secret(Box<SecretLease>),
}

/// The lease of a secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SecretLease {
    /// The request path that made it; its mount is found by it.
    pub(crate) path: String,
    /// Stored name of the token that it was made for.
    pub(crate) token: String,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(crate) issued_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(crate) expires_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub(crate) renewed_at: Option<Timestamp>,
    pub(crate) renewable: bool,
    /// Seconds given at first or by the last renewal.
    pub(crate) granted_ttl: u64,
    /// Seconds from the issue that the engine allows; 0: the mount's limit.
    pub(crate) max_ttl: u64,
    /// What the engine needs to renew or revoke it.
    pub(crate) internal: BTreeMap<String, String>,
    /// How often revoking has failed.
    pub(crate) failures: u32,
    /// Why revoking has failed for good; empty if it has not.
    pub(crate) revoke_error: String,
}

impl SecretLease {
    /// Whether it was given up to revoke it.
    pub(crate) fn is_irrevocable(&self) -> bool {
        !self.revoke_error.is_empty()
    }
}
