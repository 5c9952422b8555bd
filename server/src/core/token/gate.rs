//! Who may enter: the token of a request, counted and with its identity.

use std::sync::Arc;

use http::StatusCode;

use super::{TokenEntry, TokenKind, namespace_of};
use crate::core::error::Error;
use crate::core::identity::Entity;
use crate::core::latency::Latency;
use crate::core::request::{ClientToken, Inline, Operation, Request};
use crate::core::state::Core;
use crate::core::wrapping;

/// What may be done in a locked namespace from outside of it: a lock keeps nobody from ending what has leaked.
const ENDINGS: [&str; 5] = [
    "auth/token/revoke",
    "auth/token/revoke-orphan",
    "auth/token/revoke-self",
    "sys/leases/revoke",
    "sys/namespaces/api-lock/unlock",
];

/// A request that was let in.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// The token whose last use this is: to be revoked when the request is over.
    last_use_of: Option<String>,
    /// Whether it unwraps a request that is approved: that is run in its place, with its own token.
    pub(crate) runs_stored: bool,
}

impl Core {
    /// Finds token and identity of `request`, and counts the use. Where no token is needed, a wrong one does not
    /// matter and no use is counted; one that is right is no better there than elsewhere without its identity.
    ///
    /// # Errors
    /// 403 without a token that may be used now, from there, by this identity.
    pub(crate) async fn admit(&self, request: &mut Request, is_needed: bool) -> Result<Admission, Error> {
        let begin = Latency::begin();
        if wrapping::PATHS.contains(&&*request.path) {
            if !request.parameters.contains_key("token") {
                self.require_open_home(&request.client_token)?;
            }
            let wrapping = Box::pin(self.tokens.require_wrapping_token(request, self.clock.now())).await?;
            let is_unwrapped = request.operation == Operation::Update && request.path.ends_with("/unwrap");
            if wrapping.is_deferred && is_unwrapped {
                return Ok(Admission { runs_stored: true, ..Admission::default() });
            }
        }
        let token = match request.inline {
            Inline::Proved => request.token.take(),
            _ => self.tokens.lookup(&request.client_token, self.clock.now()).await?,
        };
        request.token = token.filter(|token| token.admits(request.client) || is_endless_root(token));
        if let Some(token) = &request.token {
            request.entity = self.entity_of(token).await?;
        }
        if !is_needed {
            self.require_unlocked_from_outside(request)?;
            return Ok(Admission::default());
        }
        self.traffic.checks.end(begin);
        let token = request.token.clone().ok_or_else(|| self.denied(&request.client_token))?;
        self.require_unlocked_from_outside(request)?;
        // The one use of a token that is stored nowhere is this one.
        if token.num_uses == 0 || token.kind == TokenKind::Batch || request.inline == Inline::Proved {
            return Ok(Admission::default());
        }
        let spent = Box::pin(self.tokens.spend(&token)).await?.ok_or_else(Error::permission_denied)?;
        let last_use_of = (spent.num_uses < 0).then(|| spent.id.clone());
        request.token = Some(Arc::new(spent));
        Ok(Admission { last_use_of, runs_stored: false })
    }

    /// Why `token` is good for nothing.
    fn denied(&self, token: &ClientToken) -> Error {
        self.require_open_home(token).err().unwrap_or_else(Error::permission_denied)
    }

    /// Refuses a token whose namespace is sealed: whether it is a good one cannot be known.
    fn require_open_home(&self, token: &ClientToken) -> Result<(), Error> {
        let topology = self.topology();
        let home = topology.as_ref().and_then(|topology| topology.by_id(namespace_of(token.expose())));
        if home.is_none_or(|home| !home.is_sealed) {
            return Ok(());
        }
        Err(Error::with_status(
            StatusCode::SERVICE_UNAVAILABLE,
            "error performing token check: failed to read entry: Vault is sealed",
        ))
    }

    /// Refuses requests that came to a locked namespace by an id of it. Asked once the token is known to be good, since
    /// the answer names the namespace, and before its use is counted.
    fn require_unlocked_from_outside(&self, request: &Request) -> Result<(), Error> {
        let is_ending = ENDINGS.contains(&&*request.path) || request.path.starts_with("sys/leases/revoke/");
        if request.namespace.is_root() || is_ending {
            return Ok(());
        }
        self.open_topology()?.require_unlocked(&request.namespace.path)
    }

    /// The identity behind `token`. Without it (deleted or disabled) the token is good for nothing.
    async fn entity_of(&self, token: &TokenEntry) -> Result<Option<Arc<Entity>>, Error> {
        if token.entity_id.is_empty() {
            return Ok(None);
        }
        let entity = Box::pin(self.identity_behind(token)).await?.filter(|entity| !entity.disabled);
        entity.map(Some).ok_or_else(Error::permission_denied)
    }

    /// The identity behind `token`, even a disabled one; `None` without, or if it was deleted. Its policies are those of
    /// its own namespace: to a token of another, which may have others of the same names, it is as good as deleted.
    pub(crate) async fn identity_behind(&self, token: &TokenEntry) -> Result<Option<Arc<Entity>>, Error> {
        if token.entity_id.is_empty() {
            return Ok(None);
        }
        match self.tokens.namespace_of(&token.entity_id)? {
            Some(namespace) if namespace.id == token.namespace => {
                self.identity(&namespace, &token.entity_id).await
            }
            _ => Ok(None),
        }
    }

    /// Ends what the request has used up.
    pub(crate) async fn depart(&self, admission: Admission) -> Result<(), Error> {
        match admission.last_use_of {
            Some(id) => Box::pin(self.tokens.revoke(&id, self.clock.now())).await,
            None => Ok(()),
        }
    }
}

/// Root tokens without end cannot be bound to networks.
fn is_endless_root(token: &TokenEntry) -> bool {
    token.is_root() && token.expires_at.is_none()
}
