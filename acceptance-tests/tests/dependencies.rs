//! The direction of dependencies between our crates: other arrows than these fail.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Crate, and those of our crates that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    // The harness drives built programs over HTTP; of our crates it knows the list of kinds alone, but for the test that
    // looks behind the answers of a server, which it runs in its own process.
    ("acceptance-tests", &["schemas", "server"]),
    ("client", &["schemas"]),
    // The binary makes the client that it hands to the reconciler, and prints diagnostics.
    ("lockstep", &["client", "reconciler", "schemas", "server"]),
    ("provider", &["client", "schemas", "tf-provider-sdk"]),
    ("reconciler", &["client", "schemas"]),
    ("schemas", &["schemas-derive"]),
    ("schemas-derive", &[]),
    ("server", &["schemas"]),
    ("tf-provider-sdk", &[]),
    ("xtask", &["schemas"]),
];

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let allowed: BTreeSet<(String, String)> = ARROWS
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| ((*from).to_owned(), (*to).to_owned())))
        .collect();
    let unexpected: Vec<_> =
        arrows().difference(&allowed).map(|(from, to)| format!("{from} → {to}")).collect();
    assert!(unexpected.is_empty(), "arrows that are not in the table `ARROWS`: {}", unexpected.join(", "));
}

#[test]
fn every_crate_is_in_the_table() {
    let table: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(members(&metadata()), table);
}

fn arrows() -> BTreeSet<(String, String)> {
    let metadata = metadata();
    let members = members(&metadata);
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let mut arrows = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("a package lists dependencies") {
            let to = text(&dependency["name"]);
            if members.contains(&to) {
                arrows.insert((text(&package["name"]), to));
            }
        }
    }
    arrows
}

fn members(metadata: &Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    packages.iter().map(|package| text(&package["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name is a string").to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(acceptance_tests::programs::workspace())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}
