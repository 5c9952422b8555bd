//! A small server that answers what a test says, and remembers what it was asked.

#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use client::{Client, Credentials, Settings};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) mod certificates;

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `GET /v1/sys/mounts`, as it stood on the wire.
    pub(crate) line: String,
    /// Its headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: String,
}

impl Seen {
    /// The header called `name`, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// HTTP status; 0 breaks the connection off.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Body.
    pub(crate) body: String,
}

impl Reply {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_owned() }
    }

    /// The connection ends without an answer.
    pub(crate) fn broken() -> Self {
        Self { status: 0, headers: Vec::new(), body: String::new() }
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server under way; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Answer>,
}

impl Server {
    /// A server that answers each request with what `answer` makes of it.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let (server, listener) = Self::bind(answer).await;
        let running = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(running.clone().serve(connection));
            }
        });
        server
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(
        tls: rustls::ServerConfig,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (server, listener) = Self::bind(answer).await;
        let (running, acceptor) = (server.clone(), TlsAcceptor::from(Arc::new(tls)));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (running, acceptor) = (running.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // A client that does not like our certificate hangs up here.
                    if let Ok(connection) = acceptor.accept(connection).await {
                        running.serve(connection).await;
                    }
                });
            }
        });
        server
    }

    /// The same at a unix socket.
    pub(crate) async fn start_unix(
        path: &std::path::Path,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (server, _) = Self::bind(answer).await;
        let (running, listener) = (server.clone(), tokio::net::UnixListener::bind(path).expect("a socket"));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(running.clone().serve(connection));
            }
        });
        server
    }

    async fn bind(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        (Self { address, seen: Arc::default(), answer: Arc::new(answer) }, listener)
    }

    async fn serve(self, connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = hyper::service::service_fn(move |request| self.clone().reply(request));
        let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        // Broken connections are part of the tests.
        let _ = builder.serve_connection(TokioIo::new(connection), service).await;
    }

    async fn reply(
        self,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let seen = Seen {
            line: format!("{} {path}", head.method),
            headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        self.seen.lock().expect("no panic").push(seen.clone());
        let reply = (self.answer)(&seen);
        if reply.status == 0 {
            return Err("broken off".into());
        }
        let mut response = hyper::Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        Ok(response.body(Full::new(reply.body.into()))?)
    }

    /// Everything that was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The request lines of everything that was asked so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// Settings for this server.
    pub(crate) fn settings(&self) -> Settings {
        Settings { address: format!("http://{}", self.address), ..Settings::default() }
    }

    /// A client of this server with a token and nothing else.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings(), Credentials::token("s.given"))
    }
}

/// Answers in turn, the last one for ever.
pub(crate) fn in_turn(replies: Vec<Reply>) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let next = Mutex::new(0_usize);
    move |_| {
        let mut next = next.lock().expect("no panic");
        let reply = replies[(*next).min(replies.len() - 1)].clone();
        *next += 1;
        reply
    }
}
