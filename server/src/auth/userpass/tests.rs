use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Userpass;
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::{AuthGrant, Grant};
use crate::core::testing::Harness;
use crate::engines::transcripts::check as check_transcript;

/// The cheapest hash that is taken, of `right`.
fn cheap_hash() -> String {
    bcrypt::hash("right", 5).expect("hashed")
}

/// A mount with a user `ada` whose password is `right`.
async fn with_ada(user: Value) -> Harness {
    let harness = Harness::new(Userpass::default()).await;
    let mut body = user;
    body["password_hash"] = json!(cheap_hash());
    harness.write("users/ada", body).await.expect("a good user");
    harness
}

async fn login(harness: &Harness, name: &str, password: &str) -> Result<AuthGrant, Error> {
    let path = format!("login/{name}");
    let response = harness.call(Operation::Update, &path, json!({"password": password})).await?;
    match response.grant {
        Grant::Login(grant) => Ok(*grant),
        other => panic!("no login: {other:?}"),
    }
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, status: u16, message: &str) {
    let error = result.expect_err(message);
    assert_eq!((error.status().as_u16(), error.messages(false).join("; ").as_str()), (status, message));
}

#[tokio::test]
async fn the_right_password_gives_what_the_user_says() {
    let harness = with_ada(json!({"token_policies": "app", "ttl": "1h"})).await;
    let grant = login(&harness, "ADA", "right").await.expect("a login");
    assert_eq!(
        (grant.policies.as_slice(), grant.display_name.as_str()),
        (["app".to_owned()].as_slice(), "ada")
    );
    assert_eq!((grant.ttl.as_secs(), grant.metadata["username"].as_str()), (3600, "ada"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let harness = with_ada(json!({})).await;
    check_error(login(&harness, "ada", "wrong").await, 400, "invalid username or password");
    check_error(login(&harness, "bob", "right").await, 400, "invalid username or password");
    check_error(login(&harness, "ada", "").await, 500, "missing password");
}

#[tokio::test]
async fn of_many_guesses_at_once_no_more_are_answered_than_one_after_the_other() {
    let harness = with_ada(json!({})).await;
    let guesses = futures::future::join_all((0..20).map(|_| login(&harness, "ada", "wrong"))).await;
    let told = guesses.iter().filter(|guess| guess.as_ref().is_err_and(|error| error.status() == 400));
    assert_eq!(told.count(), 5);
    check_error(login(&harness, "ada", "right").await, 403, "permission denied");
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_user_out_for_a_while() {
    let mut harness = with_ada(json!({})).await;
    for _ in 0..5 {
        check_error(login(&harness, "Ada", "wrong").await, 400, "invalid username or password");
    }
    check_error(login(&harness, "ada", "right").await, 403, "permission denied");
    check_error(login(&harness, "ADA", "right").await, 403, "permission denied");
    harness.now += SignedDuration::from_mins(15);
    login(&harness, "ada", "right").await.expect("open again");
}

#[tokio::test]
async fn a_login_in_between_starts_the_count_anew() {
    let harness = with_ada(json!({})).await;
    for _ in 0..2 {
        for _ in 0..4 {
            check_error(login(&harness, "ada", "wrong").await, 400, "invalid username or password");
        }
        login(&harness, "ada", "right").await.expect("not locked out");
    }
}

#[tokio::test]
async fn a_user_may_be_bound_to_networks() {
    let harness = with_ada(json!({"token_bound_cidrs": "10.0.0.0/8"})).await;
    check_error(login(&harness, "ada", "right").await, 403, "permission denied");
    harness
        .write("users/ada", json!({"token_bound_cidrs": "", "token_strictly_bind_ip": true}))
        .await
        .expect("written");
    let grant = login(&harness, "ada", "right").await.expect("a login");
    assert_eq!(grant.bound_cidrs, ["127.0.0.1/32".parse().expect("a network")]);
}

#[tokio::test]
async fn a_password_can_be_changed_and_is_never_shown() {
    let harness = with_ada(json!({})).await;
    harness.write("users/ada/password", json!({"password": "second"})).await.expect("changed");
    check_error(login(&harness, "ada", "right").await, 400, "invalid username or password");
    login(&harness, "ada", "second").await.expect("the new one");
    let user = harness.read("users/ada").await.expect("there").to_string();
    assert!(!user.contains("second") && !user.contains("$2b$"), "{user}");
}

#[tokio::test]
async fn a_password_beyond_what_bcrypt_sees_is_refused() {
    let harness = with_ada(json!({})).await;
    let body = json!({"password": "p".repeat(73)});
    let message = "bcrypt: password length exceeds 72 bytes";
    check_error(harness.write("users/ada/password", body).await, 500, message);
}

#[tokio::test]
async fn userpass_answers_as_openbao() {
    check_transcript(include_str!("../../../tests/transcripts/userpass.md"), Userpass::default).await;
}
