//! Texts of headers.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::core::error::Error;

/// Refuses a request with a header that this server would read, and cannot: what it asks for must not count as not
/// asked for.
///
/// # Errors
/// 400, with the name of the header.
pub(super) fn require_text(headers: &HeaderMap) -> Result<(), Error> {
    let is_text = |value: &HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
    let unreadable = headers.iter().find(|(name, value)| !is_text(value) && is_read(name));
    match unreadable {
        Some((name, _)) => Err(Error::invalid(format!("the header `{name}` is no UTF-8 text"))),
        None => Ok(()),
    }
}

/// Headers that are read as text, those of inline logins aside.
const READ: [&str; 9] = [
    "authorization",
    "content-type",
    "x-vault-inconsistent",
    "x-vault-index",
    "x-vault-mfa",
    "x-vault-namespace",
    "x-vault-token",
    "x-vault-wrap-format",
    "x-vault-wrap-ttl",
];

fn is_read(name: &HeaderName) -> bool {
    READ.contains(&name.as_str()) || name.as_str().starts_with("x-vault-inline-auth-")
}

/// The text of the first header `name`; empty if it is not there.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).map(of).unwrap_or_default()
}

/// The text of a header of a request that was [let in](require_text).
pub(super) fn of(value: &HeaderValue) -> &str {
    std::str::from_utf8(value.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &'static str, value: &[u8], expected: &str) {
        let value = HeaderValue::from_bytes(value).expect("a header");
        let name = HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name.clone(), value)]);
        match require_text(&headers) {
            Ok(()) => assert_eq!(text(&headers, &name), expected),
            Err(error) => assert_eq!(error.messages(false).join(""), expected),
        }
    }

    #[test]
    fn a_header_is_read_whole_or_refused() {
        check("x-vault-namespace", "équipe".as_bytes(), "équipe");
        check("x-vault-wrap-ttl", "1µs".as_bytes(), "1µs");
        check("x-vault-namespace", b"\xff", "the header `x-vault-namespace` is no UTF-8 text");
        check("x-vault-inline-auth-path", b"a\xe9", "the header `x-vault-inline-auth-path` is no UTF-8 text");
        check("authorization", b"\xe9", "the header `authorization` is no UTF-8 text");
        check("user-agent", b"\xe9", "");
        check("x-vault-else", b"\xe9", "");
    }
}
