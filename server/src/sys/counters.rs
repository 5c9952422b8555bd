//! How much there is: `sys/internal/counters/`.

use http::StatusCode;
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::response::Response;
use crate::handler;

/// Counts of the namespace of the request.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("internal/counters/tokens")
        .about("How many service tokens there are.")
        .fields(&[])
        .read(handler!(tokens)),
    Route::new("internal/counters/entities")
        .about("How many entities there are.")
        .fields(&[])
        .read(handler!(entities)),
    Route::new("internal/counters/requests")
        .about("Gone: requests are counted by `sys/metrics`.")
        .read(handler!(requests)),
];

/// How many records are in `folder` of the namespaces that are `wanted`. Keys are counted, no record is read.
async fn count(cx: &Context<'_>, folder: &str, wanted: impl Fn(&Namespace) -> bool) -> Result<usize, Error> {
    let topology = cx.topology()?;
    let open = topology.spaces().filter(|space| !space.is_sealed && wanted(&space.namespace));
    let mut total = 0;
    for space in open {
        let prefix = format!("{}{folder}", space.namespace.storage_prefix());
        total += cx.core.barrier.scan_keys(&prefix, None, usize::MAX).await?.len();
    }
    Ok(total)
}

/// Service tokens of the namespace and of those below it.
async fn tokens(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let asked = &cx.request().namespace;
    let total = count(cx, "sys/token/id/", |namespace| namespace.is_within(asked)).await?;
    Response::data(&json!({ "counters": { "service_tokens": { "total": total } } }))
}

/// Entities of the namespace: how many others there are is not its tenants' to know.
async fn entities(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let asked = &cx.request().namespace;
    let total = count(cx, "sys/identity/entity/", |namespace| namespace.id == asked.id).await?;
    Response::data(&json!({ "counters": { "entities": { "total": total } } }))
}

async fn requests(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::with_status(StatusCode::NOT_FOUND, "The functionality has been removed on this path"))
}
