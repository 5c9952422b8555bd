//! Moving mounts.

use std::sync::Arc;

use schemas::shape::Declared as _;
use serde::Serialize;
use serde_json::json;

use super::Sys;
use crate::core::clearing::{self, Leftover};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::go_text::is_printable;
use crate::core::mount::MountEntry;
use crate::core::mount_table;
use crate::core::moving::{self, Migration, Moving, Status};
use crate::core::quota;
use crate::core::response::{Effect, Response};
use crate::core::topology::{Mounted, Space, Topology};
use crate::handler;

/// `sys/remount` and what became of it.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("remount")
        .about("Moves a mount to another path or namespace.")
        .fields(Remount::PARTS)
        .sudo()
        .topology()
        .write(handler!(remount)),
    Route::new("remount/status/{migration_id}/?")
        .about("How far a move of a mount has come.")
        .read(handler!(status)),
];

/// From where to where.
#[derive(schemas::Fields)]
struct Remount {
    /// Present path, with `auth/` for auth methods.
    from: Option<String>,
    /// Path to be.
    to: Option<String>,
}

async fn remount(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (from, to) = given(cx)?;
    let topology = cx.topology()?;
    let (from, to) = (Place::of(cx, &topology, &from)?, Place::of(cx, &topology, &to)?);
    let mounted = check(&topology, &from, &to)?;
    // Before its leases are ended.
    require_few_for_other_keys(cx, mounted, &to).await?;
    let namespace = &from.space.namespace;
    if !cx.core.tokens.end_some_below(cx, namespace, &from.path, false).await? {
        return Ok(Response { effect: Some(Effect::Again), ..Response::empty() });
    }
    quota::follow(cx, (namespace, &from.path), (&to.space.namespace, &to.path)).await?;
    let mut entry = mounted.entry().clone();
    entry.path = to.path.strip_prefix("auth/").unwrap_or(&to.path).to_owned();
    let migration = uuid::Uuid::new_v4().to_string();
    let is_over = to.is_near(&from) || bring_first(cx, mounted, &mut entry, &to, &migration).await?;
    mount_table::write(cx.transaction(), &to.space.namespace, &entry)?;
    let new = mounted.moved(entry, &to.space.namespace);
    cx.change_topology(|topology| topology.without_mount(&namespace.path, &from.path).with_mount(&new))?;
    let status = if is_over { Status::Success } else { Status::InProgress };
    Migration { source_mount: from.whole(), target_mount: to.whole(), status }
        .write(cx.transaction(), &migration)?;
    Ok(Response::data(&json!({ "migration_id": migration }))?.spread().with_warning(
        "Mount move has been queued. Progress will be reported in OpenBao's server log, tagged with the returned \
         migration_id",
    ))
}

fn given(cx: &Context<'_>) -> Result<(String, String), Error> {
    let body: Remount = cx.fields()?;
    let (from, to) = (body.from.unwrap_or_default(), body.to.unwrap_or_default());
    if from.is_empty() || to.is_empty() {
        return Err(Error::invalid("both 'from' and 'to' path must be specified as a string"));
    }
    for (path, name) in [(&from, "from"), (&to, "to")] {
        if path.starts_with(' ') || path.ends_with(' ') {
            return Err(Error::invalid(format!("'{name}' path cannot contain trailing whitespace")));
        }
    }
    Ok((from, to))
}

/// Takes `mounted` out of its namespace, and its records to that of `to` if they are few. False: there are others, and
/// `entry` takes no request until a task has brought them over.
///
/// # Errors
/// 501 if there are others and `to` has other keys.
async fn bring_first(
    cx: &Context<'_>,
    mounted: &Mounted,
    entry: &mut MountEntry,
    to: &Place<'_>,
    migration: &str,
) -> Result<bool, Error> {
    let target = mounted.moved(entry.clone(), &to.space.namespace);
    cx.transaction().delete(mount_table::key(&mounted.mount.namespace, entry));
    let domain = to.space.namespace.domain();
    if domain != mounted.mount.namespace.domain() {
        let are_all = moving::bring_some(cx.transaction(), &mounted.prefix, &target.prefix).await?;
        return if are_all { Ok(true) } else { Err(too_much_for_other_keys()) };
    }
    if clearing::is_soon_done(cx, &mounted.prefix).await?
        && moving::bring_some(cx.transaction(), &mounted.prefix, &target.prefix).await?
    {
        return Ok(true);
    }
    entry.tainted = true;
    let moving = Moving {
        from: mounted.prefix.clone(),
        namespace: to.space.namespace.id.clone(),
        mount: entry.uuid.clone(),
        migration: migration.to_owned(),
    };
    cx.core.tokens.clearing().leave(cx.transaction(), &domain, &Leftover::Moving(moving))?;
    Ok(false)
}

/// Refuses a mount of more records than go into one commit where `to` has other keys: while one of both is sealed, nobody
/// could tell what is on its way.
async fn require_few_for_other_keys(
    cx: &Context<'_>,
    mounted: &Mounted,
    to: &Place<'_>,
) -> Result<(), Error> {
    if to.space.namespace.domain() == mounted.mount.namespace.domain() {
        return Ok(());
    }
    let keys = cx.core.barrier.scan_keys(&mounted.prefix, None, clearing::AT_ONCE).await?;
    if keys.len() < clearing::AT_ONCE { Ok(()) } else { Err(too_much_for_other_keys()) }
}

fn too_much_for_other_keys() -> Error {
    Error::not_implemented(format_args!(
        "moving a mount of {} records or more between namespaces with different seals",
        clearing::AT_ONCE
    ))
}

/// What a path leads to.
struct Place<'t> {
    space: &'t Arc<Space>,
    /// As it was given, with a slash at its end.
    given: String,
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
        let given = format!("{}/", given.trim_end_matches('/'));
        Ok(Self {
            space,
            path: given.get(length..).filter(|path| !path.is_empty()).unwrap_or("/").to_owned(),
            given,
        })
    }

    fn whole(&self) -> String {
        format!("{}{}", self.space.namespace.path, self.path)
    }

    /// Whether both are in one namespace.
    fn is_near(&self, other: &Place<'_>) -> bool {
        self.space.namespace.uuid == other.space.namespace.uuid
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
        mounted.ok_or_else(|| Error::invalid(format!("no matching mount at \"{}\"", from.given)))?;
    if let Some(other) = conflict(topology, to) {
        return Err(Error::invalid(format!("path already in use at \"{other}\"")));
    }
    let entry = mounted.entry();
    if !to.is_near(from) && (entry.tainted || entry.upgrading) {
        return Err(Error::invalid(format!(
            "cannot remount \"{}\" before what it holds is brought to its present place",
            from.whole()
        )));
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
    if !path.chars().all(is_printable) {
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

#[derive(Serialize)]
struct Shown<'a> {
    migration_id: &'a str,
    migration_info: Migration,
}

async fn status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("migration_id");
    let migration = Migration::load(cx.transaction(), id).await?.ok_or_else(Error::not_found)?;
    Response::data(&Shown { migration_id: id, migration_info: migration })
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
