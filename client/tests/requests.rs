//! One request: how it looks on the wire, when it is sent again, and what is made of the answer.

mod support;

use std::time::Duration;

use client::{Client, Credentials, Effect, Error, Outcome, Product, Settings, Token};
use futures::future::join_all;
use schemas::{Class, Method, Operation, Record, Request, kinds};
use support::{Reply, Seen, Server, in_turn};

fn nothing(_: &Seen) -> Reply {
    Reply::json(200, "{}")
}

fn write(method: Method) -> Request {
    Request::new(method, "sys/x").with_body(Record::new().with("a", 1).into_value())
}

#[tokio::test]
async fn a_client_that_is_not_used_asks_nothing() {
    let server = Server::start(nothing).await;
    let client = server.client();
    client.close().await;
    assert_eq!((server.seen().len(), client.requests_sent()), (0, 0));
}

#[tokio::test]
async fn a_request_arrives() {
    let server = Server::start(nothing).await;
    let answer = server.client().send("", &Request::get("sys/mounts")).await.unwrap();
    assert_eq!(answer.status, 200);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "GET /v1/sys/mounts");
    assert_eq!(seen.header("x-vault-token"), "s.given");
    assert_eq!(seen.header("x-vault-request"), "true");
    assert_eq!((seen.header("x-vault-namespace"), seen.header("content-type"), &*seen.body), ("", "", ""));
}

#[tokio::test]
async fn methods_bodies_and_headers_are_those_of_the_api() {
    let server = Server::start(nothing).await;
    let settings = Settings { headers: vec![("x-mine".to_owned(), Token::new("1"))], ..server.settings() };
    let client = Client::new(settings, Credentials::token("s.given"));
    let wrapped = Request { wrap_ttl: Some("5m".to_owned()), ..write(Method::Put) };
    let requests = [Request::new(Method::List, "sys/x/"), write(Method::Post), write(Method::Patch), wrapped];
    for request in &requests {
        client.send("", request).await.unwrap();
    }
    let shown: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| {
            let [kind, wrap, mine] =
                ["content-type", "x-vault-wrap-ttl", "x-mine"].map(|name| seen.header(name));
            format!("{} {kind} {} {wrap} {mine}", seen.line, seen.body)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "LIST /v1/sys/x/    1",
            r#"POST /v1/sys/x application/json {"a":1}  1"#,
            r#"PATCH /v1/sys/x application/merge-patch+json {"a":1}  1"#,
            r#"PUT /v1/sys/x application/json {"a":1} 5m 1"#,
        ]
    );
}

#[tokio::test]
async fn every_character_of_a_path_and_a_query_arrives() {
    let server = Server::start(nothing).await;
    let settings = Settings { address: format!("http://{}/a/prefix/", server.address), ..server.settings() };
    let client = Client::new(settings, Credentials::token("s.given"));
    let request = Request::get("kv/ü 100%/a?b#c/%2e%2e").with_query("version", "a&b=c");
    client.send("", &request).await.unwrap();
    assert_eq!(
        server.lines(),
        ["GET /a/prefix/v1/kv/%C3%BC%20100%25/a%3Fb%23c/%252e%252e?version=a%26b%3Dc"]
    );
}

#[tokio::test]
async fn a_path_that_servers_would_take_for_another_is_not_sent() {
    let server = Server::start(nothing).await;
    for path in ["kv/data/a//b", "kv/data/../../sys/seal", "kv/data/./a", "/sys/mounts"] {
        let error = server.client().send("", &Request::get(path)).await.unwrap_err().to_string();
        assert!(error.contains(&format!("`{path}`")) && error.contains("another path"), "{error}");
    }
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn a_server_can_be_at_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.sock");
    let server = Server::start_unix(&path, nothing).await;
    let settings = Settings { address: format!("unix://{}", path.display()), ..Settings::default() };
    let answer = Client::new(settings, Credentials::token("t")).send("", &Request::get("sys/mounts")).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(server.lines(), ["GET /v1/sys/mounts"]);
}

#[tokio::test]
async fn namespaces_are_joined_once() {
    let server = Server::start(nothing).await;
    let settings = Settings { namespace: "/team/".to_owned(), ..server.settings() };
    let client = Client::new(settings, Credentials::token("s.given"));
    for namespace in ["", "a/b/", "/a", "größe"] {
        client.send(namespace, &Request::get("sys/mounts")).await.unwrap();
    }
    let seen: Vec<_> = server.seen().iter().map(|seen| seen.header("x-vault-namespace").to_owned()).collect();
    assert_eq!(seen, ["team", "team/a/b", "team/a", "team/größe"]);
}

#[tokio::test]
async fn what_no_header_may_hold_is_refused_and_not_shown() {
    let server = Server::start(nothing).await;
    for (namespace, token) in [("a\nb", "s.given"), ("a", "hunter2\nx")] {
        let client = Client::new(server.settings(), Credentials::token(token));
        let error = client.send(namespace, &Request::get("sys/mounts")).await.unwrap_err().to_string();
        assert!(error.contains("a character that no header may hold"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn a_thousand_requests_at_once_never_cross_namespaces() {
    let server = Server::start(|seen| {
        Reply::json(200, &format!(r#"{{"data": "{} {}"}}"#, seen.header("x-vault-namespace"), seen.line))
    })
    .await;
    let client = server.client();
    let names = ["", "a", "a/b", "b", "c/d/e"];
    let asked = (0..1000).map(|index| {
        let (client, namespace) = (&client, names[index % names.len()]);
        async move {
            let answer = client.send(namespace, &Request::get(format!("kv/{index}"))).await.unwrap();
            assert_eq!(answer.data().as_str(), Some(&*format!("{namespace} GET /v1/kv/{index}")));
        }
    });
    join_all(asked).await;
    assert_eq!(server.seen().len(), 1000);
}

/// How often a request is sent to a server that always gives the same answer.
async fn check_tries(reply: Reply, request: &Request) -> usize {
    let server = Server::start(move |_| reply.clone()).await;
    let settings = Settings { retries: 2, consistency_retries: 4, ..server.settings() };
    let client = Client::new(settings, Credentials::token("s.given"));
    let _ = client.send("", request).await;
    assert_eq!(client.requests_sent(), server.seen().len() as u64);
    // After a refusal the token is asked for, which is no other try.
    server.lines().iter().filter(|line| !line.contains("lookup-self")).count()
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_a_refusal_never() {
    let at_once = |status| Reply::json(status, r#"{"errors": []}"#).header("retry-after", "0");
    // A gateway's 502 and 504 may come after the server did the write.
    for (status, reads, writes) in [(412, 5, 5), (429, 3, 3), (502, 3, 1), (503, 3, 3), (504, 3, 1)] {
        assert_eq!(check_tries(at_once(status), &Request::get("sys/x")).await, reads, "{status}");
        assert_eq!(check_tries(at_once(status), &write(Method::Post)).await, writes, "{status}");
    }
    for status in [200, 204, 400, 403, 404, 405, 409, 422, 501] {
        assert_eq!(check_tries(at_once(status), &Request::get("sys/x")).await, 1, "{status}");
    }
    assert_eq!(check_tries(at_once(500), &write(Method::Post)).await, 1);
    let late = Reply::json(503, r#"{"errors": ["context deadline exceeded"]}"#).header("retry-after", "0");
    assert_eq!(check_tries(late.clone(), &write(Method::Post)).await, 1, "it may be done yet");
    assert_eq!(check_tries(late, &Request::get("sys/x")).await, 3);
}

#[tokio::test]
async fn a_broken_connection_repeats_reads_only() {
    assert_eq!(check_tries(Reply::broken(), &Request::get("sys/x")).await, 3);
    assert_eq!(check_tries(Reply::broken(), &write(Method::Post).that_reads()).await, 3);
    for method in [Method::Post, Method::Put, Method::Patch, Method::Delete] {
        assert_eq!(check_tries(Reply::broken(), &write(method)).await, 1, "{method:?}");
    }
}

#[tokio::test]
async fn the_answer_after_the_failure_counts() {
    let busy = Reply::json(429, "{}").header("retry-after", "0");
    let server = Server::start(in_turn(vec![busy.clone(), busy, Reply::json(200, r#"{"data": 7}"#)])).await;
    let answer = server.client().send("", &Request::get("sys/x")).await.unwrap();
    assert_eq!((answer.status, answer.data().as_i64()), (200, Some(7)));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let timeout = Duration::from_millis(50);
    let settings = Settings { address, timeout, retries: 0, ..Settings::default() };
    let error =
        Client::new(settings, Credentials::token("t")).send("", &Request::get("sys/x")).await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn an_unreachable_server_is_one_clear_sentence() {
    // The password of the address is not shown.
    let address = "http://me:hunter2@127.0.0.1:1".to_owned();
    let settings = Settings { address, retries: 0, ..Settings::default() };
    let error =
        Client::new(settings, Credentials::token("t")).send("", &Request::get("sys/x")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server at `http://127.0.0.1:1` cannot be reached: Connection refused (os error 111)\n\
         hint: check the address (`BAO_ADDR` or `VAULT_ADDR`) and that the server is running"
    );
}

/// What is said of a read of a policy in the namespace `team/a` that is refused to a token which `lookup` describes.
async fn refusal(lookup: Reply) -> String {
    let server = Server::start(move |seen| match seen.line.contains("lookup-self") {
        true => lookup.clone(),
        false => Reply::json(403, r#"{"errors": ["1 error occurred: permission denied"]}"#),
    })
    .await;
    let settings = Settings { namespace: "team".to_owned(), ..server.settings() };
    let client = Client::new(settings, Credentials::token("s.given"));
    let kind = kinds::find(Class::Resource, "policy").expect("a kind");
    let known = Record::new().with("name", "dev");
    let error = client.run(kind, "a", &Operation::Read { prior: &known }).await.expect_err("a refusal").error;
    let again = client.reader().read(kind, "a", &known).await.expect_err("a refusal");
    assert_eq!(again.to_string(), error.to_string());
    error.to_string()
}

#[tokio::test]
async fn a_403_shows_what_was_asked_where_and_the_stanza_that_lacks() {
    let said = "the token may not do this: GET sys/policies/acl/dev in team/a: 1 error occurred: permission denied\n";
    for (home, path) in [("", "team/a/sys"), ("team/", "a/sys"), ("team/a/", "sys")] {
        let shown =
            refusal(Reply::json(200, &format!(r#"{{"data": {{"namespace_path": "{home}"}}}}"#))).await;
        let hint = "hint: a policy of the token's namespace with this stanza would allow it:";
        let stanza = format!("path \"{path}/policies/acl/dev\" {{ capabilities = [\"read\"] }}");
        assert_eq!(shown, format!("{said}{hint}\n{stanza}"));
    }
    let shown = refusal(Reply::json(200, r#"{"data": {"namespace_path": "te/"}}"#)).await;
    assert!(shown.contains("the token belongs to the namespace `te`"), "{shown}");
    let shown = refusal(Reply::json(403, r#"{"errors": ["1 error occurred: permission denied"]}"#)).await;
    assert!(shown.contains("a policy of the namespace `team/a` with this stanza would allow it"), "{shown}");
}

#[tokio::test]
async fn a_token_that_the_server_does_not_know_needs_no_policy() {
    for said in
        ["permission denied", "2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n"]
    {
        let shown = refusal(Reply::json(403, &format!(r#"{{"errors": ["{said}"]}}"#))).await;
        assert!(shown.starts_with("the server does not know the token"), "{shown}");
        assert!(!shown.contains("policy"), "{shown}");
    }
}

#[tokio::test]
async fn a_secret_that_the_server_repeats_is_not_shown() {
    let server = Server::start(|seen| match seen.line.contains("users") {
        true => Reply::json(400, r#"{"errors": ["cannot use \"hunter2\", of \"hunter\""]}"#),
        false => {
            Reply::json(200, r#"{"warnings": ["Endpoint ignored these unrecognized parameters: [hunter2]"]}"#)
        }
    })
    .await;
    let client = server.client();
    let user = Record::new().with("mount", "people").with("username", "ada").with("password_wo", "hunter2");
    let endpoint = Record::new().with("path", "x").with("data_json", r#"{"a": "hunter2"}"#);
    for (kind, desired) in [("userpass_auth_backend_user", &user), ("generic_endpoint", &endpoint)] {
        let kind = kinds::find(Class::Resource, kind).unwrap();
        let error = client.run(kind, "", &Operation::Create { desired }).await.unwrap_err().error;
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("(secret)") && !shown.contains("hunter"), "{shown}");
    }
}

#[tokio::test]
async fn an_object_that_is_not_there_is_gone_and_no_error() {
    let server = Server::start(|_| Reply::json(404, r#"{"errors": []}"#)).await;
    let kind = kinds::find(Class::Resource, "policy").unwrap();
    let known = Record::new().with("name", "dev");
    assert_eq!(server.client().reader().read(kind, "", &known).await.unwrap(), Outcome::Gone);
}

/// A server that has the namespace `team` and no object.
fn without_objects(seen: &Seen) -> Reply {
    match (seen.header("x-vault-namespace"), &*seen.line) {
        ("team", "GET /v1/auth/token/lookup-self") => Reply::json(200, r#"{"data": {}}"#),
        ("team", _) => Reply::json(404, r#"{"errors": []}"#),
        _ => Reply::json(404, r#"{"errors": ["namespace not found"]}"#),
    }
}

#[tokio::test]
async fn a_namespace_that_is_not_there_does_not_pass_for_absent_objects() {
    let server = Server::start(without_objects).await;
    let client_of = |namespace: &str| {
        let settings = Settings { namespace: namespace.to_owned(), ..server.settings() };
        Client::new(settings, Credentials::token("s.given"))
    };
    let kind = kinds::find(Class::Resource, "policy").unwrap();
    let prior = Record::new().with("name", "dev");
    let (read, delete) = (Operation::Read { prior: &prior }, Operation::Delete { prior: &prior });
    let mistyped = client_of("taem");
    for operation in [read, delete, read] {
        let error = mistyped.run(kind, "", &operation).await.unwrap_err().error;
        assert!(error.to_string().starts_with("the namespace `taem` does not exist"), "{error}");
        assert!(error.is_general());
    }
    let client = client_of("team");
    for operation in [read, delete, read] {
        assert_eq!(client.run(kind, "", &operation).await.unwrap(), Outcome::Gone);
    }
    let lookups = |line: &&String| line.contains("lookup-self");
    assert_eq!(server.lines().iter().filter(lookups).count(), 4, "the one that is there is asked for once");
    // A namespace that the object itself names is absent with the object.
    assert_eq!(client.run(kind, "gone", &read).await.unwrap(), Outcome::Gone);
}

#[tokio::test]
async fn a_client_for_looking_sends_nothing_that_writes() {
    let server = Server::start(nothing).await;
    let client = server.client();
    let error = client.reader().send("", &write(Method::Post)).await.unwrap_err();
    assert!(error.to_string().starts_with("POST sys/x would write"), "{error}");
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn the_product_is_asked_once_and_not_at_all_when_it_is_given() {
    let status = r#"{"version": "2.7.2", "commit_date": "2026-10-26"}"#;
    let server = Server::start(move |_| Reply::json(200, status)).await;
    let settings = Settings { namespace: "team".to_owned(), ..server.settings() };
    // No token, no namespace: the status is everybody's.
    let client = Client::new(settings.clone(), Credentials::default());
    for _ in 0..2 {
        assert_eq!(client.product().await.unwrap().to_string(), "OpenBao 2.7.2");
    }
    assert_eq!(server.lines(), ["GET /v1/sys/seal-status"]);
    assert_eq!(server.seen()[0].header("x-vault-namespace"), "");
    let product = Product::vault("1.19.0+ent");
    let client = Client::new(Settings { product, ..settings }, Credentials::default());
    assert!(client.product().await.unwrap().is_enterprise());
    assert_eq!(server.lines().len(), 1);
}

const PAGE: &str = "<html><body>hunter2</body></html>";

#[tokio::test]
async fn an_error_in_html_counts_by_its_status() {
    let server = Server::start(|_| Reply::json(400, PAGE).header("server", "proxy")).await;
    let answer = server.client().send("", &Request::get("sys/x")).await.unwrap();
    assert_eq!((answer.status, answer.errors().len()), (400, 0));
}

#[tokio::test]
async fn a_404_of_somebody_else_is_no_absent_object() {
    for page in [PAGE, ""] {
        let server = Server::start(move |_| Reply::json(404, page).header("server", "proxy")).await;
        let error = server.client().send("", &Request::get("sys/x")).await.unwrap_err().to_string();
        assert!(error.contains("a 404 that the API did not write") && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_creation_says_that_nothing_was_written() {
    let kind = schemas::kinds::find(schemas::Class::Resource, "mount").unwrap();
    let desired = Record::new().with("path", "precious").with("type", "kv");
    let taken = Reply::json(400, r#"{"errors": ["path is already in use at precious/"]}"#);
    let server = Server::start(in_turn(vec![taken])).await;
    let failure = server.client().run(kind, "", &Operation::Create { desired: &desired }).await.unwrap_err();
    assert_eq!(failure.effect, Effect::Nothing, "what stands there is somebody else's");
    let half_done = vec![Reply::json(204, ""), Reply::json(403, r#"{"errors": ["permission denied"]}"#)];
    let server = Server::start(in_turn(half_done)).await;
    let failure = server.client().run(kind, "", &Operation::Create { desired: &desired }).await.unwrap_err();
    assert_eq!(failure.effect, Effect::Something, "what stands there is ours");
}

#[tokio::test]
async fn a_write_without_an_answer_may_have_been_done() {
    let kind = schemas::kinds::find(schemas::Class::Resource, "mount").unwrap();
    let desired = Record::new().with("path", "kv").with("type", "kv");
    let create = Operation::Create { desired: &desired };
    let late = Reply::json(503, r#"{"errors": ["context deadline exceeded"]}"#);
    let broke = Reply::json(500, r#"{"errors": ["internal error"]}"#);
    for reply in [Reply::broken(), Reply::json(504, ""), Reply::json(200, "no JSON"), late, broke] {
        let server = Server::start(in_turn(vec![reply.clone()])).await;
        let failure = server.client().run(kind, "", &create).await.unwrap_err();
        assert_eq!(failure.effect, Effect::Unknown, "{reply:?}");
        let said = failure.to_diagnostic().to_string();
        assert!(said.contains("nobody knows what became of a write, so it may have been done"), "{said}");
        assert!(!said.contains("TLS") && !said.contains("cannot be reached"), "{said}");
    }
    let server = Server::start(nothing).await;
    let settings = client::Settings { address: "http://127.0.0.1:1".to_owned(), ..server.settings() };
    let nobody = Client::new(settings, Credentials::token("s.t"));
    let failure = nobody.run(kind, "", &create).await.unwrap_err();
    assert_eq!(failure.effect, Effect::Nothing, "nobody is there to have got it");
    let look = Operation::Read { prior: &desired };
    let server = Server::start(|_| Reply::broken()).await;
    let failure = server.client().run(kind, "", &look).await.unwrap_err();
    assert_eq!(failure.effect, Effect::Nothing, "a look changes nothing");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_an_error_that_shows_none_of_it() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, expected) in [(PAGE, "invalid JSON at line 1"), (&deep, "it is nested deeper than 256")] {
        let body = body.to_owned();
        let server = Server::start(move |_| Reply::json(200, &body)).await;
        let error = server.client().send("", &Request::get("sys/x")).await.unwrap_err().to_string();
        assert!(error.starts_with("the answer to GET sys/x makes no sense"), "{error}");
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn brackets_in_texts_are_no_nesting() {
    let text = format!(r#"{{"data": "\"{}\\"}}"#, "[{".repeat(1000));
    let server = Server::start(move |_| Reply::json(200, &text)).await;
    let answer = server.client().send("", &Request::get("sys/x")).await.unwrap();
    assert_eq!(answer.data().as_str().map(str::len), Some(2002));
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let server = Server::start(|_| Reply::json(200, &format!(r#""{}""#, "x".repeat(2000)))).await;
    let client =
        |max_answer| Client::new(Settings { max_answer, ..server.settings() }, Credentials::token("s.given"));
    let request = Request::get("sys/x");
    let error = client(2001).send("", &request).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer to GET sys/x makes no sense: it is longer than 2001 bytes");
    assert!(client(2002).send("", &request).await.is_ok());
}

#[tokio::test]
async fn a_token_is_not_carried_to_where_a_server_points() {
    let other = Server::start(nothing).await;
    let location = format!("http://me:hunter2@{}/v1/sys/x", other.address);
    let server = Server::start(move |_| Reply::json(307, "").header("location", &location)).await;
    let error = server.client().send("", &Request::get("sys/x")).await.unwrap_err().to_string();
    assert!(error.contains(&format!("sends GET sys/x on to `http://{}/v1/sys/x`", other.address)), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn a_proxy_that_is_asked_for_gets_every_request() {
    let proxy = Server::start(nothing).await;
    let settings = Settings {
        address: "http://127.0.0.1:1".to_owned(),
        proxy: Some(Token::new(&format!("http://{}", proxy.address))),
        ..Settings::default()
    };
    let client = Client::new(settings, Credentials::token("t"));
    assert_eq!(client.send("", &Request::get("sys/x")).await.unwrap().status, 200);
    assert_eq!(proxy.seen()[0].header("host"), "127.0.0.1:1");
}

#[tokio::test]
async fn a_proxy_that_is_no_url_is_shown_without_its_password() {
    let settings = Settings {
        address: "http://127.0.0.1:1".to_owned(),
        proxy: Some(Token::new("http://me:hunter2@")),
        ..Settings::default()
    };
    let error =
        Client::new(settings, Credentials::token("t")).send("", &Request::get("x")).await.unwrap_err();
    assert!(matches!(error, Error::Settings(_)) && !error.to_string().contains("hunter2"), "{error}");
}

/// Runs one test of this file in a process of its own, with a proxy in its environment.
fn passes_with_proxy(test: &str, proxy: &str) -> bool {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this file"));
    command.args(["--exact", test, "--include-ignored"]).env("HTTP_PROXY", proxy).env("http_proxy", proxy);
    command.env_remove("NO_PROXY").env_remove("no_proxy").output().expect("a process").status.success()
}

#[tokio::test]
#[ignore = "needs a proxy in the environment; run by the test below"]
async fn a_distant_server_answers() {
    let address = "http://vault.example.com:8200".to_owned();
    let settings = Settings { address, retries: 0, ..Settings::default() };
    let answer =
        Client::new(settings, Credentials::token("t")).send("", &Request::get("sys/x")).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_count_but_not_for_this_machine() {
    let proxy = Server::start(nothing).await;
    let address = format!("http://{}", proxy.address);
    assert!(passes_with_proxy("a_distant_server_answers", &address));
    assert_eq!(proxy.seen()[0].header("host"), "vault.example.com:8200");
    assert!(passes_with_proxy("a_request_arrives", "http://127.0.0.1:1"));
}
