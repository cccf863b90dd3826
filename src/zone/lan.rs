//! The names of the devices of the house, laid under the zones.
//!
//! They are records in compiled zones like any other, so the straight line has no branch for them. What a zone file
//! says of a name is the whole truth about it; only names that no file holds are filled in. The LAN domain is a private
//! zone, so none of its names goes upstream. Reverse names go into the zone that answers for them: a file's, or a
//! built-in one of private addresses; where there is none, because the addresses are public ones, a small overlay is
//! made, which passes on every name that it does not hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{Mode, Options, Record};
use super::tree::Zone;
use crate::message::{Key, Name, NameRef};

/// Names of the LAN domain, and the reverse names that lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lan {
    /// The domain, in lower case.
    pub domain: Name,
    /// Addresses at names below the domain, and PTR records.
    pub records: Vec<Record>,
}

impl Lan {
    /// Lays the names under these zones, the built-in ones included, which are all that a client sees. Names at and
    /// below those in `passed_on`, which have a route of their own, are left to it.
    pub fn lay_under(&self, zones: &mut Vec<Arc<Zone>>, passed_on: &[Name]) {
        if !zones.iter().any(|zone| zone.origin() == self.domain.as_ref())
            && let Some(zone) = self.own_zone(zones, passed_on)
        {
            zones.push(Arc::new(zone));
        }
        let mut per_zone: BTreeMap<usize, Vec<Record>> = BTreeMap::new();
        let mut elsewhere: BTreeMap<Name, Vec<Record>> = BTreeMap::new();
        for record in &self.records {
            let at = zones
                .iter()
                .enumerate()
                .filter(|(_, zone)| record.owner.as_ref().is_at_or_below(zone.origin()))
                .max_by_key(|(_, zone)| zone.origin().label_count());
            match at {
                Some((at, _)) => per_zone.entry(at).or_default().push(record.clone()),
                None => {
                    let network = network_of(record.owner.as_ref());
                    elsewhere.entry(network).or_default().push(record.clone());
                }
            }
        }
        for (at, records) in per_zone {
            if let Some(filled) = zones[at].with_names(&records) {
                zones[at] = Arc::new(filled);
            }
        }
        for (network, records) in elsewhere {
            let options = Options {
                mode: Some(Mode::Overlay),
                ..Options::default()
            };
            let zone = Zone::compile(&network, &options, &records, 1, 0);
            zones.push(Arc::new(zone.into_builtin()));
        }
    }

    /// A zone for the domain, with what a zone above it says there; none where that one hands the domain on or cannot be
    /// served, and so fails for all its names.
    fn own_zone(&self, zones: &[Arc<Zone>], passed_on: &[Name]) -> Option<Zone> {
        let domain = self.domain.as_ref();
        let above = zones
            .iter()
            .filter(|zone| domain.is_at_or_below(zone.origin()))
            .max_by_key(|zone| zone.origin().label_count());
        let (mut records, mut forward) = (Vec::new(), passed_on.to_vec());
        if let Some(zone) = above {
            let (node, _) = zone.closest(&Key::new(domain));
            if zone.is_closed() || zone.node(node.cut).is_some() {
                return None;
            }
            records = zone.records();
            records.retain(|record| record.owner.as_ref().is_at_or_below(domain));
            forward.extend(zone.options().forward.iter().cloned());
        }
        let options = Options {
            mode: Some(Mode::Private),
            forward,
            ..Options::default()
        };
        Some(Zone::compile(&self.domain, &options, &records, 1, 0).into_builtin())
    }
}

impl Zone {
    /// Whether the zone itself says what becomes of a name in it: it has records there, or hands the name on.
    #[must_use]
    pub fn says(&self, key: &Key) -> bool {
        let (node, is_whole) = self.closest(key);
        self.node(node.cut).is_some() || is_whole && !self.sets_of(node).is_empty()
    }

    /// This zone, filled in with those of the records whose names it does not hold and does not hand on; none where that
    /// changes nothing.
    fn with_names(&self, records: &[Record]) -> Option<Zone> {
        if self.is_closed() {
            return None;
        }
        let is_free = |record: &&Record| !self.says(&Key::new(record.owner.as_ref()));
        let new: Vec<Record> = records.iter().filter(is_free).cloned().collect();
        if new.is_empty() {
            return None;
        }
        // A domain that a route sends nowhere has no records to begin with.
        let mut all = if self.is_absent() {
            Vec::new()
        } else {
            self.records()
        };
        all.extend(new);
        let zone = Zone::compile(&self.origin().to_name(), self.options(), &all, self.serial(), 0);
        Some(if self.is_builtin() {
            zone.into_builtin()
        } else {
            zone
        })
    }
}

/// The reverse zone of the network that an address is thought to be in: of 24 bits for IPv4, of 64 for IPv6.
fn network_of(owner: NameRef<'_>) -> Name {
    let ancestors: Vec<NameRef<'_>> = owner.ancestors().collect();
    // Without the root: `arpa`, `in-addr` or `ip6`, then labels of 8 or 4 bits.
    let labels = if owner.label_count() > 6 { 2 + 16 } else { 2 + 3 };
    let found = ancestors.into_iter().find(|name| name.label_count() == labels);
    found.unwrap_or(owner).to_name()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Rtype;
    use crate::zone::lookup::Found;
    use crate::zone::rdata::to_text;
    use crate::zone::{Itself, builtin, master};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn file(origin: &str, text: &str) -> Arc<Zone> {
        let origin = name(origin);
        let file = master::parse("zone", text.as_bytes(), &origin, &mut |_| Err(String::new()));
        assert_eq!(file.defects, []);
        let records: Vec<Record> = file.entries.into_iter().map(|entry| entry.record).collect();
        Arc::new(Zone::compile(&origin, &file.options, &records, 7, 0))
    }

    fn lan(domain: &str, lines: &str) -> Lan {
        let file = master::parse(
            "lan",
            lines.as_bytes(),
            &Name::root(),
            &mut |_| Err(String::new()),
        );
        assert_eq!(file.defects, []);
        Lan {
            domain: name(domain),
            records: file.entries.into_iter().map(|entry| entry.record).collect(),
        }
    }

    const NAS: &str = "nas.lan. 60 A 192.168.1.2\nnas.lan. 60 AAAA 2001:db8:0:1::2\ntv.lan. 60 A 192.168.1.3\n\
                       2.1.168.192.in-addr.arpa. 60 PTR nas.lan.\n3.1.168.192.in-addr.arpa. 60 PTR tv.lan.\n\
                       2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.1.1.0.0.2.ip6.arpa. 60 PTR nas.lan.\n\
                       9.113.0.198.in-addr.arpa. 60 PTR tv.lan.\n";

    /// Names and types, and what is said of them.
    fn told(lan: &Lan, files: &[Arc<Zone>], passed_on: &[&str], asked: &[(&str, Rtype)]) -> Vec<String> {
        let mut zones = files.to_vec();
        let builtins = builtin::zones(&Itself::default());
        let is_replaced = |zone: &&Arc<Zone>| {
            files
                .iter()
                .any(|file| zone.origin().is_at_or_below(file.origin()))
        };
        zones.extend(builtins.iter().filter(|zone| !is_replaced(zone)).cloned());
        let passed_on: Vec<Name> = passed_on.iter().map(|text| name(text)).collect();
        lan.lay_under(&mut zones, &passed_on);
        let tell = |&(text, qtype): &(&str, Rtype)| {
            let asked = name(text);
            let zone = zones
                .iter()
                .filter(|zone| asked.as_ref().is_at_or_below(zone.origin()))
                .max_by_key(|zone| zone.origin().label_count());
            let Some(zone) = zone else {
                return "forwarded".to_owned();
            };
            match zone.lookup(&Key::new(asked.as_ref()), qtype) {
                Found::Answer(set) => {
                    let texts = set.rdata().map(|rdata| to_text(qtype, rdata, None));
                    texts.collect::<Vec<_>>().join(" ")
                }
                Found::NoData => "nodata".to_owned(),
                Found::NoName => "noname".to_owned(),
                Found::Elsewhere => "forwarded".to_owned(),
                Found::Closed => "closed".to_owned(),
                _ => "other".to_owned(),
            }
        };
        asked.iter().map(tell).collect()
    }

    #[test]
    fn the_domain_is_private_and_addresses_lead_back() {
        let asked = [
            ("nas.lan", Rtype::A),
            ("NAS.lan", Rtype::AAAA),
            ("tv.lan", Rtype::AAAA),
            ("nobody.lan", Rtype::A),
            ("a.nas.lan", Rtype::A),
            ("lan", Rtype::A),
            ("2.1.168.192.in-addr.arpa", Rtype::PTR),
            ("4.1.168.192.in-addr.arpa", Rtype::PTR),
            // Public addresses: those of others are not ours to deny.
            (
                "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.1.1.0.0.2.ip6.arpa",
                Rtype::PTR,
            ),
            (
                "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.1.1.0.0.2.ip6.arpa",
                Rtype::PTR,
            ),
            ("9.113.0.198.in-addr.arpa", Rtype::PTR),
            ("8.113.0.198.in-addr.arpa", Rtype::PTR),
            ("8.112.0.198.in-addr.arpa", Rtype::PTR),
        ];
        assert_eq!(
            told(&lan("lan", NAS), &[], &[], &asked),
            [
                "192.168.1.2",
                "2001:db8:0:1::2",
                "nodata",
                "noname",
                "noname",
                "nodata",
                "nas.lan.",
                "noname",
                "nas.lan.",
                "forwarded",
                "tv.lan.",
                "forwarded",
                "forwarded",
            ]
        );
        // Without a single name it is private all the same.
        assert_eq!(
            told(&lan("lan", ""), &[], &[], &[("nas.lan", Rtype::A)]),
            ["noname"]
        );
    }

    #[test]
    fn a_zone_file_wins_name_by_name() {
        let files = [
            file(
                "lan",
                "; hearthdns: forward=cloud\nnas A 192.168.1.99\n@ TXT ours\n",
            ),
            file("1.168.192.in-addr.arpa", "2 PTR other.example.\n"),
        ];
        let asked = [
            ("nas.lan", Rtype::A),
            ("nas.lan", Rtype::AAAA),
            ("tv.lan", Rtype::A),
            ("lan", Rtype::TXT),
            ("x.cloud.lan", Rtype::A),
            ("2.1.168.192.in-addr.arpa", Rtype::PTR),
            ("3.1.168.192.in-addr.arpa", Rtype::PTR),
        ];
        assert_eq!(
            told(
                &lan("lan", &format!("{NAS}x.cloud.lan. 60 A 192.0.2.1\n")),
                &files,
                &[],
                &asked
            ),
            [
                "192.168.1.99",
                "nodata",
                "192.168.1.3",
                "\"ours\"",
                "forwarded",
                "other.example.",
                "tv.lan."
            ]
        );
        let deeper = [file("nas.lan", "@ A 192.168.1.98\n")];
        assert_eq!(
            told(
                &lan("lan", NAS),
                &deeper,
                &[],
                &[("nas.lan", Rtype::A), ("tv.lan", Rtype::A)]
            ),
            ["192.168.1.98", "192.168.1.3"]
        );
    }

    #[test]
    fn what_a_zone_above_says_of_the_domain_holds() {
        let files = [file(
            "example",
            "matrix.home A 192.0.2.1\nother A 192.0.2.2\nnas.home A 192.0.2.3\n",
        )];
        let names = lan(
            "home.example",
            "nas.home.example. 60 A 192.168.1.2\ntv.home.example. 60 A 192.168.1.3\n",
        );
        let asked = [
            ("matrix.home.example", Rtype::A),
            ("nas.home.example", Rtype::A),
            ("tv.home.example", Rtype::A),
            ("x.home.example", Rtype::A),
            ("other.example", Rtype::A),
        ];
        assert_eq!(
            told(&names, &files, &[], &asked),
            ["192.0.2.1", "192.0.2.3", "192.168.1.3", "noname", "192.0.2.2"]
        );
        let handing_on = [file(
            "example",
            "; hearthdns: forward=cloud.home\nother A 192.0.2.2\n",
        )];
        let below = [("x.cloud.home.example", Rtype::A), ("x.home.example", Rtype::A)];
        assert_eq!(told(&names, &handing_on, &[], &below), ["forwarded", "noname"]);
        let closed = [Arc::new(Zone::closed(&name("example")))];
        assert_eq!(told(&names, &closed, &[], &asked[2..3]), ["closed"]);
        let of_domain = [Arc::new(Zone::closed(&name("home.example")))];
        assert_eq!(told(&names, &of_domain, &[], &asked[2..3]), ["closed"]);
        let open = [file("example", "; hearthdns: mode=overlay\nmatrix A 192.0.2.1\n")];
        assert_eq!(
            told(&names, &open, &[], &asked[3..4]),
            ["noname"],
            "the LAN domain is private"
        );
    }

    #[test]
    fn a_route_below_the_domain_keeps_its_names() {
        let asked = [
            ("a.work.lan", Rtype::A),
            ("work.lan", Rtype::A),
            ("tv.lan", Rtype::A),
        ];
        assert_eq!(
            told(&lan("lan", NAS), &[], &["work.lan"], &asked),
            ["forwarded", "forwarded", "192.168.1.3"]
        );
        let nowhere = [Arc::new(Zone::absent(&name("lan")))];
        assert_eq!(
            told(&lan("lan", NAS), &nowhere, &[], &asked[2..]),
            ["192.168.1.3"]
        );
    }
}
