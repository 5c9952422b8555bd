//! JSON values as the peer's framework converts them: weakly, and numbers as they were written.

use serde_json::value::RawValue;

use super::go_text;
use super::input::go_seconds;

/// One JSON value, one level deep. Numbers are as they were written.
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(String),
    List(Vec<&'a RawValue>),
    Map,
}

impl<'a> Json<'a> {
    /// The outermost level of `raw`.
    pub(crate) fn of(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => Json::Map,
            Some(b'[') => Json::List(serde_json::from_str(text)?),
            Some(b'"') => Json::Text(serde_json::from_str(text)?),
            Some(b't') => Json::Bool(true),
            Some(b'f') => Json::Bool(false),
            Some(b'n') | None => Json::Null,
            Some(_) => Json::Number(text),
        })
    }

    /// As an integer, weakly: from text and truth values too.
    pub(crate) fn integer(&self) -> Result<i64, String> {
        match self {
            Json::Null => Ok(0),
            Json::Bool(value) => Ok(i64::from(*value)),
            Json::Text(text) if text.is_empty() => Ok(0),
            Json::Text(text) => go_text::integer(text),
            Json::Number(digits) => go_text::integer(digits),
            Json::List(_) | Json::Map => Err(self.unconvertible("int")),
        }
    }

    /// As a float, weakly: from text and truth values too.
    pub(crate) fn float(&self) -> Result<f64, String> {
        let text = match self {
            Json::Null => return Ok(0.0),
            Json::Bool(value) => return Ok(f64::from(u8::from(*value))),
            Json::Text(text) if text.is_empty() => return Ok(0.0),
            Json::Text(text) => text.as_str(),
            Json::Number(digits) => digits,
            Json::List(_) | Json::Map => return Err(self.unconvertible("float64")),
        };
        let invalid = "cannot parse value as 'float64': strconv.ParseFloat: invalid syntax";
        text.parse().map_err(|_| invalid.to_owned())
    }

    /// As a truth value, weakly: from numbers and text too.
    pub(crate) fn boolean(&self) -> Result<bool, String> {
        let invalid = || "cannot parse value as 'bool': strconv.ParseBool: invalid syntax".to_owned();
        let text = match self {
            Json::Null => return Ok(false),
            Json::Bool(value) => return Ok(*value),
            Json::Number(digits) => digits,
            Json::Text(text) => text.as_str(),
            Json::List(_) | Json::Map => return Err(self.unconvertible("bool")),
        };
        if text.is_empty() { Ok(false) } else { go_text::boolean(text).ok_or_else(invalid) }
    }

    /// As text, weakly: numbers as they were written, truth values as `1` and `0`, null as nothing.
    pub(crate) fn text(&self) -> Result<String, String> {
        match self {
            Json::Null => Ok(String::new()),
            Json::Bool(value) => Ok(u8::from(*value).to_string()),
            Json::Number(digits) => Ok((*digits).to_owned()),
            Json::Text(text) => Ok(text.clone()),
            Json::List(_) | Json::Map => Err(self.unconvertible("string")),
        }
    }

    /// As a duration in seconds, which may be negative.
    pub(crate) fn seconds(&self) -> Result<i64, String> {
        match self {
            Json::Number(digits) => go_seconds(digits),
            Json::Text(text) => go_seconds(text),
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Map => {
                Err("could not parse duration from input".to_owned())
            }
        }
    }

    /// The error for this value where one of Go's type `expected` belongs.
    pub(crate) fn unconvertible(&self, expected: &str) -> String {
        let kind = match self {
            Json::List(_) => "[]interface {}",
            Json::Map => "map[string]interface {}",
            Json::Bool(_) => "bool",
            Json::Number(_) => "json.Number",
            Json::Null | Json::Text(_) => "string",
        };
        format!("expected type '{expected}', got unconvertible type '{kind}'")
    }
}

/// Whether `raw`, which is an object, has no entries.
pub(crate) fn is_empty_object(raw: &RawValue) -> bool {
    raw.get().trim_matches(['{', '}', ' ', '\t', '\r', '\n']).is_empty()
}

/// Problems that are told of one list: an answer is not many times its request.
const MOST_PROBLEMS: usize = 100;

/// All of `items`, or what is wrong with those that are, of which the first are told.
pub(crate) fn each<T>(items: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(problem) => bad.push(problem),
        }
        if bad.len() == MOST_PROBLEMS {
            break;
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}
