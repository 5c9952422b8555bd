//! Who goes first of those that have lost to others.
//!
//! Validation alone is unfair: what reads a key that many write may lose for ever. So whoever has lost claims the stripes by
//! which it lost and keeps them until it is through. Those who claim the same go one after the other, by age, and no younger
//! commit touches what is claimed; hence the eldest cannot lose by the same stripes again.
//!
//! A claim is a courtesy, not a lock. Nothing is wrong if it is passed over. So a claim that keeps others waiting for long,
//! because its handler asks another machine for example, is void for ever, and nobody waits for long whatever is claimed.
//! That also ends every circle of waiting. Who has lost by very much claims nothing: all others would have to wait for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::order::Stripe;

/// How long anybody waits for claims in one attempt.
const PATIENCE: Duration = Duration::from_secs(1);

/// Stripes by which one attempt may lose and still claim them.
const MOST_STRIPES: usize = 32;

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
    /// Those that are good. Dropped, one tells those who wait for it that it has ended.
    good: HashMap<Age, watch::Sender<()>>,
    /// Who claims each stripe.
    stripes: HashMap<Stripe, BTreeSet<Age>>,
}

/// A claim that others wait for.
pub(super) struct Elder {
    age: Age,
    end: watch::Receiver<()>,
}

/// What is left of the time that an attempt waits for others.
pub(super) struct Patience(Duration);

impl Patience {
    pub(super) fn new() -> Self {
        Self(PATIENCE)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_zero()
    }
}

/// The precedence of one request over all its attempts. Without any until it has lost once; ends when it is dropped.
#[derive(Default)]
pub(crate) struct Claim(Option<Held>);

struct Held {
    claims: Arc<Claims>,
    age: Age,
    stripes: BTreeSet<Stripe>,
}

impl Claim {
    /// Claims `stripes`, too, unless they are very many or the claim is void.
    pub(super) fn extend(&mut self, claims: &Arc<Claims>, stripes: &BTreeSet<Stripe>) {
        if stripes.len() > MOST_STRIPES {
            return;
        }
        let held = self.0.get_or_insert_with(|| Held::new(claims));
        let mut book = claims.book.lock();
        if !book.good.contains_key(&held.age) {
            return;
        }
        for &stripe in stripes {
            held.stripes.insert(stripe);
            book.stripes.entry(stripe).or_default().insert(held.age);
        }
    }

    /// Waits until no elder claims any of the same stripes.
    pub(crate) async fn turn(&self) {
        let Some(held) = &self.0 else { return };
        let mut patience = Patience::new();
        while !patience.is_over()
            && let Some(elder) = held.claims.elder(&held.stripes, self)
        {
            held.claims.give_way(elder, &mut patience).await;
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
        let age = book.made;
        book.good.insert(age, watch::Sender::new(()));
        Self { claims: Arc::clone(claims), age, stripes: BTreeSet::new() }
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
        let eldest = |stripe| book.stripes.get(stripe)?.first().copied();
        let age = stripes.into_iter().filter_map(eldest).min()?;
        let end = book.good.get(&age).filter(|_| age < claim.age())?.subscribe();
        Some(Elder { age, end })
    }

    /// Waits until `elder` is through. One that takes all of the patience by itself is void.
    pub(super) async fn give_way(&self, mut elder: Elder, patience: &mut Patience) {
        let (begin, rest) = (Instant::now(), patience.0);
        // Nothing is ever sent.
        let ended = tokio::time::timeout(rest, elder.end.changed()).await;
        patience.0 = if ended.is_ok() { rest.saturating_sub(begin.elapsed()) } else { Duration::ZERO };
        if ended.is_err() && rest == PATIENCE {
            self.book.lock().void(elder.age);
        }
    }
}

impl Book {
    fn remove(&mut self, age: Age, stripes: &BTreeSet<Stripe>) {
        self.good.remove(&age);
        for stripe in stripes {
            let Some(claimants) = self.stripes.get_mut(stripe) else { continue };
            claimants.remove(&age);
            if claimants.is_empty() {
                self.stripes.remove(stripe);
            }
        }
    }

    /// Forgets all of one claim, for ever.
    fn void(&mut self, age: Age) {
        self.good.remove(&age);
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
        claim.extend(claims, &stripes.iter().copied().collect());
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
        assert!(claims.book.lock().stripes.is_empty() && claims.book.lock().good.is_empty());
        assert_eq!(claims.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_claim_keeps_its_age_when_it_grows() {
        let claims = Arc::default();
        let mut first = claim(&claims, &[1]);
        let second = claim(&claims, &[2]);
        first.extend(&claims, &BTreeSet::from([2]));
        assert!(!gives_way(&claims, 2, &first));
        assert!(gives_way(&claims, 2, &second));
    }

    #[test]
    fn a_claim_that_lasts_too_long_is_void() {
        let claims: Arc<Claims> = Arc::default();
        let (mut stuck, waiting) = (claim(&claims, &[1, 2]), claim(&claims, &[2]));
        let elder = claims.elder([&2], &waiting).expect("the first claims it, too");
        claims.book.lock().void(elder.age);
        assert!(elder.end.has_changed().is_err(), "all who wait are told");
        stuck.extend(&claims, &BTreeSet::from([1, 2, 3]));
        for stripe in 1..=3 {
            assert!(!gives_way(&claims, stripe, &waiting), "what is void claims nothing any more");
        }
        drop(stuck);
        assert!(
            gives_way(&claims, 2, &Claim::default()),
            "the end of what is void takes nothing from others"
        );
    }

    #[test]
    fn who_has_lost_by_very_much_claims_nothing() {
        let claims: Arc<Claims> = Arc::default();
        let _large = claim(&claims, &(0..=MOST_STRIPES).collect::<Vec<_>>());
        assert!(!gives_way(&claims, 0, &Claim::default()));
    }

    #[tokio::test]
    async fn nobody_waits_for_more_than_one_claim_that_does_not_end() {
        let claims: Arc<Claims> = Arc::default();
        let _stuck = [claim(&claims, &[1]), claim(&claims, &[1])];
        let late = claim(&claims, &[1]);
        late.turn().await;
        assert_eq!(claims.book.lock().good.len(), 2, "one was waited for, and is void");
    }
}
