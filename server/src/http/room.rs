//! Memory for the bodies of requests.
//!
//! A body is read before its token is looked at, so anybody can send one. Room is taken as its bytes arrive: who sends
//! nothing keeps nobody from sending. One address gets a part of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::core::error::Error;

/// Bytes of bodies that one listener keeps at once.
const ALL: usize = 256 * 1024 * 1024;
/// Of them for one address.
const OF_PEER: usize = ALL / 2;
/// The first bytes of a body are not counted: connections and their requests are limited themselves.
const FREE: usize = 4096;
/// Room is taken in steps of so many bytes.
const STEP: usize = 64 * 1024;
/// How long a body waits for room. It holds some itself, so that it must not wait for long.
const PATIENCE: Duration = Duration::from_secs(1);

/// The room of one listener.
#[derive(Debug)]
pub(super) struct Room {
    all: usize,
    of_peer: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// What one body takes of a room, until it is dropped.
#[derive(Debug)]
pub(super) struct Share<'r> {
    room: &'r Room,
    peer: IpAddr,
    /// Bytes that have arrived.
    arrived: usize,
    /// Bytes that are taken.
    taken: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(ALL, OF_PEER)
    }
}

impl Room {
    fn new(all: usize, of_peer: usize) -> Self {
        Self { all, of_peer, taken: Mutex::default(), freed: Notify::new() }
    }

    /// For a body that `peer` sends.
    pub(super) fn share(&self, peer: IpAddr) -> Share<'_> {
        Share { room: self, peer, arrived: 0, taken: 0 }
    }

    fn try_take(&self, peer: IpAddr, bytes: usize) -> bool {
        let mut taken = self.taken.lock();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or(0) + bytes;
        if taken.all + bytes > self.all || of_peer > self.of_peer {
            return false;
        }
        taken.all += bytes;
        taken.by_peer.insert(peer, of_peer);
        true
    }

    async fn take(&self, peer: IpAddr, bytes: usize) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.try_take(peer, bytes) {
                return;
            }
            freed.await;
        }
    }

    fn give_back(&self, peer: IpAddr, bytes: usize) {
        let mut taken = self.taken.lock();
        taken.all -= bytes;
        if let Some(of_peer) = taken.by_peer.get_mut(&peer) {
            *of_peer -= bytes;
            if *of_peer == 0 {
                taken.by_peer.remove(&peer);
            }
        }
        drop(taken);
        self.freed.notify_waiters();
    }
}

impl Share<'_> {
    /// Takes room for `bytes` that have arrived.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        self.arrived += bytes;
        if self.arrived <= FREE.max(self.taken) {
            return Ok(());
        }
        let more = (self.arrived - self.taken).next_multiple_of(STEP);
        let taking = self.room.take(self.peer, more);
        tokio::time::timeout(PATIENCE, taking).await.map_err(|_| full())?;
        self.taken += more;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.room.give_back(self.peer, self.taken);
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
            share.grow(FREE).await.expect("the beginning is free");
        }
        room.share(peer(1)).grow(STEP).await.expect("all the room is there");
    }

    #[tokio::test]
    async fn small_bodies_count_and_one_address_does_not_get_all() {
        let room = Room::new(4 * STEP, 2 * STEP);
        let mut shares: Vec<Share<'_>> = (0..3).map(|_| room.share(peer(1))).collect();
        for share in &mut shares[..2] {
            share.grow(FREE + 1).await.expect("room");
        }
        assert_eq!(shares[2].grow(FREE + 1).await.expect_err("its part is taken").status(), 503);
        room.share(peer(2)).grow(2 * STEP).await.expect("another address");
        assert_eq!(room.share(peer(2)).grow(3 * STEP).await.expect_err("too much").status(), 503);
        drop(shares);
        let taken = room.taken.lock();
        assert_eq!((taken.all, taken.by_peer.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_body_waits_for_room_that_is_given_back() {
        let room = Room::new(STEP, STEP);
        let mut first = room.share(peer(1));
        first.grow(STEP).await.expect("room");
        let mut second = room.share(peer(2));
        let (grown, ()) = futures::join!(second.grow(STEP), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        });
        grown.expect("the room of the first");
    }
}
