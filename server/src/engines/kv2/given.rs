//! Parameters of a request, read as the API's clients expect and without a tree of values.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::input::parts;
use crate::core::object::object;
use crate::core::request::{Operation, Parameters};
use crate::core::weak::{Json, each, is_empty_object};

/// The parameters of one request.
///
/// Of each method the outer `None` means that the parameter is not given.
pub(super) struct Given<'a> {
    parameters: &'a Parameters,
    /// What conversion errors begin with.
    prefix: &'static str,
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
        match self.json(name)? {
            None | Some(Json::Null) => Ok(None),
            Some(json) => json.seconds().map(Some).map_err(|problem| self.error(name, &problem)),
        }
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
        let Some(raw) = self.parameters.get("versions") else { return Ok(Vec::new()) };
        let items = match Json::of(raw)? {
            Json::Null => Vec::new(),
            Json::Map if is_empty_object(raw) => Vec::new(),
            Json::List(items) => items.into_iter().map(Json::of).collect::<Result<_, _>>()?,
            Json::Text(text) if text.is_empty() => Vec::new(),
            Json::Text(text) => {
                let parts = parts(&text).map_err(|problem| self.error("versions", &problem))?;
                parts.map(|item| Json::Text(item.to_owned())).collect()
            }
            other => vec![other],
        };
        let numbers = items.iter().map(Json::integer).enumerate();
        let numbers =
            each(numbers.map(|(index, number)| number.map_err(|problem| format!("'[{index}]' {problem}"))));
        let numbers = numbers.map_err(|problems| {
            let intro = "decoding failed due to the following error(s):\n\n";
            self.error("versions", &format!("{intro}{}", problems.join("\n")))
        })?;
        // Version 0 does not exist, as little as a negative one. Each counts once.
        let numbers: BTreeSet<u64> =
            numbers.into_iter().map(|version| u64::try_from(version).unwrap_or(0)).collect();
        Ok(numbers.into_iter().collect())
    }
}
