//! Where to listen, as people write it: an address for plain DNS, a URL in the notation of upstreams for the rest.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::address::{self, AddressError, shown};
use super::upstream::Scheme;

/// Path at which DNS over HTTPS is served (RFC 8484, 4.1.1 uses it throughout).
pub const DOH_PATH: &str = "/dns-query";

/// What is spoken at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListenScheme {
    /// Plain DNS over UDP and TCP.
    Plain,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS with HTTP/1.1 and HTTP/2 (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS with HTTP/3.
    H3,
    /// HTTP without TLS: the pages of invites, for first contact in the house; no DNS.
    Http,
}

impl ListenScheme {
    /// Those that need a certificate, in the order in which messages list them.
    pub const ENCRYPTED: [Self; 4] = [Self::Tls, Self::Https, Self::Quic, Self::H3];

    /// The scheme of upstreams that speaks the same; none for plain DNS, which is two of them, and for pages.
    #[must_use]
    pub const fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Plain | Self::Http => None,
            Self::Tls => Some(Scheme::Tls),
            Self::Https => Some(Scheme::Https),
            Self::Quic => Some(Scheme::Quic),
            Self::H3 => Some(Scheme::H3),
        }
    }

    /// Those that are written as URLs.
    const URLS: [Self; 5] = [Self::Tls, Self::Https, Self::Quic, Self::H3, Self::Http];

    /// The word before `://`, and the port where none is written; none for plain DNS, which has no URL.
    const fn url(self) -> Option<(&'static str, u16)> {
        match self.scheme() {
            Some(scheme) => Some((scheme.as_str(), scheme.default_port())),
            None if matches!(self, Self::Http) => Some(("http", 80)),
            None => None,
        }
    }

    /// Whether this build can listen so.
    fn is_built(self) -> bool {
        match self {
            Self::Https => cfg!(feature = "https-listener"),
            Self::Http => cfg!(feature = "onboard"),
            _ => self.scheme().is_none_or(Scheme::is_built),
        }
    }

    /// Whether a certificate is needed.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Plain | Self::Http)
    }

    /// Whether a UDP port is taken.
    #[must_use]
    pub const fn takes_udp(self) -> bool {
        matches!(self, Self::Plain | Self::Quic | Self::H3)
    }

    /// Whether a TCP port is taken.
    #[must_use]
    pub const fn takes_tcp(self) -> bool {
        matches!(self, Self::Plain | Self::Tls | Self::Https | Self::Http)
    }
}

/// An item of `listen`: `192.168.1.1:53`, `[::]:53`, `tls://0.0.0.0`, `https://[::]:8443`. Port 0 is any port
/// that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenUrl {
    /// What is spoken there.
    pub scheme: ListenScheme,
    /// Address and port; the port is the scheme's where the text says none.
    pub addr: SocketAddr,
    /// Only devices that bear a known token are answered there, and only for names of our own zones. No text of a
    /// URL says this; the mapping does.
    pub private_only: bool,
}

impl ListenUrl {
    /// Plain DNS at this address.
    #[must_use]
    pub const fn plain(addr: SocketAddr) -> Self {
        Self {
            scheme: ListenScheme::Plain,
            addr,
            private_only: false,
        }
    }

    /// Whether both want the same port of the same address.
    #[must_use]
    pub fn is_in_the_way_of(&self, other: &Self) -> bool {
        let (one, two) = (self.scheme, other.scheme);
        self.addr == other.addr
            && self.addr.port() != 0
            && (one.takes_udp() && two.takes_udp() || one.takes_tcp() && two.takes_tcp())
    }
}

impl fmt::Display for ListenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme.url() {
            None => self.addr.fmt(f),
            Some((word, _)) => write!(f, "{word}://{}", self.addr),
        }
    }
}

impl FromStr for ListenUrl {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let Some((word, rest)) = text.split_once("://") else {
            return address::listen(text)
                .map(Self::plain)
                .map_err(ListenError::Address);
        };
        let word = word.to_ascii_lowercase();
        let mut urls = ListenScheme::URLS
            .into_iter()
            .filter_map(|scheme| Some((scheme, scheme.url()?)));
        let Some((scheme, (_, port))) = urls.find(|(_, (known, _))| *known == word) else {
            return Err(match word.as_str() {
                "udp" | "tcp" => ListenError::Plain(shown(rest)),
                _ => ListenError::Scheme(shown(&word)),
            });
        };
        if rest.contains(['/', '?', '#']) {
            return Err(ListenError::Path(shown(text), scheme));
        }
        let addr = read_address(rest, port);
        let addr = addr.ok_or_else(|| ListenError::Host(shown(text), scheme))?;
        if !scheme.is_built() {
            return Err(ListenError::NotBuilt(scheme));
        }
        Ok(Self {
            scheme,
            addr,
            private_only: false,
        })
    }
}

/// Why a text is no place to listen; the text is quoted, shortened and made printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenError {
    /// Without a scheme, and no address with a port.
    Address(AddressError),
    /// A scheme that nothing knows.
    Scheme(String),
    /// Plain DNS with a scheme; what stands behind it.
    Plain(String),
    /// No address behind the scheme.
    Host(String, ListenScheme),
    /// Something behind the address.
    Path(String, ListenScheme),
    /// A scheme that this build leaves out.
    NotBuilt(ListenScheme),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Scheme(word) => {
                write!(
                    f,
                    "unknown scheme {word}; expected ADDRESS:PORT for plain DNS, or one of "
                )?;
                let words = ListenScheme::URLS.iter().filter_map(|scheme| scheme.url());
                for (at, (word, _)) in words.enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{word}://")?;
                }
                Ok(())
            }
            Self::Plain(rest) => write!(
                f,
                "plain DNS is served over UDP and TCP alike; write the address alone, found {rest} behind a scheme"
            ),
            Self::Host(text, scheme) => {
                let (word, port) = scheme.url().unwrap_or_default();
                write!(
                    f,
                    "expected an address such as {word}://192.168.1.1 or {word}://[::]:{port}, found {text}"
                )
            }
            Self::Path(text, scheme) if scheme.scheme().is_some_and(Scheme::has_path) => write!(
                f,
                "DNS is served at the path {DOH_PATH}, which is not written here, found {text}; end the URL behind \
                 the address or the port"
            ),
            Self::Path(text, scheme) => write!(
                f,
                "{}:// has no path here, found {text}; end the URL behind the address or the port",
                scheme.url().unwrap_or_default().0
            ),
            Self::NotBuilt(scheme) => {
                let (word, _) = scheme.url().unwrap_or_default();
                let feature = if *scheme == ListenScheme::Http {
                    "onboard"
                } else {
                    word
                };
                write!(
                    f,
                    "this build has no {word}:// listeners; use another scheme, or a build with the feature `{feature}`"
                )
            }
        }
    }
}

impl std::error::Error for ListenError {}

/// An address with or without a port; IPv6 in brackets.
fn read_address(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(addr) = text.parse() {
        return Some(addr);
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // Through the parser of whole addresses, which knows zones too.
        Some(_) => format!("{text}:{port}").parse().ok(),
        None => text
            .parse::<IpAddr>()
            .ok()
            .filter(IpAddr::is_ipv4)
            .map(|ip| SocketAddr::new(ip, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> String {
        text.parse::<ListenUrl>()
            .map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[cfg(all(feature = "https-listener", feature = "h3", feature = "onboard"))]
    #[test]
    fn listeners_in_every_notation() {
        for (text, expected) in [
            ("192.168.1.1:53", "192.168.1.1:53"),
            ("[::]:53", "[::]:53"),
            ("tls://0.0.0.0", "tls://0.0.0.0:853"),
            ("TLS://0.0.0.0:8853", "tls://0.0.0.0:8853"),
            ("https://[::]", "https://[::]:443"),
            ("https://127.0.0.1:0", "https://127.0.0.1:0"),
            ("quic://[fe80::1%2]", "quic://[fe80::1%2]:853"),
            ("h3://[::1]:8443", "h3://[::1]:8443"),
            ("http://0.0.0.0", "http://0.0.0.0:80"),
            ("HTTP://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(listen(text), expected);
            assert_eq!(listen(expected), expected);
        }
        for text in [
            "tls://",
            "tls://dns.example",
            "tls://::1",
            "tls://1.2.3.4:",
            "tls://1.2.3.4:99999",
        ] {
            assert_eq!(
                listen(text),
                format!("expected an address such as tls://192.168.1.1 or tls://[::]:853, found `{text}`")
            );
        }
        assert_eq!(
            listen("https://0.0.0.0/dns-query"),
            "DNS is served at the path /dns-query, which is not written here, found `https://0.0.0.0/dns-query`; end \
             the URL behind the address or the port"
        );
        assert_eq!(
            listen("quic://0.0.0.0/x"),
            "quic:// has no path here, found `quic://0.0.0.0/x`; end the URL behind the address or the port"
        );
    }

    #[test]
    fn schemes_that_are_none_say_what_to_write() {
        assert_eq!(
            listen("ftp://0.0.0.0"),
            "unknown scheme `ftp`; expected ADDRESS:PORT for plain DNS, or one of tls://, https://, quic://, h3://, \
             http://"
        );
        assert_eq!(
            listen("udp://0.0.0.0:53"),
            "plain DNS is served over UDP and TCP alike; write the address alone, found `0.0.0.0:53` behind a scheme"
        );
        assert_eq!(
            listen("http://0.0.0.0/i"),
            "http:// has no path here, found `http://0.0.0.0/i`; end the URL behind the address or the port"
        );
    }

    #[cfg(not(feature = "onboard"))]
    #[test]
    fn a_build_without_pages_says_so() {
        assert_eq!(
            listen("http://0.0.0.0"),
            "this build has no http:// listeners; use another scheme, or a build with the feature `onboard`"
        );
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_build_without_tls_says_so() {
        assert_eq!(
            listen("tls://0.0.0.0"),
            "this build has no tls:// listeners; use another scheme, or a build with the feature `tls`"
        );
    }

    #[test]
    fn two_are_in_the_way_of_each_other_on_one_port_of_one_kind() {
        let url = |scheme, addr: &str| ListenUrl {
            scheme,
            addr: addr.parse().unwrap(),
            private_only: false,
        };
        let tls = url(ListenScheme::Tls, "0.0.0.0:853");
        assert!(tls.is_in_the_way_of(&url(ListenScheme::Https, "0.0.0.0:853")));
        assert!(tls.is_in_the_way_of(&url(ListenScheme::Plain, "0.0.0.0:853")));
        assert!(!tls.is_in_the_way_of(&url(ListenScheme::Quic, "0.0.0.0:853")));
        assert!(!tls.is_in_the_way_of(&url(ListenScheme::Https, "0.0.0.0:443")));
        let any = url(ListenScheme::Tls, "0.0.0.0:0");
        assert!(!any.is_in_the_way_of(&any));
    }
}
