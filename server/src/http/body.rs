//! Bodies of requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::query;
use super::room::Share;
use crate::core::error::Error;
use crate::core::request::Parameters;

/// Reads a body of at most `limit` bytes, which take `share` of the room there is.
///
/// # Errors
/// 413 beyond it, 400 if the client goes away, 503 if there is no room.
pub(super) async fn read(body: Incoming, limit: usize, share: &mut Share<'_>) -> Result<Bytes, Error> {
    let mut body = Limited::new(body, limit);
    let mut parts: Vec<Bytes> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(error.is::<LengthLimitError>()))?;
        if let Ok(part) = frame.into_data() {
            share.grow(part.len()).await?;
            parts.push(part);
        }
    }
    match parts.len() {
        1 => Ok(parts.remove(0)),
        _ => Ok(parts.concat().into()),
    }
}

fn unreadable(is_too_large: bool) -> Error {
    if is_too_large {
        return Error::with_status(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large");
    }
    Error::invalid("failed to read the request body")
}

/// Refuses JSON of more than `limit` strings, before any memory is spent on them. Names count too.
///
/// # Errors
/// 400 beyond the limit.
pub(crate) fn limit_strings(bytes: &[u8], limit: u64) -> Result<(), Error> {
    let is_json =
        bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| b"{[".contains(first));
    if is_json && count_strings(bytes) > limit {
        let text = "refused JSON input due to high complexity: exceeded maximum number of strings";
        return Err(Error::invalid(text));
    }
    Ok(())
}

fn count_strings(bytes: &[u8]) -> u64 {
    let (mut count, mut is_inside, mut is_escaped) = (0, false, false);
    for byte in bytes {
        match (is_inside, byte) {
            (false, b'"') => (count, is_inside) = (count + 1, true),
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (true, b'"') => is_inside = false,
            _ => {}
        }
    }
    count
}

/// The parameters of a body: a JSON object, a form if `content_type` says so, or none.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn parameters(bytes: &[u8], content_type: &str) -> Result<Parameters, Error> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    match first {
        None => Ok(Parameters::new()),
        Some(b'{') => serde_json::from_slice::<Parameters>(bytes).map_err(|error| malformed(bytes, &error)),
        Some(b'[') => Err(not_an_object("array")),
        Some(_) if is_form => Ok(query::form(&String::from_utf8_lossy(bytes))),
        Some(_) => not_json(bytes),
    }
}

/// A body that is no object: a value of another type, or no JSON at all.
fn not_json(bytes: &[u8]) -> Result<Parameters, Error> {
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(serde_json::Value::Null) => Ok(BTreeMap::new()),
        Ok(serde_json::Value::String(_)) => Err(not_an_object("string")),
        Ok(serde_json::Value::Number(_)) => Err(not_an_object("number")),
        Ok(_) => Err(not_an_object("bool")),
        Err(error) => Err(malformed(bytes, &error)),
    }
}

fn not_an_object(kind: &str) -> Error {
    Error::invalid(format!(
        "failed to decode JSON input: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    ))
}

/// Tells what is wrong in the words of the API, with one character of the body at most.
fn malformed(bytes: &[u8], error: &serde_json::Error) -> Error {
    if error.is_eof() {
        return Error::invalid("failed to decode JSON input: unexpected EOF");
    }
    let character = position(bytes, error).and_then(|place| bytes.get(place)).copied().unwrap_or(b'?');
    let expected = if error.to_string().starts_with("expected value")
        || error.to_string().starts_with("expected ident")
    {
        "looking for beginning of value"
    } else {
        "in JSON input"
    };
    Error::invalid(format!(
        "failed to decode JSON input: invalid character '{}' {expected}",
        char::from(character).escape_default()
    ))
}

fn position(bytes: &[u8], error: &serde_json::Error) -> Option<usize> {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(line - 2)?.0 + 1,
    };
    (line_start + error.column()).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, content_type: &str, expected: Result<&str, &str>) {
        let parameters = parameters(body.as_bytes(), content_type);
        let text = parameters.map(|parameters| serde_json::to_string(&parameters).expect("JSON"));
        let text = text.map_err(|error| error.messages(false).join(""));
        assert_eq!(text.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn an_object_keeps_its_numbers() {
        check(r#"{"a":12345678901234567890.50}"#, "", Ok(r#"{"a":12345678901234567890.50}"#));
        check("", "", Ok("{}"));
        check("null", "", Ok("{}"));
    }

    #[test]
    fn the_last_of_two_equal_names_wins() {
        check(r#"{"a":1,"a":2}"#, "", Ok(r#"{"a":2}"#));
    }

    #[test]
    fn a_form_is_taken_when_the_content_type_says_so() {
        let form = "application/x-www-form-urlencoded";
        check("a=1&a=2&b=x", form, Ok(r#"{"a":"1,2","b":"x"}"#));
        check(r#"{"a":1}"#, form, Ok(r#"{"a":1}"#));
    }

    #[test]
    fn strings_are_counted_as_they_stand() {
        let body = br#"{"a":["b","c\"d"],"e":1}"#;
        assert_eq!(count_strings(body), 4);
        assert!(limit_strings(body, 4).is_ok());
        assert_eq!(limit_strings(body, 3).expect_err("too many").status(), 400);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let text = "failed to decode JSON input: json: cannot unmarshal array into Go value of type map[string]interface {}";
        check("[1]", "", Err(text));
        check(r#"{"a":"#, "", Err("failed to decode JSON input: unexpected EOF"));
        check(
            "data=5",
            "application/json",
            Err("failed to decode JSON input: invalid character 'd' looking for beginning of value"),
        );
    }
}
