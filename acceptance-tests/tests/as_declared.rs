//! What the server has otherwise than it is declared, on OpenBao and on our server: it is seen where it is declared, and
//! nowhere else; and Terraform is told of no error where the server only writes it otherwise.

use acceptance_tests::{Flavor, Lockstep, Server, Terraform, programs};
use serde_json::{Value, json};

// Exit codes of the reconciler.
const IN_SYNC: i32 = 0;
const CHANGES: i32 = 2;

#[track_caller]
fn check(body: impl Fn(&Server) -> Result<(), String>) {
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        if let Err(problem) = Server::with(flavor, &body) {
            panic!("{}: {problem}", flavor.name());
        }
    }
}

const ANSWERED_OTHERWISE: &str = r#"
resource "vault_generic_endpoint" "policy" {
  path      = "sys/policies/acl/gp"
  data_json = jsonencode({ policy = "path \"a\" { capabilities = [\"read\"] }" })
}
resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}
resource "vault_generic_endpoint" "config" {
  path           = "${vault_mount.kv.path}/config"
  data_json      = jsonencode({ max_versions = "5" })
  disable_delete = true
}
resource "vault_auth_backend" "people" {
  type = "userpass"
}
resource "vault_generic_endpoint" "user" {
  path                 = "auth/${vault_auth_backend.people.path}/users/ann"
  ignore_absent_fields = true
  data_json            = jsonencode({ password = "long-and-secret", token_ttl = "1h" })
}
"#;

/// An object that is tainted is destroyed at the next apply, and made anew.
#[test]
fn what_the_server_answers_otherwise_than_it_was_written_taints_nothing_in_terraform() {
    if programs::without("terraform") {
        return;
    }
    check(|server| {
        let terraform = Terraform::new(server)?;
        terraform.write_provider()?;
        terraform.write("main.tf", ANSWERED_OTHERWISE)?;
        // The second time they are changed in place.
        for _ in 0..2 {
            let applied = terraform.apply()?;
            if applied.stdout.contains("destroyed and then created")
                || applied.stderr.contains("inconsistent")
            {
                return Err(applied.failure("an object is made anew, or said to be inconsistent"));
            }
            let state = terraform.show()?;
            let resources = state.pointer("/values/root_module/resources").and_then(Value::as_array);
            let resources = resources.ok_or("no resources in the state")?;
            if resources.len() != 5 || resources.iter().any(|resource| resource["tainted"] == json!(true)) {
                return Err(format!("something is tainted, or missing: {state}"));
            }
        }
        terraform.destroy().map(drop)
    });
}

const EMPTY: &str = r#"
  tune {
    max_lease_ttl               = "2h"
    listing_visibility          = ""
    passthrough_request_headers = []
  }
  user_lockout {
    threshold = 3
    disable   = false
    duration  = "0s"
  }
}
"#;

/// Somebody sets what is declared as empty.
fn meddle(server: &Server) -> Result<(), String> {
    let declared = json!({ "listing_visibility": "unauth", "passthrough_request_headers": ["X-A"],
        "user_lockout_config": { "lockout_threshold": "3", "lockout_disable": true, "lockout_duration": "5m" } });
    server.must("POST", "sys/auth/people/tune", Some(&declared)).map(drop)
}

/// Somebody sets what nobody declares.
fn meddle_elsewhere(server: &Server) -> Result<(), String> {
    let others = json!({ "allowed_response_headers": ["X-B"], "audit_non_hmac_request_keys": ["x"],
        "user_lockout_config": { "lockout_threshold": "3", "lockout_counter_reset_duration": "7m" } });
    server.must("POST", "sys/auth/people/tune", Some(&others)).map(drop)
}

/// What was declared as empty is so again, and what nobody declared stayed.
fn is_mended(server: &Server) -> Result<(), String> {
    let tune = server.must("GET", "sys/auth/people/tune", None)?;
    let data = &tune["data"];
    let is_empty = |name: &str| match &data[name] {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(|item| *item == json!("")),
        _ => false,
    };
    let is_left = data["allowed_response_headers"] == json!(["X-B"])
        && data["audit_non_hmac_request_keys"] == json!(["x"])
        && data["user_lockout_counter_reset_duration"] == json!(420);
    let is_unset = data["user_lockout_disable"] == json!(false) && data["user_lockout_duration"] == json!(0);
    match is_empty("listing_visibility") && is_empty("passthrough_request_headers") && is_left && is_unset {
        true => Ok(()),
        false => Err(format!("it is not as declared, or more was changed: {data}")),
    }
}

#[test]
fn what_is_declared_as_empty_is_compared_by_the_reconciler() {
    check(|server| {
        let lockstep = Lockstep::new(server)?;
        lockstep.write("main.hcl", &format!("auth \"people\" {{\n  type = \"userpass\"{EMPTY}"))?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        meddle_elsewhere(server)?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift of what nobody declares")?;
        meddle(server)?;
        let drift = lockstep.expect(&["drift", "main.hcl"], CHANGES, "drift")?;
        if !["listing_visibility", "passthrough_request_headers", "disable", "duration"]
            .iter()
            .all(|name| drift.stdout.contains(name))
        {
            return Err(drift.failure("not all of it is shown"));
        }
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply of what is empty")?;
        is_mended(server)?;
        lockstep.expect(&["plan", "main.hcl"], IN_SYNC, "plan after the apply").map(drop)
    });
}

#[test]
fn what_is_declared_as_empty_is_compared_by_the_provider() {
    if programs::without("terraform") {
        return;
    }
    check(|server| {
        let terraform = Terraform::new(server)?;
        terraform.write_provider()?;
        let text = |rest: &str| {
            format!(
                "resource \"vault_auth_backend\" \"people\" {{\n  type = \"userpass\"\n  path = \"people\"{rest}"
            )
        };
        terraform.write("main.tf", &text(EMPTY))?;
        terraform.apply()?;
        terraform.plan_empty("after the apply")?;
        meddle_elsewhere(server)?;
        terraform.plan_empty("after a change of what nobody declares")?;
        meddle(server)?;
        terraform.plan_changes("after a change of what is declared as empty")?;
        terraform.apply()?;
        is_mended(server)?;
        terraform.plan_empty("after it was mended")?;
        // What is not declared any longer is nobody's.
        terraform.write("main.tf", &text("\n  tune {\n    max_lease_ttl = \"2h\"\n  }\n}\n"))?;
        meddle(server)?;
        terraform.plan_empty("where nothing is declared as empty")
    });
}

const LASTING: &str = "policy \"p\" {\n  ttl = \"TTL\"\n  path \"a\" { capabilities = [\"read\"] }\n}\n";

#[test]
fn the_lifetime_of_a_policy_is_compared_with_the_end_that_the_server_shows() {
    check(|server| {
        let lockstep = Lockstep::new(server)?;
        lockstep.write("main.hcl", &LASTING.replace("TTL", "1h"))?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply")?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift after the apply")?;
        let longer = json!({ "policy": "path \"a\" { capabilities = [\"read\"] }", "ttl": "2h" });
        server.must("POST", "sys/policies/acl/p", Some(&longer))?;
        lockstep.expect(&["drift", "main.hcl"], CHANGES, "drift of a lifetime")?;
        lockstep.write("main.hcl", &LASTING.replace("TTL", "3h"))?;
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply of the lifetime")?;
        lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift after that").map(drop)
    });
}

const METHOD_AND_MOUNT: &str = r#"
resource "vault_auth_backend" "a" {
  type = "approle"
  path = "chosen"
  METHOD
}
resource "vault_mount" "m" {
  type = "kv"
  path = "chosen"
  MOUNT
}
"#;

/// What somebody took away meanwhile does not come back out of the state with another change.
#[test]
fn terraform_sends_nothing_that_is_not_declared_along_with_a_change() {
    if programs::without("terraform") {
        return;
    }
    check(|server| {
        let terraform = Terraform::new(server)?;
        terraform.write_provider()?;
        let write = |method: &str, mount: &str| {
            terraform.write("main.tf", &METHOD_AND_MOUNT.replace("METHOD", method).replace("MOUNT", mount))
        };
        write("options = { a = \"b\" }", "default_lease_ttl_seconds = 7200")?;
        terraform.apply()?;
        write("description = \"second\"", "description = \"second\"")?;
        terraform.run(&["plan", "-input=false", "-out=saved"])?.expect(0, "a plan of two descriptions")?;
        server.must("POST", "sys/auth/chosen/tune", Some(&json!({ "options": { "a": "" } })))?;
        server.must("POST", "sys/mounts/chosen/tune", Some(&json!({ "default_lease_ttl": "3600s" })))?;
        terraform.run(&["apply", "-input=false", "saved"])?.expect(0, "the apply of that plan")?;
        let method = server.must("GET", "sys/mounts/auth/chosen", None)?;
        let mount = server.must("GET", "sys/mounts/chosen", None)?;
        if [&method, &mount].iter().any(|answer| answer["data"]["description"] != json!("second")) {
            return Err(format!("a description was not written: {method} {mount}"));
        }
        if method["data"]["options"]["a"] != Value::Null {
            return Err(format!("the option came back: {method}"));
        }
        if mount["data"]["config"]["default_lease_ttl"] != json!(3600) {
            return Err(format!("the lifetime came back: {mount}"));
        }
        terraform.plan_empty("after the apply")?;
        terraform.destroy().map(drop)
    });
}
