//! Unmounting: leases end, then the engine clears up and storage is deleted (much of it later) in one commit.

use super::Sys;
use super::mounts;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::lease::{LeaseRecord, lease_key};
use crate::core::mount::{MountClass, MountEntry};
use crate::core::mount_table;
use crate::core::namespace::Namespace;
use crate::core::quota;
use crate::core::response::{Effect, Response};
use crate::core::topology::{Mounted, normal_path};

/// Leases read at a time.
const PAGE: usize = 256;

/// `DELETE sys/mounts/{path}`.
pub(super) async fn secret(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = normal_path(cx.capture("path"));
    if matches!(path.as_str(), "sys/" | "cubbyhole/" | "identity/" | "audit/") {
        return Err(protected(&path));
    }
    unmount_at(cx, MountClass::Secret, &path).await
}

/// `DELETE sys/mounts/auth/{path}`: an auth method is disabled at `sys/auth/`.
pub(super) async fn not_auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = normal_path(cx.capture("path"));
    match mounts::find(&*mounts::space(cx)?, MountClass::Auth, &path) {
        Some(_) => Err(protected(&format!("auth/{path}"))),
        None => Ok(Response::empty()),
    }
}

fn protected(path: &str) -> Error {
    Error::invalid(format!("cannot unmount \"{path}\""))
}

/// `DELETE sys/auth/{path}`.
pub(super) async fn auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = normal_path(cx.capture("path"));
    if path == "token/" {
        return Err(Error::invalid("token credential backend cannot be disabled"));
    }
    unmount_at(cx, MountClass::Auth, &path).await
}

async fn unmount_at(cx: &Context<'_>, class: MountClass, path: &str) -> Result<Response, Error> {
    let Some(mounted) = mounts::find(&*mounts::space(cx)?, class, path) else {
        return Ok(Response::empty());
    };
    let (namespace, api_path) = (&mounted.mount.namespace, mounted.entry().api_path());
    if !cx.core.tokens.end_some_below(cx, namespace, &api_path, false).await? {
        taint(cx, &mounted)?;
        return Ok(Response { effect: Some(Effect::Again), ..Response::empty() });
    }
    clear(cx, &mounted).await?;
    quota::remove_below(cx, namespace, &api_path).await?;
    cx.change_topology(|topology| topology.without_mount(&namespace.path, &api_path))?;
    Ok(Response::empty())
}

/// Lets no request to `mounted` any more: while its leases end, it must not give out others.
fn taint(cx: &Context<'_>, mounted: &Mounted) -> Result<(), Error> {
    if mounted.entry().tainted {
        return Ok(());
    }
    let tainted = mounted.with_entry(MountEntry { tainted: true, ..mounted.entry().clone() });
    mount_table::write(cx.transaction(), &mounted.mount.namespace, tainted.entry())?;
    cx.change_topology(|topology| topology.with_mount(&tainted))?;
    Ok(())
}

/// Deletes everything of `mounted`, whose leases are ended, its own entry included.
async fn clear(cx: &Context<'_>, mounted: &Mounted) -> Result<(), Error> {
    clear_in_namespace(cx, mounted).await?;
    let domain = mounted.mount.namespace.domain();
    cx.core.tokens.clearing().delete_all(cx.transaction(), &domain, &mounted.prefix).await
}

/// As [`clear`], of a mount whose leases are ended, and whose records are deleted with its namespace. That its entry
/// is gone keeps requests that are under way from writing any more.
pub(super) async fn clear_in_namespace(cx: &Context<'_>, mounted: &Mounted) -> Result<(), Error> {
    if let Some(engine) = &mounted.engine {
        engine.unmount(&cx.at(&mounted.mount, &mounted.prefix, cx.limits())).await?;
    }
    cx.transaction().delete(mount_table::key(&mounted.mount.namespace, mounted.entry()));
    Ok(())
}

/// Ends all secrets that were leased in `namespace`, which goes with all its tokens.
pub(super) async fn revoke_secrets(cx: &Context<'_>, namespace: &Namespace) -> Result<(), Error> {
    let root = lease_key(namespace, "");
    let mut after: Option<String> = None;
    loop {
        let page = cx.core.barrier.scan(&root, after.as_deref(), PAGE).await?;
        for (key, record) in &page {
            if let LeaseRecord::Secret(_) = serde_json::from_slice(record)? {
                cx.core.tokens.end_lease(cx, namespace, &key[root.len()..], false).await?;
            }
        }
        let Some((last, _)) = page.into_iter().next_back() else { return Ok(()) };
        after = Some(last);
    }
}
