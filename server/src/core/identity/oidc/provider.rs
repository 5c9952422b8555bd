//! `identity/oidc/provider`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, List};
use serde::Serialize;

use super::record::{DEFAULT, ProviderRecord, ScopeRecord};
use super::template::Problem;
use super::{config, store, template};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::engine::fields::{distinct, failed};
use crate::core::identity::engine::shown;
use crate::core::identity::store::Store;
use crate::core::identity::{Entity, Identity};
use crate::core::response::Response;
use crate::handler;

/// Issuers of their own.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/provider")
        .about("Names of the OIDC providers.")
        .fields(ListFields::PARTS)
        .list(handler!(list)),
    Route::new("oidc/provider/{name}")
        .about("One OIDC provider: its issuer, its clients and its scopes.")
        .fields(ProviderFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// Which providers.
#[derive(schemas::Fields)]
struct ListFields {
    /// Only those that this client may use.
    allowed_client_id: Option<String>,
}

/// What a provider may be given.
#[derive(schemas::Fields)]
struct ProviderFields {
    /// Name of the provider.
    name: Option<String>,
    /// Scheme, host and port of the `iss` claim; the server's own without.
    issuer: Option<String>,
    /// Ids of the clients that may use it; `*` for all.
    allowed_client_ids: Option<List<String>>,
    /// Scopes that may be asked for.
    scopes_supported: Option<List<String>>,
}

#[derive(Serialize)]
struct Shown {
    allowed_client_ids: Vec<String>,
    issuer: String,
    scopes_supported: Vec<String>,
}

fn show(cx: &Context<'_>, name: &str, provider: ProviderRecord) -> Shown {
    Shown {
        issuer: issuer(cx, name, &provider),
        allowed_client_ids: provider.allowed_client_ids,
        scopes_supported: provider.scopes_supported,
    }
}

/// The issuer that the provider `name` is.
pub(super) fn issuer(cx: &Context<'_>, name: &str, provider: &ProviderRecord) -> String {
    config::address(cx, &provider.issuer, &format!("identity/oidc/provider/{name}"))
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<ProviderRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let client = cx.fields::<ListFields>()?.allowed_client_id.unwrap_or_default();
    let mut all = store::all::<ProviderRecord>(&Store::of(cx)).await?;
    all.retain(|(_, provider)| client.is_empty() || provider.allows(&client));
    let show = |(name, provider): (String, ProviderRecord)| (name.clone(), show(cx, &name, provider));
    let key_info: BTreeMap<String, Shown> = all.into_iter().map(show).collect();
    shown::list(&key_info.keys().cloned().collect::<Vec<_>>(), &key_info)
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let provider: ProviderRecord = store::named(cx).await?;
    Response::data(&show(cx, cx.capture("name"), provider))
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("name");
    if name == DEFAULT {
        return Err(Error::invalid(format!("deletion of OIDC provider {name:?} not allowed")));
    }
    store::erase::<ProviderRecord>(&Store::of(cx), name);
    Ok(Response::empty())
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: ProviderFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let mut provider: ProviderRecord = store::load(&store, name).await?.unwrap_or_default();
    let items =
        |given: Option<List<String>>, known: Vec<String>| distinct(&given.map_or(known, |given| given.0));
    provider.issuer = fields.issuer.unwrap_or(provider.issuer);
    provider.allowed_client_ids = items(fields.allowed_client_ids, provider.allowed_client_ids);
    provider.scopes_supported = items(fields.scopes_supported, provider.scopes_supported);
    let mut response = Response::empty();
    response.warnings.extend(config::accepted(&provider.issuer)?.map(str::to_owned));
    response.warnings.extend(conflicts(cx, &provider.scopes_supported).await?);
    store::save(&store, name, &provider)?;
    Ok(response)
}

/// Warnings of scopes that claim the same.
///
/// # Errors
/// 400 for a scope that is not there, 500 (as OpenBao) for one without a template.
async fn conflicts(cx: &Context<'_>, scopes: &[String]) -> Result<Vec<String>, Error> {
    let store = Store::of(cx);
    let mut owners: BTreeMap<String, &String> = BTreeMap::new();
    let mut warnings = Vec::new();
    for name in scopes {
        let unknown = || Error::invalid(format!("scope {name:?} does not exist"));
        let scope: ScopeRecord = store::load(&store, name).await?.ok_or_else(unknown)?;
        let claims = template::claims(&scope.template, Some(&Entity::default()), cx.now());
        let claims = claims.map_err(|problem| match problem {
            Problem::Template(text) => failed(format!("error parsing template for scope {name:?}: {text}")),
            Problem::Json(text) => failed(text),
        })?;
        for claim in claims.into_iter().map(|(claim, _)| claim) {
            if let Some(other) = owners.insert(claim.clone(), name) {
                warnings.push(conflict(&claim, name, other));
            }
        }
    }
    Ok(warnings)
}

fn conflict(claim: &str, name: &str, other: &str) -> String {
    format!(
        "Found scope templates with conflicting top-level keys: conflict {claim:?} in scopes {name:?}, {other:?}. \
         This may result in an error if the scopes are requested in an OIDC Authentication Request."
    )
}
