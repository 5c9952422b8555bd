//! Response wrapping: the answer stays in the cubbyhole of a single-use token, and the client gets the token.

mod paths;
mod signed;

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::Deferral;
use super::error::Error;
use super::namespace::Namespace;
use super::request::{ClientToken, Inline, Parameters, Request};
use super::token::{Issue, TokenEntry, Tokens, namespace_of, ttl};
use super::wrap::WrapInfo;
use crate::barrier::Transaction;

pub(crate) use paths::ROUTES;
pub(crate) use signed::ParcelKey;

/// Where a wrapping token is named.
pub(crate) const PATHS: [&str; 3] = ["sys/wrapping/lookup", "sys/wrapping/rewrap", "sys/wrapping/unwrap"];

/// The one policy of a wrapping token.
const POLICY: &str = "response-wrapping";

/// What is to be wrapped.
pub(crate) struct Parcel<'a> {
    /// Whose the wrapping token is.
    pub(crate) namespace: &'a Namespace,
    /// The request that it is of.
    pub(crate) path: &'a str,
    /// Name of the wrapping token: that of who asked.
    pub(crate) display_name: String,
    /// How long it can be fetched.
    pub(crate) ttl: Duration,
    /// What is put away.
    pub(crate) kept: Kept<'a>,
    /// Status that it is answered with, if that is another one than 200.
    pub(crate) status: Option<u16>,
    /// Accessor of the token in the body, if there is one.
    pub(crate) accessor: String,
}

/// What a wrapping token stands for.
pub(crate) enum Kept<'a> {
    /// The body that is answered later.
    Answer(String),
    /// A request that is run later, and not before it is approved.
    Request(Box<Deferral<'a>>),
}

/// What the cubbyhole of a wrapping token has at `response`.
#[derive(Serialize, Deserialize)]
struct Content {
    response: String,
}

/// What the cubbyhole of a wrapping token has at `wrapinfo`.
#[derive(Serialize, Deserialize)]
pub(super) struct Origin {
    creation_path: String,
    creation_time: String,
    creation_ttl: u64,
    /// Status of the answer that was wrapped; not for the eyes of clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl Tokens {
    /// Puts an answer away in `transaction`; it is answered once to who shows the token.
    pub(crate) async fn wrap(
        &self,
        transaction: &Transaction,
        parcel: Parcel<'_>,
        now: Timestamp,
    ) -> Result<WrapInfo, Error> {
        let seconds = ttl::whole(parcel.ttl);
        let issue =
            Issue { namespace: parcel.namespace, entry: wrapping_entry(&parcel, seconds, now), text: None };
        let (token, entry) = self.issue(transaction, issue).await?;
        let origin = Origin {
            creation_path: parcel.path.to_owned(),
            creation_time: now.to_string(),
            creation_ttl: seconds,
            status: parcel.status,
        };
        let cubbyhole = self.require_cubbyhole(parcel.namespace, &entry)?;
        match parcel.kept {
            Kept::Answer(response) => {
                transaction.put_json(&format!("{cubbyhole}response"), &Content { response })?;
            }
            Kept::Request(deferral) => deferral.write(transaction, &cubbyhole, &token)?,
        }
        transaction.put_json(&format!("{cubbyhole}wrapinfo"), &origin)?;
        Ok(WrapInfo {
            token: token.expose().to_owned(),
            accessor: entry.accessor,
            ttl: seconds,
            creation_time: origin.creation_time,
            creation_path: origin.creation_path,
            wrapped_accessor: parcel.accessor,
        })
    }

    fn require_cubbyhole(&self, namespace: &Namespace, entry: &TokenEntry) -> Result<String, Error> {
        self.cubbyhole(namespace, entry)?.ok_or_else(|| Error::internal("a namespace without cubbyhole"))
    }

    /// The entry of the wrapping token `token`, of whichever namespace, whose use may be under way.
    ///
    /// # Errors
    /// 400 for every other token, 503 while its namespace is locked, 403 while that is sealed.
    pub(super) async fn wrapping_entry(
        &self,
        token: &ClientToken,
        now: Timestamp,
    ) -> Result<TokenEntry, Error> {
        let Some(entry) = self.lookup_even_used_up(token, now).await? else {
            let is_sealed = self.surroundings()?.is_sealed(namespace_of(token.expose()));
            // It may be a good one, once that is unsealed.
            return Err(if is_sealed {
                no_token("failed to read entry: Vault is sealed")
            } else {
                invalid()
            });
        };
        if entry.policies != [POLICY] {
            return Err(invalid());
        }
        let owner = self.namespace_of(&entry.id)?.ok_or_else(invalid)?;
        self.surroundings()?.require_unlocked(&owner)?;
        Ok((*entry).clone())
    }

    /// The one use of the wrapping token stored under `id`. Reading it in the transaction lets only one of two requests
    /// succeed. `is_own`: it is the token of the request, whose last use is under way.
    pub(super) async fn end_wrapping(
        &self,
        transaction: &Transaction,
        id: &str,
        is_own: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let entry = self.read(transaction, id).await?;
        if entry.is_none_or(|entry| entry.num_uses < 0 && !is_own) {
            return Err(invalid());
        }
        self.revoke_tree(transaction, id, now).await
    }

    /// The answer that was wrapped under `entry`, and where it came from.
    async fn parcel(&self, transaction: &Transaction, entry: &TokenEntry) -> Result<(String, Origin), Error> {
        let key = format!("{}response", self.own_cubbyhole(entry)?);
        let content: Content = transaction.get_json(&key).await?.ok_or_else(invalid)?;
        Ok((content.response, self.origin(transaction, entry).await?))
    }

    /// Where that comes from which was wrapped under `entry`.
    async fn origin(&self, transaction: &Transaction, entry: &TokenEntry) -> Result<Origin, Error> {
        let key = format!("{}wrapinfo", self.own_cubbyhole(entry)?);
        transaction.get_json(&key).await?.ok_or_else(invalid)
    }

    fn own_cubbyhole(&self, entry: &TokenEntry) -> Result<String, Error> {
        let namespace = self.namespace_of(&entry.id)?.ok_or_else(invalid)?;
        self.require_cubbyhole(&namespace, entry)
    }

    /// The wrapping token that a request to unwrap, rewrap or look up names, if it is a good one; one that keeps a request is
    /// none before that is approved. It is asked for before anything else, and so tells everybody of misuse alike.
    ///
    /// # Errors
    /// 400 or, without any token, 403.
    pub(crate) async fn require_wrapping_token(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<TokenEntry, Error> {
        let token = token_of(&request.parameters, &request.client_token)?;
        if token.is_empty() {
            return Err(match request.inline {
                // It has a token, which wraps nothing.
                Inline::Proved => invalid(),
                _ => no_token("token is empty"),
            });
        }
        let entry = self.wrapping_entry(&token, now).await?;
        if entry.num_uses < 0 || (entry.is_deferred && !self.is_approved(&entry).await?) {
            return Err(invalid());
        }
        Ok(entry)
    }
}

/// Of a token that is no wrapping token, or is good for nothing any more, or not yet.
pub(super) fn invalid() -> Error {
    Error::invalid("wrapping token is not valid or does not exist")
}

fn wrapping_entry(parcel: &Parcel<'_>, seconds: u64, now: Timestamp) -> TokenEntry {
    TokenEntry {
        policies: vec![POLICY.to_owned()],
        path: parcel.path.to_owned(),
        display_name: parcel.display_name.clone(),
        num_uses: 1,
        created_at: now,
        creation_ttl: seconds,
        explicit_max_ttl: seconds,
        expires_at: Some(ttl::after(now, seconds)),
        is_leased: true,
        is_deferred: matches!(parcel.kept, Kept::Request(_)),
        ..TokenEntry::default()
    }
}

/// The token in the parameters, else that of the request.
pub(super) fn token_of(parameters: &Parameters, client_token: &ClientToken) -> Result<ClientToken, Error> {
    let named = parameters.get("token").map(|raw| serde_json::from_str::<Option<String>>(raw.get()));
    let named = named.transpose().map_err(|_| no_token("could not decode token in request body"))?;
    match named.flatten() {
        Some(token) if token.is_empty() => Err(no_token("empty token in request body")),
        Some(token) => Ok(ClientToken::new(token)),
        None => Ok(client_token.clone()),
    }
}

/// Of a request that names no token which could be one.
fn no_token(problem: &str) -> Error {
    let text = format!("error validating wrapping token: {problem}");
    Error::with_status(StatusCode::FORBIDDEN, text)
}
