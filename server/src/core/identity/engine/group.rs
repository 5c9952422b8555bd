//! `identity/group`.

use std::collections::{BTreeMap, BTreeSet};

use schemas::shape::{Declared as _, List, Map};
use serde::Serialize;

use super::mounts::Names;
use super::{Identity, fields, shown};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::record::{GroupKind, GroupRecord};
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Groups.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("group")
        .about("Makes or changes a group of entities.")
        .fields(GroupFields::PARTS)
        .write(handler!(register)),
    Route::new("group/id").about("Ids of the groups.").fields(&[]).list(handler!(list_ids)),
    Route::new("group/id/{id}")
        .about("One group, by its id.")
        .fields(GroupFields::PARTS)
        .read(handler!(read_by_id))
        .write(handler!(write_by_id))
        .delete(handler!(delete_by_id)),
    Route::new("group/name").about("Names of the groups.").fields(&[]).list(handler!(list_names)),
    Route::new("group/name/{name+..}")
        .about("One group, by its name.")
        .fields(GroupFields::PARTS)
        .read(handler!(read_by_name))
        .write(handler!(write_by_name))
        .delete(handler!(delete_by_name)),
];

/// What a group may be given.
#[derive(schemas::Fields)]
struct GroupFields {
    /// Id of the group to change.
    id: Option<String>,
    /// `internal` or `external`.
    #[kind(api = "type")]
    kind: Option<String>,
    /// Unique name.
    name: Option<String>,
    /// Chosen by users.
    metadata: Option<Map<String>>,
    /// Policies that its members have.
    policies: Option<List<String>>,
    /// Groups in it.
    member_group_ids: Option<List<String>>,
    /// Entities in it.
    member_entity_ids: Option<List<String>>,
}

#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
    name: &'a str,
}

async fn register(engine: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: GroupFields = cx.fields()?;
    match (&fields.id, &fields.name) {
        (Some(_), _) => write_by_id(engine, cx).await,
        (None, Some(_)) => write_by_name(engine, cx).await,
        (None, None) => write(cx, fields, None).await,
    }
}

async fn write_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: GroupFields = cx.fields()?;
    let id = fields.id.clone().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Error::invalid("empty group ID"))?;
    let group = Store::of(cx).group(&id).await?;
    let group = group.ok_or_else(|| Error::invalid("invalid group ID"))?;
    write(cx, fields, Some(group)).await
}

async fn write_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: GroupFields = cx.fields()?;
    let name = fields.name.clone().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::invalid("empty group name"))?;
    let group = Store::of(cx).group_by_name(&name).await?;
    write(cx, fields, group).await
}

/// Creates a group, or changes `before`.
async fn write(
    cx: &Context<'_>,
    fields: GroupFields,
    before: Option<GroupRecord>,
) -> Result<Response, Error> {
    let store = Store::of(cx);
    let mut group = match before.clone() {
        Some(group) => GroupRecord { changed_at: cx.now(), ..group.settled() },
        None => GroupRecord::new(&cx.request().namespace, GroupKind::Internal, cx.now()),
    };
    if let Some(policies) = fields.policies {
        group.policies = Some(fields::policies(policies)?);
    }
    if let Some(kind) = &fields.kind {
        group.kind = kind_of(before.as_ref(), kind)?;
    }
    if let Some(name) = fields.name.filter(|name| !name.is_empty()) {
        let holder = store.group_by_name(&name).await?;
        if holder.is_some_and(|holder| holder.id != group.id) {
            return Err(Error::invalid("group name is already in use"));
        }
        group.name = name;
    }
    refuse_members(group.kind, fields.member_entity_ids.as_ref(), fields.member_group_ids.as_ref())?;
    if let Some(metadata) = fields.metadata {
        fields::check_metadata("group", &metadata.0)?;
        group.metadata = Some(metadata.0);
    }
    if let Some(members) = fields.member_entity_ids {
        set_members(&store, &mut group, &members.0).await?;
    }
    if let Some(members) = fields.member_group_ids {
        set_children(&store, &group.id, before.is_some(), &members.0).await?;
        // A group that was among its own members has been written by that.
    }
    store.write_group(before.as_ref(), &mut group)?;
    if before.is_some() {
        return Ok(Response::empty());
    }
    Response::data(&Created { id: &group.id, name: &group.name })
}

fn kind_of(before: Option<&GroupRecord>, kind: &str) -> Result<GroupKind, Error> {
    if before.is_some_and(|group| group.kind.as_str() != kind) {
        return Err(Error::invalid("group type cannot be changed"));
    }
    match kind {
        "" | "internal" => Ok(GroupKind::Internal),
        "external" => Ok(GroupKind::External),
        _ => Err(Error::invalid(format!("invalid group type {kind:?}"))),
    }
}

/// Only auth methods say who is in an external group.
fn refuse_members(
    kind: GroupKind,
    entities: Option<&List<String>>,
    groups: Option<&List<String>>,
) -> Result<(), Error> {
    if kind == GroupKind::Internal {
        return Ok(());
    }
    if entities.is_some() {
        return Err(Error::invalid("member entities can't be set manually for external groups"));
    }
    if groups.is_some() {
        return Err(Error::invalid("member groups can't be set for external groups"));
    }
    Ok(())
}

async fn set_members(store: &Store<'_>, group: &mut GroupRecord, wanted: &[String]) -> Result<(), Error> {
    let wanted = fields::distinct(wanted);
    for id in &wanted {
        if store.entity(id).await?.is_none() {
            return Err(fields::failed(format!("invalid entity ID {id:?}")));
        }
    }
    for id in store.members(&group.id).await? {
        if wanted.binary_search(&id).is_err() {
            store.remove_member(&group.id, &id);
        }
    }
    for (place, id) in (0..).zip(&wanted) {
        store.add_member(&group.id, id, place)?;
    }
    group.is_emptied = wanted.is_empty();
    Ok(())
}

/// Makes `wanted` the groups in group `id`.
async fn set_children(store: &Store<'_>, id: &str, is_old: bool, wanted: &[String]) -> Result<(), Error> {
    let wanted = fields::distinct(wanted);
    let present: BTreeSet<String> = store.children(id).await?.into_iter().collect();
    for child in present.iter().filter(|child| wanted.binary_search(child).is_err()) {
        if let Some(child) = store.group(child).await? {
            store.remove_child(id, &child)?;
        }
    }
    for child in wanted.iter().filter(|child| !present.contains(*child)) {
        let record = store.group(child).await?;
        let record = record.ok_or_else(|| {
            if child == id {
                return fields::failed(own_member(id));
            }
            fields::failed(format!("invalid member group ID {child:?}"))
        })?;
        if child == id {
            return Err(fields::failed(own_member(id)));
        }
        if is_old && is_below(store, child, id).await? {
            let text = format!("cyclic relationship detected for member group ID {child:?}");
            return Err(Error::invalid(text));
        }
        store.add_child(id, &record)?;
    }
    Ok(())
}

fn own_member(id: &str) -> String {
    format!("member group ID {id:?} is same as the ID of the group")
}

/// Whether group `id` is in group `above`, or in one that is in it.
async fn is_below(store: &Store<'_>, above: &str, id: &str) -> Result<bool, Error> {
    let mut waiting = vec![above.to_owned()];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(group) = waiting.pop() {
        if group == id {
            return Ok(true);
        }
        if !seen.contains(&group) {
            waiting.extend(store.children(&group).await?);
            seen.insert(group);
        }
    }
    Ok(false)
}

async fn read_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let group = Store::of(cx).group(cx.capture("id")).await?;
    shown::group(cx, &group.ok_or_else(Error::not_found)?).await
}

async fn read_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let group = Store::of(cx).group_by_name(cx.capture("name")).await?;
    shown::group(cx, &group.ok_or_else(Error::not_found)?).await
}

async fn delete_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    delete(&store, store.group(cx.capture("id")).await?).await
}

async fn delete_by_name(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    delete(&store, store.group_by_name(cx.capture("name")).await?).await
}

async fn delete(store: &Store<'_>, group: Option<GroupRecord>) -> Result<Response, Error> {
    if let Some(group) = group {
        store.erase_group(&group).await?;
    }
    Ok(Response::empty())
}

/// A group as a list shows it.
#[derive(Serialize)]
struct KeyInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<shown::BriefAlias>,
    name: String,
    num_member_entities: usize,
    num_parent_groups: usize,
}

async fn list_ids(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let (mut keys, mut key_info) = (Vec::new(), BTreeMap::new());
    for id in store.ids("group/").await? {
        let Some(group) = store.group(&id).await? else { continue };
        let num_parent_groups = group.parents().len();
        let info = KeyInfo {
            alias: group.alias.map(|alias| shown::brief(alias, &names)),
            name: group.name,
            num_member_entities: store.count_members(&id).await?,
            num_parent_groups,
        };
        key_info.insert(id.clone(), info);
        keys.push(id);
    }
    shown::list(&keys, &key_info)
}

async fn list_names(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    let mut keys = Vec::new();
    for id in store.ids("group/").await? {
        keys.extend(store.group(&id).await?.map(|group| group.name));
    }
    Response::keys(&keys)
}
