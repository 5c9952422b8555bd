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
        let step = if bytes <= FIRST { FIRST } else { STEP };
        let more = bytes.next_multiple_of(step) - self.taken;
        if !self.room.try_take(self.origin, more) {
            let taking = self.room.take(self.origin, more);
            tokio::time::timeout(PATIENCE, taking).await.map_err(|_| full())?;
        }
        self.taken += more;
        Ok(())
    }
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
