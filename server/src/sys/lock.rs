//! Locking the API of a namespace and of all below it.

use std::sync::Arc;

use http::StatusCode;
use schemas::shape::Declared as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Sys, namespaces};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::response::Response;
use crate::core::token::random_text;
use crate::core::topology::{Space, normal_path};
use crate::handler;

/// Lock and unlock, the namespace of the request or one below it.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("namespaces/api-lock/lock")
        .about(
            "Locks the namespace of the request: it takes no more requests. Answers the key that unlocks it.",
        )
        .without(&["path"])
        .fields(&[])
        .topology()
        .write(handler!(lock)),
    Route::new("namespaces/api-lock/lock/{path+..}")
        .about("Locks a namespace: it takes no more requests. Answers the key that unlocks it.")
        .fields(&[])
        .topology()
        .write(handler!(lock)),
    Route::new("namespaces/api-lock/unlock")
        .about("Unlocks the namespace of the request.")
        .without(&["path"])
        .fields(Unlock::PARTS)
        .topology()
        .write(handler!(unlock)),
    Route::new("namespaces/api-lock/unlock/{path+..}")
        .about("Unlocks a namespace.")
        .fields(Unlock::PARTS)
        .topology()
        .write(handler!(unlock)),
];

/// The body that unlocks.
#[derive(schemas::Fields)]
struct Unlock {
    /// What locking has answered; who has `sudo` needs none.
    unlock_key: Option<String>,
}

/// The namespace that the request means.
fn meant(cx: &Context<'_>) -> Result<Arc<Space>, Error> {
    let path = format!("{}{}", cx.request().namespace.path, normal_path(cx.capture("path")));
    if path.is_empty() {
        return Err(Error::invalid("root namespace cannot be locked/unlocked"));
    }
    let space = cx.topology()?.space(&path).cloned();
    space.ok_or_else(|| Error::invalid("requested namespace does not exist"))
}

async fn lock(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = meant(cx)?;
    let path = &space.namespace.path;
    if let Some(locked) = cx.topology()?.lock_above(path) {
        let text = if locked.path == *path {
            format!("cannot lock namespace \"{path}\": is already locked")
        } else {
            format!(
                "cannot lock namespace \"{path}\": ancestor namespace \"{}\" is already locked",
                locked.path
            )
        };
        return Err(Error::invalid(text));
    }
    let key = random_text();
    let namespace = Namespace { lock: digest(&key), ..(*space.namespace).clone() };
    namespaces::replace(cx, &space, &Arc::new(namespace))?;
    Response::data(&json!({ "unlock_key": key }))
}

async fn unlock(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Unlock = cx.fields()?;
    let key = given.unlock_key.unwrap_or_default();
    if key.is_empty() && !cx.core.tokens.surroundings()?.has_sudo(cx).await? {
        return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "provided empty key"));
    }
    let space = meant(cx)?;
    check(cx, &space.namespace, &key)?;
    let namespace = Namespace { lock: String::new(), ..(*space.namespace).clone() };
    namespaces::replace(cx, &space, &Arc::new(namespace))?;
    let response = Response::empty();
    Ok(if key.is_empty() {
        response.with_warning("Namespace unlocked using sudo capabilities")
    } else {
        response
    })
}

fn check(cx: &Context<'_>, namespace: &Namespace, key: &str) -> Result<(), Error> {
    let path = &namespace.path;
    if !namespace.is_locked() {
        return Err(Error::invalid(format!("namespace \"{path}\" is not locked")));
    }
    match cx.topology()?.lock_above(path) {
        Some(locked) if locked.path != *path => {
            let above = &locked.path;
            return Err(Error::invalid(format!(
                "cannot unlock \"{path}\" with namespace \"{above}\" being locked"
            )));
        }
        _ => {}
    }
    let fits = bool::from(digest(key).as_bytes().ct_eq(namespace.lock.as_bytes()));
    if fits || key.is_empty() { Ok(()) } else { Err(Error::invalid("incorrect unlock key")) }
}

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}
