//! Addresses as people write them: where to listen, who may ask. Upstreams are in [`super::upstream`].
//!
//! Each kind has one reader that either understands the text exactly or says what it expected, with an
//! example. Names are never resolved here: a DNS server that needs DNS to start does not start.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::limits;
use super::upstream::{UpstreamSpec, UpstreamUrl};

/// Port of plain DNS (RFC 1035, 4.2).
pub const DNS_PORT: u16 = 53;

/// Why a text is not the address expected; the text is quoted, shortened and made printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// Not an address with a port to listen on.
    Listen(String),
    /// An address to listen on without its port.
    ListenPort(String),
    /// Not a prefix.
    Prefix(String),
    /// A prefix with bits beyond its length, and the two that may be meant.
    HostBits(String, IpNet, IpAddr),
    /// A prefix of IPv4-mapped addresses, and the IPv4 prefix that it stands for.
    Mapped(String, String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(text) => {
                write!(
                    f,
                    "expected ADDRESS:PORT such as 192.168.1.1:53 or [::]:53, found {text}"
                )
            }
            Self::ListenPort(text) => {
                write!(
                    f,
                    "expected ADDRESS:PORT, found {text} without a port; DNS clients ask port 53"
                )
            }
            Self::Prefix(text) => {
                write!(
                    f,
                    "expected a prefix such as 192.168.1.0/24, fd00::/8 or 192.168.1.7, found {text}"
                )
            }
            Self::HostBits(text, net, host) => write!(
                f,
                "{text} has bits set beyond its length; write {net} for the whole network or {host} for one host"
            ),
            Self::Mapped(text, net) => {
                write!(
                    f,
                    "{text} stands for IPv4 addresses, which ask as such; write {net}"
                )
            }
        }
    }
}

impl std::error::Error for AddressError {}

/// Reads where to listen: an address with a port. `[::]:53` is every address of the host; port 0 is any
/// port that is free for UDP and TCP.
///
/// # Errors
/// A text without address or port, a name instead of an address.
pub fn listen(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse::<SocketAddr>().map_err(|_| {
        let quoted = shown(text);
        if bare_ip(text).is_some() {
            AddressError::ListenPort(quoted)
        } else {
            AddressError::Listen(quoted)
        }
    })
}

/// Reads a prefix of clients. An address alone is the prefix of this one host.
///
/// # Errors
/// No prefix; bits beyond its length, because which of the two was meant is not ours to guess;
/// IPv4-mapped IPv6, because clients are compared in their IPv4 form.
pub fn prefix(text: &str) -> Result<IpNet, AddressError> {
    let net = match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(
            text.parse::<IpAddr>()
                .map_err(|_| AddressError::Prefix(shown(text)))?,
        ),
    };
    if net.trunc() != net {
        return Err(AddressError::HostBits(shown(text), net.trunc(), net.addr()));
    }
    if let (IpAddr::V6(addr), Some(length)) = (net.addr(), net.prefix_len().checked_sub(96))
        && let Some(v4) = addr.to_ipv4_mapped()
    {
        return Err(AddressError::Mapped(shown(text), format!("{v4}/{length}")));
    }
    Ok(net)
}

/// The prefixes of the word `private`: loopback, RFC 1918, link-local (RFC 3927, RFC 4291) and unique local
/// addresses (RFC 4193). Not 100.64.0.0/10 (RFC 6598): behind it are the provider's other customers.
#[must_use]
pub fn private_prefixes() -> Vec<IpNet> {
    let v4 = |a, b, length| Ipv4Net::new(Ipv4Addr::new(a, b, 0, 0), length).map(IpNet::from);
    let v6 =
        |high, low, length| Ipv6Net::new(Ipv6Addr::new(high, 0, 0, 0, 0, 0, 0, low), length).map(IpNet::from);
    [
        v4(127, 0, 8),
        v4(10, 0, 8),
        v4(172, 16, 12),
        v4(192, 168, 16),
        v4(169, 254, 16),
        v6(0, 1, 128),
        v6(0xfc00, 0, 7),
        v6(0xfe80, 0, 10),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a query sent to `addr` would come back to ourselves, who listen on `own`.
#[must_use]
pub fn is_own(addr: SocketAddr, own: &[SocketAddr]) -> bool {
    own.iter().any(|listen| {
        let ip = listen.ip();
        listen.port() == addr.port()
            && (ip == addr.ip()
                || (ip.is_unspecified() && addr.ip().is_loopback() && (ip.is_ipv6() || addr.is_ipv4())))
    })
}

/// The nameservers of a resolv.conf, without ourselves (a router's own resolv.conf often names the router),
/// each once and at most three (MAXNS). Lines that are not understood are passed over, as the C library does.
///
/// A link-local address counts only with a numeric zone, `fe80::1%2`: the names of interfaces are not known
/// here.
#[must_use]
pub fn from_resolv_conf(text: &str, own: &[SocketAddr]) -> Vec<UpstreamSpec> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some("nameserver"), Some(word)) = (words.next(), words.next()) else {
            continue;
        };
        let read = match word.contains('%') {
            true => format!("[{word}]:{DNS_PORT}").parse().ok(),
            false => word.parse::<IpAddr>().ok().map(|ip| {
                // 0.0.0.0 is this host to the C library.
                let ip = if ip.is_unspecified() {
                    IpAddr::V4(Ipv4Addr::LOCALHOST)
                } else {
                    ip
                };
                SocketAddr::new(ip, DNS_PORT)
            }),
        };
        let Some(addr) = read.filter(|addr| !addr.ip().is_multicast()) else {
            continue;
        };
        if is_own(addr, own) || found.contains(&addr) {
            continue;
        }
        found.push(addr);
        if found.len() == limits::RESOLV_CONF.default_usize() {
            break;
        }
    }
    let spec = |addr| UpstreamSpec::new(UpstreamUrl::udp(addr));
    found.into_iter().map(spec).collect()
}

/// A text in backquotes for a message: shortened, and without characters that would move a terminal's cursor.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        if c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('`');
    out
}

/// An address without port, in brackets or not.
fn bare_ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_wants_address_and_port() {
        let message =
            |text: &str| listen(text).map_or_else(|error| error.to_string(), |addr| addr.to_string());
        assert_eq!(message("[::]:53"), "[::]:53");
        assert_eq!(message("0.0.0.0:5300"), "0.0.0.0:5300");
        assert_eq!(
            message("127.0.0.1"),
            "expected ADDRESS:PORT, found `127.0.0.1` without a port; DNS clients ask port 53"
        );
        assert_eq!(
            message("[::1]"),
            "expected ADDRESS:PORT, found `[::1]` without a port; DNS clients ask port 53"
        );
        assert_eq!(
            message("localhost:53"),
            "expected ADDRESS:PORT such as 192.168.1.1:53 or [::]:53, found `localhost:53`"
        );
        assert_eq!(message("127.0.0.1:0"), "127.0.0.1:0");
    }

    #[test]
    fn prefixes_are_exact() {
        let message = |text: &str| prefix(text).map_or_else(|error| error.to_string(), |net| net.to_string());
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            (
                "192.168.1.5/24",
                "`192.168.1.5/24` has bits set beyond its length; write 192.168.1.0/24 for the whole network or \
                 192.168.1.5 for one host",
            ),
            (
                "::ffff:10.0.0.0/104",
                "`::ffff:10.0.0.0/104` stands for IPv4 addresses, which ask as such; write 10.0.0.0/8",
            ),
            (
                "10.0.0.0/33",
                "expected a prefix such as 192.168.1.0/24, fd00::/8 or 192.168.1.7, found `10.0.0.0/33`",
            ),
            (
                "lan",
                "expected a prefix such as 192.168.1.0/24, fd00::/8 or 192.168.1.7, found `lan`",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn private_is_loopback_private_and_link_local() {
        let words: Vec<String> = private_prefixes().iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "127.0.0.0/8",
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "169.254.0.0/16",
                "::1/128",
                "fc00::/7",
                "fe80::/10"
            ]
        );
        assert!(private_prefixes().iter().all(|net| net.trunc() == *net));
    }

    #[test]
    fn resolv_conf_without_ourselves() {
        let own: Vec<SocketAddr> = ["127.0.0.1:53", "[::]:53"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let text = "# made by hand\nsearch lan\nnameserver 127.0.0.1\nnameserver ::1\n nameserver 192.168.1.1 # gw\n\
                    nameserver 192.168.1.1\nnameserver nonsense\nnameserver\nnameserver fe80::1%eth0\n\
                    nameserver fe80::1%2\noptions ndots:1 trust-ad\nnameserver 9.9.9.9\nnameserver 1.1.1.1\n";
        let found: Vec<String> = from_resolv_conf(text, &own)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            ["udp://192.168.1.1:53", "udp://[fe80::1%2]:53", "udp://9.9.9.9:53"]
        );
        // A stub of the system on another port or address is not ourselves.
        let other: Vec<SocketAddr> = vec!["127.0.0.1:5300".parse().unwrap()];
        let found = from_resolv_conf("nameserver 127.0.0.53\nnameserver 0.0.0.0\n", &other);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["udp://127.0.0.53:53", "udp://127.0.0.1:53"]);
        assert!(from_resolv_conf("", &own).is_empty());
    }

    #[test]
    fn shown_texts_are_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "`a\\u{1b}[2J\\nb`");
        assert_eq!(shown(&"é".repeat(100)), format!("`{}…`", "é".repeat(60)));
    }
}
