//! What the kinds of `sys/` share.

pub(crate) mod mounted;
