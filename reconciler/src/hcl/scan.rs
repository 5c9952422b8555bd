//! A look at a file's text before it is parsed.
//!
//! Three things the parser cannot do: read a number beyond 64 bits such as `1e400` (its exponent becomes zeros here;
//! the value is read from the file's own text), read `secret.env("X")` (the grammar has no functions with a dot; the dot
//! becomes an underscore here, so that no offset moves), and say where a text that never ends began.

use std::ops::Range;

/// What a file looks like to the scanner.
pub(super) struct Scanned {
    /// The text for the parser, of the same length.
    pub(super) text: String,
    /// Text or blocks that are opened and never closed.
    pub(super) open: Option<Open>,
    /// The lines that do not begin within a text.
    pub(super) lines: Vec<Line>,
    /// The contents of texts and heredocs, without what is put into them.
    pub(super) texts: Vec<Range<usize>>,
    /// Those of them that say where a secret is, or that are marked as fit to be seen.
    open_texts: Vec<Range<usize>>,
    /// Code that is put into text.
    embedded: Vec<Range<usize>>,
}

impl Scanned {
    /// True if the content `text` is no secret.
    pub(super) fn is_open(&self, text: &Range<usize>) -> bool {
        self.open_texts.binary_search_by_key(&text.start, |found| found.start).is_ok()
    }

    /// True if `code` is put into text.
    pub(super) fn embeds(&self, code: &Range<usize>) -> bool {
        let after = self.embedded.partition_point(|found| found.end <= code.start);
        self.embedded.get(after).is_some_and(|found| found.start <= code.start)
    }
}

/// A line of code.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) start: usize,
    /// In how many brackets.
    pub(super) depth: usize,
}

/// Something that is opened and never closed.
pub(super) struct Open {
    /// Where it is opened.
    pub(super) at: Range<usize>,
    /// What it is.
    pub(super) what: &'static str,
    /// What would close it.
    pub(super) closed_by: String,
}

/// What the scanner is in.
enum Inside {
    /// A bracket; its closing one ends it.
    Bracket(usize, char),
    /// A quoted text.
    Quote(usize),
    /// A heredoc with its delimiter.
    Heredoc(usize, String),
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    inside: Vec<Inside>,
    dots: Vec<usize>,
    /// Digits of exponents.
    exponents: Vec<usize>,
    /// The first bracket that another one closes, or text that its line ends.
    crossed: Option<Inside>,
    lines: Vec<Line>,
    texts: Vec<Range<usize>>,
    open_texts: Vec<Range<usize>>,
    embedded: Vec<Range<usize>>,
}

/// Looks at `source`.
pub(super) fn scan(source: &str) -> Scanned {
    let mut scanner = Scanner {
        source,
        at: 0,
        inside: Vec::new(),
        dots: Vec::new(),
        exponents: Vec::new(),
        crossed: None,
        lines: vec![Line { start: 0, depth: 0 }],
        texts: Vec::new(),
        open_texts: Vec::new(),
        embedded: Vec::new(),
    };
    while scanner.at < source.len() {
        scanner.step();
    }
    let mut text = source.as_bytes().to_vec();
    for dot in &scanner.dots {
        text[*dot] = b'_';
    }
    for digit in &scanner.exponents {
        text[*digit] = b'0';
    }
    let text = String::from_utf8(text).unwrap_or_else(|_| source.to_owned());
    let open = scanner.crossed.take().or(scanner.inside.pop()).map(|inside| open(source, inside));
    let Scanner { lines, texts, open_texts, embedded, .. } = scanner;
    Scanned { text, open, lines, texts, open_texts, embedded }
}

fn open(source: &str, inside: Inside) -> Open {
    match inside {
        Inside::Bracket(at, close) => Open { at: at..at + 1, what: "bracket", closed_by: close.to_string() },
        Inside::Quote(at) => Open { at: at..at + 1, what: "text", closed_by: "\"".to_owned() },
        Inside::Heredoc(at, delimiter) => {
            let end = source[at..].find('\n').map_or(source.len(), |length| at + length);
            Open { at: at..end, what: "heredoc", closed_by: delimiter }
        }
    }
}

/// Adds `range`, which nothing found before lies behind.
fn extend(found: &mut Vec<Range<usize>>, range: Range<usize>) {
    match found.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => found.push(range),
    }
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn step(&mut self) {
        let from = self.at;
        match self.inside.last() {
            Some(Inside::Quote(_)) => self.in_text(true),
            Some(Inside::Heredoc(..)) => self.in_text(false),
            Some(Inside::Bracket(..)) | None => {
                let is_embedded = self.inside.iter().any(|inside| !matches!(inside, Inside::Bracket(..)));
                self.in_code();
                if is_embedded {
                    extend(&mut self.embedded, from..self.at);
                }
            }
        }
    }

    /// Goes on within a text.
    fn content(&mut self, bytes: usize) {
        let from = self.at;
        self.advance(bytes);
        extend(&mut self.texts, from..self.at);
        if self.is_named() {
            extend(&mut self.open_texts, from..self.at);
        }
    }

    /// True within an argument of `secret.…` or `nonsensitive`.
    fn is_named(&self) -> bool {
        let [.., Inside::Bracket(at, ')'), Inside::Quote(_)] = self.inside.as_slice() else { return false };
        let before = &self.source[..*at];
        let name = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        let (root, name) = (name.strip_suffix('.').unwrap_or_default(), &before[name.len()..]);
        name == "nonsensitive" || root.ends_with("secret")
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn in_text(&mut self, quoted: bool) {
        let rest = self.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            return self.content(3);
        }
        if rest.starts_with("${") || rest.starts_with("%{") {
            self.inside.push(Inside::Bracket(self.at + 1, '}'));
            return self.advance(2);
        }
        match (quoted, rest.as_bytes()[0]) {
            (true, b'\\') => self.content(2.min(rest.len())),
            (true, b'"') => {
                self.inside.pop();
                self.advance(1);
            }
            // A quoted text ends with its line; what follows is read as if it had been closed.
            (true, b'\n') => {
                let text = self.inside.pop();
                self.crossed = self.crossed.take().or(text);
                self.end_of_line();
            }
            (false, b'\n') => self.end_of_heredoc(),
            _ => self.content(1),
        }
    }

    fn end_of_line(&mut self) {
        self.advance(1);
        self.lines.push(Line { start: self.at, depth: self.inside.len() });
    }

    /// At the end of a line of a heredoc: it ends if the next one is its delimiter.
    fn end_of_heredoc(&mut self) {
        self.advance(1);
        let line = self.rest().split('\n').next().unwrap_or_default();
        let ends =
            matches!(self.inside.last(), Some(Inside::Heredoc(_, delimiter)) if line.trim() == *delimiter);
        if ends {
            let length = line.len();
            self.inside.pop();
            self.advance(length);
        }
    }

    /// A number, up to the end of its exponent.
    fn number(&mut self) {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = self.rest();
        let mut length = digits(rest);
        if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
            length += 1 + digits(&rest[length + 1..]);
        }
        if rest[length..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[length + 1 + sign..]);
            if exponent > 0 {
                let start = length + 1 + sign;
                self.exponents.extend(self.at + start..self.at + start + exponent);
                length = start + exponent;
            }
        }
        self.advance(length);
    }

    fn in_code(&mut self) {
        let rest = self.rest();
        let first = rest.as_bytes()[0];
        match first {
            b'\n' => self.end_of_line(),
            b'#' => self.skip_line(),
            b'/' if rest.starts_with("//") => self.skip_line(),
            b'/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map_or(rest.len(), |length| length + 4);
                self.advance(end);
            }
            b'"' => self.enter(Inside::Quote(self.at)),
            b'{' => self.enter(Inside::Bracket(self.at, '}')),
            b'[' => self.enter(Inside::Bracket(self.at, ']')),
            b'(' => self.enter(Inside::Bracket(self.at, ')')),
            b'}' | b']' | b')' => self.close(char::from(first)),
            b'<' if rest.starts_with("<<") => self.heredoc(),
            c if c.is_ascii_digit() => self.number(),
            c if c.is_ascii_alphabetic() || c == b'_' => self.word(),
            _ => self.advance(1),
        }
    }

    fn enter(&mut self, inside: Inside) {
        self.inside.push(inside);
        self.advance(1);
    }

    fn close(&mut self, bracket: char) {
        let open = self.inside.pop();
        if let Some(Inside::Bracket(at, closed_by)) = open
            && closed_by != bracket
        {
            self.crossed.get_or_insert(Inside::Bracket(at, closed_by));
        }
        self.advance(1);
    }

    fn skip_line(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.advance(length);
    }

    fn heredoc(&mut self) {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let delimiter = line[2..].trim_start_matches('-').trim();
        let is_delimiter =
            !delimiter.is_empty() && delimiter.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        if !is_delimiter {
            return self.advance(2);
        }
        let (length, delimiter) = (line.len(), delimiter.to_owned());
        self.inside.push(Inside::Heredoc(self.at, delimiter));
        self.advance(length);
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length =
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let after_dot = self.source[..self.at].trim_end().ends_with('.');
        let call = rest[length..].strip_prefix('.').is_some_and(|after| {
            let name = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
            name > 0 && after[name..].starts_with('(')
        });
        if &rest[..length] == "secret" && call && !after_dot {
            self.dots.push(self.at + length);
        }
        self.advance(length.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(scan(source).text, expected);
    }

    #[test]
    fn secrets_are_read_as_functions_where_code_stands() {
        check(r#"a = secret.env("X")"#, r#"a = secret_env("X")"#);
        check(r#"a = "x${secret.kv("a", "b")}""#, r#"a = "x${secret_kv("a", "b")}""#);
        check(
            "a = <<E\nsecret.env(\n${secret.env(\"X\")}\nE\n",
            "a = <<E\nsecret.env(\n${secret_env(\"X\")}\nE\n",
        );
    }

    #[test]
    fn text_and_comments_stay_as_they_are() {
        for text in [
            r#"a = "secret.env(\"X\")""#,
            "# secret.env(\"X\")\n",
            "/* secret.env( */ a = 1",
            r#"a = "$${secret.env("#,
            "a = my.secret.env(",
            "a = mysecret.env(",
            "a = secret.other",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_never_ends_is_found_where_it_begins() {
        let open = scan("a = 1\nb = \"text\n").open.expect("something open");
        assert_eq!((open.at, open.what), (10..11, "text"));
        assert!(scan("a = \"${f(\"x\")}\"\nb {\n}\n").open.is_none());
        let open = scan("a {\n  b = [1, 2\n}\n").open.expect("a bracket that another closes");
        assert_eq!((open.at, open.closed_by.as_str()), (10..11, "]"));
        assert_eq!(scan("a = <<EOT\nx\n").open.map(|open| open.closed_by), Some("EOT".to_owned()));
    }
}
