//! Path patterns: exact, `prefix*`, and `+` for one segment.

/// How a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatternKind {
    /// The path itself.
    Exact,
    /// Every path that begins so.
    Prefix,
    /// Segment by segment, `+` standing for any one.
    Segments {
        /// Whether the last segment is only a beginning.
        prefix: bool,
    },
}

/// A pattern taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// How it matches.
    pub kind: PatternKind,
    /// The text without the `*` of a prefix.
    pub text: String,
}

impl PathPattern {
    /// Reads a pattern. Only a trailing `*` is a wildcard, and `+` only as a segment of its own.
    ///
    /// OpenBao treats a pattern with `/+` anywhere as one of segments; a segment like `+x` then matches
    /// only itself.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let segments = path == "+" || path.contains("/+") || path.starts_with("+/");
        match (segments, path.strip_suffix('*')) {
            (true, Some(text)) => {
                Self { kind: PatternKind::Segments { prefix: true }, text: text.to_owned() }
            }
            (true, None) => Self { kind: PatternKind::Segments { prefix: false }, text: path.to_owned() },
            (false, Some(text)) => Self { kind: PatternKind::Prefix, text: text.to_owned() },
            (false, None) => Self { kind: PatternKind::Exact, text: path.to_owned() },
        }
    }
}
