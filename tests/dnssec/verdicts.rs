//! What is good comes out secure, what is known to be bad comes out bogus, and what nobody vouches for comes out as
//! it is; and who is told.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Test;
use crate::asking::{Asked, query, type_number, verdict};
use crate::support::{Client, Message, rcode, rtype};
use crate::world::World;

pub(crate) const TESTS: &[Test] = &[
    ("what_is_signed_is_secure", &[], what_is_signed_is_secure),
    (
        "what_nobody_vouches_for_is_insecure",
        &[],
        what_nobody_vouches_for_is_insecure,
    ),
    (
        "what_is_wrong_is_bogus_and_says_why",
        &[],
        what_is_wrong_is_bogus_and_says_why,
    ),
    (
        "ad_goes_to_those_who_can_read_it",
        &[],
        ad_goes_to_those_who_can_read_it,
    ),
    ("cd_turns_validation_off", &[], cd_turns_validation_off),
    (
        "a_validated_answer_is_cached_and_ages",
        &[],
        a_validated_answer_is_cached_and_ages,
    ),
];

pub(crate) const SECURE: &[Asked] = &[
    (".", "SOA NS DNSKEY", rcode::NOERROR),
    ("tld.", "DNSKEY DS", rcode::NOERROR),
    ("nowhere.", "DS", rcode::NXDOMAIN),
    ("good.tld.", "SOA NS DNSKEY DS MX NSEC", rcode::NOERROR),
    ("www.good.tld.", "A AAAA TXT DS", rcode::NOERROR),
    ("WWW.Good.TLD.", "A", rcode::NOERROR),
    ("alias.good.tld.", "A TXT CNAME", rcode::NOERROR),
    ("nowhere.good.tld.", "A DS", rcode::NXDOMAIN),
    ("a.b.nowhere.good.tld.", "A", rcode::NXDOMAIN),
    ("a.any.good.tld.", "TXT A", rcode::NOERROR),
    ("a.b.any.good.tld.", "TXT", rcode::NOERROR),
    ("*.any.good.tld.", "TXT", rcode::NOERROR),
    ("y.good.tld.", "A", rcode::NOERROR),
    ("moved.good.tld.", "DNAME", rcode::NOERROR),
    ("x.moved.good.tld.", "TXT A", rcode::NOERROR),
    ("a.moved.good.tld.", "TXT", rcode::NXDOMAIN),
    ("good3.tld.", "SOA DNSKEY DS MX NSEC3PARAM", rcode::NOERROR),
    ("www.good3.tld.", "A TXT DS", rcode::NOERROR),
    ("nowhere.good3.tld.", "A DS", rcode::NXDOMAIN),
    ("a.b.nowhere.good3.tld.", "A", rcode::NXDOMAIN),
    ("a.any.good3.tld.", "TXT A", rcode::NOERROR),
    ("a.b.any.good3.tld.", "TXT", rcode::NOERROR),
    ("y.good3.tld.", "A", rcode::NOERROR),
    ("x.moved.good3.tld.", "TXT A", rcode::NOERROR),
    ("a.moved.good3.tld.", "TXT", rcode::NXDOMAIN),
    ("www.rsa256.tld.", "A TXT", rcode::NOERROR),
    ("www.rsa512.tld.", "A", rcode::NOERROR),
    ("www.p384.tld.", "A", rcode::NOERROR),
    ("www.ed25519.tld.", "A", rcode::NOERROR),
    ("unsigned.tld.", "DS", rcode::NOERROR),
    ("www.dear.tld.", "A", rcode::NOERROR),
    // Of damaged zones, what is whole.
    ("www.stripped.tld.", "AAAA", rcode::NOERROR),
    ("www.tampered.tld.", "AAAA", rcode::NOERROR),
    ("www.nodenial.tld.", "A", rcode::NOERROR),
    ("www.opt.", "A TXT", rcode::NOERROR),
    ("www.safe.opt.", "A TXT", rcode::NOERROR),
    ("nowhere.safe.opt.", "A", rcode::NXDOMAIN),
    ("safe.opt.", "DS", rcode::NOERROR),
    ("plain.opt.", "DS", rcode::NOERROR),
];

pub(crate) const INSECURE: &[Asked] = &[
    ("www.unsigned.tld.", "A TXT", rcode::NOERROR),
    ("nowhere.unsigned.tld.", "A", rcode::NXDOMAIN),
    ("a.any.unsigned.tld.", "TXT", rcode::NOERROR),
    ("unsigned.tld.", "SOA DNSKEY", rcode::NOERROR),
    ("www.island.tld.", "A", rcode::NOERROR),
    ("nowhere.island.tld.", "A", rcode::NXDOMAIN),
    ("www.plain.opt.", "A TXT", rcode::NOERROR),
    ("www.hidden.opt.", "A TXT", rcode::NOERROR),
    ("hidden.opt.", "DS", rcode::NOERROR),
    ("nowhere.opt.", "A", rcode::NXDOMAIN),
];

/// Insecure as well, but with a word why.
pub(crate) const UNSUPPORTED: &[(&str, u16, u16, u16)] = &[
    ("www.ed448.tld.", rtype::A, rcode::NOERROR, 1),
    ("nowhere.ed448.tld.", rtype::A, rcode::NXDOMAIN, 1),
    ("nowhere.dear.tld.", rtype::A, rcode::NXDOMAIN, 27),
    ("www.dear.tld.", rtype::TXT, rcode::NOERROR, 27),
];

/// Name, type, extended error (RFC 8914).
pub(crate) const BOGUS: &[(&str, u16, u16)] = &[
    ("www.expired.tld.", rtype::A, 7),
    ("nowhere.expired.tld.", rtype::A, 7),
    ("www.early.tld.", rtype::A, 8),
    ("www.mismatch.tld.", rtype::A, 9),
    ("nowhere.mismatch.tld.", rtype::A, 9),
    ("www.keyless.tld.", rtype::A, 9),
    ("www.stripped.tld.", rtype::A, 10),
    ("www.tampered.tld.", rtype::A, 6),
    ("www.garbled.tld.", rtype::A, 6),
    ("nowhere.nodenial.tld.", rtype::A, 12),
    ("www.nodenial.tld.", rtype::TXT, 12),
    // The same in a chain without opt-out says that the delegation does not exist.
    ("www.hidden.good3.tld.", rtype::A, 10),
    // A wildcard without the proof that nothing closer exists.
    ("a.any.nodenial.tld.", rtype::TXT, 12),
];

fn assert_all(client: &Client, list: &[Asked], ad: bool) {
    let mut wrong = String::new();
    for (name, types, expected) in list {
        for asked in types.split(' ') {
            let (code, has_ad, ede) = verdict(client, name, type_number(asked));
            if (code, has_ad) != (*expected, ad) {
                writeln!(wrong, "{name} {asked}: rcode {code}, ad {has_ad}, ede {ede:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "expected ad {ad}:\n{wrong}");
}

fn what_is_signed_is_secure(world: &World) {
    let (_house, daemon) = world.start();
    assert_all(&daemon.client(), SECURE, true);
    // Once more, from the cache.
    assert_all(&daemon.client(), SECURE, true);
}

fn what_nobody_vouches_for_is_insecure(world: &World) {
    let (_house, daemon) = world.start();
    assert_all(&daemon.client(), INSECURE, false);
    for (name, rtype, code, ede) in UNSUPPORTED {
        let found = verdict(&daemon.client(), name, *rtype);
        assert_eq!(found, (*code, false, Some(*ede)), "{name}");
    }
}

fn what_is_wrong_is_bogus_and_says_why(world: &World) {
    let (_house, daemon) = world.start();
    for _ in 0..2 {
        for (name, rtype, ede) in BOGUS {
            let found = verdict(&daemon.client(), name, *rtype);
            assert_eq!(found, (rcode::SERVFAIL, false, Some(*ede)), "{name} {rtype}");
        }
    }
    let reply = daemon
        .client()
        .exchange(&query("www.tampered.tld.", rtype::A, true));
    assert!(
        reply.answers.is_empty() && reply.authorities.is_empty(),
        "{reply:?}"
    );
}

fn ad_goes_to_those_who_can_read_it(world: &World) {
    let (_house, daemon) = world.start();
    let client = daemon.client();
    let plain = client.exchange(&query("www.good.tld.", rtype::A, false));
    assert_eq!(
        (plain.rcode, plain.ad, plain.answers.len()),
        (rcode::NOERROR, false, 1)
    );
    assert!(
        plain.authorities.is_empty() && plain.additionals.is_empty(),
        "{plain:?}"
    );
    let mut wants_ad = Message::query("www.good.tld.", rtype::A);
    wants_ad.ad = true;
    let told = client.exchange(&wants_ad);
    assert!(
        told.ad && told.answers.iter().all(|record| record.rtype != 46),
        "{told:?}"
    );
    let with_proof = client.exchange(&query("www.good.tld.", rtype::A, true));
    assert!(
        with_proof.ad && with_proof.answers.iter().any(|record| record.rtype == 46),
        "{with_proof:?}"
    );
    // Proofs of absence: for those who set DO, the SOA for all.
    let types = |reply: &Message| -> Vec<u16> {
        let mut types: Vec<u16> = reply.authorities.iter().map(|record| record.rtype).collect();
        types.sort_unstable();
        types.dedup();
        types
    };
    let denied = client.exchange(&query("nowhere.good.tld.", rtype::A, false));
    assert_eq!((denied.rcode, types(&denied)), (rcode::NXDOMAIN, vec![6]));
    let denied = client
        .stream()
        .exchange(&query("nowhere.good.tld.", rtype::A, true));
    assert_eq!((denied.rcode, types(&denied)), (rcode::NXDOMAIN, vec![6, 46, 47]));
}

fn cd_turns_validation_off(world: &World) {
    let (_house, daemon) = world.start();
    for (name, rtype, _) in BOGUS {
        let mut asked = query(name, *rtype, true);
        asked.cd = true;
        let reply = daemon.client().stream().exchange(&asked);
        assert_ne!(reply.rcode, rcode::SERVFAIL, "{name}");
        assert!(!reply.ad, "{name}");
        // What one client wanted unseen is not served to another.
        assert_eq!(
            verdict(&daemon.client(), name, *rtype).0,
            rcode::SERVFAIL,
            "{name}"
        );
    }
}

fn a_validated_answer_is_cached_and_ages(world: &World) {
    let (house, daemon) = world.start();
    let client = daemon.client();
    for name in ["www.good.tld.", "nowhere.good.tld."] {
        let first = client.stream().exchange(&query(name, rtype::A, true));
        let ttl = |reply: &Message| {
            reply
                .answers
                .iter()
                .chain(&reply.authorities)
                .map(|one| one.ttl)
                .max()
        };
        std::thread::sleep(Duration::from_millis(1100));
        let second = client.stream().exchange(&query(name, rtype::A, true));
        assert!(ttl(&second) < ttl(&first) && second.ad, "{name}: {second:?}");
    }
    let status = house.dnsctl(&["status"]).ok().stdout;
    assert!(status.contains("  cached     2\n"), "{status}");
    assert!(status.contains("validation: on\n  none\n"), "{status}");
}
