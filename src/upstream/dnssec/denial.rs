//! Proofs that something does not exist: NSEC (RFC 4035, 5.4; RFC 6840, 4) and NSEC3 (RFC 5155, 8).
//!
//! A [`Proofs`] holds the proven NSEC or NSEC3 records of one zone from one reply and answers four questions
//! about a name. All of it is pure; the only cost is hashing, and a [`Budget`] bounds that.

use super::keys::{Budget, ancestor, nsec3_hash, spend};
use super::sets::Set;
use crate::config::limits;
use crate::message::{Ede, Name, NameRef, Rtype};

/// Flag of an NSEC3 record: unsigned delegations may hide in its gap (RFC 5155, 3.1.2.1).
const OPT_OUT: u8 = 1;
/// The only hash algorithm of NSEC3 (RFC 5155, 11).
const SHA1: u8 = 1;
const HASH_LEN: usize = 20;

/// What proofs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// It does not exist.
    Proven,
    /// There may be unsigned data: nothing is proven, and nothing is wrong.
    Unsigned(Option<(Ede, &'static str)>),
    /// Nothing is proven.
    Unproven,
}

/// What a zone says of a name that may be a zone of its own (RFC 4035, 5.2; RFC 6840, 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// No delegation stands here.
    None,
    /// The name does not exist, and nothing below it does.
    NoName,
    /// A delegation without DS.
    Unsigned(Option<(Ede, &'static str)>),
    /// Nothing is proven.
    Unproven,
}

/// NSEC3 records that say with too many iterations what they say.
const TOO_MANY_ITERATIONS: Option<(Ede, &str)> = Some((
    Ede::UNSUPPORTED_NSEC3_ITERATIONS,
    "not validated: too many NSEC3 iterations",
));

/// Types in an NSEC's or NSEC3's bitmap (RFC 4034, 4.1.2).
#[derive(Debug, Clone)]
struct Types(Box<[u8]>);

impl Types {
    fn has(&self, rtype: Rtype) -> bool {
        let [window, low] = rtype.0.to_be_bytes();
        let mut rest = &self.0[..];
        while let Some((&[number, len], tail)) = rest.split_first_chunk::<2>() {
            let Some((bits, tail)) = tail.split_at_checked(usize::from(len)) else {
                return false;
            };
            if number == window {
                return bits
                    .get(usize::from(low / 8))
                    .is_some_and(|byte| byte & (0x80 >> (low % 8)) != 0);
            }
            rest = tail;
        }
        false
    }

    /// The record stands on the parent's side of a cut and speaks for nothing but the DS there (RFC 6840, 4.1).
    fn is_delegation(&self) -> bool {
        self.has(Rtype::NS) && !self.has(Rtype::SOA)
    }

    /// Whether it denies this type at its own name.
    fn denies(&self, rtype: Rtype, name: NameRef<'_>) -> bool {
        let right_side = if rtype == Rtype::DS && !name.is_root() {
            // The child's record knows nothing of the parent's DS (RFC 6840, 4.4).
            !self.has(Rtype::SOA)
        } else {
            !self.is_delegation()
        };
        right_side && !self.has(rtype) && !self.has(Rtype::CNAME)
    }

    /// Names below its own belong to somebody else: another zone, or a DNAME's target.
    fn ends_here(&self) -> bool {
        self.is_delegation() || self.has(Rtype::DNAME)
    }
}

#[derive(Debug, Clone)]
struct Nsec {
    owner: Name,
    next: Name,
    types: Types,
}

impl Nsec {
    fn read(set: &Set) -> Option<Self> {
        let [rdata] = &set.rdatas[..] else {
            return None;
        };
        let (next, bits) = NameRef::prefix_of(rdata)?;
        Some(Nsec {
            owner: set.owner.clone(),
            next: next.to_lowercase(),
            types: Types(bits.into()),
        })
    }

    /// Whether the name falls into its gap, and belongs to the zone that speaks.
    fn covers(&self, name: NameRef<'_>) -> bool {
        let (owner, next) = (self.owner.as_ref(), self.next.as_ref());
        // The last record of a zone leads back to the apex.
        let in_gap = if owner < next {
            owner < name && name < next
        } else {
            owner < name || name < next
        };
        in_gap && !(name.is_at_or_below(owner) && self.types.ends_here())
    }

    /// A name in the gap that has names below it exists, without data (RFC 8020; RFC 4592, 2.2.2).
    fn is_empty_non_terminal(&self, name: NameRef<'_>) -> bool {
        self.covers(name) && self.next.as_ref().is_at_or_below(name)
    }

    fn denies_name(&self, name: NameRef<'_>) -> bool {
        self.covers(name) && !self.next.as_ref().is_at_or_below(name)
    }

    /// Labels of the deepest ancestor of the name that exists, as far as this record knows (RFC 4592, 3.3.1).
    fn closest_encloser(&self, name: NameRef<'_>) -> usize {
        let common = |other: NameRef<'_>| {
            name.ancestors()
                .find(|ancestor| other.is_at_or_below(*ancestor))
                .map_or(0, NameRef::label_count)
        };
        common(self.owner.as_ref()).max(common(self.next.as_ref()))
    }
}

#[derive(Debug, Clone)]
struct Nsec3 {
    hash: Box<[u8]>,
    next: Box<[u8]>,
    flags: u8,
    iterations: u16,
    salt: Box<[u8]>,
    types: Types,
}

impl Nsec3 {
    fn read(set: &Set, zone: NameRef<'_>) -> Option<Self> {
        let [rdata] = &set.rdatas[..] else {
            return None;
        };
        let owner = set.owner.as_ref();
        if owner.parent() != Some(zone) {
            return None;
        }
        let label = owner.labels().next()?.to_ascii_uppercase();
        let hash = data_encoding::BASE32HEX_NOPAD.decode(&label).ok()?;
        let (&[algorithm, flags, i0, i1, salt_len], rest) = rdata.split_first_chunk::<5>()?;
        let (salt, rest) = rest.split_at_checked(usize::from(salt_len))?;
        let (&next_len, rest) = rest.split_first()?;
        let (next, bits) = rest.split_at_checked(usize::from(next_len))?;
        // Other flags are not defined: such a record is passed over (RFC 5155, 8.2).
        let is_known = algorithm == SHA1 && flags & !OPT_OUT == 0;
        (is_known && hash.len() == HASH_LEN && next.len() == HASH_LEN).then(|| Nsec3 {
            hash: hash.into(),
            next: next.into(),
            flags,
            iterations: u16::from_be_bytes([i0, i1]),
            salt: salt.into(),
            types: Types(bits.into()),
        })
    }

    fn covers(&self, hash: &[u8]) -> bool {
        let (owner, next) = (&self.hash[..], &self.next[..]);
        if owner < next {
            owner < hash && hash < next
        } else {
            owner < hash || hash < next
        }
    }

    fn is_opt_out(&self) -> bool {
        self.flags & OPT_OUT != 0
    }
}

/// The proven NSEC or NSEC3 records that one zone sent in one reply.
#[derive(Debug, Clone)]
pub(super) struct Proofs {
    zone: Name,
    nsec: Vec<Nsec>,
    nsec3: Vec<Nsec3>,
}

/// What NSEC3 records know of a name that they do not hold.
enum Encloser<'p> {
    /// Its deepest existing ancestor has so many labels; the record covers the name one label below.
    Found(usize, &'p Nsec3),
    /// The name itself exists.
    Itself(&'p Nsec3),
    Unknown,
}

impl Proofs {
    /// Takes sets whose signatures hold, all by `zone`.
    pub(super) fn new<'s>(zone: &Name, sets: impl Iterator<Item = &'s Set> + Clone) -> Self {
        let of_type = |rtype| sets.clone().filter(move |set| set.rtype == rtype);
        let mut nsec3: Vec<Nsec3> = of_type(Rtype::NSEC3)
            .filter_map(|set| Nsec3::read(set, zone.as_ref()))
            .collect();
        // A zone may be between two chains; one reply speaks of one (RFC 5155, 8.2).
        if let Some(first) = nsec3.first().cloned() {
            nsec3.retain(|other| other.iterations == first.iterations && other.salt == first.salt);
        }
        Proofs {
            zone: zone.clone(),
            nsec: of_type(Rtype::NSEC).filter_map(Nsec::read).collect(),
            nsec3,
        }
    }

    /// Whether the iterations are more than are calculated (RFC 9276, 3.2).
    fn is_too_dear(&self) -> bool {
        let most = limits::NSEC3_ITERATIONS.default as u16;
        self.nsec3.first().is_some_and(|record| record.iterations > most)
    }

    /// NXDOMAIN: neither the name nor a wildcard for it exists.
    pub(super) fn deny_name(&self, name: NameRef<'_>, budget: &mut Budget) -> Denied {
        if !name.is_at_or_below(self.zone.as_ref()) {
            return Denied::Unproven;
        }
        if let Some(found) = self.nsec.iter().find(|nsec| nsec.denies_name(name)) {
            let encloser = ancestor(name, found.closest_encloser(name));
            let wildcard = Name::prepend(b"*", encloser);
            let no_wildcard = wildcard.is_some_and(|wildcard| {
                let wildcard = wildcard.as_ref();
                self.nsec.iter().any(|nsec| nsec.denies_name(wildcard))
            });
            if no_wildcard {
                return Denied::Proven;
            }
        }
        if self.is_too_dear() {
            return Denied::Unsigned(TOO_MANY_ITERATIONS);
        }
        if let Encloser::Found(labels, gap) = self.encloser(name, budget) {
            if gap.is_opt_out() {
                // The name may be an unsigned delegation (RFC 5155, 9.2).
                return Denied::Unsigned(None);
            }
            let wildcard = Name::prepend(b"*", ancestor(name, labels));
            let hash = wildcard.and_then(|wildcard| self.hash(wildcard.as_ref(), budget));
            if hash.is_some_and(|hash| self.nsec3.iter().any(|record| record.covers(&hash))) {
                return Denied::Proven;
            }
        }
        Denied::Unproven
    }

    /// NODATA: the name, or the wildcard that answers for it, has no such type.
    pub(super) fn deny_type(&self, name: NameRef<'_>, rtype: Rtype, budget: &mut Budget) -> Denied {
        if !name.is_at_or_below(self.zone.as_ref()) {
            return Denied::Unproven;
        }
        let nsec_at = |name: NameRef<'_>| self.nsec.iter().find(|nsec| nsec.owner.as_ref() == name);
        if let Some(own) = nsec_at(name) {
            return proven_if(own.types.denies(rtype, name));
        }
        if let Some(gap) = self.nsec.iter().find(|nsec| nsec.covers(name)) {
            if gap.is_empty_non_terminal(name) {
                return Denied::Proven;
            }
            let wildcard = Name::prepend(b"*", ancestor(name, gap.closest_encloser(name)));
            let own = wildcard.as_ref().and_then(|wildcard| nsec_at(wildcard.as_ref()));
            return proven_if(own.is_some_and(|own| own.types.denies(rtype, name)));
        }
        if self.is_too_dear() {
            return Denied::Unsigned(TOO_MANY_ITERATIONS);
        }
        match self.encloser(name, budget) {
            Encloser::Itself(own) => proven_if(own.types.denies(rtype, name)),
            Encloser::Found(labels, gap) => {
                let wildcard = Name::prepend(b"*", ancestor(name, labels));
                let hash = wildcard.and_then(|wildcard| self.hash(wildcard.as_ref(), budget));
                let own = self
                    .nsec3
                    .iter()
                    .find(|record| Some(&record.hash) == hash.as_ref());
                if gap.is_opt_out() {
                    // An unsigned delegation, or a name that only leads to one (RFC 5155, 8.6 and 9.2).
                    return Denied::Unsigned(None);
                }
                proven_if(own.is_some_and(|own| own.types.denies(rtype, name)))
            }
            Encloser::Unknown => Denied::Unproven,
        }
    }

    /// A wildcard below the ancestor with `labels` labels was rightly used: nothing closer to the name exists
    /// (RFC 4035, 5.3.4; RFC 5155, 8.8).
    pub(super) fn deny_closer(&self, name: NameRef<'_>, labels: usize, budget: &mut Budget) -> Denied {
        let by_nsec = |nsec: &Nsec| nsec.denies_name(name) && nsec.closest_encloser(name) == labels;
        if self.nsec.iter().any(by_nsec) {
            return Denied::Proven;
        }
        if self.is_too_dear() {
            return Denied::Unsigned(TOO_MANY_ITERATIONS);
        }
        let next_closer = ancestor(name, labels + 1);
        let Some(hash) = self.hash(next_closer, budget) else {
            return Denied::Unproven;
        };
        match self.nsec3.iter().find(|record| record.covers(&hash)) {
            Some(gap) if gap.is_opt_out() => Denied::Unsigned(None),
            Some(_) => Denied::Proven,
            None => Denied::Unproven,
        }
    }

    /// Whether a name just below a proven zone is a zone of its own, where no DS stands.
    pub(super) fn cut_at(&self, name: NameRef<'_>, budget: &mut Budget) -> Cut {
        let of_types = |types: &Types| match () {
            // The child's own record, or one that says that there is a DS.
            () if types.has(Rtype::DS) || types.has(Rtype::SOA) => Cut::Unproven,
            () if types.has(Rtype::NS) => Cut::Unsigned(None),
            () => Cut::None,
        };
        if let Some(own) = self.nsec.iter().find(|nsec| nsec.owner.as_ref() == name) {
            return of_types(&own.types);
        }
        if let Some(gap) = self.nsec.iter().find(|nsec| nsec.covers(name)) {
            return if gap.is_empty_non_terminal(name) {
                Cut::None
            } else {
                Cut::NoName
            };
        }
        if self.is_too_dear() {
            return Cut::Unsigned(TOO_MANY_ITERATIONS);
        }
        match self.encloser(name, budget) {
            Encloser::Itself(own) => of_types(&own.types),
            Encloser::Found(_, gap) if gap.is_opt_out() => Cut::Unsigned(None),
            Encloser::Found(..) => Cut::NoName,
            Encloser::Unknown => Cut::Unproven,
        }
    }

    /// The closest encloser proof of RFC 5155, 8.3.
    fn encloser(&self, name: NameRef<'_>, budget: &mut Budget) -> Encloser<'_> {
        let mut below: Option<Box<[u8]>> = None;
        let zone = self.zone.as_ref();
        if self.nsec3.is_empty() {
            return Encloser::Unknown;
        }
        for candidate in name.ancestors().take_while(|name| name.is_at_or_below(zone)) {
            let Some(hash) = self.hash(candidate, budget) else {
                return Encloser::Unknown;
            };
            if let Some(own) = self.nsec3.iter().find(|record| record.hash == hash) {
                let Some(below) = below else {
                    return Encloser::Itself(own);
                };
                if own.types.ends_here() {
                    return Encloser::Unknown;
                }
                let gap = self.nsec3.iter().find(|record| record.covers(&below));
                return gap.map_or(Encloser::Unknown, |gap| {
                    Encloser::Found(candidate.label_count(), gap)
                });
            }
            below = Some(hash);
        }
        Encloser::Unknown
    }

    fn hash(&self, name: NameRef<'_>, budget: &mut Budget) -> Option<Box<[u8]>> {
        let first = self.nsec3.first()?;
        if !spend(&mut budget.hashes) {
            return None;
        }
        nsec3_hash(name, &first.salt, first.iterations)
    }
}

fn proven_if(proven: bool) -> Denied {
    if proven { Denied::Proven } else { Denied::Unproven }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Section;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// A bitmap of types below 256.
    fn bitmap(types: &[Rtype]) -> Vec<u8> {
        let mut bits = [0u8; 32];
        for rtype in types {
            bits[usize::from(rtype.0 / 8)] |= 0x80 >> (rtype.0 % 8);
        }
        [&[0, 32], &bits[..]].concat()
    }

    fn nsec(owner: &str, next: &str, types: &[Rtype]) -> Set {
        let rdata = [name(next).as_wire(), &bitmap(types)].concat();
        Set::for_test(Section::Authority, name(owner), Rtype::NSEC, &[&rdata])
    }

    fn proofs(zone: &str, sets: &[Set]) -> Proofs {
        Proofs::new(&name(zone), sets.iter())
    }

    fn budget() -> Budget {
        Budget::new(None)
    }

    fn by_name(proofs: &Proofs, text: &str) -> Denied {
        proofs.deny_name(name(text).as_ref(), &mut budget())
    }

    fn by_type(proofs: &Proofs, text: &str, rtype: Rtype) -> Denied {
        proofs.deny_type(name(text).as_ref(), rtype, &mut budget())
    }

    #[test]
    fn rfc4035_s5_4_nxdomain_needs_the_name_and_the_wildcard_denied() {
        let gap = nsec("a.example", "d.example", &[Rtype::A]);
        let apex = nsec("example", "a.example", &[Rtype::SOA, Rtype::NS]);
        assert_eq!(
            by_name(&proofs("example", &[gap.clone(), apex]), "b.example"),
            Denied::Proven
        );
        assert_eq!(
            by_name(&proofs("example", std::slice::from_ref(&gap)), "b.example"),
            Denied::Unproven
        );
        // A wildcard that exists.
        let star = nsec("*.example", "a.example", &[Rtype::A]);
        assert_eq!(
            by_name(&proofs("example", &[gap.clone(), star]), "b.example"),
            Denied::Unproven
        );
        // Another zone's word.
        assert_eq!(by_name(&proofs("other", &[gap]), "b.example"), Denied::Unproven);
    }

    #[test]
    fn the_last_record_of_a_zone_leads_back_to_its_apex() {
        let sets = [
            nsec("z.example", "example", &[Rtype::A]),
            nsec("example", "a.example", &[Rtype::SOA]),
        ];
        assert_eq!(by_name(&proofs("example", &sets), "zz.example"), Denied::Proven);
        assert_eq!(by_name(&proofs("example", &sets), "y.example"), Denied::Unproven);
    }

    #[test]
    fn rfc6840_s4_1_a_delegation_denies_nothing_below_it() {
        let sets = [
            nsec("sub.example", "z.example", &[Rtype::NS]),
            nsec("example", "a.example", &[Rtype::SOA]),
        ];
        let proofs = proofs("example", &sets);
        assert_eq!(by_name(&proofs, "www.sub.example"), Denied::Unproven);
        assert_eq!(by_type(&proofs, "sub.example", Rtype::A), Denied::Unproven);
        assert_eq!(by_type(&proofs, "sub.example", Rtype::DS), Denied::Proven);
        assert_eq!(by_type(&proofs, "example", Rtype::DS), Denied::Unproven);
        assert_eq!(by_type(&proofs, "example", Rtype::MX), Denied::Proven);
    }

    #[test]
    fn nodata_at_the_name_at_a_wildcard_and_at_an_empty_non_terminal() {
        let own = proofs("example", &[nsec("a.example", "b.example", &[Rtype::A])]);
        assert_eq!(by_type(&own, "a.example", Rtype::AAAA), Denied::Proven);
        assert_eq!(by_type(&own, "a.example", Rtype::A), Denied::Unproven);
        let alias = proofs("example", &[nsec("a.example", "b.example", &[Rtype::CNAME])]);
        assert_eq!(by_type(&alias, "a.example", Rtype::AAAA), Denied::Unproven);
        let empty = proofs("example", &[nsec("a.example", "x.ent.example", &[Rtype::A])]);
        assert_eq!(by_type(&empty, "ent.example", Rtype::A), Denied::Proven);
        assert_eq!(by_name(&empty, "ent.example"), Denied::Unproven);
        let wild = [
            nsec("*.example", "a.example", &[Rtype::A]),
            nsec("a.example", "z.example", &[Rtype::A]),
        ];
        let wild = proofs("example", &wild);
        assert_eq!(by_type(&wild, "b.example", Rtype::TXT), Denied::Proven);
        assert_eq!(by_type(&wild, "b.example", Rtype::A), Denied::Unproven);
    }

    #[test]
    fn rfc4035_s5_3_4_a_wildcard_needs_its_next_closer_name_denied() {
        let gap = proofs("example", &[nsec("*.w.example", "xw.example", &[Rtype::A])]);
        let closer = |text: &str, labels| gap.deny_closer(name(text).as_ref(), labels, &mut budget());
        assert_eq!(closer("a.w.example", 2), Denied::Proven);
        // `*.example` does not answer for a name below w.example, which exists.
        assert_eq!(closer("a.w.example", 1), Denied::Unproven);
        assert_eq!(closer("zz.example", 1), Denied::Unproven);
    }

    #[test]
    fn cuts_by_nsec() {
        let cut = |set: Set, text: &str| proofs("example", &[set]).cut_at(name(text).as_ref(), &mut budget());
        let sub = |types: &[Rtype]| cut(nsec("sub.example", "z.example", types), "sub.example");
        assert_eq!(sub(&[Rtype::NS]), Cut::Unsigned(None));
        assert_eq!(sub(&[Rtype::NS, Rtype::DS]), Cut::Unproven);
        assert_eq!(sub(&[Rtype::NS, Rtype::SOA]), Cut::Unproven);
        assert_eq!(sub(&[Rtype::A]), Cut::None);
        assert_eq!(
            cut(nsec("a.example", "z.example", &[]), "sub.example"),
            Cut::NoName
        );
        assert_eq!(
            cut(nsec("a.example", "x.sub.example", &[]), "sub.example"),
            Cut::None
        );
        assert_eq!(
            cut(nsec("x.example", "z.example", &[]), "sub.example"),
            Cut::Unproven
        );
    }

    /// NSEC3 records of these names of a zone, without salt; `gap` names are covered, not matched.
    fn nsec3(zone: &str, held: &[(&str, &[Rtype])], gaps: &[&str], flags: u8, iterations: u16) -> Proofs {
        let mut sets = Vec::new();
        let mut add = |hash: &[u8], next: &[u8], types: &[Rtype]| {
            let label = data_encoding::BASE32HEX_NOPAD.encode(hash);
            let owner = Name::prepend(label.as_bytes(), name(zone).as_ref())
                .unwrap()
                .as_ref()
                .to_lowercase();
            let head = [
                SHA1,
                flags,
                iterations.to_be_bytes()[0],
                iterations.to_be_bytes()[1],
                0,
                20,
            ];
            let rdata = [&head[..], next, &bitmap(types)].concat();
            sets.push(Set::for_test(Section::Authority, owner, Rtype::NSEC3, &[&rdata]));
        };
        let hash = |text: &str| nsec3_hash(name(text).as_ref(), &[], iterations).unwrap();
        let shifted = |hash: &[u8], up: bool| {
            let mut hash = hash.to_vec();
            let last = hash.last_mut().unwrap();
            *last = if up {
                last.wrapping_add(1)
            } else {
                last.wrapping_sub(1)
            };
            hash
        };
        for (text, types) in held {
            let hash = hash(text);
            add(&hash, &shifted(&hash, true), types);
        }
        for text in gaps {
            let hash = hash(text);
            add(&shifted(&hash, false), &shifted(&hash, true), &[]);
        }
        Proofs::new(&name(zone), sets.iter())
    }

    #[test]
    fn rfc5155_s8_4_nxdomain_needs_encloser_next_closer_and_wildcard() {
        let apex: &[(&str, &[Rtype])] = &[("example", &[Rtype::SOA, Rtype::NS])];
        let good = nsec3("example", apex, &["b.example", "*.example"], 0, 1);
        assert_eq!(by_name(&good, "a.b.example"), Denied::Proven);
        let no_wildcard = nsec3("example", apex, &["b.example"], 0, 1);
        assert_eq!(by_name(&no_wildcard, "a.b.example"), Denied::Unproven);
        let no_encloser = nsec3("example", &[], &["b.example", "*.example"], 0, 1);
        assert_eq!(by_name(&no_encloser, "a.b.example"), Denied::Unproven);
        let opt_out = nsec3("example", apex, &["b.example", "*.example"], OPT_OUT, 1);
        assert_eq!(by_name(&opt_out, "a.b.example"), Denied::Unsigned(None));
        let unknown_flags = nsec3("example", apex, &["b.example", "*.example"], 2, 1);
        assert_eq!(by_name(&unknown_flags, "a.b.example"), Denied::Unproven);
        // Below a delegation the parent's word ends.
        let cut: &[(&str, &[Rtype])] = &[("sub.example", &[Rtype::NS])];
        let below = nsec3("example", cut, &["b.sub.example", "*.sub.example"], 0, 1);
        assert_eq!(by_name(&below, "b.sub.example"), Denied::Unproven);
    }

    #[test]
    fn rfc5155_s8_5_to_s8_8_nodata_and_wildcards() {
        let own = nsec3("example", &[("a.example", &[Rtype::A])], &[], 0, 0);
        assert_eq!(by_type(&own, "a.example", Rtype::TXT), Denied::Proven);
        assert_eq!(by_type(&own, "a.example", Rtype::A), Denied::Unproven);
        let held: &[(&str, &[Rtype])] = &[("example", &[Rtype::SOA]), ("*.example", &[Rtype::A])];
        let wild = nsec3("example", held, &["b.example"], 0, 0);
        assert_eq!(by_type(&wild, "b.example", Rtype::TXT), Denied::Proven);
        assert_eq!(by_type(&wild, "b.example", Rtype::A), Denied::Unproven);
        let opt_out = nsec3("example", &held[..1], &["b.example"], OPT_OUT, 0);
        assert_eq!(by_type(&opt_out, "b.example", Rtype::DS), Denied::Unsigned(None));
        let name = name("x.b.example");
        assert_eq!(wild.deny_closer(name.as_ref(), 1, &mut budget()), Denied::Proven);
        assert_eq!(
            wild.deny_closer(name.as_ref(), 2, &mut budget()),
            Denied::Unproven
        );
    }

    #[test]
    fn rfc9276_s3_2_many_iterations_count_as_unsigned_and_hashing_is_bounded() {
        let apex: &[(&str, &[Rtype])] = &[("example", &[Rtype::SOA])];
        let most = limits::NSEC3_ITERATIONS.default as u16;
        let gaps = ["b.example", "*.example"];
        assert_eq!(
            by_name(&nsec3("example", apex, &gaps, 0, most), "b.example"),
            Denied::Proven
        );
        let dear = nsec3("example", apex, &gaps, 0, most + 1);
        assert_eq!(by_name(&dear, "b.example"), Denied::Unsigned(TOO_MANY_ITERATIONS));
        let deep = name(&format!("{}example", "a.".repeat(120)));
        let proofs = nsec3("example", apex, &gaps, 0, 0);
        let mut budget = budget();
        assert_eq!(proofs.deny_name(deep.as_ref(), &mut budget), Denied::Unproven);
        assert_eq!(budget.hashes, 0);
    }

    #[test]
    fn bitmaps_that_are_cut_hold_nothing() {
        let whole = bitmap(&[Rtype::A]);
        assert!(Types(whole.clone().into()).has(Rtype::A));
        for len in 0..whole.len() {
            assert!(!Types(whole[..len].into()).has(Rtype::A), "{len}");
        }
    }
}
