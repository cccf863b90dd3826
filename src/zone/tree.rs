//! A zone compiled for answering: every name with its record sets, in flat memory.
//!
//! Names, including empty non-terminals, stand in one table found by hash; each knows the zone cut, DNAME
//! or pass-through above it, so a look-up never walks down from the apex: it probes the longest suffixes
//! until one exists (the closest encloser, RFC 4592, 3.3.1). NXDOMAIN costs what a hit costs. A compiled
//! zone never changes. `hints` is about SVCB and HTTPS records where zones lie over each other. Next:
//! [`super::lookup`], which asks it.

mod hints;

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::record::{Mode, Options, Record, replaces};
use crate::message::key::{hash_of, spread};
use crate::message::{Key, Name, NameRef, Rtype};

/// TTL in seconds of a synthesised SOA and NS record.
const SYNTHESISED_TTL: u32 = 3600;
/// MINIMUM of a synthesised SOA: how long a client may keep that a name does not exist. Short, because a
/// Matrix server that asked once too early would otherwise stay without the record for long.
const NEGATIVE_TTL: u32 = 60;
/// No node.
const NONE: u32 = u32::MAX;

/// A zone, compiled. Immutable.
pub struct Zone {
    origin: Name,
    options: Options,
    pub(super) mode: Mode,
    serial: u32,
    pub(super) state: State,
    builtin: bool,
    beacon: bool,
    next_expiry: Option<u64>,
    /// Names and RDATA, one behind the other.
    pub(super) arena: Box<[u8]>,
    pub(super) nodes: Box<[Node]>,
    pub(super) sets: Box<[SetEntry]>,
    index: HashTable<u32>,
    /// Labels of the deepest name: a longer question need not be probed.
    depth: usize,
    /// TTL of the SOA in a negative reply (RFC 2308, 3).
    pub(super) negative_ttl: u32,
    /// Expiry times by record, for [`Zone::records`]; empty in almost every zone.
    expiries: Box<[(Record, u64)]>,
}

/// Whether the zone answers at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// From its records.
    Open,
    /// Its file cannot be read and no earlier version is known.
    Closed,
    /// Nothing in it exists, its own name included.
    Absent,
}

/// What a name at or below it is not answered from the zone for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// An NS set below the apex: the zone is delegated here (RFC 1034, 4.2.1).
    Delegation,
    /// A DNAME: names below are elsewhere (RFC 6672, 2.2).
    Dname,
    /// The pragma `forward=`: asked upstream, this name included.
    Forward,
}

/// A name that exists.
pub(super) struct Node {
    name_at: u32,
    sets_at: u32,
    /// The topmost cut at or above this node, [`NONE`] if there is none.
    pub(super) cut: u32,
    /// The node `*` below this one, [`NONE`] if there is none.
    pub(super) wildcard: u32,
    name_len: u8,
    set_count: u8,
    /// What kind of cut this node itself is.
    pub(super) kind: Option<Cut>,
    /// Whether it has records that make the name ours in an overlay: any but SOA and NS at the apex.
    pub(super) is_held: bool,
}

/// The records of one type at one name. In the arena: for each record two length bytes, then RDATA.
pub(super) struct SetEntry {
    pub(super) rtype: Rtype,
    pub(super) ttl: u32,
    pub(super) data_at: u32,
    pub(super) data_len: u32,
}

/// One record set on its way into a zone.
struct Draft {
    ttl: u32,
    rdata: Vec<Box<[u8]>>,
}

type Drafts = BTreeMap<Name, BTreeMap<Rtype, Draft>>;

impl Zone {
    /// Compiles records that were checked. SOA (with `serial`) and NS are made where they are absent;
    /// records that expired at `now` (Unix seconds) or before are left out.
    #[must_use]
    pub fn compile(origin: &Name, options: &Options, records: &[Record], serial: u32, now: u64) -> Self {
        let live = || {
            records
                .iter()
                .filter(|record| record.expires.is_none_or(|at| at > now))
        };
        let mut drafts = Drafts::new();
        for record in live() {
            add_draft(&mut drafts, record);
        }
        let expiries = live()
            .filter_map(|record| Some((record.clone(), record.expires?)))
            .collect();
        Self::build(origin, options.clone(), drafts, serial, State::Open, expiries)
    }

    /// A zone that cannot be served: every name in it fails, none is forwarded.
    #[must_use]
    pub fn closed(origin: &Name) -> Self {
        Self::build(
            origin,
            Options::default(),
            Drafts::new(),
            0,
            State::Closed,
            Box::default(),
        )
    }

    /// A domain that does not exist at all, its own name included: `onion.`, `invalid.` and their like.
    #[must_use]
    pub fn absent(origin: &Name) -> Self {
        Self::build(
            origin,
            Options::default(),
            Drafts::new(),
            1,
            State::Absent,
            Box::default(),
        )
    }

    /// This zone with another's record sets laid over it, set by set, as [`replaces`] says. Hints of SVCB and HTTPS records
    /// are addresses too: those of a host that has other ones there are left out. The upper zone's mode and pass-through
    /// names count where it states them.
    #[must_use]
    pub fn overlaid(&self, upper: &Zone) -> Zone {
        if upper.is_closed() {
            return Zone::closed(&self.origin);
        }
        let mut drafts = Drafts::new();
        for record in self.records() {
            add_draft(&mut drafts, &record);
        }
        let mut laid = Drafts::new();
        for record in upper.records() {
            // What the view's file did not say itself must not hide what the base zone says.
            if !(upper.is_synthesised(&record)) {
                add_draft(&mut laid, &record);
            }
        }
        hints::drop_hints(&mut drafts, &laid);
        for (name, sets) in laid {
            let below = drafts.entry(name).or_default();
            below.retain(|&lower, _| !sets.keys().any(|upper| replaces(*upper, lower)));
            below.extend(sets);
        }
        let mut options = self.options.clone();
        options.mode = upper.options.mode.or(options.mode);
        options.forward.extend(upper.options.forward.iter().cloned());
        let expiries = [&self.expiries[..], &upper.expiries[..]].concat().into();
        let serial = self.serial.max(upper.serial);
        Self::build(&self.origin, options, drafts, serial, self.state, expiries)
    }

    fn build(
        origin: &Name,
        options: Options,
        mut drafts: Drafts,
        serial: u32,
        state: State,
        expiries: Box<[(Record, u64)]>,
    ) -> Self {
        add_apex(&mut drafts, origin, serial);
        let serial = serial_of(&drafts, origin).unwrap_or(serial);
        let (soa_ttl, minimum) = soa_times(&drafts, origin);
        let mut zone = Zone {
            origin: origin.as_ref().to_lowercase(),
            mode: options.mode.unwrap_or_default(),
            options,
            serial,
            state,
            builtin: false,
            beacon: false,
            next_expiry: expiries.iter().map(|(_, at)| *at).min(),
            arena: Box::default(),
            nodes: Box::default(),
            sets: Box::default(),
            index: HashTable::new(),
            depth: 0,
            negative_ttl: soa_ttl.min(minimum),
            expiries,
        };
        let mut parts = Parts::default();
        for (name, sets) in drafts {
            parts.add_with_parents(&name, origin);
            parts.add_sets(&name, origin, sets);
        }
        for name in zone.options.forward.clone() {
            if name.as_ref().is_at_or_below(origin.as_ref()) && name != *origin {
                parts.add_with_parents(&name, origin);
                let at = parts.names[&name] as usize;
                parts.nodes[at].kind = Some(Cut::Forward);
            }
        }
        zone.depth = parts
            .names
            .keys()
            .map(|name| name.as_ref().label_count())
            .max()
            .unwrap_or(0);
        parts.link(origin);
        zone.arena = parts.arena.into();
        zone.nodes = parts.nodes.into();
        zone.sets = parts.sets.into();
        zone.index = HashTable::with_capacity(zone.nodes.len());
        for at in 0..zone.nodes.len() {
            let hash = hash_of(zone.name_of(&zone.nodes[at]));
            zone.index.insert_unique(spread(hash), at as u32, |&other| {
                spread(hash_of(name_at(&zone.arena, &zone.nodes[other as usize])))
            });
        }
        zone
    }

    /// Marks a zone that nobody wrote: see [`super::builtin`].
    #[must_use]
    pub(super) fn into_builtin(mut self) -> Zone {
        self.builtin = true;
        self
    }

    /// Marks the zone of the live check: a question in it is a mark that a browser's page leaves here on purpose.
    #[must_use]
    pub fn into_beacon(mut self) -> Zone {
        self.beacon = true;
        self
    }

    /// Whether the zone stands for a domain that does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.state == State::Absent
    }

    /// Whether it is the zone of the live check.
    #[must_use]
    pub fn is_beacon(&self) -> bool {
        self.beacon
    }

    /// Whether nobody wrote this zone: see [`super::builtin`].
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// This zone, which passes these names and all below them on upstream.
    #[must_use]
    pub fn passing_on(&self, names: Vec<Name>) -> Zone {
        let mut drafts = Drafts::new();
        for record in self.records() {
            add_draft(&mut drafts, &record);
        }
        let mut options = self.options.clone();
        options.forward.extend(names);
        let expiries = self.expiries.clone();
        let mut zone = Self::build(&self.origin, options, drafts, self.serial, self.state, expiries);
        zone.builtin = self.builtin;
        zone.beacon = self.beacon;
        zone
    }

    /// The zone's name, in lower case.
    #[must_use]
    pub fn origin(&self) -> NameRef<'_> {
        self.origin.as_ref()
    }

    /// Serial of its SOA.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Its options as the file states them.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What it does with names that it does not hold.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether it cannot be served.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// When, in Unix seconds, the next of its records expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        self.next_expiry
    }

    /// How many records it holds, those made for the apex included.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.sets.iter().map(|set| self.rdata(set).count()).sum()
    }

    /// Every record, by name in canonical order. Owners are in lower case.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut nodes: Vec<&Node> = self.nodes.iter().collect();
        nodes.sort_by_cached_key(|node| self.name_of(node).to_name());
        let mut records = Vec::with_capacity(self.sets.len());
        for node in nodes {
            for set in self.sets_of(node) {
                for rdata in self.rdata(set) {
                    let mut record = Record {
                        owner: self.name_of(node).to_name(),
                        ttl: set.ttl,
                        rtype: set.rtype,
                        rdata: rdata.into(),
                        expires: None,
                    };
                    let expiring = self.expiries.iter().find(|(other, _)| {
                        other.owner == record.owner
                            && other.rtype == record.rtype
                            && other.rdata == record.rdata
                    });
                    record.expires = expiring.map(|(_, at)| *at);
                    records.push(record);
                }
            }
        }
        records
    }

    /// Whether a record of the apex was made here and not read from a file.
    fn is_synthesised(&self, record: &Record) -> bool {
        record.owner == self.origin
            && match record.rtype {
                Rtype::SOA => record.rdata == synthesised_soa(&self.origin, self.serial),
                Rtype::NS => &*record.rdata == self.origin.as_wire(),
                _ => false,
            }
    }

    /// The node of the longest existing suffix of `key`, and whether that is the whole name. The name must
    /// be in this zone.
    pub(super) fn closest(&self, key: &Key) -> (&Node, bool) {
        let labels = key.label_count();
        let lowest = self.origin.as_ref().label_count();
        for count in (lowest + 1..=labels.min(self.depth)).rev() {
            let (name, hash) = key.suffix(count);
            if let Some(node) = self.find(name, hash) {
                return (node, count == labels);
            }
        }
        // The apex always exists.
        (&self.nodes[0], labels == lowest)
    }

    /// The node of a lower-case name.
    pub(super) fn find(&self, name: NameRef<'_>, hash: u32) -> Option<&Node> {
        let same = |&at: &u32| self.name_of(&self.nodes[at as usize]).as_wire() == name.as_wire();
        self.index
            .find(spread(hash), same)
            .map(|&at| &self.nodes[at as usize])
    }

    pub(super) fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    pub(super) fn name_of(&self, node: &Node) -> NameRef<'_> {
        name_at(&self.arena, node)
    }

    pub(super) fn sets_of(&self, node: &Node) -> &[SetEntry] {
        let at = node.sets_at as usize;
        &self.sets[at..at + usize::from(node.set_count)]
    }

    /// The RDATA of each record of a set.
    pub(super) fn rdata<'z>(&'z self, set: &SetEntry) -> impl Iterator<Item = &'z [u8]> + use<'z> {
        let at = set.data_at as usize;
        let mut rest = &self.arena[at..at + set.data_len as usize];
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (rdata, tail) = tail.split_at(usize::from(u16::from_be_bytes(*len)));
            rest = tail;
            Some(rdata)
        })
    }
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Zone({} {:?} serial {} with {} names)",
            self.origin,
            self.state,
            self.serial,
            self.nodes.len()
        )
    }
}

fn name_at<'a>(arena: &'a [u8], node: &Node) -> NameRef<'a> {
    let at = node.name_at as usize;
    NameRef::from_checked(&arena[at..at + usize::from(node.name_len)])
}

/// The growing tables of [`Zone::build`].
#[derive(Default)]
struct Parts {
    arena: Vec<u8>,
    nodes: Vec<Node>,
    sets: Vec<SetEntry>,
    names: BTreeMap<Name, u32>,
}

impl Parts {
    /// Makes nodes for a name and for the empty non-terminals between it and the apex (RFC 4592, 2.2.2).
    /// The apex comes first of all and is node 0.
    fn add_with_parents(&mut self, name: &Name, origin: &Name) {
        if self.nodes.is_empty() {
            self.add_node(origin.as_ref());
        }
        for ancestor in name.as_ref().ancestors() {
            if !ancestor.is_at_or_below(origin.as_ref()) || self.names.contains_key(&ancestor.to_name()) {
                break;
            }
            self.add_node(ancestor);
        }
    }

    fn add_node(&mut self, name: NameRef<'_>) {
        let name = name.to_lowercase();
        self.nodes.push(Node {
            name_at: self.arena.len() as u32,
            sets_at: 0,
            cut: NONE,
            wildcard: NONE,
            name_len: name.as_wire().len() as u8,
            set_count: 0,
            kind: None,
            is_held: false,
        });
        self.arena.extend_from_slice(name.as_wire());
        self.names.insert(name, self.nodes.len() as u32 - 1);
    }

    fn add_sets(&mut self, name: &Name, origin: &Name, sets: BTreeMap<Rtype, Draft>) {
        let is_apex = name == origin;
        let node = &mut self.nodes[self.names[name] as usize];
        node.sets_at = self.sets.len() as u32;
        node.set_count = u8::try_from(sets.len()).unwrap_or(u8::MAX);
        for (rtype, draft) in sets.into_iter().take(usize::from(u8::MAX)) {
            node.is_held |= !is_apex || !matches!(rtype, Rtype::SOA | Rtype::NS);
            match rtype {
                Rtype::NS if !is_apex => node.kind = Some(Cut::Delegation),
                Rtype::DNAME if node.kind.is_none() => node.kind = Some(Cut::Dname),
                _ => {}
            }
            let data_at = self.arena.len();
            for rdata in draft.rdata {
                // Records are checked to fit a message, so two bytes hold the length.
                self.arena.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
                self.arena.extend_from_slice(&rdata);
            }
            let data_len = (self.arena.len() - data_at) as u32;
            self.sets.push(SetEntry {
                rtype,
                ttl: draft.ttl,
                data_at: data_at as u32,
                data_len,
            });
        }
    }

    /// Tells each node of the topmost cut above it and of the wildcard below it. Canonical order brings
    /// parents before their children.
    fn link(&mut self, origin: &Name) {
        for (name, &at) in &self.names {
            let parent = name.as_ref().parent().filter(|_| name != origin);
            let parent = parent.and_then(|parent| self.names.get(&parent.to_name()).copied());
            let inherited = parent.map_or(NONE, |parent| self.nodes[parent as usize].cut);
            let own = if self.nodes[at as usize].kind.is_some() {
                at
            } else {
                NONE
            };
            self.nodes[at as usize].cut = if inherited == NONE { own } else { inherited };
            if let (true, Some(parent)) = (name.as_ref().is_wildcard(), parent) {
                self.nodes[parent as usize].wildcard = at;
            }
        }
    }
}

fn add_draft(drafts: &mut Drafts, record: &Record) {
    let sets = drafts.entry(record.owner.clone()).or_default();
    let set = sets.entry(record.rtype).or_insert_with(|| Draft {
        ttl: record.ttl,
        rdata: Vec::new(),
    });
    // One set has one TTL; the lowest is safe for all (RFC 2181, 5.2).
    set.ttl = set.ttl.min(record.ttl);
    if !set.rdata.contains(&record.rdata) {
        set.rdata.push(record.rdata.clone());
    }
}

/// Makes SOA and NS at the apex where the file has none, as RFC 6303, 3 does for empty zones: the origin
/// itself stands for the server, because no other name is known to exist.
fn add_apex(drafts: &mut Drafts, origin: &Name, serial: u32) {
    let apex = drafts.entry(origin.clone()).or_default();
    let set = |rdata| Draft {
        ttl: SYNTHESISED_TTL,
        rdata: vec![rdata],
    };
    apex.entry(Rtype::SOA)
        .or_insert_with(|| set(synthesised_soa(origin, serial)));
    apex.entry(Rtype::NS)
        .or_insert_with(|| set(origin.as_ref().to_lowercase().as_wire().into()));
}

fn synthesised_soa(origin: &Name, serial: u32) -> Box<[u8]> {
    let origin = origin.as_ref().to_lowercase();
    let mailbox = Name::prepend(b"hostmaster", origin.as_ref()).unwrap_or_else(|| origin.clone());
    let mut rdata = [origin.as_wire(), mailbox.as_wire()].concat();
    for number in [serial, 3600, 1200, 604_800, NEGATIVE_TTL] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata.into()
}

/// The five numbers at the end of the apex's SOA (RFC 1035, 3.3.13).
fn soa_numbers(drafts: &Drafts, origin: &Name) -> Option<(u32, [u32; 5])> {
    let set = drafts.get(origin)?.get(&Rtype::SOA)?;
    let tail = set.rdata.first()?.last_chunk::<20>()?;
    let mut numbers = [0; 5];
    for (number, bytes) in numbers.iter_mut().zip(tail.as_chunks::<4>().0) {
        *number = u32::from_be_bytes(*bytes);
    }
    Some((set.ttl, numbers))
}

fn serial_of(drafts: &Drafts, origin: &Name) -> Option<u32> {
    soa_numbers(drafts, origin).map(|(_, numbers)| numbers[0])
}

fn soa_times(drafts: &Drafts, origin: &Name) -> (u32, u32) {
    let (ttl, numbers) = soa_numbers(drafts, origin).unwrap_or((SYNTHESISED_TTL, [NEGATIVE_TTL; 5]));
    (ttl, numbers[4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn a(owner: &str, last: u8) -> Record {
        let rdata = Box::new([203, 0, 113, last]);
        Record {
            owner: name(owner),
            ttl: 300,
            rtype: Rtype::A,
            rdata,
            expires: None,
        }
    }

    #[test]
    fn soa_and_ns_are_made_where_absent() {
        let zone = Zone::compile(&name("Hearth.Example"), &Options::default(), &[], 7, 0);
        assert_eq!(
            (zone.serial(), zone.negative_ttl, zone.record_count()),
            (7, 60, 2)
        );
        let types: Vec<Rtype> = zone.records().iter().map(|record| record.rtype).collect();
        assert_eq!(types, [Rtype::NS, Rtype::SOA]);
    }

    #[test]
    fn expired_records_are_left_out_and_the_next_expiry_is_known() {
        let mut records = [
            a("x.hearth.example", 1),
            a("y.hearth.example", 2),
            a("z.hearth.example", 3),
        ];
        records[0].expires = Some(100);
        records[1].expires = Some(200);
        let zone = Zone::compile(&name("hearth.example"), &Options::default(), &records, 1, 100);
        assert_eq!(zone.next_expiry(), Some(200));
        let left: Vec<(String, Option<u64>)> = zone
            .records()
            .into_iter()
            .filter(|record| record.rtype == Rtype::A)
            .map(|record| (record.owner.to_string(), record.expires))
            .collect();
        let expected = [("y.hearth.example.", Some(200)), ("z.hearth.example.", None)];
        assert_eq!(left, expected.map(|(owner, at)| (owner.to_owned(), at)));
    }

    #[test]
    fn a_view_is_laid_over_set_by_set() {
        let origin = name("hearth.example");
        let options = Options {
            mode: Some(Mode::Overlay),
            forward: Vec::new(),
            ..Options::default()
        };
        let base = Zone::compile(
            &origin,
            &options,
            &[
                a("a.hearth.example", 1),
                a("b.hearth.example", 1),
                a("c.hearth.example", 1),
            ],
            5,
            0,
        );
        let mut alias = a("b.hearth.example", 0);
        alias.rtype = Rtype::CNAME;
        alias.rdata = name("a.hearth.example").as_wire().into();
        let upper = Zone::compile(
            &origin,
            &Options::default(),
            &[a("a.hearth.example", 9), alias],
            2,
            0,
        );
        let merged = base.overlaid(&upper);
        let shown: Vec<(String, Rtype)> = merged
            .records()
            .iter()
            .filter(|record| record.owner != origin)
            .map(|record| (record.owner.to_string(), record.rtype))
            .collect();
        let expected = [("a", Rtype::A), ("b", Rtype::CNAME), ("c", Rtype::A)];
        assert_eq!(
            shown,
            expected.map(|(label, rtype)| (format!("{label}.hearth.example."), rtype))
        );
        assert_eq!(merged.records()[2].rdata[3], 9);
        assert_eq!((merged.mode(), merged.serial()), (Mode::Overlay, 5));
        assert!(base.overlaid(&Zone::closed(&origin)).is_closed());
    }

    #[test]
    fn the_addresses_of_a_name_are_one_set_in_a_view() {
        let origin = name("hearth.example");
        let of = |label: &str, rtype: Rtype, last: u8| {
            let mut record = a(&format!("{label}.hearth.example"), last);
            record.rtype = rtype;
            if rtype == Rtype::AAAA {
                record.rdata = [[0; 15].as_slice(), &[last]].concat().into();
            }
            record
        };
        let compiled = |records: &[Record]| Zone::compile(&origin, &Options::default(), records, 1, 0);
        let both = |label| [of(label, Rtype::A, 1), of(label, Rtype::AAAA, 1)];
        let base = compiled(&[both("a"), both("b"), both("c"), both("d")].concat());
        let upper = compiled(&[
            of("a", Rtype::A, 9),
            of("b", Rtype::AAAA, 9),
            of("c", Rtype::TXT, 9),
        ]);
        let shown: Vec<(String, Rtype, Option<u8>)> = base
            .overlaid(&upper)
            .records()
            .iter()
            .filter(|record| record.owner != origin)
            .map(|record| {
                (
                    record.owner.to_string(),
                    record.rtype,
                    record.rdata.last().copied(),
                )
            })
            .collect();
        let expected = [
            ("a", Rtype::A, 9),
            ("b", Rtype::AAAA, 9),
            ("c", Rtype::A, 1),
            ("c", Rtype::TXT, 9),
            ("c", Rtype::AAAA, 1),
            ("d", Rtype::A, 1),
            ("d", Rtype::AAAA, 1),
        ];
        let expected =
            expected.map(|(label, rtype, last)| (format!("{label}.hearth.example."), rtype, Some(last)));
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_look_up_compares_hardly_more_than_one_name_however_many_there_are() {
        for count in [100, 20_000] {
            let host = |at: usize| format!("host-{at}.hearth.example");
            let records: Vec<Record> = (0..count).map(|at| a(&host(at), 1)).collect();
            let zone = Zone::compile(&name("hearth.example"), &Options::default(), &records, 1, 0);
            let mut compared = 0;
            let mut look = |at: usize| {
                let name = name(&host(at));
                let same = |&at: &u32| {
                    compared += 1;
                    zone.name_of(&zone.nodes[at as usize]) == name.as_ref()
                };
                zone.index.find(spread(hash_of(name.as_ref())), same).is_some()
            };
            assert!((0..100).all(&mut look));
            assert!(!(count..count + 100).any(&mut look));
            // 100 that are there, and few whose hash looks the same in seven bits.
            assert!(
                (100..170).contains(&compared),
                "{compared} of 200 look-ups among {count}"
            );
        }
    }
}
