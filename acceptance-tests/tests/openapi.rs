//! The OpenAPI document has the paths and methods of OpenBao's, but for what `openapi.tsv` lists.

use std::collections::{BTreeMap, BTreeSet};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::openapi::{Described, described, document};
use acceptance_tests::{Flavor, Server, programs};

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
    let document = Server::with(flavor, |server| document(server, query))?;
    Ok(described(&document)?.iter().map(Described::name).collect())
}
