//! Which addresses homeservers refuse to connect to, and which are of no use to anybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges that Synapse refuses by default (`ip_range_blacklist`), and those of the Conduit family with it
/// (`ip_range_denylist`): first address, length of the prefix, what they are.
const BLOCKED_V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "this network"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([10, 0, 0, 0], 8, "private"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 168, 0, 0], 16, "private"),
    ([100, 64, 0, 0], 10, "shared by customers of a provider"),
    ([192, 0, 0, 0], 24, "protocol assignments"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([192, 88, 99, 0], 24, "6to4 relays"),
    ([198, 18, 0, 0], 15, "benchmarks"),
    ([192, 0, 2, 0], 24, "for documentation"),
    ([198, 51, 100, 0], 24, "for documentation"),
    ([203, 0, 113, 0], 24, "for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
];

/// The same for IPv6.
const BLOCKED_V6: &[([u16; 8], u8, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "private (ULA)"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
];

/// What range makes Synapse refuse the address by default; none for one that it takes.
#[must_use]
pub fn blocked_by_synapse(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let found = BLOCKED_V4.iter().find(|(first, length, _)| {
                (bits ^ u32::from(Ipv4Addr::from(*first))).leading_zeros() >= u32::from(*length)
            });
            found.map(|(_, _, what)| *what)
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let found = BLOCKED_V6.iter().find(|(first, length, _)| {
                (bits ^ u128::from(Ipv6Addr::from(*first))).leading_zeros() >= u32::from(*length)
            });
            found.map(|(_, _, what)| *what)
        }
    }
}

/// Why no server can be at this address; none for one that can.
#[must_use]
pub fn useless(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        address if address.is_unspecified() => Some("the unspecified address"),
        address if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        IpAddr::V4(address) if address.is_link_local() => Some("a link-local address"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address"),
        address if address.is_loopback() => Some("a loopback address"),
        _ => None,
    }
}

/// Whether an address is one of a house or of nobody: other than what the internet routes.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    blocked_by_synapse(address).is_some_and(|what| what != "for documentation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_begin_and_end_where_synapse_has_them() {
        let of = |text: &str| blocked_by_synapse(text.parse().unwrap());
        for (text, what) in [
            ("172.15.255.255", None),
            ("172.16.0.0", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("shared by customers of a provider")),
            ("100.127.255.255", Some("shared by customers of a provider")),
            ("203.0.113.10", Some("for documentation")),
            ("9.9.9.9", None),
            ("0.1.2.3", Some("this network")),
            ("fd00::1", Some("private (ULA)")),
            ("fe00::1", None),
            ("2001:db8::1", Some("for documentation")),
            ("2001:db9::1", None),
            ("::1", Some("loopback")),
            ("::ffff:10.0.0.1", Some("private")),
        ] {
            assert_eq!(of(text), what, "{text}");
        }
    }
}
