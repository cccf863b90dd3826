//! The answer to `facts`: what routers and devices need to know of the server, from what it listens on and serves.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::engine::Transport;
use crate::interfaces;
use crate::message::{Name, Rtype};
use crate::onboard::verify::soa_names;
use crate::store::Store;
use crate::zone::record::Record;

use super::types::{Facts, ZoneFacts};

/// Most addresses of one name that are told.
const MAX_ADDRESSES: usize = 8;

/// What is known of the server itself, zones aside.
#[derive(Debug, Clone, Default)]
pub struct ServerWords {
    /// Host name in its certificate.
    pub name: Option<Name>,
    /// Its addresses as the configuration says; empty where it does not.
    pub addresses: Vec<IpAddr>,
    /// Where it listens for what.
    pub listeners: Vec<(SocketAddr, Transport)>,
    /// Who vouches for its certificate: `public`, `own` or `none`.
    pub trust: &'static str,
}

/// What is to be told of this server and these zones.
#[must_use]
pub fn facts(store: &Store, server: &ServerWords) -> Facts {
    let mut facts = Facts {
        name: server.name.as_ref().map(ToString::to_string),
        addresses: addresses(server).iter().map(ToString::to_string).collect(),
        ports: ports(&server.listeners),
        trust: if server.trust.is_empty() {
            "none"
        } else {
            server.trust
        }
        .to_owned(),
        ..Facts::default()
    };
    let in_base = |origin: &Name| {
        store
            .zones()
            .any(|(key, _)| key.view.is_none() && key.origin == *origin)
    };
    for (key, held) in store.zones() {
        if key.view.is_none() {
            facts.zones.push(zone_facts(&key.origin, &held.zone.records()));
        } else if !in_base(&key.origin) {
            facts.in_views.push(key.origin.to_string());
        }
    }
    for (view, clients) in &store.settings().views {
        let clients = clients.iter().map(ToString::to_string);
        facts.views.insert(view.clone(), clients.collect());
    }
    facts.in_views.sort();
    facts.in_views.dedup();
    facts
}

fn ports(listeners: &[(SocketAddr, Transport)]) -> BTreeMap<String, u16> {
    let mut ports = BTreeMap::new();
    for (addr, transport) in listeners {
        let word = match transport {
            Transport::Udp => "plain",
            Transport::Tcp => continue,
            other => other.as_str(),
        };
        // The first listener of a kind is the one that the configuration puts first.
        ports.entry(word.to_owned()).or_insert_with(|| addr.port());
    }
    ports
}

/// Those that the configuration names; else those that are listened on, and where that is every address, those of the
/// interfaces. Loopback only where there is nothing else.
fn addresses(server: &ServerWords) -> Vec<IpAddr> {
    if !server.addresses.is_empty() {
        return server.addresses.clone();
    }
    let interfaces = interfaces::addresses().unwrap_or_default();
    let mut found: Vec<IpAddr> = Vec::new();
    for (addr, _) in &server.listeners {
        let ip = addr.ip();
        if ip.is_unspecified() {
            let ips = interfaces.iter().map(|address| address.ip);
            found.extend(ips.filter(|own| own.is_ipv4() == ip.is_ipv4()));
        } else {
            found.push(ip);
        }
    }
    // The order of the kinds is the order of preference; within one, that of the listeners and interfaces.
    found.sort_by_key(rank);
    let mut seen = Vec::new();
    found.retain(|ip| {
        let is_new = !seen.contains(ip);
        seen.push(*ip);
        is_new && rank(ip) != LINK_LOCAL
    });
    if found.iter().any(|ip| !ip.is_loopback()) {
        found.retain(|ip| !ip.is_loopback());
    }
    found
}

const LINK_LOCAL: u8 = 5;

/// How well an address serves a house: private ones do not change by themselves.
fn rank(ip: &IpAddr) -> u8 {
    match ip {
        _ if ip.is_loopback() => 4,
        IpAddr::V4(v4) if v4.is_link_local() => LINK_LOCAL,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => LINK_LOCAL,
        IpAddr::V4(v4) if v4.is_private() => 0,
        IpAddr::V6(v6) if v6.is_unique_local() => 1,
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 3,
    }
}

fn zone_facts(origin: &Name, records: &[Record]) -> ZoneFacts {
    let soa = records
        .iter()
        .find(|record| record.rtype == Rtype::SOA)
        .and_then(|record| soa_names(&record.rdata));
    let found = host(records);
    ZoneFacts {
        zone: origin.to_string(),
        soa: soa.map(|(primary, mailbox)| (primary.to_string(), mailbox.to_string())),
        host: found.map(|record| record.owner.to_string()),
        addresses: found
            .map(|found| addresses_of(found, records))
            .unwrap_or_default(),
    }
}

/// The record to ask for: a private IPv4 address, which a router might take away; else any address. One on loopback says
/// little, and no name below a wildcard is made up here.
fn host(records: &[Record]) -> Option<&Record> {
    let rank = |record: &Record| match address(record)? {
        _ if record.owner.as_ref().is_wildcard() => None,
        ip if ip.is_loopback() || ip.is_unspecified() => None,
        IpAddr::V4(v4) if v4.is_private() => Some(0),
        IpAddr::V4(_) => Some(1),
        IpAddr::V6(_) => Some(2),
    };
    let usable = records.iter().filter_map(|record| Some((rank(record)?, record)));
    // The first of the best.
    usable.min_by_key(|(rank, _)| *rank).map(|(_, record)| record)
}

fn addresses_of(found: &Record, records: &[Record]) -> Vec<String> {
    records
        .iter()
        .filter(|record| record.rtype == found.rtype && record.owner == found.owner)
        .filter_map(address)
        .map(|ip| ip.to_string())
        .take(MAX_ADDRESSES)
        .collect()
}

/// The address in an A or AAAA record.
fn address(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        Rtype::A => <[u8; 4]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        Rtype::AAAA => <[u8; 16]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Record {
        Record {
            owner: owner.parse().unwrap(),
            ttl: 300,
            rtype,
            rdata: rdata.into(),
            expires: None,
        }
    }

    #[test]
    fn a_private_address_is_asked_for_before_others() {
        let records = [
            record("*.home.example", Rtype::A, &[10, 0, 0, 1]),
            record("here.home.example", Rtype::A, &[127, 0, 0, 1]),
            record("six.home.example", Rtype::AAAA, &[0xfd; 16]),
            record("out.home.example", Rtype::A, &[203, 0, 113, 1]),
            record("in.home.example", Rtype::A, &[192, 168, 1, 2]),
            record("in.home.example", Rtype::A, &[192, 168, 1, 3]),
            record("late.home.example", Rtype::A, &[192, 168, 1, 4]),
        ];
        let origin = "home.example".parse().unwrap();
        let found = zone_facts(&origin, &records);
        assert_eq!(found.host.as_deref(), Some("in.home.example."));
        assert_eq!(found.addresses, ["192.168.1.2", "192.168.1.3"]);
        assert_eq!(host(&records[..2]), None);
        assert_eq!(host(&records[..3]).unwrap().rtype, Rtype::AAAA);
    }

    #[test]
    fn addresses_that_stay_come_first_and_loopback_only_alone() {
        let told = |listen: &[&str]| {
            let server = ServerWords {
                listeners: listen
                    .iter()
                    .map(|text| (text.parse().unwrap(), Transport::Udp))
                    .collect(),
                ..ServerWords::default()
            };
            addresses(&server)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[
                "[2001:db8::1]:53",
                "127.0.0.1:53",
                "203.0.113.1:53",
                "[fd00::1]:53",
                "192.168.1.10:53",
                "[fe80::1]:53"
            ]),
            ["192.168.1.10", "fd00::1", "203.0.113.1", "2001:db8::1"]
        );
        assert_eq!(told(&["127.0.0.1:5300", "[::1]:5300"]), ["127.0.0.1", "::1"]);
        assert!(told(&[]).is_empty());
    }

    #[test]
    fn the_first_listener_of_a_kind_names_its_port() {
        let on = |text: &str, transport| (text.parse().unwrap(), transport);
        let found = ports(&[
            on("192.168.1.10:53", Transport::Udp),
            on("192.168.1.10:53", Transport::Tcp),
            on("127.0.0.1:5300", Transport::Udp),
            on("0.0.0.0:853", Transport::Tls),
            on("0.0.0.0:853", Transport::Quic),
        ]);
        let told: Vec<(&str, u16)> = found.iter().map(|(word, port)| (word.as_str(), *port)).collect();
        assert_eq!(told, [("plain", 53), ("quic", 853), ("tls", 853)]);
    }
}
