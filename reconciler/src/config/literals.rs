//! Text in clear within fields that hold secrets.

use std::sync::Arc;

use schemas::kind::{Part, fields};
use schemas::{Field, Secrecy, Shape};

use super::forms::looks_secret;
use crate::value::{Late, Val};

/// How the names of entries end that are secrets themselves.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "pw", "pwd", "secret", "token", "key", "credential"];

/// True if `field`, or a field within it, holds a secret in clear: a value of which no part is a secret or marked as
/// fit to be seen, or text beside a secret that by its name or its form is one, too.
pub(super) fn holds_secret(field: &Field, value: &Val) -> bool {
    let is_marked = |value: &Val| value.has_open() && !value.has_text();
    any_hidden(is_hidden(field), &field.shape, value, &|value| {
        (!value.is_secret() && !is_marked(value)) || has_entry(value)
    })
}

/// True if text in clear goes into `field`, or into a field within it, that holds a secret.
pub(crate) fn has_text(field: &Field, value: &Val) -> bool {
    any_hidden(is_hidden(field), &field.shape, value, &Val::has_text)
}

fn is_hidden(field: &Field) -> bool {
    field.secrecy != Secrecy::Plain
}

fn any_hidden(hidden: bool, shape: &Shape, value: &Val, holds: &dyn Fn(&Val) -> bool) -> bool {
    if *value == Val::Null {
        return false;
    }
    if hidden {
        return holds(value);
    }
    let within = |parts: &'static [Part], value: &Val| match value {
        Val::Map(entries) => fields(parts).any(|field| {
            let value = entries.get(field.name);
            value.is_some_and(|value| any_hidden(is_hidden(field), &field.shape, value, holds))
        }),
        _ => false,
    };
    match (shape, value) {
        (Shape::Block { parts, .. } | Shape::List(Shape::Object(parts)), Val::List(items)) => {
            items.iter().any(|item| within(parts, item))
        }
        (Shape::Object(parts), value) => within(parts, value),
        _ => false,
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.contains("public") && SECRET_NAMES.iter().any(|end| name.trim_end_matches('s').ends_with(end))
}

fn has_entry(value: &Val) -> bool {
    match value {
        Val::String(text) => looks_secret(text),
        Val::Map(entries) => entries.iter().any(|(name, value)| {
            has_entry(value) || (is_secret_name(name) && !value.is_secret() && has_content(value))
        }),
        Val::List(items) => items.iter().any(has_entry),
        Val::Late(late) => late.parts().any(has_entry),
        _ => false,
    }
}

/// True for text, and for a number, which may be a PIN.
fn has_content(value: &Val) -> bool {
    matches!(value, Val::Number(_)) || value.has_text()
}

/// The texts in clear of a value, for finding where they stand.
pub(crate) fn texts(value: &Val) -> Vec<&str> {
    match value {
        Val::String(text) if !text.is_empty() => vec![text],
        Val::List(items) => items.iter().flat_map(texts).collect(),
        Val::Map(entries) => entries.values().flat_map(texts).collect(),
        Val::Late(late) => late.parts().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// `value` with every text in it that stands in clear made a secret.
pub(super) fn sealed(value: &Val, secret: &dyn Fn(&Val) -> Val) -> Val {
    let all = |items: &[Val]| items.iter().map(|item| sealed(item, secret)).collect::<Vec<_>>();
    match value {
        Val::String(text) if !text.is_empty() => secret(value),
        Val::List(items) => Val::List(all(items)),
        Val::Map(entries) => {
            Val::Map(entries.iter().map(|(name, value)| (name.clone(), sealed(value, secret))).collect())
        }
        Val::Late(late) => Val::Late(Arc::new(match &**late {
            Late::Concat(parts) => Late::Concat(all(parts)),
            Late::Call { name, arguments } => Late::Call { name: name.clone(), arguments: all(arguments) },
            Late::Element { of, key } => Late::Element { of: sealed(of, secret), key: key.clone() },
            other => other.clone(),
        })),
        other => other.clone(),
    }
}
