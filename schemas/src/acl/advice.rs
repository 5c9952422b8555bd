//! What to tell someone whose request was denied.

use super::render::quoted;
use super::{Capabilities, Capability};

/// The least policy rule that lets a request pass.
///
/// `method` is that of the request (`GET`, `LIST`, `SCAN`, `POST`, `PUT`, `PATCH`, `DELETE`), `path` its
/// path below `/v1/` relative to the namespace. A write asks for `create` and `update`: which of them the server
/// wants depends on whether the object is there, which cannot be seen from outside. `sudo` adds that capability,
/// for paths of [`root_protected`].
#[must_use]
pub fn stanza(method: &str, path: &str, sudo: bool) -> String {
    let capabilities: &[Capability] = match method.to_ascii_uppercase().as_str() {
        "GET" | "HEAD" => &[Capability::Read],
        "LIST" => &[Capability::List],
        "SCAN" => &[Capability::Scan],
        "DELETE" => &[Capability::Delete],
        "PATCH" => &[Capability::Patch],
        _ => &[Capability::Create, Capability::Update],
    };
    let mut set: Capabilities = capabilities.iter().copied().collect();
    if sudo {
        set.insert(Capability::Sudo);
    }
    let words: Vec<String> = set.iter().map(|capability| quoted(capability.name())).collect();
    format!("path {} {{ capabilities = [{}] }}", quoted(path.trim_start_matches('/')), words.join(", "))
}

/// Paths that need `sudo`; a trailing `*` stands for everything below.
const ROOT_PROTECTED: [&str; 20] = [
    "auth/token/accessors",
    "auth/token/accessors/",
    "sys/audit",
    "sys/audit/*",
    "sys/auth/*",
    "sys/config/auditing/*",
    "sys/config/cors",
    "sys/config/ui/headers/*",
    "sys/internal/inspect/*",
    "sys/leases",
    "sys/leases/lookup/*",
    "sys/leases/revoke-force/*",
    "sys/leases/revoke-prefix/*",
    "sys/plugins/catalog/*",
    "sys/raw",
    "sys/raw/*",
    "sys/remount",
    "sys/rotate",
    "sys/rotate/keyring",
    "sys/rotate/root",
];

/// Whether a request to `path`, relative to its namespace, needs `sudo` besides its own capability.
///
/// Covers the system paths and those of the token store. `sys/seal` and `sys/step-down`, which ask for
/// `sudo` in their own way, are among them. Engines have their own: `<pki mount>/root` on
/// delete and `<pki mount>/root/sign-self-issued` depend on the mount and are not known here.
#[must_use]
pub fn root_protected(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    matches!(path, "sys/seal" | "sys/step-down")
        || ROOT_PROTECTED.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == *pattern,
        })
}
