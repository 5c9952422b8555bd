//! Every operation of the built areas is tried by a request file, or there is a reason in `surface.tsv`.

use std::fs;

use acceptance_tests::script::Script;
use acceptance_tests::surface::{Operation, covered};
use acceptance_tests::{cases, programs};

const HINT: &str = "hint: UPDATE_EXPECT=1 cargo test -p acceptance-tests --test surface";

#[test]
fn every_operation_is_tried_or_has_a_reason() {
    let file = programs::cases().join("surface.tsv");
    let text = cases::text(&file).expect("the list of operations");
    let (head, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let listed: Vec<Operation> =
        lines.into_iter().map(|line| Operation::parse(line).expect("a line of the list")).collect();
    let found = with_scripts(&listed);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let lines = head.into_iter().map(str::to_owned).chain(found.iter().map(Operation::line));
        let text: String = lines.map(|line| line + "\n").collect();
        fs::write(&file, text).expect("the list can be written");
    } else {
        assert_eq!(listed, found, "{HINT}");
    }
    let problems: Vec<String> = found.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// `operations` with the request files that there are.
fn with_scripts(operations: &[Operation]) -> Vec<Operation> {
    let mut names = vec![Vec::new(); operations.len()];
    let folder = programs::cases().join("differential");
    for (name, path) in cases::files(&folder, "http").expect("the folder of the scripts") {
        let script =
            Script::parse(&cases::text(&path).expect("a script")).expect("a script that can be read");
        for index in covered(&script, operations) {
            names[index].push(name.clone());
        }
    }
    let named = operations.iter().zip(names);
    named.map(|(operation, names)| Operation { covered_by: names.join(","), ..operation.clone() }).collect()
}

fn problem(operation: &Operation) -> Option<String> {
    let name = format!("{} {}", operation.method, operation.path);
    match (operation.covered_by.is_empty(), operation.reason.is_empty()) {
        (true, true) => Some(format!("{name}: no request file tries it, and there is no reason")),
        (false, false) => Some(format!("{name}: it is tried (remove the reason)")),
        _ => None,
    }
}
