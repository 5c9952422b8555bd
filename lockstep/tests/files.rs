//! How many open files `lockstep server` has.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

#[test]
fn the_server_has_as_many_open_files_as_it_may() {
    let arguments = "-dev -dev-no-store-token -dev-listen-address=127.0.0.1:0";
    let script = format!("ulimit -Sn 64 && ulimit -Hn 512 && exec \"$0\" server {arguments}");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_lockstep")]).env_clear();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let has_started = lines.map_while(Result::ok).any(|line| line.starts_with("Root Token:"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("it runs");
    child.kill().expect("it is our own");
    child.wait().expect("it is our own");
    assert!(has_started);
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(line.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["512", "512"], "{limits}");
}
