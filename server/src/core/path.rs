//! The one canonical form of a request path.

use std::fmt;
use std::ops::Deref;

use super::go_text::is_printable;

/// A path of the API without `/v1/`, relative to a namespace: `secret/data/app`.
///
/// Never empty segments, `.` or `..` segments, a leading slash, or characters that do not print; what the
/// router, the ACL and an engine see is this very text. A trailing slash is kept: `kv/metadata/app/` is a
/// folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiPath(String);

/// Why a text is no [`ApiPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It is no UTF-8.
    NoText,
    /// It has a character that does not print.
    NotPrintable,
    /// It has a `.` or `..` segment, which must not be guessed at.
    Relative,
}

impl ApiPath {
    /// The path `text`, which is already percent-decoded. Slashes at the start and repeated ones are dropped.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !text.chars().all(is_printable) {
            return Err(PathError::NotPrintable);
        }
        if text.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(PathError::Relative);
        }
        Ok(Self(without_empty_segments(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This path with a slash at its end.
    #[must_use]
    pub fn into_folder(mut self) -> Self {
        if !self.0.is_empty() && !self.0.ends_with('/') {
            self.0.push('/');
        }
        self
    }

    /// What follows after the first `length` bytes, which end with a slash or are none.
    #[must_use]
    pub(crate) fn without_first(mut self, length: usize) -> Self {
        self.0.drain(..length);
        self
    }
}

fn without_empty_segments(text: &str) -> String {
    let text = text.trim_start_matches('/');
    if !text.contains("//") {
        return text.to_owned();
    }
    let mut path = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    path
}

impl Deref for ApiPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, PathError>) {
        let path = ApiPath::parse(text);
        assert_eq!(path.as_ref().map(ApiPath::as_str).map_err(|&error| error), expected);
        if let Ok(path) = path {
            assert_eq!(ApiPath::parse(&path).as_ref(), Ok(&path), "parsing again changes nothing");
        }
    }

    #[test]
    fn a_path_has_one_form() {
        check("secret/data/app", Ok("secret/data/app"));
        check("/secret//data///app/", Ok("secret/data/app/"));
        check("", Ok(""));
        check("with space/ü", Ok("with space/ü"));
    }

    #[test]
    fn relative_and_unprintable_paths_are_refused() {
        check("secret/../sys", Err(PathError::Relative));
        check("./secret", Err(PathError::Relative));
        check("secret/a\u{7}", Err(PathError::NotPrintable));
        check("secret/a\u{a0}b", Err(PathError::NotPrintable));
        check("secret/..data", Ok("secret/..data"));
    }
}
