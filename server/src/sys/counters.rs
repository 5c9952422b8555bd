//! How much there is: `sys/internal/counters/`.

use http::StatusCode;
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
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

/// Service tokens: each has one record. Keys are counted, no record is read.
async fn tokens(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let prefix = format!("{}sys/token/id/", cx.request().namespace.storage_prefix());
    let total = cx.core.barrier.scan_keys(&prefix, None, usize::MAX).await?.len();
    Response::data(&json!({ "counters": { "service_tokens": { "total": total } } }))
}

async fn entities(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let prefix = format!("{}sys/identity/entity/", cx.request().namespace.storage_prefix());
    let total = cx.core.barrier.scan_keys(&prefix, None, usize::MAX).await?.len();
    Response::data(&json!({ "counters": { "entities": { "total": total } } }))
}

async fn requests(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::with_status(StatusCode::NOT_FOUND, "The functionality has been removed on this path"))
}
