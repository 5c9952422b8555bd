//! A secrets server that speaks the API of Vault and OpenBao.

pub mod auth;
pub mod barrier;
pub mod config;
pub mod core;
pub mod engines;
pub mod seal;
pub mod storage;
