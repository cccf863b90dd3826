//! A view's file laid over its base: what is checked and linted is what is served, and what an edit of it takes away is told.

use super::*;
use crate::message::{Name, Rtype};
use crate::store::load::{items_of, laid};
use crate::zone::Zone;
use crate::zone::record::{Options, Record};

/// A small generator: the same zones every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }

    /// Records of a zone, an alias never beside others.
    fn records(&mut self) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        for _ in 0..self.roll(8) {
            let label = ["", "a.", "b.", "*.", "x.a."][self.roll(5)];
            let rtype = [Rtype::A, Rtype::AAAA, Rtype::TXT, Rtype::CNAME, Rtype::MX][self.roll(5)];
            let last = u8::try_from(self.roll(3)).unwrap();
            let target = "t.hearth.example".parse::<Name>().unwrap();
            let rdata = match rtype {
                Rtype::A => vec![192, 0, 2, last],
                Rtype::AAAA => [[0; 15].as_slice(), &[last]].concat(),
                Rtype::TXT => vec![1, last],
                Rtype::CNAME => target.as_wire().to_vec(),
                _ => [&[0, last], target.as_wire()].concat(),
            };
            let record = Record {
                owner: format!("{label}hearth.example").parse().unwrap(),
                ttl: 300,
                rtype,
                rdata: rdata.into(),
                expires: None,
            };
            let stands_alone = |other: &Record| {
                other.owner == record.owner && (rtype == Rtype::CNAME || other.rtype == Rtype::CNAME)
            };
            let is_apex_alias = label.is_empty() && rtype == Rtype::CNAME;
            if !is_apex_alias && !records.contains(&record) && !records.iter().any(stands_alone) {
                records.push(record);
            }
        }
        records
    }
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    let made = |record: &Record| matches!(record.rtype, Rtype::SOA | Rtype::NS);
    records.retain(|record| !made(record));
    records.sort_by(|a, b| (&a.owner, a.rtype, &a.rdata).cmp(&(&b.owner, b.rtype, &b.rdata)));
    records
}

/// The linter and the checks see what clients get; and of a name that a view gives an address, all addresses are the view's.
#[test]
fn what_is_checked_of_a_view_is_what_it_serves() {
    let origin: Name = "hearth.example".parse().unwrap();
    let mut dice = Dice(7);
    for round in 0..500 {
        let (lower, upper) = (dice.records(), dice.records());
        let compiled = |records: &[Record]| Zone::compile(&origin, &Options::default(), records, 1, 0);
        let served = sorted(compiled(&lower).overlaid(&compiled(&upper)).records());
        let (below, above) = (Arc::from("base"), Arc::from("view"));
        let seen = laid(&items_of(&lower, &below), &items_of(&upper, &above));
        let seen = sorted(seen.iter().map(|item| item.record.clone()).collect());
        assert_eq!(served, seen, "round {round}: {lower:?} {upper:?}");
        let is_address = |record: &&Record| matches!(record.rtype, Rtype::A | Rtype::AAAA);
        for record in upper.iter().filter(is_address) {
            let of_owner = |all: &[Record]| {
                let of_owner = all
                    .iter()
                    .filter(is_address)
                    .filter(|other| other.owner == record.owner);
                of_owner.count()
            };
            assert_eq!(of_owner(&served), of_owner(&upper), "round {round}: {record:?}");
        }
    }
}

#[test]
fn an_address_of_a_view_that_takes_others_away_is_told() {
    let folders = Folders::with(&[
        (
            "hearth.example.zone",
            "m A 203.0.113.1\nm AAAA 2001:db8::1\nn A 203.0.113.2\n",
        ),
        ("lan/hearth.example.zone", "x TXT y\n"),
    ])
    .with_view("lan");
    let (mut store, _) = folders.start();
    let mut add = |name: &str, rtype: &str, data: &str| {
        let words = RecordWords {
            name: format!("{name}.hearth.example."),
            rtype: rtype.to_owned(),
            rdata: vec![data.to_owned()],
            view: Some("lan".to_owned()),
            ..RecordWords::default()
        };
        store.add_record(&words, NOW, &mut |_| {}).unwrap().notes
    };
    assert_eq!(
        add("m", "A", "192.168.1.1"),
        [
            "clients of the view lan get no AAAA record of m.hearth.example. any more, because a view's addresses take the place of all that the base zone has: add one to the view too if they are to have it"
        ]
    );
    // The second one takes nothing more away, nor does one whose like alone is there, nor another type.
    assert_eq!(add("m", "A", "192.168.1.2"), [""; 0]);
    assert_eq!(add("n", "A", "192.168.1.3"), [""; 0]);
    assert_eq!(add("n", "TXT", "z"), [""; 0]);
}
