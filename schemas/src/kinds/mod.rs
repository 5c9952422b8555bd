//! All kinds, one file each, and the one list of them.

#![allow(clippy::duplicated_attributes, reason = "two endpoints of a kind may say the same word")]

use crate::{Class, Kind};

// Groups of fields and ways of doing that several kinds share.
mod auth;
mod exchange;
mod generic;
mod kv;
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
    generic_endpoint in "generic/endpoint.rs": GenericEndpoint,
    generic_secret in "generic/secret.rs": GenericSecret,
    jwt_auth_backend in "auth/jwt_auth_backend.rs": JwtAuthBackend,
    jwt_role in "auth/jwt_role.rs": JwtAuthBackendRole,
    kv_secret_backend_v2 in "kv/secret_backend_v2.rs": KvSecretBackendV2,
    kv_secret_v2 in "kv/secret_v2.rs": KvSecretV2,
    mount in "sys/mount.rs": Mount,
    namespace in "sys/namespace.rs": Namespace,
    password_policy in "sys/password_policy.rs": PasswordPolicy,
    policy in "sys/policy.rs": Policy,
    token in "auth/token.rs": Token,
    token_role in "auth/token_role.rs": TokenRole,
    userpass_user in "auth/userpass_user.rs": UserpassUser,
    // data sources
    data_approle_role_id in "data/approle_role_id.rs": ApproleRoleId,
    data_auth_backend in "data/auth_backend.rs": AuthBackendData,
    data_auth_backends in "data/auth_backends.rs": AuthBackends,
    data_generic_secret in "generic/secret_data.rs": GenericSecretData,
    data_kv_secret_subkeys_v2 in "kv/secret_subkeys_v2.rs": KvSecretSubkeysV2,
    data_kv_secret_v2 in "kv/secret_v2_data.rs": KvSecretV2Data,
    data_kv_secrets_list in "kv/secrets_list.rs": KvSecretsList,
    data_kv_secrets_list_v2 in "kv/secrets_list_v2.rs": KvSecretsListV2,
    data_namespace in "data/namespace.rs": NamespaceData,
    data_namespaces in "data/namespaces.rs": Namespaces,
    data_policy_document in "data/policy_document.rs": PolicyDocument,
    // ephemerals
    ephemeral_approle_secret_id in "ephemeral/approle_secret_id.rs": ApproleSecretIdEphemeral,
    ephemeral_generic_endpoint in "generic/endpoint_ephemeral.rs": GenericEndpointEphemeral,
    ephemeral_kv_secret_v2 in "kv/secret_v2_ephemeral.rs": KvSecretV2Ephemeral,
    ephemeral_userpass_login in "ephemeral/userpass_login.rs": UserpassLogin,
}

pub use data_generic_secret::{field_of_secret, secret_at};

/// The kind of that class and name (without `vault_`).
pub fn find(class: Class, name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.class == class && kind.name == name)
}
