//! What to tell a router, so that every device behind it finds our zones: lines to paste, or places to click.
//!
//! Two things are always needed: that the router forwards the zones to us, and that it lets answers with private
//! addresses pass, which many take for an attack (DNS rebinding). A third where the router answers a name above the zone
//! itself (`home.arpa`, `test`, reverse zones of private addresses).
//!
//! A [`Guide`] is a list of steps. Each line knows what it is for, so that [`super::verify`] can name the one that is
//! missing. Families are in `dnsmasq`, `unbound` and `others`; read `dnsmasq` next.

mod dnsmasq;
mod others;
mod unbound;

use std::fmt;
use std::net::SocketAddr;

use super::{PLAIN_PORT, Unfit};

/// A router, or a resolver that stands for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenWrt with its dnsmasq.
    OpenWrt,
    /// dnsmasq by itself.
    Dnsmasq,
    /// Ubiquiti's.
    Unifi,
    /// RouterOS 7.
    Mikrotik,
    /// pfSense with its Unbound.
    Pfsense,
    /// OPNsense with its Unbound.
    Opnsense,
    /// Unbound by itself.
    Unbound,
    /// AdGuard Home.
    Adguard,
    /// Pi-hole.
    Pihole,
    /// Asus with the firmware Asuswrt-Merlin.
    Asus,
    /// FRITZ!Box, and boxes of providers that can do as little.
    Fritz,
    /// A Tailscale network.
    Tailscale,
}

impl Kind {
    /// All, in the order of the list.
    pub const ALL: [Self; 12] = [
        Self::OpenWrt,
        Self::Dnsmasq,
        Self::Unifi,
        Self::Mikrotik,
        Self::Pfsense,
        Self::Opnsense,
        Self::Unbound,
        Self::Adguard,
        Self::Pihole,
        Self::Asus,
        Self::Fritz,
        Self::Tailscale,
    ];

    /// Its word on the command line, and what it is.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenWrt => ("openwrt", "OpenWrt: lines for its shell"),
            Self::Dnsmasq => (
                "dnsmasq",
                "dnsmasq, also in DD-WRT and EdgeOS: lines for its configuration",
            ),
            Self::Unifi => ("unifi", "UniFi gateways: places to click"),
            Self::Mikrotik => ("mikrotik", "MikroTik RouterOS 7: lines for its terminal"),
            Self::Pfsense => ("pfsense", "pfSense: places to click"),
            Self::Opnsense => ("opnsense", "OPNsense: places to click"),
            Self::Unbound => ("unbound", "Unbound: lines for its configuration"),
            Self::Adguard => ("adguard", "AdGuard Home: places to click"),
            Self::Pihole => ("pihole", "Pi-hole: lines for its shell"),
            Self::Asus => ("asus", "Asus with Asuswrt-Merlin: lines for its shell"),
            Self::Fritz => ("fritz", "FRITZ!Box and boxes of providers: places to click"),
            Self::Tailscale => ("tailscale", "a Tailscale network: places to click"),
        }
    }

    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// What it is, and what comes out.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.words().1
    }

    /// The kind that has this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A sentence for the person at the router.
    Say,
    /// A line that belongs to all: a heading, a restart.
    Frame,
    /// The zone's names go to us.
    Forward,
    /// Private addresses in its answers may pass.
    Exempt,
    /// The router's own built-in zone stands back.
    Local,
    /// Its answers need no signature.
    Insecure,
}

/// One step of a guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is for.
    pub role: Role,
    /// The zone that it is about; none where it is about all.
    pub zone: Option<usize>,
    /// The sentence, or the line to paste.
    pub text: String,
}

/// What to do at a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Whether the whole text can be pasted or piped: sentences are comments then (`#`). Else they are numbered, and
    /// lines are what to type into a field.
    pub is_script: bool,
}

impl Guide {
    fn new(is_script: bool) -> Self {
        Guide {
            steps: Vec::new(),
            is_script,
        }
    }

    fn push(&mut self, role: Role, zone: Option<usize>, text: impl Into<String>) {
        self.steps.push(Step {
            role,
            zone,
            text: text.into(),
        });
    }

    fn say(&mut self, text: impl Into<String>) {
        self.push(Role::Say, None, text);
    }

    fn frame(&mut self, text: impl Into<String>) {
        self.push(Role::Frame, None, text);
    }

    /// The lines for one zone that do any of this.
    pub fn lines(&self, zone: usize, roles: &[Role]) -> impl Iterator<Item = &str> {
        self.steps
            .iter()
            .filter(move |step| roles.contains(&step.role) && step.zone == Some(zone))
            .map(|step| step.text.as_str())
    }
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        for Step { role, text, .. } in &self.steps {
            match (role, self.is_script) {
                (Role::Say, true) => writeln!(f, "# {text}")?,
                (Role::Say, false) => {
                    number += 1;
                    writeln!(f, "{number}. {text}")?;
                }
                (_, true) => writeln!(f, "{text}")?,
                (_, false) => writeln!(f, "     {text}")?,
            }
        }
        Ok(())
    }
}

/// What the router is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The zones, plain ([`super::plain`]).
    pub zones: Vec<String>,
    /// Where the server answers plain DNS, the preferred address first.
    pub servers: Vec<SocketAddr>,
    /// Take it back.
    pub undo: bool,
}

impl Wish {
    /// Zones with their numbers.
    fn zones(&self) -> impl Iterator<Item = (usize, &str)> {
        self.zones.iter().map(String::as_str).enumerate()
    }

    /// Addresses for a router that asks port 53 and no other.
    fn plain_addresses(&self) -> Result<Vec<String>, Unfit> {
        let address = |server: &SocketAddr| match server.port() {
            PLAIN_PORT => Ok(server.ip().to_string()),
            is => Err(Unfit::Port {
                of: "plain DNS",
                is,
                must: PLAIN_PORT,
            }),
        };
        self.servers.iter().map(address).collect()
    }

    /// Addresses with the port behind this sign, where it is not the usual one.
    fn addresses(&self, sign: char) -> Vec<String> {
        let address = |server: &SocketAddr| match server.port() {
            PLAIN_PORT => server.ip().to_string(),
            port => format!("{}{sign}{port}", server.ip()),
        };
        self.servers.iter().map(address).collect()
    }

    /// The zones that hold host names, of which a screen against rebinding could take addresses away.
    fn screened(&self) -> impl Iterator<Item = (usize, &str)> {
        self.zones().filter(|(_, zone)| !is_reverse(zone))
    }
}

/// Whether a zone is one of addresses, which has no address records.
#[must_use]
pub fn is_reverse(zone: &str) -> bool {
    let below = |parent: &str| {
        zone.strip_suffix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below("in-addr.arpa") || below("ip6.arpa")
}

/// What to do at a router of this kind.
///
/// # Errors
/// [`Unfit::NoZones`], [`Unfit::NoAddress`], and [`Unfit::Port`] where the router asks port 53 only.
pub fn guide(kind: Kind, wish: &Wish) -> Result<Guide, Unfit> {
    if wish.zones.is_empty() {
        return Err(Unfit::NoZones);
    }
    if wish.servers.is_empty() {
        return Err(Unfit::NoAddress);
    }
    match kind {
        Kind::OpenWrt => Ok(dnsmasq::openwrt(wish)),
        Kind::Dnsmasq => Ok(dnsmasq::itself(wish)),
        Kind::Pihole => Ok(dnsmasq::pihole(wish)),
        Kind::Asus => Ok(dnsmasq::asus(wish)),
        Kind::Unbound => Ok(unbound::itself(wish)),
        Kind::Pfsense => Ok(unbound::pfsense(wish)),
        Kind::Opnsense => Ok(unbound::opnsense(wish)),
        Kind::Adguard => Ok(others::adguard(wish)),
        Kind::Unifi => others::unifi(wish),
        Kind::Mikrotik => others::mikrotik(wish),
        Kind::Fritz => others::fritz(wish),
        Kind::Tailscale => others::tailscale(wish),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(server: &str) -> Wish {
        Wish {
            zones: vec!["home.example".to_owned(), "1.168.192.in-addr.arpa".to_owned()],
            servers: vec![server.parse().unwrap()],
            undo: false,
        }
    }

    #[test]
    fn every_kind_forwards_every_zone_and_takes_it_back() {
        for kind in Kind::ALL {
            let mut wish = wish("192.168.1.10:53");
            let guide_text = guide(kind, &wish).unwrap().to_string();
            wish.undo = true;
            let undo = guide(kind, &wish).unwrap().to_string();
            assert_ne!(guide_text, undo, "{kind:?}");
            let reverse = guide(kind, &wish).unwrap();
            assert!(!reverse.steps.is_empty(), "{kind:?}");
            if kind != Kind::Fritz {
                for zone in &wish.zones {
                    assert!(guide_text.contains(zone.as_str()), "{kind:?}: {guide_text}");
                }
            }
            assert!(guide_text.contains("192.168.1.10"), "{kind:?}: {guide_text}");
            assert_eq!(Kind::named(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_port_that_the_router_cannot_be_told_is_a_reason() {
        let wish = wish("192.168.1.10:5300");
        for kind in [Kind::Unifi, Kind::Mikrotik, Kind::Fritz, Kind::Tailscale] {
            let error = guide(kind, &wish).unwrap_err().to_string();
            assert_eq!(
                error, "plain DNS listens at port 5300, and the other side asks port 53 only",
                "{kind:?}"
            );
        }
    }

    #[test]
    fn nothing_is_said_of_no_zone_or_no_server() {
        for kind in Kind::ALL {
            let mut empty = wish("192.168.1.10:53");
            empty.servers.clear();
            assert_eq!(guide(kind, &empty), Err(Unfit::NoAddress));
            empty.zones.clear();
            assert_eq!(guide(kind, &empty), Err(Unfit::NoZones));
        }
    }

    #[test]
    fn reverse_zones_begin_at_a_label() {
        for zone in ["1.168.192.in-addr.arpa", "in-addr.arpa", "d.f.ip6.arpa"] {
            assert!(is_reverse(zone), "{zone}");
        }
        for zone in ["home.arpa", "xin-addr.arpa", "in-addr.arpa.example"] {
            assert!(!is_reverse(zone), "{zone}");
        }
    }
}
