//! Mounts that go to another namespace, as their clients see it, and servers that stop in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::barrier::Barrier;
use crate::core::clock::Clock;
use crate::core::request::Operation;
use crate::core::testing::{HeldStorage, ask, ask_with, closed_server, read, write, written_during};
use crate::storage::{InmemStorage, Storage};

const MANY: usize = 2 * AT_ONCE + 44;

/// A server with the namespaces `team` and `other`, and `count` secrets in the mount `kv`.
async fn with_secrets(count: usize) -> (Arc<Barrier>, Arc<Core>) {
    over(Arc::new(InmemStorage::new()), count).await
}

/// As [`with_secrets`], over `storage`.
async fn over(storage: Arc<dyn Storage>, count: usize) -> (Arc<Barrier>, Arc<Core>) {
    let barrier = Barrier::new(storage);
    let core = closed_server(&barrier, Clock::system());
    core.initialize_dev(Some("root")).await.expect("a fresh storage");
    assert_eq!(write(&core, "sys/namespaces/team", json!({})).await, 200);
    assert_eq!(write(&core, "sys/namespaces/other", json!({})).await, 200);
    assert_eq!(write(&core, "sys/mounts/kv", json!({"type": "kv"})).await, 204);
    for number in 0..count {
        assert_eq!(write(&core, &format!("kv/a/{number}"), json!({"n": number})).await, 204);
    }
    (barrier, core)
}

/// Asks for a move and answers its id.
async fn remount(core: &Arc<Core>, from: &str, to: &str) -> String {
    let (status, answer) = ask(core, Operation::Update, "sys/remount", json!({"from": from, "to": to})).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"]["migration_id"].as_str().expect("an id").to_owned()
}

async fn status(core: &Arc<Core>, migration: &str) -> Value {
    let (_, answer) = read(core, &format!("sys/remount/status/{migration}")).await;
    answer["data"]["migration_info"]["status"].clone()
}

/// All `count` secrets are in the mount `mount`, and nothing else is.
async fn check_all(core: &Arc<Core>, mount: &str, count: usize) {
    for number in 0..count {
        let (status, answer) = read(core, &format!("{mount}/a/{number}")).await;
        assert_eq!((status, &answer["data"]["n"]), (200, &json!(number)), "{answer}");
    }
    let (_, answer) = ask(core, Operation::List, &format!("{mount}/a/"), json!({})).await;
    assert_eq!(answer["data"]["keys"].as_array().map(Vec::len), Some(count));
}

async fn uuid_of(core: &Arc<Core>, mount: &str) -> String {
    let (_, answer) = read(core, mount).await;
    answer["data"]["uuid"].as_str().expect("a UUID").to_owned()
}

/// How many records of the mount `uuid` are in the root namespace, and how many in others.
async fn places(barrier: &Barrier, uuid: &str) -> (usize, usize) {
    let here = barrier.scan_keys(&format!("logical/{uuid}/"), None, usize::MAX).await.expect("unsealed");
    let all = barrier.scan_keys("namespaces/", None, usize::MAX).await.expect("unsealed");
    let there = all.iter().filter(|key| key.contains(&format!("/logical/{uuid}/"))).count();
    (here.len(), there)
}

#[tokio::test]
async fn few_records_are_there_at_once() {
    let (barrier, core) = with_secrets(3).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    let migration = remount(&core, "kv", "team/kv").await;
    assert_eq!(status(&core, &migration).await, "success");
    check_all(&core, "team/kv", 3).await;
    assert_eq!(places(&barrier, &uuid).await, (0, 3));
    assert_eq!(read(&core, "kv/a/1").await.0, 404);
    assert_eq!(uuid_of(&core, "team/sys/mounts/kv").await, uuid);
    // Also after a restart, and on from there.
    let again = closed_server(&barrier, Clock::system());
    again.open().await.expect("unsealed");
    remount(&again, "team/kv", "other/deep/kv").await;
    check_all(&again, "other/deep/kv", 3).await;
    remount(&again, "other/deep/kv", "kv").await;
    check_all(&again, "kv", 3).await;
    assert_eq!(places(&barrier, &uuid).await, (3, 0));
}

#[tokio::test]
async fn a_server_that_stops_after_any_commit_loses_nothing() {
    let (barrier, core) = with_secrets(MANY).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    let migration = remount(&core, "kv", "team/kv").await;
    drop(core);
    let mut restarts = 0;
    loop {
        let core = closed_server(&barrier, Clock::system());
        core.open().await.expect("unsealed");
        let (here, there) = places(&barrier, &uuid).await;
        assert_eq!(here + there, MANY, "after {restarts} restarts");
        if status(&core, &migration).await == "success" {
            assert_eq!((here, there), (0, MANY));
            check_all(&core, "team/kv", MANY).await;
            break;
        }
        assert_eq!(status(&core, &migration).await, "in-progress");
        for path in ["kv/a/1", "team/kv/a/1"] {
            assert_eq!(read(&core, path).await.0, 404, "{path}");
            assert_eq!(write(&core, path, json!({"n": 0})).await, 404, "{path}");
        }
        assert!(core.clear_next().await.expect("unsealed"));
        restarts += 1;
    }
    assert!(restarts >= 2, "it was many commits");
    assert_eq!(barrier.scan_keys("core/leftovers/", None, 9).await.expect("unsealed"), Vec::<String>::new());
}

#[tokio::test]
async fn what_would_meet_records_on_their_way_is_refused() {
    let (_, core) = with_secrets(0).await;
    let (status_of_move, _) =
        ask(&core, Operation::Update, "sys/remount", json!({"from": "kv", "to": "team/kv"})).await;
    assert_eq!(status_of_move, 200);
    for number in 0..MANY {
        assert_eq!(write(&core, &format!("team/kv/a/{number}"), json!({"n": number})).await, 204);
    }
    let migration = remount(&core, "team/kv", "other/kv").await;
    // What is left of it would be deleted with the namespace.
    let (refused, answer) = ask(&core, Operation::Delete, "sys/namespaces/team", json!({})).await;
    assert_eq!(refused, 400, "{answer}");
    let told = answer["errors"][0].as_str().expect("a text");
    assert!(told.contains("moved out of it; ask again once `sys/remount/status` says"), "{told}");
    assert_eq!(write(&core, "sys/remount", json!({"from": "other/kv", "to": "kv"})).await, 400);
    assert_eq!(write(&core, "other/sys/mounts/kv/tune", json!({"options": {"version": "2"}})).await, 400);
    assert_eq!(write(&core, "other/sys/mounts/kv", json!({"type": "kv"})).await, 400);
    // Within its namespace it goes where it likes.
    remount(&core, "other/kv", "other/elsewhere").await;
    core.clear_leftovers().await.expect("unsealed");
    assert_eq!(status(&core, &migration).await, "success");
    assert_eq!(ask(&core, Operation::Delete, "sys/namespaces/team", json!({})).await.0, 200);
    core.clear_leftovers().await.expect("unsealed");
    check_all(&core, "other/elsewhere", MANY).await;
}

#[tokio::test]
async fn a_mount_that_goes_meanwhile_leaves_nothing() {
    let (barrier, core) = with_secrets(MANY).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    let migration = remount(&core, "kv", "team/kv").await;
    assert_eq!(ask(&core, Operation::Delete, "team/sys/mounts/kv", json!({})).await.0, 204);
    core.clear_leftovers().await.expect("unsealed");
    assert_eq!(places(&barrier, &uuid).await, (0, 0));
    assert_eq!(status(&core, &migration).await, "failure");
}

#[tokio::test]
async fn a_namespace_that_goes_meanwhile_takes_the_mount_with_it() {
    let (barrier, core) = with_secrets(MANY).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    let migration = remount(&core, "kv", "team/kv").await;
    core.clear_next().await.expect("unsealed");
    assert_eq!(ask(&core, Operation::Delete, "sys/namespaces/team", json!({})).await.0, 200);
    core.clear_leftovers().await.expect("unsealed");
    assert_eq!(places(&barrier, &uuid).await, (0, 0));
    assert_eq!(status(&core, &migration).await, "failure");
}

#[tokio::test]
async fn tokens_of_an_auth_method_end_and_its_users_log_in_where_it_is() {
    let (_, core) = with_secrets(0).await;
    assert_eq!(write(&core, "sys/auth/people", json!({"type": "userpass"})).await, 204);
    let user = json!({"password": "correct horse", "token_policies": ["default"]});
    assert_eq!(write(&core, "auth/people/users/ada", user).await, 204);
    let password = json!({"password": "correct horse"});
    let login = |path| ask_with(&core, "", Operation::Update, path, password.clone());
    let (_, answer) = login("auth/people/login/ada").await;
    let token = answer["auth"]["client_token"].as_str().expect("a token").to_owned();
    let lookup = || ask_with(&core, &token, Operation::Read, "auth/token/lookup-self", json!({}));
    assert_eq!(lookup().await.0, 200);
    remount(&core, "auth/people", "team/auth/folk").await;
    assert_eq!(lookup().await.0, 403);
    assert_eq!(login("auth/people/login/ada").await.0, 403);
    let (status, answer) = login("team/auth/folk/login/ada").await;
    assert_eq!(status, 200, "{answer}");
    let inner = answer["auth"]["client_token"].as_str().expect("a token");
    assert_eq!(
        ask_with(&core, inner, Operation::Read, "team/auth/token/lookup-self", json!({})).await.0,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_while_a_mount_goes() {
    let (barrier, core) = with_secrets(3).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    let written = written_during(&core, async {
        remount(&core, "kv", "team/kv").await;
    })
    .await;
    for number in 0..written {
        let (status, answer) = read(&core, &format!("team/kv/w{number}")).await;
        assert_eq!((status, &answer["data"]["n"]), (200, &json!(number)), "{answer}");
    }
    assert_eq!(places(&barrier, &uuid).await, (0, 3 + written));
}

/// What is told of a move of `count` secrets into which a write comes just as it looks at them, and how many of them are
/// in the new place.
async fn move_with_a_write_in_between(count: usize) -> (Value, usize) {
    let storage = Arc::new(HeldStorage::default());
    let (barrier, core) = over(Arc::clone(&storage) as _, count).await;
    let uuid = uuid_of(&core, "sys/mounts/kv").await;
    storage.scans.close_to("logical/");
    let moving = async {
        let migration = remount(&core, "kv", "team/kv").await;
        (status(&core, &migration).await, places(&barrier, &uuid).await)
    };
    let writing = async {
        storage.scans.reached().await;
        assert_eq!(write(&core, &format!("kv/a/{count}"), json!({"n": count})).await, 204);
        storage.scans.open();
    };
    let ((status, (here, there)), ()) = tokio::join!(moving, writing);
    assert_eq!(here + there, count + 1);
    core.clear_leftovers().await.expect("unsealed");
    check_all(&core, "team/kv", count + 1).await;
    (status, there)
}

#[tokio::test]
async fn a_move_is_not_held_up_by_writes() {
    // The task has the mount for itself.
    assert_eq!(move_with_a_write_in_between(MANY).await, (json!("in-progress"), 0));
    assert_eq!(move_with_a_write_in_between(AT_ONCE).await, (json!("in-progress"), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_goes_to_and_fro_under_steady_writes() {
    let (_, core) = with_secrets(3).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..8).map(|writer| {
        let (core, stop) = (Arc::clone(&core), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                // Storage in memory never waits, so that the writers have to make room themselves.
                tokio::task::yield_now().await;
                for mount in ["kv", "team/kv"] {
                    let status = write(&core, &format!("{mount}/w{writer}/{number}"), json!({"n": 1})).await;
                    assert!(matches!(status, 204 | 404), "{status}");
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for (from, to) in [("kv", "team/kv"), ("team/kv", "kv")].repeat(4) {
        remount(&core, from, to).await;
        core.clear_leftovers().await.expect("unsealed");
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no panic");
    }
    check_all(&core, "kv", 3).await;
}
