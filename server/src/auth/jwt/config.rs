//! Whose signatures count.

use schemas::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Jwt;
use super::key::{ALGORITHMS, Key};
use super::key_set::{KeySets, Problem, Source};
use super::trust::Trust;
use crate::auth::token_parameters::texts;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::response::Response;

const ONE_SOURCE: &str = "exactly one of 'jwt_validation_pubkeys', 'jwks_url', 'jwks_pairs', \
                          'oidc_discovery_url', or 'provider_config' must be set";

/// Providers whose own ways OpenBao knows. None of them is built here.
const PROVIDERS: [&str; 5] = ["azure", "gsuite", "secureauth", "ibmisam", "kubernetes"];

/// The configuration of a mount, as stored. A write replaces all of it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    pub(super) bound_issuer: String,
    pub(super) default_role: String,
    jwks_ca_pem: String,
    jwks_url: String,
    pub(super) jwt_supported_algs: Vec<String>,
    jwt_validation_pubkeys: Vec<String>,
    namespace_in_state: bool,
    oidc_client_id: String,
    oidc_client_secret: String,
    oidc_discovery_ca_pem: String,
    oidc_discovery_url: String,
    oidc_response_mode: String,
    oidc_response_types: Vec<String>,
    override_allowed_server_names: Vec<String>,
    provider_config: Map<String, Value>,
}

/// What signatures are checked with.
pub(super) enum Keys {
    Static(Vec<Key>),
    Fetched(Source),
}

impl Config {
    /// The configuration of the mount.
    ///
    /// # Errors
    /// 400 before there is one.
    pub(super) async fn of(cx: &Context<'_>) -> Result<Self, Error> {
        Self::load(cx).await?.ok_or_else(|| Error::invalid("could not load configuration"))
    }

    async fn load(cx: &Context<'_>) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json("config").await?)
    }

    /// Whether it has what a login through a browser needs.
    pub(super) fn has_client(&self) -> bool {
        !self.oidc_client_id.is_empty()
    }

    fn from_input(input: &Record) -> Result<Self, Error> {
        let text = |name: &str| input.text(name).to_owned();
        let list = |name: &str| texts(input, name).unwrap_or_default();
        Ok(Self {
            bound_issuer: text("bound_issuer"),
            default_role: schemas::lower_case(&text("default_role")),
            jwks_ca_pem: text("jwks_ca_pem"),
            jwks_url: text("jwks_url"),
            jwt_supported_algs: list("jwt_supported_algs"),
            jwt_validation_pubkeys: list("jwt_validation_pubkeys"),
            namespace_in_state: true,
            oidc_client_id: text("oidc_client_id"),
            oidc_client_secret: text("oidc_client_secret"),
            oidc_discovery_ca_pem: text("oidc_discovery_ca_pem"),
            oidc_discovery_url: text("oidc_discovery_url"),
            oidc_response_mode: text("oidc_response_mode"),
            oidc_response_types: list("oidc_response_types"),
            override_allowed_server_names: list("override_allowed_server_names"),
            provider_config: super::role::object(input, "provider_config")?.unwrap_or_default(),
        })
    }

    /// Where the keys come from.
    ///
    /// # Errors
    /// What is wrong with a key.
    pub(super) fn keys(&self) -> Result<Keys, String> {
        if !self.jwt_validation_pubkeys.is_empty() {
            let keys = self.jwt_validation_pubkeys.iter().map(|pem| Key::from_pem(pem));
            let keys = keys
                .collect::<Result<_, _>>()
                .map_err(|problem| format!("error parsing public key: {problem}"))?;
            return Ok(Keys::Static(keys));
        }
        let is_discovery = self.jwks_url.is_empty();
        let [url, ca_pem] = if is_discovery {
            [&self.oidc_discovery_url, &self.oidc_discovery_ca_pem].map(Clone::clone)
        } else {
            [&self.jwks_url, &self.jwks_ca_pem].map(Clone::clone)
        };
        let trust = Trust { ca_pem, server_names: self.override_allowed_server_names.clone() };
        Ok(Keys::Fetched(if is_discovery {
            Source::Discovery { url, trust }
        } else {
            Source::Jwks { url, trust }
        }))
    }

    /// Refuses what does not go together; looks at nothing outside.
    fn validate(&self) -> Result<(), Error> {
        let sources =
            [&self.oidc_discovery_url, &self.jwks_url].into_iter().filter(|url| !url.is_empty()).count();
        if sources + usize::from(!self.jwt_validation_pubkeys.is_empty()) != 1 {
            return Err(Error::invalid(ONE_SOURCE));
        }
        if self.oidc_client_id.is_empty() != self.oidc_client_secret.is_empty() {
            return Err(Error::invalid(
                "both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC",
            ));
        }
        if self.oidc_discovery_url.contains(".well-known/openid-configuration") {
            return Err(Error::invalid("'oidc_discovery_url' contains '.well-known' component"));
        }
        if !self.oidc_client_id.is_empty() && self.oidc_discovery_url.is_empty() {
            return Err(Error::invalid("'oidc_discovery_url' must be set for OIDC"));
        }
        Ok(())
    }

    /// Refuses settings that nobody knows.
    fn validate_settings(&self) -> Result<(), Error> {
        if let Some(name) = self.jwt_supported_algs.iter().find(|name| !ALGORITHMS.contains(&name.as_str())) {
            let message =
                format!("invalid jwt_supported_algs: unsupported signing algorithm {}", quoted(name));
            return Err(Error::invalid(message));
        }
        let types = &self.oidc_response_types;
        if types.iter().any(|name| !["code", "id_token"].contains(&name.as_str())) {
            let types = types.join(" ");
            let message = format!("invalid response_types [{types}]. 'code' and 'id_token' are allowed");
            return Err(Error::invalid(message));
        }
        match self.oidc_response_mode.as_str() {
            "" | "query" if types.iter().any(|name| name == "id_token") => {
                Err(Error::invalid("query response_mode may not be used with an id_token response_type"))
            }
            "" | "query" | "form_post" => Ok(()),
            mode => Err(Error::invalid(format!("invalid response_mode: {}", quoted(mode)))),
        }
    }

    /// Refuses providers: what they would need is not built.
    fn validate_provider(&self) -> Result<(), Error> {
        if self.provider_config.is_empty() {
            return Ok(());
        }
        match self.provider_config.get("provider").and_then(Value::as_str) {
            None => {
                Err(Error::invalid("invalid provider_config: 'provider' field not found in provider_config"))
            }
            Some(name) if PROVIDERS.contains(&name) => {
                Err(Error::not_implemented(format!("the provider \"{name}\" in `provider_config`")))
            }
            Some(name) => {
                let message =
                    format!("invalid provider_config: provider \"{name}\" not found in custom providers");
                Err(Error::invalid(message))
            }
        }
    }

    /// All that is shown; the client secret is not.
    fn answer(&self, status: &str) -> Value {
        json!({
            "bound_issuer": self.bound_issuer,
            "default_role": self.default_role,
            "jwks_ca_pem": self.jwks_ca_pem,
            "jwks_url": self.jwks_url,
            "jwt_supported_algs": self.jwt_supported_algs,
            "jwt_validation_pubkeys": self.jwt_validation_pubkeys,
            "namespace_in_state": self.namespace_in_state,
            "oidc_client_id": self.oidc_client_id,
            "oidc_discovery_ca_pem": self.oidc_discovery_ca_pem,
            "oidc_discovery_url": self.oidc_discovery_url,
            "oidc_response_mode": self.oidc_response_mode,
            "oidc_response_types": self.oidc_response_types,
            "override_allowed_server_names": self.override_allowed_server_names,
            "provider_config": self.provider_config,
            "status": status,
        })
    }
}

/// Why the source of the keys cannot be used, in the words of a read or a login.
pub(super) fn keyset_error(problem: Problem) -> String {
    let reason = match problem {
        Problem::BadCertificate => "could not parse CA PEM value successfully".to_owned(),
        Problem::Discovery(reason) | Problem::Fetch(reason) => reason,
    };
    format!("keyset configuration error: {reason}")
}

pub(super) async fn read(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let config = Config::load(cx).await?.ok_or_else(Error::not_found)?;
    let checked = match config.keys() {
        Ok(Keys::Fetched(source)) => KeySets::probe_provider(&source).await.map_err(keyset_error),
        keys => keys.map(|_| ()),
    };
    match checked {
        Ok(()) => Response::data(&config.answer("valid")),
        Err(problem) => {
            let warning = format!("failed to construct JWK validator: {problem}");
            Ok(Response::data(&config.answer("invalid"))?.with_warning(warning))
        }
    }
}

pub(super) async fn write(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let input = cx.input();
    let mut config = Config::from_input(input)?;
    let before = Config::load(cx).await?;
    let in_state = input.get("namespace_in_state").as_bool();
    config.namespace_in_state =
        in_state.unwrap_or_else(|| before.is_none_or(|before| before.namespace_in_state));
    config.validate()?;
    let mut response = Response::empty();
    if let Some(problem) = check_keys(&config).await? {
        if input.get("skip_jwks_validation").as_bool() != Some(true) {
            return Err(Error::invalid(problem.told));
        }
        response = response.with_warning(problem.title);
    }
    config.validate_settings()?;
    config.validate_provider()?;
    cx.view().put_json("config", &config)?;
    Ok(response)
}

/// Keys that cannot be read now.
struct Unreachable {
    /// As a warning.
    title: &'static str,
    /// As an error.
    told: String,
}

/// Looks whether the keys are there.
async fn check_keys(config: &Config) -> Result<Option<Unreachable>, Error> {
    let source = match config.keys().map_err(Error::invalid)? {
        Keys::Static(_) => return Ok(None),
        Keys::Fetched(source) => source,
    };
    let is_discovery = matches!(source, Source::Discovery { .. });
    let checked =
        if is_discovery { KeySets::probe_provider(&source).await } else { KeySets::probe(&source).await };
    let title = if is_discovery { "error checking oidc discovery URL" } else { "error checking jwks URL" };
    match checked {
        Ok(()) => Ok(None),
        Err(Problem::BadCertificate) if !is_discovery => Err(Error::invalid("error checking jwks_ca_pem")),
        Err(Problem::BadCertificate) => {
            Err(Error::invalid(format!("{title}: could not parse CA PEM value successfully")))
        }
        Err(Problem::Discovery(reason)) => {
            Ok(Some(Unreachable { title, told: format!("{title}: {reason}") }))
        }
        Err(Problem::Fetch(_)) => Ok(Some(Unreachable { title, told: title.to_owned() })),
    }
}
