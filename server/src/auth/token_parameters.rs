//! What roles and users of all auth methods say about the tokens of their logins.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use schemas::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::networks::Network;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::response::{AuthGrant, TokenType};
use crate::core::token::{sanitize_policies, unfit_for_batch};

/// Fields that the API knows and Terraform's schema does not.
#[derive(Debug, schemas::Fields)]
pub(super) struct ServerFields {
    /// Bind each token to the address that it was given to.
    #[kind(at = "object")]
    pub token_strictly_bind_ip: Option<bool>,
}

/// An older name of a field, and the name that it has today.
type Older = (&'static str, &'static str);

/// Older names that methods of the first generation take.
const OLDER: [Older; 6] = [
    ("policies", "token_policies"),
    ("ttl", "token_ttl"),
    ("max_ttl", "token_max_ttl"),
    ("period", "token_period"),
    ("num_uses", "token_num_uses"),
    ("bound_cidrs", "token_bound_cidrs"),
];

/// The token parameters of one role or user, as stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TokenParameters {
    /// `None`: never set, which some answers show as null.
    pub(super) bound_cidrs: Option<Vec<Network>>,
    /// Seconds, as all lifetimes here; 0 for what the mount says.
    pub(super) explicit_max_ttl: i64,
    pub(super) max_ttl: i64,
    pub(super) ttl: i64,
    pub(super) period: i64,
    /// 0 without limit.
    pub(super) num_uses: i64,
    pub(super) no_default_policy: bool,
    pub(super) strictly_bind_ip: bool,
    /// As they were given: the core normalizes them in the token.
    pub(super) policies: Vec<String>,
    pub(super) kind: Kind,
    /// Older names by which fields were last set; answers repeat them.
    pub(super) older: BTreeSet<String>,
}

/// The token type of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// As the mount says.
    #[default]
    Default,
    Service,
    Batch,
}

impl Kind {
    fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "" | "default" => Ok(Self::Default),
            "service" => Ok(Self::Service),
            "batch" => Ok(Self::Batch),
            other => Err(Error::invalid(format!("invalid 'token_type' value {}", quoted(other)))),
        }
    }
}

impl From<Kind> for TokenType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Default => Self::Default,
            Kind::Service => Self::Service,
            Kind::Batch => Self::Batch,
        }
    }
}

/// The fields of the request without those that stand under an older name which this method does not take.
pub(super) fn input_of(cx: &Context<'_>, takes: &[&str]) -> Record {
    let mut input = cx.input().clone();
    for (older, name) in OLDER {
        let is_foreign = !takes.contains(&older) && names(cx, older) && !names(cx, name);
        if is_foreign {
            input.take(name);
        }
    }
    input
}

/// Whether the request has a value for `name`. Null is one, but for a lifetime.
pub(super) fn names(cx: &Context<'_>, name: &str) -> bool {
    let is_lifetime = name.ends_with("ttl") || name.ends_with("period");
    cx.parameters().get(name).is_some_and(|value| value.get() != "null" || !is_lifetime)
}

/// The texts of list field `name`, white space around them removed, if the request names it.
pub(super) fn texts(input: &Record, name: &str) -> Option<Vec<String>> {
    let items = input.get(name).as_list()?;
    Some(items.iter().filter_map(|item| item.as_str()).map(|item| item.trim().to_owned()).collect())
}

impl TokenParameters {
    /// Takes over what the request names and checks the whole. `takes` are the older names that this method knows.
    ///
    /// # Errors
    /// 400 for values that do not go together.
    pub(super) fn update(&mut self, cx: &Context<'_>, input: &Record, takes: &[&str]) -> Result<(), Error> {
        if let Some(blocks) = texts(input, "token_bound_cidrs") {
            self.bound_cidrs = Some(parse_networks(&blocks)?);
        }
        if let Some(kind) = input.get("token_type").as_str() {
            self.kind = Kind::parse(kind)?;
        }
        if let Some(policies) = texts(input, "token_policies") {
            let is_older = !names(cx, "token_policies");
            self.policies = if is_older { sanitize_policies(&policies, false) } else { policies };
        }
        self.take_numbers(input);
        set(&mut self.no_default_policy, input.get("token_no_default_policy").as_bool());
        set(&mut self.strictly_bind_ip, input.get("token_strictly_bind_ip").as_bool());
        self.note_older(cx, takes);
        self.validate()
    }

    fn take_numbers(&mut self, input: &Record) {
        set(&mut self.explicit_max_ttl, input.get("token_explicit_max_ttl").as_i64());
        set(&mut self.max_ttl, input.get("token_max_ttl").as_i64());
        set(&mut self.ttl, input.get("token_ttl").as_i64());
        set(&mut self.period, input.get("token_period").as_i64());
        set(&mut self.num_uses, input.get("token_num_uses").as_i64());
    }

    /// Keeps in mind which fields were set by their older names.
    pub(super) fn note_older(&mut self, cx: &Context<'_>, takes: &[&str]) {
        for (older, name) in OLDER.iter().filter(|(older, _)| takes.contains(older)) {
            if names(cx, older) {
                self.older.insert((*older).to_owned());
            } else if names(cx, name) {
                self.older.remove(*older);
            }
        }
    }

    fn validate(&self) -> Result<(), Error> {
        let unfit = unfit_for_batch(self.period != 0, self.num_uses != 0);
        let problem = if self.num_uses < 0 {
            "'token_num_uses' cannot be negative"
        } else if let Some(problem) = unfit.filter(|_| self.kind == Kind::Batch) {
            problem
        } else if self.ttl > 0 && self.max_ttl > 0 && self.ttl > self.max_ttl {
            "'token_ttl' cannot be greater than 'token_max_ttl'"
        } else if self.strictly_bind_ip && self.bound_cidrs.as_ref().is_some_and(|list| !list.is_empty()) {
            "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one"
        } else {
            return Ok(());
        };
        Err(Error::invalid(problem))
    }

    /// The fields of an answer, with those older names that were last used.
    pub(super) fn answer(&self) -> Map<String, Value> {
        let mut data = Map::new();
        let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
        put("token_bound_cidrs", json!(self.bound_cidrs.as_deref().unwrap_or_default()));
        put("token_explicit_max_ttl", self.explicit_max_ttl.into());
        put("token_max_ttl", self.max_ttl.into());
        put("token_no_default_policy", self.no_default_policy.into());
        put("token_num_uses", self.num_uses.into());
        put("token_period", self.period.into());
        put("token_policies", json!(self.policies));
        put("token_strictly_bind_ip", self.strictly_bind_ip.into());
        put("token_ttl", self.ttl.into());
        put("token_type", json!(self.kind));
        for (older, name) in OLDER.iter().filter(|(older, _)| self.older.contains(*older)) {
            let value = data[*name].clone();
            if value != json!(0) && value != json!([]) {
                data.insert((*older).to_owned(), value);
            }
        }
        data
    }

    /// What a login of the role is worth; the method adds who has logged in.
    pub(super) fn grant(&self, cx: &Context<'_>) -> AuthGrant {
        let bound = self.bound_cidrs.as_deref().unwrap_or_default();
        let own = [Network::from(cx.request().client)];
        let bound = if self.strictly_bind_ip { own.as_slice() } else { bound };
        AuthGrant {
            policies: self.policies.clone(),
            ttl: seconds(self.ttl),
            max_ttl: seconds(self.max_ttl),
            explicit_max_ttl: seconds(self.explicit_max_ttl),
            period: seconds(self.period),
            num_uses: self.num_uses,
            bound_cidrs: bound.iter().map(|network| network.net).collect(),
            token_type: self.kind.into(),
            no_default_policy: self.no_default_policy,
            renewable: true,
            ..AuthGrant::default()
        }
    }
}

/// Each block as a network.
pub(super) fn parse_networks(blocks: &[String]) -> Result<Vec<Network>, Error> {
    blocks.iter().map(|block| Network::parse(block)).collect()
}

/// Seconds as stored; negative ones are none.
pub(super) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Replaces `place` if there is a new value.
pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Why a token of a login is not renewed.
pub(super) fn not_renewed(reason: &str) -> Error {
    Error::counted(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to renew entry: {reason}"))
}
