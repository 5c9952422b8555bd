//! Which pages of other origins may call the API.

use arc_swap::ArcSwapOption;
use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::barrier::Transaction;

/// Where the configuration is stored.
pub(crate) const KEY: &str = "core/cors-config";

/// Headers that pages may always send.
pub(crate) const HEADERS: [&str; 10] = [
    "Content-Type",
    "Authorization",
    "X-Vault-Token",
    "X-Vault-MFA",
    "X-Vault-No-Request-Forwarding",
    "X-Vault-Wrap-Format",
    "X-Vault-Wrap-TTL",
    "X-Requested-With",
    "X-Vault-AWS-IAM-Server-ID",
    "X-Vault-Policy-Override",
];

const METHODS: [&str; 7] = ["DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST", "SCAN"];

/// Which pages may call. There is no record while none may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsConfig {
    /// Origins, or `*` alone.
    pub(crate) origins: Vec<String>,
    /// Headers that pages may send.
    pub(crate) headers: Vec<String>,
    /// Whether they may send cookies and the like.
    pub(crate) credentials: bool,
}

/// The configuration in force; nothing but one load while there is none.
#[derive(Debug, Default)]
pub(crate) struct Cors(pub(crate) ArcSwapOption<CorsConfig>);

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// It goes on; its answer gets these headers.
    Passes(Vec<(HeaderName, HeaderValue)>),
    /// It asks for leave only, and has it.
    Answered(Vec<(HeaderName, HeaderValue)>),
    /// The page may not call.
    Refused,
    /// It asks for leave for a method that pages may not use.
    WrongMethod,
}

impl Cors {
    /// Reads the configuration, once unsealed.
    pub(crate) async fn open(&self, transaction: &Transaction) -> Result<(), Error> {
        self.0.store(transaction.get_json(KEY).await?.map(std::sync::Arc::new));
        Ok(())
    }

    /// What becomes of a request by `method` with `headers`.
    pub(crate) fn check(&self, method: &Method, headers: &HeaderMap) -> Crossing {
        let config = self.0.load();
        let origin = headers.get(header::ORIGIN).filter(|origin| !origin.is_empty());
        let (Some(config), Some(origin)) = (config.as_deref(), origin) else {
            return Crossing::Passes(Vec::new());
        };
        config.check(method, origin, headers.get(header::ACCESS_CONTROL_REQUEST_METHOD))
    }
}

impl CorsConfig {
    fn check(&self, method: &Method, origin: &HeaderValue, wanted: Option<&HeaderValue>) -> Crossing {
        let is_known = |allowed: &String| allowed == "*" || allowed.as_bytes() == origin.as_bytes();
        if !self.origins.iter().any(is_known) {
            return Crossing::Refused;
        }
        let is_question = *method == Method::OPTIONS;
        let wanted = wanted.map(HeaderValue::as_bytes).unwrap_or_default();
        if is_question && !METHODS.iter().any(|method| method.as_bytes() == wanted) {
            return Crossing::WrongMethod;
        }
        let mut headers = vec![
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
            (header::VARY, HeaderValue::from_static("Origin")),
        ];
        if self.credentials {
            headers.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        if !is_question {
            return Crossing::Passes(headers);
        }
        headers.extend(self.leave());
        Crossing::Answered(headers)
    }

    fn leave(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let listed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS.join(",")),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.join(",")),
            (header::ACCESS_CONTROL_MAX_AGE, "300".to_owned()),
        ];
        listed.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
    }
}

/// The answer to a page that may not call.
pub(crate) fn refused() -> Error {
    Error::with_status(StatusCode::FORBIDDEN, "origin not allowed")
}
