//! The OpenAPI document has the paths and methods of OpenBao's, but for what `openapi.tsv` lists; and the kinds have the
//! fields that OpenBao's document names, but for what `openapi_fields.tsv` lists; and the bodies of both documents have the
//! same fields of the same types, but for what `openapi_bodies.tsv` lists.

use std::collections::{BTreeMap, BTreeSet};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::openapi::{Described, described, document};
use acceptance_tests::{Flavor, Server, programs};
use schemas::kind::{Part, fields};
use schemas::kinds::KINDS;
use schemas::{Class, Field, Kind, Shape};
use serde_json::Value;

#[test]
fn the_document_has_the_paths_of_openbao() {
    if programs::without("openbao") {
        return;
    }
    let list = Exceptions::read(&programs::cases().join("openapi.tsv"), 2).expect("the list");
    for query in ["", "?generic_mount_paths=true"] {
        let ours = operations(Flavor::OursDev, query).expect("our document");
        let theirs = operations(Flavor::OpenBaoDev, query).expect("OpenBao's document");
        if query.is_empty() {
            list.compare("theirs", &only(&theirs, &ours, "theirs"))
                .unwrap_or_else(|problem| panic!("{problem}"));
            list.compare("ours", &only(&ours, &theirs, "ours")).unwrap_or_else(|problem| panic!("{problem}"));
        }
        assert!(ours.len() > 300, "{} operations", ours.len());
    }
}

#[test]
fn bodies_have_the_fields_of_openbao() {
    if programs::without("openbao") {
        return;
    }
    let list = Exceptions::read(&programs::cases().join("openapi_bodies.tsv"), 3).expect("the list");
    let ours = bodies(Flavor::OursDev).expect("our document");
    let theirs = bodies(Flavor::OpenBaoDev).expect("OpenBao's document");
    let both =
        || ours.iter().filter_map(|(operation, fields)| Some((operation, fields, theirs.get(operation)?)));
    assert!(both().count() > 100, "{} operations", both().count());
    for (whose, is_ours) in [("theirs", false), ("ours", true)] {
        let more = both().flat_map(|(operation, ours, theirs)| match is_ours {
            true => differing(whose, operation, ours, theirs),
            false => differing(whose, operation, theirs, ours),
        });
        list.compare(whose, &more.collect()).unwrap_or_else(|problem| panic!("{problem}"));
    }
    let types = both().flat_map(|(operation, ours, theirs)| of_other_type(operation, ours, theirs));
    list.compare("types", &types.collect()).unwrap_or_else(|problem| panic!("{problem}"));
}

/// Operation to the fields of its body.
type Bodies = BTreeMap<String, Taken>;

/// Field to its type.
type Taken = BTreeMap<String, String>;

/// The fields of all bodies of requests.
fn bodies(flavor: Flavor) -> Result<Bodies, String> {
    let document = Server::with(flavor, |server| document(server, ""))?;
    let operations = described(&document)?.into_iter().filter(|each| matches!(each.method, "post" | "patch"));
    Ok(operations.map(|each| (each.name(), taken(&document, &each.path, each.method))).collect())
}

/// The fields that `path` takes.
fn taken(document: &Value, path: &str, method: &str) -> Taken {
    let content = &document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"];
    let schema = content["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    let fields = schema.unwrap_or(content)["properties"].as_object();
    fields.into_iter().flatten().map(|(name, schema)| (name.clone(), type_of(schema))).collect()
}

/// `string`, or `array of string`.
fn type_of(schema: &Value) -> String {
    let own = schema["type"].as_str().unwrap_or("anything");
    schema["items"]["type"].as_str().map_or_else(|| own.to_owned(), |items| format!("{own} of {items}"))
}

/// The fields of `left` that `right` has not.
fn differing(whose: &str, operation: &str, left: &Taken, right: &Taken) -> Vec<(Vec<String>, String)> {
    let more = left.keys().filter(|field| !right.contains_key(*field));
    more.map(|field| (key(whose, operation, field), format!("{whose}: `{field}` of {operation}"))).collect()
}

/// The fields that both have, of different types.
fn of_other_type(operation: &str, ours: &Taken, theirs: &Taken) -> Vec<(Vec<String>, String)> {
    let both = ours.iter().filter_map(|(field, own)| Some((field, own, theirs.get(field)?)));
    let other = both.filter(|(_, own, other)| own != other);
    other
        .map(|(field, own, other)| (key("types", operation, field), format!("{own}; OpenBao: {other}")))
        .collect()
}

fn key(scope: &str, operation: &str, field: &str) -> Vec<String> {
    [scope, operation, field].map(str::to_owned).to_vec()
}

/// Which paths of OpenBao's document write the objects of a kind. Kinds whose fields are the user's own have none.
const WRITES: &[(&str, &[&str])] = &[
    ("approle_auth_backend_login", &["/auth/{approle_mount_path}/login"]),
    ("approle_auth_backend_role", &["/auth/{approle_mount_path}/role/{role_name}"]),
    (
        "approle_auth_backend_role_secret_id",
        &[
            "/auth/{approle_mount_path}/role/{role_name}/secret-id",
            "/auth/{approle_mount_path}/role/{role_name}/custom-secret-id",
        ],
    ),
    ("auth_backend", &["/sys/auth/{path}", "/sys/auth/{path}/tune"]),
    ("generic_endpoint", &[]),
    ("generic_secret", &[]),
    ("jwt_auth_backend", &["/sys/auth/{path}", "/sys/auth/{path}/tune", "/auth/{jwt_mount_path}/config"]),
    ("jwt_auth_backend_role", &["/auth/{jwt_mount_path}/role/{name}"]),
    ("kv_secret_backend_v2", &["/{secret_mount_path}/config"]),
    ("kv_secret_v2", &["/{secret_mount_path}/data/{path}", "/{secret_mount_path}/metadata/{path}"]),
    ("mount", &["/sys/mounts/{path}", "/sys/mounts/{path}/tune"]),
    ("namespace", &["/sys/namespaces/{path}"]),
    ("password_policy", &["/sys/policies/password/{name}"]),
    ("policy", &["/sys/policies/acl/{name}"]),
    ("token", &["/auth/token/create", "/auth/token/create/{role_name}"]),
    ("token_auth_backend_role", &["/auth/token/roles/{role_name}"]),
    ("userpass_auth_backend_user", &["/auth/{userpass_mount_path}/users/{username}"]),
];

#[test]
fn kinds_have_the_fields_of_openbao() {
    if programs::without("openbao") {
        return;
    }
    let list = Exceptions::read(&programs::cases().join("openapi_fields.tsv"), 3).expect("the list");
    let document = Server::with(Flavor::OpenBaoDev, |server| document(server, "?generic_mount_paths=true"))
        .expect("OpenBao's document");
    let resources = KINDS.iter().filter(|kind| kind.class == Class::Resource);
    let problems: Vec<String> = resources
        .filter_map(|kind| {
            let paths = WRITES.iter().find(|(name, _)| *name == kind.name);
            let (_, paths) = paths.unwrap_or_else(|| panic!("`WRITES` has no line for `{}`", kind.name));
            let missing = paths.iter().flat_map(|path| missing(kind, path, &document));
            list.compare(kind.name, &missing.collect()).err()
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The fields that a POST to `path` takes and `kind` has not.
fn missing(kind: &Kind, path: &str, document: &Value) -> Vec<(Vec<String>, String)> {
    let names: BTreeSet<&str> = kind.fields().flat_map(names).collect();
    let content = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let schema = content["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    let taken = schema.unwrap_or(content)["properties"].as_object();
    let taken = taken.unwrap_or_else(|| panic!("OpenBao's document says nothing of a POST to `{path}`"));
    let text = |schema: &Value| schema["description"].as_str().unwrap_or_default().to_owned();
    let is_known = |name: &str, text: &str| {
        names.contains(name) || instead(text).is_some_and(|newer| names.contains(newer))
    };
    let missing = taken.iter().filter(|(name, schema)| !is_known(name, &text(schema)));
    missing
        .map(|(name, schema)| (vec![kind.name.to_owned(), path.to_owned(), name.clone()], text(schema)))
        .collect()
}

/// The newer name of a field that is described by nothing but that: `Use 'token_ttl' instead.`
fn instead(description: &str) -> Option<&str> {
    let rest = description.strip_prefix("Use ")?;
    let (newer, _) = rest.split_once(" instead")?;
    Some(newer.trim_matches(['"', '\'', '`']))
}

/// What a field may be called in requests: its name, aliases, each part of a dotted name; where it is spread over the
/// body, what its own fields are called.
fn names(field: &'static Field) -> Vec<&'static str> {
    let own = [field.name].into_iter().chain(field.api.split('.')).chain(field.aliases.iter().copied());
    let parts: &[Part] = match field.shape {
        _ if !field.api.is_empty() => &[],
        Shape::List(Shape::Object(parts)) => parts,
        Shape::Block { parts, .. } => parts,
        _ => &[],
    };
    own.chain(fields(parts).flat_map(names)).collect()
}

/// What `left` has and `right` has not.
fn only(left: &BTreeSet<String>, right: &BTreeSet<String>, side: &str) -> BTreeMap<Vec<String>, String> {
    left.difference(right).map(|name| (vec![side.to_owned(), name.clone()], name.clone())).collect()
}

/// Method and path of every operation; placeholders without their names.
fn operations(flavor: Flavor, query: &str) -> Result<BTreeSet<String>, String> {
    let document = Server::with(flavor, |server| document(server, query))?;
    Ok(described(&document)?.iter().map(Described::name).collect())
}
