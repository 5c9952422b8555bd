//! Terraform providers in Rust.
//!
//! A provider implements [`Provider`] on plain values and hands itself to [`serve`]; the crate speaks plugin
//! protocol 6 to Terraform and OpenTofu: handshake, mutual TLS, schemas, the value codecs, diagnostics, logs,
//! and an end of the process when its host has gone.
//!
//! `examples/terraform-provider-notes.rs` is a whole provider in 300 lines: a resource, a data source, an ephemeral
//! resource and a function. The tests run Terraform with it. A provider's own tests may use [`serve_reattach`],
//! which needs no process.
//!
//! It knows nothing of what is being provided.

mod codec;
mod cty;
mod diagnostic;
pub mod json;
mod log;
pub mod msgpack;
mod number;
mod path;
mod provider;
mod schema;
mod serve;
mod value;
mod wire;

pub use codec::CodecError;
pub use cty::{Type, TypeError};
pub use diagnostic::{Diagnostic, Severity};
pub use number::{Number, NumberError};
pub use path::{AttributePath, Step};
pub use provider::*;
pub use schema::*;
pub use serve::{Reattach, serve, serve_reattach};
pub use value::Value;

/// What a provider needs to write `impl Provider`.
pub use async_trait::async_trait;
