//! What OpenBao has and this server has not: its paths say so, to those who may ask.

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

/// Paths of audit devices, approvals, keys outside of the server, stored requests, and the inside of a running server.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("audit/{path+..}").sudo().write(handler!(audit)).delete(handler!(audit)).hidden(),
    Route::new("audit-hash/{path+..}").write(handler!(audit)).hidden(),
    Route::new("control-group/authorize").write(handler!(control_group)).hidden(),
    Route::new("control-group/request").write(handler!(control_group)).hidden(),
    Route::new("external-keys/configs").list(handler!(external_keys)).hidden(),
    Route::new("external-keys/configs/{config}")
        .read(handler!(external_keys))
        .write(handler!(external_keys))
        .patch(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys").list(handler!(external_keys)).hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}")
        .read(handler!(external_keys))
        .write(handler!(external_keys))
        .patch(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}/grants").list(handler!(external_keys)).hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}/grants/{mount+..}")
        .write(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("workflows/manage").list(handler!(workflows)).scan(handler!(workflows)).hidden(),
    Route::new("workflows/manage/{path+..}")
        .read(handler!(workflows))
        .list(handler!(workflows))
        .scan(handler!(workflows))
        .write(handler!(workflows))
        .delete(handler!(workflows))
        .hidden(),
    Route::new("workflows/execute/{path+..}").write(handler!(workflows)).hidden(),
    Route::new("workflows/trace/{path+..}").write(handler!(workflows)).hidden(),
    Route::new("workflows/unauthed-execute/{path+..}").write(handler!(workflows)).hidden(),
    Route::new("monitor").read(handler!(monitor)).hidden(),
    Route::new("pprof").read(handler!(profile)).hidden(),
    Route::new("pprof/{profile?}").read(handler!(profile)).hidden(),
    Route::new("internal/inspect/request").sudo().read(handler!(inspection)).hidden(),
    Route::new("internal/inspect/router/{tag}").sudo().read(handler!(router)).hidden(),
];

/// Profiles that there are; without a name, the list of them.
const PROFILES: [&str; 11] = [
    "",
    "allocs",
    "block",
    "cmdline",
    "goroutine",
    "heap",
    "mutex",
    "profile",
    "symbol",
    "threadcreate",
    "trace",
];

/// By what mounts are found.
const TAGS: [&str; 4] = ["accessor", "root", "storage", "uuid"];

async fn audit(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("an audit device"))
}

async fn control_group(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("an approval of a wrapped request (control group)"))
}

async fn external_keys(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("a key that is kept outside of the server"))
}

async fn workflows(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("a stored flow of requests (workflow)"))
}

async fn monitor(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("streaming the log"))
}

async fn profile(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if !PROFILES.contains(&cx.path().trim_start_matches("pprof").trim_start_matches('/')) {
        return Err(Error::unsupported_path());
    }
    Err(Error::not_implemented("a profile of the running server"))
}

async fn router(engine: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if !TAGS.contains(&cx.capture("tag")) {
        return Err(Error::unsupported_path());
    }
    inspection(engine, cx).await
}

async fn inspection(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("a look into the state of the running server"))
}
