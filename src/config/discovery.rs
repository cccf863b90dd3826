//! The keys `name`, `addresses` and `discovery`: under which name and addresses devices reach this server, and what
//! keeps them on it.

use std::net::{IpAddr, SocketAddr};

use super::address::{DNS_PORT, shown};
use super::document::{Kind, Node};
use super::limits;
use super::values::Reader;
use super::{Config, ListenScheme, ListenUrl};
use crate::message::Name;

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["block_private_relay", "ddr", "firefox_canary", "lan_tls"];
/// Longest name, as on the wire: the secret of a device or a mark of the live check goes in front of it.
const MAX_NAME: usize = limits::SERVER_NAME.default_usize();
/// Domains in which no device would ask us for the server, and why.
const UNREACHABLE: [(&str, &str); 6] = [
    (
        "local",
        "devices look for names below `local` by multicast (RFC 6762)",
    ),
    (
        "localhost",
        "names below `localhost` are the asking device itself (RFC 6761)",
    ),
    ("onion", "names below `onion` are never looked up (RFC 7686)"),
    ("invalid", "names below `invalid` never exist (RFC 6761)"),
    ("alt", "names below `alt` are never looked up (RFC 9476)"),
    (
        "arpa",
        "names below `arpa` belong to the net itself; only `home.arpa` is for houses (RFC 8375)",
    ),
];

/// What keeps devices on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscoveryConfig {
    /// `firefox_canary`: has `use-application-dns.net` not exist, so that Firefox does not turn to a resolver of its
    /// own choice. What a user chose stays.
    pub firefox_canary: bool,
    /// `block_private_relay`: has the names of iCloud Private Relay not exist.
    pub block_private_relay: bool,
    /// `ddr`: whether encrypted listeners are announced (RFC 9462).
    pub ddr: Ddr,
    /// `lan_tls`: DNS over TLS beside plain DNS; see [`Config::implied_listeners`].
    pub lan_tls: bool,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        DiscoveryConfig {
            firefox_canary: true,
            block_private_relay: false,
            ddr: Ddr::Auto,
            lan_tls: true,
        }
    }
}

/// Whether clients that know our address are told of the encrypted listeners (discovery of designated resolvers,
/// RFC 9462).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ddr {
    /// Where every client can verify the certificate: it carries our name and addresses, and an authority that
    /// clients know has signed it.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Also where the authority is our own: the devices of this network are known to trust it.
    Force,
}

impl Ddr {
    const ALL: [(&'static str, Self); 3] = [("auto", Self::Auto), ("off", Self::Off), ("force", Self::Force)];
}

impl Config {
    /// Listeners that nobody asked for: DNS over TLS on port 853 of every address that serves plain DNS to others on
    /// port 53, where no `tls://` is configured. Android asks such a server over TLS by itself, whatever the
    /// certificate, and prefers any server that does over one that does not. They must not keep the rest from
    /// starting.
    #[must_use]
    pub fn implied_listeners(&self) -> Vec<ListenUrl> {
        // One for devices only does not serve the house.
        let is_tls = |listen: &ListenUrl| listen.scheme == ListenScheme::Tls && !listen.private_only;
        if !cfg!(feature = "tls") || !self.discovery.lan_tls || self.listen.iter().any(is_tls) {
            return Vec::new();
        }
        let serves_lan = |listen: &&ListenUrl| {
            let addr = listen.addr;
            listen.scheme == ListenScheme::Plain
                && addr.port() == DNS_PORT
                && !addr.ip().to_canonical().is_loopback()
        };
        let beside = |listen: &ListenUrl| {
            let mut addr: SocketAddr = listen.addr;
            addr.set_port(super::Scheme::Tls.default_port());
            ListenUrl {
                scheme: ListenScheme::Tls,
                addr,
                private_only: false,
            }
        };
        let is_free = |url: &ListenUrl| !self.listen.iter().any(|other| other.is_in_the_way_of(url));
        self.listen
            .iter()
            .filter(serves_lan)
            .map(beside)
            .filter(is_free)
            .collect()
    }
}

impl Reader {
    /// `name`.
    pub(super) fn server_name(&mut self, node: &Node) {
        let Kind::Text(text) = &node.kind else {
            return self.mistyped(node, "a host name such as dns.home.example");
        };
        match host_name(text) {
            Ok(name) => self.config.name = Some(name),
            Err(message) => self.defect(node.id, message),
        }
    }

    /// `addresses`.
    pub(super) fn server_addresses(&mut self, node: &Node) {
        let items = self.items(
            node,
            "a list of addresses",
            "an address such as 192.168.1.10",
            limits::SERVER_ADDRESSES,
            own_address,
        );
        self.config.addresses = items.into_iter().map(|(address, _)| address).collect();
    }

    /// `discovery`.
    pub(super) fn discovery(&mut self, node: &Node) {
        for (key, node) in self.named_section(node, "discovery") {
            if key == "ddr" {
                self.ddr(node);
                continue;
            }
            let Some(value) = self.switch(node) else { continue };
            let discovery = &mut self.config.discovery;
            match key {
                "firefox_canary" => discovery.firefox_canary = value,
                "block_private_relay" => discovery.block_private_relay = value,
                _ => discovery.lan_tls = value,
            }
        }
    }

    fn ddr(&mut self, node: &Node) {
        let expected = "one of auto, off, force";
        let Some(word) = node.scalar().filter(|_| node.kind != Kind::Null) else {
            return self.mistyped(node, expected);
        };
        match Ddr::ALL.into_iter().find(|(known, _)| *known == word) {
            Some((_, ddr)) => self.config.discovery.ddr = ddr,
            None => self.defect(node.id, format!("expected {expected}, found {}", shown(&word))),
        }
    }
}

/// Reads the name of a host that a certificate can bear and devices ask us for; in lower case.
pub(super) fn host_name(text: &str) -> Result<Name, String> {
    if text.parse::<IpAddr>().is_ok() {
        let quoted = shown(text);
        return Err(format!(
            "expected a host name such as dns.home.example, found {quoted}; addresses are set with `addresses: [IP]`"
        ));
    }
    let name = Name::parse(text, None).map_err(|error| error.to_string())?;
    let name = name.as_ref().to_lowercase();
    let is_host = name.as_ref().labels().all(is_host_label);
    if name.as_ref().label_count() < 2 || !is_host {
        return Err(format!(
            "expected a host name of two labels or more, of letters, digits and `-` (RFC 1123, 2.1), such as \
             dns.home.example, found {}",
            shown(text)
        ));
    }
    let len = name.as_wire().len();
    if len > MAX_NAME {
        return Err(format!(
            "the name has {len} bytes on the wire; expected at most {MAX_NAME}, because devices put a label of their \
             own in front of it"
        ));
    }
    match unreachable(&name) {
        Some(why) => Err(format!(
            "{why}; choose a name in a domain of your own, found {}",
            shown(text)
        )),
        None => Ok(name),
    }
}

/// Reads a domain for hosts of the house; in lower case.
pub(super) fn domain_name(text: &str) -> Result<Name, String> {
    let name = Name::parse(text, None).map_err(|error| error.to_string())?;
    let name = name.as_ref().to_lowercase();
    if name.as_ref().is_root() || !name.as_ref().labels().all(is_host_label) {
        return Err(format!(
            "expected a domain of letters, digits and `-` (RFC 1123, 2.1), such as lan, found {}",
            shown(text)
        ));
    }
    match unreachable(&name) {
        Some(why) => Err(format!(
            "{why}; choose another domain, such as lan, found {}",
            shown(text)
        )),
        None => Ok(name),
    }
}

/// Why no device would ask us for this name.
fn unreachable(name: &Name) -> Option<&'static str> {
    let is_below = |domain: &str| {
        domain
            .parse::<Name>()
            .is_ok_and(|domain| name.as_ref().is_at_or_below(domain.as_ref()))
    };
    let found = UNREACHABLE.iter().find(|(domain, _)| is_below(domain));
    found.filter(|_| !is_below("home.arpa")).map(|(_, why)| *why)
}

fn is_host_label(label: &[u8]) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    is_edge(label.first())
        && is_edge(label.last())
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Reads an address that an A or AAAA record can give to devices.
fn own_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| {
        format!(
            "expected an address such as 192.168.1.10 or fd00::10, found {}",
            shown(text)
        )
    })?;
    let address = address.to_canonical();
    let is_usable = match address {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    };
    let needs_interface = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    match (is_usable, needs_interface) {
        (true, false) => Ok(address),
        (false, _) => Err(format!(
            "{address} is not the address of one host; name that of an interface"
        )),
        (_, true) => Err(format!(
            "{address} means nothing without an interface, which a record cannot name; name a unique local address \
             (fd00::/8) or leave it out"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn every_value_arrives() {
        let config = read(
            "name: DNS.Home.Example\naddresses: [192.168.1.10, '::ffff:10.0.0.1', 'fd00::10', 127.0.0.1]\ndiscovery: \
             {firefox_canary: false, block_private_relay: true, ddr: force, lan_tls: false}\n",
        )
        .unwrap();
        assert_eq!(config.name.unwrap().to_string(), "dns.home.example.");
        let addresses: Vec<String> = config.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.168.1.10", "10.0.0.1", "fd00::10", "127.0.0.1"]);
        let expected = DiscoveryConfig {
            firefox_canary: false,
            block_private_relay: true,
            ddr: Ddr::Force,
            lan_tls: false,
        };
        assert_eq!(config.discovery, expected);
        let config = read("discovery: {ddr: off}").unwrap();
        let expected = DiscoveryConfig {
            ddr: Ddr::Off,
            ..DiscoveryConfig::default()
        };
        assert_eq!(
            (config.name, config.addresses, config.discovery),
            (None, Vec::new(), expected)
        );
        assert!(read("name: house.home.arpa").is_ok());
    }

    #[test]
    fn defects_say_where_and_what() {
        let long = format!("name: {0}.{0}.example", "a".repeat(59));
        for (text, expected) in [
            (
                "name: [a]",
                "1:7: expected a host name such as dns.home.example, found a list",
            ),
            (
                "name: 192.168.1.1",
                "1:7: expected a host name such as dns.home.example, found `192.168.1.1`; addresses are set with \
                 `addresses: [IP]`",
            ),
            (
                "name: dns",
                "1:7: expected a host name of two labels or more, of letters, digits and `-` (RFC 1123, 2.1), such as \
                 dns.home.example, found `dns`",
            ),
            (
                "name: my_dns.home.example",
                "1:7: expected a host name of two labels or more, of letters, digits and `-` (RFC 1123, 2.1), such as \
                 dns.home.example, found `my_dns.home.example`",
            ),
            (
                "name: a..b",
                "1:7: the name has an empty label (two dots in a row)",
            ),
            (
                &long,
                "1:7: the name has 129 bytes on the wire; expected at most 127, because devices put a label of their \
                 own in front of it",
            ),
            (
                "name: dns.local",
                "1:7: devices look for names below `local` by multicast (RFC 6762); choose a name in a domain of your \
                 own, found `dns.local`",
            ),
            (
                "name: dns.resolver.arpa",
                "1:7: names below `arpa` belong to the net itself; only `home.arpa` is for houses (RFC 8375); choose a \
                 name in a domain of your own, found `dns.resolver.arpa`",
            ),
            (
                "addresses: [0.0.0.0, dns.example, 'fe80::1', 10.0.0.1, 10.0.0.1]",
                "1:13: 0.0.0.0 is not the address of one host; name that of an interface\nconfig.yaml:1:22: expected an \
                 address such as 192.168.1.10 or fd00::10, found `dns.example`\nconfig.yaml:1:35: fe80::1 means nothing \
                 without an interface, which a record cannot name; name a unique local address (fd00::/8) or leave it \
                 out\nconfig.yaml:1:56: `10.0.0.1` is given twice; the first is in line 1",
            ),
            (
                "discovery: {firefox_canary: 1, ddr: maybe, relay: true}",
                "1:29: expected true or false, found a number\nconfig.yaml:1:37: expected one of auto, off, force, found \
                 `maybe`\nconfig.yaml:1:44: unknown key `relay` in `discovery`; known here: block_private_relay, ddr, \
                 firefox_canary, lan_tls",
            ),
            (
                "discovery: {ddr: force}",
                "1:18: listeners are announced by the server's name; add `name: dns.home.example`, or write `ddr: auto`",
            ),
        ] {
            assert_eq!(
                read(text).map(|_| ()),
                Err(format!("config.yaml:{expected}\n")),
                "{text}"
            );
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn plain_dns_for_others_brings_dns_over_tls() {
        let implied = |listen: &str, more: &str| {
            let text = format!("certificate: {{chain: c.pem, key: k.pem}}\nlisten: {listen}\n{more}");
            let urls = read(&text).unwrap().implied_listeners();
            urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let both = "['0.0.0.0:53', '[::]:53']";
        assert_eq!(implied(both, ""), "tls://0.0.0.0:853 tls://[::]:853");
        assert_eq!(
            implied("['127.0.0.1:53', '[::1]:53', '192.168.1.1:53']", ""),
            "tls://192.168.1.1:853"
        );
        assert_eq!(implied(both, "discovery: {lan_tls: false}"), "");
        assert_eq!(implied("['0.0.0.0:53', 'tls://127.0.0.1:8853']", ""), "");
        // Android asks port 853 where it found plain DNS on port 53, and nowhere else.
        assert_eq!(implied("['0.0.0.0:5300']", ""), "");
        assert_eq!(implied("['0.0.0.0:53', '0.0.0.0:853']", ""), "");
    }
}
