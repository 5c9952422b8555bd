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

/// Letters with a meaning in patterns that values of templates may hold all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Substitutions {
    /// `/`, so that a value may be several segments.
    pub slashes: bool,
    /// `*` and `+`, which then are wildcards.
    pub wildcards: bool,
}

/// A value that would make a pattern match more than its author meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForbiddenValue {
    /// The path with the template.
    pub path: String,
    /// What the value must not hold.
    pub letter: char,
    /// What every path begins with that the pattern would match if the value stood in it: the text before the first
    /// wildcard.
    pub prefix: String,
    /// When the rule ends, in microseconds since 1970.
    pub expiration: Option<i64>,
}

/// A policy whose templates are filled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RenderedPolicy {
    /// The rules that could be filled.
    pub policy: super::AclPolicy,
    /// Those that could not. Each may be the one that denies something, or that allows less than others do, so that
    /// nothing that it would speak of may be allowed by any other.
    pub forbidden: Vec<ForbiddenValue>,
}

impl Substitutions {
    fn forbidden(self, value: &str) -> Option<char> {
        // In the order in which the API names them.
        let forbidden = [('/', self.slashes), ('*', self.wildcards), ('+', self.wildcards)];
        let found = forbidden.into_iter().find(|(letter, allowed)| !allowed && value.contains(*letter));
        found.map(|(letter, _)| letter)
    }
}

/// What filling in the names of one path came to.
enum Filled {
    Path(String),
    /// A value is missing.
    Nothing,
    /// A value holds `letter`; `path` is with it.
    Forbidden {
        letter: char,
        path: String,
    },
}

fn fill(path: &str, allowed: Substitutions, value: &dyn Fn(&str) -> Option<String>) -> Filled {
    let Ok(pieces) = pieces(path) else { return Filled::Nothing };
    let mut filled = String::with_capacity(path.len());
    let mut forbidden = None;
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => {
                let Some(value) = value(name) else { return Filled::Nothing };
                forbidden = forbidden.or_else(|| allowed.forbidden(&value));
                filled.push_str(&value);
            }
        }
    }
    match forbidden {
        Some(letter) => Filled::Forbidden { letter, path: filled },
        None => Filled::Path(filled),
    }
}

/// The text before the first letter that may be a wildcard.
fn literal(pattern: &str) -> &str {
    pattern.split(['+', '*']).next().unwrap_or_default()
}

impl super::AclPolicy {
    /// Whether any path has names in double braces.
    #[must_use]
    pub fn is_templated(&self) -> bool {
        self.paths.iter().any(|rule| is_templated(&rule.path))
    }

    /// The policy with the names in its paths replaced by what `value` answers, literally.
    ///
    /// A rule is left out, and only that rule, when one of its names has no value. A value that holds `/`, `*` or `+`
    /// which are not `allowed` makes its rule one of those that are forbidden.
    #[must_use]
    pub fn render_templates(
        &self,
        allowed: Substitutions,
        value: &dyn Fn(&str) -> Option<String>,
    ) -> RenderedPolicy {
        let mut rendered = RenderedPolicy::default();
        rendered.policy.name.clone_from(&self.name);
        for rule in &self.paths {
            match fill(&rule.path, allowed, value) {
                Filled::Path(path) => rendered.policy.paths.push(super::PathRule { path, ..rule.clone() }),
                Filled::Nothing => {}
                Filled::Forbidden { letter, path } => rendered.forbidden.push(ForbiddenValue {
                    path: rule.path.clone(),
                    letter,
                    prefix: literal(&path).to_owned(),
                    expiration: rule.expiration,
                }),
            }
        }
        rendered
    }
}
