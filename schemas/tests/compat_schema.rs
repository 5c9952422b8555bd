//! Every kind, attribute by attribute, against the schema that `hashicorp/vault` 5.11 serves, and what is known
//! of its plans (replacements, defaults, conflicts).
//!
//! What differs on purpose stands in `compat_differences.tsv` with the reason. The list may only shrink: a line
//! that is no difference any more fails the test too.

use std::collections::{BTreeMap, BTreeSet};

use schemas::kinds::KINDS;
use schemas::terraform::{self, Attribute, Block};
use schemas::{Class, Field, Kind, Literal, kind};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../acceptance-tests/compat/schema.json");
const FACTS: &str = include_str!("../../acceptance-tests/compat/facts.json");
const DIFFERENCES: &str = include_str!("compat_differences.tsv");

/// Class and type, attribute, property: what identifies a difference.
type Difference = (String, String, String);

fn found() -> BTreeMap<Difference, String> {
    let (schema, facts): (Value, Value) =
        (serde_json::from_str(SCHEMA).expect("JSON"), serde_json::from_str(FACTS).expect("JSON"));
    let mut found = BTreeMap::new();
    for kind in KINDS {
        let (schemas, facts_of) = match kind.class {
            Class::Resource => ("resource_schemas", "resources"),
            Class::Data => ("data_source_schemas", "data_sources"),
            Class::Ephemeral => ("ephemeral_resource_schemas", "ephemeral_resources"),
        };
        let name = kind.terraform_name();
        let title = format!("{:?} {name}", kind.class).to_lowercase();
        let theirs = &schema[schemas][&name];
        let mut report = |attribute: &str, property: &str, theirs: &Value, ours: &Value| {
            if theirs != ours {
                let difference = (title.clone(), attribute.to_owned(), property.to_owned());
                found.insert(difference, format!("theirs {theirs}, ours {ours}"));
            }
        };
        report("", "exists", &json!(theirs.is_object()), &json!(true));
        report("", "version", &or_zero(&theirs["version"]), &json!(kind.version));
        report("", "deprecated", &flag(&theirs["block"], "deprecated"), &json!(kind.deprecated.is_some()));
        blocks("", &theirs["block"], &terraform::block(kind), &mut report);
        let facts = &facts[facts_of][&name];
        if facts.is_object() {
            let importable = !kind.imports.is_empty();
            if kind.class == Class::Resource {
                report("", "importable", &facts["importable"], &json!(importable));
            }
            plans(kind, &theirs["block"], &facts["attributes"], &mut report);
        }
    }
    found
}

fn or_zero(version: &Value) -> Value {
    if version.is_null() { json!(0) } else { version.clone() }
}

fn flag(object: &Value, name: &str) -> Value {
    json!(object[name].as_bool().unwrap_or_default())
}

type Report<'a> = dyn FnMut(&str, &str, &Value, &Value) + 'a;

fn blocks(path: &str, theirs: &Value, ours: &Block, report: &mut Report<'_>) {
    let empty = serde_json::Map::new();
    let attributes = theirs["attributes"].as_object().unwrap_or(&empty);
    let names = attributes.keys().map(String::as_str).chain(ours.attributes.iter().map(|a| a.name));
    for name in names.collect::<BTreeSet<_>>() {
        let ours = ours.attributes.iter().find(|attribute| attribute.name == name);
        attribute(&format!("{path}{name}"), &theirs["attributes"][name], ours, report);
    }
    let nested = theirs["block_types"].as_object().unwrap_or(&empty);
    let names = nested.keys().map(String::as_str).chain(ours.blocks.iter().map(|block| block.name));
    for name in names.collect::<BTreeSet<_>>() {
        let (theirs, path) = (&theirs["block_types"][name], format!("{path}{name}"));
        let ours = ours.blocks.iter().find(|block| block.name == name);
        report(&path, "block", &json!(theirs.is_object()), &json!(ours.is_some()));
        if let Some(ours) = ours {
            report(&path, "max_items", &or_zero(&theirs["max_items"]), &json!(ours.max));
            blocks(&format!("{path}."), &theirs["block"], &ours.block, report);
        }
    }
}

fn attribute(path: &str, theirs: &Value, ours: Option<&Attribute>, report: &mut Report<'_>) {
    report(path, "exists", &json!(theirs.is_object()), &json!(ours.is_some()));
    let (Some(ours), true) = (ours, theirs.is_object()) else { return };
    report(path, "type", &theirs["type"], &ours.ty.to_json());
    for (name, ours) in [
        ("required", ours.required),
        ("optional", ours.optional),
        ("computed", ours.computed),
        ("sensitive", ours.sensitive),
        ("write_only", ours.write_only),
        ("deprecated", ours.deprecated.is_some()),
    ] {
        report(path, name, &flag(theirs, name), &json!(ours));
    }
}

/// What is known of the plans of the fields that theirs has, too.
fn plans(kind: &Kind, theirs: &Value, facts: &Value, report: &mut Report<'_>) {
    let is_theirs =
        |name: &str| ["attributes", "block_types"].iter().any(|sort| theirs[sort][name].is_object());
    for field in kind.fields().filter(|field| is_theirs(field.name)) {
        let facts = &facts[field.name];
        // Nothing is replaced where nothing is made; some of theirs say so all the same.
        if kind.class == Class::Resource {
            report(field.name, "replaces", &flag(facts, "replaces"), &json!(field.replaces));
        }
        report(field.name, "default", &facts["default"], &field.default.map_or(Value::Null, literal));
        for (property, ours) in [
            ("conflicts_with", field.conflicts),
            ("exactly_one_of", field.one_of),
            ("required_with", field.needs),
        ] {
            let ours: Vec<_> = ours.iter().filter(|name| is_theirs(name)).collect();
            report(field.name, property, &sorted(&facts[property], field), &sorted(&json!(ours), field));
        }
    }
}

/// The names without the field's own, which some declarations repeat.
fn sorted(names: &Value, field: &Field) -> Value {
    let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    json!(names.filter(|name| *name != field.name).collect::<BTreeSet<_>>())
}

fn literal(literal: Literal) -> Value {
    match literal {
        Literal::Bool(value) => value.into(),
        Literal::Integer(value) => value.into(),
        Literal::String(text) => text.into(),
    }
}

#[test]
fn every_attribute_is_the_incumbents_but_for_the_listed_differences() {
    let found = found();
    let listed: BTreeSet<Difference> = listed();
    let new = found.iter().filter(|(difference, _)| !listed.contains(*difference));
    let stale = listed.iter().filter(|difference| !found.contains_key(*difference));
    let line = |(kind, attribute, property): &Difference| format!("{kind}\t{attribute}\t{property}");
    let new: Vec<_> =
        new.map(|(difference, values)| format!("differs: {}: {values}", line(difference))).collect();
    let stale: Vec<_> =
        stale.map(|difference| format!("remove from the list: {}", line(difference))).collect();
    assert!(new.is_empty() && stale.is_empty(), "\n{}\n{}", new.join("\n"), stale.join("\n"));
}

fn listed() -> BTreeSet<Difference> {
    let lines = DIFFERENCES.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [kind, attribute, property, reason] if !reason.is_empty() => {
                (kind.to_owned(), attribute.to_owned(), property.to_owned())
            }
            _ => panic!("a difference has a kind, an attribute, a property and a reason: {line:?}"),
        })
        .collect()
}

#[test]
fn the_comparison_sees_what_a_schema_leaves_out() {
    let mut found = Vec::new();
    let mut report = |attribute: &str, property: &str, theirs: &Value, ours: &Value| {
        if theirs != ours {
            found.push(format!("{attribute} {property}"));
        }
    };
    let theirs = json!({"attributes": {"gone": {"type": "string", "optional": true}}});
    blocks("", &theirs, &Block::default(), &mut report);
    let policy = schemas::kinds::find(Class::Resource, "policy").expect("is declared");
    let theirs = json!({"attributes": {"name": {}, "namespace": {}, "policy": {}}});
    plans(policy, &theirs, &json!({"policy": {"replaces": true}, "name": {"replaces": true}}), &mut report);
    assert_eq!(found, ["gone exists", "namespace replaces", "policy replaces"]);
    assert!(kind::fields(policy.parts).count() > 2);
}
