//! The types of engines and auth methods that there are.

use schemas::shape::{Declared as _, List};
use serde_json::json;

use super::{Sys, plugin_version};
use crate::VERSION;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::go_text::quoted;
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
    Route::new("plugins/catalog/{type=auth|database|secret}/?")
        .about("Names of the plugins of a type.")
        .sudo()
        .fields(&[])
        .list(handler!(list)),
    Route::new("plugins/catalog/{type=auth|database|secret}/{name+..}")
        .about("One plugin: what it is started with.")
        .sudo()
        .fields(Plugin::PARTS)
        .read(handler!(read))
        .write(handler!(register))
        .delete(handler!(deregister)),
    // From before plugins had types.
    Route::new("plugins/catalog/{name+..}")
        .about("One plugin without its type: nothing is read or removed here any more.")
        .sudo()
        .fields(Plugin::PARTS)
        .read(handler!(read_without_type))
        .write(handler!(register))
        .delete(handler!(deregister_without_type)),
];

/// A plugin to be.
#[derive(schemas::Fields)]
struct Plugin {
    /// The program.
    command: Option<String>,
    /// Its SHA-256, hexadecimal.
    #[kind(aliases("sha_256"))]
    sha256: Option<String>,
    /// Its arguments.
    args: Option<List<String>>,
    /// Its environment.
    env: Option<List<String>>,
    /// Its version.
    version: Option<String>,
    /// Whether it is an image of a container.
    oci: Option<bool>,
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
    Response::keys(names(cx.capture("type")).unwrap_or_default())
}

/// Plugins are the server's: below a namespace there are only their names.
fn only_in_root(cx: &Context<'_>) -> Result<(), Error> {
    if cx.request().namespace.is_root() { Ok(()) } else { Err(Error::unsupported_path()) }
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    let (name, version) = (cx.capture("name"), version(cx)?);
    let is_there = version.is_none_or(|version| version == running_version());
    if !is_there || !names(cx.capture("type")).unwrap_or_default().contains(&name) {
        return Err(Error::not_found());
    }
    Response::data(&json!({
        "args": null, "builtin": true, "command": "", "declarative": false, "deprecation_status": "supported",
        "name": name, "oci": false, "sha256": "", "version": running_version(),
    }))
}

/// The version that is meant, if it is one in particular.
fn version(cx: &Context<'_>) -> Result<Option<String>, Error> {
    let given = cx.fields::<Plugin>()?.version.filter(|version| !version.is_empty());
    given.map(|version| plugin_version::canonical(&version)).transpose()
}

/// What a path without a type has become.
fn deprecated(what: &str, cx: &Context<'_>) -> Response {
    let name = quoted(cx.capture("name"));
    Response::empty().with_warning(format!("Deprecated API endpoint, cannot {what} catalog for {name}"))
}

async fn read_without_type(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    Ok(deprecated("read plugin information from", cx))
}

async fn deregister_without_type(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    require_removable(cx)?;
    Ok(deprecated("deregister plugin from", cx))
}

/// Only what is built in can be mounted, so nothing can be registered.
async fn register(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    if let Some(version) = version(cx)?.filter(|version| plugin_version::is_built_in(version)) {
        let why = "is not allowed because 'builtin' is a reserved metadata identifier";
        return Err(Error::invalid(format!("version {} {why}", quoted(&version))));
    }
    let given: Plugin = cx.fields()?;
    let needed = |value: Option<String>, name: &str| {
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::invalid(format!("missing {name} value")))
    };
    let sum = needed(given.sha256, "SHA-256")?;
    needed(given.command, "command")?;
    match hex::decode(&sum) {
        Ok(bytes) if bytes.len() == 32 => Err(Error::not_implemented("running a plugin")),
        Ok(_) => Err(Error::invalid("Decoded SHA-256 value is not 32 bytes")),
        Err(_) => Err(Error::invalid("Could not decode SHA-256 value from Hex")),
    }
}

/// What is built in stays; nothing else is there.
async fn deregister(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx)?;
    require_removable(cx)?;
    Ok(Response::empty())
}

fn require_removable(cx: &Context<'_>) -> Result<(), Error> {
    match version(cx)?.filter(|version| plugin_version::is_built_in(version)) {
        Some(version) => Err(Error::invalid(format!("version {} cannot be deleted", quoted(&version)))),
        None => Ok(()),
    }
}
