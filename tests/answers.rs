//! What the daemon answers of its own zones, RFC by RFC: each test is named after the section that asks for it.
#![allow(clippy::unwrap_used)]

mod support;

use support::sample::{HEARTH, OTHER, WILD};
use support::{Daemon, House, Message, Upstream, rcode, rtype};

/// The sample zones in front of an upstream that would answer everything.
fn served() -> (House, Daemon, Upstream) {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("other.example", OTHER)
        .zone("wild.example", WILD)
        .upstream(upstream.addr);
    let daemon = house.start();
    (house, daemon, upstream)
}

/// The negative SOA of the sample: TTL 300, MINIMUM 60.
const NEGATIVE: &str =
    "hearth.example. 60 SOA ns.hearth.example. hostmaster.hearth.example. 7 3600 900 604800 60";

#[track_caller]
fn assert_name_error(reply: &Message) {
    assert_eq!(reply.rcode, rcode::NXDOMAIN, "{reply:?}");
    assert!(reply.answers.is_empty(), "{reply:?}");
    assert_eq!(reply.authorities.len(), 1, "{reply:?}");
    assert_eq!(reply.authorities[0].rtype, rtype::SOA, "{reply:?}");
    assert!(reply.aa, "{reply:?}");
}

#[track_caller]
fn assert_no_data(reply: &Message) {
    assert_eq!(reply.rcode, rcode::NOERROR, "{reply:?}");
    assert!(reply.answers.is_empty(), "{reply:?}");
    assert_eq!(reply.authorities.len(), 1, "{reply:?}");
    assert_eq!(reply.authorities[0].rtype, rtype::SOA, "{reply:?}");
    assert!(reply.aa, "{reply:?}");
}

#[track_caller]
fn assert_answer(reply: &Message, lines: &[&str]) {
    assert_eq!(reply.rcode, rcode::NOERROR, "{reply:?}");
    assert_eq!(reply.answer_lines(), lines, "{reply:?}");
}

#[test]
fn rfc1034_s4_3_2_a_name_that_is_held_is_answered_with_authority() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("matrix.hearth.example.", rtype::A);
    assert_answer(&reply, &["matrix.hearth.example. 300 A 192.0.2.10"]);
    assert!(reply.aa && reply.ra && !reply.tc && !reply.ad);
    let reply = daemon.ask("hearth.example.", rtype::MX);
    assert_answer(&reply, &["hearth.example. 300 MX 10 mail.hearth.example."]);
    assert_answer(
        &daemon.client().ask_tcp("matrix.hearth.example.", rtype::AAAA),
        &["matrix.hearth.example. 300 AAAA 2001:db8::10"],
    );
    assert_eq!(
        upstream.names_below("."),
        [""; 0],
        "nothing of this is upstream's business"
    );
}

#[test]
fn rfc1034_s3_6_2_aliases_are_followed() {
    let (_house, daemon, _upstream) = served();
    assert_answer(
        &daemon.ask("www2.hearth.example.", rtype::A),
        &[
            "matrix.hearth.example. 300 A 192.0.2.10",
            "www.hearth.example. 300 CNAME matrix.hearth.example.",
            "www2.hearth.example. 300 CNAME www.hearth.example.",
        ],
    );
    // A question for the alias itself is not followed.
    assert_answer(
        &daemon.ask("www2.hearth.example.", rtype::CNAME),
        &["www2.hearth.example. 300 CNAME www.hearth.example."],
    );
}

#[test]
fn rfc1034_s4_3_2_an_alias_into_another_zone_of_ours_is_followed() {
    let (_house, daemon, upstream) = served();
    assert_answer(
        &daemon.ask("across.hearth.example.", rtype::A),
        &[
            "across.hearth.example. 300 CNAME host.other.example.",
            "host.other.example. 300 A 192.0.2.200",
        ],
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc1034_s4_3_2_an_alias_that_leaves_our_zones_is_followed_upstream() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("outside.hearth.example.", rtype::A);
    assert_answer(
        &reply,
        &[
            "outside.hearth.example. 300 CNAME target.example.net.",
            "target.example.net. 300 A 198.51.100.7",
        ],
    );
    assert_eq!(upstream.names_below("."), [""; 0]);
    assert_eq!(upstream.names_below("example.net."), ["target.example.net. A"]);
    assert_eq!(upstream.names_below("hearth.example."), [""; 0]);
}

#[test]
fn rfc1034_s3_6_2_aliases_in_a_circle_end() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("round.hearth.example.", rtype::A);
    let mut lines = reply.answer_lines();
    lines.dedup();
    assert_eq!(lines.len(), reply.answers.len(), "no record twice: {reply:?}");
    assert!(
        matches!(reply.rcode, rcode::NOERROR | rcode::SERVFAIL),
        "{reply:?}"
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc1034_s4_3_2_a_delegation_is_referred_with_glue_and_without_authority() {
    let (_house, daemon, upstream) = served();
    for (name, asked) in [
        ("host.sub.hearth.example.", rtype::A),
        ("sub.hearth.example.", rtype::A),
        ("sub.hearth.example.", rtype::NS),
        ("ns.sub.hearth.example.", rtype::A),
    ] {
        let reply = daemon.ask(name, asked);
        assert_eq!(reply.rcode, rcode::NOERROR, "{reply:?}");
        assert!(!reply.aa, "a referral has no authority: {reply:?}");
        assert!(reply.answers.is_empty(), "{reply:?}");
        assert_eq!(
            reply.authority_lines(),
            [
                "sub.hearth.example. 300 NS ns.example.net.",
                "sub.hearth.example. 300 NS ns.sub.hearth.example."
            ]
        );
        assert_eq!(
            reply.additional_lines(),
            [
                "ns.sub.hearth.example. 300 A 192.0.2.60",
                "ns.sub.hearth.example. 300 AAAA 2001:db8::60"
            ]
        );
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc4035_s3_1_4_1_ds_is_the_parents() {
    let (_house, daemon, _upstream) = served();
    assert_no_data(&daemon.ask("sub.hearth.example.", rtype::DS));
}

#[test]
fn rfc2308_s2_1_a_name_that_is_not_held_does_not_exist() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("nowhere.hearth.example.", rtype::A);
    assert_name_error(&reply);
    assert_eq!(
        reply.authority_lines(),
        [NEGATIVE],
        "RFC 2308, 5: the lesser of the SOA's TTL and MINIMUM"
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc2308_s2_2_a_type_that_is_not_held_is_no_data() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("mail.hearth.example.", rtype::AAAA);
    assert_no_data(&reply);
    assert_eq!(reply.authority_lines(), [NEGATIVE]);
    assert!(
        upstream.seen().is_empty(),
        "a public AAAA must not pass by a private A"
    );
}

#[test]
fn rfc2308_s2_1_an_alias_to_nothing_keeps_the_alias() {
    let (_house, daemon, _upstream) = served();
    let reply = daemon.ask("dangling.hearth.example.", rtype::A);
    assert_eq!(
        reply.rcode,
        rcode::NXDOMAIN,
        "RFC 6604, 3: the code is the last name's: {reply:?}"
    );
    assert_eq!(
        reply.answer_lines(),
        ["dangling.hearth.example. 300 CNAME nowhere.hearth.example."],
        "{reply:?}"
    );
    assert_eq!(reply.authority_lines(), [NEGATIVE]);
    let reply = daemon.ask("nodata.hearth.example.", rtype::AAAA);
    assert_answer(&reply, &["nodata.hearth.example. 300 CNAME mail.hearth.example."]);
    assert_eq!(reply.authority_lines(), [NEGATIVE]);
}

#[test]
fn rfc8020_s2_names_between_exist_and_names_below_nothing_do_not() {
    let (_house, daemon, _upstream) = served();
    // `deep` and `_tcp` have no records, but names below them do.
    assert_no_data(&daemon.ask("deep.hearth.example.", rtype::A));
    assert_no_data(&daemon.ask("_tcp.hearth.example.", rtype::SRV));
    assert_name_error(&daemon.ask("b.deep.hearth.example.", rtype::A));
    assert_name_error(&daemon.ask("x.y.z.matrix.hearth.example.", rtype::A));
}

#[test]
fn rfc2181_s5_a_set_is_whole_and_has_one_ttl() {
    let house = House::new().zone(
        "set.example",
        "a 60 A 192.0.2.1\na 60 A 192.0.2.2\na 60 A 192.0.2.3\n",
    );
    let daemon = house.start();
    assert_answer(
        &daemon.ask("a.set.example.", rtype::A),
        &[
            "a.set.example. 60 A 192.0.2.1",
            "a.set.example. 60 A 192.0.2.2",
            "a.set.example. 60 A 192.0.2.3",
        ],
    );
}

#[test]
fn rfc2782_targets_bring_their_addresses() {
    let (_house, daemon, _upstream) = served();
    let reply = daemon.ask("_matrix-fed._tcp.hearth.example.", rtype::SRV);
    assert_answer(
        &reply,
        &["_matrix-fed._tcp.hearth.example. 300 SRV 10 5 8448 matrix.hearth.example."],
    );
    assert_eq!(
        reply.additional_lines(),
        [
            "matrix.hearth.example. 300 A 192.0.2.10",
            "matrix.hearth.example. 300 AAAA 2001:db8::10"
        ]
    );
}

#[test]
fn rfc3597_s5_unknown_types_are_served() {
    let (_house, daemon, _upstream) = served();
    assert_answer(
        &daemon.ask("odd.hearth.example.", 65280),
        &["odd.hearth.example. 300 TYPE65280 \\# abcdef"],
    );
}

#[test]
fn rfc4592_s2_2_1_the_examples() {
    let (_house, daemon, upstream) = served();
    let ask = |name: &str, asked| daemon.ask(name, asked);
    // Synthesised from a wildcard.
    assert_answer(
        &ask("host3.wild.example.", rtype::MX),
        &["host3.wild.example. 3600 MX 10 host1.wild.example."],
    );
    assert_no_data(&ask("host3.wild.example.", rtype::A));
    assert_answer(
        &ask("foo.bar.wild.example.", rtype::TXT),
        &["foo.bar.wild.example. 3600 TXT \"this is a wildcard\""],
    );
    // Not synthesised.
    assert_no_data(&ask("host1.wild.example.", rtype::MX));
    assert_no_data(&ask("sub.*.wild.example.", rtype::MX));
    assert_name_error(&ask("_telnet._tcp.host1.wild.example.", rtype::SRV));
    assert_name_error(&ask("ghost.*.wild.example.", rtype::MX));
    let referral = ask("host.subdel.wild.example.", rtype::A);
    assert!(!referral.aa && referral.answers.is_empty(), "{referral:?}");
    assert_eq!(referral.authorities.len(), 2, "{referral:?}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc4592_s2_2_the_asterisk_itself_can_be_asked() {
    let (_house, daemon, _upstream) = served();
    assert_answer(
        &daemon.ask("*.wild.example.", rtype::TXT),
        &["*.wild.example. 3600 TXT \"this is a wildcard\""],
    );
}

#[test]
fn rfc6672_s2_2_names_below_a_dname_move() {
    let (_house, daemon, _upstream) = served();
    assert_answer(
        &daemon.ask("x.old.hearth.example.", rtype::A),
        &[
            "old.hearth.example. 300 DNAME new.hearth.example.",
            "x.new.hearth.example. 300 A 192.0.2.30",
            "x.old.hearth.example. 300 CNAME x.new.hearth.example.",
        ],
    );
    // The owner itself does not (2.3), and may have other types.
    assert_no_data(&daemon.ask("old.hearth.example.", rtype::A));
    let reply = daemon.ask("y.old.hearth.example.", rtype::A);
    assert_eq!(reply.rcode, rcode::NXDOMAIN, "{reply:?}");
    assert_eq!(reply.answers.len(), 2, "{reply:?}");
}

#[test]
fn rfc6672_s2_2_a_name_that_gets_too_long_is_yxdomain() {
    let target = ["long"; 10].join(".");
    let house = House::new().zone("d.example", &format!("old DNAME {target}.d.example.\n"));
    let daemon = house.start();
    let label = "a".repeat(60);
    let name = format!("{label}.{label}.{label}.{}.old.d.example.", "b".repeat(40));
    let reply = daemon.ask(&name, rtype::A);
    assert_eq!(reply.rcode, rcode::YXDOMAIN, "{reply:?}");
    assert_eq!(reply.answers.len(), 1, "the DNAME alone: {reply:?}");
}

#[test]
fn rfc8482_s4_any_gets_a_small_answer() {
    let (_house, daemon, upstream) = served();
    let reply = daemon.ask("matrix.hearth.example.", rtype::ANY);
    assert_eq!(reply.rcode, rcode::NOERROR);
    let types: std::collections::BTreeSet<u16> = reply.answers.iter().map(|record| record.rtype).collect();
    assert_eq!(types.len(), 1, "one set or one HINFO: {reply:?}");
    assert_name_error(&daemon.ask("nowhere.hearth.example.", rtype::ANY));
    daemon.ask("www.example.net.", rtype::ANY);
    assert!(
        upstream.seen().is_empty(),
        "ANY is not passed on: {:?}",
        upstream.seen()
    );
}

#[test]
fn rfc6895_s3_2_other_classes_are_refused() {
    let (_house, daemon, upstream) = served();
    for class in [3, 4, 255, 254, 4242] {
        for name in ["version.bind.", "matrix.hearth.example.", "www.example.net."] {
            let mut query = Message::query(name, rtype::TXT);
            query.questions[0].2 = class;
            let reply = daemon.client().exchange(&query);
            assert_eq!(reply.rcode, rcode::REFUSED, "class {class}, {name}");
        }
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc5936_transfers_are_refused() {
    let (_house, daemon, upstream) = served();
    for name in ["hearth.example.", "example.net."] {
        let reply = daemon.client().ask_tcp(name, rtype::AXFR);
        assert!(matches!(reply.rcode, rcode::REFUSED | rcode::NOTIMP), "{reply:?}");
        assert!(reply.answers.is_empty(), "{reply:?}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn rfc4343_case_is_ignored_and_echoed() {
    let (_house, daemon, _upstream) = served();
    // That the question comes back letter by letter is checked of every reply.
    let reply = daemon.ask("mAtRiX.hEaRtH.eXaMpLe.", rtype::A);
    assert_eq!(reply.answers.len(), 1, "{reply:?}");
    assert_eq!(
        reply.answers[0].owner, "mAtRiX.hEaRtH.eXaMpLe.",
        "the owner is compressed against the question"
    );
    let reply = daemon.ask("HOST3.WILD.EXAMPLE.", rtype::MX);
    assert_eq!(reply.answers.len(), 1, "{reply:?}");
}

#[test]
fn rfc1035_s4_1_4_names_are_compressed_against_the_question() {
    let (_house, daemon, _upstream) = served();
    let query = Message::query("matrix.hearth.example.", rtype::A);
    let bytes = daemon.client().raw(&query.encode(), support::DEADLINE).unwrap();
    // Question as sent, then pointer, type, class, TTL, length, address.
    assert_eq!(bytes.len(), query.encode().len() + 16, "{bytes:02x?}");
    assert_eq!(bytes[query.encode().len()..][..2], [0xc0, 12]);
    // And of the others against each other.
    let reply = daemon.ask("www2.hearth.example.", rtype::A);
    assert!(
        reply.size < reply.encode().len() - 40,
        "{} of {}",
        reply.size,
        reply.encode().len()
    );
}

#[test]
fn s3_files_may_leave_out_soa_and_ns() {
    let house = House::new().zone("bare.example", "matrix A 192.0.2.10\n");
    let daemon = house.start();
    assert_eq!(daemon.ask("matrix.bare.example.", rtype::A).answers.len(), 1);
    let soa = daemon.ask("bare.example.", rtype::SOA);
    assert_eq!((soa.answers.len(), soa.aa), (1, true), "{soa:?}");
    let ns = daemon.ask("bare.example.", rtype::NS);
    assert_eq!((ns.answers.len(), ns.aa), (1, true), "{ns:?}");
    assert_name_error(&daemon.ask("nowhere.bare.example.", rtype::A));
}

#[test]
fn s3_a_record_is_served_until_it_expires() {
    let (_house, daemon, upstream) = served();
    assert_name_error(&daemon.ask("gone.hearth.example.", rtype::A));
    assert_eq!(daemon.ask("stays.hearth.example.", rtype::A).answers.len(), 1);
    assert!(upstream.seen().is_empty());
}

#[test]
fn s2_overlay_forwards_what_it_does_not_hold() {
    let upstream = Upstream::answering("2001:db8::bad");
    let house = House::new()
        .zone(
            "over.example",
            "; hearthdns: mode=overlay\nmatrix 300 A 192.0.2.10\na.deep 300 A 192.0.2.11\n",
        )
        .upstream(upstream.addr);
    let daemon = house.start();
    assert_eq!(daemon.ask("matrix.over.example.", rtype::A).answers.len(), 1);
    let reply = daemon.ask("matrix.over.example.", rtype::AAAA);
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 0),
        "a held name is ours for every type"
    );
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    let reply = daemon.ask("public.over.example.", rtype::AAAA);
    assert_answer(&reply, &["public.over.example. 300 AAAA 2001:db8::bad"]);
    assert!(!reply.aa, "what upstream said is not ours: {reply:?}");
    assert_eq!(
        upstream.names_below("over.example."),
        ["public.over.example. AAAA"]
    );
}

#[test]
fn s2_redirect_answers_with_the_apex() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("redir.example", "; hearthdns: mode=redirect\n@ 60 A 192.0.2.10\n")
        .upstream(upstream.addr);
    let daemon = house.start();
    for name in ["redir.example.", "a.redir.example.", "b.c.redir.example."] {
        assert_answer(&daemon.ask(name, rtype::A), &[&format!("{name} 60 A 192.0.2.10")]);
    }
    assert_no_data(&daemon.ask("a.redir.example.", rtype::AAAA));
    assert!(upstream.seen().is_empty());
}

#[test]
fn s1_names_that_the_zone_passes_on_and_no_others_go_upstream() {
    let upstream = Upstream::start(|query, _| {
        vec![support::Act::Send(
            query
                .reply()
                .answer(&format!("{} 60 TXT \"token\"", query.qname())),
        )]
    });
    let house = House::new()
        .zone(
            "pass.example",
            "; hearthdns: forward=_acme-challenge\nmatrix 300 A 192.0.2.10\n",
        )
        .upstream(upstream.addr);
    let daemon = house.start();
    for name in ["_acme-challenge.pass.example.", "x._acme-challenge.pass.example."] {
        assert_answer(
            &daemon.ask(name, rtype::TXT),
            &[&format!("{name} 60 TXT \"token\"")],
        );
    }
    assert_name_error(&daemon.ask("_acme-challenge.matrix.pass.example.", rtype::TXT));
    assert_name_error(&daemon.ask("x_acme-challenge.pass.example.", rtype::TXT));
    assert_eq!(
        upstream.names_below("pass.example."),
        [
            "_acme-challenge.pass.example. TXT",
            "x._acme-challenge.pass.example. TXT"
        ]
    );
}

#[test]
fn rfc6761_special_names_are_answered_here() {
    let (_house, daemon, upstream) = served();
    for name in ["localhost.", "www.localhost."] {
        let reply = daemon.ask(name, rtype::A);
        assert_eq!(reply.answers.len(), 1, "{reply:?}");
        assert!(
            reply.answers[0].to_string().ends_with(" A 127.0.0.1"),
            "{reply:?}"
        );
        let reply = daemon.ask(name, rtype::AAAA);
        assert_eq!(reply.answers.len(), 1, "{reply:?}");
        assert!(reply.answers[0].to_string().ends_with(" AAAA ::1"), "{reply:?}");
        assert_eq!(daemon.ask(name, rtype::TXT).rcode, rcode::NOERROR);
    }
    for name in [
        "www.invalid.",
        "www.test.",
        "facebookcorewwwi.onion.",
        "1.1.168.192.in-addr.arpa.",
        "1.0.0.10.in-addr.arpa.",
        "1.16.172.in-addr.arpa.",
        "1.254.169.in-addr.arpa.",
        "1.8.b.d.0.1.0.0.2.ip6.arpa.",
        "a.d.f.ip6.arpa.",
        "1.8.e.f.ip6.arpa.",
        "use-application-dns.net.",
        "printer.",
        "fritz.box.home.arpa.",
    ] {
        for asked in [rtype::A, rtype::PTR] {
            let reply = daemon.ask(name, asked);
            assert_eq!(reply.rcode, rcode::NXDOMAIN, "{reply:?}");
            assert_eq!(
                reply.authorities.len(),
                1,
                "a SOA, so that it can be cached: {reply:?}"
            );
        }
    }
    let reply = daemon.ask("_dns.resolver.arpa.", 64);
    assert!(reply.answers.is_empty(), "RFC 9462, 4: {reply:?}");
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn rfc6303_s4_a_zone_of_our_own_goes_before_an_empty_one() {
    let house = House::new().zone("1.168.192.in-addr.arpa", "10 300 PTR matrix.hearth.example.\n");
    let daemon = house.start();
    assert_answer(
        &daemon.ask("10.1.168.192.in-addr.arpa.", rtype::PTR),
        &["10.1.168.192.in-addr.arpa. 300 PTR matrix.hearth.example."],
    );
}
