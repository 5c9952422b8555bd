//! What names mean where an expression stands.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::source::{SourceFile, Span};
use crate::Address;
use crate::value::{SecretRef, Val};

/// The objects that expressions may name.
pub(crate) trait Objects {
    /// The object or objects named by `words` as seen from `scope`, and how many of the words that took.
    /// `None` if there is none.
    fn find(&self, scope: &Address, words: &[String]) -> Option<(Val, usize)>;

    /// True if `word` is the name of a block that makes objects.
    fn is_block(&self, word: &str) -> bool;

    /// The field `field` of an object; `Err` holds the names of its fields if it has no such one.
    fn field(&self, address: &Address, field: &str) -> Result<Val, Vec<&'static str>>;

    /// The names that would be found from `scope`, for a hint.
    fn suggestions(&self, scope: &Address) -> Vec<String>;
}

/// What names mean where an expression stands.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The file the expression is in.
    pub(crate) file: &'a SourceFile,
    /// Values of `var.*`.
    pub(crate) variables: &'a BTreeMap<String, Val>,
    /// `var.x` and `local.y` that have no value because something is wrong with them.
    pub(crate) broken: &'a BTreeSet<String>,
    /// Values of `local.*`.
    pub(crate) locals: &'a BTreeMap<String, Val>,
    /// `each`, within a block with `for_each`.
    pub(crate) each: Option<(&'a str, &'a Val)>,
    /// Where the expression stands.
    pub(crate) at: &'a Address,
    /// The objects; `None` while they are not known yet.
    pub(crate) objects: Option<&'a dyn Objects>,
    /// Gathers the objects that were named.
    pub(crate) uses: &'a RefCell<BTreeSet<Address>>,
    /// Gathers where secrets are named first.
    pub(crate) secrets: &'a RefCell<BTreeMap<SecretRef, Span>>,
    /// True within a template file, which cannot include another.
    pub(crate) in_template: bool,
    /// The objects that each local names.
    pub(crate) local_uses: &'a BTreeMap<String, BTreeSet<Address>>,
}
