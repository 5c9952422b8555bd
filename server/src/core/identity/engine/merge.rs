//! `identity/entity/merge`.

use http::StatusCode;
use schemas::shape::List;
use serde::Serialize;

use super::mounts::Names;
use super::{Identity, entity, fields};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::mfa;
use crate::core::identity::record::{AliasRecord, EntityRecord};
use crate::core::identity::store::Store;
use crate::core::response::Response;

/// Which entities become one.
#[derive(schemas::Fields)]
pub(super) struct MergeFields {
    /// Those that go.
    from_entity_ids: Option<List<String>>,
    /// The one that stays.
    to_entity_id: Option<String>,
    /// Which alias stays where both have one of the same mount.
    conflicting_alias_ids_to_keep: Option<List<String>>,
    /// Keep the second factors of the entity that stays where both have one.
    force: Option<bool>,
}

/// An alias that stands against another of the same mount.
#[derive(Serialize)]
struct Clash {
    alias: String,
    entity: String,
    entity_id: String,
    mount: String,
    mount_path: String,
}

/// Merges entities: aliases and memberships move to the one that stays, policies and metadata do not.
pub(super) async fn merge(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: MergeFields = cx.fields()?;
    let target = fields.to_entity_id.filter(|id| !id.is_empty());
    let target = target.ok_or_else(|| Error::invalid("missing entity id to merge to"))?;
    let asked = fields.from_entity_ids.map(|ids| ids.0).unwrap_or_default();
    if asked.is_empty() {
        return Err(Error::invalid("missing entity ids to merge from"));
    }
    let kept = fields.conflicting_alias_ids_to_keep.map(|ids| ids.0).unwrap_or_default();
    let store = Store::of(cx);
    let target = store.entity(&target).await?;
    let target = target.ok_or_else(|| Error::invalid("entity id to merge to is invalid"))?;
    if asked.len() > 1 && kept.len() > 1 {
        return Err(Error::invalid(
            "aliases conflicts cannot be resolved with multiple from entity ids - merge one entity at a time",
        ));
    }
    let sources = sources(&store, &target, &asked).await?;
    if kept.is_empty() {
        refuse_clashes(cx, &target, &sources)?;
    }
    let force = fields.force.unwrap_or(false);
    unite(&store, &target, sources, &kept, force).await?;
    Ok(Response::empty())
}

async fn sources(
    store: &Store<'_>,
    target: &EntityRecord,
    asked: &[String],
) -> Result<Vec<EntityRecord>, Error> {
    let mut sources = Vec::new();
    for id in fields::distinct(asked) {
        if id == target.id {
            return Err(Error::invalid("to_entity_id should not be present in from_entity_ids"));
        }
        let source = store.entity(&id).await?;
        let source = source.ok_or_else(|| Error::invalid("entity id to merge from is invalid"))?;
        sources.push(source.settled());
    }
    Ok(sources)
}

/// Refuses a merge that would leave two aliases of one mount, and tells which.
fn refuse_clashes(cx: &Context<'_>, target: &EntityRecord, sources: &[EntityRecord]) -> Result<(), Error> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut texts = Vec::new();
    let mut clashes = Vec::new();
    for (known, source, alias) in pairs(target, sources) {
        let accessor = alias.mount_accessor.as_str();
        if seen.iter().any(|(other, id)| *other == accessor && *id != source.id) {
            return Err(Error::invalid(format!(
                "mount accessor {accessor} found in multiple fromEntities, merge should be done with one fromEntity at a time"
            )));
        }
        seen.push((accessor, &source.id));
        if known.mount_accessor == accessor {
            texts.push(clash_text(target, known, source, alias));
            clashes.extend([clash(cx, target, known), clash(cx, source, alias)]);
        }
    }
    if texts.is_empty() {
        return Ok(());
    }
    let first = "toEntity and at least one fromEntity have aliases with the same mount accessor, repeat the merge request specifying exactly one fromEntity, clashes: ";
    let problems: Vec<String> = std::iter::once(first.to_owned()).chain(texts).collect();
    Err(Error::listed(StatusCode::BAD_REQUEST, &problems).with_data(&clashes))
}

/// Each alias of the target beside each of the sources.
fn pairs<'a>(
    target: &'a EntityRecord,
    sources: &'a [EntityRecord],
) -> impl Iterator<Item = (&'a AliasRecord, &'a EntityRecord, &'a AliasRecord)> {
    sources.iter().flat_map(move |source| {
        target
            .aliases
            .iter()
            .flat_map(move |known| source.aliases.iter().map(move |alias| (known, source, alias)))
    })
}

fn clash_text(
    target: &EntityRecord,
    known: &AliasRecord,
    source: &EntityRecord,
    alias: &AliasRecord,
) -> String {
    format!(
        "mountAccessor: {}, toEntity ID: {}, fromEntity ID: {}, conflicting toEntity alias ID: {}, conflicting fromEntity alias ID: {}",
        known.mount_accessor, target.id, source.id, known.id, alias.id
    )
}

fn clash(cx: &Context<'_>, owner: &EntityRecord, alias: &AliasRecord) -> Clash {
    let names = Names::of(cx);
    let mount = names.find(&alias.mount_accessor);
    Clash {
        alias: alias.name.clone(),
        entity: owner.name.clone(),
        entity_id: owner.id.clone(),
        mount: mount.map(|mount| mount.kind.clone()).unwrap_or_default(),
        mount_path: mount.map(|mount| mount.path.clone()).unwrap_or_default(),
    }
}

async fn unite(
    store: &Store<'_>,
    target: &EntityRecord,
    sources: Vec<EntityRecord>,
    kept: &[String],
    force: bool,
) -> Result<(), Error> {
    let mut entity = target.clone().settled();
    for source in sources {
        move_aliases(&mut entity, target, &source, kept)?;
        entity.merged_entity_ids.extend(source.merged_entity_ids.iter().cloned());
        entity.merged_entity_ids.push(source.id.clone());
        for group in entity::leave_groups(store, &source.id).await? {
            join(store, &group, &entity.id).await?;
        }
        mfa::take_over_secrets(store, &entity.id, &source.id, force).await?;
        store.erase_entity(&source);
    }
    store.write_entity(Some(target), &entity)
}

/// Moves the aliases of `source`. Where `target` had one of the same mount, the one that is kept stays. Those of several
/// sources do not stand against each other, and all go on working.
fn move_aliases(
    entity: &mut EntityRecord,
    target: &EntityRecord,
    source: &EntityRecord,
    kept: &[String],
) -> Result<(), Error> {
    for alias in &source.aliases {
        // One after an earlier merge may have several.
        let rivals = || target.aliases.iter().filter(|rival| rival.mount_accessor == alias.mount_accessor);
        if !kept.contains(&alias.id) {
            // As the peer, the last one is named.
            if let Some(rival) = rivals().rfind(|rival| !kept.contains(&rival.id)) {
                return Err(Error::invalid(format!(
                    "conflicting mount accessors in following alias IDs and neither were present in conflicting_alias_ids_to_keep: {}, {}",
                    alias.id, rival.id
                )));
            }
        }
        if rivals().any(|rival| kept.contains(&rival.id)) {
            continue;
        }
        entity.aliases.retain(|other| !rivals().any(|rival| rival.id == other.id));
        let mut alias = alias.clone();
        alias.merged_from_canonical_ids.push(source.id.clone());
        entity.aliases.push(alias);
    }
    Ok(())
}

/// Puts the entity into `group`, as its last member.
async fn join(store: &Store<'_>, group: &str, entity: &str) -> Result<(), Error> {
    let Some(group) = store.group(group).await? else { return Ok(()) };
    let mut group = group.settled();
    if !store.members(&group.id).await?.iter().any(|member| member == entity) {
        store.add_member(&group.id, entity, i64::MAX)?;
    }
    store.put_group(&mut group)
}
