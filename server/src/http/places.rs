//! Places for connections.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::origin::{Origin, Parts};

/// Connections that one listener has at once at most; further ones wait to be accepted.
const MOST: usize = 16 * 1024;
/// One part of so many is for one [origin](Origin); further ones are closed at once. That holds for the own machine, too:
/// whoever is on it shall not shut out the others. A proxy is one origin for all its clients, with more connections than
/// one keeps open to a server behind it; each of them carries many requests.
const PARTS: usize = 4;
/// Open files that are no connections of ours: storage, sockets that listen, connections to other servers. Of few files
/// it is a [part](PARTS).
const RESERVE: usize = 256;

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

impl Places {
    /// Those of one of so many `listeners` of a process that may have `files` open.
    pub(super) fn within(files: usize, listeners: usize) -> Self {
        let connections = files - RESERVE.min(files / PARTS);
        let all = (connections / listeners.max(1)).clamp(1, MOST);
        Self::new(all, all.div_ceil(PARTS))
    }

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

    #[track_caller]
    fn check(files: usize, listeners: usize, expected: (usize, usize)) {
        let places = Places::within(files, listeners);
        assert_eq!((places.all.available_permits(), places.of_origin), expected);
    }

    #[test]
    fn there_are_no_more_places_than_files() {
        check(usize::MAX, 1, (16 * 1024, 4096));
        check(20_000, 1, (16 * 1024, 4096));
        check(20_000, 2, (9872, 2468));
        check(1024, 1, (768, 192));
        check(1024, 3, (256, 64));
        check(64, 1, (48, 12));
        check(64, 0, (48, 12));
        check(2, 4, (1, 1));
        check(0, 1, (1, 1));
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
