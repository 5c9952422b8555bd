//! What the two value codecs share.

use std::fmt;

use crate::path::{AttributePath, Step};

/// How deep a value may nest; deeper ones are refused, so that hostile input cannot exhaust the stack.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why bytes are no value of a type, or a value does not fit its type, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct CodecError {
    /// Innermost step first.
    steps: Vec<Step>,
    problem: String,
}

impl CodecError {
    pub(crate) fn new(problem: impl Into<String>) -> CodecError {
        CodecError { steps: Vec::new(), problem: problem.into() }
    }

    /// The same error, seen from one step further out.
    pub(crate) fn inside(mut self, step: Step) -> CodecError {
        self.steps.push(step);
        self
    }

    /// The part of the value at fault.
    pub fn path(&self) -> AttributePath {
        AttributePath { steps: self.steps.iter().rev().cloned().collect() }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "`{}`: {}", self.path(), self.problem)
        }
    }
}

impl std::error::Error for CodecError {}

/// The depth one level further in.
pub(crate) fn deeper(depth: usize) -> Result<usize, CodecError> {
    if depth < MAX_DEPTH {
        Ok(depth + 1)
    } else {
        Err(CodecError::new(format!("nested deeper than {MAX_DEPTH}")))
    }
}
