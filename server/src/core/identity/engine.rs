//! `identity/`: reading the entities that logins make. Writing them, groups and all else are not built yet.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemas::shape::Declared as _;
use serde::Serialize;

use super::store::{AliasRecord, EntityRecord, alias_key, by_id, by_index, entity_key, name_key};
use crate::core::context::Context;
use crate::core::engine::{Engine, Route};
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

/// The engine that every namespace has at `identity/`.
pub(crate) struct Identity;

/// What an entity is looked for by.
#[derive(schemas::Fields)]
struct LookupFields {
    /// Its id.
    id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Name of an alias; needs the accessor too.
    alias_name: Option<String>,
    /// Accessor of the mount of the alias.
    alias_mount_accessor: Option<String>,
}

static ROUTES: &[Route<Identity>] = &[
    Route::new("entity/id").fields(&[]).list(handler!(list_ids)),
    Route::new("entity/name").fields(&[]).list(handler!(list_names)),
    Route::new("entity/id/{id}")
        .read(handler!(read_by_id))
        .write(handler!(unbuilt))
        .delete(handler!(unbuilt)),
    Route::new("entity/name/{name..}")
        .read(handler!(read_by_name))
        .write(handler!(unbuilt))
        .delete(handler!(unbuilt)),
    Route::new("lookup/entity").fields(LookupFields::PARTS).write(handler!(look_up)),
    Route::new("{path..}")
        .read(handler!(unbuilt))
        .list(handler!(unbuilt))
        .scan(handler!(unbuilt))
        .write(handler!(unbuilt))
        .patch(handler!(unbuilt))
        .delete(handler!(unbuilt)),
];

#[async_trait]
impl Engine for Identity {
    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

async fn unbuilt(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented(format_args!("`identity/{}`", cx.path())))
}

/// An entity as a read shows it.
#[derive(Serialize)]
struct Shown<'a> {
    aliases: Vec<ShownAlias<'a>>,
    creation_time: String,
    direct_group_ids: [String; 0],
    disabled: bool,
    group_ids: [String; 0],
    id: &'a str,
    inherited_group_ids: [String; 0],
    last_update_time: String,
    merged_entity_ids: Option<()>,
    metadata: Option<&'a BTreeMap<String, String>>,
    name: &'a str,
    namespace_id: &'a str,
    policies: &'a [String],
}

/// An alias as a read of its entity shows it.
#[derive(Serialize)]
struct ShownAlias<'a> {
    canonical_id: &'a str,
    creation_time: String,
    custom_metadata: Option<()>,
    id: &'a str,
    last_update_time: String,
    local: bool,
    merged_from_canonical_ids: Option<()>,
    metadata: Option<&'a BTreeMap<String, String>>,
    mount_accessor: &'a str,
    mount_path: &'a str,
    mount_type: &'a str,
    name: &'a str,
}

fn show(cx: &Context<'_>, record: &EntityRecord) -> Result<Response, Error> {
    Response::data(&Shown {
        aliases: record.aliases.iter().map(|alias| show_alias(&record.id, alias)).collect(),
        creation_time: record.created_at.to_string(),
        direct_group_ids: [],
        disabled: record.disabled,
        group_ids: [],
        id: &record.id,
        inherited_group_ids: [],
        last_update_time: record.changed_at.to_string(),
        merged_entity_ids: None,
        metadata: Some(&record.metadata).filter(|metadata| !metadata.is_empty()),
        name: &record.name,
        namespace_id: &cx.request().namespace.id,
        policies: &record.policies,
    })
}

fn show_alias<'a>(entity: &'a str, alias: &'a AliasRecord) -> ShownAlias<'a> {
    ShownAlias {
        canonical_id: entity,
        creation_time: alias.created_at.to_string(),
        custom_metadata: None,
        id: &alias.id,
        last_update_time: alias.changed_at.to_string(),
        local: false,
        merged_from_canonical_ids: None,
        metadata: Some(&alias.metadata).filter(|metadata| !metadata.is_empty()),
        mount_accessor: &alias.mount_accessor,
        mount_path: &alias.mount_path,
        mount_type: &alias.mount_type,
        name: &alias.name,
    }
}

async fn read_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let record = by_id(cx.transaction(), &cx.request().namespace, cx.capture("id")).await?;
    show(cx, &record.ok_or_else(Error::not_found)?)
}

async fn read_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let namespace = &cx.request().namespace;
    let record = by_index(cx.transaction(), namespace, &name_key(namespace, cx.capture("name"))).await?;
    show(cx, &record.ok_or_else(Error::not_found)?)
}

async fn look_up(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: LookupFields = cx.fields()?;
    let (namespace, transaction) = (&cx.request().namespace, cx.transaction());
    let record = match (&fields.id, &fields.name, &fields.alias_name, &fields.alias_mount_accessor) {
        (Some(id), ..) => by_id(transaction, namespace, id).await?,
        (_, Some(name), ..) => by_index(transaction, namespace, &name_key(namespace, name)).await?,
        (.., Some(name), Some(accessor)) => {
            by_index(transaction, namespace, &alias_key(namespace, accessor, name)).await?
        }
        _ => return Err(Error::invalid("query parameter not supplied")),
    };
    match record {
        Some(record) => show(cx, &record),
        None => Ok(Response::empty()),
    }
}

/// An entity as a list shows it.
#[derive(Serialize)]
struct KeyInfo {
    aliases: Vec<AliasInfo>,
    name: String,
}

#[derive(Serialize)]
struct AliasInfo {
    id: String,
    mount_accessor: String,
    mount_path: String,
    mount_type: String,
    name: String,
}

async fn records(cx: &Context<'_>) -> Result<Vec<EntityRecord>, Error> {
    let mut records = Vec::new();
    for key in cx.transaction().scan_keys(&entity_key(&cx.request().namespace, "")).await? {
        records.extend(cx.transaction().get_json::<EntityRecord>(&key).await?);
    }
    if records.is_empty() { Err(Error::not_found()) } else { Ok(records) }
}

async fn list_ids(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Keys {
        key_info: BTreeMap<String, KeyInfo>,
        keys: Vec<String>,
    }
    let records = records(cx).await?;
    let keys = records.iter().map(|record| record.id.clone()).collect();
    let key_info = records.into_iter().map(|record| (record.id.clone(), key_info(record))).collect();
    Response::data(&Keys { key_info, keys })
}

fn key_info(record: EntityRecord) -> KeyInfo {
    let aliases = record.aliases.into_iter().map(|alias| AliasInfo {
        id: alias.id,
        mount_accessor: alias.mount_accessor,
        mount_path: alias.mount_path,
        mount_type: alias.mount_type,
        name: alias.name,
    });
    KeyInfo { aliases: aliases.collect(), name: record.name }
}

async fn list_names(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let records = records(cx).await?;
    Response::keys(&records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>())
}
