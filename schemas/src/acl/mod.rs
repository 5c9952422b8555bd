//! The language of ACL policies: reading, comparing and writing them.
//!
//! A policy is a list of rules, one per path pattern. [`AclPolicy::parse`] reads HCL or JSON and reports
//! every mistake at once, each with its place and a hint; [`AclPolicy::same`] compares two texts by what
//! they mean; [`AclPolicy`]'s `Display` writes the canonical text. What a set of policies then allows is
//! the server's business.

mod advice;
mod capability;
mod control_group;
mod decode;
mod document;
pub(crate) mod error;
mod filter_path;
pub mod hcl1;
mod parse;
mod pattern;
mod render;
mod rule;
mod same;
mod stored;
mod template;
pub mod timestamp;
mod value;

pub use advice::{root_protected, stanza};
pub use capability::{Capabilities, Capability};
pub use control_group::{ControlGroup, ControlGroupFactor};
pub use document::{DocumentRule, document_id, render_policy_document};
pub use error::{Finding, PolicyError};
pub use filter_path::FilterPath;
pub use pattern::{PathPattern, PatternKind};
pub use rule::{AclPolicy, Parameters, PathRule};
pub use stored::stored_text;
pub use template::{ForbiddenValue, Piece, RenderedPolicy, Substitutions, Unbalanced, is_templated, pieces};
pub use value::ParameterValue;

#[cfg(test)]
mod tests;
