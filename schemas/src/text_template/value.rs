//! What an action of a template comes to.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, Fields, Filling, MOST_BYTES};

/// Text, or how it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// As it stands.
    Text(String),
    /// What a name stands for. So much of the template begins with it.
    Field { name: String, left: usize },
    /// Made of other text.
    Replaced { find: Box<Value>, by: Box<Value>, of: Box<Value> },
    /// As many bytes at most.
    Truncated { length: usize, of: Box<Value> },
    /// Made letter by letter.
    Mapped { by: Mapping, of: Box<Value> },
}

/// A function of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapping {
    /// `uppercase`
    Uppercase,
    /// `lowercase`
    Lowercase,
    /// `base64`
    Base64,
}

impl Value {
    /// What is written for it.
    pub(super) fn shown<'a>(&'a self, fields: Fields<'_, 'a>) -> Result<Cow<'a, str>, Failure<'a>> {
        match self {
            Self::Field { name, left } => {
                match fields(name).map_err(|why| Failure::Unfilled { name, left: *left, why })? {
                    Filling::Text(text) => Ok(text),
                    Filling::Other { shown, .. } => Ok(Cow::Owned(shown)),
                }
            }
            other => other.text(fields),
        }
    }

    /// What a function gets of it.
    fn text<'a>(&'a self, fields: Fields<'_, 'a>) -> Result<Cow<'a, str>, Failure<'a>> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Field { name, left } => {
                let unfilled = |why| Failure::Unfilled { name, left: *left, why };
                match fields(name).map_err(unfilled)? {
                    Filling::Text(text) => Ok(text),
                    Filling::Other { kind, .. } => {
                        Err(unfilled(format!("wrong type for value; expected string; got {kind}")))
                    }
                }
            }
            Self::Replaced { find, by, of } => {
                let (find, by) = (find.text(fields)?, by.text(fields)?);
                let of = of.text(fields)?;
                // What it comes to is known before it is made.
                let found = of.matches(&*find).count();
                if found.saturating_mul(by.len()) > MOST_BYTES {
                    return Err(Failure::Endless);
                }
                bounded(of.replace(&*find, &by))
            }
            Self::Truncated { length, of } => Ok(truncated(of.text(fields)?, *length)),
            Self::Mapped { by, of } => bounded(by.apply(&of.text(fields)?)),
        }
    }

    /// The names in it.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Field { name, .. } => vec![name],
            Self::Replaced { find, by, of } => {
                [find, by, of].iter().flat_map(|value| value.names()).collect()
            }
            Self::Truncated { of, .. } | Self::Mapped { of, .. } => of.names(),
        }
    }
}

impl Mapping {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Uppercase => text.to_uppercase(),
            Self::Lowercase => text.to_lowercase(),
            Self::Base64 => STANDARD.encode(text),
        }
    }
}

/// What a function has made, if that is no more than a template may come to.
fn bounded<'a>(text: String) -> Result<Cow<'a, str>, Failure<'a>> {
    if text.len() > MOST_BYTES { Err(Failure::Endless) } else { Ok(Cow::Owned(text)) }
}

/// The first `length` bytes of `text`. What is left of a letter that is cut is no letter that a rule could name.
fn truncated(text: Cow<'_, str>, length: usize) -> Cow<'_, str> {
    if text.len() <= length {
        return text;
    }
    Cow::Owned(String::from_utf8_lossy(&text.as_bytes()[..length]).into_owned())
}
