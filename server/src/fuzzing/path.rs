//! Paths and queries of requests.

use crate::core::go_text::is_printable;
use crate::core::path::ApiPath;
use crate::http::fuzzing::{cleaned, parse_path, query_pairs};

/// A raw request target: `/v1/…?…`. A path that is taken has one form, in which nothing is relative, empty or
/// unprintable, and reading it again changes nothing.
pub fn path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    query_pairs(query);
    if let Some(place) = cleaned(path) {
        assert_ne!(place, path, "a redirect to itself");
        assert_eq!(cleaned(&place), None, "a redirect leads to another one");
    }
    let Ok(path) = parse_path(path) else { return };
    let segments: Vec<&str> = path.split('/').collect();
    let (last, inner) = segments.split_last().expect("splitting gives one at least");
    assert!(!inner.iter().any(|segment| segment.is_empty()), "an empty segment in `{path}`");
    assert!(
        !inner.iter().chain([last]).any(|segment| matches!(*segment, "." | "..")),
        "`{path}` is relative"
    );
    assert!(path.chars().all(is_printable), "`{path}` has a character that does not print");
    assert_eq!(ApiPath::parse(&path).as_ref(), Ok(&path), "reading it again changes `{path}`");
}
