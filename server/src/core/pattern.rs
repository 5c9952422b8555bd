//! Path patterns of routes.

use std::borrow::Cow;

/// A path pattern, relative to a mount. Segments are separated by `/`:
///
/// | segment | matches |
/// |---|---|
/// | `role` | itself |
/// | `{name}` | letters, digits, `_`, and inside of it `-` and `.`: the names of most objects |
/// | `{name@}` | the same with `@` inside |
/// | `{name#}` | a UUID |
/// | `{name?}` | any text without slash, also none |
/// | `{name*}` | any text without slash, but not none |
/// | `{name=a|b}` | one of these words |
/// | `{path..}` | the rest, slashes included, also nothing; after it only literal segments may follow, as in `mounts/{path..}/tune` |
/// | `{path+..}` | the same, but not nothing |
///
/// `/?` at the end: a single slash at the end of the path does not count. For LIST and SCAN it never does, except below
/// `{path..}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(&'static str);

/// The end of a pattern for which a slash at the end of the path does not count.
const OVERLOOKED: &str = "/?";

/// What the placeholders of a pattern stand for, in their order.
pub type Captures<'a> = Vec<(&'static str, Cow<'a, str>)>;

impl Pattern {
    /// The pattern `text`.
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// The pattern's text.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The pattern without what it says of a slash at the end.
    fn segments(self) -> &'static str {
        self.0.strip_suffix(OVERLOOKED).unwrap_or(self.0)
    }

    fn overlooks_slash(self) -> bool {
        self.0.ends_with(OVERLOOKED)
    }

    /// The pattern with placeholders as `{name}`.
    pub(crate) fn template(self) -> String {
        let segment = |segment: &'static str| match named(segment) {
            None => Cow::Borrowed(segment),
            Some((name, _)) => Cow::Owned(format!("{{{name}}}")),
        };
        self.segments().split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// Names of the placeholders, in their order.
    pub(crate) fn placeholders(self) -> impl Iterator<Item = &'static str> {
        self.segments().split('/').filter_map(|segment| named(segment).map(|(name, _)| name))
    }

    /// A regular expression of the same meaning, which is how clients know patterns.
    pub(crate) fn expression(self) -> String {
        let segment = |segment: &'static str| match named(segment) {
            None => segment.to_owned(),
            Some((name, mark)) => {
                let accepted = match mark {
                    "?" => "[^/]*",
                    "*" => "[^/]+",
                    "@" => r"\w(([\w-.@]+)?\w)?",
                    "#" => "[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}",
                    "+.." => ".+",
                    ".." => ".*",
                    words if words.starts_with('=') => &words[1..],
                    _ => r"\w(([\w-.]+)?\w)?",
                };
                format!("(?P<{name}>{accepted})")
            }
        };
        let segments: Vec<_> = self.segments().split('/').map(segment).collect();
        format!("^{}{}$", segments.join("/"), if self.overlooks_slash() { "/?" } else { "" })
    }

    /// Whether `path` fits but for what stands in place of placeholders: any segment in the middle, anything at the
    /// end.
    pub(crate) fn begins(self, path: &str) -> bool {
        let mut rest = Some(path);
        let mut pattern = Some(self.segments());
        while let Some(wanted) = pattern {
            let (segment, after) = split(wanted);
            let is_placeholder = segment.starts_with('{');
            if is_placeholder && after.is_none() {
                return rest.is_some();
            }
            let Some((given, remaining)) = rest.map(split) else { return false };
            if !is_placeholder && segment != given {
                return false;
            }
            (pattern, rest) = (after, remaining);
        }
        rest.is_none()
    }

    /// The captures if `path` fits. `is_folder`: ignore one slash at the end.
    pub fn matches<'a>(self, path: &'a str, is_folder: bool) -> Option<Captures<'a>> {
        let is_folder = is_folder || self.overlooks_slash();
        let mut captures = Captures::new();
        let mut pattern = Some(self.segments());
        let mut rest = Some(path);
        while let Some(wanted) = pattern {
            let (segment, after) = split(wanted);
            pattern = after;
            if let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix("..}")) {
                let given = before_suffix(rest?, after)?;
                let needed = name.strip_suffix('+');
                captures.push((needed.unwrap_or(name), Cow::Borrowed(given)));
                return Some(captures).filter(|_| needed.is_none() || !given.is_empty());
            }
            let (given, remaining) = split(rest?);
            rest = remaining;
            if let Some(capture) = placeholder(segment) {
                captures.push((capture.accept(given)?, Cow::Borrowed(given)));
            } else if segment != given {
                return None;
            }
        }
        (rest.is_none() || (is_folder && rest == Some(""))).then_some(captures)
    }
}

/// Name and mark of a segment that is a placeholder.
fn named(segment: &'static str) -> Option<(&'static str, &'static str)> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    let end = inner.find(['?', '*', '@', '#', '+', '.', '=']).unwrap_or(inner.len());
    Some(inner.split_at(end))
}

/// `rest` without `/` and `suffix` at its end.
fn before_suffix<'a>(rest: &'a str, suffix: Option<&str>) -> Option<&'a str> {
    match suffix {
        None => Some(rest),
        Some(suffix) => rest.strip_suffix(suffix)?.strip_suffix('/'),
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('/').map_or((text, None), |(head, rest)| (head, Some(rest)))
}

struct Placeholder {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    Name,
    NameWithAt,
    Uuid,
    Anything,
    Something,
    /// One of these words, which `|` stands between.
    OneOf(&'static str),
}

fn placeholder(segment: &'static str) -> Option<Placeholder> {
    let (name, mark) = named(segment)?;
    let kind = match mark {
        "@" => Kind::NameWithAt,
        "#" => Kind::Uuid,
        "?" => Kind::Anything,
        "*" => Kind::Something,
        words if words.starts_with('=') => Kind::OneOf(&words[1..]),
        _ => Kind::Name,
    };
    Some(Placeholder { name, kind })
}

impl Placeholder {
    /// Its name, if `given` may stand for it.
    fn accept(&self, given: &str) -> Option<&'static str> {
        let fits = match self.kind {
            Kind::Name => is_name(given, "-."),
            Kind::NameWithAt => is_name(given, "-.@"),
            Kind::Uuid => is_uuid(given),
            Kind::Anything => true,
            Kind::Something => !given.is_empty(),
            Kind::OneOf(words) => words.split('|').any(|word| word == given),
        };
        fits.then_some(self.name)
    }
}

fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.chars().all(|character| character == '-' || character.is_ascii_hexdigit())
}

/// ASCII word characters, and `inner` ones anywhere but at the ends.
fn is_name(text: &str, inner: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text.chars().all(|character| is_word(character) || inner.contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &'static str, path: &str, is_folder: bool, expected: Option<&[(&str, &str)]>) {
        let captures = Pattern::new(pattern).matches(path, is_folder);
        let captures: Option<Vec<(&str, &str)>> =
            captures.as_ref().map(|list| list.iter().map(|(name, text)| (*name, &**text)).collect());
        assert_eq!(captures.as_deref(), expected, "{pattern} on {path}");
    }

    #[test]
    fn a_name_is_one_segment_of_word_characters() {
        check("role/{name}/secret-id", "role/a.b-1/secret-id", false, Some(&[("name", "a.b-1")]));
        check("role/{name}", "role/-a", false, None);
        check("role/{name}", "role/a/b", false, None);
        check("role/{name}", "role/", false, None);
        check("role/{name}", "role/a@b", false, None);
        check("role/{name@}", "role/a@b", false, Some(&[("name", "a@b")]));
    }

    #[test]
    fn one_of_some_words_is_none_of_others() {
        check("catalog/{type=auth|secret}/?", "catalog/auth/", false, Some(&[("type", "auth")]));
        check("catalog/{type=auth|secret}", "catalog/aut", false, None);
        check("catalog/{type=auth|secret}", "catalog/auth|secret", false, None);
        let pattern = Pattern::new("catalog/{type=auth|secret}/{name+..}");
        assert_eq!(pattern.template(), "catalog/{type}/{name}");
        assert_eq!(pattern.expression(), "^catalog/(?P<type>auth|secret)/(?P<name>.+)$");
        assert_eq!(pattern.placeholders().collect::<Vec<_>>(), ["type", "name"]);
    }

    #[test]
    fn an_id_is_a_uuid() {
        let id = "0f8b1c2d-0000-4000-8000-00000000000A";
        check("method/{id#}", &format!("method/{id}"), false, Some(&[("id", id)]));
        check("method/{id#}", "method/0f8b1c2d-0000-4000-8000", false, None);
        check("method/{id#}", "method/zzzzzzzz-0000-4000-8000-000000000000", false, None);
    }

    #[test]
    fn a_rest_takes_everything() {
        check("data/{path..}", "data/a/b/", false, Some(&[("path", "a/b/")]));
        check("data/{path..}", "data/", false, Some(&[("path", "")]));
        check("data/{path..}", "data", false, None);
        check("mounts/{path+..}", "mounts/a/b/", false, Some(&[("path", "a/b/")]));
        check("mounts/{path+..}", "mounts/", true, None);
        check("{path..}", "", false, Some(&[("path", "")]));
        check("mounts/{path..}/tune", "mounts/a/b/tune", false, Some(&[("path", "a/b")]));
        check("mounts/{path..}/tune", "mounts/a/b", false, None);
    }

    #[test]
    fn a_beginning_stands_for_what_is_below() {
        for (pattern, path, expected) in [
            ("login/{name}", "login/a/b", true),
            ("login/{name}", "login/", true),
            ("login/{name}", "login", false),
            ("login", "login/", false),
            ("login", "login/a", false),
            ("provider/{name}/token", "provider/a/token", true),
            ("provider/{name}/token", "provider/a/other", false),
            ("provider/{name}/token", "provider/a/token/b", false),
            ("provider/{name}/keys/{path..}", "provider/a/keys/b/c", true),
        ] {
            assert_eq!(Pattern::new(pattern).begins(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_folder_may_end_with_a_slash_when_it_is_listed() {
        check("role", "role/", true, Some(&[]));
        check("role", "role", true, Some(&[]));
        check("role", "role/", false, None);
        check("role/?", "role/", false, Some(&[]));
        check("role/?", "role", false, Some(&[]));
        check("role/?", "role//", false, None);
        check("role/{name}/?", "role/a/", false, Some(&[("name", "a")]));
        check("role/{name}/?", "role/", false, None);
        check("role/{name}/secret-id", "role/a/secret-id/", true, Some(&[("name", "a")]));
    }
}
