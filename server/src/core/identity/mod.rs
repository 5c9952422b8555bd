//! Identities: who is behind a token.
//!
//! An [`Entity`] is somebody whom auth methods know by aliases. It has policies of its own and those of its
//! groups and of the groups above them; tokens have them besides their own, as they are at each request.
//! Records and indexes are in `store`; `login` makes and keeps what logins need; `engine` is the API.

mod effective;
mod engine;
mod login;
pub(crate) mod mfa;
pub(crate) mod oidc;
mod record;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::kept::{Kept, size_of_pairs, size_of_texts};

pub(crate) use engine::Identity;
pub(crate) use login::{of_login, refresh_groups};

/// Bytes that effective identities take at most, about.
const MOST_KEPT: usize = 64 << 20;

/// Entities under their own ids, not those of entities that were merged into them. A commit that changes an entity, or
/// who is in which group, forgets it.
pub(crate) type EntityCache = Kept<Entity>;

/// A cache for the identities of a server.
pub(crate) fn cache() -> EntityCache {
    Kept::new(MOST_KEPT)
}

/// An entity with all that follows from its groups, as ACL and lookups need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// UUID, with the namespace's suffix outside of the root.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Chosen by users.
    pub metadata: BTreeMap<String, String>,
    /// Policies that every token of the entity has besides its own: the entity's, then those of groups. Never `root`.
    pub policies: Vec<String>,
    /// Disabled entities' tokens are refused.
    pub disabled: bool,
    /// The names that auth methods know it by.
    pub aliases: Vec<EntityAlias>,
    /// All groups that it is in, also by other groups.
    pub groups: Vec<Group>,
    /// Differs whenever anything of the entity may differ.
    pub revision: u64,
}

impl Entity {
    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        let aliases = self.aliases.iter().map(|alias| {
            let EntityAlias { id, name, mount_accessor, metadata, custom_metadata } = alias;
            size_of_texts([id, name, mount_accessor])
                + size_of_pairs(metadata)
                + size_of_pairs(custom_metadata)
        });
        let groups = self
            .groups
            .iter()
            .map(|group| size_of_texts([&group.id, &group.name]) + size_of_pairs(&group.metadata));
        size_of::<Self>()
            + size_of_texts([&self.id, &self.name])
            + size_of_texts(&self.policies)
            + size_of_pairs(&self.metadata)
            + aliases.chain(groups).sum::<usize>()
    }
}

/// A name that an auth method knows an entity by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityAlias {
    /// UUID, with the namespace's suffix outside of the root.
    pub id: String,
    /// Unique in the mount.
    pub name: String,
    /// Accessor of the mount of the auth method.
    pub mount_accessor: String,
    /// Written by the auth method.
    pub metadata: BTreeMap<String, String>,
    /// Chosen by users.
    pub custom_metadata: BTreeMap<String, String>,
}

/// A group of an entity, as templates need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// UUID, with the namespace's suffix outside of the root.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Chosen by users.
    pub metadata: BTreeMap<String, String>,
}
