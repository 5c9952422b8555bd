//! Parameters of a request to fields, by table.

use std::collections::BTreeMap;

use schemas::kind::fields;
use schemas::shape::FromRecord;
use schemas::{Field, Record, Shape, Text, Value, codec, duration, json};

use super::engine::FieldTable;
use super::error::Error;
use super::go_text;
use super::pattern::Captures;
use super::request::Parameters;

/// Fields of a request, and what the client shall be told about the rest.
#[derive(Debug, Default, PartialEq)]
pub struct Input {
    /// The fields that the request names.
    pub record: Record,
    /// Names without a field, sorted.
    pub ignored: Vec<String>,
    /// Names whose value the path gave, sorted.
    pub replaced: Vec<String>,
}

impl Input {
    /// The warnings for what was not taken.
    pub fn warnings(&self) -> Vec<String> {
        let sentence = |start: &str, names: &[String], end: &str| {
            (!names.is_empty()).then(|| format!("{start} [{}]{end}", names.join(" ")))
        };
        let ignored = sentence("Endpoint ignored these unrecognized parameters:", &self.ignored, "");
        let replaced = sentence(
            "Endpoint replaced the value of these parameters with the values captured from the endpoint's path:",
            &self.replaced,
            "",
        );
        ignored.into_iter().chain(replaced).collect()
    }
}

/// Decodes `parameters` and `captures` by `table`.
///
/// # Errors
/// 400 for a value that does not fit its field; the text names the field and not the value.
pub fn decode(
    table: FieldTable,
    parameters: &Parameters,
    captures: &mut Captures<'_>,
) -> Result<Input, Error> {
    let mut input = Input::default();
    for (name, raw) in parameters {
        if captures.iter().any(|(capture, _)| capture == name) {
            input.replaced.push(name.clone());
            continue;
        }
        let value = json::parse(raw.get()).map_err(Error::invalid)?;
        if !take(table, name, &value, &mut input.record)? {
            input.ignored.push(name.clone());
        }
    }
    for (name, text) in captures.iter_mut() {
        if let Some(field) = fields(table.parts).find(|field| field.name == *name) {
            if matches!(field.shape, Shape::Text(Text::Name)) {
                *text = schemas::lower_case(text).into();
            }
            input.record.set(*name, &**text);
        }
    }
    Ok(input)
}

/// Decodes the entries of `object` by `#[derive(Fields)]` struct `T`: for nested objects such as `config` of a mount.
///
/// # Errors
/// As [`decode`].
pub fn decode_object<T: FromRecord>(object: &Parameters) -> Result<T, Error> {
    let table = FieldTable { parts: T::PARTS, endpoint: None };
    let input = decode(table, object, &mut Captures::new())?;
    T::from_record(&input.record).map_err(|problems| Error::invalid(problems.join("; ")))
}

/// Sets the fields that parameter `name` gives; false if there is none.
fn take(table: FieldTable, name: &str, value: &Value, record: &mut Record) -> Result<bool, Error> {
    let mut is_known = false;
    for field in fields(table.parts).filter(|field| is_at(field, table.endpoint)) {
        let (head, rest) = field.api.split_once('.').unwrap_or((field.api, ""));
        let is_alias = field.aliases.contains(&name);
        if head != name && !is_alias {
            continue;
        }
        is_known = true;
        let value = if head == name { value.at(rest) } else { value };
        // The proper name wins over an alias that stands beside it.
        if value.is_null() || (is_alias && !record.get(field.name).is_null()) {
            continue;
        }
        let value = coerce(&field.shape, value).map_err(|problem| {
            let place = if problem.starts_with("invalid key pair") {
                format!(" in field \"{name}\"")
            } else {
                String::new()
            };
            Error::invalid(format!("error converting input for field \"{name}\": {problem}{place}"))
        })?;
        record.set(field.name, value);
    }
    Ok(is_known)
}

fn is_at(field: &Field, endpoint: Option<&str>) -> bool {
    field.is_configurable() && !field.key && (endpoint.is_none() || field.at == endpoint)
}

/// `value` in the form of `shape`, converted as the peer's framework converts: to it a number is the text that it was
/// written as.
fn coerce(shape: &Shape, value: &Value) -> Result<Value, String> {
    match shape {
        Shape::Bool => bool_of(value),
        Shape::Integer => integer_of(value),
        Shape::Text(_) => text_of(value),
        Shape::Seconds => seconds_of(value).map(Value::from),
        Shape::Duration => seconds_of(value).map(|seconds| duration::render(seconds).into()),
        Shape::Json => Ok(codec::text_of(value)),
        Shape::List(inner) | Shape::Set(inner) => items_of(inner, value),
        Shape::Map(inner) => map_of(inner, value),
        Shape::Object(_) | Shape::Block { .. } => Ok(codec::decode(shape, value)),
    }
}

fn bool_of(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::Bool(_) => return Ok(value.clone()),
        Value::Number(number) => number.written(),
        Value::String(text) => text.into(),
        value => return Err(unconvertible("bool", value)),
    };
    match &*text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true.into()),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false.into()),
        _ => Err("'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax".to_owned()),
    }
}

fn integer_of(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::Bool(value) => return Ok(i64::from(*value).into()),
        Value::String(text) if text.is_empty() => return Ok(0.into()),
        Value::Number(number) => number.written(),
        Value::String(text) => text.into(),
        value => return Err(unconvertible("int", value)),
    };
    go_text::integer(&text).map(Value::from).map_err(|problem| format!("'' {problem}"))
}

fn text_of(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(_) => Ok(value.clone()),
        // In a list or a map; a field that is null is none.
        Value::Null => Ok("".into()),
        Value::Number(number) => Ok(number.written().into_owned().into()),
        Value::Bool(value) => Ok(if *value { "1" } else { "0" }.into()),
        value => Err(unconvertible("string", value)),
    }
}

fn seconds_of(value: &Value) -> Result<i64, String> {
    let seconds = match value {
        Value::Number(number) => go_seconds(&number.written())?,
        Value::String(text) => go_seconds(text)?,
        _ => return Err("could not parse duration from input".to_owned()),
    };
    if seconds > MOST_SECONDS {
        return Err(OVERFLOW.to_owned());
    }
    if seconds < 0 {
        return Err(format!("cannot provide negative value '{seconds}'"));
    }
    Ok(seconds)
}

/// The longest duration: the peer counts nanoseconds in 64 bits.
const MOST_SECONDS: i64 = i64::MAX / 1_000_000_000;
const OVERFLOW: &str = "multiplication of durations resulted in overflow, one operand may be too large";

/// The seconds of a duration in text, with the errors of Go's parser.
pub fn go_seconds(text: &str) -> Result<i64, String> {
    if text.parse::<i64>().is_ok_and(|seconds| seconds.unsigned_abs() > MOST_SECONDS.unsigned_abs()) {
        return Err(OVERFLOW.to_owned());
    }
    let seconds = any_seconds(text)?;
    match seconds.unsigned_abs() > MOST_SECONDS.unsigned_abs() {
        // Days are no unit of Go's: they are multiplied, as seconds without a unit are.
        true if text.ends_with('d') => Err(OVERFLOW.to_owned()),
        true => Err(format!("time: invalid duration \"{text}\"")),
        false => Ok(seconds),
    }
}

fn any_seconds(text: &str) -> Result<i64, String> {
    duration::seconds(text).map_err(|_| {
        let digits = |character: char| character.is_ascii_digit() || character == '.';
        let rest = text.trim_start_matches(['-', '+']);
        let unit = rest.trim_start_matches(digits);
        let whole = rest.split(|character: char| !character.is_ascii_digit()).next().unwrap_or_default();
        let is_too_large = !whole.is_empty() && whole.parse::<i64>().is_err();
        match (rest.starts_with(digits) && !is_too_large, unit) {
            (true, "") => format!("time: missing unit in duration \"{text}\""),
            (true, unit) => format!("time: unknown unit \"{}\" in duration \"{text}\"", unit_of(unit)),
            (false, _) => format!("time: invalid duration \"{text}\""),
        }
    })
}

fn unit_of(text: &str) -> &str {
    text.split(|character: char| character.is_ascii_digit() || character == '.').next().unwrap_or(text)
}

fn items_of(inner: &Shape, value: &Value) -> Result<Value, String> {
    let items = match value {
        Value::List(items) => items.iter().map(|item| coerce(inner, item)).collect::<Result<_, _>>(),
        Value::String(text) if text.trim().is_empty() => Ok(Vec::new()),
        Value::String(text) => text.split(',').map(|item| coerce(inner, &item.trim().into())).collect(),
        value => coerce(inner, value).map(|item| vec![item]),
    };
    items.map(Value::List)
}

fn map_of(inner: &Shape, value: &Value) -> Result<Value, String> {
    let entries = match value {
        Value::Map(entries) => entries.clone(),
        Value::List(items) => pairs(items.iter().filter_map(Value::as_str))?,
        Value::String(text) if text.trim_start().starts_with('{') => match json::parse(text)? {
            Value::Map(entries) => entries,
            value => return Err(unconvertible("map[string]interface {}", &value)),
        },
        Value::String(text) => pairs(text.split(',').filter(|pair| !pair.trim().is_empty()))?,
        value => return Err(unconvertible("map[string]interface {}", value)),
    };
    entries
        .into_iter()
        .map(|(key, value)| Ok((key, coerce(inner, &value)?)))
        .collect::<Result<_, String>>()
        .map(Value::Map)
}

fn pairs<'a>(items: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, Value>, String> {
    items
        .enumerate()
        .map(|(index, pair)| {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("invalid key pair at index {index}"))?;
            Ok((key.trim().to_owned(), value.trim().into()))
        })
        .collect()
}

fn unconvertible(expected: &str, value: &Value) -> String {
    format!("'' expected type '{expected}', got unconvertible type '{}'", go_type(value))
}

/// What the peers call the type of `value`.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        Value::Bool(_) => "bool",
        Value::Number(_) => "json.Number",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use schemas::shape::{Declared, List, Map, Name, Seconds};

    use super::*;

    #[derive(schemas::Fields)]
    struct Example {
        /// Name.
        name: Name,
        /// Lifetime.
        #[kind(aliases("ttl"))]
        token_ttl: Option<Seconds>,
        /// Example.
        is_open: Option<bool>,
        /// Example.
        uses: Option<i64>,
        /// Example.
        words: Option<List<String>>,
        /// Example.
        labels: Option<Map<String>>,
    }

    fn input(body: &str) -> Result<Input, Error> {
        let parameters: Parameters = serde_json::from_str(body).expect("a JSON object");
        let table = FieldTable { parts: Example::PARTS, endpoint: None };
        decode(table, &parameters, &mut vec![("name", "Alice".into())])
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let input = input(body).expect("a good body");
        assert_eq!(json::render(&input.record.into_value()), expected);
    }

    #[track_caller]
    fn check_error(body: &str, expected: &str) {
        let error = input(body).expect_err("a bad body");
        assert_eq!(error.messages(false), [expected.to_owned()]);
    }

    #[test]
    fn values_take_the_shape_of_their_field() {
        check(
            r#"{"token_ttl":"1h","is_open":"true","uses":"7"}"#,
            r#"{"is_open":true,"name":"alice","token_ttl":3600,"uses":7}"#,
        );
        check(
            r#"{"ttl":60,"words":"a, b","labels":["k=v"]}"#,
            r#"{"labels":{"k":"v"},"name":"alice","token_ttl":60,"words":["a","b"]}"#,
        );
        check(
            r#"{"words":[1,true],"is_open":1,"token_ttl":null}"#,
            r#"{"is_open":true,"name":"alice","words":["1","1"]}"#,
        );
    }

    #[test]
    fn errors_name_the_field_and_hide_the_value() {
        check_error(
            r#"{"token_ttl":"abc"}"#,
            "error converting input for field \"token_ttl\": time: invalid duration \"abc\"",
        );
        check_error(
            r#"{"token_ttl":-5}"#,
            "error converting input for field \"token_ttl\": cannot provide negative value '-5'",
        );
        check_error(
            r#"{"uses":1.5}"#,
            "error converting input for field \"uses\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
        );
        check_error(
            r#"{"is_open":[1]}"#,
            "error converting input for field \"is_open\": '' expected type 'bool', got unconvertible type '[]interface {}'",
        );
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let input = input(r#"{"foo":1,"bar":2,"name":"x"}"#).expect("a good body");
        assert_eq!(
            input.warnings(),
            [
                "Endpoint ignored these unrecognized parameters: [bar foo]",
                "Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [name]",
            ]
        );
    }
}
