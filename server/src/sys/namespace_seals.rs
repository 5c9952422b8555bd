//! Seals of namespaces: sealing, unsealing, and the end of what nobody can unseal any more.

use std::sync::Arc;

use http::StatusCode;
use schemas::shape::Declared as _;
use serde::Serialize;
use serde_json::json;

use super::Sys;
use super::namespaces::{abandon_after, find, named};
use crate::barrier::BarrierError;
use crate::core::clearing::Leftover;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::quota;
use crate::core::response::Response;
use crate::core::state::{NAMESPACE_PREFIX, namespace_key};
use crate::core::topology::Space;
use crate::handler;
use crate::seal::{Seal, SecretBytes, digits_or_base64};

/// What is asked of the parent of a namespace about its seal.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("namespaces/{path+..}/seal-status")
        .about("Whether a namespace is sealed.")
        .read(handler!(seal_status)),
    Route::new("namespaces/{path+..}/seal")
        .about("Seals a namespace that has a seal of its own, and all below it.")
        .once()
        .write(handler!(seal)),
    Route::new("namespaces/{path+..}/unseal")
        .about("Enters a key share for a namespace that has a seal of its own, or forgets those entered.")
        .once()
        .fields(Unseal::PARTS)
        .write(handler!(unseal)),
    Route::new("namespaces/{path+..}/delete-sealed")
        .about("Deletes a namespace that is sealed with all that it holds, without its keys.")
        .sudo()
        .topology()
        .fields(DeleteSealed::PARTS)
        .delete(handler!(delete_sealed)),
];

/// The body that unseals.
#[derive(schemas::Fields)]
struct Unseal {
    /// A key share, hexadecimal or base64.
    key: Option<String>,
    /// Forget the shares that were entered.
    reset: Option<bool>,
}

/// What goes with the end of a sealed namespace.
#[derive(schemas::Fields)]
struct DeleteSealed {
    /// Delete the namespaces in it, too.
    force: Option<bool>,
}

/// What is shown of a seal.
#[derive(Serialize)]
struct StatusBody {
    initialized: bool,
    n: u8,
    nonce: String,
    progress: usize,
    sealed: bool,
    t: u8,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The namespace that the request names.
fn meant(cx: &Context<'_>) -> Result<Arc<Space>, Error> {
    let path = named(cx)?;
    find(cx, &path)?.ok_or_else(|| {
        let name = &path[cx.request().namespace.path.len()..];
        let text = format!("namespace \"{name}\" doesn't exist");
        Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text)
    })
}

fn seal_of(cx: &Context<'_>, space: &Space) -> Result<Arc<Seal>, Error> {
    let seal = cx.core.seal_of(&space.namespace);
    seal.ok_or_else(|| Error::invalid(super::NOT_SEALABLE))
}

async fn shown(seal: &Seal) -> Result<Response, Error> {
    let status = seal.status().await?;
    Response::data(&StatusBody {
        initialized: status.initialized,
        n: status.shares,
        nonce: status.nonce,
        progress: status.progress,
        sealed: status.sealed,
        t: status.threshold,
        kind: status.kind,
    })
}

async fn seal_status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = meant(cx)?;
    shown(&*seal_of(cx, &space)?).await
}

async fn seal(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = find(cx, &named(cx)?)?.ok_or_else(|| Error::invalid("namespace doesn't exist"))?;
    let seal = seal_of(cx, &space)?;
    cx.core.seal_namespace(&space.namespace, seal).await?;
    tracing::info!(namespace = %space.namespace.path, "the namespace is sealed");
    Ok(Response::empty())
}

async fn unseal(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = meant(cx)?;
    let given: Unseal = cx.fields()?;
    if given.reset == Some(true) {
        let seal = seal_of(cx, &space)?;
        // There is nothing to forget else.
        if seal.domain().is_sealed() {
            seal.reset().await?;
        }
        return shown(&seal).await;
    }
    let share = share(&given.key.unwrap_or_default())?;
    let seal = seal_of(cx, &space)?;
    cx.core.unseal_namespace(&space.namespace, Arc::clone(&seal), share).await?;
    if space.is_sealed && !seal.domain().is_sealed() {
        tracing::info!(namespace = %space.namespace.path, "the namespace is unsealed");
    }
    shown(&seal).await
}

/// A share as a client enters it.
fn share(text: &str) -> Result<SecretBytes, Error> {
    if text.is_empty() {
        return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "provided key is empty"));
    }
    digits_or_base64(text).map_err(|problem| Error::invalid(problem.to_string()))
}

/// No lease in it is revoked, as nobody can read what it is of.
async fn delete_sealed(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = named(cx)?;
    let given: DeleteSealed = cx.fields()?;
    let Some(space) = find(cx, &path)? else {
        return Ok(Response::empty().with_warning("requested namespace does not exist"));
    };
    if !space.is_sealed {
        return Err(Error::invalid("namespace is not sealed"));
    }
    let (namespace, prefix) = (&space.namespace, space.namespace.storage_prefix());
    if given.force != Some(true) && has_namespaces(cx, &prefix).await? {
        return Err(Error::invalid(
            "sealed namespace has leftover child namespaces; pass force=true to delete the entire tree, or unseal the \
             namespace and delete children individually",
        ));
    }
    quota::remove_below(cx, namespace, "").await?;
    // Before the note of what is left to delete, which cannot be deleted sooner.
    abandon_after(cx, namespace);
    cx.core.tokens.clearing().leave(cx.transaction(), &namespace.within, &Leftover::Keys(prefix))?;
    cx.transaction().delete(namespace_key(namespace));
    cx.change_topology(|topology| topology.without_space(&path))?;
    let core = Arc::clone(cx.core);
    cx.transaction().after_commit(Box::new(move || core.acls.invalidate()));
    tracing::info!(namespace = %namespace.path, "the sealed namespace is deleted");
    Response::data(&json!({ "status": "in-progress" }))
}

/// Whether namespaces lie in what is stored below `prefix`. Their names can be seen without its keys.
async fn has_namespaces(cx: &Context<'_>, prefix: &str) -> Result<bool, Error> {
    let records = format!("{prefix}{NAMESPACE_PREFIX}");
    let found = cx.core.barrier.storage().scan_keys(&records, None, 1).await.map_err(BarrierError::from)?;
    Ok(!found.is_empty())
}
