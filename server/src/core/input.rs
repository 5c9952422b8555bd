//! Parameters of a request to fields, by table.

use schemas::kind::fields;
use schemas::shape::FromRecord;
use schemas::{Field, Record, Shape, Text, Value, codec, duration, json};
use serde_json::value::RawValue;

use super::engine::FieldTable;
use super::error::Error;
use super::go_text;
use super::object::object;
use super::pattern::Captures;
use super::request::Parameters;
use super::weak::{Json, each, is_empty_object};

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
            if raw.get() != "null" {
                input.replaced.push(name.clone());
            }
            continue;
        }
        if !take(table, name, raw, &mut input.record)? {
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

/// Decodes the entries of `object` by `#[derive(Fields)]` struct `T`: for nested objects such as `config` of a mount,
/// in which null is nothing.
///
/// # Errors
/// As [`decode`].
pub fn decode_object<T: FromRecord>(object: &Parameters) -> Result<T, Error> {
    let table = FieldTable::new(T::PARTS);
    let given = object.iter().filter(|(_, raw)| raw.get() != "null");
    let given = given.map(|(name, raw)| (name.clone(), raw.clone())).collect();
    let input = decode(table, &given, &mut Captures::new())?;
    T::from_record(&input.record).map_err(|problems| Error::invalid(problems.join("; ")))
}

/// Sets the fields that parameter `name` gives; false if there is none.
fn take(table: FieldTable, name: &str, raw: &RawValue, record: &mut Record) -> Result<bool, Error> {
    if table.unknown.contains(&name) {
        return Ok(false);
    }
    let mut is_known = false;
    for field in table.fields().filter(|field| field.is_configurable() && !field.key) {
        let (head, rest) = field.api.split_once('.').unwrap_or((field.api, ""));
        let is_alias = field.aliases.contains(&name);
        if head != name && !is_alias {
            continue;
        }
        is_known = true;
        // The proper name wins over an alias that stands beside it.
        if is_alias && record.has(field.name) {
            continue;
        }
        let value = if is_alias { coerce(&field.shape, raw, "") } else { coerce_at(field, rest, raw) };
        let value = value.map_err(|problem| {
            let place = if problem.starts_with("invalid key pair") {
                format!(" in field \"{name}\"")
            } else {
                String::new()
            };
            Error::invalid(format!("error converting input for field \"{name}\": {problem}{place}"))
        })?;
        if let Some(value) = value {
            record.set(field.name, value);
        }
    }
    Ok(is_known)
}

/// What stands at the dotted path `rest` of `raw`, in the form of `field`; `None` if nothing does.
fn coerce_at(field: &Field, rest: &str, raw: &RawValue) -> Result<Option<Value>, String> {
    let Some((name, rest)) = rest.split_once('.').or((!rest.is_empty()).then_some((rest, ""))) else {
        return coerce(&field.shape, raw, "");
    };
    let entries: Option<Parameters> = serde_json::from_str(raw.get()).unwrap_or_default();
    match entries.unwrap_or_default().get(name) {
        Some(raw) => coerce_at(field, rest, raw),
        None => Ok(None),
    }
}

/// `raw`, at `place` of its parameter, in the form of `shape`, converted as the peer's framework converts: to it a
/// number is the text that it was written as, and null the zero value of the shape. `None`: what says nothing, as null
/// does where a duration belongs.
fn coerce(shape: &Shape, raw: &RawValue, place: &str) -> Result<Option<Value>, String> {
    let value = Json::of(raw).map_err(|error| error.to_string())?;
    let says_nothing = matches!(value, Json::Null);
    let at_place = |problem| format!("'{place}' {problem}");
    Ok(Some(match shape {
        Shape::Bool => value.boolean().map_err(at_place)?.into(),
        Shape::Integer => value.integer().map_err(at_place)?.into(),
        Shape::Text(_) => value.text().map_err(at_place)?.into(),
        Shape::List(inner) | Shape::Set(inner) => items_of(inner, raw)?,
        Shape::Map(Shape::Json) => object_of(raw)?,
        Shape::Map(inner) => pairs_of(inner, raw)?,
        _ if says_nothing => return Ok(None),
        Shape::Seconds => seconds_of(&value)?.into(),
        Shape::Duration => duration::render(seconds_of(&value)?).into(),
        Shape::Json => codec::text_of(&json::parse(raw.get())?),
        Shape::Object(_) | Shape::Block { .. } => codec::decode(shape, &json::parse(raw.get())?),
    }))
}

/// A duration in seconds, which is not negative.
fn seconds_of(value: &Json<'_>) -> Result<i64, String> {
    match value.seconds()? {
        negative @ ..0 => Err(format!("cannot provide negative value '{negative}'")),
        seconds => Ok(seconds),
    }
}

/// The seconds of a duration in text, with the errors of Go's parser. What is less than a second is one, or one less
/// than none: nothing may last for ever, or be shown, because its time was short.
pub fn go_seconds(text: &str) -> Result<i64, String> {
    if let Some((number, Err(error))) = duration::days(text) {
        return Err(go_text::integer_problem("ParseInt", number, &error));
    }
    match duration::nanoseconds(text)? {
        1..1_000_000_000 => Ok(1),
        -999_999_999..=-1 => Ok(-1),
        nanoseconds if nanoseconds.abs() > i128::from(i64::MAX) => Err(duration::OVERFLOW.to_owned()),
        nanoseconds => i64::try_from(nanoseconds / 1_000_000_000).map_err(|error| error.to_string()),
    }
}

/// A list: itself, or the one item that is not in a list. A text is a list with commas, but for items that may hold
/// commas themselves.
fn items_of(inner: &Shape, raw: &RawValue) -> Result<Value, String> {
    let is_whole = matches!(inner, Shape::Text(Text::Whole));
    let items = match Json::of(raw).map_err(|error| error.to_string())? {
        Json::Text(text) if text.is_empty() => Ok(Vec::new()),
        Json::Text(text) if !is_whole => parts_of(inner, &text)?,
        _ => coerce_each(inner, &loose_items(raw)?),
    };
    let items = items.map_err(|problems| match is_whole {
        true => format!("decoding failed due to the following error(s):\n\n{}", problems.join("\n")),
        false => format!("{} error(s) decoding:\n\n* {}", problems.len(), problems.join("\n* ")),
    })?;
    Ok(Value::List(items.into_iter().map(trimmed).collect()))
}

/// Items that one text may be. The limit on the strings of a body does not see them.
const MOST_PARTS: usize = 100_000;

/// What stands between the commas of `text`.
pub(crate) fn parts(text: &str) -> Result<std::str::Split<'_, char>, String> {
    if text.bytes().filter(|byte| *byte == b',').count() >= MOST_PARTS {
        return Err(format!("a text with more than {MOST_PARTS} items; hint: send a list"));
    }
    Ok(text.split(','))
}

/// The items that `text` is with its commas. The inner errors are those of single items.
fn parts_of(inner: &Shape, text: &str) -> Result<Result<Vec<Value>, Vec<String>>, String> {
    let parts = parts(text)?;
    if matches!(inner, Shape::Text(_)) {
        return Ok(Ok(parts.map(Value::from).collect()));
    }
    let parts = parts.map(serde_json::value::to_raw_value);
    let parts: Vec<Box<RawValue>> = parts.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok(coerce_each(inner, &parts.iter().map(|part| &**part).collect::<Vec<_>>()))
}

/// The items of a list; of what is none the one that it would have.
fn loose_items(raw: &RawValue) -> Result<Vec<&RawValue>, String> {
    Ok(match Json::of(raw).map_err(|error| error.to_string())? {
        Json::Null => Vec::new(),
        Json::Map if is_empty_object(raw) => Vec::new(),
        Json::List(items) => items,
        _ => vec![raw],
    })
}

fn coerce_each(inner: &Shape, items: &[&RawValue]) -> Result<Vec<Value>, Vec<String>> {
    let items = items.iter().enumerate();
    each(items.map(|(index, item)| Ok(coerce(inner, item, &format!("[{index}]"))?.unwrap_or_default())))
}

fn trimmed(item: Value) -> Value {
    match item {
        Value::String(text) if text.trim() != text => text.trim().into(),
        item => item,
    }
}

/// An object, whose entries stay what they are.
fn object_of(raw: &RawValue) -> Result<Value, String> {
    match json::parse(object(raw)?.get())? {
        Value::Null => Ok(Value::Map(Default::default())),
        entries => Ok(entries),
    }
}

/// Pairs: an object, or a list of texts `key=value`, or one such text.
fn pairs_of(inner: &Shape, raw: &RawValue) -> Result<Value, String> {
    if let Ok(entries) = entries_of(inner, raw) {
        return Ok(entries);
    }
    let items = coerce_each(&Shape::Text(Text::Whole), &loose_items(raw)?).map_err(|problems| {
        format!("decoding failed due to the following error(s):\n\n{}", problems.join("\n"))
    })?;
    let pairs = items.iter().enumerate().map(|(index, pair)| {
        let pair = pair.as_str().unwrap_or_default().split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| format!("invalid key pair at index {index}"))?;
        Ok((key.to_owned(), value.into()))
    });
    pairs.collect::<Result<_, String>>().map(Value::Map)
}

/// The entries of the object that `raw` is.
fn entries_of(inner: &Shape, raw: &RawValue) -> Result<Value, String> {
    let object = object(raw)?;
    let entries: Option<Parameters> =
        serde_json::from_str(object.get()).map_err(|error| error.to_string())?;
    let entries = entries.unwrap_or_default().into_iter();
    entries
        .map(|(key, raw)| Ok((key, coerce(inner, &raw, "")?.unwrap_or_default())))
        .collect::<Result<_, String>>()
        .map(Value::Map)
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
        let table = FieldTable::new(Example::PARTS);
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
    fn what_is_less_than_a_second_is_one_where_it_must_be_something() {
        for (text, seconds) in [("500ms", 1), ("1ns", 1), ("0.5s", 1), ("1500ms", 1), ("0ms", 0), ("", 0)] {
            assert_eq!(go_seconds(text), Ok(seconds), "{text}");
        }
        // Nor is what is less than nothing.
        for (text, seconds) in [("-500ms", -1), ("-1ns", -1), ("-0.4s", -1), ("-1500ms", -1), ("-0", 0)] {
            assert_eq!(go_seconds(text), Ok(seconds), "{text}");
        }
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

    #[test]
    fn what_is_wrong_with_a_long_list_is_told_in_short() {
        let items = vec!["{}"; 100_000].join(",");
        for words in [format!("[{items}]"), format!("\"{}\"", ",".repeat(1_000_000))] {
            let problem = input(&format!("{{\"words\":{words}}}")).expect_err("no words");
            assert!(problem.messages(false)[0].len() < 20_000);
        }
    }
}
