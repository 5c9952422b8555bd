//! Harness of the acceptance tests: real servers, real `terraform`, real `lockstep`, each as a process of its own.
//!
//! # Layout
//!
//! - [`programs`] finds the binaries, and says which command to run when one is missing.
//! - [`Server`] starts OpenBao or our server on a free port with a folder of its own, and ends it when dropped.
//! - [`Terraform`] and [`Lockstep`] run the two clients in a folder of their own.
//! - [`script`] reads request files and replays them; [`mask`] hides what differs in every run.
//! - `order` compares the order of names in the answers with the peer's.
//! - [`surface`] tells which operations of the API the request files cover.
//! - [`openapi`] reads the description that a server gives of its API.
//! - [`exceptions`] reads the lists of known exceptions, which can only shrink.
//!
//! Everything answers `Result<_, String>`: the text is what a person reads when a case fails, so it holds the
//! command, its output and the end of the server's log.

pub mod cases;
pub mod exceptions;
pub mod http;
mod lockstep;
pub mod mask;
pub mod openapi;
mod order;
pub mod programs;
pub mod run;
pub mod script;
mod server;
pub mod stand_in;
pub mod surface;
mod terraform;
pub mod wire;

pub use http::{Call, Reply};
pub use lockstep::Lockstep;
pub use server::{Flavor, Server};
pub use terraform::Terraform;
