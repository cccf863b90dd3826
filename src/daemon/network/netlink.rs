//! What the kernel tells of links, addresses and routes (rtnetlink(7)), read without trust.
//!
//! Bytes in, values out: no socket, no clock. Only what can decide over a connection is read: whether a link is
//! up, addresses that others can reach, and routes to everywhere. The rest, such as neighbours, statistics and
//! the lifetime of an address, is passed over, so that a change of it never looks like one of the network.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::netlink::route::{
    self, DEL_ADDR, DEL_LINK, DEL_ROUTE, IPV4, IPV6, NEW_ADDR, NEW_LINK, NEW_ROUTE, RUNNING,
};
use crate::netlink::{DONE, ERROR, Message, OVERRUN, Unclear, attributes, messages, u32_at};

/// Multicast groups of links, addresses and routes: RTMGRP_LINK, and RTMGRP_IPV4_ and RTMGRP_IPV6_ with IFADDR and
/// ROUTE.
pub(super) const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// The loopback interface has this index in every network namespace.
const LOOPBACK: u32 = 1;
/// IFF_UP and IFF_RUNNING: switched on, and something at the other end.
const UP: u32 = 0x1 | RUNNING;
/// IFA_F_TENTATIVE and IFA_F_DADFAILED: not used for anything yet, or never.
const UNUSABLE: u32 = 0x40 | 0x08;
/// From here on a scope reaches no further than the link.
const SCOPE_LINK: u8 = 253;
const TABLE_LOCAL: u32 = 255;
const UNICAST: u8 = 1;
/// RTM_F_CLONED: an entry of a cache.
const CLONED: u32 = 0x200;
/// Longest prefix that leads everywhere: VPNs take `0.0.0.0/1` with its other half, or `2000::/3`, to stand before
/// the default route without replacing it.
const EVERYWHERE: [(u8, u8); 2] = [(IPV4, 1), (IPV6, 3)];

const RTA_OIF: u16 = 4;
const RTA_TABLE: u16 = 15;
/// What makes a route another one: destination, interface, gateway, priority, preferred source, several next hops,
/// gateway of the other family, next-hop object.
const RTA_IDENTITY: [u16; 8] = [1, RTA_OIF, 5, 6, 7, 9, 18, 30];

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) link: u32,
    pub(super) ip: IpAddr,
    pub(super) prefix: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "address {}/{} of interface {}",
            self.ip, self.prefix, self.link
        )
    }
}

/// A route to everywhere, or to half of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    family: u8,
    prefix: u8,
    table: u32,
    /// The interface, if there is only one.
    pub(super) link: Option<u32>,
    /// Stands for [`RTA_IDENTITY`].
    identity: u64,
}

/// One message, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// An interface is there, and whether it can carry anything.
    Link {
        link: u32,
        is_up: bool,
    },
    LinkGone(u32),
    /// An address is there; it may have been before.
    Address(Address),
    AddressGone(Address),
    /// A route is there; it may have been before.
    Route(Route),
    RouteGone(Route),
    /// The list is complete.
    End,
    /// The kernel refuses a request: its error number, positive.
    Refused(i32),
    /// Messages were lost.
    Lost,
    /// What follows cannot be read.
    Unclear,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { link, is_up } => {
                write!(f, "interface {link} is {}", if *is_up { "up" } else { "down" })
            }
            Self::LinkGone(link) => write!(f, "interface {link} is gone"),
            Self::Address(address) => write!(f, "{address} is there"),
            Self::AddressGone(address) => write!(f, "{address} is gone"),
            Self::Route(_) => f.write_str("a default route is there"),
            Self::RouteGone(_) => f.write_str("a default route is gone"),
            Self::End => f.write_str("the list is complete"),
            Self::Refused(code) => write!(f, "the kernel refuses with error {code}"),
            Self::Lost => f.write_str("messages were lost"),
            Self::Unclear => f.write_str("a message cannot be read"),
        }
    }
}

/// Reads the messages of one datagram, those that matter.
pub(super) fn read(datagram: &[u8]) -> impl Iterator<Item = Told> {
    messages(datagram).filter_map(|message| match message {
        Ok(message) => one(&message),
        Err(Unclear) => Some(Told::Unclear),
    })
}

/// What a message says; nothing where it does not matter.
fn one(message: &Message<'_>) -> Option<Told> {
    let (kind, body) = (message.kind, message.body);
    let unclear = |told: Option<Option<Told>>| told.unwrap_or(Some(Told::Unclear));
    match kind {
        DONE => Some(Told::End),
        OVERRUN => Some(Told::Lost),
        ERROR => match message.error() {
            Some(0) => None,
            code => Some(Told::Refused(code.unwrap_or(0))),
        },
        NEW_LINK | DEL_LINK => unclear(link(kind == DEL_LINK, body)),
        NEW_ADDR | DEL_ADDR => unclear(address(kind == DEL_ADDR, body)),
        NEW_ROUTE | DEL_ROUTE => unclear(route(kind == DEL_ROUTE, body)),
        _ => None,
    }
}

/// `None` if it cannot be read, `Some(None)` if it does not matter.
fn link(is_gone: bool, body: &[u8]) -> Option<Option<Told>> {
    let Some(route::Link { link, flags }) = route::link(body).ok()? else {
        return Some(None);
    };
    if link == LOOPBACK {
        return Some(None);
    }
    Some(Some(if is_gone {
        Told::LinkGone(link)
    } else {
        let is_up = flags & UP == UP;
        Told::Link { link, is_up }
    }))
}

fn address(is_gone: bool, body: &[u8]) -> Option<Option<Told>> {
    let Some(of) = route::address(body).ok()? else {
        return Some(None);
    };
    // Nothing beyond the link is reached from the others. Each container's end of a cable has one.
    if of.link == LOOPBACK || of.scope >= SCOPE_LINK {
        return Some(None);
    }
    let address = Address {
        link: of.link,
        ip: of.ip,
        prefix: of.prefix,
    };
    Some(if is_gone {
        Some(Told::AddressGone(address))
    } else {
        (of.flags & UNUSABLE == 0).then_some(Told::Address(address))
    })
}

/// struct rtmsg: family, lengths of destination and source, service, table, protocol, scope, type, flags.
fn route(is_gone: bool, body: &[u8]) -> Option<Option<Told>> {
    let [family, prefix, source, _, table, _, _, kind] = *body.first_chunk()?;
    let flags = u32_at(body, 8)?;
    let leads_everywhere = EVERYWHERE
        .iter()
        .any(|(of, longest)| family == *of && prefix <= *longest);
    if !leads_everywhere || source != 0 || kind != UNICAST || flags & CLONED != 0 {
        return Some(None);
    }
    let (mut table, mut link) = (u32::from(table), None);
    let mut identity = DefaultHasher::new();
    // In whatever order they come, each takes its place.
    let mut parts: Vec<(u16, &[u8])> = attributes(body.get(12..)?).collect();
    parts.sort_unstable();
    for (kind, value) in parts {
        match kind {
            RTA_TABLE => table = u32_at(value, 0)?,
            RTA_OIF => link = Some(u32_at(value, 0)?),
            _ => {}
        }
        if RTA_IDENTITY.contains(&kind) {
            (kind, value).hash(&mut identity);
        }
    }
    if table == TABLE_LOCAL || link == Some(LOOPBACK) {
        return Some(None);
    }
    let route = Route {
        family,
        prefix,
        table,
        link,
        identity: identity.finish(),
    };
    Some(Some(if is_gone {
        Told::RouteGone(route)
    } else {
        Told::Route(route)
    }))
}

/// Messages as the kernel writes them, for tests.
#[cfg(test)]
pub(super) mod fixtures {
    use super::*;
    use crate::netlink::fixtures::{self, attribute};
    use crate::netlink::route::{IFA_ADDRESS, IFA_FLAGS};

    /// One message with its head and padding.
    pub(in super::super) fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        fixtures::message(kind, 0, 0, body)
    }

    pub(in super::super) fn link(kind: u16, family: u8, link: u32, flags: u32) -> Vec<u8> {
        let mut body = vec![family, 0, 1, 0];
        for part in [link, flags, 0] {
            body.extend_from_slice(&part.to_ne_bytes());
        }
        // IFLA_IFNAME.
        attribute(&mut body, 3, b"wan0\0");
        message(kind, &body)
    }

    /// An address with its flags and its lifetime in seconds.
    pub(in super::super) fn address(
        kind: u16,
        ip: &str,
        scope: u8,
        link: u32,
        flags: u32,
        lifetime: u32,
    ) -> Vec<u8> {
        let (family, octets) = octets(ip);
        let mut body = vec![family, 24, flags as u8, scope];
        body.extend_from_slice(&link.to_ne_bytes());
        attribute(&mut body, IFA_ADDRESS, &octets);
        attribute(&mut body, IFA_FLAGS, &flags.to_ne_bytes());
        // IFA_CACHEINFO: preferred and valid lifetime, two moments.
        let info: Vec<u8> = [lifetime, lifetime, 7, 7]
            .iter()
            .flat_map(|part| part.to_ne_bytes())
            .collect();
        attribute(&mut body, 6, &info);
        message(kind, &body)
    }

    pub(in super::super) fn route(
        kind: u16,
        prefix: u8,
        gateway: &str,
        link: u32,
        table: u32,
        of: u8,
    ) -> Vec<u8> {
        let (family, octets) = octets(gateway);
        let mut body = vec![family, prefix, 0, 0, 0, 3, 0, of, 0, 0, 0, 0];
        attribute(&mut body, RTA_TABLE, &table.to_ne_bytes());
        attribute(&mut body, 5, &octets);
        attribute(&mut body, RTA_OIF, &link.to_ne_bytes());
        message(kind, &body)
    }

    fn octets(ip: &str) -> (u8, Vec<u8>) {
        match ip.parse().unwrap() {
            IpAddr::V4(ip) => (IPV4, ip.octets().to_vec()),
            IpAddr::V6(ip) => (IPV6, ip.octets().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{address, link, message, route};
    use super::*;
    use crate::netlink::HEAD;
    use crate::netlink::route::UNSPEC;

    fn told(bytes: &[u8]) -> Vec<Told> {
        read(bytes).collect()
    }

    fn address_of(ip: &str, link: u32) -> Address {
        Address {
            link,
            ip: ip.parse().unwrap(),
            prefix: 24,
        }
    }

    #[test]
    fn links_addresses_and_default_routes_are_read() {
        let bytes = [
            link(NEW_LINK, UNSPEC, 3, 0x1 | 0x40 | 0x1000),
            link(NEW_LINK, UNSPEC, 3, 0x1 | 0x1000),
            link(DEL_LINK, UNSPEC, 3, 0),
            address(NEW_ADDR, "192.0.2.9", 0, 3, 0x80, 600),
            address(DEL_ADDR, "2001:db8::9", 0, 3, 0, 600),
        ]
        .concat();
        assert_eq!(
            told(&bytes),
            [
                Told::Link { link: 3, is_up: true },
                Told::Link {
                    link: 3,
                    is_up: false
                },
                Told::LinkGone(3),
                Told::Address(address_of("192.0.2.9", 3)),
                Told::AddressGone(address_of("2001:db8::9", 3)),
            ]
        );
        let [Told::Route(one)] = told(&route(NEW_ROUTE, 0, "192.0.2.1", 3, 254, UNICAST))[..] else {
            panic!("no route")
        };
        assert_eq!((one.link, one.table, one.family), (Some(3), 254, IPV4));
        assert_eq!(
            told(&route(DEL_ROUTE, 0, "192.0.2.1", 3, 254, UNICAST)),
            [Told::RouteGone(one)]
        );
        for other in [
            route(NEW_ROUTE, 0, "192.0.2.2", 3, 254, UNICAST),
            route(NEW_ROUTE, 0, "192.0.2.1", 4, 254, UNICAST),
            route(NEW_ROUTE, 0, "192.0.2.1", 3, 100, UNICAST),
            route(NEW_ROUTE, 1, "192.0.2.1", 3, 254, UNICAST),
            route(NEW_ROUTE, 3, "2001:db8::1", 3, 254, UNICAST),
        ] {
            let [Told::Route(other)] = told(&other)[..] else {
                panic!("no route")
            };
            assert_ne!(other, one);
        }
    }

    #[test]
    fn what_does_not_matter_is_passed_over() {
        // RTM_NEWNEIGH.
        let neighbour = message(28, &[0; 12]);
        for (what, bytes) in [
            ("a neighbour", neighbour),
            ("the loopback interface", link(NEW_LINK, UNSPEC, 1, UP)),
            ("a bridge's port", link(DEL_LINK, 7, 3, UP)),
            (
                "an address of the loopback interface",
                address(NEW_ADDR, "192.0.2.9", 0, 1, 0, 1),
            ),
            (
                "an address of the link only",
                address(NEW_ADDR, "fe80::9", 253, 3, 0, 1),
            ),
            (
                "one that is being checked",
                address(NEW_ADDR, "2001:db8::9", 0, 3, 0x40, 1),
            ),
            (
                "one that somebody else has",
                address(NEW_ADDR, "2001:db8::9", 0, 3, 0x08, 1),
            ),
            (
                "a route to a network",
                route(NEW_ROUTE, 24, "192.0.2.1", 3, 254, UNICAST),
            ),
            (
                "half of everything is enough",
                route(NEW_ROUTE, 2, "192.0.2.1", 3, 254, UNICAST),
            ),
            (
                "the local table",
                route(NEW_ROUTE, 0, "192.0.2.1", 3, 255, UNICAST),
            ),
            (
                "a route to nowhere",
                route(NEW_ROUTE, 0, "2001:db8::1", 3, 254, 7),
            ),
            ("an acknowledgement", message(ERROR, &[0; 20])),
        ] {
            assert_eq!(told(&bytes), [], "{what}");
        }
    }

    #[test]
    fn the_end_of_a_list_and_refusals_are_told() {
        let refused = [&(-1i32).to_ne_bytes()[..], &[0; 16]].concat();
        let bytes = [
            message(DONE, &[0; 4]),
            message(ERROR, &refused),
            message(OVERRUN, &[]),
        ]
        .concat();
        assert_eq!(told(&bytes), [Told::End, Told::Refused(1), Told::Lost]);
    }

    #[test]
    fn bytes_that_are_no_messages_are_unclear() {
        let whole = address(NEW_ADDR, "192.0.2.9", 0, 3, 0, 600);
        for len in 1..whole.len() {
            assert_eq!(told(&whole[..len]), [Told::Unclear], "{len} bytes");
        }
        for length in [0u32, 1, 15, u32::MAX, u32::MAX - 2] {
            let mut bytes = whole.clone();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(told(&bytes), [Told::Unclear], "length {length}");
        }
        for body in [&[][..], &[2], &[2, 24, 0, 0, 3, 0, 0, 0]] {
            assert_eq!(told(&message(NEW_ADDR, body)), [Told::Unclear], "{body:?}");
        }
        assert_eq!(told(&message(NEW_LINK, &[0; 4])), [Told::Unclear]);
        assert_eq!(told(&message(NEW_ROUTE, &[2; 8])), [Told::Unclear]);
    }

    #[test]
    fn changed_bytes_never_panic_and_always_end() {
        // A small generator of our own: the same bytes every time.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize % bound
        };
        let whole = [
            link(NEW_LINK, UNSPEC, 3, UP),
            address(NEW_ADDR, "2001:db8::9", 0, 3, 0, 600),
            route(NEW_ROUTE, 0, "192.0.2.1", 3, 254, UNICAST),
            message(DONE, &[0; 4]),
        ]
        .concat();
        for _ in 0..50_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(6) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random(256) as u8),
                }
            }
            assert!(told(&bytes).len() <= bytes.len() / HEAD + 1);
        }
    }
}
