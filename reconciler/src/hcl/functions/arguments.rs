//! Arguments of a function, and what can be wrong with them.

use std::collections::BTreeMap;

use schemas::Number;

use crate::hcl::{operators, text_of};
use crate::value::Val;

/// What is wrong with a call. Holds no argument's content, which may be secret.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) text: String,
    /// With which argument, from 0.
    pub(crate) argument: Option<usize>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None, hint: None }
    }

    pub(crate) fn of(mut self, argument: usize) -> Self {
        self.argument = Some(argument);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The arguments of a call.
pub(crate) struct Arguments(pub(crate) Vec<Val>);

impl Arguments {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn value(&self, index: usize) -> &Val {
        self.0.get(index).unwrap_or(&Val::Null)
    }

    fn wrong(&self, index: usize, wanted: &str) -> Fault {
        let given = self.value(index).describe();
        Fault::new(format!("argument {} must be {wanted}, and this is {given}", index + 1)).of(index)
    }

    pub(super) fn text(&self, index: usize) -> Result<String, Fault> {
        text_of(self.value(index)).ok_or_else(|| self.wrong(index, "text"))
    }

    pub(super) fn number(&self, index: usize) -> Result<Number, Fault> {
        operators::number(self.value(index)).ok_or_else(|| self.wrong(index, "a number"))
    }

    pub(super) fn whole(&self, index: usize) -> Result<i64, Fault> {
        self.number(index)?.as_i64().ok_or_else(|| self.wrong(index, "a whole number"))
    }

    pub(super) fn list(&self, index: usize) -> Result<&[Val], Fault> {
        match self.value(index) {
            Val::List(items) => Ok(items),
            _ => Err(self.wrong(index, "a list")),
        }
    }

    pub(super) fn map(&self, index: usize) -> Result<&BTreeMap<String, Val>, Fault> {
        match self.value(index) {
            Val::Map(entries) => Ok(entries),
            _ => Err(self.wrong(index, "a map")),
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, index: usize) -> Result<Vec<String>, Fault> {
        let texts = self.list(index)?.iter().map(text_of).collect::<Option<Vec<_>>>();
        texts.ok_or_else(|| self.wrong(index, "a list of texts"))
    }
}
