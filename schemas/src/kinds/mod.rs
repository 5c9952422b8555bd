//! All kinds, one file each, and the one list of them.

use crate::{Class, Kind};

// Groups of fields that several kinds share.
mod auth;

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
    approle_role in "auth/approle_role.rs": ApproleRole,
    mount in "sys/mount.rs": Mount,
    policy in "sys/policy.rs": Policy,
}

/// The kind of that class and name (without `vault_`).
pub fn find(class: Class, name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.class == class && kind.name == name)
}
