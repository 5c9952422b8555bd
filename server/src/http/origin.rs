//! Who connections and bodies are counted for.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that name a network; its host chooses the others as it likes.
const NETWORK: u128 = u128::MAX << 64;

/// Where requests come from: the own machine, an IPv4 address, or a network of IPv6. All clients behind a proxy have one: listeners that
/// read `X-Forwarded-For` are not built, and what a header says would be no origin of a connection anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The own machine, which has millions of addresses.
    Own,
    /// One address.
    Address(IpAddr),
    /// All addresses of a /64.
    Network(Ipv6Addr),
}

impl Origin {
    /// Of what `peer` sends.
    pub(super) fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            address if address.is_loopback() => Self::Own,
            IpAddr::V6(address) => Self::Network(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
            address => Self::Address(address),
        }
    }
}

/// How much each origin has of something.
#[derive(Debug, Default)]
pub(super) struct Parts(HashMap<Origin, usize>);

impl Parts {
    /// Gives `origin` so much more, unless it would have more than `most` then.
    pub(super) fn try_take(&mut self, origin: Origin, amount: usize, most: usize) -> bool {
        let part = self.0.entry(origin).or_default();
        if amount > most.saturating_sub(*part) {
            if *part == 0 {
                self.0.remove(&origin);
            }
            return false;
        }
        *part += amount;
        true
    }

    /// Takes back so much of what `origin` has.
    pub(super) fn give_back(&mut self, origin: Origin, amount: usize) {
        if let Some(part) = self.0.get_mut(&origin) {
            *part -= amount;
            if *part == 0 {
                self.0.remove(&origin);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, are_same: bool) {
        let origin = |text: &str| Origin::of(text.parse().expect("an address"));
        assert_eq!(origin(one) == origin(other), are_same, "{one} {other}");
    }

    #[test]
    fn a_host_has_one_origin_however_many_addresses_it_takes() {
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("::ffff:192.0.2.1", "192.0.2.1", true);
        check("2001:db8::1", "2001:db8::2:3", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("::1", "::2", false);
    }

    #[test]
    fn the_own_machine_is_one_origin() {
        check("127.0.0.1", "127.255.0.9", true);
        check("127.0.0.1", "::1", true);
        check("::ffff:127.0.0.2", "::1", true);
        check("127.0.0.1", "128.0.0.1", false);
    }

    #[test]
    fn nobody_gets_more_than_his_part() {
        let (mut parts, origin) = (Parts::default(), Origin::of([192, 0, 2, 1].into()));
        assert!(parts.try_take(origin, 2, 3));
        assert!(!parts.try_take(origin, 2, 3));
        assert!(parts.try_take(Origin::of([192, 0, 2, 2].into()), 3, 3));
        parts.give_back(Origin::of([192, 0, 2, 2].into()), 3);
        parts.give_back(origin, 2);
        assert!(!parts.try_take(origin, 4, 3));
        assert!(parts.is_empty());
    }
}
