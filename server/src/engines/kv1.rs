//! Key/value, version 1: one value for each path, answered character by character as it was written.

use std::time::Duration;

use async_trait::async_trait;
use schemas::{Value, json};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::free::{listed, with_field_warnings};
use super::scan::{scan, scanned};
use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::input::go_seconds;
use crate::core::response::Response;
use crate::handler;

/// The engine of a `kv` mount without `version=2`.
pub struct Kv1;

static ROUTES: &[Route<Kv1>] = &[Route::new("{path..}")
    .about("One secret, or the names of those in a folder.")
    .exists(handler!(exists))
    .read(handler!(read))
    .list(handler!(list))
    .scan(handler!(scan_all))
    .write(handler!(write))
    .delete(handler!(delete))];

#[async_trait]
impl Engine for Kv1 {
    const ABOUT: &'static str = "Keeps secrets, encrypted, without their versions. A field `ttl` of a secret tells its readers \
        when to ask again.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

async fn exists(_: &Kv1, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(cx.view().get(cx.capture("path")).await?.is_some())
}

async fn read(_: &Kv1, cx: &Context<'_>) -> Result<Response, Error> {
    let secret = cx.view().get(cx.capture("path")).await?.ok_or_else(Error::not_found)?;
    let data: Box<RawValue> = serde_json::from_slice(&secret)?;
    let duration = duration_of(&data)?.unwrap_or(cx.limits().default);
    Ok(with_field_warnings(cx, &[], Response::raw_data(data).with_lease_duration(duration.as_secs())))
}

/// More seconds are no duration: the API counts nanoseconds in 64 bits.
const MOST_SECONDS: u64 = i64::MAX.unsigned_abs() / 1_000_000_000;

/// What the secret's own `ttl`, else its `lease`, says; `None` if that is no duration. Null and negative ones
/// are no time at all.
fn duration_of(data: &RawValue) -> Result<Option<Duration>, Error> {
    let hints: Hints<'_> = serde_json::from_str(data.get())?;
    let Some(hint) = hints.ttl.or(hints.lease) else { return Ok(None) };
    let seconds = match json::parse(hint.get()) {
        Ok(Value::Null) => Some(0),
        Ok(Value::String(text)) => go_seconds(&text).ok(),
        // As it was written: `1e3` is no whole number to the API.
        Ok(Value::Number(_)) => hint.get().parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| seconds.unsigned_abs() <= MOST_SECONDS);
    Ok(seconds.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
}

/// The keys of a secret that tell how often to read it again. A null is a hint as well.
#[derive(Deserialize)]
struct Hints<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    ttl: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    lease: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

async fn list(_: &Kv1, cx: &Context<'_>) -> Result<Response, Error> {
    let names = cx.view().list(cx.capture("path"), None, usize::MAX).await?;
    listed(cx, &[], &names)
}

async fn scan_all(_: &Kv1, cx: &Context<'_>) -> Result<Response, Error> {
    Ok(with_field_warnings(cx, &[], scanned(&scan(&cx.view(), cx.capture("path")).await?)?))
}

async fn write(_: &Kv1, cx: &Context<'_>) -> Result<Response, Error> {
    let path = cx.capture("path");
    if path.is_empty() {
        return Err(Error::invalid("missing path"));
    }
    if cx.parameters().is_empty() {
        return Err(Error::invalid("missing data fields"));
    }
    cx.view().put_json(path, cx.parameters())?;
    Ok(Response::empty())
}

async fn delete(_: &Kv1, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(cx.capture("path"));
    Ok(Response::empty())
}
