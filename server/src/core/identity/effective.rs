//! What an entity is worth: its own policies and those of all its groups.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::record::{EntityRecord, GroupRecord};
use super::store::Store;
use super::{Entity, EntityAlias, Group};
use crate::barrier::Transaction;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::policies::normal_name;
use crate::core::state::Core;

/// Numbers the states of entities that were read: matchers of templated policies are kept for one state.
static REVISION: AtomicU64 = AtomicU64::new(1);

impl Core {
    /// The entity that tokens name by `id`, with its groups; `None` if it was deleted.
    ///
    /// # Errors
    /// Only if the storage fails.
    pub(crate) async fn identity(
        &self,
        namespace: &Namespace,
        id: &str,
    ) -> Result<Option<Arc<Entity>>, Error> {
        let mut id = Cow::Borrowed(id);
        loop {
            if let Some(entity) = self.identities.find(&id) {
                return Ok(Some(entity));
            }
            let epoch = self.identities.epoch(&id);
            let transaction = self.barrier.begin();
            let store = Store::new(&transaction, namespace, &self.identities);
            let Some(record) = store.entity(&id).await? else {
                // It is kept under its own id alone: changes forget that one.
                match store.merged_into(&id).await? {
                    Some(own) => id = Cow::Owned(own),
                    None => return Ok(None),
                }
                continue;
            };
            let entity = Arc::new(effective(&store, record).await?);
            // Entity and groups are read one after the other; between two changes they may fit no moment.
            if self.identities.keep(&id, &entity, entity.size() + id.len(), epoch) {
                return Ok(Some(entity));
            }
        }
    }

    /// As [`identity`](Self::identity), as `transaction` sees it.
    pub(crate) async fn identity_in(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
    ) -> Result<Option<Entity>, Error> {
        let store = Store::new(transaction, namespace, &self.identities);
        match store.entity_even_merged(id).await? {
            Some(record) => effective(&store, record).await.map(Some),
            None => Ok(None),
        }
    }
}

/// `record` with its groups.
pub(super) async fn effective(store: &Store<'_>, record: EntityRecord) -> Result<Entity, Error> {
    let mut groups = store.groups_of(&record.id).await?;
    groups.extend(store.groups_above(&groups).await?);
    let mut policies = record.policies;
    policies.extend(policies_of(&groups));
    // Nobody becomes root by an identity, whatever was stored.
    policies.retain(|name| !name.trim().eq_ignore_ascii_case("root"));
    let alias = |alias: super::record::AliasRecord| EntityAlias {
        id: alias.id,
        name: alias.name,
        mount_accessor: alias.mount_accessor,
        metadata: alias.metadata.unwrap_or_default(),
        custom_metadata: alias.custom_metadata.unwrap_or_default(),
    };
    Ok(Entity {
        id: record.id,
        name: record.name,
        metadata: record.metadata.unwrap_or_default(),
        policies,
        disabled: record.disabled,
        aliases: record.aliases.into_iter().map(alias).collect(),
        groups: groups.into_iter().map(group).collect(),
        revision: REVISION.fetch_add(1, Ordering::Relaxed),
    })
}

fn policies_of(groups: &[GroupRecord]) -> Vec<String> {
    let of_groups = groups.iter().filter_map(|group| group.policies.as_ref()).flatten();
    let mut policies: Vec<String> = of_groups.map(|name| normal_name(name)).collect();
    policies.sort();
    policies.dedup();
    policies
}

fn group(record: GroupRecord) -> Group {
    Group { id: record.id, name: record.name, metadata: record.metadata.unwrap_or_default() }
}
