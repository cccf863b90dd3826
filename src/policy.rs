//! Policy: pure verdicts. Here on who may ask, in [`screen`] on what is believed of an upstream.
//!
//! By default loopback, private and link-local ranges and the subnets of our own interfaces may ask;
//! everybody else is refused, so that a router whose port 53 is open to the world is never an open
//! resolver (RFC 5358). The engine asks this first of all.

pub mod screen;

use std::net::IpAddr;

use ipnet::IpNet;

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

    /// Whether this client is answered. IPv4 in IPv6 counts as IPv4.
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
