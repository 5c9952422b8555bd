//! What a token may do: policies compiled into one matcher.
//!
//! An [`Acl`] is made once per set of policies and shared; [`Acl::check`] then costs about the same for one
//! rule and for thousands. Exact patterns are found by hash, prefixes by binary search, patterns with `+` in
//! a tree of segments. `server/tests/transcripts/acl.md` has the rules as observed on OpenBao 2.7.2.

pub mod builtin;
mod check;
mod compile;
mod parameters;
mod policy;
mod prefixes;
mod segments;
mod shown;

pub use check::{AclRequest, Decision, DeniedReason, Operation};
pub use compile::{Acl, GrantingPolicy};
pub use policy::{ParsedPolicy, PolicyNamespace};

#[cfg(test)]
mod tests;
