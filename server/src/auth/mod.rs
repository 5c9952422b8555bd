//! Auth methods.

use crate::core::engine::AnyEngine;
use crate::core::mount::MountEntry;
use std::sync::Arc;

/// The auth method for a mount of `entry`, or `None` if its type is not built.
pub(crate) fn make(_entry: &MountEntry) -> Option<Arc<dyn AnyEngine>> {
    None
}
