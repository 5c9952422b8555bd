//! A secrets server that speaks the API of Vault and OpenBao.

pub mod barrier;
pub mod seal;
pub mod storage;
