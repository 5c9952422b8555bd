//! The OpenAPI document: made of the routes that route.

use std::collections::BTreeMap;

use schemas::kind::Part;
use schemas::{Field, Presence, Shape};
use serde_json::{Map, Value, json};

use super::engine::{Access, FieldTable, RouteInfo};
use super::help::Described;
use super::request::Operation;
use crate::VERSION;

/// A field of a body that its handler reads itself, for people.
pub(crate) const fn shown(name: &'static str, shape: Shape, doc: &'static str) -> Part {
    Part::Field(Field { doc, ..Field::new(name, shape, Presence::Optional) })
}

/// A document under construction.
#[derive(Debug, Default)]
pub(crate) struct Document {
    paths: BTreeMap<String, Map<String, Value>>,
    schemas: BTreeMap<String, Value>,
}

/// Where the routes of a mount stand in the document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Before each path: `/auth/approle/`.
    pub(crate) prefix: &'a str,
    /// Begins the names of operations: the type of the mount.
    pub(crate) kind: &'a str,
    /// Groups operations; empty for none.
    pub(crate) tag: &'a str,
    /// The placeholder that stands for the mount in `prefix`, and its real path.
    pub(crate) mount: Option<(&'a str, &'a str)>,
}

impl Document {
    /// Adds the routes of a mount.
    pub(crate) fn add(&mut self, place: Place<'_>, routes: &[Described]) {
        for route in routes.iter().filter(|route| !route.info.is_hidden) {
            self.add_route(place, &route.info.pattern.template(), route);
        }
    }

    /// Adds a path that the HTTP layer answers itself.
    pub(crate) fn add_status(&mut self, path: &str, methods: &[&str], takes: &'static [Part], is_open: bool) {
        let item = self.paths.entry(path.to_owned()).or_default();
        if is_open {
            item.insert("x-vault-unauthenticated".to_owned(), true.into());
        }
        for method in methods {
            let verb = if *method == "get" { "read" } else { "write" };
            let id = operation_id("", verb, path);
            let responses = json!({ "200": { "description": "OK" } });
            let mut shown = json!({ "operationId": id, "responses": responses, "tags": ["system"] });
            let properties = properties(FieldTable::new(takes).fields().copied());
            if verb == "write" && !properties.is_empty() {
                shown["requestBody"] = body(&mut self.schemas, &id, properties);
            }
            item.insert((*method).to_owned(), shown);
        }
    }

    fn add_route(&mut self, place: Place<'_>, template: &str, route: &Described) {
        let operations: Map<String, Value> = route
            .operations
            .iter()
            .filter_map(|operation| verb(*operation).map(|(method, verb)| (method, verb, *operation)))
            .map(|(method, verb, operation)| {
                (method.to_owned(), self.operation(place, template, verb, operation, route))
            })
            .collect();
        if operations.is_empty() {
            return;
        }
        let item = self.paths.entry(format!("{}{template}", place.prefix)).or_default();
        describe(item, place, template, route.info);
        for (method, operation) in operations {
            item.entry(method).or_insert(operation);
        }
        note_list(item, &route.operations);
    }

    fn operation(
        &mut self,
        place: Place<'_>,
        template: &str,
        verb: &str,
        operation: Operation,
        route: &Described,
    ) -> Value {
        let id = operation_id(place.kind, verb, template);
        let mut shown = json!({ "operationId": id, "responses": { "200": { "description": "OK" } } });
        if operation == Operation::Delete {
            shown["responses"] = json!({ "204": { "description": "empty body" } });
        }
        if !place.tag.is_empty() {
            shown["tags"] = json!([place.tag]);
        }
        if matches!(operation, Operation::Update | Operation::Patch) {
            let properties = taken(route.info, template);
            if !properties.is_empty() {
                shown["requestBody"] = body(&mut self.schemas, &id, properties);
            }
        }
        shown
    }

    /// The document.
    pub(crate) fn into_value(self) -> Value {
        json!({
            "openapi": "3.0.2",
            "info": {
                "title": "OpenBao API",
                "description": "HTTP API that gives you full access to OpenBao. All API routes are prefixed with `/v1/`.",
                "version": VERSION,
                "license": {
                    "name": "Mozilla Public License 2.0",
                    "url": "https://www.mozilla.org/en-US/MPL/2.0",
                },
            },
            "paths": self.paths,
            "components": { "schemas": self.schemas },
        })
    }
}

fn verb(operation: Operation) -> Option<(&'static str, &'static str)> {
    match operation {
        Operation::Read => Some(("get", "read")),
        Operation::List => Some(("get", "list")),
        Operation::Scan => Some(("get", "scan")),
        Operation::Update => Some(("post", "write")),
        Operation::Patch => Some(("patch", "patch")),
        Operation::Delete => Some(("delete", "delete")),
        Operation::Create | Operation::Help | Operation::Head => None,
    }
}

/// What holds for all operations of a path.
fn describe(item: &mut Map<String, Value>, place: Place<'_>, template: &str, info: &RouteInfo) {
    let mut parameters: Vec<Value> = placeholders(template)
        .map(|name| {
            let field = info.told().find(|field| field.name == name || field.api == name);
            let description = field.map_or("", |field| field.doc);
            json!({
                "name": name, "description": description, "in": "path", "required": true,
                "schema": { "type": "string" },
            })
        })
        .collect();
    if let Some((name, default)) = place.mount {
        parameters.push(json!({
            "name": name, "description": "Path that the backend was mounted at", "in": "path", "required": true,
            "schema": { "type": "string", "default": default },
        }));
    }
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), parameters.into());
    }
    item.insert("description".to_owned(), info.about.into());
    let flags = [
        ("x-vault-createSupported", info.has_existence_check),
        ("x-vault-sudo", info.access == Access::Sudo),
        ("x-vault-unauthenticated", matches!(info.access, Access::Unauthenticated | Access::Login)),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
        item.insert(name.to_owned(), true.into());
    }
}

/// LIST and SCAN are no methods of OpenAPI: they are reads with a parameter, which they need if nothing else is read.
fn note_list(item: &mut Map<String, Value>, operations: &[Operation]) {
    let reads = operations.contains(&Operation::Read);
    let asked =
        [(Operation::List, "list", "Return a list"), (Operation::Scan, "scan", "Return a recursive list")];
    for (_, name, what) in asked.into_iter().filter(|(operation, ..)| operations.contains(operation)) {
        let parameter = if reads {
            json!({ "name": name, "description": format!("{what} if `true`"), "in": "query",
                "schema": { "type": "string" } })
        } else {
            json!({ "name": name, "description": "Must be set to `true`", "in": "query", "required": true,
                "schema": { "type": "string", "enum": ["true"] } })
        };
        if let Some(get) = item.get_mut("get").and_then(Value::as_object_mut) {
            let parameters = get.entry("parameters").or_insert_with(|| json!([]));
            if let Some(parameters) = parameters.as_array_mut() {
                parameters.push(parameter);
            }
        }
    }
}

fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The body of operation `id`, whose schema goes to `schemas`.
fn body(schemas: &mut BTreeMap<String, Value>, id: &str, properties: Map<String, Value>) -> Value {
    let name = format!("{}Request", camel(id));
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    schemas.insert(name, json!({ "type": "object", "properties": properties }));
    json!({ "required": true, "content": { "application/json": { "schema": reference } } })
}

/// What bodies at `template` hold.
fn taken(info: &RouteInfo, template: &str) -> Map<String, Value> {
    let is_in_path = |name: &str| placeholders(template).any(|placeholder| placeholder == name);
    let mut taken = properties(info.told().filter(|field| !is_in_path(field.name)));
    let unknown = info.fields.map(|table| table.unknown).unwrap_or_default();
    taken.retain(|name, _| !unknown.contains(&name.as_str()));
    for name in info.unsaid {
        let property = json!({ "type": "string", "description": "What a longer path says." });
        taken.insert((*name).to_owned(), property);
    }
    taken
}

/// Fields under all their names.
fn properties(fields: impl Iterator<Item = Field>) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in fields.filter(|field| field.is_configurable() && !field.key) {
        let parameter = field.parameter();
        properties.insert(parameter.to_owned(), property(&field));
        for alias in field.aliases {
            let mut older = property(&field);
            older["description"] = format!("The older name of `{parameter}`.").into();
            older["deprecated"] = true.into();
            properties.insert((*alias).to_owned(), older);
        }
    }
    properties
}

fn property(field: &Field) -> Value {
    let mut property = json!({ "type": type_name(&field.shape) });
    match field.shape {
        Shape::Seconds | Shape::Duration => property["format"] = "seconds".into(),
        Shape::List(inner) | Shape::Set(inner) => property["items"] = json!({ "type": type_name(inner) }),
        Shape::Json | Shape::Map(_) | Shape::Object(_) | Shape::Block { .. } => {
            property["format"] = "map".into();
        }
        Shape::Bool | Shape::Integer | Shape::Text(_) => {}
    }
    property["description"] = field.doc.into();
    property
}

fn type_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Bool => "boolean",
        Shape::Integer | Shape::Seconds | Shape::Duration => "integer",
        Shape::Text(_) => "string",
        Shape::List(_) | Shape::Set(_) => "array",
        Shape::Json | Shape::Map(_) | Shape::Object(_) | Shape::Block { .. } => "object",
    }
}

/// `kv`, `read`, `data/{path}` as `kv-read-data-path`.
fn operation_id(kind: &str, verb: &str, template: &str) -> String {
    let is_word = |character: char| character.is_ascii_alphanumeric();
    let words = template.split(|character: char| !is_word(character)).filter(|word| !word.is_empty());
    let all = [kind, verb].into_iter().chain(words).filter(|word| !word.is_empty());
    all.collect::<Vec<_>>().join("-").to_lowercase()
}

/// `kv-read-data-path` as `KvReadDataPath`.
fn camel(id: &str) -> String {
    id.split(['-', '_'])
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}
