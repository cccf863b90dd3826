//! What would break a zone although every record of it is well-formed: data beside a CNAME, targets that are
//! aliases or lead nowhere, records that nobody can reach.
//!
//! Works on a file's entries and on records of several files alike; every defect names the record's place, the
//! place of the other record, the rule and the way out. Time is near-linear in the number of records. Names in
//! the zone are looked up as RFC 1034 (4.3.2) and RFC 4592 do, so that a wildcard counts where it answers.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::hash_map::Entry as Slot;
use hashbrown::{HashMap, HashSet};

use crate::message::{Name, NameRef, Rtype};

use super::master::Entry;
use super::rdata::{name_text, target};
use super::record::{Defect, MAX_TTL, Mode, Options, Record};
use super::render::short_text;

/// Most defects that are kept.
pub const MAX_DEFECTS: usize = 1_000;
/// How many DNAMEs in a row a lookup follows.
const MAX_REWRITES: usize = 8;

/// A record and where it was written; line 0 where nobody wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The record.
    pub record: &'a Record,
    /// File as the user knows it.
    pub file: &'a Arc<str>,
    /// Line and column of its first word.
    pub at: (u32, u32),
    /// Line and column of the first name in its RDATA.
    pub data_at: (u32, u32),
}

impl<'a> From<&'a Entry> for Item<'a> {
    fn from(entry: &'a Entry) -> Self {
        Item {
            record: &entry.record,
            file: &entry.file,
            at: (entry.line, entry.column),
            data_at: (entry.data_line, entry.data_column),
        }
    }
}

/// Checks the entries of one file as a whole zone.
#[must_use]
pub fn check(origin: &Name, options: &Options, entries: &[Entry]) -> Vec<Defect> {
    let items: Vec<Item<'_>> = entries.iter().map(Item::from).collect();
    let mut defects = check_records(origin, options, &items);
    defects.extend(items.iter().filter_map(|item| passed_on(origin, options, item)));
    defects.truncate(MAX_DEFECTS);
    defects
}

/// A record at or below a name that the same file passes on: nobody would ever see it. A view may well pass on
/// what its base zone holds, so this is of files and not of zones laid over each other.
fn passed_on(origin: &Name, options: &Options, item: &Item<'_>) -> Option<Defect> {
    let owner = item.record.owner.as_ref();
    let name = options
        .forward
        .iter()
        .find(|name| owner.is_at_or_below(name.as_ref()))?;
    Some(Defect {
        file: Arc::clone(item.file),
        line: item.at.0,
        column: item.at.1,
        message: format!(
            "`{}` is never served, for `forward={}` passes the name on: remove one of them",
            short_text(item.record, Some(origin.as_ref())),
            name_text(name.as_ref(), Some(origin.as_ref()))
        ),
    })
}

/// Checks records of any origin as a whole zone, as a view's files laid over the base zone are.
#[must_use]
pub fn check_records(origin: &Name, options: &Options, items: &[Item<'_>]) -> Vec<Defect> {
    let mut check = Check {
        origin: origin.as_ref(),
        options,
        items,
        nodes: HashMap::with_capacity(items.len()),
        exists: HashSet::with_capacity(items.len()),
        defects: Vec::new(),
    };
    check.index();
    check.duplicates();
    for at in 0..items.len() {
        if check.defects.len() >= MAX_DEFECTS {
            break;
        }
        check.owner(at);
        check.target(at);
    }
    check.loops();
    check.defects.truncate(MAX_DEFECTS);
    check
        .defects
        .sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    check.defects
}

/// What stands at one name: the first record of each kind that has rules.
#[derive(Debug, Default, Clone, Copy)]
struct Node {
    soa: Option<usize>,
    cname: Option<usize>,
    dname: Option<usize>,
    ns: Option<usize>,
    address: Option<usize>,
    /// The first record that cannot stand beside a CNAME.
    other: Option<usize>,
}

/// Where a name leads within the zone.
enum Found {
    /// To the records of this node, its own or a wildcard's.
    Node(Node),
    /// Behind a zone cut; the NS record.
    Cut(usize),
    /// Nowhere: the name does not exist, or holds no records.
    Nothing,
    /// Out of the zone, or to a name that is asked upstream.
    Elsewhere,
}

struct Check<'c> {
    origin: NameRef<'c>,
    options: &'c Options,
    items: &'c [Item<'c>],
    nodes: HashMap<NameRef<'c>, Node>,
    /// Every owner and every name between it and the apex (RFC 4592, 2.2.2).
    exists: HashSet<NameRef<'c>>,
    defects: Vec<Defect>,
}

impl<'c> Check<'c> {
    fn record(&self, at: usize) -> Option<&'c Record> {
        self.items.get(at).map(|item| item.record)
    }

    fn defect(&mut self, at: usize, message: String) {
        if let Some(item) = self.items.get(at) {
            self.defects.push(Defect {
                file: Arc::clone(item.file),
                line: item.at.0,
                column: item.at.1,
                message,
            });
        }
    }

    /// A defect of the name in the RDATA.
    fn data_defect(&mut self, at: usize, message: String) {
        if let Some(item) = self.items.get(at) {
            let (line, column) = item.data_at;
            self.defects.push(Defect {
                file: Arc::clone(item.file),
                line,
                column,
                message,
            });
        }
    }

    /// Where another record stands, as seen from the file of this one.
    fn place(&self, other: usize, from: usize) -> String {
        match (self.items.get(other), self.items.get(from)) {
            (Some(other), _) if other.at.0 == 0 => format!("in {}", other.file),
            (Some(other), Some(from)) if other.file == from.file => format!("at line {}", other.at.0),
            (Some(other), _) => format!("at {}:{}", other.file, other.at.0),
            _ => String::new(),
        }
    }

    fn short(&self, at: usize) -> String {
        self.record(at)
            .map(|record| short_text(record, Some(self.origin)))
            .unwrap_or_default()
    }

    fn name(&self, name: NameRef<'_>) -> String {
        name_text(name, Some(self.origin))
    }

    fn index(&mut self) {
        for (at, item) in self.items.iter().enumerate() {
            let record = item.record;
            let owner = record.owner.as_ref();
            let node = self.nodes.entry(owner).or_default();
            let first = |slot: &mut Option<usize>| _ = slot.get_or_insert(at);
            match record.rtype {
                Rtype::SOA => first(&mut node.soa),
                Rtype::CNAME => first(&mut node.cname),
                Rtype::DNAME => first(&mut node.dname),
                Rtype::NS => first(&mut node.ns),
                Rtype::A | Rtype::AAAA => first(&mut node.address),
                _ => {}
            }
            // RFC 4035, 2.5: what DNSSEC adds may stand beside a CNAME.
            if !matches!(
                record.rtype,
                Rtype::CNAME | Rtype::RRSIG | Rtype::NSEC | Rtype::KEY
            ) {
                first(&mut node.other);
            }
            for name in owner.ancestors() {
                if !name.is_at_or_below(self.origin) || !self.exists.insert(name) {
                    break;
                }
            }
        }
    }

    /// Equal records, and several where one may be (RFC 2181, 5 and 10.1; RFC 6672, 2.4).
    fn duplicates(&mut self) {
        let mut seen: HashMap<(NameRef<'_>, Rtype, &[u8]), usize> = HashMap::with_capacity(self.items.len());
        for at in 0..self.items.len() {
            let Some(record) = self.record(at) else { continue };
            match seen.entry((record.owner.as_ref(), record.rtype, &record.rdata)) {
                Slot::Vacant(slot) => {
                    slot.insert(at);
                }
                Slot::Occupied(slot) => {
                    let first = self.place(*slot.get(), at);
                    let message = format!("`{}` stands {first} already: remove one of them", self.short(at));
                    self.defect(at, message);
                    continue;
                }
            }
            let Some(node) = self.nodes.get(&record.owner.as_ref()) else {
                continue;
            };
            let (first, rule) = match record.rtype {
                Rtype::CNAME => (node.cname, "a name has one CNAME at most (RFC 2181, 10.1)"),
                Rtype::DNAME => (node.dname, "a name has one DNAME at most (RFC 6672, 2.4)"),
                Rtype::SOA => (node.soa, "a zone has one SOA (RFC 1035, 5.2)"),
                _ => continue,
            };
            if let Some(first) = first.filter(|first| *first != at) {
                let message = format!(
                    "{rule}, and one stands {}: remove one of them",
                    self.place(first, at)
                );
                self.defect(at, message);
            }
        }
    }

    /// Rules of where a record may stand.
    fn owner(&mut self, at: usize) {
        let Some(record) = self.record(at) else { return };
        let owner = record.owner.as_ref();
        let is_apex = owner == self.origin;
        if record.ttl > MAX_TTL {
            let message = format!(
                "the TTL {} is over {MAX_TTL} seconds, the largest there is (RFC 2181, 8)",
                record.ttl
            );
            self.defect(at, message);
        }
        if !owner.is_at_or_below(self.origin) {
            self.defect(
                at,
                format!("the owner {owner} is not in the zone {}", self.origin),
            );
            return;
        }
        if record.rtype == Rtype::SOA && !is_apex {
            let message = format!(
                "the SOA record must stand at the zone's own name {} and stands at {owner} (RFC 1035, 5.2)",
                self.origin
            );
            self.defect(at, message);
        }
        if record.rtype == Rtype::CNAME {
            self.cname(at, owner, is_apex);
        }
        if record.rtype == Rtype::DNAME
            && let Some(to) = target(record.rtype, &record.rdata)
            && to.is_at_or_below(owner)
        {
            let message = format!(
                "the DNAME leads from {owner} to {to}, which is below it: this never ends (RFC 6672, 2.2)"
            );
            self.data_defect(at, message);
        }
        self.reachable(at, owner);
    }

    fn cname(&mut self, at: usize, owner: NameRef<'_>, is_apex: bool) {
        let Some(node) = self.nodes.get(&owner) else {
            return;
        };
        // One message per name: the first CNAME speaks for all.
        if node.cname != Some(at) {
            return;
        }
        if is_apex {
            let message = "the zone's own name cannot be a CNAME, for SOA and NS stand there (RFC 1034, 3.6.2): write its A and AAAA records instead";
            self.defect(at, message.to_owned());
        } else if let Some(other) = node.other {
            let message = format!(
                "a CNAME stands alone at its name (RFC 1034, 3.6.2), but `{}` stands {}: remove one of them, or give the CNAME another name",
                self.short(other),
                self.place(other, at)
            );
            self.defect(at, message);
        }
    }

    /// Records that no lookup reaches: below a DNAME, at or below a zone cut.
    fn reachable(&mut self, at: usize, owner: NameRef<'c>) {
        let Some(record) = self.record(at) else { return };
        for name in owner
            .ancestors()
            .take_while(|name| name.is_at_or_below(self.origin))
        {
            let Some(node) = self.nodes.get(&name) else {
                continue;
            };
            let is_owner = name == owner;
            if let Some(dname) = node.dname.filter(|_| !is_owner) {
                let message = format!(
                    "`{}` is below the DNAME {}, which answers for every name below {name} (RFC 6672, 2.4): remove one of them",
                    self.short(at),
                    self.place(dname, at)
                );
                return self.defect(at, message);
            }
            let Some(cut) = node.ns.filter(|_| name != self.origin) else {
                continue;
            };
            // Addresses are glue; DS and what signs it belong to the side of the cut that is ours (RFC 4035, 2.4).
            let at_cut = matches!(record.rtype, Rtype::NS | Rtype::DS | Rtype::NSEC | Rtype::RRSIG);
            if matches!(record.rtype, Rtype::A | Rtype::AAAA) || (is_owner && at_cut) {
                continue;
            }
            // The message about the CNAME says it already.
            if is_owner && record.rtype == Rtype::CNAME {
                continue;
            }
            let side = if is_owner { "at" } else { "below" };
            let message = format!(
                "`{}` is {side} the zone cut {name} (NS {}): the nameservers there answer for it, only addresses of nameservers may stand here (RFC 1034, 4.2.1): write it in the zone {name}, or remove the NS record",
                self.short(at),
                self.place(cut, at)
            );
            return self.defect(at, message);
        }
    }

    /// Targets of NS, MX and SRV in the zone: no aliases (RFC 2181, 10.3; RFC 2782), and with an address.
    fn target(&mut self, at: usize) {
        let Some(record) = self.record(at) else { return };
        let (word, rule) = match record.rtype {
            Rtype::NS => ("nameserver", "RFC 2181, 10.3"),
            Rtype::MX => ("mail server", "RFC 2181, 10.3"),
            Rtype::SRV if is_of_matrix(record.owner.as_ref()) => (
                "target",
                "RFC 2782, Matrix server-server API, resolving server names, step 4",
            ),
            Rtype::SRV => ("target", "RFC 2782"),
            _ => return,
        };
        // Null MX and "no such service" (RFC 7505; RFC 2782) point at the root.
        let Some(name) = target(record.rtype, &record.rdata).filter(|name| !name.is_root()) else {
            return;
        };
        if let Some((dname, above)) = self.dname_above(name) {
            let message = format!(
                "the {word} {name} is an alias by the DNAME of {above} {}, and must not be one ({rule}): write the name that it leads to",
                self.place(dname, at)
            );
            return self.data_defect(at, message);
        }
        let found = self.find(name);
        let (alias, address) = match &found {
            Found::Elsewhere => return,
            Found::Node(node) => (node.cname, node.address),
            Found::Nothing => (None, None),
            Found::Cut(cut) => {
                // Behind a cut only the cut's own nameservers need an address here.
                let cut_owner = self.record(*cut).map(|record| record.owner.as_ref());
                if record.rtype != Rtype::NS || Some(record.owner.as_ref()) != cut_owner {
                    return;
                }
                (None, self.nodes.get(&name).and_then(|node| node.address))
            }
        };
        let glue = matches!(found, Found::Cut(_));
        if let Some(alias) = alias {
            let leads = self
                .record(alias)
                .and_then(|record| target(record.rtype, &record.rdata));
            let leads = leads.map(|leads| self.name(leads)).unwrap_or_default();
            let message = format!(
                "the {word} {name} is a CNAME {} and must not be one ({rule}): write `{leads}` here, or make it A and AAAA records",
                self.place(alias, at)
            );
            self.data_defect(at, message);
        } else if address.is_none() {
            let short = self.name(name);
            let message = if glue {
                format!(
                    "the nameserver {name} is below the zone that it serves and has no address here (RFC 1034, 4.2.1): add its glue, `{short} A ADDRESS`"
                )
            } else {
                // Somebody else's host, most likely, for want of a dot.
                let dot = if short.contains('.') {
                    "; a whole name ends with a dot"
                } else {
                    ""
                };
                format!(
                    "the {word} {name} has no address in this zone: add one, `{short} A ADDRESS`, or correct the name{dot}"
                )
            };
            self.data_defect(at, message);
        }
    }

    /// The DNAME above a name that a lookup meets first, and its owner.
    fn dname_above(&self, name: NameRef<'_>) -> Option<(usize, NameRef<'c>)> {
        if !name.is_at_or_below(self.origin) {
            return None;
        }
        let above: Vec<NameRef<'_>> = name
            .ancestors()
            .skip(1)
            .take_while(|name| name.is_at_or_below(self.origin))
            .collect();
        // From the apex down: a cut hides what is below it.
        for ancestor in above.into_iter().rev() {
            let Some(node) = self.nodes.get(&ancestor) else {
                continue;
            };
            if node.ns.is_some() && ancestor != self.origin {
                return None;
            }
            if let Some(dname) = node.dname {
                return self.record(dname).map(|record| (dname, record.owner.as_ref()));
            }
        }
        None
    }

    /// Where a name leads that no DNAME stands above.
    fn find(&self, name: NameRef<'_>) -> Found {
        let forwarded = |name: NameRef<'_>| {
            self.options
                .forward
                .iter()
                .any(|top| name.is_at_or_below(top.as_ref()))
        };
        if !name.is_at_or_below(self.origin) || forwarded(name) {
            return Found::Elsewhere;
        }
        let above: Vec<NameRef<'_>> = name
            .ancestors()
            .take_while(|name| name.is_at_or_below(self.origin))
            .collect();
        for ancestor in above.iter().rev().filter(|ancestor| **ancestor != self.origin) {
            if let Some(cut) = self.nodes.get(ancestor).and_then(|node| node.ns) {
                return Found::Cut(cut);
            }
        }
        if let Some(node) = self.nodes.get(&name) {
            return Found::Node(*node);
        }
        if self.exists.contains(&name) {
            return Found::Nothing;
        }
        let encloser = above.into_iter().find(|ancestor| self.exists.contains(ancestor));
        let wildcard = Name::prepend(b"*", encloser.unwrap_or(self.origin));
        if let Some(node) = wildcard
            .as_ref()
            .and_then(|wildcard| self.nodes.get(&wildcard.as_ref()))
        {
            return Found::Node(*node);
        }
        match self.options.mode.unwrap_or_default() {
            Mode::Private => Found::Nothing,
            Mode::Overlay => Found::Elsewhere,
            Mode::Redirect => self
                .nodes
                .get(&self.origin)
                .copied()
                .map_or(Found::Nothing, Found::Node),
        }
    }

    /// The CNAME that a lookup of this name meets, through DNAMEs.
    fn next_alias(&self, name: NameRef<'_>) -> Option<usize> {
        let mut name = name.to_name();
        for _ in 0..MAX_REWRITES {
            let Some((dname, above)) = self.dname_above(name.as_ref()) else {
                break;
            };
            let record = self.record(dname)?;
            name = rewritten(name.as_ref(), above, target(record.rtype, &record.rdata)?)?;
        }
        match self.find(name.as_ref()) {
            Found::Node(node) => node.cname,
            _ => None,
        }
    }

    /// CNAMEs that lead to each other in a circle (RFC 1034, 3.6.2).
    fn loops(&mut self) {
        // 0: not seen; otherwise the walk that saw it.
        let mut seen = vec![0usize; self.items.len()];
        for start in 0..self.items.len() {
            let mut path: Vec<usize> = Vec::new();
            let mut next = self
                .record(start)
                .filter(|record| record.rtype == Rtype::CNAME)
                .map(|_| start);
            while let Some(at) = next {
                match seen.get_mut(at) {
                    Some(mark) if *mark == 0 => *mark = start + 1,
                    Some(mark) if *mark == start + 1 => {
                        self.report_loop(at, &path);
                        break;
                    }
                    _ => break,
                }
                path.push(at);
                let record = self.record(at);
                next = record
                    .and_then(|record| target(record.rtype, &record.rdata))
                    .and_then(|to| self.next_alias(to));
            }
        }
    }

    fn report_loop(&mut self, first: usize, path: &[usize]) {
        let circle: Vec<usize> = path.iter().copied().skip_while(|at| *at != first).collect();
        let message = if let [_] = circle.as_slice() {
            "the CNAME leads back to itself (RFC 1034, 3.6.2): correct its target".to_owned()
        } else {
            let mut places: Vec<String> = circle
                .iter()
                .skip(1)
                .take(8)
                .map(|at| self.place(*at, first))
                .collect();
            if circle.len() > 9 {
                places.push("...".to_owned());
            }
            format!(
                "the CNAME leads back to itself by those {} (RFC 1034, 3.6.2): correct one of the targets",
                places.join(", ")
            )
        };
        self.data_defect(first, message);
    }
}

/// Whether an SRV record leads to a Matrix server.
fn is_of_matrix(owner: NameRef<'_>) -> bool {
    let first = owner.labels().next().unwrap_or_default();
    first.eq_ignore_ascii_case(b"_matrix-fed") || first.eq_ignore_ascii_case(b"_matrix")
}

/// `name` with the suffix `from` replaced by `to` (RFC 6672, 2.2).
fn rewritten(name: NameRef<'_>, from: NameRef<'_>, to: NameRef<'_>) -> Option<Name> {
    let keep = name.label_count().checked_sub(from.label_count())?;
    let labels: Vec<&[u8]> = name.labels().take(keep).collect();
    let mut out = to.to_name();
    for label in labels.into_iter().rev() {
        out = Name::prepend(label, out.as_ref())?;
    }
    Some(out)
}
