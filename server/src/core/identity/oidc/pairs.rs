//! Pairs for named keys: each is made once, for all who need it, and outlives a handler that has to run again.
//!
//! Many requests may find at the same moment that a key lacks a pair, and all commits but one fail. So what is made is
//! kept here, under the key, until a commit has stored it: whoever comes to need it meanwhile takes the same one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::algorithm::Algorithm;
use super::keyring::KeyRecord;
use super::signing::Pair;
use super::store;
use crate::barrier::{Claim, Transaction};
use crate::core::error::Error;
use crate::core::identity::store::Store;

/// Keys that pairs are kept for at most, those aside that are at work.
const CAPACITY: usize = 1024;

/// Pairs that no commit has stored yet, and the keys that are being rotated beside the requests. Keys are told apart by
/// where they are stored.
#[derive(Default)]
pub(crate) struct Pairs {
    benches: Mutex<HashMap<String, Arc<Bench>>>,
    rotating: Mutex<HashSet<String>>,
    /// How many were made.
    #[cfg(test)]
    pub(super) made: std::sync::atomic::AtomicUsize,
}

/// Where the pairs of one key are made.
#[derive(Default)]
pub(super) struct Bench {
    /// Held while one is made.
    pub(super) making: tokio::sync::Mutex<()>,
    pub(super) ready: Mutex<Vec<Pair>>,
}

impl Bench {
    fn find(&self, algorithm: Algorithm, index: usize) -> Option<Pair> {
        let mut ready = self.ready.lock();
        // The algorithm was changed since.
        ready.retain(|pair| pair.key.algorithm() == algorithm);
        ready.get(index).cloned()
    }
}

impl Pairs {
    /// The pairs for the key `name`, in the transaction of `store`.
    pub(super) fn supply<'a>(self: &Arc<Self>, store: &Store<'a>, name: &str) -> Supply<'a> {
        Supply {
            pairs: Arc::clone(self),
            store: *store,
            place: store::key::<KeyRecord>(store, name),
            taken: 0,
        }
    }

    /// The right to rotate the key `name` beside the requests; `None` if somebody does.
    pub(super) fn begin(self: &Arc<Self>, store: &Store<'_>, name: &str) -> Option<Rotating> {
        let place = store::key::<KeyRecord>(store, name);
        let is_first = self.rotating.lock().insert(place.clone());
        is_first.then(|| Rotating { pairs: Arc::clone(self), place })
    }

    /// Forgets all pairs, for sealing.
    pub(crate) fn clear(&self) {
        self.benches.lock().clear();
    }

    /// Where the pairs of the key at `place` are made.
    pub(super) fn bench(&self, place: &str) -> Arc<Bench> {
        let mut benches = self.benches.lock();
        if benches.len() >= CAPACITY {
            benches.retain(|_, bench| Arc::strong_count(bench) > 1);
        }
        Arc::clone(benches.entry(place.to_owned()).or_default())
    }

    /// The pair number `index` of those that are ready, made if it has to be. Who waits here waits for one pair, made by
    /// whoever came first.
    ///
    /// # Errors
    /// If `transaction` is stale: somebody else has changed the key meanwhile, and it may lack no pair any more. Whoever
    /// gets this repeats what it does.
    async fn pair(
        &self,
        transaction: &Transaction,
        place: &str,
        algorithm: Algorithm,
        index: usize,
    ) -> Result<Pair, Error> {
        let bench = self.bench(place);
        let _making = bench.making.lock().await;
        if let Some(pair) = bench.find(algorithm, index) {
            return Ok(pair);
        }
        if transaction.was_stale(&mut Claim::default()).await {
            return Err(Error::internal("another request has changed the key"));
        }
        let pair = Pair::generate(algorithm).await?;
        #[cfg(test)]
        self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bench.ready.lock().push(pair.clone());
        Ok(pair)
    }

    /// Forgets the pair `id`, which is stored now.
    fn stored(&self, place: &str, id: &str) {
        let mut benches = self.benches.lock();
        let Some(bench) = benches.get(place) else { return };
        bench.ready.lock().retain(|pair| pair.key.id != id);
        if Arc::strong_count(bench) == 1 && bench.ready.lock().is_empty() {
            benches.remove(place);
        }
    }
}

/// The pairs that one transaction takes for one key.
pub(super) struct Supply<'a> {
    pairs: Arc<Pairs>,
    store: Store<'a>,
    place: String,
    taken: usize,
}

impl Supply<'_> {
    /// One more pair. It is nobody else's once the transaction is committed: a commit of others that has taken it, too,
    /// changes the key, so that one of both fails.
    pub(super) async fn take(&mut self, algorithm: Algorithm) -> Result<Pair, Error> {
        let pair = self.pairs.pair(self.store.transaction, &self.place, algorithm, self.taken).await?;
        self.taken += 1;
        let (pairs, place, id) = (Arc::clone(&self.pairs), self.place.clone(), pair.key.id.clone());
        self.store.transaction.after_commit(Box::new(move || pairs.stored(&place, &id)));
        Ok(pair)
    }
}

/// The right to rotate a key beside the requests, until it is dropped.
pub(super) struct Rotating {
    pairs: Arc<Pairs>,
    place: String,
}

impl Drop for Rotating {
    fn drop(&mut self) {
        self.pairs.rotating.lock().remove(&self.place);
    }
}
