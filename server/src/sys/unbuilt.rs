//! What OpenBao has and this server has not: its paths say so, to those who may ask.

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

/// Paths of keys outside of the server, stored requests, and the inside of a running server.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("external-keys/configs")
        .about("Names of the services that keep keys. Not built yet.")
        .list(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}")
        .about("One service that keeps keys. Not built yet.")
        .read(handler!(external_keys))
        .write(handler!(external_keys))
        .patch(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys")
        .about("Names of the keys that a service keeps. Not built yet.")
        .list(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}")
        .about("One key that a service keeps. Not built yet.")
        .read(handler!(external_keys))
        .write(handler!(external_keys))
        .patch(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}/grants")
        .about("The mounts that may use a key. Not built yet.")
        .list(handler!(external_keys))
        .hidden(),
    Route::new("external-keys/configs/{config}/keys/{key}/grants/{mount+..}")
        .about("Lets a mount use a key. Not built yet.")
        .write(handler!(external_keys))
        .delete(handler!(external_keys))
        .hidden(),
    Route::new("workflows/manage")
        .about("Names of the stored flows of requests. Not built yet.")
        .list(handler!(workflows))
        .scan(handler!(workflows))
        .hidden(),
    Route::new("workflows/manage/{path+..}")
        .about("One stored flow of requests. Not built yet.")
        .read(handler!(workflows))
        .list(handler!(workflows))
        .scan(handler!(workflows))
        .write(handler!(workflows))
        .delete(handler!(workflows))
        .hidden(),
    Route::new("workflows/execute/{path+..}")
        .about("Runs a stored flow of requests. Not built yet.")
        .write(handler!(workflows))
        .hidden(),
    Route::new("workflows/trace/{path+..}")
        .about("Runs a stored flow of requests and tells of each step. Not built yet.")
        .write(handler!(workflows))
        .hidden(),
    Route::new("workflows/unauthed-execute/{path+..}")
        .about("Runs a stored flow of requests without a token. Not built yet.")
        .write(handler!(workflows))
        .hidden(),
    Route::new("monitor").about("The log, as it is written. Not built yet.").read(handler!(monitor)).hidden(),
    Route::new("pprof").about("Names of the profiles. Not built yet.").read(handler!(profile)).hidden(),
    Route::new("pprof/{profile?}")
        .about("One profile of the running server. Not built yet.")
        .read(handler!(profile))
        .hidden(),
    Route::new("internal/inspect/request")
        .about("A request as the server sees it. Not built yet.")
        .sudo()
        .read(handler!(inspection))
        .hidden(),
    Route::new("internal/inspect/router/{tag}")
        .about("Mounts as the server finds them. Not built yet.")
        .sudo()
        .read(handler!(router))
        .hidden(),
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
