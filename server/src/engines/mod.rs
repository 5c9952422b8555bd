//! Secrets engines.

pub mod cubbyhole;

use crate::core::engine::AnyEngine;
use crate::core::mount::MountEntry;
use std::sync::Arc;

/// The engine for a mount of `entry`, or `None` if its type is not built.
pub(crate) fn make(entry: &MountEntry) -> Option<Arc<dyn AnyEngine>> {
    match entry.kind.as_str() {
        "cubbyhole" => Some(Arc::new(cubbyhole::Cubbyhole)),
        _ => None,
    }
}
