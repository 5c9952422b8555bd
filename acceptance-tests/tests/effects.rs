//! Nothing reports success without having done the thing: every request of the request files that asks for a change
//! and is answered with success changes what our server has stored, or is listed with a reason.
//!
//! The server runs in this process on its durable storage. What is stored is compared before and after each request,
//! decrypted and with ids and times hidden, so that a record that was written again as it was is no change.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use acceptance_tests::exceptions::Exceptions;
use acceptance_tests::mask::{mask, mask_text};
use acceptance_tests::script::{Endpoint, Replayed, Script};
use acceptance_tests::{cases, programs};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use server::Server;
use server::barrier::Barrier;
use tokio::runtime::Runtime;

/// Operations that ask for a change.
const CHANGING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

fn main() {
    let arguments = Arguments::from_args();
    let scripts =
        cases::files(&programs::cases().join("differential"), "http").expect("the folder of the scripts");
    let names: Vec<String> = scripts.iter().map(|(name, _)| name.clone()).collect();
    let mut trials = vec![Trial::test("every_listed_exception_names_a_script", move || stale_scopes(&names))];
    for (name, path) in scripts {
        trials.push(Trial::test(name.clone(), move || check(&name, &path)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(name: &str, path: &Path) -> Result<(), Failed> {
    let script = Script::parse(&cases::text(path)?)?;
    let idle = idle_successes(&script)?;
    let found = idle.into_iter().map(|(replayed, wrote)| {
        let text = format!("{name}.http:{}: {} {}", replayed.line, replayed.status, wrote);
        (vec![name.to_owned(), replayed.name], text)
    });
    Ok(listed()?.compare(name, &found.collect())?)
}

fn listed() -> Result<Exceptions, String> {
    Exceptions::read(&programs::cases().join("differential/no_effect.tsv"), 2)
}

fn stale_scopes(scripts: &[String]) -> Result<(), Failed> {
    let listed = listed()?;
    let unknown = listed.scopes().find(|scope| !scripts.iter().any(|name| name == scope));
    unknown.map_or(Ok(()), |scope| Err(format!("no_effect.tsv names `{scope}`, which is no script").into()))
}

/// The requests that ask for a change, succeed, and leave what is stored as it was; with what was written all the same.
fn idle_successes(script: &Script) -> Result<Vec<(Replayed, String)>, String> {
    let runtime = Runtime::new().map_err(|error| format!("a runtime: {error}"))?;
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let (server, endpoint) = runtime.block_on(start(folder.path()))?;
    let mut requests = script.replay_at(&endpoint);
    let mut idle = Vec::new();
    let mut stored = Stored::default();
    loop {
        // Between requests the server may have done something of its own.
        runtime.block_on(stored.look(server.barrier()))?;
        let Some(replayed) = requests.next() else { break };
        let replayed = replayed?;
        let change = runtime.block_on(stored.look(server.barrier()))?;
        let asked = CHANGING.iter().any(|method| replayed.name.starts_with(method));
        if asked && replayed.status < 300 && !change.is_real {
            idle.push((replayed, change.shown()));
        }
    }
    runtime.block_on(server.stop()).map_err(|error| format!("the server cannot be stopped: {error}"))?;
    Ok(idle)
}

async fn start(folder: &Path) -> Result<(Server, Endpoint), String> {
    let text = format!(
        "storage \"file\" {{\n  path = {folder:?}\n}}\n\
         listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}}\n"
    );
    let (configuration, _) =
        server::config::parse(Path::new("effects.hcl"), &text).map_err(|problems| problems.to_string())?;
    let started = Server::start_dev(&configuration, Some("root")).await;
    let (server, keys) = started.map_err(|error| error.to_string())?;
    let address = server.addresses()[0].to_string();
    let unseal_key = Some(keys.unseal_key_base64());
    Ok((server, Endpoint { address, token: "root".to_owned(), unseal_key }))
}

/// What is stored, as it was last seen.
#[derive(Debug, Default)]
struct Stored(BTreeMap<String, Entry>);

/// One key: what is on the disk, and what it means, volatile parts hidden.
#[derive(Debug)]
struct Entry {
    encrypted: Vec<u8>,
    meaning: String,
}

/// What became of what is stored since it was last seen.
#[derive(Debug, Default)]
struct Change {
    /// Something is there, is gone, or means something else.
    is_real: bool,
    /// Keys that were written again as they were.
    rewritten: Vec<String>,
}

impl Change {
    fn shown(&self) -> String {
        match self.rewritten.as_slice() {
            [] => "nothing was written".to_owned(),
            keys => format!("written again as it was: {}", keys.join(", ")),
        }
    }
}

impl Stored {
    /// Looks at the storage again.
    async fn look(&mut self, barrier: &Arc<Barrier>) -> Result<Change, String> {
        let entries =
            barrier.storage().scan("", None, usize::MAX).await.map_err(|error| error.to_string())?;
        let mut before = std::mem::take(&mut self.0);
        let mut change = Change::default();
        for (key, bytes) in entries {
            let entry = match before.remove(&key) {
                Some(entry) if entry.encrypted == *bytes => entry,
                known => {
                    let meaning = meaning(barrier, &key, &bytes).await;
                    match known {
                        Some(known) if known.meaning == meaning => change.rewritten.push(key.clone()),
                        _ => change.is_real = true,
                    }
                    Entry { encrypted: bytes.to_vec(), meaning }
                }
            };
            self.0.insert(key, entry);
        }
        change.is_real |= !before.is_empty();
        Ok(change)
    }
}

/// What is stored under `key`. What is not encrypted by the barrier, or cannot be read while it is sealed, is
/// compared by its bytes.
async fn meaning(barrier: &Arc<Barrier>, key: &str, encrypted: &[u8]) -> String {
    let Ok(Some(value)) = barrier.get(key).await else { return format!("{encrypted:?}") };
    match serde_json::from_slice::<Value>(&value) {
        Ok(value) => mask(&value).to_string(),
        Err(_) => mask_text(&String::from_utf8_lossy(&value)),
    }
}
