//! Saved plans on real servers: what is saved is applied as it is, or not at all.

use acceptance_tests::{Flavor, Lockstep, Server, cases, programs};
use serde_json::{Value, json};

const IN_SYNC: i32 = 0;
const ERROR: i32 = 1;
const CHANGES: i32 = 2;
const STALE: i32 = 4;

#[track_caller]
fn check(body: impl Fn(&mut Lockstep, &Server) -> Result<(), String>) {
    for flavor in [Flavor::OursDev, Flavor::OpenBaoDev] {
        if flavor.left_out() {
            continue;
        }
        if let Err(problem) = Server::with(flavor, |server| body(&mut Lockstep::new(server)?, server)) {
            panic!("{}: {problem}", flavor.name());
        }
    }
}

#[test]
fn the_quickstart_is_saved_and_applied() {
    check(|lockstep, _| {
        for (name, path) in cases::all_files(&programs::workspace().join("examples/stacks/quickstart"))? {
            lockstep.write(&name, &cases::text(&path)?)?;
        }
        let planned = lockstep.expect(&["plan", "-out", "p.json", "."], CHANGES, "plan")?;
        let warned = planned.stderr.contains("`QUICKSTART_DATABASE_PASSWORD` is not set");
        if !warned || !planned.stdout.contains("username = \"app\"") {
            return Err(planned.failure("unset secrets and marked text are not shown"));
        }
        let refused = lockstep.expect(&["apply", "p.json"], ERROR, "apply without secrets")?;
        if !refused.stderr.contains("team-a.hcl, line ") || !refused.stderr.contains("nothing was written") {
            return Err(refused.failure("the refusal says not where the secrets are named"));
        }
        lockstep.set("QUICKSTART_DATABASE_PASSWORD", "long-and-secret");
        lockstep.set("QUICKSTART_DEMO_PASSWORD", "long-and-secret");
        lockstep.expect(&["apply", "p.json"], IN_SYNC, "apply")?;
        lockstep.expect(&["plan", "."], IN_SYNC, "plan after the apply").map(drop)
    });
}

const SECRETS: &str = r#"
mount "kv" {
  type    = "kv"
  options = { version = "2" }
  secret "blind" {
    data_json_wo = { p = secret.env("P") }
  }
}
mount "flat" {
  type = "kv"
}
generic_secret "flat/seen" {
  data_json  = { p = secret.env("P") }
  depends_on = [mount.flat]
}
"#;

const IN_A_NAMESPACE: &str = r#"
namespace "team" {
  mount "x" {
    type        = "kv"
    description = secret.kv("kv/app", "p")
  }
}
"#;

#[test]
fn a_secret_of_the_server_is_read_in_the_namespace_of_what_names_it() {
    check(|lockstep, server| {
        server.must("POST", "sys/namespaces/team", None)?;
        for (prefix, text) in [("", "from-root"), ("team/", "from-team")] {
            server.must("POST", &format!("{prefix}sys/mounts/kv"), Some(&json!({ "type": "kv" })))?;
            server.must("PUT", &format!("{prefix}kv/app"), Some(&json!({ "p": text })))?;
        }
        lockstep.write("main.hcl", IN_A_NAMESPACE)?;
        lockstep.expect(&["plan", "-out=p.json", "main.hcl"], CHANGES, "plan")?;
        lockstep.expect(&["apply", "p.json"], IN_SYNC, "apply")?;
        let mount = server.must("GET", "team/sys/mounts/x", None)?;
        match mount["data"]["description"].as_str() {
            Some("from-team") => Ok(()),
            other => Err(format!("it was read elsewhere: {other:?}")),
        }
    });
}

#[test]
fn a_secret_that_was_changed_makes_a_plan_stale() {
    check(|lockstep, server| {
        lockstep.set("P", "one");
        lockstep.write("main.hcl", SECRETS)?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        let changes: [(&str, &str, Value); 2] = [
            ("mount.kv.secret.blind", "kv/data/blind", json!({ "data": { "p": "three" } })),
            ("generic_secret[\"flat/seen\"]", "flat/seen", json!({ "p": "three" })),
        ];
        for (address, path, body) in changes {
            lockstep.set("P", "two");
            let plan = ["plan", "-out=p.json", "-target", address, "-resend", address, "main.hcl"];
            lockstep.expect(&plan, CHANGES, "plan")?;
            server.must("PUT", path, Some(&body))?;
            let stale = lockstep.expect(&["apply", "p.json"], STALE, "apply of a stale plan")?;
            if !stale.stderr.contains("was changed since the plan was made") {
                return Err(stale.failure("it does not say what changed"));
            }
        }
        Ok(())
    });
}
