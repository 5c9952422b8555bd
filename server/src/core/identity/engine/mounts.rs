//! Mounts by accessor.

use std::collections::HashMap;

use http::StatusCode;

use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::mount::MountEntry;

/// A mount as answers name it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// `auth/userpass/`.
    pub(super) path: String,
    /// `userpass`.
    pub(super) kind: String,
}

/// The mounts of the request's namespace by accessor: one look-up for many aliases.
pub(super) struct Names(HashMap<String, Named>);

impl Names {
    /// The mounts as they are now.
    pub(super) fn of(cx: &Context<'_>) -> Self {
        Self(entries(cx).into_iter().map(|entry| (entry.accessor.clone(), named(&entry))).collect())
    }

    /// The mount with `accessor`; `None` if it is gone.
    pub(super) fn find(&self, accessor: &str) -> Option<&Named> {
        self.0.get(accessor)
    }
}

/// The mount with `accessor`. `foreign` is what is answered to one of another namespace.
///
/// # Errors
/// 400 if there is none, 403 if it is in another namespace.
pub(super) fn by_accessor(cx: &Context<'_>, accessor: &str, foreign: &str) -> Result<MountEntry, Error> {
    let found = entries(cx).into_iter().find(|entry| entry.accessor == accessor);
    found.ok_or_else(|| match is_anywhere(cx, accessor) {
        true => Error::with_status(StatusCode::FORBIDDEN, foreign),
        false => Error::invalid(format!("invalid mount accessor {accessor:?}")),
    })
}

fn is_anywhere(cx: &Context<'_>, accessor: &str) -> bool {
    let Some(topology) = cx.core.topology() else { return false };
    topology.spaces().any(|space| space.has_accessor(accessor))
}

fn entries(cx: &Context<'_>) -> Vec<MountEntry> {
    let Some(topology) = cx.core.topology() else { return Vec::new() };
    let Some(space) = topology.space(&cx.request().namespace.path) else { return Vec::new() };
    space.mounts().map(|(_, mounted)| mounted.entry().clone()).collect()
}

fn named(entry: &MountEntry) -> Named {
    Named { path: entry.api_path(), kind: entry.kind.clone() }
}
