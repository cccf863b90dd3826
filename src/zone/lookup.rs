//! What a zone says of a name: RFC 1034, 4.3.2, with RFC 4592 for wildcards and RFC 6672 for DNAME.
//!
//! One call, one verdict; following an alias to the next name is the engine's part, because the next name
//! may lie in another zone or upstream.

use super::record::Mode;
use super::tree::{Cut, Node, SetEntry, State, Zone};
use crate::message::{Key, NameRef, Rtype};

/// The records of one type at one name.
#[derive(Clone, Copy)]
pub struct Set<'z> {
    zone: &'z Zone,
    entry: &'z SetEntry,
}

impl<'z> Set<'z> {
    /// Type.
    #[must_use]
    pub fn rtype(self) -> Rtype {
        self.entry.rtype
    }

    /// TTL in seconds.
    #[must_use]
    pub fn ttl(self) -> u32 {
        self.entry.ttl
    }

    /// RDATA of each record.
    pub fn rdata(self) -> impl Iterator<Item = &'z [u8]> {
        self.zone.rdata(self.entry)
    }

    /// The first name in the first record's RDATA: where a CNAME or DNAME leads.
    #[must_use]
    pub fn target(self) -> Option<NameRef<'z>> {
        NameRef::prefix_of(self.rdata().next()?).map(|(name, _)| name)
    }
}

/// A zone's verdict on a name and type.
pub enum Found<'z> {
    /// The set that was asked for.
    Answer(Set<'z>),
    /// The name is an alias; the CNAME set.
    Alias(Set<'z>),
    /// The name lies below a DNAME: the name it stands at and the DNAME set.
    Dname(NameRef<'z>, Set<'z>),
    /// The name exists, the type does not (RFC 2308, 2.2).
    NoData,
    /// The name does not exist (RFC 2308, 2.1).
    NoName,
    /// The name is delegated: the cut and its NS set.
    Referral(NameRef<'z>, Set<'z>),
    /// Not ours to answer: an overlay does not hold the name, or it is passed through.
    Elsewhere,
    /// The zone cannot be served.
    Closed,
}

impl Zone {
    /// Looks a name up that lies at or below the origin.
    #[must_use]
    pub fn lookup(&self, key: &Key, qtype: Rtype) -> Found<'_> {
        if self.state == State::Closed {
            return Found::Closed;
        }
        let (node, exact) = self.closest(key);
        if let Some(verdict) = self.check_cut(node, exact, key, qtype) {
            return verdict;
        }
        if self.state == State::Absent {
            return Found::NoName;
        }
        let overlay = self.mode == Mode::Overlay;
        if exact && (node.is_held || (!overlay && self.mode != Mode::Redirect)) {
            return self.answer_at(node, qtype);
        }
        if !exact && let Some(wildcard) = self.node(node.wildcard) {
            return self.answer_at(wildcard, qtype);
        }
        match self.mode {
            Mode::Overlay => Found::Elsewhere,
            Mode::Redirect => self.answer_redirected(node, exact, qtype),
            Mode::Private => Found::NoName,
        }
    }

    /// The SOA set, and the TTL that it has in a negative reply.
    #[must_use]
    pub fn soa(&self) -> Option<(Set<'_>, u32)> {
        self.set_at(self.node(0)?, Rtype::SOA)
            .map(|set| (set, self.negative_ttl))
    }

    /// Addresses of a name in this zone, for the additional section: also below a cut, where they are glue.
    pub fn addresses(&self, key: &Key) -> impl Iterator<Item = Set<'_>> {
        let (node, exact) = self.closest(key);
        let node = if exact {
            Some(node)
        } else {
            self.node(node.wildcard).filter(|_| node.kind.is_none())
        };
        node.into_iter()
            .flat_map(|node| self.sets_of(node))
            .filter(|entry| matches!(entry.rtype, Rtype::A | Rtype::AAAA))
            .map(|entry| Set { zone: self, entry })
    }

    /// Whether a cut stands above the name, and what follows from it.
    fn check_cut(&self, node: &Node, exact: bool, key: &Key, qtype: Rtype) -> Option<Found<'_>> {
        let cut = self.node(node.cut)?;
        let name = self.name_of(cut);
        let at_cut = exact && name.as_wire().len() == key.name().as_wire().len();
        match cut.kind? {
            Cut::Forward => Some(Found::Elsewhere),
            // A DNAME redirects what is below it, not its own name (RFC 6672, 2.3).
            Cut::Dname if at_cut => None,
            Cut::Dname => self.set_at(cut, Rtype::DNAME).map(|set| Found::Dname(name, set)),
            // The parent answers for DS at the cut (RFC 4035, 3.1.4.1).
            Cut::Delegation if at_cut && qtype == Rtype::DS => None,
            Cut::Delegation => self.set_at(cut, Rtype::NS).map(|set| Found::Referral(name, set)),
        }
    }

    fn answer_at<'z>(&'z self, node: &'z Node, qtype: Rtype) -> Found<'z> {
        if let Some(set) = self.set_at(node, qtype) {
            return Found::Answer(set);
        }
        match self.set_at(node, Rtype::CNAME) {
            Some(set) => Found::Alias(set),
            None => Found::NoData,
        }
    }

    /// In redirect mode the apex answers for names that have no records of their own. SOA and NS belong to
    /// the apex alone.
    fn answer_redirected(&self, node: &Node, exact: bool, qtype: Rtype) -> Found<'_> {
        let Some(apex) = self.node(0) else {
            return Found::NoName;
        };
        let is_apex = exact && std::ptr::eq(node, apex);
        if !is_apex && matches!(qtype, Rtype::SOA | Rtype::NS | Rtype::DS) {
            return Found::NoData;
        }
        self.answer_at(apex, qtype)
    }

    fn set_at<'z>(&'z self, node: &'z Node, rtype: Rtype) -> Option<Set<'z>> {
        self.sets_of(node)
            .iter()
            .find(|entry| entry.rtype == rtype)
            .map(|entry| Set { zone: self, entry })
    }

    /// The first type of the name's records, to answer ANY with one set (RFC 8482, 4.1).
    #[must_use]
    pub fn any_type(&self, key: &Key) -> Option<Rtype> {
        let (node, exact) = self.closest(key);
        let wildcard = self.node(node.wildcard).filter(|_| !exact);
        let node = match wildcard {
            Some(wildcard) => wildcard,
            None if exact && node.is_held => node,
            // The apex speaks for these names, as in `answer_redirected`.
            None if self.mode == Mode::Redirect => self.node(0)?,
            None if exact => node,
            None => return None,
        };
        let sets = self.sets_of(node);
        let preferred = [Rtype::CNAME, Rtype::A, Rtype::AAAA, Rtype::MX];
        let best = preferred
            .into_iter()
            .find(|rtype| sets.iter().any(|entry| entry.rtype == *rtype));
        best.or_else(|| sets.first().map(|entry| entry.rtype))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Name;
    use crate::zone::record::{Options, Record};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// `NAME TYPE VALUE`: an address, a name, or any text.
    fn zone(options: Options, lines: &[&str]) -> Zone {
        let records: Vec<Record> = lines
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let rtype: Rtype = words[1].parse().unwrap();
                let rdata: Box<[u8]> = match rtype {
                    Rtype::A => words[2].parse::<std::net::Ipv4Addr>().unwrap().octets().into(),
                    Rtype::CNAME | Rtype::NS | Rtype::DNAME => name(words[2]).as_wire().into(),
                    _ => words[2].as_bytes().into(),
                };
                let owner = Name::parse(words[0], Some(name("example").as_ref())).unwrap();
                Record {
                    owner,
                    ttl: 300,
                    rtype,
                    rdata,
                    expires: None,
                }
            })
            .collect();
        Zone::compile(&name("example"), &options, &records, 1, 0)
    }

    fn ask(zone: &Zone, text: &str, qtype: Rtype) -> String {
        match zone.lookup(&Key::new(name(text).as_ref()), qtype) {
            Found::Answer(set) => format!("answer {}", set.rtype()),
            Found::Alias(set) => format!("alias {}", set.target().unwrap()),
            Found::Dname(at, set) => format!("dname {at} {}", set.target().unwrap()),
            Found::NoData => "nodata".into(),
            Found::NoName => "noname".into(),
            Found::Referral(at, _) => format!("referral {at}"),
            Found::Elsewhere => "elsewhere".into(),
            Found::Closed => "closed".into(),
        }
    }

    /// The zone of RFC 4592, 2.2.1.
    fn rfc4592() -> Zone {
        zone(
            Options::default(),
            &[
                "*.example. TXT wildcard",
                "*.example. MX xx",
                "sub.*.example. TXT not-wildcard",
                "host1.example. A 192.0.2.1",
                "_ssh._tcp.host1.example. SRV xx",
                "_ssh._tcp.host2.example. SRV xx",
                "subdel.example. NS ns.example.com.",
            ],
        )
    }

    #[test]
    fn rfc4592_s2_2_1_synthesised() {
        let zone = rfc4592();
        assert_eq!(ask(&zone, "host3.example", Rtype::MX), "answer MX");
        assert_eq!(ask(&zone, "host3.example", Rtype::A), "nodata");
        assert_eq!(ask(&zone, "foo.bar.example", Rtype::TXT), "answer TXT");
    }

    #[test]
    fn rfc4592_s2_2_1_not_synthesised() {
        let zone = rfc4592();
        assert_eq!(ask(&zone, "host1.example", Rtype::MX), "nodata");
        assert_eq!(ask(&zone, "sub.*.example", Rtype::MX), "nodata");
        assert_eq!(ask(&zone, "_telnet._tcp.host1.example", Rtype::SRV), "noname");
        assert_eq!(
            ask(&zone, "host.subdel.example", Rtype::A),
            "referral subdel.example."
        );
        assert_eq!(ask(&zone, "ghost.*.example", Rtype::MX), "noname");
        assert_eq!(ask(&zone, "*.example", Rtype::TXT), "answer TXT");
    }

    #[test]
    fn rfc8020_s2_an_empty_non_terminal_exists() {
        let zone = rfc4592();
        assert_eq!(ask(&zone, "_tcp.host2.example", Rtype::A), "nodata");
        assert_eq!(ask(&zone, "host2.example", Rtype::TXT), "nodata");
        assert_eq!(ask(&zone, "x.host2.example", Rtype::TXT), "noname");
    }

    #[test]
    fn rfc4035_s3_1_4_1_the_parent_answers_for_ds() {
        let zone = rfc4592();
        assert_eq!(ask(&zone, "subdel.example", Rtype::DS), "nodata");
        assert_eq!(
            ask(&zone, "subdel.example", Rtype::NS),
            "referral subdel.example."
        );
        assert_eq!(
            ask(&zone, "x.subdel.example", Rtype::DS),
            "referral subdel.example."
        );
    }

    #[test]
    fn rfc6672_s2_3_a_dname_redirects_what_is_below_it() {
        let zone = zone(Options::default(), &["old DNAME new.example.", "old A 192.0.2.1"]);
        assert_eq!(ask(&zone, "old.example", Rtype::A), "answer A");
        assert_eq!(ask(&zone, "old.example", Rtype::DNAME), "answer DNAME");
        assert_eq!(
            ask(&zone, "a.b.old.example", Rtype::A),
            "dname old.example. new.example."
        );
    }

    #[test]
    fn the_topmost_cut_counts() {
        let zone = zone(
            Options::default(),
            &["sub NS ns.sub.example.", "deep.sub NS ns.sub.example."],
        );
        assert_eq!(
            ask(&zone, "x.deep.sub.example", Rtype::A),
            "referral sub.example."
        );
    }

    #[test]
    fn an_alias_answers_for_every_other_type() {
        let zone = zone(
            Options::default(),
            &["www CNAME host.example.", "*.w CNAME host.example."],
        );
        assert_eq!(ask(&zone, "www.example", Rtype::A), "alias host.example.");
        assert_eq!(ask(&zone, "www.example", Rtype::CNAME), "answer CNAME");
        assert_eq!(ask(&zone, "any.w.example", Rtype::AAAA), "alias host.example.");
    }

    #[test]
    fn an_overlay_owns_the_names_it_holds_for_every_type_and_no_other() {
        let options = Options {
            mode: Some(Mode::Overlay),
            forward: Vec::new(),
            ..Options::default()
        };
        let zone = zone(
            options,
            &["matrix A 192.0.2.1", "_x.deep A 192.0.2.1", "*.wild A 192.0.2.1"],
        );
        assert_eq!(ask(&zone, "matrix.example", Rtype::A), "answer A");
        assert_eq!(ask(&zone, "matrix.example", Rtype::AAAA), "nodata");
        assert_eq!(ask(&zone, "www.example", Rtype::A), "elsewhere");
        assert_eq!(ask(&zone, "deep.example", Rtype::A), "elsewhere");
        assert_eq!(ask(&zone, "example", Rtype::A), "elsewhere");
        assert_eq!(ask(&zone, "any.wild.example", Rtype::AAAA), "nodata");
    }

    #[test]
    fn a_redirect_answers_everything_from_the_apex() {
        let options = Options {
            mode: Some(Mode::Redirect),
            forward: Vec::new(),
            ..Options::default()
        };
        let zone = zone(options, &["@ A 192.0.2.1", "own TXT x"]);
        assert_eq!(ask(&zone, "example", Rtype::A), "answer A");
        assert_eq!(ask(&zone, "a.b.c.example", Rtype::A), "answer A");
        assert_eq!(ask(&zone, "a.b.c.example", Rtype::MX), "nodata");
        assert_eq!(ask(&zone, "a.example", Rtype::SOA), "nodata");
        assert_eq!(ask(&zone, "example", Rtype::SOA), "answer SOA");
        assert_eq!(ask(&zone, "own.example", Rtype::A), "nodata");
        // RFC 8482, 4.1: one of the sets that there are.
        let any = |text: &str| zone.any_type(&Key::new(name(text).as_ref()));
        assert_eq!(any("a.b.c.example"), Some(Rtype::A));
        assert_eq!(any("own.example"), Some(Rtype::TXT));
        assert_eq!(any("example"), Some(Rtype::A));
    }

    #[test]
    fn passed_through_names_leave_the_zone() {
        let options = Options {
            mode: None,
            forward: vec![name("_acme-challenge.example")],
            ..Options::default()
        };
        let zone = zone(options, &["matrix A 192.0.2.1"]);
        assert_eq!(ask(&zone, "_acme-challenge.example", Rtype::TXT), "elsewhere");
        assert_eq!(ask(&zone, "x._acme-challenge.example", Rtype::TXT), "elsewhere");
        assert_eq!(ask(&zone, "_acme-challenge.matrix.example", Rtype::TXT), "noname");
    }

    #[test]
    fn a_closed_zone_says_nothing() {
        let zone = Zone::closed(&name("example"));
        assert_eq!(ask(&zone, "matrix.example", Rtype::A), "closed");
        assert_eq!(ask(&zone, "example", Rtype::SOA), "closed");
    }

    #[test]
    fn names_are_found_in_any_case() {
        let zone = zone(Options::default(), &["MaTrix A 192.0.2.1"]);
        assert_eq!(ask(&zone, "mAtRIX.EXAMPLE", Rtype::A), "answer A");
    }
}
