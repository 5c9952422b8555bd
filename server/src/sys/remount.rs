//! Moving mounts.

use std::sync::Arc;

use schemas::shape::Declared as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Sys, unmount};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount_table;
use crate::core::quota;
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space, Topology};
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
    let topology = cx.topology()?;
    let (from, to) = (Place::of(cx, &topology, &from)?, Place::of(cx, &topology, &to)?);
    let mounted = check(&topology, &from, &to)?;
    let namespace = &mounted.mount.namespace;
    unmount::revoke_below(cx, namespace, &from.path).await?;
    let mut entry = mounted.entry().clone();
    quota::follow(cx, namespace, &from.path, &to.path).await?;
    entry.path = to.path.strip_prefix("auth/").unwrap_or(&to.path).to_owned();
    mount_table::write(cx.transaction(), namespace, &entry)?;
    let new = mounted.with_entry(entry);
    cx.change_topology(|topology| topology.without_mount(&namespace.path, &from.path).with_mount(&new))?;
    let id = uuid::Uuid::new_v4().to_string();
    let migration =
        Migration { source_mount: from.whole(), target_mount: to.whole(), status: "success".to_owned() };
    cx.view().put_json(&format!("remount/{id}"), &migration)?;
    Ok(Response::data(&json!({ "migration_id": id }))?.spread().with_warning(
        "Mount move has been queued. Progress will be reported in OpenBao's server log, tagged with the returned \
         migration_id",
    ))
}

/// What a path leads to.
struct Place<'t> {
    space: &'t Arc<Space>,
    /// In that namespace, with a slash at its end.
    path: String,
}

impl<'t> Place<'t> {
    /// Where `given` leads from the namespace of the request: it may begin with other namespaces.
    fn of(cx: &Context<'_>, topology: &'t Topology, given: &str) -> Result<Self, Error> {
        let given = given.trim_start_matches('/');
        let found = topology.resolve(&cx.request().namespace.path, given);
        let found = found.filter(|(space, _)| !space.namespace.tainted);
        let (space, length) = found.ok_or_else(Error::not_found)?;
        Ok(Self { space, path: format!("{}/", given[length..].trim_end_matches('/')) })
    }

    fn whole(&self) -> String {
        format!("{}{}", self.space.namespace.path, self.path)
    }

    fn is_auth(&self) -> bool {
        self.path.starts_with("auth/")
    }

    fn is_below(&self, prefixes: &[&str]) -> bool {
        prefixes.iter().any(|prefix| self.path.starts_with(prefix))
    }
}

/// The mount that is moved, if it may be.
fn check<'t>(topology: &'t Topology, from: &Place<'t>, to: &Place<'t>) -> Result<&'t Arc<Mounted>, Error> {
    require_reachable(to)?;
    refuse_reserved(from, to)?;
    let mounted = from.space.mount(&from.path);
    let mounted =
        mounted.ok_or_else(|| Error::invalid(format!("no matching mount at \"{}\"", from.whole())))?;
    if let Some(other) = conflict(topology, to) {
        return Err(Error::invalid(format!("path already in use at \"{other}\"")));
    }
    if from.space.namespace.uuid != to.space.namespace.uuid {
        return Err(Error::not_implemented("moving a mount to another namespace"));
    }
    Ok(mounted)
}

/// Refuses a path that no request leads to: requests have canonical paths.
fn require_reachable(to: &Place<'_>) -> Result<(), Error> {
    let path = &to.path;
    let refused = |problem: &str| Err(Error::invalid(format!("invalid destination mount: {problem}")));
    if path == "/" {
        return Err(Error::invalid(format!(
            "invalid destination mount path \"{}/\"",
            to.whole().trim_end_matches('/')
        )));
    }
    if path.chars().any(char::is_control) {
        return refused("path cannot contain non-printable characters");
    }
    let cleaned = cleaned(path);
    if *path != cleaned {
        return refused(&format!("path '{path}' does not match cleaned path '{cleaned}'"));
    }
    if path.starts_with("../") {
        return refused("relative paths not supported");
    }
    Ok(())
}

/// `path` without `.`, and without `..` and what it goes back from.
fn cleaned(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        match (segment, kept.last()) {
            ("..", Some(last)) if *last != ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if kept.is_empty() { "./".to_owned() } else { format!("{}/", kept.join("/")) }
}

/// Refuses to move what every namespace has, to go to its place, or to make a secrets engine an auth method.
fn refuse_reserved(from: &Place<'_>, to: &Place<'_>) -> Result<(), Error> {
    const TOKEN: &[&str] = &["auth/token/"];
    const SECRET: &[&str] = &["sys/", "cubbyhole/", "identity/", "audit/", "auth/"];
    let problem = match (from.is_auth(), &from.path, &to.path) {
        (true, _, to_path) if !to.is_auth() => {
            format!("cannot remount auth mount to non-auth mount \"{to_path}\"")
        }
        (true, from_path, _) if from.is_below(TOKEN) => format!("cannot remount \"{from_path}\""),
        (true, _, to_path) if to.is_below(TOKEN) => {
            format!("cannot remount to destination \"{to_path}\"")
        }
        (false, _, to_path) if to.is_below(SECRET) => format!("cannot remount to destination {to_path}"),
        (false, from_path, _) if from.is_below(SECRET) => format!("cannot remount \"{from_path}\""),
        _ => return Ok(()),
    };
    Err(Error::invalid(problem))
}

/// The mount that keeps `to` from being one: above it, below it, or of a namespace there.
fn conflict(topology: &Topology, to: &Place<'_>) -> Option<String> {
    let of_mount = to.space.conflict(&to.path).map(|path| format!("{}{path}", to.space.namespace.path));
    let of_namespace = || topology.conflict(to.space, &to.path).map(|path| format!("{path}auth/token/"));
    of_mount.or_else(of_namespace)
}

async fn status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("id");
    let migration: Migration =
        cx.view().get_json(&format!("remount/{id}")).await?.ok_or_else(Error::not_found)?;
    Response::data(&json!({ "migration_id": id, "migration_info": migration }))
}

#[cfg(test)]
mod tests {
    use super::cleaned;

    #[test]
    fn a_path_is_cleaned_as_requests_are() {
        for (path, expected) in [
            ("a/b/", "a/b/"),
            ("a//b/", "a/b/"),
            ("./a/", "a/"),
            ("x/../y/", "y/"),
            ("a/../", "./"),
            ("../", "../"),
            ("a/../../b/", "../b/"),
        ] {
            assert_eq!(cleaned(path), expected, "{path}");
        }
    }
}
