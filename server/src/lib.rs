//! A secrets server that speaks the API of Vault and OpenBao.

pub mod auth;
pub mod barrier;
pub mod config;
pub mod core;
pub mod engines;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod log;
pub mod seal;
pub mod storage;

mod http;
mod server;
mod sys;
mod tls;

pub use server::{DevKeys, Server, StartError};

/// The version of OpenBao whose API this server speaks; what it tells its clients.
pub const VERSION: &str = "2.7.2";

/// When that version was made.
const COMMIT_DATE: &str = "2026-10-26T20:32:27Z";
