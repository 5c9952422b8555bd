//! Identities: who is behind a token.

mod engine;
mod store;

use std::collections::BTreeMap;

pub(crate) use engine::Identity;
pub(crate) use store::{load, of_login};

/// An entity, as ACL templates and lookups need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// UUID, with the namespace's suffix outside of the root.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Chosen by users.
    pub metadata: BTreeMap<String, String>,
    /// Policies that every token of the entity has besides its own, groups included.
    pub policies: Vec<String>,
    /// Disabled entities' tokens are refused.
    pub disabled: bool,
}
