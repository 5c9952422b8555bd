use crate::shape::{List, Map, MountPath, Seconds, Set};

/// A secrets engine, mounted at a path.
#[derive(schemas::Kind)]
#[kind(name = "mount", list = "sys/mounts", id = "{path}")]
#[kind(path = "sys/mounts/{path}", update = "POST sys/mounts/{path}/tune", strip = "config")]
#[kind(block(name = "mount", label = "path", within = "namespace"))]
pub struct Mount {
    /// Where it is mounted. A change moves the engine with all it holds.
    #[kind(key)]
    pub path: MountPath,
    /// Type of the engine: `kv`, `pki`, …
    #[kind(replaces)]
    pub r#type: String,
    /// Text for people.
    pub description: Option<String>,
    /// Lifetime of leases when a request names none, in seconds. 0: the system's.
    #[kind(filled, api = "config.default_lease_ttl")]
    pub default_lease_ttl_seconds: Option<Seconds>,
    /// Longest lifetime of leases, in seconds. 0: the system's.
    #[kind(filled, api = "config.max_lease_ttl")]
    pub max_lease_ttl_seconds: Option<Seconds>,
    /// Options of the engine's type, such as `version` of kv.
    pub options: Option<Map<String>>,
    /// Response headers that the engine may set.
    #[kind(api = "config.allowed_response_headers")]
    pub allowed_response_headers: Option<List<String>>,
    /// Managed keys that the engine may use.
    #[kind(api = "config.allowed_managed_keys", enterprise)]
    pub allowed_managed_keys: Option<Set<String>>,
}
