//! `identity/oidc/introspect`.

use schemas::shape::Declared as _;
use serde_json::Value;

use super::{config, well_known, wire};
use crate::auth::jwt::{ALGORITHMS, Jwk, Signed, SignedClaims};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::response::Response;
use crate::handler;

/// Checking identity tokens.
pub(super) static ROUTES: &[Route<Identity>] = &[Route::new("oidc/introspect/?")
    .about("Whether an identity token is good.")
    .fields(Question::PARTS)
    .write(handler!(introspect))];

/// Seconds that clocks may differ by.
const LEEWAY: f64 = 60.0;

/// Which token.
#[derive(schemas::Fields)]
struct Question {
    /// The token.
    token: Option<String>,
    /// The audience that it has to have.
    client_id: Option<String>,
}

async fn introspect(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let question: Question = cx.fields()?;
    wire::introspection(problem_of(cx, &question).await?.as_deref())
}

/// Why the token is not good.
async fn problem_of(cx: &Context<'_>, question: &Question) -> Result<Option<String>, Error> {
    let token = question.token.as_deref().unwrap_or_default();
    let signed = match parse(token) {
        Ok(signed) => signed,
        Err(problem) => return Ok(Some(format!("error parsing token: {problem}"))),
    };
    let mut claims = None;
    for key in well_known::identity_keys(cx).await? {
        let key = serde_json::from_value::<Jwk>(serde_json::to_value(key)?)?.key();
        claims = claims.or_else(|| signed.claims_by(&key?));
    }
    let Some(claims) = claims else { return Ok(Some("unable to validate the token signature".to_owned())) };
    let audience = question.client_id.as_deref().unwrap_or_default();
    if let Err(problem) = check(&claims, &config::issuer(cx).await?, audience, cx.now().as_second()) {
        let text = format!("go-jose/go-jose/jwt: validation failed, {problem}");
        return Ok(Some(format!("error validating claims: {text}")));
    }
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let entity = cx.core.identity_in(cx.transaction(), &cx.request().namespace, subject).await?;
    Ok(match entity {
        None => Some("entity was not found".to_owned()),
        Some(entity) if entity.disabled => Some("entity is disabled".to_owned()),
        Some(_) => None,
    })
}

fn parse(token: &str) -> Result<Signed<'_>, String> {
    let signed = Signed::parse(token)?;
    if ALGORITHMS.contains(&signed.algorithm()) {
        return Ok(signed);
    }
    let mut names = ALGORITHMS;
    names.sort_by_key(|name| (!name.starts_with('E'), name.starts_with('P')));
    let names = names.map(|name| format!("{name:?}")).join(" ");
    Err(format!("unexpected signature algorithm {:?}; expected [{names}]", signed.algorithm()))
}

/// What is wrong with the claims.
fn check(claims: &SignedClaims, issuer: &str, audience: &str, now: i64) -> Result<(), &'static str> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("invalid issuer claim (iss)");
    }
    if !audience.is_empty() && !has_audience(claims.get("aud"), audience) {
        return Err("invalid audience claim (aud)");
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for long")]
    let now = now as f64;
    let moment = |name: &str| claims.get(name).and_then(Value::as_f64);
    if moment("nbf").is_some_and(|begin| now + LEEWAY < begin) {
        return Err("token not valid yet (nbf)");
    }
    if moment("exp").is_some_and(|end| now - LEEWAY > end) {
        return Err("token is expired (exp)");
    }
    if moment("iat").is_some_and(|begin| now + LEEWAY < begin) {
        return Err("token issued in the future (iat)");
    }
    Ok(())
}

fn has_audience(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}
