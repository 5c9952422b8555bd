//! `identity/oidc/scope`.

use std::collections::{BTreeMap, BTreeSet};

use schemas::shape::Declared as _;

use super::record::{ProviderRecord, ScopeRecord};
use super::template::Claims;
use super::{claims, store, template};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::identity::{Entity, Identity};
use crate::core::response::Response;
use crate::handler;

/// What is told of who signs in.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/scope").about("Names of the scopes of OIDC providers.").fields(&[]).list(handler!(list)),
    Route::new("oidc/scope/{name}")
        .about("One scope: which claims it adds to tokens.")
        .fields(ScopeFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// The scope that says that OpenID Connect is meant.
pub(super) const OPENID: &str = "openid";

/// What a scope may be given.
#[derive(schemas::Fields)]
struct ScopeFields {
    /// Name of the scope.
    name: Option<String>,
    /// Claims, as JSON with names in double braces; may be base64 of it.
    template: Option<String>,
    /// For people.
    description: Option<String>,
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<ScopeRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    store::list::<ScopeRecord>(cx).await
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Response::sorted_data(&store::named::<ScopeRecord>(cx).await?)
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: ScopeFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    if name == OPENID {
        return Err(Error::invalid(format!("the {name:?} scope name is reserved")));
    }
    let mut scope: ScopeRecord = store::load(&store, name).await?.unwrap_or_default();
    scope.description = fields.description.unwrap_or(scope.description);
    scope.template = template::accept(&fields.template.unwrap_or(scope.template), cx.now())?;
    store::save(&store, name, &scope)?;
    Ok(Response::empty())
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let is_used = |provider: &ProviderRecord| provider.scopes_supported.iter().any(|scope| scope == name);
    let providers = store::names_of::<ProviderRecord>(&store, is_used).await?;
    store::require_unused("scope", name, "providers", &providers)?;
    store::erase::<ScopeRecord>(&store, name);
    Ok(Response::empty())
}

/// The scopes that `text` asks for and `provider` has, sorted; `None` if it does not ask for OpenID Connect.
pub(super) fn requested(text: &str, provider: &ProviderRecord) -> Option<Vec<String>> {
    let scopes: BTreeSet<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    if !scopes.contains(OPENID) {
        return None;
    }
    let supported = |scope: &&str| provider.scopes_supported.iter().any(|known| known == scope);
    Some(scopes.into_iter().filter(supported).map(str::to_owned).collect())
}

/// Why the claims of several scopes cannot be told together.
pub(super) type Conflict = String;

/// The claims of `scopes` for `entity`. What a template cannot be filled with is left out; scopes that are gone, too.
pub(super) async fn claims_of(
    cx: &Context<'_>,
    scopes: &[String],
    entity: Option<&Entity>,
) -> Result<Result<Claims, Conflict>, Error> {
    let store = Store::of(cx);
    let mut merged = Claims::new();
    let mut owners: BTreeMap<String, &String> = BTreeMap::new();
    for name in scopes {
        let Some(scope) = store::load::<ScopeRecord>(&store, name).await? else { continue };
        let Ok(told) = template::claims(&scope.template, entity, cx.now()) else { continue };
        for claim in told.keys() {
            if let Some(other) = owners.insert(claim.clone(), name) {
                let text = "found scopes with conflicting top-level claim";
                return Ok(Err(format!("{text}: claim {claim:?} in scopes {name:?}, {other:?}")));
            }
        }
        claims::merge(&mut merged, told);
    }
    Ok(Ok(merged))
}
