//! Networks, as the API reads and writes them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::core::error::Error;
use crate::core::go_text::quoted;

/// A network from which a token may be used. A network of one address is written as the address alone, with the port that
/// it was given with, if any: it is kept for people, and nobody is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Network {
    pub(crate) net: IpNet,
    port: Option<NonZeroU16>,
}

impl Network {
    /// An address, an address with its port, or a network.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let net = text.parse().ok().or_else(address).map(|net| Self { net: canonical(net), port: None });
        let socket = || {
            let socket: SocketAddr = text.parse().ok()?;
            Some(Self { net: canonical(socket.ip().into()), port: NonZeroU16::new(socket.port()) })
        };
        net.or_else(socket).ok_or_else(|| {
            let text = quoted(text);
            Error::invalid(format!(
                "error parsing address {text}: Unable to convert {text} to an IPv4 or IPv6 address, or a UNIX Socket"
            ))
        })
    }
}

/// `network`, and if it is of IPv4 addresses that are written as IPv6 ones, as those.
fn canonical(network: IpNet) -> IpNet {
    let length = network.prefix_len().checked_sub(96);
    match (network.addr().to_canonical(), length) {
        (address @ IpAddr::V4(_), Some(length)) if network.addr().is_ipv6() => {
            IpNet::new(address, length).unwrap_or(network)
        }
        _ => network,
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self { net: address.into(), port: None }
    }
}

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a network")
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.net.addr(), port.get()).fmt(formatter),
            None if self.net.prefix_len() == self.net.max_prefix_len() => self.net.addr().fmt(formatter),
            None => self.net.fmt(formatter),
        }
    }
}

/// Refuses blocks that are not in CIDR notation; `what` begins the sentence.
pub(super) fn require_blocks(blocks: &[String], what: &str) -> Result<(), String> {
    match blocks.iter().find(|block| block.parse::<IpNet>().is_err()) {
        Some(block) => Err(format!("failed to validate {what}: invalid CIDR address: {block}")),
        None => Ok(()),
    }
}

/// Whether each of `inner` lies within one of `outer`.
pub(super) fn are_within(inner: &[String], outer: &[IpNet]) -> bool {
    let mut nets = inner.iter().map(|block| Network::parse(block));
    nets.all(|net| net.is_ok_and(|net| outer.iter().any(|outer| outer.contains(&net.net))))
}

/// `blocks` as networks; single addresses count as networks of one.
pub(super) fn networks_of(blocks: &[String]) -> Vec<IpNet> {
    blocks.iter().filter_map(|block| Network::parse(block).ok()).map(|network| network.net).collect()
}

/// Whether `address` lies in one of `blocks`.
pub(super) fn contain(blocks: &[String], address: IpAddr) -> bool {
    networks_of(blocks).iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let network = Network::parse(text).ok().map(|network| network.to_string());
        assert_eq!(network.as_deref(), expected, "{text}");
    }

    #[test]
    fn a_network_of_one_is_written_as_an_address() {
        check("127.0.0.1/32", Some("127.0.0.1"));
        check("127.0.0.1", Some("127.0.0.1"));
        check("10.1.2.3/8", Some("10.1.2.3/8"));
        check("::1", Some("::1"));
        check("fe80::1/64", Some("fe80::1/64"));
        check("1.2.3.4:80", Some("1.2.3.4:80"));
        check("[::1]:80", Some("[::1]:80"));
        check("[::ffff:1.2.3.4]:80", Some("1.2.3.4:80"));
        check("1.2.3.4:0", Some("1.2.3.4"));
        check("::ffff:127.0.0.0/104", Some("127.0.0.0/8"));
        check("::ffff:127.0.0.1", Some("127.0.0.1"));
        check("::/0", Some("::/0"));
        check("1.2.3.4/33", None);
        check("host", None);
        check("", None);
    }

    #[test]
    fn blocks_lie_within_wider_ones() {
        let outer = networks_of(&["10.0.0.0/8".to_owned(), "127.0.0.1".to_owned()]);
        assert!(are_within(&["10.1.0.0/16".to_owned(), "127.0.0.1/32".to_owned()], &outer));
        assert!(!are_within(&["10.1.0.0/16".to_owned(), "127.0.0.0/8".to_owned()], &outer));
        assert!(contain(&["10.0.0.0/8".to_owned()], [10, 9, 9, 9].into()));
        assert!(!contain(&["10.0.0.0/8".to_owned()], [11, 9, 9, 9].into()));
    }
}
