//! `identity/oidc/provider/…/authorize`: people let a client know who they are.
//!
//! The request comes from a page that they are signed in at, with their token. What it is refused for is looked at in
//! an order that clients can see.

use std::sync::Arc;

use schemas::shape::Declared as _;

use super::codes::Grant;
use super::pkce::Challenge;
use super::record::{ClientRecord, ClientType, ProviderRecord};
use super::wire::{self, Failure, code, refused};
use super::{assignment, client, own_entity, scope, store, url};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::identity::{Entity, Identity};
use crate::core::response::Response;
use crate::core::token::random_letters;
use crate::handler;

/// Signing in.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/provider/{name}/authorize")
    .about("Lets a client know who asks: answers a code that it exchanges for tokens.")
    .fields(AuthorizeFields::PARTS)
    .read(handler!(authorize))
    .write(handler!(authorize))];

const CODE_LENGTH: usize = 32;

/// What a client asks for (OpenID Connect Core, 3.1.2.1).
#[derive(schemas::Fields)]
struct AuthorizeFields {
    /// Name of the provider.
    name: Option<String>,
    /// Id of the client.
    client_id: Option<String>,
    /// Scopes, separated by spaces; `openid` is one of them.
    scope: Option<String>,
    /// Where to go then.
    redirect_uri: Option<String>,
    /// `code`.
    response_type: Option<String>,
    /// Is answered as it is.
    state: Option<String>,
    /// Is told in the ID token.
    nonce: Option<String>,
    /// Seconds since they proved who they are.
    max_age: Option<i64>,
    /// Made of the verifier that the code will be changed with.
    code_challenge: Option<String>,
    /// How: `S256` or `plain`.
    code_challenge_method: Option<String>,
}

async fn authorize(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AuthorizeFields = cx.fields()?;
    let state = fields.state.clone().unwrap_or_default();
    match grant(cx, fields).await {
        Ok(grant) => {
            let code = random_letters(CODE_LENGTH);
            let (codes, kept, now) = (Arc::clone(&cx.core.codes), code.clone(), cx.now());
            cx.transaction().after_commit(Box::new(move || codes.add(&kept, grant, now)));
            wire::authorization(Ok(code), &state)
        }
        Err(Failure::Failed(error)) => Err(error),
        Err(Failure::Refused(refusal)) => {
            let is_blind =
                matches!(refusal.code, code::REQUEST_NOT_SUPPORTED | code::REQUEST_URI_NOT_SUPPORTED);
            wire::authorization(Err(refusal), if is_blind { "" } else { &state })
        }
    }
}

async fn grant(cx: &Context<'_>, fields: AuthorizeFields) -> Result<Grant, Failure> {
    let client = client_of(cx, fields.client_id.as_deref()).await?;
    let redirect_uri = redirect_uri_of(&client, fields.redirect_uri)?;
    let provider = provider_of(cx, &client).await?;
    require_plain_parameters(cx)?;
    let scopes = scopes_of(&provider, fields.scope.as_deref())?;
    require_code(fields.response_type.as_deref())?;
    let entity = entity_of(cx, &client).await?;
    let challenge = challenge_of(&client, fields.code_challenge, fields.code_challenge_method)?;
    Ok(Grant {
        namespace: cx.request().namespace.id.clone(),
        provider: cx.capture("name").to_owned(),
        client_id: client.client_id,
        entity_id: entity.id,
        redirect_uri,
        nonce: fields.nonce.unwrap_or_default(),
        scopes,
        auth_time: fields.max_age.map(|max_age| auth_time(cx, max_age)).transpose()?,
        challenge,
    })
}

async fn client_of(cx: &Context<'_>, id: Option<&str>) -> Result<ClientRecord, Failure> {
    let missing = || refused(code::INVALID_CLIENT_ID, "client_id parameter is required");
    let id = id.filter(|id| !id.is_empty()).ok_or_else(missing)?;
    let unknown = || refused(code::INVALID_CLIENT_ID, "client with client_id not found");
    let client = client::by_id(cx, id).await?.ok_or_else(unknown)?;
    match client.authorization_code {
        true => Ok(client),
        false => {
            let text = "client not allowed to perform authorization code credential flow";
            Err(refused(code::INVALID_GRANT, text))
        }
    }
}

fn redirect_uri_of(client: &ClientRecord, uri: Option<String>) -> Result<String, Failure> {
    let missing = || refused(code::INVALID_REQUEST, "redirect_uri parameter is required");
    let uri = uri.filter(|uri| !uri.is_empty()).ok_or_else(missing)?;
    match url::is_allowed(&uri, &client.redirect_uris) {
        true => Ok(uri),
        false => Err(refused(code::INVALID_REDIRECT_URI, "redirect_uri is not allowed for the client")),
    }
}

async fn provider_of(cx: &Context<'_>, client: &ClientRecord) -> Result<ProviderRecord, Failure> {
    let unknown = || refused(code::INVALID_REQUEST, "provider not found");
    let provider = store::load::<ProviderRecord>(&Store::of(cx), cx.capture("name")).await?;
    let provider = provider.ok_or_else(unknown)?;
    match provider.allows(&client.client_id) {
        true => Ok(provider),
        false => Err(refused(code::UNAUTHORIZED_CLIENT, "client is not authorized to use the provider")),
    }
}

/// Parameters inside of a token, or behind an address, are not taken: they have to be refused.
fn require_plain_parameters(cx: &Context<'_>) -> Result<(), Failure> {
    if cx.parameters().contains_key("request") {
        return Err(refused(code::REQUEST_NOT_SUPPORTED, "request parameter is not supported"));
    }
    if cx.parameters().contains_key("request_uri") {
        return Err(refused(code::REQUEST_URI_NOT_SUPPORTED, "request_uri parameter is not supported"));
    }
    Ok(())
}

/// The scopes that are asked for and supported.
pub(super) fn scopes_of(provider: &ProviderRecord, text: Option<&str>) -> Result<Vec<String>, Failure> {
    let missing = || {
        let text = format!("scope parameter must contain the {:?} value", scope::OPENID);
        refused(code::INVALID_REQUEST, text)
    };
    scope::requested(text.unwrap_or_default(), provider).ok_or_else(missing)
}

fn require_code(response_type: Option<&str>) -> Result<(), Failure> {
    match response_type.unwrap_or_default() {
        "code" => Ok(()),
        "" => Err(refused(code::INVALID_REQUEST, "response_type parameter is required")),
        _ => Err(refused(code::UNSUPPORTED_RESPONSE_TYPE, "unsupported response_type value")),
    }
}

async fn entity_of(cx: &Context<'_>, client: &ClientRecord) -> Result<Entity, Failure> {
    if cx.request().entity.is_none() {
        return Err(refused(code::ACCESS_DENIED, "identity entity must be associated with the request"));
    }
    let foreign = || refused(code::ACCESS_DENIED, "identity entity associated with the request not found");
    let entity = own_entity(cx).await?.ok_or_else(foreign)?;
    match assignment::has_member(cx, &client.assignments, &entity).await? {
        true => Ok(entity),
        false => Err(refused(code::ACCESS_DENIED, "identity entity not authorized by client assignment")),
    }
}

fn challenge_of(
    client: &ClientRecord,
    text: Option<String>,
    method: Option<String>,
) -> Result<Option<Challenge>, Failure> {
    match text {
        None if client.client_type == ClientType::Public => {
            Err(refused(code::INVALID_REQUEST, "PKCE is required for public clients"))
        }
        None => Ok(None),
        Some(text) => {
            let challenge = Challenge::new(&text, method.as_deref().unwrap_or_default());
            challenge.map(Some).map_err(|problem| refused(code::INVALID_REQUEST, problem))
        }
    }
}

/// When the person has proved who they are: when their token was made.
fn auth_time(cx: &Context<'_>, max_age: i64) -> Result<i64, Failure> {
    if max_age < 1 {
        return Err(refused(code::INVALID_REQUEST, "max_age must be greater than zero"));
    }
    let since = cx.token()?.created_at.as_second();
    if cx.now().as_second().saturating_sub(since) > max_age {
        return Err(refused(code::MAX_AGE_VIOLATION, "active re-authentication is required by max_age"));
    }
    Ok(since)
}
