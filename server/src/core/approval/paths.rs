//! `sys/control-group/`.

use http::StatusCode;
use schemas::shape::Declared as _;
use serde::Serialize;

use super::stored::approval_key;
use super::{Approval, Asker, Authorization};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::request::Parameters;
use crate::core::response::Response;
use crate::core::token::{TokenEntry, token_of_accessor};
use crate::handler;
use crate::sys::Sys;

/// Which request is meant.
#[derive(schemas::Fields)]
struct AccessorFields {
    /// Accessor of the wrapping token that the request was answered with.
    accessor: Option<String>,
}

/// The routes of `sys/control-group/`.
pub(crate) static ROUTES: &[Route<Sys>] = &[
    Route::new("control-group/authorize")
        .about("Approves a request that waits for the approval of others.")
        .fields(AccessorFields::PARTS)
        .write(handler!(authorize)),
    Route::new("control-group/request")
        .about("What a request that waits for its approval would do, who has asked, and who has approved.")
        .fields(AccessorFields::PARTS)
        .write(handler!(request)),
];

/// Whether a request is approved.
#[derive(Serialize)]
struct Verdict {
    approved: bool,
}

/// A request as its approvers see it.
#[derive(Serialize)]
struct Shown<'a> {
    approved: bool,
    authorizations: Vec<&'a Authorization>,
    request_data: Option<&'a Parameters>,
    request_entity: &'a Asker,
    request_operation: &'a str,
    request_path: &'a str,
}

async fn authorize(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let entry = named(cx).await?;
    // Two tokens without identity could be of one person.
    let approver = cx.request().entity.as_deref().ok_or_else(|| {
        let text = "an approver needs an identity, and this token has none (empty entity ID)";
        Error::counted(StatusCode::FORBIDDEN, text)
    })?;
    let mut approval = approval(cx, &entry).await?;
    approval.approve(approver, &cx.token()?.display_name)?;
    let folder = cx.core.tokens.folder(&entry)?.ok_or_else(not_waiting)?;
    cx.transaction().put_json(&approval_key(&folder), &approval)?;
    Response::data(&Verdict { approved: approval.is_met() })
}

async fn request(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let entry = named(cx).await?;
    let approval = approval(cx, &entry).await?;
    let stored = cx.core.tokens.stored_request(cx.transaction(), &entry).await?.ok_or_else(not_waiting)?;
    let mut authorizations = Vec::new();
    for authorization in approval.authorizations() {
        if is_known_here(cx, &authorization.entity_id)? {
            authorizations.push(authorization);
        }
    }
    let nobody = Asker::default();
    let is_known = is_known_here(cx, &approval.asker.id)?;
    Response::data(&Shown {
        approved: approval.is_met(),
        authorizations,
        request_data: Some(&stored.parameters).filter(|data| !data.is_empty()),
        request_entity: if is_known { &approval.asker } else { &nobody },
        request_operation: &approval.operation,
        request_path: &stored.path,
    })
}

/// The token whose accessor is named.
async fn named(cx: &Context<'_>) -> Result<TokenEntry, Error> {
    let refuse = |text: &str| Error::counted(StatusCode::BAD_REQUEST, text);
    let AccessorFields { accessor } = cx.fields()?;
    let accessor = accessor.filter(|accessor| !accessor.is_empty());
    let accessor = accessor.ok_or_else(|| refuse("missing accessor"))?;
    token_of_accessor(cx, &accessor).await?.ok_or_else(|| refuse("invalid accessor"))
}

async fn approval(cx: &Context<'_>, entry: &TokenEntry) -> Result<Approval, Error> {
    cx.core.approval_now(cx.transaction(), entry).await?.ok_or_else(not_waiting)
}

/// Whether the entity `id` is one that the request's namespace may know of.
fn is_known_here(cx: &Context<'_>, id: &str) -> Result<bool, Error> {
    let owner = cx.core.tokens.namespace_of(id)?;
    Ok(owner.is_some_and(|owner| owner.is_within(&cx.request().namespace)))
}

/// Of a token that keeps no request.
fn not_waiting() -> Error {
    Error::counted(StatusCode::BAD_REQUEST, "invalid wrapping token")
}
