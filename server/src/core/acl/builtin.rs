//! The policies every namespace has.

/// What a token with the policy `default` may do: look after itself, its cubbyhole, its leases, and use
/// wrapping and the tools. The same paths and capabilities as OpenBao's.
pub const DEFAULT: &str = include_str!("builtin/default.hcl");

/// What a wrapping token may do.
pub const RESPONSE_WRAPPING: &str = include_str!("builtin/response-wrapping.hcl");
