//! `sys/wrapping/`.

use std::time::Duration;

use http::StatusCode;
use schemas::shape::Declared as _;

use super::{Kept, Origin, Parcel, token_of};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::request::ClientToken;
use crate::core::response::{Grant, RawBody, Response};
use crate::core::token::{TokenEntry, Tokens};
use crate::handler;
use crate::sys::Sys;

/// A wrapping token in the body.
#[derive(schemas::Fields)]
struct TokenFields {
    /// The token; absent: that of the request.
    token: Option<String>,
}

/// The routes of `sys/wrapping/`.
pub(crate) static ROUTES: &[Route<Sys>] = &[
    Route::new("wrapping/wrap")
        .about("Puts data away and answers a token that fetches it once.")
        .write(handler!(wrap)),
    Route::new("wrapping/unwrap")
        .about("Fetches what a wrapping token stands for, and ends the token.")
        .fields(TokenFields::PARTS)
        .write(handler!(unwrap)),
    Route::new("wrapping/rewrap")
        .about("Exchanges a wrapping token for a new one of the same lifetime.")
        .fields(TokenFields::PARTS)
        .write(handler!(rewrap)),
    Route::new("wrapping/lookup")
        .about("Where and when a wrapping token was made.")
        .fields(TokenFields::PARTS)
        .read(handler!(look_up))
        .write(handler!(look_up))
        .unauthenticated(),
];

fn tokens<'a>(cx: &Context<'a>) -> &'a Tokens {
    &cx.core.tokens
}

/// Answers what it is sent, so that the core wraps it.
async fn wrap(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if cx.request().wrap_ttl.is_none() {
        return Err(Error::invalid("endpoint requires response wrapping to be used"));
    }
    Response::data(cx.parameters())
}

async fn unwrap(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (token, entry) = wrapping_token(cx).await?;
    let (body, origin) = tokens(cx).parcel(cx.transaction(), &entry).await?;
    end(cx, &token, &entry).await?;
    let status = origin.status.map(StatusCode::from_u16).transpose().map_err(Error::internal)?;
    Ok(Response { status, ..RawBody::json(body).into() })
}

/// The same content under a new token, which lives as long as the old one was to live, or shorter if that is asked for.
async fn rewrap(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (token, entry) = wrapping_token(cx).await?;
    if entry.is_deferred {
        // It was approved for as long as its own wrapping token lives.
        return Err(Error::invalid("a request that was approved cannot be wrapped again: unwrap it"));
    }
    let (body, origin) = tokens(cx).parcel(cx.transaction(), &entry).await?;
    end(cx, &token, &entry).await?;
    let namespace = tokens(cx).namespace_of(&entry.id)?.ok_or_else(super::invalid)?;
    let (asked, before) = (cx.request().wrap_ttl, Duration::from_secs(origin.creation_ttl));
    let parcel = Parcel {
        namespace: &namespace,
        path: &origin.creation_path,
        display_name: entry.display_name.clone(),
        ttl: asked.map_or(before, |asked| asked.min(before)),
        kept: Kept::Answer(body),
        status: origin.status,
        accessor: String::new(),
    };
    let info = tokens(cx).wrap(cx.transaction(), parcel, cx.now()).await?;
    let info = cx.core.in_format(cx.request(), info)?;
    Ok(Response { grant: Grant::Wrapped(Box::new(info)), ..Response::default() })
}

async fn look_up(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (_, entry) = wrapping_token(cx).await?;
    if entry.num_uses < 0 {
        return Err(super::invalid());
    }
    let origin = tokens(cx).origin(cx.transaction(), &entry).await?;
    Response::data(&Origin { status: None, ..origin })
}

async fn wrapping_token(cx: &Context<'_>) -> Result<(ClientToken, TokenEntry), Error> {
    let token = token_of(cx.parameters(), &cx.request().client_token)?;
    let entry = tokens(cx).wrapping_entry(&token, cx.now()).await?;
    Ok((token, entry))
}

async fn end(cx: &Context<'_>, token: &ClientToken, entry: &TokenEntry) -> Result<(), Error> {
    let is_own = *token == cx.request().client_token;
    tokens(cx).end_wrapping(cx.transaction(), &entry.id, is_own, cx.now()).await
}
