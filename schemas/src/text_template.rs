//! Templates of text, as Go has them: `{{ .name | lowercase }}`.
//!
//! Known are names, text in quotes, and the functions `replace`, `truncate`, `uppercase`, `lowercase` and `base64`, also
//! in pipes. The rest is refused, so that a template means the same here as in the peers, or nothing.

mod action;
mod value;

use std::borrow::Cow;

use action::Action;
use value::Value;

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate {
    text: String,
    pieces: Vec<Value>,
}

/// Why a template cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is no template; why not, in the words of the peers.
    Unreadable(String),
    /// The peers know this word, and we do not.
    NotBuilt(String),
    /// It can be read, and comes to nothing.
    Inapplicable(String),
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filling<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Something else, which no function takes.
    Other {
        /// How it is written.
        shown: String,
        /// What the peers call its type.
        kind: &'static str,
    },
}

/// Answers what names stand for, dots included; or why for nothing.
pub type Fields<'f, 'a> = &'f dyn Fn(&'a str) -> Result<Filling<'a>, String>;

/// A name that stands for nothing good.
struct Unfilled<'a> {
    name: &'a str,
    left: usize,
    why: String,
}

impl<'a> Unfilled<'a> {
    fn new(name: &'a str, left: usize, why: String) -> Self {
        Self { name, left, why }
    }
}

impl TextTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let action = Action::read(after)?;
            let before = if action.trims_before { before.trim_end() } else { before };
            pieces.push(Value::Text(before.to_owned()));
            pieces.extend(action.value);
            rest = action.rest;
        }
        pieces.push(Value::Text(rest.to_owned()));
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names in it, dots included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().flat_map(Value::names)
    }

    /// The text that it comes to.
    ///
    /// # Errors
    /// Why a name cannot be filled in, in the words of the peers.
    pub fn render<'a>(&'a self, fields: Fields<'_, 'a>) -> Result<String, String> {
        let mut rendered = String::with_capacity(self.text.len());
        for piece in &self.pieces {
            rendered.push_str(&piece.shown(fields).map_err(|unfilled| self.told(&unfilled))?);
        }
        Ok(rendered)
    }

    /// Where the name is: line, and byte in the line. That of its last part is told.
    fn told(&self, Unfilled { name, left, why }: &Unfilled<'_>) -> String {
        let place = self.text.len() - left + name.rfind('.').unwrap_or_default();
        let before = &self.text[..place];
        let line = 1 + before.matches('\n').count();
        let byte = place - before.rfind('\n').map_or(0, |end| end + 1);
        format!("template: template:{line}:{byte}: executing \"template\" at <{name}>: {why}")
    }
}

fn unreadable(why: &str) -> Problem {
    Problem::Unreadable(why.to_owned())
}

fn inapplicable(why: &str) -> Problem {
    Problem::Inapplicable(why.to_owned())
}
