//! Values that rules list for request parameters.

use std::collections::BTreeMap;
use std::fmt;

use super::render::quoted;

/// A value in `allowed_parameters` or `denied_parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ParameterValue {
    /// A string; `*` at either end stands for anything.
    String(String),
    /// A number as written. OpenBao matches no request value with it, be it number or string.
    Number(String),
    /// A boolean.
    Bool(bool),
    /// JSON's null.
    Null,
    /// A list, matched as a whole.
    List(Vec<Self>),
    /// An object, matched as a whole.
    Map(BTreeMap<String, Self>),
    /// A block in an object. OpenBao shows it as a list of one object, and matches no request value with it.
    Block(BTreeMap<String, Self>),
}

/// Bytes of an entry of a map, about, its texts aside.
pub(super) const ENTRY: usize = 64;

impl ParameterValue {
    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::String(text) | Self::Number(text) => text.len(),
                Self::Bool(_) | Self::Null => 0,
                Self::List(items) => items.iter().map(Self::size).sum(),
                Self::Map(map) | Self::Block(map) => {
                    map.iter().map(|(name, value)| ENTRY + name.len() + value.size()).sum()
                }
            }
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(&quoted(text)),
            Self::Number(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            // HCL has no null; the empty string is how OpenBao reads one from JSON.
            Self::Null => f.write_str("\"\""),
            Self::List(items) => write!(f, "[{}]", joined(items)),
            Self::Map(map) | Self::Block(map) => {
                let items: Vec<String> =
                    map.iter().map(|(key, value)| format!("{} = {value}", quoted(key))).collect();
                write!(f, "{{ {} }}", items.join(", "))
            }
        }
    }
}

/// The values with commas between.
pub(super) fn joined(values: &[ParameterValue]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
