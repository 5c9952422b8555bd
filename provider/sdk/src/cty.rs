//! Types of Terraform values, and their JSON form.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

/// How deep a type may nest; deeper ones are refused, so that hostile input cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// The type of a Terraform value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `string`
    String,
    /// `number`, of any size and precision
    Number,
    /// `bool`
    Bool,
    /// Any type; the value brings its own.
    Dynamic,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `object({…})`
    Object(BTreeMap<String, Type>),
    /// `tuple([…])`
    Tuple(Vec<Type>),
}

impl Type {
    /// `list(element)`
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    /// `set(element)`
    pub fn set(element: Type) -> Type {
        Type::Set(Box::new(element))
    }

    /// `map(element)`
    pub fn map(element: Type) -> Type {
        Type::Map(Box::new(element))
    }

    /// `object({…})` of the given attributes.
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Type {
        Type::Object(attributes.into_iter().map(|(name, ty)| (name.into(), ty)).collect())
    }

    /// The type in the form the protocol carries: `"string"`, `["list","string"]`, `["object",{…}]`.
    pub fn to_json(&self) -> String {
        self.json().to_string()
    }

    /// Reads the form that [`Type::to_json`] writes.
    ///
    /// # Errors
    /// If the text is no JSON, names an unknown type, or nests deeper than 64.
    pub fn from_json(text: &[u8]) -> Result<Type, TypeError> {
        let json = serde_json::from_slice(text).map_err(|error| TypeError(error.to_string()))?;
        from_json(&json, 0)
    }

    fn json(&self) -> Json {
        match self {
            Type::String => "string".into(),
            Type::Number => "number".into(),
            Type::Bool => "bool".into(),
            Type::Dynamic => "dynamic".into(),
            Type::List(element) => Json::Array(vec!["list".into(), element.json()]),
            Type::Set(element) => Json::Array(vec!["set".into(), element.json()]),
            Type::Map(element) => Json::Array(vec!["map".into(), element.json()]),
            Type::Tuple(elements) => {
                Json::Array(vec!["tuple".into(), elements.iter().map(Type::json).collect()])
            }
            Type::Object(attributes) => {
                let attributes = attributes.iter().map(|(name, ty)| (name.clone(), ty.json())).collect();
                Json::Array(vec!["object".into(), Json::Object(attributes)])
            }
        }
    }
}

/// The form of Terraform's own messages: `list(string)`, `object({name: string})`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::String => f.write_str("string"),
            Type::Number => f.write_str("number"),
            Type::Bool => f.write_str("bool"),
            Type::Dynamic => f.write_str("dynamic"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Set(element) => write!(f, "set({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Object(attributes) => write!(f, "object of {} attributes", attributes.len()),
            Type::Tuple(elements) => write!(f, "tuple of {} elements", elements.len()),
        }
    }
}

/// Why a text is no type.
#[derive(Debug, PartialEq, Eq)]
pub struct TypeError(String);

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a Terraform type: {}", self.0)
    }
}

impl std::error::Error for TypeError {}

fn from_json(json: &Json, depth: usize) -> Result<Type, TypeError> {
    if depth > MAX_DEPTH {
        return Err(TypeError(format!("nested deeper than {MAX_DEPTH}")));
    }
    match json {
        Json::String(name) => primitive(name),
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(name), inner] => structural(name, inner, depth + 1),
            // The third part lists optional attributes, which values do not show.
            [Json::String(name), inner, Json::Array(_)] if name == "object" => {
                structural(name, inner, depth + 1)
            }
            _ => Err(TypeError(format!("`{json}`"))),
        },
        _ => Err(TypeError(format!("`{json}`"))),
    }
}

fn primitive(name: &str) -> Result<Type, TypeError> {
    match name {
        "string" => Ok(Type::String),
        "number" => Ok(Type::Number),
        "bool" => Ok(Type::Bool),
        "dynamic" => Ok(Type::Dynamic),
        _ => Err(TypeError(format!("`{name}`"))),
    }
}

fn structural(name: &str, inner: &Json, depth: usize) -> Result<Type, TypeError> {
    match (name, inner) {
        ("list", element) => Ok(Type::list(from_json(element, depth)?)),
        ("set", element) => Ok(Type::set(from_json(element, depth)?)),
        ("map", element) => Ok(Type::map(from_json(element, depth)?)),
        ("tuple", Json::Array(elements)) => {
            let elements: Result<_, _> = elements.iter().map(|element| from_json(element, depth)).collect();
            Ok(Type::Tuple(elements?))
        }
        ("object", Json::Object(attributes)) => {
            let attributes: Result<_, _> =
                attributes.iter().map(|(name, ty)| Ok((name.clone(), from_json(ty, depth)?))).collect();
            Ok(Type::Object(attributes?))
        }
        _ => Err(TypeError(format!("`{name}` of `{inner}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_the_protocol_has_them() {
        let ty = Type::object([("a", Type::list(Type::String)), ("b", Type::Tuple(vec![Type::Bool]))]);
        assert_eq!(ty.to_json(), r#"["object",{"a":["list","string"],"b":["tuple",["bool"]]}]"#);
        assert_eq!(Type::from_json(ty.to_json().as_bytes()), Ok(ty));
    }

    #[test]
    fn optional_attributes_of_an_object_are_read_over() {
        let ty = Type::from_json(br#"["object",{"a":"number"},["a"]]"#);
        assert_eq!(ty, Ok(Type::object([("a", Type::Number)])));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1", r#""strin""#, r#"["list"]"#, r#"["object",["a"]]"#, r#"["tuple","string"]"#] {
            assert!(Type::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        let text = format!("{}\"string\"{}", r#"["list","#.repeat(100), "]".repeat(100));
        assert!(Type::from_json(text.as_bytes()).is_err());
    }
}
