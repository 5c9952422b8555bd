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
        .write(handler!(write_all))
        .delete(handler!(reset_all)),
    Route::new("loggers/{name..}")
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
    let (name, levels) = (name_of(cx)?, log::levels().ok_or_else(missing)?);
    let found = levels.get(name).map_or_else(|| json!({}), |level| json!({ name: level }));
    Ok(Response::data(&found)?.with_list_of_warnings())
}

fn missing() -> Error {
    Error::not_implemented("changing a log that this server has not started")
}

/// Below `loggers/` a name is needed.
fn name_of<'c>(cx: &'c Context<'_>) -> Result<&'c str, Error> {
    match cx.capture("name") {
        "" => Err(Error::invalid("name is empty")),
        name => Ok(name),
    }
}

fn wanted(cx: &Context<'_>) -> Result<Level, Error> {
    let is_null = cx.parameters().get("level").is_some_and(|raw| raw.get() == "null");
    let wanted = cx.fields::<Wanted>()?.level.or_else(|| is_null.then(String::new));
    let wanted = wanted.ok_or_else(|| Error::invalid("level is required"))?;
    if wanted.is_empty() {
        return Err(Error::invalid("level is empty"));
    }
    let wanted = wanted.trim().to_lowercase();
    // Nothing but spaces is the usual level.
    let level = if wanted.is_empty() { Some(Level::Info) } else { Level::named(&wanted).flatten() };
    level.ok_or_else(|| Error::invalid(format!("invalid level provided: unknown log level: {wanted}")))
}

async fn write_all(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    set(cx, None, Some(wanted(cx)?))
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = name_of(cx)?;
    set(cx, Some(name), Some(wanted(cx)?))
}

async fn reset_all(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    set(cx, None, None)
}

async fn reset(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    set(cx, Some(name_of(cx)?), None)
}

/// `None` for `name`: all logs; for `level`: that of the configuration.
fn set(cx: &Context<'_>, name: Option<&str>, level: Option<Level>) -> Result<Response, Error> {
    let levels = log::levels().ok_or_else(missing)?;
    let name = name.map(str::to_owned);
    if let Some(unknown) = name.as_ref().filter(|name| !levels.contains_key(name.as_str())) {
        return Err(Error::invalid(format!("logger \"{unknown}\" not found")));
    }
    cx.transaction().after_commit(Box::new(move || log::set(name.as_deref(), level)));
    Ok(Response::empty())
}
