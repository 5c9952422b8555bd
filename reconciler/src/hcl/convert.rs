//! Values in the form that a field wants.

use schemas::Shape;
use schemas::kind::{Part, fields};
use schemas::{Value, json};

use super::operators;
use crate::value::{Late, Val};

/// The text of a value: its own, a number's digits, a truth value's word, an object's name.
pub(crate) fn text_of(value: &Val) -> Option<String> {
    match value {
        Val::String(text) => Some(text.clone()),
        Val::Number(number) => Some(number.to_string()),
        Val::Bool(value) => Some(value.to_string()),
        Val::Object(address) => address.last().map(|step| step.label.clone()),
        Val::Late(late) => match &**late {
            Late::Open(value) => text_of(value),
            _ => None,
        },
        _ => None,
    }
}

/// The value as the server and JSON know it; `None` if a part of it is known only while applying.
pub(crate) fn plain_value(value: &Val) -> Option<Value> {
    Some(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Number(number) => Value::Number(number.clone()),
        Val::String(text) => Value::String(text.clone()),
        Val::Object(_) => Value::String(text_of(value)?),
        Val::List(items) => Value::List(items.iter().map(plain_value).collect::<Option<_>>()?),
        Val::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Some((key.clone(), plain_value(value)?)));
            Value::Map(entries.collect::<Option<_>>()?)
        }
        Val::Late(late) => match &**late {
            Late::Open(value) => plain_value(value)?,
            _ => return None,
        },
    })
}

/// `value` as a field of `shape` has it, where there is one way to see it so; else as it is, for the check to
/// complain about.
pub(crate) fn to_shape(shape: &Shape, value: Val) -> Val {
    match (shape, value) {
        (_, late @ (Val::Late(_) | Val::Null)) => late,
        (Shape::Bool, value) => operators::truth(&value).map_or(value, Val::Bool),
        (Shape::Integer, value @ Val::String(_)) => operators::number(&value).map_or(value, Val::Number),
        (Shape::Text(_) | Shape::Duration, value) => text_of(&value).map_or(value, Val::String),
        (Shape::Json, value @ (Val::Map(_) | Val::List(_))) => json_text(value),
        (Shape::List(inner) | Shape::Set(inner), Val::List(items)) => {
            Val::List(items.into_iter().map(|item| to_shape(inner, item)).collect())
        }
        (Shape::Map(inner), Val::Map(entries)) => {
            Val::Map(entries.into_iter().map(|(key, value)| (key, to_shape(inner, value))).collect())
        }
        (Shape::Block { parts, .. }, Val::List(items)) => {
            Val::List(items.into_iter().map(|item| object(parts, item)).collect())
        }
        (Shape::Block { parts, .. }, single @ Val::Map(_)) => Val::List(vec![object(parts, single)]),
        (Shape::Object(parts), value) => object(parts, value),
        (_, value) => value,
    }
}

fn json_text(value: Val) -> Val {
    match plain_value(&value) {
        Some(plain) if !value.has_open() => json::render(&plain).into(),
        Some(plain) if !value.has_clear() => Val::from(json::render(&plain)).open(),
        _ => Val::late(Late::Call { name: "jsonencode".to_owned(), arguments: vec![value] }),
    }
}

fn object(parts: &'static [Part], value: Val) -> Val {
    let Val::Map(entries) = value else { return value };
    let shape = |name: &str| fields(parts).find(|field| field.name == name).map(|field| field.shape);
    let entries = entries.into_iter().map(|(key, value)| {
        let value = match shape(&key) {
            Some(shape) => to_shape(&shape, value),
            None => value,
        };
        (key, value)
    });
    Val::Map(entries.collect())
}
