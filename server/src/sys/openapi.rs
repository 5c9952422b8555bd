//! `sys/internal/specs/openapi`.

use http::StatusCode;
use schemas::shape::Declared as _;

use super::{Sys, mounts};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount::MountClass;
use crate::core::openapi::{Document, Place};
use crate::core::response::{RawBody, Response};
use crate::core::topology::Mounted;
use crate::handler;

/// The description of all mounts that the token reaches.
pub(super) static ROUTES: &[Route<Sys>] = &[Route::new("internal/specs/openapi")
    .about("Describes all paths that the token of the request reaches, as OpenAPI.")
    .unauthenticated()
    .fields(Question::PARTS)
    .read(handler!(document))
    .write(handler!(document))];

/// How to show it.
#[derive(schemas::Fields)]
struct Question {
    /// A word that clients may send; it changes nothing.
    context: Option<String>,
    /// Show placeholders instead of the paths of mounts.
    generic_mount_paths: Option<bool>,
}

/// What the HTTP layer answers itself, sealed or not: path, methods, and whether no token is needed.
const STATUS: [(&str, &[&str], bool); 6] = [
    ("/sys/health", &["get"], true),
    ("/sys/init", &["get", "post"], true),
    ("/sys/leader", &["get"], true),
    ("/sys/seal-status", &["get"], true),
    ("/sys/step-down", &["post"], false),
    ("/sys/unseal", &["post"], true),
];

async fn document(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    let is_generic = question.generic_mount_paths.unwrap_or_default();
    let mut document = Document::default();
    for mounted in mounts::reached(cx).await? {
        if mounted.entry().api_path() == "sys/" {
            STATUS.iter().for_each(|(path, methods, is_open)| document.add_status(path, methods, *is_open));
        }
        add(&mut document, &mounted, is_generic);
    }
    let bytes = serde_json::to_vec(&document.into_value())?;
    Ok(Response::from(RawBody::json(bytes)).with_status(StatusCode::OK))
}

fn add(document: &mut Document, mounted: &Mounted, is_generic: bool) {
    let Some(engine) = &mounted.engine else { return };
    let entry = mounted.entry();
    let name = entry.path.trim_end_matches('/');
    let group = if entry.class == MountClass::Auth { "/auth/" } else { "/" };
    let placeholder = format!("{}_mount_path", name.replace('-', "_"));
    let is_shown_generic = is_generic && !entry.is_permanent();
    let shown = if is_shown_generic { format!("{{{placeholder}}}") } else { name.to_owned() };
    let prefix = format!("{group}{shown}/");
    let place = Place {
        prefix: &prefix,
        kind: entry.plain_kind(),
        tag: tag(&entry.api_path()),
        mount: is_shown_generic.then_some((placeholder.as_str(), name)),
    };
    document.add(place, &engine.describe());
}

/// What groups the operations of the mounts that every server has.
fn tag(path: &str) -> &'static str {
    match path {
        "cubbyhole/" | "secret/" => "secrets",
        "sys/" => "system",
        "auth/token/" => "auth",
        "identity/" => "identity",
        _ => "",
    }
}
