//! The types of engines and auth methods that there are.

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
    Route::new("plugins/catalog").read(handler!(read_all)),
    Route::new("plugins/catalog/{type}").list(handler!(list)),
    Route::new("plugins/catalog/{type}/{name}").sudo().read(handler!(read)),
];

/// The version of everything that is built in.
pub(super) fn running_version() -> String {
    format!("v{VERSION}+builtin.bao")
}

/// Whether `kind` is a type that can be mounted.
pub(super) fn is_known(class: MountClass, kind: &str) -> bool {
    match class {
        MountClass::Auth => AUTH.contains(&kind),
        MountClass::Secret => SECRET.contains(&kind) || kind == "database",
    }
}

/// What mounts of `kind` show as `deprecation_status`; `None` for what is no plugin.
pub(super) fn deprecation_status(class: MountClass, kind: &str) -> Option<&'static str> {
    (is_known(class, kind) && kind != "database").then_some("supported")
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

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("name");
    let names = names(cx.capture("type")).unwrap_or_default();
    if !names.contains(&name) {
        return Err(Error::not_found());
    }
    Response::data(&json!({
        "args": null, "builtin": true, "command": "", "declarative": false, "deprecation_status": "supported",
        "name": name, "oci": false, "sha256": "", "version": running_version(),
    }))
}
