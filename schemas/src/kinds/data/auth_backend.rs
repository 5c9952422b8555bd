use crate::behavior::follow_table;
use crate::shape::{MountPath, Seconds};
use crate::{Answer, Behavior, Kind, Operation, Step};

/// An auth method, as it is mounted.
#[derive(schemas::Kind)]
#[kind(name = "auth_backend", class = Data, id = "{path}", behavior = ReadMount)]
#[kind(read = "GET sys/mounts/auth/{path}")]
pub struct AuthBackendData {
    /// Where it is mounted, without `auth/`.
    #[kind(key)]
    pub path: MountPath,
    /// Type of the method: `approle`, `jwt`, ….
    #[kind(output)]
    pub r#type: Option<String>,
    /// Text for people.
    #[kind(output)]
    pub description: Option<String>,
    /// The id that the server gave the mount.
    #[kind(output)]
    pub accessor: Option<String>,
    /// Whether it stays out of replication.
    #[kind(output)]
    pub local: Option<bool>,
    /// Lifetime of tokens when nothing else says, in seconds; 0: the system's.
    #[kind(output, api = "config.default_lease_ttl")]
    pub default_lease_ttl_seconds: Option<Seconds>,
    /// Longest lifetime of tokens, in seconds; 0: the system's.
    #[kind(output, api = "config.max_lease_ttl")]
    pub max_lease_ttl_seconds: Option<Seconds>,
    /// Whether people who are not logged in see it: `unauth` or `hidden`; empty: the default.
    #[kind(output, api = "config.listing_visibility")]
    pub listing_visibility: Option<String>,
}

struct ReadMount;

impl Behavior for ReadMount {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match follow_table(kind, operation, answers) {
            // The server leaves it out where it is empty; configurations put it into texts, which null breaks.
            Step::Done(record) if record.get("listing_visibility").is_null() => {
                Step::Done(record.with("listing_visibility", ""))
            }
            step => step,
        }
    }
}
