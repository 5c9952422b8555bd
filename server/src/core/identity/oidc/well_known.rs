//! `.well-known/` of identity tokens and of providers: what others need to know, for everybody.

use std::collections::BTreeSet;

use schemas::shape::Declared as _;

use super::keyring::{self, KeyRecord};
use super::record::{ClientRecord, EVERY_CLIENT, ProviderRecord, RoleRecord};
use super::wire::Jwk;
use super::{client, config, provider, store, wire};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Discovery and public keys. What is not there is nobody's secret either.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/.well-known/openid-configuration")
        .about("Where identity tokens come from, for who checks them.")
        .fields(&[])
        .unauthenticated()
        .read(handler!(discovery)),
    Route::new("oidc/.well-known/keys")
        .about("Public keys that check identity tokens.")
        .fields(&[])
        .unauthenticated()
        .read(handler!(keys)),
    Route::new("oidc/.well-known/openid-configuration/")
        .about("Where identity tokens come from, for who checks them.")
        .hidden()
        .unauthenticated()
        .read(handler!(discovery)),
    Route::new("oidc/.well-known/keys/")
        .about("Public keys that check identity tokens.")
        .hidden()
        .unauthenticated()
        .read(handler!(keys)),
    nothing(
        Route::new("oidc/.well-known/{path..}")
            .about("Nothing: all that is well known has a path of its own."),
    ),
    Route::new("oidc/provider/{name}/.well-known/openid-configuration")
        .about("What an OIDC provider can do and where, for its clients.")
        .fields(ProviderFields::PARTS)
        .unauthenticated()
        .read(handler!(provider_discovery)),
    Route::new("oidc/provider/{name}/.well-known/keys")
        .about("Public keys that check the tokens of an OIDC provider.")
        .fields(ProviderFields::PARTS)
        .unauthenticated()
        .read(handler!(provider_keys)),
    nothing(
        Route::new("oidc/provider/{name}/.well-known/{path..}")
            .about("Nothing: all that is well known has a path of its own."),
    ),
];

/// Whose.
#[derive(schemas::Fields)]
struct ProviderFields {
    /// Name of the provider.
    name: Option<String>,
}

const fn nothing(route: Route<Identity>) -> Route<Identity> {
    route
        .unauthenticated()
        .hidden()
        .read(handler!(unknown))
        .list(handler!(unknown))
        .scan(handler!(unknown))
        .write(handler!(unknown))
        .patch(handler!(unknown))
        .delete(handler!(unknown))
}

async fn unknown(_: &Identity, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_path())
}

async fn discovery(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    wire::discovery(&config::issuer(cx).await?)
}

async fn keys(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let keys = identity_keys(cx).await?;
    let max_age = if keys.is_empty() { None } else { Some(max_age(cx).await?) };
    wire::key_set(keys, max_age)
}

/// Seconds that a key set may be kept: less than any key is in use, and not the same for all who ask.
async fn max_age(cx: &Context<'_>) -> Result<u64, Error> {
    let all = store::all::<KeyRecord>(&Store::of(cx)).await?;
    let least = all.iter().map(|(_, key)| key.verification_ttl.min(key.rotation_period)).min();
    Ok(rand::random_range(0..least.unwrap_or_default().max(1)))
}

/// The public keys that identity tokens are checked with: those of the keys that roles name.
pub(super) async fn identity_keys(cx: &Context<'_>) -> Result<Vec<Jwk>, Error> {
    let roles = store::all::<RoleRecord>(&Store::of(cx)).await?;
    public_keys(cx, roles.into_iter().map(|(_, role)| role.key).collect()).await
}

async fn public_keys(cx: &Context<'_>, names: BTreeSet<String>) -> Result<Vec<Jwk>, Error> {
    let mut keys = Vec::new();
    for name in names {
        let Some(key) = keyring::published(cx, &name).await? else { continue };
        keys.extend(key.public(cx.now()).cloned());
    }
    Ok(keys)
}

async fn provider_discovery(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let record: ProviderRecord = store::named(cx).await?;
    let issuer = provider::issuer(cx, cx.capture("name"), &record);
    wire::provider_discovery(&issuer, record.scopes_supported)
}

async fn provider_keys(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let record: ProviderRecord = store::named(cx).await?;
    let mut names = BTreeSet::new();
    if record.allows(EVERY_CLIENT) {
        let clients = store::all::<ClientRecord>(&Store::of(cx)).await?;
        names.extend(clients.into_iter().map(|(_, client)| client.key));
    }
    for id in &record.allowed_client_ids {
        names.extend(client::by_id(cx, id).await?.map(|client| client.key));
    }
    wire::key_set(public_keys(cx, names).await?, None)
}
