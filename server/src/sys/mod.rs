//! The system endpoints: `sys/`.

mod capabilities;
mod catalog;
mod enable;
mod info;
mod mounts;
mod namespaces;
mod password;
mod policies;
mod remount;
mod tools;
mod tune;
mod unmount;

use std::sync::LazyLock;

use async_trait::async_trait;

use crate::core::engine::{Engine, Route};
use crate::core::{lease, wrapping};

/// The engine at `sys/` of every namespace.
pub(crate) struct Sys;

static ROUTES: LazyLock<Vec<Route<Sys>>> = LazyLock::new(|| {
    let tables = [
        capabilities::ROUTES,
        policies::ROUTES,
        password::ROUTES,
        // `…/tune` before `mounts/{path..}`, which takes everything.
        tune::ROUTES,
        mounts::ROUTES,
        remount::ROUTES,
        namespaces::ROUTES,
        info::ROUTES,
        tools::ROUTES,
        catalog::ROUTES,
        lease::ROUTES,
        wrapping::ROUTES,
    ];
    tables.concat()
});

#[async_trait]
impl Engine for Sys {
    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }
}
