//! `sys/loggers`: how much is written into the log. It holds until the server is started again.

use schemas::shape::Declared as _;
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;
use crate::log::{self, Level};

/// All parts of the server at once, or one.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("loggers")
        .about("Which messages all logs take; deleting it goes back to the configuration.")
        .fields(Wanted::PARTS)
        .read(handler!(read_all))
        .write(handler!(write))
        .delete(handler!(reset)),
    Route::new("loggers/{name}")
        .about("Which messages one log takes; deleting it goes back to the configuration.")
        .fields(Wanted::PARTS)
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(reset)),
];

/// The level to be.
#[derive(schemas::Fields)]
struct Wanted {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    level: Option<String>,
}

async fn read_all(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Ok(Response::data(&log::levels().ok_or_else(missing)?)?.with_list_of_warnings())
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (name, levels) = (cx.capture("name"), log::levels().ok_or_else(missing)?);
    let found = levels.get(name).map_or_else(|| json!({}), |level| json!({ name: level }));
    Ok(Response::data(&found)?.with_list_of_warnings())
}

fn missing() -> Error {
    Error::not_implemented("changing a log that this server has not started")
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let is_null = cx.parameters().get("level").is_some_and(|raw| raw.get() == "null");
    let wanted = cx.fields::<Wanted>()?.level.or_else(|| is_null.then(String::new));
    let wanted = wanted.ok_or_else(|| Error::invalid("level is required"))?;
    if wanted.is_empty() {
        return Err(Error::invalid("level is empty"));
    }
    let wanted = wanted.trim().to_lowercase();
    // Nothing but spaces is the usual level.
    let level = if wanted.is_empty() { Some(Level::Info) } else { Level::parse(&wanted) };
    let level = level
        .ok_or_else(|| Error::invalid(format!("invalid level provided: unknown log level: {wanted}")))?;
    set(cx, Some(level))
}

async fn reset(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    set(cx, None)
}

fn set(cx: &Context<'_>, level: Option<Level>) -> Result<Response, Error> {
    let levels = log::levels().ok_or_else(missing)?;
    let name = Some(cx.capture("name").to_owned()).filter(|name| !name.is_empty());
    if let Some(unknown) = name.as_ref().filter(|name| !levels.contains_key(name.as_str())) {
        return Err(Error::invalid(format!("logger \"{unknown}\" not found")));
    }
    cx.transaction().after_commit(Box::new(move || log::set(name.as_deref(), level)));
    Ok(Response::empty())
}
