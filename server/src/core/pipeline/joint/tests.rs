//! Bursts of mounts over a storage that fails.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::barrier::Barrier;
use crate::core::clock::Clock;
use crate::core::request::Operation;
use crate::core::state::Core;
use crate::core::testing;
use crate::seal::SecretBytes;
use crate::storage::{FaultyStorage, InmemStorage};

const BURST: usize = 32;
const NEVER: u64 = u64::MAX;

type Faulty = FaultyStorage<InmemStorage>;

/// A server whose storage fails one commit.
struct Bench {
    storage: Arc<Faulty>,
    core: Arc<Core>,
    unseal_key: SecretBytes,
}

fn core(storage: &Arc<Faulty>) -> Arc<Core> {
    testing::closed_server(&Barrier::new(Arc::clone(storage) as _), Clock::system())
}

impl Bench {
    /// Fails the `nth` commit after the server is initialized.
    async fn failing(nth: u64) -> Self {
        let (nth, before) = match nth {
            NEVER => (NEVER, 0),
            nth => (nth, Box::pin(Self::failing(NEVER)).await.storage.commits()),
        };
        let storage = Arc::new(FaultyStorage::failing_nth(InmemStorage::new(), nth.saturating_add(before)));
        let core = core(&storage);
        let keys = core.initialize_dev(Some("root")).await.expect("a fresh storage");
        Self { storage, core, unseal_key: keys.unseal_key }
    }

    /// Another process over the same storage.
    async fn restarted(&self) -> Arc<Core> {
        let core = core(&self.storage);
        core.seal.unseal_share(self.unseal_key.clone()).await.expect("the key that it was made with");
        core.open().await.expect("a good storage");
        core
    }

    /// Mounts at each of `paths`, all at once: what is answered.
    async fn burst(&self, paths: &[String]) -> Vec<u16> {
        let mount = |path: &String| {
            let (core, path) = (Arc::clone(&self.core), format!("sys/mounts/{path}"));
            tokio::spawn(async move { call(&core, Operation::Update, &path, json!({"type": "kv"})).await })
        };
        let answers = futures::future::join_all(paths.iter().map(mount).collect::<Vec<_>>()).await;
        answers.into_iter().map(|answer| answer.expect("no panic")).collect()
    }
}

async fn call(core: &Arc<Core>, operation: Operation, path: &str, body: Value) -> u16 {
    testing::answer(core, testing::incoming(operation, path, body)).await.0
}

/// Those of `paths` where something is mounted.
async fn mounted(core: &Arc<Core>, paths: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        if call(core, Operation::Read, &format!("sys/mounts/{path}"), json!({})).await == 200 {
            found.push(path.clone());
        }
    }
    found
}

fn paths() -> Vec<String> {
    (0..BURST).map(|number| format!("m{number}")).collect()
}

#[tokio::test]
async fn requests_at_the_same_time_share_commits() {
    let bench = Bench::failing(NEVER).await;
    let before = bench.storage.commits();
    assert_eq!(bench.burst(&paths()).await, [204; BURST]);
    let commits = bench.storage.commits() - before;
    assert!(commits <= 4, "{commits} commits for {BURST} mounts");
}

#[tokio::test]
async fn a_commit_that_fails_leaves_none_of_its_mounts() {
    let mut shared_a_failure = false;
    for nth in 1..=3 {
        let bench = Bench::failing(nth).await;
        let paths = paths();
        let answers = bench.burst(&paths).await;
        let good = paths.iter().zip(&answers).filter(|(_, status)| **status == 204);
        let acknowledged: Vec<String> = good.map(|(path, _)| path.clone()).collect();
        let failed = answers.iter().filter(|status| **status == 500).count();
        assert_eq!(acknowledged.len() + failed, BURST, "{answers:?}");
        shared_a_failure |= failed > 1;
        assert_eq!(mounted(&bench.core, &paths).await, acknowledged);
        assert_eq!(mounted(&bench.restarted().await, &paths).await, acknowledged);
        // What has failed is not in the way.
        let again: Vec<String> = paths.iter().filter(|path| !acknowledged.contains(path)).cloned().collect();
        assert_eq!(bench.burst(&again).await, vec![204; again.len()]);
        assert_eq!(mounted(&bench.restarted().await, &paths).await, paths);
    }
    assert!(shared_a_failure, "the failure was always one request's alone");
}

#[tokio::test]
async fn one_path_is_given_to_one_request_whatever_fails() {
    for nth in [1, 2, 3, NEVER] {
        let bench = Bench::failing(nth).await;
        let path = vec!["same".to_owned(); BURST];
        let answers = bench.burst(&path).await;
        let count = |wanted: u16| answers.iter().filter(|status| **status == wanted).count();
        assert_eq!(count(204), 1, "{answers:?}");
        // Of those that saw a mount that came to nothing, each has tried again.
        assert!(count(500) <= 1 && count(204) + count(400) + count(500) == BURST, "{answers:?}");
        assert_eq!(mounted(&bench.restarted().await, &path[..1]).await, &path[..1]);
    }
}

#[tokio::test]
async fn a_seal_in_a_burst_leaves_what_was_acknowledged() {
    let bench = Bench::failing(NEVER).await;
    let paths = paths();
    let (answers, closed) = tokio::join!(bench.burst(&paths), bench.core.close());
    closed.expect("nothing fails");
    let acknowledged = |path: &String| answers[paths.iter().position(|it| it == path).expect("there")] == 204;
    let expected: Vec<String> = paths.iter().filter(|path| acknowledged(path)).cloned().collect();
    assert!(mounted(&bench.core, &paths).await.is_empty(), "it is sealed");
    bench.core.seal.unseal_share(bench.unseal_key.clone()).await.expect("the right key");
    bench.core.open().await.expect("a good storage");
    assert_eq!(mounted(&bench.core, &paths).await, expected);
}
