//! Entities, aliases and groups as they are stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::namespace::Namespace;

/// Metadata: null where none was ever given.
pub(super) type Metadata = Option<BTreeMap<String, String>>;

/// An entity's record. Its groups are in the index of members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EntityRecord {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Metadata,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) policies: Vec<String>,
    #[serde(default)]
    pub(super) disabled: bool,
    pub(super) aliases: Vec<AliasRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) merged_entity_ids: Vec<String>,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) changed_at: Timestamp,
}

/// A name that an auth method knows an entity or an external group by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AliasRecord {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mount_accessor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) custom_metadata: Metadata,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) merged_from_canonical_ids: Vec<String>,
    #[serde(default)]
    pub(super) local: bool,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) changed_at: Timestamp,
}

/// A group's record. Members that are entities are keys of their own, so that a login into a group of many
/// members writes little.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupRecord {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: GroupKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policies: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent_group_ids: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alias: Option<AliasRecord>,
    /// Shows no members as an empty list instead of null, until the next change.
    #[serde(default)]
    pub(super) is_emptied: bool,
    pub(super) modify_index: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub(super) changed_at: Timestamp,
}

/// Who says who is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GroupKind {
    /// Whoever writes the group.
    Internal,
    /// The auth methods, by the group's alias.
    External,
}

impl GroupKind {
    /// The word of the API.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// A new id of `namespace`: UUID and suffix.
pub(super) fn new_id(namespace: &Namespace) -> String {
    format!("{}{}", uuid::Uuid::new_v4(), namespace.id_suffix())
}

/// A name for what was given none.
pub(super) fn new_name(sort: &str, namespace: &Namespace) -> String {
    format!("{sort}_{:08x}.{}", rand::random::<u32>(), namespace.id)
}

impl EntityRecord {
    /// An entity of `namespace` without aliases.
    pub(super) fn new(namespace: &Namespace, now: Timestamp) -> Self {
        Self {
            id: new_id(namespace),
            name: new_name("entity", namespace),
            metadata: None,
            policies: Vec::new(),
            disabled: false,
            aliases: Vec::new(),
            merged_entity_ids: Vec::new(),
            created_at: now,
            changed_at: now,
        }
    }

    /// As it is before a change: the API forgets whether what is empty was ever given.
    pub(super) fn settled(mut self) -> Self {
        self.metadata = settled(self.metadata);
        self.aliases = self.aliases.into_iter().map(AliasRecord::settled).collect();
        self
    }

    /// Its alias at a mount.
    pub(super) fn alias_at(&self, accessor: &str) -> Option<&AliasRecord> {
        self.aliases.iter().find(|alias| alias.mount_accessor == accessor)
    }
}

impl AliasRecord {
    /// An alias that is not attached to anything yet.
    pub(super) fn new(namespace: &Namespace, name: &str, accessor: &str, now: Timestamp) -> Self {
        Self {
            id: new_id(namespace),
            name: name.to_owned(),
            mount_accessor: accessor.to_owned(),
            metadata: None,
            custom_metadata: None,
            merged_from_canonical_ids: Vec::new(),
            local: false,
            created_at: now,
            changed_at: now,
        }
    }

    fn settled(mut self) -> Self {
        self.metadata = settled(self.metadata);
        self.custom_metadata = settled(self.custom_metadata);
        self
    }
}

impl GroupRecord {
    /// A group of `namespace` without members.
    pub(super) fn new(namespace: &Namespace, kind: GroupKind, now: Timestamp) -> Self {
        Self {
            id: new_id(namespace),
            name: new_name("group", namespace),
            kind,
            metadata: None,
            policies: None,
            parent_group_ids: None,
            alias: None,
            is_emptied: false,
            modify_index: 0,
            created_at: now,
            changed_at: now,
        }
    }

    /// The groups that it is in itself.
    pub(super) fn parents(&self) -> &[String] {
        self.parent_group_ids.as_deref().unwrap_or_default()
    }

    /// As [`EntityRecord::settled`].
    pub(super) fn settled(mut self) -> Self {
        self.metadata = settled(self.metadata);
        self.policies = self.policies.filter(|policies| !policies.is_empty());
        self.parent_group_ids = self.parent_group_ids.filter(|parents| !parents.is_empty());
        self.alias = self.alias.map(AliasRecord::settled);
        self.is_emptied = false;
        self
    }
}

fn settled(metadata: Metadata) -> Metadata {
    metadata.filter(|metadata| !metadata.is_empty())
}
