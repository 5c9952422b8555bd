//! Places for connections.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::origin::{Origin, Parts};

/// Connections that one listener has at once; further ones wait to be accepted.
const ALL: usize = 16 * 1024;
/// Of them for one [origin](Origin); further ones are closed at once. That holds for the own machine, too: whoever is on
/// it shall not shut out the others. A proxy is one origin for all its clients, with more connections than one keeps
/// open to a server behind it; each of them carries many requests.
const OF_ORIGIN: usize = ALL / 4;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    taken: Mutex<Parts>,
    of_origin: usize,
}

/// The right to be one of the connections.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    origin: Origin,
    _permit: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self::new(ALL, OF_ORIGIN)
    }
}

impl Places {
    fn new(all: usize, of_origin: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), taken: Mutex::default(), of_origin }
    }

    /// Waits until there is a place for somebody.
    ///
    /// # Errors
    /// None: places are never closed.
    pub(super) async fn free(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.all).acquire_owned().await
    }

    /// The place for a connection of `peer`; `None` if its origin has its part already.
    pub(super) fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let origin = Origin::of(peer);
        let is_taken = self.taken.lock().try_take(origin, 1, self.of_origin);
        is_taken.then(|| Place { places: Arc::clone(self), origin, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.lock().give_back(self.origin, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(places: &Arc<Places>, last: u8) -> Option<Place> {
        let permit = places.free().await.expect("a place");
        places.take(permit, [192, 0, 2, last].into())
    }

    #[tokio::test]
    async fn one_address_does_not_get_all_places() {
        let places = Arc::new(Places::new(4, 2));
        let mut taken: Vec<Place> = Vec::new();
        for is_given in [true, true, false] {
            let place = take(&places, 1).await;
            assert_eq!(place.is_some(), is_given);
            taken.extend(place);
        }
        let other = take(&places, 2).await.expect("another address has its part");
        taken.pop();
        taken.extend(take(&places, 1).await);
        assert_eq!(taken.len(), 2, "what is given back can be taken");
        drop((taken, other));
        assert!(places.taken.lock().is_empty());
        assert_eq!(places.all.available_permits(), 4);
    }
}
