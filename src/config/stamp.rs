//! DNS stamps: `sdns://` and base64 of what a resolver is, as lists of public resolvers publish it
//! (draft-denis-dns-stamps).
//!
//! A stamp holds addresses and hashes besides the URL, so it becomes a whole [`UpstreamSpec`]. DNSCrypt and
//! the kinds that need a relay are refused by name. The hashes are of the signed part of certificates, not
//! of keys: they join what is checked anyway and replace nothing.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::upstream::{Host, Scheme, Sha256, UpstreamError, UpstreamSpec, UpstreamUrl, bootstrap};
use super::upstream::{read_host, read_path};

/// Longest stamp in characters; one with ten hashes has about 600.
const LONGEST: usize = 4096;
/// Informal properties behind the kind: DNSSEC, no log, no filter. They promise and do not bind.
const PROPERTIES: usize = 8;
/// In a length, says that another item of the list follows.
const MORE: u8 = 0x80;

/// Why a stamp cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampError {
    /// Not base64.
    Encoding,
    /// It ends early, or goes on behind its end.
    Length,
    /// Its address is none.
    Address,
    /// Its host is none.
    Host,
    /// Its path is none.
    Path,
    /// A hash that does not have 32 bytes.
    Hash,
    /// A bootstrap server that is no address.
    Bootstrap,
    /// A known kind that is not supported.
    Unsupported(&'static str),
    /// A kind that nothing knows.
    Kind(u8),
}

impl fmt::Display for StampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Encoding => "is not base64 for URLs; copy all of it",
            Self::Length => "has not the length that it says; copy all of it",
            Self::Address => "holds an address that is none",
            Self::Host => "holds a host name that is none",
            Self::Path => "holds a path that no request can carry",
            Self::Hash => "holds a hash that does not have 32 bytes",
            Self::Bootstrap => "holds a bootstrap server that is no IP address",
            Self::Unsupported(kind) => {
                return write!(
                    f,
                    "the stamp is for {kind}, which is not supported; supported are plain DNS, DoH, DoT and DoQ"
                );
            }
            Self::Kind(kind) => {
                return write!(
                    f,
                    "the stamp is of the unknown kind {kind}; supported are plain DNS, DoH, DoT and DoQ"
                );
            }
        };
        write!(f, "the stamp behind sdns:// {what}")
    }
}

/// Reads what stands behind `sdns://`.
pub(super) fn read(text: &str) -> Result<UpstreamSpec, UpstreamError> {
    let spec = decode(text).map_err(UpstreamError::Stamp)?;
    spec.url.check(&spec.url.to_string())?;
    Ok(spec)
}

fn decode(text: &str) -> Result<UpstreamSpec, StampError> {
    let text = text.trim_end_matches('=');
    if text.len() > LONGEST {
        return Err(StampError::Length);
    }
    let bytes = data_encoding::BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| StampError::Encoding)?;
    let (kind, rest) = bytes.split_first().ok_or(StampError::Length)?;
    let scheme = match kind {
        0 => Scheme::Udp,
        2 => Scheme::Https,
        3 => Scheme::Tls,
        4 => Scheme::Quic,
        1 => return Err(StampError::Unsupported("DNSCrypt")),
        0x81 => return Err(StampError::Unsupported("a DNSCrypt relay")),
        5 | 0x85 => return Err(StampError::Unsupported("Oblivious DoH")),
        other => return Err(StampError::Kind(*other)),
    };
    let mut rest = Rest(rest.get(PROPERTIES..).ok_or(StampError::Length)?);
    let address = rest.text()?;
    if scheme == Scheme::Udp {
        rest.end()?;
        return match read_host(&address, scheme.default_port(), true) {
            Some(Host::Address(addr)) => Ok(UpstreamSpec::new(UpstreamUrl::udp(addr))),
            _ => Err(StampError::Address),
        };
    }
    let chain_hashes = rest.hashes()?;
    let host = rest.text()?;
    let path = if scheme.has_path() {
        read_path(&rest.text()?).ok_or(StampError::Path)?
    } else {
        String::new()
    };
    let bootstrap = rest.bootstrap()?;
    rest.end()?;
    let (ip, port) = read_address(&address, scheme.default_port())?;
    let host = match read_host(&host, port, false) {
        Some(host) => host,
        // The draft lets the host be empty where the address is known by its own name.
        None if host.is_empty() => Host::Address(SocketAddr::new(ip.ok_or(StampError::Host)?, port)),
        None => return Err(StampError::Host),
    };
    Ok(UpstreamSpec {
        addresses: match &host {
            Host::Name(..) => ip.into_iter().collect(),
            Host::Address(_) => Vec::new(),
        },
        bootstrap,
        chain_hashes,
        ..UpstreamSpec::new(UpstreamUrl { scheme, host, path })
    })
}

/// An address, with or without a port, or a port alone, or nothing.
fn read_address(text: &str, port: u16) -> Result<(Option<IpAddr>, u16), StampError> {
    if text.is_empty() {
        return Ok((None, port));
    }
    if let Some(digits) = text.strip_prefix(':')
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok((None, digits.parse().map_err(|_| StampError::Address)?));
    }
    match read_host(text, port, true) {
        Some(Host::Address(addr)) => Ok((Some(addr.ip()), addr.port())),
        _ => Err(StampError::Address),
    }
}

/// What of the stamp is still to be read.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], StampError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(StampError::Length)?;
        self.0 = tail;
        Ok(head)
    }

    fn length(&mut self) -> Result<u8, StampError> {
        self.take(1)?.first().copied().ok_or(StampError::Length)
    }

    /// A length and as much text.
    fn text(&mut self) -> Result<String, StampError> {
        let len = self.length()?;
        let bytes = self.take(usize::from(len))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| StampError::Encoding)
    }

    /// Items, each with its length, the last one without [`MORE`].
    fn list(&mut self) -> Result<Vec<&'b [u8]>, StampError> {
        let mut items = Vec::new();
        loop {
            let len = self.length()?;
            let item = self.take(usize::from(len & !MORE))?;
            if !item.is_empty() {
                items.push(item);
            }
            if len & MORE == 0 {
                return Ok(items);
            }
        }
    }

    fn hashes(&mut self) -> Result<Vec<Sha256>, StampError> {
        let hash = |item: &[u8]| Sha256::try_from(item).map_err(|_| StampError::Hash);
        self.list()?.into_iter().map(hash).collect()
    }

    /// The list at the end, which may be missing.
    fn bootstrap(&mut self) -> Result<Vec<SocketAddr>, StampError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let read = |item: &[u8]| {
            let text = std::str::from_utf8(item).map_err(|_| StampError::Bootstrap)?;
            bootstrap(text).map_err(|_| StampError::Bootstrap)
        };
        self.list()?.into_iter().map(read).collect()
    }

    fn end(&self) -> Result<(), StampError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(StampError::Length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(kind: u8, parts: &[&[u8]]) -> String {
        let mut bytes = vec![kind, 7, 0, 0, 0, 0, 0, 0, 0];
        for part in parts {
            bytes.extend_from_slice(part);
        }
        format!("sdns://{}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    fn lp(bytes: &[u8]) -> Vec<u8> {
        [&[bytes.len() as u8], bytes].concat()
    }

    fn read_one(text: &str) -> Result<UpstreamSpec, String> {
        text.parse().map_err(|error: UpstreamError| error.to_string())
    }

    #[test]
    fn a_plain_stamp_is_an_address() {
        for (address, expected) in [
            ("8.8.8.8", "udp://8.8.8.8:53"),
            ("[2001:db8::1]:5353", "udp://[2001:db8::1]:5353"),
        ] {
            let spec = read_one(&stamp(0, &[&lp(address.as_bytes())])).unwrap();
            assert_eq!(spec.to_string(), expected);
        }
    }

    #[cfg(all(feature = "https", feature = "quic"))]
    #[test]
    fn an_encrypted_stamp_brings_addresses_hashes_and_bootstrap() {
        let mut hashes = vec![MORE | 32];
        hashes.extend_from_slice(&[1; 32]);
        hashes.extend_from_slice(&lp(&[2; 32]));
        let doh = stamp(
            2,
            &[
                &lp(b"192.0.2.1:8443"),
                &hashes,
                &lp(b"dns.example"),
                &lp(b"/dns-query"),
                &lp(b"9.9.9.9"),
            ],
        );
        let spec = read_one(&doh).unwrap();
        assert_eq!(spec.to_string(), "https://dns.example:8443/dns-query");
        assert_eq!(spec.fixed_addresses(), ["192.0.2.1:8443".parse().unwrap()]);
        assert_eq!(spec.chain_hashes, [[1; 32], [2; 32]]);
        assert_eq!(spec.bootstrap, ["9.9.9.9:53".parse().unwrap()]);
        let dot = read_one(&stamp(3, &[&lp(b""), &lp(b""), &lp(b"dns.example:8853")])).unwrap();
        assert_eq!(dot.to_string(), "tls://dns.example:8853");
        assert_eq!(dot.unresolved(), Some("dns.example"));
        let doq = read_one(&stamp(4, &[&lp(b":784"), &lp(b""), &lp(b"dns.example")])).unwrap();
        assert_eq!(doq.to_string(), "quic://dns.example:784");
        let bare = read_one(&stamp(3, &[&lp(b"192.0.2.1"), &lp(b""), &lp(b"")])).unwrap();
        assert_eq!(bare.to_string(), "tls://192.0.2.1:853");
    }

    #[test]
    fn dnscrypt_is_refused_by_name() {
        assert_eq!(
            read_one(&stamp(1, &[])).unwrap_err(),
            "the stamp is for DNSCrypt, which is not supported; supported are plain DNS, DoH, DoT and DoQ"
        );
        assert!(
            read_one(&stamp(0x81, &[]))
                .unwrap_err()
                .contains("a DNSCrypt relay")
        );
        assert!(read_one(&stamp(0x85, &[])).unwrap_err().contains("Oblivious DoH"));
        assert!(read_one(&stamp(77, &[])).unwrap_err().contains("unknown kind 77"));
    }

    #[test]
    fn broken_stamps_are_refused_and_never_panic() {
        assert!(read_one("sdns://").is_err());
        assert!(read_one("sdns://!!").unwrap_err().contains("is not base64"));
        let whole = stamp(
            3,
            &[
                &lp(b"192.0.2.1"),
                &lp(&[1; 32]),
                &lp(b"dns.example"),
                &lp(b"9.9.9.9"),
            ],
        );
        for len in 7..whole.len() {
            let _ = read_one(&whole[..len]);
        }
        for (parts, message) in [
            (
                vec![lp(b"x"), lp(b""), lp(b"dns.example")],
                "an address that is none",
            ),
            (
                vec![lp(b""), lp(b"short"), lp(b"dns.example")],
                "does not have 32 bytes",
            ),
            (vec![lp(b""), lp(b""), lp(b"a b")], "a host name that is none"),
            (
                vec![lp(b""), lp(b""), lp(b"a.example"), lp(b"x")],
                "a bootstrap server",
            ),
            (
                vec![lp(b""), lp(b""), lp(b"a.example"), lp(b""), lp(b"")],
                "the length",
            ),
        ] {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let error = read_one(&stamp(3, &parts)).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
