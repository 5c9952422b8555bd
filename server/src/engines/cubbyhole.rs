//! Cubbyhole: a place for each token that no other token can see.

use async_trait::async_trait;
use http::StatusCode;
use serde_json::value::RawValue;

use super::free::{listed, with_field_warnings};
use crate::barrier::View;
use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::request::Inline;
use crate::core::response::Response;
use crate::core::token::TokenKind;
use crate::handler;

/// The engine that every namespace has at `cubbyhole/`.
pub struct Cubbyhole;

/// Where older clients find what was wrapped.
const OLD_UNWRAP: &str = "Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap to unwrap \
                          responses, as it provides additional security checks and other benefits.";

static ROUTES: &[Route<Cubbyhole>] = &[Route::new("{path..}")
    .about("Secrets of the token of the request; they end with it, and no other token sees them.")
    .exists(handler!(exists))
    .read(handler!(read))
    .list(handler!(list))
    .write(handler!(write))
    .delete(handler!(delete))];

#[async_trait]
impl Engine for Cubbyhole {
    const ABOUT: &'static str =
        "Keeps secrets of single tokens. They end with their token, and no other token sees them.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

/// The folder of the token that asks. `None`: it ends with its request, so that there has never been anything in it.
fn own<'a>(cx: &Context<'a>) -> Result<Option<View<'a>>, Error> {
    let token = cx.token()?;
    if !token.cubbyhole_id.is_empty() {
        return Ok(Some(cx.view().view(&format!("{}/", token.cubbyhole_id))));
    }
    match cx.request().inline == Inline::Proved && token.kind == TokenKind::Service {
        true => Ok(None),
        false => Err(Error::invalid("cubbyhole operations are only supported by 'service' type tokens")),
    }
}

/// The path of a secret; the folder itself is none.
fn secret_path<'a>(cx: &'a Context<'_>) -> Result<&'a str, Error> {
    match cx.capture("path") {
        "" => Err(failed("missing path")),
        path => Ok(path),
    }
}

/// What other engines call a bad request is a failure here.
fn failed(cause: &str) -> Error {
    Error::counted(StatusCode::INTERNAL_SERVER_ERROR, cause)
}

async fn exists(_: &Cubbyhole, cx: &Context<'_>) -> Result<bool, Error> {
    match own(cx)? {
        Some(folder) => Ok(folder.get(cx.capture("path")).await?.is_some()),
        None => Ok(false),
    }
}

async fn read(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    let (folder, path) = (own(cx)?.ok_or_else(Error::not_found)?, secret_path(cx)?);
    let data: Box<RawValue> = folder.get_json(path).await?.ok_or_else(Error::not_found)?;
    let response = with_field_warnings(cx, &[], Response::raw_data(data));
    Ok(if cx.capture("path") == "response" { response.with_warning(OLD_UNWRAP) } else { response })
}

async fn list(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    let names = match own(cx)? {
        Some(folder) => folder.list(cx.capture("path"), None, usize::MAX).await?,
        None => Vec::new(),
    };
    listed(cx, &[], &names)
}

async fn write(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    let (folder, path) = (own(cx)?, secret_path(cx)?);
    if cx.parameters().is_empty() {
        return Err(failed("missing data fields"));
    }
    let text = "a token of inline authentication ends with its request and has no cubbyhole";
    folder.ok_or_else(|| Error::invalid(text))?.put_json(path, cx.parameters())?;
    Ok(Response::empty())
}

async fn delete(_: &Cubbyhole, cx: &Context<'_>) -> Result<Response, Error> {
    if let Some(folder) = own(cx)? {
        folder.delete(cx.capture("path"));
    }
    Ok(Response::empty())
}
