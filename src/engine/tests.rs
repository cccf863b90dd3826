//! The straight line from bytes to bytes: zones as text in, replies read by hickory's decoder out.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::Message;

use super::fetch::Failure;
use super::*;
use crate::message::flag;
use crate::view::{Routing, ViewRoutes, ViewZones};
use crate::zone::{Itself, Zone, master};

#[cfg(test)]
mod devices;

const LAN: &str = "192.168.1.20";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone(origin: &str, text: &str) -> Arc<Zone> {
    let origin = name(origin);
    let mut include = |_: &str| Err("no files here".to_owned());
    let file = master::parse("test.zone", text.as_bytes(), &origin, &mut include);
    assert_eq!(file.defects, [], "{origin}");
    let records: Vec<_> = file.entries.into_iter().map(|entry| entry.record).collect();
    Arc::new(Zone::compile(&origin, &file.options, &records, 1, 0))
}

fn rules() -> Rules {
    Rules {
        access: Access::new(
            ["192.168.0.0/16", "127.0.0.0/8", "10.0.0.0/8"].map(|text| text.parse().unwrap()),
        ),
        edns_payload: 1232,
        cache_bytes: 1 << 20,
        min_ttl: 0,
        max_ttl: 86_400,
        negative_max_ttl: 3600,
        stale_for: 0,
        failure_ttl: 5,
        screens: Vec::new(),
        rebinding_exempt: Vec::new(),
    }
}

fn snapshot(base: Vec<Arc<Zone>>, views: Vec<ViewZones>, routing: &Routing) -> Snapshot {
    Snapshot::build(base, views, routing, &Itself::default(), 1)
}

fn engine(zones: Vec<Arc<Zone>>) -> Engine {
    Engine::new(rules(), snapshot(zones, Vec::new(), &Routing::default()))
}

/// `NAME TYPE [+do] [+cd] [+nord] [+tcp] [+plain] [class=N]` as a message; EDNS with 1232 bytes unless
/// `+plain`.
fn query(text: &str) -> Vec<u8> {
    let mut words = text.split(' ');
    let name = name(words.next().unwrap());
    let rtype: Rtype = words.next().unwrap().parse().unwrap();
    let words: Vec<&str> = words.collect();
    let has = |word| words.contains(&word);
    let class = words
        .iter()
        .find_map(|word| word.strip_prefix("class="))
        .map_or(1, |n| n.parse().unwrap());
    let mut flags = 0;
    flags |= if has("+nord") { 0 } else { flag::RD };
    flags |= if has("+cd") { flag::CD } else { 0 };
    flags |= if has("+ad") { flag::AD } else { 0 };
    let mut bytes = vec![0xbe, 0xef];
    bytes.extend_from_slice(&flags.to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(!has("+plain"))]);
    bytes.extend_from_slice(name.as_wire());
    bytes.extend_from_slice(&rtype.0.to_be_bytes());
    bytes.extend_from_slice(&u16::to_be_bytes(class));
    if !has("+plain") {
        let dnssec_ok = if has("+do") { 0x80 } else { 0 };
        let version = u8::from(has("+edns1"));
        bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, version, dnssec_ok, 0, 0, 0]);
    }
    bytes
}

fn client(addr: &str, text: &str) -> Client {
    let transport = if text.contains("+tcp") {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    Client::new(addr.parse::<IpAddr>().unwrap(), transport)
}

/// The reply as hickory reads it: rcode and flags, then a line for each record.
fn show(reply: &[u8]) -> Vec<String> {
    let message = Message::from_vec(reply).unwrap();
    let bits = u16::from_be_bytes([reply[2], reply[3]]);
    let mut head = Rcode(
        bits & 15
            | message
                .edns
                .as_ref()
                .map_or(0, |e| u16::from(e.rcode_high()) << 4),
    )
    .to_string();
    for (bit, word) in [
        (flag::AA, "aa"),
        (flag::TC, "tc"),
        (flag::AD, "ad"),
        (flag::RA, "ra"),
    ] {
        if bits & bit != 0 {
            head += " ";
            head += word;
        }
    }
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let mut lines = vec![head];
    for (mark, records) in ["", "authority ", "additional "].iter().zip(sections) {
        lines.extend(records.iter().map(|record| {
            let rdata = record.data.to_string();
            format!(
                "{mark}{} {} {} {rdata}",
                record.name,
                record.ttl,
                record.record_type()
            )
        }));
    }
    lines
}

/// Answers from memory, or says what would be asked.
fn ask_from(engine: &Engine, addr: &str, text: &str, now: u32) -> Vec<String> {
    let mut out = Vec::new();
    match engine.receive(&query(text), client(addr, text), now, &mut out) {
        Step::Reply(_) | Step::ReplyAndRefresh(..) => show(&out),
        Step::Ask { question, .. } => {
            assert!(out.is_empty());
            vec![format!("ask {} {}", question.name, question.rtype)]
        }
        Step::Drop(outcome) => vec![format!("drop {outcome:?}")],
    }
}

fn ask(engine: &Engine, text: &str) -> Vec<String> {
    ask_from(engine, LAN, text, 0)
}

/// Lets upstream answer: `rcode [ad] | record | authority record …` in master file form.
fn upstream(text: &str, question: &Question) -> Vec<u8> {
    let mut parts = text.split(" | ");
    let head = parts.next().unwrap();
    let rcode = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
        .iter()
        .position(|word| head.starts_with(word))
        .unwrap() as u16;
    let flags = flag::QR | flag::RD | flag::RA | rcode | if head.contains("ad") { flag::AD } else { 0 };
    let mut bytes = vec![0, 1];
    bytes.extend_from_slice(&flags.to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(question.name.as_wire());
    bytes.extend_from_slice(&question.rtype.0.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    for part in parts {
        let (place, line) = part
            .strip_prefix("authority ")
            .map_or((7, part), |line| (9, line));
        let mut include = |_: &str| Err(String::new());
        let file = master::parse("upstream", line.as_bytes(), &Name::root(), &mut include);
        assert_eq!(file.defects, []);
        let record = &file.entries[0].record;
        bytes[place] += 1;
        bytes.extend_from_slice(record.owner.as_wire());
        bytes.extend_from_slice(&record.rtype.0.to_be_bytes());
        bytes.extend_from_slice(&[0, 1]);
        bytes.extend_from_slice(&record.ttl.to_be_bytes());
        bytes.extend_from_slice(&(record.rdata.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&record.rdata);
    }
    bytes
}

/// Asks, has upstream answer with `reply`, and shows what the client gets.
fn ask_through(engine: &Engine, text: &str, reply: &str) -> Vec<String> {
    let mut out = Vec::new();
    let bytes = query(text);
    let Step::Ask { question, .. } = engine.receive(&bytes, client(LAN, text), 0, &mut out) else {
        panic!("not asked: {:?}", show(&out));
    };
    let fetched = engine
        .absorb(&question, &upstream(reply, &question), None, 0)
        .unwrap();
    let Step::Reply(_) = engine.resume(&bytes, client(LAN, text), 0, &fetched, &mut out) else {
        panic!()
    };
    show(&out)
}

fn hearth() -> Engine {
    engine(vec![
        zone(
            "hearth.example",
            "$TTL 300\n\
             @ A 203.0.113.1\n\
             matrix A 203.0.113.10\nmatrix AAAA 2001:db8::10\n\
             _matrix-fed._tcp SRV 10 5 8448 matrix\n\
             www CNAME matrix\nfar CNAME www.example.net.\nloop CNAME loop2\nloop2 CNAME loop\n\
             near CNAME host.other.example.\n\
             *.w A 203.0.113.99\n\
             sub NS ns.sub\nns.sub A 203.0.113.53\n\
             old DNAME renamed-host.other.example.\n\
             ; hearthdns: forward=_acme-challenge\n",
        ),
        zone(
            "other.example",
            "$TTL 60\nhost A 203.0.113.20\na.renamed-host A 203.0.113.21\n",
        ),
        zone(
            "over.example",
            "; hearthdns: mode=overlay\n$TTL 60\nmatrix A 203.0.113.30\n",
        ),
        Arc::new(Zone::closed(&name("broken.example"))),
    ])
}

const SOA: &str =
    "authority hearth.example. 60 SOA hearth.example. hostmaster.hearth.example. 1 3600 1200 604800 60";

#[test]
fn a_private_name_is_answered_here() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "MATRIX.hearth.example A"),
        ["NOERROR aa ra", "MATRIX.hearth.example. 300 A 203.0.113.10"]
    );
    assert_eq!(ask(&engine, "matrix.hearth.example MX"), ["NOERROR aa ra", SOA]);
    assert_eq!(ask(&engine, "nobody.hearth.example A"), ["NXDOMAIN aa ra", SOA]);
}

#[test]
fn srv_brings_the_addresses_of_its_target() {
    assert_eq!(
        ask(&hearth(), "_matrix-fed._tcp.hearth.example SRV"),
        [
            "NOERROR aa ra",
            "_matrix-fed._tcp.hearth.example. 300 SRV 10 5 8448 matrix.hearth.example.",
            "additional matrix.hearth.example. 300 A 203.0.113.10",
            "additional matrix.hearth.example. 300 AAAA 2001:db8::10",
        ]
    );
}

#[test]
fn rfc1034_s4_3_2_aliases_are_followed_through_zones_and_on_upstream() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "www.hearth.example A"),
        [
            "NOERROR aa ra",
            "www.hearth.example. 300 CNAME matrix.hearth.example.",
            "matrix.hearth.example. 300 A 203.0.113.10"
        ]
    );
    assert_eq!(
        ask(&engine, "near.hearth.example A"),
        [
            "NOERROR aa ra",
            "near.hearth.example. 300 CNAME host.other.example.",
            "host.other.example. 60 A 203.0.113.20"
        ]
    );
    assert_eq!(ask(&engine, "far.hearth.example A"), ["ask www.example.net. A"]);
    let expected = [
        "NOERROR aa ra",
        "far.hearth.example. 300 CNAME www.example.net.",
        "www.example.net. 90 A 198.51.100.7",
    ];
    let reply = "NOERROR ad | www.example.net. 90 A 198.51.100.7";
    assert_eq!(ask_through(&engine, "far.hearth.example A +ad", reply), expected);
    assert_eq!(ask(&engine, "far.hearth.example A"), expected, "from the cache");
    assert_eq!(
        ask_through(
            &engine,
            "far.hearth.example AAAA",
            "NXDOMAIN | authority example.net. 60 SOA a. b. 1 2 3 4 30"
        ),
        [
            "NXDOMAIN aa ra",
            "far.hearth.example. 300 CNAME www.example.net.",
            "authority example.net. 60 SOA a. b. 1 2 3 4 30",
        ]
    );
}

#[test]
fn an_alias_loop_is_a_failure() {
    assert_eq!(ask(&hearth(), "loop.hearth.example A"), ["SERVFAIL ra"]);
    assert_eq!(ask(&hearth(), "loop.hearth.example CNAME")[0], "NOERROR aa ra");
}

#[test]
fn rfc4592_wildcards_answer_for_names_that_do_not_exist() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "x.w.hearth.example A"),
        ["NOERROR aa ra", "x.w.hearth.example. 300 A 203.0.113.99"]
    );
    assert_eq!(ask(&engine, "x.w.hearth.example AAAA"), ["NOERROR aa ra", SOA]);
}

#[test]
fn rfc6672_s2_2_a_dname_rewrites_the_name() {
    assert_eq!(
        ask(&hearth(), "a.old.hearth.example A"),
        [
            "NOERROR aa ra",
            // hickory does not know DNAME: the name's bytes in base64.
            "old.hearth.example. 300 DNAME DHJlbmFtZWQtaG9zdAVvdGhlcgdleGFtcGxlAA==",
            "a.old.hearth.example. 300 CNAME a.renamed-host.other.example.",
            "a.renamed-host.other.example. 60 A 203.0.113.21",
        ]
    );
    let long = format!(
        "{}.old.hearth.example A",
        ["a".repeat(60).as_str(); 3].join(".") + "." + &"b".repeat(48)
    );
    assert_eq!(ask(&hearth(), &long)[0], "YXDOMAIN aa ra");
}

#[test]
fn rfc1034_s4_2_1_a_delegation_is_a_referral_with_glue() {
    let expected = [
        "NOERROR ra",
        "authority sub.hearth.example. 300 NS ns.sub.hearth.example.",
        "additional ns.sub.hearth.example. 300 A 203.0.113.53",
    ];
    assert_eq!(ask(&hearth(), "www.sub.hearth.example A"), expected);
    assert_eq!(ask(&hearth(), "ns.sub.hearth.example A"), expected);
}

#[test]
fn an_overlay_forwards_what_it_does_not_hold() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "matrix.over.example A")[1],
        "matrix.over.example. 60 A 203.0.113.30"
    );
    assert_eq!(ask(&engine, "matrix.over.example AAAA").len(), 2);
    assert_eq!(ask(&engine, "www.over.example A"), ["ask www.over.example. A"]);
}

#[test]
fn a_passed_through_name_is_asked_upstream() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "_acme-challenge.hearth.example TXT"),
        ["ask _acme-challenge.hearth.example. TXT"]
    );
}

#[test]
fn a_zone_that_cannot_be_loaded_is_closed() {
    assert_eq!(ask(&hearth(), "matrix.broken.example A"), ["SERVFAIL ra"]);
    assert_eq!(ask(&hearth(), "broken.example SOA"), ["SERVFAIL ra"]);
}

#[test]
fn strangers_are_refused() {
    assert_eq!(
        ask_from(&hearth(), "198.51.100.9", "matrix.hearth.example A", 0),
        ["REFUSED ra"]
    );
}

#[test]
fn rfc6891_s9_later_versions_of_edns_are_told_so() {
    assert_eq!(ask(&hearth(), "matrix.hearth.example A +edns1"), ["BADVERS ra"]);
}

#[test]
fn other_classes_and_transfers_are_refused() {
    let engine = hearth();
    assert_eq!(ask(&engine, "version.bind TXT class=3"), ["REFUSED ra"]);
    assert_eq!(ask(&engine, "hearth.example AXFR +tcp"), ["REFUSED ra"]);
    assert_eq!(ask(&engine, "hearth.example OPT"), ["FORMERR ra"]);
}

#[test]
fn rfc8482_any_gets_one_set() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "matrix.hearth.example ANY"),
        ["NOERROR aa ra", "matrix.hearth.example. 300 A 203.0.113.10"]
    );
    assert_eq!(ask(&engine, "nobody.hearth.example ANY")[0], "NXDOMAIN aa ra");
    assert_eq!(
        ask(&engine, "www.example.net ANY"),
        ["NOERROR ra", "www.example.net. 3600 HINFO RFC8482 "]
    );
}

#[test]
fn names_of_one_label_stay_here() {
    let engine = hearth();
    assert_eq!(
        ask(&engine, "printer A"),
        ["NXDOMAIN ra", "authority . 60 SOA . . 1 3600 1200 604800 60"]
    );
    assert_eq!(ask(&engine, "printer SRV")[0], "NXDOMAIN ra");
    assert_eq!(ask(&engine, "example DS"), ["ask example. DS"]);
    assert_eq!(ask(&engine, ". DNSKEY"), ["ask . DNSKEY"]);
}

#[test]
fn special_use_names_never_leave() {
    let engine = hearth();
    assert_eq!(ask(&engine, "localhost A")[1], "localhost. 3600 A 127.0.0.1");
    for absent in [
        "x.onion A",
        "x.local A",
        "x.test A",
        "x.invalid A",
        "9.1.168.192.in-addr.arpa PTR",
    ] {
        assert_eq!(ask(&engine, absent)[0], "NXDOMAIN aa ra", "{absent}");
    }
    assert_eq!(ask(&engine, "_dns.resolver.arpa SVCB")[0], "NOERROR aa ra");
}

#[test]
fn what_upstream_said_arrives_and_ages() {
    let engine = hearth();
    let reply = "NOERROR ad | a.example.net. 300 CNAME b.example.net. | b.example.net. 100 A 198.51.100.7";
    let expected = |aged: u32| {
        vec![
            "NOERROR ad ra".to_owned(),
            format!("a.example.net. {} CNAME b.example.net.", 300 - aged),
            format!("b.example.net. {} A 198.51.100.7", 100 - aged),
        ]
    };
    assert_eq!(ask_through(&engine, "a.example.net A +ad", reply), expected(0));
    assert_eq!(ask_from(&engine, LAN, "a.example.net A +ad", 40), expected(40));
    // RFC 6840, 5.8: AD only for those who understand it.
    assert_eq!(ask_from(&engine, LAN, "a.example.net A", 40)[0], "NOERROR ra");
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 100),
        ["ask a.example.net. A"]
    );
}

#[test]
fn rfc2308_s5_negative_answers_are_kept_as_the_soa_says() {
    let engine = hearth();
    let reply =
        "NXDOMAIN | a.example.net. 300 CNAME b.example.net. | authority example.net. 60 SOA a. b. 1 2 3 4 30";
    let whole = ask_through(&engine, "a.example.net A", reply);
    assert_eq!(
        whole[..2],
        ["NXDOMAIN ra", "a.example.net. 300 CNAME b.example.net."]
    );
    assert_eq!(ask_from(&engine, LAN, "a.example.net A", 29)[0], "NXDOMAIN ra");
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 30),
        ["ask a.example.net. A"]
    );
    // Without a SOA nothing is kept.
    ask_through(&engine, "c.example.net A", "NXDOMAIN");
    assert_eq!(ask(&engine, "c.example.net A"), ["ask c.example.net. A"]);
}

#[test]
fn failures_are_passed_on_and_not_kept() {
    let engine = hearth();
    assert_eq!(ask_through(&engine, "a.example.net A", "REFUSED"), ["REFUSED ra"]);
    assert_eq!(ask(&engine, "a.example.net A"), ["ask a.example.net. A"]);
}

/// An engine with stale answers and screens on.
fn guarded(screen: Screen) -> Engine {
    let zones = vec![zone(
        "over.example",
        "; hearthdns: mode=overlay\n$TTL 60\nmatrix A 203.0.113.30\n",
    )];
    let exempt = vec![name("exempt.example.net")];
    let rules = Rules {
        stale_for: 1000,
        screens: vec![screen],
        rebinding_exempt: exempt,
        ..rules()
    };
    Engine::new(rules, snapshot(zones, Vec::new(), &Routing::default()))
}

fn fail(engine: &Engine, text: &str, failure: Failure, now: u32) -> Vec<String> {
    let bytes = query(text);
    let mut out = Vec::new();
    let Step::Ask { question, .. } = engine.receive(&bytes, client(LAN, text), now, &mut out) else {
        panic!()
    };
    let failed = Fetched::Failed(question, failure);
    engine.note_failure(&failed, now);
    let Step::Reply(_) = engine.resume(&bytes, client(LAN, text), now, &failed, &mut out) else {
        panic!()
    };
    show(&out)
}

#[test]
fn rfc8767_s4_a_stale_answer_serves_when_upstream_fails() {
    let engine = guarded(Screen::default());
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 300),
        ["ask a.example.net. A"],
        "first a try"
    );
    let stale = ["NOERROR ra", "a.example.net. 30 A 198.51.100.7"];
    assert_eq!(fail(&engine, "a.example.net A", Failure::TimedOut, 310), stale);
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 339),
        stale,
        "5: without another try for a while"
    );
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 340),
        ["ask a.example.net. A"]
    );
    assert_eq!(
        fail(&engine, "a.example.net A", Failure::TimedOut, 1300),
        ["SERVFAIL ra"],
        "not for ever"
    );
}

#[test]
fn rfc8767_s5_a_late_answer_lets_the_stale_one_go_first() {
    let engine = guarded(Screen::default());
    ask_through(
        &engine,
        "a.example.net A",
        "NXDOMAIN | authority example.net. 60 SOA a. b. 1 2 3 4 30",
    );
    let bytes = query("a.example.net A");
    let mut out = Vec::new();
    let step = engine.receive(&bytes, client(LAN, ""), 30, &mut out);
    let Step::Ask {
        question,
        has_stale: true,
    } = step
    else {
        panic!("{step:?}")
    };
    let late = Fetched::Failed(question, Failure::Late);
    let step = engine.resume(&bytes, client(LAN, ""), 30, &late, &mut out);
    assert!(matches!(step, Step::Reply(Outcome::Stale)));
    assert_eq!(
        show(&out),
        ["NXDOMAIN ra", "authority example.net. 30 SOA a. b. 1 2 3 4 30"]
    );
    // Stale NXDOMAIN Answer (RFC 8914, 4.20).
    assert!(out.ends_with(b"\x00\x13no upstream answers"));
}

#[test]
fn rfc8767_s4_servfail_from_upstream_does_not_replace_a_stale_answer() {
    let engine = guarded(Screen::default());
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    let bytes = query("a.example.net A");
    let mut out = Vec::new();
    let Step::Ask { question, .. } = engine.receive(&bytes, client(LAN, ""), 300, &mut out) else {
        panic!()
    };
    let fetched = engine
        .absorb(&question, &upstream("SERVFAIL", &question), None, 300)
        .unwrap();
    engine.note_failure(&fetched, 300);
    engine.resume(&bytes, client(LAN, ""), 300, &fetched, &mut out);
    assert_eq!(show(&out), ["NOERROR ra", "a.example.net. 30 A 198.51.100.7"]);
}

#[test]
fn rfc9520_s3_2_a_failure_is_kept_for_seconds() {
    let engine = guarded(Screen::default());
    let first = fail(&engine, "a.example.net A", Failure::TimedOut, 0);
    assert_eq!(first, ["SERVFAIL ra"]);
    assert_eq!(ask_from(&engine, LAN, "a.example.net A", 4), ["SERVFAIL ra"]);
    assert_eq!(
        ask_from(&engine, LAN, "a.example.net A", 5),
        ["ask a.example.net. A"]
    );
}

#[test]
fn a_popular_answer_is_refreshed_while_it_serves() {
    let engine = guarded(Screen::default());
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    let mut out = Vec::new();
    let bytes = query("a.example.net A");
    for now in [1, 2, 269] {
        assert!(matches!(
            engine.receive(&bytes, client(LAN, ""), now, &mut out),
            Step::Reply(Outcome::Cached)
        ));
    }
    let step = engine.receive(&bytes, client(LAN, ""), 270, &mut out);
    let Step::ReplyAndRefresh(Outcome::Cached, question) = step else {
        panic!("{step:?}")
    };
    assert_eq!(question.name, name("a.example.net"));
    assert!(matches!(
        engine.receive(&bytes, client(LAN, ""), 271, &mut out),
        Step::Reply(Outcome::Cached)
    ));
}

#[test]
fn private_addresses_from_upstream_are_removed_but_not_from_domains_of_the_house() {
    let engine = guarded(Screen {
        rebinding: true,
        ..Screen::default()
    });
    let reply = |host: &str| format!("NOERROR | {host}. 60 A 192.168.1.1 | {host}. 60 A 198.51.100.7");
    let ask = |host: &str| ask_through(&engine, &format!("{host} A"), &reply(host)).len() - 1;
    assert_eq!(ask("rebound.example.net"), 1);
    assert_eq!(ask("x.exempt.example.net"), 2);
    assert_eq!(ask("www.over.example"), 2, "an overlay's domain is of the house");
}

#[test]
fn a_reply_with_a_listed_address_is_forged() {
    let bogus = vec!["198.51.100.66/32".parse().unwrap()];
    let engine = guarded(Screen {
        bogus,
        ..Screen::default()
    });
    let bytes = query("a.example.net A");
    let mut out = Vec::new();
    let Step::Ask { question, .. } = engine.receive(&bytes, client(LAN, ""), 0, &mut out) else {
        panic!()
    };
    let reply = upstream("NOERROR | a.example.net. 60 A 198.51.100.66", &question);
    assert_eq!(
        engine.absorb(&question, &reply, None, 0).unwrap_err(),
        fetch::Unusable::Forged
    );
    assert_eq!(ask(&engine, "a.example.net A"), ["ask a.example.net. A"]);
}

#[test]
fn rfc2181_s5_4_1_records_that_do_not_belong_to_the_question_are_left_out() {
    let engine = guarded(Screen::default());
    let reply = "NOERROR | b.example.net. 60 A 198.51.100.7 | a.example.net. 60 CNAME b.example.net. \
                 | bank.example. 60 A 198.51.100.66 | authority bank.example. 60 NS evil.example. \
                 | authority example.net. 60 NS ns.example.net.";
    assert_eq!(
        ask_through(&engine, "a.example.net A", reply),
        [
            "NOERROR ra",
            "b.example.net. 60 A 198.51.100.7",
            "a.example.net. 60 CNAME b.example.net.",
            "authority example.net. 60 NS ns.example.net.",
        ]
    );
}

#[test]
fn the_cache_never_mixes_routes() {
    let routing = Routing {
        base: Vec::new(),
        views: vec![ViewRoutes {
            view: "desk".to_owned(),
            default: Some(1),
            routes: Vec::new(),
        }],
    };
    let clients = vec!["10.0.0.0/8".parse().unwrap()];
    let view = ViewZones {
        name: "desk".to_owned(),
        clients,
        zones: Vec::new(),
    };
    let engine = Engine::new(rules(), snapshot(Vec::new(), vec![view], &routing));
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    assert_eq!(ask(&engine, "a.example.net A").len(), 2);
    assert_eq!(
        ask_from(&engine, "10.1.1.1", "a.example.net A", 0),
        ["ask a.example.net. A"]
    );
}

#[test]
fn dnssec_bits_are_questions_of_their_own() {
    let engine = hearth();
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    assert_eq!(ask(&engine, "a.example.net A +do"), ["ask a.example.net. A"]);
    assert_eq!(ask(&engine, "a.example.net A +cd"), ["ask a.example.net. A"]);
}

#[test]
fn without_recursion_only_memory_answers() {
    let engine = hearth();
    assert_eq!(ask(&engine, "a.example.net A +nord"), ["REFUSED ra"]);
    assert_eq!(ask(&engine, "matrix.hearth.example A +nord")[0], "NOERROR aa ra");
    assert_eq!(ask(&engine, "far.hearth.example A +nord")[0], "NOERROR aa ra");
    ask_through(
        &engine,
        "a.example.net A",
        "NOERROR | a.example.net. 300 A 198.51.100.7",
    );
    assert_eq!(ask(&engine, "a.example.net A +nord")[0], "NOERROR ra");
}

#[test]
fn a_failed_question_is_a_servfail_with_a_reason() {
    let engine = hearth();
    let bytes = query("far.hearth.example A");
    let mut out = Vec::new();
    let Step::Ask { question, .. } = engine.receive(&bytes, client(LAN, ""), 0, &mut out) else {
        panic!()
    };
    let failed = Fetched::Failed(question, Failure::TimedOut);
    let step = engine.resume(&bytes, client(LAN, ""), 0, &failed, &mut out);
    assert!(matches!(step, Step::Reply(Outcome::Failed)));
    assert_eq!(show(&out), ["SERVFAIL ra"]);
    assert!(out.ends_with(b"\x00\x16no upstream answered in time"));
}

#[test]
fn a_reply_to_another_question_is_not_taken_in() {
    let engine = hearth();
    let ours = Question {
        name: name("a.example.net"),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok: false,
        checking_disabled: false,
    };
    let other = Question {
        name: name("b.example.net"),
        ..ours.clone()
    };
    let reply = upstream("NOERROR | b.example.net. 300 A 198.51.100.7", &other);
    assert_eq!(
        engine.absorb(&ours, &reply, None, 0).unwrap_err(),
        fetch::Unusable::OtherQuestion
    );
}

#[test]
fn a_large_answer_is_cut_for_datagrams_and_whole_over_tcp() {
    let mut text = "$TTL 60\n".to_owned();
    for last in 0..100 {
        text += &format!("many A 203.0.113.{last}\n");
    }
    let engine = engine(vec![zone("hearth.example", &text)]);
    assert_eq!(ask(&engine, "many.hearth.example A"), ["NOERROR aa tc ra"]);
    assert_eq!(ask(&engine, "many.hearth.example A +plain"), ["NOERROR aa tc ra"]);
    assert_eq!(ask(&engine, "many.hearth.example A +tcp").len(), 101);
}

#[test]
fn views_see_their_own_records_and_the_cache_is_shared() {
    let view = ViewZones {
        name: "desk".to_owned(),
        clients: vec!["10.0.0.0/8".parse().unwrap()],
        zones: vec![zone("hearth.example", "matrix 60 A 10.0.0.10\n")],
    };
    let base = zone(
        "hearth.example",
        "$TTL 60\nmatrix A 203.0.113.10\nmatrix AAAA 2001:db8::1\nmatrix TXT base\n",
    );
    let engine = Engine::new(rules(), snapshot(vec![base], vec![view], &Routing::default()));
    assert_eq!(
        ask_from(&engine, "10.1.1.1", "matrix.hearth.example A", 0)[1],
        "matrix.hearth.example. 60 A 10.0.0.10"
    );
    // Its addresses are the view's, and it has no other; what is not an address comes from the base zone.
    assert_eq!(
        ask_from(&engine, "10.1.1.1", "matrix.hearth.example AAAA", 0),
        [
            "NOERROR aa ra",
            "authority hearth.example. 60 SOA hearth.example. hostmaster.hearth.example. 1 3600 1200 604800 60"
        ]
    );
    assert_eq!(
        ask_from(&engine, "10.1.1.1", "matrix.hearth.example TXT", 0)[1],
        "matrix.hearth.example. 60 TXT base"
    );
    assert_eq!(
        ask(&engine, "matrix.hearth.example AAAA")[1],
        "matrix.hearth.example. 60 AAAA 2001:db8::1"
    );
    assert_eq!(
        ask(&engine, "matrix.hearth.example A")[1],
        "matrix.hearth.example. 60 A 203.0.113.10"
    );
}

#[test]
fn flush_forgets() {
    let engine = hearth();
    for host in ["a.example.net", "b.example.net", "c.example.org"] {
        ask_through(
            &engine,
            &format!("{host} A"),
            &format!("NOERROR | {host}. 300 A 198.51.100.7"),
        );
    }
    assert_eq!(engine.cache_fill().entries, 3);
    assert_eq!(engine.flush(Some(&name("example.net")), true), 2);
    assert_eq!(engine.flush(Some(&name("example.org")), false), 0);
    assert_eq!(engine.flush(None, false), 1);
    assert_eq!(engine.cache_fill(), Fill::default());
}

#[test]
fn explain_tells_the_line() {
    let engine = hearth();
    let mut story = explain::Story::default();
    let mut out = Vec::new();
    engine.explain(
        &query("far.hearth.example A"),
        client(LAN, ""),
        0,
        &mut out,
        &mut story,
    );
    let steps: Vec<String> = story
        .steps
        .iter()
        .map(|(stage, verdict)| format!("{stage}: {verdict}"))
        .collect();
    assert_eq!(
        steps,
        [
            "admit: 192.168.1.20 may ask",
            "view: base zones",
            "zone: far.hearth.example. in private zone hearth.example.: is an alias",
            "zone: www.example.net. is in no zone",
            "cache: miss",
            "upstream: ask route 0 for www.example.net. A",
        ]
    );
}

#[test]
fn changed_bytes_never_panic() {
    let engine = hearth();
    let mut out = Vec::new();
    for text in [
        "matrix.hearth.example A",
        "a.old.hearth.example A +do",
        "x.sub.hearth.example NS +plain",
    ] {
        let bytes = query(text);
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[at] = value;
                out.clear();
                let step = engine.receive(&changed, client(LAN, ""), 0, &mut out);
                if matches!(step, Step::Reply(_)) && out[3] & 15 != 1 {
                    Message::from_vec(&out).unwrap();
                }
            }
        }
    }
}
