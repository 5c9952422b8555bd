//! Objects inside of a request. The peers convert what is in them with less patience than the fields of the request
//! itself: a value has to be of its field's own type, and names may be of any case.

use std::collections::BTreeMap;

use schemas::kind::fields;
use schemas::shape::FromRecord;
use schemas::{Record, Shape, Value, codec, json};

use super::error::Error;
use super::input::parts;
use super::request::Parameters;

/// An object as it came.
pub(crate) type Object = BTreeMap<String, Value>;

/// The object that parameter `name` is; empty for null and for none. A list of objects is the object of all their
/// entries.
///
/// # Errors
/// 400 for what is no object.
pub(crate) fn object(parameters: &Parameters, name: &str) -> Result<Object, Error> {
    let Some(raw) = parameters.get(name) else { return Ok(Object::new()) };
    let merged = super::object::object(raw).and_then(|object| json::parse(object.get()));
    match merged.map_err(|problem| refused(name, &problem))? {
        Value::Map(entries) => Ok(entries),
        _ => Ok(Object::new()),
    }
}

/// 400 for parameter `name`, which is not what its field takes.
pub(crate) fn refused(name: &str, problem: &str) -> Error {
    Error::invalid(format!("Field validation failed: error converting input for field \"{name}\": {problem}"))
}

/// The entries of `object` that are fields of `T`; `None` if one is not of its field's own type.
pub(crate) fn fields_of<T: FromRecord>(object: &Object) -> Option<T> {
    let mut record = Record::new();
    for field in fields(T::PARTS) {
        let in_any_case = || object.iter().find(|(name, _)| name.eq_ignore_ascii_case(field.api));
        let value = object.get(field.api).or_else(|| in_any_case().map(|(_, value)| value));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            record.set(field.name, own(&field.shape, value)?);
        }
    }
    T::from_record(&record).ok()
}

/// `value` if it is of the type that `shape` has, which for JSON is an object. A number is the text that it was written as, and a list may be one
/// text with commas.
fn own(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Bool, Value::Bool(_)) | (Shape::Text(_), Value::String(_)) => Some(value.clone()),
        (Shape::Integer, Value::Number(number)) => number.written().parse::<i64>().ok().map(Value::from),
        (Shape::Json, Value::Map(_)) => Some(codec::text_of(value)),
        (Shape::Text(_), Value::Number(number)) => Some(number.written().into_owned().into()),
        (Shape::List(_), Value::String(text)) if text.is_empty() => Some(Value::List(Vec::new())),
        (Shape::List(_), Value::String(text)) => {
            Some(Value::List(parts(text).ok()?.map(|item| item.trim().into()).collect()))
        }
        (Shape::List(inner), Value::List(items)) => {
            let item = |item: &Value| if item.is_null() { Some("".into()) } else { own(inner, item) };
            items.iter().map(item).collect::<Option<_>>().map(Value::List)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use schemas::shape::List;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, schemas::Fields)]
    struct Example {
        /// Example.
        ttl: Option<String>,
        /// Example.
        is_open: Option<bool>,
        /// Example.
        words: Option<List<String>>,
    }

    fn given(body: serde_json::Value) -> Result<Object, Error> {
        let parameters = serde_json::from_value(json!({ "config": body })).expect("parameters");
        object(&parameters, "config")
    }

    fn example(ttl: Option<&str>, is_open: Option<bool>, words: Option<&[&str]>) -> Option<Example> {
        let words = words.map(|words| List(words.iter().map(|word| (*word).to_owned()).collect()));
        Some(Example { ttl: ttl.map(str::to_owned), is_open, words })
    }

    #[track_caller]
    fn check(body: serde_json::Value, expected: Option<Example>) {
        assert_eq!(fields_of::<Example>(&given(body).expect("an object")), expected);
    }

    #[test]
    fn entries_are_of_their_own_type_under_a_name_in_any_case() {
        check(json!({"TTL": 90, "is_open": true}), example(Some("90"), Some(true), None));
        check(json!({"ttl": "a", "Ttl": "b", "other": []}), example(Some("a"), None, None));
        check(json!({"words": "a, b", "ttl": null}), example(None, None, Some(&["a", "b"])));
        check(json!({"words": [1, null]}), example(None, None, Some(&["1", ""])));
        for wrong in [json!({"ttl": true}), json!({"is_open": "true"}), json!({"words": [true]})] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_list_of_objects_is_one() {
        check(json!([{"ttl": "a"}, {"is_open": false}]), example(Some("a"), Some(false), None));
        check(json!([null, []]), example(None, None, None));
        for (wrong, place, kind) in [(json!("{}"), "", "string"), (json!([1]), "[0]", "json.Number")] {
            let expected = "expected type 'map[string]interface {}'";
            let text = format!(
                "Field validation failed: error converting input for field \"config\": '{place}' {expected}, got \
                 unconvertible type '{kind}'"
            );
            assert_eq!(given(wrong).expect_err("no object").messages(false), [text]);
        }
    }
}
