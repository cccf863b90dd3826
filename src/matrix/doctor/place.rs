//! Server names, URLs, and where the specification says to connect (server-server API, "Resolving server names").

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::matrix::set::port_number;
use crate::matrix::{FEDERATION_PORT, HTTPS_PORT};
use crate::message::Name;

/// Longest path that is followed.
const MAX_PATH: usize = 1024;

/// A host: a name, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name, without a dot at the end, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// The name as DNS has it; none for an address.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        match self {
            Self::Name(name) => name.parse().ok(),
            Self::Address(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A host and, where one is said, a port: a server name, and what `m.server` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Option<u16>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (inside, rest) = rest
                .split_once(']')
                .ok_or_else(|| format!("`{}` lacks a `]`", shown(text)))?;
            let address: Ipv6Addr = inside
                .parse()
                .map_err(|_| format!("`{}` is no IPv6 address", shown(inside)))?;
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(port),
                None if rest.is_empty() => None,
                None => return Err(format!("`{}` stands behind the `]`", shown(rest))),
            };
            (Host::Address(address.into()), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            (plain_host(host)?, port)
        };
        let number = |port: &str| {
            port_number(port).ok_or_else(|| format!("`{}` is no port; expected 1 to 65535", shown(port)))
        };
        Ok(Place {
            host,
            port: port.map(number).transpose()?,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn plain_host(text: &str) -> Result<Host, String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let good = !text.is_empty()
        && !text.ends_with('.')
        && text.bytes().all(is_plain)
        && text.parse::<Name>().is_ok();
    if good {
        Ok(Host::Name(text.to_ascii_lowercase()))
    } else {
        Err(format!("`{}` is no host name", shown(text)))
    }
}

/// Text of others as it may stand in a terminal: short, and nothing but what can be printed.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        out.push_str("...");
    }
    out
}

/// A URL of HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    pub place: Place,
    /// Path and query, from `/` on.
    pub path: String,
}

impl Url {
    /// The port that is connected to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.place.port.unwrap_or(HTTPS_PORT)
    }

    /// The URL behind this one in a `Location` (RFC 9110, 10.2.2).
    ///
    /// # Errors
    /// Why nobody follows it.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        if let Some(rest) = location.strip_prefix("//") {
            return format!("https://{rest}").parse();
        }
        if location.starts_with('/') {
            return format!("https://{}{location}", self.place).parse();
        }
        if location.contains("://") {
            return location.parse();
        }
        let folder = self.path.split(['?', '#']).next().unwrap_or("/");
        let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("https://{}{folder}/{location}", self.place).parse()
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = text.get(..8).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("https://") {
            return Err(format!("`{}` is no https:// URL", shown(text)));
        }
        let rest = text.get(8..).unwrap_or_default();
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (place, path) = rest.split_at(end);
        let path = match path.strip_prefix('?') {
            Some(query) => format!("/?{query}"),
            None if path.is_empty() => "/".to_owned(),
            None => path.to_owned(),
        };
        if path.len() > MAX_PATH || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("`{}` has a path that is no path", shown(text)));
        }
        Ok(Url {
            place: place.parse()?,
            path,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.place, self.path)
    }
}

/// Where to connect, and as whom the server must show itself there: a row of the specification's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The step of the specification.
    pub step: &'static str,
    /// Whose addresses are looked up.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The name in SNI and in the certificate.
    pub identity: Host,
    /// The Host header.
    pub header: String,
}

impl Target {
    /// Without an SRV record: `place` is the server name, or what it is delegated to.
    #[must_use]
    pub fn direct(place: &Place, is_delegated: bool) -> Self {
        let step = match (is_delegated, &place.host, place.port) {
            (false, Host::Address(_), _) => "1",
            (false, _, Some(_)) => "2",
            (false, _, None) => "6",
            (true, Host::Address(_), _) => "3.1",
            (true, _, Some(_)) => "3.2",
            (true, _, None) => "3.5",
        };
        Target {
            step,
            host: place.host.clone(),
            port: place.port.unwrap_or(FEDERATION_PORT),
            identity: place.host.clone(),
            header: place.to_string(),
        }
    }

    /// Behind an SRV record of `place`: the certificate stays that of `place`, never of the target.
    #[must_use]
    pub fn by_srv(place: &Place, is_delegated: bool, is_deprecated: bool, host: Host, port: u16) -> Self {
        let step = match (is_delegated, is_deprecated) {
            (false, false) => "4",
            (false, true) => "5",
            (true, false) => "3.3",
            (true, true) => "3.4",
        };
        Target {
            step,
            host,
            port,
            identity: place.host.clone(),
            header: place.to_string(),
        }
    }
}

/// Whether SRV records of a place are asked for: it is a name without a port.
#[must_use]
pub fn asks_srv(place: &Place) -> bool {
    matches!(place.host, Host::Name(_)) && place.port.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_read_as_the_specification_has_them() {
        for (text, host, port) in [
            ("Hearth.example", "hearth.example", None),
            ("hearth.example.:8448", "hearth.example", Some(8448)),
            ("192.0.2.1:443", "192.0.2.1", Some(443)),
            ("192.0.2.1.", "192.0.2.1", None),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[2001:db8::1]:1", "[2001:db8::1]", Some(1)),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.host.to_string().as_str(), place.port), (host, port));
        }
        for text in [
            "",
            "a b",
            "https://x.example",
            "x.example:0",
            "x.example:99999",
            "x.example:+1",
            "x.example:",
            "x.example/path",
            "x.example..",
            "[::1",
            "[::1]x",
            "::1",
            "\u{1b}[31m",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn rfc9110_s10_2_2_a_location_is_joined() {
        let url: Url = "https://a.example/.well-known/matrix/server".parse().unwrap();
        for (location, joined) in [
            ("/x", "https://a.example/x"),
            ("y", "https://a.example/.well-known/matrix/y"),
            ("https://b.example:8443", "https://b.example:8443/"),
            ("//c.example/?q#f", "https://c.example/?q"),
        ] {
            assert_eq!(url.join(location).unwrap().to_string(), joined);
        }
        for location in [
            "http://a.example/",
            "https://a b/",
            "javascript://x",
            "/x y",
            "/x\r\nHost: y",
        ] {
            assert!(url.join(location).is_err(), "{location}");
        }
    }

    #[test]
    fn resolving_server_names_s4_the_certificate_is_that_of_the_name_and_not_of_the_target() {
        let place: Place = "hearth.example".parse().unwrap();
        let host = Host::Name("m.hearth.example".to_owned());
        let target = Target::by_srv(&place, false, false, host, 443);
        assert_eq!(
            (target.step, target.identity, target.header.as_str()),
            ("4", place.host.clone(), "hearth.example")
        );
        for (is_delegated, is_deprecated, step) in
            [(false, true, "5"), (true, false, "3.3"), (true, true, "3.4")]
        {
            let host = Host::Name("m.hearth.example".to_owned());
            let target = Target::by_srv(&place, is_delegated, is_deprecated, host, 443);
            assert_eq!((target.step, target.identity), (step, place.host.clone()));
        }
        for (text, is_delegated, step, port) in [
            ("192.0.2.1", false, "1", 8448),
            ("a.example:1", false, "2", 1),
            ("a.example", false, "6", 8448),
            ("192.0.2.1", true, "3.1", 8448),
            ("a.example:1", true, "3.2", 1),
            ("a.example", true, "3.5", 8448),
        ] {
            let target = Target::direct(&text.parse().unwrap(), is_delegated);
            assert_eq!(
                (target.step, target.port, target.header.as_str()),
                (step, port, text)
            );
        }
    }
}
