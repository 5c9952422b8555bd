//! A place where an engine or an auth method is mounted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::namespace::Namespace;

/// Secrets engine or auth method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountClass {
    /// Mounted below the namespace itself.
    Secret,
    /// Mounted below `auth/`.
    Auth,
}

/// A mounted engine or auth method, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountEntry {
    /// Secrets engine or auth method.
    pub class: MountClass,
    /// With a slash at its end and without `auth/`: `secret/`, `team/kv/`.
    pub path: String,
    /// `kv`, `approle`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Chosen by users.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `kv_0a1b2c3d`, `auth_approle_0a1b2c3d`.
    pub accessor: String,
    /// Also the storage prefix.
    pub uuid: String,
    /// Limits and switches.
    pub config: MountConfig,
    /// Options of the engine; kv has `version`.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub options: Option<BTreeMap<String, String>>,
    /// The version of its plugin that was asked for by name; empty for whichever is there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin_version: String,
    /// Not replicated; only kept.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub local: bool,
    /// Only kept.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub seal_wrap: bool,
    /// Only kept.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub external_entropy_access: bool,
    /// On its way from another namespace: no request leads to it until all of its records are there.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub tainted: bool,
    /// What it holds is being brought into another form: takes no request until then.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub upgrading: bool,
}

/// Whether a record can leave `value` out.
fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What `tune` changes. Seconds are 0 where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountConfig {
    /// Lifetime of leases and tokens that ask for none; 0: the system's.
    #[serde(skip_serializing_if = "is_usual")]
    pub default_lease_ttl: u64,
    /// Longest lifetime; 0: the system's.
    #[serde(skip_serializing_if = "is_usual")]
    pub max_lease_ttl: u64,
    /// Only kept.
    #[serde(skip_serializing_if = "is_usual")]
    pub force_no_cache: bool,
    /// `service`, `batch`, `default-service`, `default-batch`; empty for secrets engines.
    #[serde(skip_serializing_if = "is_usual")]
    pub token_type: String,
    /// `hidden` or `unauth`.
    #[serde(skip_serializing_if = "is_usual")]
    pub listing_visibility: String,
    /// Request keys that the audit log shows in clear.
    #[serde(skip_serializing_if = "is_usual")]
    pub audit_non_hmac_request_keys: Option<Vec<String>>,
    /// Response keys that the audit log shows in clear.
    #[serde(skip_serializing_if = "is_usual")]
    pub audit_non_hmac_response_keys: Option<Vec<String>>,
    /// Request headers that the engine gets.
    #[serde(skip_serializing_if = "is_usual")]
    pub passthrough_request_headers: Option<Vec<String>>,
    /// Response headers that the engine may set.
    #[serde(skip_serializing_if = "is_usual")]
    pub allowed_response_headers: Option<Vec<String>>,
    /// When failed logins lock out, if it was ever tuned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_lockout: Option<UserLockout>,
}

/// When an auth method locks out who fails to log in. 0 is the system's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLockout {
    /// After how many seconds a failure is forgotten.
    #[serde(rename = "user_lockout_counter_reset_duration")]
    pub counter_reset: u64,
    /// Never lock out.
    #[serde(rename = "user_lockout_disable")]
    pub disable: bool,
    /// How many seconds it lasts.
    #[serde(rename = "user_lockout_duration")]
    pub duration: u64,
    /// Failures in a row that lock out.
    #[serde(rename = "user_lockout_threshold")]
    pub threshold: u64,
}

/// A mount as requests find it: its entry and its namespace.
#[derive(Clone, Debug)]
pub struct Mount {
    /// As stored.
    pub entry: MountEntry,
    /// Where it is.
    pub namespace: Arc<Namespace>,
}

impl MountEntry {
    /// A mount with a new id and accessor, and nothing configured.
    pub fn new(class: MountClass, path: &str, kind: &str) -> Self {
        let accessor_of = kind.strip_prefix("ns_").unwrap_or(kind);
        let class_name = if class == MountClass::Auth { "auth_" } else { "" };
        Self {
            class,
            path: path.to_owned(),
            kind: kind.to_owned(),
            description: String::new(),
            accessor: format!("{class_name}{accessor_of}_{:08x}", rand::random::<u32>()),
            uuid: uuid::Uuid::new_v4().to_string(),
            config: MountConfig::default(),
            options: None,
            plugin_version: String::new(),
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            tainted: false,
            upgrading: false,
        }
    }

    /// Its type without what marks the mounts that every namespace has: `token` for `ns_token`.
    pub fn plain_kind(&self) -> &str {
        self.kind.strip_prefix("ns_").unwrap_or(&self.kind)
    }

    /// Whether it is the mount of the tokens of a namespace that is not root.
    pub fn is_token_store_below_root(&self) -> bool {
        self.kind == "ns_token"
    }

    /// Whether it is one of the mounts that every namespace has.
    pub fn is_permanent(&self) -> bool {
        match self.class {
            MountClass::Secret => matches!(self.path.as_str(), "sys/" | "cubbyhole/" | "identity/"),
            MountClass::Auth => self.path == "token/",
        }
    }

    /// Where requests find it, relative to its namespace: `secret/`, `auth/approle/`.
    pub fn api_path(&self) -> String {
        match self.class {
            MountClass::Secret => self.path.clone(),
            MountClass::Auth => format!("auth/{}", self.path),
        }
    }

    /// The option `name`; empty if it is not set.
    pub fn option(&self, name: &str) -> &str {
        self.options.as_ref().and_then(|options| options.get(name)).map_or("", String::as_str)
    }
}

impl Mount {
    /// Where its records are stored: `[namespaces/<uuid>/]logical/<uuid>/`, or `…auth/<uuid>/`.
    pub fn storage_prefix(&self) -> String {
        let folder = match self.entry.class {
            MountClass::Secret => "logical",
            MountClass::Auth => "auth",
        };
        format!("{}{folder}/{}/", self.namespace.storage_prefix(), self.entry.uuid)
    }
}
