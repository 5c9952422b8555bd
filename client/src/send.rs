//! Sending one request, and sending it again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use schemas::{Answer, Method, Request, Value, json};
use tokio::sync::{OnceCell, Semaphore};

use crate::credentials::Session;
use crate::{Credentials, Error, Origins, Product, Settings, namespace, tls, url};

/// Longest wait before a request is sent again, whatever the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What servers say to a request without TLS where they expect it.
const TLS_EXPECTED: &str = "HTTP request to an HTTPS server";

/// Deepest nesting of an answer that is read. Nothing in the API comes near it.
const MAX_NESTING: usize = 256;

/// A client of one server, for all of its namespaces. Share it by reference; it connects when first used.
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) credentials: Credentials,
    http: OnceCell<reqwest::Client>,
    pub(crate) session: OnceCell<Session>,
    pub(crate) product: OnceCell<Product>,
    /// Set once the client's own namespace was found to be there.
    pub(crate) namespace_exists: OnceCell<()>,
    /// The namespace that the token lives in, once it was asked; `None` if the token may not tell.
    pub(crate) token_home: OnceCell<Option<String>>,
    address: String,
    slots: Semaphore,
    sent: AtomicU64,
    /// What was handed out and ends with our token: accessors of child tokens and of wrappings, ids of leases.
    pub(crate) dependents: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(settings: Settings, credentials: Credentials) -> Self {
        Self {
            address: url::shown(&settings.address),
            slots: Semaphore::new(settings.concurrency.max(1)),
            settings,
            credentials,
            http: OnceCell::new(),
            session: OnceCell::new(),
            product: OnceCell::new(),
            namespace_exists: OnceCell::new(),
            token_home: OnceCell::new(),
            sent: AtomicU64::new(0),
            dependents: Mutex::default(),
        }
    }

    /// How many requests were sent, retries included.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Where address, token and namespace come from.
    pub fn origins(&self) -> &Origins {
        &self.settings.origins
    }

    /// The server's address, without the password that it may hold.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends `request` to `namespace` (relative to the client's own) and returns whatever was answered.
    ///
    /// # Errors
    /// When there is no answer: settings, credentials, network. An answer that says no is an [`Answer`].
    pub async fn send(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        let session = self.session().await?;
        let namespace = self.absolute(namespace);
        let answer = self.send_as(Some(session.token.expose()), &namespace, request).await?;
        match answer.status {
            403 => self.confirm_token(session).await?,
            404 => self.confirm_namespace(session).await?,
            _ => {}
        }
        if answer.is_success() {
            let mut dependents = self.dependents.lock().unwrap_or_else(PoisonError::into_inner);
            dependents.extend(handed_out(request, &answer));
            if let Some(ended) = revoked(request) {
                dependents.remove(ended);
            }
        }
        Ok(answer)
    }

    /// The absolute path of the client's own namespace; empty for the root. It may change with the first request,
    /// when the credentials name one.
    pub fn namespace(&self) -> String {
        self.absolute("")
    }

    /// The absolute path of `namespace`, which is relative to the client's own.
    pub(crate) fn absolute(&self, namespace: &str) -> String {
        let own = self.session.get().map_or(&self.settings.namespace, |session| &session.namespace);
        namespace::join(own, namespace)
    }

    /// Sends with `token` to the absolute `namespace`.
    pub(crate) async fn send_as(
        &self,
        token: Option<&str>,
        namespace: &str,
        request: &Request,
    ) -> Result<Answer, Error> {
        let _slot =
            self.slots.acquire().await.map_err(|_| Error::Settings("the client is closed".to_owned()))?;
        let mut attempt = 0;
        loop {
            let outcome = self.send_once(token, namespace, request).await;
            let Some(pause) = self.pause(attempt, request, &outcome) else {
                return outcome.map(|(answer, _)| answer);
            };
            tracing::debug!(method = request.method.as_str(), path = request.path, attempt, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// How long to wait before the next try; `None` if there should be none.
    ///
    /// 412 (the node is behind), 429 and 503 come from before the request was done. A broken connection and
    /// [what leaves that open](Answer::leaves_open) may come after it, so only reads are sent again then.
    fn pause(
        &self,
        attempt: u32,
        request: &Request,
        outcome: &Result<(Answer, Option<Duration>), Error>,
    ) -> Option<Duration> {
        let (most, after) = match outcome {
            Ok((answer, _)) if answer.leaves_open() && !request.reads => return None,
            Ok((Answer { status: 412, .. }, after)) => (self.settings.consistency_retries, *after),
            Ok((Answer { status: 429 | 503, .. }, after)) => (self.settings.retries, *after),
            Ok((Answer { status: 500 | 502 | 504, .. }, _)) => (self.settings.retries, None),
            Err(Error::Unreachable { .. }) if request.reads => (self.settings.retries, None),
            _ => return None,
        };
        let backoff = Duration::from_millis(250 << attempt.min(4)).mul_f64(0.5 + rand::random::<f64>());
        (attempt < most).then(|| after.unwrap_or(backoff).min(MAX_PAUSE))
    }

    async fn send_once(
        &self,
        token: Option<&str>,
        namespace: &str,
        request: &Request,
    ) -> Result<(Answer, Option<Duration>), Error> {
        let http = self.http().await?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(method = request.method.as_str(), path = request.path, namespace, "request");
        let sent = http
            .request(http_method(request.method), self.url(request)?)
            .headers(self.headers(token, namespace, request)?)
            .body(request.body.as_ref().map(json::render).unwrap_or_default())
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let after = retry_after(sent.headers());
        let status = sent.status().as_u16();
        if matches!(status, 301 | 302 | 307 | 308) {
            return Err(self.sent_on(request, sent.headers()));
        }
        let text = self.text(request, sent).await?;
        if status == 400 && text.contains(TLS_EXPECTED) {
            let cause = text.trim().to_owned();
            return Err(self.no_answer(cause, false));
        }
        tracing::debug!(method = request.method.as_str(), path = request.path, status, "answer");
        Ok((Answer { status, body: body(request, status, &text)? }, after))
    }

    fn url(&self, request: &Request) -> Result<reqwest::Url, Error> {
        url::of(&self.settings.address, request).map_err(|error| match error {
            Error::Settings(text) => {
                let such = self.settings.origins.address.set_to("https://127.0.0.1:8200");
                let found = schemas::Diagnostic::error(text).hint(format!("write a URL, such as {such}"));
                Error::Said(Box::new(found))
            }
            error => error,
        })
    }

    async fn text(&self, request: &Request, mut sent: reqwest::Response) -> Result<String, Error> {
        let most = self.settings.max_answer;
        let too_long =
            || Error::Answer { request: name(request), cause: format!("it is longer than {most} bytes") };
        let mut bytes = Vec::new();
        while let Some(chunk) = sent.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + chunk.len() > most {
                return Err(too_long());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let sent = !error.is_connect() && !error.is_builder();
        self.no_answer(root_cause(error), sent)
    }

    fn no_answer(&self, cause: String, sent: bool) -> Error {
        let origin = self.settings.origins.address.clone();
        Error::Unreachable { address: self.address.clone(), cause, sent, origin }
    }

    /// A node that sends requests on names another address. To follow would be to hand the token to it.
    fn sent_on(&self, request: &Request, headers: &HeaderMap) -> Error {
        let location = headers.get(http::header::LOCATION).and_then(|text| text.to_str().ok());
        let to = location.map_or_else(|| "elsewhere".to_owned(), |text| format!("to `{}`", url::shown(text)));
        let found = schemas::Diagnostic::error(format!(
            "the server at `{}` sends {} on {to}",
            self.address,
            name(request)
        ))
        .because("it is no active node, or the address is not that of the API")
        .hint(format!(
            "set the address ({}) to one that answers for itself",
            self.settings.origins.address.names()
        ));
        Error::Said(Box::new(found))
    }

    fn headers(&self, token: Option<&str>, namespace: &str, request: &Request) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        for (name, value) in &self.settings.headers {
            let name = name.parse::<HeaderName>();
            let name =
                name.map_err(|_| Error::Settings("a configured header has an invalid name".to_owned()))?;
            headers.append(name, secret_header(value.expose(), "a configured header")?);
        }
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            headers.insert("x-vault-token", secret_header(token, "the token")?);
        }
        if !namespace.is_empty() {
            headers.insert("x-vault-namespace", plain_header(namespace, "the namespace")?);
        }
        if let Some(ttl) = &request.wrap_ttl {
            headers.insert("x-vault-wrap-ttl", plain_header(ttl, "the wrapping TTL")?);
        }
        if request.body.is_some() {
            let merge = request.method == Method::Patch;
            let kind = if merge { "application/merge-patch+json" } else { "application/json" };
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(headers)
    }

    async fn http(&self) -> Result<&reqwest::Client, Error> {
        self.http.get_or_try_init(|| async { build(&self.settings) }).await
    }
}

/// What `answer` holds that may end with the token that asked for it. A token from a login, or an orphan, is no child
/// of that one.
fn handed_out(request: &Request, answer: &Answer) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (lease, auth, wrapping) = (text(answer.body.at("lease_id")), answer.auth(), answer.wrap_info());
    let is_child = !auth.is_null() && auth.at("orphan").as_bool() != Some(true);
    let mut found = if lease.is_empty() { Vec::new() } else { vec![lease] };
    // The path may begin with a namespace.
    let creates = format!("/{}", request.path).contains("/auth/token/create");
    if is_child && creates {
        found.push(text(auth.at("accessor")));
    }
    if !wrapping.is_null() {
        found.push(text(wrapping.at("accessor")));
    }
    found
}

/// What `request` has ended, once it succeeded.
fn revoked(request: &Request) -> Option<&str> {
    let field = match request.path.as_str() {
        "auth/token/revoke-accessor" => "accessor",
        "sys/leases/revoke" => "lease_id",
        _ => return None,
    };
    request.body.as_ref()?.at(field).as_str()
}

fn build(settings: &Settings) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .timeout(settings.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = settings.address.strip_prefix("unix://") {
        builder = builder.unix_socket(path.to_owned());
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.no_proxy().proxy(through(proxy)?);
    } else if url::is_socket(&settings.address) || url::is_loopback(&settings.address) {
        builder = builder.no_proxy();
    }
    // Always set, so that reqwest never looks for a process-wide provider.
    let tls = if settings.address.starts_with("https://") {
        tls::configuration(&settings.tls)?
    } else {
        tls::configuration(&crate::Tls { insecure: true, ..crate::Tls::default() })?
    };
    builder.tls_backend_preconfigured(tls).build().map_err(|error| Error::Settings(root_cause(&error)))
}

fn through(proxy: &crate::Token) -> Result<reqwest::Proxy, Error> {
    let invalid = |_| Error::Settings(format!("the proxy `{}` is no URL", url::shown(proxy.expose())));
    reqwest::Proxy::all(proxy.expose()).map_err(invalid)
}

/// The request as people write it: `GET sys/mounts`.
fn name(request: &Request) -> String {
    format!("{} {}", request.method.as_str(), request.path)
}

fn http_method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
        Method::List => reqwest::Method::from_bytes(b"LIST").expect("LIST is a token of HTTP"),
    }
}

fn body(request: &Request, status: u16, text: &str) -> Result<Value, Error> {
    // The API's own 404 is always an object. Another one says nothing about what is there: a proxy, or a wrong
    // address, must not pass for an absent object.
    if status == 404 && !text.trim_start().starts_with('{') {
        let cause = "a 404 that the API did not write; check the address".to_owned();
        return Err(Error::Answer { request: name(request), cause });
    }
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let parsed = if nesting(text) > MAX_NESTING {
        Err(format!("it is nested deeper than {MAX_NESTING}"))
    } else {
        json::parse(text)
    };
    match parsed {
        Ok(body) => Ok(body),
        // Proxies answer errors in HTML; the status says enough.
        Err(_) if status >= 400 => Ok(Value::Null),
        Err(cause) => Err(Error::Answer { request: name(request), cause }),
    }
}

/// How deep brackets stand in one another, those in texts not counted.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => depth += 1,
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Names of namespaces may hold any letter; servers take them as UTF-8.
fn plain_header(text: &str, what: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Error::Settings(format!("{what} has a character that no header may hold")))
}

fn secret_header(text: &str, what: &str) -> Result<HeaderValue, Error> {
    let mut value = plain_header(text, what)?;
    value.set_sensitive(true);
    Ok(value)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The innermost cause, which is the one that people understand.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, after: Option<u64>) -> Result<(Answer, Option<Duration>), Error> {
        Ok((Answer { status, body: Value::Null }, after.map(Duration::from_secs)))
    }

    fn pause(attempt: u32, outcome: &Result<(Answer, Option<Duration>), Error>) -> Option<Duration> {
        let client = Client::new(Settings::default(), Credentials::default());
        client.pause(attempt, &Request::get("sys/x"), outcome)
    }

    #[test]
    fn a_server_says_how_long_to_wait_up_to_a_limit() {
        assert_eq!(pause(0, &answered(429, Some(7))), Some(Duration::from_secs(7)));
        assert_eq!(pause(1, &answered(503, Some(3600))), Some(MAX_PAUSE));
        assert_eq!(pause(2, &answered(429, Some(7))), None);
    }

    #[test]
    fn without_that_the_wait_doubles_and_varies() {
        for (attempt, base) in [(0, 250), (1, 500)] {
            let waited = pause(attempt, &answered(429, None)).expect("another try").as_millis();
            assert!((base / 2..=base * 3 / 2).contains(&waited), "{waited}");
        }
        let waited = pause(9, &answered(412, None)).expect("another try");
        assert!(waited <= Duration::from_secs(6), "{waited:?}");
    }

    #[test]
    fn a_date_is_no_number_of_seconds() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert("retry-after", HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
        assert_eq!(retry_after(&headers), None);
        headers.insert("retry-after", HeaderValue::from_static("2"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(2)));
    }
}
