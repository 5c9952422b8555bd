//! Fields to JSON bodies and back, by table.

use std::collections::BTreeMap;

use crate::kind::{Endpoint, Field, Kind, Literal, Omitted, Part, Presence, Shape, fields};
use crate::{Number, Record, Secret, Value, compare, duration, json};

/// The body that creates the part of `record` which lives at `endpoint`.
pub fn create_body(kind: &Kind, endpoint: &Endpoint, record: &Record) -> Value {
    // A server that does not know a parameter must not hear of it without need.
    let is_needless = |field: &Field| field.openbao && says_nothing(kind, field, record.get(field.name));
    let sent = kind.fields().filter(|field| field.at == Some(endpoint.name) && !is_needless(field));
    body(sent, record, endpoint, "")
}

/// The body that changes `endpoint` from `prior` to `desired`; `None` if nothing there changes.
///
/// All configured fields are sent, since some endpoints replace the whole object. A field that was set and no
/// longer is, is sent as its absent value, since others keep what a write leaves out. A write-only value is
/// sent again when its revision changes, or when the server would lose it or refuse the write without it.
pub fn update_body(kind: &Kind, endpoint: &Endpoint, prior: &Record, desired: &Record) -> Option<Value> {
    let here = || kind.fields().filter(|field| field.is_updated_at(endpoint.name));
    if !here().any(|field| changes(kind, field, prior, desired)) {
        return None;
    }
    let elsewhere = endpoint.create.map(|call| call.path) != endpoint.update.map(|call| call.path);
    let mut record = Record::new();
    for field in here().filter(|field| is_sent_on_update(field, prior, desired, elsewhere)) {
        let value = desired.get(field.name);
        let before = prior.get(field.name);
        if is_left_to_server(kind, field, before, value) {
            // What the server filled in stays, also where a write replaces the whole object.
            let is_lost = field.omitted == Omitted::Cleared && !says_nothing(kind, field, before);
            record.set(field.name, if is_lost { before.clone() } else { Value::Null });
            continue;
        }
        let may_be_left_out = field.openbao || value.as_str() == Some("");
        if may_be_left_out && says_nothing(kind, field, before) && says_nothing(kind, field, value) {
            continue;
        }
        let is_cleared = value.is_null() && !kind.same(field, before, &Value::Null);
        record.set(
            field.name,
            if is_cleared { cleared(field) } else { with_cleared(&field.shape, before, value) },
        );
    }
    Some(body(here(), &record, endpoint, endpoint.strip))
}

/// True for a value that means the same as none. Older states hold `""` for texts that nobody set, and some
/// parameters may be absent but not empty.
fn says_nothing(kind: &Kind, field: &Field, value: &Value) -> bool {
    !field.is_write_only() && kind.same(field, value, &Value::Null)
}

/// What is sent for a field that was set and no longer is. (An empty duration would change nothing.)
fn cleared(field: &Field) -> Value {
    match (field.default, field.shape) {
        (None, Shape::Duration) => "0s".into(),
        _ => absent(field),
    }
}

/// `value` with the parts of its object that were set and no longer are, as what clears them.
fn with_cleared(shape: &Shape, before: &Value, value: &Value) -> Value {
    let first = |list: &Value| list.as_list().and_then(|items| items.first().cloned());
    let (Shape::List(Shape::Object(parts)), Some(before), Some(mut object)) =
        (shape, first(before), first(value))
    else {
        return value.clone();
    };
    for field in fields(parts) {
        let is_set = |value: &Value| !compare::same(field, value, &Value::Null);
        if is_set(before.at(field.name)) && !is_set(object.at(field.name)) {
            object.put(field.name, cleared(field));
        }
    }
    Value::List(vec![object])
}

/// True if going from `prior` to `desired` has to write `field`.
pub fn changes(kind: &Kind, field: &Field, prior: &Record, desired: &Record) -> bool {
    match field.revision {
        Some(revision) if field.is_write_only() => prior.get(revision) != desired.get(revision),
        _ if !field.is_configurable() || field.is_write_only() => false,
        _ if is_left_to_server(kind, field, prior.get(field.name), desired.get(field.name)) => false,
        _ => !kind.same(field, prior.get(field.name), desired.get(field.name)),
    }
}

/// True if nobody configured it and the server may fill it in. An object of a part that is configured and a part
/// that is not, such as a mount's `tune`, is left alone as long as it stays as it is: what it shows may be the
/// system's defaults, which sending would make the object's own.
fn is_left_to_server(kind: &Kind, field: &Field, prior: &Value, desired: &Value) -> bool {
    let is_view = matches!(field.shape, Shape::List(Shape::Object(_)));
    field.presence == Presence::Filled
        && (desired.is_null() || *desired == Value::Unknown || (is_view && kind.same(field, prior, desired)))
}

fn is_sent_on_update(field: &Field, prior: &Record, desired: &Record, elsewhere: bool) -> bool {
    if !field.is_configurable() || field.create_only || (elsewhere && field.replaces) {
        return false;
    }
    let revised = field.revision.is_some_and(|name| prior.get(name) != desired.get(name));
    !field.is_write_only() || revised || field.omitted != Omitted::Kept
}

fn body<'a>(
    sent: impl Iterator<Item = &'a Field>,
    record: &Record,
    endpoint: &Endpoint,
    strip: &str,
) -> Value {
    let mut body = Value::Map(BTreeMap::new());
    for field in sent.filter(|field| field.is_configurable() && !field.key) {
        put(&mut body, field, record.get(field.name), strip);
    }
    if endpoint.wrap.is_empty() {
        return body;
    }
    Value::Map([(endpoint.wrap.to_owned(), body)].into())
}

fn put(body: &mut Value, field: &Field, value: &Value, strip: &str) {
    if value.is_null() || value.has_unknown() {
        return;
    }
    // A server that repeats it in an error must not make it known.
    let is_secret = field.is_hidden() || matches!(value, Value::Secret(_));
    let guarded = |value: Value| if is_secret { Secret::new(value).into() } else { value };
    let wire = encode(&field.shape, value);
    if field.api.is_empty() {
        for (name, value) in wire.as_map().into_iter().flatten() {
            body.put(name, guarded(value.clone()));
        }
        return;
    }
    let path = field.api.strip_prefix(strip).map_or(field.api, |path| path.trim_start_matches('.'));
    body.put(path, guarded(wire));
}

/// `value` as the server wants it. Secrets stay wrapped.
pub fn encode(shape: &Shape, value: &Value) -> Value {
    if let Value::Secret(secret) = value {
        return Secret::new(encode(shape, secret.expose())).into();
    }
    match (shape, value) {
        (Shape::List(Shape::Object(parts)), Value::List(items)) => {
            encode_object(parts, items.first().unwrap_or(&Value::Null))
        }
        (Shape::Block { parts, max: 1 }, Value::List(items)) => {
            encode_object(parts, items.first().unwrap_or(&Value::Null))
        }
        (Shape::Block { parts, .. }, Value::List(items)) => {
            Value::List(items.iter().map(|item| encode_object(parts, item)).collect())
        }
        (Shape::Object(parts), value) => encode_object(parts, value),
        (Shape::List(inner) | Shape::Set(inner), Value::List(items)) => {
            Value::List(items.iter().map(|item| encode(inner, item)).collect())
        }
        (_, value) => value.clone(),
    }
}

fn encode_object(parts: &'static [Part], value: &Value) -> Value {
    let mut object = Value::Map(BTreeMap::new());
    for field in fields(parts).filter(|field| field.is_configurable()) {
        put(&mut object, field, value.at(field.name), "");
    }
    object
}

/// What answer `data` says of `field`; null if it says nothing.
pub fn read(field: &Field, data: &Value) -> Value {
    let names = std::iter::once(field.api).chain(field.aliases.iter().copied());
    let wire = names.map(|name| data.at(name)).find(|value| !value.is_null()).unwrap_or(&Value::Null);
    let value = decode(&field.shape, wire);
    if field.is_hidden() && !value.is_null() { Secret::new(value).into() } else { value }
}

/// `wire` in the form that the field's shape has. What does not fit the shape is kept as it came, so that a
/// comparison shows it.
pub fn decode(shape: &Shape, wire: &Value) -> Value {
    let wire = wire.expose();
    match (shape, wire) {
        (_, Value::Null) => Value::Null,
        (Shape::Bool, Value::String(text)) => text.parse().map_or_else(|_| wire.clone(), Value::Bool),
        (Shape::Integer, Value::String(text)) => {
            text.parse::<Number>().map_or_else(|_| wire.clone(), Value::Number)
        }
        (Shape::Seconds, Value::String(text)) => {
            duration::seconds(text).map_or_else(|_| wire.clone(), Into::into)
        }
        (Shape::Duration, Value::Number(number)) => {
            number.as_i64().map_or_else(|| wire.clone(), |seconds| duration::render(seconds).into())
        }
        (Shape::Text(_) | Shape::Json, value) => text_of(value),
        (Shape::List(Shape::Object(parts)), object @ Value::Map(_)) => {
            Value::List(vec![decode_object(parts, object)])
        }
        (Shape::Block { parts, max: 1 }, object @ Value::Map(_)) => {
            Value::List(vec![decode_object(parts, object)])
        }
        (Shape::Block { parts, .. }, Value::List(items)) => {
            Value::List(items.iter().map(|item| decode_object(parts, item)).collect())
        }
        (Shape::Object(parts), object) => decode_object(parts, object),
        (Shape::List(inner) | Shape::Set(inner), value) => decode_items(inner, value),
        (Shape::Map(inner), Value::Map(entries)) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), decode(inner, value))).collect())
        }
        (_, value) => value.clone(),
    }
}

fn decode_items(inner: &Shape, wire: &Value) -> Value {
    match wire {
        Value::List(items) => Value::List(items.iter().map(|item| decode(inner, item)).collect()),
        Value::String(text) if text.is_empty() => Value::List(Vec::new()),
        Value::String(text) => {
            Value::List(text.split(',').map(|item| decode(inner, &item.trim().into())).collect())
        }
        value => value.clone(),
    }
}

fn decode_object(parts: &'static [Part], wire: &Value) -> Value {
    Value::Map(fields(parts).map(|field| (field.name.to_owned(), read(field, wire))).collect())
}

/// `value` as text: itself, or its JSON.
pub fn text_of(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.clone()),
        value => Value::String(json::render(value)),
    }
}

/// What the server holds where nothing was configured: the declared default, else the shape's zero.
pub fn absent(field: &Field) -> Value {
    match field.default {
        Some(literal) => literal.into(),
        None => zero(&field.shape),
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => Value::Bool(false),
        Shape::Integer | Shape::Seconds => 0.into(),
        Shape::Text(_) | Shape::Duration | Shape::Json => "".into(),
        Shape::List(_) | Shape::Set(_) | Shape::Block { .. } => Value::List(Vec::new()),
        Shape::Map(_) | Shape::Object(_) => Value::Map(BTreeMap::new()),
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Bool(value) => value.into(),
            Literal::Integer(value) => value.into(),
            Literal::String(text) => text.into(),
        }
    }
}
