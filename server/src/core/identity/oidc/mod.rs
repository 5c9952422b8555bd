//! OpenID Connect: identity tokens, and a provider that others let people sign in by.
//!
//! A *key* signs. A *role* says what an identity token of it holds; whoever has an entity asks for one at `token/`.
//! A *provider* does what OpenID Connect Core asks for: *clients* send people to `authorize`, change the code that
//! comes back at `token` for an ID token and an access token, and read `userinfo` with the latter. An *assignment*
//! says who may sign in at a client, a *scope* what is told of them.
//!
//! Stored objects are in `record` and `keyring`, everything that is sent in `wire`. Codes live in memory alone.

mod algorithm;
mod assignment;
mod authorize;
mod claims;
mod client;
mod codes;
mod config;
mod exchange;
mod introspect;
mod key;
mod keyring;
mod pairs;
mod pkce;
mod provider;
mod record;
mod role;
mod scope;
mod signing;
mod store;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod userinfo;
mod well_known;
mod wire;

pub(crate) use codes::Codes;
pub(crate) use pairs::Pairs;
pub(crate) use wire::denied;

use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::{Entity, Identity};

/// Who is behind the token of the request, if that is somebody of the request's namespace.
async fn own_entity(cx: &Context<'_>) -> Result<Option<Entity>, Error> {
    match &cx.request().entity {
        Some(entity) => cx.core.identity_in(cx.transaction(), &cx.request().namespace, &entity.id).await,
        None => Ok(None),
    }
}

/// `identity/oidc`.
pub(super) fn routes() -> Vec<Route<Identity>> {
    [
        config::ROUTES,
        key::ROUTES,
        role::ROUTES,
        token::ROUTES,
        introspect::ROUTES,
        assignment::ROUTES,
        client::ROUTES,
        scope::ROUTES,
        provider::ROUTES,
        authorize::ROUTES,
        exchange::ROUTES,
        userinfo::ROUTES,
        well_known::ROUTES,
    ]
    .concat()
}
