//! The types that declarations are written in. A field's type says what it holds.

use std::collections::BTreeMap;
use std::fmt;

use crate::kind::{Field, Part, Presence, Secrecy, Shape, Text};
use crate::{Record, Value, codec, duration};

/// A type that a field may have.
pub trait Shaped {
    /// What it holds.
    const SHAPE: Shape;
    /// Who sets it.
    const PRESENCE: Presence = Presence::Required;
    /// Who may see it.
    const SECRECY: Secrecy = Secrecy::Plain;
}

/// A struct whose fields were made a table by `#[derive(Kind)]` or `#[derive(Fields)]`.
pub trait Declared {
    /// The table.
    const PARTS: &'static [Part];
}

/// Conversion between a field's value and a Rust value, for those who hold whole objects: the server.
pub trait Typed: Sized {
    /// The Rust value. Null is only good for types that can be absent.
    ///
    /// # Errors
    /// What was expected; never the value.
    fn from_value(value: &Value) -> Result<Self, String>;
    /// The field's value.
    fn to_value(&self) -> Value;
}

/// A struct read from and written to a record by `#[derive(Fields)]`.
pub trait FromRecord: Declared + Sized {
    /// The struct, from the values of its fields.
    ///
    /// # Errors
    /// One sentence for each field that does not fit; they name fields, never values.
    fn from_record(record: &Record) -> Result<Self, Vec<String>>;
    /// The values of its fields.
    fn to_record(&self) -> Record;
}

/// A duration, configured and stored as whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub i64);

/// A duration, configured as text such as `1h30m`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duration(pub String);

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $rule:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub String);

        impl Shaped for $name {
            const SHAPE: Shape = $rule;
        }

        impl Typed for $name {
            fn from_value(value: &Value) -> Result<Self, String> {
                String::from_value(value).map(Self)
            }

            fn to_value(&self) -> Value {
                self.0.as_str().into()
            }
        }
    )*};
}

texts! {
    /// A name that the server lower-cases.
    Name = Shape::Text(Text::Name);
    /// The path of a mount, an auth method or a namespace.
    MountPath = Shape::Text(Text::Path);
    /// The type of the tokens that a role of an auth method gives out.
    TokenType = Shape::Text(Text::TokenType);
    /// An address, or a network in CIDR notation.
    Network = Shape::Text(Text::Network);
    /// An ACL policy in HCL or JSON.
    AclPolicy = Shape::Text(Text::AclPolicy);
    /// A password policy in HCL.
    PasswordPolicy = Shape::Text(Text::PasswordPolicy);
    /// A PEM document.
    Pem = Shape::Text(Text::Pem);
    /// A JSON document.
    Json = Shape::Json;
}

/// Items in an order that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

/// Items without order or repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set<T>(pub Vec<T>);

/// Texts in an order that matters. To the server one text is one of them, with all its commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// User-chosen keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map<T>(pub BTreeMap<String, T>);

/// At most one nested block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nested<T>(pub Option<T>);

/// Any number of nested blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NestedList<T>(pub Vec<T>);

/// A value that is masked on screen.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sensitive<T>(pub T);

/// A value that is sent and never stored.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WriteOnly<T>(pub T);

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl<T> fmt::Debug for WriteOnly<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Shaped for bool {
    const SHAPE: Shape = Shape::Bool;
}

impl Shaped for i64 {
    const SHAPE: Shape = Shape::Integer;
}

impl Shaped for String {
    const SHAPE: Shape = Shape::Text(Text::Plain);
}

impl Shaped for Seconds {
    const SHAPE: Shape = Shape::Seconds;
}

impl Shaped for Duration {
    const SHAPE: Shape = Shape::Duration;
}

impl<T: Shaped> Shaped for List<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);
}

impl<T: Shaped> Shaped for Set<T> {
    const SHAPE: Shape = Shape::Set(&T::SHAPE);
}

impl Shaped for Words {
    const SHAPE: Shape = Shape::List(&Shape::Text(Text::Whole));
}

impl<T: Shaped> Shaped for Map<T> {
    const SHAPE: Shape = Shape::Map(&T::SHAPE);
}

impl<T: Declared> Shaped for Nested<T> {
    const SHAPE: Shape = Shape::Block { parts: T::PARTS, max: 1 };
    const PRESENCE: Presence = Presence::Optional;
}

impl<T: Declared> Shaped for NestedList<T> {
    const SHAPE: Shape = Shape::Block { parts: T::PARTS, max: 0 };
    const PRESENCE: Presence = Presence::Optional;
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const PRESENCE: Presence = Presence::Optional;
    const SECRECY: Secrecy = T::SECRECY;
}

impl<T: Shaped> Shaped for Sensitive<T> {
    const SHAPE: Shape = T::SHAPE;
    const PRESENCE: Presence = T::PRESENCE;
    const SECRECY: Secrecy = match T::SECRECY {
        Secrecy::WriteOnly | Secrecy::SensitiveWriteOnly => Secrecy::SensitiveWriteOnly,
        Secrecy::Plain | Secrecy::Sensitive => Secrecy::Sensitive,
    };
}

impl<T: Shaped> Shaped for WriteOnly<T> {
    const SHAPE: Shape = T::SHAPE;
    const PRESENCE: Presence = T::PRESENCE;
    const SECRECY: Secrecy = match T::SECRECY {
        Secrecy::Sensitive | Secrecy::SensitiveWriteOnly => Secrecy::SensitiveWriteOnly,
        Secrecy::Plain | Secrecy::WriteOnly => Secrecy::WriteOnly,
    };
}

/// The field that every kind has: the namespace of the object.
pub const NAMESPACE: Part = Part::Field(Field {
    doc: "Namespace of the object, relative to the provider's. Absent: the provider's own.",
    replaces: true,
    ..Field::new("namespace", Shape::Text(Text::Path), Presence::Optional)
});

/// Reads field `field` of a struct from its record. Used by `#[derive(Fields)]`.
///
/// # Errors
/// A sentence that names the field.
pub fn typed<T: Typed>(field: &str, record: &Record) -> Result<T, String> {
    T::from_value(record.get(field)).map_err(|expected| format!("`{field}` must be {expected}"))
}

impl Typed for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "true or false".to_owned())
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl Typed for i64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        value.as_i64().ok_or_else(|| "a whole number".to_owned())
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl Typed for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| "text".to_owned())
    }

    fn to_value(&self) -> Value {
        self.as_str().into()
    }
}

impl Typed for Seconds {
    fn from_value(value: &Value) -> Result<Self, String> {
        let seconds = match value.as_str() {
            Some(text) => duration::seconds(text).ok(),
            None => value.as_i64(),
        };
        seconds.map(Self).ok_or_else(|| "a duration".to_owned())
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

impl Typed for Duration {
    fn from_value(value: &Value) -> Result<Self, String> {
        codec::decode(&Shape::Duration, value)
            .as_str()
            .map(|text| Self(text.to_owned()))
            .ok_or_else(|| "a duration".to_owned())
    }

    fn to_value(&self) -> Value {
        self.0.as_str().into()
    }
}

impl<T: Typed> Typed for Option<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Typed::to_value)
    }
}

fn items<T: Typed>(value: &Value) -> Result<Vec<T>, String> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    value.as_list().ok_or("a list")?.iter().map(T::from_value).collect()
}

macro_rules! sequences {
    ($($name:ident),*) => {$(
        impl<T: Typed> Typed for $name<T> {
            fn from_value(value: &Value) -> Result<Self, String> {
                items(value).map(Self)
            }

            fn to_value(&self) -> Value {
                Value::List(self.0.iter().map(Typed::to_value).collect())
            }
        }
    )*};
}

sequences!(List, Set);

impl Typed for Words {
    fn from_value(value: &Value) -> Result<Self, String> {
        items(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(Typed::to_value).collect())
    }
}

impl<T: Typed> Typed for Map<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        let Some(entries) = value.as_map() else {
            return if value.is_null() { Ok(Self(BTreeMap::new())) } else { Err("a map".to_owned()) };
        };
        let entries = entries.iter().map(|(key, value)| Ok((key.clone(), T::from_value(value)?)));
        entries.collect::<Result<_, String>>().map(Self)
    }

    fn to_value(&self) -> Value {
        Value::Map(self.0.iter().map(|(key, value)| (key.clone(), value.to_value())).collect())
    }
}

impl<T: FromRecord> Typed for NestedList<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        let blocks = value.as_list().unwrap_or_default().iter().map(|block| {
            let fields = block.as_map().cloned().ok_or_else(|| vec!["a block".to_owned()])?;
            T::from_record(&Record::from(fields))
        });
        blocks.collect::<Result<_, _>>().map(Self).map_err(|errors| errors.join(", "))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(|block| block.to_record().into_value()).collect())
    }
}

impl<T: FromRecord> Typed for Nested<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        NestedList::<T>::from_value(value).map(|blocks| Self(blocks.0.into_iter().next()))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(|block| block.to_record().into_value()).collect())
    }
}

macro_rules! wrappers {
    ($($name:ident),*) => {$(
        impl<T: Typed> Typed for $name<T> {
            fn from_value(value: &Value) -> Result<Self, String> {
                T::from_value(value).map(Self)
            }

            fn to_value(&self) -> Value {
                crate::Secret::new(self.0.to_value()).into()
            }
        }
    )*};
}

wrappers!(Sensitive, WriteOnly);
