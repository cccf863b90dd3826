//! What this server is to devices: its name, its addresses, and which of its listeners they are told of.
//!
//! Three things change it while the daemon runs: the network (our addresses), the certificate (what may be announced),
//! and time (a certificate that is over). [`Presence::look`] is called after each, and says whether the zones that
//! speak of us ([`crate::zone::itself`]) must be made anew.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

use crate::config::{Config, Ddr, DiscoveryConfig, limits};
use crate::control::types::ServerStatus;
use crate::engine::Transport;
use crate::interfaces;
use crate::message::Name;
#[cfg(feature = "onboard")]
use crate::onboard::Ports;
use crate::serve::tls::Certificate;
use crate::zone::builtin::{FIREFOX_CANARY, PRIVATE_RELAY};
use crate::zone::{Designated, Itself};

/// Addresses at most.
const ADDRESSES: usize = limits::SERVER_ADDRESSES.default_usize();

/// Listeners that are announced, the preferred one first, by their names in ALPN. A session of DoT costs both ends
/// least; QUIC is blocked in more networks than TCP is.
const ANNOUNCED: [(Transport, &str); 4] = [
    (Transport::Tls, "dot"),
    (Transport::Https, "h2"),
    (Transport::H3, "h3"),
    (Transport::Quic, "doq"),
];

/// What this server is to devices, as it was at the last look.
pub(super) struct Presence {
    name: Option<Name>,
    /// As configured; empty: those of the interfaces.
    addresses: Vec<IpAddr>,
    discovery: DiscoveryConfig,
    listeners: Vec<(SocketAddr, Transport)>,
    certificate: Option<Arc<Certificate>>,
    current: Mutex<Current>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Current {
    itself: Itself,
    /// Why clients are told of no listener.
    silent: Option<String>,
}

impl Presence {
    /// The first look, at `now` in Unix seconds.
    pub(super) fn new(
        config: &Config,
        listeners: Vec<(SocketAddr, Transport)>,
        certificate: Option<Arc<Certificate>>,
        now: u64,
    ) -> Self {
        let presence = Presence {
            name: config.name.clone(),
            addresses: config.addresses.clone(),
            discovery: config.discovery,
            listeners,
            certificate,
            current: Mutex::default(),
        };
        presence.look(now);
        presence
    }

    /// What devices are told.
    pub(super) fn itself(&self) -> Itself {
        self.lock().itself.clone()
    }

    /// The same for whoever runs this server, and why clients are told of no listener.
    pub(super) fn status(&self) -> ServerStatus {
        let current = self.lock();
        let itself = &current.itself;
        // No news for the log, but what whoever looks wants to know.
        let is_off = self.discovery.ddr == Ddr::Off;
        let silent = is_off.then(|| "`discovery: {ddr: off}` says so".to_owned());
        ServerStatus {
            name: itself.name.as_ref().map(ToString::to_string),
            addresses: itself.addresses.iter().map(ToString::to_string).collect(),
            announced: current.announced(),
            silent: silent.or_else(|| current.silent.clone()),
        }
    }

    /// The port of the first listener of each kind.
    #[cfg(feature = "onboard")]
    pub(super) fn ports(&self) -> Ports {
        let port = |transport| {
            let mut of_kind = self.listeners.iter().filter(|(_, spoken)| *spoken == transport);
            of_kind.next().map(|(addr, _)| addr.port())
        };
        Ports {
            plain: port(Transport::Udp),
            tls: port(Transport::Tls),
            https: port(Transport::Https),
            quic: port(Transport::Quic),
            h3: port(Transport::H3),
        }
    }

    /// Looks at the interfaces and the certificate again; whether devices are to be told something else than before.
    pub(super) fn look(&self, now: u64) -> bool {
        let addresses = match self.addresses.as_slice() {
            [] => match addresses_of_interfaces(&self.listeners) {
                Ok(addresses) => addresses,
                Err(error) => {
                    warn!(
                        "cannot read the addresses of the interfaces: {error}; name those of this server with `addresses: [IP]`"
                    );
                    return false;
                }
            },
            given => given.to_vec(),
        };
        let (designated, silent) = match self.designated(&addresses, now) {
            Ok(designated) => (designated, None),
            Err(why) => (Vec::new(), why),
        };
        let itself = Itself {
            name: self.name.clone(),
            addresses,
            designated,
            absent: absent(self.discovery),
            lan: None,
        };
        let new = Current { itself, silent };
        let mut current = self.lock();
        if *current == new {
            return false;
        }
        new.tell();
        let is_other = current.itself != new.itself;
        *current = new;
        is_other
    }

    /// The listeners to tell clients of; none with a reason, or without one where nobody asked for it.
    fn designated(&self, addresses: &[IpAddr], now: u64) -> Result<Vec<Designated>, Option<String>> {
        let listeners = self.announceable(addresses);
        let Some(certificate) = self.certificate.as_ref().filter(|_| !listeners.is_empty()) else {
            return Err(None);
        };
        if self.discovery.ddr == Ddr::Off {
            return Err(None);
        }
        let Some(name) = &self.name else {
            return Err(Some("this server has no `name`".to_owned()));
        };
        let is_public = self.discovery.ddr == Ddr::Auto;
        certificate
            .check_for_strangers(name, addresses, is_public, now)
            .map_err(Some)?;
        Ok(listeners)
    }

    /// Encrypted listeners at our addresses; one on other addresses only is nothing for the devices of the house.
    fn announceable(&self, addresses: &[IpAddr]) -> Vec<Designated> {
        let mut found: Vec<Designated> = Vec::new();
        for (transport, alpn) in ANNOUNCED {
            let spoken = self.listeners.iter().filter(|(_, spoken)| *spoken == transport);
            for (addr, _) in spoken {
                let here = addresses.iter().copied().filter(|own| covers(*addr, *own));
                let same = |one: &&mut Designated| one.alpn == alpn && one.port == addr.port();
                match found.iter_mut().find(same) {
                    Some(one) => one.addresses.extend(here),
                    None => found.push(Designated {
                        alpn,
                        port: addr.port(),
                        addresses: here.collect(),
                    }),
                }
            }
        }
        found.retain(|one| !one.addresses.is_empty());
        found
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// The listeners that clients are told of: protocol and port.
    fn announced(&self) -> Vec<String> {
        let listener = |one: &Designated| format!("{} {}", one.alpn, one.port);
        self.itself.designated.iter().map(listener).collect()
    }

    fn tell(&self) {
        let Itself {
            name: Some(name),
            addresses,
            designated,
            ..
        } = &self.itself
        else {
            return;
        };
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        match list.is_empty() {
            false => info!("devices know this server as {name} at {}", list.join(", ")),
            true => warn!(
                "no address at which devices could reach {name} is listened on; name them with `addresses: [IP]`"
            ),
        }
        if !designated.is_empty() {
            info!(
                "encrypted listeners are announced (DDR): {}",
                self.announced().join(", ")
            );
        }
        if let Some(why) = &self.silent {
            info!("encrypted listeners are not announced (DDR): {why}");
        }
    }
}

fn absent(discovery: DiscoveryConfig) -> Vec<Name> {
    let canary = FIREFOX_CANARY.iter().filter(|_| discovery.firefox_canary);
    let relay = PRIVATE_RELAY.iter().filter(|_| discovery.block_private_relay);
    canary.chain(relay).filter_map(|text| text.parse().ok()).collect()
}

/// Whether who asks `own` reaches the listener at `addr`.
fn covers(addr: SocketAddr, own: IpAddr) -> bool {
    let listens = addr.ip().to_canonical();
    listens == own || listens.is_unspecified() && listens.is_ipv4() == own.is_ipv4()
}

/// The addresses at which devices reach these listeners.
pub(super) fn addresses(config: &Config, listeners: &[(SocketAddr, Transport)]) -> Vec<IpAddr> {
    if config.addresses.is_empty() {
        return addresses_of_interfaces(listeners).unwrap_or_default();
    }
    config.addresses.clone()
}

/// Addresses of our interfaces that devices can use: private ones, or all others where none is private.
fn addresses_of_interfaces(listeners: &[(SocketAddr, Transport)]) -> io::Result<Vec<IpAddr>> {
    let in_use = interfaces::addresses_in_use()?;
    Ok(preferred(in_use.iter().map(|address| address.ip), listeners))
}

fn preferred(addresses: impl Iterator<Item = IpAddr>, listeners: &[(SocketAddr, Transport)]) -> Vec<IpAddr> {
    let is_link_local = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let is_private = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    };
    let mut found: Vec<IpAddr> = Vec::new();
    for address in addresses {
        let is_served = listeners.iter().any(|(addr, _)| covers(*addr, address));
        if is_served && !address.is_loopback() && !is_link_local(&address) && !found.contains(&address) {
            found.push(address);
        }
    }
    if found.iter().any(is_private) {
        found.retain(is_private);
    }
    // Stable: the interfaces' order stays within a family.
    found.sort_by_key(IpAddr::is_ipv6);
    found.truncate(ADDRESSES);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(texts: &[&str]) -> Vec<(SocketAddr, Transport)> {
        let listener = |text: &&str| {
            let (transport, addr) = text.split_once(' ').unwrap();
            let transport = Transport::ALL.into_iter().find(|it| it.as_str() == transport);
            (addr.parse().unwrap(), transport.unwrap())
        };
        texts.iter().map(listener).collect()
    }

    fn chosen(addresses: &[&str], listening: &[&str]) -> String {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        let chosen = preferred(addresses, &listeners(listening));
        chosen
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn devices_of_the_house_are_told_its_private_addresses() {
        let router = [
            "127.0.0.1",
            "::1",
            "203.0.113.7",
            "2001:db8::7",
            "fd00::1",
            "fe80::1",
            "192.168.1.1",
            "169.254.3.3",
            "192.168.1.1",
        ];
        let everywhere = ["udp 0.0.0.0:53", "udp [::]:53"];
        assert_eq!(chosen(&router, &everywhere), "192.168.1.1 fd00::1");
        assert_eq!(chosen(&router, &everywhere[..1]), "192.168.1.1");
        assert_eq!(chosen(&router, &["tls [fd00::1]:853"]), "fd00::1");
        assert_eq!(chosen(&router, &["udp 127.0.0.1:53"]), "");
        // A server abroad has no other.
        assert_eq!(chosen(&router[..4], &everywhere), "203.0.113.7 2001:db8::7");
        let many: Vec<String> = (1..=40).map(|last| format!("10.0.0.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(chosen(&many, &everywhere).split(' ').count(), ADDRESSES);
    }

    #[test]
    fn listeners_are_announced_at_those_of_our_addresses_where_they_are() {
        let presence = Presence {
            name: None,
            addresses: Vec::new(),
            discovery: DiscoveryConfig::default(),
            listeners: listeners(&[
                "udp 0.0.0.0:53",
                "quic 0.0.0.0:853",
                "https 127.0.0.1:8443",
                "https [::]:443",
                "https 192.168.1.1:443",
                "tls 192.168.1.1:853",
            ]),
            certificate: None,
            current: Mutex::default(),
        };
        let addresses = ["192.168.1.1", "10.8.0.1", "fd00::1"].map(|text| text.parse().unwrap());
        let told: Vec<String> = presence
            .announceable(&addresses)
            .iter()
            .map(|one| format!("{} {} {:?}", one.alpn, one.port, one.addresses))
            .collect();
        assert_eq!(
            told,
            [
                "dot 853 [192.168.1.1]",
                "h2 443 [fd00::1, 192.168.1.1]",
                "doq 853 [192.168.1.1, 10.8.0.1]",
            ]
        );
    }
}
