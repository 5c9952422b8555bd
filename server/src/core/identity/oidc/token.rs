//! `identity/oidc/token`.

use schemas::shape::Declared as _;
use serde::Serialize;

use super::claims::OwnClaims;
use super::record::{RoleRecord, is_listed};
use super::template::Claims;
use super::{config, keyring, own_entity, store, template};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::engine::fields::failed;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Identity tokens.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/token/{name}")
    .about("Makes a signed token that says who asks, after a role.")
    .fields(TokenFields::PARTS)
    .read(handler!(read))];

/// Which token.
#[derive(schemas::Fields)]
struct TokenFields {
    /// Name of the role.
    name: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    client_id: &'a str,
    token: String,
    ttl: u64,
}

/// Tells who is behind the token of the request.
async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let unknown = || Error::invalid(format!("role {name:?} not found"));
    let role: RoleRecord = store::load(&store, name).await?.ok_or_else(unknown)?;
    let missing = || Error::invalid(format!("key {:?} not found", role.key));
    let key = keyring::current(cx, &role.key).await?.ok_or_else(missing)?;
    if !is_listed(&key.allowed_client_ids, &role.client_id) {
        return Err(Error::invalid(format!(
            "the key {:?} does not list the client ID of the role {name:?} as an allowed client ID",
            role.key
        )));
    }
    let nobody = || Error::invalid("no entity associated with the request's token");
    let id = cx.request().entity.as_ref().map(|entity| entity.id.clone()).ok_or_else(nobody)?;
    let foreign = || failed(format!("error loading entity ID {id:?}"));
    let entity = own_entity(cx).await?.ok_or_else(foreign)?;
    let templated = template::claims(&role.template, Some(&entity), cx.now());
    let templated = templated.unwrap_or_else(|_| {
        // A template that was good when it was written.
        if !role.template.is_empty() {
            tracing::warn!(role = name, "the template of the role has no claims");
        }
        Claims::new()
    });
    let own = OwnClaims {
        iss: &config::issuer(cx).await?,
        namespace: &cx.request().namespace.id,
        sub: &entity.id,
        aud: &role.client_id,
        ..OwnClaims::default()
    };
    let token = own.lasting(cx.now(), role.ttl.min(key.verification_ttl)).signed(&key, templated)?;
    Response::data(&Answer { client_id: &role.client_id, token, ttl: role.ttl })
}
