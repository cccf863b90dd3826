//! Zones that every resolver must answer itself, so that such questions never leave the house.
//!
//! Special-use names are zones like any other: the straight line has no extra branch for them, and a zone
//! file or a route of the same name simply takes their place. What they hold of this server itself is made in
//! [`super::itself`]. Sources: RFC 6761 and its registry
//! (localhost, invalid, test), RFC 6762 (local), RFC 7686 (onion), RFC 8375 (home.arpa), RFC 9476 (alt),
//! RFC 9462 (resolver.arpa), RFC 6303 and RFC 7793 (reverse zones of private and reserved addresses).

use std::sync::{Arc, LazyLock};

use super::itself::Itself;
use super::record::{Mode, Options, Record};
use super::tree::Zone;
use crate::message::{Name, Rtype};

/// TTL in seconds of what is answered here.
const TTL: u32 = 3600;

/// Domains that do not exist.
const ABSENT: &[&str] = &["invalid", "test", "local", "onion", "alt"];

/// Firefox asks for this name before it turns to a resolver of its own choice; that it does not exist keeps the
/// browser on us.
pub const FIREFOX_CANARY: &[&str] = &["use-application-dns.net"];

/// Apple devices ask for these names before they use iCloud Private Relay; that they do not exist has them tell their
/// user and go without.
pub const PRIVATE_RELAY: &[&str] = &["mask.icloud.com", "mask-h2.icloud.com"];

/// Domains that exist and are empty: `home.arpa` (RFC 8375, 4) and the reverse zones of RFC 6303, 4 and
/// RFC 7793. Numbered runs are in [`reverse_runs`].
const EMPTY: &[&str] = &[
    "home.arpa",
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];

/// All built-in zones but those of our own name, which [`Itself::zones_over`] makes. Those that never change are made
/// once and shared by every view and snapshot.
#[must_use]
pub fn zones(itself: &Itself) -> Vec<Arc<Zone>> {
    static FIXED: LazyLock<Vec<Arc<Zone>>> = LazyLock::new(make_zones);
    let absent = itself.absent.iter().map(Zone::absent);
    let ours = absent.map(Zone::into_builtin).chain(itself.discovery_zone());
    FIXED.iter().cloned().chain(ours.map(Arc::new)).collect()
}

fn make_zones() -> Vec<Arc<Zone>> {
    let absent = ABSENT
        .iter()
        .filter_map(|text| Some(Zone::absent(&text.parse().ok()?)));
    let empty = EMPTY.iter().map(|text| (*text).to_owned()).chain(reverse_runs());
    let empty = empty.filter_map(|text| zone(&text, Mode::Private, &[]));
    let localhost_names = ["1.0.0".to_owned(), "1.".to_owned() + &["0"; 31].join(".")];
    let others = [
        zone(
            "localhost",
            Mode::Redirect,
            &[
                ("@", Rtype::A, &[127, 0, 0, 1]),
                ("@", Rtype::AAAA, &std::net::Ipv6Addr::LOCALHOST.octets()),
            ],
        ),
        zone(
            "127.in-addr.arpa",
            Mode::Private,
            &[(&localhost_names[0], Rtype::PTR, b"\x09localhost\x00")],
        ),
        zone(
            &format!("{}.ip6.arpa", localhost_names[1]),
            Mode::Private,
            &[("@", Rtype::PTR, b"\x09localhost\x00")],
        ),
    ];
    let all = absent.chain(empty).chain(others.into_iter().flatten());
    all.map(|zone| Arc::new(zone.into_builtin())).collect()
}

/// 172.16/12 (RFC 6303, 4.1) and 100.64/10 (RFC 7793, 2).
fn reverse_runs() -> impl Iterator<Item = String> {
    let private = (16..=31).map(|byte| format!("{byte}.172.in-addr.arpa"));
    private.chain((64..=127).map(|byte| format!("{byte}.100.in-addr.arpa")))
}

fn zone(origin: &str, mode: Mode, records: &[(&str, Rtype, &[u8])]) -> Option<Zone> {
    let origin: Name = origin.parse().ok()?;
    let records: Vec<Record> = records
        .iter()
        .filter_map(|(owner, rtype, rdata)| {
            let owner = Name::parse(owner, Some(origin.as_ref())).ok()?;
            Some(Record {
                owner,
                ttl: TTL,
                rtype: *rtype,
                rdata: (*rdata).into(),
                expires: None,
            })
        })
        .collect();
    let options = Options {
        mode: Some(mode),
        ..Options::default()
    };
    Some(Zone::compile(&origin, &options, &records, 1, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Key;
    use crate::zone::lookup::Found;

    fn ask(name: &str, qtype: Rtype) -> String {
        let name: Name = name.parse().unwrap();
        let absent = PRIVATE_RELAY.iter().map(|text| text.parse().unwrap());
        let zones = zones(&Itself {
            absent: absent.collect(),
            ..Itself::default()
        });
        let zone = zones
            .iter()
            .find(|zone| name.as_ref().is_at_or_below(zone.origin()))
            .unwrap();
        match zone.lookup(&Key::new(name.as_ref()), qtype) {
            Found::Answer(set) => format!("{:?}", set.rdata().next().unwrap()),
            Found::NoData => "nodata".into(),
            Found::NoName => "noname".into(),
            _ => "other".into(),
        }
    }

    #[test]
    fn every_name_in_the_lists_is_a_zone() {
        assert_eq!(
            zones(&Itself::default()).len(),
            ABSENT.len() + EMPTY.len() + 16 + 64 + 4
        );
    }

    #[test]
    fn rfc6761_s6_3_localhost_and_below() {
        assert_eq!(ask("localhost", Rtype::A), "[127, 0, 0, 1]");
        assert_eq!(ask("x.y.localhost", Rtype::A), "[127, 0, 0, 1]");
        assert_eq!(ask("localhost", Rtype::MX), "nodata");
    }

    #[test]
    fn rfc6303_reverse_zones_are_empty_but_for_localhost() {
        assert_eq!(
            ask("1.0.0.127.in-addr.arpa", Rtype::PTR),
            format!("{:?}", b"\x09localhost\x00")
        );
        assert_eq!(ask("5.1.168.192.in-addr.arpa", Rtype::PTR), "noname");
        assert_eq!(ask("168.192.in-addr.arpa", Rtype::PTR), "nodata");
        assert_eq!(ask("1.20.172.in-addr.arpa", Rtype::PTR), "noname");
    }

    #[test]
    fn rfc7686_s2_onion_does_not_exist() {
        assert_eq!(ask("onion", Rtype::A), "noname");
        assert_eq!(ask("x.onion", Rtype::A), "noname");
    }

    #[test]
    fn what_keeps_devices_here_does_not_exist() {
        assert_eq!(ask("mask.icloud.com", Rtype::A), "noname");
        assert_eq!(ask("mask-h2.icloud.com", Rtype::HTTPS), "noname");
    }

    #[test]
    fn rfc9462_s6_4_no_designated_resolver_is_offered() {
        assert_eq!(ask("_dns.resolver.arpa", Rtype::SVCB), "nodata");
    }
}
