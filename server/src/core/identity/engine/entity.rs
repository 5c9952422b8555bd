//! `identity/entity`.

use std::collections::BTreeMap;

use http::StatusCode;
use schemas::shape::{Declared as _, List, Map};
use serde::Serialize;

use super::mounts::Names;
use super::{Identity, fields, merge, shown};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::mfa;
use crate::core::identity::record::EntityRecord;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Entities, and personas, which are entities to all who write them.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("entity")
        .about("Makes or changes an entity: who is behind logins.")
        .fields(EntityFields::PARTS)
        .write(handler!(write)),
    Route::new("entity/name/{name+..}")
        .about("One entity, by its name.")
        .fields(EntityFields::PARTS)
        .read(handler!(read_by_name))
        .write(handler!(write))
        .delete(handler!(delete_by_name)),
    Route::new("entity/id/{id}")
        .about("One entity, by its id.")
        .fields(EntityFields::PARTS)
        .read(handler!(read_by_id))
        .write(handler!(write))
        .delete(handler!(delete_by_id)),
    Route::new("entity/batch-delete")
        .about("Deletes several entities.")
        .fields(BatchFields::PARTS)
        .write(handler!(delete_batch)),
    Route::new("entity/name").about("Names of the entities.").fields(&[]).list(handler!(list_names)),
    Route::new("entity/id").about("Ids of the entities.").fields(&[]).list(handler!(list_ids)),
    Route::new("entity/merge/?")
        .about("Makes one entity of several.")
        .fields(merge::MergeFields::PARTS)
        .write(handler!(merge::merge)),
    Route::new("persona")
        .about("Makes or changes an alias of an entity, at the path of older clients.")
        .fields(PersonaFields::PARTS)
        .write(handler!(write)),
];

/// What an entity may be given.
#[derive(schemas::Fields)]
struct EntityFields {
    /// Id of the entity to change.
    id: Option<String>,
    /// Unique name.
    name: Option<String>,
    /// Chosen by users.
    metadata: Option<Map<String>>,
    /// Policies that its tokens have.
    policies: Option<List<String>>,
    /// Refuse its tokens.
    disabled: Option<bool>,
}

/// What the old name of aliases takes; entity and accessor count for nothing.
#[derive(schemas::Fields)]
pub(super) struct PersonaFields {
    /// Id of the entity to change.
    id: Option<String>,
    /// Entity.
    entity_id: Option<String>,
    /// Accessor of the mount.
    mount_accessor: Option<String>,
    /// Unique name.
    name: Option<String>,
    /// Chosen by users.
    metadata: Option<Map<String>>,
}

/// Which entities shall go.
#[derive(schemas::Fields)]
struct BatchFields {
    /// Their ids.
    entity_ids: Option<List<String>>,
}

#[derive(Serialize)]
struct Created<'a> {
    aliases: Option<()>,
    id: &'a str,
    name: &'a str,
}

/// Creates an entity, or changes the one with the id or name.
pub(super) async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: EntityFields = cx.fields()?;
    let store = Store::of(cx);
    let before = existing(&store, &fields).await?;
    let is_new = before.is_none();
    let mut entity = match before.clone() {
        Some(entity) => EntityRecord { changed_at: cx.now(), ..entity.settled() },
        None => EntityRecord::new(&cx.request().namespace, cx.now()),
    };
    change(&mut entity, fields)?;
    store.write_entity(before.as_ref(), &entity)?;
    if !is_new {
        return Ok(Response::empty());
    }
    Response::data(&Created { aliases: None, id: &entity.id, name: &entity.name })
}

/// The entity that the fields mean; `None`: a new one.
async fn existing(store: &Store<'_>, fields: &EntityFields) -> Result<Option<EntityRecord>, Error> {
    let by_id = match fields.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => {
            let entity = store.entity(id).await?;
            Some(entity.ok_or_else(|| Error::invalid("entity not found from id"))?)
        }
        None => None,
    };
    let by_name = match fields.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => store.entity_by_name(name).await?,
        None => None,
    };
    match (by_id, by_name) {
        (Some(by_id), Some(by_name)) if by_id.id != by_name.id => {
            Err(Error::invalid("entity name is already in use"))
        }
        (by_id, by_name) => Ok(by_id.or(by_name)),
    }
}

fn change(entity: &mut EntityRecord, fields: EntityFields) -> Result<(), Error> {
    if let Some(name) = fields.name.filter(|name| !name.is_empty()) {
        entity.name = name;
    }
    if let Some(policies) = fields.policies {
        entity.policies = fields::policies(policies)?;
    }
    if let Some(disabled) = fields.disabled {
        entity.disabled = disabled;
    }
    if let Some(metadata) = fields.metadata {
        fields::check_metadata("entity", &metadata.0)?;
        entity.metadata = Some(metadata.0);
    }
    Ok(())
}

async fn read_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let record = Store::of(cx).entity(cx.capture("id")).await?;
    shown::entity(cx, &record.ok_or_else(Error::not_found)?).await
}

async fn read_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let record = Store::of(cx).entity_by_name(cx.capture("name")).await?;
    shown::entity(cx, &record.ok_or_else(Error::not_found)?).await
}

async fn delete_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    delete(&store, store.entity(cx.capture("id")).await?).await
}

async fn delete_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    delete(&store, store.entity_by_name(cx.capture("name")).await?).await
}

async fn delete_batch(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let ids = cx.fields::<BatchFields>()?.entity_ids.map(|ids| ids.0).unwrap_or_default();
    if ids.is_empty() {
        return Err(Error::invalid("missing entity ids to delete"));
    }
    let store = Store::of(cx);
    for id in ids {
        if id.is_empty() {
            let text = "missing entity id";
            return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text));
        }
        delete(&store, store.entity(&id).await?).await?;
    }
    Ok(Response::empty())
}

/// Deletes `entity`, if there is one, with its aliases and memberships. Its tokens are refused from then on.
async fn delete(store: &Store<'_>, entity: Option<EntityRecord>) -> Result<Response, Error> {
    let Some(entity) = entity else { return Ok(Response::empty()) };
    leave_groups(store, &entity.id).await?;
    mfa::forget_secrets(store, &entity.id).await?;
    store.erase_entity(&entity);
    Ok(Response::empty())
}

/// Takes the entity `id` out of all groups; answers their ids.
pub(super) async fn leave_groups(store: &Store<'_>, id: &str) -> Result<Vec<String>, Error> {
    let mut left = Vec::new();
    for group in store.groups_of(id).await? {
        let mut group = group.settled();
        store.remove_member(&group.id, id);
        group.is_emptied = store.count_members(&group.id).await? == 0;
        store.put_group(&mut group)?;
        left.push(group.id);
    }
    Ok(left)
}

/// An entity as a list shows it.
#[derive(Serialize)]
struct KeyInfo {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<shown::BriefAlias>,
    name: String,
}

async fn list_ids(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let (mut keys, mut key_info) = (Vec::new(), BTreeMap::new());
    for id in store.ids("entity/").await? {
        let Some(entity) = store.entity(&id).await? else { continue };
        let aliases = entity.aliases.into_iter().map(|alias| shown::brief(alias, &names)).collect();
        key_info.insert(id.clone(), KeyInfo { aliases, name: entity.name });
        keys.push(id);
    }
    shown::list(&keys, &key_info)
}

async fn list_names(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let mut keys = Vec::new();
    for id in store.ids("entity/").await? {
        keys.extend(store.entity(&id).await?.map(|entity| entity.name));
    }
    Response::keys(&keys)
}
