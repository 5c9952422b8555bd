//! Leased secrets: made, renewed, ended.

use jiff::Timestamp;

use super::{LeaseRecord, SecretLease, lease_key, leases_of_prefix, token_of};
use crate::barrier::Transaction;
use crate::core::context::Context;
use crate::core::engine::Lease;
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::response::{LeaseBlock, LeaseGrant};
use crate::core::token::ttl::{self, Wanted, lifetime, whole};
use crate::core::token::{Home, TokenKind, Tokens, random_text};

/// Leases that are ended in one commit. Each reads some folders, and by all that it has read a commit may lose.
const AT_ONCE: usize = 100;

impl Tokens {
    /// Makes the lease of a secret that the request of `cx` was answered. Answers it and the warnings.
    pub(crate) async fn lease(
        &self,
        cx: &Context<'_>,
        grant: LeaseGrant,
    ) -> Result<(LeaseBlock, Vec<String>), Error> {
        let token = cx.token()?;
        if token.num_uses < 0 {
            let text = "Secret cannot be returned; token had one use left, so leased credentials were immediately revoked.";
            return Err(Error::invalid(text));
        }
        let wanted = Wanted { ttl: whole(grant.ttl), max_ttl: whole(grant.max_ttl), ..Wanted::default() };
        let mut lifetime = lifetime(cx.limits(), wanted, cx.now(), cx.now())?;
        let is_batch = token.kind == TokenKind::Batch;
        if is_batch {
            lifetime.seconds = lifetime.seconds.min(token.seconds_left(cx.now())).max(1);
        }
        let namespace = &cx.request().namespace;
        let id =
            format!("{}/{}{}", cx.request().path.trim_end_matches('/'), random_text(), namespace.id_suffix());
        let lease = SecretLease {
            path: cx.request().path.to_string(),
            token: if is_batch { token.parent.clone() } else { token.id.clone() },
            issued_at: cx.now(),
            expires_at: ttl::after(cx.now(), lifetime.seconds),
            renewable: grant.renewable && !is_batch,
            granted_ttl: lifetime.seconds,
            max_ttl: whole(grant.max_ttl),
            internal: grant.internal,
            ..SecretLease::default()
        };
        self.index_lease(cx.transaction(), namespace, &id, &lease).await?;
        self.leases().write_secret(cx.transaction(), namespace, &id, &lease)?;
        let block = LeaseBlock { id, renewable: lease.renewable, duration: lifetime.seconds };
        Ok((block, lifetime.warnings))
    }

    /// Lets the revocation of its token find the lease; reading the token makes the two exclude each other.
    async fn index_lease(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
        lease: &SecretLease,
    ) -> Result<(), Error> {
        if lease.token.is_empty() {
            return Ok(());
        }
        self.read(transaction, &lease.token).await?.ok_or_else(Error::permission_denied)?;
        let owner = self.namespace_of(&lease.token)?.ok_or_else(Error::permission_denied)?;
        let key = format!("{}{id}", leases_of_prefix(&owner, &lease.token));
        Ok(transaction.put_json(&key, &lease_key(namespace, id))?)
    }

    /// The lease `id`, if it belongs to `namespace`.
    pub(crate) async fn find_lease(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        id: &str,
    ) -> Result<Option<LeaseRecord>, Error> {
        let Some(owner) = self.namespace_of(id)?.filter(|owner| owner.id == namespace.id) else {
            return Ok(None);
        };
        Ok(transaction.get_json(&lease_key(&owner, id)).await?)
    }

    /// Ends the lease `id` in `transaction`: revokes the token, or lets the engine revoke the secret.
    /// `force` ends the lease even if the engine fails.
    pub(crate) async fn end_lease(
        &self,
        cx: &Context<'_>,
        namespace: &Namespace,
        id: &str,
        force: bool,
    ) -> Result<(), Error> {
        let record: Option<LeaseRecord> = cx.transaction().get_json(&lease_key(namespace, id)).await?;
        match record {
            None => Ok(()),
            Some(LeaseRecord::Token) => {
                self.revoke_tree(cx.transaction(), token_of(id), cx.now()).await?;
                cx.transaction().delete(lease_key(namespace, id));
                Ok(())
            }
            Some(LeaseRecord::Secret(lease)) => self.end_secret(cx, namespace, id, &lease, force).await,
        }
    }

    /// Ends leases of requests below `path`, but no more than one commit should. Answers whether there are no others.
    pub(crate) async fn end_some_below(
        &self,
        cx: &Context<'_>,
        namespace: &Namespace,
        path: &str,
        force: bool,
    ) -> Result<bool, Error> {
        let root = lease_key(namespace, "");
        let keys = cx.transaction().first_keys(&lease_key(namespace, path), AT_ONCE + 1).await?;
        for key in keys.iter().take(AT_ONCE) {
            self.end_lease(cx, namespace, &key[root.len()..], force).await?;
        }
        Ok(keys.len() <= AT_ONCE)
    }

    async fn end_secret(
        &self,
        cx: &Context<'_>,
        namespace: &Namespace,
        id: &str,
        lease: &SecretLease,
        force: bool,
    ) -> Result<(), Error> {
        let revoked = self.revoke_secret(cx, namespace, lease).await;
        if !force {
            revoked?;
        }
        cx.transaction().delete(lease_key(namespace, id));
        self.leases().unwatch(cx.transaction(), id.to_owned(), Some(lease.expires_at));
        if let Some(owner) = self.namespace_of(&lease.token)? {
            cx.transaction().delete(format!("{}{id}", leases_of_prefix(&owner, &lease.token)));
        }
        Ok(())
    }

    async fn revoke_secret(
        &self,
        cx: &Context<'_>,
        namespace: &Namespace,
        lease: &SecretLease,
    ) -> Result<(), Error> {
        let Home { mount, engine } = self.home(namespace, &lease.path)?;
        let engine = engine.ok_or_else(|| Error::not_implemented("revoking a secret of this engine"))?;
        let prefix = mount.storage_prefix();
        let limits = cx.core.limits_of(&mount);
        engine.revoke(&cx.at(&mount, &prefix, limits), &engine_lease(&mount.entry.api_path(), lease, 0)).await
    }

    fn home(&self, namespace: &Namespace, path: &str) -> Result<Home, Error> {
        let home = self.surroundings()?.mount_at(namespace, path);
        home.ok_or_else(|| Error::invalid("the engine of the lease is not mounted any more"))
    }

    /// Gives the lease `id` more time. Answers it and the warnings.
    pub(crate) async fn renew_lease(
        &self,
        cx: &Context<'_>,
        id: &str,
        increment: u64,
    ) -> Result<(LeaseBlock, Vec<String>), Error> {
        let namespace = &cx.request().namespace;
        let not_found = || Error::invalid("lease not found");
        match self.find_lease(cx.transaction(), namespace, id).await?.ok_or_else(not_found)? {
            LeaseRecord::Token => Err(Error::invalid("tokens cannot be renewed through this endpoint")),
            LeaseRecord::Secret(mut lease) => {
                let end = lease.expires_at;
                let warnings = self.renew_secret(cx, &mut lease, increment).await?;
                self.leases().unwatch(cx.transaction(), id.to_owned(), Some(end));
                self.leases().write_secret(cx.transaction(), namespace, id, &lease)?;
                let block =
                    LeaseBlock { id: id.to_owned(), renewable: lease.renewable, duration: lease.granted_ttl };
                Ok((block, warnings))
            }
        }
    }

    async fn renew_secret(
        &self,
        cx: &Context<'_>,
        lease: &mut SecretLease,
        increment: u64,
    ) -> Result<Vec<String>, Error> {
        require_renewable(lease, cx.now())?;
        let Home { mount, engine } = self.home(&cx.request().namespace, &lease.path)?;
        let engine = engine.ok_or_else(|| Error::not_implemented("renewing a secret of this engine"))?;
        let prefix = mount.storage_prefix();
        let limits = cx.core.limits_of(&mount);
        let inner = cx.at(&mount, &prefix, limits);
        let renewal = engine.renew(&inner, &engine_lease(&mount.entry.api_path(), lease, increment)).await?;
        let wanted = Wanted {
            increment,
            ttl: whole(renewal.ttl),
            period: whole(renewal.period),
            max_ttl: whole(renewal.max_ttl),
            explicit_max_ttl: 0,
        };
        let lifetime = lifetime(limits, wanted, lease.issued_at, cx.now())?;
        lease.granted_ttl = lifetime.seconds;
        lease.expires_at = ttl::after(cx.now(), lifetime.seconds);
        lease.renewed_at = Some(cx.now());
        Ok(lifetime.warnings)
    }
}

fn require_renewable(lease: &SecretLease, now: Timestamp) -> Result<(), Error> {
    if lease.is_irrevocable() {
        return Err(Error::invalid("lease is expired and has failed previous revocation attempts"));
    }
    if lease.expires_at <= now {
        return Err(Error::invalid("lease expired"));
    }
    if !lease.renewable {
        return Err(Error::invalid("lease is not renewable"));
    }
    Ok(())
}

/// The lease as its engine, mounted at `mount`, sees it.
fn engine_lease(mount: &str, lease: &SecretLease, increment: u64) -> Lease {
    Lease {
        path: lease.path.strip_prefix(mount).unwrap_or(&lease.path).to_owned(),
        internal: lease.internal.clone(),
        increment: std::time::Duration::from_secs(increment),
    }
}
