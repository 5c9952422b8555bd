//! A secrets server that speaks the API of Vault and OpenBao.

pub mod barrier;
pub mod config;
pub mod seal;
pub mod storage;
