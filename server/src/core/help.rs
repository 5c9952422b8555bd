//! `?help=1`: what a mount, or one path of it, takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use schemas::Shape;
use schemas::kind::fields;
use serde_json::{Value, json};

use super::engine::{AnyEngine, RouteInfo};
use super::error::Error;
use super::openapi::{Document, Place};
use super::pipeline::Reply;
use super::request::Operation;

/// A path of an engine and what it takes.
pub(crate) struct Described {
    pub(crate) info: &'static RouteInfo,
    pub(crate) operations: Vec<Operation>,
}

/// The help for `path` of a mount of `kind`; of the whole mount, if it is empty.
pub(super) fn reply(engine: &dyn AnyEngine, kind: &str, path: &str) -> Result<Reply, Error> {
    let routes = engine.describe();
    let (text, shown): (String, &[Described]) = if path.is_empty() {
        (of_mount(kind, &routes), &routes)
    } else {
        let found = routes.iter().position(|route| route.info.pattern.matches(path, true).is_some());
        let found = found.ok_or_else(Error::unsupported_path)?;
        (of_route(path, &routes[found]), &routes[found..=found])
    };
    let body = json!({ "help": text, "openapi": document(kind, shown), "see_also": null });
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

fn document(kind: &str, routes: &[Described]) -> Value {
    let mut document = Document::default();
    document.add(Place { prefix: "/", kind, tag: "", mount: None }, routes);
    document.into_value()
}
