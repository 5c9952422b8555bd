//! The order of commits, and who may join it.
//!
//! Optimistic validation over a fixed array of stripes. A stripe holds the sequence of the last commit that
//! touched one of its keys. A transaction begins at the highest sequence up to which everything is applied;
//! when it commits, each stripe it has read must still be at or below that. Two keys may share a stripe;
//! that costs a needless repetition, never a lost one. Folders have stripes of their own: every commit that creates
//! anything touches those near the root, and a key that shared one would be stale most of the time.
//!
//! Who has lost may [claim](super::claims) that others give way.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::claims::{Claim, Claims, Elder, Patience};

/// Stripes of keys; those of folders follow.
const KEY_STRIPES: usize = 49_152;
const FOLDER_STRIPES: usize = 16_384;

/// Run once a commit is durable, in the order of commits.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

/// The place of a key or of a folder in the array of stripes.
pub(super) type Stripe = usize;

/// Where changes of one key are seen, whatever it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(pub(super) Stripe);

/// What a transaction has read and is going to write.
pub(super) struct Footprint {
    /// The sequence at which the transaction began.
    pub(super) start: u64,
    /// Stripes of keys and folders that were read.
    pub(super) reads: Vec<Stripe>,
    /// Stripes of keys that are written.
    pub(super) writes: Vec<Stripe>,
    /// Stripes of folders whose listing may change.
    pub(super) folders: Vec<Stripe>,
}

/// What [`CommitOrder::admit`] decided.
pub(super) enum Admission {
    /// The commit has this sequence; whoever was told so must call [`CommitOrder::finish`] with it.
    Granted(u64),
    /// What was read is stale. Wait for the given sequence before trying again.
    Stale(u64),
    /// A write to the same key is on its way to the disk. Wait for the given sequence, then ask again.
    Busy(u64),
    /// Somebody claims what is to be written. Give way, then ask again.
    Claimed(Elder),
}

/// The sequencer of all commits of one barrier.
pub(super) struct CommitOrder {
    hasher: RandomState,
    stripes: Box<[AtomicU64]>,
    claims: Arc<Claims>,
    /// The last sequence given out.
    assigned: Mutex<u64>,
    /// Everything up to here is finished. Written under the lock of `finishing`.
    applied: AtomicU64,
    finishing: Mutex<Finishing>,
}

#[derive(Default)]
struct Finishing {
    /// Finished commits that wait for an earlier one, with their hooks.
    done: BTreeMap<u64, Vec<Hook>>,
    waiters: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
}

impl CommitOrder {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            stripes: (0..KEY_STRIPES + FOLDER_STRIPES).map(|_| AtomicU64::new(0)).collect(),
            claims: Arc::default(),
            assigned: Mutex::new(0),
            applied: AtomicU64::new(0),
            finishing: Mutex::default(),
        }
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The stripe of a key.
    pub(super) fn stripe(&self, key: &str) -> Stripe {
        // The remainder is below 65,536, so nothing is cut off.
        (self.hasher.hash_one(key) % KEY_STRIPES as u64) as Stripe
    }

    /// The stripe of the names in a folder.
    pub(super) fn folder_stripe(&self, folder: &str) -> Stripe {
        KEY_STRIPES + (self.hasher.hash_one(folder) % FOLDER_STRIPES as u64) as Stripe
    }

    /// Validates the reads and takes the next sequence, or says what to wait for. Who loses has `claim` on what is stale.
    /// Who is at the end of its patience gives way no more.
    pub(super) fn admit(&self, footprint: &Footprint, claim: &mut Claim, patience: &Patience) -> Admission {
        let mut assigned = self.assigned.lock();
        if let Some(stale) = self.claim_stale(footprint, claim) {
            return Admission::Stale(stale);
        }
        let touched = || footprint.writes.iter().chain(&footprint.folders);
        if !patience.is_over()
            && let Some(elder) = self.claims.elder(touched(), claim)
        {
            return Admission::Claimed(elder);
        }
        // Storage may apply two batches in any order, so one key is never in two unfinished batches.
        if let Some(busy) = self.newest_after(&footprint.writes, self.applied()) {
            return Admission::Busy(busy);
        }
        *assigned += 1;
        for &stripe in touched() {
            self.stripes[stripe].store(*assigned, Ordering::Relaxed);
        }
        Admission::Granted(*assigned)
    }

    /// The last commit after the beginning of the transaction that touches what it has read, which `claim` is then upon.
    pub(super) fn stale(&self, footprint: &Footprint, claim: &mut Claim) -> Option<u64> {
        let _assigned = self.assigned.lock();
        self.claim_stale(footprint, claim)
    }

    /// As [`stale`](Self::stale), for who has the lock: no other commit gets in before the claim.
    fn claim_stale(&self, footprint: &Footprint, claim: &mut Claim) -> Option<u64> {
        let stale = self.newest_after(&footprint.reads, footprint.start)?;
        let is_stale = |stripe: &Stripe| self.stripes[*stripe].load(Ordering::Relaxed) > footprint.start;
        claim.extend(&self.claims, &footprint.reads.iter().copied().filter(is_stale).collect());
        Some(stale)
    }

    /// The last commit that may have changed something of `stripe`, whether it is finished or not.
    pub(super) fn changed(&self, stripe: Stripe) -> u64 {
        let _assigned = self.assigned.lock();
        self.stripes[stripe].load(Ordering::Relaxed)
    }

    /// As [`changed`](Self::changed), without the lock: who has read anything of a commit finds it here, as it was admitted
    /// before it was written. Of other commits nothing is certain.
    pub(super) fn seen(&self, stripe: Stripe) -> u64 {
        self.stripes[stripe].load(Ordering::Relaxed)
    }

    /// The newest sequence among `stripes` if it is after `limit`.
    fn newest_after(&self, stripes: &[Stripe], limit: u64) -> Option<u64> {
        let newest = stripes.iter().map(|&stripe| self.stripes[stripe].load(Ordering::Relaxed)).max()?;
        (newest > limit).then_some(newest)
    }

    /// Waits until all that was admitted is finished.
    pub(super) async fn settle(&self) {
        let last = *self.assigned.lock();
        self.wait_for(last).await;
    }

    /// Says that the commit `sequence` is durable, or has failed and left nothing (then without hooks).
    pub(super) fn finish(&self, sequence: u64, hooks: Vec<Hook>) {
        let mut finishing = self.finishing.lock();
        finishing.done.insert(sequence, hooks);
        let mut applied = self.applied();
        while let Some(hooks) = finishing.done.remove(&(applied + 1)) {
            hooks.into_iter().for_each(run);
            applied += 1;
            // Only now, so that whoever begins at this sequence sees what the hooks have published.
            self.applied.store(applied, Ordering::Release);
        }
        finishing.wake(applied);
    }

    /// Waits until everything up to `sequence` is finished.
    pub(super) async fn wait_for(&self, sequence: u64) {
        let receiver = {
            let mut finishing = self.finishing.lock();
            if self.applied() >= sequence {
                return;
            }
            let (sender, receiver) = oneshot::channel();
            finishing.waiters.entry(sequence).or_default().push(sender);
            receiver
        };
        // The sender lives in `self` until it is used.
        receiver.await.ok();
    }
}

impl Finishing {
    fn wake(&mut self, applied: u64) {
        let later = self.waiters.split_off(&(applied + 1));
        for waiter in std::mem::replace(&mut self.waiters, later).into_values().flatten() {
            // A waiter that has gone away is not interested.
            waiter.send(()).ok();
        }
    }
}

/// Runs a hook; its panic is its own and must not stop the order of commits.
fn run(hook: Hook) {
    if catch_unwind(AssertUnwindSafe(hook)).is_err() {
        tracing::error!("a hook after a commit panicked");
    }
}
