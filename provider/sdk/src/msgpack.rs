//! Values in msgpack, the form the protocol carries them in.
//!
//! Unknown is an extension; numbers that fit no machine word are decimal text; a value of open type comes as a
//! pair of its type and itself.

use std::collections::BTreeMap;

use rmp::{Marker, encode};

use crate::codec::{CodecError, deeper};
use crate::path::Step;
use crate::{Number, Type, Value};

/// Reads a value of the given type.
///
/// # Errors
/// If the bytes are no such value: cut short, of another type, with attributes the type lacks or without some it
/// has, nested deeper than 128, or followed by more.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let mut decoder = Decoder { rest: bytes };
    let value = decoder.value(ty, 0)?;
    match decoder.rest {
        [] => Ok(value),
        rest => Err(CodecError::new(format!("{} bytes too many", rest.len()))),
    }
}

/// Writes a value of the given type.
///
/// # Errors
/// If the value does not fit the type; the error names the part.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(256);
    write(&mut out, value, ty, 0)?;
    Ok(out)
}

struct Decoder<'a> {
    rest: &'a [u8],
}

fn cut_short() -> CodecError {
    CodecError::new("the encoding is cut short")
}

/// Without what was found: values may be secret, and some markers hold the value.
fn mismatch(ty: &Type) -> CodecError {
    CodecError::new(format!("{ty} expected"))
}

impl<'a> Decoder<'a> {
    fn value(&mut self, ty: &Type, depth: usize) -> Result<Value, CodecError> {
        let depth = deeper(depth)?;
        let marker = self.marker()?;
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        if let Some(length) = self.extension_length(marker)? {
            // The code tells plain unknown from one with refinements, and then the payload is the refinements.
            self.take(1 + length)?;
            return Ok(Value::Unknown);
        }
        match ty {
            Type::Bool => boolean(marker),
            Type::String => Ok(Value::String(self.text(marker, ty)?.to_owned())),
            Type::Number => self.number(marker),
            Type::List(element) => Ok(Value::List(self.sequence(marker, ty, element, depth)?)),
            Type::Set(element) => Ok(Value::set(self.sequence(marker, ty, element, depth)?)),
            Type::Tuple(types) => self.tuple(marker, ty, types, depth),
            Type::Map(element) => self.map(marker, ty, element, depth),
            Type::Object(types) => self.object(marker, ty, types, depth),
            Type::Dynamic => self.dynamic(marker, depth),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.take(N)?.try_into().map_err(|_| cut_short())
    }

    fn marker(&mut self) -> Result<Marker, CodecError> {
        Ok(Marker::from_u8(self.array::<1>()?[0]))
    }

    fn byte_length(&mut self) -> Result<usize, CodecError> {
        Ok(usize::from(self.array::<1>()?[0]))
    }

    fn short_length(&mut self) -> Result<usize, CodecError> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn long_length(&mut self) -> Result<usize, CodecError> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    /// Length of the payload, if the marker is that of an extension.
    fn extension_length(&mut self, marker: Marker) -> Result<Option<usize>, CodecError> {
        Ok(Some(match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => self.byte_length()?,
            Marker::Ext16 => self.short_length()?,
            Marker::Ext32 => self.long_length()?,
            _ => return Ok(None),
        }))
    }

    fn text(&mut self, marker: Marker, ty: &Type) -> Result<&'a str, CodecError> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.byte_length()?,
            Marker::Str16 => self.short_length()?,
            Marker::Str32 => self.long_length()?,
            _ => return Err(mismatch(ty)),
        };
        std::str::from_utf8(self.take(length)?).map_err(|_| CodecError::new("text is not UTF-8"))
    }

    fn number(&mut self, marker: Marker) -> Result<Value, CodecError> {
        let number = match marker {
            Marker::FixPos(small) => Number::from(i64::from(small)),
            Marker::FixNeg(small) => Number::from(i64::from(small)),
            Marker::U8 => Number::from(i64::from(u8::from_be_bytes(self.array()?))),
            Marker::U16 => Number::from(i64::from(u16::from_be_bytes(self.array()?))),
            Marker::U32 => Number::from(i64::from(u32::from_be_bytes(self.array()?))),
            Marker::U64 => Number::from(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Number::from(i64::from(i8::from_be_bytes(self.array()?))),
            Marker::I16 => Number::from(i64::from(i16::from_be_bytes(self.array()?))),
            Marker::I32 => Number::from(i64::from(i32::from_be_bytes(self.array()?))),
            Marker::I64 => Number::from(i64::from_be_bytes(self.array()?)),
            Marker::F32 => float(f64::from(f32::from_be_bytes(self.array()?)))?,
            Marker::F64 => float(f64::from_be_bytes(self.array()?))?,
            other => {
                let text = self.text(other, &Type::Number)?;
                text.parse().map_err(|_| mismatch(&Type::Number))?
            }
        };
        Ok(Value::Number(number))
    }

    fn sequence_length(&mut self, marker: Marker, ty: &Type) -> Result<usize, CodecError> {
        let length = match marker {
            Marker::FixArray(length) => usize::from(length),
            Marker::Array16 => self.short_length()?,
            Marker::Array32 => self.long_length()?,
            _ => return Err(mismatch(ty)),
        };
        self.plausible(length, 1)
    }

    fn map_length(&mut self, marker: Marker, ty: &Type) -> Result<usize, CodecError> {
        let length = match marker {
            Marker::FixMap(length) => usize::from(length),
            Marker::Map16 => self.short_length()?,
            Marker::Map32 => self.long_length()?,
            _ => return Err(mismatch(ty)),
        };
        self.plausible(length, 2)
    }

    /// Refuses a length that the rest cannot hold, before anything of that length is made.
    fn plausible(&self, length: usize, bytes_each: usize) -> Result<usize, CodecError> {
        if length <= self.rest.len() / bytes_each { Ok(length) } else { Err(cut_short()) }
    }

    fn sequence(
        &mut self,
        marker: Marker,
        ty: &Type,
        element: &Type,
        depth: usize,
    ) -> Result<Vec<Value>, CodecError> {
        let length = self.sequence_length(marker, ty)?;
        (0..length)
            .map(|index| self.value(element, depth).map_err(|error| error.inside(Step::Index(index as i64))))
            .collect()
    }

    fn tuple(
        &mut self,
        marker: Marker,
        ty: &Type,
        types: &[Type],
        depth: usize,
    ) -> Result<Value, CodecError> {
        let length = self.sequence_length(marker, ty)?;
        if length != types.len() {
            return Err(CodecError::new(format!("{ty} expected, {length} found")));
        }
        let parts = types.iter().enumerate().map(|(index, ty)| {
            self.value(ty, depth).map_err(|error| error.inside(Step::Index(index as i64)))
        });
        Ok(Value::Tuple(parts.collect::<Result<_, _>>()?))
    }

    fn map(&mut self, marker: Marker, ty: &Type, element: &Type, depth: usize) -> Result<Value, CodecError> {
        let mut parts = BTreeMap::new();
        for _ in 0..self.map_length(marker, ty)? {
            let key = self.key()?.to_owned();
            let part = self.value(element, depth).map_err(|error| error.inside(Step::Key(key.clone())))?;
            parts.insert(key, part);
        }
        Ok(Value::Map(parts))
    }

    fn object(
        &mut self,
        marker: Marker,
        ty: &Type,
        types: &BTreeMap<String, Type>,
        depth: usize,
    ) -> Result<Value, CodecError> {
        let mut parts = BTreeMap::new();
        for _ in 0..self.map_length(marker, ty)? {
            let name = self.key()?;
            let ty = types.get(name).ok_or_else(|| not_in_schema(name))?;
            let part =
                self.value(ty, depth).map_err(|error| error.inside(Step::Attribute(name.to_owned())))?;
            parts.insert(name.to_owned(), part);
        }
        complete(&parts, types)?;
        Ok(Value::Object(parts))
    }

    fn key(&mut self) -> Result<&'a str, CodecError> {
        let marker = self.marker()?;
        self.text(marker, &Type::String)
    }

    /// The pair of type and value, after its marker.
    fn dynamic(&mut self, marker: Marker, depth: usize) -> Result<Value, CodecError> {
        if self.sequence_length(marker, &Type::Dynamic)? != 2 {
            return Err(CodecError::new("a value of open type is a pair"));
        }
        let ty = Type::from_json(self.bytes()?).map_err(|error| CodecError::new(error.to_string()))?;
        match self.value(&ty, depth)? {
            value @ (Value::Null | Value::Unknown) if ty == Type::Dynamic => Ok(value),
            value => Ok(Value::Dynamic(Box::new(ty), Box::new(value))),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = match self.marker()? {
            Marker::Bin8 => self.byte_length()?,
            Marker::Bin16 => self.short_length()?,
            Marker::Bin32 => self.long_length()?,
            other => return Ok(self.text(other, &Type::String)?.as_bytes()),
        };
        self.take(length)
    }
}

fn boolean(marker: Marker) -> Result<Value, CodecError> {
    match marker {
        Marker::True => Ok(Value::Bool(true)),
        Marker::False => Ok(Value::Bool(false)),
        _ => Err(mismatch(&Type::Bool)),
    }
}

fn float(float: f64) -> Result<Number, CodecError> {
    Number::from_f64(float).ok_or_else(|| CodecError::new(format!("`{float}` is no finite number")))
}

fn not_in_schema(name: &str) -> CodecError {
    CodecError::new(format!("the schema has no attribute `{name}`"))
}

fn complete(parts: &BTreeMap<String, Value>, types: &BTreeMap<String, Type>) -> Result<(), CodecError> {
    match types.keys().find(|name| !parts.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(CodecError::new(format!("the attribute `{name}` is missing"))),
    }
}

/// Extension 0 with one byte of nothing: what every implementation writes for unknown.
const UNKNOWN: [u8; 3] = [0xd4, 0, 0];

fn write(out: &mut Vec<u8>, value: &Value, ty: &Type, depth: usize) -> Result<(), CodecError> {
    let depth = deeper(depth)?;
    match (value, ty) {
        (Value::Null, _) => out.push(Marker::Null.to_u8()),
        (Value::Unknown, _) => out.extend(UNKNOWN),
        (Value::Bool(truth), Type::Bool) => infallible(encode::write_bool(out, *truth)),
        (Value::Number(number), Type::Number) => write_number(out, number),
        (Value::String(text), Type::String) => infallible(encode::write_str(out, text)),
        (Value::List(parts), Type::List(element)) | (Value::Set(parts), Type::Set(element)) => {
            write_sequence(out, parts, std::iter::repeat(element.as_ref()), depth)?;
        }
        (Value::Tuple(parts), Type::Tuple(types)) if parts.len() == types.len() => {
            write_sequence(out, parts, types.iter(), depth)?;
        }
        (Value::Map(parts), Type::Map(element)) => write_map(out, parts, element, depth)?,
        (Value::Object(parts), Type::Object(types)) => write_object(out, parts, types, depth)?,
        (Value::Dynamic(ty, inner), Type::Dynamic) => write_dynamic(out, inner, ty, depth)?,
        (other, ty) => return Err(CodecError::new(format!("{ty} expected, {} found", shape(other)))),
    }
    Ok(())
}

/// What a value is, without what is in it: values may be secret.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown => "unknown",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "list",
        Value::Set(_) => "set",
        Value::Tuple(_) => "tuple",
        Value::Map(_) => "map",
        Value::Object(_) => "object",
        Value::Dynamic(..) => "dynamic",
    }
}

fn infallible<T, E: std::fmt::Debug>(result: Result<T, E>) {
    result.expect("writing into memory does not fail");
}

fn length(parts: usize) -> Result<u32, CodecError> {
    u32::try_from(parts).map_err(|_| CodecError::new("too many elements"))
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number.as_i64() {
        Some(integer) => infallible(encode::write_sint(out, integer)),
        None => infallible(encode::write_str(out, &number.to_string())),
    }
}

fn write_sequence<'t>(
    out: &mut Vec<u8>,
    parts: &[Value],
    types: impl Iterator<Item = &'t Type>,
    depth: usize,
) -> Result<(), CodecError> {
    infallible(encode::write_array_len(out, length(parts.len())?));
    for (index, (part, ty)) in parts.iter().zip(types).enumerate() {
        write(out, part, ty, depth).map_err(|error| error.inside(Step::Index(index as i64)))?;
    }
    Ok(())
}

fn write_map(
    out: &mut Vec<u8>,
    parts: &BTreeMap<String, Value>,
    element: &Type,
    depth: usize,
) -> Result<(), CodecError> {
    infallible(encode::write_map_len(out, length(parts.len())?));
    for (key, part) in parts {
        infallible(encode::write_str(out, key));
        write(out, part, element, depth).map_err(|error| error.inside(Step::Key(key.clone())))?;
    }
    Ok(())
}

fn write_object(
    out: &mut Vec<u8>,
    parts: &BTreeMap<String, Value>,
    types: &BTreeMap<String, Type>,
    depth: usize,
) -> Result<(), CodecError> {
    complete(parts, types)?;
    infallible(encode::write_map_len(out, length(parts.len())?));
    for (name, part) in parts {
        let ty = types.get(name).ok_or_else(|| not_in_schema(name))?;
        infallible(encode::write_str(out, name));
        write(out, part, ty, depth).map_err(|error| error.inside(Step::Attribute(name.clone())))?;
    }
    Ok(())
}

fn write_dynamic(out: &mut Vec<u8>, inner: &Value, ty: &Type, depth: usize) -> Result<(), CodecError> {
    infallible(encode::write_array_len(out, 2));
    infallible(encode::write_bin(out, ty.to_json().as_bytes()));
    write(out, inner, ty, depth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::arbitrary;
    use proptest::prelude::*;

    fn number(text: &str) -> Value {
        Value::Number(text.parse().expect("a number"))
    }

    #[test]
    fn unknown_is_any_extension() {
        // What Terraform sends for "beta-${unknown}": extension 12 with refinements.
        let refined = [0xc7, 9, 12, 0x82, 1, 0xc2, 2, 0xa4, b'b', b'e', b't', b'a'];
        assert_eq!(decode(&refined, &Type::String), Ok(Value::Unknown));
        assert_eq!(decode(&UNKNOWN, &Type::list(Type::Bool)), Ok(Value::Unknown));
        assert_eq!(encode(&Value::Unknown, &Type::Number), Ok(UNKNOWN.to_vec()));
    }

    #[test]
    fn numbers_of_every_form_are_read() {
        let check = |bytes: &[u8], text: &str| assert_eq!(decode(bytes, &Type::Number), Ok(number(text)));
        check(&[5], "5");
        check(&[0xff], "-1");
        check(&[0xcd, 1, 0], "256");
        check(&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615");
        check(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808");
        check(&[0xca, 0x3f, 0, 0, 0], "0.5");
        check(&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5");
        check(b"\xa30.1", "0.1");
        assert!(decode(&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], &Type::Number).is_err(), "infinity");
    }

    #[test]
    fn large_numbers_are_written_as_text() {
        let bytes = encode(&number("123456789012345678901234567890"), &Type::Number);
        assert_eq!(bytes, Ok(b"\xbe123456789012345678901234567890".to_vec()));
    }

    #[test]
    fn open_types_travel_with_the_value() {
        let value = Value::Dynamic(Box::new(Type::String), Box::new("x".into()));
        let bytes = encode(&value, &Type::Dynamic).expect("fits");
        assert_eq!(bytes, b"\x92\xc4\x08\"string\"\xa1x");
        assert_eq!(decode(&bytes, &Type::Dynamic), Ok(value));
    }

    #[test]
    fn errors_name_the_part() {
        let ty = Type::object([("rules", Type::list(Type::object([("name", Type::String)])))]);
        let rules = |rule| Value::object([("rules", Value::List(vec![rule]))]);
        let check = |value: Value, message: &str| {
            assert_eq!(encode(&value, &ty).map_err(|error| error.to_string()), Err(message.to_owned()));
        };
        check(rules(Value::object([("name", true.into())])), "`rules[0].name`: string expected, bool found");
        check(rules(Value::object([("nam", Value::Null)])), "`rules[0]`: the attribute `name` is missing");
        check(
            rules(Value::object([("name", Value::Null), ("x", Value::Null)])),
            "`rules[0]`: the schema has no attribute `x`",
        );
    }

    #[test]
    fn errors_do_not_quote_the_value() {
        let ty = Type::map(Type::Number);
        let error = decode(b"\x81\xa1k\xa7hunter2", &ty).expect_err("no number");
        assert_eq!(error.to_string(), r#"`["k"]`: number expected"#);
        assert_eq!(decode(&[42], &Type::String).expect_err("no string").to_string(), "string expected");
    }

    #[test]
    fn lengths_beyond_the_input_are_refused() {
        for bytes in [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0x92, 0xc0], &[0x91], &[0x90, 0xc0]] {
            assert!(decode(bytes, &Type::list(Type::String)).is_err(), "{bytes:?}");
        }
        assert!(decode(&[0xdf, 0xff, 0xff, 0xff, 0xff], &Type::map(Type::Bool)).is_err());
        assert!(decode(&[0xdb, 0xff, 0xff, 0xff, 0xff], &Type::String).is_err());
    }

    #[test]
    fn endless_nesting_is_refused() {
        let pair = b"\x92\xc4\x09\"dynamic\"";
        assert!(decode(&pair.repeat(10_000), &Type::Dynamic).is_err());
    }

    proptest! {
        #[test]
        fn values_round_trip((ty, value) in arbitrary::typed(true)) {
            let bytes = encode(&value, &ty).expect("an arbitrary value fits its type");
            prop_assert_eq!(decode(&bytes, &ty), Ok(value));
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(ty in arbitrary::ty(), bytes in any::<Vec<u8>>()) {
            if let Ok(value) = decode(&bytes, &ty) {
                prop_assert!(encode(&value, &ty).is_ok());
            }
        }
    }
}
