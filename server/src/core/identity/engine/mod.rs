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

use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::identity::mfa;
use crate::core::response::Response;
use crate::handler;

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
        UNBUILT,
    ];
    tables.concat()
});

static UNBUILT: &[Route<Identity>] = &[everything(Route::new("oidc/{path..}").hidden())];

const fn everything(route: Route<Identity>) -> Route<Identity> {
    route
        .read(handler!(unbuilt))
        .list(handler!(unbuilt))
        .scan(handler!(unbuilt))
        .write(handler!(unbuilt))
        .patch(handler!(unbuilt))
        .delete(handler!(unbuilt))
}

#[async_trait]
impl Engine for Identity {
    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }
}

async fn unbuilt(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented(format_args!("`identity/{}`", cx.path())))
}
