//! SCAN: the names of all levels below a folder.

use crate::barrier::{BarrierError, View};
use crate::core::error::Error;
use crate::core::response::Response;

/// All names below `folder` (which ends with `/` or is empty), relative to it.
///
/// A folder's own names come first, then its last subfolder with all that is in it, then the one before that:
/// the order in which clients of the API get them.
pub(crate) async fn scan(view: &View<'_>, folder: &str) -> Result<Vec<String>, BarrierError> {
    let mut names = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(inner) = folders.pop() {
        for name in view.list(&format!("{folder}{inner}"), None, usize::MAX).await? {
            let path = format!("{inner}{name}");
            if name.ends_with('/') { folders.push(path) } else { names.push(path) }
        }
    }
    Ok(names)
}

/// The names of a scan. Without any they are left out, where a list is 404.
///
/// # Errors
/// Internal, if they have no JSON form.
pub(super) fn scanned(names: &[String]) -> Result<Response, Error> {
    if names.is_empty() { Response::data(&serde_json::Map::new()) } else { Response::keys(names) }
}
