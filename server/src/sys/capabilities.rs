//! What a token may do at a path.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemas::shape::{Declared as _, List};

use super::Sys;
use crate::core::acl::Acl;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::request::{ClientToken, Request};
use crate::core::response::Response;
use crate::core::token::{TokenEntry, namespace_of, token_of_accessor};
use crate::handler;

/// Capabilities of the token that asks, of another, and of one by its accessor.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("capabilities-self")
        .about("What the token of the request may do at some paths.")
        .fields(Question::PARTS)
        .only(&["paths", "path", "token"])
        .write(handler!(own)),
    Route::new("capabilities")
        .about("What a token may do at some paths.")
        .fields(Question::PARTS)
        .only(&["paths", "path", "token"])
        .write(handler!(of_token)),
    Route::new("capabilities-accessor")
        .about("What the token of an accessor may do at some paths.")
        .fields(Question::PARTS)
        .only(&["paths", "path", "accessor"])
        .write(handler!(of_accessor)),
    Route::new("internal/ui/resultant-acl")
        .about("Everything that the token of the request may do, for user interfaces.")
        .fields(&[])
        .read(handler!(resultant)),
];

/// Which paths, and whose capabilities.
#[derive(schemas::Fields)]
struct Question {
    /// The paths.
    paths: Option<List<String>>,
    /// The older name of `paths`.
    path: Option<List<String>>,
    /// The token.
    token: Option<String>,
    /// The accessor of the token.
    accessor: Option<String>,
}

/// Paths that are looked at before others get their turn.
const AT_ONCE: usize = 128;

fn refused(text: &str) -> Error {
    Error::counted(StatusCode::BAD_REQUEST, text)
}

async fn own(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let acl = cx.core.acl_of(cx.request()).await?;
    answer(cx, &paths(cx)?, &acl).await
}

async fn of_token(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    let is_text = cx.parameters().get("token").is_some_and(|raw| raw.get().starts_with('"'));
    let token = question.token.filter(|token| is_text && !token.is_empty());
    let token = token.ok_or_else(|| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "no token found"))?;
    let paths = paths(cx)?;
    let (tokens, token) = (&cx.core.tokens, ClientToken::new(token));
    let entry = match tokens.lookup_within(&token, &cx.request().namespace, cx.now()).await? {
        Some(entry) => entry,
        // Whether it is a good one cannot be known.
        None if tokens.surroundings()?.is_sealed(namespace_of(token.expose())) => {
            let text = "failed to read entry: Vault is sealed";
            return Err(Error::counted(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        None => return Err(refused("invalid token")),
    };
    answer(cx, &paths, &*acl_of(cx, entry).await?).await
}

async fn of_accessor(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    let accessor = question.accessor.filter(|accessor| !accessor.is_empty());
    let accessor = accessor.ok_or_else(|| Error::invalid("missing accessor"))?;
    let entry = token_of_accessor(cx, &accessor).await?.ok_or_else(|| refused("invalid accessor"))?;
    let paths = paths(cx)?;
    answer(cx, &paths, &*acl_of(cx, Arc::new(entry)).await?).await
}

async fn acl_of(cx: &Context<'_>, entry: Arc<TokenEntry>) -> Result<Arc<Acl>, Error> {
    let entity = cx.core.identity_behind(&entry).await?.filter(|entity| !entity.disabled);
    if entity.is_none() && !entry.entity_id.is_empty() {
        return Err(refused("invalid token"));
    }
    let request = Request { token: Some(entry), entity, ..cx.request().clone() };
    cx.core.acl_of(&request).await
}

fn paths(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    let question: Question = cx.fields()?;
    let named = [question.paths, question.path].into_iter().flatten().map(|paths| paths.0);
    match named.into_iter().find(|paths| !paths.is_empty()) {
        None => Err(Error::invalid("paths must be supplied")),
        Some(paths) if paths.iter().any(String::is_empty) => Err(refused("missing path")),
        Some(paths) => Ok(paths),
    }
}

async fn answer(cx: &Context<'_>, paths: &[String], acl: &Acl) -> Result<Response, Error> {
    let namespace = &cx.request().namespace.path;
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for some in paths.chunks(AT_ONCE) {
        if !answers.is_empty() {
            tokio::task::yield_now().await;
        }
        answers.extend(some.iter().map(|path| (path.as_str(), acl.capabilities(namespace, path))));
    }
    if let [path] = paths {
        answers.insert("capabilities", acl.capabilities(namespace, path));
    }
    Ok(Response::data(&answers)?.spread())
}

/// Everything the token may do, for user interfaces.
async fn resultant(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::data(&cx.core.acl_of(cx.request()).await?.shown())
}
