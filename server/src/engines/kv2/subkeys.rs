//! The keys of a secret without its values.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Kv2;
use super::data::{lost, wanted_version};
use super::given::Given;
use super::record::{Outline, VersionAnswer, data_key, metadata_key};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::engines::free::with_field_warnings;

const FIELDS: &[&str] = &["depth", "version"];

/// Levels that are shown at most. Each level is parsed again for the ones below it.
const MAX_DEPTH: usize = 100;

#[derive(Serialize)]
struct Answer<'a> {
    metadata: VersionAnswer<'a>,
    subkeys: Option<Keys>,
}

pub(super) async fn read(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let given = Given::of(cx);
    let depth = given.integer("depth")?.unwrap_or(0);
    let wanted = given.integer("version")?;
    let path = cx.capture("path");
    let view = cx.view();
    let stored = view.get(&metadata_key(path)).await?.ok_or_else(Error::not_found)?;
    let outline = Outline::parse(&stored)?;
    let number = wanted_version(wanted, &outline);
    let version = outline.version(number)?.ok_or_else(Error::not_found)?;
    let metadata = version.answer(number, outline.custom_metadata);
    if version.is_gone(cx.now()) {
        return Ok(Response::data(&Answer { metadata, subkeys: None })?.with_status(StatusCode::NOT_FOUND));
    }
    let content = view.get(&data_key(path, number)).await?.ok_or_else(lost)?;
    let subkeys = Keys::of(serde_json::from_slice(&content)?, levels(depth))?;
    Ok(with_field_warnings(cx, FIELDS, Response::data(&Answer { metadata, subkeys })?))
}

/// How many levels to show: zero is all of them, and of a negative number the outermost is left.
fn levels(depth: i64) -> usize {
    match usize::try_from(depth) {
        Ok(0) => usize::MAX,
        Ok(depth) => depth,
        Err(_) => 1,
    }
}

/// The keys of an object, each with the keys below it; `None` is no object, an empty one, or too deep to show.
#[derive(Serialize)]
#[serde(transparent)]
struct Keys(BTreeMap<String, Option<Keys>>);

impl Keys {
    /// The keys of `secret`, down to `depth` levels.
    fn of(secret: &RawValue, depth: usize) -> Result<Option<Self>, Error> {
        Self::below(secret, depth, MAX_DEPTH)
    }

    fn below(json: &RawValue, depth: usize, budget: usize) -> Result<Option<Self>, Error> {
        if depth == 0 || !json.get().starts_with('{') {
            return Ok(None);
        }
        let budget = budget.checked_sub(1).ok_or_else(too_deep)?;
        let entries: BTreeMap<String, &RawValue> = serde_json::from_str(json.get())?;
        let keys = entries.into_iter().map(|(key, json)| {
            let keys = Self::below(json, depth - 1, budget)?;
            Ok((key, keys.filter(|Keys(entries)| !entries.is_empty())))
        });
        keys.collect::<Result<_, Error>>().map(|entries| Some(Keys(entries)))
    }
}

fn too_deep() -> Error {
    Error::invalid(format!("the secret has more than {MAX_DEPTH} levels\n\nhint: ask for fewer with `depth`"))
}
