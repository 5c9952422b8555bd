//! What is wrong with a JSON text, in the words that clients of the API know: those of Go's parser.

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
            Some(byte) => format!("invalid character {} {place}", quoted(*byte)),
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
                Some(0..=0x1f) | None => return Err(self.unexpected("in string literal")),
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        self.step();
        match self.rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.step(),
            Some(b'u') => {
                self.step();
                for _ in 0..4 {
                    if !self.rest.first().is_some_and(u8::is_ascii_hexdigit) {
                        return Err(self.unexpected("in \\u hexadecimal character escape"));
                    }
                    self.step();
                }
            }
            _ => return Err(self.unexpected("in string escape code")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.rest.first() == Some(&b'-') {
            self.step();
        }
        match self.rest.first() {
            Some(b'0') => self.step(),
            _ => self.digits("in numeric literal")?,
        }
        if self.rest.first() == Some(&b'.') {
            self.step();
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.rest.first() {
            self.step();
            if let Some(b'+' | b'-') = self.rest.first() {
                self.step();
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        if !self.rest.first().is_some_and(u8::is_ascii_digit) {
            return Err(self.unexpected(place));
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
                let expected = quoted(expected);
                return Err(self.unexpected(&format!("in literal {word} (expecting {expected})")));
            }
            self.step();
        }
        Ok(())
    }
}

/// A byte as Go quotes a character.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0x20..=0x7e => format!("'{}'", char::from(byte)),
        0xa1..=0xff if byte != 0xad => format!("'{}'", char::from(byte)),
        _ => format!("'\\x{byte:02x}'"),
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
        check("{\"a\n\": 1}", "invalid character '\\n' in string literal");
        check(r#"{"a\x": 1}"#, "invalid character 'x' in string escape code");
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
