//! The zones in which this server speaks of itself: its own name, the live check below it, and the announcement of
//! its encrypted listeners.
//!
//! They are zones like any other, so the straight line has no branch for them. They come from the configuration, the
//! interfaces and the certificate, and are made anew with every snapshot that differs in one of these.

use std::net::IpAddr;
use std::sync::Arc;

use super::lan::Lan;
use super::record::{Mode, Options, Record};
use super::tree::Zone;
use crate::message::{Key, Name, NameRef, Rtype};

/// TTL in seconds of our own addresses and of announcements: a device that comes back to the house asks again soon.
const TTL: u32 = 60;
/// The label below which nothing exists and every question is a mark of the live check.
const CHECK: &[u8] = b"check";
/// The path of DNS over HTTPS as a template (RFC 8484, 4.1.1; RFC 9461, 5).
const DOH_TEMPLATE: &[u8] = b"/dns-query{?dns}";

/// What this server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Itself {
    /// The host name under which devices reach it, in lower case.
    pub name: Option<Name>,
    /// The addresses at which they do, the preferred one first.
    pub addresses: Vec<IpAddr>,
    /// Encrypted listeners that clients are told of (RFC 9462), the preferred one first. Told only where there is a
    /// name.
    pub designated: Vec<Designated>,
    /// Further domains that do not exist here, so that devices stay on this server.
    pub absent: Vec<Name>,
    /// The devices around it, where the configuration says how to know them.
    pub lan: Option<Arc<Lan>>,
}

/// An encrypted listener that clients are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designated {
    /// The protocol by its name in ALPN: `dot`, `h2`, `h3`, `doq`.
    pub alpn: &'static str,
    /// Its port.
    pub port: u16,
    /// Those of our addresses at which it listens.
    pub addresses: Vec<IpAddr>,
}

impl Designated {
    /// Whether a path belongs to it.
    fn is_https(&self) -> bool {
        matches!(self.alpn, "h2" | "h3")
    }

    /// RDATA of its SVCB record (RFC 9460, 2.2; RFC 9461). Keys ascend.
    fn rdata(&self, priority: u16, name: NameRef<'_>) -> Box<[u8]> {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => ipv4.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => ipv6.extend_from_slice(&address.octets()),
            }
        }
        let mut alpn = vec![self.alpn.len() as u8];
        alpn.extend_from_slice(self.alpn.as_bytes());
        let path = if self.is_https() { DOH_TEMPLATE } else { &[] };
        let mut rdata = priority.to_be_bytes().to_vec();
        rdata.extend_from_slice(name.as_wire());
        let port = self.port.to_be_bytes();
        // alpn, port, ipv4hint, ipv6hint, dohpath.
        let parameters: [(u16, &[u8]); 5] = [(1, &alpn), (3, &port), (4, &ipv4), (6, &ipv6), (7, path)];
        for (key, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
            rdata.extend_from_slice(&key.to_be_bytes());
            // A few addresses of 16 bytes.
            rdata.extend_from_slice(&(value.len() as u16).to_be_bytes());
            rdata.extend_from_slice(value);
        }
        rdata.into()
    }
}

impl Itself {
    /// Where the marks of the live check are: every name below exists for nobody and holds nothing, and no client may
    /// keep that. None where the server has no name.
    #[must_use]
    pub fn check_name(&self) -> Option<Name> {
        Name::prepend(CHECK, self.name.as_ref()?.as_ref())
    }

    /// `resolver.arpa`: the listeners that clients are told of. Where there are none, the name exists and offers
    /// nothing, so a client stays with what it has and does not ask another resolver (RFC 9462, 6.4).
    pub(super) fn discovery_zone(&self) -> Option<Zone> {
        let origin: Name = "resolver.arpa".parse().ok()?;
        let records = self.announcements(origin.as_ref());
        Some(compile(&origin, &records, Vec::new(), 1))
    }

    /// The zones of our own name that belong over these. A zone of a file with just this name stands in place of ours.
    ///
    /// Of a zone above, its records at the name and below stand in our zone: what it says of the name wins, set by
    /// set, and where it knows an address (or an alias) there, ours are left out. So a record that was written by
    /// hand holds, and names of devices below it are answered all the same. Where the file hands the name on
    /// (`forward=`, NS, DNAME), so do we.
    #[must_use]
    pub fn zones_over(&self, zones: &[Arc<Zone>]) -> Vec<Zone> {
        let (Some(name), Some(check)) = (&self.name, self.check_name()) else {
            return Vec::new();
        };
        let is_free = |name: &Name| !zones.iter().any(|zone| zone.origin() == name.as_ref());
        let own = is_free(name).then(|| self.own_zone(name, zones)).flatten();
        // A question there is a mark of the live check; a zone of a file with that name has its own meaning.
        let check = is_free(&check).then(|| check_zone(&check).into_beacon());
        own.into_iter().chain(check).collect()
    }

    fn own_zone(&self, name: &Name, zones: &[Arc<Zone>]) -> Option<Zone> {
        let above = zones
            .iter()
            .filter(|zone| name.as_ref().is_at_or_below(zone.origin()))
            .max_by_key(|zone| zone.origin().label_count());
        let (mut records, mut forward, mut serial) = (Vec::new(), Vec::new(), 1);
        if let Some(zone) = above {
            let (node, _) = zone.closest(&Key::new(name.as_ref()));
            if zone.node(node.cut).is_some() {
                return None;
            }
            records = zone.records();
            records.retain(|record| record.owner.as_ref().is_at_or_below(name.as_ref()));
            forward.clone_from(&zone.options().forward);
            serial = zone.serial().max(1);
        }
        let is_address = |record: &Record| {
            record.owner == *name && matches!(record.rtype, Rtype::A | Rtype::AAAA | Rtype::CNAME)
        };
        if !records.iter().any(is_address) {
            records.extend(
                self.addresses
                    .iter()
                    .map(|address| address_record(name, *address)),
            );
        }
        records.extend(self.announcements(name.as_ref()));
        Some(compile(name, &records, forward, serial))
    }

    /// SVCB records at `_dns` below this name.
    fn announcements(&self, below: NameRef<'_>) -> Vec<Record> {
        let (Some(name), Some(owner)) = (&self.name, Name::prepend(b"_dns", below)) else {
            return Vec::new();
        };
        let record = |(priority, listener): (u16, &Designated)| Record {
            owner: owner.clone(),
            ttl: TTL,
            rtype: Rtype::SVCB,
            rdata: listener.rdata(priority, name.as_ref()),
            expires: None,
        };
        // Priority 0 would be an alias.
        (1..).zip(&self.designated).map(record).collect()
    }
}

fn address_record(name: &Name, address: IpAddr) -> Record {
    let (rtype, rdata): (_, Box<[u8]>) = match address {
        IpAddr::V4(address) => (Rtype::A, Box::new(address.octets())),
        IpAddr::V6(address) => (Rtype::AAAA, Box::new(address.octets())),
    };
    Record {
        owner: name.clone(),
        ttl: TTL,
        rtype,
        rdata,
        expires: None,
    }
}

/// Nothing at any name, and no time for which that may be kept (RFC 2308, 5): the same question comes again.
fn check_zone(name: &Name) -> Zone {
    let mut soa = [name.as_wire(), name.as_wire()].concat();
    for number in [1, 3600, 1200, 604_800, 0u32] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    let soa = Record {
        owner: name.clone(),
        ttl: 0,
        rtype: Rtype::SOA,
        rdata: soa.into(),
        expires: None,
    };
    compile(name, &[soa], Vec::new(), 1)
}

fn compile(origin: &Name, records: &[Record], forward: Vec<Name>, serial: u32) -> Zone {
    let options = Options {
        mode: Some(Mode::Redirect),
        forward,
        ..Options::default()
    };
    // What had expired is gone already.
    Zone::compile(origin, &options, records, serial, 0).into_builtin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::lookup::Found;
    use crate::zone::rdata::to_text;
    use crate::zone::{master, render};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn itself() -> Itself {
        let addresses = vec!["192.168.1.10".parse().unwrap(), "fd00::10".parse().unwrap()];
        Itself {
            name: Some(name("dns.home.example")),
            addresses,
            ..Itself::default()
        }
    }

    fn file(origin: &str, text: &str) -> Arc<Zone> {
        let origin = name(origin);
        let file = master::parse("zone", text.as_bytes(), &origin, &mut |_| Err(String::new()));
        assert_eq!(file.defects, []);
        let records: Vec<Record> = file.entries.into_iter().map(|entry| entry.record).collect();
        Arc::new(Zone::compile(&origin, &file.options, &records, 7, 0))
    }

    fn ask(zones: &[Arc<Zone>], text: &str, qtype: Rtype) -> String {
        let key = Key::new(name(text).as_ref());
        let over = itself().zones_over(zones);
        let zone = over
            .iter()
            .chain(zones.iter().map(Arc::as_ref))
            .filter(|zone| key.name().is_at_or_below(zone.origin()))
            .max_by_key(|zone| zone.origin().label_count())
            .unwrap();
        let text = |rdata: &[u8]| to_text(qtype, rdata, None);
        match zone.lookup(&key, qtype) {
            Found::Answer(set) => set.rdata().map(text).collect::<Vec<_>>().join(" "),
            Found::NoData => format!("nodata for {} s", zone.soa().map_or(9, |(_, ttl)| ttl)),
            Found::NoName => "noname".to_owned(),
            Found::Alias(_) => "alias".to_owned(),
            Found::Elsewhere => "elsewhere".to_owned(),
            Found::Referral(..) => "referral".to_owned(),
            _ => "other".to_owned(),
        }
    }

    #[test]
    fn the_name_and_all_below_it_are_where_we_are() {
        for zones in [&[][..], &[file("home.example", "matrix A 192.0.2.1\n")]] {
            for text in [
                "dns.home.example",
                "k7q4m2xr.dns.home.example",
                "a.b.DNS.home.example",
            ] {
                assert_eq!(ask(zones, text, Rtype::A), "192.168.1.10");
                assert_eq!(ask(zones, text, Rtype::AAAA), "fd00::10");
                assert_eq!(ask(zones, text, Rtype::MX), "nodata for 60 s");
            }
        }
        assert!(Itself::default().zones_over(&[]).is_empty());
    }

    #[test]
    fn the_live_check_finds_nothing_and_nobody_keeps_that() {
        for zones in [&[][..], &[file("dns.home.example", "@ A 192.0.2.1\n")]] {
            for text in ["check.dns.home.example", "n1.check.dns.home.example"] {
                for qtype in [Rtype::A, Rtype::AAAA, Rtype::HTTPS] {
                    assert_eq!(ask(zones, text, qtype), "nodata for 0 s", "{text}");
                }
            }
        }
    }

    #[test]
    fn a_file_of_the_same_name_stands_in_its_place() {
        let zones = [file("dns.home.example", "@ A 192.0.2.1\n")];
        assert_eq!(ask(&zones, "dns.home.example", Rtype::A), "192.0.2.1");
        assert_eq!(ask(&zones, "dns.home.example", Rtype::AAAA), "nodata for 60 s");
        assert_eq!(ask(&zones, "token.dns.home.example", Rtype::A), "noname");
    }

    #[test]
    fn records_of_a_file_above_win_set_by_set() {
        let zones = [file(
            "home.example",
            "dns A 192.0.2.1\ndns TXT hello\nx.dns A 192.0.2.2\n*.dns A 192.0.2.3\nother A 192.0.2.4\n",
        )];
        assert_eq!(ask(&zones, "dns.home.example", Rtype::A), "192.0.2.1");
        // An address by hand is the whole truth: no AAAA record of ours beside it.
        assert_eq!(ask(&zones, "dns.home.example", Rtype::AAAA), "nodata for 60 s");
        assert_eq!(ask(&zones, "dns.home.example", Rtype::TXT), "\"hello\"");
        assert_eq!(ask(&zones, "x.dns.home.example", Rtype::A), "192.0.2.2");
        assert_eq!(ask(&zones, "token.dns.home.example", Rtype::A), "192.0.2.3");
        assert_eq!(ask(&zones, "other.home.example", Rtype::A), "192.0.2.4");
        let zones = [file("home.example", "dns TXT hello\n")];
        assert_eq!(ask(&zones, "token.dns.home.example", Rtype::A), "192.168.1.10");
        let zones = [file("home.example", "dns CNAME box\nbox A 192.0.2.1\n")];
        assert_eq!(ask(&zones, "dns.home.example", Rtype::A), "alias");
        assert_eq!(ask(&zones, "token.dns.home.example", Rtype::A), "alias");
    }

    #[test]
    fn a_name_that_a_file_hands_on_is_handed_on() {
        for (text, expected) in [
            ("; hearthdns: forward=dns\n@ A 192.0.2.1\n", "elsewhere"),
            ("dns NS ns.example.\n", "referral"),
            ("@ DNAME other.example.\n", "other"),
        ] {
            let zones = [file("home.example", text)];
            assert_eq!(ask(&zones, "dns.home.example", Rtype::A), expected, "{text}");
        }
        let zones = [file(
            "home.example",
            "; hearthdns: forward=_acme-challenge.dns\n@ A 192.0.2.1\n",
        )];
        assert_eq!(
            ask(&zones, "_acme-challenge.dns.home.example", Rtype::TXT),
            "elsewhere"
        );
        assert_eq!(ask(&zones, "dns.home.example", Rtype::A), "192.168.1.10");
        // The mode of the zone above does not matter.
        let zones = [file("home.example", "; hearthdns: mode=overlay\n@ A 192.0.2.1\n")];
        assert_eq!(ask(&zones, "token.dns.home.example", Rtype::A), "192.168.1.10");
        assert_eq!(ask(&zones, "www.home.example", Rtype::A), "elsewhere");
    }

    #[test]
    fn rfc9462_s4_listeners_are_told_with_their_ports_paths_and_addresses() {
        let mut itself = itself();
        assert!(itself.announcements(name("resolver.arpa").as_ref()).is_empty());
        let listener = |alpn, port| Designated {
            alpn,
            port,
            addresses: itself.addresses.clone(),
        };
        itself.designated = vec![listener("dot", 853), listener("h2", 8443)];
        let records = itself.announcements(name("resolver.arpa").as_ref());
        let texts: Vec<String> = records
            .iter()
            .map(|record| render::record_text(record, None))
            .collect();
        assert_eq!(
            texts,
            [
                "_dns.resolver.arpa. 60 IN SVCB 1 dns.home.example. alpn=dot port=853 ipv4hint=192.168.1.10 \
                 ipv6hint=fd00::10",
                "_dns.resolver.arpa. 60 IN SVCB 2 dns.home.example. alpn=h2 port=8443 ipv4hint=192.168.1.10 \
                 ipv6hint=fd00::10 dohpath=\"/dns-query{?dns}\"",
            ]
        );
        // RFC 9462, 5: whoever knows the name asks there.
        let zones = itself.zones_over(&[]);
        let key = Key::new(name("_dns.dns.home.example").as_ref());
        assert!(matches!(zones[0].lookup(&key, Rtype::SVCB), Found::Answer(set) if set.rdata().count() == 2));
        itself.name = None;
        assert!(itself.announcements(name("resolver.arpa").as_ref()).is_empty());
    }
}
