//! About the server itself.

use http::StatusCode;
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::{Effect, Response};
use crate::handler;
use crate::{COMMIT_DATE, VERSION};

/// Seal, keys, nodes, configuration.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("seal")
        .about("Seals the server: it forgets its keys and answers nothing more until it is unsealed.")
        .sudo()
        .write(handler!(seal)),
    Route::new("key-status")
        .about("The key that encrypts new records: its number, its age, how often it was used.")
        .fields(&[])
        .read(handler!(key_status)),
    Route::new("ha-status").about("The nodes of the cluster.").fields(&[]).read(handler!(ha_status)),
    Route::new("host-info/?")
        .about("The machine that the server runs on.")
        .fields(&[])
        .read(handler!(host_info)),
    Route::new("config/state/sanitized")
        .about("The configuration that the server runs with, without secrets.")
        .fields(&[])
        .read(handler!(configuration)),
    Route::new("replication/status")
        .about("Nothing: there is no replication.")
        .unauthenticated()
        .hidden()
        .read(handler!(no_replication))
        .write(handler!(no_replication))
        .patch(handler!(no_replication))
        .delete(handler!(no_replication)),
    Route::new("config/reload/{subsystem+..}")
        .about("Reads a part of the configuration again: there is none for which that is built.")
        .write(handler!(nothing_to_reload))
        .hidden(),
    Route::new("version-history")
        .about("The versions of the server that have run on this storage.")
        .fields(&[])
        .list(handler!(version_history)),
];

fn only_in_root(cx: &Context<'_>, text: &str) -> Result<(), Error> {
    if cx.request().namespace.is_root() { Ok(()) } else { Err(Error::invalid(text)) }
}

/// No part of the configuration can be read again over the API.
async fn nothing_to_reload(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_path())
}

async fn seal(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx, "operation unavailable in namespaces")?;
    Ok(Response { effect: Some(Effect::Seal), ..Response::empty() })
}

/// Clients ask for it, and neither server has it.
async fn no_replication(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_path())
}

async fn key_status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let status = super::own_seal(cx)?.domain().term_status()?;
    Ok(Response::data(&json!({
        "encryptions": status.encryptions, "install_time": status.installed.to_string(), "term": status.term,
    }))?
    .spread())
}

async fn ha_status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let settings = &cx.core.settings;
    let node = json!({
        "hostname": hostname(), "api_address": settings.api_addr, "cluster_address": settings.cluster_addr,
        "active_node": true, "last_echo": null, "version": VERSION,
    });
    Ok(Response::data(&json!({ "nodes": [node] }))?.spread())
}

/// The name of this machine as its system tells it; empty if it does not.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

async fn host_info(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx, "operation only available in root namespace")?;
    Response::data(&json!({
        "timestamp": cx.now().to_string(),
        "host": { "hostname": hostname(), "os": std::env::consts::OS, "kernelArch": std::env::consts::ARCH },
    }))
}

async fn configuration(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    only_in_root(cx, "operation only available in root namespace")?;
    let settings = &cx.core.settings;
    let listeners: Vec<_> = settings
        .listeners
        .iter()
        .map(|(address, has_tls)| {
            json!({ "type": "tcp", "config": { "address": address, "tls_disable": !has_tls } })
        })
        .collect();
    Response::data(&json!({
        "api_addr": settings.api_addr, "cluster_addr": settings.cluster_addr, "cluster_name": settings.cluster_name,
        "default_lease_ttl": settings.limits.default.as_secs(), "max_lease_ttl": settings.limits.max.as_secs(),
        "listeners": listeners, "storage": { "type": cx.core.barrier.storage().kind() },
        "seals": [{ "type": "shamir", "disabled": false }],
        "server": "lockstep", "server_version": env!("CARGO_PKG_VERSION"),
    }))
}

async fn version_history(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let installed = cx.core.cluster().map(|cluster| cluster.created_at.clone());
    let installed =
        installed.ok_or_else(|| Error::with_status(StatusCode::NOT_FOUND, "no version is known"))?;
    Response::data(&json!({
        "keys": [VERSION],
        "key_info": { VERSION: {
            "commit_date": COMMIT_DATE, "previous_version": null, "timestamp_installed": installed,
        } },
    }))
}
