//! What is left of expressions, put together when more is known.

use std::collections::BTreeMap;

use schemas::{Record, Secret, Value};

use crate::Address;
use crate::hcl::{functions, text_of};
use crate::value::{Late, SecretRef, Val};

/// What is known when a value is put together.
pub(crate) trait Known {
    /// The secret, if it was fetched.
    fn secret(&self, reference: &SecretRef) -> Option<Value>;

    /// The field of an object, if it is known already.
    fn output(&self, address: &Address, field: &str) -> Option<Value>;
}

/// Nothing is known.
pub(crate) struct Nothing;

impl Known for Nothing {
    fn secret(&self, _reference: &SecretRef) -> Option<Value> {
        None
    }

    fn output(&self, _address: &Address, _field: &str) -> Option<Value> {
        None
    }
}

/// The value of `value`. What is not known is [`Value::Unknown`], wrapped where it will be a secret.
///
/// # Errors
/// What is wrong with a function's argument; never its content.
pub(crate) fn resolve(value: &Val, known: &dyn Known) -> Result<Value, String> {
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Number(number) => Value::Number(number.clone()),
        Val::String(text) => Value::String(text.clone()),
        Val::Object(_) => text_of(value).map_or(Value::Null, Value::String),
        Val::List(items) => {
            Value::List(items.iter().map(|item| resolve(item, known)).collect::<Result<_, _>>()?)
        }
        Val::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), resolve(value, known)?)));
            Value::Map(entries.collect::<Result<BTreeMap<_, _>, String>>()?)
        }
        Val::Late(late) => {
            let (value, is_secret) = resolve_late(late, known)?;
            if is_secret || late.is_secret() { Secret::new(value).into() } else { value }
        }
    })
}

/// What other objects get of a field that is `declared`: the value as it is written there, whatever form the server
/// answers it in. `None` if it is not declared, or not known.
pub(crate) fn as_declared(declared: Option<&Val>, known: &dyn Known) -> Option<Value> {
    let value = resolve(declared?, known).ok()?;
    Some(value).filter(|value| !value.is_null() && !value.has_unknown())
}

/// The fields of an object.
///
/// # Errors
/// As [`resolve`], with the field's name.
pub(crate) fn resolve_all(
    fields: &BTreeMap<String, Val>,
    known: &dyn Known,
) -> Result<Record, (String, String)> {
    let resolved = fields.iter().map(|(name, value)| match resolve(value, known) {
        Ok(value) => Ok((name.clone(), value)),
        Err(error) => Err((name.clone(), error)),
    });
    resolved.collect()
}

/// The value, and whether a secret went into it: a field of an object may hold one.
fn resolve_late(late: &Late, known: &dyn Known) -> Result<(Value, bool), String> {
    match late {
        Late::Secret(reference) => Ok((known.secret(reference).unwrap_or(Value::Unknown), true)),
        Late::Output { address, field } => {
            Ok((known.output(address, field).unwrap_or(Value::Unknown), false))
        }
        Late::Unsettled => Ok((Value::Unknown, false)),
        Late::Open(value) => Ok((resolve(value, known)?, false)),
        Late::Concat(parts) => {
            let parts = all(parts, known)?;
            Ok((concat(&parts)?, parts.iter().any(Value::has_secret)))
        }
        Late::Call { name, arguments } => {
            let arguments = all(arguments, known)?;
            let is_secret = arguments.iter().any(Value::has_secret);
            if arguments.iter().any(Value::has_unknown) {
                return Ok((Value::Unknown, is_secret));
            }
            let outcome = functions::apply_late(name, arguments.iter().map(Val::from).collect())?;
            Ok((resolve(&outcome, known)?, is_secret))
        }
        Late::Element { of, key } => {
            let (of, key) = (resolve(of, known)?, resolve(key, known)?);
            Ok((element(&of, &key)?, of.has_secret() || key.has_secret()))
        }
    }
}

fn all(values: &[Val], known: &dyn Known) -> Result<Vec<Value>, String> {
    values.iter().map(|value| resolve(value, known)).collect()
}

fn concat(parts: &[Value]) -> Result<Value, String> {
    let mut text = String::new();
    for part in parts {
        if part.has_unknown() {
            return Ok(Value::Unknown);
        }
        text.push_str(&text_of(&Val::from(part)).ok_or("what is put into text is no text")?);
    }
    Ok(Value::String(text))
}

fn element(of: &Value, key: &Value) -> Result<Value, String> {
    let missing = || "a collection lacks an element that is taken from it".to_owned();
    match (of.expose(), key.expose()) {
        (Value::Unknown, _) | (_, Value::Unknown) => Ok(Value::Unknown),
        (Value::Map(entries), key) => {
            let name = text_of(&Val::from(key)).ok_or_else(missing)?;
            entries.get(&name).cloned().ok_or_else(missing)
        }
        (Value::List(items), key) => {
            let index = key.as_i64().and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| items.get(index)).cloned().ok_or_else(missing)
        }
        _ => Err("an element is taken from what is no collection".to_owned()),
    }
}
