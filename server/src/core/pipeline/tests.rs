//! Requests to mounts that go to another namespace, or to another version, while they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Incoming;
use crate::barrier::Barrier;
use crate::core::clock::Clock;
use crate::core::request::Operation;
use crate::core::state::Core;
use crate::core::testing::{
    HeldStorage, answer, ask, ask_with, closed_server, incoming, server, server_over,
};
use crate::seal::{InitRequest, parse_share};
use crate::storage::InmemStorage;

/// More than a list reads at a time.
const MANY: usize = 300;

/// A server with the namespace `team`, and `count` secrets in the mount `kv`.
async fn with_secrets(count: usize) -> (Arc<HeldStorage>, Arc<Core>) {
    let storage = Arc::new(HeldStorage::default());
    let core = server_over(Arc::clone(&storage) as _, Clock::system()).await;
    write(&core, "sys/namespaces/team", json!({})).await;
    write(&core, "sys/mounts/kv", json!({"type": "kv"})).await;
    for number in 0..count {
        write(&core, &format!("kv/a/{number}"), json!({"n": number})).await;
    }
    (storage, core)
}

async fn write(core: &Arc<Core>, path: &str, body: Value) {
    let (status, answer) = ask(core, Operation::Update, path, body).await;
    assert!(matches!(status, 200 | 204), "{path}: {status} {answer}");
}

/// What is answered, without the id of the request.
async fn answered(core: &Arc<Core>, operation: Operation, path: &str) -> (u16, Value) {
    let (status, mut answer) = ask(core, operation, path, json!({})).await;
    answer.as_object_mut().map(|answer| answer.remove("request_id"));
    (status, answer)
}

/// Requests that read.
const READS: [(Operation, &str); 6] = [
    (Operation::List, "kv/"),
    (Operation::List, "kv/a/"),
    (Operation::List, "kv/metadata/a/"),
    (Operation::Read, "kv/a/1"),
    (Operation::Read, "kv/data/a/1"),
    (Operation::Read, "kv/config"),
];

/// Begins [`READS`] while the storage has the change `body` of `path` already and the server has not: they are answered as
/// those are that come after it.
async fn check_reads_within(path: &'static str, body: Value) {
    let (storage, core) = with_secrets(3).await;
    storage.commits.close_to("core/mounts/");
    let changing = tokio::spawn({
        let core = Arc::clone(&core);
        async move { write(&core, path, body).await }
    });
    storage.commits.reached().await;
    let reading = READS.map(|(operation, path)| {
        let core = Arc::clone(&core);
        tokio::spawn(async move { answered(&core, operation, path).await })
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    storage.commits.open();
    changing.await.expect("it is done");
    for ((operation, path), reading) in READS.into_iter().zip(reading) {
        let answer = reading.await.expect("no panic");
        assert_eq!(answer, answered(&core, operation, path).await, "{operation:?} {path}");
    }
}

#[tokio::test]
async fn what_is_read_while_a_mount_goes_is_read_where_it_was_or_not_at_all() {
    check_reads_within("sys/remount", json!({"from": "kv", "to": "team/kv"})).await;
}

#[tokio::test]
async fn what_is_read_while_a_mount_becomes_version_2_is_of_one_version() {
    check_reads_within("sys/mounts/kv/tune", json!({"options": {"version": "2"}})).await;
}

#[tokio::test]
async fn what_is_read_while_a_mount_is_deleted_is_all_or_nothing() {
    let (storage, core) = with_secrets(MANY).await;
    storage.scans.close_to("logical/");
    let unmount = async {
        storage.scans.reached().await;
        assert_eq!(ask(&core, Operation::Delete, "sys/mounts/kv", json!({})).await.0, 204);
        core.clear_leftovers().await.expect("unsealed");
        storage.scans.open();
    };
    let ((status, answer), ()) = tokio::join!(answered(&core, Operation::List, "kv/a/"), unmount);
    assert_eq!(status, 404, "{answer}");
}

/// What is answered to the list of `path` that has read its first page when the change `body` of `change` is made.
async fn listed_around(list: &str, change: &str, body: Value) -> (u16, Value) {
    let (storage, core) = with_secrets(MANY).await;
    storage.scans.close_to("logical/");
    let changing = async {
        storage.scans.reached().await;
        write(&core, change, body).await;
        core.clear_leftovers().await.expect("unsealed");
        storage.scans.open();
    };
    let (answer, ()) = tokio::join!(answered(&core, Operation::List, list), changing);
    answer
}

#[tokio::test]
async fn a_list_never_has_a_part_of_what_goes_meanwhile() {
    let to_team = json!({"from": "kv", "to": "team/kv"});
    let (status, answer) = listed_around("kv/a/", "sys/remount", to_team).await;
    assert_eq!(status, 404, "{answer}");
}

#[tokio::test]
async fn a_list_never_has_what_another_version_keeps_to_itself() {
    let upgrade = json!({"options": {"version": "2"}});
    let (status, answer) = listed_around("kv/", "sys/mounts/kv/tune", upgrade.clone()).await;
    assert_eq!(status, 404, "{answer}");
    let (status, answer) = listed_around("kv/metadata/a/", "sys/mounts/kv/tune", upgrade).await;
    let count = answer["data"]["keys"].as_array().map(Vec::len);
    assert_eq!((status, count), (200, Some(MANY)), "{answer}");
}

/// More leases than one commit ends.
const LEASES: usize = 230;

/// Makes an AppRole `app` at `auth/approle`, logs in as often as `LEASES`, and answers the tokens.
async fn with_logins(core: &Arc<Core>) -> Vec<String> {
    write(core, "sys/auth/approle", json!({"type": "approle"})).await;
    write(core, "auth/approle/role/app", json!({"token_ttl": "1h"})).await;
    let (_, role) = ask(core, Operation::Read, "auth/approle/role/app/role-id", json!({})).await;
    let (_, secret) = ask(core, Operation::Update, "auth/approle/role/app/secret-id", json!({})).await;
    let body = json!({"role_id": role["data"]["role_id"], "secret_id": secret["data"]["secret_id"]});
    let mut tokens = Vec::new();
    for _ in 0..LEASES {
        let (_, login) = ask(core, Operation::Update, "auth/approle/login", body.clone()).await;
        tokens.push(login["auth"]["client_token"].as_str().expect("a token").to_owned());
    }
    tokens
}

/// How many leases of logins there are, and how many of `tokens` are good.
async fn left(core: &Arc<Core>, tokens: &[String]) -> (usize, usize) {
    let (_, leases) = ask(core, Operation::List, "sys/leases/lookup/auth/approle/login", json!({})).await;
    let mut good = 0;
    for token in tokens {
        let (status, _) = ask(core, Operation::Update, "auth/token/lookup", json!({"token": token})).await;
        good += usize::from(status == 200);
    }
    (leases["data"]["keys"].as_array().map_or(0, Vec::len), good)
}

/// Sends what ends all leases of logins while others write: all of them are gone when it is answered.
async fn check_ends_all(operation: Operation, path: &'static str, body: Value) {
    let core = server(Clock::system()).await;
    let tokens = with_logins(&core).await;
    assert_eq!(left(&core, &tokens).await, (LEASES, LEASES));
    let writing = tokio::spawn({
        let core = Arc::clone(&core);
        async move {
            for number in 0.. {
                write(&core, &format!("cubbyhole/{number}"), json!({"a": 1})).await;
            }
        }
    });
    let (status, answer) = ask(&core, operation, path, body).await;
    writing.abort();
    assert!(matches!(status, 200 | 204), "{status} {answer}");
    assert_eq!(left(&core, &tokens).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_leases_end_while_others_write() {
    check_ends_all(Operation::Update, "sys/leases/revoke-prefix/auth/approle/login", json!({})).await;
    check_ends_all(Operation::Update, "sys/leases/revoke-force/auth/approle", json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auth_method_with_very_many_tokens_goes_while_others_write() {
    check_ends_all(Operation::Delete, "sys/auth/approle", json!({})).await;
    check_ends_all(Operation::Update, "sys/remount", json!({"from": "auth/approle", "to": "auth/app"})).await;
}

/// Seals in the middle of what ends all leases, at one of several moments: of each login, lease and token are there or
/// neither is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_in_the_middle_leaves_no_token_without_its_lease() {
    let core = closed_server(&Barrier::new(Arc::new(HeldStorage::default())), Clock::system());
    let keys = core.initialize_dev(Some("root")).await.expect("a fresh storage");
    let tokens = with_logins(&core).await;
    for moment in 0..4 {
        let ending = tokio::spawn({
            let core = Arc::clone(&core);
            let path = "sys/leases/revoke-prefix/auth/approle/login";
            async move { ask(&core, Operation::Update, path, json!({})).await.0 }
        });
        tokio::time::sleep(Duration::from_millis(2 * moment)).await;
        core.close().await.expect("nothing fails");
        let status = ending.await.expect("no panic");
        assert!(matches!(status, 204 | 503), "{status}");
        let error = core.tokens.namespace_of("s.any").expect_err("nobody knows what there is");
        assert_eq!(error.status().as_u16(), 503);
        core.seal.unseal_share(keys.unseal_key.clone()).await.expect("the right key");
        core.open().await.expect("a good storage");
        let (leases, good) = left(&core, &tokens).await;
        assert_eq!(leases, good, "after a seal at the moment {moment}");
    }
}

/// A server whose one key share is known, and that share.
async fn with_share() -> (Arc<Core>, String, String) {
    let core = closed_server(&Barrier::new(Arc::new(InmemStorage::new())), Clock::system());
    let request = InitRequest { secret_shares: 1, secret_threshold: 1, ..InitRequest::default() };
    let (shares, root) = core.initialize(&request, None).await.expect("a fresh storage");
    let share = hex::encode(&*shares[0]);
    core.seal.unseal_share(parse_share(&share).expect("a share")).await.expect("the share");
    core.open().await.expect("unsealed");
    (core, share, root.expose().to_owned())
}

// Its handler has replaced the keys by then, and would find nothing to do if it ran again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_key_shares_are_told_whatever_changes_meanwhile() {
    let (core, mut share, root) = with_share().await;
    let is_done = Arc::new(AtomicBool::new(false));
    let tuning = tokio::spawn({
        let (core, root, is_done) = (Arc::clone(&core), root.clone(), Arc::clone(&is_done));
        async move {
            let mut count = 0;
            while !is_done.load(Ordering::Relaxed) {
                count += 1;
                let body = json!({"audit_non_hmac_request_keys": [count.to_string()]});
                ask_with(&core, &root, Operation::Update, "sys/mounts/sys/tune", body).await;
            }
            count
        }
    });
    let update = async |path: &str, body: Value| {
        let (status, answer) = ask_with(&core, &root, Operation::Update, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    for _ in 0..50 {
        let body = json!({"secret_shares": 1, "secret_threshold": 1, "require_verification": true});
        let begun = update("sys/rotate/root/init", body).await;
        let body = json!({"key": share, "nonce": begun["data"]["nonce"]});
        let made = update("sys/rotate/root/update", body).await;
        share = made["data"]["keys"][0].as_str().expect("a share").to_owned();
        let body = json!({"key": share, "nonce": made["data"]["verification_nonce"]});
        assert_eq!(update("sys/rotate/root/verify", body).await["data"]["complete"], true);
    }
    is_done.store(true, Ordering::Relaxed);
    assert!(tuning.await.expect("no panic") > 50);
    core.seal
        .open_root(vec![parse_share(&share).expect("a share")])
        .await
        .expect("the last share that was told");
}

#[tokio::test]
async fn a_locked_namespace_is_reached_by_no_id_of_it() {
    let core = server(Clock::system()).await;
    write(&core, "sys/namespaces/n", json!({})).await;
    let in_n = async |path: &str, body: Value, wrap: Option<Duration>| {
        let request =
            Incoming { namespace: "n".to_owned(), wrap_ttl: wrap, ..incoming(Operation::Update, path, body) };
        answer(&core, request).await
    };
    let (_, made) = in_n("auth/token/create", json!({"policies": ["default"]}), None).await;
    let token = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    let (_, wrapped) = in_n("sys/tools/random", json!({}), Some(Duration::from_secs(60))).await;
    let parcel = wrapped["wrap_info"]["token"].as_str().expect("a parcel").to_owned();
    let requests = [
        ("root", "sys/wrapping/lookup", json!({"token": parcel})),
        ("root", "auth/token/lookup", json!({"token": token})),
        (&*token, "auth/token/renew-self", json!({})),
        (&*parcel, "sys/wrapping/unwrap", json!({})),
    ];
    let (_, locked) = ask(&core, Operation::Update, "sys/namespaces/api-lock/lock/n", json!({})).await;
    for (token, path, body) in &requests {
        assert_eq!(ask_with(&core, token, Operation::Update, path, body.clone()).await.0, 503, "{path}");
    }
    write(&core, "sys/namespaces/api-lock/unlock/n", json!({"unlock_key": locked["data"]["unlock_key"]}))
        .await;
    for (token, path, body) in &requests {
        assert_eq!(ask_with(&core, token, Operation::Update, path, body.clone()).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_sealed_server_can_be_sealed_and_nothing_else() {
    let (core, _, root) = with_share().await;
    let update = async |path: &str| ask_with(&core, &root, Operation::Update, path, json!({})).await.0;
    assert_eq!(
        [update("sys/seal").await, update("sys/seal").await, update("sys/rotate").await],
        [204, 204, 503]
    );
    assert_eq!(ask_with(&core, &root, Operation::Read, "sys/seal", json!({})).await.0, 503);
}
