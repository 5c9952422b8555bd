//! `sys/audit`: the audit devices. There are none yet: they are declared in the configuration, which refuses them for now,
//! and never enabled by a request.

use schemas::shape::{Declared as _, Map};
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("audit").about("All audit devices.").sudo().fields(&[]).read(handler!(list)),
    Route::new("audit/{path+..}")
        .about("One audit device. It is declared in the configuration of the server, not here.")
        .sudo()
        .fields(Device::PARTS)
        .write(handler!(enable))
        .delete(handler!(disable)),
    Route::new("audit-hash/{path+..}")
        .about("How a text looks in the log of an audit device.")
        .fields(Hashed::PARTS)
        .write(handler!(hash)),
];

/// What a device would be.
#[derive(schemas::Fields)]
struct Device {
    /// Its type: `file`, `socket`, …
    #[kind(api = "type")]
    device_type: Option<String>,
    /// For people.
    description: Option<String>,
    /// Its settings.
    options: Option<Map<String>>,
    /// Whether it belongs to this server alone.
    local: Option<bool>,
}

/// What to hash.
#[derive(schemas::Fields)]
struct Hashed {
    /// The text.
    input: Option<String>,
}

async fn list(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Response::data(&json!({}))
}

async fn enable(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    let text =
        "cannot enable audit device via API; use declarative, config-based audit device management instead";
    Err(Error::invalid(text))
}

/// There is nothing to disable.
async fn disable(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Ok(Response::empty())
}

async fn hash(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if cx.fields::<Hashed>()?.input.unwrap_or_default().is_empty() {
        return Err(Error::invalid("the \"input\" parameter is empty"));
    }
    Err(Error::invalid(format!("unknown audit backend \"{}/\"", cx.capture("path"))))
}
