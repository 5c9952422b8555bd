//! Secrets that a server repeats in what it says of a request.

use schemas::{Diagnostic, Request, Value};
use zeroize::Zeroizing;

/// What stands in the place of a secret.
const MASK: &str = "(secret)";

/// Shortest secret that is looked for within words, too: a shorter one would be found in every text.
const LEAST_WITHIN_WORDS: usize = 4;

/// The secret texts of requests, the longest first. Wiped when dropped.
#[derive(Default)]
pub(crate) struct Masks(Vec<Zeroizing<String>>);

impl Masks {
    /// Those of `request`.
    pub(crate) fn of(request: &Request) -> Self {
        let mut masks = Self::default();
        masks.add(request);
        masks
    }

    /// Takes in those of `request`.
    pub(crate) fn add(&mut self, request: &Request) {
        request.body.iter().for_each(|body| self.collect(body, false));
        self.0.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
    }

    fn collect(&mut self, value: &Value, is_secret: bool) {
        match value {
            Value::Secret(secret) => self.collect(secret.expose(), true),
            Value::List(items) => items.iter().for_each(|item| self.collect(item, is_secret)),
            Value::Map(entries) => entries.values().for_each(|entry| self.collect(entry, is_secret)),
            Value::String(text) if is_secret => self.push(text),
            Value::Number(number) if is_secret => self.push(&number.to_string()),
            _ => {}
        }
    }

    /// Keeps `text` as it is and as servers quote it.
    fn push(&mut self, text: &str) {
        let quoted = schemas::json::render(&text.into());
        let quoted = quoted.trim_matches('"');
        let forms = [text, text.trim(), quoted].into_iter().filter(|form| !form.is_empty());
        self.0.extend(forms.map(|form| Zeroizing::new(form.to_owned())));
    }

    /// `text` without the secrets, and without what it quotes of parts of them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let hidden = self.0.iter().fold(text.to_owned(), |text, secret| without(&text, secret));
        // A quotation is every second piece.
        let pieces = hidden.split('"').enumerate().map(|(index, piece)| {
            let is_part =
                index % 2 == 1 && !piece.is_empty() && self.0.iter().any(|secret| secret.contains(piece));
            if is_part { MASK } else { piece }
        });
        pieces.collect::<Vec<_>>().join("\"")
    }

    /// `found` with its reason, which may be a server's, without the secrets.
    pub(crate) fn hide_in(&self, mut found: Diagnostic) -> Diagnostic {
        found.detail = self.hide(&found.detail);
        found
    }
}

/// `text` with `secret` masked; a short one only where it stands alone.
fn without(text: &str, secret: &str) -> String {
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for (start, _) in text.match_indices(secret) {
        let after = start + secret.len();
        let within_word = is_word(text[..start].chars().next_back()) || is_word(text[after..].chars().next());
        if start >= end && (secret.len() >= LEAST_WITHIN_WORDS || !within_word) {
            shown.push_str(&text[end..start]);
            shown.push_str(MASK);
            end = after;
        }
    }
    shown.push_str(&text[end..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Method, Record, Secret};

    #[track_caller]
    fn check(secret: Value, said: &str, shown: &str) {
        let body = Record::new().with("name", "name").with("hidden", Secret::new(secret));
        let request = Request::new(Method::Put, "x").with_body(body.into_value());
        assert_eq!(Masks::of(&request).hide(said), shown);
    }

    #[test]
    fn a_secret_is_not_repeated() {
        check("hunter2".into(), r#"invalid duration "hunter2""#, r#"invalid duration "(secret)""#);
        check(vec!["hunter2".into(), 123_456.into()].into(), "hunter2, 123456", "(secret), (secret)");
        check(" hunter2\n".into(), "no user hunter2", "no user (secret)");
        check("hun\"ter\n2".into(), r#"bad value "hun\"ter\n2""#, r#"bad value "(secret)""#);
        check("hunter2".into(), "map[a:hunter2 b:xhunter2x]", "map[a:(secret) b:x(secret)x]");
    }

    #[test]
    fn a_quoted_part_of_a_secret_is_not_repeated() {
        check(
            "7hunter".into(),
            r#"unknown unit "hunter" in duration "7hunter""#,
            r#"unknown unit "(secret)" in duration "(secret)""#,
        );
    }

    #[test]
    fn a_short_secret_leaves_words_alone() {
        check("a".into(), "a name, as a rule: a", "(secret) name, as (secret) rule: (secret)");
        check("".into(), "a name", "a name");
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        check("hunter2".into(), r#"the "name" is name"#, r#"the "name" is name"#);
    }
}
