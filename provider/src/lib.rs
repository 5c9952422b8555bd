//! The Terraform provider: an interpreter of the kinds that `schemas` declares.
//!
//! No attribute of a resource is named here. [`schema`](mod@schema) makes Terraform schemas of the tables, `plan`
//! plans any kind, and `provider` hands conversations to the client.

mod block;
mod convert;
mod failure;
mod plan;
mod provider;
mod schema;
mod settings;
mod unshown;

pub use provider::VaultProvider;
