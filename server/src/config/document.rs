//! HCL and JSON in one form: `listener "tcp" { … }` is the same as `{"listener": {"tcp": { … }}}`.

use std::path::Path;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};

use super::{Place, Problems};

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What configuration files can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    List(Vec<Node>),
    Null,
    /// As it was written.
    Number(String),
    /// In the order of the file; a key may occur several times.
    Table(Vec<(String, Node)>),
    Text(String),
}

/// The tables of one file.
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) entries: Vec<(String, Node)>,
}

pub(super) fn read(path: &Path, problems: &mut Problems) -> Option<Document> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text, problems),
        Err(error) => {
            problems.error(&Place::file(path), format!("cannot read the file: {error}"), "");
            None
        }
    }
}

pub(super) fn parse(path: &Path, text: &str, problems: &mut Problems) -> Option<Document> {
    let is_json = path.extension().is_some_and(|end| end == "json") || text.trim_start().starts_with('{');
    if is_json { parse_json(path, text, problems) } else { parse_hcl(path, text, problems) }
}

fn parse_json(path: &Path, text: &str, problems: &mut Problems) -> Option<Document> {
    let mut place = Place::file(path);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => match from_json(&place, value).value {
            Value::Table(entries) => Some(Document { place, entries }),
            _ => {
                problems.error(&place, "the file is JSON, but no object".to_owned(), "");
                None
            }
        },
        Err(error) => {
            place.line = Some(error.line());
            problems.error(&place, format!("malformed JSON: {error}"), "");
            None
        }
    }
}

fn from_json(place: &Place, value: serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => {
            Value::List(items.into_iter().map(|item| from_json(place, item)).collect())
        }
        serde_json::Value::Object(entries) => {
            Value::Table(entries.into_iter().map(|(key, value)| (key, from_json(place, value))).collect())
        }
    };
    Node { place: place.clone(), value }
}

fn parse_hcl(path: &Path, text: &str, problems: &mut Problems) -> Option<Document> {
    let mut place = Place::file(path);
    match text.parse::<Body>() {
        Ok(body) => {
            let mut reader = HclReader { path, text, problems };
            Some(Document { place, entries: reader.body(&body) })
        }
        Err(error) => {
            place.line = Some(error.location().line());
            let hint = "in HCL each setting stands on a line of its own";
            problems.error(&place, format!("malformed HCL: {}", error.message()), hint);
            None
        }
    }
}

struct HclReader<'a> {
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Problems,
}

impl HclReader<'_> {
    fn place(&self, spanned: &impl Span) -> Place {
        let line = spanned.span().map(|span| {
            let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
            before.iter().filter(|&&byte| byte == b'\n').count() + 1
        });
        Place { file: self.path.to_owned(), line }
    }

    fn body(&mut self, body: &Body) -> Vec<(String, Node)> {
        let mut entries = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let place = self.place(&attribute.key);
                    let value = self.expression(&attribute.value);
                    entries.push((attribute.key.to_string(), Node { place, value }));
                }
                Structure::Block(block) => entries.push(self.block(block)),
            }
        }
        entries
    }

    fn block(&mut self, block: &Block) -> (String, Node) {
        let place = self.place(&block.ident);
        let mut node = Node { place: place.clone(), value: Value::Table(self.body(&block.body)) };
        for label in block.labels.iter().rev() {
            let entries = vec![(label.as_str().to_owned(), node)];
            node = Node { place: place.clone(), value: Value::Table(entries) };
        }
        (block.ident.to_string(), node)
    }

    fn expression(&mut self, expression: &Expression) -> Value {
        match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => Value::Number(number.value().to_string()),
            Expression::String(text) => Value::Text(text.value().clone()),
            Expression::Array(items) => {
                let item = |item: &Expression| Node { place: self.place(item), value: self.expression(item) };
                Value::List(items.iter().map(item).collect())
            }
            Expression::Object(object) => Value::Table(self.object(object)),
            other => {
                let message = format!("`{}` is no constant", other.to_string().trim());
                let hint = "a server configuration holds plain values, no references and no functions";
                let place = self.place(other);
                self.problems.error(&place, message, hint);
                Value::Null
            }
        }
    }

    fn object(&mut self, object: &Object) -> Vec<(String, Node)> {
        let mut entries = Vec::new();
        for (key, value) in object {
            let name = match key {
                ObjectKey::Ident(ident) => ident.to_string(),
                ObjectKey::Expression(Expression::String(text)) => text.value().clone(),
                ObjectKey::Expression(other) => other.to_string(),
            };
            let place = self.place(value.expr());
            entries.push((name.trim().to_owned(), Node { place, value: self.expression(value.expr()) }));
        }
        entries
    }
}
