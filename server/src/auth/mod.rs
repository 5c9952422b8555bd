//! Auth methods.

mod approle;
pub(crate) mod jwt;
mod lockout;
pub(crate) mod networks;
mod page;
mod token_parameters;
mod userpass;

use std::sync::Arc;

use crate::core::engine::AnyEngine;
use crate::core::mount::MountEntry;
use crate::core::token::TokenEngine;
pub use lockout::Lockout;

/// The auth method for a mount of `entry`, or `None` if its type is not built.
pub(crate) fn make(entry: &MountEntry) -> Option<Arc<dyn AnyEngine>> {
    Some(match entry.kind.as_str() {
        "token" | "ns_token" => Arc::new(TokenEngine),
        "approle" => Arc::new(approle::AppRole::default()),
        "jwt" | "oidc" => Arc::new(jwt::Jwt::default()),
        "userpass" => Arc::new(userpass::Userpass::default()),
        _ => return None,
    })
}
