//! A secret value never appears where it does not belong: plans, logs, output, errors.

use std::fs;
use std::path::Path;

use acceptance_tests::run::Ran;
use acceptance_tests::{Flavor, Lockstep, Server, Terraform, programs};

/// Looked for everywhere; no part of it is a word of ours.
const CANARY: &str = "c4n4ry-Zm9vYmFy-9931";
/// The same in base64, as a log of bytes might have it.
const CANARY_BASE64: &str = "YzRuNHJ5LVptOXZZbUZ5LTk5MzE=";

const TERRAFORM: &str = r#"
variable "password" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "vault_mount" "kv" {
  path    = "kv"
  type    = "kv"
  options = { version = "2" }
}

resource "vault_kv_secret_v2" "database" {
  mount                = vault_mount.kv.path
  name                 = "database"
  data_json_wo         = jsonencode({ password = var.password })
  data_json_wo_version = 1
}

resource "vault_auth_backend" "people" {
  path = "people"
  type = "userpass"
}

resource "vault_userpass_auth_backend_user" "ada" {
  mount               = vault_auth_backend.people.path
  username            = "ada"
  password_wo         = var.password
  password_wo_version = 1
}
"#;

const HCL: &str = r#"
mount "kv" {
  type    = "kv"
  options = { version = "2" }

  secret "database" {
    data_json_wo = { password = secret.env("PASSWORD") }
  }
}

auth "people" {
  type = "userpass"

  user "ada" {
    password_wo = secret.env("PASSWORD")
  }
}
"#;

/// Refused by the server: the password of a user that no method knows.
const REFUSED: &str = r#"
generic_endpoint "auth/nowhere/users/ada" {
  ignore_absent_fields = true
  data_json            = secret.env("DOCUMENT")
}
"#;

/// Refused by the server, which repeats the secret: it is no duration.
const REPEATED: &str = r#"
auth "people" {
  type = "userpass"
}

generic_endpoint "auth/people/users/ada" {
  ignore_absent_fields = true
  data_json            = secret.env("DOCUMENT")
}
"#;

/// The same for Terraform.
const REPEATED_TERRAFORM: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}

resource "vault_auth_backend" "people" {
  path = "people"
  type = "userpass"
}

resource "vault_generic_endpoint" "ada" {
  path                 = "auth/${vault_auth_backend.people.path}/users/ada"
  ignore_absent_fields = true
  data_json            = jsonencode({ password = var.password, token_ttl = var.password })
}
"#;

#[test]
fn terraform_and_the_server_keep_a_secret() {
    if programs::without("terraform") {
        return;
    }
    check(|server| {
        let mut terraform = Terraform::new(server)?;
        terraform.set("TF_VAR_password", CANARY);
        terraform.set("TF_LOG_PROVIDER", "TRACE");
        terraform.write_provider()?;
        terraform.write("main.tf", TERRAFORM)?;
        let runs = [
            terraform.run(&["plan", "-no-color", "-input=false", "-out=saved"])?.expect(0, "plan")?,
            terraform.run(&["apply", "-no-color", "-input=false", "saved"])?,
            terraform.apply()?,
            terraform.run(&["show", "-json", "saved"])?,
            terraform.run(&["show", "-json"])?,
        ];
        runs.iter().try_for_each(is_silent)?;
        is_clean(terraform.folder(), &["main.tf"])
    });
}

#[test]
fn the_reconciler_and_the_server_keep_a_secret() {
    check(|server| {
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("PASSWORD", CANARY);
        lockstep.set("RUST_LOG", "trace");
        lockstep.write("main.hcl", HCL)?;
        let runs = [
            lockstep.run(&["plan", "-json", "-out=plan.json", "main.hcl"])?.expect(2, "plan")?,
            lockstep.run(&["apply", "-auto-approve", "plan.json"])?.expect(0, "apply")?,
            lockstep.run(&["drift", "main.hcl"])?,
            lockstep.run(&["drift", "-json", "main.hcl"])?,
        ];
        runs.iter().try_for_each(is_silent)?;
        is_clean(lockstep.folder(), &[])
    });
}

#[test]
fn errors_of_the_reconciler_keep_a_secret() {
    check(|server| {
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("DOCUMENT", &format!("{{\"password\": \"{CANARY}\"}}"));
        lockstep.write("main.hcl", REFUSED)?;
        let ran = lockstep.run(&["apply", "-auto-approve", "main.hcl"])?;
        if ran.code == 0 {
            return Err(ran.failure("a write to no auth method succeeds"));
        }
        is_silent(&ran)
    });
}

#[test]
fn a_secret_that_the_server_repeats_in_an_error_is_not_shown() {
    check(|server| {
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("DOCUMENT", &format!(r#"{{"password": "{CANARY}", "token_ttl": "{CANARY}"}}"#));
        lockstep.write("main.hcl", REPEATED)?;
        repeats(&lockstep.run(&["apply", "-auto-approve", "main.hcl"])?)
    });
}

#[test]
fn a_secret_that_the_server_repeats_is_not_shown_by_terraform() {
    if programs::without("terraform") {
        return;
    }
    check(|server| {
        let mut terraform = Terraform::new(server)?;
        terraform.set("TF_VAR_password", CANARY);
        terraform.write_provider()?;
        terraform.write("main.tf", REPEATED_TERRAFORM)?;
        repeats(&terraform.run(&["apply", "-no-color", "-input=false", "-auto-approve"])?)
    });
}

/// A failed run whose error has the words of the server and not the secret.
fn repeats(ran: &Ran) -> Result<(), String> {
    if ran.code == 0 || !format!("{}{}", ran.stdout, ran.stderr).contains("(secret)") {
        return Err(ran.failure("the server does not repeat what it got"));
    }
    is_silent(ran)
}

/// Secrets in fields that are not hidden, of one of which another object makes use.
const PLAIN: &str = r#"
mount "kv" {
  type        = "kv"
  description = secret.env("WORD")
}

mount "other" {
  type        = "kv"
  description = "see ${mount.kv.description}"
}

auth "apps" {
  type = "approle"

  role "app" {
    token_policies = ["app", secret.env("WORD")]
  }
}
"#;

/// The old value is a secret still: where it was used before, or where it is yet to be changed.
#[test]
fn a_secret_that_was_changed_is_not_shown_as_what_was_before() {
    check(|server| {
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("WORD", CANARY);
        lockstep.write("main.hcl", PLAIN)?;
        let first = lockstep.run(&["apply", "-auto-approve", "main.hcl"])?.expect(0, "apply")?;
        lockstep.set("WORD", "another");
        let runs = [
            first,
            lockstep.run(&["plan", "main.hcl"])?.expect(2, "plan")?,
            lockstep.run(&["plan", "-json", "-out=plan.json", "main.hcl"])?.expect(2, "plan")?,
            lockstep.run(&["drift", "main.hcl"])?,
            lockstep.run(&["drift", "-json", "main.hcl"])?,
            lockstep.run(&["apply", "-auto-approve", "plan.json"])?.expect(0, "apply")?,
        ];
        runs.iter().try_for_each(is_silent)?;
        is_clean(lockstep.folder(), &[])
    });
}

/// Runs `body` on our server, whose log has to be clean as well.
#[track_caller]
fn check(body: impl FnOnce(&Server) -> Result<(), String>) {
    let done = Server::with(Flavor::OursDev, |server| {
        body(server)?;
        is_absent(&server.log_text(), "the server's log")
    });
    if let Err(problem) = done {
        panic!("{problem}");
    }
}

fn is_silent(ran: &Ran) -> Result<(), String> {
    is_absent(&format!("{}{}", ran.stdout, ran.stderr), &format!("the output of `{}`", ran.command))
}

/// No file that a run left in `folder` has the canary, but for `inputs`.
fn is_clean(folder: &Path, inputs: &[&str]) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !inputs.contains(&name.as_str()) {
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            is_absent(&String::from_utf8_lossy(&bytes), &format!("the file `{name}`"))?;
        }
    }
    Ok(())
}

fn is_absent(text: &str, place: &str) -> Result<(), String> {
    for canary in [CANARY, CANARY_BASE64] {
        if let Some(line) = text.lines().find(|line| line.contains(canary)) {
            return Err(format!("a secret is in {place}: {line}"));
        }
    }
    Ok(())
}
