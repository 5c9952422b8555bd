//! OpenBao's command line against our server: exit code and output are those that it has against OpenBao.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::mask::{self, differences};
use acceptance_tests::run::Ran;
use acceptance_tests::{Flavor, Server, cases, programs};
use serde_json::{Value, json};

#[test]
fn the_command_line_cannot_tell_our_server_from_openbao() {
    if programs::without("openbao") {
        return;
    }
    let ours = Server::start(Flavor::OursDev).unwrap_or_else(|problem| panic!("{problem}"));
    let peer = Server::start(Flavor::OpenBaoDev).unwrap_or_else(|problem| panic!("{problem}"));
    let compared = compare(&ours, &peer).and_then(|found| listed()?.compare("bao", &found));
    if let Err(problem) = compared {
        panic!("{}", ours.explain(&problem));
    }
}

fn listed() -> Result<Exceptions, String> {
    Exceptions::read(&programs::cases().join("cli/differences.tsv"), 3)
}

fn compare(ours: &Server, peer: &Server) -> Result<BTreeMap<Vec<String>, String>, String> {
    let text = cases::text(&programs::cases().join("cli/commands.txt"))?;
    let commands: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let (expected, actual) = thread::scope(|scope| {
        let peer = scope.spawn(|| transcript(peer, &commands));
        (peer.join().expect("no command panics"), transcript(ours, &commands))
    });
    let mut found = BTreeMap::new();
    for (command, (expected, actual)) in commands.into_iter().zip(expected?.into_iter().zip(actual?)) {
        for difference in differences(&expected, &actual) {
            found.insert(vec!["bao".to_owned(), command.to_owned(), difference.pointer], difference.text);
        }
    }
    Ok(found)
}

fn transcript(server: &Server, commands: &[&str]) -> Result<Vec<Value>, String> {
    let mut session = Session::new(server);
    commands.iter().map(|command| session.run(command)).collect()
}

/// Commands against one server, with what they keep for later ones.
struct Session<'a> {
    server: &'a Server,
    kept: BTreeMap<String, String>,
}

impl<'a> Session<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, kept: BTreeMap::new() }
    }

    /// Code and output, masked.
    fn run(&mut self, line: &str) -> Result<Value, String> {
        let (keep, command) = match line.split_once(' ') {
            Some((first, rest)) if first.contains("=.") => (first.split_once("=."), rest),
            _ => (None, line),
        };
        let ran = self.bao(command)?;
        let output = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| Value::String(ran.stdout.clone()));
        if let Some((name, pointer)) = keep {
            let value = output.pointer(&format!("/{}", pointer.replace('.', "/"))).and_then(Value::as_str);
            self.kept.insert(name.to_owned(), value.unwrap_or_default().to_owned());
        }
        let output = self.hidden(&output)?;
        let errors = ran.stderr.replace(&self.server.url(), "(server)");
        Ok(mask::mask(
            &json!({"code": ran.code, "output": lines(output), "errors": lines(Value::String(errors))}),
        ))
    }

    /// `output` with everything that was kept replaced by its name.
    fn hidden(&self, output: &Value) -> Result<Value, String> {
        let kept = self.kept.iter().filter(|(_, value)| !value.is_empty());
        let text = kept.fold(output.to_string(), |text, (name, value)| {
            text.replace(&format!("\"{value}\""), &format!("\"{{{name}}}\""))
        });
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    fn bao(&self, command: &str) -> Result<Ran, String> {
        let words = command.split_whitespace().map(|word| {
            self.kept
                .iter()
                .fold(word.to_owned(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
        });
        let (variables, words): (Vec<String>, Vec<String>) = words.partition(|word| word.starts_with("BAO_"));
        let variables = variables.iter().filter_map(|variable| variable.split_once('='));
        let mut process = Command::new(programs::bao()?);
        process.args(&words[1..]).current_dir(programs::cases().join("cli")).env_clear();
        process.env("BAO_ADDR", self.server.url()).env("BAO_TOKEN", &self.server.token);
        process
            .env("BAO_MAX_RETRIES", "0")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", std::env::temp_dir())
            .envs(variables);
        Ran::of(&mut process)
    }
}

/// Text as its lines, so that a difference names the line.
fn lines(output: Value) -> Value {
    match output {
        // How often the command line asks whether a move has ended depends on the moment.
        Value::String(text) => {
            text.lines().filter(|line| !line.starts_with("Waiting for")).map(str::trim_end).collect()
        }
        other => other,
    }
}
