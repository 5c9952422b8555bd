//! A secrets server that speaks the API of Vault and OpenBao.

pub mod storage;
