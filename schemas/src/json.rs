//! JSON with exact numbers.
//!
//! `serde_json::Value` turns 12345678901234567890123 into a float; its `arbitrary_precision` feature would
//! change every other crate of the build. So numbers are taken from the raw text here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::{Number, Value};

/// Deepest nesting that is read: each level takes stack.
const MAX_DEPTH: usize = 256;

/// Reads one JSON document. Duplicate keys: the last wins, as in the Go peers.
///
/// # Errors
/// The position and cause as `serde_json` words them; never a part of the text, which may be secret.
pub fn parse(text: &str) -> Result<Value, String> {
    let valid: &RawValue = serde_json::from_str(text).map_err(describe)?;
    Reader { rest: valid.get() }.value(0)
}

fn describe(error: serde_json::Error) -> String {
    format!("invalid JSON at line {}, column {}", error.line(), error.column())
}

/// Reads a text that is known to be JSON, each byte of it once, however deep it is nested.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("invalid JSON: nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(match self.next() {
            Some(b'{') => Value::Map(self.entries(depth)?),
            Some(b'[') => Value::List(self.items(depth)?),
            Some(b'"') => Value::String(self.string()?),
            _ => match self.word() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                number => Value::Number(number.parse::<Number>()?),
            },
        })
    }

    fn entries(&mut self, depth: usize) -> Result<BTreeMap<String, Value>, String> {
        let mut entries = BTreeMap::new();
        self.skip(1);
        while self.next() == Some(b'"') {
            let key = self.string()?;
            self.next();
            self.skip(1);
            entries.insert(key, self.value(depth + 1)?);
            self.separator();
        }
        self.skip(1);
        Ok(entries)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        self.skip(1);
        while self.next().is_some_and(|byte| byte != b']') {
            items.push(self.value(depth + 1)?);
            self.separator();
        }
        self.skip(1);
        Ok(items)
    }

    /// The next byte that is no space, which is not read yet.
    fn next(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest.bytes().next()
    }

    /// Reads a comma, if there is one.
    fn separator(&mut self) {
        if self.next() == Some(b',') {
            self.skip(1);
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let quoted = self.skip(end.map_or(self.rest.len(), |end| end + 2));
        serde_json::from_str(quoted).map_err(describe)
    }

    /// A number, or one of the three names.
    fn word(&mut self) -> &'a str {
        let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let end = self.rest.bytes().position(|byte| !is_of_word(byte));
        self.skip(end.unwrap_or(self.rest.len()))
    }

    /// Reads so many bytes.
    fn skip(&mut self, length: usize) -> &'a str {
        let (read, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        read
    }
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
    fn values_are_read_whatever_stands_between_them() {
        check(
            " { \"a\\\"\" : [ ] ,\n\"b\":{ },\"c\" :[ 1 , \"\\\\\" , null,true ,false ] } ",
            r#"{"a\"":[],"b":{},"c":[1,"\\",null,true,false]}"#,
        );
        check("-1.5e+3", "-1500");
    }

    #[test]
    fn what_is_deep_and_long_is_read_once() {
        let inner = "[],".repeat(200_000);
        let text = format!("{}{inner}[]{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn an_error_shows_nothing_of_the_text() {
        let error = parse(r#"{"password": hunter2}"#).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
