//! `identity/oidc/provider/…/token`: a client changes a code for tokens, or has one for itself.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time;
use jiff::SignedDuration;
use schemas::shape::Declared as _;

use super::claims::{OwnClaims, binding};
use super::codes::Grant;
use super::keyring::{self, KeyRecord};
use super::record::{ClientRecord, ClientType, ProviderRecord, is_listed};
use super::template::Claims;
use super::wire::{self, Failure, Tokens, code, refused};
use super::{assignment, authorize, client, provider, scope, store};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::identity::{Entity, Identity};
use crate::core::request::{Authorization, ClientToken};
use crate::core::response::Response;
use crate::core::token::{Issue, OidcAccess, TokenEntry, TokenKind};
use crate::handler;

/// Tokens for clients, who prove who they are themselves.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/provider/{name}/token")
    .about("Exchanges a code for tokens.")
    .fields(TokenFields::PARTS)
    .unauthenticated()
    .write(handler!(exchange))];

/// What a client sends (OpenID Connect Core, 3.1.3.1).
#[derive(schemas::Fields)]
struct TokenFields {
    /// Name of the provider.
    name: Option<String>,
    /// The code.
    code: Option<String>,
    /// `authorization_code` or `client_credentials`.
    grant_type: Option<String>,
    /// Where the code was sent to.
    redirect_uri: Option<String>,
    /// What the challenge was made of.
    code_verifier: Option<String>,
    /// Scopes of a token for the client itself, separated by spaces.
    scope: Option<String>,
    /// Id of the client, if it does not say so in `Authorization`.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
}

/// A client that has proved who it is, and what it needs.
struct Party {
    provider: ProviderRecord,
    client: ClientRecord,
    key: KeyRecord,
}

async fn exchange(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: TokenFields = cx.fields()?;
    match tokens(cx, &fields).await {
        Ok(tokens) => wire::tokens(Ok(tokens)),
        Err(Failure::Refused(refusal)) => wire::tokens(Err(refusal)),
        Err(Failure::Failed(error)) => Err(error),
    }
}

async fn tokens(cx: &Context<'_>, fields: &TokenFields) -> Result<Tokens, Failure> {
    let party = party(cx, fields).await?;
    let (is_allowed, is_code) = match fields.grant_type.as_deref().unwrap_or_default() {
        "authorization_code" => (party.client.authorization_code, true),
        // Nobody else has proved who it is.
        "client_credentials" if party.client.client_type == ClientType::Confidential => {
            (party.client.client_credentials, false)
        }
        "client_credentials" => (false, false),
        _ => {
            let text = "unsupported grant_type or parameter is empty value";
            return Err(refused(code::UNSUPPORTED_GRANT_TYPE, text));
        }
    };
    match (is_allowed, is_code) {
        (false, _) => {
            Err(refused(code::INVALID_GRANT, "client is not authorized to use given credentials flow"))
        }
        (true, true) => for_code(cx, fields, &party).await,
        (true, false) => for_itself(cx, fields, &party).await,
    }
}

/// Who asks, and whether they may here.
async fn party(cx: &Context<'_>, fields: &TokenFields) -> Result<Party, Failure> {
    let unknown = || refused(code::INVALID_REQUEST, "provider not found");
    let provider = store::load::<ProviderRecord>(&Store::of(cx), cx.capture("name")).await?;
    let provider = provider.ok_or_else(unknown)?;
    let client = authenticated(cx, fields).await?;
    if !provider.allows(&client.client_id) {
        return Err(refused(code::INVALID_CLIENT, "client is not authorized to use the provider"));
    }
    let missing = || refused(code::SERVER_ERROR, format!("client key {:?} not found", client.key));
    let key = keyring::current(cx, &client.key).await?.ok_or_else(missing)?;
    if !is_listed(&key.allowed_client_ids, &client.client_id) {
        return Err(refused(code::INVALID_CLIENT, "client is not authorized to use the key"));
    }
    Ok(Party { provider, client, key })
}

/// The client, which a secret proves if it can keep one.
async fn authenticated(cx: &Context<'_>, fields: &TokenFields) -> Result<ClientRecord, Failure> {
    let by_body = || {
        let secret = ClientToken::new(fields.client_secret.clone().unwrap_or_default());
        fields.client_id.clone().filter(|id| !id.is_empty()).map(|id| (id, secret))
    };
    let missing = || refused(code::INVALID_REQUEST, "client_id parameter is required");
    let (id, secret) = match &cx.request().authorization {
        Authorization::Basic { name, secret } => (name.clone(), secret.clone()),
        _ => by_body().ok_or_else(missing)?,
    };
    let wrong = || refused(code::INVALID_CLIENT, "client failed to authenticate");
    let client = client::by_id(cx, &id).await?.ok_or_else(wrong)?;
    let (known, given) = (client.client_secret.0.expose().as_bytes(), secret.expose().as_bytes());
    let is_proved = constant_time::verify_slices_are_equal(known, given).is_ok();
    match client.client_type == ClientType::Public || (is_proved && !known.is_empty()) {
        true => Ok(client),
        false => Err(wrong()),
    }
}

async fn for_code(cx: &Context<'_>, fields: &TokenFields, party: &Party) -> Result<Tokens, Failure> {
    let missing = || refused(code::INVALID_REQUEST, "code parameter is required");
    let text = fields.code.as_deref().filter(|code| !code.is_empty()).ok_or_else(missing)?;
    let grant = grant_of(cx, text, party)?;
    require_redirect_uri(&grant, fields.redirect_uri.as_deref())?;
    let entity = entity_of(cx, &grant, &party.client).await?;
    require_verifier(&grant, &party.client, fields.code_verifier.as_deref())?;
    let scopes = scope::claims_of(cx, &grant.scopes, Some(&entity)).await?;
    let templated = scopes.map_err(|conflict| refused(code::INVALID_REQUEST, conflict))?;
    let access = access_token(cx, &party.client, &grant).await?;
    let own = OwnClaims {
        sub: &grant.entity_id,
        nonce: &grant.nonce,
        auth_time: grant.auth_time,
        at_hash: binding(&party.key, access.expose())?,
        c_hash: binding(&party.key, text)?,
        ..OwnClaims::default()
    };
    Ok(Tokens {
        id_token: Some(signed(cx, party, own, templated)?),
        access_token: access.expose().to_owned(),
        expires_in: party.client.access_token_ttl,
        token_type: "Bearer",
    })
}

/// What the code was given out for: to this client, by this provider. It is used up by asking, whatever comes then.
fn grant_of(cx: &Context<'_>, text: &str, party: &Party) -> Result<Grant, Failure> {
    let invalid = |text: &str| refused(code::INVALID_GRANT, text);
    let grant = cx.core.codes.take(text, &cx.request().namespace.id, &cx.request().id, cx.now());
    let grant = grant.ok_or_else(|| invalid("authorization grant is invalid or expired"))?;
    if grant.client_id != party.client.client_id {
        return Err(invalid("authorization code was not issued to the client"));
    }
    if grant.provider != cx.capture("name") {
        return Err(invalid("authorization code was not issued by the provider"));
    }
    Ok(grant)
}

fn require_redirect_uri(grant: &Grant, uri: Option<&str>) -> Result<(), Failure> {
    match uri.unwrap_or_default() {
        "" => Err(refused(code::INVALID_REQUEST, "redirect_uri parameter is required")),
        uri if uri == grant.redirect_uri => Ok(()),
        _ => {
            let text = "redirect_uri does not match the redirect_uri used in the authorization request";
            Err(refused(code::INVALID_GRANT, text))
        }
    }
}

/// Who has signed in, if they still may.
async fn entity_of(cx: &Context<'_>, grant: &Grant, client: &ClientRecord) -> Result<Entity, Failure> {
    let invalid = |text: &str| refused(code::INVALID_REQUEST, text);
    let found = cx.core.identity_in(cx.transaction(), &cx.request().namespace, &grant.entity_id).await?;
    let entity = found.ok_or_else(|| invalid("identity entity associated with the request not found"))?;
    match assignment::has_member(cx, &client.assignments, &entity).await? {
        true => Ok(entity),
        false => Err(invalid("identity entity not authorized by client assignment")),
    }
}

/// A client that began with a challenge has to end with its verifier, and no other client may send one.
fn require_verifier(grant: &Grant, client: &ClientRecord, verifier: Option<&str>) -> Result<(), Failure> {
    let invalid = |text: &str| Err(refused(code::INVALID_REQUEST, text));
    match (&grant.challenge, verifier.unwrap_or_default()) {
        (None, _) if client.client_type == ClientType::Public => {
            invalid("PKCE is required for public clients")
        }
        (None, "") => Ok(()),
        (None, _) => invalid("unexpected code_verifier for token exchange"),
        (Some(_), "") => invalid("expected code_verifier for token exchange"),
        (Some(challenge), verifier) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), _) => Err(refused(code::INVALID_GRANT, "invalid code_verifier for token exchange")),
    }
}

/// A batch token that is good for reading who is behind it.
async fn access_token(cx: &Context<'_>, client: &ClientRecord, grant: &Grant) -> Result<ClientToken, Error> {
    let ttl = SignedDuration::from_secs(i64::try_from(client.access_token_ttl).unwrap_or(i64::MAX));
    let entry = TokenEntry {
        path: cx.path().to_owned(),
        metadata: BTreeMap::from([("oidc_token_type".to_owned(), "access token".to_owned())]),
        entity_id: grant.entity_id.clone(),
        kind: TokenKind::Batch,
        created_at: cx.now(),
        creation_ttl: client.access_token_ttl,
        granted_ttl: client.access_token_ttl,
        expires_at: Some(cx.now().checked_add(ttl).unwrap_or(jiff::Timestamp::MAX)),
        access: Some(OidcAccess {
            provider: grant.provider.clone(),
            client_id: grant.client_id.clone(),
            scopes: grant.scopes.clone(),
        }),
        ..TokenEntry::default()
    };
    let issue = Issue { namespace: &cx.request().namespace, entry, text: None };
    Ok(cx.core.tokens.issue(cx.transaction(), issue).await?.0)
}

/// A token that says that the client is itself.
async fn for_itself(cx: &Context<'_>, fields: &TokenFields, party: &Party) -> Result<Tokens, Failure> {
    let scopes = authorize::scopes_of(&party.provider, fields.scope.as_deref())?;
    let scopes = scope::claims_of(cx, &scopes, None).await?;
    let templated = scopes.map_err(|conflict| refused(code::INVALID_REQUEST, conflict))?;
    let jti = Some(uuid::Uuid::new_v4().to_string());
    let own = OwnClaims { sub: &party.client.client_id, jti, ..OwnClaims::default() };
    Ok(Tokens {
        access_token: signed(cx, party, own, templated)?,
        expires_in: party.client.id_token_ttl,
        id_token: None,
        token_type: "Bearer",
    })
}

fn signed(cx: &Context<'_>, party: &Party, own: OwnClaims<'_>, templated: Claims) -> Result<String, Error> {
    let issuer = provider::issuer(cx, cx.capture("name"), &party.provider);
    let own = OwnClaims {
        iss: &issuer,
        namespace: &cx.request().namespace.id,
        aud: &party.client.client_id,
        ..own
    };
    own.lasting(cx.now(), party.client.id_token_ttl).signed(&party.key, templated)
}
