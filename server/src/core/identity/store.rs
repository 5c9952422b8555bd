//! Entities and aliases as they are stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Entity;
use crate::barrier::{Barrier, Transaction};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::response::Alias;

/// An entity's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EntityRecord {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) policies: Vec<String>,
    #[serde(default)]
    pub(super) disabled: bool,
    pub(super) aliases: Vec<AliasRecord>,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) changed_at: Timestamp,
}

/// A name that an auth method knows an entity by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AliasRecord {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mount_accessor: String,
    pub(super) mount_type: String,
    pub(super) mount_path: String,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) changed_at: Timestamp,
}

impl From<EntityRecord> for Entity {
    fn from(record: EntityRecord) -> Self {
        let EntityRecord { id, name, metadata, policies, disabled, .. } = record;
        Self { id, name, metadata, policies, disabled }
    }
}

/// The entity that is known by `alias` at the mount of `cx`; it is made if there is none.
pub(crate) async fn of_login(cx: &Context<'_>, alias: &Alias) -> Result<Entity, Error> {
    if alias.name.is_empty() {
        return Err(Error::internal("missing name in alias"));
    }
    let (namespace, transaction) = (&cx.request().namespace, cx.transaction());
    let key = alias_key(namespace, &cx.mount().entry.accessor, &alias.name);
    let mut record = match by_index(transaction, namespace, &key).await? {
        Some(record) => record,
        None => EntityRecord::new(namespace, cx.now()),
    };
    if record.note(cx, alias) {
        transaction.put_json(&entity_key(namespace, &record.id), &record)?;
        transaction.put_json(&name_key(namespace, &record.name), &record.id)?;
        transaction.put_json(&key, &record.id)?;
    }
    Ok(record.into())
}

impl EntityRecord {
    fn new(namespace: &Namespace, now: Timestamp) -> Self {
        Self {
            id: format!("{}{}", uuid::Uuid::new_v4(), namespace.id_suffix()),
            name: format!("entity_{:08x}.{}", rand::random::<u32>(), namespace.id),
            metadata: BTreeMap::new(),
            policies: Vec::new(),
            disabled: false,
            aliases: Vec::new(),
            created_at: now,
            changed_at: now,
        }
    }

    /// Takes `alias` over as this login tells it; whether anything has changed.
    fn note(&mut self, cx: &Context<'_>, alias: &Alias) -> bool {
        let entry = &cx.mount().entry;
        let is_same = |known: &&mut AliasRecord| known.mount_accessor == entry.accessor;
        match self.aliases.iter_mut().find(is_same) {
            Some(known) if known.metadata == alias.metadata => return false,
            Some(known) => {
                known.metadata.clone_from(&alias.metadata);
                known.changed_at = cx.now();
            }
            None => self.aliases.push(AliasRecord {
                id: format!("{}{}", uuid::Uuid::new_v4(), cx.request().namespace.id_suffix()),
                name: alias.name.clone(),
                mount_accessor: entry.accessor.clone(),
                mount_type: entry.kind.clone(),
                mount_path: entry.api_path(),
                metadata: alias.metadata.clone(),
                created_at: cx.now(),
                changed_at: cx.now(),
            }),
        }
        true
    }
}

/// The entity `id` of `namespace`, as of the last commit; `None` if it was deleted.
pub(crate) async fn load(
    barrier: &Barrier,
    namespace: &Namespace,
    id: &str,
) -> Result<Option<Entity>, Error> {
    let Some(bytes) = barrier.get(&entity_key(namespace, id)).await? else { return Ok(None) };
    let record: EntityRecord = serde_json::from_slice(&bytes)?;
    Ok(Some(record.into()))
}

/// The entity `id`.
pub(super) async fn by_id(
    transaction: &Transaction,
    namespace: &Namespace,
    id: &str,
) -> Result<Option<EntityRecord>, Error> {
    Ok(transaction.get_json(&entity_key(namespace, id)).await?)
}

/// The entity whose id is stored under `key`.
pub(super) async fn by_index(
    transaction: &Transaction,
    namespace: &Namespace,
    key: &str,
) -> Result<Option<EntityRecord>, Error> {
    match transaction.get_json::<String>(key).await? {
        Some(id) => by_id(transaction, namespace, &id).await,
        None => Ok(None),
    }
}

/// Before the ids of all entities of `namespace`.
pub(super) fn entity_key(namespace: &Namespace, id: &str) -> String {
    format!("{}sys/identity/entity/{id}", namespace.storage_prefix())
}

/// Before the names of all entities of `namespace`. Names do not differ by case alone.
pub(super) fn name_key(namespace: &Namespace, name: &str) -> String {
    format!("{}sys/identity/name/{}", namespace.storage_prefix(), name.to_lowercase())
}

/// Where the alias `name` of a mount leads on. Names may hold anything, so that their hash stands for them.
pub(super) fn alias_key(namespace: &Namespace, accessor: &str, name: &str) -> String {
    let name = hex::encode(Sha256::digest(name.to_lowercase().as_bytes()));
    format!("{}sys/identity/alias/{accessor}/{name}", namespace.storage_prefix())
}
