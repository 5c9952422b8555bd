//! The value tree: what a field holds, may hold later, or must not show.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Number, Secret};

/// A value of a field. Knows "not set", "not known yet" and "not to be shown".
#[derive(Clone, PartialEq, Default)]
pub enum Value {
    /// Not set.
    #[default]
    Null,
    /// Not known before apply.
    Unknown,
    /// A truth value.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text.
    String(String),
    /// A list, or a set whose order has no meaning (the field's shape tells).
    List(Vec<Value>),
    /// A map, or an object with named attributes (the field's shape tells).
    Map(BTreeMap<String, Value>),
    /// A value that must not be shown.
    Secret(Secret),
}

impl Value {
    /// A map of these entries.
    pub fn map<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The value without its secrecy. Call it to send or to compare, never to print.
    pub fn expose(&self) -> &Value {
        match self {
            Value::Secret(secret) => secret.expose(),
            value => value,
        }
    }

    /// True for null, also for a wrapped one.
    pub fn is_null(&self) -> bool {
        matches!(self.expose(), Value::Null)
    }

    /// True if any part of the value is unknown.
    pub fn has_unknown(&self) -> bool {
        match self.expose() {
            Value::Unknown => true,
            Value::List(items) => items.iter().any(Value::has_unknown),
            Value::Map(entries) => entries.values().any(Value::has_unknown),
            _ => false,
        }
    }

    /// True if any part of the value is secret.
    pub fn has_secret(&self) -> bool {
        match self {
            Value::Secret(_) => true,
            Value::List(items) => items.iter().any(Value::has_secret),
            Value::Map(entries) => entries.values().any(Value::has_secret),
            _ => false,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self.expose() {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.expose() {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self.expose() {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self.expose() {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self.expose() {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value at a dotted path of map keys (`metadata.version`); null where there is none.
    pub fn at(&self, path: &str) -> &Value {
        path.split('.').filter(|key| !key.is_empty()).fold(self.expose(), |value, key| {
            value.as_map().and_then(|entries| entries.get(key)).unwrap_or(&Value::Null).expose()
        })
    }

    /// Puts `value` at a dotted path, making maps on the way.
    pub fn put(&mut self, path: &str, value: Value) {
        let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
        if !matches!(self, Value::Map(_)) {
            *self = Value::Map(BTreeMap::new());
        }
        let Value::Map(entries) = self else { return };
        let slot = entries.entry(head.to_owned()).or_default();
        match rest {
            Some(rest) => slot.put(rest, value),
            None => *slot = value,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Unknown => f.write_str("(known after apply)"),
            Value::Bool(value) => fmt::Display::fmt(value, f),
            Value::Number(number) => fmt::Display::fmt(number, f),
            Value::String(text) => fmt::Debug::fmt(text, f),
            Value::List(items) => f.debug_list().entries(items).finish(),
            Value::Map(entries) => f.debug_map().entries(entries).finish(),
            Value::Secret(secret) => fmt::Debug::fmt(secret, f),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Value::Secret(secret)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::List(items)
    }
}

impl From<BTreeMap<String, Value>> for Value {
    fn from(entries: BTreeMap<String, Value>) -> Self {
        Value::Map(entries)
    }
}

/// The fields of one object: name to value. A name that is not there reads as null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record(BTreeMap<String, Value>);

impl Record {
    /// An object with no field set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of field `name`; null if it is not set.
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// True if field `name` was set, be it to null. A record made of an import id has only the keys; one made
    /// of a state has every field.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The same object without the fields that are null or not known yet.
    #[must_use]
    pub fn without_nulls(mut self) -> Self {
        self.0.retain(|_, value| !value.is_null() && *value != Value::Unknown);
        self
    }

    /// The text of field `name`; empty if it is null or no text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// The truth value of field `name`; false if it is not set.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).as_bool().unwrap_or_default()
    }

    /// Sets field `name`.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// The same object with field `name` set.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Removes field `name` and returns what it held.
    pub fn take(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_default()
    }

    /// All fields that were set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The object as a value.
    pub fn into_value(self) -> Value {
        Value::Map(self.0)
    }
}

impl From<BTreeMap<String, Value>> for Record {
    fn from(entries: BTreeMap<String, Value>) -> Self {
        Self(entries)
    }
}

impl FromIterator<(String, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}
