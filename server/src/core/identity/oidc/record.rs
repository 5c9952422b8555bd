//! Objects of OIDC as they are stored. Keys are in `keyring`.

use serde::{Deserialize, Serialize};

use super::store::Record;
use crate::core::request::ClientToken;

/// The assignment that everybody is in.
pub(super) const ALLOW_ALL: &str = "allow_all";
/// The key and the provider that every namespace has.
pub(super) const DEFAULT: &str = "default";
/// Stands for all clients.
pub(super) const EVERY_CLIENT: &str = "*";

/// What is told to be the issuer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ConfigRecord {
    /// Scheme, host and port; empty for the server's own address.
    pub(super) issuer: String,
}

/// What identity tokens of one sort hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RoleRecord {
    /// Name of the key that signs.
    pub(super) key: String,
    pub(super) template: String,
    /// Seconds.
    pub(super) ttl: u64,
    pub(super) client_id: String,
}

/// Who may sign in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct AssignmentRecord {
    pub(super) entity_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
}

/// What is told of who signs in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ScopeRecord {
    pub(super) template: String,
    pub(super) description: String,
}

/// An application that people sign in at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ClientRecord {
    pub(super) redirect_uris: Vec<String>,
    pub(super) assignments: Vec<String>,
    /// Name of the key that signs.
    pub(super) key: String,
    /// Seconds.
    pub(super) id_token_ttl: u64,
    /// Seconds.
    pub(super) access_token_ttl: u64,
    pub(super) client_type: ClientType,
    /// Whether people sign in.
    pub(super) authorization_code: bool,
    /// Whether it may have tokens for itself.
    pub(super) client_credentials: bool,
    pub(super) client_id: String,
    /// Empty for public clients.
    pub(super) client_secret: ClientSecret,
}

/// Whether a client can keep a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClientType {
    #[default]
    Confidential,
    Public,
}

impl ClientType {
    /// The word of the API.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }

    /// The type of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Confidential, Self::Public].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The secret of a client. Shows nothing of itself, and is wiped when dropped.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(super) struct ClientSecret(pub(super) ClientToken);

impl From<String> for ClientSecret {
    fn from(text: String) -> Self {
        Self(ClientToken::new(text))
    }
}

impl From<ClientSecret> for String {
    fn from(secret: ClientSecret) -> Self {
        secret.0.expose().to_owned()
    }
}

/// An issuer of its own, for some clients.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProviderRecord {
    /// Scheme, host and port; empty for the server's own address.
    pub(super) issuer: String,
    pub(super) allowed_client_ids: Vec<String>,
    pub(super) scopes_supported: Vec<String>,
}

impl ProviderRecord {
    /// Whether the client `id` may use it.
    pub(super) fn allows(&self, id: &str) -> bool {
        is_listed(&self.allowed_client_ids, id)
    }
}

/// Whether `ids` have `id`, or stand for every client.
pub(super) fn is_listed(ids: &[String], id: &str) -> bool {
    ids.iter().any(|listed| listed == EVERY_CLIENT || listed == id)
}

impl Record for ConfigRecord {
    const FOLDER: &'static str = "config";
}

impl Record for RoleRecord {
    const FOLDER: &'static str = "role";
}

impl Record for AssignmentRecord {
    const FOLDER: &'static str = "assignment";

    fn built_in() -> Option<(&'static str, Self)> {
        let all = || vec!["*".to_owned()];
        Some((ALLOW_ALL, Self { entity_ids: all(), group_ids: all() }))
    }
}

impl Record for ScopeRecord {
    const FOLDER: &'static str = "scope";
}

impl Record for ClientRecord {
    const FOLDER: &'static str = "client";
}

impl Record for ProviderRecord {
    const FOLDER: &'static str = "provider";

    fn built_in() -> Option<(&'static str, Self)> {
        let allowed_client_ids = vec![EVERY_CLIENT.to_owned()];
        Some((DEFAULT, Self { allowed_client_ids, ..Self::default() }))
    }
}
