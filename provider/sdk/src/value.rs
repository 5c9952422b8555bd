//! Terraform values.

use std::collections::BTreeMap;

use crate::{Number, Type};

/// A Terraform value. Which of the shapes it may have is told by a [`Type`].
///
/// Equality is by content; sets made by [`Value::set`] and by the decoders are in one order, so that two of
/// them are equal if they hold the same elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Absent, of any type.
    Null,
    /// Not known before apply, of any type.
    Unknown,
    /// `bool`
    Bool(bool),
    /// `number`
    Number(Number),
    /// `string`
    String(String),
    /// `list(T)`
    List(Vec<Value>),
    /// `set(T)`; make it with [`Value::set`].
    Set(Vec<Value>),
    /// `tuple([…])`
    Tuple(Vec<Value>),
    /// `map(T)`
    Map(BTreeMap<String, Value>),
    /// `object({…})`, with every attribute of its type
    Object(BTreeMap<String, Value>),
    /// A value with its own type, where the schema leaves the type open. Null and unknown of no particular
    /// type are plain [`Value::Null`] and [`Value::Unknown`].
    Dynamic(Box<Type>, Box<Value>),
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// A set: sorted, and without equal elements. Elements that are not wholly known never count as equal.
    pub fn set(elements: impl IntoIterator<Item = Value>) -> Value {
        let mut elements: Vec<Value> = elements.into_iter().collect();
        elements.sort();
        elements.dedup_by(|a, b| a == b && a.is_wholly_known());
        Value::Set(elements)
    }

    /// An object of the given attributes.
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Value)>) -> Value {
        Value::Object(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// Whether this very value is unknown. Its parts may be unknown nevertheless.
    pub fn is_unknown(&self) -> bool {
        *self == Value::Unknown
    }

    /// Whether nothing in it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Value::Unknown => false,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) => {
                parts.iter().all(Value::is_wholly_known)
            }
            Value::Map(parts) | Value::Object(parts) => parts.values().all(Value::is_wholly_known),
            Value::Dynamic(_, inner) => inner.is_wholly_known(),
        }
    }

    /// The same value with null for whatever is unknown.
    pub fn unknown_as_null(self) -> Value {
        let all = |parts: Vec<Value>| parts.into_iter().map(Value::unknown_as_null).collect();
        let each = |parts: BTreeMap<String, Value>| {
            parts.into_iter().map(|(key, part)| (key, part.unknown_as_null())).collect()
        };
        match self {
            Value::Unknown => Value::Null,
            Value::List(parts) => Value::List(all(parts)),
            Value::Set(parts) => Value::set(parts.into_iter().map(Value::unknown_as_null)),
            Value::Tuple(parts) => Value::Tuple(all(parts)),
            Value::Map(parts) => Value::Map(each(parts)),
            Value::Object(parts) => Value::Object(each(parts)),
            Value::Dynamic(ty, inner) => Value::Dynamic(ty, Box::new(inner.unknown_as_null())),
            known => known,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The integer, if this is a whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The elements, if this is a list, a set or a tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) => Some(parts),
            _ => None,
        }
    }

    /// The parts by name, if this is a map or an object.
    pub fn entries(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(parts) | Value::Object(parts) => Some(parts),
            _ => None,
        }
    }

    /// The part of that name; null if there is none, or this is neither a map nor an object.
    pub fn attribute(&self, name: &str) -> &Value {
        self.entries().and_then(|parts| parts.get(name)).unwrap_or(&Value::Null)
    }

    /// Puts the part of that name. Does nothing unless this is a map or an object: null and unknown have no
    /// parts.
    pub fn set_attribute(&mut self, name: &str, value: Value) {
        if let Value::Map(parts) | Value::Object(parts) = self {
            parts.insert(name.to_owned(), value);
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Value {
        Value::Number(integer.into())
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::Number(number)
    }
}

#[cfg(test)]
pub(crate) mod arbitrary {
    //! Types, and values that fit them, for property tests.

    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    pub(crate) fn ty() -> impl Strategy<Value = Type> {
        let leaf = prop_oneof![Just(Type::String), Just(Type::Number), Just(Type::Bool), Just(Type::Dynamic)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(Type::list),
                inner.clone().prop_map(Type::set),
                inner.clone().prop_map(Type::map),
                vec(inner.clone(), 0..4).prop_map(Type::Tuple),
                btree_map("[a-z]{1,4}", inner, 0..4).prop_map(Type::Object),
            ]
        })
    }

    pub(crate) fn typed(unknowns: bool) -> impl Strategy<Value = (Type, Value)> {
        ty().prop_flat_map(move |ty| {
            let value = value(&ty, unknowns);
            (Just(ty), value)
        })
    }

    fn value(ty: &Type, unknowns: bool) -> BoxedStrategy<Value> {
        let present = present(ty, unknowns);
        if unknowns {
            prop_oneof![1 => Just(Value::Null), 1 => Just(Value::Unknown), 8 => present].boxed()
        } else {
            prop_oneof![1 => Just(Value::Null), 8 => present].boxed()
        }
    }

    fn present(ty: &Type, unknowns: bool) -> BoxedStrategy<Value> {
        match ty {
            Type::String => any::<String>().prop_map(Value::String).boxed(),
            Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            Type::Number => "-?[0-9]{1,25}(\\.[0-9]{1,9})?"
                .prop_map(|text| Value::Number(text.parse().expect("a number")))
                .boxed(),
            Type::Dynamic => prop_oneof![Just(Type::String), Just(Type::list(Type::Number))]
                .prop_flat_map(move |ty| present(&ty, unknowns).prop_map(move |v| (ty.clone(), v)))
                .prop_map(|(ty, value)| Value::Dynamic(Box::new(ty), Box::new(value)))
                .boxed(),
            Type::List(element) => vec(value(element, unknowns), 0..4).prop_map(Value::List).boxed(),
            Type::Set(element) => vec(value(element, unknowns), 0..4).prop_map(Value::set).boxed(),
            Type::Map(element) => {
                btree_map("[a-z]{1,4}", value(element, unknowns), 0..4).prop_map(Value::Map).boxed()
            }
            Type::Tuple(types) => {
                let parts: Vec<_> = types.iter().map(|ty| value(ty, unknowns)).collect();
                parts.prop_map(Value::Tuple).boxed()
            }
            Type::Object(types) => {
                let names: Vec<String> = types.keys().cloned().collect();
                let parts: Vec<_> = types.values().map(|ty| value(ty, unknowns)).collect();
                parts.prop_map(move |parts| Value::object(names.clone().into_iter().zip(parts))).boxed()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_do_not_know_order_or_repetition() {
        assert_eq!(Value::set(["b".into(), "a".into(), "b".into()]), Value::set(["a".into(), "b".into()]));
    }

    #[test]
    fn unknown_elements_of_a_set_stay_apart() {
        let set = Value::set([Value::Unknown, Value::Unknown]);
        assert_eq!(set.elements().map(<[Value]>::len), Some(2));
    }

    #[test]
    fn unknown_parts_become_null() {
        let value = Value::object([("a", Value::List(vec![Value::Unknown])), ("b", "x".into())]);
        assert!(!value.is_wholly_known());
        let known = Value::object([("a", Value::List(vec![Value::Null])), ("b", "x".into())]);
        assert_eq!(value.unknown_as_null(), known);
    }
}
