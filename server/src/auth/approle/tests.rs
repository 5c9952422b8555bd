use jiff::SignedDuration;
use serde_json::{Value, json};

use super::AppRole;
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::{AuthGrant, Grant};
use crate::core::testing::Harness;
use crate::engines::transcripts::check as check_transcript;

async fn harness() -> Harness {
    Harness::new(AppRole::default()).await
}

async fn login(harness: &Harness, role_id: &str, secret_id: &str) -> Result<AuthGrant, Error> {
    let body = json!({"role_id": role_id, "secret_id": secret_id});
    let response = harness.call(Operation::Update, "login", body).await?;
    match response.grant {
        Grant::Login(grant) => Ok(*grant),
        other => panic!("no login: {other:?}"),
    }
}

/// A role `app` with the role id `app`, and one of its secret ids.
async fn role_with_secret(harness: &Harness, role: Value) -> String {
    let mut body = role;
    body["role_id"] = json!("app");
    harness.write("role/app", body).await.expect("a good role");
    issue(harness, json!({})).await
}

async fn issue(harness: &Harness, body: Value) -> String {
    let answer = harness.write("role/app/secret-id", body).await.expect("a secret id");
    answer["secret_id"].as_str().expect("text").to_owned()
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, status: u16, message: &str) {
    let error = result.expect_err(message);
    assert_eq!((error.status().as_u16(), error.messages(false).join("; ").as_str()), (status, message));
}

#[tokio::test]
async fn a_login_gives_what_the_role_says() {
    let harness = harness().await;
    let role = json!({"token_policies": ["app"], "token_ttl": "20m", "token_num_uses": 3});
    let secret_id = role_with_secret(&harness, role).await;
    let grant = login(&harness, "app", &secret_id).await.expect("a login");
    assert_eq!(grant.policies, ["app"]);
    assert_eq!((grant.ttl.as_secs(), grant.num_uses), (1200, 3));
    assert_eq!(grant.metadata["role_name"], "app");
    assert_eq!(grant.alias.expect("an alias").name, "app");
}

#[tokio::test]
async fn a_secret_id_is_good_until_its_time_is_over() {
    let mut harness = harness().await;
    let secret_id = role_with_secret(&harness, json!({"secret_id_ttl": "10m"})).await;
    harness.now += SignedDuration::from_mins(9);
    login(&harness, "app", &secret_id).await.expect("in time");
    harness.now += SignedDuration::from_mins(1);
    check_error(login(&harness, "app", &secret_id).await, 400, "invalid role or secret ID");
    let looked_up = harness.write("role/app/secret-id/lookup", json!({"secret_id": secret_id})).await;
    assert_eq!(looked_up.expect("no error"), Value::Null);
}

#[tokio::test]
async fn tidy_deletes_what_is_over_and_nothing_else() {
    let mut harness = harness().await;
    let short = role_with_secret(&harness, json!({})).await;
    harness.write("role/app/custom-secret-id", json!({"secret_id": "x", "ttl": 60})).await.expect("issued");
    harness.now += SignedDuration::from_mins(2);
    let answer = harness.call(Operation::Update, "tidy/secret-id", json!({})).await.expect("tidied");
    assert_eq!(answer.status.map(|status| status.as_u16()), Some(202));
    login(&harness, "app", &short).await.expect("still good");
    harness.write("role/app/custom-secret-id", json!({"secret_id": "x"})).await.expect("free again");
}

#[tokio::test]
async fn an_old_accessor_does_not_reach_a_new_secret_id() {
    let mut harness = harness().await;
    role_with_secret(&harness, json!({})).await;
    let body = json!({"secret_id": "x", "ttl": 60});
    let old = harness.write("role/app/custom-secret-id", body).await.expect("issued");
    harness.now += SignedDuration::from_mins(2);
    harness.write("role/app/custom-secret-id", json!({"secret_id": "x"})).await.expect("issued anew");
    let body = json!({"secret_id_accessor": old["secret_id_accessor"]});
    let found = harness.call(Operation::Update, "role/app/secret-id-accessor/lookup", body).await;
    assert_eq!(found.expect("an answer").status.map(|status| status.as_u16()), Some(404));
}

#[tokio::test]
async fn five_wrong_secret_ids_lock_the_role_out_for_a_while() {
    let mut harness = harness().await;
    let secret_id = role_with_secret(&harness, json!({})).await;
    for _ in 0..5 {
        check_error(login(&harness, "app", "wrong").await, 400, "invalid role or secret ID");
    }
    check_error(login(&harness, "app", &secret_id).await, 403, "permission denied");
    harness.now += SignedDuration::from_mins(15);
    login(&harness, "app", &secret_id).await.expect("open again");
}

#[tokio::test]
async fn a_deleted_role_takes_its_secret_ids_along() {
    let harness = harness().await;
    let secret_id = role_with_secret(&harness, json!({})).await;
    harness.delete("role/app").await.expect("deleted");
    check_error(login(&harness, "app", &secret_id).await, 400, "invalid role or secret ID");
    harness.write("role/app", json!({"role_id": "app"})).await.expect("a new role");
    check_error(login(&harness, "app", &secret_id).await, 400, "invalid role or secret ID");
}

#[tokio::test]
async fn a_role_id_belongs_to_one_role() {
    let harness = harness().await;
    harness.write("role/a", json!({"role_id": "same"})).await.expect("the first");
    check_error(harness.write("role/b", json!({"role_id": "same"})).await, 500, "role_id already in use");
    harness.write("role/a/role-id", json!({"role_id": "other"})).await.expect("moved");
    harness.write("role/b", json!({"role_id": "same"})).await.expect("free by now");
}

#[tokio::test]
async fn older_names_are_answered_only_where_they_were_used() {
    let harness = harness().await;
    harness.write("role/app", json!({"policies": "B,a", "ttl": 5})).await.expect("written");
    let role = harness.read("role/app").await.expect("there");
    assert_eq!((&role["policies"], &role["token_policies"]), (&json!(["a", "b"]), &json!(["a", "b"])));
    assert_eq!(role["token_ttl"], 0, "`ttl` is no field of this method");
    harness.write("role/app", json!({"token_policies": "B,a"})).await.expect("written");
    let role = harness.read("role/app").await.expect("there");
    assert_eq!((&role["policies"], &role["token_policies"]), (&Value::Null, &json!(["B", "a"])));
}

#[tokio::test]
async fn a_login_from_elsewhere_is_refused_and_costs_no_use() {
    let harness = harness().await;
    role_with_secret(&harness, json!({})).await;
    let body = json!({"secret_id": "x", "num_uses": 2, "cidr_list": ["10.0.0.0/8"]});
    harness.write("role/app/custom-secret-id", body).await.expect("issued");
    let message = "source address \"127.0.0.1\" unauthorized by CIDR restrictions on the secret ID";
    check_error(login(&harness, "app", "x").await, 400, message);
    let left = harness.write("role/app/secret-id/lookup", json!({"secret_id": "x"})).await.expect("there");
    assert_eq!(left["secret_id_num_uses"], 2);
}

#[tokio::test]
async fn a_secret_id_of_one_role_opens_no_other() {
    let harness = harness().await;
    let secret_id = role_with_secret(&harness, json!({})).await;
    harness.write("role/b", json!({"role_id": "b"})).await.expect("another");
    check_error(login(&harness, "b", &secret_id).await, 400, "invalid role or secret ID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_id_for_n_uses_works_n_times_among_many_at_once() {
    for uses in [1_usize, 2, 7] {
        let harness = harness().await;
        role_with_secret(&harness, json!({"secret_id_num_uses": uses})).await;
        let secret_id = issue(&harness, json!({})).await;
        let logins = (0..uses + 3).map(|_| login_with_patience(&harness, &secret_id));
        let done = futures::future::join_all(logins).await;
        assert_eq!(done.into_iter().filter(|is_in| *is_in).count(), uses);
    }
}

/// Logs in as the pipeline does: again after each conflict.
async fn login_with_patience(harness: &Harness, secret_id: &str) -> bool {
    loop {
        match login(harness, "app", secret_id).await {
            Ok(_) => return true,
            Err(error) if error.status() == 500 => tokio::task::yield_now().await,
            Err(error) => {
                assert_eq!(error.messages(false), ["invalid role or secret ID"]);
                return false;
            }
        }
    }
}

#[tokio::test]
async fn a_role_of_one_mount_is_unknown_in_another() {
    let mut harness = harness().await;
    let secret_id = role_with_secret(&harness, json!({"token_policies": "app"})).await;
    let home = harness.mount.entry.uuid.clone();
    harness.mount.entry.uuid = "00000000-0000-4000-8000-000000000001".to_owned();
    assert_eq!(harness.read("role/app").await.expect_err("not here").status(), 404);
    check_error(login(&harness, "app", &secret_id).await, 400, "invalid role or secret ID");
    harness.mount.entry.uuid = home;
    login(&harness, "app", &secret_id).await.expect("at home");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn a_login_grants_the_policies_of_its_role_and_no_others(
        policies in proptest::collection::vec("[a-zA-Z][a-z-]{0,6}", 0..5),
        metadata in proptest::collection::btree_map("[a-z_]{1,12}", "[a-z,]{1,9}", 0..3),
        is_older: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let harness = harness().await;
            let name = if is_older { "policies" } else { "token_policies" };
            role_with_secret(&harness, json!({name: policies})).await;
            let secret_id = issue(&harness, json!({"metadata": serde_json::to_string(&metadata).expect("texts")})).await;
            let grant = login(&harness, "app", &secret_id).await.expect("a login");
            let wanted = crate::core::token::sanitize_policies(&policies, true);
            assert_eq!(crate::core::token::sanitize_policies(&grant.policies, true), wanted);
            assert_eq!(grant.metadata["role_name"], "app");
        });
    }
}

#[tokio::test]
async fn approle_answers_as_openbao() {
    check_transcript(include_str!("../../../tests/transcripts/approle.md"), AppRole::default).await;
}
