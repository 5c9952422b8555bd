use crate::behavior::follow_table;
use crate::kinds::exchange::when_ready;
use crate::shape::{MountPath, Seconds};
use crate::{Answer, Behavior, Kind, Operation, Step};

/// Settings of a key/value engine of version 2. Destroy leaves them as they are.
#[derive(schemas::Kind)]
#[kind(name = "kv_secret_backend_v2", id = "{mount}/config", behavior = WhenReady)]
#[kind(path = "{mount}/config", create = "PUT", delete = "none")]
#[kind(block(name = "config", within = "mount", container = "mount", types("kv", "kv-v2")))]
pub struct KvSecretBackendV2 {
    /// Path of the engine.
    #[kind(key, replaces)]
    pub mount: MountPath,
    /// How many versions are kept of each secret; 0: the engine's default.
    #[kind(filled)]
    pub max_versions: Option<i64>,
    /// Every write must name the version it expects (`cas`).
    #[kind(filled)]
    pub cas_required: Option<bool>,
    /// Every write of metadata must name the version it expects (`metadata_cas`). OpenBao only.
    #[kind(openbao)]
    pub metadata_cas_required: Option<bool>,
    /// Seconds after which a version is deleted; 0: never.
    pub delete_version_after: Option<Seconds>,
}

struct WhenReady;

impl Behavior for WhenReady {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        when_ready(answers, |answers| follow_table(kind, operation, answers))
    }
}
