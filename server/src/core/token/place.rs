//! The namespace that a request about a token or a lease is meant for.

use http::StatusCode;

use crate::core::error::Error;
use crate::core::request::{ClientToken, Parameters, Request};
use crate::core::token::namespace_of;
use crate::core::weak::Json;

/// Where the body names a token.
const NAMED: [&str; 4] =
    ["auth/token/lookup", "auth/token/renew", "auth/token/revoke", "auth/token/revoke-orphan"];

/// Refuses a request about a token that names none by a text. It is asked for before anything else: nobody is let in by
/// it, whoever asks.
///
/// # Errors
/// 403 for what is no text, be it null: a token that was sent by mistake must not be taken for another.
pub(crate) fn require_text(request: &Request) -> Result<(), Error> {
    if NAMED.contains(&request.path.trim_end_matches('/')) {
        named(&request.parameters).map(drop)
    } else {
        Ok(())
    }
}

/// The token that `parameters` name, if they do.
///
/// # Errors
/// As [`require_text`].
pub(crate) fn named(parameters: &Parameters) -> Result<Option<ClientToken>, Error> {
    let Some(raw) = parameters.get("token") else { return Ok(None) };
    match Json::of(raw)? {
        Json::Text(token) if token.is_empty() => Ok(None),
        Json::Text(token) => Ok(Some(ClientToken::new(token))),
        _ => Err(Error::with_status(StatusCode::FORBIDDEN, "invalid token")),
    }
}

/// The id of the namespace whose token or lease `request` is about, if that is not the request's own to say: ids carry
/// their namespace, and the request is then routed and authorized there.
pub(crate) fn namespace_meant(request: &Request) -> Option<String> {
    match &*request.path {
        "auth/token/lookup-self" | "auth/token/renew-self" | "auth/token/revoke-self" => of_client(request),
        // Answers are wrapped to be handed to somebody elsewhere, whose own namespace says whether they may unwrap any.
        "sys/wrapping/lookup" | "sys/wrapping/rewrap" | "sys/wrapping/unwrap" => of_client(request),
        "auth/token/lookup" if !request.parameters.contains_key("token") => of_client(request),
        path if NAMED.contains(&path) => of_parameter(&request.parameters, "token"),
        "sys/leases/lookup" | "sys/leases/renew" | "sys/leases/revoke" => {
            of_parameter(&request.parameters, "lease_id")
        }
        // The body wins, as it does when the lease is looked for.
        path => {
            let in_path = of_lease_path(path)?;
            let named = parameter(&request.parameters, "lease_id").filter(|id| !id.is_empty());
            suffix(named.as_deref().unwrap_or(in_path))
        }
    }
}

fn of_client(request: &Request) -> Option<String> {
    let token: &ClientToken = &request.client_token;
    (!token.is_empty()).then(|| namespace_of(token.expose()).to_owned())
}

/// Of an id with a suffix; one without belongs to wherever the request goes.
fn of_parameter(parameters: &Parameters, name: &str) -> Option<String> {
    suffix(&parameter(parameters, name)?)
}

fn parameter(parameters: &Parameters, name: &str) -> Option<String> {
    serde_json::from_str(parameters.get(name)?.get()).ok()
}

fn of_lease_path(path: &str) -> Option<&str> {
    let prefixes = ["sys/leases/renew/", "sys/leases/revoke/"];
    prefixes.iter().find_map(|prefix| path.strip_prefix(prefix))
}

fn suffix(id: &str) -> Option<String> {
    Some(namespace_of(id)).filter(|namespace| *namespace != "root").map(str::to_owned)
}
