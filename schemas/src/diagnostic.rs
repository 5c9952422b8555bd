//! What there is to say about an input: what failed, with which value, why, and what to do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be done with this input.
    Error,
    /// It works, though perhaps not as meant.
    Warning,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field: `tune.max_lease_ttl`.
    Field(String),
    /// Bytes of a file.
    Span {
        /// The file's path as the user gave it.
        file: Arc<str>,
        /// Byte offsets.
        range: Range<usize>,
    },
}

/// One finding. Its texts start in lower case and have no full stop; values stand in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What failed, with which value.
    pub summary: String,
    /// Why. May be empty.
    pub detail: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// Where it is.
    pub place: Option<Place>,
}

impl Diagnostic {
    /// An error.
    pub fn error(summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: String::new(),
            hints: Vec::new(),
            place: None,
        }
    }

    /// A warning.
    pub fn warning(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary) }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same, said of a field.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.place = Some(Place::Field(field.into()));
        self
    }

    /// The same, said of bytes of a file.
    #[must_use]
    pub fn at_span(mut self, file: &Arc<str>, range: Range<usize>) -> Self {
        self.place = Some(Place::Span { file: file.clone(), range });
        self
    }

    /// True for an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// What the system says of a file or a folder, in words in place of numbers.
pub fn said_of_file(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    match error.kind() {
        NotFound => "there is no such file or folder".to_owned(),
        IsADirectory => "it is a folder, and no file".to_owned(),
        NotADirectory => "a part of its path is no folder".to_owned(),
        PermissionDenied => "this user may not do that".to_owned(),
        InvalidData => "it is no UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}
