//! When two values of a field mean the same to the server.

use std::collections::BTreeMap;

use crate::codec::absent;
use crate::kind::{Field, Part, Shape, fields};
use crate::{Number, Value, duration, json, texts};

/// True if the server makes no difference between `a` and `b`: durations by length, sets by content, JSON by
/// value, policies by meaning, and null by what the server puts in its place.
pub fn same(field: &Field, a: &Value, b: &Value) -> bool {
    if a.has_unknown() || b.has_unknown() {
        return false;
    }
    if field.empty_differs && a.is_null() != b.is_null() {
        return false;
    }
    if let (Shape::Text(rule), Some(a), Some(b)) = (field.shape, a.as_str(), b.as_str()) {
        return texts::same(rule, a, b);
    }
    canonical(field, a) == canonical(field, b)
}

/// The one form of all values that mean the same.
pub fn canonical(field: &Field, value: &Value) -> Value {
    match value.expose() {
        Value::Null => normal(&field.shape, &absent(field)),
        value => normal(&field.shape, value),
    }
}

/// True if `live` is what the server has when `written` was written, a document of any shape. OpenBao and Vault keep
/// some numbers as doubles: of `12345678901234567890` they answer `12345678901234567000`.
pub fn is_kept(written: &Value, live: &Value) -> bool {
    matches(written, live, &|written, live| written == live)
}

/// True if all that `part` says of `field` is in `live`, where objects may have further entries.
pub fn is_shown(field: &Field, part: &Value, live: &Value) -> bool {
    matches(&canonical(field, part), &canonical(field, live), &|part, live| part <= live)
}

/// `written` as the server keeps it is `live`; `size` tells which numbers of entries may stand beside each other.
fn matches(written: &Value, live: &Value, size: &dyn Fn(usize, usize) -> bool) -> bool {
    match (written.expose(), live.expose()) {
        (Value::Number(written), Value::Number(live)) => {
            written == live
                || written.to_f64().to_string().parse().is_ok_and(|nearest: Number| nearest == *live)
        }
        (Value::List(written), Value::List(live)) => {
            written.len() == live.len()
                && written.iter().zip(live).all(|(written, live)| matches(written, live, size))
        }
        (Value::Map(written), Value::Map(live)) => {
            let has = |(name, value)| live.get(name).is_some_and(|live| matches(value, live, size));
            size(written.len(), live.len()) && written.iter().all(has)
        }
        (written, live) => written == live,
    }
}

fn normal(shape: &Shape, value: &Value) -> Value {
    match (shape, value.expose()) {
        (Shape::Seconds | Shape::Duration, Value::String(text)) => {
            duration::seconds(text).map_or_else(|_| value.clone(), Into::into)
        }
        (Shape::Integer, Value::String(text)) => text.parse().map_or_else(|_| value.clone(), Value::Number),
        (Shape::Text(rule), Value::String(text)) => texts::canonical(*rule, text).into(),
        (Shape::Json, Value::String(text)) => normal_json(text),
        (Shape::Set(inner), Value::List(items)) => sorted(items.iter().map(|item| normal_item(inner, item))),
        (Shape::List(inner), Value::List(items)) => {
            without_empty(items.iter().map(|item| normal_item(inner, item)))
        }
        (Shape::Block { parts, .. }, Value::List(items)) => {
            without_empty(items.iter().map(|item| normal_object(parts, item)))
        }
        (Shape::Map(inner), Value::Map(entries)) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), normal(inner, value))).collect())
        }
        (Shape::Object(parts), object) => normal_object(parts, object),
        (_, value) => value.clone(),
    }
}

/// The server takes white space from the ends of the texts of a list.
fn normal_item(shape: &Shape, item: &Value) -> Value {
    match normal(shape, item) {
        Value::String(text) => text.trim().into(),
        value => value,
    }
}

fn normal_json(text: &str) -> Value {
    let parsed = if text.is_empty() { Ok(Value::Null) } else { json::parse(text) };
    match parsed {
        // Where nothing was set, servers answer an object without entries.
        Ok(Value::Map(entries)) if entries.is_empty() => Value::Null,
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

fn sorted(items: impl Iterator<Item = Value>) -> Value {
    let by_text: BTreeMap<String, Value> = items.map(|item| (json::render(&item), item)).collect();
    Value::List(by_text.into_values().collect())
}

/// A list without elements that say nothing: a block of zeros, or the `""` of an emptied header list.
fn without_empty(items: impl Iterator<Item = Value>) -> Value {
    let says_nothing = |item: &Value| match item {
        Value::Map(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    Value::List(items.filter(|item| !says_nothing(item)).collect())
}

fn normal_object(parts: &'static [Part], value: &Value) -> Value {
    let set = fields(parts).filter(|field| !same(field, value.at(field.name), &Value::Null));
    Value::Map(set.map(|field| (field.name.to_owned(), canonical(field, value.at(field.name)))).collect())
}
