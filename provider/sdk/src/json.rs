//! Values in JSON, the form state is stored in.
//!
//! Numbers are read from their text, so that none loses digits. Stored state may be older than the schema: what
//! it lacks becomes null, what it has too much is left out and listed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::{CodecError, deeper};
use crate::path::{AttributePath, Step};
use crate::{Type, Value};

/// A value read from JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The value; whatever the text lacked is null.
    pub value: Value,
    /// Attributes of the text that the type does not have.
    pub ignored: Vec<AttributePath>,
}

/// Reads a value of the given type.
///
/// # Errors
/// If the text is no JSON, or some part of it is of another type.
pub fn decode(text: &[u8], ty: &Type) -> Result<Decoded, CodecError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(broken)?;
    let mut decoder = Decoder { path: Vec::new(), ignored: Vec::new() };
    let value = decoder.value(raw, ty, 0)?;
    Ok(Decoded { value, ignored: decoder.ignored })
}

/// Only the kind of fault: serde's own text would quote the value, which may be secret.
fn broken(error: serde_json::Error) -> CodecError {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "the JSON is cut short",
        serde_json::error::Category::Data => "another type was expected",
        _ => "this is not JSON",
    };
    CodecError::new(kind)
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue, ty: &Type) -> Result<T, CodecError> {
    serde_json::from_str(raw.get()).map_err(|_| CodecError::new(format!("{ty} expected")))
}

struct Decoder {
    path: Vec<Step>,
    ignored: Vec<AttributePath>,
}

impl Decoder {
    fn value(&mut self, raw: &RawValue, ty: &Type, depth: usize) -> Result<Value, CodecError> {
        let depth = deeper(depth)?;
        if raw.get() == "null" {
            return Ok(Value::Null);
        }
        match ty {
            Type::String => string(raw),
            Type::Bool => boolean(raw),
            Type::Number => number(raw),
            Type::List(element) => Ok(Value::List(self.sequence(raw, ty, element, depth)?)),
            Type::Set(element) => Ok(Value::set(self.sequence(raw, ty, element, depth)?)),
            Type::Tuple(types) => self.tuple(raw, ty, types, depth),
            Type::Map(element) => self.map(raw, ty, element, depth),
            Type::Object(types) => self.object(raw, ty, types, depth),
            Type::Dynamic => self.dynamic(raw, depth),
        }
    }

    fn step(&mut self, step: Step, raw: &RawValue, ty: &Type, depth: usize) -> Result<Value, CodecError> {
        self.path.push(step.clone());
        let value = self.value(raw, ty, depth);
        self.path.pop();
        value.map_err(|error| error.inside(step))
    }

    fn sequence(
        &mut self,
        raw: &RawValue,
        ty: &Type,
        element: &Type,
        depth: usize,
    ) -> Result<Vec<Value>, CodecError> {
        let parts: Vec<&RawValue> = parse(raw, ty)?;
        let parts = parts.into_iter().enumerate();
        parts.map(|(index, part)| self.step(Step::Index(index as i64), part, element, depth)).collect()
    }

    fn tuple(
        &mut self,
        raw: &RawValue,
        ty: &Type,
        types: &[Type],
        depth: usize,
    ) -> Result<Value, CodecError> {
        let parts: Vec<&RawValue> = parse(raw, ty)?;
        if parts.len() != types.len() {
            return Err(CodecError::new(format!("{ty} expected, {} found", parts.len())));
        }
        let parts = parts.into_iter().zip(types).enumerate();
        let parts = parts.map(|(index, (part, ty))| self.step(Step::Index(index as i64), part, ty, depth));
        Ok(Value::Tuple(parts.collect::<Result<_, _>>()?))
    }

    fn map(&mut self, raw: &RawValue, ty: &Type, element: &Type, depth: usize) -> Result<Value, CodecError> {
        let parts: BTreeMap<String, &RawValue> = parse(raw, ty)?;
        let parts = parts.into_iter().map(|(key, part)| {
            let value = self.step(Step::Key(key.clone()), part, element, depth)?;
            Ok((key, value))
        });
        Ok(Value::Map(parts.collect::<Result<_, _>>()?))
    }

    fn object(
        &mut self,
        raw: &RawValue,
        ty: &Type,
        types: &BTreeMap<String, Type>,
        depth: usize,
    ) -> Result<Value, CodecError> {
        let mut parts: BTreeMap<String, &RawValue> = parse(raw, ty)?;
        let mut values = BTreeMap::new();
        for (name, ty) in types {
            let value = match parts.remove(name) {
                Some(part) => self.step(Step::Attribute(name.clone()), part, ty, depth)?,
                None => Value::Null,
            };
            values.insert(name.clone(), value);
        }
        let path = AttributePath { steps: self.path.clone() };
        self.ignored.extend(parts.into_keys().map(|name| path.clone().then(Step::Attribute(name))));
        Ok(Value::Object(values))
    }

    fn dynamic(&mut self, raw: &RawValue, depth: usize) -> Result<Value, CodecError> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(borrow)]
            value: &'a RawValue,
            #[serde(borrow, rename = "type")]
            ty: &'a RawValue,
        }
        let typed: Typed<'_> = parse(raw, &Type::Dynamic)?;
        let ty = Type::from_json(typed.ty.get().as_bytes()).map_err(|e| CodecError::new(e.to_string()))?;
        match self.value(typed.value, &ty, depth)? {
            Value::Null if ty == Type::Dynamic => Ok(Value::Null),
            value => Ok(Value::Dynamic(Box::new(ty), Box::new(value))),
        }
    }
}

/// Text; a number or a bool where the schema has since become text is taken as its text, as Terraform's own
/// conversion does.
fn string(raw: &RawValue) -> Result<Value, CodecError> {
    match raw.get().as_bytes().first() {
        Some(b'"') => parse(raw, &Type::String).map(Value::String),
        Some(b'[' | b'{') | None => Err(CodecError::new("string expected")),
        Some(_) => Ok(Value::string(raw.get())),
    }
}

/// A bool, or the text `"true"` or `"false"` where the schema was text before.
fn boolean(raw: &RawValue) -> Result<Value, CodecError> {
    match raw.get().trim_matches('"') {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err(CodecError::new("bool expected")),
    }
}

/// A number, or its text where the schema was text before.
fn number(raw: &RawValue) -> Result<Value, CodecError> {
    let text = raw.get().trim_matches('"');
    text.parse().map(Value::Number).map_err(|_| CodecError::new("number expected"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::arbitrary;
    use proptest::prelude::*;

    fn value(text: &str, ty: &Type) -> Value {
        decode(text.as_bytes(), ty).expect(text).value
    }

    #[test]
    fn numbers_lose_no_digit() {
        for text in ["123456789012345678901234567890", "0.10000000000000000000000000001", "-5"] {
            assert_eq!(value(text, &Type::Number), Value::Number(text.parse().expect("a number")));
        }
    }

    #[test]
    fn missing_attributes_are_null_and_others_listed() {
        let ty = Type::object([("a", Type::String), ("b", Type::list(Type::object([("c", Type::Bool)])))]);
        let decoded = decode(br#"{"b":[{"c":true,"old":[1]}],"gone":{"x":1}}"#, &ty).expect("readable");
        let b = Value::List(vec![Value::object([("c", true.into())])]);
        assert_eq!(decoded.value, Value::object([("a", Value::Null), ("b", b)]));
        let ignored: Vec<String> = decoded.ignored.iter().map(ToString::to_string).collect();
        assert_eq!(ignored, ["b[0].old", "gone"]);
    }

    #[test]
    fn open_types_are_stored_beside_the_value() {
        let dynamic = value(r#"{"value":["x"],"type":["list","string"]}"#, &Type::Dynamic);
        let list = Value::List(vec!["x".into()]);
        assert_eq!(dynamic, Value::Dynamic(Box::new(Type::list(Type::String)), Box::new(list)));
    }

    #[test]
    fn errors_name_the_part_and_not_the_value() {
        let ty = Type::object([("a", Type::map(Type::Number))]);
        let error = decode(br#"{"a":{"k":"hunter2"}}"#, &ty).expect_err("no number");
        assert_eq!(error.to_string(), r#"`a["k"]`: number expected"#);
        assert_eq!(decode(b"{", &ty).expect_err("cut").to_string(), "the JSON is cut short");
    }

    fn json(value: &Value) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let list = |parts: &[Value]| format!("[{}]", parts.iter().map(json).collect::<Vec<_>>().join(","));
        match value {
            Value::Null | Value::Unknown => "null".into(),
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => quoted(text),
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) => list(parts),
            Value::Map(parts) | Value::Object(parts) => {
                let parts: Vec<_> = parts.iter().map(|(k, v)| format!("{}:{}", quoted(k), json(v))).collect();
                format!("{{{}}}", parts.join(","))
            }
            Value::Dynamic(ty, inner) => format!(r#"{{"value":{},"type":{}}}"#, json(inner), ty.to_json()),
        }
    }

    proptest! {
        #[test]
        fn values_are_read_back((ty, expected) in arbitrary::typed(false)) {
            let decoded = decode(json(&expected).as_bytes(), &ty).expect("readable");
            prop_assert_eq!(decoded.value, expected);
            prop_assert_eq!(decoded.ignored, vec![]);
        }
    }
}
