use crate::kinds::auth::TokenLimits;
use crate::shape::{MountPath, Name, Seconds, Sensitive, TokenType, WriteOnly};

/// A user of the auth method `userpass`.
#[derive(schemas::Kind)]
#[kind(name = "userpass_auth_backend_user", list = "auth/{mount}/users", states = Modern)]
#[kind(path = "auth/{mount}/users/{username}", import = "auth/{mount}/users/{username}")]
#[kind(block(name = "user", label = "username", within = "auth", container = "mount", types("userpass")))]
pub struct UserpassUser {
    /// Path of the auth method.
    #[kind(key, replaces)]
    pub mount: MountPath,
    /// Name of the user.
    #[kind(key, replaces)]
    pub username: Name,
    /// Password, never stored.
    #[kind(api = "password", unreadable, revision = "password_wo_version", one_of("password_hash_wo"))]
    pub password_wo: Option<Sensitive<WriteOnly<String>>>,
    /// Change it to have `password_wo` sent again.
    #[kind(local, needs("password_wo"), conflicts("password_hash_wo", "password_hash_wo_version"))]
    pub password_wo_version: Option<i64>,
    /// Bcrypt hash of the password, never stored.
    #[kind(api = "password_hash", unreadable, revision = "password_hash_wo_version", one_of("password_wo"))]
    pub password_hash_wo: Option<Sensitive<WriteOnly<String>>>,
    /// Change it to have `password_hash_wo` sent again.
    #[kind(local, needs("password_hash_wo"), conflicts("password_wo", "password_wo_version"))]
    pub password_hash_wo_version: Option<i64>,
    /// Token parameters.
    #[kind(flatten)]
    pub token: TokenLimits,
    /// Makes the tokens periodic: each renewal gives them this many seconds.
    pub token_period: Option<Seconds>,
    /// Lifetime at first, in seconds.
    pub token_ttl: Option<Seconds>,
    /// `service`, `batch`, or `default` for what the mount says.
    #[kind(filled, default = "default")]
    pub token_type: Option<TokenType>,
    /// Bind each token to the address that logged in. Not together with `token_bound_cidrs`. OpenBao only.
    #[kind(openbao)]
    pub token_strictly_bind_ip: Option<bool>,
}
