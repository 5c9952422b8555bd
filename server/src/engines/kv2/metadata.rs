//! The metadata of a secret.

use std::collections::BTreeMap;

use super::config::{Config, unsigned};
use super::given::Given;
use super::record::{GoDuration, KeyMetadata, metadata_key, remove_data};
use super::{Kv2, doomed_path, secret_path};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text::{is_printable, quoted};
use crate::core::request::Parameters;
use crate::core::response::Response;
use crate::core::weak::Json;
use crate::engines::free::with_field_warnings;

/// Parameters besides the path, known to all operations.
pub(super) const FIELDS: &[&str] = &[
    "after",
    "cas_required",
    "custom_metadata",
    "delete_version_after",
    "limit",
    "max_versions",
    "metadata_cas",
    "metadata_cas_required",
];

const MAX_KEYS: usize = 64;
const MAX_KEY_LENGTH: usize = 128;
const MAX_VALUE_LENGTH: usize = 512;

/// Whether the secret is there. As the API has it, fields that do not fit are told before rights are asked.
pub(super) async fn exists(_: &Kv2, cx: &Context<'_>) -> Result<bool, Error> {
    check_fields(cx)?;
    is_there(cx).await
}

/// Whether the secret of the path is there.
pub(super) async fn is_there(cx: &Context<'_>) -> Result<bool, Error> {
    Ok(cx.view().get(&metadata_key(cx.capture("path"))).await?.is_some())
}

/// Refuses fields that do not fit, on operations that read none of them.
pub(super) fn check_fields(cx: &Context<'_>) -> Result<(), Error> {
    Change::given(cx, |text| text).map(drop)
}

pub(super) async fn read(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    check_fields(cx)?;
    let stored = cx.view().get(&metadata_key(cx.capture("path"))).await?.ok_or_else(Error::not_found)?;
    Ok(with_field_warnings(cx, FIELDS, Response::raw_data(serde_json::from_slice(&stored)?)))
}

/// What a request changes.
struct Change {
    cas_required: Option<bool>,
    custom_metadata: Option<CustomMetadata>,
    delete_version_after: Option<i64>,
    max_versions: Option<i64>,
    metadata_cas: Option<i64>,
    metadata_cas_required: Option<bool>,
}

/// Names and texts; `None` only in a patch: the name is removed.
type CustomMetadata = BTreeMap<String, Option<String>>;

pub(super) async fn write(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let path = secret_path(cx)?;
    let change = Change::given(cx, |text| Some(text.unwrap_or_default()))?;
    if change.is_empty() {
        return Ok(Response::empty());
    }
    change.validate()?;
    let config = Config::load(cx).await?;
    let stored = KeyMetadata::load(cx, path).await?;
    change.check_cas(stored.as_ref(), &config)?;
    let mut metadata = stored.unwrap_or_else(|| KeyMetadata::new(cx.now()));
    // A write replaces all of the custom metadata.
    if change.custom_metadata.is_some() {
        metadata.custom_metadata = None;
    }
    change.apply(cx, path, metadata, &config)
}

pub(super) async fn patch(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let path = secret_path(cx)?;
    let change = Change::given(cx, |text| text)?;
    if change.is_empty() {
        return Ok(Response::empty());
    }
    change.validate()?;
    change.check_max_versions()?;
    let Some(mut metadata) = KeyMetadata::load(cx, path).await? else {
        return Ok(super::data::nothing_there());
    };
    let config = Config::load(cx).await?;
    change.check_cas(Some(&metadata), &config)?;
    if cx.parameters().get("custom_metadata").is_some_and(|raw| raw.get() == "null") {
        metadata.custom_metadata = None;
    }
    change.apply(cx, path, metadata, &config)
}

pub(super) async fn delete(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    check_fields(cx)?;
    let path = doomed_path(cx)?;
    if let Some(metadata) = KeyMetadata::load(cx, path).await? {
        let view = cx.view();
        remove_data(&view, path, metadata.versions.into_keys());
        view.delete(&metadata_key(path));
    }
    Ok(Response::empty())
}

impl Change {
    /// The change that the request names. `custom_text` makes a text of custom metadata from one that may be null.
    fn given(cx: &Context<'_>, custom_text: fn(Option<String>) -> Option<String>) -> Result<Self, Error> {
        let given = Given::checked(cx);
        // Of lists, but checked wherever they are given.
        given.text("after")?;
        given.integer("limit")?;
        Ok(Self {
            cas_required: given.boolean("cas_required")?,
            delete_version_after: given.seconds("delete_version_after")?,
            max_versions: given.integer("max_versions")?,
            metadata_cas: given.integer("metadata_cas")?,
            metadata_cas_required: given.boolean("metadata_cas_required")?,
            custom_metadata: custom_metadata(&given, custom_text)?,
        })
    }

    /// Whether it changes nothing.
    fn is_empty(&self) -> bool {
        self.cas_required.is_none()
            && self.custom_metadata.is_none()
            && self.delete_version_after.is_none()
            && self.max_versions.is_none()
            && self.metadata_cas_required.is_none()
    }

    fn validate(&self) -> Result<(), Error> {
        self.custom_metadata.as_ref().map_or(Ok(()), validate)
    }

    /// Refuses what is no number of versions. A POST takes it for another one, as at the incumbent.
    fn check_max_versions(&self) -> Result<(), Error> {
        match self.max_versions {
            Some(number) if u32::try_from(number).is_err() => Err(Error::invalid(format!(
                "`max_versions` of `{number}` is no number of versions; hint: it is 0 to {}",
                u32::MAX
            ))),
            _ => Ok(()),
        }
    }

    fn check_cas(&self, stored: Option<&KeyMetadata>, config: &Config) -> Result<(), Error> {
        let is_required =
            config.metadata_cas_required || stored.is_some_and(|metadata| metadata.metadata_cas_required);
        let is_version = |cas: i64, version: u64| u64::try_from(cas) == Ok(version);
        match (self.metadata_cas, stored) {
            (None, _) if is_required => {
                Err(Error::invalid("metadata check-and-set parameter required for this call"))
            }
            (Some(cas), None) if !is_version(cas, 0) => {
                Err(Error::invalid("metadata_cas must be 0 when creating new metadata"))
            }
            (Some(cas), Some(metadata)) if !is_version(cas, metadata.current_metadata_version) => {
                Err(Error::invalid("metadata check-and-set parameter does not match the current version"))
            }
            _ => Ok(()),
        }
    }

    /// Stores `metadata` with the change and answers what the change could not do.
    fn apply(
        self,
        cx: &Context<'_>,
        path: &str,
        mut metadata: KeyMetadata,
        config: &Config,
    ) -> Result<Response, Error> {
        let response = self.with_overruled(config);
        metadata.cas_required = self.cas_required.unwrap_or(metadata.cas_required);
        metadata.delete_version_after =
            self.delete_version_after.map_or(metadata.delete_version_after, GoDuration);
        metadata.max_versions = self.max_versions.map_or(metadata.max_versions, unsigned);
        metadata.metadata_cas_required = self.metadata_cas_required.unwrap_or(metadata.metadata_cas_required);
        if let Some(change) = self.custom_metadata {
            metadata.custom_metadata = merged(metadata.custom_metadata.take().unwrap_or_default(), change)?;
        }
        metadata.current_metadata_version += 1;
        metadata.updated_time = cx.now();
        metadata.store(cx, path)?;
        Ok(response)
    }

    /// Warnings for what the mount demands anyway.
    fn with_overruled(&self, config: &Config) -> Response {
        let overruled = [
            ("cas_required", config.cas_required && self.cas_required == Some(false)),
            (
                "metadata_cas_required",
                config.metadata_cas_required && self.metadata_cas_required == Some(false),
            ),
        ];
        let names = overruled.into_iter().filter_map(|(name, is_overruled)| is_overruled.then_some(name));
        names.fold(Response::empty(), |response, name| {
            response.with_warning(format!(
                "\"{name}\" set to false, but is mandated by backend config. This value will be ignored."
            ))
        })
    }
}

fn custom_metadata(
    given: &Given<'_>,
    text: fn(Option<String>) -> Option<String>,
) -> Result<Option<CustomMetadata>, Error> {
    let Some(object) = given.object("custom_metadata")? else { return Ok(None) };
    let entries: Option<Parameters> = serde_json::from_str(object.get())?;
    let entries = entries.unwrap_or_default().into_iter().map(|(name, raw)| {
        let value = match Json::of(&raw)? {
            Json::Null => None,
            json => Some(json.text().map_err(|problem| {
                Error::invalid(format!("custom_metadata validation failed: '' {problem}"))
            })?),
        };
        Ok((name, text(value)))
    });
    entries.collect::<Result<_, Error>>().map(Some)
}

/// `stored` with `change`; nothing at all is `None`.
fn merged(
    mut stored: BTreeMap<String, String>,
    change: CustomMetadata,
) -> Result<Option<BTreeMap<String, String>>, Error> {
    for (name, text) in change {
        match text {
            Some(text) => stored.insert(name, text),
            None => stored.remove(&name),
        };
    }
    if stored.len() > MAX_KEYS {
        return Err(counted(vec![too_many(stored.len())]));
    }
    Ok((!stored.is_empty()).then_some(stored))
}

/// Refuses what is too much or does not print, all of it at once.
fn validate(entries: &CustomMetadata) -> Result<(), Error> {
    if entries.len() > MAX_KEYS {
        return Err(counted(vec![too_many(entries.len())]));
    }
    let texts = entries.iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let problems: Vec<String> = texts.flat_map(|(name, text)| problems(name, text)).collect();
    if problems.is_empty() { Ok(()) } else { Err(counted(problems)) }
}

fn too_many(count: usize) -> String {
    format!("payload must contain at most {MAX_KEYS} keys, provided {count}")
}

fn problems(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let key = quoted(name);
    if name.is_empty() || name.len() > MAX_KEY_LENGTH {
        let length = name.len();
        problems
            .push(format!("length of key {key} is {length} but must be 0 < len(key) <= {MAX_KEY_LENGTH}"));
    }
    if text.is_empty() || text.len() > MAX_VALUE_LENGTH {
        problems.push(format!(
            "length of value for key {key} is {} but must be 0 < len(value) <= {MAX_VALUE_LENGTH}",
            text.len()
        ));
    }
    if !name.chars().all(is_printable) {
        problems.push(format!("key {key} ({name}) contains unprintable characters"));
    }
    if !text.chars().all(is_printable) {
        problems.push(format!("value for key {key} contains unprintable characters"));
    }
    problems
}

fn counted(problems: Vec<String>) -> Error {
    let noun = if problems.len() == 1 { "error" } else { "errors" };
    let count = problems.len();
    let lines: String = problems
        .into_iter()
        .map(|problem| format!("\n\t* custom_metadata validation failed: {problem}"))
        .collect();
    Error::invalid(format!("{count} {noun} occurred:{lines}\n\n"))
}
