//! What needs `sudo` on OpenBao needs it on our server: every operation of OpenBao's OpenAPI document is asked for by a
//! token that may do all else. What is not built is left out: `openapi.tsv` lists it.

use std::thread;
use std::time::{Duration, Instant};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::openapi::{Described, described, document};
use acceptance_tests::{Call, Flavor, Server, programs};
use serde_json::{Value, json};

const ALL_BUT_SUDO: &str = "path \"*\" {\n  capabilities = \
    [\"create\", \"read\", \"update\", \"patch\", \"delete\", \"list\", \"scan\"]\n}\n";

/// A namespace that is not gone by then stays.
const LONGEST_END: Duration = Duration::from_secs(30);

/// So many requests are compared at least.
const REQUESTS: usize = 350;

#[test]
fn without_sudo_every_operation_answers_what_openbao_answers() {
    if programs::without("openbao") {
        return;
    }
    let skipped = Exceptions::read(&programs::cases().join("openapi.tsv"), 2).expect("the list");
    let openbao = Server::start(Flavor::OpenBaoDev).expect("OpenBao");
    let lockstep = Server::start(Flavor::OursDev).expect("our server");
    prepare(&lockstep).expect("mounts");
    let operations = described(&prepare(&openbao).expect("mounts")).expect("a description");
    let built = operations.iter().filter(|each| !skipped.lists(&["theirs", &each.name()]));
    let requests: Vec<_> = built.flat_map(Described::requests).collect();
    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| statuses(&openbao, &requests));
        let ours = statuses(&lockstep, &requests).expect("answers of our server");
        (theirs.join().expect("no panic").expect("answers of OpenBao"), ours)
    });
    let pairs = requests.iter().zip(theirs.iter().zip(&ours));
    // What we say that we have not built is asked for elsewhere.
    let differing = pairs.filter(|(_, (theirs, ours))| theirs != ours && **ours != 501);
    let found = differing.map(|((method, path), (theirs, ours))| {
        (vec!["answer".to_owned(), format!("{method} {path}")], format!("OpenBao {theirs}, ours {ours}"))
    });
    let known = Exceptions::read(&programs::cases().join("sudo.tsv"), 2).expect("the list");
    known.compare("answer", &found.collect()).unwrap_or_else(|problem| panic!("{problem}"));
    let refused = theirs.iter().filter(|status| **status == 403).count();
    assert!(requests.len() >= REQUESTS && refused >= 30, "{} requests, {refused} refused", requests.len());
}

fn prepare(server: &Server) -> Result<Value, String> {
    server.must("POST", "sys/policies/acl/all-but-sudo", Some(&json!({ "policy": ALL_BUT_SUDO })))?;
    document(server, "")
}

/// What `server` answers, each request with a token of its own: some end the token.
fn statuses(server: &Server, requests: &[(String, String)]) -> Result<Vec<u16>, String> {
    let body = json!({ "policies": ["all-but-sudo"], "no_default_policy": true });
    requests
        .iter()
        .map(|(method, path)| {
            let answer = server.must("POST", "auth/token/create", Some(&body))?;
            let token = answer["auth"]["client_token"].as_str().ok_or("no token")?;
            let mut call = Call::new(method, &format!("/v1/{path}")).header("X-Vault-Token", token);
            if matches!(method.as_str(), "POST" | "PATCH") {
                call = call.header("Content-Type", media_type(method)).json(&json!({}));
            }
            let status = call.send(&server.address)?.status;
            if method == "DELETE" && status < 300 {
                await_end(server, path)?;
            }
            Ok(status)
        })
        .collect()
}

/// OpenBao deletes a namespace in the background, and answers what comes meanwhile in other words.
fn await_end(server: &Server, path: &str) -> Result<(), String> {
    let Some(namespace) = path.strip_prefix("sys/namespaces/").filter(|rest| !rest.contains('/')) else {
        return Ok(());
    };
    let begin = Instant::now();
    while server.must("GET", path, None).is_ok() {
        if begin.elapsed() > LONGEST_END {
            return Err(format!("the namespace `{namespace}` is still there"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn media_type(method: &str) -> &'static str {
    if method == "PATCH" { "application/merge-patch+json" } else { "application/json" }
}
