//! What documents name is there: files and folders by their paths, tests by their names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use acceptance_tests::{cases, programs};

/// What is made or kept beside the source.
const NOT_SOURCE: [&str; 4] = [".git", "target", "node_modules", ".terraform"];

/// Documents of what was, with paths of that time; and those with paths of other folders.
const NOT_CHECKED: [&str; 2] = ["CHANGELOG.md", "acceptance-tests/compat/STATES.md"];

/// Ends of the names of files that documents speak of.
const ENDS: [&str; 8] = ["rs", "md", "http", "tsv", "txt", "toml", "hcl", "tf"];

#[test]
fn every_path_in_a_document_leads_somewhere() {
    let files = files_of(&programs::workspace());
    let names: BTreeSet<&str> = files.iter().filter_map(|file| file.rsplit('/').next()).collect();
    let mut missing = Vec::new();
    for (document, text) in documents(&files) {
        for path in paths(&text) {
            let is_there = match path.contains('/') {
                true => leads_somewhere(&document, path),
                false => names.contains(path),
            };
            if !is_there {
                missing.push(format!("{document}: `{path}`"));
            }
        }
    }
    assert!(missing.is_empty(), "no such file or folder:\n{}", missing.join("\n"));
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let root = programs::workspace();
    let files = files_of(&root);
    let sources = files.iter().filter(|file| file.ends_with(".rs"));
    let code: String = sources.filter_map(|file| fs::read_to_string(root.join(file)).ok()).collect();
    let mut missing = Vec::new();
    for (document, text) in documents(&files) {
        let is_name = |word: &&str| {
            let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            word.chars().all(is_letter) && word.matches('_').count() > 2
        };
        let unknown = quoted(&text).filter(is_name).filter(|name| !code.contains(name));
        missing.extend(unknown.map(|name| format!("{document}: `{name}`")));
    }
    assert!(missing.is_empty(), "no source names them:\n{}", missing.join("\n"));
}

#[test]
fn the_recorded_cases_that_are_here_are_listed() {
    let folder = programs::cases().join("compat");
    let folders = cases::folders(&folder.join("states")).expect("the folder of the cases");
    let text = fs::read_to_string(folder.join("STATES.md")).expect("the list");
    let (_, listed) = text.split_once("### In `states` (").expect("its part of the list");
    let (count, listed) = listed.split_once(")\n").expect("their number");
    let (listed, _) = listed.split_once("###").expect("what comes after it");
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split("**").nth(1)).collect();
    let here: BTreeSet<&str> = folders.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(listed, here);
    assert_eq!(count, here.len().to_string());
}

/// Documents with their texts, without blocks of code; what tests read are no documents.
fn documents(files: &BTreeSet<String>) -> Vec<(String, String)> {
    let is_document = |file: &&String| {
        let is_read = ["tests/", "/transcripts/"].iter().any(|part| file.contains(part));
        file.ends_with(".md") && (!is_read || file.starts_with("acceptance-tests/"))
    };
    let documents = files.iter().filter(is_document).filter(|file| !NOT_CHECKED.contains(&file.as_str()));
    let read = |file: &String| {
        let text = fs::read_to_string(programs::workspace().join(file)).expect("a document");
        (file.clone(), text.split("```").step_by(2).collect())
    };
    documents.map(read).collect()
}

fn files_of(root: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("a name of text");
            if NOT_SOURCE.contains(&name.as_str()) {
                continue;
            }
            let path = folder.join(name);
            match entry.file_type().is_ok_and(|sort| sort.is_dir()) {
                true => folders.push(path),
                false => drop(files.insert(path.display().to_string())),
            }
        }
    }
    files
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What stands in backticks, or as the target of a link, and looks like a path of a file or of a folder.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
    links.chain(quoted(text).filter(|word| is_path(word)))
}

fn is_path(word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let end = word.rsplit_once('.').map(|(_, end)| end);
    // `lockstep/vault` is an address of Terraform's, so a folder is one that is said with two that it is in.
    let first = word.split_once('/').filter(|(_, rest)| rest.contains('/')).map(|(first, _)| first);
    let is_of_the_tree = first.is_some_and(|first| programs::workspace().join(first).join("src").is_dir());
    // What is made up in an explanation has a part in angle brackets, braces or stars, and is no path here.
    word.chars().all(is_letter)
        && !word.starts_with(['/', '.'])
        && (is_of_the_tree || end.is_some_and(|end| ENDS.contains(&end)))
}

/// True if there is something at `path`, from the root or from the document's own folder.
fn leads_somewhere(document: &str, path: &str) -> bool {
    let root = programs::workspace();
    let beside = root.join(document).with_file_name(path);
    root.join(path).exists() || beside.exists()
}
