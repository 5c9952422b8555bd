//! Hides what differs in every run: ids, accessors, tokens, times.
//!
//! Both sides of a comparison are masked alike, so a mask hides the value and keeps its sort: a token where the
//! other side has an id is still a difference.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// Patterns and what is shown in their place, tried in this order.
static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let pattern = |text| Regex::new(text).expect("the pattern is a constant");
    vec![
        (pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "(uuid)"),
        (pattern(r"(19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "(time)"),
        (pattern(r"\b\d\d [A-Z][a-z]{2} \d\d \d\d:\d\d UTC\b"), "(minute)"),
        (pattern(r"\b(s|hvs)\.[A-Za-z0-9_-]{24,}(\.[A-Za-z0-9]+)?"), "(token)"),
        (pattern(r"\b(b|hvb)\.[A-Za-z0-9_-]{24,}(\.[A-Za-z0-9]+)?"), "(batch token)"),
        (pattern(r"\bh(?:[0-9a-f]{32}){1,2}(\.[A-Za-z0-9]+)?"), "(token hash)"),
        (pattern(r"_[0-9a-f]{8}\b"), "_(hex)"),
        (pattern(r"vault-cluster-[0-9a-f]{8}"), "(cluster)"),
        (pattern(r"\bsecret=[A-Z2-7]{16,}"), "secret=(secret)"),
    ]
});

static ACCESSOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9]{24}(\.[A-Za-z0-9]+)?$").expect("the pattern is a constant"));

/// Fields that hold a moment as a number.
const MOMENTS: &[&str] =
    &["creation_time", "last_renewal_time", "server_time_utc", "last_wal", "exp", "iat", "nbf"];
/// Fields that count down: 2764799 seconds are 2764800 a second later.
const COUNTDOWNS: &[&str] = &["ttl"];
/// Seconds that a countdown is rounded up to.
const COUNTDOWN_STEP: u64 = 10;

/// `value` with everything volatile replaced by a placeholder.
#[must_use]
pub fn mask(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(mask_fields(fields)),
        Value::Array(items) => Value::Array(items.iter().map(mask).collect()),
        Value::String(text) => Value::String(mask_text(text)),
        other => other.clone(),
    }
}

fn mask_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    // Six letters are an id only where a namespace is shown.
    let is_namespace = fields.contains_key("tainted") && fields.contains_key("locked");
    let is_id = |name: &str, value: &Value| {
        let letters = value.as_str().unwrap_or_default();
        is_namespace
            && name == "id"
            && letters.len() == 6
            && letters.chars().all(|c| c.is_ascii_alphanumeric())
    };
    let is_key = |name: &str| fields.contains_key("kty") && matches!(name, "n" | "x" | "y");
    // What a path is for is told in words of the server's own, and `openapi.rs` compares the document.
    let is_help = fields.contains_key("help") && fields.contains_key("see_also");
    let masked = fields.iter().map(|(name, value)| {
        let value = match value {
            Value::String(text) if is_help && name == "help" => Value::from(outline(text)),
            Value::Object(_) if is_help && name == "openapi" => Value::from("(document)"),
            value if is_id(name, value) => Value::from("(id)"),
            Value::String(_) if is_key(name) => Value::from("(key)"),
            value => mask_field(name, value),
        };
        (mask_text(name), value)
    });
    masked.collect()
}

/// Of a text for people, the lines that say what comes.
fn outline(text: &str) -> String {
    let is_kept =
        |line: &&str| ["## ", "Request:", "Matching Route:"].iter().any(|start| line.starts_with(start));
    text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}

fn mask_field(name: &str, value: &Value) -> Value {
    match value.as_u64() {
        Some(moment) if moment > 0 && MOMENTS.contains(&name) => Value::from("(moment)"),
        Some(left) if COUNTDOWNS.contains(&name) => Value::from(left.next_multiple_of(COUNTDOWN_STEP)),
        _ => mask(value),
    }
}

/// `text` with everything volatile replaced by a placeholder.
#[must_use]
pub fn mask_text(text: &str) -> String {
    if ACCESSOR.is_match(text) && text.contains(|letter: char| letter.is_ascii_uppercase()) {
        return "(accessor)".to_owned();
    }
    let mut masked = text.to_owned();
    for (pattern, placeholder) in PATTERNS.iter() {
        if pattern.is_match(&masked) {
            masked = pattern.replace_all(&masked, *placeholder).into_owned();
        }
    }
    masked
}

/// Letters of a value that a difference shows.
const SHOWN: usize = 300;

/// One place where two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// JSON pointer, empty for the whole value.
    pub pointer: String,
    /// The two sides, for people.
    pub text: String,
}

/// Every place where `actual` differs from `expected`.
#[must_use]
pub fn differences(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(expected), Some(actual), &mut found);
    found
}

/// Every place where an answer (status and masked body) differs. Where the status differs, that is the one
/// difference: the bodies are then of two sorts.
#[must_use]
pub fn compare_answers(expected: (u16, &Value), actual: (u16, &Value)) -> Vec<Difference> {
    if expected.0 == actual.0 {
        return differences(expected.1, actual.1);
    }
    let answer = |(status, body): (u16, &Value)| format!("{status} {}", shown(Some(body)));
    let text = format!("expected {}, got {}", answer(expected), answer(actual));
    vec![Difference { pointer: "status".to_owned(), text }]
}

fn compare(pointer: &str, expected: Option<&Value>, actual: Option<&Value>, found: &mut Vec<Difference>) {
    match (expected, actual) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            for name in left.keys().chain(right.keys().filter(|name| !left.contains_key(*name))) {
                compare(&format!("{pointer}/{name}"), left.get(name), right.get(name), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{pointer}/{index}"), Some(left), Some(right), found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(Difference {
            pointer: pointer.to_owned(),
            text: format!("expected {}, got {}", shown(left), shown(right)),
        }),
    }
}

fn shown(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: Value, expected: Value) {
        assert_eq!(mask(&value), expected);
    }

    #[test]
    fn ids_times_tokens_and_accessors_are_hidden() {
        check(
            json!({
                "request_id": "7d38aa38-4091-4ae8-6de9-8ad3fc0b0001",
                "accessor": "ZshOgkKlnBctBxdahEaCBqm4",
                "id": "s.fyryBCQbRI43HK1YIXf1DFhL",
                "creation_time": 1_795_310_504,
                "expire_time": "2036-11-19T01:24:31.319544492Z",
                "mount": "auth_approle_64052016",
                "ttl": 2_764_799,
            }),
            json!({
                "request_id": "(uuid)",
                "accessor": "(accessor)",
                "id": "(token)",
                "creation_time": "(moment)",
                "expire_time": "(time)",
                "mount": "auth_approle_(hex)",
                "ttl": 2_764_800,
            }),
        );
    }

    #[test]
    fn the_zero_time_and_an_empty_accessor_stay() {
        let value = json!({"expiration_time": "0001-01-01T00:00:00Z", "accessor": "", "ttl": 0});
        check(value.clone(), value);
    }

    #[test]
    fn every_differing_place_is_named() {
        let found =
            differences(&json!({"a": {"b": 1}, "c": [1]}), &json!({"a": {"b": 2}, "c": [1, 2], "d": null}));
        let pointers: Vec<_> = found.iter().map(|difference| difference.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/b", "/c", "/d"]);
    }

    #[test]
    fn of_help_the_outline_is_kept() {
        let help = "Request:        a\nMatching Route: ^a$\n\nOf a.\n\n## DESCRIPTION\n\nMore of a.";
        let body = json!({ "help": help, "openapi": { "paths": {} }, "see_also": null });
        let outline = "Request:        a\nMatching Route: ^a$\n## DESCRIPTION";
        assert_eq!(mask(&body), json!({ "help": outline, "openapi": "(document)", "see_also": null }));
        assert_eq!(mask(&json!({ "help": "x" })), json!({ "help": "x" }));
    }
}
