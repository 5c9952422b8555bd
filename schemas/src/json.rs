//! JSON with exact numbers.
//!
//! `serde_json::Value` turns 12345678901234567890123 into a float; its `arbitrary_precision` feature would
//! change every other crate of the build. So numbers are taken from the raw text here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::{Number, Value};

/// Deepest nesting that is read. Each level is scanned once more than the one above it, and takes stack.
const MAX_DEPTH: usize = 256;

/// Reads one JSON document. Duplicate keys: the last wins, as in the Go peers.
///
/// # Errors
/// The position and cause as `serde_json` words them; never a part of the text, which may be secret.
pub fn parse(text: &str) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_str(text).map_err(describe)?;
    tree(raw, 0)
}

fn describe(error: serde_json::Error) -> String {
    format!("invalid JSON at line {}, column {}", error.line(), error.column())
}

fn tree(raw: &RawValue, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("invalid JSON: nested deeper than {MAX_DEPTH} levels"));
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => Value::Map(entries(text, depth)?),
        Some(b'[') => Value::List(items(text, depth)?),
        Some(b'"') => Value::String(serde_json::from_str(text).map_err(describe)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') | None => Value::Null,
        Some(_) => Value::Number(text.parse::<Number>()?),
    })
}

fn entries(text: &str, depth: usize) -> Result<BTreeMap<String, Value>, String> {
    let raw: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(describe)?;
    raw.into_iter().map(|(key, raw)| Ok((key, tree(raw, depth + 1)?))).collect()
}

fn items(text: &str, depth: usize) -> Result<Vec<Value>, String> {
    let raw: Vec<&RawValue> = serde_json::from_str(text).map_err(describe)?;
    raw.into_iter().map(|raw| tree(raw, depth + 1)).collect()
}

/// Writes `value` as compact JSON with sorted keys. Secrets are written in clear, unknown as null: the
/// text is for the server or for a comparison, not for people.
pub fn render(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Value) {
    match value.expose() {
        Value::Null | Value::Unknown | Value::Secret(_) => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(text) => write_string(out, text),
        Value::List(items) => write_all(out, ['[', ']'], items.iter(), write),
        Value::Map(entries) => write_all(out, ['{', '}'], entries.iter(), |out, (key, value)| {
            write_string(out, key);
            out.push(':');
            write(out, value);
        }),
    }
}

fn write_all<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(close);
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(render(&parse(input).expect("valid JSON")), expected);
    }

    #[test]
    fn numbers_keep_their_digits() {
        check("[12345678901234567890, 0.10, 1e2]", "[12345678901234567890,0.1,100]");
    }

    #[test]
    fn keys_are_sorted_and_text_is_escaped() {
        check(r#"{"b": "a\u0001\n\"é", "a": null}"#, r#"{"a":null,"b":"a\u0001\n\"é"}"#);
    }

    #[test]
    fn the_last_of_two_equal_keys_wins() {
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    }

    #[test]
    fn nesting_that_would_fill_the_stack_is_refused() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(100)).is_ok());
        // Beyond 128 levels the library itself refuses, which is good, too.
        assert!(parse(&nested(100_000)).is_err());
    }

    #[test]
    fn an_error_shows_nothing_of_the_text() {
        let error = parse(r#"{"password": hunter2}"#).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
