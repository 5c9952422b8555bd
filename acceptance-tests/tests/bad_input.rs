//! What goes wrong in clear words: errors in a configuration, no server, no right to do it.

use std::net::TcpListener;

use acceptance_tests::run::Ran;
use acceptance_tests::{Flavor, Lockstep, Server, Terraform, programs};
use serde_json::json;

/// Three mistakes in three places.
const WRONG: &str = r#"policy "app" {
  path "kv/*" { capabilities = ["fly"] }
}

mount "kv" {
  type       = "kv"
  descripton = "misspelt"
}

auth "people" {
  type        = "userpass"
  description = var.missing
}
"#;

const POLICY_HCL: &str = "policy \"app\" {\n  path \"kv/*\" { capabilities = [\"read\"] }\n}\n";
const POLICY_TF: &str = "resource \"vault_policy\" \"app\" {\n  name   = \"app\"\n  policy = \"path \\\"kv/*\\\" { capabilities = [\\\"read\\\"] }\"\n}\n";

#[test]
fn every_error_of_a_configuration_is_shown_and_no_request_is_sent() {
    check(|server| {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("VAULT_ADDR", &format!("http://{address}"));
        lockstep.write("main.hcl", WRONG)?;
        let ran = lockstep.run(&["plan", "main.hcl"])?.expect(1, "plan of a wrong configuration")?;
        shows(&ran, &["main.hcl:2:", "main.hcl:7:", "main.hcl:12:", "fly", "descripton", "missing", "hint"])?;
        listener.set_nonblocking(true).map_err(|error| error.to_string())?;
        if listener.accept().is_ok() { Err("a request was sent".to_owned()) } else { Ok(()) }
    });
}

#[test]
fn a_server_that_is_not_there_is_one_sentence() {
    check(|server| {
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("VAULT_ADDR", "http://127.0.0.1:1");
        lockstep.write("main.hcl", POLICY_HCL)?;
        let ran = lockstep.run(&["plan", "main.hcl"])?.expect(1, "plan without a server")?;
        shows(&ran, &["127.0.0.1:1"])?;
        match ran.stderr.lines().filter(|line| line.starts_with("error")).count() {
            1 => Ok(()),
            count => Err(ran.failure(&format!("{count} errors where one was expected"))),
        }
    });
}

#[test]
fn a_refusal_names_the_stanza_that_is_missing() {
    check(|server| {
        let token = powerless(server)?;
        let mut lockstep = Lockstep::new(server)?;
        lockstep.set("VAULT_TOKEN", &token);
        lockstep.write("main.hcl", POLICY_HCL)?;
        let ran = lockstep.run(&["plan", "main.hcl"])?;
        if ran.code == 0 || ran.code == 2 {
            return Err(ran.failure("a plan succeeds without the right to read"));
        }
        shows(&ran, &["path \"sys/policies/acl/app\"", "\"read\""])?;
        if programs::without("terraform") {
            return Ok(());
        }
        let mut terraform = Terraform::new(server)?;
        terraform.set("VAULT_TOKEN", &token);
        terraform.set("TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "true");
        terraform.write_provider()?;
        terraform.write("main.tf", POLICY_TF)?;
        let ran = terraform.run(&["apply", "-no-color", "-input=false", "-auto-approve"])?;
        shows(&ran.expect(1, "apply without rights")?, &["path \"sys/policies/acl/app\""])
    });
}

#[test]
fn a_token_that_the_server_does_not_know_is_one_error() {
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        check_on(flavor, |server| {
            let mut lockstep = Lockstep::new(server)?;
            lockstep.set("VAULT_TOKEN", "hvs.unknown");
            let two = POLICY_HCL.replace("app", "web") + POLICY_HCL;
            lockstep.write("main.hcl", &two)?;
            let ran = lockstep.run(&["plan", "main.hcl"])?.expect(1, "plan with an unknown token")?;
            shows(&ran, &["the server does not know the token"])?;
            let text = format!("{}{}", ran.stdout, ran.stderr);
            match text.contains("stanza") || text.matches("error").count() != 1 {
                true => Err(ran.failure("more is said than that the token is unknown")),
                false => Ok(()),
            }
        });
    }
}

#[test]
fn a_mistyped_namespace_removes_nothing() {
    for flavor in [Flavor::OpenBaoDev, Flavor::OursDev].into_iter().filter(|flavor| !flavor.left_out()) {
        check_on(flavor, |server| {
            let mut lockstep = Lockstep::new(server)?;
            lockstep.write("main.hcl", POLICY_HCL)?;
            lockstep.set("VAULT_NAMESPACE", "taem");
            for arguments in [&["drift"][..], &["plan", "-destroy"], &["apply", "-destroy", "-auto-approve"]]
            {
                let arguments: Vec<_> = arguments.iter().copied().chain(["main.hcl"]).collect();
                let ran = lockstep.run(&arguments)?.expect(1, "a run in no namespace")?;
                shows(&ran, &["the namespace `taem` does not exist"])?;
            }
            if programs::without("terraform") { Ok(()) } else { terraform_removes_nothing(server) }
        });
    }
}

fn terraform_removes_nothing(server: &Server) -> Result<(), String> {
    server.must("POST", "sys/namespaces/team", None)?;
    let mut terraform = Terraform::new(server)?;
    terraform.set("VAULT_NAMESPACE", "team");
    terraform.set("TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "true");
    terraform.set("VAULT_SET_NAMESPACE_FROM_TOKEN", "false");
    terraform.write_provider()?;
    terraform.write("main.tf", POLICY_TF)?;
    terraform.apply()?;
    terraform.set("VAULT_NAMESPACE", "taem");
    let ran = terraform.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])?;
    shows(&ran.expect(1, "destroy in no namespace")?, &["namespace `taem` does not exist"])?;
    terraform.set("VAULT_NAMESPACE", "team");
    terraform.plan_empty("after the namespace was mistyped")
}

/// A token that may do nothing but look at itself.
fn powerless(server: &Server) -> Result<String, String> {
    let answer =
        server.must("POST", "auth/token/create", Some(&json!({"policies": ["default"], "ttl": "1h"})))?;
    let token = answer.pointer("/auth/client_token").and_then(|token| token.as_str());
    token.map(str::to_owned).ok_or_else(|| "no token".to_owned())
}

fn shows(ran: &Ran, parts: &[&str]) -> Result<(), String> {
    let text = format!("{}{}", ran.stdout, ran.stderr);
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => Err(ran.failure(&format!("`{part}` is not in the output"))),
        None => Ok(()),
    }
}

#[track_caller]
fn check(body: impl FnOnce(&Server) -> Result<(), String>) {
    check_on(Flavor::OursDev, body);
}

#[track_caller]
fn check_on(flavor: Flavor, body: impl FnOnce(&Server) -> Result<(), String>) {
    if let Err(problem) = Server::with(flavor, body) {
        panic!("{problem}");
    }
}
