//! Tokens to tree.

use super::scan::{Dialect, Kind, Position, Scanner, Token};
use super::text;
use super::{Item, Key, Literal, LiteralKind, Node, Object, Span};

/// Objects and lists deeper than this are refused: the tree is walked recursively.
const MAX_DEPTH: usize = 128;

/// A text that is neither HCL nor JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where reading stopped.
    pub position: Position,
    /// What was wrong there.
    pub message: String,
    /// Position and message in OpenBao's words.
    pub text: String,
}

/// Reads `source`: JSON when it begins with `{`, else HCL.
///
/// # Errors
/// The error OpenBao reports: of several in the text, the last that the scanner met.
pub fn parse(source: &str) -> Result<Object, SyntaxError> {
    let json = source.trim_start().starts_with('{');
    let dialect = if json { Dialect::Json } else { Dialect::Hcl };
    let mut parser = Parser::new(source, dialect);
    let result = if json { parser.json_text() } else { parser.hcl_text() };
    match (parser.scanner.error, result) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(object)) => Ok(object),
    }
}

struct Parser<'a> {
    source: &'a str,
    dialect: Dialect,
    scanner: Scanner<'a>,
    token: Token,
    again: bool,
    depth: usize,
}

type Outcome<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    fn new(source: &'a str, dialect: Dialect) -> Self {
        let position = Position { offset: 0, line: 1, column: 1 };
        let token = Token { kind: Kind::End, position, end: 0 };
        Self { source, dialect, scanner: Scanner::new(source, dialect), token, again: false, depth: 0 }
    }

    fn scan(&mut self) -> Token {
        if !std::mem::take(&mut self.again) {
            self.token = self.scanner.token();
        }
        self.token
    }

    fn unscan(&mut self) {
        self.again = true;
    }

    fn fail<T>(&self, at: Token, message: String) -> Outcome<T> {
        let text = match self.dialect {
            Dialect::Hcl => format!("At {}: {message}", at.position),
            Dialect::Json => message.clone(),
        };
        Err(SyntaxError { position: at.position, message, text })
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.token, format!("more than {MAX_DEPTH} levels of nesting"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn raw(&self, token: Token) -> &'a str {
        &self.source[token.position.offset..token.end]
    }

    fn position(&self, token: Token) -> Option<Position> {
        (self.dialect == Dialect::Hcl).then_some(token.position)
    }

    fn key(&self, token: Token) -> Key {
        let raw = self.raw(token);
        let text = if token.kind == Kind::String { text::unquote(raw) } else { raw.to_owned() };
        Key { text, span: Span { start: token.position.offset, end: token.end } }
    }

    fn literal(&self, token: Token) -> Option<Node> {
        let raw = self.raw(token);
        let (kind, text) = match token.kind {
            Kind::Number => (LiteralKind::Number, raw.to_owned()),
            Kind::Float => (LiteralKind::Float, raw.to_owned()),
            Kind::Bool => (LiteralKind::Bool, raw.to_owned()),
            Kind::Null => (LiteralKind::Null, String::new()),
            Kind::String => (LiteralKind::String, text::unquote(raw)),
            Kind::Heredoc => (LiteralKind::String, text::heredoc(raw)),
            _ => return None,
        };
        let span = Span { start: token.position.offset, end: token.end };
        Some(Node::Literal(Literal { kind, text, position: self.position(token), span }))
    }

    // HCL

    fn hcl_text(&mut self) -> Outcome<Object> {
        let mut items = Vec::new();
        while let Some(item) = self.hcl_item()? {
            items.push(item);
            self.optional_comma();
        }
        Ok(Object { items, position: None })
    }

    fn optional_comma(&mut self) {
        if self.scan().kind != Kind::Comma {
            self.unscan();
        }
    }

    /// The next item; `None` at the end of the text.
    fn hcl_item(&mut self) -> Outcome<Option<Item>> {
        let keys = self.hcl_keys()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let token = self.token;
        match token.kind {
            Kind::Assign => {
                let value = self.hcl_value()?;
                Ok(value.map(|value| Item { keys, assign_line: token.position.line, value }))
            }
            Kind::LeftBrace => {
                let value = self.nested(|parser| parser.hcl_object(token))?;
                Ok(Some(Item { keys, assign_line: 0, value }))
            }
            _ => {
                let names: Vec<&str> =
                    keys.iter().map(|key| &self.source[key.span.start..key.span.end]).collect();
                let names = names.join(" ");
                self.fail(token, format!("key '{names}' expected start of object ('{{') or assignment ('=')"))
            }
        }
    }

    /// Keys up to `=`, `{`, or what cannot follow a key; that token is then the current one.
    fn hcl_keys(&mut self) -> Outcome<Vec<Key>> {
        let mut keys = Vec::new();
        loop {
            let token = self.scan();
            let message = match token.kind {
                Kind::Identifier | Kind::String => {
                    keys.push(self.key(token));
                    continue;
                }
                Kind::Assign if keys.len() > 1 => "nested object expected: LBRACE got: ASSIGN".to_owned(),
                Kind::Assign if keys.is_empty() => "no object keys found!".to_owned(),
                Kind::LeftBrace if keys.is_empty() => "expected: IDENT | STRING got: LBRACE".to_owned(),
                Kind::End | Kind::Assign | Kind::LeftBrace => return Ok(keys),
                Kind::RightBrace if !keys.is_empty() => return Ok(keys),
                Kind::Illegal => "illegal character".to_owned(),
                kind => format!("expected: IDENT | STRING | ASSIGN | LBRACE got: {}", kind.peer_name()),
            };
            return self.fail(token, message);
        }
    }

    /// A value; `None` at the end of the text.
    fn hcl_value(&mut self) -> Outcome<Option<Node>> {
        let token = self.scan();
        match token.kind {
            Kind::LeftBrace => self.nested(|parser| parser.hcl_object(token)).map(Some),
            Kind::LeftBracket => self.nested(|parser| parser.hcl_list(token)).map(Some),
            Kind::End => Ok(None),
            kind => match self.literal(token) {
                Some(literal) => Ok(Some(literal)),
                None => {
                    let shown = format!("{} {} {}", token.position, kind.peer_name(), self.raw(token));
                    self.fail(token, format!("Unknown token: {shown}"))
                }
            },
        }
    }

    fn hcl_object(&mut self, open: Token) -> Outcome<Node> {
        let mut items = Vec::new();
        loop {
            let next = self.scan().kind;
            self.unscan();
            if next == Kind::RightBrace {
                break;
            }
            let Some(item) = self.hcl_item()? else { break };
            items.push(item);
            self.optional_comma();
        }
        let close = self.scan();
        if close.kind != Kind::RightBrace {
            let got = close.kind.peer_name();
            return self.fail(close, format!("object expected closing RBRACE got: {got}"));
        }
        let span = Span { start: open.position.offset, end: close.end };
        Ok(Node::Object(Object { items, position: self.position(open) }, span))
    }

    fn hcl_list(&mut self, open: Token) -> Outcome<Node> {
        let mut items = Vec::new();
        let mut comma_needed = false;
        loop {
            let token = self.scan();
            match token.kind {
                Kind::RightBracket => return Ok(self.list(items, open, token)),
                Kind::Comma => {
                    comma_needed = false;
                    continue;
                }
                kind if comma_needed => {
                    let got = kind.peer_name();
                    let message = format!("error parsing list, expected comma or list end, got: {got}");
                    return self.fail(token, message);
                }
                _ => items.push(self.hcl_element(token)?),
            }
            // OpenBao asks for no comma after a nested list.
            comma_needed = token.kind != Kind::LeftBracket;
        }
    }

    fn hcl_element(&mut self, token: Token) -> Outcome<Node> {
        let (what, result) = match token.kind {
            Kind::LeftBrace => ("object", self.nested(|parser| parser.hcl_object(token))),
            Kind::LeftBracket => ("list", self.nested(|parser| parser.hcl_list(token))),
            kind => {
                let got = kind.peer_name();
                return self.literal(token).map_or_else(
                    || self.fail(token, format!("unexpected token while parsing list: {got}")),
                    Ok,
                );
            }
        };
        result.or_else(|error| {
            self.fail(token, format!("error while trying to parse {what} within list: {}", error.text))
        })
    }

    fn list(&self, items: Vec<Node>, open: Token, close: Token) -> Node {
        let span = Span { start: open.position.offset, end: close.end };
        Node::List { items, position: self.position(open), span }
    }

    // JSON

    /// One object; whatever follows it is not looked at, as in OpenBao.
    fn json_text(&mut self) -> Outcome<Object> {
        let open = self.scan();
        let items = flatten(self.json_items()?);
        Ok(Object { items, position: self.position(open) })
    }

    fn json_items(&mut self) -> Outcome<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            let key = self.scan();
            match key.kind {
                Kind::String => {}
                Kind::End | Kind::RightBrace => break,
                Kind::Illegal => return self.fail(key, "illegal".to_owned()),
                kind => return self.fail(key, format!("expected: STRING got: {}", kind.peer_name())),
            }
            let Some(item) = self.json_item(key)? else { break };
            items.push(item);
            if self.scan().kind != Kind::Comma {
                break;
            }
        }
        Ok(items)
    }

    fn json_item(&mut self, key: Token) -> Outcome<Option<Item>> {
        let colon = self.scan();
        match colon.kind {
            Kind::Colon => {}
            Kind::End => return Ok(None),
            kind => return self.fail(colon, format!("expected: STRING got: {}", kind.peer_name())),
        }
        let keys = vec![self.key(key)];
        let value = self.json_value()?;
        Ok(value.map(|value| Item { keys, assign_line: colon.position.line, value }))
    }

    fn json_value(&mut self) -> Outcome<Option<Node>> {
        let token = self.scan();
        match token.kind {
            Kind::LeftBrace => self.nested(|parser| parser.json_object(token)).map(Some),
            Kind::LeftBracket => self.nested(|parser| parser.json_list(token)).map(Some),
            Kind::End => Ok(None),
            kind => match self.literal(token) {
                Some(literal) => Ok(Some(literal)),
                None => {
                    let shown = format!("{} {} {}", token.position, kind.peer_name(), self.raw(token));
                    self.fail(token, format!("Expected object value, got unknown token: {shown}"))
                }
            },
        }
    }

    fn json_object(&mut self, open: Token) -> Outcome<Node> {
        let items = self.json_items()?;
        let span = Span { start: open.position.offset, end: self.token.end };
        Ok(Node::Object(Object { items, position: None }, span))
    }

    fn json_list(&mut self, open: Token) -> Outcome<Node> {
        let mut items = Vec::new();
        loop {
            let token = self.scan();
            match token.kind {
                Kind::RightBracket => return Ok(self.list(items, open, token)),
                Kind::Comma => continue,
                _ => self.unscan(),
            }
            match self.json_value()? {
                Some(value) => items.push(value),
                None => return self.fail(self.token, "unexpected token while parsing list: EOF".to_owned()),
            }
        }
    }
}

/// Turns `"a": {"b": {…}, "c": {…}}` into blocks `a "b" {…}` and `a "c" {…}`, and a list of objects into
/// several items: how HCL reads JSON. Outer levels come first, so a list one level down keeps its owner from
/// being flattened.
fn flatten(items: Vec<Item>) -> Vec<Item> {
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        flatten_item(item, &mut flat);
    }
    flat.iter_mut().for_each(|item| flatten_within(&mut item.value));
    flat
}

fn flatten_within(value: &mut Node) {
    match value {
        Node::Object(object, _) => object.items = flatten(std::mem::take(&mut object.items)),
        Node::List { items, .. } => items.iter_mut().for_each(flatten_within),
        Node::Literal(_) => {}
    }
}

fn flatten_item(item: Item, flat: &mut Vec<Item>) {
    let Item { keys, assign_line, value } = item;
    match value {
        Node::Object(object, _) if only_objects(object.items.iter().map(|inner| &inner.value)) => {
            for inner in object.items {
                let keys = keys.iter().cloned().chain(inner.keys).collect();
                flatten_item(Item { keys, assign_line, value: inner.value }, flat);
            }
        }
        Node::List { items, .. } if only_objects(items.iter()) => {
            for value in items {
                flatten_item(Item { keys: keys.clone(), assign_line, value }, flat);
            }
        }
        value => flat.push(Item { keys, assign_line, value }),
    }
}

fn only_objects<'a>(mut nodes: impl Iterator<Item = &'a Node>) -> bool {
    let mut any = false;
    nodes.all(|node| {
        any = true;
        matches!(node, Node::Object(..))
    }) && any
}
