//! Entities, aliases and groups as answers show them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::mounts::{Named, Names};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::record::{AliasRecord, EntityRecord, GroupRecord, Metadata};
use crate::core::identity::store::Store;
use crate::core::response::Response;

/// An entity as a read shows it.
#[derive(Serialize)]
struct ShownEntity<'a> {
    aliases: Vec<ShownAlias<'a>>,
    creation_time: String,
    direct_group_ids: Vec<String>,
    disabled: bool,
    group_ids: Vec<String>,
    id: &'a str,
    inherited_group_ids: Vec<String>,
    last_update_time: String,
    merged_entity_ids: Option<&'a [String]>,
    metadata: &'a Metadata,
    name: &'a str,
    namespace_id: &'a str,
    policies: &'a [String],
}

/// An alias as a read shows it: of an entity, by itself, or of a group.
#[derive(Serialize)]
struct ShownAlias<'a> {
    canonical_id: &'a str,
    creation_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_metadata: Option<&'a Metadata>,
    id: &'a str,
    last_update_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<bool>,
    merged_from_canonical_ids: Option<&'a [String]>,
    metadata: &'a Metadata,
    mount_accessor: &'a str,
    #[serde(flatten)]
    mount: Option<ShownMount<'a>>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_id: Option<&'a str>,
}

/// Where an alias is from, as long as that is mounted.
#[derive(Clone, Copy, Serialize)]
struct ShownMount<'a> {
    mount_path: &'a str,
    mount_type: &'a str,
}

impl<'a> From<&'a Named> for ShownMount<'a> {
    fn from(named: &'a Named) -> Self {
        Self { mount_path: &named.path, mount_type: &named.kind }
    }
}

/// A group as a read shows it.
#[derive(Serialize)]
struct ShownGroup<'a> {
    alias: GroupAlias<'a>,
    creation_time: String,
    id: &'a str,
    last_update_time: String,
    member_entity_ids: Option<Vec<String>>,
    member_group_ids: Option<Vec<String>>,
    metadata: &'a Metadata,
    modify_index: u64,
    name: &'a str,
    namespace_id: &'a str,
    parent_group_ids: &'a Option<Vec<String>>,
    policies: &'a Option<Vec<String>>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The alias of a group; `{}` for none.
#[derive(Serialize)]
struct GroupAlias<'a> {
    #[serde(flatten)]
    alias: Option<ShownAlias<'a>>,
}

fn some<T>(items: &[T]) -> Option<&[T]> {
    Some(items).filter(|items| !items.is_empty())
}

fn base<'a>(owner: &'a str, alias: &'a AliasRecord, names: &'a Names) -> ShownAlias<'a> {
    ShownAlias {
        canonical_id: owner,
        creation_time: alias.created_at.to_string(),
        custom_metadata: None,
        id: &alias.id,
        last_update_time: alias.changed_at.to_string(),
        local: None,
        merged_from_canonical_ids: some(&alias.merged_from_canonical_ids),
        metadata: &alias.metadata,
        mount_accessor: &alias.mount_accessor,
        mount: names.find(&alias.mount_accessor).map(ShownMount::from),
        name: &alias.name,
        namespace_id: None,
    }
}

fn of_entity<'a>(owner: &'a str, alias: &'a AliasRecord, names: &'a Names) -> ShownAlias<'a> {
    ShownAlias {
        custom_metadata: Some(&alias.custom_metadata),
        local: Some(alias.local),
        ..base(owner, alias, names)
    }
}

/// The answer of a read of an entity.
pub(super) async fn entity(cx: &Context<'_>, record: &EntityRecord) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let direct = store.groups_of(&record.id).await?;
    let above = store.groups_above(&direct).await?;
    let ids = |groups: &[GroupRecord]| groups.iter().map(|group| group.id.clone()).collect::<Vec<_>>();
    Response::data(&ShownEntity {
        aliases: record.aliases.iter().map(|alias| of_entity(&record.id, alias, &names)).collect(),
        creation_time: record.created_at.to_string(),
        direct_group_ids: ids(&direct),
        disabled: record.disabled,
        group_ids: [ids(&direct), ids(&above)].concat(),
        id: &record.id,
        inherited_group_ids: ids(&above),
        last_update_time: record.changed_at.to_string(),
        merged_entity_ids: some(&record.merged_entity_ids),
        metadata: &record.metadata,
        name: &record.name,
        namespace_id: &cx.request().namespace.id,
        policies: &record.policies,
    })
}

/// The answer of a read of an alias, of entity or group `owner`.
pub(super) fn alias(cx: &Context<'_>, owner: &str, alias: &AliasRecord) -> Result<Response, Error> {
    let names = Names::of(cx);
    let namespace_id = Some(cx.request().namespace.id.as_str());
    Response::data(&ShownAlias { namespace_id, ..of_entity(owner, alias, &names) })
}

/// The answer of a read of a group.
pub(super) async fn group(cx: &Context<'_>, record: &GroupRecord) -> Result<Response, Error> {
    let store = Store::of(cx);
    let names = Names::of(cx);
    let members = store.members(&record.id).await?;
    let children = store.children(&record.id).await?;
    let is_shown = record.is_emptied || !members.is_empty();
    Response::data(&ShownGroup {
        alias: GroupAlias { alias: record.alias.as_ref().map(|alias| base(&record.id, alias, &names)) },
        creation_time: record.created_at.to_string(),
        id: &record.id,
        last_update_time: record.changed_at.to_string(),
        member_entity_ids: Some(members).filter(|_| is_shown),
        member_group_ids: Some(children).filter(|children| !children.is_empty()),
        metadata: &record.metadata,
        modify_index: record.modify_index,
        name: &record.name,
        namespace_id: &cx.request().namespace.id,
        parent_group_ids: &record.parent_group_ids,
        policies: &record.policies,
        kind: record.kind.as_str(),
    })
}

/// The answer of a list with something about each.
pub(in crate::core::identity) fn list<T: Serialize>(
    keys: &[String],
    key_info: &BTreeMap<String, T>,
) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Keys<'a, T> {
        key_info: &'a BTreeMap<String, T>,
        keys: &'a [String],
    }
    if keys.is_empty() {
        return Err(Error::not_found());
    }
    Response::data(&Keys { key_info, keys })
}

/// An alias in the list of those who have it.
#[derive(Serialize)]
pub(super) struct BriefAlias {
    id: String,
    mount_accessor: String,
    #[serde(flatten)]
    mount: Option<BriefMount>,
    name: String,
}

/// An alias in the list of aliases.
#[derive(Serialize)]
pub(super) struct ListedAlias {
    canonical_id: String,
    custom_metadata: Metadata,
    local: bool,
    metadata: Metadata,
    mount_accessor: String,
    #[serde(flatten)]
    mount: Option<BriefMount>,
    name: String,
}

#[derive(Serialize)]
struct BriefMount {
    mount_path: String,
    mount_type: String,
}

fn brief_mount(accessor: &str, names: &Names) -> Option<BriefMount> {
    let named = names.find(accessor)?;
    Some(BriefMount { mount_path: named.path.clone(), mount_type: named.kind.clone() })
}

/// `alias` as lists of its owners show it.
pub(super) fn brief(alias: AliasRecord, names: &Names) -> BriefAlias {
    let mount = brief_mount(&alias.mount_accessor, names);
    BriefAlias { id: alias.id, mount_accessor: alias.mount_accessor, mount, name: alias.name }
}

/// `alias` of `owner` as lists of aliases show it.
pub(super) fn listed(owner: &str, alias: AliasRecord, names: &Names) -> ListedAlias {
    ListedAlias {
        canonical_id: owner.to_owned(),
        custom_metadata: alias.custom_metadata,
        local: alias.local,
        metadata: alias.metadata,
        mount: brief_mount(&alias.mount_accessor, names),
        mount_accessor: alias.mount_accessor,
        name: alias.name,
    }
}
