//! A parameter that is an object. A list of objects is one as well, as the peer's framework reads it: it has the
//! entries of all of them, and of those with one name the last.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::request::Parameters;
use super::weak::Json;

const MAP: &str = "map[string]interface {}";

/// Lists in lists are read once for each level.
const MOST_LEVELS: usize = 16;

/// The text of the object that `raw` is, or of null.
///
/// # Errors
/// What does not fit, and where.
pub(crate) fn object(raw: &RawValue) -> Result<Cow<'_, RawValue>, String> {
    let items = match level(raw)? {
        Json::Map | Json::Null => return Ok(Cow::Borrowed(raw)),
        Json::List(items) => items,
        other => return Err(format!("'' {}", other.unconvertible(MAP))),
    };
    let mut merged = None;
    add_all(&items, "", MOST_LEVELS, &mut merged)?;
    serde_json::value::to_raw_value(&merged).map(Cow::Owned).map_err(|error| error.to_string())
}

/// Adds what `items`, the list at `place`, have to `merged`, which is `None` while all have been null.
fn add_all(
    items: &[&RawValue],
    place: &str,
    levels: usize,
    merged: &mut Option<Parameters>,
) -> Result<(), String> {
    if items.is_empty() {
        // What some languages write for a map without entries.
        merged.get_or_insert_default();
    }
    for (index, item) in items.iter().enumerate() {
        let place = format!("{place}[{index}]");
        match level(item)? {
            Json::Null => {}
            Json::Map => {
                let entries: Parameters =
                    serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
                merged.get_or_insert_default().extend(entries);
            }
            Json::List(_) if levels == 0 => return Err(format!("'{place}' is nested too deep")),
            Json::List(items) => add_all(&items, &place, levels - 1, merged)?,
            other => return Err(format!("'{place}' {}", other.unconvertible(MAP))),
        }
    }
    Ok(())
}

fn level(raw: &RawValue) -> Result<Json<'_>, String> {
    Json::of(raw).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let raw: &RawValue = serde_json::from_str(text).expect("JSON");
        let found = object(raw);
        let found = found.as_ref().map(|object| object.get()).map_err(String::as_str);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_list_of_objects_is_one_object() {
        check(r#"[{"a":1},{"b":2}]"#, Ok(r#"{"a":1,"b":2}"#));
        check(r#"[{"a":{"x":1}},null,[[{"a":2.50}]]]"#, Ok(r#"{"a":2.50}"#));
        check("[[]]", Ok("{}"));
        check("[null]", Ok("null"));
    }

    #[test]
    fn what_is_no_object_is_named() {
        check("5", Err("'' expected type 'map[string]interface {}', got unconvertible type 'json.Number'"));
        check(
            "[[1]]",
            Err("'[0][0]' expected type 'map[string]interface {}', got unconvertible type 'json.Number'"),
        );
    }

    #[test]
    fn lists_are_not_followed_for_ever() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let error = object(serde_json::from_str(&deep).expect("JSON")).expect_err("too deep");
        assert!(error.ends_with("is nested too deep"), "{error}");
    }
}
