//! Values that must never be seen: masked when printed, wiped when dropped.

use std::fmt;

use zeroize::Zeroize;

use crate::Value;

/// A value that must not reach a plan, a log, a report, an error or a state file.
///
/// It has no `Display` and cannot be serialized; [`Secret::expose`] is the one way to the content, so
/// that a reader can find every place where a secret leaves its wrapping.
#[derive(Clone, PartialEq)]
pub struct Secret(Box<Value>);

impl Secret {
    /// Wraps `value`. Wrapping twice is wrapping once.
    pub fn new(value: Value) -> Self {
        match value {
            Value::Secret(secret) => secret,
            value => Self(Box::new(value)),
        }
    }

    /// The content, for sending it to the server or comparing it; nothing else.
    pub fn expose(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::List(items) => items.iter_mut().for_each(wipe),
        Value::Map(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Unknown | Value::Bool(_) | Value::Number(_) | Value::Secret(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_its_content() {
        let value = Value::Map([("pin".into(), Secret::new("1234".into()).into())].into());
        assert!(!format!("{value:?}").contains("1234"), "{value:?}");
    }
}
