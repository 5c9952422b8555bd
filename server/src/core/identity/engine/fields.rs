//! What several routes read from requests in the same way.

use std::collections::BTreeMap;

use http::StatusCode;
use schemas::shape::List;

use crate::core::error::Error;
use crate::core::go_text::is_printable;

const MOST_PAIRS: usize = 64;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 512;
const RESERVED_PREFIX: &str = "vault-";

/// A failure that the API answers with 500 although the request is wrong.
pub(in crate::core::identity) fn failed(text: impl Into<String>) -> Error {
    Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Policies as identities keep them: trimmed, lower case, sorted, once each.
///
/// # Errors
/// 400 for `root`, which no identity gives.
pub(super) fn policies(names: List<String>) -> Result<Vec<String>, Error> {
    let names = crate::core::token::normalized_names(&names.0);
    if names.iter().any(|name| name == "root") {
        return Err(Error::invalid("policies cannot contain root"));
    }
    Ok(names)
}

/// Items once each, sorted.
pub(in crate::core::identity) fn distinct(items: &[String]) -> Vec<String> {
    let mut items: Vec<String> = items.iter().map(|item| item.trim().to_owned()).collect();
    items.retain(|item| !item.is_empty());
    items.sort();
    items.dedup();
    items
}

/// Refuses metadata of an entity, alias or group (`sort`) that is too long or oddly named.
pub(super) fn check_metadata(sort: &str, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    if metadata.len() > MOST_PAIRS {
        let text = format!("metadata cannot contain more than {MOST_PAIRS} key/value pairs");
        return Err(failed(format!("invalid {sort} metadata: {text}")));
    }
    for (key, value) in metadata {
        if let Some(problem) = problem_of(key, value) {
            let text = format!("failed to load metadata pair ({key:?}, {value:?}): {problem}");
            return Err(failed(format!("invalid {sort} metadata: {text}")));
        }
    }
    Ok(())
}

fn problem_of(key: &str, value: &str) -> Option<String> {
    let is_usual = |letter: char| letter.is_ascii_alphanumeric() || "=/+_-".contains(letter);
    if key.is_empty() {
        return Some("key cannot be blank".to_owned());
    }
    if !key.chars().all(is_usual) {
        return Some("key contains invalid characters".to_owned());
    }
    if key.len() > LONGEST_KEY {
        return Some(format!("key is too long (limit: {LONGEST_KEY} characters)"));
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Some(format!("key prefix {RESERVED_PREFIX:?} is reserved for internal use"));
    }
    (value.len() > LONGEST_VALUE).then(|| format!("value is too long (limit: {LONGEST_VALUE} characters)"))
}

/// Refuses custom metadata that is too long or cannot be printed.
pub(super) fn check_custom_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    const START: &str = "custom_metadata validation failed";
    if metadata.len() > MOST_PAIRS {
        let count = metadata.len();
        let text = format!("{START}: payload must contain at most {MOST_PAIRS} keys, provided {count}");
        return Err(several(&[text]));
    }
    let mut problems = Vec::new();
    for (key, value) in metadata {
        if key.is_empty() || key.len() > LONGEST_KEY {
            let length = key.len();
            problems.push(format!(
                "{START}: length of key {key:?} is {length} but must be 0 < len(key) <= {LONGEST_KEY}"
            ));
        }
        if value.is_empty() || value.len() > LONGEST_VALUE {
            let length = value.len();
            problems.push(format!(
                "{START}: length of value for key {key:?} is {length} but must be 0 < len(value) <= {LONGEST_VALUE}"
            ));
        }
        if !key.chars().all(is_printable) {
            problems.push(format!("{START}: key {key:?} ({key}) contains unprintable characters"));
        }
        if !value.chars().all(is_printable) {
            problems.push(format!("{START}: value for key {key:?} contains unprintable characters"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(several(&problems)) }
}

/// Several failures in one, as the API counts them.
pub(super) fn several(problems: &[String]) -> Error {
    let items: Vec<String> = problems.iter().map(|text| format!("* {text}")).collect();
    let noun = if items.len() == 1 { "error" } else { "errors" };
    let text = format!("{} {noun} occurred:\n\t{}\n\n", items.len(), items.join("\n\t"));
    Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, text)
}
