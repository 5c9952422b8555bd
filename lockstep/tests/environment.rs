//! What the environment says to `lockstep server`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, Stdio};

fn server(variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.env_clear().envs(variables.iter().copied()).arg("server").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the server writes to standard output up to the line that begins with `last`, and all of its standard error. It
/// is ended.
fn told(mut child: Child, last: &str) -> (String, String) {
    let mut output = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("standard output"));
    while lines.read_line(&mut output).expect("text") > 0 {
        if output.lines().next_back().is_some_and(|line| line.starts_with(last)) {
            break;
        }
    }
    child.kill().expect("it is our own");
    child.wait().expect("it is our own");
    let mut errors = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut errors).expect("text");
    (output, errors)
}

#[test]
fn a_dev_server_is_set_up_by_variables() {
    let variables = [
        ("VAULT_DEV_ROOT_TOKEN_ID", "by-variable"),
        ("BAO_DEV_LISTEN_ADDRESS", "127.0.0.1:0"),
        ("VAULT_LOG_FORMAT", "json"),
        ("BAO_RAFT_NODE_ID", "a"),
    ];
    let child = server(&variables, &["-dev", "-dev-no-store-token"]).spawn().expect("it starts");
    let (output, errors) = told(child, "Root Token:");
    assert!(output.contains("Root Token: by-variable"), "{output}");
    assert!(!output.contains("127.0.0.1:8200"), "{output}");
    assert!(errors.contains("`BAO_RAFT_NODE_ID`"), "{errors}");
}

#[test]
fn a_flag_wins_over_a_variable() {
    let variables = [("BAO_DEV_ROOT_TOKEN_ID", "by-variable"), ("BAO_DEV_LISTEN_ADDRESS", "127.0.0.1:0")];
    let arguments = ["-dev", "-dev-no-store-token", "-dev-root-token-id=by-flag"];
    let child = server(&variables, &arguments).spawn().expect("it starts");
    let (output, _) = told(child, "Root Token:");
    assert!(output.contains("Root Token: by-flag"), "{output}");
}

#[test]
fn a_configuration_is_named_by_a_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("server.hcl");
    let text =
        "storage \"inmem\" {}\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n";
    std::fs::write(&file, text).expect("written");
    let path = file.to_str().expect("text");
    let child = server(&[("VAULT_CONFIG_PATH", path)], &[]).spawn().expect("it starts");
    let (output, errors) = told(child, "     Version:");
    assert!(output.contains("Storage: inmem"), "{output}{errors}");
}

#[test]
fn a_variable_that_means_nothing_keeps_the_server_from_starting() {
    for variable in [("VAULT_LOG_LEVEL", "loud"), ("BAO_SEAL_TYPE", "awskms")] {
        let ran = server(&[variable], &["-dev"]).output().expect("it runs");
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && errors.contains(variable.1), "{errors}");
    }
}

#[test]
fn a_variable_that_is_no_text_keeps_the_server_from_starting_and_is_not_shown() {
    let token = std::ffi::OsStr::from_bytes(b"geheim\xff");
    let ran = server(&[], &["-dev"]).env("BAO_DEV_ROOT_TOKEN_ID", token).output().expect("it runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && errors.contains("`BAO_DEV_ROOT_TOKEN_ID`"), "{errors}");
    assert!(!errors.contains("geheim"), "{errors}");
}
