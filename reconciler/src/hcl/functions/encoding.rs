//! Functions that encode, decode and hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemas::json;
use sha2::{Digest, Sha256, Sha512};

use super::WhenLate::Waits;
use super::{Arguments, Fault, Function, pure};
use crate::hcl::plain_value;
use crate::value::Val;

pub(super) static FUNCTIONS: &[Function] = &[
    pure("base64decode", (1, 1), Waits, base64decode),
    pure("base64encode", (1, 1), Waits, |a| Ok(STANDARD.encode(a.text(0)?).into())),
    pure("base64sha256", (1, 1), Waits, |a| Ok(STANDARD.encode(Sha256::digest(a.text(0)?)).into())),
    pure("jsondecode", (1, 1), Waits, |a| {
        json::parse(&a.text(0)?).map(|value| Val::from(&value)).map_err(|e| Fault::new(e).of(0))
    }),
    pure("jsonencode", (1, 1), Waits, jsonencode),
    pure("sha256", (1, 1), Waits, |a| Ok(hex::encode(Sha256::digest(a.text(0)?)).into())),
    pure("sha512", (1, 1), Waits, |a| Ok(hex::encode(Sha512::digest(a.text(0)?)).into())),
    pure("urlencode", (1, 1), Waits, |a| Ok(urlencode(&a.text(0)?).into())),
];

fn base64decode(arguments: &Arguments) -> Result<Val, Fault> {
    let bytes = STANDARD.decode(arguments.text(0)?).map_err(|_| Fault::new("this is not base64").of(0))?;
    String::from_utf8(bytes).map(Val::String).map_err(|_| Fault::new("what it encodes is not text").of(0))
}

fn jsonencode(arguments: &Arguments) -> Result<Val, Fault> {
    let value =
        plain_value(arguments.value(0)).ok_or_else(|| Fault::new("this cannot be written as JSON").of(0))?;
    Ok(json::render(&value).into())
}

fn urlencode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
