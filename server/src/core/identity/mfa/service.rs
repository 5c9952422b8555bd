//! What proves a factor: TOTP, or a service elsewhere.

use std::fmt;

use schemas::shape::Declared as _;
use serde::{Deserialize, Serialize};

use super::{address, method};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::response::Response;
use crate::core::{go_base64, go_text};
use crate::engines::totp::Algorithm;
use crate::handler;

/// `identity/mfa/method/{duo,okta,pingid}`.
pub(super) static ROUTES: &[Route<Identity>] = &[
    each_of(
        Route::new("mfa/method/duo")
            .about("Makes a method that asks Duo.")
            .fields(DuoFields::PARTS)
            .write(handler!(write_duo)),
    ),
    Route::new("mfa/method/duo/?")
        .about("All methods that ask Duo.")
        .fields(&[])
        .list(handler!(method::list)),
    each_of(
        Route::new("mfa/method/duo/{method_id#}")
            .about("One method that asks Duo.")
            .fields(DuoFields::PARTS)
            .write(handler!(write_duo)),
    ),
    each_of(
        Route::new("mfa/method/okta")
            .about("Makes a method that asks Okta.")
            .fields(OktaFields::PARTS)
            .write(handler!(write_okta)),
    ),
    Route::new("mfa/method/okta/?")
        .about("All methods that ask Okta.")
        .fields(&[])
        .list(handler!(method::list)),
    each_of(
        Route::new("mfa/method/okta/{method_id#}")
            .about("One method that asks Okta.")
            .fields(OktaFields::PARTS)
            .write(handler!(write_okta)),
    ),
    each_of(
        Route::new("mfa/method/pingid")
            .about("Makes a method that asks PingID.")
            .fields(PingIdFields::PARTS)
            .write(handler!(write_pingid)),
    ),
    Route::new("mfa/method/pingid/?")
        .about("All methods that ask PingID.")
        .fields(&[])
        .list(handler!(method::list)),
    each_of(
        Route::new("mfa/method/pingid/{method_id#}")
            .about("One method that asks PingID.")
            .fields(PingIdFields::PARTS)
            .write(handler!(write_pingid)),
    ),
];

/// What the methods of all services have.
const fn each_of(route: Route<Identity>) -> Route<Identity> {
    route.read(handler!(method::read)).delete(handler!(method::delete))
}

/// Settings of a method. Keys and tokens are kept and never shown. Records of one service have no field of another
/// that it needs, which tells them apart.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Service {
    Totp(Totp),
    Duo(Duo),
    Okta(Okta),
    PingId(PingId),
}

/// One-time codes, which this server checks itself.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Totp {
    pub(super) issuer: String,
    pub(super) period: u64,
    pub(super) algorithm: Algorithm,
    pub(super) digits: u32,
    pub(super) skew: u64,
    pub(super) key_size: u64,
    pub(super) qr_size: u64,
    pub(super) max_validation_attempts: u64,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Duo {
    secret_key: String,
    integration_key: String,
    api_hostname: String,
    push_info: String,
    use_passcode: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Okta {
    org_name: String,
    api_token: String,
    base_url: String,
    production: bool,
    primary_email: bool,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PingId {
    use_base64_key: String,
    use_signature: bool,
    token: String,
    idp_url: String,
    org_alias: String,
    admin_url: String,
    authenticator_url: String,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

impl Service {
    /// The word of the API.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Totp(_) => "totp",
            Self::Duo(_) => "duo",
            Self::Okta(_) => "okta",
            Self::PingId(_) => "pingid",
        }
    }

    /// Whether who logs in is asked for a passcode.
    pub(super) fn uses_passcode(&self) -> bool {
        match self {
            Self::Totp(_) => true,
            Self::Duo(duo) => duo.use_passcode,
            Self::Okta(_) | Self::PingId(_) => false,
        }
    }

    /// Its settings as answers show them.
    pub(super) fn shown(&self) -> Shown<'_> {
        match self {
            Self::Totp(totp) => Shown::Totp {
                algorithm: totp.algorithm.as_str(),
                digits: totp.digits,
                issuer: &totp.issuer,
                key_size: totp.key_size,
                max_validation_attempts: totp.max_validation_attempts,
                period: totp.period,
                qr_size: totp.qr_size,
                skew: totp.skew,
            },
            Self::Duo(duo) => Shown::Duo {
                api_hostname: &duo.api_hostname,
                pushinfo: &duo.push_info,
                use_passcode: duo.use_passcode,
            },
            Self::Okta(okta) => Shown::Okta {
                base_url: Some(okta.base_url.as_str()).filter(|url| !url.is_empty()),
                org_name: &okta.org_name,
                production: okta.base_url.is_empty().then_some(okta.production),
            },
            Self::PingId(ping) => Shown::PingId {
                admin_url: &ping.admin_url,
                authenticator_url: &ping.authenticator_url,
                idp_url: &ping.idp_url,
                org_alias: &ping.org_alias,
                use_signature: ping.use_signature,
            },
        }
    }
}

/// What of the settings is no secret.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shown<'a> {
    Totp {
        algorithm: &'static str,
        digits: u32,
        issuer: &'a str,
        key_size: u64,
        max_validation_attempts: u64,
        period: u64,
        qr_size: u64,
        skew: u64,
    },
    Duo {
        api_hostname: &'a str,
        pushinfo: &'a str,
        use_passcode: bool,
    },
    Okta {
        #[serde(skip_serializing_if = "Option::is_none")]
        base_url: Option<&'a str>,
        org_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        production: Option<bool>,
    },
    PingId {
        admin_url: &'a str,
        authenticator_url: &'a str,
        idp_url: &'a str,
        org_alias: &'a str,
        use_signature: bool,
    },
}

/// What a method of Duo may be given.
#[derive(schemas::Fields)]
struct DuoFields {
    /// Unique name.
    method_name: Option<String>,
    /// Id of the method.
    method_id: Option<String>,
    /// How names are written there; empty: as they are here.
    username_format: Option<String>,
    /// Key that signs requests.
    secret_key: Option<String>,
    /// Names the integration.
    integration_key: Option<String>,
    /// Where its API is.
    api_hostname: Option<String>,
    /// Shown by the notification.
    push_info: Option<String>,
    /// Ask for a passcode.
    use_passcode: Option<bool>,
}

async fn write_duo(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: DuoFields = cx.fields()?;
    let (name, format) = (fields.method_name.clone(), fields.username_format.clone());
    method::put(cx, name, format, duo(fields).map(Service::Duo)).await
}

fn duo(fields: DuoFields) -> Result<Duo, Error> {
    let needed = |value: Option<String>, name: &str| {
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::invalid(format!("{name} is empty")))
    };
    Ok(Duo {
        secret_key: needed(fields.secret_key, "secret_key")?,
        integration_key: needed(fields.integration_key, "integration_key")?,
        api_hostname: needed(fields.api_hostname, "api_hostname")?,
        push_info: fields.push_info.unwrap_or_default(),
        use_passcode: fields.use_passcode.unwrap_or_default(),
    })
}

/// What a method of Okta may be given.
#[derive(schemas::Fields)]
struct OktaFields {
    /// Unique name.
    method_name: Option<String>,
    /// Id of the method.
    method_id: Option<String>,
    /// How names are written there; empty: as they are here.
    username_format: Option<String>,
    /// Name of the organization.
    org_name: Option<String>,
    /// Key of its API.
    api_token: Option<String>,
    /// Domain of its API; `okta.com` without.
    base_url: Option<String>,
    /// Take the primary mail address alone.
    primary_email: Option<bool>,
    /// An older way to choose `base_url`.
    production: Option<bool>,
}

async fn write_okta(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: OktaFields = cx.fields()?;
    let (name, format) = (fields.method_name.clone(), fields.username_format.clone());
    method::put(cx, name, format, okta(fields).map(Service::Okta)).await
}

fn okta(fields: OktaFields) -> Result<Okta, Error> {
    let needed = |value: Option<String>, name: &str| {
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::invalid(format!("{name} must be set")))
    };
    let usual = if fields.production.is_none() { "okta.com" } else { "" };
    let org_name = needed(fields.org_name, "org_name")?;
    let api_token = needed(fields.api_token, "api_token")?;
    let base_url = fields.base_url.unwrap_or_else(|| usual.to_owned());
    // With the comma that the peer puts between the two.
    address::check(&format!("{org_name},{base_url}"))
        .map_err(|problem| Error::invalid(format!("error parsing given base_url: {problem}")))?;
    Ok(Okta {
        org_name,
        api_token,
        base_url,
        production: fields.production.unwrap_or(true),
        primary_email: fields.primary_email.unwrap_or_default(),
    })
}

/// What a method of PingID may be given.
#[derive(schemas::Fields)]
struct PingIdFields {
    /// Unique name.
    method_name: Option<String>,
    /// Id of the method.
    method_id: Option<String>,
    /// How names are written there; empty: as they are here.
    username_format: Option<String>,
    /// The file that PingID gives out, in base64.
    settings_file_base64: Option<String>,
}

async fn write_pingid(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: PingIdFields = cx.fields()?;
    let file = fields.settings_file_base64.unwrap_or_default();
    method::put(cx, fields.method_name, fields.username_format, pingid(&file).map(Service::PingId)).await
}

/// Reads a settings file. No error shows what it says, as it holds a key.
fn pingid(file: &str) -> Result<PingId, Error> {
    if file.is_empty() {
        return Err(Error::invalid("settings_file_base64 is empty"));
    }
    let bytes = go_base64::decode(file).map_err(|problem| Error::invalid(problem.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::invalid("pingid settings file is no text"))?;
    let mut settings = PingId::default();
    for line in text.split('\n').filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (key, value) = line.split_once('=').ok_or_else(|| {
            Error::invalid(
                "pingid settings file contains a non-empty non-comment line that is not in key=value format",
            )
        })?;
        settings.set(key, value)?;
    }
    Ok(settings)
}

impl PingId {
    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let field = match key {
            "use_base64_key" => &mut self.use_base64_key,
            "token" => &mut self.token,
            "idp_url" => &mut self.idp_url,
            "org_alias" => &mut self.org_alias,
            "admin_url" => &mut self.admin_url,
            "authenticator_url" => &mut self.authenticator_url,
            "use_signature" => {
                let truth = if value.is_empty() { Some(false) } else { go_text::boolean(value) };
                self.use_signature = truth.ok_or_else(|| {
                    Error::invalid("error parsing use_signature value in pingid settings file")
                })?;
                return Ok(());
            }
            _ => return Err(Error::invalid(format!("unknown key {key:?} in pingid settings file"))),
        };
        value.clone_into(field);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn a_settings_file_is_read_and_nothing_of_it_told() {
        let file = |text: &str| BASE64_STANDARD.encode(text);
        let settings =
            pingid(&file("# a remark\n\nuse_base64_key=a2V5=\nuse_signature=true\norg_alias=org\n"));
        let settings = settings.expect("a settings file");
        assert_eq!((settings.use_base64_key.as_str(), settings.use_signature), ("a2V5=", true));
        for wrong in ["token", "use_signature=hunter2", "idp_url=x\nhunter2"] {
            let error = pingid(&file(wrong)).err().expect(wrong);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn secrets_of_a_service_are_not_printed() {
        let okta = Okta {
            org_name: "org".to_owned(),
            api_token: "hunter2".to_owned(),
            base_url: String::new(),
            production: true,
            primary_email: false,
        };
        let service = Service::Okta(okta);
        let shown = serde_json::to_string(&service.shown()).expect("JSON");
        assert_eq!(
            (format!("{service:?}").as_str(), shown.as_str()),
            ("okta", r#"{"org_name":"org","production":true}"#)
        );
    }

    #[test]
    fn a_stored_method_is_of_the_service_that_it_was_made_for() {
        let ping = Service::PingId(PingId::default());
        let duo = Service::Duo(Duo {
            secret_key: "s".to_owned(),
            integration_key: "i".to_owned(),
            api_hostname: "h".to_owned(),
            push_info: String::new(),
            use_passcode: false,
        });
        for service in [ping, duo] {
            let stored = serde_json::to_string(&service).expect("JSON");
            assert_eq!(serde_json::from_str::<Service>(&stored).expect("a method"), service);
        }
    }
}
