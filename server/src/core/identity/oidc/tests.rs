//! What must hold of identity tokens and of the provider, whatever is tried and as time goes by.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::keyring::KeyRecord;
use super::store;
use crate::core::identity::store::Store;
use crate::core::identity::tests::{Ask, Bench, ROOT, bench, text};
use crate::core::request::Operation;

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-0001";
const CALLBACK: &str = "https://app.example/cb";
const DAY: i64 = 24 * 3600;

/// A server with a role `r`, a public client `app`, and somebody who has logged in: their token.
async fn server() -> (Bench, String) {
    let bench = bench().await;
    let policy = json!({"policy": "path \"identity/oidc/*\" { capabilities = [\"read\", \"update\"] }"});
    bench.write("sys/policies/acl/default", policy).await;
    let (token, _) = bench.user("ada").await;
    let key = json!({"algorithm": "ES256", "allowed_client_ids": "*"});
    bench.write("identity/oidc/key/k", key).await;
    bench.write("identity/oidc/role/r", json!({"key": "k", "client_id": "app", "ttl": "1h"})).await;
    let client = json!({
        "client_type": "public", "redirect_uris": CALLBACK, "assignments": "allow_all", "key": "k",
        "id_token_ttl": "1h", "access_token_ttl": "1h"
    });
    bench.write("identity/oidc/client/app", client).await;
    (bench, token)
}

async fn get(bench: &Bench, path: &str, token: &str) -> (u16, Value) {
    bench.ask(Ask { operation: Operation::Read, token, ..ROOT }, path, json!({})).await
}

async fn identity_token(bench: &Bench, token: &str) -> String {
    let (status, answer) = get(bench, "identity/oidc/token/r", token).await;
    assert_eq!(status, 200, "{answer}");
    text(&answer, "/data/token")
}

/// Why a token is not good; empty if it is.
async fn problem_of(bench: &Bench, token: &str) -> String {
    text(&bench.write("identity/oidc/introspect", json!({"token": token})).await, "/error")
}

async fn key_ids(bench: &Bench) -> Vec<String> {
    let (_, answer) = get(bench, "identity/oidc/.well-known/keys", "").await;
    let keys = answer["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| text(key, "/kid")).collect()
}

/// The keys that are published once there are `count`: what is made beside the requests takes its time.
async fn key_ids_once(bench: &Bench, count: usize) -> Vec<String> {
    let there_are = async {
        loop {
            let ids = key_ids(bench).await;
            if ids.len() == count {
                return ids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there_are).await.expect("published in time")
}

/// How many pairs were made so far.
fn made(bench: &Bench) -> usize {
    bench.core.identity_pairs.made.load(Ordering::Relaxed)
}

/// Where the pairs of the key `name` are made.
fn pairs_of(bench: &Bench, name: &str) -> Arc<super::pairs::Bench> {
    let transaction = bench.core.barrier.begin();
    let root = crate::core::namespace::Namespace::root();
    let store = Store::new(&transaction, &root, &bench.core.identities);
    bench.core.identity_pairs.bench(&store::key::<KeyRecord>(&store, name))
}

/// How many pairs of the key `name` no commit has stored.
fn unstored(bench: &Bench, name: &str) -> usize {
    pairs_of(bench, name).ready.lock().len()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

async fn client_id(bench: &Bench) -> String {
    text(&get(bench, "identity/oidc/client/app", "root").await.1, "/data/client_id")
}

/// The request of the client `app`, with `more` in place of what it usually says.
async fn authorize(bench: &Bench, token: &str, more: Value) -> (u16, Value) {
    let mut body = json!({
        "client_id": client_id(bench).await, "redirect_uri": CALLBACK, "scope": "openid one two",
        "response_type": "code", "code_challenge": VERIFIER
    });
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    bench.ask(Ask { token, ..ROOT }, "identity/oidc/provider/default/authorize", body).await
}

async fn code(bench: &Bench, token: &str) -> String {
    let (status, answer) = authorize(bench, token, json!({})).await;
    assert_eq!(status, 200, "{answer}");
    text(&answer, "/code")
}

async fn exchange(bench: &Bench, code: &str) -> (u16, Value) {
    let body = json!({
        "client_id": client_id(bench).await, "redirect_uri": CALLBACK, "code": code,
        "grant_type": "authorization_code", "code_verifier": VERIFIER
    });
    bench.ask(Ask { token: "", ..ROOT }, "identity/oidc/provider/default/token", body).await
}

async fn user_info(bench: &Bench, token: &str) -> (u16, Value) {
    let ask = Ask { operation: Operation::Read, token, is_bearer: true, ..ROOT };
    bench.ask(ask, "identity/oidc/provider/default/userinfo", json!({})).await
}

#[tokio::test]
async fn a_key_is_rotated_when_its_time_has_come_and_verifies_for_a_while() {
    let (bench, token) = server().await;
    let first = identity_token(&bench, &token).await;
    let ids = key_ids(&bench).await;
    assert_eq!(ids.len(), 2, "the one that signs and the next");
    bench.pass(DAY);
    // Nobody but readers of the keys have asked.
    key_ids_once(&bench, 3).await;
    let second = identity_token(&bench, &token).await;
    assert_eq!(part(&second, 0)["kid"], ids[1], "what was published before signs now");
    assert_ne!(part(&first, 0)["kid"], part(&second, 0)["kid"]);
    assert_eq!(problem_of(&bench, &second).await, "");
    bench.pass(DAY);
    assert!(!key_ids(&bench).await.contains(&text(&part(&first, 0), "/kid")));
    assert_eq!(problem_of(&bench, &first).await, "unable to validate the token signature");
}

#[tokio::test]
async fn nobody_waits_for_a_pair_that_comes_next() {
    let (bench, token) = server().await;
    let before = key_ids(&bench).await;
    bench.pass(DAY);
    let pairs = pairs_of(&bench, "k");
    let making = pairs.making.lock().await;
    assert_eq!(key_ids(&bench).await, before);
    assert_eq!(part(&identity_token(&bench, &token).await, 0)["kid"], before[1]);
    drop(making);
    key_ids_once(&bench, 3).await;
}

#[tokio::test]
async fn many_who_read_at_a_rotation_find_what_they_need_and_one_pair_is_made() {
    let (bench, _) = server().await;
    // The sort of pairs that takes longest.
    bench.write("identity/oidc/key/k", json!({"algorithm": "RS256"})).await;
    let (before, count) = (key_ids(&bench).await, made(&bench));
    bench.pass(DAY);
    let answers = futures::future::join_all((0..50).map(|_| key_ids(&bench))).await;
    for ids in &answers {
        assert!(before[2..].iter().all(|id| ids.contains(id)), "what signs and what comes next: {ids:?}");
    }
    let after = key_ids_once(&bench, 3).await;
    assert!(before[2..].iter().all(|id| after.contains(id)), "{after:?}");
    futures::future::join_all((0..50).map(|_| key_ids(&bench))).await;
    assert_eq!(made(&bench) - count, 1);
    assert_eq!(unstored(&bench, "k"), 0);
}

#[tokio::test]
async fn many_who_sign_at_a_rotation_sign_by_the_next_pair_and_one_is_made() {
    let (bench, token) = server().await;
    let (before, count) = (key_ids(&bench).await, made(&bench));
    bench.pass(DAY);
    for signed in futures::future::join_all((0..20).map(|_| identity_token(&bench, &token))).await {
        assert_eq!(part(&signed, 0)["kid"], before[1]);
    }
    key_ids_once(&bench, 3).await;
    assert_eq!((made(&bench) - count, unstored(&bench, "k")), (1, 0));
}

#[tokio::test]
async fn a_next_pair_that_is_missing_is_made_although_no_rotation_is_due() {
    let (bench, token) = server().await;
    let root = crate::core::namespace::Namespace::root();
    let transaction = bench.core.barrier.begin();
    let place = Store::new(&transaction, &root, &bench.core.identities).key("oidc/key/k");
    let mut key: Value = transaction.get_json(&place).await.expect("read").expect("a key");
    key["next"] = Value::Null;
    transaction.put_json(&place, &key).expect("JSON");
    transaction.commit().await.expect("no conflict");
    let signed = identity_token(&bench, &token).await;
    key_ids_once(&bench, 3).await;
    assert_eq!(part(&identity_token(&bench, &token).await, 0)["kid"], part(&signed, 0)["kid"]);
}

#[tokio::test]
async fn those_who_rotate_at_the_same_time_make_one_pair_each() {
    let (bench, _) = server().await;
    let count = made(&bench);
    let rotated = (0..5).map(|_| bench.write("identity/oidc/key/k/rotate", json!({})));
    futures::future::join_all(rotated).await;
    assert_eq!(made(&bench) - count, 5);
    let created = (0..5).map(|_| bench.write("identity/oidc/key/new", json!({"algorithm": "EdDSA"})));
    futures::future::join_all(created).await;
    assert_eq!(made(&bench) - count, 7);
    assert_eq!((unstored(&bench, "k"), unstored(&bench, "new")), (0, 0));
}

#[tokio::test]
async fn a_key_is_rotated_although_nobody_asks() {
    let (bench, _) = server().await;
    let before = key_ids(&bench).await;
    bench.core.rotate_identity_keys_when_due().await.expect("an open server");
    assert_eq!(key_ids(&bench).await, before);
    bench.pass(DAY);
    bench.core.rotate_identity_keys_when_due().await.expect("an open server");
    let transaction = bench.core.barrier.begin();
    let root = crate::core::namespace::Namespace::root();
    let store = Store::new(&transaction, &root, &bench.core.identities);
    let key: KeyRecord = store::load(&store, "k").await.expect("read").expect("a key");
    assert_eq!(key.public(bench.core.clock.now()).count(), 3);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_keeps_no_other_from_being_rotated() {
    let (bench, _) = server().await;
    let root = crate::core::namespace::Namespace::root();
    let transaction = bench.core.barrier.begin();
    let store = Store::new(&transaction, &root, &bench.core.identities);
    transaction.put(store.key("oidc/key/a"), r#"{"signing":"hunter2"}"#);
    transaction.commit().await.expect("no conflict");
    bench.pass(DAY);
    let error = bench.core.rotate_identity_keys_when_due().await.expect_err("one is not rotated");
    assert!(error.to_string().contains("1 keys of identity tokens"), "{error}");
    let transaction = bench.core.barrier.begin();
    let store = Store::new(&transaction, &root, &bench.core.identities);
    let key: KeyRecord = store::load(&store, "k").await.expect("read").expect("a key");
    assert_eq!(key.public(bench.core.clock.now()).count(), 3);
    let error = store::load::<KeyRecord>(&store, "a").await.expect_err("no key");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn private_keys_and_secrets_show_nothing_of_themselves() {
    let (bench, _) = server().await;
    bench.write("identity/oidc/client/web", json!({"key": "k"})).await;
    let transaction = bench.core.barrier.begin();
    let root = crate::core::namespace::Namespace::root();
    let store = Store::new(&transaction, &root, &bench.core.identities);
    let key: KeyRecord = store::load(&store, "k").await.expect("read").expect("a key");
    let stored = serde_json::to_value(&key).expect("a record");
    let private = text(&stored, "/signing/private");
    assert!(private.len() > 100 && !format!("{key:?}").contains(&private[..40]));
    for path in ["identity/oidc/key/k", "identity/oidc/.well-known/keys", "identity/oidc/role/r"] {
        let answer = get(&bench, path, "root").await.1.to_string();
        assert!(!answer.contains(&private[..40]) && !answer.contains("\"d\":"), "{path}");
    }
    let client: super::record::ClientRecord =
        store::load(&store, "web").await.expect("read").expect("a client");
    assert!(!format!("{client:?}").contains("hvo_secret_"));
}

#[tokio::test]
async fn no_algorithm_and_shared_secrets_are_worth_nothing() {
    let (bench, token) = server().await;
    let good = identity_token(&bench, &token).await;
    assert_eq!(problem_of(&bench, &good).await, "");
    let claims = good.split('.').nth(1).expect("claims");
    let keys = get(&bench, "identity/oidc/.well-known/keys", "").await.1;
    for (algorithm, secret) in [("none", ""), ("HS256", "x"), ("HS256", "y")] {
        let header = json!({"alg": algorithm, "kid": part(&good, 0)["kid"]});
        let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
        // The secret is what everybody knows: a public key.
        let secret = text(&keys, &format!("/keys/0/{secret}"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
        let signature = if algorithm == "none" { String::new() } else { signature };
        let problem = problem_of(&bench, &format!("{message}.{signature}")).await;
        assert!(problem.contains("unexpected signature algorithm"), "{problem}");
    }
}

#[tokio::test]
async fn a_token_ends() {
    let (bench, token) = server().await;
    let good = identity_token(&bench, &token).await;
    bench.pass(3600 + 60);
    assert_eq!(problem_of(&bench, &good).await, "", "clocks may differ by a minute");
    bench.pass(1);
    assert!(problem_of(&bench, &good).await.ends_with("token is expired (exp)"));
}

#[tokio::test]
async fn a_code_is_worth_one_exchange_and_not_for_ever() {
    let (bench, token) = server().await;
    let code_of_two = code(&bench, &token).await;
    let (one, other) = tokio::join!(exchange(&bench, &code_of_two), exchange(&bench, &code_of_two));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let late = code(&bench, &token).await;
    bench.pass(300);
    assert_eq!(exchange(&bench, &late).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_of_somebody_who_is_disabled_is_worth_nothing() {
    let (bench, token) = server().await;
    let code = code(&bench, &token).await;
    let lookup = bench.write("auth/token/lookup", json!({"token": token})).await;
    let entity = text(&lookup, "/data/entity_id");
    bench.write(&format!("identity/entity/id/{entity}"), json!({"disabled": true})).await;
    let (status, answer) = exchange(&bench, &code).await;
    assert_eq!((status, text(&answer, "/error")), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_client_may_ask_for_people_who_have_just_logged_in() {
    let (bench, token) = server().await;
    bench.pass(100);
    assert_eq!(authorize(&bench, &token, json!({"max_age": 100})).await.0, 200);
    let (status, answer) = authorize(&bench, &token, json!({"max_age": 99})).await;
    assert_eq!((status, text(&answer, "/error")), (400, "max_age_violation".to_owned()));
}

#[tokio::test]
async fn an_access_token_ends_and_is_refused_as_oauth_says() {
    let (bench, token) = server().await;
    let code = code(&bench, &token).await;
    let access = text(&exchange(&bench, &code).await.1, "/access_token");
    assert_eq!(user_info(&bench, &access).await.0, 200);
    bench.pass(3600);
    let expected = json!({"error": "invalid_token", "error_description": "permission denied"});
    assert_eq!(user_info(&bench, &access).await, (401, expected));
}

#[tokio::test]
async fn scopes_that_claim_the_same_are_not_told_together() {
    let (bench, token) = server().await;
    for scope in ["one", "two"] {
        let body = json!({"template": "{\"mail\": {{identity.entity.name}}}"});
        bench.write(&format!("identity/oidc/scope/{scope}"), body).await;
    }
    let code = code(&bench, &token).await;
    bench.write("identity/oidc/provider/default", json!({"scopes_supported": "one"})).await;
    let asked_for_one = self::code(&bench, &token).await;
    bench.write("identity/oidc/provider/default", json!({"scopes_supported": "one,two"})).await;
    let both = self::code(&bench, &token).await;
    assert_eq!(exchange(&bench, &code).await.0, 200, "none was supported then");
    assert_eq!(exchange(&bench, &asked_for_one).await.0, 200);
    let expected = json!({
        "error": "invalid_request",
        "error_description": "found scopes with conflicting top-level claim: claim \"mail\" in scopes \"two\", \"one\""
    });
    assert_eq!(exchange(&bench, &both).await, (400, expected));
}

#[tokio::test]
async fn the_default_key_has_a_pair_when_it_is_needed() {
    let (bench, token) = server().await;
    bench.write("identity/oidc/role/d", json!({"key": "default"})).await;
    let (status, answer) = get(&bench, "identity/oidc/token/d", &token).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(part(&text(&answer, "/data/token"), 0)["alg"], "RS256");
    let (status, _) =
        bench.ask(Ask { operation: Operation::Delete, ..ROOT }, "identity/oidc/key/default", json!({})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_public_client_gets_no_code_without_a_challenge() {
    let (bench, token) = server().await;
    for more in
        [json!({"code_challenge": null}), json!({"code_challenge": ""}), json!({"code_challenge": "x"})]
    {
        assert_eq!(authorize(&bench, &token, more).await.1["error"], "invalid_request");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Metadata of an entity, which people may choose, adds no claim and changes none.
    #[test]
    fn metadata_of_an_entity_adds_no_claim(value in "\\PC{0,40}") {
        let entity = crate::core::identity::Entity {
            name: value.clone(),
            metadata: [("k".to_owned(), value.clone())].into(),
            ..crate::core::identity::Entity::default()
        };
        let template = r#"{"name": {{identity.entity.name}}, "k": {{identity.entity.metadata.k}}}"#;
        let claims = super::template::claims(template, Some(&entity), jiff::Timestamp::UNIX_EPOCH);
        prop_assert_eq!(claims.map(Value::Object), Ok(json!({"name": value, "k": value})));
    }
}
