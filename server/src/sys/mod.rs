//! The system endpoints: `sys/`.

mod audit;
mod capabilities;
mod catalog;
mod counters;
mod enable;
mod figures;
mod generate_root;
mod headers;
mod info;
mod lock;
mod locked_users;
mod loggers;
mod mounts;
mod namespace_seals;
mod namespaces;
mod openapi;
mod password;
mod plugin_version;
mod policies;
mod quotas;
mod reload;
mod remount;
mod rotation;
mod tools;
mod tune;
mod unbuilt;
mod unmount;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;

use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::identity::mfa;
use crate::core::{approval, lease, wrapping};
use crate::seal::{Seal, SecretBytes};

pub(crate) use figures::open_metrics;

/// The engine at `sys/` of every namespace.
pub(crate) struct Sys;

/// Shares as clients get them: hexadecimal, and base64.
pub(crate) fn encoded(shares: &[SecretBytes]) -> (Vec<String>, Vec<String>) {
    use base64::Engine as _;
    let hexadecimal = shares.iter().map(|share| hex::encode(&**share)).collect();
    let base64 = shares.iter().map(|share| base64::engine::general_purpose::STANDARD.encode(&**share));
    (hexadecimal, base64.collect())
}

/// What is told of a namespace that is open with the one that it lies in.
const NOT_SEALABLE: &str = "namespace is not sealable";

/// The seal of the namespace of the request.
///
/// # Errors
/// 400 if it has none of its own.
fn own_seal(cx: &Context<'_>) -> Result<Arc<Seal>, Error> {
    let seal = cx.core.seal_of(&cx.request().namespace);
    seal.ok_or_else(|| Error::invalid(NOT_SEALABLE))
}

static ROUTES: LazyLock<Vec<Route<Sys>>> = LazyLock::new(|| {
    let tables = [
        capabilities::ROUTES,
        policies::ROUTES,
        password::ROUTES,
        // `…/tune` before `mounts/{path..}`, which takes everything.
        tune::ROUTES,
        mounts::ROUTES,
        remount::ROUTES,
        lock::ROUTES,
        // `…/seal` before `namespaces/{path+..}`, which takes everything.
        namespace_seals::ROUTES,
        namespaces::ROUTES,
        locked_users::ROUTES,
        quotas::ROUTES,
        audit::ROUTES,
        info::ROUTES,
        figures::ROUTES,
        loggers::ROUTES,
        rotation::ROUTES,
        generate_root::ROUTES,
        headers::ROUTES,
        counters::ROUTES,
        openapi::ROUTES,
        tools::ROUTES,
        catalog::ROUTES,
        reload::ROUTES,
        unbuilt::ROUTES,
        lease::ROUTES,
        wrapping::ROUTES,
        approval::ROUTES,
        mfa::SYS_ROUTES,
    ];
    tables.concat()
});

#[async_trait]
impl Engine for Sys {
    const ABOUT: &'static str =
        "The server itself: mounts, policies, namespaces, leases, wrapping, limits, keys and the seal.";

    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }
}
