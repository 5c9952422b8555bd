//! Who has failed to log in too often.

use schemas::shape::Declared as _;
use serde::Serialize;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space};
use crate::handler;

/// Those who are locked out, and the way back in.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("locked-users")
        .about("Users who have failed to log in too often.")
        .fields(Question::PARTS)
        .read(handler!(list)),
    Route::new("locked-users/{mount_accessor}/unlock/{alias_identifier+..}")
        .about("Lets a user log in again who has failed too often.")
        .fields(&[])
        .write(handler!(unlock)),
];

/// Which mount.
#[derive(schemas::Fields)]
struct Question {
    /// Accessor of the auth method; all where nothing is said.
    mount_accessor: Option<String>,
}

#[derive(Serialize)]
struct LockedUsers {
    by_namespace: Vec<OfNamespace>,
    total: usize,
}

#[derive(Serialize)]
struct OfNamespace {
    namespace_id: String,
    namespace_path: String,
    counts: usize,
    mount_accessors: Vec<OfMount>,
}

#[derive(Serialize)]
struct OfMount {
    mount_accessor: String,
    counts: usize,
    alias_identifiers: Option<Vec<String>>,
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    let accessor = question.mount_accessor.filter(|accessor| !accessor.is_empty());
    let topology = cx.core.open_topology()?;
    let own = &cx.request().namespace.path;
    let mut spaces: Vec<_> = topology.space(own).into_iter().collect();
    if accessor.is_none() {
        // Of those that are sealed nobody knows.
        spaces.extend(topology.below(own, true).into_values().filter(|space| !space.is_sealed));
    }
    let mut found = Vec::new();
    for space in spaces {
        found.push(of_namespace(cx, space, accessor.as_deref()).await?);
    }
    found.sort_by_key(|namespace| std::cmp::Reverse(namespace.counts));
    let total = found.iter().map(|namespace| namespace.counts).sum();
    Response::data(&LockedUsers { by_namespace: found, total })
}

async fn of_namespace(cx: &Context<'_>, space: &Space, accessor: Option<&str>) -> Result<OfNamespace, Error> {
    let mut mounts: Vec<OfMount> = match accessor {
        Some(accessor) => {
            vec![OfMount { mount_accessor: accessor.to_owned(), counts: 0, alias_identifiers: None }]
        }
        None => Vec::new(),
    };
    for (_, mounted) in space.mounts() {
        let found = &mounted.entry().accessor;
        if accessor.is_some_and(|accessor| accessor != found) {
            continue;
        }
        let names = locked_out(cx, mounted).await?;
        if !names.is_empty() {
            mounts.retain(|mount| mount.mount_accessor != *found);
            let counts = names.len();
            mounts.push(OfMount { mount_accessor: found.clone(), counts, alias_identifiers: Some(names) });
        }
    }
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.counts));
    Ok(OfNamespace {
        namespace_id: space.namespace.id.clone(),
        namespace_path: space.namespace.path.clone(),
        counts: mounts.iter().map(|mount| mount.counts).sum(),
        mount_accessors: mounts,
    })
}

async fn locked_out(cx: &Context<'_>, mounted: &Mounted) -> Result<Vec<String>, Error> {
    let lockout = mounted.engine.as_ref().and_then(|engine| engine.lockout());
    let Some(lockout) = lockout else { return Ok(Vec::new()) };
    let limits = mounted.entry().config.user_lockout.unwrap_or_default();
    lockout.locked_out(&cx.transaction().view(&*mounted.prefix), limits, cx.now()).await
}

/// Only mounts of the request's own namespace are unlocked.
async fn unlock(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let topology = cx.core.open_topology()?;
    let space = topology.space(&cx.request().namespace.path).ok_or_else(Error::not_found)?;
    let accessor = cx.capture("mount_accessor");
    let mut mounts = space.mounts().map(|(_, mounted)| mounted);
    let mounted = mounts.find(|mounted| mounted.entry().accessor == accessor);
    let engine = mounted.and_then(|mounted| Some((mounted, mounted.engine.as_ref()?)));
    if let Some((mounted, lockout)) = engine.and_then(|(mounted, engine)| Some((mounted, engine.lockout()?)))
    {
        let view = cx.transaction().view(&*mounted.prefix);
        lockout.forget(&view, cx.capture("alias_identifier")).await?;
    }
    Ok(Response::empty())
}
