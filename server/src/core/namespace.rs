//! Namespaces: each has its own mounts, auth methods, policies and identities.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::barrier::NAMESPACES;

/// A namespace. Requests, tokens, mounts and policies hold it by `Arc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Six characters, or `root`. Ends the ids of tokens, accessors and leases of the namespace.
    pub id: String,
    /// Also the storage prefix of everything in it.
    pub uuid: String,
    /// Whole path from the root with a slash at its end, `team/app/`; empty for the root namespace.
    pub path: String,
    /// Chosen by users; the server only keeps it.
    #[serde(default)]
    pub custom_metadata: BTreeMap<String, String>,
    /// Being deleted: takes no request.
    #[serde(default)]
    pub tainted: bool,
    /// SHA-256 of the key that unlocks its API, hexadecimal; empty while it is open.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lock: String,
    /// Whether it has a seal of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealable: bool,
    /// Where the innermost namespace with a seal of its own that it lies in is stored; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub within: String,
}

impl Namespace {
    /// The root namespace.
    pub fn root() -> Arc<Self> {
        Arc::new(Self {
            id: "root".to_owned(),
            uuid: String::new(),
            path: String::new(),
            custom_metadata: BTreeMap::new(),
            tainted: false,
            lock: String::new(),
            sealable: false,
            within: String::new(),
        })
    }

    /// Whether it is the root namespace.
    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether requests to it are refused until it is unlocked.
    pub fn is_locked(&self) -> bool {
        !self.lock.is_empty()
    }

    /// Whether it is `other` or lies below it.
    pub fn is_within(&self, other: &Namespace) -> bool {
        self.path.starts_with(&other.path)
    }

    /// Where the records of the namespace are stored: empty, or `namespaces/<uuid>/`, below that of the namespace whose
    /// keys encrypt them.
    pub fn storage_prefix(&self) -> String {
        if self.is_root() { String::new() } else { format!("{}{NAMESPACES}{}/", self.within, self.uuid) }
    }

    /// Before all that is encrypted by the keys that encrypt its records: empty for those of the server.
    pub fn domain(&self) -> String {
        if self.sealable { self.storage_prefix() } else { self.within.clone() }
    }

    /// What ends the ids that belong to it: empty for the root, else `.a1B2c3`.
    pub fn id_suffix(&self) -> String {
        if self.is_root() { String::new() } else { format!(".{}", self.id) }
    }
}
