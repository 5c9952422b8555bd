//! Parameters of a request, read as the API's clients expect and without a tree of values.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::object::object;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::input::go_seconds;
use crate::core::request::{Operation, Parameters};

/// The parameters of one request.
///
/// Of each method the outer `None` means that the parameter is not given.
pub(super) struct Given<'a> {
    parameters: &'a Parameters,
    /// What conversion errors begin with.
    prefix: &'static str,
}

/// One JSON value, one level deep. Numbers are as they were written.
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(String),
    List(Vec<&'a RawValue>),
    Map,
}

impl<'a> Given<'a> {
    /// The parameters of `cx` on a route without existence check.
    pub(super) fn of(cx: &Context<'a>) -> Self {
        Self { parameters: cx.parameters(), prefix: "Field validation failed: " }
    }

    /// The parameters of `cx` on a route with existence check: its POSTs are decoded before validation, so that
    /// their errors lack the words for it.
    pub(super) fn checked(cx: &Context<'a>) -> Self {
        let is_post = matches!(cx.operation(), Operation::Create | Operation::Update);
        let given = Self::of(cx);
        if is_post { Self { prefix: "", ..given } } else { given }
    }

    fn json(&self, name: &str) -> Result<Option<Json<'a>>, Error> {
        Ok(self.parameters.get(name).map(|raw| Json::of(raw)).transpose()?)
    }

    fn error(&self, name: &str, problem: &str) -> Error {
        Error::invalid(format!("{}error converting input for field \"{name}\": {problem}", self.prefix))
    }

    fn weakly<T>(&self, name: &str, convert: fn(&Json<'_>) -> Result<T, String>) -> Result<Option<T>, Error> {
        let value = self.json(name)?.map(|json| convert(&json)).transpose();
        value.map_err(|problem| self.error(name, &format!("'' {problem}")))
    }

    /// An integer; null is 0.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Error> {
        self.weakly(name, |json| json.integer())
    }

    /// A truth value; null is false.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Error> {
        self.weakly(name, |json| json.boolean())
    }

    /// Text; null is empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        self.weakly(name, |json| json.text())
    }

    /// A duration in seconds, which may be negative; null is not given.
    pub(super) fn signed_seconds(&self, name: &str) -> Result<Option<i64>, Error> {
        let seconds = match self.json(name)? {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Number(digits)) => {
                digits.parse().or_else(|_| go_seconds(digits)).and_then(|seconds| bounded(seconds, digits))
            }
            Some(Json::Text(text)) => go_seconds(&text).and_then(|seconds| bounded(seconds, &text)),
            Some(_) => Err("could not parse duration from input".to_owned()),
        };
        seconds.map(Some).map_err(|problem| self.error(name, &problem))
    }

    /// A duration in seconds; null is not given.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.signed_seconds(name)? {
            Some(negative @ ..0) => {
                Err(self.error(name, &format!("cannot provide negative value '{negative}'")))
            }
            seconds => Ok(seconds),
        }
    }

    /// The text of an object, or of null.
    pub(super) fn object(&self, name: &str) -> Result<Option<Cow<'a, RawValue>>, Error> {
        let raw = self.parameters.get(name);
        raw.map(|raw| object(raw)).transpose().map_err(|problem| self.error(name, &problem))
    }

    /// Version numbers: a list, one, or text with commas. Not given, null and empty are the same.
    pub(super) fn versions(&self) -> Result<Vec<u64>, Error> {
        let items = match self.json("versions")?.unwrap_or(Json::Null) {
            Json::Null => Vec::new(),
            Json::List(items) => items.into_iter().map(Json::of).collect::<Result<_, _>>()?,
            Json::Text(text) if text.is_empty() => Vec::new(),
            Json::Text(text) => text.split(',').map(|item| Json::Text(item.to_owned())).collect(),
            other => vec![other],
        };
        let (versions, problems) = split(items.iter().map(Json::integer));
        if problems.is_empty() {
            // Version 0 does not exist, as little as a negative one.
            return Ok(versions.into_iter().map(|version| u64::try_from(version).unwrap_or(0)).collect());
        }
        let intro = "decoding failed due to the following error(s):\n\n";
        Err(self.error("versions", &format!("{intro}{}", problems.join("\n"))))
    }
}

fn split(items: impl Iterator<Item = Result<i64, String>>) -> (Vec<i64>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, item) in items.enumerate() {
        match item {
            Ok(integer) => good.push(integer),
            Err(problem) => bad.push(format!("'[{index}]' {problem}")),
        }
    }
    (good, bad)
}

/// `seconds`, unless they are more than the peer counts: nanoseconds in 64 bits.
fn bounded(seconds: i64, text: &str) -> Result<i64, String> {
    if seconds.unsigned_abs() <= i64::MAX.unsigned_abs() / 1_000_000_000 {
        return Ok(seconds);
    }
    Err(if text.ends_with(['s', 'm', 'h']) {
        format!("time: invalid duration \"{text}\"")
    } else {
        "multiplication of durations resulted in overflow, one operand may be too large".to_owned()
    })
}

impl<'a> Json<'a> {
    /// The outermost level of `raw`.
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
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
    pub(super) fn integer(&self) -> Result<i64, String> {
        match self {
            Json::Null => Ok(0),
            Json::Bool(value) => Ok(i64::from(*value)),
            Json::Text(text) if text.is_empty() => Ok(0),
            Json::Text(text) => go_text::integer(text),
            Json::Number(digits) => go_text::integer(digits),
            Json::List(_) | Json::Map => Err(self.unconvertible("int")),
        }
    }

    fn boolean(&self) -> Result<bool, String> {
        let invalid = || "cannot parse value as 'bool': strconv.ParseBool: invalid syntax".to_owned();
        let text = match self {
            Json::Null => return Ok(false),
            Json::Bool(value) => return Ok(*value),
            Json::Number(digits) => digits,
            Json::Text(text) => text.as_str(),
            Json::List(_) | Json::Map => return Err(self.unconvertible("bool")),
        };
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(invalid()),
        }
    }

    /// As text, weakly: numbers as they were written, truth values as `1` and `0`, null as nothing.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Json::Null => Ok(String::new()),
            Json::Bool(value) => Ok(u8::from(*value).to_string()),
            Json::Number(digits) => Ok((*digits).to_owned()),
            Json::Text(text) => Ok(text.clone()),
            Json::List(_) | Json::Map => Err(self.unconvertible("string")),
        }
    }

    /// The error for this value where one of Go's type `expected` belongs.
    pub(super) fn unconvertible(&self, expected: &str) -> String {
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
