//! What the incumbent sent and what OpenBao answered, replayed on a fresh OpenBao (which proves the comparison) and
//! on a fresh server of ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::script::Script;
use acceptance_tests::stand_in::{RECORDED, StandIn};
use acceptance_tests::{Flavor, Server, cases, programs, wire};
use libtest_mimic::{Arguments, Failed, Trial};

/// The address of the server that the conversations were recorded with.
const RECORDED_SERVER: &str = "127.0.0.1:8300";

fn main() {
    let arguments = Arguments::from_args();
    let recordings = recordings().expect("the folders of the cases");
    let mut trials = vec![Trial::test("every_left_out_path_names_a_recording", {
        let names: Vec<String> = recordings.keys().cloned().collect();
        move || stale_scopes(&names)
    })];
    trials.push(Trial::test("every_case_has_a_recording", {
        let names: Vec<String> = recordings.keys().cloned().collect();
        move || cases_without(&names)
    }));
    for (name, recording) in recordings {
        for flavor in [Flavor::OpenBao, Flavor::Ours] {
            let (name, recording) = (name.clone(), recording.clone());
            let trial = Trial::test(format!("{}::{name}", flavor.name()), move || {
                Server::with(flavor, |server| check(&name, &recording, server))?;
                Ok(())
            });
            trials.push(trial.with_ignored_flag(flavor.left_out()));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Name and file of each recording: of the cases whose kinds are all declared, and of the others.
fn recordings() -> Result<BTreeMap<String, PathBuf>, String> {
    let compat = programs::cases().join("compat");
    let declared = cases::folders(&compat.join("states"))?;
    let declared = declared.into_iter().map(|(name, folder)| (name, folder.join("wire.jsonl")));
    Ok(declared.chain(cases::files(&compat.join("wire"), "jsonl")?).collect())
}

/// The paths that our server does not host, which are asked of nobody.
fn left_out() -> Result<Exceptions, String> {
    Exceptions::read(&programs::cases().join("compat/wire_left_out.tsv"), 2)
}

fn check(name: &str, recording: &Path, server: &Server) -> Result<(), String> {
    let stand_in = StandIn::start()?;
    let replacements =
        [(RECORDED.to_owned(), stand_in.address), (RECORDED_SERVER.to_owned(), server.address.clone())];
    prepare(recording, server)?;
    let recording = cases::text(recording)?;
    let mut found = BTreeMap::new();
    let scope = format!("{} {name}", server.flavor.name());
    let left_out = left_out()?;
    let left_out: Vec<&str> = left_out.of(name).collect();
    for replayed in wire::replay(&recording, server, &replacements, &left_out)? {
        for difference in replayed.differences {
            found.insert(vec![scope.clone(), replayed.name.clone(), difference.pointer], difference.text);
        }
    }
    let listed = Exceptions::read(&programs::cases().join("compat/wire_differences.tsv"), 3)?;
    listed.compare(&scope, &found)
}

/// What the recorded server had already, of other cases, and the recording needs: a request file beside it.
fn prepare(recording: &Path, server: &Server) -> Result<(), String> {
    let file = recording.with_extension("http");
    if !file.exists() {
        return Ok(());
    }
    Script::parse(&cases::text(&file)?)?.perform(server)
}

fn stale_scopes(recordings: &[String]) -> Result<(), Failed> {
    let listed = left_out()?;
    let unknown = listed.scopes().find(|scope| !recordings.iter().any(|name| name == scope));
    unknown.map_or(Ok(()), |scope| {
        Err(format!("wire_left_out.tsv names `{scope}`, which is no recording").into())
    })
}

/// `STATES.md` has a line `- **name**: …` for each case.
fn cases_without(recordings: &[String]) -> Result<(), Failed> {
    let cases = cases::text(&programs::cases().join("compat/STATES.md"))?;
    let cases = cases.lines().filter_map(|line| Some(line.strip_prefix("- **")?.split_once("**")?.0));
    let (known, missing): (Vec<&str>, Vec<&str>) =
        cases.partition(|case| recordings.iter().any(|name| name == case));
    if known.is_empty() || !missing.is_empty() {
        return Err(format!("{} cases have recordings, these have none: {missing:?}", known.len()).into());
    }
    Ok(())
}
