//! Secrets engines.

pub mod cubbyhole;
mod free;
pub mod kv1;
pub mod kv2;
pub(crate) mod scan;
pub mod totp;
#[cfg(test)]
pub(crate) mod transcripts;

use crate::core::engine::AnyEngine;
use crate::core::identity::Identity;
use crate::core::mount::MountEntry;
use crate::sys::Sys;
use std::sync::Arc;

/// The engine for a mount of `entry`, or `None` if its type is not built.
pub(crate) fn make(entry: &MountEntry) -> Option<Arc<dyn AnyEngine>> {
    match entry.plain_kind() {
        "system" => Some(Arc::new(Sys)),
        "identity" => Some(Arc::new(Identity)),
        "cubbyhole" => Some(Arc::new(cubbyhole::Cubbyhole)),
        "kv" | "generic" if entry.option("version") == "2" => Some(Arc::new(kv2::Kv2)),
        "kv" | "generic" => Some(Arc::new(kv1::Kv1)),
        "totp" => Some(Arc::new(totp::Totp)),
        _ => None,
    }
}
