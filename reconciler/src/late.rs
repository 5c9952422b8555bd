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
            let value = resolve_late(late, known)?;
            if late.is_secret() { Secret::new(value).into() } else { value }
        }
    })
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

fn resolve_late(late: &Late, known: &dyn Known) -> Result<Value, String> {
    match late {
        Late::Secret(reference) => Ok(known.secret(reference).unwrap_or(Value::Unknown)),
        Late::Output { address, field } => Ok(known.output(address, field).unwrap_or(Value::Unknown)),
        Late::Unsettled => Ok(Value::Unknown),
        Late::Concat(parts) => concat(parts, known),
        Late::Call { name, arguments } => {
            let arguments =
                arguments.iter().map(|argument| resolve(argument, known)).collect::<Result<Vec<_>, _>>()?;
            if arguments.iter().any(Value::has_unknown) {
                return Ok(Value::Unknown);
            }
            let outcome = functions::apply_late(name, arguments.iter().map(Val::from).collect())?;
            resolve(&outcome, known)
        }
        Late::Element { of, key } => element(&resolve(of, known)?, &resolve(key, known)?),
    }
}

fn concat(parts: &[Val], known: &dyn Known) -> Result<Value, String> {
    let mut text = String::new();
    for part in parts {
        let value = resolve(part, known)?;
        if value.has_unknown() {
            return Ok(Value::Unknown);
        }
        text.push_str(&text_of(&Val::from(&value)).ok_or("what is put into text is no text")?);
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
