//! Text to tokens.

use std::fmt;

use super::SyntaxError;

/// Stands for a byte that is no text; itself it stands for no character of any text.
pub const NO_TEXT: char = '\u{10ffff}';

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes from the start.
    pub offset: usize,
    /// From one.
    pub line: usize,
    /// From one, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Which of the two syntaxes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Hcl,
    Json,
}

/// The sorts of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Comment,
    Identifier,
    Number,
    Float,
    Bool,
    Null,
    String,
    Heredoc,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Comma,
    Colon,
    Period,
    Assign,
    Add,
    Subtract,
    Illegal,
}

impl Kind {
    /// The word OpenBao uses in its errors.
    pub(super) fn peer_name(self) -> &'static str {
        match self {
            Self::End => "EOF",
            Self::Comment => "COMMENT",
            Self::Identifier => "IDENT",
            Self::Number => "NUMBER",
            Self::Float => "FLOAT",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::String => "STRING",
            Self::Heredoc => "HEREDOC",
            Self::LeftBracket => "LBRACK",
            Self::RightBracket => "RBRACK",
            Self::LeftBrace => "LBRACE",
            Self::RightBrace => "RBRACE",
            Self::Comma => "COMMA",
            Self::Colon => "COLON",
            Self::Period => "PERIOD",
            Self::Assign => "ASSIGN",
            Self::Add => "ADD",
            Self::Subtract => "SUB",
            Self::Illegal => "ILLEGAL",
        }
    }
}

/// A token: its sort and where it starts and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) position: Position,
    pub(super) end: usize,
}

/// Reads tokens one after another.
///
/// An error does not stop it: the last one wins over whatever the parser found, as in OpenBao.
pub(super) struct Scanner<'a> {
    text: &'a str,
    dialect: Dialect,
    offset: usize,
    line: usize,
    column: usize,
    recent: Position,
    pub(super) error: Option<SyntaxError>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        let recent = Position { offset: 0, line: 1, column: 1 };
        Self { text, dialect, offset: 0, line: 1, column: 0, recent, error: None }
    }

    /// The next token; comments are skipped.
    pub(super) fn token(&mut self) -> Token {
        loop {
            let token = self.any_token();
            if token.kind != Kind::Comment {
                return token;
            }
        }
    }

    fn any_token(&mut self) -> Token {
        let mut character = self.next();
        while matches!(character, Some(' ' | '\t' | '\n' | '\r')) {
            character = self.next();
        }
        let position = self.recent;
        let kind = match character {
            None => Kind::End,
            Some(character) => self.kind(character),
        };
        Token { kind, position, end: self.offset }
    }

    fn kind(&mut self, character: char) -> Kind {
        match character {
            '"' => self.string(),
            '[' => Kind::LeftBracket,
            ']' => Kind::RightBracket,
            '{' => Kind::LeftBrace,
            '}' => Kind::RightBrace,
            ',' => Kind::Comma,
            '0'..='9' => self.number(),
            '-' if self.peek().is_some_and(|next| next.is_ascii_digit()) => self.number(),
            _ if is_letter(character) => self.word(character),
            _ => self.kind_of_dialect(character),
        }
    }

    fn kind_of_dialect(&mut self, character: char) -> Kind {
        match (self.dialect, character) {
            (Dialect::Json, ':') => Kind::Colon,
            (Dialect::Hcl, '#' | '/') => self.comment(character),
            (Dialect::Hcl, '<') => self.heredoc(),
            (Dialect::Hcl, '=') => Kind::Assign,
            (_, '.') if self.peek().is_some_and(|next| next.is_ascii_digit()) => self.fraction(),
            (_, '.') => Kind::Period,
            (Dialect::Hcl, '+') => Kind::Add,
            (_, '-') => Kind::Subtract,
            _ => self.illegal("illegal char"),
        }
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek();
        self.column += 1;
        self.recent = Position { offset: self.offset, line: self.line, column: self.column };
        self.offset += character.map_or(0, char::len_utf8);
        if character == Some('\n') {
            self.line += 1;
            self.column = 0;
        }
        match character {
            Some('\0') => {
                self.fail("unexpected null character (0x00)");
                return None;
            }
            Some(NO_TEXT) => self.fail("illegal UTF-8 encoding"),
            _ => {}
        }
        character
    }

    fn peek(&self) -> Option<char> {
        self.text[self.offset..].chars().next()
    }

    /// Consumes while `keep` holds. Running into the end counts as reading one more character, which
    /// OpenBao's columns show.
    fn take_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&keep) {
            self.next();
        }
        if self.peek().is_none() {
            self.next();
        }
    }

    fn fail(&mut self, message: &str) {
        let at = if self.dialect == Dialect::Hcl { "At " } else { "" };
        let text = format!("{at}{}: {message}", self.recent);
        self.error = Some(SyntaxError { position: self.recent, message: message.to_owned(), text });
    }

    fn illegal(&mut self, message: &str) -> Kind {
        self.fail(message);
        Kind::Illegal
    }

    fn word(&mut self, first: char) -> Kind {
        let start = self.offset - first.len_utf8();
        self.take_while(|next| is_letter(next) || next.is_numeric() || next == '-' || next == '.');
        match (&self.text[start..self.offset], self.dialect) {
            ("true" | "false", _) => Kind::Bool,
            ("null", Dialect::Json) => Kind::Null,
            (_, Dialect::Hcl) => Kind::Identifier,
            (_, Dialect::Json) => self.illegal("illegal char"),
        }
    }

    fn number(&mut self) -> Kind {
        let rest = &self.text.as_bytes()[self.offset..];
        let hexadecimal = rest.first().is_some_and(|byte| matches!(byte, b'x' | b'X'));
        if hexadecimal {
            self.next();
            self.take_while(|next| next.is_ascii_hexdigit());
            return Kind::Number;
        }
        self.take_while(|next| next.is_ascii_digit());
        match self.peek() {
            Some('.') => {
                self.next();
                self.fraction()
            }
            Some('e' | 'E') => self.exponent(),
            _ => Kind::Number,
        }
    }

    /// What follows the point of a number.
    fn fraction(&mut self) -> Kind {
        self.take_while(|next| next.is_ascii_digit());
        if matches!(self.peek(), Some('e' | 'E')) { self.exponent() } else { Kind::Float }
    }

    fn exponent(&mut self) -> Kind {
        self.next();
        if matches!(self.peek(), Some('+' | '-')) {
            self.next();
        }
        self.take_while(|next| next.is_ascii_digit());
        Kind::Float
    }

    fn comment(&mut self, first: char) -> Kind {
        match (first, self.peek()) {
            ('#', _) | ('/', Some('/')) => self.take_while(|next| next != '\n'),
            ('/', Some('*')) => self.block_comment(),
            _ => return self.illegal("expected '/' for comment"),
        }
        Kind::Comment
    }

    fn block_comment(&mut self) {
        self.next();
        let mut before = ' ';
        loop {
            match self.next() {
                None => return self.fail("comment not terminated"),
                Some('/') if before == '*' => return,
                Some(character) => before = character,
            }
        }
    }

    /// Reads to the closing quote. Inside `${ … }` quotes and line breaks are part of the string.
    fn string(&mut self) -> Kind {
        let mut braces = 0_usize;
        loop {
            let character = self.next();
            match character {
                None => return self.unterminated(),
                Some('\n') if braces == 0 => return self.unterminated(),
                Some('"') if braces == 0 => return Kind::String,
                Some('$') if braces == 0 && self.peek() == Some('{') && self.dialect == Dialect::Hcl => {
                    braces = 1;
                    self.next();
                }
                Some('{') if braces > 0 => braces += 1,
                Some('}') if braces > 0 => braces -= 1,
                Some('\\') => self.escape(),
                Some(_) => {}
            }
        }
    }

    fn unterminated(&mut self) -> Kind {
        self.fail("literal not terminated");
        Kind::String
    }

    fn escape(&mut self) {
        let digits = match self.next() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"') => return,
            Some('/') if self.dialect == Dialect::Json => return,
            Some('0'..='7') => (8, 2),
            Some('x') => (16, 2),
            Some('u') => (16, 4),
            Some('U') => (16, 8),
            _ => return self.fail("illegal char escape"),
        };
        for _ in 0..digits.1 {
            if !self.peek().is_some_and(|next| next.is_digit(digits.0)) {
                self.next();
                return self.fail("illegal char escape");
            }
            self.next();
        }
    }

    fn heredoc(&mut self) -> Kind {
        if self.next() != Some('<') {
            return self.illegal("heredoc expected second '<', didn't see it");
        }
        let start = self.offset;
        if self.peek() == Some('-') {
            self.next();
        }
        self.take_while(|next| is_letter(next) || next.is_numeric());
        let anchor = self.text[start..self.offset].trim_start_matches('-').to_owned();
        if self.peek() == Some('\r') {
            self.next();
        }
        match self.next() {
            None => self.fail("heredoc not terminated"),
            Some('\n') if anchor.is_empty() => self.fail("zero-length heredoc anchor"),
            Some('\n') => self.heredoc_body(&anchor),
            Some(_) => self.fail("invalid characters in heredoc anchor"),
        }
        Kind::Heredoc
    }

    fn heredoc_body(&mut self, anchor: &str) {
        let mut line_start = self.offset;
        loop {
            match self.next() {
                None => return self.fail("heredoc not terminated"),
                Some('\n') => {
                    if self.text[line_start..self.offset].trim() == anchor {
                        return;
                    }
                    line_start = self.offset;
                }
                Some(_) => {}
            }
        }
    }
}

fn is_letter(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}
