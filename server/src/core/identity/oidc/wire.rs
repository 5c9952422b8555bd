//! Everything that is sent not in the API's usual form: documents of discovery, key sets, answers of OAuth.

use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA, WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use crate::core::error::Error;
use crate::core::response::{RawBody, Response};

/// The errors of OAuth that are answered (RFC 6749, OpenID Connect Core; the last three are the API's own).
pub(super) mod code {
    pub(in super::super) const ACCESS_DENIED: &str = "access_denied";
    pub(in super::super) const INVALID_CLIENT: &str = "invalid_client";
    pub(in super::super) const INVALID_GRANT: &str = "invalid_grant";
    pub(in super::super) const INVALID_REQUEST: &str = "invalid_request";
    pub(in super::super) const INVALID_TOKEN: &str = "invalid_token";
    pub(in super::super) const REQUEST_NOT_SUPPORTED: &str = "request_not_supported";
    pub(in super::super) const REQUEST_URI_NOT_SUPPORTED: &str = "request_uri_not_supported";
    pub(in super::super) const SERVER_ERROR: &str = "server_error";
    pub(in super::super) const UNAUTHORIZED_CLIENT: &str = "unauthorized_client";
    pub(in super::super) const UNSUPPORTED_GRANT_TYPE: &str = "unsupported_grant_type";
    pub(in super::super) const UNSUPPORTED_RESPONSE_TYPE: &str = "unsupported_response_type";
    pub(in super::super) const INVALID_CLIENT_ID: &str = "invalid_client_id";
    pub(in super::super) const INVALID_REDIRECT_URI: &str = "invalid_redirect_uri";
    pub(in super::super) const MAX_AGE_VIOLATION: &str = "max_age_violation";
}

/// Why a request for something of OAuth is not granted.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is refused, which is answered as OAuth says.
    Refused(Refusal),
    /// It went wrong here, which is answered as everywhere.
    Failed(Error),
}

/// An error of OAuth.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) description: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The failure that is answered `code` and `description`.
pub(super) fn refused(code: &'static str, description: impl Into<String>) -> Failure {
    Failure::Refused(Refusal { code, description: description.into() })
}

/// A public key (RFC 7517).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Jwk {
    #[serde(rename = "use")]
    pub(super) usage: String,
    pub(super) kty: String,
    pub(super) kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crv: Option<String>,
    pub(super) alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y: Option<String>,
}

impl Jwk {
    /// A key of this type and curve, without its numbers.
    pub(super) fn of(kind: &str, curve: Option<&str>) -> Self {
        let (usage, kty) = ("sig".to_owned(), kind.to_owned());
        Self { usage, kty, crv: curve.map(str::to_owned), ..Self::default() }
    }
}

/// A key set.
#[derive(Debug, Serialize)]
pub(super) struct JwkSet {
    pub(super) keys: Vec<Jwk>,
}

/// What is told of identity tokens.
#[derive(Debug, Serialize)]
struct Discovery<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'a str; 1],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: Vec<&'a str>,
}

/// What is told of a provider.
#[derive(Debug, Serialize)]
struct ProviderDiscovery<'a> {
    issuer: &'a str,
    jwks_uri: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    id_token_signing_alg_values_supported: Vec<&'a str>,
    response_types_supported: [&'a str; 1],
    scopes_supported: Vec<String>,
    claims_supported: [&'a str; 0],
    subject_types_supported: [&'a str; 1],
    grant_types_supported: [&'a str; 1],
    token_endpoint_auth_methods_supported: [&'a str; 3],
}

fn common<'a>(issuer: &'a str, response_type: &'a str) -> Discovery<'a> {
    Discovery {
        issuer,
        jwks_uri: format!("{issuer}/.well-known/keys"),
        response_types_supported: [response_type],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
    }
}

/// How long documents of discovery may be kept, as `Cache-Control` says it.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=3600");

/// The document of the issuer of identity tokens.
pub(super) fn discovery(issuer: &str) -> Result<Response, Error> {
    raw(StatusCode::OK, &common(issuer, "id_token"), &[(CACHE_CONTROL, KEPT)])
}

/// The document of a provider with these scopes.
pub(super) fn provider_discovery(issuer: &str, mut scopes: Vec<String>) -> Result<Response, Error> {
    scopes.push(super::scope::OPENID.to_owned());
    let common = common(issuer, "code");
    let document = ProviderDiscovery {
        issuer: common.issuer,
        jwks_uri: common.jwks_uri,
        // People are sent to a page, which asks the API for them.
        authorization_endpoint: format!("{}/authorize", issuer.replacen("/v1/", "/ui/vault/", 1)),
        token_endpoint: format!("{issuer}/token"),
        userinfo_endpoint: format!("{issuer}/userinfo"),
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        id_token_signing_alg_values_supported: common.id_token_signing_alg_values_supported,
        response_types_supported: common.response_types_supported,
        scopes_supported: scopes,
        claims_supported: [],
        subject_types_supported: common.subject_types_supported,
        grant_types_supported: ["authorization_code"],
        token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    };
    raw(StatusCode::OK, &document, &[(CACHE_CONTROL, KEPT)])
}

/// The key set. `max_age`: seconds that it may be kept.
pub(super) fn key_set(keys: Vec<Jwk>, max_age: Option<u64>) -> Result<Response, Error> {
    let max_age = max_age.and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok());
    let headers: Vec<_> = max_age.into_iter().map(|value| (CACHE_CONTROL, value)).collect();
    raw(StatusCode::OK, &JwkSet { keys }, &headers)
}

/// Whether a token is good; `problem` says why not.
pub(super) fn introspection(problem: Option<&str>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Introspection<'a> {
        active: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    }
    raw(StatusCode::OK, &Introspection { active: problem.is_none(), error: problem }, &[])
}

/// A code, or why there is none.
pub(super) fn authorization(granted: Result<String, Refusal>, state: &str) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Authorized<'a> {
        code: &'a str,
        state: &'a str,
    }
    match granted {
        Ok(code) => raw(StatusCode::OK, &Authorized { code: &code, state }, &[]),
        Err(refusal) => raw(StatusCode::BAD_REQUEST, &OauthError::new(&refusal, Some(state)), &[]),
    }
}

/// Tokens for a client.
#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    pub(super) token_type: &'static str,
}

/// Tokens, or why there are none.
pub(super) fn tokens(granted: Result<Tokens, Refusal>) -> Result<Response, Error> {
    let mut headers = vec![
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    match granted {
        Ok(tokens) => raw(StatusCode::OK, &tokens, &headers),
        Err(refusal) => {
            let status = match refusal.code {
                code::INVALID_CLIENT => StatusCode::UNAUTHORIZED,
                code::SERVER_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            if status == StatusCode::UNAUTHORIZED {
                headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Basic")));
            }
            raw(status, &OauthError::new(&refusal, None), &headers)
        }
    }
}

/// Claims, or why there are none.
pub(super) fn user_info(
    granted: Result<serde_json::Map<String, serde_json::Value>, Refusal>,
) -> Result<Response, Error> {
    let refusal = match granted {
        Ok(claims) => return raw(StatusCode::OK, &claims, &[]),
        Err(refusal) => refusal,
    };
    let (status, is_challenge) = match refusal.code {
        code::INVALID_REQUEST => (StatusCode::BAD_REQUEST, true),
        code::INVALID_TOKEN => (StatusCode::UNAUTHORIZED, true),
        code::ACCESS_DENIED => (StatusCode::FORBIDDEN, false),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, false),
    };
    let challenge = Some(&refusal).filter(|_| is_challenge).and_then(challenge);
    let headers: Vec<_> = challenge.into_iter().map(|value| (WWW_AUTHENTICATE, value)).collect();
    raw(status, &OauthError::new(&refusal, None), &headers)
}

/// What who is not let in to a resource is told, with status 401 (RFC 6750).
pub(crate) fn denied() -> RawBody {
    let refusal = Refusal { code: code::INVALID_TOKEN, description: "permission denied".to_owned() };
    let mut body = serde_json::to_vec(&OauthError::new(&refusal, None)).unwrap_or_default();
    body.push(b'\n');
    let mut raw = RawBody::json(body);
    raw.headers.extend(challenge(&refusal).map(|value| (WWW_AUTHENTICATE, value)));
    raw
}

fn challenge(refusal: &Refusal) -> Option<HeaderValue> {
    let Refusal { code, description } = refusal;
    HeaderValue::try_from(format!("Bearer error={code:?},error_description={description:?}")).ok()
}

#[derive(Serialize)]
struct OauthError<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

impl<'a> OauthError<'a> {
    fn new(refusal: &'a Refusal, state: Option<&'a str>) -> Self {
        Self { error: refusal.code, error_description: &refusal.description, state }
    }
}

fn raw<T: Serialize>(
    status: StatusCode,
    body: &T,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Response, Error> {
    let mut raw = RawBody::json(serde_json::to_vec(body)?);
    raw.headers.extend(headers.iter().cloned());
    let response = Response::from(raw);
    Ok(if status == StatusCode::OK { response } else { response.with_status(status) })
}
