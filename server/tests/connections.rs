//! What those can use up who prove nothing: connections, and memory for bodies.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::time::{Duration, Instant};

use server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn start(settings: &str) -> Server {
    start_at("127.0.0.1:0", settings).await
}

async fn start_at(address: &str, settings: &str) -> Server {
    let text = format!(
        "storage \"inmem\" {{}}\nlistener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n{settings}}}\n"
    );
    let (configuration, _) = server::config::parse(Path::new("test.hcl"), &text).unwrap();
    Server::start_dev(&configuration, Some("root")).await.unwrap().0
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.addresses()[0]).await.unwrap()
}

/// How long it takes until the server ends the connection.
async fn lifetime(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    // An end by force is an end, too.
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
    start.elapsed()
}

async fn send(server: &Server, text: &str) -> TcpStream {
    let mut stream = connect(server).await;
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let server = start("  http_read_header_timeout = \"1s\"\n  http_idle_timeout = \"2s\"\n").await;
    let silent = lifetime(connect(&server).await);
    // The preface of HTTP/2 begins so: whoever reads it waits for the rest.
    let started = lifetime(send(&server, "PRI * HTTP/2.0").await);
    let partial = lifetime(send(&server, "GET /v1/sys").await);
    let idle = lifetime(send(&server, "GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n").await);
    let (silent, started, partial, idle) = futures::join!(silent, started, partial, idle);
    for time in [silent, started, partial, idle] {
        assert!(time < Duration::from_secs(5), "{time:?}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_arrive_keep_no_other_waiting() {
    let server = start("").await;
    let slow =
        "POST /v1/auth/userpass/login/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    let long = "POST /v1/auth/userpass/login/x HTTP/1.1\r\nHost: x\r\nContent-Length: 33000000\r\n\r\n{";
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(send(&server, slow).await);
        open.push(send(&server, long).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    let write = "POST /v1/secret/data/q HTTP/1.1\r\nHost: x\r\nX-Vault-Token: root\r\nConnection: close\r\n\
                 Transfer-Encoding: chunked\r\n\r\n12\r\n{\"data\":{\"a\":\"b\"}}\r\n0\r\n\r\n";
    let mut answer = String::new();
    send(&server, write).await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

/// What the server answers to `request` on a new connection from 127.0.0.1.
async fn answer(server: &Server, request: &str) -> String {
    let address = ("127.0.0.1", server.addresses()[0].port());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

fn post(path: &str, token: &str, body: &str) -> String {
    format!(
        "POST /v1/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn an_ipv4_client_of_a_socket_for_both_families_is_in_networks_of_ipv4() {
    let server = start_at("[::]:0", "").await;
    for (network, is_inside) in [("127.0.0.0/8", true), ("10.0.0.0/8", false), ("::/0", false)] {
        let role = format!("{{\"token_bound_cidrs\": [\"{network}\"], \"allowed_policies\": [\"default\"]}}");
        answer(&server, &post("auth/token/roles/r", "root", &role)).await;
        let made =
            answer(&server, &post("auth/token/create/r", "root", "{\"policies\": [\"default\"]}")).await;
        let token =
            made.split_once("client_token\":\"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
        let renewed = answer(&server, &post("auth/token/renew-self", token, "{}")).await;
        assert_eq!(renewed.starts_with("HTTP/1.1 200"), is_inside, "{network}: {renewed}");
    }
}
