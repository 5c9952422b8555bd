//! Requests and answers of the API, without the I/O.

use crate::kind::Method;
use crate::{Record, Value};

/// One request to make. The namespace and the token are added by whoever sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Path below `/v1/`, not percent-encoded.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// JSON body.
    pub body: Option<Value>,
    /// Ask for the answer to be wrapped, for as long as this duration says.
    pub wrap_ttl: Option<String>,
    /// It changes nothing in the server, whatever its method: a lookup by POST.
    pub reads: bool,
}

impl Request {
    /// A request without body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let reads = matches!(method, Method::Get | Method::List);
        Self { method, path: path.into(), query: Vec::new(), body: None, wrap_ttl: None, reads }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// A POST of `body`.
    pub fn post(path: impl Into<String>, body: Record) -> Self {
        Self::new(Method::Post, path).with_body(body.into_value())
    }

    /// The same request with a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same request with a query parameter.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The same request, marked as one that changes nothing.
    #[must_use]
    pub fn that_reads(mut self) -> Self {
        self.reads = true;
        self
    }
}

/// What the server answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The whole body; null if there was none.
    pub body: Value,
}

impl Answer {
    /// The body's `data`.
    pub fn data(&self) -> &Value {
        self.body.at("data")
    }

    /// The body's `auth`.
    pub fn auth(&self) -> &Value {
        self.body.at("auth")
    }

    /// The body's `wrap_info`.
    pub fn wrap_info(&self) -> &Value {
        self.body.at("wrap_info")
    }

    /// True for 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The texts under `errors`.
    pub fn errors(&self) -> Vec<&str> {
        self.body.at("errors").as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect()
    }

    /// The texts under `warnings`.
    pub fn warnings(&self) -> Vec<&str> {
        self.body.at("warnings").as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect()
    }

    /// True if the object is not there: 404, or the 400 that mounts answer instead.
    pub fn says_gone(&self) -> bool {
        let no_mount = ["No secret engine mount at", "No auth engine at"];
        match self.status {
            // A versioned engine says so of every path that lacks `data/`: that tells nothing of the secret.
            404 => !self.warnings().iter().any(|text| text.contains("Invalid path for a versioned K/V")),
            400 => no_mount.into_iter().any(|text| self.has_error(text)),
            _ => false,
        }
    }

    /// True if the server may have done what it was asked for although it says otherwise: something broke in the server,
    /// or a gateway or the server itself stopped waiting for the end.
    pub fn leaves_open(&self) -> bool {
        match self.status {
            500 | 502 | 504 => true,
            503 => self.has_error("context deadline exceeded"),
            _ => false,
        }
    }

    /// True if nothing is mounted where the request went.
    pub fn says_no_mount(&self) -> bool {
        self.status == 404 && self.has_error("no handler for route")
    }

    fn has_error(&self, text: &str) -> bool {
        self.errors().iter().any(|error| error.contains(text))
    }
}
