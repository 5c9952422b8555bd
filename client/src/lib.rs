//! Client of the Vault API.
//!
//! It sends the requests that `schemas` says to send, and nothing else: a [`Client`] drives the conversation of a
//! kind ([`Client::run`]), with the namespace given for each request, so that one client serves all of them. A
//! [`ReadClient`] is the same without any way to write.
//!
//! Connecting is lazy: making a client touches neither the network nor the disk, but for certificates.

mod credentials;
mod environment;
mod error;
mod mask;
mod namespace;
mod product;
mod read;
mod run;
mod send;
mod settings;
mod tls;
mod url;

pub use credentials::{ChildToken, Credentials, Login};
pub use environment::{Environment, Origin, Origins};
pub use error::{Error, Refusal};
pub use namespace::join as join_namespaces;
pub use product::{Product, Version};
pub use read::ReadClient;
pub use run::{Effect, Failure, Outcome, Transport, converse};
pub use send::Client;
pub use settings::{Settings, Tls, Token};
