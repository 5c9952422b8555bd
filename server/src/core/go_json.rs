//! What is wrong with a JSON text, in the words that clients of the API know: those of Go's parser.
//!
//! Go reads a text as one value ([`problem`]), or as a stream of values of which the first counts ([`first`]), as it does
//! with bodies. The words for the same mistake differ.

mod stream;

pub(crate) use stream::{First, first};

use super::go_text::{escaped, is_printable};

/// Levels that are looked into.
const DEEPEST: usize = 128;
const END: &str = "unexpected end of JSON input";

/// What is wrong with `text`, which is no JSON object.
pub(crate) fn problem(text: &[u8]) -> String {
    let mut scanner = Scanner { rest: text };
    let kind = match scanner.document() {
        Ok(kind) => kind,
        Err(problem) => return problem,
    };
    format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
}

/// What Go calls the type of `json`, which is one value.
pub(crate) fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "null",
        Some(_) => "number",
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    /// The type of the one value of the text.
    fn document(&mut self) -> Result<&'static str, String> {
        let kind = self.value(0)?;
        self.skip_space();
        match self.rest.first() {
            None => Ok(kind),
            Some(_) => Err(self.unexpected("after top-level value")),
        }
    }

    fn skip_space(&mut self) {
        while let Some((b' ' | b'\t' | b'\r' | b'\n', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Result<u8, String> {
        self.skip_space();
        self.rest.first().copied().ok_or_else(|| END.to_owned())
    }

    fn unexpected(&self, place: &str) -> String {
        match self.rest.first() {
            Some(_) => format!("invalid character {} {place}", quoted(self.rest)),
            None => END.to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> Result<&'static str, String> {
        if depth > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        match self.peek()? {
            b'{' => self.object(depth).map(|()| "object"),
            b'[' => self.array(depth).map(|()| "array"),
            b'"' => self.string().map(|()| "string"),
            b'-' | b'0'..=b'9' => self.number().map(|()| "number"),
            b't' => self.literal("true").map(|()| "bool"),
            b'f' => self.literal("false").map(|()| "bool"),
            b'n' => self.literal("null").map(|()| "null"),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn step(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Steps over the last byte of something.
    fn end(&mut self) -> Result<(), String> {
        self.step();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), String> {
        self.step();
        if self.peek()? == b'}' {
            self.step();
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            self.string()?;
            if self.peek()? != b':' {
                return Err(self.unexpected("after object key"));
            }
            self.step();
            self.value(depth + 1)?;
            match self.peek()? {
                b',' => self.step(),
                b'}' => return self.end(),
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        self.step();
        if self.peek()? == b']' {
            self.step();
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek()? {
                b',' => self.step(),
                b']' => return self.end(),
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.step();
        loop {
            match self.rest.first() {
                Some(b'"') => return self.end(),
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) | None => return Err(self.unexpected("in string")),
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.rest.get(1) {
            None => Err(END.to_owned()),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.rest = &self.rest[2..];
                Ok(())
            }
            Some(b'u') => self.hexadecimal(),
            Some(_) => Err(escape_problem(&self.rest[..2])),
        }
    }

    /// A character by four digits.
    fn hexadecimal(&mut self) -> Result<(), String> {
        let escape = &self.rest[..self.rest.len().min(6)];
        match escape[2..].iter().all(u8::is_ascii_hexdigit) {
            false => Err(escape_problem(escape)),
            true if escape.len() < 6 => Err(END.to_owned()),
            true => {
                self.rest = &self.rest[6..];
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        if self.rest.first() == Some(&b'-') {
            self.step();
        }
        match self.rest.first() {
            Some(b'0') => self.step(),
            _ => self.digits()?,
        }
        if self.rest.first() == Some(&b'.') {
            self.step();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.rest.first() {
            self.step();
            if let Some(b'+' | b'-') = self.rest.first() {
                self.step();
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), String> {
        if !self.rest.first().is_some_and(u8::is_ascii_digit) {
            return Err(self.unexpected("in numeric literal"));
        }
        while self.rest.first().is_some_and(u8::is_ascii_digit) {
            self.step();
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        self.step();
        for expected in word.bytes().skip(1) {
            if self.rest.first() != Some(&expected) {
                let expected = char::from(expected);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.step();
        }
        Ok(())
    }
}

/// The first character of `text`, as Go quotes it.
fn quoted(text: &[u8]) -> String {
    match first_character(text) {
        Ok('\'') => r"'\''".to_owned(),
        Ok(character) => format!("'{}'", escaped(character)),
        Err(byte) => format!("'\\x{byte:02x}'"),
    }
}

/// The first character of `text`, or the byte there that is none.
fn first_character(text: &[u8]) -> Result<char, u8> {
    let chunk = text.utf8_chunks().next();
    let character = chunk.and_then(|chunk| chunk.valid().chars().next());
    character.ok_or_else(|| text.first().copied().unwrap_or_default())
}

/// What is told of `escape`, which stands for no character.
fn escape_problem(escape: &[u8]) -> String {
    let mut shown = String::new();
    let mut rest = escape;
    while !rest.is_empty() {
        let (text, length) = match first_character(rest) {
            Ok('"') => ("\\\"".to_owned(), 1),
            Ok(character) => (escaped(character), character.len_utf8()),
            Err(byte) => (format!("\\x{byte:02x}"), 1),
        };
        shown.push_str(&text);
        rest = &rest[length..];
    }
    let is_plain = |text: &str| text.chars().all(|letter| letter != '`' && is_printable(letter));
    match std::str::from_utf8(escape) {
        Ok(plain) if is_plain(plain) => format!("invalid escape sequence `{plain}` in string"),
        _ => format!("invalid escape sequence \"{shown}\" in string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(problem(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn a_problem_names_the_letter_and_its_place() {
        check("{", END);
        check("", END);
        check(r#"{"a" 1}"#, "invalid character '1' after object key");
        check(r#"{"a": 1} x"#, "invalid character 'x' after top-level value");
        check(r#"{"a": 1,}"#, "invalid character '}' looking for beginning of object key string");
        check(r#"{"a": tru}"#, "invalid character '}' in literal true (expecting 'e')");
        check(r#"{"a": 01}"#, "invalid character '1' after object key:value pair");
        check(r#"{"a": -x}"#, "invalid character 'x' in numeric literal");
        check(r#"{"a": [1 2]}"#, "invalid character '2' after array element");
        check("{\"a\n\": 1}", "invalid character '\\n' in string");
        check(r#"{"a\x": 1}"#, "invalid escape sequence `\\x` in string");
        check(r#"{"a": "\u12g4"}"#, "invalid escape sequence `\\u12g4` in string");
        check("\"\\`\"", "invalid escape sequence \"\\\\`\" in string");
        check("\"\\u\n\n\n\n\"", r#"invalid escape sequence "\\u\n\n\n\n" in string"#);
        check("{\"a\":\u{a0}1}", r"invalid character '\u00a0' looking for beginning of value");
        check("\u{e0001}", r"invalid character '\U000e0001' looking for beginning of value");
        check("\u{301}", "invalid character '\u{301}' looking for beginning of value");
        check("hello", "invalid character 'h' looking for beginning of value");
    }

    #[test]
    fn a_value_of_another_type_is_named() {
        check("[1]", "json: cannot unmarshal array into Go value of type map[string]interface {}");
        check("\"x\"", "json: cannot unmarshal string into Go value of type map[string]interface {}");
        check("5", "json: cannot unmarshal number into Go value of type map[string]interface {}");
        check(" true", "json: cannot unmarshal bool into Go value of type map[string]interface {}");
    }

    #[test]
    fn a_deep_text_ends_the_search() {
        check(&"[".repeat(100_000), "exceeded max depth");
    }
}
