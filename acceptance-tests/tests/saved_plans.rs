//! Saved plans on real servers: what is saved is applied as it is, or not at all.

use acceptance_tests::{Flavor, Lockstep, Server, cases, programs};
use serde_json::{Value, json};

const IN_SYNC: i32 = 0;
const ERROR: i32 = 1;
const CHANGES: i32 = 2;
const BLOCKED: i32 = 3;
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
            let [first, then] = ["error: the plan is stale", "was changed since the plan was made"]
                .map(|text| stale.stderr.find(text));
            if first != Some(0) || then <= first {
                return Err(stale.failure("it does not say first that it is stale, and then what changed"));
            }
        }
        Ok(())
    });
}

const OF_VARIABLES: &str = r#"
variable "n" {
  type    = string
  default = "x"
}
variable "note" {
  sensitive = true
}
policy "p3" {
  policy = "path \"${var.n}\" { capabilities = [\"read\"] }"
}
mount "kv" {
  type        = "kv"
  description = var.note
}
"#;

#[test]
fn a_saved_plan_takes_the_values_that_it_needs_and_refuses_others() {
    check(|lockstep, server| {
        lockstep.write("main.hcl", OF_VARIABLES)?;
        lockstep.write("both.json", r#"{"n": "two", "note": "given"}"#)?;
        let plan = ["plan", "-out", "p.json", "-var", "n=one", "-var", "note=given", "main.hcl"];
        lockstep.expect(&plan, CHANGES, "plan")?;
        for (flags, said) in [
            (["-var", "n=two", "-var", "note=given"].as_slice(), "with `-var n=…`"),
            (&["-var-file", "both.json"], "with a value of `n`, which stands in `both.json`"),
            (&["-allow-literal-secrets", "-var", "note=given"], "with `-allow-literal-secrets`"),
        ] {
            let refused =
                lockstep.expect(&[&["apply", "p.json"], flags].concat(), ERROR, "apply with a value")?;
            if !refused.stderr.contains(&format!("error: a saved plan cannot be applied {said}")) {
                return Err(refused.failure("it does not say what it would ignore"));
            }
        }
        if server.request("GET", "sys/policies/acl/p3", "", None)?.0 != 404 {
            return Err("a refused plan was applied".to_owned());
        }
        lockstep.expect(&["apply", "p.json", "-var", "note=given"], IN_SYNC, "apply")?;
        let policy = server.must("GET", "sys/policies/acl/p3", None)?;
        let mount = server.must("GET", "sys/mounts/kv", None)?;
        match policy["data"]["policy"].as_str().is_some_and(|text| text.contains("\"one\"")) {
            true if mount["data"]["description"] == "given" => Ok(()),
            _ => Err(format!("the plan was not applied as it was made: {policy} {mount}")),
        }
    });
}

const NEVER_STORED: &str = r#"
mount "kv" {
  type    = "kv"
  options = { version = "2" }
  secret "blind" {
    data_json_wo = { p = secret.env("P") }
  }
}
"#;

#[test]
fn a_secret_that_is_never_stored_is_compared_where_that_is_asked_for() {
    const COMPARED: [&str; 3] = ["drift", "-compare-secrets", "main.hcl"];
    check(|lockstep, server| {
        lockstep.set("P", "declared-9f31");
        lockstep.write("main.hcl", NEVER_STORED)?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        let unasked = lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift")?;
        if !unasked.stdout.contains("data_json_wo  (not asked for: use -compare-secrets)") {
            return Err(unasked.failure("it does not say why it is not compared"));
        }
        let compared = lockstep.expect(&COMPARED, IN_SYNC, "drift with secrets")?;
        if compared.stdout.contains("not verifiable") {
            return Err(compared.failure("it was not compared"));
        }
        let meddled = json!({ "data": { "p": "meddled-7c20" } });
        server.must("PUT", "kv/data/blind", Some(&meddled))?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift that is not asked for")?;
        let drift = lockstep.expect(&COMPARED, CHANGES, "drift of a secret")?;
        let plan = ["plan", "-compare-secrets", "-out=p.json", "main.hcl"];
        let planned = lockstep.expect(&plan, CHANGES, "plan of a secret")?;
        let saved =
            std::fs::read_to_string(lockstep.folder().join("p.json")).map_err(|error| error.to_string())?;
        let json =
            lockstep.expect(&["drift", "-compare-secrets", "-json", "main.hcl"], CHANGES, "drift as JSON")?;
        secret_is_said_to_differ(&drift.stdout, &json.stdout, &planned.stdout)?;
        let shown = [drift.stdout, json.stdout, planned.stdout, planned.stderr, saved].concat();
        if shown.contains("9f31") || shown.contains("7c20") {
            return Err(format!("the secret is shown:\n{shown}"));
        }
        lockstep.expect(&["apply", "p.json"], IN_SYNC, "apply of the saved plan")?;
        let now = server.must("GET", "kv/data/blind", None)?;
        if now.pointer("/data/data/p") != Some(&json!("declared-9f31")) {
            return Err("the secret was not sent again".to_owned());
        }
        lockstep.expect(&COMPARED, IN_SYNC, "drift after the apply").map(drop)
    });
}

/// There is one on both sides, and neither is shown.
fn secret_is_said_to_differ(drift: &str, json: &str, plan: &str) -> Result<(), String> {
    let [declared, changed] =
        ["data_json_wo  declared (secret), live (secret)", "~ data_json_wo = (secret) → (secret)"];
    let report: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let objects = report["objects"].as_array().into_iter().flatten();
    let fields: Vec<&Value> =
        objects.flat_map(|object| object["fields"].as_array().into_iter().flatten()).collect();
    let secret = json!({ "secret": true });
    let expected = json!({ "declared": secret, "field": "data_json_wo", "live": secret });
    match drift.contains(declared) && plan.contains(changed) && fields == [&expected] {
        true => Ok(()),
        false => Err(format!("it is not said that a secret differs:\n{drift}\n{json}\n{plan}")),
    }
}

#[test]
fn a_lifetime_that_is_taken_off_is_drift() {
    check(|lockstep, server| {
        let tune = "tune {\n    default_lease_ttl = \"768h\"\n    max_lease_ttl = \"768h\"\n  }";
        lockstep.write("main.hcl", &format!("auth \"a\" {{\n  type = \"userpass\"\n  {tune}\n}}\n"))?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift after the apply")?;
        server.must("POST", "sys/auth/a/tune", Some(&json!({ "default_lease_ttl": 0 })))?;
        lockstep.expect(&["drift", "main.hcl"], CHANGES, "drift of a lifetime")?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply of the lifetime")?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift after that").map(drop)
    });
}

#[test]
fn an_engine_that_would_go_back_to_version_1_is_refused_by_the_plan() {
    check(|lockstep, _| {
        let engine = |options: &str| format!("mount \"kv\" {{\n  type = \"kv\"\n  options = {options}\n}}\n");
        lockstep.write("main.hcl", &engine("{ version = 2 }"))?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        lockstep.write("main.hcl", &engine("{}"))?;
        let blocked = lockstep.expect(&["plan", "main.hcl"], BLOCKED, "plan of an older version")?;
        if blocked.stdout.contains("does not become version 1 again") {
            Ok(())
        } else {
            Err(blocked.failure("it does not say why"))
        }
    });
}
