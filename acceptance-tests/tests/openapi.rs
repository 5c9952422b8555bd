//! The OpenAPI document has the paths and methods of OpenBao's, but for what `openapi.tsv` lists.

use std::collections::{BTreeMap, BTreeSet};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::{Flavor, Server, programs};
use serde_json::{Value, json};

const METHODS: [&str; 4] = ["get", "post", "delete", "patch"];

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

/// What `left` has and `right` has not.
fn only(left: &BTreeSet<String>, right: &BTreeSet<String>, side: &str) -> BTreeMap<Vec<String>, String> {
    left.difference(right).map(|name| (vec![side.to_owned(), name.clone()], name.clone())).collect()
}

/// Method and path of every operation; placeholders without their names.
fn operations(flavor: Flavor, query: &str) -> Result<BTreeSet<String>, String> {
    Server::with(flavor, |server| {
        for kind in ["approle", "jwt", "userpass"] {
            server.must("POST", &format!("sys/auth/{kind}"), Some(&json!({ "type": kind })))?;
        }
        let kv = json!({ "type": "kv", "options": { "version": "1" } });
        server.must("POST", "sys/mounts/kv1", Some(&kv))?;
        server.must("POST", "sys/mounts/totp", Some(&json!({ "type": "totp" })))?;
        let document = server.must("GET", &format!("sys/internal/specs/openapi{query}"), None)?;
        let paths = document["paths"].as_object().ok_or("the document has no paths")?;
        Ok(paths.iter().flat_map(|(path, item)| of_path(path, item)).collect())
    })
}

fn of_path(path: &str, item: &Value) -> Vec<String> {
    let bare = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    let path: Vec<String> = path.split('/').map(bare).collect();
    let methods = METHODS.into_iter().filter(|method| item.get(method).is_some());
    methods.map(|method| format!("{method} {}", path.join("/"))).collect()
}
