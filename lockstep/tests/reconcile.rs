//! The commands as people run them, where no server is needed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn lockstep(address: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", "root")
        .env("VAULT_MAX_RETRIES", "0")
        .output()
        .expect("the program runs")
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("main.hcl"), text).expect("writing");
    folder
}

const SOUND: &str = "policy \"a\" {\n  path \"kv/*\" { capabilities = [\"read\"] }\n}\n";

#[track_caller]
fn check(address: &str, text: &str, arguments: &[&str], code: i32, said: &str) {
    let folder = folder(text);
    let output = lockstep(address, folder.path(), arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = format!("{}{stderr}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(code), "{all}");
    assert!(all.contains(said), "`{said}` is not in\n{all}");
    assert!(!all.contains("panicked"), "{all}");
}

/// An address that nobody listens at.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn a_sound_configuration_is_valid_without_a_server() {
    check(NOBODY, SOUND, &["validate"], 0, "it declares 1 object.");
}

#[test]
fn an_unreachable_server_is_one_sentence() {
    check(NOBODY, SOUND, &["plan"], 1, "the server at `http://127.0.0.1:1` cannot be reached");
    check(NOBODY, SOUND, &["drift", "-json"], 1, "cannot be reached");
    check(NOBODY, SOUND, &["apply", "-auto-approve"], 1, "cannot be reached");
}

#[test]
fn a_wrong_configuration_is_reported_before_any_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a setting");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    for command in ["plan", "drift"] {
        check(&address, "polcy \"a\" {}\nmount \"b\" {}\n", &[command], 1, "there is `policy`");
    }
    check(&address, "mount \"b\" {}\n", &["apply", "-auto-approve"], 1, "this mount has no `type`");
    assert_eq!(listener.accept().expect_err("nobody called").kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn nothing_is_applied_without_approval() {
    check(NOBODY, SOUND, &["apply"], 1, "nobody is there to approve the plan");
}

#[test]
fn a_wrong_command_line_is_an_error_and_no_drift() {
    check(NOBODY, SOUND, &["plan", "-nope"], 1, "unexpected argument");
    check(NOBODY, SOUND, &["plan", "-var", "x"], 1, "it must be NAME=VALUE");
    check(NOBODY, SOUND, &["plan", "-target", "a..b"], 1, "is no address");
}

#[test]
fn a_saved_plan_is_not_applied_with_flags_that_it_would_ignore() {
    for flags in [
        &["-target", "policy.a"][..],
        &["-destroy"],
        &["-compare-secrets"],
        &["-resend", "policy.a"],
        &["-allow-literal-secrets"],
    ] {
        let arguments: Vec<&str> = ["apply", "plan.json"].iter().chain(flags).copied().collect();
        check(NOBODY, SOUND, &arguments, 1, &format!("a saved plan cannot be applied with `{}`", flags[0]));
    }
}

#[test]
fn a_value_that_a_saved_plan_does_not_need_is_refused_before_any_request() {
    let folder = folder("n = \"two\"\n");
    let plan = reconciler::Plan { server: reconciler::server::Identity::default(), steps: Vec::new() };
    let text = reconciler::saved::encode(&plan).expect("a plan");
    std::fs::write(folder.path().join("plan.json"), text).expect("writing");
    for (flags, said) in [
        (["-var", "n=two"], "a saved plan cannot be applied with `-var n=…`"),
        (["-var-file", "main.hcl"], "a saved plan cannot be applied with a value of `n`"),
    ] {
        let output = lockstep(NOBODY, folder.path(), &[&["apply", "plan.json"][..], &flags].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(said) && !stderr.contains("cannot be reached"), "{stderr}");
        assert!(stderr.contains("hint: give this value to `lockstep plan -out`"), "{stderr}");
    }
}

#[test]
fn what_is_no_plan_is_not_applied() {
    let folder = folder(SOUND);
    std::fs::write(folder.path().join("plan.json"), "{\"format\": \"other\"}").expect("writing");
    let output = lockstep(NOBODY, folder.path(), &["apply", "plan.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("this is no saved plan"));
}

#[test]
fn a_plan_that_cannot_be_read_or_written_is_told_by_its_file_and_why() {
    let folder = folder(SOUND);
    std::fs::create_dir(folder.path().join("folder.json")).expect("a folder");
    let cases = [
        (
            &["apply", "none.json"][..],
            "the plan `none.json` cannot be read",
            "there is no such file or folder",
        ),
        (&["apply", "folder.json"], "the plan `folder.json` cannot be read", "it is a folder, and no file"),
        (
            &["apply", "main.hcl/p.json"],
            "`main.hcl/p.json` cannot be read",
            "a part of its path is no folder",
        ),
        (&["apply", "none"], "`none` cannot be read", "there is no such file or folder"),
        (&["plan", "none.hcl"], "`none.hcl` cannot be read", "hint: name files, or folders"),
    ];
    for (arguments, what, why) in cases {
        let output = lockstep(NOBODY, folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(what) && said.contains(why) && said.contains("hint: "), "{said}");
        assert!(!said.contains("os error"), "{said}");
    }
}

#[test]
fn a_hint_names_the_variable_that_was_read() {
    let run = |variables: &[(&str, &str)]| {
        let folder = folder(SOUND);
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.arg("plan").current_dir(folder.path()).env_clear().env("BAO_MAX_RETRIES", "0");
        let output = command.envs(variables.iter().copied()).output().expect("the program runs");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let set = |name| [("VAULT_ADDR", NOBODY), (name, NOBODY), ("VAULT_TOKEN", "t")];
    for (said, names) in [
        (run(&set("VAULT_ADDR")), "check the address (`VAULT_ADDR`)"),
        (run(&set("BAO_ADDR")), "check the address (`BAO_ADDR`)"),
        (run(&[("VAULT_ADDR", NOBODY)]), "set `BAO_TOKEN` or `VAULT_TOKEN`"),
    ] {
        assert!(said.contains(names), "`{names}` is not in\n{said}");
    }
}

#[test]
fn a_file_is_read_once_and_told_from_a_saved_plan() {
    check(NOBODY, SOUND, &["validate", ".", "main.hcl"], 0, "it declares 1 object.");
    check(NOBODY, &format!("\u{feff}{SOUND}"), &["validate"], 0, "it declares 1 object.");
    let folder = folder(SOUND);
    std::fs::write(folder.path().join("plan.json"), "{}").expect("writing");
    for command in ["plan", "drift", "validate"] {
        let output = lockstep(NOBODY, folder.path(), &[command, "plan.json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("if it is a saved plan: `lockstep apply plan.json`"), "{said}");
    }
}

#[test]
fn a_value_without_a_name_is_not_shown() {
    let folder = folder(SOUND);
    let output = lockstep(NOBODY, folder.path(), &["plan", "-var", "password:hunter2"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it must be NAME=VALUE") && !said.contains("hunter2"), "{said}");
}

#[test]
fn an_address_without_a_scheme_is_told_with_the_way_to_write_it() {
    check(
        "127.0.0.1:1",
        SOUND,
        &["plan"],
        1,
        "hint: write a URL, such as `VAULT_ADDR=https://127.0.0.1:8200`",
    );
}

#[test]
fn help_shows_flags_as_the_documentation_has_them_and_names_saved_plans() {
    check(NOBODY, SOUND, &["plan", "-h"], 0, " -out <FILE>");
    check(NOBODY, SOUND, &["apply", "-h"], 0, "`lockstep apply plan.json`");
    for command in ["plan", "apply", "drift"] {
        check(NOBODY, SOUND, &[command, "-h"], 0, "The server is at `BAO_ADDR`");
        check(NOBODY, SOUND, &[command, "-h"], 0, "Exit codes: 0 in sync");
    }
}

#[test]
fn a_level_of_the_log_that_is_none_is_an_error_that_lists_them() {
    check(NOBODY, SOUND, &["server", "-dev", "-log-level=nonsense"], 1, "trace, debug, info, warn, error");
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer_plainly(stream);
        }
    });
    check(&format!("https://{address}"), SOUND, &["plan"], 1, &format!("VAULT_ADDR=http://{address}"));
    check(&format!("http://{address}"), SOUND, &["plan"], 1, &format!("VAULT_ADDR=https://{address}"));
}

#[test]
fn who_is_no_such_server_is_a_matter_of_the_address() {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/ui", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    check(&address, SOUND, &["plan"], 1, "hint: check the address (`VAULT_ADDR`)");
}

/// Answers what Go's servers answer to a request without TLS; to one with TLS that is no TLS.
fn answer_plainly(mut stream: std::net::TcpStream) {
    use std::io::{Read as _, Write as _};
    let text = "Client sent an HTTP request to an HTTPS server.\n";
    let head = format!("HTTP/1.0 400 Bad Request\r\nContent-Length: {}\r\n\r\n", text.len());
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(format!("{head}{text}").as_bytes());
}
