//! Numbers that servers cannot keep.

use schemas::{Field, Number, Shape, Value, json};

use crate::value::{Late, Val};

/// Why a number in `value` would be refused or become another one, if there is such a number: servers keep those of
/// JSON documents as 64-bit floats. OpenBao refuses `1e400` with a message about its own types, and keeps `1e-400`
/// as 0.
pub(super) fn fault(field: &Field, value: &Val) -> Option<&'static str> {
    match value {
        Val::Number(number) => fault_of(number),
        Val::String(text) if matches!(field.shape, Shape::Json) => {
            json::parse(text).ok().as_ref().and_then(fault_in)
        }
        Val::List(items) => items.iter().find_map(|item| fault(field, item)),
        Val::Map(entries) => entries.values().find_map(|value| fault(field, value)),
        Val::Late(late) => match &**late {
            Late::Open(value) => fault(field, value),
            late => late.parts().find_map(|part| fault(field, part)),
        },
        _ => None,
    }
}

fn fault_in(value: &Value) -> Option<&'static str> {
    match value {
        Value::Number(number) => fault_of(number),
        Value::List(items) => items.iter().find_map(fault_in),
        Value::Map(entries) => entries.values().find_map(fault_in),
        _ => None,
    }
}

fn fault_of(number: &Number) -> Option<&'static str> {
    let float = number.to_f64();
    if !float.is_finite() {
        return Some("a server keeps numbers up to about 1.8e308");
    }
    let vanishes = float == 0.0 && *number != Number::from(0);
    vanishes.then_some("a server keeps it as 0: it is nearer to that than any number it can keep")
}
