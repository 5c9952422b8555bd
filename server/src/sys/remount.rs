//! Moving mounts.

use std::sync::Arc;

use schemas::shape::Declared as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Sys, mounts, unmount};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount_table;
use crate::core::quota;
use crate::core::response::Response;
use crate::core::topology::{Mounted, normal_path};
use crate::handler;

/// `sys/remount` and what became of it.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("remount").fields(Remount::PARTS).sudo().topology().write(handler!(remount)),
    Route::new("remount/status/{id}").read(handler!(status)),
];

/// From where to where.
#[derive(schemas::Fields)]
struct Remount {
    /// Present path, with `auth/` for auth methods.
    from: Option<String>,
    /// Path to be.
    to: Option<String>,
}

/// A move that was made. Moves are one commit, so there is no other state than done.
#[derive(Serialize, Deserialize)]
struct Migration {
    source_mount: String,
    target_mount: String,
    status: String,
}

async fn remount(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let body: Remount = cx.fields()?;
    let (Some(from), Some(to)) = (body.from, body.to) else {
        return Err(Error::invalid("both 'from' and 'to' path must be specified as a string"));
    };
    let (from, to) = (normal_path(&from), normal_path(&to));
    let mounted = check(cx, &from, &to)?;
    unmount::revoke_below(cx, &mounted.mount.namespace, &from).await?;
    let mut entry = mounted.entry().clone();
    quota::follow(cx, &mounted.mount.namespace, &from, &to).await?;
    entry.path = to.strip_prefix("auth/").unwrap_or(&to).to_owned();
    mount_table::write(cx.transaction(), &mounted.mount.namespace, &entry)?;
    let (namespace, new) = (&mounted.mount.namespace.path, mounted.with_entry(entry));
    cx.change_topology(|topology| topology.without_mount(namespace, &from).with_mount(&new))?;
    let id = uuid::Uuid::new_v4().to_string();
    let migration = Migration { source_mount: from, target_mount: to, status: "success".to_owned() };
    cx.view().put_json(&format!("remount/{id}"), &migration)?;
    Ok(Response::data(&json!({ "migration_id": id }))?.spread().with_warning(
        "Mount move has been queued. Progress will be reported in OpenBao's server log, tagged with the returned \
         migration_id",
    ))
}

fn check(cx: &Context<'_>, from: &str, to: &str) -> Result<Arc<Mounted>, Error> {
    let is_reserved =
        |path: &str| matches!(path, "sys/" | "cubbyhole/" | "identity/" | "auth/" | "audit/" | "auth/token/");
    if is_reserved(from) {
        return Err(Error::invalid(format!("cannot remount \"{from}\"")));
    }
    if is_reserved(to) {
        return Err(Error::invalid(format!("cannot remount to destination {to}")));
    }
    match (from.starts_with("auth/"), to.starts_with("auth/")) {
        (true, false) => {
            return Err(Error::invalid(format!("cannot remount auth mount to non-auth mount \"{to}\"")));
        }
        (false, true) => {
            return Err(Error::invalid(format!("cannot remount to destination {to}")));
        }
        _ => {}
    }
    let space = mounts::space(cx)?;
    let mounted =
        space.mount(from).ok_or_else(|| Error::invalid(format!("no matching mount at \"{from}\"")))?;
    match space.conflict(to) {
        Some(other) => Err(Error::invalid(format!("path already in use at \"{other}\""))),
        None => Ok(Arc::clone(mounted)),
    }
}

async fn status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("id");
    let migration: Migration =
        cx.view().get_json(&format!("remount/{id}")).await?.ok_or_else(Error::not_found)?;
    Response::data(&json!({ "migration_id": id, "migration_info": migration }))
}
