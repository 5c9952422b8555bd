//! Request files, replayed on OpenBao (which proves that the recorded answers are right) and on our server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::script::{Replayed, Script};
use acceptance_tests::{Flavor, Server, cases, programs};
use libtest_mimic::{Arguments, Failed, Trial};

/// So many are replayed at least, such that files that are not found do not pass for files without a difference. The
/// number can only grow.
const REQUESTS: usize = 3_500;

fn main() {
    let arguments = Arguments::from_args();
    let folder = programs::cases().join("differential");
    let scripts = cases::files(&folder, "http").expect("the folder of the scripts");
    let mut trials = vec![
        Trial::test("enough_requests", {
            let scripts = scripts.clone();
            move || enough_requests(&scripts)
        }),
        Trial::test("every_listed_difference_names_a_script", {
            let scripts = scripts.clone();
            move || stale_scopes(&scripts)
        }),
    ];
    for (name, path) in scripts {
        for flavor in [Flavor::OpenBaoDev, Flavor::OursDev] {
            let (name, path) = (name.clone(), path.clone());
            let trial =
                Trial::test(format!("{}::{name}", flavor.name()), move || check(flavor, &name, &path));
            trials.push(trial.with_ignored_flag(flavor.left_out()));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(flavor: Flavor, name: &str, path: &Path) -> Result<(), Failed> {
    let script = Script::parse(&cases::text(path)?)?;
    Server::with(flavor, |server| {
        let replayed = script.replay(server)?;
        if flavor.is_openbao() { as_recorded(&script, &replayed, path) } else { as_openbao(name, &replayed) }
    })?;
    Ok(())
}

/// OpenBao has to answer what the file says; `UPDATE_EXPECT=1` writes down what it answers.
fn as_recorded(script: &Script, replayed: &[Replayed], path: &Path) -> Result<(), String> {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs::write(path, script.with_answers(replayed)).map_err(|error| error.to_string());
    }
    let mut problems = String::new();
    for each in replayed.iter().filter(|each| !each.differences.is_empty()) {
        for difference in &each.differences {
            problems.push_str(&format!(
                "{}:{}: {} at `{}`\n",
                path.display(),
                each.line,
                difference.text,
                difference.pointer
            ));
        }
    }
    let hint = "hint: UPDATE_EXPECT=1 cargo test -p acceptance-tests --test differential openbao";
    if problems.is_empty() { Ok(()) } else { Err(format!("{problems}{hint}")) }
}

/// Ours has to answer the same, but for what `differences.tsv` lists.
fn as_openbao(name: &str, replayed: &[Replayed]) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for each in replayed {
        for difference in &each.differences {
            let key = vec![name.to_owned(), each.name.clone(), difference.pointer.clone()];
            found.insert(key, format!("{name}.http:{}: {}", each.line, difference.text));
        }
    }
    listed()?.compare(name, &found)
}

fn listed() -> Result<Exceptions, String> {
    Exceptions::read(&programs::cases().join("differential/differences.tsv"), 3)
}

fn enough_requests(scripts: &[(String, PathBuf)]) -> Result<(), Failed> {
    let mut count = 0;
    for (name, path) in scripts {
        count += Script::parse(&cases::text(path)?).map_err(|problem| format!("{name}: {problem}"))?.len();
    }
    if count >= REQUESTS { Ok(()) } else { Err(format!("{count} requests, {REQUESTS} are needed").into()) }
}

fn stale_scopes(scripts: &[(String, PathBuf)]) -> Result<(), Failed> {
    let listed = listed()?;
    let unknown = listed.scopes().find(|scope| !scripts.iter().any(|(name, _)| name == scope));
    unknown.map_or(Ok(()), |scope| Err(format!("differences.tsv names `{scope}`, which is no script").into()))
}
