//! Requests under way, and how many were answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use http::{Method, StatusCode, Uri};
use jiff::Timestamp;

use super::latency::Latency;
use super::pipeline::{self, Incoming};
use super::state::Core;

/// Counts requests from when their heads are read until they are answered.
#[derive(Debug)]
pub(crate) struct Traffic {
    under_way: DashMap<u64, UnderWay>,
    next: AtomicU64,
    /// By the first digit of the status, from 1 on.
    answered: [AtomicU64; 5],
    since: Timestamp,
    /// Requests that need a token.
    pub(crate) requests: Latency,
    /// Requests that need none, such as logins.
    pub(crate) logins: Latency,
    /// Looking up the token of a request that needs one, and its identity.
    pub(crate) checks: Latency,
}

impl Core {
    /// Counts how long it takes to answer `incoming`: until what is answered is dropped.
    pub(crate) fn measure(&self, incoming: &Incoming) -> Measured<'_> {
        let Traffic { requests, logins, .. } = &*self.traffic;
        let latency = if self.is_open_to_all(incoming) { logins } else { requests };
        Measured { latency, begin: Instant::now() }
    }

    fn is_open_to_all(&self, incoming: &Incoming) -> bool {
        // Who has a token and asks for something that is no auth method's is nearly always in need of it, and not asked
        // for twice where that leads.
        if !incoming.client_token.is_empty() && !incoming.path.contains("auth/") {
            return false;
        }
        self.topology().is_some_and(|topology| {
            let resolved = topology.resolve(&incoming.namespace, &incoming.path);
            resolved.is_some_and(|(space, length)| pipeline::is_open(space, &incoming.path[length..]))
        })
    }
}

/// A request whose time is taken.
pub(crate) struct Measured<'a> {
    latency: &'a Latency,
    begin: Instant,
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.latency.record(self.begin.elapsed());
    }
}

/// A request that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) since: Timestamp,
    pub(crate) client: SocketAddr,
    pub(crate) method: Method,
    /// As the client wrote it. The query may hold anything, and is shown to nobody.
    pub(crate) uri: Uri,
}

/// Holds the place of a request among those under way.
#[derive(Debug)]
pub(crate) struct Passage {
    traffic: Arc<Traffic>,
    number: u64,
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.traffic.under_way.remove(&self.number);
    }
}

impl Traffic {
    /// Nothing yet. `since`: now.
    pub(crate) fn new(since: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            under_way: DashMap::new(),
            next: AtomicU64::new(0),
            answered: Default::default(),
            since,
            requests: Latency::default(),
            logins: Latency::default(),
            checks: Latency::default(),
        })
    }

    /// A request that begins. It is under way until what is answered is dropped.
    pub(crate) fn enter(self: &Arc<Self>, request: UnderWay) -> Passage {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.under_way.insert(number, request);
        Passage { traffic: Arc::clone(self), number }
    }

    /// Counts an answer.
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.answered.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that are under way, with a number each, the oldest first.
    pub(crate) fn under_way(&self) -> Vec<(u64, UnderWay)> {
        let mut found: Vec<_> =
            self.under_way.iter().map(|entry| (*entry.key(), entry.value().clone())).collect();
        found.sort_by_key(|(number, _)| *number);
        found
    }

    /// How many are under way.
    pub(crate) fn under_way_count(&self) -> usize {
        self.under_way.len()
    }

    /// How many were answered, by class: `2xx`.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (String, u64)> {
        let counts = self.answered.iter().map(|count| count.load(Ordering::Relaxed));
        counts.enumerate().map(|(class, count)| (format!("{}xx", class + 1), count))
    }

    /// When counting began.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_under_way_until_its_passage_ends() {
        let traffic = Traffic::new(Timestamp::UNIX_EPOCH);
        let request = |path: &str| UnderWay {
            since: Timestamp::UNIX_EPOCH,
            client: ([127, 0, 0, 1], 1).into(),
            method: Method::GET,
            uri: path.parse().expect("a path"),
        };
        let first = traffic.enter(request("/v1/a"));
        let second = traffic.enter(request("/v1/b"));
        let paths = || {
            traffic
                .under_way()
                .into_iter()
                .map(|(_, request)| request.uri.path().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(paths(), ["/v1/a", "/v1/b"]);
        drop(first);
        assert_eq!((paths(), traffic.under_way_count()), (vec!["/v1/b".to_owned()], 1));
        drop(second);
        assert_eq!(traffic.under_way_count(), 0);
    }

    #[test]
    fn answers_are_counted_by_class() {
        let traffic = Traffic::new(Timestamp::UNIX_EPOCH);
        [200, 204, 404, 503].into_iter().for_each(|code| {
            traffic.count(StatusCode::from_u16(code).expect("a status"));
        });
        let counts: Vec<u64> = traffic.answered().map(|(_, count)| count).collect();
        assert_eq!(counts, [0, 2, 0, 1, 1]);
    }
}
