//! `wrap_info` of an answer.

use serde::Serialize;

/// What a client gets instead of the answer it asked to be wrapped.
#[derive(Clone, Debug, Serialize)]
pub struct WrapInfo {
    /// The single-use token.
    pub token: String,
    /// Its accessor.
    pub accessor: String,
    /// Seconds.
    pub ttl: u64,
    /// RFC 3339.
    pub creation_time: String,
    /// Path of the request that was answered.
    pub creation_path: String,
    /// Accessor of the token inside, when a login was wrapped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wrapped_accessor: String,
}
