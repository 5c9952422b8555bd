//! `cargo xtask layout`: writes where functions stand in the executable, `lockstep/layout.ld`.
//!
//! The kernel maps 64 KiB around each page of code that is touched. Linkers put the few functions that a server runs
//! among the many that it does not, so that most of the executable is in memory. A linker that is told to put those
//! that run beside each other halves that. Which they are is observed: by valgrind, of a server that starts, and of one
//! that answers the usual requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::contender::{Contender, Launcher, Side};
use super::load::{self, Until};
use super::workload::Workload;
use crate::shell::{self, Done};

/// What is asked of the second server.
const REQUESTS: [Workload; 9] = [
    Workload::Read,
    Workload::Capabilities,
    Workload::LookupSelf,
    Workload::Write,
    Workload::PolicyWrite,
    Workload::Token,
    Workload::Approle,
    Workload::Mount,
    Workload::Namespace,
];
/// How often each.
const TIMES: u64 = 20;

/// Builds the executable with its names, lets it run, and writes the file.
pub(crate) fn run() -> Done {
    if shell::on_path("valgrind").is_none() {
        return Err("`valgrind` is not on the PATH\nhint: apt-get install valgrind".to_owned());
    }
    shell::run(&mut shell::cargo(&[
        "rustc",
        "--release",
        "--package",
        "lockstep",
        "--bin",
        "lockstep",
        "--",
        "-C",
        "strip=none",
    ]))?;
    let program = shell::target().join("release/lockstep");
    let folder = shell::target().join("bench/layout");
    println!("a server starts under valgrind");
    let starting = observe(&program, &folder, |_| Ok(()))?;
    println!("a server answers requests under valgrind");
    let serving = observe(&program, &folder, |server| {
        REQUESTS.into_iter().zip(0..).try_for_each(|(workload, place)| ask(server, workload, place * TIMES))
    })?;
    let instances = instances(&program)?;
    let path = shell::workspace().join("lockstep/layout.ld");
    let text = script(&starting, &serving, &instances);
    fs::write(&path, &text).map_err(|error| format!("`{}`: {error}", path.display()))?;
    println!("wrote lockstep/layout.ld: {} names", text.matches("*(").count());
    Ok(())
}

/// Patterns of the functions of `program` that run while a server starts, unseals, does `work` and stops.
fn observe(
    program: &Path,
    folder: &Path,
    work: impl Fn(&Contender) -> Done,
) -> Result<BTreeSet<String>, String> {
    let trace = folder.with_extension("callgrind");
    let launcher = Launcher::under([
        "valgrind",
        "--tool=callgrind",
        "--demangle=no",
        "--compress-strings=no",
        &format!("--callgrind-out-file={}", trace.display()),
    ]);
    // The first start makes the keys; only the second one is like those that come after it.
    let mut server = Contender::start(Side::Ours, program, folder)?;
    server.launch_with(launcher);
    server.restart()?;
    work(&server)?;
    server.stop()?;
    let text = fs::read_to_string(&trace).map_err(|error| format!("`{}`: {error}", trace.display()))?;
    Ok(executed(&text))
}

/// Sends requests whose numbers begin at `first`.
fn ask(server: &Contender, workload: Workload, first: u64) -> Done {
    let operations = workload.prepare(server)?;
    load::run(&server.address, &operations, 1, Until::Count(TIMES), first).map(drop)
}

/// Patterns of the functions in a trace. They may be of any object: callgrind does not always know which.
fn executed(trace: &str) -> BTreeSet<String> {
    trace.lines().filter_map(|line| line.strip_prefix("fn=")).filter_map(pattern).collect()
}

/// How many functions of `program` each pattern fits.
fn instances(program: &Path) -> Result<BTreeMap<String, usize>, String> {
    let mut command = shell::command("nm");
    command.arg("--defined-only").arg(program);
    let output = command.output().map_err(|error| format!("`nm` cannot be started: {error}"))?;
    let mut instances = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // Address, kind, name.
        let mut parts = line.split_whitespace().skip(1);
        if let (Some("t" | "T" | "w" | "W"), Some(symbol)) = (parts.next(), parts.next())
            && let Some(pattern) = pattern(symbol)
        {
            *instances.entry(pattern).or_default() += 1;
        }
    }
    if instances.is_empty() {
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`nm` names no function of `{}`: {}", program.display(), problem.trim()));
    }
    Ok(instances)
}

/// `symbol` without what changes from build to build: hashes of Rust's, versions of C libraries.
fn pattern(symbol: &str) -> Option<String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_.$".contains(character);
    if !symbol.chars().all(is_plain) {
        return None;
    }
    let symbol = symbol.split_once(".llvm.").map_or(symbol, |(name, _)| name);
    if let Some((name, _)) = symbol.rsplit_once("17h").filter(|_| symbol.starts_with("_ZN")) {
        return Some(format!("{name}17h*"));
    }
    if symbol.starts_with("_R") {
        return Some(without_disambiguators(symbol));
    }
    match symbol.split_once("aws_lc_") {
        Some((before, rest)) => {
            let name =
                rest.trim_start_matches(|character: char| character.is_ascii_digit() || character == '_');
            Some(format!("{before}aws_lc_*_{name}"))
        }
        None => Some(symbol.to_owned()),
    }
}

/// A symbol of Rust's newer form: `Cs`, the hash of a crate, `_`, the length of its name, its name.
fn without_disambiguators(symbol: &str) -> String {
    let mut parts = symbol.split("Cs");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash = part.split_once('_').filter(|(hash, rest)| {
            hash.chars().all(|character| character.is_ascii_alphanumeric())
                && rest.starts_with(|character: char| character.is_ascii_digit())
        });
        text += "Cs";
        match hash {
            Some((_, rest)) => text += &format!("*_{rest}"),
            None => text += part,
        }
    }
    text
}

/// The linker script, of patterns that fit a function. Those that fit several stand behind the others.
fn script(
    starting: &BTreeSet<String>,
    serving: &BTreeSet<String>,
    instances: &BTreeMap<String, usize>,
) -> String {
    let mut text =
        "/* Written by `cargo xtask layout`: the functions that a server runs stand beside each other, \
                    those of its start first. See docs/decisions/0013-where-functions-stand.md. */\n\
                    SECTIONS {\n  .text.layout : {\n"
            .to_owned();
    for set in [starting, &serving.difference(starting).cloned().collect()] {
        let known = set.iter().filter(|name| instances.contains_key(*name));
        let (exact, shared): (Vec<_>, Vec<_>) = known.partition(|name| instances[*name] == 1);
        for name in exact.into_iter().chain(shared) {
            text += &format!("    *(.text*.{name})\n");
        }
    }
    text + "  }\n}\nINSERT BEFORE .text;\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_outlive_a_build() {
        for (symbol, expected) in [
            ("_ZN4redb2db4open17h0123456789abcdefE", "_ZN4redb2db4open17h*"),
            ("_ZN4redb2db4open17h0123456789abcdefE.llvm.123", "_ZN4redb2db4open17h*"),
            ("_RNvNtCsgEmfK2I1SDS_4core3fmt5write", "_RNvNtCs*_4core3fmt5write"),
            ("_RNvXs_NtCsaB_4coreNtCscD_3std1f", "_RNvXs_NtCs*_4coreNtCs*_3std1f"),
            ("aws_lc_0_47_0_SHA256_Init", "aws_lc_*_SHA256_Init"),
            ("AWS_LC_TRAMPOLINE_aws_lc_0_47_0_SHA256_Init", "AWS_LC_TRAMPOLINE_aws_lc_*_SHA256_Init"),
            ("main", "main"),
        ] {
            assert_eq!(pattern(symbol).as_deref(), Some(expected), "{symbol}");
        }
        assert_eq!(pattern("(below main)"), None);
    }

    #[test]
    fn functions_that_only_were_called_are_named_where_they_ran() {
        let trace = "ob=/lib/libc.so\nfn=malloc\n1 2\nfl=???\nfn=_ZN1a17h00E\n1 2\ncfn=free\n1 2\n";
        assert_eq!(executed(trace), BTreeSet::from(["_ZN1a17h*".into(), "malloc".into()]));
    }

    #[test]
    fn what_starts_comes_first_and_what_is_exact_before_what_is_shared() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let instances = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
        let text = script(&set(&["a", "b", "malloc"]), &set(&["b", "c"]), &instances);
        let names: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("*(.text*.")).collect();
        assert_eq!(names, ["b)", "a)", "c)"]);
    }
}
