//! A client that cannot write.

use schemas::{Answer, Diagnostic, Kind, Operation, Record, Request};

use crate::run::{Transport, converse};
use crate::{Client, Error, Origins, Outcome, Product};

/// A client for looking only: it has no method that writes, and refuses a request that would.
#[derive(Clone, Copy, Debug)]
pub struct ReadClient<'a>(&'a Client);

impl Client {
    /// The same client for looking only.
    pub fn reader(&self) -> ReadClient<'_> {
        ReadClient(self)
    }
}

impl ReadClient<'_> {
    /// Reads the object of `kind` whose keys are in `known`, in full.
    ///
    /// # Errors
    /// What went wrong. A 403 is an error, not an absent object.
    pub async fn read(&self, kind: &Kind, namespace: &str, known: &Record) -> Result<Outcome, Error> {
        let known = kind.asked_in_full(known);
        let read = converse(self, kind, namespace, &Operation::Read { prior: &known }).await;
        read.map_err(|failure| failure.error)
    }

    /// Sends a request that changes nothing.
    ///
    /// # Errors
    /// When there is no answer, or when the request would write.
    pub async fn send(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        if !request.reads {
            let text =
                format!("{} {} would write, and this run only looks", request.method.as_str(), request.path);
            return Err(Error::Said(Box::new(Diagnostic::error(text))));
        }
        self.0.send(namespace, request).await
    }

    /// The absolute path of the client's own namespace; empty for the root.
    pub fn namespace(&self) -> String {
        self.0.namespace()
    }

    /// Where address, token and namespace come from.
    pub fn origins(&self) -> &Origins {
        self.0.origins()
    }

    /// The absolute namespace that the token lives in, as far as it is known; empty for the root.
    pub fn token_namespace(&self) -> Option<String> {
        self.0.token_namespace()
    }

    /// What the server says it is.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn product(&self) -> Result<&Product, Error> {
        self.0.product().await
    }
}

impl Transport for ReadClient<'_> {
    async fn carry(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.send(namespace, request).await
    }

    fn own_namespace(&self) -> String {
        self.namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        ReadClient::token_namespace(self)
    }
}
