//! Query strings and form bodies as parameters.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::lenient;
use crate::core::request::Parameters;

/// Name and value pairs of `text`, percent-decoded. What does not decode is taken as it is, and what decodes to no text
/// is [replaced](lenient::text).
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(name), decode_form(value))
        })
        .collect()
}

/// `pairs` as parameters: text, or a list of texts where a name is repeated. `leave_out` names those that are not for
/// the engine.
pub(super) fn parameters(pairs: Vec<(String, String)>, leave_out: &[&str]) -> Parameters {
    grouped(pairs)
        .into_iter()
        .filter(|(name, _)| !leave_out.contains(&name.as_str()))
        .map(|(name, values)| (name, raw(&values)))
        .collect()
}

/// The values of a form body: repeated names joined by comma.
pub(super) fn form(text: &str) -> Parameters {
    let values = grouped(pairs(text)).into_iter();
    values.map(|(name, values)| (name, raw(&[values.join(",")]))).collect()
}

fn grouped(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut values = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in pairs {
        values.entry(name).or_default().push(value);
    }
    values
}

fn raw(values: &[String]) -> Box<RawValue> {
    let raw = match values {
        [value] => to_raw_value(value),
        values => to_raw_value(values),
    };
    raw.expect("texts have a JSON form")
}

fn decode_form(text: &str) -> String {
    match percent_decode_bytes(&text.replace('+', " ")) {
        Some(bytes) => String::from_utf8(bytes).unwrap_or_else(|error| lenient::text(error.as_bytes())),
        None => text.to_owned(),
    }
}

/// `text` with `%41` as `A`; `None` if that is not UTF-8 or not well-formed.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    String::from_utf8(percent_decode_bytes(text)?).ok()
}

fn percent_decode_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.contains('%') {
        return Some(text.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(percent_decode("a%20b%C3%BC").as_deref(), Some("a bü"));
        assert_eq!(percent_decode("%zz"), None);
        assert_eq!(percent_decode("%4"), None);
        assert_eq!(percent_decode("%ff"), None);
        assert_eq!(decode_form("x%ff+y"), "x\u{fffd} y");
        assert_eq!(decode_form("%zz+y"), "%zz+y");
    }

    #[test]
    fn repeated_names_are_a_list() {
        let parameters = parameters(pairs("a=1&b=x+y&a=2&list=true"), &["list"]);
        let parameters = serde_json::to_string(&parameters).expect("JSON");
        assert_eq!(parameters, r#"{"a":["1","2"],"b":"x y"}"#);
    }
}
