//! Mounts that move: what they hold moves with them, on OpenBao and on our server.

use acceptance_tests::{Flavor, Lockstep, Server};

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
