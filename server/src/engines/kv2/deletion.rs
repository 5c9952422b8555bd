//! Deleting versions for a while and for ever.

use super::config::Config;
use super::given::Given;
use super::record::{KeyMetadata, VersionMetadata, remove_data};
use super::{Kv2, data, doomed_path, secret_path};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;

/// Deletes the current version.
pub(super) async fn delete_current(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    data::check_fields(&Given::of(cx))?;
    let path = doomed_path(cx)?;
    if let Some(mut metadata) = KeyMetadata::load(cx, path).await? {
        let current = [metadata.current_version];
        if change(&mut metadata, &current, |version| mark_deleted(version, cx)) {
            metadata.store(cx, path)?;
        }
    }
    Ok(Response::empty())
}

pub(super) async fn delete(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let versions = versions(cx, "No version number provided")?;
    change_stored(cx, &versions, |version| mark_deleted(version, cx)).await
}

/// Brings versions back, each as if it had been written now: it lives no longer than a new one.
pub(super) async fn undelete(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let versions = versions(cx, "No version number provided")?;
    let path = secret_path(cx)?;
    let Some(mut metadata) = KeyMetadata::load(cx, path).await? else { return Ok(Response::empty()) };
    let end = metadata.end_of_version(cx.now(), &Config::load(cx).await?);
    let revive = |version: &mut VersionMetadata| {
        !version.destroyed && std::mem::replace(&mut version.deletion_time, end) != end
    };
    if change(&mut metadata, &versions, revive) {
        metadata.store(cx, path)?;
    }
    Ok(Response::empty())
}

pub(super) async fn destroy(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let versions = versions(cx, "no version number provided")?;
    // The content goes even if a version counts as destroyed already.
    remove_data(&cx.view(), secret_path(cx)?, versions.iter().copied());
    change_stored(cx, &versions, |version| !std::mem::replace(&mut version.destroyed, true)).await
}

/// The versions that the request names.
fn versions(cx: &Context<'_>, none: &str) -> Result<Vec<u64>, Error> {
    match Given::of(cx).versions()? {
        versions if versions.is_empty() => Err(Error::invalid(none)),
        versions => Ok(versions),
    }
}

/// Changes `versions` of the secret that the request names, if it is there.
async fn change_stored(
    cx: &Context<'_>,
    versions: &[u64],
    each: impl Fn(&mut VersionMetadata) -> bool + Send,
) -> Result<Response, Error> {
    let path = secret_path(cx)?;
    if let Some(mut metadata) = KeyMetadata::load(cx, path).await?
        && change(&mut metadata, versions, each)
    {
        metadata.store(cx, path)?;
    }
    Ok(Response::empty())
}

/// Runs `each` on those of `versions` that are there; answers whether it has changed any.
fn change(metadata: &mut KeyMetadata, versions: &[u64], each: impl Fn(&mut VersionMetadata) -> bool) -> bool {
    let mut is_changed = false;
    for number in versions {
        if let Some(version) = metadata.versions.get_mut(number) {
            is_changed |= each(version);
        }
    }
    is_changed
}

/// Deletes `version` now, unless it is gone already; answers whether it was changed.
fn mark_deleted(version: &mut VersionMetadata, cx: &Context<'_>) -> bool {
    let changes = !version.is_gone(cx.now());
    if changes {
        version.deletion_time = Some(cx.now());
    }
    changes
}
