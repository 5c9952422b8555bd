//! `identity/oidc/provider/…/userinfo`: who is behind an access token.

use schemas::shape::Declared as _;
use serde_json::json;

use super::record::ProviderRecord;
use super::template::Claims;
use super::wire::{self, Failure, code, refused};
use super::{assignment, client, own_entity, scope, store};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::store::Store;
use crate::core::request::Authorization;
use crate::core::response::Response;
use crate::core::token::{OidcAccess, TokenKind};
use crate::handler;

/// What an access token is for.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/provider/{name}/userinfo")
    .about("Claims about whoever an access token was made for.")
    .fields(UserInfoFields::PARTS)
    .oauth_resource()
    .read(handler!(user_info))
    .write(handler!(user_info))];

/// Whose provider.
#[derive(schemas::Fields)]
struct UserInfoFields {
    /// Name of the provider.
    name: Option<String>,
}

async fn user_info(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    match claims(cx).await {
        Ok(claims) => wire::user_info(Ok(claims)),
        Err(Failure::Refused(refusal)) => wire::user_info(Err(refusal)),
        Err(Failure::Failed(error)) => Err(error),
    }
}

async fn claims(cx: &Context<'_>) -> Result<Claims, Failure> {
    let unknown = || refused(code::INVALID_REQUEST, "provider not found");
    let provider = store::load::<ProviderRecord>(&Store::of(cx), cx.capture("name")).await?;
    let provider = provider.ok_or_else(unknown)?;
    let access = access(cx)?;
    let denied = |text: &str| refused(code::ACCESS_DENIED, text);
    let client = client::by_id(cx, &access.client_id).await?.ok_or_else(|| denied("client not found"))?;
    let nobody = || denied("identity entity associated with the request not found");
    let entity = own_entity(cx).await?.ok_or_else(nobody)?;
    if !assignment::has_member(cx, &client.assignments, &entity).await? {
        return Err(denied("identity entity not authorized by client assignment"));
    }
    if !provider.allows(&client.client_id) {
        return Err(denied("client is not authorized to use the provider"));
    }
    let is_supported = |scope: &&String| provider.scopes_supported.contains(scope);
    let scopes: Vec<String> = access.scopes.iter().filter(is_supported).cloned().collect();
    let told = scope::claims_of(cx, &scopes, Some(&entity)).await?;
    let mut claims = told.map_err(|conflict| refused(code::INVALID_REQUEST, conflict))?;
    claims.insert("sub".to_owned(), json!(entity.id));
    Ok(claims)
}

/// What the token of the request is good for.
fn access<'a>(cx: &Context<'a>) -> Result<&'a OidcAccess, Failure> {
    if cx.request().authorization != Authorization::Bearer {
        return Err(refused(code::INVALID_TOKEN, "access token must be sent as a Bearer token"));
    }
    let token = cx.token()?;
    if token.kind != TokenKind::Batch {
        return Err(refused(code::INVALID_TOKEN, "access token is malformed or invalid"));
    }
    let missing = || refused(code::SERVER_ERROR, "expected client ID in token metadata");
    token.access.as_ref().ok_or_else(missing)
}
