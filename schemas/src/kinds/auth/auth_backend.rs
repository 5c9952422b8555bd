use crate::kinds::auth::{AuthMount, Mounting, Tune, UserLockout};
use crate::shape::{List, MountPath};

/// An auth method, mounted at a path.
#[derive(schemas::Kind)]
#[kind(name = "auth_backend", list = "sys/auth", id = "{path}", version = 1, behavior = AuthMount)]
#[kind(path = "sys/auth/{path}", read = "GET sys/mounts/auth/{path}", update = "none")]
#[kind(endpoint(name = "tune", path = "sys/mounts/auth/{path}/tune", delete = "none"))]
#[kind(block(name = "auth", label = "path", within = "namespace", typed_by = "type", serves = "auth/"))]
pub struct AuthBackend {
    /// Where it is mounted. Absent: named as its type. A change moves the method with all it holds.
    #[kind(key, filled)]
    pub path: Option<MountPath>,
    /// Type of the method: `approle`, `userpass`, …
    #[kind(replaces, identity)]
    pub r#type: String,
    /// Text for people.
    #[kind(update_at = "tune")]
    pub description: Option<String>,
    /// What can be tuned. Absent: as the server has it.
    #[kind(filled, at = "tune", api = "")]
    pub tune: Option<List<Tune>>,
    /// When failed logins lock a user out. Absent: as the server has it. Only `userpass`, `approle` and `ldap` count them.
    #[kind(filled, at = "tune", api = "")]
    pub user_lockout: Option<List<UserLockout>>,
    /// How it is mounted.
    #[kind(flatten)]
    pub mounting: Mounting,
    /// Keep the method on one cluster.
    #[kind(replaces)]
    pub local: Option<bool>,
    /// Key that signs the method's identity tokens.
    #[kind(api = "config.identity_token_key", unreadable, enterprise)]
    pub identity_token_key: Option<String>,
    /// Replace the mount when its path changes, and do not move it.
    #[kind(local, default = false)]
    pub disable_remount: Option<bool>,
    /// Accessor of the mount.
    #[kind(output, lasting, identity)]
    pub accessor: String,
}
