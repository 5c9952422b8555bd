//! The metadata of a secret id, which clients write in several ways.

use std::collections::BTreeMap;

use crate::core::go_base64;

/// Metadata written as a JSON object of texts or as `key=value,…`, either also in base64.
///
/// # Errors
/// A sentence that does not repeat the text.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let text = text.trim();
    let decoded = go_base64::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = decoded.as_deref().unwrap_or(text).trim();
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(text).or_else(|_| text.split(',').map(pair).collect())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let invalid = || "failed to parse the input: invalid <key,value> format".to_owned();
    let (key, value) = text.split_once('=').ok_or_else(invalid)?;
    if value.contains('=') {
        return Err(invalid());
    }
    match (key.trim(), value.trim()) {
        ("", _) | (_, "") => Err(invalid()),
        (key, value) => Ok((key.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text).ok().map(|map| serde_json::to_string(&map).expect("texts"));
        assert_eq!(parsed.as_deref(), expected, "{text}");
    }

    #[test]
    fn metadata_is_json_or_pairs() {
        check("", Some("{}"));
        check("{}", Some("{}"));
        check(r#"{"a":"b"}"#, Some(r#"{"a":"b"}"#));
        check("a=b, c = d", Some(r#"{"a":"b","c":"d"}"#));
        check("YT1i", Some(r#"{"a":"b"}"#));
        check("a", None);
        check("a=b=c", None);
        check(r#"{"a":1}"#, None);
        check("[1]", None);
    }
}
