//! The seal: what guards the root key of the barrier.

/// Where the configuration of the seal is stored, in the clear.
pub const SEAL_CONFIG_KEY: &str = "core/seal-config";
