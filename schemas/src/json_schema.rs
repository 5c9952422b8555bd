//! JSON Schemas of the kinds, for editors and for whoever checks a configuration without us.

use serde_json::{Map, Value, json};

use crate::kind::{Class, Field, Kind, Literal, Part, Presence, Shape, fields};
use crate::kinds::KINDS;

/// The generated files: path within the repository, and content.
pub fn generated() -> Vec<(String, String)> {
    let resources = KINDS.iter().filter(|kind| kind.class == Class::Resource);
    resources.map(|kind| (format!("schemas/generated/{}.json", kind.name), text(&document(kind)))).collect()
}

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// The schema of a configuration of `kind`. What only the server sets is `readOnly`.
pub fn document(kind: &Kind) -> Value {
    let mut document = object(kind.parts);
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    document["title"] = kind.terraform_name().into();
    document["description"] = kind.doc.into();
    if kind.deprecated.is_some() {
        document["deprecated"] = true.into();
    }
    let rules: Vec<Value> = kind.fields().flat_map(rules).collect();
    if !rules.is_empty() {
        document["allOf"] = rules.into();
    }
    document
}

fn object(parts: &'static [Part]) -> Value {
    let properties: Map<_, _> = fields(parts).map(|field| (field.name.to_owned(), property(field))).collect();
    let required = fields(parts).filter(|field| field.presence == Presence::Required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(field: &Field) -> Value {
    let mut property = shape(&field.shape);
    property["description"] = field.doc.into();
    if let Some(default) = field.default {
        property["default"] = literal(default);
    }
    let flags = [
        ("readOnly", !field.is_configurable()),
        ("writeOnly", field.is_write_only()),
        ("deprecated", field.deprecated.is_some()),
    ];
    for (name, _) in flags.into_iter().filter(|(_, holds)| *holds) {
        property[name] = true.into();
    }
    property
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::Seconds => json!({"type": ["integer", "string"]}),
        Shape::Text(_) | Shape::Duration => json!({"type": "string"}),
        Shape::Json => json!({"type": "string", "contentMediaType": "application/json"}),
        Shape::List(inner) => json!({"type": "array", "items": self::shape(inner)}),
        Shape::Set(inner) => json!({"type": "array", "items": self::shape(inner), "uniqueItems": true}),
        Shape::Map(inner) => json!({"type": "object", "additionalProperties": self::shape(inner)}),
        Shape::Object(parts) => object(parts),
        Shape::Block { parts, max: 0 } => json!({"type": "array", "items": object(parts)}),
        Shape::Block { parts, max } => json!({"type": "array", "items": object(parts), "maxItems": max}),
    }
}

fn literal(literal: Literal) -> Value {
    match literal {
        Literal::Bool(value) => value.into(),
        Literal::Integer(value) => value.into(),
        Literal::String(text) => text.into(),
    }
}

/// What may not, or must, stand together with `field`. A conflict that both sides declare is said once.
fn rules(field: &'static Field) -> Vec<Value> {
    let with = |other: &str| json!({"required": [field.name, other]});
    let excluded = field.conflicts.iter().filter(|other| field.name < **other);
    let excluded = excluded.map(|other| json!({"not": with(other)}));
    let needed = (!field.needs.is_empty()).then(|| json!({"dependentRequired": {field.name: field.needs}}));
    let is_first = !field.one_of.is_empty() && field.one_of.iter().all(|other| field.name < *other);
    let one_of = is_first.then(|| {
        let names = std::iter::once(&field.name).chain(field.one_of);
        json!({"oneOf": names.map(|name| json!({"required": [name]})).collect::<Vec<_>>()})
    });
    excluded.chain(needed).chain(one_of).collect()
}
