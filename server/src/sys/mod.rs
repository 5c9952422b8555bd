//! The system endpoints: `sys/`.

use std::sync::LazyLock;

use async_trait::async_trait;

use crate::core::engine::{Engine, Route};

/// The engine at `sys/` of every namespace.
pub(crate) struct Sys;

static ROUTES: LazyLock<Vec<Route<Sys>>> = LazyLock::new(Vec::new);

#[async_trait]
impl Engine for Sys {
    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }
}
