//! A process that is killed in a burst of writes has lost nothing that it acknowledged, and left no half batch.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use server::barrier::{Barrier, RootKey};
use server::storage::{Batch, FileStorage, Storage};

const FOLDER: &str = "LOCKSTEP_CRASH_TEST_FOLDER";
const ROUND: &str = "LOCKSTEP_CRASH_TEST_ROUND";
const WRITERS: u64 = 16;
const PARTS: u64 = 4;
const ROUNDS: u64 = 4;
/// Acknowledged batches after which the child is killed.
const ENOUGH: usize = 300;

fn root_key() -> RootKey {
    RootKey::from_bytes(&[7; RootKey::LENGTH]).expect("the length is right")
}

fn key(batch: &str, part: u64) -> String {
    format!("batch/{batch}/{part}")
}

async fn unsealed(folder: &Path) -> Arc<Barrier> {
    let storage: Arc<dyn Storage> = Arc::new(FileStorage::open(folder).unwrap());
    let barrier = Barrier::new(storage);
    if !barrier.is_initialized().await.unwrap() {
        barrier.initialize(&root_key(), Batch::new()).await.unwrap();
    }
    barrier.unseal(&root_key()).await.unwrap();
    barrier
}

/// The child: without the variable it is a test that has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let round = std::env::var(ROUND).unwrap();
    let barrier = unsealed(Path::new(&folder)).await;
    let writers = (0..WRITERS).map(|writer| {
        let (barrier, round) = (Arc::clone(&barrier), round.clone());
        tokio::spawn(async move {
            for number in 0u64.. {
                write_batch(&barrier, &format!("{round}-{writer}-{number}")).await;
            }
        })
    });
    futures::future::join_all(writers.collect::<Vec<_>>()).await;
}

async fn write_batch(barrier: &Arc<Barrier>, batch: &str) {
    let transaction = barrier.begin();
    for part in 0..PARTS {
        transaction.put(key(batch, part), batch.to_owned());
    }
    transaction.commit().await.unwrap();
    let mut output = std::io::stdout().lock();
    writeln!(output, "acknowledged {batch}").unwrap();
    output.flush().unwrap();
}

fn start_child(folder: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the child in its burst; answers what it acknowledged, up to the last line that arrived.
fn acknowledged_before_kill(mut child: Child) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut batches = Vec::new();
    let mut take = |batches: &mut Vec<String>| {
        let Some(Ok(line)) = lines.next() else { return false };
        batches.extend(line.strip_prefix("acknowledged ").map(str::to_owned));
        true
    };
    while batches.len() < ENOUGH && take(&mut batches) {}
    child.kill().unwrap();
    while take(&mut batches) {}
    child.wait().unwrap();
    batches
}

/// Batches that are there, each with all its parts.
async fn whole_batches(folder: &Path) -> BTreeSet<String> {
    let barrier = unsealed(folder).await;
    let transaction = barrier.begin();
    let names = transaction.list("batch/", None, usize::MAX).await.unwrap();
    let mut batches = BTreeSet::new();
    for name in names {
        let batch = name.trim_end_matches('/');
        for part in 0..PARTS {
            let value = transaction.get(&key(batch, part)).await.unwrap();
            assert_eq!(value.as_deref(), Some(batch.as_bytes()), "part {part} of {batch}");
        }
        batches.insert(batch.to_owned());
    }
    batches
}

#[tokio::test]
async fn a_killed_process_keeps_what_it_acknowledged_and_leaves_no_half_batch() {
    if std::env::var(FOLDER).is_ok() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(acknowledged_before_kill(start_child(folder.path(), round)));
        let found = whole_batches(folder.path()).await;
        let lost: Vec<&String> = acknowledged.iter().filter(|batch| !found.contains(*batch)).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?} of {}", acknowledged.len());
    }
    assert!(acknowledged.len() >= ENOUGH * ROUNDS as usize);
}
