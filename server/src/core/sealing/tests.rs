use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::barrier::{Barrier, BarrierError};
use crate::core::clock::Clock;
use crate::core::lease::{LeaseRecord, SecretLease};
use crate::core::request::{ClientToken, Operation};
use crate::core::state::Core;
use crate::core::testing::{HandClock, ask, ask_with, closed_server, read, write};
use crate::core::token::Surroundings as _;
use crate::seal::{Seal, SecretBytes, parse_share};
use crate::storage::{InmemStorage, Storage};

const START: i64 = 1_800_000_000;

/// A server whose storage and share are known.
struct Bench {
    core: Arc<Core>,
    storage: Arc<dyn Storage>,
    share: SecretBytes,
}

impl Bench {
    async fn new(clock: Clock) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(InmemStorage::new());
        let core = closed_server(&Barrier::new(Arc::clone(&storage)), clock);
        let keys = core.initialize_dev(Some("root")).await.expect("a fresh storage");
        Self { core, storage, share: keys.unseal_key }
    }

    /// As after a restart, unsealed.
    async fn restarted(&self, clock: Clock) -> Arc<Core> {
        let core = closed_server(&Barrier::new(Arc::clone(&self.storage)), clock);
        core.seal.unseal_share(self.share.clone()).await.expect("the server's share");
        core.open().await.expect("no namespace is needed for that");
        core
    }

    /// Keys of the storage below `prefix`, without those that are there for the seal itself.
    async fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = self.storage.scan_keys(prefix, None, usize::MAX).await.expect("memory");
        keys.retain(|key| {
            !["core/keyring", "core/root-key", "core/seal-config"].iter().any(|name| key.ends_with(name))
        });
        keys
    }
}

/// Makes the namespace `name` with a seal of its own, in the one at `parent`; answers its shares and its storage prefix.
async fn make(core: &Arc<Core>, parent: &str, name: &str) -> (Vec<String>, String) {
    let seal = "seal \"shamir\" {\n  shares = 3\n  threshold = 2\n}";
    let path = format!("{parent}sys/namespaces/{name}");
    let (status, body) = ask(core, Operation::Update, &path, json!({ "seal": seal })).await;
    assert_eq!(status, 200, "{body}");
    let shares = body["data"]["key_shares"].as_array().expect("shares");
    let shares = shares.iter().map(|share| share.as_str().expect("text").to_owned()).collect();
    let space = core.topology().expect("open").space(&format!("{parent}{name}/")).cloned();
    (shares, space.expect("made").namespace.storage_prefix())
}

/// Enters `shares` for the namespace at `path`; answers status and body of the last.
async fn unseal(core: &Arc<Core>, path: &str, shares: &[String]) -> (u16, Value) {
    let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (parent, name));
    let parent = if parent.is_empty() { String::new() } else { format!("{parent}/") };
    let mut answer = (0, Value::Null);
    for share in shares {
        let asked = format!("{parent}sys/namespaces/{name}/unseal");
        answer = ask(core, Operation::Update, &asked, json!({ "key": share })).await;
    }
    answer
}

/// A namespace `s` with something of every sort, unsealed; its shares and its storage prefix.
async fn filled(core: &Arc<Core>) -> (Vec<String>, String) {
    let (shares, prefix) = make(core, "", "s").await;
    assert_eq!(unseal(core, "s", &shares[..2]).await.1["data"]["sealed"], json!(false));
    for (path, body) in [
        ("s/sys/mounts/kv", json!({ "type": "kv" })),
        ("s/kv/a", json!({ "hidden": "hunter2" })),
        (
            "s/sys/policies/acl/hunter2",
            json!({ "policy": "path \"hunter2/*\" { capabilities = [\"read\"] }" }),
        ),
        ("s/identity/entity", json!({ "name": "hunter2" })),
        ("s/sys/auth/userpass", json!({ "type": "userpass", "description": "hunter2" })),
        ("s/auth/userpass/users/hunter2", json!({ "password": "p" })),
        ("s/sys/namespaces/hunter2", json!({ "custom_metadata": { "hunter2": "hunter2" } })),
        ("s/hunter2/sys/mounts/kv", json!({ "type": "kv", "description": "hunter2" })),
        ("s/hunter2/kv/a", json!({ "hidden": "hunter2" })),
        ("s/sys/rotate/config", json!({ "interval": "48h" })),
    ] {
        let status = write(core, path, body).await;
        assert!(matches!(status, 200 | 204), "{path}: {status}");
    }
    (shares, prefix)
}

async fn seal(core: &Arc<Core>, name: &str) {
    assert_eq!(write(core, &format!("sys/namespaces/{name}/seal"), json!({})).await, 204);
}

fn is_sealed_answer((status, body): &(u16, Value)) -> bool {
    *status == 503 && body["errors"] == json!(["namespace is sealed"])
}

#[tokio::test]
async fn what_a_sealed_namespace_holds_is_encrypted_by_no_key_of_the_server() {
    let bench = Bench::new(Clock::system()).await;
    let (_, prefix) = filled(&bench.core).await;
    // A barrier that takes everything for the server's.
    let servers = Seal::new(Barrier::new(Arc::clone(&bench.storage)));
    servers.unseal_share(bench.share.clone()).await.expect("the server's share");
    let keys = bench.keys(&prefix).await;
    assert!(keys.len() > 20, "{keys:?}");
    for key in &keys {
        let read = servers.barrier().get(key).await;
        assert!(matches!(read, Err(BarrierError::Tampered { .. })), "{key}: {read:?}");
    }
    let others = bench.keys("").await.into_iter().filter(|key| !key.starts_with(&prefix));
    for key in others {
        let value = servers.barrier().get(&key).await.expect("the server's").expect("there");
        assert!(!value.windows(7).any(|window| window == b"hunter2"), "{key}");
    }
}

#[tokio::test]
async fn nothing_of_a_sealed_namespace_is_left_in_memory() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    let (_, made) = ask(core, Operation::Update, "s/auth/token/create", json!({ "ttl": "1h" })).await;
    let token = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    let (_, made) = ask(core, Operation::Update, "s/auth/token/create", json!({ "type": "batch" })).await;
    let batch = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    for token in [&token, &batch] {
        assert_eq!(
            ask_with(core, token, Operation::Read, "s/auth/token/lookup-self", json!({})).await.0,
            200
        );
    }
    let watched = core.tokens.leases().watched();
    let child = core.topology().expect("open").space("s/hunter2/").expect("there").namespace.clone();
    seal(core, "s").await;
    for key in bench.keys(&prefix).await {
        assert!(matches!(core.barrier.get(&key).await, Err(BarrierError::NamespaceSealed)), "{key}");
    }
    let names = core.barrier.scan_keys(&prefix, None, 1).await;
    assert!(matches!(names, Err(BarrierError::NamespaceSealed)), "{names:?}");
    let topology = core.topology().expect("open");
    let space = topology.space("s/").expect("known");
    assert!(space.is_sealed && space.mounts().next().is_none());
    assert!(topology.space("s/hunter2/").is_none() && topology.by_id(&child.id).is_none());
    for token in [&token, &batch] {
        let found = core.tokens.lookup(&ClientToken::new(token), core.clock.now()).await;
        assert!(found.expect("no failure").is_none());
        for path in ["sys/mounts", "sys/namespaces/s/seal-status", "auth/token/lookup-self"] {
            let (status, body) = ask_with(core, token, Operation::Read, path, json!({})).await;
            assert_eq!(status, 503, "{path}: {body}");
        }
    }
    assert_eq!(core.tokens.leases().watched(), watched - 1);
    for path in ["s/kv/a", "s/sys/mounts", "s/hunter2/kv/a", "s/nope", "s/sys/health"] {
        assert!(is_sealed_answer(&read(core, path).await), "{path}");
    }
    assert_eq!(unseal(core, "s", &shares[1..]).await.0, 200);
    assert_eq!(read(core, "s/kv/a").await.1["data"], json!({ "hidden": "hunter2" }));
    assert_eq!(read(core, "s/hunter2/kv/a").await.1["data"], json!({ "hidden": "hunter2" }));
    for token in [&token, &batch] {
        assert_eq!(ask_with(core, token, Operation::Read, "auth/token/lookup-self", json!({})).await.0, 200);
    }
}

#[tokio::test]
async fn a_restart_leaves_it_sealed_and_its_own_shares_unseal_it() {
    let bench = Bench::new(Clock::system()).await;
    let (shares, _) = filled(&bench.core).await;
    bench.core.close().await.expect("nothing fails");
    bench.core.seal.unseal_share(bench.share.clone()).await.expect("the server's share");
    bench.core.open().await.expect("no namespace is needed for that");
    for core in [Arc::clone(&bench.core), bench.restarted(Clock::system()).await] {
        assert!(is_sealed_answer(&read(&core, "s/kv/a").await));
        let server = hex::encode(&*bench.share);
        let (status, body) = unseal(&core, "s", &[server, shares[0].clone()]).await;
        assert_eq!(status, 400, "{body}");
        assert!(is_sealed_answer(&read(&core, "s/kv/a").await));
        assert_eq!(unseal(&core, "s", &shares[..2]).await.1["data"]["sealed"], json!(false));
        assert_eq!(read(&core, "s/kv/a").await.1["data"], json!({ "hidden": "hunter2" }));
        assert_eq!(read(&core, "s/hunter2/kv/a").await.0, 200);
        let (_, config) = read(&core, "s/sys/rotate/config").await;
        assert_eq!(config["data"]["interval"], json!("48h0m0s"));
        core.close().await.expect("nothing fails");
    }
}

#[tokio::test]
async fn a_namespace_within_is_sealed_with_it_and_unsealed_after_it() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (outer, _) = make(core, "", "o").await;
    unseal(core, "o", &outer[..2]).await;
    let (inner, _) = make(core, "o/", "i").await;
    assert!(is_sealed_answer(&read(core, "o/i/sys/mounts").await));
    assert!(is_sealed_answer(&ask(core, Operation::Update, "o/i/sys/namespaces/x", json!({})).await));
    unseal(core, "o/i", &inner[..2]).await;
    assert_eq!(write(core, "o/i/sys/mounts/kv", json!({ "type": "kv" })).await, 204);
    assert_eq!(write(core, "o/i/kv/a", json!({ "a": "1" })).await, 204);
    // One share for it is forgotten with the seal around it.
    seal(core, "o").await;
    assert!(is_sealed_answer(&unseal(core, "o/i", &inner[..2]).await));
    unseal(core, "o", &outer[..2]).await;
    assert!(is_sealed_answer(&read(core, "o/i/kv/a").await));
    assert_eq!(unseal(core, "o/i", &inner[..1]).await.1["data"]["progress"], json!(1));
    seal(core, "o").await;
    unseal(core, "o", &outer[..2]).await;
    assert_eq!(read(core, "o/sys/namespaces/i/seal-status").await.1["data"]["progress"], json!(0));
    unseal(core, "o/i", &inner[1..]).await;
    assert_eq!(read(core, "o/i/kv/a").await.1["data"], json!({ "a": "1" }));
}

/// Waits until `is_so`.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it is never so");
}

#[tokio::test]
async fn leases_outlive_a_seal_and_end_after_it() {
    let clock = HandClock::at(START);
    let bench = Bench::new(clock.clock()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    let login = ("s/auth/userpass/login/hunter2", json!({ "password": "p" }));
    assert_eq!(ask_with(core, "", Operation::Update, login.0, login.1).await.0, 200);
    let leases = format!("{prefix}sys/expire/id/");
    let before = bench.keys(&leases).await;
    assert_eq!(before.len(), 1);
    let others = core.tokens.leases().watched() - 1;
    seal(core, "s").await;
    clock.pass(100 * 24 * 3600);
    core.expire_due().await;
    core.rotate_when_due().await.expect("what is sealed is left out");
    core.rotate_identity_keys_when_due().await.expect("what is sealed is left out");
    core.clear_leftovers().await.expect("what is sealed is left out");
    assert_eq!(bench.keys(&leases).await, before);
    assert_eq!(unseal(core, "s", &shares[..2]).await.0, 200);
    until(|| core.tokens.leases().watched() > others).await;
    core.expire_due().await;
    assert_eq!(bench.keys(&leases).await, Vec::<String>::new());
    assert_eq!(bench.keys(&format!("{prefix}sys/token/id/")).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_token_with_children_in_a_sealed_namespace_can_be_revoked() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, _) = filled(core).await;
    let (_, made) = ask(core, Operation::Update, "auth/token/create", json!({ "policies": ["root"] })).await;
    let parent = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    let (_, made) = ask_with(core, &parent, Operation::Update, "s/auth/token/create", json!({})).await;
    let child = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    assert_eq!(
        ask_with(core, &child, Operation::Read, "s/hunter2/auth/token/lookup-self", json!({})).await.0,
        200
    );
    seal(core, "s").await;
    assert_eq!(write(core, "auth/token/revoke", json!({ "token": parent })).await, 204);
    assert_eq!(unseal(core, "s", &shares[..2]).await.0, 200);
    assert_eq!(
        ask_with(core, &child, Operation::Read, "s/hunter2/auth/token/lookup-self", json!({})).await.0,
        403
    );
}

#[tokio::test]
async fn secrets_in_a_sealed_namespace_of_a_token_that_was_revoked_are_due_after_it() {
    let clock = HandClock::at(START);
    let bench = Bench::new(clock.clock()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    let (_, made) = ask(core, Operation::Update, "auth/token/create", json!({})).await;
    let token = made["auth"]["client_token"].as_str().expect("a token").to_owned();
    let entry = core.tokens.lookup(&ClientToken::new(&token), core.clock.now()).await.expect("no failure");
    let id = &entry.expect("it was made").id;
    let (index, place) = (format!("sys/expire/token/{id}/kv/x"), format!("{prefix}sys/expire/id/kv/x"));
    let end = core.clock.now() + Duration::from_secs(3600);
    let lease = SecretLease { token: id.clone(), expires_at: end, ..SecretLease::default() };
    let transaction = core.barrier.begin();
    transaction.put_json(&index, &place).expect("JSON");
    transaction.put_json(&place, &LeaseRecord::Secret(Box::new(lease))).expect("JSON");
    transaction.commit().await.expect("no conflict");
    seal(core, "s").await;
    assert_eq!(write(core, "auth/token/revoke", json!({ "token": token })).await, 204);
    core.clear_leftovers().await.expect("it is left out");
    assert!(core.barrier.get(&index).await.expect("open").is_some());
    unseal(core, "s", &shares[..2]).await;
    core.clear_leftovers().await.expect("unsealed");
    assert!(core.barrier.get(&index).await.expect("open").is_none());
    let Some(LeaseRecord::Secret(lease)) = core.barrier.begin().get_json(&place).await.expect("open") else {
        panic!("the lease is gone")
    };
    assert_eq!(lease.expires_at, core.clock.now());
}

#[tokio::test]
async fn what_is_deleted_without_its_keys_is_gone_from_the_storage() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    make(core, "s/", "i").await;
    let path = "sys/namespaces/s/delete-sealed";
    assert_eq!(ask(core, Operation::Delete, path, json!({})).await.0, 400);
    seal(core, "s").await;
    assert_eq!(ask(core, Operation::Delete, path, json!({})).await.0, 400, "there are others in it");
    assert_eq!(ask(core, Operation::Delete, path, json!({ "force": true })).await.0, 200);
    assert_eq!(read(core, "sys/namespaces/s").await.0, 404);
    assert_eq!(unseal(core, "s", &shares[..2]).await.0, 500, "there is none");
    core.clear_leftovers().await.expect("no key is needed for that");
    let left = bench.storage.scan_keys(&prefix, None, usize::MAX).await.expect("memory");
    assert_eq!(left, Vec::<String>::new());
    let (_, again) = filled(core).await;
    assert_ne!(again, prefix);
}

#[tokio::test]
async fn what_is_left_to_delete_after_a_restart_needs_no_keys() {
    let bench = Bench::new(Clock::system()).await;
    let (_, prefix) = filled(&bench.core).await;
    seal(&bench.core, "s").await;
    let answer =
        ask(&bench.core, Operation::Delete, "sys/namespaces/s/delete-sealed", json!({ "force": true })).await;
    assert_eq!(answer.0, 200);
    let core = bench.restarted(Clock::system()).await;
    core.clear_leftovers().await.expect("no key is needed for that");
    let left = bench.storage.scan_keys(&prefix, None, usize::MAX).await.expect("memory");
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn an_unsealed_one_is_deleted_as_any_other() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (_, prefix) = filled(core).await;
    assert_eq!(ask(core, Operation::Delete, "s/sys/namespaces/hunter2", json!({})).await.0, 200);
    assert_eq!(ask(core, Operation::Delete, "sys/namespaces/s", json!({})).await.0, 200);
    core.clear_leftovers().await.expect("no key is needed for that");
    let left = bench.storage.scan_keys(&prefix, None, usize::MAX).await.expect("memory");
    assert_eq!(left, Vec::<String>::new());
    assert!(core.barrier.domains_below(&prefix).iter().all(|domain| domain.is_sealed()));
}

#[tokio::test]
async fn what_is_left_to_do_in_a_sealed_namespace_is_done_after_it() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    let transaction = core.barrier.begin();
    (0..600).for_each(|number| transaction.put(format!("{prefix}gone/{number:04}"), "x"));
    core.tokens
        .clearing()
        .delete_all(&transaction, &prefix, &format!("{prefix}gone/"))
        .await
        .expect("unsealed");
    transaction.commit().await.expect("no conflict");
    seal(core, "s").await;
    core.clear_leftovers().await.expect("it is left out");
    assert_eq!(bench.keys(&format!("{prefix}gone/")).await.len(), 600);
    unseal(core, "s", &shares[..2]).await;
    core.clear_leftovers().await.expect("unsealed");
    assert_eq!(bench.keys(&format!("{prefix}gone/")).await.len(), 0);
}

#[tokio::test]
async fn a_mount_that_goes_into_a_sealable_namespace_is_encrypted_by_its_keys() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    assert_eq!(write(core, "sys/mounts/few", json!({ "type": "kv" })).await, 204);
    for number in 0..100 {
        assert_eq!(write(core, &format!("few/{number}"), json!({ "n": number })).await, 204);
    }
    let before = bench.keys(&prefix).await.len();
    assert_eq!(write(core, "sys/remount", json!({ "from": "few", "to": "s/few" })).await, 200);
    assert!(bench.keys(&prefix).await.len() > before + 100);
    seal(core, "s").await;
    assert!(is_sealed_answer(&read(core, "s/few/7").await));
    unseal(core, "s", &shares[..2]).await;
    assert_eq!(read(core, "s/few/99").await.1["data"], json!({ "n": 99 }));
}

#[tokio::test]
async fn new_shares_and_keys_of_a_namespace_are_its_own() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, _) = filled(core).await;
    let server = core.barrier.term_status().expect("open").term;
    assert_eq!(write(core, "s/sys/rotate/keyring", json!({})).await, 204);
    assert_eq!(write(core, "s/sys/rotate/root", json!({})).await, 204);
    assert_eq!(read(core, "s/sys/key-status").await.1["data"]["term"], json!(2));
    assert_eq!(core.barrier.term_status().expect("open").term, server);
    let begin = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let (_, begun) = ask(core, Operation::Update, "s/sys/rotate/root/init", begin).await;
    assert_eq!(read(core, "sys/rotate/root/init").await.1["data"]["started"], json!(false));
    let mut new = Value::Null;
    for share in &shares[..2] {
        let body = json!({ "nonce": begun["data"]["nonce"], "key": share });
        new = ask(core, Operation::Update, "s/sys/rotate/root/update", body).await.1;
    }
    let new = new["data"]["keys"][0].as_str().expect("a share").to_owned();
    seal(core, "s").await;
    assert_eq!(unseal(core, "s", &shares[..1]).await.0, 400, "old shares are worth nothing");
    assert_eq!(unseal(core, "s", &[new]).await.1["data"]["sealed"], json!(false));
    assert_eq!(read(core, "s/kv/a").await.1["data"], json!({ "hidden": "hunter2" }));
}

#[tokio::test]
async fn its_shares_make_a_root_token_of_the_namespace() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, _) = filled(core).await;
    let (_, begun) = ask(core, Operation::Update, "s/sys/generate-root-token/attempt", json!({})).await;
    let mut made = Value::Null;
    for share in &shares[..2] {
        let body = json!({ "nonce": begun["data"]["nonce"], "key": share });
        made = ask(core, Operation::Update, "s/sys/generate-root-token/update", body).await.1;
    }
    let body = json!({ "encoded_token": made["data"]["encoded_token"], "otp": begun["data"]["otp"] });
    let (_, decoded) = ask(core, Operation::Update, "sys/decode-token", body).await;
    let token = decoded["data"]["token"].as_str().expect("a token").to_owned();
    let (_, seen) = ask_with(core, &token, Operation::Read, "s/auth/token/lookup-self", json!({})).await;
    let id = &core.topology().expect("open").space("s/").expect("there").namespace.id.clone();
    assert_eq!(seen["data"]["display_name"], json!(format!("{id}_root")), "{seen}");
    assert_eq!(ask_with(core, &token, Operation::Read, "s/kv/a", json!({})).await.0, 200);
    assert_eq!(ask_with(core, &token, Operation::Read, "secret/data/a", json!({})).await.0, 403);
}

/// Writers of two namespaces and of the root go on while one namespace is sealed and unsealed: each of them hears of
/// nothing but its own namespace, and what was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_beside_seals_lose_nothing_and_write_nothing_by_other_keys() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, prefix) = filled(core).await;
    let (others, _) = make(core, "", "t").await;
    unseal(core, "t", &others[..2]).await;
    for mount in ["t/sys/mounts/kv", "sys/mounts/kv"] {
        assert_eq!(write(core, mount, json!({ "type": "kv" })).await, 204);
    }
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = ["s/kv/", "s/hunter2/kv/", "t/kv/", "kv/"]
        .into_iter()
        .map(|folder| {
            let (core, stop) = (Arc::clone(core), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut number, mut acknowledged) = (0, Vec::new());
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let path = format!("{folder}w{number}");
                    match write(&core, &path, json!({ "n": number })).await {
                        204 => acknowledged.push(path),
                        503 if folder.starts_with('s') => tokio::task::yield_now().await,
                        status => panic!("{path}: {status}"),
                    }
                    number += 1;
                    // Others change the topology meanwhile.
                    if number % 16 == 0 && folder == "kv/" {
                        let status =
                            write(&core, &format!("sys/mounts/m{number}"), json!({ "type": "kv" })).await;
                        assert_eq!(status, 204);
                    }
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seal(core, "s").await;
        let at_rest = bench.keys(&prefix).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(bench.keys(&prefix).await, at_rest, "nothing is written into what is sealed");
        assert_eq!(unseal(core, "s", &shares[..2]).await.1["data"]["sealed"], json!(false));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        let acknowledged = writer.await.expect("no panic");
        assert!(acknowledged.len() > 10, "{acknowledged:?}");
        for path in acknowledged {
            assert_eq!(read(core, &path).await.0, 200, "{path}");
        }
    }
    // Each record opens by the keys of where it is.
    let core = bench.restarted(Clock::system()).await;
    unseal(&core, "s", &shares[..2]).await;
    unseal(&core, "t", &others[..2]).await;
    for key in bench.keys("").await {
        assert!(core.barrier.get(&key).await.is_ok_and(|value| value.is_some()), "{key}");
    }
}

#[tokio::test]
async fn an_ordinary_namespace_has_no_seal() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    assert_eq!(write(core, "sys/namespaces/n", json!({})).await, 200);
    for path in ["sys/namespaces/n/seal", "sys/namespaces/n/unseal", "n/sys/rotate", "n/sys/rotate/root"] {
        let key = hex::encode(&*parse_share(&"ab".repeat(32)).expect("a share"));
        let (status, body) = ask(core, Operation::Update, path, json!({ "key": key })).await;
        assert_eq!((status, &body["errors"][0]), (400, &json!("namespace is not sealable")), "{path}");
    }
    assert!(core.barrier.domains_below("namespaces/").is_empty());
    assert_eq!(core.namespaces().len(), 2);
}

#[tokio::test]
async fn a_seal_that_waited_does_not_reach_another_namespace_of_the_name() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    filled(core).await;
    let opening = core.opening.lock().await;
    let sealing = tokio::spawn({
        let core = Arc::clone(core);
        async move { write(&core, "sys/namespaces/s/seal", json!({})).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(ask(core, Operation::Delete, "s/sys/namespaces/hunter2", json!({})).await.0, 200);
    assert_eq!(ask(core, Operation::Delete, "sys/namespaces/s", json!({})).await.0, 200);
    assert_eq!(write(core, "sys/namespaces/s", json!({})).await, 200);
    drop(opening);
    assert_eq!(sealing.await.expect("no panic"), 400);
    assert_eq!(read(core, "s/sys/mounts").await.0, 200);
}

#[tokio::test]
async fn a_token_whose_child_lies_in_a_sealed_namespace_is_not_ended_alone() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    let (shares, _) = filled(core).await;
    let token = |made: Value| made["auth"]["client_token"].as_str().expect("a token").to_owned();
    let policy = json!({ "policies": ["root"] });
    let parent = token(ask(core, Operation::Update, "auth/token/create", policy).await.1);
    let policy = json!({ "policies": ["default"] });
    let child =
        token(ask_with(core, &parent, Operation::Update, "s/hunter2/auth/token/create", policy).await.1);
    seal(core, "s").await;
    let body = json!({ "token": parent });
    let (status, answer) = ask(core, Operation::Update, "auth/token/revoke-orphan", body.clone()).await;
    assert!(is_sealed_answer(&(status, answer.clone())), "{status} {answer}");
    assert_eq!(ask_with(core, &parent, Operation::Read, "auth/token/lookup-self", json!({})).await.0, 200);
    assert_eq!(unseal(core, "s", &shares[1..]).await.0, 200);
    assert_eq!(write(core, "auth/token/revoke-orphan", body).await, 204);
    assert_eq!(
        ask_with(core, &child, Operation::Read, "s/hunter2/auth/token/lookup-self", json!({})).await.0,
        200
    );
}

#[tokio::test]
async fn an_accessor_of_a_sealed_namespace_is_not_taken_for_nobodys() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    filled(core).await;
    let mut accessors = Vec::new();
    for path in ["s/auth/token/create", "s/hunter2/auth/token/create"] {
        let (_, made) = ask(core, Operation::Update, path, json!({})).await;
        accessors.push(made["auth"]["accessor"].clone());
    }
    for is_sealed in [false, true] {
        if is_sealed {
            seal(core, "s").await;
        }
        for accessor in &accessors {
            for path in ["auth/token/revoke-accessor", "auth/token/lookup-accessor"] {
                let (status, answer) =
                    ask(core, Operation::Update, path, json!({ "accessor": accessor })).await;
                assert_eq!(status, 500, "{path}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_mount_of_many_records_does_not_move_to_other_keys() {
    let bench = Bench::new(Clock::system()).await;
    let core = &bench.core;
    filled(core).await;
    for number in 0..300 {
        assert_eq!(write(core, &format!("s/kv/{number}"), json!({ "x": number })).await, 204);
    }
    for to in ["got", "s/hunter2/got"] {
        let body = json!({ "from": "s/kv", "to": to });
        let (status, answer) = ask(core, Operation::Update, "sys/remount", body).await;
        assert_eq!(status, if to == "got" { 501 } else { 200 }, "{to}: {answer}");
        core.clear_leftovers().await.expect("all is open");
    }
    assert_eq!(read(core, "s/hunter2/got/299").await.1["data"], json!({ "x": 299 }));
}
