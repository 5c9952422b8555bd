//! `identity/oidc/config`.

use schemas::shape::Declared as _;
use serde_json::json;

use super::record::ConfigRecord;
use super::{store, url};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Who issues identity tokens.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/config/?")
    .about("The issuer that identity tokens name.")
    .fields(ConfigFields::PARTS)
    .read(handler!(read))
    .write(handler!(write))];

/// Name of the one record.
const NAME: &str = "issuer";

/// Told to whoever sets an issuer.
pub(super) const OWN_ISSUER: &str = "If \"issuer\" is set explicitly, all tokens must be validated against that \
    address, including those issued by secondary clusters. Setting issuer to \"\" will restore the default behavior \
    of using the cluster's api_addr as the issuer.";

const UNREACHABLE: &str = "Both \"issuer\" and OpenBao's \"api_addr\" are empty. The issuer claim in generated \
    tokens will not be network reachable.";

/// What the configuration may be given.
#[derive(schemas::Fields)]
struct ConfigFields {
    /// Scheme, host and port of the `iss` claim; the server's own without.
    issuer: Option<String>,
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let ConfigRecord { issuer } = store::load(&Store::of(cx), NAME).await?.unwrap_or_default();
    let is_unreachable = issuer.is_empty() && cx.core.settings.api_addr.is_empty();
    let response = Response::data(&json!({ "issuer": issuer }))?;
    Ok(if is_unreachable { response.with_warning(UNREACHABLE) } else { response })
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let Some(issuer) = cx.fields::<ConfigFields>()?.issuer else { return Ok(Response::empty()) };
    let warning = accepted(&issuer)?;
    store::save(&Store::of(cx), NAME, &ConfigRecord { issuer })?;
    Ok(warning.map_or_else(Response::empty, |warning| Response::empty().with_warning(warning)))
}

/// What to warn of.
///
/// # Errors
/// 400 for an issuer that is more than scheme, host and port.
pub(super) fn accepted(issuer: &str) -> Result<Option<&'static str>, Error> {
    if issuer.is_empty() {
        return Ok(None);
    }
    match url::is_origin(issuer) {
        true => Ok(Some(OWN_ISSUER)),
        false => Err(Error::invalid(
            "invalid issuer, which must include only a scheme, host, and optional port (e.g. \
             https://example.com:8200)",
        )),
    }
}

/// The issuer of identity tokens of the request's namespace.
pub(super) async fn issuer(cx: &Context<'_>) -> Result<String, Error> {
    let ConfigRecord { issuer } = store::load(&Store::of(cx), NAME).await?.unwrap_or_default();
    Ok(address(cx, &issuer, "identity/oidc"))
}

/// `path` of the request's namespace at `origin`, or at the server's own address.
pub(super) fn address(cx: &Context<'_>, origin: &str, path: &str) -> String {
    let origin = if origin.is_empty() { &cx.core.settings.api_addr } else { origin };
    format!("{origin}/v1/{}{path}", cx.request().namespace.path)
}
