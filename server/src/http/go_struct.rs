//! Bodies that the peer decodes into structs of Go, with the texts of its decoder for what does not fit.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::core::error::Error;
use crate::core::go_json;
use crate::core::request::Parameters;
use crate::core::weak::Json;

/// What a body is that is decoded into no struct.
pub(crate) const MAP: &str = "map[string]interface {}";

/// A struct of the peer's package `http`.
pub(super) struct GoStruct {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, GoType)],
}

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum GoType {
    Bool,
    Int,
    Text,
    Texts,
}

impl GoType {
    fn name(self) -> &'static str {
        match self {
            GoType::Bool => "bool",
            GoType::Int => "int",
            GoType::Text => "string",
            GoType::Texts => "[]string",
        }
    }

    fn takes(self, value: &Json<'_>) -> bool {
        match (self, value) {
            (GoType::Bool, Json::Bool(_))
            | (GoType::Text, Json::Text(_))
            | (GoType::Texts, Json::List(_))
            | (_, Json::Null) => true,
            (GoType::Int, Json::Number(digits)) => digits.parse::<i64>().is_ok(),
            _ => false,
        }
    }
}

impl GoStruct {
    /// The fields among `parameters`, under names in any case. Null is as good as absent.
    ///
    /// # Errors
    /// 400 for a value that is not of the type of its field.
    pub(super) fn decode<T: DeserializeOwned>(&self, parameters: &Parameters) -> Result<T, Error> {
        let mut given = BTreeMap::new();
        for (name, raw) in parameters {
            let mut fields = self.fields.iter();
            let Some((field, kind)) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name)) else {
                continue;
            };
            let value = Json::of(raw)?;
            if !kind.takes(&value) {
                let place = format!("Go struct field {}.{name}", self.name);
                return Err(refused(raw, &place, *kind));
            }
            if let Json::List(items) = &value {
                self.require_texts(name, items)?;
            }
            // The proper name wins.
            if !matches!(value, Json::Null) && (field == name || !given.contains_key(field)) {
                given.insert(field, raw);
            }
        }
        Ok(serde_json::from_str(&serde_json::to_string(&given)?)?)
    }

    fn require_texts(&self, name: &str, items: &[&RawValue]) -> Result<(), Error> {
        for (index, item) in items.iter().enumerate() {
            if !matches!(Json::of(item)?, Json::Text(_)) {
                return Err(refused(item, &format!("{}.{name}.{index}", self.name), GoType::Text));
            }
        }
        Ok(())
    }
}

fn refused(value: &RawValue, place: &str, kind: GoType) -> Error {
    let found = match go_json::kind(value.get()) {
        "number" if matches!(kind, GoType::Int) => format!("number {}", value.get()),
        found => found.to_owned(),
    };
    let kind = kind.name();
    let problem = format!("json: cannot unmarshal {found} into {place} of type {kind}");
    Error::invalid(format!("failed to decode JSON input: {problem}"))
}
