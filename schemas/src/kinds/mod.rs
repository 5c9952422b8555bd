//! All kinds, one file each, and the one list of them.

#![allow(clippy::duplicated_attributes, reason = "two endpoints of a kind may say the same word")]

use crate::{Class, Kind};

// Groups of fields and ways of doing that several kinds share.
mod auth;
mod sys;

/// One line a kind: module, file, type.
macro_rules! kinds {
    ($($module:ident in $path:literal: $kind:ident,)*) => {
        $(#[path = $path] mod $module; pub use $module::$kind;)*

        /// Every kind, in the order of the list.
        pub static KINDS: &[&Kind] = &[$(&$kind::KIND),*];
    };
}

kinds! {
    // resources
    approle_login in "auth/approle_login.rs": ApproleLogin,
    approle_role in "auth/approle_role.rs": ApproleRole,
    approle_secret_id in "auth/approle_secret_id.rs": ApproleSecretId,
    auth_backend in "auth/auth_backend.rs": AuthBackend,
    jwt_auth_backend in "auth/jwt_auth_backend.rs": JwtAuthBackend,
    jwt_role in "auth/jwt_role.rs": JwtAuthBackendRole,
    mount in "sys/mount.rs": Mount,
    namespace in "sys/namespace.rs": Namespace,
    password_policy in "sys/password_policy.rs": PasswordPolicy,
    policy in "sys/policy.rs": Policy,
    token in "auth/token.rs": Token,
    token_role in "auth/token_role.rs": TokenRole,
    userpass_user in "auth/userpass_user.rs": UserpassUser,
}

/// The kind of that class and name (without `vault_`).
pub fn find(class: Class, name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.class == class && kind.name == name)
}
