//! Text and numbers in clear within fields that hold secrets.

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
    let is_marked = |value: &Val| value.has_open() && !value.has_clear();
    any_hidden(is_hidden(field), &field.shape, value, &|value| {
        (!value.is_secret() && !is_marked(value)) || has_entry(value)
    })
}

/// True if text or a number in clear goes into `field`, or into a field within it, that holds a secret.
pub(crate) fn has_clear(field: &Field, value: &Val) -> bool {
    any_hidden(is_hidden(field), &field.shape, value, &|value| value.has_clear() || has_secret_name(value))
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
            has_entry(value)
                || is_secret_key(name, value)
                || (is_secret_name(name) && !value.is_secret() && value.has_clear())
        }),
        Val::List(items) => items.iter().any(has_entry),
        Val::Late(late) => late.parts().any(has_entry),
        _ => false,
    }
}

/// True if a name within `value` has the form of a secret: a key of a map, or what is taken out of a map.
fn has_secret_name(value: &Val) -> bool {
    match value {
        Val::Map(entries) => {
            entries.iter().any(|(name, value)| is_secret_key(name, value) || has_secret_name(value))
        }
        Val::List(items) => items.iter().any(has_secret_name),
        Val::Late(late) => has_secret_key(late) || late.parts().any(has_secret_name),
        _ => false,
    }
}

/// True for a key with the form of a secret. The mark of its value is one of the key as well, and the key of a
/// secret is that secret's name.
fn is_secret_key(name: &str, value: &Val) -> bool {
    let is_marked = value.has_open() && !value.has_clear();
    looks_secret(name) && !is_marked && !value.is_secret()
}

fn has_secret_key(late: &Late) -> bool {
    matches!(late, Late::Element { key: Val::String(name), .. } if looks_secret(name))
}

/// The texts and numbers in clear of a value, for finding where they stand.
pub(crate) fn clear_parts(value: &Val) -> Vec<String> {
    match value {
        Val::String(text) if !text.is_empty() => vec![text.clone()],
        Val::Number(number) => vec![number.to_string()],
        Val::List(items) => items.iter().flat_map(clear_parts).collect(),
        Val::Map(entries) => {
            let keys = entries.iter().filter(|(name, value)| is_secret_key(name, value));
            keys.map(|(name, _)| name.clone()).chain(entries.values().flat_map(clear_parts)).collect()
        }
        Val::Late(late) => {
            let keys = match &**late {
                Late::Element { key: Val::String(name), .. } if has_secret_key(late) => Some(name.clone()),
                _ => None,
            };
            keys.into_iter().chain(late.parts().flat_map(clear_parts)).collect()
        }
        _ => Vec::new(),
    }
}

/// `value` with every text and number in it that stands in clear made a secret.
pub(super) fn sealed(value: &Val, secret: &dyn Fn(&Val) -> Val) -> Val {
    let all = |items: &[Val]| items.iter().map(|item| sealed(item, secret)).collect::<Vec<_>>();
    match value {
        Val::String(text) if !text.is_empty() => secret(value),
        Val::Number(_) => secret(value),
        Val::List(items) => Val::List(all(items)),
        // A key cannot be a reference; `has_clear` still sees it.
        Val::Map(entries) => {
            Val::Map(entries.iter().map(|(name, value)| (name.clone(), sealed(value, secret))).collect())
        }
        Val::Late(late) => Val::Late(Arc::new(match &**late {
            Late::Concat(parts) => Late::Concat(all(parts)),
            Late::Call { name, arguments } => {
                let argument = |part: &Val| match late.is_steered_by(part) {
                    true => part.clone(),
                    false => sealed(part, secret),
                };
                Late::Call { name: name.clone(), arguments: arguments.iter().map(argument).collect() }
            }
            Late::Element { of, key } => {
                let is_name = !key.is_late() && !has_secret_key(late);
                let key = if is_name { key.clone() } else { sealed(key, secret) };
                Late::Element { of: sealed(of, secret), key }
            }
            other => other.clone(),
        })),
        other => other.clone(),
    }
}
