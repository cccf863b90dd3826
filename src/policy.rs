//! Policy: pure verdicts. Here on who may ask, in [`screen`] on what is believed of an upstream.
//!
//! By default loopback, private and link-local ranges and the subnets of our own interfaces may ask;
//! everybody else is refused, so that a router whose port 53 is open to the world is never an open
//! resolver (RFC 5358). A known token admits its bearer from everywhere; a token that is not known admits nobody,
//! wherever it comes from, so that a device that was revoked notices. A private-only listener goes by tokens alone,
//! and what it admits is for our own zones. The engine asks this first of all.

pub mod screen;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::device::Bearer;

/// What a client is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Every name.
    Everything,
    /// Names of our own zones.
    OwnZones,
    /// Nothing.
    Nothing(Stranger),
}

/// Why somebody is answered nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// The address is in no prefix that may ask, and there is no token.
    Address,
    /// The listener is for devices, and there is no token.
    NoToken,
    /// The token is not known, or no longer.
    UnknownToken,
}

/// The prefixes whose clients are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    prefixes: Vec<IpNet>,
}

impl Access {
    /// Answers clients in these prefixes and nobody else.
    #[must_use]
    pub fn new(prefixes: impl IntoIterator<Item = IpNet>) -> Self {
        let mut prefixes: Vec<IpNet> = prefixes.into_iter().map(|prefix| prefix.trunc()).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let all = prefixes.clone();
        // What lies in a wider prefix needs no look of its own.
        prefixes.retain(|prefix| !all.iter().any(|wider| wider != prefix && wider.contains(prefix)));
        Access { prefixes }
    }

    /// What a client with this address and this token is answered by a listener that is private-only or not.
    #[must_use]
    pub fn admit(&self, client: IpAddr, bearer: Bearer, private_only: bool) -> Admission {
        match bearer {
            Bearer::Unknown => Admission::Nothing(Stranger::UnknownToken),
            Bearer::Device(_) if private_only => Admission::OwnZones,
            Bearer::Device(_) => Admission::Everything,
            Bearer::Nobody if private_only => Admission::Nothing(Stranger::NoToken),
            Bearer::Nobody if self.admits(client) => Admission::Everything,
            Bearer::Nobody => Admission::Nothing(Stranger::Address),
        }
    }

    /// Whether a client without a token is answered. IPv4 in IPv6 counts as IPv4.
    #[must_use]
    pub fn admits(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.prefixes.iter().any(|prefix| prefix.contains(&client))
    }

    /// The prefixes, smallest list that says the same.
    #[must_use]
    pub fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Registry, Terms};

    fn access(prefixes: &[&str]) -> Access {
        Access::new(prefixes.iter().map(|text| text.parse().unwrap()))
    }

    #[test]
    fn only_listed_prefixes_are_admitted() {
        let access = access(&["127.0.0.0/8", "192.168.0.0/16", "fe80::/10", "203.0.113.7/24"]);
        for (client, expected) in [
            ("127.0.0.1", true),
            ("192.168.7.1", true),
            ("192.169.0.1", false),
            ("fe80::1", true),
            ("::ffff:192.168.7.1", true),
            ("::ffff:8.8.8.8", false),
            ("203.0.113.200", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(access.admits(client.parse().unwrap()), expected, "{client}");
        }
    }

    #[test]
    fn a_token_counts_more_than_an_address_and_a_private_only_listener_goes_by_it_alone() {
        let mut registry = Registry::default();
        let terms = Terms {
            everything: false,
            ttl: 1,
            uses: 1,
        };
        let known = Bearer::Device(registry.invite("tv", terms, 0, || 1).unwrap().device);
        let access = access(&["192.168.0.0/16"]);
        let admit =
            |client: &str, bearer, private_only| access.admit(client.parse().unwrap(), bearer, private_only);
        let (home, away) = ("192.168.1.20", "203.0.113.9");
        for (client, bearer, private_only, expected) in [
            (home, Bearer::Nobody, false, Admission::Everything),
            (away, Bearer::Nobody, false, Admission::Nothing(Stranger::Address)),
            (home, known, false, Admission::Everything),
            (away, known, false, Admission::Everything),
            (
                home,
                Bearer::Unknown,
                false,
                Admission::Nothing(Stranger::UnknownToken),
            ),
            (
                away,
                Bearer::Unknown,
                false,
                Admission::Nothing(Stranger::UnknownToken),
            ),
            (home, Bearer::Nobody, true, Admission::Nothing(Stranger::NoToken)),
            (away, Bearer::Nobody, true, Admission::Nothing(Stranger::NoToken)),
            (home, known, true, Admission::OwnZones),
            (away, known, true, Admission::OwnZones),
            (
                home,
                Bearer::Unknown,
                true,
                Admission::Nothing(Stranger::UnknownToken),
            ),
            (
                away,
                Bearer::Unknown,
                true,
                Admission::Nothing(Stranger::UnknownToken),
            ),
        ] {
            assert_eq!(
                admit(client, bearer, private_only),
                expected,
                "{client} {bearer:?} {private_only}"
            );
        }
    }

    #[test]
    fn a_prefix_within_another_is_folded_into_it() {
        let access = access(&["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "fd00::/8"]);
        assert_eq!(
            access.prefixes(),
            [
                "10.0.0.0/8".parse().unwrap(),
                "fd00::/8".parse::<IpNet>().unwrap()
            ]
        );
    }

    #[test]
    fn nobody_is_admitted_without_prefixes() {
        assert!(!access(&[]).admits("127.0.0.1".parse().unwrap()));
    }
}
