//! Memory for the bodies of requests.
//!
//! A body is read before its token is looked at, so anybody can send one. Room is taken as its bytes arrive: who sends
//! nothing keeps nobody from sending. One origin gets a part of it.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::origin::{Origin, Parts};
use crate::core::error::Error;

/// Bytes of bodies that one listener keeps at once.
const ALL: usize = 256 * 1024 * 1024;
/// Of them for one [origin](Origin).
const OF_ORIGIN: usize = ALL / 2;
/// What a body takes first. Most are smaller, and there are many: all connections together have millions of requests.
const FIRST: usize = 4096;
/// Further room is taken in steps of so many bytes.
const STEP: usize = 64 * 1024;
/// How long a body waits for room. It holds some itself, so that it must not wait for long.
const PATIENCE: Duration = Duration::from_secs(1);

/// The room of one listener.
#[derive(Debug)]
pub(super) struct Room {
    all: usize,
    of_origin: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    parts: Parts,
}

/// What one body takes of a room, until it is dropped.
#[derive(Debug)]
pub(super) struct Share<'r> {
    room: &'r Room,
    origin: Origin,
    /// Bytes that are taken.
    taken: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(ALL, OF_ORIGIN)
    }
}

impl Room {
    fn new(all: usize, of_origin: usize) -> Self {
        Self { all, of_origin, taken: Mutex::default(), freed: Notify::new() }
    }

    /// For a body that `peer` sends.
    pub(super) fn share(&self, peer: IpAddr) -> Share<'_> {
        Share { room: self, origin: Origin::of(peer), taken: 0 }
    }

    fn try_take(&self, origin: Origin, bytes: usize) -> bool {
        let mut taken = self.taken.lock();
        let is_there = bytes <= self.all - taken.all && taken.parts.try_take(origin, bytes, self.of_origin);
        if is_there {
            taken.all += bytes;
        }
        is_there
    }

    async fn take(&self, origin: Origin, bytes: usize) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.try_take(origin, bytes) {
                return;
            }
            freed.await;
        }
    }

    fn give_back(&self, origin: Origin, bytes: usize) {
        let mut taken = self.taken.lock();
        taken.all -= bytes;
        taken.parts.give_back(origin, bytes);
        drop(taken);
        self.freed.notify_waiters();
    }
}

impl Share<'_> {
    /// Takes room for a body of which `bytes` are kept by now.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(super) async fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes <= self.taken {
            return Ok(());
        }
        let more = rounded(bytes) - self.taken;
        if !self.room.try_take(self.origin, more) {
            if rounded(bytes) > self.room.of_origin {
                return Err(too_large());
            }
            let taking = self.room.take(self.origin, more);
            tokio::time::timeout(PATIENCE, taking).await.map_err(|_| full())?;
        }
        self.taken += more;
        Ok(())
    }

    /// Gives back what is taken for more than `bytes`.
    pub(super) fn keep(&mut self, bytes: usize) {
        let kept = rounded(bytes).min(self.taken);
        if kept < self.taken {
            self.room.give_back(self.origin, self.taken - kept);
            self.taken = kept;
        }
    }
}

fn rounded(bytes: usize) -> usize {
    bytes.next_multiple_of(if bytes <= FIRST { FIRST } else { STEP })
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.room.give_back(self.origin, self.taken);
        }
    }
}

fn full() -> Error {
    let text = "the bodies of other requests take all the memory that there is for them\n\
                hint: try again, with fewer large requests at a time";
    Error::with_status(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// However long it waits.
fn too_large() -> Error {
    let text = "the body takes more memory while it is read than one address gets\n\
                hint: send less at a time; what is no UTF-8 takes several times its size";
    Error::with_status(StatusCode::SERVICE_UNAVAILABLE, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[tokio::test]
    async fn a_body_of_which_nothing_arrives_takes_nothing() {
        let room = Room::new(STEP, STEP);
        let mut idle: Vec<Share<'_>> = (0..100).map(|_| room.share(peer(1))).collect();
        for share in &mut idle {
            share.hold(0).await.expect("it is nothing");
        }
        room.share(peer(1)).hold(STEP).await.expect("all the room is there");
    }

    #[tokio::test]
    async fn small_bodies_count_and_one_address_does_not_get_all() {
        let room = Room::new(4 * FIRST, 2 * FIRST);
        let mut shares: Vec<Share<'_>> = (0..3).map(|_| room.share(peer(1))).collect();
        for share in &mut shares[..2] {
            share.hold(1).await.expect("room");
            share.hold(FIRST).await.expect("no more of it");
        }
        assert_eq!(shares[2].hold(1).await.expect_err("its part is taken").status(), 503);
        let mut other = room.share(peer(2));
        other.hold(FIRST).await.expect("another address");
        assert_eq!(other.hold(FIRST + 1).await.expect_err("too much").status(), 503);
        drop((shares, other));
        let taken = room.taken.lock();
        assert_eq!((taken.all, taken.parts.is_empty()), (0, true));
    }

    #[tokio::test]
    async fn what_is_no_longer_needed_is_given_back() {
        let room = Room::new(3 * STEP, 3 * STEP);
        let mut first = room.share(peer(1));
        first.hold(3 * STEP).await.expect("room");
        first.keep(4 * STEP);
        assert_eq!(room.taken.lock().all, 3 * STEP, "nothing more is taken");
        first.keep(STEP - 1);
        let mut second = room.share(peer(1));
        second.hold(2 * STEP).await.expect("what the first gave back");
        first.keep(0);
        drop((first, second));
        assert_eq!(room.taken.lock().all, 0);
    }

    #[tokio::test]
    async fn a_body_that_never_fits_does_not_wait() {
        let room = Room::new(2 * STEP, STEP);
        let mut share = room.share(peer(1));
        let waited = tokio::time::timeout(PATIENCE / 4, share.hold(STEP + 1)).await;
        assert_eq!(waited.expect("at once").expect_err("too much").status(), 503);
    }

    #[tokio::test]
    async fn a_body_waits_for_room_that_is_given_back() {
        let room = Room::new(STEP, STEP);
        let mut first = room.share(peer(1));
        first.hold(STEP).await.expect("room");
        let mut second = room.share(peer(2));
        let (grown, ()) = futures::join!(second.hold(STEP), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        });
        grown.expect("the room of the first");
    }
}
