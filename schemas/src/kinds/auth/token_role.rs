use crate::kinds::auth::TokenLimits;
use crate::shape::{Name, Seconds, Set};

/// A token role: what tokens may be created through it.
#[derive(schemas::Kind)]
#[kind(name = "token_auth_backend_role", list = "auth/token/roles", id = "auth/token/roles/{role_name}")]
#[kind(path = "auth/token/roles/{role_name}")]
#[kind(block(name = "token_role", label = "role_name", within = "namespace"))]
pub struct TokenRole {
    /// Name of the role. Letter case counts.
    #[kind(key, replaces)]
    pub role_name: String,
    /// Policies that a token may have.
    pub allowed_policies: Option<Set<Name>>,
    /// Patterns of policies that a token may have.
    pub allowed_policies_glob: Option<Set<Name>>,
    /// Policies that no token may have.
    pub disallowed_policies: Option<Set<Name>>,
    /// Patterns of policies that no token may have.
    pub disallowed_policies_glob: Option<Set<Name>>,
    /// Entity aliases that a token may be made for.
    pub allowed_entity_aliases: Option<Set<Name>>,
    /// Tokens have no parent, and outlive the one that created them.
    #[kind(default = false)]
    pub orphan: Option<bool>,
    /// Tokens can be renewed.
    #[kind(default = true)]
    pub renewable: Option<bool>,
    /// Last part of the path that tokens are filed under, for revoking them together.
    #[kind(default = "")]
    pub path_suffix: Option<String>,
    /// Token parameters.
    #[kind(flatten)]
    pub token: TokenLimits,
    /// Makes the tokens periodic: each renewal gives them this many seconds.
    #[kind(conflicts("token_ttl"))]
    pub token_period: Option<Seconds>,
    /// Lifetime at first, in seconds.
    #[kind(conflicts("token_period"))]
    pub token_ttl: Option<Seconds>,
    /// `service`, `batch`, `default-service` or `default-batch`.
    #[kind(default = "default-service")]
    pub token_type: Option<String>,
}
