//! `identity/group-alias`.

use std::collections::BTreeMap;

use schemas::shape::Declared as _;
use serde::Serialize;

use super::mounts::{Names, by_accessor};
use super::{Identity, shown};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::record::{AliasRecord, GroupKind, GroupRecord};
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Aliases of external groups.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("group-alias")
        .about("Makes or changes an alias: a group of an auth method, and the group that it is.")
        .fields(AliasFields::PARTS)
        .write(handler!(register)),
    Route::new("group-alias/id").about("Ids of the aliases of groups.").fields(&[]).list(handler!(list)),
    Route::new("group-alias/id/{id}")
        .about("One alias of a group.")
        .fields(AliasFields::PARTS)
        .read(handler!(read))
        .write(handler!(write_by_id))
        .delete(handler!(delete)),
];

/// What the alias of a group may be given.
#[derive(schemas::Fields)]
struct AliasFields {
    /// Id of the alias to change.
    id: Option<String>,
    /// Unique in the mount.
    name: Option<String>,
    /// Accessor of the mount that knows the name.
    mount_accessor: Option<String>,
    /// The group.
    canonical_id: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    canonical_id: &'a str,
    id: &'a str,
}

async fn register(engine: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AliasFields = cx.fields()?;
    match fields.id {
        Some(_) => write_by_id(engine, cx).await,
        None => write(cx, fields, None).await,
    }
}

async fn write_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AliasFields = cx.fields()?;
    let id = fields.id.clone().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Error::invalid("empty group alias ID"))?;
    let owner = Store::of(cx).group_by_alias_id(&id).await?;
    let owner = owner.ok_or_else(|| Error::invalid("invalid group alias ID"))?;
    write(cx, fields, Some(owner)).await
}

/// Creates an alias, or changes that of `owner`.
async fn write(cx: &Context<'_>, fields: AliasFields, owner: Option<GroupRecord>) -> Result<Response, Error> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let name = given(fields.name).ok_or_else(|| Error::invalid("missing alias name"))?;
    let accessor = given(fields.mount_accessor).ok_or_else(|| Error::invalid("missing mount_accessor"))?;
    let group = given(fields.canonical_id);
    let known = owner.as_ref().and_then(|owner| owner.alias.clone());
    let is_same = |known: &AliasRecord| known.name == name && known.mount_accessor == accessor;
    let stays = group.is_none() || group.as_ref() == owner.as_ref().map(|owner| &owner.id);
    if stays && known.as_ref().is_some_and(is_same) {
        return Ok(Response::empty());
    }
    let target = match &group {
        Some(id) => Some(external(cx, id).await?),
        None => owner.clone(),
    };
    check(cx, &accessor, &name, known.as_ref()).await?;
    let alias = match known {
        Some(known) => AliasRecord { name, mount_accessor: accessor, changed_at: cx.now(), ..known },
        None => AliasRecord::new(&cx.request().namespace, &name, &accessor, cx.now()),
    };
    let id = alias.id.clone();
    let group = attach(cx, alias, owner, target)?;
    Response::data(&Written { canonical_id: &group, id: &id })
}

/// The external group `id`.
async fn external(cx: &Context<'_>, id: &str) -> Result<GroupRecord, Error> {
    let group = Store::of(cx).group(id).await?;
    let group = group.ok_or_else(|| Error::invalid("invalid group ID given in 'canonical_id'"))?;
    match group.kind {
        GroupKind::External => Ok(group),
        GroupKind::Internal => Err(Error::invalid("alias can't be set on an internal group")),
    }
}

async fn check(
    cx: &Context<'_>,
    accessor: &str,
    name: &str,
    known: Option<&AliasRecord>,
) -> Result<(), Error> {
    let foreign = "mount referenced via 'mount_accessor' not in the same namespace as alias";
    if by_accessor(cx, accessor, foreign)?.local {
        return Err(Error::invalid(format!("mount accessor {accessor:?} is a local mount")));
    }
    let holder = Store::of(cx).group_by_alias(accessor, name).await?.and_then(|holder| holder.alias);
    if holder.is_some_and(|holder| known.is_none_or(|known| known.id != holder.id)) {
        return Err(Error::invalid("combination of mount and group alias name is already in use"));
    }
    Ok(())
}

/// Gives `alias` to `target` (`None`: a new group), and takes it from `owner` if that is another; answers the
/// group's id.
fn attach(
    cx: &Context<'_>,
    alias: AliasRecord,
    owner: Option<GroupRecord>,
    target: Option<GroupRecord>,
) -> Result<String, Error> {
    let store = Store::of(cx);
    if let Some(owner) = owner.filter(|owner| target.as_ref().is_none_or(|target| target.id != owner.id)) {
        let mut left = owner.clone().settled();
        left.alias = None;
        store.write_group(Some(&owner), &mut left)?;
    }
    let mut group = match target.clone() {
        Some(group) => GroupRecord { changed_at: cx.now(), ..group.settled() },
        None => GroupRecord::new(&cx.request().namespace, GroupKind::External, cx.now()),
    };
    group.alias = Some(alias);
    store.write_group(target.as_ref(), &mut group)?;
    Ok(group.id)
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let owner = Store::of(cx).group_by_alias_id(cx.capture("id")).await?;
    let owner = owner.ok_or_else(Error::not_found)?;
    let alias = owner.alias.as_ref().ok_or_else(Error::not_found)?;
    shown::alias(cx, &owner.id, alias)
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    if let Some(owner) = store.group_by_alias_id(cx.capture("id")).await? {
        let mut group = owner.clone().settled();
        group.alias = None;
        store.write_group(Some(&owner), &mut group)?;
    }
    Ok(Response::empty())
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let (mut keys, mut key_info) = (Vec::new(), BTreeMap::new());
    for id in store.ids("group-alias-id/").await? {
        let Some(group) = store.group_by_alias_id(&id).await? else { continue };
        let Some(alias) = group.alias else { continue };
        key_info.insert(id.clone(), shown::listed(&group.id, alias, &names));
        keys.push(id);
    }
    shown::list(&keys, &key_info)
}
