//! Where entities and groups are stored, and the indexes that lead to them.
//!
//! Below `sys/identity/` of a namespace:
//!
//! | key | value |
//! |---|---|
//! | `entity/<id>`, `group/<id>` | the record |
//! | `name/<name>`, `group-name/<name>` | id |
//! | `alias/<accessor>/<hash of the name>`, `group-alias/…` | id of the entity or group |
//! | `alias-id/<alias id>`, `group-alias-id/<alias id>` | id of the entity or group |
//! | `merged/<id>` | id of the entity that it was merged into |
//! | `member/<entity id>/<group id>` | empty |
//! | `group-member/<group id>/<entity id>` | place among the members |
//! | `group-child/<group id>/<group id>` | empty |
//!
//! A login reads one index key and the entity.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::EntityCache;
use super::record::{AliasRecord, EntityRecord, GroupKind, GroupRecord};
use crate::barrier::Transaction;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::namespace::Namespace;

/// The identities of one namespace, in one transaction.
#[derive(Clone, Copy)]
pub(super) struct Store<'a> {
    pub(super) transaction: &'a Transaction,
    pub(super) namespace: &'a Namespace,
    cache: &'a Arc<EntityCache>,
}

/// Entities and groups have the same sorts of indexes, apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Entity,
    Group,
}

impl Owner {
    fn folder(self, index: &'static str) -> &'static str {
        match (self, index) {
            (Self::Entity, index) => index,
            (Self::Group, "name") => "group-name",
            (Self::Group, "alias") => "group-alias",
            (Self::Group, _) => "group-alias-id",
        }
    }
}

impl<'a> Store<'a> {
    /// The identities of the namespace of a request.
    pub(super) fn of(cx: &'a Context<'_>) -> Self {
        Self::new(cx.transaction(), &cx.request().namespace, &cx.core.identities)
    }

    /// The identities of `namespace`.
    pub(super) fn new(
        transaction: &'a Transaction,
        namespace: &'a Namespace,
        cache: &'a Arc<EntityCache>,
    ) -> Self {
        Self { transaction, namespace, cache }
    }

    /// A key below `sys/identity/`.
    pub(super) fn key(&self, rest: &str) -> String {
        format!("{}sys/identity/{rest}", self.namespace.storage_prefix())
    }

    fn name_key(&self, owner: Owner, name: &str) -> String {
        // Names do not differ by case alone.
        self.key(&format!("{}/{}", owner.folder("name"), schemas::lower_case(name)))
    }

    /// Names of aliases may hold anything, so that their hash stands for them.
    fn alias_key(&self, owner: Owner, accessor: &str, name: &str) -> String {
        let name = hex::encode(Sha256::digest(schemas::lower_case(name).as_bytes()));
        self.key(&format!("{}/{accessor}/{name}", owner.folder("alias")))
    }

    fn alias_id_key(&self, owner: Owner, id: &str) -> String {
        self.key(&format!("{}/{id}", owner.folder("alias-id")))
    }

    async fn index(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.transaction.get_json::<String>(key).await?)
    }

    /// The entity `id`.
    pub(super) async fn entity(&self, id: &str) -> Result<Option<EntityRecord>, Error> {
        Ok(self.transaction.get_json(&self.key(&format!("entity/{id}"))).await?)
    }

    async fn entity_by(&self, key: &str) -> Result<Option<EntityRecord>, Error> {
        match self.index(key).await? {
            Some(id) => self.entity(&id).await,
            None => Ok(None),
        }
    }

    /// The entity with this name.
    pub(super) async fn entity_by_name(&self, name: &str) -> Result<Option<EntityRecord>, Error> {
        self.entity_by(&self.name_key(Owner::Entity, name)).await
    }

    /// The entity that a mount knows by `name`.
    pub(super) async fn entity_by_alias(
        &self,
        accessor: &str,
        name: &str,
    ) -> Result<Option<EntityRecord>, Error> {
        self.entity_by(&self.alias_key(Owner::Entity, accessor, name)).await
    }

    /// The entity that has the alias `id`.
    pub(super) async fn entity_by_alias_id(&self, id: &str) -> Result<Option<EntityRecord>, Error> {
        self.entity_by(&self.alias_id_key(Owner::Entity, id)).await
    }

    /// The entity `id`, or the one that it was merged into.
    pub(super) async fn entity_even_merged(&self, id: &str) -> Result<Option<EntityRecord>, Error> {
        match self.entity(id).await? {
            Some(entity) => Ok(Some(entity)),
            None => self.entity_by(&self.merged_key(id)).await,
        }
    }

    /// The id of the entity that `id` was merged into.
    pub(super) async fn merged_into(&self, id: &str) -> Result<Option<String>, Error> {
        self.index(&self.merged_key(id)).await
    }

    fn merged_key(&self, id: &str) -> String {
        self.key(&format!("merged/{id}"))
    }

    /// Writes `entity` and its indexes. `before`: as it was stored; `None` for a new one.
    pub(super) fn write_entity(
        &self,
        before: Option<&EntityRecord>,
        entity: &EntityRecord,
    ) -> Result<(), Error> {
        if let Some(before) = before {
            self.remove_entity_indexes(before);
            self.forget(&before.id);
        }
        let transaction = self.transaction;
        transaction.put_json(&self.key(&format!("entity/{}", entity.id)), entity)?;
        transaction.put_json(&self.name_key(Owner::Entity, &entity.name), &entity.id)?;
        for alias in &entity.aliases {
            self.write_alias_indexes(Owner::Entity, alias, &entity.id)?;
        }
        for merged in &entity.merged_entity_ids {
            transaction.put_json(&self.merged_key(merged), &entity.id)?;
        }
        Ok(())
    }

    /// Writes `entity` after a change of what no index tells.
    pub(super) fn rewrite_entity(&self, entity: &EntityRecord) -> Result<(), Error> {
        self.forget(&entity.id);
        Ok(self.transaction.put_json(&self.key(&format!("entity/{}", entity.id)), entity)?)
    }

    /// Removes `entity` and its indexes; not its memberships.
    pub(super) fn erase_entity(&self, entity: &EntityRecord) {
        self.remove_entity_indexes(entity);
        for merged in &entity.merged_entity_ids {
            self.transaction.delete(self.merged_key(merged));
        }
        self.transaction.delete(self.key(&format!("entity/{}", entity.id)));
        self.forget(&entity.id);
    }

    fn remove_entity_indexes(&self, entity: &EntityRecord) {
        self.transaction.delete(self.name_key(Owner::Entity, &entity.name));
        for alias in &entity.aliases {
            self.remove_alias_indexes(Owner::Entity, alias);
        }
    }

    fn write_alias_indexes(&self, owner: Owner, alias: &AliasRecord, id: &str) -> Result<(), Error> {
        let by_factors = self.alias_key(owner, &alias.mount_accessor, &alias.name);
        self.transaction.put_json(&by_factors, id)?;
        Ok(self.transaction.put_json(&self.alias_id_key(owner, &alias.id), id)?)
    }

    fn remove_alias_indexes(&self, owner: Owner, alias: &AliasRecord) {
        self.transaction.delete(self.alias_key(owner, &alias.mount_accessor, &alias.name));
        self.transaction.delete(self.alias_id_key(owner, &alias.id));
    }

    /// The group `id`.
    pub(super) async fn group(&self, id: &str) -> Result<Option<GroupRecord>, Error> {
        Ok(self.transaction.get_json(&self.key(&format!("group/{id}"))).await?)
    }

    async fn group_by(&self, key: &str) -> Result<Option<GroupRecord>, Error> {
        match self.index(key).await? {
            Some(id) => self.group(&id).await,
            None => Ok(None),
        }
    }

    /// The group with this name.
    pub(super) async fn group_by_name(&self, name: &str) -> Result<Option<GroupRecord>, Error> {
        self.group_by(&self.name_key(Owner::Group, name)).await
    }

    /// The group that a mount knows by `name`.
    pub(super) async fn group_by_alias(
        &self,
        accessor: &str,
        name: &str,
    ) -> Result<Option<GroupRecord>, Error> {
        self.group_by(&self.alias_key(Owner::Group, accessor, name)).await
    }

    /// The group that has the alias `id`.
    pub(super) async fn group_by_alias_id(&self, id: &str) -> Result<Option<GroupRecord>, Error> {
        self.group_by(&self.alias_id_key(Owner::Group, id)).await
    }

    /// Counts the change, writes `group` and its indexes. `before`: as it was stored; `None` for a new one.
    pub(super) fn write_group(
        &self,
        before: Option<&GroupRecord>,
        group: &mut GroupRecord,
    ) -> Result<(), Error> {
        if let Some(before) = before {
            self.remove_group_indexes(before);
        }
        self.put_group(group)?;
        self.transaction.put_json(&self.name_key(Owner::Group, &group.name), &group.id)?;
        if let Some(alias) = &group.alias {
            self.write_alias_indexes(Owner::Group, alias, &group.id)?;
        }
        self.forget_all();
        Ok(())
    }

    /// Counts a change of who is in `group`. The caller changes the members, and forgets them.
    pub(super) fn put_group(&self, group: &mut GroupRecord) -> Result<(), Error> {
        group.modify_index += 1;
        Ok(self.transaction.put_json(&self.key(&format!("group/{}", group.id)), group)?)
    }

    /// Removes `group`, its indexes and its members. Groups in it go on naming it as their parent.
    pub(super) async fn erase_group(&self, group: &GroupRecord) -> Result<(), Error> {
        for member in self.members(&group.id).await? {
            self.remove_member(&group.id, &member);
        }
        for child in self.children(&group.id).await? {
            self.transaction.delete(self.child_key(&group.id, &child));
        }
        for parent in group.parents() {
            self.transaction.delete(self.child_key(parent, &group.id));
        }
        self.remove_group_indexes(group);
        self.transaction.delete(self.key(&format!("group/{}", group.id)));
        self.forget_all();
        Ok(())
    }

    fn remove_group_indexes(&self, group: &GroupRecord) {
        self.transaction.delete(self.name_key(Owner::Group, &group.name));
        if let Some(alias) = &group.alias {
            self.remove_alias_indexes(Owner::Group, alias);
        }
    }

    fn member_key(&self, group: &str, entity: &str) -> String {
        self.key(&format!("group-member/{group}/{entity}"))
    }

    /// The entities in group `id`, in the order in which they came.
    pub(super) async fn members(&self, id: &str) -> Result<Vec<String>, Error> {
        let prefix = self.member_key(id, "");
        let mut members = Vec::new();
        for key in self.transaction.scan_keys(&prefix).await? {
            let place: i64 = self.transaction.get_json(&key).await?.unwrap_or_default();
            members.push((place, key[prefix.len()..].to_owned()));
        }
        members.sort();
        Ok(members.into_iter().map(|(_, id)| id).collect())
    }

    /// How many entities are in group `id`.
    pub(super) async fn count_members(&self, id: &str) -> Result<usize, Error> {
        Ok(self.transaction.scan_keys(&self.member_key(id, "")).await?.len())
    }

    /// Puts `entity` into `group`, at `place` among its members.
    pub(super) fn add_member(&self, group: &str, entity: &str, place: i64) -> Result<(), Error> {
        self.transaction.put_json(&self.member_key(group, entity), &place)?;
        self.transaction.put(self.key(&format!("member/{entity}/{group}")), "");
        self.forget(entity);
        Ok(())
    }

    /// Takes `entity` out of `group`.
    pub(super) fn remove_member(&self, group: &str, entity: &str) {
        self.transaction.delete(self.member_key(group, entity));
        self.transaction.delete(self.key(&format!("member/{entity}/{group}")));
        self.forget(entity);
    }

    /// The groups that `entity` is in itself.
    pub(super) async fn groups_of(&self, entity: &str) -> Result<Vec<GroupRecord>, Error> {
        let prefix = self.key(&format!("member/{entity}/"));
        let mut groups = Vec::new();
        for key in self.transaction.scan_keys(&prefix).await? {
            groups.extend(self.group(&key[prefix.len()..]).await?);
        }
        Ok(groups)
    }

    /// The groups above `groups`, each once and none of `groups`.
    pub(super) async fn groups_above(&self, groups: &[GroupRecord]) -> Result<Vec<GroupRecord>, Error> {
        let mut seen: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
        let mut waiting: Vec<String> = parents_of(groups);
        let mut above = Vec::new();
        while let Some(id) = waiting.pop() {
            if seen.contains(&id) {
                continue;
            }
            let group = self.group(&id).await?;
            waiting.extend(group.iter().flat_map(|group| group.parents().to_vec()));
            above.extend(group);
            seen.push(id);
        }
        above.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(above)
    }

    fn child_key(&self, parent: &str, child: &str) -> String {
        self.key(&format!("group-child/{parent}/{child}"))
    }

    /// The groups in group `id` itself.
    pub(super) async fn children(&self, id: &str) -> Result<Vec<String>, Error> {
        let prefix = self.child_key(id, "");
        let keys = self.transaction.scan_keys(&prefix).await?;
        Ok(keys.into_iter().map(|key| key[prefix.len()..].to_owned()).collect())
    }

    /// Puts group `child` into group `parent`.
    pub(super) fn add_child(&self, parent: &str, child: &GroupRecord) -> Result<(), Error> {
        self.transaction.put(self.child_key(parent, &child.id), "");
        let mut changed = child.clone().settled();
        changed.parent_group_ids.get_or_insert_default().push(parent.to_owned());
        self.write_group(Some(child), &mut changed)
    }

    /// Takes group `child` out of group `parent`.
    pub(super) fn remove_child(&self, parent: &str, child: &GroupRecord) -> Result<(), Error> {
        self.transaction.delete(self.child_key(parent, &child.id));
        let mut changed = child.clone().settled();
        changed.parent_group_ids.get_or_insert_default().retain(|id| id != parent);
        self.write_group(Some(child), &mut changed)
    }

    /// The external groups that `entity` is in.
    pub(super) async fn external_groups_of(&self, entity: &str) -> Result<Vec<GroupRecord>, Error> {
        let groups = self.groups_of(entity).await?;
        Ok(groups.into_iter().filter(|group| group.kind == GroupKind::External).collect())
    }

    /// The ids below a folder of records.
    pub(super) async fn ids(&self, folder: &str) -> Result<Vec<String>, Error> {
        let prefix = self.key(folder);
        let keys = self.transaction.scan_keys(&prefix).await?;
        Ok(keys.into_iter().map(|key| key[prefix.len()..].to_owned()).collect())
    }

    /// What is cached of entity `id` ends with the commit.
    fn forget(&self, id: &str) {
        let (cache, id) = (Arc::clone(self.cache), id.to_owned());
        self.transaction.after_commit(Box::new(move || cache.forget(&id)));
    }

    /// What is cached of all entities ends with the commit.
    fn forget_all(&self) {
        let cache = Arc::clone(self.cache);
        self.transaction.after_commit(Box::new(move || cache.clear()));
    }
}

fn parents_of(groups: &[GroupRecord]) -> Vec<String> {
    groups.iter().flat_map(|group| group.parents().to_vec()).collect()
}
