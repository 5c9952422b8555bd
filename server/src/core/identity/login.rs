//! Identities that logins make and keep.

use http::StatusCode;

use super::Entity;
use super::effective::effective;
use super::record::{AliasRecord, EntityRecord};
use super::store::Store;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::mount::MountEntry;
use crate::core::response::Alias;

/// The entity that is known by `alias` at the mount `entry`; it is made if there is none.
pub(crate) async fn of_login(cx: &Context<'_>, entry: &MountEntry, alias: &Alias) -> Result<Entity, Error> {
    if alias.name.is_empty() {
        return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "missing name in alias"));
    }
    let store = Store::of(cx);
    let known = store.entity_by_alias(&entry.accessor, &alias.name).await?;
    let record = match known {
        Some(record) => note(cx, store, record, entry, alias)?,
        None => make(cx, store, entry, alias)?,
    };
    effective(&store, record).await
}

fn make(
    cx: &Context<'_>,
    store: Store<'_>,
    entry: &MountEntry,
    alias: &Alias,
) -> Result<EntityRecord, Error> {
    let mut record = EntityRecord::new(store.namespace, cx.now());
    let metadata = Some(alias.metadata.clone()).filter(|metadata| !metadata.is_empty());
    record.aliases.push(AliasRecord {
        metadata,
        local: entry.local,
        ..AliasRecord::new(store.namespace, &alias.name, &entry.accessor, cx.now())
    });
    store.write_entity(None, &record)?;
    Ok(record)
}

/// Takes over what the login tells of its alias.
fn note(
    cx: &Context<'_>,
    store: Store<'_>,
    record: EntityRecord,
    entry: &MountEntry,
    alias: &Alias,
) -> Result<EntityRecord, Error> {
    let metadata = Some(alias.metadata.clone()).filter(|metadata| !metadata.is_empty());
    let is_stale = |known: &AliasRecord| {
        known.mount_accessor == entry.accessor
            && known.name == alias.name
            && known.metadata.clone().unwrap_or_default() != alias.metadata
    };
    if !record.aliases.iter().any(is_stale) {
        return Ok(record);
    }
    let mut record = record.settled();
    for known in record.aliases.iter_mut().filter(|known| is_stale(known)) {
        known.metadata.clone_from(&metadata);
        known.changed_at = cx.now();
    }
    store.rewrite_entity(&record)?;
    Ok(record)
}

/// Puts the entity into the external groups that the mount with `accessor` names, and takes it out of the others
/// of that mount. Answers the names that lead to a group.
pub(crate) async fn refresh_groups(
    cx: &Context<'_>,
    entity: &str,
    accessor: &str,
    names: &[String],
) -> Result<Vec<String>, Error> {
    let store = Store::of(cx);
    let mut former = store.external_groups_of(entity).await?;
    let mut valid = Vec::new();
    for name in names {
        let Some(group) = store.group_by_alias(accessor, name).await? else { continue };
        valid.push(name.clone());
        if let Some(index) = former.iter().position(|known| known.id == group.id) {
            former.remove(index);
            continue;
        }
        let mut group = group.settled();
        store.put_group(&mut group)?;
        store.add_member(&group.id, entity, cx.now().as_microsecond())?;
    }
    let is_own = |alias: &Option<AliasRecord>| {
        accessor.is_empty() || alias.as_ref().is_none_or(|alias| alias.mount_accessor == accessor)
    };
    for group in former.into_iter().filter(|group| is_own(&group.alias)) {
        let mut group = group.settled();
        store.remove_member(&group.id, entity);
        group.is_emptied = store.count_members(&group.id).await? == 0;
        store.put_group(&mut group)?;
    }
    Ok(valid)
}
