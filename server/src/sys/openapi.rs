//! `sys/internal/specs/openapi`.

use http::StatusCode;
use schemas::kind::Part;
use schemas::shape::Declared as _;
use schemas::{Shape, Text};

use super::{Sys, mounts};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount::MountClass;
use crate::core::openapi::{Document, Place, shown};
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

const NAMES: Shape = Shape::List(&Shape::Text(Text::Plain));

/// What `sys/init` takes.
const INIT: &[Part] = &[
    shown("secret_shares", Shape::Integer, "Key shares to hand out."),
    shown("secret_threshold", Shape::Integer, "How many of them unseal the server."),
    shown("pgp_keys", NAMES, "One PGP key a share. Not built yet."),
    shown("root_token_pgp_key", Shape::Text(Text::Plain), "A PGP key for the root token. Not built yet."),
    shown("recovery_shares", Shape::Integer, "For seals that unseal themselves only."),
    shown("recovery_threshold", Shape::Integer, "For seals that unseal themselves only."),
    shown("recovery_pgp_keys", NAMES, "For seals that unseal themselves only."),
];

/// What `sys/unseal` takes.
const UNSEAL: &[Part] = &[
    shown("key", Shape::Text(Text::Plain), "A key share."),
    shown("reset", Shape::Bool, "Forgets the shares that were entered."),
];

/// What the HTTP layer answers itself, sealed or not: path, methods, fields of bodies, and whether no token is needed.
const STATUS: [(&str, &[&str], &[Part], bool); 6] = [
    ("/sys/health", &["get"], &[], true),
    ("/sys/init", &["get", "post"], INIT, true),
    ("/sys/leader", &["get"], &[], true),
    ("/sys/seal-status", &["get"], &[], true),
    ("/sys/step-down", &["post"], &[], false),
    ("/sys/unseal", &["post"], UNSEAL, true),
];

async fn document(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    let is_generic = question.generic_mount_paths.unwrap_or_default();
    let mut document = Document::default();
    for mounted in mounts::reached(cx).await? {
        if mounted.entry().api_path() == "sys/" {
            for (path, methods, takes, is_open) in STATUS {
                document.add_status(path, methods, takes, is_open);
            }
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
