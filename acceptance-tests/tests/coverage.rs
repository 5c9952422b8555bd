//! Every kind has a case with every step, or a reason in `uncovered.txt`.

use std::collections::BTreeMap;

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::{cases, programs};
use schemas::kind::Class;
use schemas::kinds::KINDS;

/// Files of a case, and whether only kinds with a block in the reconciler's HCL have them.
const STEPS: &[(&str, bool)] = &[
    ("create.tf", false),
    ("update.tf", false),
    ("drift.http", false),
    ("gone.http", false),
    ("import.txt", false),
    ("create.hcl", true),
    ("update.hcl", true),
];

#[test]
fn every_kind_has_every_step_or_a_reason() {
    let listed = Exceptions::read(&programs::cases().join("uncovered.txt"), 2).expect("the list");
    let mut problems = String::new();
    for kind in KINDS.iter().filter(|kind| kind.class == Class::Resource) {
        let name = format!("vault_{}", kind.name);
        let folder = programs::cases().join("kinds").join(&name);
        let missing: BTreeMap<Vec<String>, String> = STEPS
            .iter()
            .filter(|(file, is_block)| (!is_block || kind.block.is_some()) && !folder.join(file).is_file())
            .map(|(file, _)| (vec![name.clone(), (*file).to_owned()], "has no file".to_owned()))
            .collect();
        if let Err(problem) = listed.compare(&name, &missing) {
            problems.push_str(&format!("{problem}\n"));
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn every_case_is_of_a_kind() {
    let folders = cases::folders(&programs::cases().join("kinds")).expect("the folder of the cases");
    let known = |folder: &str| KINDS.iter().any(|kind| folder.strip_prefix("vault_") == Some(kind.name));
    let unknown: Vec<_> = folders.iter().map(|(name, _)| name).filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "no such kinds: {unknown:?}");
}
