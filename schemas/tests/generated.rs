//! The generated files are committed, and as the declarations make them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use schemas::json_schema::{document, generated};
use schemas::kinds::find;
use schemas::{Class, kinds};
use serde_json::json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn generated_files_are_up_to_date() {
    let files = generated();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(root().join("schemas/generated")).expect("a folder");
        for (path, content) in &files {
            fs::write(root().join(path), content).expect("a file");
        }
    }
    let committed = fs::read_dir(root().join("schemas/generated")).expect("a folder");
    let committed: BTreeSet<_> = committed
        .map(|file| format!("schemas/generated/{}", file.expect("a file").file_name().to_string_lossy()))
        .collect();
    let paths: BTreeSet<_> = files.iter().map(|(path, _)| path.clone()).collect();
    let current = |(path, content): &&(String, String)| {
        fs::read_to_string(root().join(path)).is_ok_and(|committed| committed == *content)
    };
    let outdated: BTreeSet<_> =
        files.iter().filter(|file| !current(file)).map(|(path, _)| path.clone()).collect();
    let outdated: Vec<_> = outdated.union(&(&committed - &paths)).cloned().collect();
    assert!(outdated.is_empty(), "run `cargo xtask generate`; not up to date: {}", outdated.join(", "));
}

#[test]
fn a_document_says_what_the_declaration_says() {
    let user = document(find(Class::Resource, "userpass_auth_backend_user").expect("is declared"));
    assert_eq!(user["required"], json!(["mount", "username"]));
    assert_eq!(user["properties"]["password_wo"]["writeOnly"], true);
    assert_eq!(user["properties"]["token_policies"]["uniqueItems"], true);
    assert_eq!(user["properties"]["token_type"]["default"], "default");
    let rules = user["allOf"].as_array().expect("rules");
    assert!(
        rules.contains(&json!({"dependentRequired": {"password_wo_version": ["password_wo"]}})),
        "{rules:?}"
    );
    let one = json!({"oneOf": [{"required": ["password_hash_wo"]}, {"required": ["password_wo"]}]});
    assert!(rules.contains(&one), "{rules:?}");
}

#[test]
fn every_resource_has_examples() {
    let missing = |kind: &&schemas::Kind| {
        let folder = root().join("examples/kinds").join(kind.name);
        let mut files = vec!["main.tf"];
        files.extend(kind.block.map(|_| "main.hcl"));
        files.extend((!kind.imports.is_empty()).then_some("import.sh"));
        let absent = files.into_iter().filter(|file| !folder.join(file).is_file());
        absent.map(|file| format!("{}/{file}", kind.name)).collect::<Vec<_>>()
    };
    let resources = kinds::KINDS.iter().copied().filter(|kind| kind.class == Class::Resource);
    let missing: Vec<String> = resources.flat_map(|kind| missing(&kind)).collect();
    assert!(missing.is_empty(), "examples/kinds lacks {}", missing.join(", "));
}

#[test]
fn an_example_declares_its_kind_and_imports_it_by_an_id_that_fits() {
    for kind in kinds::KINDS.iter().filter(|kind| kind.class == Class::Resource) {
        let folder = root().join("examples/kinds").join(kind.name);
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let head = format!("resource \"{}\"", kind.terraform_name());
        assert!(text("main.tf").contains(&head), "{kind:?}: main.tf has no {head}");
        let import = text("import.sh");
        for line in import.lines().filter(|line| line.starts_with("terraform import")) {
            let id = line.rsplit(' ').next().unwrap_or_default().trim_matches('\'');
            assert!(kind.behavior.import(kind, id).is_some(), "{kind:?}: `{id}` is no import id");
            assert!(line.contains(&kind.terraform_name()), "{line}");
        }
    }
}
