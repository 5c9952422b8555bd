//! What is logged. The one test of its binary, whose subscriber is that of the whole process: where several threads
//! log, some of them before there is a subscriber, `tracing` may remember that nobody listens at a place.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{ChildToken, Client, Credentials, Login, Token};
use schemas::{Record, Request, Secret};
use support::{Reply, Seen, Server};

/// Every secret that is sent or answered.
const SECRETS: [&str; 5] = ["hunter1", "hunter2", "hunter3", "s.login", "s.child"];

/// A token that is given besides a login, and hence not sent.
const UNSENT: &str = "s.given";

/// Log lines as they come, for a look afterwards.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Has every line that this process logs from now on written to the result.
fn listen() -> Lines {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("nothing listens yet");
    lines
}

fn answer(seen: &Seen) -> Reply {
    match seen.line.as_str() {
        "POST /v1/auth/approle/login" => Reply::json(200, r#"{"auth": {"client_token": "s.login"}}"#),
        "POST /v1/auth/token/create" => Reply::json(200, r#"{"auth": {"client_token": "s.child"}}"#),
        _ => Reply::json(200, r#"{"data": {}}"#),
    }
}

fn credentials() -> Credentials {
    let parameters = Record::new().with("role_id", "r").with("secret_id", "hunter1");
    let login = Login {
        path: "auth/approle/login".to_owned(),
        namespace: None,
        use_root_namespace: false,
        parameters: Secret::new(parameters.into_value()),
    };
    let child = ChildToken { display_name: "terraform".to_owned(), ttl: Duration::from_secs(1200) };
    Credentials { child: Some(child), login: Some(login), ..Credentials::token(UNSENT) }
}

#[tokio::test]
async fn no_secret_is_logged_or_printed() {
    let lines = listen();
    let server = Server::start(answer).await;
    let headers = vec![("authorization".to_owned(), Token::new("hunter2"))];
    let settings = client::Settings { headers, ..server.settings() };
    let credentials = credentials();
    let mut printed = format!("{settings:?} {credentials:?}");
    let client = Client::new(settings, credentials);
    client.send("", &Request::post("x", Record::new().with("password", "hunter3"))).await.unwrap();
    client.close().await;
    printed.push_str(&format!("{client:?}"));
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for line in [
        "request method=\"POST\" path=\"auth/approle/login\"",
        "request method=\"POST\" path=\"auth/token/create\"",
        "answer method=\"POST\" path=\"x\"",
        "answer method=\"POST\" path=\"auth/token/revoke-self\"",
    ] {
        assert!(logged.contains(line), "{line}: {logged}");
    }
    let sent = format!("{:?}", server.seen());
    for secret in SECRETS {
        assert!(sent.contains(secret), "{secret} was not sent");
    }
    for secret in SECRETS.into_iter().chain([UNSENT]) {
        assert!(!logged.contains(secret), "{secret}: {logged}");
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
}
