//! Rate limits: how many requests one address may make.
//!
//! The limits are an immutable snapshot that requests read without locks; without any limit there is nothing but
//! one load of a pointer. They are asked before a body is read, a token looked up or a seal asked for.

mod limiter;
mod record;
mod rules;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::{HeaderName, HeaderValue, StatusCode, header};

pub(crate) use limiter::{Count, Verdict};
pub(crate) use record::{CONFIG_KEY, PREFIX, QuotaConfig, QuotaRecord, load_all, load_config};
use rules::{Place, Rules};

use super::context::Context;
use super::error::Error;
use super::namespace::Namespace;
use super::pipeline::Incoming;
use super::state::Core;
use crate::barrier::Transaction;

/// The limits of the server.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// `None`: nothing is limited.
    rules: ArcSwapOption<Rules>,
    /// As `rules`, also while they are empty: what a change starts from.
    present: parking_lot::Mutex<Arc<Rules>>,
}

/// What the limits say to a request.
#[derive(Debug)]
pub(crate) enum RateLimit {
    /// No limit holds for it.
    Free,
    /// It may go on or not; the headers are for its answer.
    Counted {
        /// Whether it may go on.
        is_allowed: bool,
        /// For the answer.
        headers: Vec<(HeaderName, HeaderValue)>,
    },
    /// It depends on the role that its body names.
    OfRole,
}

impl RateLimit {
    /// Refuses the request for `path` that the limit does not allow.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn require(&self, path: &str) -> Result<(), Error> {
        match self {
            Self::Counted { is_allowed: false, .. } => {
                let text = format!("request path \"{path}\": rate limit quota exceeded");
                Err(Error::with_status(StatusCode::TOO_MANY_REQUESTS, text))
            }
            _ => Ok(()),
        }
    }
}

impl Quotas {
    /// Reads the limits, once unsealed.
    pub(crate) async fn open(&self, transaction: &Transaction) -> Result<(), Error> {
        let config = load_config(transaction).await?;
        let records = load_all(transaction).await?;
        self.change(|_| {
            records.into_iter().fold(Rules::new(config, Vec::new()), |rules, record| rules.with(record))
        });
        Ok(())
    }

    /// Forgets the limits, for sealing.
    pub(crate) fn close(&self) {
        self.change(|_| Rules::default());
    }

    /// Whether nothing is limited.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.load().is_none()
    }

    fn change(&self, change: impl FnOnce(&Rules) -> Rules) {
        let mut present = self.present.lock();
        *present = Arc::new(change(&present));
        self.rules.store(Some(Arc::clone(&present)).filter(|rules| !rules.is_empty()));
    }
}

/// Writes `record`.
pub(crate) fn write(cx: &Context<'_>, record: QuotaRecord) -> Result<(), Error> {
    cx.transaction().put_json(&format!("{PREFIX}{}", record.name), &record)?;
    after_commit(cx, move |rules| rules.with(record));
    Ok(())
}

/// Removes the limit `name`.
pub(crate) fn remove(cx: &Context<'_>, name: &str) {
    cx.transaction().delete(format!("{PREFIX}{name}"));
    let name = name.to_owned();
    after_commit(cx, move |rules| rules.without(&name));
}

/// Writes what holds for all limits.
pub(crate) fn configure(cx: &Context<'_>, config: QuotaConfig) -> Result<(), Error> {
    cx.transaction().put_json(CONFIG_KEY, &config)?;
    after_commit(cx, move |rules| rules.with_config(config));
    Ok(())
}

fn after_commit(cx: &Context<'_>, change: impl FnOnce(&Rules) -> Rules + Send + 'static) {
    let core = Arc::clone(cx.core);
    cx.transaction().after_commit(Box::new(move || core.quotas.change(change)));
}

/// Removes the limits of a mount that goes, or of all of a namespace.
pub(crate) async fn remove_below(cx: &Context<'_>, namespace: &Namespace, mount: &str) -> Result<(), Error> {
    if cx.core.quotas.is_empty() {
        return Ok(());
    }
    let is_meant = |record: &QuotaRecord| {
        record.namespace == namespace.path && (mount.is_empty() || record.mount == mount)
    };
    for record in load_all(cx.transaction()).await?.into_iter().filter(is_meant) {
        remove(cx, &record.name);
    }
    Ok(())
}

/// Lets the limits of a mount follow it from one namespace and path to another.
pub(crate) async fn follow(
    cx: &Context<'_>,
    from: (&Namespace, &str),
    to: (&Namespace, &str),
) -> Result<(), Error> {
    if cx.core.quotas.is_empty() {
        return Ok(());
    }
    let is_meant = |record: &QuotaRecord| record.namespace == from.0.path && record.mount == from.1;
    for record in load_all(cx.transaction()).await?.into_iter().filter(is_meant) {
        write(cx, QuotaRecord { namespace: to.0.path.clone(), mount: to.1.to_owned(), ..record })?;
    }
    Ok(())
}

impl Core {
    /// Counts a request for `path` (as the client wrote it, without `/v1/`), the namespace of `header` before it.
    pub(crate) fn rate_limit(&self, header: &str, path: &str, client: IpAddr) -> RateLimit {
        self.count(header, path, client, None)
    }

    fn count(&self, header: &str, path: &str, client: IpAddr, role: Option<&str>) -> RateLimit {
        let rules = self.quotas.rules.load();
        let Some(rules) = rules.as_deref().filter(|rules| !rules.config.exempts(path)) else {
            return RateLimit::Free;
        };
        let Some(topology) = self.topology() else { return RateLimit::Free };
        let found = topology.resolve(header, path).or_else(|| topology.space("").map(|root| (root, 0)));
        let Some((space, length)) = found else { return RateLimit::Free };
        let (mount, suffix) = match space.route(&path[length..]) {
            Some((mounted, suffix)) => (mounted.entry().api_path(), suffix),
            None => (String::new(), ""),
        };
        let place = Place { namespace: &space.namespace.path, mount: &mount, suffix, role };
        if role.is_none() && rules.asks_role(place) {
            return RateLimit::OfRole;
        }
        match rules.find(place) {
            Some(limiter) => counted(limiter.take(client, self.clock.now()), rules.config.response_headers),
            None => RateLimit::Free,
        }
    }

    /// Counts a request whose limit depends on the role of its login.
    pub(crate) async fn rate_limit_of_role(self: &Arc<Self>, incoming: &Incoming) -> RateLimit {
        let role = self.role_of_login(incoming).await.unwrap_or_default();
        self.count(&incoming.namespace, &incoming.path, incoming.client, Some(&role))
    }
}

fn counted(verdict: Verdict, tells: bool) -> RateLimit {
    let is_allowed = matches!(verdict, Verdict::Allowed(_));
    let headers = if tells { headers(verdict) } else { Vec::new() };
    RateLimit::Counted { is_allowed, headers }
}

fn headers(verdict: Verdict) -> Vec<(HeaderName, HeaderValue)> {
    let (count, retry_after) = match verdict {
        Verdict::Allowed(count) => (Some(count), None),
        Verdict::Refused { count, retry_after } => (Some(count), Some(retry_after)),
        Verdict::Blocked { retry_after } => (None, Some(retry_after)),
    };
    let of_count = |count: Count| {
        [
            ("x-ratelimit-limit", count.limit),
            ("x-ratelimit-remaining", count.left),
            ("x-ratelimit-reset", count.reset),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), value))
    };
    let counts = count.into_iter().flat_map(of_count);
    let retry = retry_after.map(|seconds| (header::RETRY_AFTER, seconds));
    counts.chain(retry).map(|(name, value)| (name, value.into())).collect()
}
