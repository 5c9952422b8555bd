//! Tokens: given ones, logins, children, and what becomes of them.

mod support;

use std::time::Duration;

use client::{ChildToken, Client, Credentials, Login};
use futures::future::join_all;
use schemas::{Record, Request, Secret};
use support::{Reply, Seen, Server};

fn child() -> Option<ChildToken> {
    Some(ChildToken { display_name: "terraform".to_owned(), ttl: Duration::from_secs(1200) })
}

fn given() -> Credentials {
    Credentials { child: child(), ..Credentials::token("s.given") }
}

fn login() -> Login {
    let parameters = Record::new().with("role_id", "r").with("secret_id", "hunter2");
    Login {
        path: "auth/approle/login".to_owned(),
        namespace: None,
        use_root_namespace: false,
        parameters: Secret::new(parameters.into_value()),
    }
}

fn logging_in() -> Credentials {
    Credentials { login: Some(login()), ..Credentials::default() }
}

/// A server of one token in namespace `home`.
fn server_of(seen: &Seen, lookup: &str) -> Reply {
    match seen.line.as_str() {
        "GET /v1/auth/token/lookup-self" => Reply::json(200, &format!(r#"{{"data": {lookup}}}"#)),
        "POST /v1/auth/token/create" => Reply::json(200, r#"{"auth": {"client_token": "s.child"}}"#),
        "POST /v1/auth/approle/login" => Reply::json(200, r#"{"auth": {"client_token": "s.login"}}"#),
        "POST /v1/auth/token/revoke-self" => Reply::json(204, ""),
        "POST /v1/auth/token/create-orphan" => {
            Reply::json(200, r#"{"auth": {"client_token": "s.o", "accessor": "o", "orphan": true}}"#)
        }
        "POST /v1/auth/token/create/role" | "POST /v1/team/auth/token/create" => {
            Reply::json(200, r#"{"auth": {"client_token": "s.c", "accessor": "c", "orphan": false}}"#)
        }
        "POST /v1/auth/userpass/login/me" => {
            Reply::json(200, r#"{"auth": {"client_token": "s.u", "accessor": "u", "orphan": true}}"#)
        }
        "POST /v1/wrapped" => {
            Reply::json(200, r#"{"data": null, "wrap_info": {"token": "s.w", "accessor": "w"}}"#)
        }
        "GET /v1/lease" => Reply::json(200, r#"{"lease_id": "database/creds/x/1", "data": {}}"#),
        _ => Reply::json(200, r#"{"data": {}}"#),
    }
}

fn at_home(seen: &Seen) -> Reply {
    server_of(seen, r#"{"namespace_path": "home/"}"#)
}

/// What arrived: line, namespace, token.
fn shown(server: &Server) -> Vec<String> {
    let line = |seen: Seen| {
        format!("{} [{}] {}", seen.line, seen.header("x-vault-namespace"), seen.header("x-vault-token"))
    };
    server.seen().into_iter().map(line).collect()
}

/// Sends one request as `credentials`, closes, and compares everything that arrived.
async fn check(
    namespace: &str,
    credentials: Credentials,
    path: &str,
    answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    expected: &[&str],
) {
    let server = Server::start(answer).await;
    let settings = client::Settings { namespace: namespace.to_owned(), ..server.settings() };
    let client = Client::new(settings, credentials);
    client.send("", &Request::get(path)).await.expect("an answer");
    client.close().await;
    assert_eq!(shown(&server), expected);
}

#[tokio::test]
async fn a_given_token_is_used_and_left_alone() {
    check("ns", Credentials::token(" s.given\n"), "x", at_home, &["GET /v1/x [ns] s.given"]).await;
}

#[tokio::test]
async fn a_child_is_made_where_the_token_lives_and_revoked() {
    check(
        "home/inner",
        given(),
        "x",
        at_home,
        &[
            "GET /v1/auth/token/lookup-self [home/inner] s.given",
            "POST /v1/auth/token/create [home] s.given",
            "GET /v1/x [home/inner] s.child",
            "POST /v1/auth/token/revoke-self [home] s.child",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_child_has_the_fields_that_the_peers_send() {
    let server = Server::start(at_home).await;
    let client = Client::new(server.settings(), given());
    client.send("", &Request::get("x")).await.unwrap();
    assert_eq!(
        server.seen()[1].body,
        r#"{"display_name":"terraform","explicit_max_ttl":"1200s","renewable":false,"ttl":"1200s"}"#
    );
}

#[tokio::test]
async fn a_token_that_has_no_children_is_used_itself() {
    for lookup in [r#"{"type": "batch", "num_uses": 0}"#, r#"{"type": "service", "num_uses": 5}"#] {
        check(
            "",
            given(),
            "x",
            move |seen| server_of(seen, lookup),
            &["GET /v1/auth/token/lookup-self [] s.given", "GET /v1/x [] s.given"],
        )
        .await;
    }
}

#[tokio::test]
async fn the_namespace_of_the_token_is_adopted_where_none_is_set() {
    let adopting = || Credentials { adopt_namespace: true, ..Credentials::token("s.given") };
    let lookup = "GET /v1/auth/token/lookup-self [] s.given";
    check("", adopting(), "x", at_home, &[lookup, "GET /v1/x [home] s.given"]).await;
    check("ns", adopting(), "x", at_home, &["GET /v1/x [ns] s.given"]).await;
    let forbidden = |seen: &Seen| match seen.line.contains("lookup-self") {
        true => Reply::json(403, r#"{"errors": ["permission denied"]}"#),
        false => Reply::json(200, "{}"),
    };
    check("", adopting(), "x", forbidden, &[lookup, "GET /v1/x [] s.given"]).await;
}

#[tokio::test]
async fn a_login_sends_its_parameters_and_its_token_is_revoked() {
    check(
        "ns",
        logging_in(),
        "x",
        at_home,
        &[
            "POST /v1/auth/approle/login [ns] ",
            "GET /v1/x [ns] s.login",
            "POST /v1/auth/token/revoke-self [ns] s.login",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_login_can_be_in_another_namespace() {
    for (namespace, use_root_namespace, expected) in [
        (Some("inner".to_owned()), false, "POST /v1/auth/approle/login [inner] "),
        (None, true, "POST /v1/auth/approle/login [] "),
        (Some("inner".to_owned()), true, "POST /v1/auth/approle/login [] "),
    ] {
        let server = Server::start(at_home).await;
        let settings = client::Settings { namespace: "ns".to_owned(), ..server.settings() };
        let login = Some(Login { namespace, use_root_namespace, ..login() });
        let client = Client::new(settings, Credentials { login, ..Credentials::default() });
        client.send("", &Request::get("x")).await.unwrap();
        assert_eq!(shown(&server), [expected, "GET /v1/x [ns] s.login"]);
        assert_eq!(server.seen()[0].body, r#"{"role_id":"r","secret_id":"hunter2"}"#);
    }
}

#[tokio::test]
async fn nothing_is_revoked_on_which_a_lease_depends() {
    let expected = [
        "GET /v1/auth/token/lookup-self [] s.given",
        "POST /v1/auth/token/create [home] s.given",
        "GET /v1/lease [] s.child",
    ];
    check("", given(), "lease", at_home, &expected).await;
}

/// Sends `requests` as a child token, closes, and says whether the child was revoked.
async fn is_revoked_after(requests: &[Request]) -> bool {
    let server = Server::start(at_home).await;
    let client = Client::new(server.settings(), given());
    for request in requests {
        client.send("", request).await.expect("an answer");
    }
    client.close().await;
    server.lines().iter().any(|line| line.contains("revoke-self"))
}

#[tokio::test]
async fn a_token_on_which_nothing_depends_is_revoked() {
    let post = |path: &str| Request::post(path, Record::new());
    let revoke = |accessor: &str| {
        Request::post("auth/token/revoke-accessor", Record::new().with("accessor", accessor))
    };
    let end = Request::post("sys/leases/revoke", Record::new().with("lease_id", "database/creds/x/1"));
    let child = post("auth/token/create/role");
    assert!(is_revoked_after(&[post("auth/userpass/login/me")]).await, "a login is no child");
    assert!(is_revoked_after(&[post("auth/token/create-orphan")]).await);
    assert!(!is_revoked_after(std::slice::from_ref(&child)).await);
    assert!(!is_revoked_after(&[post("team/auth/token/create")]).await, "a path may begin with a namespace");
    assert!(!is_revoked_after(&[child.clone(), revoke("other")]).await);
    assert!(is_revoked_after(&[child.clone(), revoke("c")]).await);
    assert!(!is_revoked_after(&[Request::get("lease")]).await);
    assert!(is_revoked_after(&[Request::get("lease"), end]).await);
    assert!(!is_revoked_after(&[post("wrapped")]).await);
}

#[tokio::test]
async fn a_hundred_first_requests_log_in_once() {
    let server = Server::start(at_home).await;
    let client = Client::new(server.settings(), Credentials { child: child(), ..logging_in() });
    let request = Request::get("x");
    join_all((0..100).map(|_| client.send("", &request))).await.into_iter().for_each(|a| drop(a.unwrap()));
    let setup = shown(&server).into_iter().filter(|line| !line.starts_with("GET /v1/x")).count();
    assert_eq!((setup, server.seen().len()), (3, 103));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    for credentials in [Credentials::default(), Credentials::token("\n")] {
        let server = Server::start(at_home).await;
        let error =
            Client::new(server.settings(), credentials).send("", &Request::get("x")).await.unwrap_err();
        assert!(
            error.to_string().starts_with("there is no token\nhint: set `BAO_TOKEN` or `VAULT_TOKEN`"),
            "{error}"
        );
        assert!(server.lines().is_empty());
    }
}

/// Refuses everything at `line`.
fn refusing(line: &'static str) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match seen.line == line {
        true => Reply::json(403, r#"{"errors": ["permission denied"]}"#),
        false => at_home(seen),
    }
}

#[tokio::test]
async fn a_child_that_is_refused_is_explained() {
    let server = Server::start(refusing("POST /v1/auth/token/create")).await;
    let error = Client::new(server.settings(), given()).send("", &Request::get("x")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token may not do this: POST auth/token/create in home: permission denied\n\
         hint: a policy of the token's namespace with this stanza would allow it:\n\
         path \"auth/token/create\" { capabilities = [\"create\", \"update\"] }\n\
         hint: a child token is made for every run; `skip_child_token = true` (or \
         TERRAFORM_VAULT_SKIP_CHILD_TOKEN) works with the given token"
    );
}

#[tokio::test]
async fn a_login_whose_child_is_refused_leaves_no_token_behind() {
    let server = Server::start(refusing("POST /v1/auth/token/create")).await;
    let credentials = Credentials { child: child(), ..logging_in() };
    let client = Client::new(server.settings(), credentials);
    client.send("", &Request::get("x")).await.unwrap_err();
    client.close().await;
    assert_eq!(shown(&server).last().unwrap(), "POST /v1/auth/token/revoke-self [] s.login");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_login_that_is_refused_names_the_path_and_no_parameter() {
    let server = Server::start(refusing("POST /v1/auth/approle/login")).await;
    let error = Client::new(server.settings(), logging_in()).send("", &Request::get("x")).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("auth/approle/login") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn an_answer_without_a_token_is_no_login() {
    let server = Server::start(|_| Reply::json(200, r#"{"auth": {"client_token": ""}}"#)).await;
    let error = Client::new(server.settings(), logging_in()).send("", &Request::get("x")).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer to POST auth/approle/login holds no token");
}
