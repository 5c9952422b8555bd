//! The end of tokens, on request.

use http::StatusCode;

use super::{BareAccessorFields, TokenEngine, find_by_accessor, has_sudo, reaches, required, tokens};
use crate::core::context::Context;
use crate::core::engine::Access;
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
    if let Some(entry) = find(cx, token, Access::Token).await? {
        tokens(cx).revoke_tree(cx.transaction(), &entry.id, cx.now()).await?;
    }
    Ok(Response::empty())
}

/// The entry of `token`; `None` also for one of a namespace that is sealed or being deleted.
///
/// # Errors
/// 403 if it belongs to a namespace that the request has no say in: it is not ended, and nobody is to think so.
async fn find(cx: &Context<'_>, token: &ClientToken, access: Access) -> Result<Option<TokenEntry>, Error> {
    let is_own = *token == cx.request().client_token;
    let entry = match is_own {
        true => tokens(cx).lookup_even_used_up(token, cx.now()).await?,
        false => tokens(cx).lookup(token, cx.now()).await?,
    };
    let Some(entry) = entry else { return Ok(None) };
    if !is_own {
        let owner = tokens(cx).surroundings()?.namespace(&entry.namespace)?;
        let Some(owner) = owner else { return Ok(None) };
        if !reaches(cx, &owner, access).await? {
            return Err(Error::permission_denied());
        }
    }
    match entry.kind {
        TokenKind::Batch => Err(Error::invalid("batch tokens cannot be revoked")),
        _ => Ok(Some((*entry).clone())),
    }
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
    let entry =
        find(cx, &token, Access::Sudo).await?.ok_or_else(|| Error::invalid("token to revoke not found"))?;
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
