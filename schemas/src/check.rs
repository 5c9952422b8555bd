//! What the table says is wrong with a configuration.

use crate::kind::{Field, Kind, Part, Presence, Shape, Text, fields};
use crate::{Diagnostic, Record, Value, duration, json, texts};

/// Everything that is wrong with `config`: by the table, then by the kind's own rules. Values may be unknown.
pub fn check(kind: &Kind, config: &Record) -> Vec<Diagnostic> {
    let mut found: Vec<_> = kind.fields().flat_map(|field| of_field(field, config)).collect();
    found.extend(kind.behavior.check(kind, config));
    found
}

fn of_field(field: &Field, config: &Record) -> Vec<Diagnostic> {
    let value = config.get(field.name);
    let mut found = Vec::new();
    if value.is_null() {
        found.extend(missing(field, config));
        return found;
    }
    if !field.is_configurable() {
        found.push(say(field, "is set by the server").hint("remove it"));
    }
    let set = |name: &&&str| !config.get(name).is_null();
    found.extend(
        field
            .conflicts
            .iter()
            .filter(set)
            .map(|other| say(field, &format!("and `{other}` exclude each other"))),
    );
    found.extend(
        field.one_of.iter().filter(set).map(|other| say(field, &format!("and `{other}` exclude each other"))),
    );
    found.extend(
        field
            .needs
            .iter()
            .filter(|name| config.get(name).is_null())
            .map(|other| say(field, &format!("needs `{other}`"))),
    );
    found.extend(of_shape(field.name, &field.shape, value));
    if let (true, Some(name)) = (is_name(field), value.as_str()) {
        found.extend(at(field.name, texts::check_path(name)));
    }
    found
}

/// True for a part of the object's path that is not checked as a path itself.
fn is_name(field: &Field) -> bool {
    field.key && !matches!(field.shape, Shape::Text(Text::Path))
}

fn missing(field: &Field, config: &Record) -> Option<Diagnostic> {
    if field.presence == Presence::Required {
        return Some(say(field, "is required"));
    }
    // The group is reported once, at its first member.
    let first = field.one_of.iter().all(|other| field.name < *other);
    let none = field.one_of.iter().all(|other| config.get(other).is_null());
    (!field.one_of.is_empty() && first && none).then(|| {
        let names = field.one_of.iter().map(|other| format!("`{other}`"));
        let names = std::iter::once(format!("`{}`", field.name)).chain(names).collect::<Vec<_>>().join(", ");
        Diagnostic::error(format!("one of {names} is required")).at_field(field.name)
    })
}

fn say(field: &Field, what: &str) -> Diagnostic {
    Diagnostic::error(format!("`{}` {what}", field.name)).at_field(field.name)
}

/// What is wrong with a value of that shape. `path` names it: `tune.max_lease_ttl`.
pub fn of_shape(path: &str, shape: &Shape, value: &Value) -> Vec<Diagnostic> {
    let value = value.expose();
    let wrong =
        |expected: &str| vec![Diagnostic::error(format!("`{path}` must be {expected}")).at_field(path)];
    match (shape, value) {
        (_, Value::Null | Value::Unknown) => Vec::new(),
        (Shape::Bool, Value::Bool(_)) => Vec::new(),
        (Shape::Integer | Shape::Seconds, Value::Number(number)) if number.as_i64().is_some() => Vec::new(),
        (Shape::Seconds | Shape::Duration, Value::String(text)) => {
            of_text(path, duration::seconds(text).err())
        }
        (Shape::Json, Value::String(text)) => of_text(path, json::parse(text).err()),
        (Shape::Text(rule), Value::String(text)) => at(path, texts::check(*rule, text)),
        (Shape::List(inner) | Shape::Set(inner), Value::List(items)) => items
            .iter()
            .enumerate()
            .flat_map(|(i, item)| of_shape(&format!("{path}[{i}]"), inner, item))
            .collect(),
        (Shape::Map(inner), Value::Map(entries)) => {
            entries.iter().flat_map(|(key, item)| of_shape(&format!("{path}.{key}"), inner, item)).collect()
        }
        (Shape::Block { parts, .. }, Value::List(items)) => {
            items.iter().flat_map(|item| of_object(path, parts, item)).collect()
        }
        (Shape::Object(parts), object @ Value::Map(_)) => of_object(path, parts, object),
        (shape, _) => wrong(expectation(shape)),
    }
}

fn of_object(path: &str, parts: &'static [Part], object: &Value) -> Vec<Diagnostic> {
    let missing = fields(parts)
        .filter(|field| field.presence == Presence::Required && object.at(field.name).is_null())
        .map(|field| Diagnostic::error(format!("`{path}.{}` is required", field.name)).at_field(path));
    let wrong = fields(parts)
        .flat_map(|field| of_shape(&format!("{path}.{}", field.name), &field.shape, object.at(field.name)));
    missing.chain(wrong).collect()
}

fn of_text(path: &str, error: Option<String>) -> Vec<Diagnostic> {
    error
        .map(|error| Diagnostic::error(format!("`{path}` is not valid")).because(error).at_field(path))
        .into_iter()
        .collect()
}

fn at(path: &str, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.into_iter().map(|diagnostic| diagnostic.at_field(path)).collect()
}

fn expectation(shape: &Shape) -> &'static str {
    match shape {
        Shape::Bool => "true or false",
        Shape::Integer => "a whole number",
        Shape::Seconds => "a number of seconds or a duration such as `1h`",
        Shape::Duration => "a duration such as `1h`",
        Shape::Text(_) => "text",
        Shape::Json => "a JSON document",
        Shape::List(_) => "a list",
        Shape::Set(_) => "a set",
        Shape::Map(_) => "a map",
        Shape::Object(_) | Shape::Block { .. } => "an object",
    }
}
