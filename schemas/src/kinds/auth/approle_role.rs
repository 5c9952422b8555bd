use crate::kinds::auth::TokenParameters;
use crate::shape::{MountPath, Name, Network, Seconds, Set};

/// An AppRole role: how a machine logs in, and what its tokens may do.
#[derive(schemas::Kind)]
#[kind(
    name = "approle_auth_backend_role",
    list = "auth/{backend}/role",
    id = "auth/{backend}/role/{role_name}"
)]
#[kind(path = "auth/{backend}/role/{role_name}")]
#[kind(endpoint(name = "role_id", path = "auth/{backend}/role/{role_name}/role-id", delete = "none", aside))]
#[kind(block(name = "role", label = "role_name", within = "auth", container = "backend", types("approle")))]
pub struct ApproleRole {
    /// Path of the auth method.
    #[kind(key, replaces, default = "approle")]
    pub backend: Option<MountPath>,
    /// Name of the role.
    #[kind(key, replaces)]
    pub role_name: Name,
    /// The identifier that a login names. Absent: the server picks one.
    #[kind(filled, at = "role_id")]
    pub role_id: Option<String>,
    /// Whether a login needs a secret id.
    #[kind(default = true)]
    pub bind_secret_id: Option<bool>,
    /// Keep secret ids on one cluster.
    #[kind(default = false, replaces, create_only)]
    pub local_secret_ids: Option<bool>,
    /// Networks from which a secret id may be used.
    pub secret_id_bound_cidrs: Option<Set<Network>>,
    /// How often a secret id may be used; 0: without limit.
    pub secret_id_num_uses: Option<i64>,
    /// Lifetime of secret ids, in seconds; 0: without limit.
    pub secret_id_ttl: Option<Seconds>,
    /// Token parameters.
    #[kind(flatten)]
    pub token: TokenParameters,
}
