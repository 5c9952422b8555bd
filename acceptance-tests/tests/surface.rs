//! Every operation of the built areas is tried by a request file, or there is a reason in `surface.tsv`.

use std::fs;
use std::path::PathBuf;

use acceptance_tests::script::Script;
use acceptance_tests::surface::{Operation, covered};
use acceptance_tests::{Call, Flavor, Server, cases, programs};
use serde_json::json;

/// Reasons of operations that OpenBao has and ours has not: those answer 501.
const NOT_BUILT: [&str; 4] =
    ["not built yet", "no seals outside", "profiles of the Go runtime", "values of Go"];

const HINT: &str = "hint: UPDATE_EXPECT=1 cargo test -p acceptance-tests --test surface";

#[test]
fn every_operation_is_tried_or_has_a_reason() {
    let (head, listed) = listed();
    let found = with_scripts(&listed);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let lines = head.into_iter().chain(found.iter().map(Operation::line));
        let text: String = lines.map(|line| line + "\n").collect();
        fs::write(file(), text).expect("the list can be written");
    } else {
        let stale: Vec<_> = found.iter().filter(|each| !listed.contains(each)).map(Operation::line).collect();
        assert!(stale.is_empty(), "{} lines are others now; {HINT}\n{}", stale.len(), stale.join("\n"));
    }
    let problems: Vec<String> = found.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn what_is_not_built_says_so_to_those_who_may_ask() {
    let server = Server::start(Flavor::OursDev).expect("our server");
    server.must("POST", "sys/auth/jwt", Some(&json!({ "type": "jwt" }))).expect("a mount");
    let nothing = json!({ "policies": ["nothing"], "no_default_policy": true });
    let answer = server.must("POST", "auth/token/create", Some(&nothing)).expect("a token");
    let powerless = answer["auth"]["client_token"].as_str().expect("a token").to_owned();
    let (_, listed) = listed();
    let is_unbuilt = |each: &&Operation| NOT_BUILT.iter().any(|reason| each.reason.contains(reason));
    // A login through a browser is first asked for a configuration, as by OpenBao.
    let unbuilt = listed.iter().filter(is_unbuilt).filter(|each| !each.path.contains("/oidc/"));
    let mut count = 0;
    for operation in unbuilt {
        let is_open = operation.path.ends_with("/cel/login");
        for (token, expected) in [(&server.token, 501), (&powerless, if is_open { 501 } else { 403 })] {
            let answer = request(operation, token).send(&server.address).expect("an answer");
            let text = answer.json().to_string();
            assert_eq!(answer.status, expected, "{} {}: {text}", operation.method, operation.path);
            assert!(expected == 403 || text.contains("is not implemented by this server"), "{text}");
        }
        count += 1;
    }
    assert!(count >= 40, "{count} operations");
}

fn request(operation: &Operation, token: &str) -> Call {
    let path = operation.path.replace("{jwt_mount_path}", "jwt").replace(['{', '}'], "");
    let call = Call::new(&operation.method, &format!("/v1{path}")).header("X-Vault-Token", token);
    match operation.method.as_str() {
        "POST" => call.json(&json!({})),
        "PATCH" => call.header("Content-Type", "application/merge-patch+json").json(&json!({})),
        _ => call,
    }
}

fn file() -> PathBuf {
    programs::cases().join("surface.tsv")
}

/// The comments of the list, and its operations.
fn listed() -> (Vec<String>, Vec<Operation>) {
    let text = cases::text(&file()).expect("the list of operations");
    let (head, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let operations = lines.into_iter().map(|line| Operation::parse(line).expect("a line of the list"));
    (head.into_iter().map(str::to_owned).collect(), operations.collect())
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
