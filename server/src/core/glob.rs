//! Patterns in which `*` stands for any text, slashes and all: globs of roles.

/// Whether `text` fits `pattern`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "a-b", true),
            ("a*b", "a-bc", false),
            ("*b*", "abc", true),
            ("*b*", "ac", false),
            ("a*b*c", "a.b.c", true),
            ("a*b*c", "a.c.b", false),
            ("a**c", "abc", true),
            ("a*b*c", "a1b2c", true),
            ("a*c", "acb", false),
            ("a*", "ba", false),
            ("aa*aa", "aaa", false),
            ("*ab*ab", "ab", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
