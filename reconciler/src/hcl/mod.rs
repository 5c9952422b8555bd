//! The language: reading files, and evaluating expressions over the parser's tree.
//!
//! Numbers are exact, secrets and what follows from them stay unevaluated ([`crate::value::Late`]), and every
//! error has a place.

mod budget;
pub(crate) mod collections;
mod conceal;
mod convert;
pub(crate) mod evaluate;
mod faults;
pub(crate) mod functions;
mod mend;
pub(crate) mod operators;
mod references;
mod scan;
mod scope;
pub(crate) mod source;
pub(crate) mod template;

pub(crate) use budget::Budget;
pub(crate) use convert::{plain_value, text_of, to_shape};
pub(crate) use evaluate::Evaluator;
pub(crate) use faults::Faults;
pub(crate) use references::variables_in;
pub(crate) use scope::{Objects, Scope};

#[cfg(test)]
mod tests;
