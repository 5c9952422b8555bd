//! Identities: who is behind a token.
//!
//! An [`Entity`] is somebody whom auth methods know by aliases. It has policies of its own and those of its
//! groups and of the groups above them; tokens have them besides their own, as they are at each request.
//! Records and indexes are in `store`; `login` makes and keeps what logins need; `engine` is the API.

mod cache;
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

pub(crate) use cache::EntityCache;
pub(crate) use engine::Identity;
pub(crate) use login::{of_login, refresh_groups};

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
