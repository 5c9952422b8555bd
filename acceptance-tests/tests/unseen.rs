//! Objects that nobody can look at, on OpenBao and on our server: never in sync, and written when that is said.

use acceptance_tests::{Flavor, Lockstep, Server};
use serde_json::json;

// Exit codes of the reconciler.
const DONE: i32 = 0;
const CHANGES: i32 = 2;

const BLIND: &str = r#"
mount "kv" {
  type    = "kv"
  options = { version = 2 }
  secret "new" {
    disable_read = true
    data_json    = { p = secret.env("P") }
  }
}
generic_secret "flat/new" {
  disable_read = true
  data_json    = { p = secret.env("P") }
}
generic_endpoint "sys/capabilities-self" {
  data_json = { path = nonsensitive("sys") }
}
"#;

#[test]
fn what_nobody_looked_at_is_written_when_that_is_said_and_is_never_in_sync() {
    for flavor in [Flavor::OursDev, Flavor::OpenBaoDev] {
        if flavor.left_out() {
            continue;
        }
        if let Err(problem) = Server::with(flavor, check) {
            panic!("{}: {problem}", flavor.name());
        }
    }
}

fn check(server: &Server) -> Result<(), String> {
    let mut lockstep = Lockstep::new(server)?;
    lockstep.set("P", "long-and-secret");
    lockstep.write("main.hcl", BLIND)?;
    server.must("POST", "sys/mounts/kv", Some(&json!({ "type": "kv", "options": { "version": "2" } })))?;
    server.must("POST", "sys/mounts/flat", Some(&json!({ "type": "kv" })))?;
    is_not_looked_at(server, &lockstep, 404)?;
    let mut resend = vec!["apply", "-auto-approve"];
    for address in
        ["mount.kv.secret.new", "generic_secret[\"flat/new\"]", "generic_endpoint[\"sys/capabilities-self\"]"]
    {
        resend.extend(["-resend", address]);
    }
    lockstep.expect(&resend, DONE, "apply -resend")?;
    is_not_looked_at(server, &lockstep, 200)?;
    lockstep.expect(&["plan", "-destroy"], CHANGES, "plan -destroy").map(drop)
}

/// An apply says that it looked at none of the three, and leaves them as they are.
fn is_not_looked_at(server: &Server, lockstep: &Lockstep, expected: u16) -> Result<(), String> {
    let said = lockstep.expect(&["apply", "-auto-approve"], DONE, "apply")?;
    if !said.stdout.contains("nothing to do; 1 in sync, 3 not looked at.") {
        return Err(said.failure("it does not say what it looked at"));
    }
    for path in ["kv/data/new", "flat/new"] {
        let (status, answer) = server.request("GET", path, "", None)?;
        if status != expected {
            return Err(format!("`{path}` should answer {expected}: {status} {answer}"));
        }
    }
    Ok(())
}
