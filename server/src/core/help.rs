//! `?help=1`: what a mount, or one path of it, takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use schemas::Shape;
use serde_json::{Value, json};

use super::engine::{Access, AnyEngine, RouteInfo};
use super::error::Error;
use super::openapi::{Document, Place};
use super::pipeline::Reply;
use super::request::Operation;

/// A path of an engine and what it takes.
pub(crate) struct Described {
    pub(crate) info: &'static RouteInfo,
    pub(crate) operations: Vec<Operation>,
}

const PATHS: &str =
    "The following paths are there. For more about one of them, ask for the help of any path that
its pattern fits. What a token may do with them is up to its policies.";

/// The help for `path` of a mount of `kind`; of the whole mount, if it is empty.
pub(super) fn reply(engine: &dyn AnyEngine, kind: &str, path: &str) -> Result<Reply, Error> {
    let routes = engine.describe();
    let (text, shown): (String, &[Described]) = if path.is_empty() {
        (of_mount(engine.about(), &routes), &routes)
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

fn of_mount(about: &str, routes: &[Described]) -> String {
    let mut text = format!("## DESCRIPTION\n\n{about}\n\n## PATHS\n\n{PATHS}\n");
    let mut shown: Vec<_> = routes.iter().filter(|route| !route.info.is_hidden).collect();
    shown.sort_by_key(|route| route.info.pattern.as_str());
    for route in shown {
        let (pattern, about) = (expression(route), route.info.about);
        // Writing to a String does not fail.
        write!(text, "\n    {pattern}\n        {about}\n").ok();
    }
    text
}

fn of_route(path: &str, route: &Described) -> String {
    let (pattern, about) = (expression(route), route.info.about);
    let mut text = format!("Request:        {path}\nMatching Route: {pattern}\n\n{about}\n");
    text.push_str(&parameters(route.info));
    // Writing to a String does not fail.
    write!(text, "\n## DESCRIPTION\n\n{}", description(route)).ok();
    text
}

/// Which paths lead to `route`, as clients know patterns. A slash at the end of a list does not count.
fn expression(route: &Described) -> String {
    let expression = route.info.pattern.expression();
    let is_list = route.operations.iter().any(|each| matches!(each, Operation::List | Operation::Scan));
    match expression.strip_suffix('$') {
        Some(bare) if is_list && !bare.ends_with("/?") && !route.info.pattern.as_str().ends_with("..}") => {
            format!("{bare}/?$")
        }
        _ => expression,
    }
}

fn parameters(info: &RouteInfo) -> String {
    let mut shown: BTreeMap<&str, (&str, &str)> =
        info.pattern.placeholders().map(|name| (name, ("string", "A part of the path."))).collect();
    shown.extend(info.told().map(|field| {
        let name = if field.key { field.name } else { field.parameter() };
        (name, (type_name(&field.shape), field.doc))
    }));
    let mut text = String::new();
    for (name, (sort, doc)) in shown {
        if text.is_empty() {
            text.push_str("\n## PARAMETERS\n");
        }
        let doc = doc.trim().replace('\n', "\n        ");
        // Writing to a String does not fail.
        write!(text, "\n    {name} ({sort})\n\n        {doc}\n").ok();
    }
    text
}

/// What the path takes, and from whom.
fn description(route: &Described) -> String {
    let taken = match methods(route).as_slice() {
        [] => "This path takes no method.".to_owned(),
        [method] => format!("This path takes {method}."),
        [methods @ .., last] => format!("This path takes {} and {last}.", methods.join(", ")),
    };
    let needed = match route.info.access {
        Access::Token => "",
        Access::Sudo => " It needs the capability `sudo`.",
        Access::Unauthenticated | Access::Login => " It needs no token.",
    };
    taken + needed
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
        Operation::Help | Operation::Head => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::mount::{MountClass, MountEntry};
    use crate::core::namespace::Namespace;
    use crate::core::topology::Mounted;

    const KINDS: [(MountClass, &str); 9] = [
        (MountClass::Secret, "kv"),
        (MountClass::Secret, "cubbyhole"),
        (MountClass::Secret, "identity"),
        (MountClass::Secret, "system"),
        (MountClass::Secret, "totp"),
        (MountClass::Auth, "token"),
        (MountClass::Auth, "approle"),
        (MountClass::Auth, "userpass"),
        (MountClass::Auth, "jwt"),
    ];

    fn engines() -> impl Iterator<Item = std::sync::Arc<Mounted>> {
        let versioned = MountEntry {
            options: Some([("version".to_owned(), "2".to_owned())].into()),
            ..MountEntry::new(MountClass::Secret, "x/", "kv")
        };
        let entries = KINDS.map(|(class, kind)| MountEntry::new(class, "x/", kind));
        entries.into_iter().chain([versioned]).map(|entry| Mounted::new(entry, &Namespace::root()))
    }

    #[test]
    fn every_route_says_what_it_is_for() {
        let mut count = 0;
        for mounted in engines() {
            let kind = &mounted.entry().kind;
            let engine = mounted.engine.as_ref().unwrap_or_else(|| panic!("`{kind}` is not built"));
            let is_said = |about: &str| about.ends_with('.') && about.starts_with(char::is_uppercase);
            assert!(is_said(engine.about()), "{kind}");
            for route in engine.describe() {
                let (pattern, about) = (route.info.pattern.as_str(), route.info.about);
                assert!(is_said(about), "`{pattern}` of `{kind}`: {about:?}");
                count += 1;
            }
        }
        assert!(count >= 200, "{count} routes");
    }

    #[test]
    fn a_path_is_described_by_its_declaration() {
        let mounted = engines().nth(7).expect("userpass");
        let routes = mounted.engine.as_ref().expect("it is built").describe();
        let found = routes.iter().find(|route| route.info.pattern.as_str() == "login/{username}");
        let text = of_route("login/ada", found.expect("the login"));
        assert_eq!(
            text,
            "Request:        login/ada\n\
             Matching Route: ^login/(?P<username>\\w(([\\w-.]+)?\\w)?)$\n\n\
             Logs in with a password.\n\n\
             ## PARAMETERS\n\n    password (string)\n\n        With which password.\n\n    \
             username (string)\n\n        Who wants to log in.\n\n\
             ## DESCRIPTION\n\nThis path takes POST. It needs no token."
        );
    }
}
