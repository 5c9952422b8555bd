//! Mounts that move: what they hold moves with them, on OpenBao and on our server.

use acceptance_tests::{Flavor, Lockstep, Server, Terraform, programs};

// Exit codes of the reconciler.
const IN_SYNC: i32 = 0;
const CHANGES: i32 = 2;

/// A mount with a secret, an auth method with roles, and a policy that names what belongs to them.
const STACK: &str = r#"
mount "MOUNT" {
  type    = "kv"
  options = { version = 2 }
  config { max_versions = 5 }
  secret "app/mail" {
    data_json = secret.env("MAIL")
  }
}
auth "METHOD" {
  type = "approle"
  role "App" {
    token_ttl = "TTL"
  }
  role "other" {
    bind_secret_id = true
  }
}
policy "uses" {
  policy = "path \"${mount.MOUNT.secret["app/mail"].path}\" { capabilities = [\"read\"] }\n# ${auth.METHOD.accessor}"
}
"#;

const MOVED: &str = r#"
moved {
  from = mount.first
  to   = mount["teams/second"]
}
moved {
  from = auth.first
  to   = auth["teams/second"]
}
"#;

fn stack(ttl: &str) -> String {
    let place = |block: &str| format!("{block}[\"teams/second\"]");
    let text = STACK.replace("mount.MOUNT", &place("mount")).replace("auth.METHOD", &place("auth"));
    text.replace("MOUNT", "teams/second").replace("METHOD", "teams/second").replace("TTL", ttl) + MOVED
}

#[test]
fn a_moved_mount_takes_along_what_it_holds() {
    check(|lockstep| {
        lockstep.write("main.hcl", &stack("20m"))?;
        let planned = lockstep.expect(&["plan", "main.hcl"], CHANGES, "plan of the move")?;
        // The policy names the secret's path, which is another one then.
        if !planned.stdout.contains("Plan: 1 to update, 2 to move; 4 in sync.") {
            return Err(planned.failure("more or less than the two moves is planned"));
        }
        lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply of the move")?;
        is_settled(lockstep)
    });
}

#[test]
fn a_saved_plan_moves_and_changes() {
    check(|lockstep| {
        lockstep.write("main.hcl", &stack("30m"))?;
        lockstep.expect(&["plan", "-out=plan.json", "main.hcl"], CHANGES, "plan of the move")?;
        lockstep.expect(&["apply", "plan.json"], IN_SYNC, "apply of the move")?;
        is_settled(lockstep)
    });
}

fn is_settled(lockstep: &Lockstep) -> Result<(), String> {
    lockstep.expect(&["plan", "main.hcl"], IN_SYNC, "plan after the move")?;
    lockstep.expect(&["drift", "main.hcl"], IN_SYNC, "drift after the move").map(drop)
}

/// Applies the stack at its first place, then does `body`.
#[track_caller]
fn check(body: impl Fn(&Lockstep) -> Result<(), String>) {
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        let ran = Server::with(flavor, |server| {
            let mut lockstep = Lockstep::new(server)?;
            lockstep.set("MAIL", r#"{"password":"JBSWY3DPEHPK3PXP"}"#);
            let text = STACK.replace("MOUNT", "first").replace("METHOD", "first").replace("TTL", "20m");
            lockstep.write("main.hcl", &text)?;
            lockstep.expect(&["apply", "-auto-approve", "main.hcl"], IN_SYNC, "apply before the move")?;
            lockstep.expect(&["plan", "main.hcl"], IN_SYNC, "plan before the move")?;
            body(&lockstep)
        });
        if let Err(problem) = ran {
            panic!("{}: {problem}", flavor.name());
        }
    }
}

const MOUNT_TF: &str = r#"
resource "vault_mount" "flat" {
  path                      = "PATH"
  type                      = "kv"
  default_lease_ttl_seconds = DEFAULT
  max_lease_ttl_seconds     = 7200
}
"#;

#[test]
fn a_mount_that_moved_and_was_not_tuned_stays_in_the_state() {
    if programs::without("terraform") {
        return;
    }
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        if let Err(problem) = Server::with(flavor, moved_and_not_tuned) {
            panic!("{problem}");
        }
    }
}

fn moved_and_not_tuned(server: &Server) -> Result<(), String> {
    let mount = |path: &str, default: &str| MOUNT_TF.replace("PATH", path).replace("DEFAULT", default);
    let terraform = Terraform::new(server)?;
    terraform.write_provider()?;
    terraform.write("main.tf", &mount("from", "3600"))?;
    terraform.apply()?;
    server.must("POST", "from/secret", Some(&serde_json::json!({"a": "1"})))?;
    terraform.write("main.tf", &mount("to", "9000"))?;
    terraform
        .run(&["apply", "-no-color", "-input=false", "-auto-approve"])?
        .expect(1, "a tune beyond the limit")?;
    let state = terraform.attributes("vault_mount.flat")?;
    if state["path"] != "to" || state["id"] != "to" {
        return Err(format!("the state is not of the moved mount: {state}"));
    }
    terraform.write("main.tf", &mount("to", "600"))?;
    terraform.apply()?;
    terraform.plan_empty("after the tune")?;
    server.must("GET", "to/secret", None).map(drop)
}
