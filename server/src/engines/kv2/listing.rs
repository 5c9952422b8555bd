//! Which secrets there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Kv2;
use super::given::Given;
use super::metadata::{self, FIELDS};
use super::record::metadata_key;
use crate::barrier::Names;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::engines::free::{listed, with_field_warnings};
use crate::engines::scan::{scan, scanned};

/// Parameters of the detailed lists besides the path.
const PAGE_FIELDS: &[&str] = &["after", "limit"];

/// Names with the metadata of the secrets among them; of folders there is nothing to tell.
#[derive(Serialize)]
struct Detailed<'a> {
    key_info: BTreeMap<&'a str, Box<RawValue>>,
    keys: &'a [String],
}

pub(super) async fn list(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    metadata::check_fields(cx)?;
    listed(cx, FIELDS, &page(cx).await?)
}

pub(super) async fn scan_all(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    metadata::check_fields(cx)?;
    Ok(with_field_warnings(cx, FIELDS, scanned(&scan_folder(cx).await?)?))
}

pub(super) async fn list_detailed(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let names = page(cx).await?;
    if names.is_empty() {
        return listed(cx, PAGE_FIELDS, &names);
    }
    detailed(cx, &names).await
}

pub(super) async fn scan_detailed(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    Page::given(cx)?;
    let names = scan_folder(cx).await?;
    if names.is_empty() {
        return Ok(with_field_warnings(cx, PAGE_FIELDS, scanned(&names)?));
    }
    detailed(cx, &names).await
}

/// Which part of a list is wanted.
struct Page {
    after: Option<String>,
    limit: usize,
}

impl Page {
    fn given(cx: &Context<'_>) -> Result<Self, Error> {
        let given = Given::of(cx);
        let after = given.text("after")?.filter(|after| !after.is_empty());
        let limit = given.integer("limit")?.unwrap_or(0);
        let limit = usize::try_from(limit).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
        Ok(Self { after, limit })
    }
}

/// One level of names, as much of it as the request wants.
async fn page(cx: &Context<'_>) -> Result<Names, Error> {
    let Page { after, limit } = Page::given(cx)?;
    let folder = metadata_key(cx.capture("path"));
    // Only a whole folder is worth being kept.
    if after.is_none() && limit == usize::MAX && folder.ends_with('/') {
        return Ok(cx.view().list_all(&folder).await?);
    }
    Ok(Arc::new(cx.view().list(&folder, after.as_deref(), limit).await?))
}

async fn scan_folder(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    Ok(scan(&cx.view(), &metadata_key(cx.capture("path"))).await?)
}

async fn detailed(cx: &Context<'_>, names: &[String]) -> Result<Response, Error> {
    let view = cx.view().view(&metadata_key(cx.capture("path")));
    let mut key_info = BTreeMap::new();
    for name in names {
        let metadata =
            view.get_json(name).await?.map_or_else(|| RawValue::from_string("{}".to_owned()), Ok)?;
        key_info.insert(name.as_str(), metadata);
    }
    Ok(with_field_warnings(cx, PAGE_FIELDS, Response::data(&Detailed { key_info, keys: names })?))
}
