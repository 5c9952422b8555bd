//! `identity/entity-alias`, and its old names `alias` and `persona`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, Map};
use serde::Serialize;

use super::mounts::{Names, by_accessor};
use super::{Identity, entity, fields, shown};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::record::{AliasRecord, EntityRecord, Metadata};
use crate::core::identity::store::Store;
use crate::core::mount::MountEntry;
use crate::core::response::Response;
use crate::handler;

/// Aliases of entities.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("entity-alias")
        .about("Makes or changes an alias: a user of an auth method, and the entity that it is.")
        .fields(AliasFields::PARTS)
        .write(handler!(write)),
    Route::new("entity-alias/id").about("Ids of the aliases of entities.").fields(&[]).list(handler!(list)),
    Route::new("entity-alias/id/{id}")
        .about("One alias of an entity.")
        .fields(AliasFields::PARTS)
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
    Route::new("alias")
        .about("Makes or changes an alias of an entity, at the path of old clients.")
        .fields(OldAliasFields::PARTS)
        .write(handler!(write)),
    Route::new("alias/id")
        .about("Ids of the aliases of entities, at the path of old clients.")
        .fields(&[])
        .list(handler!(list)),
    Route::new("alias/id/{id}")
        .about("One alias of an entity, at the path of old clients.")
        .fields(OldAliasFields::PARTS)
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
    Route::new("persona/id")
        .about("Ids of the aliases of entities, at the path of older clients.")
        .fields(&[])
        .list(handler!(list)),
    Route::new("persona/id/{id}")
        .about("One alias of an entity, at the path of older clients.")
        .fields(entity::PersonaFields::PARTS)
        .read(handler!(read))
        .write(handler!(entity::write))
        .delete(handler!(delete)),
];

const FOREIGN_MOUNT: &str = "matching mount is in a different namespace than request";
const FOREIGN_ACCESSOR: &str = "given mount accessor is not in the same namespace as the existing alias";

/// What an alias may be given.
#[derive(schemas::Fields)]
struct AliasFields {
    /// Id of the alias to change.
    id: Option<String>,
    /// The old name of `canonical_id`.
    entity_id: Option<String>,
    /// The entity.
    canonical_id: Option<String>,
    /// Accessor of the mount that knows the name.
    mount_accessor: Option<String>,
    /// Unique in the mount.
    name: Option<String>,
    /// Chosen by users.
    custom_metadata: Option<Map<String>>,
}

/// What an alias may be given by its old path.
#[derive(schemas::Fields)]
struct OldAliasFields {
    /// Id of the alias to change.
    id: Option<String>,
    /// The old name of `canonical_id`.
    entity_id: Option<String>,
    /// The entity.
    canonical_id: Option<String>,
    /// Accessor of the mount that knows the name.
    mount_accessor: Option<String>,
    /// Unique in the mount.
    name: Option<String>,
}

/// What the request wants an alias to be; empty where it says nothing.
struct Wanted {
    canonical_id: String,
    mount_accessor: String,
    name: String,
    custom_metadata: Metadata,
}

#[derive(Serialize)]
struct Written<'a> {
    canonical_id: &'a str,
    id: &'a str,
}

fn written(alias: &str, entity: &str) -> Result<Response, Error> {
    Response::data(&Written { canonical_id: entity, id: alias })
}

/// Creates an alias, or changes the one with the id or with accessor and name.
async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AliasFields = cx.fields()?;
    let text = |text: Option<String>| text.unwrap_or_default();
    let custom_metadata = fields.custom_metadata.map(|metadata| metadata.0);
    if let Some(metadata) = &custom_metadata {
        fields::check_custom_metadata(metadata)?;
    }
    let is_described = custom_metadata.is_some();
    let wanted = Wanted {
        canonical_id: Some(text(fields.canonical_id))
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| text(fields.entity_id)),
        mount_accessor: text(fields.mount_accessor),
        name: text(fields.name),
        custom_metadata: Some(custom_metadata.unwrap_or_default()),
    };
    match text(fields.id).as_str() {
        "" => write_by_factors(cx, wanted).await,
        id => write_by_id(cx, id, wanted, is_described).await,
    }
}

async fn write_by_id(
    cx: &Context<'_>,
    id: &str,
    mut wanted: Wanted,
    is_described: bool,
) -> Result<Response, Error> {
    let owner = Store::of(cx).entity_by_alias_id(id).await?.map(EntityRecord::settled);
    let (owner, index) =
        owner.and_then(|owner| at(owner, id)).ok_or_else(|| Error::invalid("invalid alias ID provided"))?;
    let alias = &owner.aliases[index];
    if !is_described {
        wanted.custom_metadata.clone_from(&alias.custom_metadata);
    }
    if wanted.mount_accessor.is_empty() {
        wanted.mount_accessor.clone_from(&alias.mount_accessor);
    }
    if wanted.name.is_empty() {
        wanted.name.clone_from(&alias.name);
    }
    update(cx, owner.clone(), index, wanted).await
}

async fn write_by_factors(cx: &Context<'_>, wanted: Wanted) -> Result<Response, Error> {
    if wanted.mount_accessor.is_empty() || wanted.name.is_empty() {
        return Err(Error::invalid("'id' or 'mount_accessor' and 'name' must be provided"));
    }
    let mount = by_accessor(cx, &wanted.mount_accessor, FOREIGN_MOUNT)?;
    let known = Store::of(cx).entity_by_alias(&wanted.mount_accessor, &wanted.name).await?;
    let is_meant = |alias: &AliasRecord| {
        alias.mount_accessor == wanted.mount_accessor
            && schemas::lower_case(&alias.name) == schemas::lower_case(&wanted.name)
    };
    let found = known.and_then(|owner| {
        let owner = owner.settled();
        let index = owner.aliases.iter().position(is_meant)?;
        Some((owner, index))
    });
    match found {
        Some((owner, index)) => update(cx, owner, index, wanted).await,
        None => create(cx, &mount, wanted).await,
    }
}

/// `owner`, and where in it the alias `id` is.
fn at(owner: EntityRecord, id: &str) -> Option<(EntityRecord, usize)> {
    let index = owner.aliases.iter().position(|alias| alias.id == id)?;
    Some((owner, index))
}

async fn create(cx: &Context<'_>, mount: &MountEntry, wanted: Wanted) -> Result<Response, Error> {
    let store = Store::of(cx);
    let before = match wanted.canonical_id.as_str() {
        "" => None,
        id => {
            let entity = store.entity(id).await?;
            Some(entity.ok_or_else(|| Error::invalid("invalid canonical ID"))?)
        }
    };
    let mut entity = match before.clone() {
        Some(entity) => entity.settled(),
        None => EntityRecord::new(store.namespace, cx.now()),
    };
    if entity.alias_at(&mount.accessor).is_some() {
        return Err(Error::invalid("Alias already exists for requested entity and mount accessor"));
    }
    let alias = AliasRecord {
        custom_metadata: wanted.custom_metadata,
        local: mount.local,
        ..AliasRecord::new(store.namespace, &wanted.name, &mount.accessor, cx.now())
    };
    let id = alias.id.clone();
    entity.aliases.push(alias);
    store.write_entity(before.as_ref(), &entity)?;
    written(&id, &entity.id)
}

/// Changes alias `index` of `owner`.
async fn update(
    cx: &Context<'_>,
    owner: EntityRecord,
    index: usize,
    wanted: Wanted,
) -> Result<Response, Error> {
    let is_moving = !wanted.canonical_id.is_empty() && wanted.canonical_id != owner.id;
    let alias = &owner.aliases[index];
    if !is_moving && is_unchanged(alias, &wanted) {
        return Ok(Response::empty());
    }
    let changed = changed(cx, &owner, alias, &wanted, is_moving).await?;
    let id = changed.id.clone();
    if is_moving {
        let target = move_to(cx, owner, index, changed, &wanted).await?;
        return written(&id, &target);
    }
    let mut entity = owner.clone();
    entity.aliases[index] = changed;
    Store::of(cx).write_entity(Some(&owner), &entity)?;
    written(&id, &entity.id)
}

fn is_unchanged(alias: &AliasRecord, wanted: &Wanted) -> bool {
    wanted.name == alias.name
        && wanted.mount_accessor == alias.mount_accessor
        && alias.custom_metadata.clone().unwrap_or_default()
            == wanted.custom_metadata.clone().unwrap_or_default()
}

/// `alias` as it is wanted.
async fn changed(
    cx: &Context<'_>,
    owner: &EntityRecord,
    alias: &AliasRecord,
    wanted: &Wanted,
    is_moving: bool,
) -> Result<AliasRecord, Error> {
    let is_elsewhere = wanted.mount_accessor != alias.mount_accessor;
    if is_elsewhere && !is_moving && owner.alias_at(&wanted.mount_accessor).is_some() {
        let text =
            "Alias cannot be updated as the entity already has an alias for the given 'mount_accessor' ";
        return Err(Error::invalid(text));
    }
    let mut changed = AliasRecord { changed_at: cx.now(), ..alias.clone() };
    if is_unchanged(alias, wanted) {
        return Ok(changed);
    }
    let mount = by_accessor(cx, &wanted.mount_accessor, FOREIGN_ACCESSOR)?;
    let known = Store::of(cx).entity_by_alias(&wanted.mount_accessor, &wanted.name).await?;
    // Another case of its own name is no other alias.
    if known.is_some()
        && (is_elsewhere || schemas::lower_case(&wanted.name) != schemas::lower_case(&alias.name))
    {
        return Err(Error::invalid("alias with combination of mount accessor and name already exists"));
    }
    changed.name.clone_from(&wanted.name);
    changed.mount_accessor.clone_from(&wanted.mount_accessor);
    changed.custom_metadata.clone_from(&wanted.custom_metadata);
    changed.local = mount.local;
    Ok(changed)
}

/// Moves `alias`, which is at `index` of `owner`, to the entity that is wanted; answers its id.
async fn move_to(
    cx: &Context<'_>,
    owner: EntityRecord,
    index: usize,
    alias: AliasRecord,
    wanted: &Wanted,
) -> Result<String, Error> {
    if by_accessor(cx, &alias.mount_accessor, FOREIGN_ACCESSOR)?.local {
        return Err(Error::invalid("local aliases can't be moved between entities"));
    }
    let store = Store::of(cx);
    let target = store.entity(&wanted.canonical_id).await?;
    let target =
        target.ok_or_else(|| Error::invalid("given 'canonical_id' is not associated with an entity"))?;
    if target.alias_at(&alias.mount_accessor).is_some() {
        let text = "Alias cannot be updated as the given entity already has an alias for this mount ";
        return Err(Error::invalid(text));
    }
    let mut left = owner.clone();
    left.aliases.remove(index);
    store.write_entity(Some(&owner), &left)?;
    let mut entity = target.clone().settled();
    entity.aliases.push(alias);
    store.write_entity(Some(&target), &entity)?;
    Ok(entity.id)
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("id");
    let owner = Store::of(cx).entity_by_alias_id(id).await?;
    let (owner, index) = owner.and_then(|owner| at(owner, id)).ok_or_else(Error::not_found)?;
    shown::alias(cx, &owner.id, &owner.aliases[index])
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, id) = (Store::of(cx), cx.capture("id"));
    if let Some(owner) = store.entity_by_alias_id(id).await? {
        let mut entity = owner.clone().settled();
        entity.aliases.retain(|alias| alias.id != id);
        store.write_entity(Some(&owner), &entity)?;
    }
    Ok(Response::empty())
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let (mut keys, mut key_info) = (Vec::new(), BTreeMap::new());
    for id in store.ids("alias-id/").await? {
        let owner = store.entity_by_alias_id(&id).await?;
        let Some((mut owner, index)) = owner.and_then(|owner| at(owner, &id)) else { continue };
        let alias = owner.aliases.swap_remove(index);
        key_info.insert(id.clone(), shown::listed(&owner.id, alias, &names));
        keys.push(id);
    }
    shown::list(&keys, &key_info)
}
