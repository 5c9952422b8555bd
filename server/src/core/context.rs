//! What a handler works with.

use std::sync::Arc;

use jiff::Timestamp;
use schemas::Record;
use schemas::shape::FromRecord;

use super::error::Error;
use super::limits::TtlLimits;
use super::mount::Mount;
use super::pattern::Captures;
use super::request::{Operation, Parameters, Request};
use super::state::Core;
use super::token::TokenEntry;
use super::topology::{NextTopology, Topology};
use crate::barrier::{Transaction, View};

/// One request to one mount, and everything a handler may touch.
///
/// A handler runs again from the start, on a new context, if its commit conflicts with another request. So it
/// has no effect but by [`view`](Context::view) and by hooks on the transaction, and no clock but
/// [`now`](Context::now).
pub struct Context<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) request: &'a Request,
    pub(crate) mount: &'a Mount,
    pub(crate) path: &'a str,
    pub(crate) captures: Captures<'a>,
    pub(crate) input: Record,
    pub(crate) transaction: &'a Transaction,
    /// For a request that changes mounts or namespaces.
    pub(crate) next: Option<&'a NextTopology>,
    /// Whether it is not the first attempt: others have come in between before.
    pub(crate) is_repeated: bool,
    pub(crate) prefix: &'a str,
    pub(crate) limits: TtlLimits,
    pub(crate) now: Timestamp,
}

impl<'a> Context<'a> {
    /// The request as the client sent it.
    pub fn request(&self) -> &'a Request {
        self.request
    }

    /// What to do.
    pub fn operation(&self) -> Operation {
        self.request.operation
    }

    /// Where the engine is mounted, with type, options and limits.
    pub fn mount(&self) -> &'a Mount {
        self.mount
    }

    /// The path relative to the mount.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// What the placeholder `name` of the route stands for; empty if the route has no such placeholder.
    pub fn capture(&self, name: &str) -> &str {
        self.captures.iter().find(|(key, _)| *key == name).map_or("", |(_, text)| text)
    }

    /// The fields that the request names, by API name and of the right shape. A field that is not named is not
    /// there: an update keeps it, a create takes its default.
    pub fn input(&self) -> &Record {
        &self.input
    }

    /// [`input`](Context::input) as a struct with `#[derive(schemas::Fields)]`.
    ///
    /// # Errors
    /// 400 for a field that does not fit or is missing.
    pub fn fields<T: FromRecord>(&self) -> Result<T, Error> {
        T::from_record(&self.input).map_err(|problems| Error::invalid(problems.join("; ")))
    }

    /// The raw parameters, for routes with free bodies (kv): nothing is converted.
    pub fn parameters(&self) -> &'a Parameters {
        &self.request.parameters
    }

    /// The mount's storage.
    pub fn view(&self) -> View<'a> {
        self.transaction.view(self.prefix)
    }

    /// The transaction of this request, for hooks. Reading or writing beyond [`view`](Context::view) is the core's.
    pub fn transaction(&self) -> &'a Transaction {
        self.transaction
    }

    /// Mounts and namespaces of this moment; for a request that changes them as they will be once it is committed.
    pub(crate) fn topology(&self) -> Result<Arc<Topology>, Error> {
        match self.next {
            Some(next) => Ok(next.get()),
            None => self.core.open_topology(),
        }
    }

    /// Changes mounts or namespaces: other requests find them so once it is durable.
    ///
    /// # Errors
    /// On a route that was not declared to do so.
    pub(crate) fn change_topology(
        &self,
        change: impl FnOnce(&Topology) -> Arc<Topology>,
    ) -> Result<(), Error> {
        let next = self.next.ok_or_else(|| Error::internal("this route does not change mounts"))?;
        next.set(change(&next.get()));
        Ok(())
    }

    /// What the token may do.
    ///
    /// # Errors
    /// 403 on an unauthenticated request.
    pub fn token(&self) -> Result<&'a TokenEntry, Error> {
        self.request.token.as_deref().ok_or_else(Error::permission_denied)
    }

    /// Default and longest lifetime of leases and tokens of this mount, the system's applied.
    pub fn limits(&self) -> TtlLimits {
        self.limits
    }

    /// The moment of the request.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}
