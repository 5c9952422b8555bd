//! A mount that is brought to version 2, as its clients see it.

use std::sync::Arc;

use serde_json::json;

use crate::barrier::Barrier;
use crate::core::clearing::AT_ONCE;
use crate::core::clock::Clock;
use crate::core::request::Operation;
use crate::core::state::Core;
use crate::core::testing::{ask, closed_server, read, write, written_during};
use crate::storage::InmemStorage;

/// A server with `count` secrets in a mount of version 1.
async fn with_secrets(count: usize) -> (Arc<Barrier>, Arc<Core>) {
    let barrier = Barrier::new(Arc::new(InmemStorage::new()));
    let core = closed_server(&barrier, Clock::system());
    core.initialize_dev(Some("root")).await.expect("a fresh storage");
    assert_eq!(write(&core, "sys/mounts/kv", json!({"type": "kv"})).await, 204);
    for number in 0..count {
        assert_eq!(write(&core, &format!("kv/{number}"), json!({"n": number})).await, 204);
    }
    (barrier, core)
}

async fn upgrade(core: &Arc<Core>) {
    assert_eq!(write(core, "sys/mounts/kv/tune", json!({"options": {"version": "2"}})).await, 200);
}

async fn check_all(core: &Arc<Core>, count: usize) {
    for number in 0..count {
        let (status, answer) = read(core, &format!("kv/data/{number}")).await;
        assert_eq!((status, &answer["data"]["data"]["n"]), (200, &json!(number)), "{answer}");
    }
    let (_, answer) = ask(core, Operation::List, "kv/metadata/", json!({})).await;
    assert_eq!(answer["data"]["keys"].as_array().map(Vec::len), Some(count));
}

#[tokio::test]
async fn few_secrets_are_there_at_once() {
    let (_, core) = with_secrets(3).await;
    upgrade(&core).await;
    check_all(&core, 3).await;
}

#[tokio::test]
async fn a_mount_takes_no_request_until_all_its_secrets_are_brought_over() {
    let count = AT_ONCE + 44;
    let (barrier, core) = with_secrets(count).await;
    upgrade(&core).await;
    // Also after a restart.
    let again = closed_server(&barrier, Clock::system());
    again.open().await.expect("unsealed");
    for core in [&core, &again] {
        for (operation, path) in [
            (Operation::Read, "kv/data/1"),
            (Operation::List, "kv/metadata/"),
            (Operation::Update, "kv/data/1"),
        ] {
            let (status, answer) = ask(core, operation, path, json!({"data": {}})).await;
            assert_eq!(status, 400, "{path}");
            let told = answer["errors"][0].as_str().unwrap_or_default();
            assert!(told.starts_with("Upgrading from non-versioned to versioned data."), "{answer}");
        }
    }
    assert_eq!(write(&again, "sys/mounts/kv/tune", json!({"description": "d"})).await, 204);
    again.clear_leftovers().await.expect("unsealed");
    check_all(&again, count).await;
    assert_eq!(write(&again, "kv/data/1", json!({"data": {"n": 2}, "options": {"cas": 1}})).await, 200);
}

#[tokio::test]
async fn a_mount_that_goes_meanwhile_leaves_nothing() {
    let (barrier, core) = with_secrets(AT_ONCE + 1).await;
    upgrade(&core).await;
    let (status, _) = ask(&core, Operation::Delete, "sys/mounts/kv", json!({})).await;
    assert_eq!(status, 204);
    core.clear_leftovers().await.expect("unsealed");
    assert_eq!(barrier.scan_keys("core/leftovers/", None, 9).await.expect("unsealed"), Vec::<String>::new());
    assert_eq!(read(&core, "kv/data/1").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_between_the_versions() {
    let (_, core) = with_secrets(3).await;
    let written = written_during(&core, upgrade(&core)).await;
    for number in 0..written {
        let (status, answer) = read(&core, &format!("kv/data/w{number}")).await;
        assert_eq!((status, &answer["data"]["data"]["n"]), (200, &json!(number)), "{answer}");
    }
}
