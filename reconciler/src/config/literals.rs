//! Text in clear within fields that hold secrets.

use std::sync::Arc;

use schemas::kind::{Part, fields};
use schemas::{Field, Secrecy, Shape};

use crate::value::{Late, Val};

/// How the names of entries end that are secrets themselves.
const SECRET_NAMES: [&str; 8] =
    ["password", "passwd", "passphrase", "pw", "secret", "token", "key", "credential"];

/// True if `field`, or a field within it, holds a secret in clear: a value of which no part is a secret, or an
/// entry beside a secret that by its name is one, too.
pub(super) fn holds_secret(field: &Field, value: &Val) -> bool {
    any_hidden(is_hidden(field), &field.shape, value, &|value| !value.is_secret() || has_entry(value))
}

/// True if text in clear goes into `field`, or into a field within it, that holds a secret.
pub(crate) fn has_text(field: &Field, value: &Val) -> bool {
    any_hidden(is_hidden(field), &field.shape, value, &has_leaf)
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
        Val::Map(entries) => entries.iter().any(|(name, value)| {
            has_entry(value) || (is_secret_name(name) && !value.is_secret() && has_leaf(value))
        }),
        Val::List(items) => items.iter().any(has_entry),
        Val::Late(late) => parts(late).any(has_entry),
        _ => false,
    }
}

fn has_leaf(value: &Val) -> bool {
    match value {
        Val::String(text) => !text.is_empty(),
        Val::List(items) => items.iter().any(has_leaf),
        Val::Map(entries) => entries.values().any(has_leaf),
        Val::Late(late) => parts(late).any(has_leaf),
        _ => false,
    }
}

fn parts(late: &Late) -> impl Iterator<Item = &Val> {
    let (several, one) = match late {
        Late::Concat(parts) | Late::Call { arguments: parts, .. } => (parts.as_slice(), None),
        Late::Element { of, .. } => (&[][..], Some(of)),
        Late::Secret(_) | Late::Output { .. } | Late::Unsettled => (&[][..], None),
    };
    several.iter().chain(one)
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
