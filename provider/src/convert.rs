//! Terraform values to records and back, by shape.

use std::collections::BTreeMap;

use schemas::kind::fields;
use schemas::{Field, Kind, Part, Record, Secret, Shape, Value, codec, terraform};
use tf_provider_sdk as tf;

/// The record of a resource. Sensitive fields are wrapped.
pub(crate) fn record(kind: &Kind, value: &tf::Value) -> Record {
    let mut record: Record = kind
        .fields()
        .map(|field| {
            let value = from_terraform(value.attribute(field.name));
            let hidden = field.is_hidden() && !value.is_null() && value != Value::Unknown;
            (field.name.to_owned(), if hidden { Secret::new(value).into() } else { value })
        })
        .collect();
    record.set("id", from_terraform(value.attribute("id")));
    record
}

/// The record of a block that is no kind.
pub(crate) fn block_record(parts: &'static [Part], value: &tf::Value) -> Record {
    fields(parts).map(|field| (field.name.to_owned(), from_terraform(value.attribute(field.name)))).collect()
}

/// A value of the tables' kind.
pub(crate) fn from_terraform(value: &tf::Value) -> Value {
    let items = |items: &Vec<tf::Value>| Value::List(items.iter().map(from_terraform).collect());
    let entries = |entries: &BTreeMap<String, tf::Value>| {
        Value::Map(entries.iter().map(|(key, value)| (key.clone(), from_terraform(value))).collect())
    };
    match value {
        tf::Value::Null => Value::Null,
        tf::Value::Unknown => Value::Unknown,
        tf::Value::Bool(value) => (*value).into(),
        tf::Value::Number(number) => number.to_string().parse().map_or(Value::Null, Value::Number),
        tf::Value::String(text) => text.as_str().into(),
        tf::Value::List(list) | tf::Value::Set(list) | tf::Value::Tuple(list) => items(list),
        tf::Value::Map(map) | tf::Value::Object(map) => entries(map),
        tf::Value::Dynamic(_, value) => from_terraform(value),
    }
}

/// The Terraform object of a record, with every attribute that the kind's schema has. Write-only ones are null: the
/// object is for a plan or a state.
pub(crate) fn object(kind: &Kind, record: &Record) -> tf::Value {
    let mut object = fields_object(kind.parts, |name| record.get(name));
    if terraform::has_id(kind) {
        object.insert("id".to_owned(), id(kind, record));
    }
    tf::Value::Object(object)
}

fn id(kind: &Kind, record: &Record) -> tf::Value {
    match record.get("id") {
        Value::Null => kind.id_of(record).map_or(tf::Value::Null, tf::Value::from),
        id => to_terraform(&Shape::Text(schemas::Text::Plain), id),
    }
}

fn fields_object<'a>(
    parts: &'static [Part],
    value: impl Fn(&str) -> &'a Value,
) -> BTreeMap<String, tf::Value> {
    let shown = |field: &Field| match field.is_write_only() {
        true => tf::Value::Null,
        false => to_terraform(&field.shape, value(field.name)),
    };
    fields(parts).map(|field| (field.name.to_owned(), shown(field))).collect()
}

/// The Terraform value of a field. What does not fit the shape is made to fit where Terraform itself would
/// convert it, and is null otherwise.
pub(crate) fn to_terraform(shape: &Shape, value: &Value) -> tf::Value {
    match (shape, value.expose()) {
        (Shape::Block { .. }, Value::Null) => tf::Value::List(Vec::new()),
        (_, Value::Null) => tf::Value::Null,
        (_, Value::Unknown) => tf::Value::Unknown,
        (Shape::Bool, Value::Bool(value)) => (*value).into(),
        (Shape::Integer | Shape::Seconds, Value::Number(number)) => tf_number(&number.to_string()),
        (Shape::Integer | Shape::Seconds, Value::String(text)) => tf_number(text),
        (Shape::Text(_) | Shape::Duration | Shape::Json, value) => match codec::text_of(value) {
            Value::String(text) => text.into(),
            _ => tf::Value::Null,
        },
        (Shape::List(inner), Value::List(items)) => {
            tf::Value::List(items.iter().map(|i| to_terraform(inner, i)).collect())
        }
        (Shape::Set(inner), Value::List(items)) => {
            tf::Value::set(items.iter().map(|i| to_terraform(inner, i)))
        }
        (Shape::Map(inner), Value::Map(entries)) => tf::Value::Map(
            entries.iter().map(|(key, value)| (key.clone(), to_terraform(inner, value))).collect(),
        ),
        (Shape::Object(parts), object @ Value::Map(_)) => {
            tf::Value::Object(fields_object(parts, |name| object.at(name)))
        }
        (Shape::Block { parts, .. }, Value::List(items)) => {
            let object = |item: &Value| tf::Value::Object(fields_object(parts, |name| item.at(name)));
            tf::Value::List(items.iter().map(object).collect())
        }
        // Terraform takes no null for a block.
        (Shape::Block { .. }, _) => tf::Value::List(Vec::new()),
        _ => tf::Value::Null,
    }
}

fn tf_number(text: &str) -> tf::Value {
    text.parse::<tf::Number>().map_or(tf::Value::Null, tf::Value::Number)
}
