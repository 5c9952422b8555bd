//! The types of engines and auth methods that there are.

use schemas::shape::{Declared as _, List};
use serde_json::json;

use super::Sys;
use crate::VERSION;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount::MountClass;
use crate::core::response::Response;
use crate::handler;

/// Auth methods of the API. Those that are not built can be mounted, and answer 501.
const AUTH: [&str; 6] = ["approle", "cert", "jwt", "kubernetes", "oidc", "userpass"];

/// Secrets engines of the API that are plugins of their own.
const SECRET: [&str; 7] = ["kubernetes", "kv", "pki", "rabbitmq", "ssh", "totp", "transit"];

/// Databases of the engine `database`.
const DATABASE: [&str; 9] = [
    "cassandra-database-plugin",
    "influxdb-database-plugin",
    "mysql-aurora-database-plugin",
    "mysql-database-plugin",
    "mysql-legacy-database-plugin",
    "mysql-rds-database-plugin",
    "postgresql-database-plugin",
    "redis-database-plugin",
    "valkey-database-plugin",
];

/// `sys/plugins/catalog`.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("plugins/catalog/?").about("All plugins, by type.").fields(&[]).read(handler!(read_all)),
    Route::new("plugins/catalog/{type}")
        .about("Names of the plugins of a type.")
        .sudo()
        .fields(Plugin::PARTS)
        .list(handler!(list))
        .read(handler!(read_without_type))
        .write(handler!(register))
        .delete(handler!(deregister_without_type)),
    Route::new("plugins/catalog/{type}/{name+..}")
        .about("One plugin: what it is started with.")
        .sudo()
        .fields(Plugin::PARTS)
        .read(handler!(read))
        .write(handler!(register))
        .delete(handler!(deregister)),
];

/// A plugin to be.
#[derive(schemas::Fields)]
struct Plugin {
    /// The program.
    command: Option<String>,
    /// Its SHA-256, hexadecimal.
    sha256: Option<String>,
    /// Its arguments.
    args: Option<List<String>>,
    /// Its environment.
    env: Option<List<String>>,
    /// Its version.
    version: Option<String>,
}

/// The version of everything that is built in.
pub(super) fn running_version() -> String {
    format!("v{VERSION}+builtin.bao")
}

/// Whether `kind` is a type that can be mounted.
pub(super) fn is_known(class: MountClass, kind: &str) -> bool {
    is_plugin(class, kind) || (class == MountClass::Secret && matches!(kind, "database" | "generic"))
}

/// Whether `kind` is a secrets engine of the server itself.
pub(super) fn is_built_in(kind: &str) -> bool {
    is_known(MountClass::Secret, kind) || matches!(kind, "system" | "cubbyhole" | "identity")
}

fn is_plugin(class: MountClass, kind: &str) -> bool {
    match class {
        MountClass::Auth => AUTH.contains(&kind),
        MountClass::Secret => SECRET.contains(&kind),
    }
}

/// Whether `name` is a plugin that can be mounted, of either class.
pub(super) fn can_be_mounted(name: &str) -> bool {
    is_plugin(MountClass::Auth, name) || is_plugin(MountClass::Secret, name)
}

/// Whether `name` is a plugin of the engine for databases.
pub(super) fn is_database(name: &str) -> bool {
    DATABASE.contains(&name)
}

/// What mounts of `kind` show as `deprecation_status`; `None` for what is no plugin.
pub(super) fn deprecation_status(class: MountClass, kind: &str) -> Option<&'static str> {
    is_plugin(class, kind).then_some("supported")
}

/// 400 for a version of the plugin `kind` that the catalog does not have.
pub(super) fn require_version(class: MountClass, kind: &str, version: &str) -> Result<(), Error> {
    if is_plugin(class, kind) && version == running_version() {
        return Ok(());
    }
    Err(Error::invalid(format!("plugin not found in the catalog: {kind}, version={version}")))
}

fn names(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "auth" => Some(&AUTH),
        "secret" => Some(&SECRET),
        "database" => Some(&DATABASE),
        _ => None,
    }
}

async fn read_all(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    let version = running_version();
    let of_kind = |kind: &'static str| names(kind).unwrap_or_default().iter().map(move |name| (kind, *name));
    let all = ["auth", "database", "secret"].into_iter().flat_map(of_kind);
    let detailed: Vec<_> = all
        .map(|(kind, name)| {
            json!({
                "builtin": true, "deprecation_status": "supported", "name": name, "type": kind, "version": version,
            })
        })
        .collect();
    Response::data(&json!({ "auth": AUTH, "database": DATABASE, "secret": SECRET, "detailed": detailed }))
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let names = names(cx.capture("type")).ok_or_else(Error::unsupported_operation)?;
    Response::keys(names)
}

/// Plugins are the server's: below a namespace there are only their names.
fn only_in_root(cx: &Context<'_>) -> Result<(), Error> {
    if cx.request().namespace.is_root() { Ok(()) } else { Err(Error::unsupported_path()) }
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    let name = cx.capture("name");
    let Some(names) = names(cx.capture("type")) else {
        return Ok(Response::empty().with_warning(deprecated("read plugin information from", &both(cx))));
    };
    if !names.contains(&name) {
        return Err(Error::not_found());
    }
    Response::data(&json!({
        "args": null, "builtin": true, "command": "", "declarative": false, "deprecation_status": "supported",
        "name": name, "oci": false, "sha256": "", "version": running_version(),
    }))
}

/// What a path without a type has become.
fn deprecated(what: &str, name: &str) -> String {
    format!("Deprecated API endpoint, cannot {what} catalog for \"{name}\"")
}

/// Type and name of a path whose type is none.
fn both(cx: &Context<'_>) -> String {
    [cx.capture("type"), cx.capture("name")].join("/").trim_start_matches('/').to_owned()
}

async fn read_without_type(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if names(cx.capture("type")).is_some() {
        return Err(Error::unsupported_operation());
    }
    only_in_root(cx)?;
    Ok(Response::empty().with_warning(deprecated("read plugin information from", cx.capture("type"))))
}

async fn deregister_without_type(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    Ok(Response::empty().with_warning(deprecated("deregister plugin from", cx.capture("type"))))
}

/// Only what is built in can be mounted, so nothing can be registered.
async fn register(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    let given: Plugin = cx.fields()?;
    let sum = given.sha256.filter(|sum| !sum.is_empty());
    let sum = sum.ok_or_else(|| Error::invalid("missing SHA-256 value"))?;
    match hex::decode(&sum) {
        Ok(bytes) if bytes.len() == 32 => Err(Error::not_implemented("running a plugin")),
        Ok(_) => Err(Error::invalid("Decoded SHA-256 value is not 32 bytes")),
        Err(_) => Err(Error::invalid("Could not decode SHA-256 value from hex")),
    }
}

/// What is built in stays; nothing else is there.
async fn deregister(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    match names(cx.capture("type")) {
        Some(_) => Ok(Response::empty()),
        None => Ok(Response::empty().with_warning(deprecated("deregister plugin from", &both(cx)))),
    }
}
