//! Typed reading of one table, which remembers what nobody asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::document::{Node, Value};
use super::{Place, Problems, parse_duration};
use crate::core::go_text;

/// A whole number, also one that is written as a string.
pub(super) fn read_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(text) | Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// One table of a configuration.
pub(super) struct Section<'a> {
    /// As messages name it: `` in `listener "tcp"` ``, or nothing.
    context: String,
    entries: Vec<(&'a str, &'a Node)>,
    known: BTreeSet<&'static str>,
    pub(super) problems: &'a mut Problems,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        context: String,
        entries: impl Iterator<Item = &'a (String, Node)>,
        problems: &'a mut Problems,
    ) -> Self {
        let entries = entries.map(|(key, node)| (key.as_str(), node)).collect();
        Self { context, entries, known: BTreeSet::new(), problems }
    }

    /// All values of `key`, in the order of the files.
    pub(super) fn all(&mut self, key: &'static str) -> Vec<&'a Node> {
        self.known.insert(key);
        self.entries.iter().filter(|(name, _)| *name == key).map(|(_, node)| *node).collect()
    }

    /// The last value of `key` that is not null.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.all(key).into_iter().rev().find(|node| !matches!(node.value, Value::Null))
    }

    /// Reads `key` with `read`; what it cannot read is an error that says what was `wanted`.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<(T, &'a Place)> {
        let node = self.node(key)?;
        let value = read(&node.value);
        if value.is_none() {
            let message = format!("`{key}`{} is {}, not {wanted}", self.context, describe(&node.value));
            self.problems.error(&node.place, message, "");
        }
        value.map(|value| (value, &node.place))
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let read = self.read(key, "a string", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        });
        read.map(|(text, _)| text).filter(|text| !text.is_empty())
    }

    /// `true`, `false`, `1`, `0`, and the strings that Go takes for them.
    pub(super) fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "a boolean", read_bool).map(|(value, _)| value)
    }

    /// Whole numbers, also as strings.
    pub(super) fn integer(&mut self, key: &'static str) -> Option<i64> {
        let read = self.read(key, "a whole number", read_integer);
        read.map(|(value, _)| value)
    }

    /// Seconds, or a duration as Go writes it.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<(Duration, &'a Place)> {
        self.read(key, "a duration such as `30s` or `1h30m`", |value| match value {
            Value::Number(text) | Value::Text(text) => parse_duration(text).ok(),
            _ => None,
        })
    }

    /// Settings that the peers have and that promise something which this server does not do.
    pub(super) fn refuse(&mut self, key: &'static str, why: &str, hint: &'static str) {
        for node in self.all(key) {
            if !is_off(&node.value) {
                self.problems.error(&node.place, format!("`{key}`{} {why}", self.context), hint);
            }
        }
    }

    /// Settings that the peers have and that make no difference here.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        for &key in keys {
            for node in self.all(key) {
                if !is_off(&node.value) {
                    let message = format!("`{key}`{} has no effect on this server", self.context);
                    self.problems.warning(&node.place, message, "");
                }
            }
        }
    }

    /// Warns of what nobody asked for.
    pub(super) fn finish(self) {
        for (key, node) in &self.entries {
            if !self.known.contains(key) {
                let message = format!("unknown setting `{key}`{}", self.context);
                self.problems.warning(&node.place, message, "");
            }
        }
    }
}

pub(super) fn read_bool(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(value) => return Some(*value),
        Value::Number(text) | Value::Text(text) => text.as_str(),
        _ => return None,
    };
    go_text::boolean(text)
}

/// Whether a setting is there only to say that it is not wanted.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) if text.is_empty() => true,
        value => read_bool(value) == Some(false),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Bool(value) => format!("`{value}`"),
        Value::List(_) => "a list".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Number(text) => format!("`{text}`"),
        Value::Table(_) => "a block".to_owned(),
        Value::Text(text) => format!("`{text:?}`"),
    }
}
