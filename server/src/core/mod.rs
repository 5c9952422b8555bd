//! The core: everything between the HTTP layer and the engines.
//!
//! A [`Request`](request::Request) is made once at the edge. The pipeline finds its namespace, token, ACL
//! and mount; the [engine](engine) works in one transaction, which is committed before anything is answered.

pub mod acl;
pub(crate) mod approval;
pub(crate) mod clearing;
pub mod clock;
pub mod context;
pub(crate) mod cors;
pub mod engine;
pub mod error;
pub(crate) mod exact;
mod filter;
pub(crate) mod glob;
pub(crate) mod go_base64;
pub(crate) mod go_json;
pub(crate) mod go_text;
pub(crate) mod help;
pub mod identity;
pub(crate) mod inline;
pub mod input;
pub(crate) mod kept;
pub(crate) mod latency;
pub(crate) mod lease;
pub(crate) mod lenient;
pub mod limits;
pub mod mount;
pub(crate) mod mount_table;
pub(crate) mod moving;
pub mod namespace;
pub(crate) mod object;
pub(crate) mod openapi;
pub mod password_policy;
pub mod path;
pub mod pattern;
pub(crate) mod pipeline;
pub mod policies;
pub(crate) mod quota;
mod render;
pub mod request;
pub mod response;
pub(crate) mod rotation;
mod sealing;
mod shards;
pub(crate) mod slow;
pub mod state;
pub mod token;
pub(crate) mod topology;
pub(crate) mod traffic;
pub(crate) mod weak;
pub mod wrap;
pub(crate) mod wrapping;

#[cfg(test)]
pub(crate) mod testing;
