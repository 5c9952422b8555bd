//! Key/value, version 2: versions of a secret, soft deletion, check-and-set, metadata.
//!
//! | key in the mount's storage | holds |
//! |---|---|
//! | `config` | [`Config`](config::Config) |
//! | `metadata/<path>` | [`KeyMetadata`](record::KeyMetadata), in the form in which the API answers it |
//! | `data/<path>/<version>` | the secret, character by character as it was written |
//!
//! A read of a secret is two gets and no tree of JSON values: the text of the secret is put into the answer as it
//! is. A write is one batch. Large integers keep their digits, which they do not at the incumbent.

mod config;
mod data;
mod deletion;
mod given;
mod listing;
mod merge;
mod metadata;
mod record;
mod shown;
mod subkeys;
#[cfg(test)]
mod tests;
pub(crate) mod upgrade;
#[cfg(test)]
mod upgrade_tests;

use async_trait::async_trait;
use http::StatusCode;

use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::handler;

/// The engine of a `kv` mount with `version=2`.
pub struct Kv2;

static ROUTES: &[Route<Kv2>] = &[
    Route::new("data/{path..}")
        .about("One secret: writes, patches, reads or deletes its latest version, or reads an old one.")
        .shows(shown::DATA)
        .exists(handler!(data::exists))
        .read(handler!(data::read))
        .write(handler!(data::write))
        .patch(handler!(data::patch))
        .delete(handler!(deletion::delete_current)),
    Route::new("metadata/{path..}")
        .about("Settings and versions of one secret, or the names in a folder.")
        .shows(shown::METADATA)
        .exists(handler!(metadata::exists))
        .read(handler!(metadata::read))
        .list(handler!(listing::list))
        .scan(handler!(listing::scan_all))
        .write(handler!(metadata::write))
        .patch(handler!(metadata::patch))
        .delete(handler!(metadata::delete)),
    Route::new("delete/{path..}")
        .about("Deletes versions of one secret so that they can be brought back.")
        .shows(shown::VERSIONS)
        .write(handler!(deletion::delete)),
    Route::new("undelete/{path..}")
        .about("Brings back versions of one secret that were deleted.")
        .shows(shown::VERSIONS)
        .write(handler!(deletion::undelete)),
    Route::new("destroy/{path..}")
        .about("Destroys versions of one secret for good.")
        .shows(shown::VERSIONS)
        .write(handler!(deletion::destroy)),
    Route::new("subkeys/{path..}")
        .about("The keys of one secret without their values.")
        .read(handler!(subkeys::read)),
    Route::new("detailed-metadata/{path..}")
        .about("The names of the secrets in a folder, with settings and versions.")
        .list(handler!(listing::list_detailed))
        .scan(handler!(listing::scan_detailed)),
    Route::new("config")
        .about("What holds for all secrets that do not say otherwise.")
        .shows(shown::CONFIG)
        .read(handler!(config::read))
        .write(handler!(config::write)),
    // Whatever a client of version 1 may try.
    Route::new("{path..}")
        .about("Nothing: secrets of version 2 are at `data/`.")
        .hidden()
        .read(handler!(no_such_path))
        .list(handler!(no_such_path))
        .scan(handler!(no_such_path))
        .write(handler!(no_such_path))
        .patch(handler!(no_such_path))
        .delete(handler!(no_such_path)),
];

#[async_trait]
impl Engine for Kv2 {
    const ABOUT: &'static str = "Keeps secrets, encrypted, each with its versions. A version that was deleted can be brought \
        back; one that was destroyed cannot.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

/// 404 with a warning that tells what the path should have been.
async fn no_such_path(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let warning = match cx.path() {
        "metadata" | "data" | "delete" | "undelete" | "destroy" => {
            "Non-listing operations on the root of a K/V v2 mount are not supported.".to_owned()
        }
        _ => format!(
            "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints \
             to use. If using the OpenBao CLI, use 'bao kv {}' for this operation.",
            command(cx.operation())
        ),
    };
    Ok(Response::empty().with_warning(warning).with_status(StatusCode::NOT_FOUND))
}

/// The command of `bao kv` for `operation`.
fn command(operation: Operation) -> &'static str {
    match operation {
        Operation::Create | Operation::Update => "put",
        Operation::Read | Operation::Help | Operation::Head => "get",
        Operation::List => "list",
        Operation::Scan => "scan",
        Operation::Patch => "patch",
        Operation::Delete => "delete",
    }
}

/// The path of a secret that is to be deleted.
///
/// # Errors
/// 400 for a path with `/` at its end, as for writes: rules that speak of the secret do not speak of that path, and
/// must not be gone around.
fn doomed_path<'a>(cx: &'a Context<'_>) -> Result<&'a str, Error> {
    let path = cx.capture("path");
    if path.ends_with('/') { Err(Error::invalid("cannot write to a path ending in '/'")) } else { Ok(path) }
}

/// The path of a secret.
fn secret_path<'a>(cx: &'a Context<'_>) -> Result<&'a str, Error> {
    match cx.capture("path") {
        "" => Err(Error::invalid("missing path")),
        path => Ok(path),
    }
}
