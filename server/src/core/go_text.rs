//! Text as Go shows it: which characters print, and how the others are written.

use std::num::{IntErrorKind, ParseIntError};

use icu_properties::props::{EnumeratedProperty, GeneralCategory, GeneralCategoryGroup};
use schemas::{Value, based_integer};

/// Letters, marks, numbers, punctuation, symbols and the space: no other white space, no control or format
/// characters, and none that Unicode has not assigned.
pub(crate) fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let shown = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Number)
        .union(GeneralCategoryGroup::Punctuation)
        .union(GeneralCategoryGroup::Symbol);
    shown.contains(GeneralCategory::for_char(character))
}

/// Letters of a text that are shown.
const SHOWN: usize = 1000;

/// `text` in double quotes, cut after so many letters that it says what was sent.
pub(crate) fn quoted(text: &str) -> String {
    let mut letters = text.chars();
    let shown: String = letters
        .by_ref()
        .take(SHOWN)
        .map(|character| if character == '"' { "\\\"".to_owned() } else { escaped(character) })
        .collect();
    let rest = if letters.next().is_some() { "…" } else { "" };
    format!("\"{shown}{rest}\"")
}

/// `character` as Go has it between quotes, of which none is escaped.
pub(crate) fn escaped(character: char) -> String {
    match character {
        '\\' => r"\\".to_owned(),
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        '\u{7}' => r"\a".to_owned(),
        '\u{8}' => r"\b".to_owned(),
        '\u{b}' => r"\v".to_owned(),
        '\u{c}' => r"\f".to_owned(),
        character if is_printable(character) => character.to_string(),
        '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(character)),
        '\u{80}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(character)),
        character => format!("\\U{:08x}", u32::from(character)),
    }
}

/// `seconds` as a duration: `768h0m0s`.
pub(crate) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The truth value that `text` is: `1`, `t`, `true`, `0`, `f`, `false` and the like; `None` for another text, nothing too.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Why `text` is no decimal integer, as `function` of Go's `strconv` tells it.
pub(crate) fn integer_problem(function: &str, text: &str, error: &ParseIntError) -> String {
    let cause = match error.kind() {
        IntErrorKind::NegOverflow | IntErrorKind::PosOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {}: {cause}", quoted(text))
}

/// The integer that `text` is, see [`based_integer`].
///
/// # Errors
/// Why it is none, in the words of the peer's framework.
pub(crate) fn integer(text: &str) -> Result<i64, String> {
    based_integer(text).map_err(|cause| format!("cannot parse value as 'int': strconv.ParseInt: {cause}"))
}

/// What Go calls the type of `value`.
pub(crate) fn type_of(value: &Value) -> &'static str {
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
    use super::*;
    use crate::core::error::Error;

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(quoted(&"é".repeat(1000)).chars().count(), 1002);
        let long = "\u{1}".repeat(1 << 20);
        assert_eq!(quoted(&long), format!("\"{}…\"", "\\x01".repeat(1000)));
        let shown = |text: String| Error::invalid(text).messages(false)[0].len();
        assert_eq!(shown("é".repeat(1 << 20)), (64 << 10) + "…".len());
        let duration = schemas::duration::nanoseconds(&long).expect_err("no duration");
        assert_eq!(duration.len(), "time: invalid duration \"…\"".len() + 400);
    }

    #[test]
    fn an_integer_tells_its_own_base() {
        for (text, expected) in [
            ("12", 12),
            ("+12", 12),
            ("-0x1F", -31),
            ("0b11", 3),
            ("0o17", 15),
            ("017", 15),
            ("0", 0),
            ("0_7", 7),
            ("0x_1", 1),
            ("1_000", 1000),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_integer_is_told() {
        for text in ["", "_1", "1_", "1__0", "0x", "09", "1.0", " 1", "--1", "0x-1", "+-1", "ü"] {
            assert!(integer(text).is_err_and(|problem| problem.ends_with("invalid syntax")), "{text}");
        }
        for text in ["9223372036854775808", "-0x8000000000000001"] {
            assert!(integer(text).is_err_and(|problem| problem.ends_with("out of range")), "{text}");
        }
    }

    #[test]
    fn what_is_seen_is_printable() {
        for character in ['a', ' ', '~', 'ü', '\u{301}', '\u{1F600}', '\u{FFFD}'] {
            assert!(is_printable(character), "{character:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_not() {
        for character in ['\0', '\u{7F}', '\u{80}', '\u{A0}', '\u{AD}', '\u{200B}', '\u{2028}', '\u{3000}'] {
            assert!(!is_printable(character), "{character:?}");
        }
        assert!(!is_printable('\u{E000}') && !is_printable('\u{378}'), "private use and unassigned");
    }
}
