//! What of an upstream's reply is believed: pure verdicts on records.
//!
//! Three things go wrong with replies that are formally right: they hold records that nobody asked for
//! (cache poisoning, RFC 2181, 5.4.1), public names that point into the house (DNS rebinding), and
//! addresses that a meddling network puts in place of the real ones. [`Screen`] knows what the config says
//! of the last two; [`Chain`] finds the names that a reply may speak of.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::message::read::Item;
use crate::message::{Incoming, Name, NameRef, Rtype, Section};

/// Names of one reply that are followed or remembered at most.
pub const MAX_NAMES: usize = 64;

/// Which addresses are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// Remove addresses of private ranges.
    pub rebinding: bool,
    /// A reply that holds one of these is forged.
    pub bogus: Vec<IpNet>,
    /// A reply that holds an address outside these is not taken; empty: all are.
    pub accept: Vec<IpNet>,
    /// A reply that holds one of these is not taken.
    pub deny: Vec<IpNet>,
}

/// The verdict on one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Believed.
    Keep,
    /// Left out.
    Remove,
    /// The whole reply is not to be believed.
    Forged,
}

impl Screen {
    /// Judges the addresses of a record. `is_exempt`: the name may lead to private addresses.
    #[must_use]
    pub fn judge(&self, rtype: Rtype, rdata: &[u8], is_exempt: bool) -> Verdict {
        let mut verdict = Verdict::Keep;
        each_address(rtype, rdata, |address| {
            let is_in = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
            let is_outside = !self.accept.is_empty() && !is_in(&self.accept);
            if is_in(&self.bogus) || is_in(&self.deny) || is_outside {
                verdict = Verdict::Forged;
            } else if self.rebinding && !is_exempt && is_private(address) && verdict == Verdict::Keep {
                verdict = Verdict::Remove;
            }
        });
        verdict
    }

    /// Whether nothing is screened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Screen::default()
    }
}

/// The addresses that a record gives to a client: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460, 7.3).
fn each_address(rtype: Rtype, rdata: &[u8], mut see: impl FnMut(IpAddr)) {
    let v4 = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = |bytes: &[u8]| {
        <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|bytes| IpAddr::from(bytes).to_canonical())
    };
    match rtype {
        Rtype::A => v4(rdata).into_iter().for_each(see),
        Rtype::AAAA => v6(rdata).into_iter().for_each(see),
        Rtype::SVCB | Rtype::HTTPS => {
            let name = rdata.get(2..).and_then(NameRef::prefix_of);
            let mut rest = name.map_or(&[][..], |(_, rest)| rest);
            while let Some((head, tail)) = rest.split_first_chunk::<4>() {
                let (key, len) = (
                    u16::from_be_bytes([head[0], head[1]]),
                    u16::from_be_bytes([head[2], head[3]]),
                );
                let Some((value, tail)) = tail.split_at_checked(usize::from(len)) else {
                    break;
                };
                match key {
                    4 => value.chunks(4).filter_map(v4).for_each(&mut see),
                    6 => value.chunks(16).filter_map(v6).for_each(&mut see),
                    _ => {}
                }
                rest = tail;
            }
        }
        _ => {}
    }
}

/// Addresses that lead into the house or to the asking host itself: RFC 1918, RFC 6890's loopback, link-local
/// and "this network", RFC 4193.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

/// The names that a reply may speak of: the one asked for, and where its aliases lead.
pub struct Chain<'m> {
    question: NameRef<'m>,
    /// Where the aliases of the question lead.
    targets: Vec<Name>,
    /// Hosts that records of these names point to: their addresses may stand in the additional section.
    hosts: Vec<Name>,
}

impl<'m> Chain<'m> {
    /// Follows the aliases of a reply, in whatever order they stand.
    #[must_use]
    pub fn of(incoming: &Incoming<'m>) -> Self {
        let mut chain = Chain {
            question: incoming.question(),
            targets: Vec::new(),
            hosts: Vec::new(),
        };
        let is_alias = |item: &Item<'_>| matches!(item.rtype, Rtype::CNAME | Rtype::DNAME);
        let aliases: Vec<Item<'_>> = incoming
            .records()
            .take_while(|item| item.section == Section::Answer)
            .filter(is_alias)
            .take(MAX_NAMES)
            .collect();
        if aliases.is_empty() {
            return chain;
        }
        let mut at = 0;
        loop {
            let Some(name) = chain.names().nth(at).map(NameRef::to_name) else {
                return chain;
            };
            at += 1;
            for item in &aliases {
                let leads = item.rtype == Rtype::CNAME && item.owner().as_ref() == name.as_ref();
                let target = if leads { item.target() } else { None };
                let is_new = |target: &Name| !chain.names().any(|known| known == target.as_ref());
                let target = target.filter(is_new);
                chain.targets.extend(target);
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = NameRef<'_>> {
        std::iter::once(self.question).chain(self.targets.iter().map(Name::as_ref))
    }

    /// Whether a record belongs to the reply. Records must be shown in their order.
    pub fn admits(&mut self, item: &Item<'_>) -> bool {
        let owner = item.owner();
        let owner = owner.as_ref();
        let is_above = || self.names().any(|name| name.is_at_or_below(owner));
        let admitted = match item.section {
            Section::Answer if item.rtype == Rtype::DNAME => is_above(),
            Section::Answer => {
                // The signature of a DNAME stands with it, above the name.
                self.names().any(|name| name == owner) || (item.rtype == Rtype::RRSIG && is_above())
            }
            // Proofs of absence stand beside the name, not above it.
            Section::Authority => {
                is_above() || matches!(item.rtype, Rtype::NSEC | Rtype::NSEC3 | Rtype::RRSIG | Rtype::DS)
            }
            Section::Additional => self.hosts.iter().any(|host| host.as_ref() == owner),
        };
        if admitted && item.section < Section::Additional && self.hosts.len() < MAX_NAMES {
            self.hosts.extend(item.target());
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> Screen {
        let nets = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Screen {
            rebinding: true,
            bogus: nets(&["198.51.100.66/32"]),
            accept: Vec::new(),
            deny: nets(&["2001:db8:bad::/48"]),
        }
    }

    #[test]
    fn private_addresses_are_removed_unless_exempt() {
        for (address, private) in [
            ([10, 0, 0, 1], true),
            ([172, 31, 0, 1], true),
            ([172, 32, 0, 1], false),
            ([192, 168, 1, 1], true),
            ([127, 0, 0, 1], true),
            ([169, 254, 0, 1], true),
            ([0, 0, 0, 0], true),
            ([203, 0, 113, 1], false),
        ] {
            let expected = if private { Verdict::Remove } else { Verdict::Keep };
            assert_eq!(screen().judge(Rtype::A, &address, false), expected, "{address:?}");
            assert_eq!(screen().judge(Rtype::A, &address, true), Verdict::Keep);
        }
        let v6 = |text: &str| {
            screen().judge(
                Rtype::AAAA,
                &text.parse::<std::net::Ipv6Addr>().unwrap().octets(),
                false,
            )
        };
        assert_eq!(v6("fd00::1"), Verdict::Remove);
        assert_eq!(v6("fe80::1"), Verdict::Remove);
        assert_eq!(v6("::1"), Verdict::Remove);
        assert_eq!(v6("::ffff:10.0.0.1"), Verdict::Remove);
        assert_eq!(v6("2001:db8::1"), Verdict::Keep);
    }

    #[test]
    fn listed_addresses_make_a_reply_forged() {
        assert_eq!(
            screen().judge(Rtype::A, &[198, 51, 100, 66], true),
            Verdict::Forged
        );
        let accept = Screen {
            accept: vec!["203.0.113.0/24".parse().unwrap()],
            ..Screen::default()
        };
        assert_eq!(accept.judge(Rtype::A, &[203, 0, 113, 9], false), Verdict::Keep);
        assert_eq!(accept.judge(Rtype::A, &[203, 0, 114, 9], false), Verdict::Forged);
        assert_eq!(accept.judge(Rtype::TXT, b"\x01x", false), Verdict::Keep);
    }

    #[test]
    fn rfc9460_s7_3_hints_are_addresses_too() {
        let mut rdata = vec![
            0, 1, 0, 0, 1, 0, 3, 2, b'h', b'2', 0, 4, 0, 8, 203, 0, 113, 1, 10, 0, 0, 1,
        ];
        assert_eq!(screen().judge(Rtype::HTTPS, &rdata, false), Verdict::Remove);
        rdata[18] = 11;
        assert_eq!(screen().judge(Rtype::HTTPS, &rdata, false), Verdict::Keep);
        rdata.truncate(20);
        assert_eq!(screen().judge(Rtype::HTTPS, &rdata, false), Verdict::Keep);
    }
}
