//! A request while it waits, in the cubbyhole of its wrapping token: what was asked, which does not change, and the
//! approvals.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::{Approval, Approved, sealed};
use crate::barrier::Transaction;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::path::ApiPath;
use crate::core::request::{
    Authorization, ClientToken, Inline, MfaCredentials, Operation, Parameters, Request,
};
use crate::core::token::{TokenEntry, Tokens};

/// What was asked. The path is relative to the namespace, which is found by its id: no other one may take its place.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRequest {
    id: String,
    namespace: String,
    pub(super) path: String,
    pub(super) parameters: Parameters,
    wrap_ttl: Option<Duration>,
    wrap_signed: bool,
    client: IpAddr,
    /// [Sealed](sealed) under the wrapping token.
    token: String,
}

/// A request that is to be kept until it is approved.
pub(crate) struct Deferral<'a> {
    request: &'a Request,
    approval: Approval,
}

impl<'a> Deferral<'a> {
    pub(super) fn new(request: &'a Request, approval: Approval) -> Self {
        Self { request, approval }
    }

    /// Writes it into `folder`, the cubbyhole of the new wrapping token `wrapping`.
    pub(crate) fn write(
        &self,
        transaction: &Transaction,
        folder: &str,
        wrapping: &ClientToken,
    ) -> Result<(), Error> {
        let Request { id, namespace, path, parameters, .. } = self.request;
        let stored = StoredRequest {
            id: id.clone(),
            namespace: namespace.id.clone(),
            path: path.as_str().to_owned(),
            parameters: parameters.clone(),
            wrap_ttl: self.request.wrap_ttl,
            wrap_signed: self.request.wrap_signed,
            client: self.request.client,
            token: sealed::seal(&self.request.client_token, wrapping)?,
        };
        transaction.put_json(&request_key(folder), &stored)?;
        Ok(transaction.put_json(&approval_key(folder), &self.approval)?)
    }
}

/// Where the request is.
pub(super) fn request_key(folder: &str) -> String {
    format!("{folder}request")
}

/// Where its approvals are: apart, since they change and the request may be large.
pub(super) fn approval_key(folder: &str) -> String {
    format!("{folder}approval")
}

impl StoredRequest {
    /// The request again, as one that was approved by way of `entry`, the wrapping token `wrapping`.
    pub(super) fn into_request(
        self,
        namespace: &Arc<Namespace>,
        wrapping: &ClientToken,
        approved: Approved,
    ) -> Result<Request, Error> {
        if self.namespace != namespace.id {
            return Err(Error::internal("a stored request is of another namespace than its wrapping token"));
        }
        let path = ApiPath::parse(&self.path)
            .map_err(|_| Error::internal("the path of a stored request is none"))?;
        Ok(Request {
            id: self.id,
            namespace: Arc::clone(namespace),
            namespace_in_path: false,
            path,
            operation: operation(&approved.approval.operation)?,
            parameters: self.parameters,
            wrap_ttl: self.wrap_ttl,
            wrap_signed: self.wrap_signed,
            client: self.client,
            headers: HeaderMap::new(),
            client_token: sealed::open(&self.token, wrapping)?,
            authorization: Authorization::None,
            mfa: MfaCredentials::default(),
            inline: Inline::No,
            token: None,
            entity: None,
            approved: Some(Box::new(approved)),
        })
    }
}

/// What a client asks for who wants `word`: whether a write creates something is found out again.
fn operation(word: &str) -> Result<Operation, Error> {
    use Operation::{Create, Delete, List, Patch, Read, Scan, Update};
    match [Read, List, Scan, Create, Update, Patch, Delete].into_iter().find(|known| known.as_str() == word) {
        Some(Create) => Ok(Update),
        Some(operation) => Ok(operation),
        None => Err(Error::internal("a stored request has no operation")),
    }
}

impl Tokens {
    /// What the request that `entry` keeps waits for.
    pub(super) async fn approval(
        &self,
        transaction: &Transaction,
        entry: &TokenEntry,
    ) -> Result<Option<Approval>, Error> {
        let Some(folder) = self.folder(entry)? else { return Ok(None) };
        Ok(transaction.get_json(&approval_key(&folder)).await?)
    }

    /// The request that `entry` keeps.
    pub(super) async fn stored_request(
        &self,
        transaction: &Transaction,
        entry: &TokenEntry,
    ) -> Result<Option<StoredRequest>, Error> {
        let Some(folder) = self.folder(entry)? else { return Ok(None) };
        Ok(transaction.get_json(&request_key(&folder)).await?)
    }

    pub(super) fn folder(&self, entry: &TokenEntry) -> Result<Option<String>, Error> {
        match self.namespace_of(&entry.id)?.filter(|_| entry.is_deferred) {
            Some(namespace) => self.cubbyhole(&namespace, entry),
            None => Ok(None),
        }
    }

    /// Whether the request that `entry` keeps may be run.
    pub(crate) async fn is_approved(&self, entry: &TokenEntry) -> Result<bool, Error> {
        let approval = self.approval(&self.barrier.begin(), entry).await?;
        Ok(approval.is_some_and(|approval| approval.is_met()))
    }
}
