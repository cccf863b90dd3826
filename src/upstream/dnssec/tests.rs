//! The whole of a validation on a world in memory: what a real upstream cannot be made to do, and what depends
//! on the clock. Zones signed by real tools are in `tests/dnssec.rs`.

use std::collections::HashMap;

use hickory_proto::dnssec::crypto::Ed25519SigningKey;
use hickory_proto::dnssec::{PublicKey, SigningKey, TBS};

use super::*;
use crate::message::flag;

const NOW: u32 = 1_800_000_000;
const ED25519: u8 = 15;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A zone's one key.
struct Zone {
    apex: Name,
    signing: Ed25519SigningKey,
    dnskey: Vec<u8>,
    tag: u16,
}

impl Zone {
    fn new(apex: &str) -> Self {
        let der = Ed25519SigningKey::generate_pkcs8().unwrap();
        let signing = Ed25519SigningKey::from_pkcs8(&der).unwrap();
        let public = signing.to_public_key().unwrap();
        let dnskey = [&[1, 1, 3, ED25519], public.public_bytes()].concat();
        Zone {
            apex: name(apex),
            tag: keys::Key::read(&dnskey).unwrap().tag,
            signing,
            dnskey,
        }
    }

    fn ds(&self) -> String {
        let key = keys::Key::read(&self.dnskey).unwrap();
        let data = [self.apex.as_wire(), &self.dnskey].concat();
        let digest =
            hickory_proto::dnssec::crypto::Digest::new(&data, hickory_proto::dnssec::DigestType::SHA256);
        format!(
            "{} DS {} {ED25519} 2 {}\n",
            self.apex,
            key.tag,
            data_encoding::HEXLOWER.encode(digest.unwrap().as_ref())
        )
    }

    /// A set of one record with its signature, valid until `NOW` and so many seconds.
    fn signed(&self, section: Section, owner: &str, rtype: Rtype, rdata: &[u8], seconds: i32) -> Vec<Line> {
        let owner = name(owner);
        let expiration = NOW.wrapping_add_signed(seconds);
        let labels = owner.as_ref().label_count() as u8;
        let mut sig = Vec::new();
        sig.extend_from_slice(&rtype.0.to_be_bytes());
        sig.extend_from_slice(&[ED25519, labels]);
        sig.extend_from_slice(&300u32.to_be_bytes());
        sig.extend_from_slice(&expiration.to_be_bytes());
        sig.extend_from_slice(&(NOW - 10_000).to_be_bytes());
        sig.extend_from_slice(&self.tag.to_be_bytes());
        sig.extend_from_slice(self.apex.as_wire());
        let mut data = sig.clone();
        data.extend_from_slice(owner.as_wire());
        data.extend_from_slice(&rtype.0.to_be_bytes());
        data.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        data.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        data.extend_from_slice(rdata);
        sig.extend_from_slice(&self.signing.sign(&TBS::from(&data[..])).unwrap());
        vec![
            (section, owner.clone(), rtype, rdata.to_vec()),
            (section, owner, Rtype::RRSIG, sig),
        ]
    }
}

/// One record of a reply.
type Line = (Section, Name, Rtype, Vec<u8>);

fn reply(qname: &str, qtype: Rtype, rcode: Rcode, lines: &[Line]) -> Vec<u8> {
    let counts = [Section::Answer, Section::Authority, Section::Additional]
        .map(|section| lines.iter().filter(|line| line.0 == section).count() as u16);
    let mut out = vec![0, 7];
    for word in [flag::QR | rcode.0, 1, counts[0], counts[1], counts[2]] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(name(qname).as_wire());
    out.extend_from_slice(&qtype.0.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    for (_, owner, rtype, rdata) in lines {
        out.extend_from_slice(owner.as_wire());
        out.extend_from_slice(&rtype.0.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        out.extend_from_slice(rdata);
    }
    out
}

/// Replies by question, and what was asked.
#[derive(Default)]
struct World {
    replies: HashMap<(Name, u16), Vec<u8>>,
    asked: Mutex<Vec<String>>,
    forgotten: Mutex<Vec<String>>,
}

impl World {
    fn with(mut self, qname: &str, qtype: Rtype, lines: &[Line]) -> Self {
        let bytes = reply(qname, qtype, Rcode::NOERROR, lines);
        self.replies.insert((name(qname), qtype.0), bytes);
        self
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl LookUp for World {
    async fn look_up(&self, name: &Name, rtype: Rtype) -> Result<(Vec<u8>, u32), Failure> {
        self.asked.lock().unwrap().push(format!("{name} {rtype}"));
        let found = self.replies.get(&(name.clone(), rtype.0));
        found
            .map(|bytes| (bytes.clone(), 300))
            .ok_or(Failure::Unreachable)
    }

    fn forget(&self, name: &Name, rtype: Rtype) {
        self.forgotten.lock().unwrap().push(format!("{name} {rtype}"));
    }

    fn is_private(&self, name: NameRef<'_>) -> bool {
        name.is_at_or_below("home.example".parse::<Name>().unwrap().as_ref())
    }
}

/// `example` is anchored; nothing stands above it.
fn world() -> (Zone, World, Validator) {
    let zone = Zone::new("example");
    let keys = zone.signed(Section::Answer, "example", Rtype::DNSKEY, &zone.dnskey, 1_000_000);
    let world = World::default().with("example", Rtype::DNSKEY, &keys);
    let validator = validator(&zone);
    (zone, world, validator)
}

fn validator(zone: &Zone) -> Validator {
    Validator::new(
        Anchors::read("anchors", zone.ds().as_bytes()).unwrap(),
        Vec::new(),
        Arc::default(),
    )
}

fn prove(
    validator: &Validator,
    world: &World,
    qname: &str,
    lines: &[Line],
    now: Option<u32>,
) -> Result<Proven, Failure> {
    prove_code(validator, world, qname, lines, now, Rcode::NOERROR)
}

fn prove_code(
    validator: &Validator,
    world: &World,
    qname: &str,
    lines: &[Line],
    now: Option<u32>,
    rcode: Rcode,
) -> Result<Proven, Failure> {
    let question = Question {
        name: name(qname),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok: true,
        checking_disabled: false,
    };
    let reply = reply(qname, Rtype::A, rcode, lines);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(validator.prove_at(world, &question, &reply, now))
}

fn code(result: Result<Proven, Failure>) -> u16 {
    match result {
        Err(Failure::Bogus(ede, _)) => ede.0,
        other => panic!("{other:?}"),
    }
}

const A: &[u8] = &[192, 0, 2, 1];

#[test]
fn what_is_proven_is_kept_for_no_longer_than_its_signature_and_the_rest_is_dropped() {
    let (zone, world, validator) = world();
    let mut lines = zone.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    lines.push((
        Section::Authority,
        name("example"),
        Rtype::NS,
        name("ns.example").as_wire().to_vec(),
    ));
    let proven = prove(&validator, &world, "www.example", &lines, Some(NOW)).unwrap();
    assert_eq!((proven.is_secure, proven.ttl), (true, Some(100)));
    assert_eq!(proven.keep, Some(vec![true, true, false]));
    assert_eq!(world.asked(), ["example. DNSKEY"]);
    // The keys are known now.
    prove(&validator, &world, "www.example", &lines, Some(NOW)).unwrap();
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[test]
fn without_a_clock_forgeries_are_found_and_nothing_is_called_authentic() {
    let (zone, world, validator) = world();
    let expired = zone.signed(Section::Answer, "www.example", Rtype::A, A, -100);
    assert_eq!(
        code(prove(&validator, &world, "www.example", &expired, Some(NOW))),
        7
    );
    let waiting = prove(&validator, &world, "www.example", &expired, None).unwrap();
    assert!(!waiting.is_secure && waiting.keep.is_some());
    let mut forged = expired.clone();
    forged[0].3 = vec![203, 0, 113, 66];
    assert_eq!(code(prove(&validator, &world, "www.example", &forged, None)), 6);
    let unsigned = [forged[0].clone()];
    let world = world.with("www.example", Rtype::DS, &[]);
    assert_eq!(
        code(prove(&validator, &world, "www.example", &unsigned, None)),
        12
    );
}

#[test]
fn keys_that_were_proven_without_a_clock_are_proven_again_with_one() {
    let zone = Zone::new("example");
    let old = zone.signed(Section::Answer, "example", Rtype::DNSKEY, &zone.dnskey, -1);
    let world = World::default().with("example", Rtype::DNSKEY, &old);
    let validator = validator(&zone);
    let lines = zone.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    assert!(prove(&validator, &world, "www.example", &lines, None).is_ok());
    assert_eq!(
        code(prove(&validator, &world, "www.example", &lines, Some(NOW))),
        7
    );
}

#[test]
fn private_names_are_not_asked_for() {
    let (_, world, validator) = world();
    let lines = [(Section::Answer, name("a.home.example"), Rtype::A, A.to_vec())];
    let proven = prove(&validator, &world, "a.home.example", &lines, Some(NOW)).unwrap();
    assert_eq!(proven, Proven::default());
    assert_eq!(world.asked(), ["example. DNSKEY"]);
}

#[test]
fn a_bogus_zone_is_not_looked_at_again_for_a_while_but_its_replies_are_forgotten() {
    let (_, world, validator) = world();
    let stranger = Zone::new("example");
    let keys = stranger.signed(Section::Answer, "example", Rtype::DNSKEY, &stranger.dnskey, 100);
    let world = world.with("example", Rtype::DNSKEY, &keys);
    let lines = stranger.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    for asked in [&["example. DNSKEY"][..], &[]] {
        assert_eq!(
            code(prove(&validator, &world, "www.example", &lines, Some(NOW))),
            9
        );
        assert_eq!(world.asked(), asked);
    }
    assert!(
        world
            .forgotten
            .lock()
            .unwrap()
            .contains(&"example. DNSKEY".to_owned())
    );
    assert!(!world.replies.is_empty());
}

#[test]
fn an_upstream_that_fails_is_no_bogus_zone() {
    let zone = Zone::new("example");
    let (world, validator) = (World::default(), validator(&zone));
    let lines = zone.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    for _ in 0..2 {
        let failure = prove(&validator, &world, "www.example", &lines, Some(NOW)).unwrap_err();
        assert_eq!(failure, Failure::Unreachable);
        assert_eq!(world.asked(), ["example. DNSKEY"]);
    }
}

#[test]
fn look_ups_sets_and_aliases_are_bounded() {
    let (zone, mut world, validator) = world();
    let deep = format!("{}example", "a.".repeat(100));
    // Each label is said to exist, without a delegation.
    let bitmap = [&[0, 6], &[0x40, 0, 0, 0, 0, 3][..]].concat();
    for labels in 1..=100 {
        let owner = format!("{}example", "a.".repeat(labels));
        let next = [name(&format!("z.{owner}")).as_wire(), &bitmap].concat();
        let lines = zone.signed(Section::Authority, &owner, Rtype::NSEC, &next, 100);
        world = world.with(&owner, Rtype::DS, &lines);
    }
    let lines = [(Section::Answer, name(&deep), Rtype::A, A.to_vec())];
    assert_eq!(code(prove(&validator, &world, &deep, &lines, Some(NOW))), 5);
    assert_eq!(world.asked().len(), limits::DNSSEC_LOOKUPS.default_usize());

    let many: Vec<Line> = (0..100)
        .map(|number| {
            (
                Section::Answer,
                name(&format!("n{number}.example")),
                Rtype::A,
                A.to_vec(),
            )
        })
        .collect();
    assert_eq!(code(prove(&validator, &world, "n1.example", &many, Some(NOW))), 6);

    let mut ring = zone.signed(
        Section::Answer,
        "one.example",
        Rtype::CNAME,
        name("two.example").as_wire(),
        100,
    );
    ring.extend(zone.signed(
        Section::Answer,
        "two.example",
        Rtype::CNAME,
        name("one.example").as_wire(),
        100,
    ));
    assert_eq!(
        code(prove(&validator, &world, "one.example", &ring, Some(NOW))),
        6
    );
}

#[test]
fn rfc6672_s5_3_1_a_cname_made_from_a_dname_must_be_what_it_makes() {
    let (zone, world, validator) = world();
    let cname = |target: &str| {
        let mut lines = zone.signed(
            Section::Answer,
            "old.example",
            Rtype::DNAME,
            name("new.example").as_wire(),
            100,
        );
        lines.push((
            Section::Answer,
            name("a.b.old.example"),
            Rtype::CNAME,
            name(target).as_wire().to_vec(),
        ));
        lines.extend(zone.signed(Section::Answer, target, Rtype::A, A, 100));
        lines
    };
    let world = world.with(
        "old.example",
        Rtype::DS,
        &zone.signed(
            Section::Answer,
            "old.example",
            Rtype::DNAME,
            name("new.example").as_wire(),
            100,
        ),
    );
    let good = prove(
        &validator,
        &world,
        "a.b.old.example",
        &cname("a.b.new.example"),
        Some(NOW),
    )
    .unwrap();
    assert!(good.is_secure);
    assert_eq!(good.keep, Some(vec![true; 5]));
    assert!(
        prove(
            &validator,
            &world,
            "a.b.old.example",
            &cname("evil.new.example"),
            Some(NOW)
        )
        .is_err()
    );
}

#[test]
fn errors_pass_without_records_and_denied_names_have_no_data() {
    let (zone, world, validator) = world();
    let lines = zone.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    let proven = prove_code(
        &validator,
        &world,
        "www.example",
        &lines,
        Some(NOW),
        Rcode::YXDOMAIN,
    )
    .unwrap();
    assert_eq!((proven.is_secure, proven.keep), (false, Some(Vec::new())));
    assert_eq!(
        code(prove_code(
            &validator,
            &world,
            "www.example",
            &lines,
            Some(NOW),
            Rcode::NXDOMAIN
        )),
        6
    );
}

#[test]
fn changed_replies_never_panic_and_never_prove_other_data() {
    let (zone, world, validator) = world();
    let lines = zone.signed(Section::Answer, "www.example", Rtype::A, A, 100);
    let whole = reply("www.example", Rtype::A, Rcode::NOERROR, &lines);
    let question = Question {
        name: name("www.example"),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok: true,
        checking_disabled: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let data = whole.windows(4).position(|four| four == A).unwrap();
    for at in 0..whole.len() {
        for value in [0, 1, 0x40, 0xc0, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let proven = runtime.block_on(validator.prove_at(&world, &question, &changed, Some(NOW)));
            let is_same = changed[data..data + 4] == whole[data..data + 4];
            assert!(
                is_same || !proven.is_ok_and(|proven| proven.is_secure),
                "byte {at} to {value}"
            );
        }
    }
}
