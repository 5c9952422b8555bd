use crate::shape::{MountPath, Name};

/// The identifier that a login with an AppRole role names.
#[derive(schemas::Kind)]
#[kind(
    name = "approle_auth_backend_role_id",
    class = Data,
    id = "auth/{backend}/role/{role_name}/role-id"
)]
#[kind(read = "GET auth/{backend}/role/{role_name}/role-id")]
pub struct ApproleRoleId {
    /// Path of the auth method.
    #[kind(key, default = "approle")]
    pub backend: Option<MountPath>,
    /// Name of the role.
    #[kind(key)]
    pub role_name: Name,
    /// The identifier.
    #[kind(output)]
    pub role_id: Option<String>,
}
