//! The end of tokens, on request.

use http::StatusCode;

use super::{BareAccessorFields, TokenEngine, find_by_accessor, has_sudo, required, tokens};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::request::ClientToken;
use crate::core::response::Response;
use crate::core::token::{TokenEntry, TokenKind};

pub(super) async fn revoke(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    revoke_token(cx, &required(cx)?).await
}

pub(super) async fn revoke_self(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    revoke_token(cx, &cx.request().client_token).await
}

async fn revoke_token(cx: &Context<'_>, token: &ClientToken) -> Result<Response, Error> {
    if let Some(entry) = find(cx, token).await? {
        tokens(cx).revoke_tree(cx.transaction(), &entry.id, cx.now()).await?;
    }
    Ok(Response::empty())
}

/// The entry of `token`, unless it belongs to a namespace that the request's has no say in.
async fn find(cx: &Context<'_>, token: &ClientToken) -> Result<Option<TokenEntry>, Error> {
    let entry = match *token == cx.request().client_token {
        true => tokens(cx).lookup_even_used_up(token, cx.now()).await?,
        false => tokens(cx).lookup_within(token, &cx.request().namespace, cx.now()).await?,
    };
    if entry.as_ref().is_some_and(|entry| entry.kind == TokenKind::Batch) {
        return Err(Error::invalid("batch tokens cannot be revoked"));
    }
    Ok(entry.map(|entry| (*entry).clone()))
}

pub(super) async fn revoke_accessor(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: BareAccessorFields = cx.fields()?;
    match find_by_accessor(cx, fields.accessor).await? {
        Some(entry) => {
            tokens(cx).revoke_tree(cx.transaction(), &entry.id, cx.now()).await?;
            Ok(Response::empty())
        }
        None => Ok(Response::empty().with_warning("No token found with this accessor")),
    }
}

pub(super) async fn revoke_orphan(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let token = required(cx)?;
    if !has_sudo(cx).await? {
        return Err(Error::invalid("root or sudo privileges required to revoke and orphan"));
    }
    let entry = find(cx, &token).await?.ok_or_else(|| Error::invalid("token to revoke not found"))?;
    tokens(cx).revoke_orphan(cx.transaction(), &entry.id, cx.now()).await?;
    Ok(Response::empty())
}

/// All records of a token are written and removed in one batch, so that there should never be something to tidy.
pub(super) async fn tidy(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    tokens(cx).tidy(cx.transaction(), &cx.request().namespace).await?;
    let told = "Tidy operation successfully started. Any information from the operation will be printed to \
                OpenBao's server logs.";
    Ok(Response::empty().with_warning(told).with_status(StatusCode::ACCEPTED))
}
