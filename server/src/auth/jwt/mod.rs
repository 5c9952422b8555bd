//! The auth method `jwt`, also mounted as `oidc`: whoever holds a signed token of an issuer logs in with it.
//!
//! The configuration says whose signatures count: public keys, a JSON web key set, or the keys of an OIDC
//! provider. A role says which tokens it takes and what it gives out. Records: `config`, `role/<name>`.
//!
//! A login through a browser and roles in CEL are not built; their paths say so.

mod claims;
mod config;
mod expectation;
mod key;
mod key_set;
mod login;
mod role;
mod signed;
mod template;
mod trust;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use async_trait::async_trait;
use schemas::kinds::{JwtAuthBackend, JwtAuthBackendRole};
use schemas::shape::{Declared, List};
use schemas::{Field, Part, Shape};

use super::page::Page;
use super::token_parameters::ServerFields;
use crate::core::context::Context;
use crate::core::engine::{Engine, Renewal, Route};
use crate::core::error::Error;
use crate::core::response::{AuthGrant, Response};
use crate::handler;
use key_set::KeySets;

pub(crate) use key::{ALGORITHMS, Jwk};
pub(crate) use signed::{Claims as SignedClaims, Signed};

/// A mount of the auth method `jwt` or `oidc`.
#[derive(Default)]
pub(crate) struct Jwt {
    /// Keys that were fetched.
    key_sets: KeySets,
}

/// Fields of the configuration that Terraform's schema does not have.
#[derive(Debug, schemas::Fields)]
struct ConfigFields {
    /// Names that the provider's TLS certificate may have instead of its own.
    #[kind(at = "config")]
    override_allowed_server_names: Option<List<String>>,
    /// Take a URL whose keys cannot be read now.
    #[kind(at = "config")]
    skip_jwks_validation: Option<bool>,
}

/// Fields of a role that Terraform's schema does not have.
#[derive(Debug, schemas::Fields)]
struct RoleFields {
    /// `client`, `direct` or `device`: how a browser login ends.
    callback_mode: Option<String>,
    /// Tokens of the provider that become metadata.
    oauth2_metadata: Option<List<String>>,
    /// Do not let people confirm a browser login.
    oidc_disable_confirmation: Option<bool>,
    /// How often a waiting client asks, in seconds.
    poll_interval: Option<i64>,
    /// Policies are templates over the claims.
    token_policies_template_claims: Option<bool>,
}

/// Fields of a login.
#[derive(Debug, schemas::Fields)]
struct Credentials {
    /// The role to log in to. Absent: the configured one.
    role: Option<String>,
    /// The signed token.
    jwt: Option<String>,
}

/// The table `parts`, with fields that the API takes in more forms than Terraform: maps of anything, and what arrives
/// as JSON text.
fn widened(parts: &'static [Part], wide: &[&str]) -> Vec<Part> {
    let widen = |part: &Part| match part {
        Part::Field(field) if wide.contains(&field.name) => {
            let is_map = matches!(field.shape, Shape::Map(_));
            let shape = if is_map { Shape::Map(&Shape::Json) } else { Shape::Json };
            Part::Field(Field { shape, ..*field })
        }
        part => *part,
    };
    parts.iter().map(widen).collect()
}

static CONFIG: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let mut parts = widened(JwtAuthBackend::PARTS, &["provider_config"]);
    parts.push(Part::Group(ConfigFields::PARTS));
    parts
});

/// Times that may be below zero, which no other may.
const LEEWAYS: [&str; 3] = ["clock_skew_leeway", "expiration_leeway", "not_before_leeway"];

/// They are durations all the same.
const MEANT: &[(&str, Shape)] =
    &[(LEEWAYS[0], Shape::Seconds), (LEEWAYS[1], Shape::Seconds), (LEEWAYS[2], Shape::Seconds)];

static ROLE: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let [skew, expiration, not_before] = LEEWAYS;
    let mut parts = widened(JwtAuthBackendRole::PARTS, &["bound_claims", skew, expiration, not_before]);
    for part in &mut parts {
        if let Part::Field(field) = part
            && field.name == "role_name"
        {
            // As the paths of the API call it.
            (field.name, field.api) = ("name", "name");
        }
    }
    parts.extend([Part::Group(ServerFields::PARTS), Part::Group(RoleFields::PARTS)]);
    parts
});

static ROUTES: LazyLock<Vec<Route<Jwt>>> = LazyLock::new(|| {
    vec![
        Route::new("config")
            .about("Whose signed tokens count.")
            .fields_at(&CONFIG, "config")
            .not(&["jwks_pairs"])
            .read(handler!(config::read))
            .write(handler!(config::write)),
        Route::new("role").about("Names of the roles.").fields(Page::PARTS).list(handler!(role::list)),
        Route::new("role/{name}")
            .about("One role: which signed tokens it takes, and what logins get.")
            .fields(&ROLE)
            .meant(MEANT)
            .not(&["alias_metadata"])
            .exists(handler!(role::exists))
            .read(handler!(role::read))
            .write(handler!(role::write))
            .delete(handler!(role::delete)),
        Route::new("login")
            .about("Logs in with a signed token.")
            .fields(Credentials::PARTS)
            .write(handler!(login::login))
            .login(),
        Route::new("oidc/auth_url")
            .about("Begins a login through a browser. Not built yet.")
            .write(handler!(no_browser))
            .unauthenticated(),
        Route::new("oidc/poll")
            .about("Waits for a login through a browser. Not built yet.")
            .write(handler!(no_browser))
            .unauthenticated(),
        Route::new("cel/login")
            .about("Logs in with a signed token, after a role in CEL. Not built yet.")
            .write(handler!(no_cel))
            .unauthenticated()
            .hidden(),
        Route::new("cel/role")
            .about("Names of the roles in CEL. Not built yet.")
            .list(handler!(no_cel))
            .hidden(),
        Route::new("cel/role/{name}")
            .about("One role in CEL. Not built yet.")
            .read(handler!(no_cel))
            .write(handler!(no_cel))
            .patch(handler!(no_cel))
            .delete(handler!(no_cel))
            .hidden(),
        Route::new("oidc/callback")
            .about("Ends a login through a browser. Not built yet.")
            .read(handler!(no_browser))
            .write(handler!(no_browser))
            .unauthenticated(),
    ]
});

#[async_trait]
impl Engine for Jwt {
    const ABOUT: &'static str = "Whoever holds a signed token of an issuer logs in with it. The configuration says whose \
        signatures count; a role says which tokens it takes and which policies the tokens of its logins \
        have.";

    fn routes() -> &'static [Route<Self>] {
        &ROUTES
    }

    const HAS_ROLES: bool = true;

    async fn role_of_login(&self, cx: &Context<'_>) -> Result<String, Error> {
        login::role_name(cx).await
    }

    async fn renew_login(&self, cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
        login::renew(cx, grant).await
    }
}

async fn no_cel(_: &Jwt, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented("a role that is written in CEL"))
}

async fn no_browser(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let config = config::Config::of(cx).await?;
    if cx.path() == "oidc/auth_url" && !config.has_client() {
        return Err(Error::invalid("OIDC login is not configured for this mount"));
    }
    Err(Error::not_implemented("a login through a browser (OIDC)"))
}
