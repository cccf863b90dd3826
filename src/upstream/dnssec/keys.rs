//! Zone keys, what a parent says of them, and signatures checked with them (RFC 4034, 4035 section 5.3).
//!
//! The arithmetic is hickory-proto's over ring; which signatures count, for how long and at what cost is
//! decided here. Every check costs one of a [`Budget`], so that no reply can make us calculate for long
//! (CVE-2023-50387).

use hickory_proto::dnssec::crypto::Digest;
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKey, PublicKeyBuf};

use super::sets::{Set, Signature};
use crate::config::limits;
use crate::engine::fetch::Failure;
use crate::message::{CLASS_IN, Ede, Name, NameRef};

/// Flags of a DNSKEY (RFC 4034, 2.1.1; RFC 5011, 3).
const ZONE_KEY: u16 = 0x0100;
const REVOKED: u16 = 0x0080;
/// The only protocol number of a DNSKEY (RFC 4034, 2.1.2).
const PROTOCOL: u8 = 3;

/// One key of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tag: u16,
    pub(super) algorithm: u8,
    public: Box<[u8]>,
    /// The whole RDATA, which a DS record is a digest of.
    rdata: Box<[u8]>,
}

/// The keys of a zone, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) zone: Name,
    pub(super) keys: Vec<Key>,
}

/// What a parent, or a trust anchor, says of a zone's key (RFC 4034, 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ds {
    tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: Box<[u8]>,
}

/// How much a validation may still cost, and what time it is.
#[derive(Debug)]
pub(super) struct Budget {
    /// Unix time; `None` while the clock is not to be believed.
    pub(super) now: Option<u32>,
    pub(super) checks: u32,
    pub(super) hashes: u32,
    pub(super) lookups: u32,
}

impl Budget {
    pub(super) fn new(now: Option<u32>) -> Self {
        Budget {
            now,
            checks: limits::DNSSEC_CHECKS.default as u32,
            hashes: limits::DNSSEC_HASHES.default as u32,
            lookups: limits::DNSSEC_LOOKUPS.default as u32,
        }
    }
}

/// Takes one from a budget; `false` if nothing is left.
pub(super) fn spend(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// A set whose signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    /// Seconds for which it may be kept (RFC 4035, 5.3.3).
    pub(super) ttl: u32,
    /// Labels of the wildcard's parent, where one was expanded into the owner.
    pub(super) wildcard: Option<usize>,
}

impl Key {
    /// Reads a DNSKEY; `None` if it is no key that may sign a zone (RFC 4034, 2.1; RFC 5011, 2.1).
    pub(super) fn read(rdata: &[u8]) -> Option<Self> {
        let (&[f0, f1, protocol, algorithm], public) = rdata.split_first_chunk::<4>()?;
        let flags = u16::from_be_bytes([f0, f1]);
        let may_sign = flags & ZONE_KEY != 0 && flags & REVOKED == 0 && protocol == PROTOCOL;
        may_sign.then(|| Key {
            tag: key_tag(rdata),
            algorithm,
            public: public.into(),
            rdata: rdata.into(),
        })
    }

    /// Bytes that it takes.
    pub(super) fn cost(&self) -> usize {
        size_of::<Key>() + self.public.len() + self.rdata.len()
    }
}

impl Ds {
    /// Reads a DS.
    pub(super) fn read(rdata: &[u8]) -> Option<Self> {
        let (&[t0, t1, algorithm, digest_type], digest) = rdata.split_first_chunk::<4>()?;
        Some(Ds {
            tag: u16::from_be_bytes([t0, t1]),
            algorithm,
            digest_type,
            digest: digest.into(),
        })
    }

    /// What a parent would say of a key: for trust anchors that are given as keys.
    pub(super) fn of_key(zone: NameRef<'_>, key: &Key) -> Option<Self> {
        const SHA256: u8 = 2;
        Some(Ds {
            tag: key.tag,
            algorithm: key.algorithm,
            digest_type: SHA256,
            digest: digest(zone, key, SHA256)?,
        })
    }

    /// Whether we know its algorithm and its digest (RFC 4035, 5.2).
    pub(super) fn is_supported(&self) -> bool {
        is_known_algorithm(self.algorithm) && is_known_digest(self.digest_type)
    }

    /// The extended error that says what is unknown about it.
    pub(super) fn unsupported(&self) -> (Ede, &'static str) {
        if is_known_algorithm(self.algorithm) {
            (Ede::UNSUPPORTED_DIGEST, "not validated: DS digest type unknown")
        } else {
            (
                Ede::UNSUPPORTED_ALGORITHM,
                "not validated: DNSKEY algorithm unknown",
            )
        }
    }

    fn speaks_of(&self, zone: NameRef<'_>, key: &Key) -> bool {
        self.tag == key.tag
            && self.algorithm == key.algorithm
            && digest(zone, key, self.digest_type).is_some_and(|digest| digest == self.digest)
    }
}

/// The DS records that count: those that we know; where a better digest stands, SHA-1 does not (RFC 4509, 3).
pub(super) fn usable(all: &[Ds]) -> Vec<Ds> {
    const SHA1: u8 = 1;
    let known = all.iter().filter(|ds| ds.is_supported());
    let has_better = known.clone().any(|ds| ds.digest_type != SHA1);
    known
        .filter(|ds| !has_better || ds.digest_type != SHA1)
        .take(limits::DNSSEC_SIGNATURES.default_usize())
        .cloned()
        .collect()
}

/// Proves a zone's DNSKEY set: a key that its parent speaks of has signed it (RFC 4035, 5.2).
pub(super) fn prove_keys(set: &Set, parents: &[Ds], budget: &mut Budget) -> Result<(Keys, Signed), Failure> {
    let zone = set.owner.as_ref();
    let most = limits::DNSSEC_KEYS.default_usize();
    if set.rdatas.len() > most {
        return Err(Failure::Bogus(
            Ede::DNSSEC_BOGUS,
            "the zone has more keys than are looked at",
        ));
    }
    let keys: Vec<Key> = set.rdatas.iter().filter_map(|rdata| Key::read(rdata)).collect();
    if keys.is_empty() {
        return Err(Failure::Bogus(
            Ede::NO_ZONE_KEY_BIT,
            "none of the zone's keys may sign a zone",
        ));
    }
    let mut entry = Vec::new();
    for key in &keys {
        for ds in parents {
            // A digest costs like a signature would where many share a tag.
            if ds.tag == key.tag && ds.algorithm == key.algorithm {
                if !spend(&mut budget.checks) {
                    return Err(too_costly());
                }
                if ds.speaks_of(zone, key) {
                    entry.push(key.clone());
                    break;
                }
            }
        }
    }
    if entry.is_empty() {
        return Err(Failure::Bogus(
            Ede::DNSKEY_MISSING,
            "none of the zone's keys is the one that its parent names",
        ));
    }
    let entry = Keys {
        zone: set.owner.clone(),
        keys: entry,
    };
    let signed = check(set, &entry, budget)?;
    let zone = set.owner.clone();
    Ok((Keys { zone, keys }, signed))
}

/// Checks that a key of this zone has signed the set, and that the signature's time has come and is not over
/// (RFC 4035, 5.3).
pub(super) fn check(set: &Set, keys: &Keys, budget: &mut Budget) -> Result<Signed, Failure> {
    let mut why = Failure::Bogus(Ede::RRSIGS_MISSING, "a signature is missing");
    let labels = signed_labels(set.owner.as_ref());
    let signatures = set
        .signatures
        .iter()
        .filter(|signature| signature.signer == keys.zone && usize::from(signature.labels) <= labels);
    for signature in signatures {
        if let Some(error) = budget.now.and_then(|now| out_of_time(signature, now)) {
            why = error;
            continue;
        }
        let mut message = None;
        let mut found = false;
        let candidates = keys
            .keys
            .iter()
            .filter(|key| key.tag == signature.key_tag && key.algorithm == signature.algorithm)
            .take(limits::DNSSEC_TAG_COLLISIONS.default_usize());
        for key in candidates {
            found = true;
            if !spend(&mut budget.checks) {
                return Err(too_costly());
            }
            let message = message.get_or_insert_with(|| signed_data(set, signature));
            let public = PublicKeyBuf::new(key.public.to_vec(), Algorithm::from_u8(key.algorithm));
            if public.verify(message, &signature.bytes).is_ok() {
                return Ok(Signed {
                    ttl: time_left(set, signature, budget.now),
                    wildcard: Some(usize::from(signature.labels)).filter(|count| *count < labels),
                });
            }
        }
        why = if found {
            Failure::Bogus(Ede::DNSSEC_BOGUS, "a signature does not fit the data")
        } else {
            Failure::Bogus(Ede::DNSKEY_MISSING, "no key of the zone fits a signature")
        };
    }
    Err(why)
}

fn too_costly() -> Failure {
    Failure::Bogus(Ede::DNSSEC_BOGUS, "the reply takes more checks than are made")
}

/// Labels that a signature counts: without the root and a leading `*` (RFC 4034, 3.1.3).
fn signed_labels(owner: NameRef<'_>) -> usize {
    owner.label_count() - usize::from(owner.is_wildcard())
}

/// Times compare by serial arithmetic (RFC 4034, 3.1.5).
fn out_of_time(signature: &Signature, now: u32) -> Option<Failure> {
    let is_before = |one: u32, other: u32| (one.wrapping_sub(other) as i32) < 0;
    if is_before(signature.expiration, now) {
        return Some(Failure::Bogus(Ede::SIGNATURE_EXPIRED, "a signature has expired"));
    }
    is_before(now, signature.inception).then_some(Failure::Bogus(
        Ede::SIGNATURE_NOT_YET_VALID,
        "a signature is not valid yet",
    ))
}

fn time_left(set: &Set, signature: &Signature, now: Option<u32>) -> u32 {
    let left = now.map_or(u32::MAX, |now| signature.expiration.wrapping_sub(now));
    set.ttl.min(signature.ttl).min(signature.original_ttl).min(left)
}

/// What a signature is made over (RFC 4035, 5.3.2).
fn signed_data(set: &Set, signature: &Signature) -> Vec<u8> {
    let owner = signed_owner(set.owner.as_ref(), usize::from(signature.labels));
    let mut data = signature.head.to_vec();
    for rdata in &set.rdatas {
        data.extend_from_slice(&owner);
        data.extend_from_slice(&set.rtype.0.to_be_bytes());
        data.extend_from_slice(&CLASS_IN.to_be_bytes());
        data.extend_from_slice(&signature.original_ttl.to_be_bytes());
        data.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        data.extend_from_slice(rdata);
    }
    data
}

/// The owner as it was signed: a wildcard where one was expanded.
fn signed_owner(owner: NameRef<'_>, labels: usize) -> Vec<u8> {
    if labels >= signed_labels(owner) {
        return owner.as_wire().to_vec();
    }
    let parent = ancestor(owner, labels);
    [b"\x01*", parent.as_wire()].concat()
}

/// The ancestor with so many labels; the name itself if it has no more.
pub(super) fn ancestor(name: NameRef<'_>, labels: usize) -> NameRef<'_> {
    let extra = name.label_count().saturating_sub(labels);
    name.ancestors().nth(extra).unwrap_or(NameRef::ROOT)
}

/// RFC 4034, appendix B.
fn key_tag(rdata: &[u8]) -> u16 {
    let sum = rdata.chunks(2).fold(0u32, |sum, pair| {
        let high = u32::from(pair[0]) << 8;
        sum + high + pair.get(1).map_or(0, |low| u32::from(*low))
    });
    (sum + (sum >> 16)) as u16
}

fn is_known_algorithm(algorithm: u8) -> bool {
    Algorithm::from_u8(algorithm).is_supported()
}

fn is_known_digest(digest_type: u8) -> bool {
    DigestType::from(digest_type).is_supported()
}

fn digest(zone: NameRef<'_>, key: &Key, digest_type: u8) -> Option<Box<[u8]>> {
    let owner = zone.to_lowercase();
    let data = [owner.as_wire(), &key.rdata[..]];
    let digest = Digest::from_iter(data, DigestType::from(digest_type)).ok()?;
    Some(digest.as_ref().into())
}

/// The hash of a name for NSEC3 (RFC 5155, 5); only SHA-1 is defined.
pub(super) fn nsec3_hash(name: NameRef<'_>, salt: &[u8], iterations: u16) -> Option<Box<[u8]>> {
    let name = name.to_lowercase();
    let hash = Digest::iterated(salt, name.as_wire(), DigestType::SHA1, iterations).ok()?;
    Some(hash.as_ref().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::dnssec::crypto::Ed25519SigningKey;
    use hickory_proto::dnssec::{SigningKey, TBS};

    use crate::message::{Rtype, Section};

    const NOW: u32 = 1_800_000_000;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// A key that signs, and its DNSKEY.
    fn key_pair() -> (Box<dyn SigningKey>, Key) {
        let der = Ed25519SigningKey::generate_pkcs8().unwrap();
        let signing = Ed25519SigningKey::from_pkcs8(&der).unwrap();
        let public = signing.to_public_key().unwrap();
        let rdata = [&[1, 1, 3, 15], public.public_bytes()].concat();
        (Box::new(signing), Key::read(&rdata).unwrap())
    }

    fn signed(owner: &str, labels: u8, (signing, key): &(Box<dyn SigningKey>, Key)) -> Set {
        let mut set = Set::for_test(Section::Answer, name(owner), Rtype::A, &[&[192, 0, 2, 1]]);
        let signer = name("example");
        let mut fixed = vec![0, 1, 15, labels];
        fixed.extend_from_slice(&300u32.to_be_bytes());
        fixed.extend_from_slice(&(NOW + 100).to_be_bytes());
        fixed.extend_from_slice(&(NOW - 100).to_be_bytes());
        fixed.extend_from_slice(&key.tag.to_be_bytes());
        let mut signature = Signature {
            algorithm: 15,
            labels,
            original_ttl: 300,
            expiration: NOW + 100,
            inception: NOW - 100,
            key_tag: key.tag,
            head: [&fixed[..], signer.as_wire()].concat().into(),
            signer,
            ttl: 300,
            bytes: Box::default(),
        };
        signature.bytes = signing
            .sign(&TBS::from(&signed_data(&set, &signature)[..]))
            .unwrap()
            .into();
        set.signatures.push(signature);
        set
    }

    fn code(result: Result<Signed, Failure>) -> u16 {
        match result {
            Err(Failure::Bogus(ede, _)) => ede.0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rfc4035_s5_3_a_signature_holds_in_its_time_and_for_its_data_only() {
        let pair = key_pair();
        let keys = Keys {
            zone: name("example"),
            keys: vec![pair.1.clone()],
        };
        let good = signed("www.example", 2, &pair);
        let at = |now| Budget::new(Some(now));
        assert_eq!(
            check(&good, &keys, &mut at(NOW)).unwrap(),
            Signed {
                ttl: 100,
                wildcard: None
            }
        );
        assert_eq!(code(check(&good, &keys, &mut at(NOW + 101))), 7);
        assert_eq!(code(check(&good, &keys, &mut at(NOW - 101))), 8);
        // Without a clock the time is not looked at.
        assert_eq!(check(&good, &keys, &mut Budget::new(None)).unwrap().ttl, 300);
        let mut tampered = good.clone();
        tampered.rdatas = vec![[192, 0, 2, 2].into()];
        assert_eq!(code(check(&tampered, &keys, &mut at(NOW))), 6);
        let mut bare = good.clone();
        bare.signatures.clear();
        assert_eq!(code(check(&bare, &keys, &mut at(NOW))), 10);
        let mut other_tag = good.clone();
        other_tag.signatures[0].key_tag ^= 1;
        assert_eq!(code(check(&other_tag, &keys, &mut at(NOW))), 9);
        let other_zone = Keys {
            zone: name("other"),
            ..keys
        };
        assert_eq!(code(check(&good, &other_zone, &mut at(NOW))), 10);
    }

    #[test]
    fn rfc4035_s5_3_2_an_expanded_wildcard_is_checked_as_what_was_signed() {
        let pair = key_pair();
        let keys = Keys {
            zone: name("example"),
            keys: vec![pair.1.clone()],
        };
        let set = signed("a.b.example", 1, &pair);
        let found = check(&set, &keys, &mut Budget::new(Some(NOW))).unwrap();
        assert_eq!(found.wildcard, Some(1));
        // The wildcard itself is no expansion.
        let set = signed("*.example", 1, &pair);
        let found = check(&set, &keys, &mut Budget::new(Some(NOW))).unwrap();
        assert_eq!(found.wildcard, None);
    }

    #[test]
    fn checks_are_bounded() {
        let pair = key_pair();
        let other = Key {
            public: [7; 32].into(),
            ..pair.1.clone()
        };
        let most = limits::DNSSEC_TAG_COLLISIONS.default_usize();
        let mut set = signed("www.example", 2, &pair);
        // Keys with the same tag stand in front of the right one.
        let mut keys = vec![other; most];
        keys.push(pair.1.clone());
        let keys = Keys {
            zone: name("example"),
            keys,
        };
        let mut budget = Budget::new(Some(NOW));
        let before = budget.checks;
        assert_eq!(code(check(&set, &keys, &mut budget)), 6);
        assert_eq!(before - budget.checks, most as u32);
        set.signatures = vec![set.signatures[0].clone(); 1000];
        assert_eq!(code(check(&set, &keys, &mut budget)), 6);
        assert_eq!(budget.checks, 0);
    }

    #[test]
    fn the_roots_keys_have_the_tags_and_digests_that_iana_publishes() {
        let anchors = hickory_proto::dnssec::TrustAnchors::default();
        let mut tags = Vec::new();
        for at in 0..anchors.len() {
            let public = anchors.get(at).unwrap();
            let algorithm = u8::from(public.algorithm());
            let rdata = [&[1, 1, 3, algorithm], public.public_bytes()].concat();
            let key = Key::read(&rdata).unwrap();
            let ds = Ds::of_key(NameRef::ROOT, &key).unwrap();
            let known = super::super::anchors::Anchors::root();
            let known = known.of(NameRef::ROOT).unwrap();
            assert!(known.contains(&ds), "tag {}", key.tag);
            tags.push(key.tag);
        }
        tags.sort_unstable();
        assert_eq!(tags, [20326, 38696]);
    }

    #[test]
    fn rfc4509_s3_sha1_does_not_count_beside_a_better_digest() {
        let ds = |digest_type| Ds::read(&[0, 1, 13, digest_type, 9]).unwrap();
        assert_eq!(usable(&[ds(1), ds(2), ds(99)]), [ds(2)]);
        assert_eq!(usable(&[ds(1), ds(99)]), [ds(1)]);
        assert!(usable(&[ds(99)]).is_empty());
        assert!(usable(&[Ds::read(&[0, 1, 16, 2, 9]).unwrap()]).is_empty());
    }

    #[test]
    fn rfc5155_appendix_a_hashes() {
        let salt = [0xaa, 0xbb, 0xcc, 0xdd];
        let hash = |text: &str| {
            let hash = nsec3_hash(name(text).as_ref(), &salt, 12).unwrap();
            data_encoding::BASE32HEX_NOPAD.encode(&hash).to_lowercase()
        };
        assert_eq!(hash("example"), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
        assert_eq!(hash("*.W.example"), "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
    }
}
