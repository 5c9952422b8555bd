//! Values of a configuration: known ones, objects referred to, and those known only while applying.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemas::{Number, Secret, Value, json};

use crate::Address;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Val {
    /// Nothing.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text.
    String(String),
    /// Items in order.
    List(Vec<Val>),
    /// Named values.
    Map(BTreeMap<String, Val>),
    /// An object of the configuration; where text is wanted, its name.
    Object(Address),
    /// Something known only while applying.
    Late(Arc<Late>),
}

/// A value known only while applying: what is left of an expression when all that is known was put in.
#[derive(Clone, Debug, PartialEq)]
pub enum Late {
    /// A secret.
    Secret(SecretRef),
    /// A field of an object, as the server gives it.
    Output {
        /// The object.
        address: Address,
        /// The field.
        field: String,
    },
    /// Texts put together.
    Concat(Vec<Val>),
    /// A function of values of which one is known late.
    Call {
        /// The function.
        name: String,
        /// Its arguments.
        arguments: Vec<Val>,
    },
    /// An element of a collection that is known late.
    Element {
        /// The collection.
        of: Val,
        /// Its key or index.
        key: Val,
    },
    /// A known value that may be seen although it stands in a field that holds secrets: text, a number or a truth
    /// value. Everywhere else it is that value.
    Open(Val),
    /// An object, at a time when objects are not looked at yet.
    Unsettled,
}

/// Where a secret comes from. Never what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
    /// The output of a command.
    Exec(Vec<String>),
    /// A field of a secret in the server: `kv/app`, `password`.
    Kv {
        /// The namespace that it is read in, relative to the client's own: that of the object which names it.
        namespace: String,
        /// Mount and path: `kv/app`.
        path: String,
        /// The field.
        field: String,
    },
    /// A variable declared sensitive.
    Variable(String),
    /// A literal in the configuration, at this place. Cannot be saved.
    Literal(LiteralSecret),
}

/// A secret that stands in the configuration in clear, which has to be allowed.
#[derive(Clone)]
pub struct LiteralSecret {
    place: String,
    value: Secret,
}

impl LiteralSecret {
    /// The secret `value` found at `place`, which names the object and its field: one line of a file may make many
    /// objects.
    pub(crate) fn new(place: String, value: Value) -> Self {
        Self { place, value: Secret::new(value) }
    }

    pub(crate) fn value(&self) -> Value {
        self.value.clone().into()
    }
}

impl fmt::Debug for LiteralSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "literal at {}", self.place)
    }
}

impl PartialEq for LiteralSecret {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for LiteralSecret {}

impl PartialOrd for LiteralSecret {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LiteralSecret {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let text = |literal: &Self| json::render(&literal.value());
        self.place.cmp(&other.place).then_with(|| text(self).cmp(&text(other)))
    }
}

impl SecretRef {
    /// The same, named by an object in `namespace`.
    pub(crate) fn named_in(&self, namespace: &str) -> Self {
        match self {
            SecretRef::Kv { path, field, .. } => {
                SecretRef::Kv { namespace: namespace.to_owned(), path: path.clone(), field: field.clone() }
            }
            other => other.clone(),
        }
    }

    /// True if a command has to be run for it.
    pub fn runs_a_command(&self) -> bool {
        matches!(self, SecretRef::Exec(_))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env:{name}"),
            SecretRef::File(path) => write!(f, "file:{path}"),
            SecretRef::Exec(command) => write!(f, "exec:{}", command.first().map_or("", String::as_str)),
            SecretRef::Kv { namespace, path, field } if namespace.is_empty() => {
                write!(f, "kv:{path}#{field}")
            }
            SecretRef::Kv { namespace, path, field } => write!(f, "kv:{path}#{field} in {namespace}"),
            SecretRef::Variable(name) => write!(f, "var:{name}"),
            SecretRef::Literal(literal) => write!(f, "literal:{}", literal.place),
        }
    }
}

impl Val {
    /// True if a part of it is known only while applying.
    pub fn is_late(&self) -> bool {
        match self {
            Val::Late(late) => !matches!(**late, Late::Open(_)),
            Val::List(items) => items.iter().any(Val::is_late),
            Val::Map(entries) => entries.values().any(Val::is_late),
            _ => false,
        }
    }

    /// True if a secret goes into it.
    pub fn is_secret(&self) -> bool {
        match self {
            Val::Late(late) => late.is_secret(),
            Val::List(items) => items.iter().any(Val::is_secret),
            Val::Map(entries) => entries.values().any(Val::is_secret),
            _ => false,
        }
    }

    /// The secrets that go into it.
    pub fn secrets(&self) -> BTreeSet<SecretRef> {
        let mut found = BTreeSet::new();
        self.visit(&mut |late| {
            if let Late::Secret(reference) = late {
                found.insert(reference.clone());
            }
        });
        found
    }

    /// The fields of other objects that go into it.
    pub(crate) fn outputs(&self) -> BTreeSet<(Address, String)> {
        let mut found = BTreeSet::new();
        self.visit(&mut |late| {
            if let Late::Output { address, field } = late {
                found.insert((address.clone(), field.clone()));
            }
        });
        found
    }

    /// The same with every secret in it named by an object in `namespace`.
    pub(crate) fn named_in(&self, namespace: &str) -> Self {
        let all = |items: &[Val]| items.iter().map(|item| item.named_in(namespace)).collect::<Vec<_>>();
        match self {
            Val::List(items) => Val::List(all(items)),
            Val::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| (name.clone(), value.named_in(namespace)));
                Val::Map(entries.collect())
            }
            Val::Late(late) => Val::late(match &**late {
                Late::Secret(reference) => Late::Secret(reference.named_in(namespace)),
                Late::Concat(parts) => Late::Concat(all(parts)),
                Late::Call { name, arguments } => {
                    Late::Call { name: name.clone(), arguments: all(arguments) }
                }
                Late::Element { of, key } => {
                    Late::Element { of: of.named_in(namespace), key: key.named_in(namespace) }
                }
                other => other.clone(),
            }),
            other => other.clone(),
        }
    }

    /// What the secrets in it are called, for people: `secret env:X`.
    pub fn secret_names(&self) -> String {
        self.secrets().iter().map(SecretRef::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Calls `each` for every late value in it.
    pub(crate) fn visit(&self, each: &mut dyn FnMut(&Late)) {
        match self {
            Val::Late(late) => late.visit(each),
            Val::List(items) => items.iter().for_each(|item| item.visit(each)),
            Val::Map(entries) => entries.values().for_each(|value| value.visit(each)),
            _ => {}
        }
    }

    /// What the value is, for messages: never its content.
    pub fn describe(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "a truth value",
            Val::Number(_) => "a number",
            Val::String(_) => "text",
            Val::List(_) => "a list",
            Val::Map(_) => "a map",
            Val::Object(_) => "an object of the configuration",
            Val::Late(late) if late.is_secret() => "a secret",
            Val::Late(_) if !self.is_late() => self.opened().describe(),
            Val::Late(_) => "a value known only while applying",
        }
    }

    /// The value itself, if it is marked as fit to be seen.
    pub(crate) fn opened(&self) -> &Val {
        match self {
            Val::Late(late) => match &**late {
                Late::Open(value) => value,
                _ => self,
            },
            _ => self,
        }
    }

    /// The same value with all in it that is known marked as fit to be seen.
    pub(crate) fn open(&self) -> Val {
        match self {
            Val::String(_) | Val::Number(_) | Val::Bool(_) => Val::late(Late::Open(self.clone())),
            Val::List(items) => Val::List(items.iter().map(Val::open).collect()),
            Val::Map(entries) => {
                Val::Map(entries.iter().map(|(name, value)| (name.clone(), value.open())).collect())
            }
            other => other.clone(),
        }
    }

    /// True if a part of it is marked as fit to be seen.
    pub(crate) fn has_open(&self) -> bool {
        let mut found = false;
        self.visit(&mut |late| found |= matches!(late, Late::Open(_)));
        found
    }

    /// True if text or a number, which may be a PIN, is a part of it that is neither a secret nor marked as fit to
    /// be seen. A truth value tells too little to be one, and keys are names.
    pub(crate) fn has_clear(&self) -> bool {
        match self {
            Val::String(text) => !text.is_empty(),
            Val::Number(_) => true,
            Val::List(items) => items.iter().any(Val::has_clear),
            Val::Map(entries) => entries.values().any(Val::has_clear),
            Val::Late(late) => late.parts().any(Val::has_clear),
            _ => false,
        }
    }

    /// The late value `late`.
    pub(crate) fn late(late: Late) -> Self {
        Val::Late(Arc::new(late))
    }
}

impl Late {
    /// True if a secret goes into it.
    pub fn is_secret(&self) -> bool {
        match self {
            Late::Secret(_) => true,
            Late::Output { .. } | Late::Unsettled | Late::Open(_) => false,
            Late::Concat(parts) => parts.iter().any(Val::is_secret),
            Late::Call { arguments, .. } => arguments.iter().any(Val::is_secret),
            Late::Element { of, key } => of.is_secret() || key.is_secret(),
        }
    }

    fn visit(&self, each: &mut dyn FnMut(&Late)) {
        each(self);
        self.parts().for_each(|part| part.visit(each));
    }

    /// The values that its own is made of, without names and positions: `"db"` in `var.passwords["db"]`, and the
    /// numbers in `substr(…, 0, 8)`.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Val> {
        let (several, two) = match self {
            Late::Concat(parts) | Late::Call { arguments: parts, .. } => (parts.as_slice(), [None, None]),
            Late::Element { of, key } => (&[][..], [Some(of), key.is_late().then_some(key)]),
            Late::Secret(_) | Late::Output { .. } | Late::Unsettled | Late::Open(_) => {
                (&[][..], [None, None])
            }
        };
        several.iter().filter(|part| !self.is_steered_by(part)).chain(two.into_iter().flatten())
    }

    /// True if `part` is a number that says which part of the other arguments is meant.
    pub(crate) fn is_steered_by(&self, part: &Val) -> bool {
        const STEERED: [&str; 6] = ["chunklist", "element", "indent", "parseint", "slice", "substr"];
        let is_steered = matches!(self, Late::Call { name, .. } if STEERED.contains(&name.as_str()));
        is_steered && matches!(part, Val::Number(_))
    }
}

impl From<&Value> for Val {
    /// A value of the server as one of the configuration; secrets are taken out of their wrapping.
    fn from(value: &Value) -> Self {
        match value.expose() {
            Value::Null | Value::Unknown | Value::Secret(_) => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Number(number) => Val::Number(number.clone()),
            Value::String(text) => Val::String(text.clone()),
            Value::List(items) => Val::List(items.iter().map(Val::from).collect()),
            Value::Map(entries) => {
                Val::Map(entries.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Val::String(text.to_owned())
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Val::String(text)
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Val::Bool(value)
    }
}

impl From<Vec<Val>> for Val {
    fn from(items: Vec<Val>) -> Self {
        Val::List(items)
    }
}
