//! Templates of text, as Go has them: `{{ .name | lowercase }}`.
//!
//! Known are names, text in quotes, and the functions `replace`, `truncate`, `uppercase`, `lowercase` and `base64`, also
//! in pipes. The rest is refused, so that a template means the same here as in the peers, or nothing.

mod action;
mod value;

use std::borrow::Cow;

use action::Action;
use value::Value;

/// Commands of one template: names, texts and functions. Somebody fills it in for each name of a list.
const MOST_COMMANDS: usize = 32;
/// Bytes that a template, or a value in it, may come to: more than any path or name has.
const MOST_BYTES: usize = 8 << 10;

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

/// Why a template comes to nothing.
enum Failure<'a> {
    /// A name stands for nothing good.
    Unfilled { name: &'a str, left: usize, why: String },
    /// It comes to more than [`MOST_BYTES`].
    Endless,
}

impl TextTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut commands = 0;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let action = Action::read(after)?;
            let before = if action.trims_before { before.trim_end() } else { before };
            pieces.push(Value::Text(before.to_owned()));
            pieces.extend(action.value);
            commands += action.commands;
            if commands > MOST_COMMANDS {
                return Err(too_long());
            }
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
    /// Why a name cannot be filled in, in the words of the peers; or that the text would be too long.
    pub fn render<'a>(&'a self, fields: Fields<'_, 'a>) -> Result<String, String> {
        let mut rendered = String::with_capacity(self.text.len());
        for piece in &self.pieces {
            let shown = piece.shown(fields).map_err(|failure| self.told(&failure))?;
            if rendered.len() + shown.len() > MOST_BYTES {
                return Err(self.told(&Failure::Endless));
            }
            rendered.push_str(&shown);
        }
        Ok(rendered)
    }

    /// For a name, where it is: line, and byte in the line. That of its last part is told.
    fn told(&self, failure: &Failure<'_>) -> String {
        let Failure::Unfilled { name, left, why } = failure else {
            return format!("the text is longer than {MOST_BYTES} bytes");
        };
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

fn too_long() -> Problem {
    inapplicable(&format!("the template has more than {MOST_COMMANDS} commands"))
}

fn inapplicable(why: &str) -> Problem {
    Problem::Inapplicable(why.to_owned())
}
