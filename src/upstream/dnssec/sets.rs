//! The record sets of a reply in the form that signatures are made over (RFC 4034, 6).
//!
//! [`Sets::of`] groups the records of a checked reply by section, owner and type, keeps their RDATA in
//! canonical form, and lays each RRSIG beside the set that it covers. [`super::keys`] checks signatures.

use crate::config::limits;
use crate::message::read::{Item, Part, layout};
use crate::message::{Incoming, Name, NameRef, Rtype, Section};

/// One RRSIG (RFC 4034, 3.1).
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) algorithm: u8,
    /// Labels of the owner that was signed, a leading `*` not counted: fewer than the owner's where a wildcard
    /// was expanded.
    pub(super) labels: u8,
    pub(super) original_ttl: u32,
    pub(super) expiration: u32,
    pub(super) inception: u32,
    pub(super) key_tag: u16,
    pub(super) signer: Name,
    /// TTL of the RRSIG record itself.
    pub(super) ttl: u32,
    /// The RDATA in front of the signature, canonical: what is signed begins with it.
    pub(super) head: Box<[u8]>,
    pub(super) bytes: Box<[u8]>,
}

/// One record set of one section.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) section: Section,
    pub(super) owner: Name,
    pub(super) rtype: Rtype,
    /// Smallest TTL of its records.
    pub(super) ttl: u32,
    /// Canonical RDATA in canonical order, each once (RFC 4034, 6.3).
    pub(super) rdatas: Vec<Box<[u8]>>,
    pub(super) signatures: Vec<Signature>,
    /// Places of its records and signatures among the reply's records.
    places: Vec<usize>,
}

impl Set {
    /// A set without signatures.
    #[cfg(test)]
    pub(super) fn for_test(section: Section, owner: Name, rtype: Rtype, rdatas: &[&[u8]]) -> Self {
        Set {
            section,
            owner,
            rtype,
            ttl: 300,
            rdatas: rdatas.iter().map(|rdata| (*rdata).into()).collect(),
            signatures: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Whether it is the set of this owner and type.
    pub(super) fn is(&self, owner: NameRef<'_>, rtype: Rtype) -> bool {
        self.rtype == rtype && self.owner.as_ref() == owner
    }
}

/// The sets of a reply's answer and authority sections. Additional records prove nothing.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) all: Vec<Set>,
    /// Records in the reply, those without a set included.
    records: usize,
}

/// The reply holds more sets or signatures than are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Sets {
    /// Groups the records of a reply.
    pub(super) fn of(incoming: &Incoming<'_>) -> Result<Self, TooMany> {
        let mut sets = Sets {
            all: Vec::new(),
            records: 0,
        };
        let mut signatures = Vec::new();
        let mut rdata = Vec::new();
        for (place, item) in incoming.records().enumerate() {
            sets.records = place + 1;
            if item.section == Section::Additional || item.rdata(&mut rdata).is_err() {
                continue;
            }
            if item.rtype == Rtype::RRSIG {
                signatures.push((place, item, std::mem::take(&mut rdata)));
            } else {
                canonical(item.rtype, &mut rdata);
                sets.add(place, &item, &rdata)?;
            }
        }
        let most = limits::DNSSEC_SIGNATURES.default_usize();
        for (place, item, rdata) in &signatures {
            let Some((covered, signature)) = read_signature(rdata, item.ttl) else {
                continue;
            };
            let owner = item.owner();
            let owner = owner.as_ref();
            let set = sets
                .all
                .iter_mut()
                .find(|set| set.section == item.section && set.is(owner, covered));
            if let Some(set) = set {
                set.places.push(*place);
                // More are not read: nobody signs with so many keys, but a hostile reply may make us check
                // them (CVE-2023-50387).
                if set.signatures.len() < most {
                    set.signatures.push(signature);
                }
            }
        }
        for set in &mut sets.all {
            set.rdatas.sort_unstable();
            set.rdatas.dedup();
        }
        Ok(sets)
    }

    fn add(&mut self, place: usize, item: &Item<'_>, rdata: &[u8]) -> Result<(), TooMany> {
        let owner = item.owner();
        let owner = owner.as_ref();
        let same = |set: &&mut Set| set.section == item.section && set.is(owner, item.rtype);
        if let Some(set) = self.all.iter_mut().find(same) {
            set.rdatas.push(rdata.into());
            set.ttl = set.ttl.min(item.ttl);
            set.places.push(place);
            return Ok(());
        }
        if self.all.len() == limits::DNSSEC_SETS.default_usize() {
            return Err(TooMany);
        }
        self.all.push(Set {
            section: item.section,
            owner: owner.to_lowercase(),
            rtype: item.rtype,
            ttl: item.ttl,
            rdatas: vec![rdata.into()],
            signatures: Vec::new(),
            places: vec![place],
        });
        Ok(())
    }

    /// The set of the answer section with this owner and type.
    pub(super) fn answer(&self, owner: NameRef<'_>, rtype: Rtype) -> Option<usize> {
        let wanted = |set: &Set| set.section == Section::Answer && set.is(owner, rtype);
        self.all.iter().position(wanted)
    }

    /// For each record of the reply in its order whether it belongs to one of these sets.
    pub(super) fn marks(&self, wanted: &[usize]) -> Vec<bool> {
        let mut marks = vec![false; self.records];
        let places = wanted.iter().filter_map(|at| self.all.get(*at));
        for place in places.flat_map(|set| &set.places) {
            if let Some(mark) = marks.get_mut(*place) {
                *mark = true;
            }
        }
        marks
    }
}

/// Reads the RDATA of an RRSIG; also gives the type that it covers.
fn read_signature(rdata: &[u8], ttl: u32) -> Option<(Rtype, Signature)> {
    let (fixed, rest) = rdata.split_first_chunk::<18>()?;
    let (signer, bytes) = NameRef::prefix_of(rest)?;
    let signer = signer.to_lowercase();
    let [t0, t1, algorithm, labels, rest @ ..] = *fixed;
    let word = |at: usize| {
        let bytes = rest.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let tag = rest.get(12..)?.first_chunk::<2>()?;
    let signature = Signature {
        algorithm,
        labels,
        original_ttl: word(0)?,
        expiration: word(4)?,
        inception: word(8)?,
        key_tag: u16::from_be_bytes(*tag),
        ttl,
        head: [&fixed[..], signer.as_wire()].concat().into(),
        signer,
        bytes: bytes.into(),
    };
    Some((Rtype(u16::from_be_bytes([t0, t1])), signature))
}

/// Puts the names in RDATA into lower case for the types that RFC 4034, 6.2 and RFC 6840, 5.1 name; in others
/// (NSEC, SVCB) they stay as they are.
fn canonical(rtype: Rtype, rdata: &mut [u8]) {
    if matches!(rtype, Rtype::NSEC | Rtype::SVCB | Rtype::HTTPS | Rtype::LP) {
        return;
    }
    let mut rest = rdata;
    for part in layout(rtype) {
        let len = match part {
            Part::Name => {
                let Some((name, _)) = NameRef::prefix_of(rest) else {
                    return;
                };
                name.as_wire().len()
            }
            Part::Fixed(len) => *len,
            Part::Text => 1 + rest.first().map_or(0, |len| usize::from(*len)),
            Part::Rest => return,
        };
        let Some((head, tail)) = rest.split_at_mut_checked(len) else {
            return;
        };
        if *part == Part::Name {
            // Length bytes are below 64, so this leaves them alone.
            head.make_ascii_lowercase();
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4034_s6_2_names_in_rdata_are_lower_case_where_the_rfcs_say_so() {
        for (rtype, before, after) in [
            (
                Rtype::MX,
                &b"\x00\x41\x02Mx\x01E\x00"[..],
                &b"\x00\x41\x02mx\x01e\x00"[..],
            ),
            (Rtype::NSEC, b"\x01B\x00\x00\x01\x40", b"\x01B\x00\x00\x01\x40"),
            (Rtype::TXT, b"\x02AB", b"\x02AB"),
            (
                Rtype::SRV,
                b"\x00\x41\x00\x41\x00\x41\x01A\x00",
                b"\x00\x41\x00\x41\x00\x41\x01a\x00",
            ),
            (Rtype(65280), b"\x01A\x00", b"\x01A\x00"),
        ] {
            let mut rdata = before.to_vec();
            canonical(rtype, &mut rdata);
            assert_eq!(rdata, after, "{rtype}");
        }
    }

    #[test]
    fn a_cut_signature_is_none() {
        let mut rdata = vec![0, 1, 13, 2];
        rdata.extend_from_slice(&[0; 14]);
        rdata.extend_from_slice(b"\x07Example\x00sig");
        let (covered, signature) = read_signature(&rdata, 5).unwrap();
        assert_eq!((covered, signature.labels), (Rtype::A, 2));
        assert_eq!(signature.signer.to_string(), "example.");
        assert_eq!(&*signature.bytes, b"sig");
        assert!(signature.head.ends_with(b"\x07example\x00"));
        for len in 0..27 {
            assert!(read_signature(&rdata[..len], 5).is_none(), "{len}");
        }
    }
}
