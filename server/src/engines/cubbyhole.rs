//! Cubbyhole: a place for each token that no other token can see.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::value::RawValue;

use crate::barrier::View;
use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

/// The engine that every namespace has at `cubbyhole/`.
pub struct Cubbyhole;

static ROUTES: &[Route<Cubbyhole>] = &[Route::new("{path..}")
    .exists(handler!(exists))
    .read(handler!(read))
    .list(handler!(list))
    .write(handler!(write))
    .delete(handler!(delete))];

#[async_trait]
impl Engine for Cubbyhole {
    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

/// The folder of the token that asks.
fn own<'a>(cx: &Context<'a>) -> Result<View<'a>, Error> {
    let token = cx.token()?;
    if token.cubbyhole_id.is_empty() {
        return Err(Error::invalid("cubbyhole operations are only supported by service tokens"));
    }
    Ok(cx.view().view(&format!("{}/", token.cubbyhole_id)))
}

/// The path of a secret; the folder itself is none.
fn secret_path<'a>(cx: &'a Context<'_>) -> Result<&'a str, Error> {
    match cx.capture("path") {
        "" => Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "missing path")),
        path => Ok(path),
    }
}

async fn exists(_: &Cubbyhole, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(own(cx)?.get(cx.capture("path")).await?.is_some())
}

async fn read(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    let data: Box<RawValue> = own(cx)?.get_json(secret_path(cx)?).await?.ok_or_else(Error::not_found)?;
    Ok(Response::raw_data(data))
}

async fn list(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&own(cx)?.list(cx.capture("path"), None, usize::MAX).await?)
}

async fn write(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    if cx.parameters().is_empty() {
        return Err(Error::invalid("missing data fields"));
    }
    let data: &BTreeMap<_, _> = cx.parameters();
    own(cx)?.put_json(secret_path(cx)?, data)?;
    Ok(Response::empty())
}

async fn delete(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    own(cx)?.delete(secret_path(cx)?);
    Ok(Response::empty())
}
