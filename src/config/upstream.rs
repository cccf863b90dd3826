//! An upstream as people write it: a URL in the notation of dnsproxy, and what a URL cannot say.
//!
//! [`UpstreamSpec`] is one entry of `upstreams:`, a text or a mapping. Its URL is an [`UpstreamUrl`]; an
//! `sdns://` stamp ([`super::stamp`]) is a URL and more in one text. A host name is never resolved here, and
//! never by the system: the entry says where the host is (`addresses`), or whom to ask (`bootstrap`), so that
//! a resolver that is the system's own can start.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::address::{DNS_PORT, shown};
use super::stamp::{self, StampError};

/// Path of DoH where a URL names none (RFC 8484, 4.1.1 uses it throughout).
const DOH_PATH: &str = "/dns-query";
/// What a URI template ends with (RFC 8484, 4.1); queries travel in the body here.
const DOH_TEMPLATE: &str = "{?dns}";
/// Longest path of a URL.
const LONGEST_PATH: usize = 512;
/// Longest host name in its text form (RFC 1035, 2.3.4).
const LONGEST_HOST: usize = 253;

/// A SHA-256 sum.
pub type Sha256 = [u8; 32];

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain DNS over UDP; over TCP what comes back truncated.
    Udp,
    /// Plain DNS over TCP only.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS with HTTP/2 (RFC 8484).
    Https,
    /// DNS over HTTPS with HTTP/3.
    H3,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Scheme {
    /// All schemes, in the order in which messages list them.
    pub const ALL: [Self; 6] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https, Self::Quic, Self::H3];

    /// The word before `://`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::H3 => "h3",
            Self::Quic => "quic",
        }
    }

    /// The port where a URL names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => DNS_PORT,
            Self::Tls | Self::Quic => 853,
            Self::Https | Self::H3 => 443,
        }
    }

    /// Whether the server proves who it is.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp)
    }

    /// Whether a URL has a path.
    #[must_use]
    pub const fn has_path(self) -> bool {
        matches!(self, Self::Https | Self::H3)
    }

    /// Whether this build speaks it; see the features in Cargo.toml.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Self::Udp | Self::Tcp => true,
            Self::Tls => cfg!(feature = "tls"),
            Self::Https => cfg!(feature = "https"),
            Self::H3 => cfg!(feature = "h3"),
            Self::Quic => cfg!(feature = "quic"),
        }
    }
}

/// Which host a URL names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address and a port.
    Address(SocketAddr),
    /// A name in lower case without the final dot, and a port.
    Name(String, u16),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(addr) => addr.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// A URL: `1.1.1.1`, `1.1.1.1:53`, `[2606:4700::1111]:53`, `udp://1.1.1.1`, `tls://dns.example`,
/// `https://dns.example/dns-query`, `quic://dns.example:8853`, `h3://dns.example/dns-query`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Where it is; the port is the scheme's where the text says none.
    pub host: Host,
    /// The path and query of `https` and `h3`, with its `/`; empty for others.
    pub path: String,
}

impl UpstreamUrl {
    /// The URL of a plain upstream over UDP.
    #[must_use]
    pub const fn udp(addr: SocketAddr) -> Self {
        Self {
            scheme: Scheme::Udp,
            host: Host::Address(addr),
            path: String::new(),
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.host {
            Host::Address(addr) => addr.port(),
            Host::Name(_, port) => *port,
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.host, self.path)
    }
}

impl FromStr for UpstreamUrl {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some((word, rest)) => {
                let word = word.to_ascii_lowercase();
                let known = Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == word);
                (Some(known.ok_or_else(|| unknown_scheme(&word))?), rest)
            }
        };
        if rest.contains('#') {
            return Err(UpstreamError::Fragment(shown(text)));
        }
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let is_bare = scheme.is_none();
        let scheme = scheme.unwrap_or(Scheme::Udp);
        let Some(host) = read_host(host, scheme.default_port(), is_bare) else {
            return Err(UpstreamError::Upstream(shown(text)));
        };
        let path = match (scheme.has_path(), path) {
            (false, "") => String::new(),
            (false, _) => return Err(UpstreamError::Path(shown(text), scheme)),
            (true, "") => DOH_PATH.to_owned(),
            (true, path) => read_path(path).ok_or_else(|| UpstreamError::DohPath(shown(text)))?,
        };
        let url = Self { scheme, host, path };
        url.check(text)?;
        Ok(url)
    }
}

impl UpstreamUrl {
    /// What every upstream must keep to, however it was written.
    pub(super) fn check(&self, text: &str) -> Result<(), UpstreamError> {
        if self.port() == 0 {
            return Err(UpstreamError::PortZero(shown(text)));
        }
        if let Host::Address(addr) = &self.host
            && !is_host(addr.ip())
        {
            return Err(UpstreamError::NotAHost(shown(text)));
        }
        if !self.scheme.is_built() {
            return Err(UpstreamError::NotBuilt(self.scheme));
        }
        Ok(())
    }
}

/// Under which name the server is addressed and known in TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum TlsName {
    /// The URL's host, sent as SNI where it is a name (RFC 6066, 3).
    #[default]
    Host,
    /// This name instead.
    Named(String),
    /// The certificate must bear the URL's host, but no SNI is sent.
    Unsent,
}

/// One entry of `upstreams:`, with all that is needed to ask it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamSpec {
    /// Its URL.
    pub url: UpstreamUrl,
    /// `addresses`: where the host of the URL is. Nobody is asked if there are any.
    pub addresses: Vec<IpAddr>,
    /// `bootstrap`: whom to ask for the addresses of the host; the file's own list where the entry has none.
    pub bootstrap: Vec<SocketAddr>,
    /// `ca_file`: authorities of the certificate, in PEM, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// `pin_sha256`: SHA-256 of the server's public key (RFC 7858, 4.2; RFC 7469, 2.4). Any of them may fit.
    /// Without `ca_file` a pin replaces the authorities; with it both must hold.
    pub pins: Vec<Sha256>,
    /// Of a stamp: SHA-256 of the signed part of certificates, one of which must be in the chain, besides
    /// what holds anyway.
    pub chain_hashes: Vec<Sha256>,
    /// `server_name`.
    pub tls_name: TlsName,
}

impl UpstreamSpec {
    /// The entry that is only this URL.
    #[must_use]
    pub const fn new(url: UpstreamUrl) -> Self {
        Self {
            url,
            addresses: Vec::new(),
            bootstrap: Vec::new(),
            ca_file: None,
            pins: Vec::new(),
            chain_hashes: Vec::new(),
            tls_name: TlsName::Host,
        }
    }

    /// Where it is, if that is known without asking; empty if somebody must be asked.
    #[must_use]
    pub fn fixed_addresses(&self) -> Vec<SocketAddr> {
        match &self.url.host {
            Host::Address(addr) => vec![*addr],
            Host::Name(_, port) => self
                .addresses
                .iter()
                .map(|ip| SocketAddr::new(*ip, *port))
                .collect(),
        }
    }

    /// The host name that somebody must be asked for.
    #[must_use]
    pub fn unresolved(&self) -> Option<&str> {
        match &self.url.host {
            Host::Name(name, _) if self.addresses.is_empty() => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for UpstreamSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl FromStr for UpstreamSpec {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        match text.split_once("://") {
            Some((word, rest)) if word.eq_ignore_ascii_case("sdns") => stamp::read(rest),
            _ => text.parse().map(Self::new),
        }
    }
}

/// Why a text is no upstream; the text is quoted, shortened and made printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamError {
    /// Not an upstream.
    Upstream(String),
    /// A scheme that nothing knows.
    Scheme(String),
    /// HTTP without TLS.
    Http,
    /// A `#` in a URL.
    Fragment(String),
    /// A path where there is none.
    Path(String, Scheme),
    /// A path that no request can carry.
    DohPath(String),
    /// Port 0.
    PortZero(String),
    /// An address that is no single host's.
    NotAHost(String),
    /// A scheme that this build leaves out.
    NotBuilt(Scheme),
    /// A stamp that cannot be used.
    Stamp(StampError),
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(text) => write!(
                f,
                "expected an upstream such as 9.9.9.9, 9.9.9.9:53, [2620:fe::fe]:53, tcp://9.9.9.9, \
                 tls://dns.example or https://dns.example/dns-query, found {text}"
            ),
            Self::Scheme(word) => {
                write!(f, "unknown scheme {word}; expected an IP address or one of ")?;
                for scheme in Scheme::ALL {
                    write!(f, "{}://, ", scheme.as_str())?;
                }
                f.write_str("sdns://")
            }
            Self::Http => f.write_str("http:// is not encrypted and no DNS server speaks it; write https://"),
            Self::Fragment(text) => write!(
                f,
                "`#` is no part of an upstream's URL, found {text}; to give the name in the certificate write a \
                 mapping with the keys `url` and `server_name`, to send a domain elsewhere use a route"
            ),
            Self::Path(text, scheme) => write!(
                f,
                "{}:// has no path, found {text}; end the URL behind the host or the port",
                scheme.as_str()
            ),
            Self::DohPath(text) => write!(
                f,
                "expected a path of plain ASCII such as /dns-query, found {text}; write other characters as %XX"
            ),
            Self::PortZero(text) => write!(f, "expected a port from 1 to 65535, found 0 in {text}"),
            Self::NotAHost(text) => {
                write!(
                    f,
                    "expected the address of one host, found {text}, which no host answers from"
                )
            }
            Self::NotBuilt(scheme) => {
                let word = scheme.as_str();
                write!(
                    f,
                    "this build has no {word}:// upstreams; use another scheme, or a build with the feature `{word}`"
                )
            }
            Self::Stamp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UpstreamError {}

/// Reads the address of a bootstrap server: an IP address, with or without a port.
///
/// # Errors
/// Anything else: a name would have to be looked up itself.
pub fn bootstrap(text: &str) -> Result<SocketAddr, String> {
    let expected = || {
        format!(
            "expected the IP address of a plain DNS server such as 9.9.9.9 or 9.9.9.9:53, found {}",
            shown(text)
        )
    };
    let url: UpstreamUrl = text.parse().map_err(|_| expected())?;
    match (url.scheme, url.host) {
        (Scheme::Udp, Host::Address(addr)) => Ok(addr),
        _ => Err(expected()),
    }
}

/// Reads the address of a host.
///
/// # Errors
/// A text that is no address, an address that no host has.
pub fn host_address(text: &str) -> Result<IpAddr, String> {
    let ip: Option<IpAddr> = text.parse().ok();
    ip.filter(|ip| is_host(*ip)).ok_or_else(|| {
        format!(
            "expected an IP address without a port such as 192.0.2.1 or 2001:db8::1, found {}",
            shown(text)
        )
    })
}

/// Reads a pin: base64 of 32 bytes.
///
/// # Errors
/// Anything else, such as hexadecimal.
pub fn pin(text: &str) -> Result<Sha256, String> {
    let text = text.strip_prefix("sha256/").unwrap_or(text);
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| Sha256::try_from(bytes).ok())
        .ok_or_else(|| {
            format!(
                "expected the SHA-256 of a public key as 44 characters of base64, found {}",
                shown(text)
            )
        })
}

/// Reads the name that a certificate bears.
///
/// # Errors
/// What no certificate can bear.
pub fn tls_name(text: &str) -> Result<String, String> {
    host_name(text).ok_or_else(|| format!("expected a host name such as dns.example, found {}", shown(text)))
}

/// Reads a host name of a URL or a certificate; gives it in lower case without a final dot.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // No top-level domain is a number; a text that ends with one is an address with a mistake in it.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_name = name.len() <= LONGEST_HOST
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then(|| name.to_ascii_lowercase())
}

/// A host, with or without a port. Where nothing else says that it is one, a name is taken for a mistake.
pub(super) fn read_host(text: &str, port: u16, is_bare: bool) -> Option<Host> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some(Host::Address(addr));
    }
    let bare: Option<IpAddr> = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => match inner.parse::<Ipv6Addr>() {
            Ok(ip) => Some(IpAddr::V6(ip)),
            // With a zone, as in [fe80::1%2].
            Err(_) => return format!("{text}:{port}").parse().ok().map(Host::Address),
        },
        None => text.parse().ok(),
    };
    if let Some(ip) = bare {
        return Some(Host::Address(SocketAddr::new(ip, port)));
    }
    if is_bare {
        return None;
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, digits.parse().ok()?)
        }
        Some(_) => return None,
        None => (text, port),
    };
    host_name(name).map(|name| Host::Name(name, port))
}

/// A path that can stand in a request as it is.
pub(super) fn read_path(text: &str) -> Option<String> {
    let path = text.strip_suffix(DOH_TEMPLATE).unwrap_or(text);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&byte);
    (path.starts_with('/') && path.len() <= LONGEST_PATH && path.bytes().all(is_plain))
        .then(|| path.to_owned())
}

fn unknown_scheme(word: &str) -> UpstreamError {
    if word == "http" {
        UpstreamError::Http
    } else {
        UpstreamError::Scheme(shown(word))
    }
}

fn is_host(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && ip != Ipv4Addr::BROADCAST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> String {
        text.parse::<UpstreamUrl>()
            .map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn upstreams_in_every_notation() {
        for (text, expected) in [
            ("1.1.1.1", "udp://1.1.1.1:53"),
            ("1.1.1.1:5353", "udp://1.1.1.1:5353"),
            ("2620:fe::fe", "udp://[2620:fe::fe]:53"),
            ("[2620:fe::fe]", "udp://[2620:fe::fe]:53"),
            ("[2620:fe::fe]:54", "udp://[2620:fe::fe]:54"),
            ("udp://9.9.9.9", "udp://9.9.9.9:53"),
            ("udp://DNS.Example.", "udp://dns.example:53"),
            ("tcp://9.9.9.9:54", "tcp://9.9.9.9:54"),
            ("TCP://[::1]", "tcp://[::1]:53"),
            ("[fe80::1%3]:53", "udp://[fe80::1%3]:53"),
            ("[fe80::1%3]", "udp://[fe80::1%3]:53"),
        ] {
            assert_eq!(upstream(text), expected);
            assert_eq!(upstream(expected), expected);
        }
    }

    #[cfg(all(feature = "https", feature = "h3"))]
    #[test]
    fn encrypted_upstreams_in_every_notation() {
        for (text, expected) in [
            ("tls://dns.example", "tls://dns.example:853"),
            ("tls://9.9.9.9:8853", "tls://9.9.9.9:8853"),
            ("quic://[2620:fe::fe]", "quic://[2620:fe::fe]:853"),
            ("https://dns.example", "https://dns.example:443/dns-query"),
            ("https://dns.example/", "https://dns.example:443/"),
            ("https://dns.example/q{?dns}", "https://dns.example:443/q"),
            ("https://[2620:fe::fe]/a?b=c", "https://[2620:fe::fe]:443/a?b=c"),
            ("h3://dns.example:444/dns-query", "h3://dns.example:444/dns-query"),
        ] {
            assert_eq!(upstream(text), expected);
            assert_eq!(upstream(expected), expected);
        }
        for text in ["https://dns.example/a b", "https://dns.example/ä"] {
            let expected = "expected a path of plain ASCII such as /dns-query, found ";
            assert!(upstream(text).starts_with(expected), "{}", upstream(text));
        }
        assert_eq!(
            upstream("tls://9.9.9.9/x"),
            "tls:// has no path, found `tls://9.9.9.9/x`; end the URL behind the host or the port"
        );
    }

    #[test]
    fn upstreams_refused_say_what_is_expected() {
        let expected = "expected an upstream such as 9.9.9.9, 9.9.9.9:53, [2620:fe::fe]:53, tcp://9.9.9.9, \
                        tls://dns.example or https://dns.example/dns-query, found ";
        for text in [
            "",
            "dns.quad9.net",
            "1.1.1",
            "1.1.1.1:",
            "1.1.1.1:99999",
            "udp://",
            "udp://1.1.1",
            "udp://a..b",
            "udp://-a.example",
            "udp://user@dns.example",
            "udp://dns.example:",
            "udp://dns.example:99999",
            " 1.1.1.1",
        ] {
            assert_eq!(upstream(text), format!("{expected}`{text}`"));
        }
        assert_eq!(
            upstream("ftp://1.1.1.1"),
            "unknown scheme `ftp`; expected an IP address or one of udp://, tcp://, tls://, https://, quic://, \
             h3://, sdns://"
        );
        assert_eq!(
            upstream("http://1.1.1.1"),
            "http:// is not encrypted and no DNS server speaks it; write https://"
        );
        assert_eq!(
            upstream("udp://1.1.1.1#dns.example"),
            "`#` is no part of an upstream's URL, found `udp://1.1.1.1#dns.example`; to give the name in the \
             certificate write a mapping with the keys `url` and `server_name`, to send a domain elsewhere use a \
             route"
        );
        assert_eq!(
            upstream("1.1.1.1:0"),
            "expected a port from 1 to 65535, found 0 in `1.1.1.1:0`"
        );
        for text in ["0.0.0.0", "[::]:53", "224.0.0.251:5353", "255.255.255.255"] {
            assert_eq!(
                upstream(text),
                format!("expected the address of one host, found `{text}`, which no host answers from")
            );
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_build_without_tls_says_so() {
        assert_eq!(
            upstream("tls://9.9.9.9"),
            "this build has no tls:// upstreams; use another scheme, or a build with the feature `tls`"
        );
    }

    #[test]
    fn pins_are_base64_of_32_bytes() {
        let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(pin(text).unwrap()[..2], [0xe3, 0xb0]);
        assert_eq!(pin(&format!("sha256/{text}")), pin(text));
        for text in ["", "e3b0c442", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"] {
            assert!(
                pin(text).unwrap_err().contains("44 characters of base64"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bootstrap_server_is_an_address() {
        assert_eq!(bootstrap("9.9.9.9"), Ok("9.9.9.9:53".parse().unwrap()));
        assert_eq!(bootstrap("[::1]:54"), Ok("[::1]:54".parse().unwrap()));
        for text in ["dns.example", "udp://dns.example", "tcp://9.9.9.9", "9.9.9.9:0"] {
            assert!(
                bootstrap(text)
                    .unwrap_err()
                    .starts_with("expected the IP address"),
                "{text}"
            );
        }
    }
}
