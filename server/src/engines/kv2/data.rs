//! Reading and writing a secret.

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::config::Config;
use super::given::Given;
use super::merge::merge;
use super::record::{KeyMetadata, Outline, VersionAnswer, data_key, metadata_key, remove_data};
use super::{Kv2, metadata, secret_path};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::request::Parameters;
use crate::core::response::{RawBody, Response};
use crate::core::weak::Json;
use crate::engines::free::with_field_warnings;

/// Parameters besides the path, known to all operations.
const FIELDS: &[&str] = &["data", "options", "version"];

/// A version of a secret as it is answered.
#[derive(Serialize)]
struct Answer<'a> {
    data: Option<&'a RawValue>,
    metadata: VersionAnswer<'a>,
}

/// Whether the secret is there. As the API has it, fields that do not fit are told before rights are asked.
pub(super) async fn exists(_: &Kv2, cx: &Context<'_>) -> Result<bool, Error> {
    check_fields(&Given::checked(cx))?;
    metadata::is_there(cx).await
}

/// Refuses fields that do not fit, whether an operation reads them or not.
pub(super) fn check_fields(given: &Given<'_>) -> Result<(), Error> {
    given.object("data")?;
    given.object("options")?;
    given.integer("version")?;
    Ok(())
}

pub(super) async fn read(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let given = Given::checked(cx);
    check_fields(&given)?;
    let wanted = given.integer("version")?;
    let path = cx.capture("path");
    let view = cx.view();
    let stored = view.get(&metadata_key(path)).await?.ok_or_else(Error::not_found)?;
    let outline = Outline::parse(&stored)?;
    let number = wanted_version(wanted, &outline);
    let version = outline.version(number)?.ok_or_else(Error::not_found)?;
    let metadata = version.answer(number, outline.custom_metadata);
    if version.is_gone(cx.now()) {
        return Ok(Response::data(&Answer { data: None, metadata })?.with_status(StatusCode::NOT_FOUND));
    }
    let content = view.get(&data_key(path, number)).await?.ok_or_else(lost)?;
    let data = Some(serde_json::from_slice(&content)?);
    Ok(with_field_warnings(cx, FIELDS, Response::data(&Answer { data, metadata })?))
}

/// The version that a read asks for: the current one unless a positive number is given.
pub(super) fn wanted_version(wanted: Option<i64>, outline: &Outline<'_>) -> u64 {
    match wanted.map(u64::try_from) {
        Some(Ok(number @ 1..)) => number,
        _ => outline.current_version,
    }
}

/// Metadata knows a version whose content is not there.
pub(super) fn lost() -> Error {
    Error::internal("the content of a version is missing in storage")
}

pub(super) async fn write(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let path = secret_path(cx)?;
    let given = Given::checked(cx);
    check_fields(&given)?;
    let data = given.object("data")?;
    let cas = CheckAndSet::given(&given)?;
    let data = data.ok_or_else(no_data)?;
    let config = Config::load(cx).await?;
    let metadata = KeyMetadata::load(cx, path).await?.unwrap_or_else(|| KeyMetadata::new(cx.now()));
    cas.check(metadata.current_version, config.cas_required || metadata.cas_required)?;
    add_version(cx, path, metadata, &config, data.get())
}

/// Changes the keys that `data` has, by JSON merge patch.
pub(super) async fn patch(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let path = secret_path(cx)?;
    let given = Given::checked(cx);
    check_fields(&given)?;
    let data = given.object("data")?;
    let cas = CheckAndSet::given(&given)?;
    let data = data.ok_or_else(no_data)?;
    let Some(metadata) = KeyMetadata::load(cx, path).await? else { return Ok(nothing_there()) };
    let config = Config::load(cx).await?;
    cas.check(metadata.current_version, config.cas_required || metadata.cas_required)?;
    let current = metadata.current_version;
    let Some(version) = metadata.versions.get(&current) else { return Ok(nothing_there()) };
    if version.is_gone(cx.now()) {
        let custom_metadata = metadata.custom_metadata_text()?;
        let answer = Response::data(&version.answer(current, &custom_metadata))?;
        return Ok(answer.with_status(StatusCode::NOT_FOUND));
    }
    let content = cx.view().get(&data_key(path, current)).await?.ok_or_else(lost)?;
    let patched = merge(serde_json::from_slice(&content)?, &data)?;
    add_version(cx, path, metadata, &config, &patched)
}

fn no_data() -> Error {
    Error::invalid("no data provided")
}

/// 404 without any body.
pub(super) fn nothing_there() -> Response {
    Response::from(RawBody::json(bytes::Bytes::new())).with_status(StatusCode::NOT_FOUND)
}

/// Stores `content` as the next version and answers it.
fn add_version(
    cx: &Context<'_>,
    path: &str,
    mut metadata: KeyMetadata,
    config: &Config,
    content: &str,
) -> Result<Response, Error> {
    let view = cx.view();
    let dropped = metadata.add_version(cx.now(), config);
    remove_data(&view, path, dropped);
    let number = metadata.current_version;
    view.put(&data_key(path, number), content.to_owned());
    metadata.store(cx, path)?;
    let version = metadata.versions.get(&number).ok_or_else(lost)?;
    let custom_metadata = metadata.custom_metadata_text()?;
    let answer = Response::data(&version.answer(number, &custom_metadata))?;
    Ok(with_field_warnings(cx, FIELDS, answer))
}

/// `cas` of `options`: the version that a write is to replace.
struct CheckAndSet(Option<Result<i64, String>>);

impl CheckAndSet {
    fn given(given: &Given<'_>) -> Result<Self, Error> {
        let Some(options) = given.object("options")? else { return Ok(Self(None)) };
        let options: Option<Parameters> = serde_json::from_str(options.get())?;
        let Some(cas) = options.as_ref().and_then(|options| options.get("cas")) else {
            return Ok(Self(None));
        };
        Ok(Self(Some(Json::of(cas)?.integer())))
    }

    fn check(self, current: u64, is_required: bool) -> Result<(), Error> {
        match self.0 {
            None if is_required => Err(Error::invalid("check-and-set parameter required for this call")),
            None => Ok(()),
            Some(Err(_)) => Err(Error::invalid("error parsing check-and-set parameter")),
            Some(Ok(cas)) if u64::try_from(cas) == Ok(current) => Ok(()),
            Some(Ok(_)) => Err(Error::invalid("check-and-set parameter did not match the current version")),
        }
    }
}
