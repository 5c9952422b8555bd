//! `{{identity.entity.id}}` in paths, and in other texts.

/// Why the braces of a text make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unbalanced;

/// A piece of a text: literal text and names in double braces come in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// Stands for something; without the braces.
    Name(&'a str),
}

/// The pieces of a text.
///
/// # Errors
/// When the braces do not pair up.
pub fn pieces(path: &str) -> Result<Vec<Piece<'_>>, Unbalanced> {
    let mut parts = path.split("{{");
    let first = parts.next().unwrap_or_default();
    if first.contains("}}") {
        return Err(Unbalanced);
    }
    let mut pieces = vec![Piece::Text(first)];
    for part in parts {
        let (name, text) = part.split_once("}}").ok_or(Unbalanced)?;
        if text.contains("}}") {
            return Err(Unbalanced);
        }
        pieces.extend([Piece::Name(name.trim()), Piece::Text(text)]);
    }
    Ok(pieces)
}

/// Whether the path has names in double braces; an error when the braces do not pair up.
pub(super) fn check(path: &str) -> Result<bool, Unbalanced> {
    pieces(path).map(|pieces| pieces.len() > 1)
}

/// Whether the path has names in double braces.
#[must_use]
pub fn is_templated(path: &str) -> bool {
    check(path).unwrap_or(false)
}

/// Fills the names in. `None` when a value is missing or empty, or could widen the pattern.
pub(super) fn fill(path: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::with_capacity(path.len());
    for piece in pieces(path).ok()? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => {
                let value =
                    value(name).filter(|value| !value.is_empty() && !value.contains(['/', '*', '+']))?;
                filled.push_str(&value);
            }
        }
    }
    Some(filled)
}

impl super::AclPolicy {
    /// Whether any path has names in double braces.
    #[must_use]
    pub fn is_templated(&self) -> bool {
        self.paths.iter().any(|rule| is_templated(&rule.path))
    }

    /// The policy with the names in its paths replaced by what `value` answers, literally.
    ///
    /// A rule is left out, and only that rule, when one of its names has no value or one with `/`, `*` or
    /// `+`: such a value would make the pattern match more than the author meant. OpenBao 2.7.2 refuses
    /// every request of the token instead.
    #[must_use]
    pub fn render_templates(&self, value: &dyn Fn(&str) -> Option<String>) -> Self {
        let rules = self.paths.iter().filter_map(|rule| {
            let path = fill(&rule.path, value)?;
            Some(super::PathRule { path, ..rule.clone() })
        });
        Self { name: self.name.clone(), paths: rules.collect() }
    }
}
