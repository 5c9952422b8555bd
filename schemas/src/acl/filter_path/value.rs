//! What an action of a template comes to.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Text, or how it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// As it stands.
    Text(String),
    /// The path of the list.
    Path,
    /// The key that is decided on.
    Key,
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
    /// The text for `key` of the list at `path`.
    pub(super) fn render<'a>(&'a self, path: &'a str, key: &'a str) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Path => Cow::Borrowed(path),
            Self::Key => Cow::Borrowed(key),
            Self::Replaced { find, by, of } => {
                let (find, by) = (find.render(path, key), by.render(path, key));
                Cow::Owned(of.render(path, key).replace(&*find, &by))
            }
            Self::Truncated { length, of } => truncated(of.render(path, key), *length),
            Self::Mapped { by, of } => Cow::Owned(by.apply(&of.render(path, key))),
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

/// The first `length` bytes of `text`. What is left of a letter that is cut is no letter that a rule could name.
fn truncated(text: Cow<'_, str>, length: usize) -> Cow<'_, str> {
    if text.len() <= length {
        return text;
    }
    Cow::Owned(String::from_utf8_lossy(&text.as_bytes()[..length]).into_owned())
}
