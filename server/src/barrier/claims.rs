//! Who goes first of those that have lost to others.
//!
//! Validation alone is unfair: what reads a key that many write may lose for ever. So whoever has lost claims the stripes by
//! which it lost and keeps them until it is through. Those who claim the same go one after the other, by age, and no younger
//! commit touches what is claimed; hence the eldest cannot lose by the same stripes again.
//!
//! A claim is a courtesy, not a lock. Nothing is wrong if it is passed over; so a claim that keeps others waiting for long,
//! because its handler asks another machine for example, is void. That also ends every circle of waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::order::Stripe;

/// How long anybody waits for one claim.
const PATIENCE: Duration = Duration::from_secs(1);

/// The order in which claims were made.
type Age = u64;

/// All claims upon the stripes of one barrier.
#[derive(Default)]
pub(super) struct Claims {
    /// How many claims there are. Most of the time there is none, and nobody needs the lock.
    count: AtomicUsize,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    made: Age,
    /// Who claims each stripe, the eldest first.
    stripes: HashMap<Stripe, BTreeMap<Age, End>>,
}

/// Closed when a claim ends.
type End = watch::Receiver<()>;

/// A claim that others wait for.
pub(super) struct Elder {
    age: Age,
    end: End,
}

/// The precedence of one request over all its attempts. Without any until it has lost once; ends when it is dropped.
#[derive(Default)]
pub(crate) struct Claim(Option<Held>);

struct Held {
    claims: Arc<Claims>,
    age: Age,
    stripes: BTreeSet<Stripe>,
    end: watch::Sender<()>,
}

impl Claim {
    /// Claims `stripes`, too.
    pub(super) fn extend(&mut self, claims: &Arc<Claims>, stripes: impl IntoIterator<Item = Stripe>) {
        let held = self.0.get_or_insert_with(|| Held::new(claims));
        let mut book = claims.book.lock();
        for stripe in stripes {
            held.stripes.insert(stripe);
            book.stripes.entry(stripe).or_default().insert(held.age, held.end.subscribe());
        }
    }

    /// Waits until no elder claims any of the same stripes.
    pub(crate) async fn turn(&self) {
        let Some(held) = &self.0 else { return };
        while let Some(elder) = held.claims.elder(&held.stripes, self) {
            held.claims.give_way(elder).await;
        }
    }

    fn age(&self) -> Age {
        self.0.as_ref().map_or(Age::MAX, |held| held.age)
    }
}

impl Held {
    fn new(claims: &Arc<Claims>) -> Self {
        claims.count.fetch_add(1, Ordering::Relaxed);
        let mut book = claims.book.lock();
        book.made += 1;
        Self {
            claims: Arc::clone(claims),
            age: book.made,
            stripes: BTreeSet::new(),
            end: watch::Sender::new(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.claims.book.lock().remove(self.age, &self.stripes);
        self.claims.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Claims {
    /// The eldest of those older than `claim` who claim any of `stripes`.
    pub(super) fn elder<'a>(
        &self,
        stripes: impl IntoIterator<Item = &'a Stripe>,
        claim: &Claim,
    ) -> Option<Elder> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let book = self.book.lock();
        let eldest = |stripe| book.stripes.get(stripe)?.first_key_value();
        let (&age, end) = stripes.into_iter().filter_map(eldest).min_by_key(|(age, _)| **age)?;
        (age < claim.age()).then(|| Elder { age, end: end.clone() })
    }

    /// Waits until `elder` is through, or has had its time.
    pub(super) async fn give_way(&self, mut elder: Elder) {
        // Nothing is ever sent.
        if tokio::time::timeout(PATIENCE, elder.end.changed()).await.is_err() {
            self.book.lock().void(elder.age);
        }
    }
}

impl Book {
    fn remove(&mut self, age: Age, stripes: &BTreeSet<Stripe>) {
        for stripe in stripes {
            let Some(claimants) = self.stripes.get_mut(stripe) else { continue };
            claimants.remove(&age);
            if claimants.is_empty() {
                self.stripes.remove(stripe);
            }
        }
    }

    /// Forgets all of one claim.
    fn void(&mut self, age: Age) {
        self.stripes.retain(|_, claimants| {
            claimants.remove(&age);
            !claimants.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(claims: &Arc<Claims>, stripes: &[Stripe]) -> Claim {
        let mut claim = Claim::default();
        claim.extend(claims, stripes.iter().copied());
        claim
    }

    fn gives_way(claims: &Arc<Claims>, stripe: Stripe, claim: &Claim) -> bool {
        claims.elder([&stripe], claim).is_some()
    }

    #[test]
    fn the_younger_gives_way_and_the_elder_does_not() {
        let claims = Arc::default();
        let (first, second) = (claim(&claims, &[1, 2]), claim(&claims, &[2, 3]));
        assert!(!gives_way(&claims, 2, &first));
        assert!(gives_way(&claims, 2, &second));
        assert!(!gives_way(&claims, 3, &second));
        assert!(gives_way(&claims, 3, &Claim::default()), "who has never lost is younger than all");
        assert!(!gives_way(&claims, 4, &Claim::default()));
    }

    #[test]
    fn nothing_is_left_of_claims_that_have_ended() {
        let claims: Arc<Claims> = Arc::default();
        let (first, second) = (claim(&claims, &[1, 2]), claim(&claims, &[2]));
        drop(first);
        assert!(!gives_way(&claims, 1, &Claim::default()));
        assert!(gives_way(&claims, 2, &Claim::default()));
        drop(second);
        assert!(claims.book.lock().stripes.is_empty());
        assert_eq!(claims.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_claim_keeps_its_age_when_it_grows() {
        let claims = Arc::default();
        let mut first = claim(&claims, &[1]);
        let second = claim(&claims, &[2]);
        first.extend(&claims, [2]);
        assert!(!gives_way(&claims, 2, &first));
        assert!(gives_way(&claims, 2, &second));
    }

    #[test]
    fn a_claim_that_lasts_too_long_is_void() {
        let claims: Arc<Claims> = Arc::default();
        let (stuck, waiting) = (claim(&claims, &[1, 2]), claim(&claims, &[2]));
        let elder = claims.elder([&2], &waiting).expect("the first claims it, too");
        claims.book.lock().void(elder.age);
        assert!(!gives_way(&claims, 1, &Claim::default()));
        assert!(!gives_way(&claims, 2, &waiting));
        drop(stuck);
        assert!(
            gives_way(&claims, 2, &Claim::default()),
            "the end of what is void takes nothing from others"
        );
    }
}
