//! A plan of many policies and roles, with its requests counted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use super::proxy::Proxy;
use crate::background::{DevServer, TOKEN};
use crate::shell::{self, Done};

/// Prints what a first plan, the apply and an empty plan take.
pub(super) fn measure(binaries: &Path, objects: usize) -> Done {
    let folder = shell::target().join("bench");
    let program = binaries.join("lockstep");
    let server = DevServer::start(&program, &folder.join("reconciled.log"))?;
    let proxy = Proxy::before(&server.address)?;
    let declaration = folder.join("many.hcl");
    fs::write(&declaration, many(objects))
        .map_err(|error| format!("`{}`: {error}", declaration.display()))?;
    println!("\nreconciler, {objects} policies and {objects} roles of AppRole on our server in memory");
    for (name, arguments, code) in [
        ("plan of everything", ["plan", "-json"], 2),
        ("apply", ["apply", "-auto-approve"], 0),
        ("empty plan", ["plan", "-json"], 0),
    ] {
        let mut command = shell::command(&program);
        shell::isolated(&mut command)
            .args(arguments)
            .arg(&declaration)
            .env("VAULT_ADDR", &proxy.url)
            .env("VAULT_TOKEN", TOKEN);
        let begin = Instant::now();
        let output = command.output().map_err(|error| format!("`{}`: {error}", program.display()))?;
        let seconds = begin.elapsed().as_secs_f64();
        if output.status.code() != Some(code) {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{name} ended with {} where {code} was expected\n{text}", output.status));
        }
        println!("  {name:20} {seconds:6.2} s   {:6} requests", proxy.take());
    }
    Ok(())
}

fn many(objects: usize) -> String {
    let mut text = String::new();
    for index in 0..objects {
        writeln!(
            text,
            "policy \"p{index:04}\" {{\n  path \"kv/data/app{index}/*\" {{ capabilities = [\"read\"] }}\n}}"
        )
        .expect("to a string");
    }
    text.push_str("auth \"machines\" {\n  type = \"approle\"\n");
    for index in 0..objects {
        writeln!(
            text,
            "  role \"r{index:04}\" {{\n    token_policies = [\"p{index:04}\"]\n    token_ttl = \"20m\"\n  }}"
        )
        .expect("to a string");
    }
    text + "}\n"
}
