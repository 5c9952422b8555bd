//! `identity/`.

mod alias;
mod entity;
pub(super) mod fields;
mod group;
mod group_alias;
mod lookup;
mod merge;
mod mounts;
pub(super) mod shown;

use std::sync::LazyLock;

use async_trait::async_trait;

use crate::core::engine::{Engine, Route};
use crate::core::identity::{mfa, oidc};

/// The engine that every namespace has at `identity/`.
pub(crate) struct Identity;

static ROUTES: LazyLock<Vec<Route<Identity>>> = LazyLock::new(|| {
    let tables = [
        entity::ROUTES,
        alias::ROUTES,
        group::ROUTES,
        group_alias::ROUTES,
        lookup::ROUTES,
        &mfa::routes(),
        &oidc::routes(),
    ];
    tables.concat()
});

#[async_trait]
impl Engine for Identity {
    const ABOUT: &'static str = "Who is behind logins: entities, their aliases and groups, second factors, identity tokens and \
        OIDC providers.";

    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }
}
