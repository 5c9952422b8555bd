//! `sys/plugins/reload`: starting plugins again.
//!
//! Engines and auth methods are part of this server: what runs is always what the catalog has, which is what the caller
//! wants to be true, and the answer says that there was nothing to start. What could not be started is refused.

use http::StatusCode;
use schemas::shape::{Declared as _, List};
use serde_json::json;

use super::{Sys, catalog};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space};
use crate::handler;

/// Starting plugins again.
pub(super) static ROUTES: &[Route<Sys>] = &[Route::new("plugins/reload/backend")
    .about("Starts plugins, or those of some mounts, again.")
    .fields(Reload::PARTS)
    .write(handler!(reload))];

/// What to start again.
#[derive(schemas::Fields)]
struct Reload {
    /// All mounts of this type.
    plugin: Option<String>,
    /// These mounts.
    mounts: Option<List<String>>,
    /// Of one node or of all.
    scope: Option<String>,
}

/// Types of mounts that every namespace has.
const SINGLETONS: [&str; 8] =
    ["cubbyhole", "identity", "ns_cubbyhole", "ns_identity", "ns_system", "ns_token", "system", "token"];

async fn reload(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Reload = cx.fields()?;
    let plugin = given.plugin.filter(|plugin| !plugin.is_empty());
    let mounts = given.mounts.map(|mounts| mounts.0).unwrap_or_default();
    if plugin.is_some() && !mounts.is_empty() {
        return Err(Error::invalid("plugin and mounts cannot be set at the same time"));
    }
    if plugin.is_none() && mounts.is_empty() {
        return Err(Error::invalid("plugin or mounts must be provided"));
    }
    if !matches!(given.scope.as_deref(), None | Some("" | "global")) {
        return Err(Error::invalid("scope must be unset or \"global\""));
    }
    let topology = cx.topology()?;
    let space = topology.space(&cx.request().namespace.path).ok_or_else(Error::not_found)?;
    match plugin {
        Some(plugin) => require_all(space, &plugin)?,
        None => require_each(space, &mounts)?,
    }
    let told =
        "the plugin is part of this server, and runs as the catalog has it: there was nothing to start again";
    Ok(Response::data(&json!({ "reload_id": cx.request().id }))?.with_warning(told))
}

/// Refuses a plugin that could not be started again.
fn require_all(space: &Space, plugin: &str) -> Result<(), Error> {
    if SINGLETONS.contains(&plugin) {
        return Err(Error::invalid(singleton(plugin)));
    }
    if !catalog::can_be_mounted(plugin) {
        return Err(Error::invalid(match catalog::is_database(plugin) {
            true => format!(
                "plugin \"{plugin}\" cannot be reloaded, only plugins of type auth and secret can be reloaded"
            ),
            false => format!("plugin not found in the catalog: \"{plugin}\""),
        }));
    }
    space
        .mounts()
        .filter(|(_, mounted)| mounted.entry().kind == plugin)
        .try_for_each(|(_, it)| require_built(it))
}

/// Refuses mounts of which one could not be started again.
fn require_each(space: &Space, mounts: &[String]) -> Result<(), Error> {
    let mut problems = Vec::new();
    for path in mounts {
        let path = path.strip_prefix("sys/").filter(|path| path.starts_with("auth/")).unwrap_or(path);
        let path = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        match space.route(&path) {
            None => problems.push(format!("cannot fetch mount entry on \"{path}\"")),
            Some((mounted, _)) if SINGLETONS.contains(&&*mounted.entry().kind) => {
                let problem = singleton(&mounted.entry().kind);
                problems.push(format!("cannot reload plugin on \"{path}\": {problem}"));
            }
            Some((mounted, _)) => require_built(mounted)?,
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::listed(StatusCode::BAD_REQUEST, &problems)) }
}

fn require_built(mounted: &Mounted) -> Result<(), Error> {
    match mounted.engine {
        Some(_) => Ok(()),
        None => Err(Error::not_implemented(format!("the plugin `{}`", mounted.entry().kind))),
    }
}

fn singleton(kind: &str) -> String {
    format!("singleton plugin cannot be reloaded: \"{kind}\"")
}
