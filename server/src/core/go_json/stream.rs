//! A stream of JSON values, as Go's decoder reads it: token by token, up to the end or the first mistake.

use super::Scanner;

/// Levels that a stream may have, as in Go.
const DEEPEST: usize = 10_000;
/// The end comes in the middle of something.
const END: &str = "unexpected EOF";

/// The first value of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct First<'a> {
    /// `object`, `array`, `string`, `number`, `bool` or `null`.
    pub(crate) kind: &'static str,
    /// Itself.
    pub(crate) text: &'a [u8],
}

/// The first value of `text`; `None` of nothing but space. What follows may be more values, and the last of them need not
/// be whole.
///
/// # Errors
/// What is wrong anywhere in `text`.
pub(crate) fn first(text: &[u8]) -> Result<Option<First<'_>>, String> {
    let mut stream = Stream { scanner: Scanner { rest: text }, levels: vec![Level::default()], first: None };
    // Space before a value is no part of it, and no delimiter stands before the first.
    let begin = text.trim_ascii_start();
    loop {
        let goes_on = stream.token()?;
        if stream.first.is_none() && stream.levels.len() == 1 && goes_on {
            let length = begin.len() - stream.scanner.rest.len();
            stream.first = Some(&begin[..length]);
        }
        if !goes_on {
            return match stream.first {
                Some(text) => Ok(Some(First { kind: kind(text), text })),
                None if begin.is_empty() => Ok(None),
                None => Err(END.to_owned()),
            };
        }
    }
}

fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') => "null",
        _ => "number",
    }
}

struct Stream<'a> {
    scanner: Scanner<'a>,
    /// The stream itself, and what is open in it.
    levels: Vec<Level>,
    first: Option<&'a [u8]>,
}

/// An object or an array that is open.
#[derive(Clone, Copy, Default)]
struct Level {
    is_object: bool,
    is_empty_no_more: bool,
    /// A name was read.
    awaits_value: bool,
}

impl Level {
    /// Where in it something is that does not belong there.
    fn place(self) -> &'static str {
        match (self.is_empty_no_more, self.is_object) {
            (false, _) => "looking for beginning of value",
            (true, true) => "after object key:value pair",
            (true, false) => "after array element",
        }
    }
}

impl Stream<'_> {
    /// Reads a token. False at the end, which may come anywhere but inside of one.
    fn token(&mut self) -> Result<bool, String> {
        self.scanner.skip_space();
        let before = self.scanner.rest;
        let delimiter = before.first().copied().filter(|byte| matches!(byte, b',' | b':'));
        if delimiter.is_some() {
            self.scanner.step();
            self.scanner.skip_space();
        }
        let next = self.scanner.rest.first().copied();
        if next.is_none() && delimiter.is_none() {
            return Ok(false);
        }
        // At the end, what might have come is a string, which may come everywhere.
        let needed = self.delimiter(next.unwrap_or(b'"'));
        if needed != delimiter {
            self.scanner.rest = before;
            let place = self.place_without(needed);
            return Err(self.scanner.unexpected(place));
        }
        match next {
            None => return Ok(false),
            Some(opening @ (b'{' | b'[')) => self.open(opening == b'{')?,
            Some(closing @ (b'}' | b']')) => self.close(closing == b'}')?,
            Some(first) => self.scalar(first)?,
        }
        Ok(true)
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the stream itself is never closed")
    }

    /// What has to stand before `next`.
    fn delimiter(&mut self, next: u8) -> Option<u8> {
        let (depth, level) = (self.levels.len(), *self.level());
        let is_next = level.is_empty_no_more && depth > 1 && !matches!(next, b'}' | b']');
        if level.awaits_value { Some(b':') } else { is_next.then_some(b',') }
    }

    fn place_without(&mut self, delimiter: Option<u8>) -> &'static str {
        match delimiter {
            None => Level::default().place(),
            Some(b':') => "after object key",
            Some(_) => self.level().place(),
        }
    }

    fn open(&mut self, is_object: bool) -> Result<(), String> {
        self.count(false)?;
        // The stream itself is no level of a value.
        if self.levels.len() > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        self.scanner.step();
        self.levels.push(Level { is_object, ..Level::default() });
        Ok(())
    }

    fn close(&mut self, is_object: bool) -> Result<(), String> {
        let level = *self.level();
        if self.levels.len() == 1 {
            return Err(self.scanner.unexpected(Level::default().place()));
        }
        if level.is_object != is_object {
            return Err(self.scanner.unexpected(level.place()));
        }
        if level.awaits_value {
            return Err("missing value after object key".to_owned());
        }
        self.scanner.step();
        self.levels.pop();
        Ok(())
    }

    fn scalar(&mut self, first: u8) -> Result<(), String> {
        let read = self.scanner.value(0);
        read.map_err(|problem| if problem == super::END { END.to_owned() } else { problem })?;
        self.count(first == b'"')
    }

    /// Notes a name or a value.
    fn count(&mut self, is_string: bool) -> Result<(), String> {
        let level = self.level();
        if level.is_object && !level.awaits_value {
            if !is_string {
                return Err("object member name must be a string".to_owned());
            }
            level.awaits_value = true;
        } else {
            level.awaits_value = false;
        }
        level.is_empty_no_more = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Option<(&str, &str)>, &str>) {
        let found = first(text.as_bytes());
        let found = found.as_ref().map(|first| {
            first.map(|first| (first.kind, std::str::from_utf8(first.text).expect("a part of a text")))
        });
        assert_eq!(found.map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn what_follows_the_first_value_need_not_be_whole() {
        for after in ["", " \n", "{", "[", " {\"b\"", "{\"b\":", "[1,", " null", "5", "\"x\"", "[[["] {
            check(&format!(" {{\"a\":1}}{after}"), Ok(Some(("object", "{\"a\":1}"))));
        }
        check("null {}", Ok(Some(("null", "null"))));
        check("01", Ok(Some(("number", "0"))));
        check("5 {}", Ok(Some(("number", "5"))));
        check(" \n", Ok(None));
    }

    #[test]
    fn a_token_is_whole_and_so_is_the_first_value() {
        for text in [
            "{",
            "{\"a\":1",
            "{\"a\":",
            "{\"a\":1,",
            "[1",
            "\"x",
            "nul",
            "-",
            "\"\\u00",
            "{}\"x",
            "{} tru",
            "{}1.",
        ] {
            check(text, Err(END));
        }
    }

    #[test]
    fn what_does_not_belong_into_a_stream_is_named() {
        let at_value = |letter: char| format!("invalid character '{letter}' looking for beginning of value");
        for (text, letter) in [
            ("{\"a\":1,}", ','),
            ("{,", ','),
            ("[1,,2]", ','),
            ("{}}", '}'),
            ("{} ,", ','),
            (":1", ':'),
            ("[}", '}'),
            ("{a:1}", 'a'),
            ("{}x", 'x'),
            ("[1:]", ':'),
        ] {
            check(text, Err(&at_value(letter)));
        }
        check("{\"a\" 1}", Err("invalid character '1' after object key"));
        check("{\"a\"}", Err("invalid character '}' after object key"));
        check("{\"a\":1;", Err("invalid character ';' after object key:value pair"));
        check("{\"a\":]", Err("invalid character ']' after object key:value pair"));
        check("[1}", Err("invalid character '}' after array element"));
        check("{}[\"b\" :", Err("invalid character ':' after array element"));
        check("{1:2}", Err("object member name must be a string"));
        check("{{", Err("object member name must be a string"));
        check("{\"a\":}", Err("missing value after object key"));
        check("{nul:1}", Err("invalid character ':' in literal null (expecting 'l')"));
        check("-x", Err("invalid character 'x' in numeric literal"));
    }

    #[test]
    fn a_stream_is_as_deep_as_go_has_it() {
        check(&"[".repeat(10_000), Err(END));
        check(&"[".repeat(10_001), Err("exceeded max depth"));
    }
}
