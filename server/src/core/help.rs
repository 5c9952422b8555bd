//! `?help=1`: what a mount, or one path of it, takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use schemas::Shape;
use schemas::kind::fields;
use serde_json::{Value, json};

use super::engine::{AnyEngine, RouteInfo};
use super::error::Error;
use super::pipeline::Reply;
use super::request::Operation;
use crate::VERSION;

/// A path of an engine and what it takes.
pub(crate) struct Described {
    pub(crate) info: &'static RouteInfo,
    pub(crate) operations: Vec<Operation>,
}

/// The help for `path` of a mount of `kind`; of the whole mount, if it is empty.
pub(super) fn reply(engine: &dyn AnyEngine, kind: &str, path: &str) -> Result<Reply, Error> {
    let routes = engine.describe();
    let (text, shown): (String, Vec<&Described>) = if path.is_empty() {
        (of_mount(kind, &routes), routes.iter().collect())
    } else {
        let found = routes.iter().find(|route| route.info.pattern.matches(path, true).is_some());
        let route = found.ok_or_else(Error::unsupported_path)?;
        (of_route(path, route), vec![route])
    };
    let body = json!({ "help": text, "openapi": openapi(&shown), "see_also": null });
    let mut bytes = serde_json::to_vec(&body)?;
    bytes.push(b'\n');
    Ok(Reply::json(StatusCode::OK, bytes))
}

fn of_mount(kind: &str, routes: &[Described]) -> String {
    let mut text = format!("## DESCRIPTION\n\nA mount of the type `{kind}`.\n\n## PATHS\n");
    for route in routes {
        // Writing to a String does not fail.
        write!(text, "\n    {}\n        {}\n", route.info.pattern.as_str(), methods(route).join(", ")).ok();
    }
    text
}

fn of_route(path: &str, route: &Described) -> String {
    let pattern = route.info.pattern.as_str();
    let mut text =
        format!("Request:        {path}\nMatching Route: {pattern}\n\n{}", methods(route).join(", "));
    let Some(table) = route.info.fields else { return text };
    let fields: BTreeMap<&str, _> = fields(table.parts)
        .filter(|field| table.endpoint.is_none() || field.at == table.endpoint)
        .map(|field| (field.name, field))
        .collect();
    if !fields.is_empty() {
        text.push_str("\n\n## PARAMETERS\n");
    }
    for (name, field) in fields {
        write!(text, "\n    {name} ({})\n        {}\n", type_name(&field.shape), field.doc).ok();
    }
    text
}

fn methods(route: &Described) -> Vec<&'static str> {
    let mut methods: Vec<_> = route.operations.iter().filter_map(|operation| method(*operation)).collect();
    methods.dedup();
    methods
}

fn method(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Read => Some("GET"),
        Operation::List => Some("LIST"),
        Operation::Scan => Some("SCAN"),
        Operation::Create | Operation::Update => Some("POST"),
        Operation::Patch => Some("PATCH"),
        Operation::Delete => Some("DELETE"),
        Operation::Help => None,
    }
}

fn type_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Bool => "bool",
        Shape::Integer => "int",
        Shape::Text(_) => "string",
        Shape::Seconds | Shape::Duration => "duration (sec)",
        Shape::List(_) | Shape::Set(_) => "slice",
        Shape::Json | Shape::Map(_) | Shape::Object(_) | Shape::Block { .. } => "map",
    }
}

/// The least of an OpenAPI document: paths and methods. LIST and SCAN are no methods of OpenAPI.
fn openapi(routes: &[&Described]) -> Value {
    let answers = json!({ "responses": { "200": { "description": "OK" } } });
    let mut paths = serde_json::Map::new();
    for route in routes {
        let known = methods(route).into_iter().filter(|method| !matches!(*method, "LIST" | "SCAN"));
        let methods: serde_json::Map<String, Value> =
            known.map(|method| (method.to_lowercase(), answers.clone())).collect();
        paths.insert(format!("/{}", route.info.pattern.template()), Value::Object(methods));
    }
    json!({
        "openapi": "3.0.2",
        "info": { "title": "OpenBao API", "version": VERSION },
        "paths": paths,
        "components": { "schemas": {} },
    })
}
