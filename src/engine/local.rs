//! The line's way through the zones: RFC 1034, 4.3.2, steps 2 and 3, until a name is not ours.

use super::explain::Trace;
use super::{MAX_ALIASES, Outcome};
use crate::message::{Ede, Key, Name, NameRef, Query, Rcode, Rtype, Section, Writer, flag, read};
use crate::view::View;
use crate::zone::{Found, Set, Zone};

/// HINFO for a question of type ANY (RFC 8482, 4.2): `"RFC8482" ""`.
const ANY_ANSWER: &[u8] = b"\x07RFC8482\x00";
/// TTL in seconds of that answer.
const ANY_TTL: u32 = 3600;
/// A SOA for names of one label: owner and both names are the root; serial 1, MINIMUM 60 s.
const ROOT_SOA: &[u8] = &[
    0, 0, 0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 0x04, 0xb0, 0, 0x09, 0x3a, 0x80, 0, 0, 0, 60,
];

/// One query on its way.
pub(super) struct Line<'a, 'o, T> {
    pub(super) query: &'a Query<'a>,
    pub(super) writer: &'a mut Writer<'o>,
    pub(super) view: &'a View,
    pub(super) trace: &'a mut T,
    /// Aliases followed so far.
    pub(super) aliases: usize,
    /// What no zone answers for is not answered at all.
    pub(super) own_zones_only: bool,
}

/// Where the way through the zones ends.
pub(super) enum End {
    /// The reply stands, but for its header.
    Done(Rcode, Outcome),
    /// The rest of the answer is upstream.
    Elsewhere,
    /// It would be, and is not for this client.
    NotOurs,
}

impl<T: Trace> Line<'_, '_, T> {
    /// Follows the name from alias to alias; `key` is left at the last one.
    pub(super) fn walk(&mut self, key: &mut Key) -> End {
        loop {
            let Some(zone) = self.view.zone_of(key) else {
                self.trace
                    .step("zone", format_args!("{} is in no zone", key.name()));
                return self.elsewhere(key);
            };
            let next = match self.in_zone(zone, key) {
                Turn::Done(rcode) => {
                    // Decided where the zone is at hand, so that no other query pays for it.
                    let is_mark = zone.is_beacon() && self.aliases == 0;
                    let outcome = if is_mark { Outcome::Beacon } else { Outcome::Local };
                    return End::Done(rcode, outcome);
                }
                Turn::Closed => {
                    self.writer.clear();
                    self.writer.set_ede(Ede::NOT_READY, "the zone cannot be loaded");
                    return End::Done(Rcode::SERVFAIL, Outcome::Closed);
                }
                Turn::Elsewhere => return self.elsewhere(key),
                Turn::Alias(target) => Key::new(target),
                Turn::Rewritten(target) => Key::new(target.as_ref()),
            };
            self.aliases += 1;
            if self.aliases > MAX_ALIASES {
                self.trace
                    .step("zone", format_args!("more than {MAX_ALIASES} aliases: a loop"));
                self.writer.clear();
                self.writer
                    .set_ede(Ede::OTHER, "the aliases form a loop or a chain that is too long");
                return End::Done(Rcode::SERVFAIL, Outcome::Local);
            }
            *key = next;
        }
    }

    fn in_zone<'z>(&mut self, zone: &'z Zone, key: &Key) -> Turn<'z> {
        // Only the first name of a chain decides AA (RFC 1035, 4.1.1).
        let is_first = self.aliases == 0;
        let authoritative = if is_first { flag::AA } else { 0 };
        let qtype = match self.query.qtype {
            Rtype::ANY => zone.any_type(key).unwrap_or(Rtype::HINFO),
            qtype => qtype,
        };
        let found = zone.lookup(key, qtype);
        self.tell(zone, key, &found);
        match found {
            Found::Answer(set) => {
                self.writer.set_flags(authoritative);
                self.push_set(Section::Answer, key.name(), set);
                self.push_addresses(set);
                Turn::Done(Rcode::NOERROR)
            }
            Found::Alias(set) => {
                self.writer.set_flags(authoritative);
                self.push_set(Section::Answer, key.name(), set);
                set.target().map_or(Turn::Done(Rcode::NOERROR), Turn::Alias)
            }
            Found::Dname(at, set) => {
                self.writer.set_flags(authoritative);
                self.push_set(Section::Answer, at, set);
                match rewrite(key.name(), at, set) {
                    Some(target) => {
                        let owner = key.name();
                        self.writer
                            .push(Section::Answer, owner, Rtype::CNAME, set.ttl(), target.as_wire());
                        Turn::Rewritten(target)
                    }
                    // RFC 6672, 2.2: the new name does not fit.
                    None => Turn::Done(Rcode::YXDOMAIN),
                }
            }
            Found::NoData => {
                self.writer.set_flags(authoritative);
                self.push_soa(zone);
                Turn::Done(Rcode::NOERROR)
            }
            Found::NoName => {
                self.writer.set_flags(authoritative);
                self.push_soa(zone);
                Turn::Done(Rcode::NXDOMAIN)
            }
            Found::Referral(at, set) => {
                self.push_set(Section::Authority, at, set);
                self.push_glue(zone, set);
                Turn::Done(Rcode::NOERROR)
            }
            Found::Elsewhere => Turn::Elsewhere,
            Found::Closed => Turn::Closed,
        }
    }

    /// A name that no zone answers for: what is not to be asked upstream ends here.
    fn elsewhere(&mut self, key: &Key) -> End {
        if self.own_zones_only {
            self.trace
                .step("special", format_args!("only our own zones are answered here"));
            return match self.aliases {
                0 => End::NotOurs,
                // The name itself is ours, and what it is an alias for is asked elsewhere by whoever wants to know.
                _ => End::Done(Rcode::NOERROR, Outcome::Local),
            };
        }
        if self.query.qtype == Rtype::ANY {
            self.trace
                .step("special", format_args!("ANY is answered here (RFC 8482)"));
            self.writer
                .push(Section::Answer, key.name(), Rtype::HINFO, ANY_TTL, ANY_ANSWER);
            return End::Done(Rcode::NOERROR, Outcome::Local);
        }
        // A bare host name is a name of this house that nobody here knows; the root servers know it less.
        // Validating clients ask for the DNSSEC records of top-level domains, and only for those.
        let asks_chain_of_trust = matches!(self.query.qtype, Rtype::DS | Rtype::DNSKEY);
        if key.label_count() == 1 && !asks_chain_of_trust {
            self.trace
                .step("special", format_args!("names of one label are not forwarded"));
            self.writer
                .push(Section::Authority, NameRef::ROOT, Rtype::SOA, 60, ROOT_SOA);
            return End::Done(Rcode::NXDOMAIN, Outcome::Local);
        }
        End::Elsewhere
    }

    fn push_set(&mut self, section: Section, owner: NameRef<'_>, set: Set<'_>) {
        for rdata in set.rdata() {
            self.writer.push(section, owner, set.rtype(), set.ttl(), rdata);
        }
    }

    /// The SOA of a negative reply, with the TTL for which it may be kept (RFC 2308, 3).
    fn push_soa(&mut self, zone: &Zone) {
        if let Some((set, ttl)) = zone.soa() {
            for rdata in set.rdata() {
                self.writer
                    .push(Section::Authority, zone.origin(), Rtype::SOA, ttl, rdata);
            }
        }
    }

    /// Addresses of the hosts that the answer names, where our zones hold them (RFC 1035, 3.3.9; RFC 2782;
    /// RFC 9460, 4.1).
    fn push_addresses(&mut self, set: Set<'_>) {
        let wants = [Rtype::MX, Rtype::NS, Rtype::SRV, Rtype::SVCB, Rtype::HTTPS];
        if !wants.contains(&set.rtype()) {
            return;
        }
        for rdata in set.rdata() {
            let Some(target) = named_host(set.rtype(), rdata) else {
                continue;
            };
            let key = Key::new(target);
            let Some(zone) = self.view.zone_of(&key).filter(|zone| !zone.is_closed()) else {
                continue;
            };
            for addresses in zone.addresses(&key) {
                self.push_set(Section::Additional, key.name(), addresses);
            }
        }
    }

    /// Addresses of name servers below the cut: without them the referral leads nowhere (RFC 9471, 3.1).
    fn push_glue(&mut self, zone: &Zone, set: Set<'_>) {
        for rdata in set.rdata() {
            let Some(target) = NameRef::from_wire(rdata) else {
                continue;
            };
            if !target.is_at_or_below(zone.origin()) {
                continue;
            }
            let key = Key::new(target);
            for addresses in zone.addresses(&key) {
                for rdata in addresses.rdata() {
                    self.writer
                        .push_glue(key.name(), addresses.rtype(), addresses.ttl(), rdata);
                }
            }
        }
    }

    fn tell(&mut self, zone: &Zone, key: &Key, found: &Found<'_>) {
        let (origin, name) = (zone.origin(), key.name());
        let mode = zone.mode().as_str();
        let head = format_args!("{name} in {mode} zone {origin}");
        match found {
            Found::Answer(set) => self
                .trace
                .step("zone", format_args!("{head}: has {}", set.rtype())),
            Found::Alias(_) => self.trace.step("zone", format_args!("{head}: is an alias")),
            Found::Dname(at, _) => self
                .trace
                .step("zone", format_args!("{head}: below the DNAME at {at}")),
            Found::NoData => self
                .trace
                .step("zone", format_args!("{head}: exists, not with this type")),
            Found::NoName => self.trace.step("zone", format_args!("{head}: does not exist")),
            Found::Referral(at, _) => self.trace.step("zone", format_args!("{head}: delegated at {at}")),
            Found::Elsewhere => self
                .trace
                .step("zone", format_args!("{head}: passed on upstream")),
            Found::Closed => self
                .trace
                .step("zone", format_args!("{head}: the zone cannot be loaded")),
        }
    }
}

/// What a zone's verdict means for the way.
enum Turn<'z> {
    Done(Rcode),
    Closed,
    Elsewhere,
    Alias(NameRef<'z>),
    Rewritten(Name),
}

/// The name with `at`, at its end, replaced by the DNAME's target (RFC 6672, 2.2); `None` if that is too
/// long.
fn rewrite(name: NameRef<'_>, at: NameRef<'_>, set: Set<'_>) -> Option<Name> {
    let target = set.target()?;
    let kept = name.as_wire().len() - at.as_wire().len();
    let wire = [&name.as_wire()[..kept], target.as_wire()].concat();
    NameRef::from_wire(&wire).map(NameRef::to_name)
}

/// The host that a record names, by the layout of its type.
fn named_host(rtype: Rtype, rdata: &[u8]) -> Option<NameRef<'_>> {
    let skip = match read::layout(rtype) {
        [read::Part::Name, ..] => 0,
        [read::Part::Fixed(skip), read::Part::Name, ..] => *skip,
        _ => return None,
    };
    NameRef::prefix_of(rdata.get(skip..)?).map(|(name, _)| name)
}
