//! One HTTP request to one HTTP answer.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::Full;

use super::body::Complexity;
use super::go_struct::MAP;
use super::headers::text;
use super::media_type::media_type;
use super::room::{Room, Share};
use super::{body, consistency, headers, host, inline, query, redirect, status, transfer};
use crate::config::Listener;
use crate::core::cors::{self, Crossing};
use crate::core::error::Error;
use crate::core::inline::InlineLogin;
use crate::core::input::go_seconds;
use crate::core::path::{ApiPath, PathError};
use crate::core::pipeline::{Incoming, Reply};
use crate::core::quota::RateLimit;
use crate::core::request::{Authorization, ClientToken, MfaCredentials, Operation, Parameters};
use crate::core::state::Core;
use crate::core::traffic::UnderWay;
use crate::core::{go_base64, go_text};
use crate::sys::open_metrics;

const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const WRAP_FORMAT: HeaderName = HeaderName::from_static("x-vault-wrap-format");
const WRAP_TTL: HeaderName = HeaderName::from_static("x-vault-wrap-ttl");

/// Headers that no engine ever sees.
const MFA: HeaderName = HeaderName::from_static("x-vault-mfa");
const CREDENTIALS: [HeaderName; 4] = [TOKEN, MFA, header::AUTHORIZATION, header::COOKIE];

type Answer = http::Response<Full<Bytes>>;

/// Answers the requests of one listener.
#[derive(Clone)]
pub(crate) struct Service {
    core: Arc<Core>,
    max_bytes: usize,
    complexity: Complexity,
    max_duration: Duration,
    /// Memory for bodies.
    room: Arc<Room>,
    /// How long a body may take to arrive.
    read_timeout: Duration,
    /// Whether `sys/metrics` needs no token.
    has_open_metrics: bool,
}

impl Service {
    /// A service over `core` with the limits of `listener`.
    pub(crate) fn new(core: Arc<Core>, listener: &Listener) -> Self {
        let max_bytes = listener.max_request_size.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            core,
            max_bytes: max_bytes.unwrap_or(usize::MAX),
            complexity: Complexity {
                memory: listener.max_request_json_memory.unwrap_or(u64::MAX),
                strings: listener.max_request_json_strings.unwrap_or(u64::MAX),
            },
            room: Arc::default(),
            read_timeout: listener.http_read_timeout,
            has_open_metrics: listener.unauthenticated_metrics_access,
            max_duration: listener.max_request_duration.unwrap_or(Duration::from_secs(90)),
        }
    }

    /// Answers one request. A panic ends this request only.
    pub(crate) async fn answer(
        &self,
        request: http::Request<hyper::body::Incoming>,
        peer: SocketAddr,
    ) -> Answer {
        let is_head = request.method() == Method::HEAD;
        let namespace = request.headers().get(NAMESPACE).cloned();
        let mut work = self.work(request, peer);
        // What needs not wait, such as most reads, is done at once.
        let outcome = match futures::poll!(&mut work) {
            Poll::Ready(outcome) => Ok(outcome),
            // In a task of its own: a client that goes away does not end its request halfway.
            Poll::Pending => tokio::time::timeout(self.max_duration, tokio::spawn(work))
                .await
                .map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error)))),
        };
        let mut answer = match outcome {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!("a request panicked");
                of_reply(Reply::error(&Error::internal("panic"), true))
            }
            Err(_) => of_reply(Reply::error(&timed_out(), false)),
        };
        self.core.traffic.count(answer.status());
        finish(&mut answer, namespace, is_head);
        answer
    }

    /// The answer to come. In a box at once: it is large, and whatever holds it is moved.
    fn work(
        &self,
        request: http::Request<hyper::body::Incoming>,
        peer: SocketAddr,
    ) -> BoxFuture<'static, std::thread::Result<Answer>> {
        let service = self.clone();
        let passage = self.core.traffic.enter(UnderWay {
            since: self.core.clock.now(),
            client: peer,
            method: request.method().clone(),
            uri: request.uri().clone(),
        });
        let work = async move {
            let answer = service.reply(request, peer.ip()).await;
            drop(passage);
            answer
        };
        AssertUnwindSafe(work).catch_unwind().boxed()
    }

    async fn reply(&self, request: http::Request<hyper::body::Incoming>, client: IpAddr) -> Answer {
        if let Err(refusal) = host::check(request.version(), request.headers()) {
            return refused(StatusCode::BAD_REQUEST, refusal);
        }
        if let Err(refusal) = transfer::check(request.headers()) {
            return refused(StatusCode::NOT_IMPLEMENTED, refusal);
        }
        let crossing = self.core.cors.check(request.method(), request.headers());
        let (crossed, mut answer) = match crossing {
            Crossing::Passes(headers) => (headers, self.reply_to_all(request, client).await),
            Crossing::Answered(headers) => (headers, bare(StatusCode::OK)),
            Crossing::Refused => (Vec::new(), of_reply(Reply::error(&cors::refused(), false))),
            Crossing::WrongMethod => (Vec::new(), bare(StatusCode::METHOD_NOT_ALLOWED)),
        };
        answer.headers_mut().extend(crossed);
        answer
    }

    async fn reply_to_all(&self, request: http::Request<hyper::body::Incoming>, client: IpAddr) -> Answer {
        let raw_path = request.uri().path();
        let raw_query = request.uri().query().unwrap_or_default();
        // Help is there even where a request is sent elsewhere.
        let asks_help = || asks_help(&query::pairs(raw_query));
        if let Some(location) = place(raw_path).filter(|_| raw_path != "/v1/sys" || !asks_help()) {
            let mark = if raw_query.is_empty() { "" } else { "?" };
            return redirected(&format!("{location}{mark}{raw_query}"), request.method());
        }
        if raw_path == "*" && request.method() == Method::OPTIONS {
            return bare(StatusCode::OK);
        }
        let Some(path) = raw_path.strip_prefix("/v1/") else {
            return of_reply(Reply::error(&Error::not_found(), false));
        };
        let checked = headers::require_text(request.headers());
        if let Err(error) = checked.and_then(|()| consistency::check(request.headers())) {
            return of_reply(Reply::error(&error, false));
        }
        match parse_path(path) {
            Ok(path) => {
                let mut extra = Vec::new();
                let outcome = self.dispatch(request, path, client, &mut extra).await;
                let mut answer = of_reply(outcome.unwrap_or_else(|error| Reply::error(&error, false)));
                answer.headers_mut().extend(extra);
                answer
            }
            Err(PathError::NotPrintable) => bare(StatusCode::BAD_REQUEST),
            Err(PathError::NoText) => {
                of_reply(Reply::error(&Error::invalid("the path is no UTF-8 text"), false))
            }
            Err(PathError::Relative) => {
                of_reply(Reply::error(&Error::invalid("relative paths not supported"), false))
            }
        }
    }

    async fn dispatch(
        &self,
        request: http::Request<hyper::body::Incoming>,
        path: ApiPath,
        client: IpAddr,
        extra: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Reply, Error> {
        let (parts, stream) = request.into_parts();
        let pairs = query::pairs(parts.uri.query().unwrap_or_default());
        let asked = operation(&parts.method, &pairs);
        let is_status = status::is_status_path(&path) || (*path == *"sys/seal" && !is_writing(&parts.method));
        let is_metrics = self.has_open_metrics && *path == *"sys/metrics";
        let path = match &asked {
            Ok((Operation::List | Operation::Scan, _)) => path.into_folder(),
            _ => path,
        };
        let limit = self.core.rate_limit(text(&parts.headers, &NAMESPACE), &path, client);
        let is_of_role = matches!(limit, RateLimit::OfRole);
        admit(limit, &path, extra)?;
        if is_status {
            let path = path.strip_suffix('/').unwrap_or(&path);
            return Box::pin(self.status(&parts, path, pairs, stream, client)).await;
        }
        let below = self.below_namespace(text(&parts.headers, &NAMESPACE), &path)?;
        if let Some(path) = below.filter(|_| parts.method != Method::PATCH) {
            return match parts.method {
                Method::GET => Box::pin(self.status(&parts, path, pairs, stream, client)).await,
                _ => Err(Error::with_status(StatusCode::METHOD_NOT_ALLOWED, "unsupported operation")),
            };
        }
        if is_metrics && text(&parts.headers, &NAMESPACE).is_empty() {
            return self.metrics(&parts, &pairs).await;
        }
        if parts.method == Method::OPTIONS {
            self.core.require_reachable(text(&parts.headers, &NAMESPACE), &path)?;
        }
        let (operation, telling) = asked?;
        // Until the answer is there.
        let mut share = self.room.share(client);
        let acceptable = require_media_type(operation, &parts.headers);
        let acceptable = acceptable.and_then(|()| {
            let header = text(&parts.headers, &NAMESPACE);
            if !writes_folder(&path, operation) || self.is_namespace(header, &path) {
                return Ok(());
            }
            self.core.require_reachable(header, &path)?;
            wrap_ttl(&parts.headers)?;
            Err(Error::invalid("cannot write to a path ending in '/'"))
        });
        let parameters = if operation.is_by_query() || acceptable.is_err() {
            body::skip(stream).await;
            acceptable?;
            query::parameters(pairs, telling)
        } else {
            Box::pin(self.parameters(stream, &parts.headers, &mut share, MAP)).await?
        };
        let incoming = incoming(parts.headers, path, operation, parameters, client)?;
        if is_of_role {
            admit(Box::pin(self.core.rate_limit_of_role(&incoming)).await, &incoming.path, extra)?;
        }
        let measured = self.core.measure(&incoming);
        let reply = self.core.serve(incoming).await;
        drop(measured);
        if reply.is_of_login {
            extra.push((inline::FAILED, HeaderValue::from_static("true")));
        }
        Ok(reply)
    }

    async fn metrics(
        &self,
        parts: &http::request::Parts,
        pairs: &[(String, String)],
    ) -> Result<Reply, Error> {
        if parts.method != Method::GET {
            return Err(Error::empty(StatusCode::METHOD_NOT_ALLOWED));
        }
        let format = pairs.iter().find(|(name, _)| name == "format").map_or("", |(_, format)| format);
        Box::pin(open_metrics(&self.core, format, &parts.headers)).await
    }

    /// Whether `path` names a namespace below that of `header`, and nothing else.
    fn is_namespace(&self, header: &str, path: &str) -> bool {
        self.core.topology().is_some_and(|topology| {
            topology.resolve(header, path).is_some_and(|(_, length)| length == path.len())
        })
    }

    async fn parameters(
        &self,
        stream: hyper::body::Incoming,
        headers: &HeaderMap,
        share: &mut Share<'_>,
        target: &str,
    ) -> Result<Parameters, Error> {
        let reading = body::read(stream, self.max_bytes, share);
        let bytes = tokio::time::timeout(self.read_timeout, reading).await.map_err(|_| too_slow())??;
        self.complexity.check(&bytes)?;
        let content_type = text(headers, &header::CONTENT_TYPE);
        share.hold(body::size(&bytes, content_type)).await?;
        let parameters = match std::str::from_utf8(&bytes) {
            Ok(_) => body::parameters(&bytes, content_type, target),
            Err(_) => body::parameters_of_no_text(&bytes, content_type, target),
        }?;
        drop(bytes);
        share.keep(body::kept(&parameters));
        Ok(parameters)
    }

    /// The status that `path` asks for after the name of a namespace below that of `header`. Every namespace has it
    /// while it is not locked, and it is everybody's.
    fn below_namespace(&self, header: &str, path: &str) -> Result<Option<&'static str>, Error> {
        let Some(status) = status::OF_NAMESPACES.iter().find(|status| path.ends_with(**status)) else {
            return Ok(None);
        };
        let Some(topology) = self.core.topology() else { return Ok(None) };
        let Some((space, length)) = topology.resolve(header, path) else { return Ok(None) };
        if length == 0 || path[length..] != **status || space.namespace.tainted {
            return Ok(None);
        }
        topology.require_unlocked(&space.namespace.path)?;
        if space.is_sealed { Err(Error::namespace_sealed()) } else { Ok(Some(status)) }
    }

    async fn status(
        &self,
        parts: &http::request::Parts,
        path: &str,
        pairs: Vec<(String, String)>,
        stream: hyper::body::Incoming,
        client: IpAddr,
    ) -> Result<Reply, Error> {
        if asks_help(&pairs) {
            return Err(Error::not_implemented("help for paths that are answered while sealed"));
        }
        let mut share = self.room.share(client);
        let parameters = if is_writing(&parts.method) {
            self.parameters(stream, &parts.headers, &mut share, status::body_type(path)).await?
        } else {
            Parameters::new()
        };
        // Even the name of the root is one that is asked for.
        let is_root = text(&parts.headers, &NAMESPACE).is_empty();
        let request = status::StatusRequest { method: &parts.method, path, pairs, parameters, is_root };
        status::answer(&self.core, request).await
    }
}

/// Where a request for `path` is sent instead.
fn place(path: &str) -> Option<String> {
    let cleaned = match path {
        "/v1/sys" => path.to_owned(),
        path if path.starts_with("/v1/") => redirect::cleaned(path)?,
        _ => return None,
    };
    Some(if matches!(&*cleaned, "/v1" | "/v1/sys") { cleaned + "/" } else { cleaned })
}

fn is_writing(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT)
}

/// Whether the pairs of a query ask for help: with any text, even `false`.
fn asks_help(pairs: &[(String, String)]) -> bool {
    pairs.iter().find(|(name, _)| name == HELP).is_some_and(|(_, text)| !text.is_empty())
}

pub(crate) fn parse_path(path: &str) -> Result<ApiPath, PathError> {
    let text = query::percent_decode(path).ok_or(PathError::NoText)?;
    ApiPath::parse(&text)
}

const HELP: &str = "help";

/// What `method` asks for, and the parameters of the query that have told so and are nobody's else.
type Asked = (Operation, &'static [&'static str]);

fn operation(method: &Method, pairs: &[(String, String)]) -> Result<Asked, Error> {
    if asks_help(pairs) {
        return Ok((Operation::Help, &[HELP]));
    }
    let operation = match method.as_str() {
        "GET" => return read_operation(pairs),
        "LIST" => Operation::List,
        "SCAN" => Operation::Scan,
        "POST" | "PUT" => Operation::Update,
        "PATCH" => Operation::Patch,
        "DELETE" => Operation::Delete,
        "HEAD" => Operation::Head,
        "OPTIONS" => return Err(Error::invalid("cannot handle internal-only request operation")),
        _ => return Err(Error::empty(StatusCode::METHOD_NOT_ALLOWED)),
    };
    Ok((operation, &[HELP]))
}

fn read_operation(pairs: &[(String, String)]) -> Result<Asked, Error> {
    let is_set = |name: &str| match pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    {
        None | Some("") => Ok(false),
        Some(text) => go_text::boolean(text).ok_or_else(|| Error::empty(StatusCode::BAD_REQUEST)),
    };
    match (is_set("list")?, is_set("scan")?) {
        (true, true) => Err(Error::empty(StatusCode::BAD_REQUEST)),
        (true, false) => Ok((Operation::List, &["list", HELP])),
        (false, true) => Ok((Operation::Scan, &["scan", HELP])),
        (false, false) => Ok((Operation::Read, &[HELP])),
    }
}

/// Whether it is a write to a folder, which there is none. What is nothing but the name of a namespace leads nowhere, which
/// is told later.
fn writes_folder(path: &str, operation: Operation) -> bool {
    matches!(operation, Operation::Update | Operation::Patch) && path.ends_with('/')
}

/// Refuses a request beyond its limit; keeps what its answer has to tell.
fn admit(limit: RateLimit, path: &str, extra: &mut Vec<(HeaderName, HeaderValue)>) -> Result<(), Error> {
    let verdict = limit.require(path);
    if let RateLimit::Counted { headers, .. } = limit {
        extra.extend(headers);
    }
    verdict
}

fn require_media_type(operation: Operation, headers: &HeaderMap) -> Result<(), Error> {
    if operation != Operation::Patch {
        return Ok(());
    }
    match &*media_type(text(headers, &header::CONTENT_TYPE)).map_err(Error::invalid)? {
        "application/merge-patch+json" => Ok(()),
        other => Err(Error::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("PATCH requires Content-Type of application/merge-patch+json, provided {other}"),
        )),
    }
}

fn incoming(
    mut headers: HeaderMap,
    path: ApiPath,
    operation: Operation,
    parameters: Parameters,
    client: IpAddr,
) -> Result<Incoming, Error> {
    let (client_token, authorization) = credentials(&headers);
    let namespace = text(&headers, &NAMESPACE).to_owned();
    let wrap_ttl = wrap_ttl(&headers)?;
    let wrap_signed = wrap_ttl.is_some() && text(&headers, &WRAP_FORMAT) == "jwt";
    let mut mfa = mfa(&headers)?;
    for name in &CREDENTIALS {
        headers.remove(name);
    }
    let login = inline::take(&mut headers, &namespace, &client_token)?;
    let login = login.map(|login| Box::new(InlineLogin { mfa: std::mem::take(&mut mfa), ..login }));
    let id = request_id();
    Ok(Incoming {
        id,
        namespace,
        path,
        operation,
        parameters,
        wrap_ttl,
        wrap_signed,
        client,
        headers,
        client_token,
        authorization,
        mfa,
        login,
    })
}

/// A UUID of version 4. It names the request and guards nothing, so that it needs no call of the system.
fn request_id() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// The token, and what `Authorization` was worth.
fn credentials(headers: &HeaderMap) -> (ClientToken, Authorization) {
    let authorization = text(headers, &header::AUTHORIZATION);
    let bearer = authorization.strip_prefix("Bearer ").unwrap_or_default().trim();
    match text(headers, &TOKEN) {
        "" if !bearer.is_empty() => (ClientToken::new(bearer), Authorization::Bearer),
        token => (ClientToken::new(token), basic(authorization).unwrap_or_default()),
    }
}

/// Name and secret of RFC 7617.
fn basic(authorization: &str) -> Option<Authorization> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let decoded = go_base64::decode(encoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (name, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Authorization::Basic { name: name.to_owned(), secret: ClientToken::new(secret) })
}

/// Second factors of a login: each header is `method:passcode`, or a method alone.
fn mfa(headers: &HeaderMap) -> Result<MfaCredentials, Error> {
    let mut credentials = MfaCredentials::default();
    for value in headers.get_all(MFA).iter().map(headers::of) {
        credentials.add(value).map_err(|missing| {
            let text = format!("invalid data in header \"X-Vault-MFA\"; missing method {missing}");
            Error::invalid(format!("failed to parse X-Vault-MFA header: {text}"))
        })?;
    }
    Ok(credentials)
}

fn wrap_ttl(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    if text(headers, &WRAP_TTL).is_empty() {
        return Ok(None);
    }
    let text = text(headers, &WRAP_TTL);
    let seconds = go_seconds(text)
        .map_err(|problem| Error::invalid(format!("error parsing X-Vault-Wrap-TTL header: {problem}")))?;
    match u64::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(_) => Err(Error::invalid(
            "error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative",
        )),
    }
}

fn timed_out() -> Error {
    Error::with_status(StatusCode::SERVICE_UNAVAILABLE, "context deadline exceeded")
}

fn too_slow() -> Error {
    Error::with_status(StatusCode::REQUEST_TIMEOUT, "the body of the request took too long to arrive")
}

fn of_reply(reply: Reply) -> Answer {
    let mut answer = http::Response::new(Full::new(reply.body));
    *answer.status_mut() = reply.status;
    *answer.headers_mut() = reply.headers;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    answer
}

/// A redirect to `location`. Only those who read a page are given one.
fn redirected(location: &str, method: &Method) -> Answer {
    let mut answer = bare(StatusCode::TEMPORARY_REDIRECT);
    if matches!(*method, Method::GET | Method::HEAD) {
        *answer.body_mut() = Full::new(redirect::page(location).into());
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        answer.headers_mut().insert(header::CONTENT_TYPE, html);
    }
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

/// The answer to a request that is no HTTP; nothing else of the connection is read.
fn refused(status: StatusCode, problem: &'static str) -> Answer {
    let mut answer = bare(status);
    *answer.body_mut() = Full::new(Bytes::from_static(problem.as_bytes()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn bare(status: StatusCode) -> Answer {
    let mut answer = http::Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// The headers of every answer.
fn finish(answer: &mut Answer, namespace: Option<HeaderValue>, is_head: bool) {
    let headers = answer.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let transport = HeaderValue::from_static("max-age=31536000; includeSubDomains");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, transport);
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        headers.insert(NAMESPACE, namespace);
    }
    if is_head {
        let length = hyper::body::Body::size_hint(answer.body()).exact().unwrap_or_default();
        answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *answer.body_mut() = Full::new(Bytes::new());
    }
}
