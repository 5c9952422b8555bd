//! What the incumbent sent and what OpenBao answered, replayed on a fresh OpenBao (which proves the comparison) and
//! on a fresh server of ours.

use std::collections::BTreeMap;
use std::path::Path;

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::stand_in::{RECORDED, StandIn};
use acceptance_tests::{Flavor, Server, cases, programs, wire};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let folders = cases::folders(&programs::cases().join("compat/states")).expect("the folder of the cases");
    let mut trials = Vec::new();
    for (name, folder) in folders {
        for flavor in [Flavor::OpenBao, Flavor::Ours] {
            let (name, folder) = (name.clone(), folder.clone());
            let trial = Trial::test(format!("{}::{name}", flavor.name()), move || {
                Server::with(flavor, |server| check(&name, &folder, server))?;
                Ok(())
            });
            trials.push(trial.with_ignored_flag(flavor.left_out()));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(name: &str, folder: &Path, server: &Server) -> Result<(), String> {
    let stand_in = StandIn::start()?;
    let replacements = [(RECORDED.to_owned(), stand_in.address)];
    let recording = cases::text(&folder.join("wire.jsonl"))?;
    let mut found = BTreeMap::new();
    let scope = format!("{} {name}", server.flavor.name());
    for replayed in wire::replay(&recording, server, &replacements)? {
        for difference in replayed.differences {
            found.insert(vec![scope.clone(), replayed.name.clone(), difference.pointer], difference.text);
        }
    }
    let listed = Exceptions::read(&programs::cases().join("compat/wire_differences.tsv"), 3)?;
    listed.compare(&scope, &found)
}
