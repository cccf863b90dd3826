//! Unbound on plain DNS: upstream of us, gone and back, validating, and with us for its own upstream.

use std::process::Command;
use std::time::Instant;

use crate::peers::{ITERATE, knot, nsd, public, stub_zone, unbound};
use crate::support::sample::HEARTH;
use crate::support::wire::type_number;
use crate::support::{self, Client, House, Message, free_address, program, rcode, rtype, run};
use crate::{Test, served};

pub(crate) const TESTS: &[Test] = &[
    (
        "unbound_upstream_of_us_is_passed_on",
        &["nsd", "unbound"],
        unbound_upstream_of_us_is_passed_on,
    ),
    (
        "unbound_killed_and_back_is_asked_again",
        &["nsd", "unbound"],
        unbound_killed_and_back_is_asked_again,
    ),
    (
        "unbound_validates_and_we_pass_it_on",
        &["knotd", "kdig", "unbound"],
        unbound_validates_and_we_pass_it_on,
    ),
    (
        "unbound_takes_us_as_its_upstream",
        &["unbound"],
        unbound_takes_us_as_its_upstream,
    ),
];

fn unbound_upstream_of_us_is_passed_on() {
    let server = nsd(&[("example.net", &public())]);
    let upstream = unbound(free_address(), ITERATE, &stub_zone(&server), "example.net.");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    for (owner, types) in [
        ("www.example.net.", "A AAAA TXT"),
        ("alias.example.net.", "A AAAA CNAME"),
        ("broken.example.net.", "A"),
        ("empty.example.net.", "AAAA"),
        ("nowhere.example.net.", "A"),
        ("odd.example.net.", "TYPE65280"),
        ("a.any.example.net.", "TXT A"),
        ("b.moved.example.net.", "TXT"),
        ("srv.example.net.", "SRV"),
        ("example.net.", "SOA NS"),
        ("big.example.net.", "A"),
    ] {
        for asked in types.split(' ') {
            // What Unbound says directly, and what it says through us; TTLs have aged by another second at most.
            let show = |client: &Client, tcp: bool| {
                let query = Message::query(owner, type_number(asked)).with_edns(1232);
                let reply = if tcp {
                    client.stream().exchange(&query)
                } else {
                    client.exchange(&query)
                };
                let timeless = |lines: Vec<String>| -> Vec<String> {
                    let without = |line: String| {
                        let mut words: Vec<&str> = line.split(' ').collect();
                        words.remove(1);
                        words.join(" ")
                    };
                    let mut lines: Vec<String> = lines.into_iter().map(without).collect();
                    lines.sort();
                    lines
                };
                (
                    reply.rcode,
                    timeless(reply.answer_lines()),
                    timeless(reply.authority_lines()),
                )
            };
            assert_eq!(
                show(&daemon.client(), true),
                show(&upstream.client(), true),
                "{owner} {asked}"
            );
            if owner != "big.example.net." {
                assert_eq!(
                    show(&daemon.client(), false),
                    show(&upstream.client(), false),
                    "{owner} {asked}"
                );
            }
        }
    }
    let cut = daemon.ask("big.example.net.", rtype::A);
    assert!(cut.tc && cut.size <= 1232, "{cut:?}");
    assert_eq!(
        daemon
            .client()
            .ask_tcp("big.example.net.", rtype::A)
            .answers
            .len(),
        200
    );
}

fn unbound_killed_and_back_is_asked_again() {
    let server = nsd(&[("example.net", &public())]);
    let addr = free_address();
    let mut upstream = unbound(addr, ITERATE, &stub_zone(&server), "example.net.");
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    assert_eq!(daemon.ask("www.example.net.", rtype::A).answers.len(), 1);
    upstream.process.kill();
    assert_eq!(daemon.ask("srv.example.net.", rtype::SRV).rcode, rcode::SERVFAIL);
    let _upstream = unbound(addr, ITERATE, &stub_zone(&server), "example.net.");
    let end = Instant::now() + support::DEADLINE;
    // A failed upstream may be left alone for a while, but not for good.
    while daemon.ask("alias.example.net.", rtype::A).rcode != rcode::NOERROR {
        assert!(
            Instant::now() < end,
            "an upstream that came back is not asked again"
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Knot signs, Unbound validates, and what it says of that reaches our client: AD, RRSIG, and SERVFAIL for a zone
/// that is bogus.
fn unbound_validates_and_we_pass_it_on() {
    let server = knot(&[("example.net", &public())], true);
    let mut command = Command::new(program("kdig").unwrap());
    command.args([
        &format!("@{}", server.addr.ip()),
        "-p",
        &server.addr.port().to_string(),
        "+short",
        "example.net",
        "DNSKEY",
    ]);
    let end = Instant::now() + support::DEADLINE;
    let keys = loop {
        // Signing takes Knot a moment after its first answer.
        let keys = run(&mut command).ok().stdout;
        if keys.lines().any(|key| key.starts_with("257 ")) {
            break keys;
        }
        assert!(Instant::now() < end, "knot does not sign");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let key = keys
        .lines()
        .find(|key| key.starts_with("257 "))
        .unwrap()
        .to_owned();
    let anchored = |key: &str| {
        // A name of its own to probe: nothing of a bogus zone is ever answered.
        let more = format!(
            "  module-config: \"validator iterator\"\n  trust-anchor: \"example.net. DNSKEY {key}\"\n  \
             local-zone: \"probe.example.com.\" static\n  local-data: \"probe.example.com. SOA a. b. 1 2 3 4 5\"\n"
        );
        unbound(free_address(), &more, &stub_zone(&server), "probe.example.com.")
    };
    let upstream = anchored(&key);
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    let mut query = Message::query("www.example.net.", rtype::A).with_edns(1232);
    query.edns.as_mut().unwrap().dnssec_ok = true;
    let reply = daemon.client().exchange(&query);
    assert!(reply.ad, "validated upstream, and the client is told: {reply:?}");
    assert!(
        reply.answers.iter().any(|record| record.rtype == 46),
        "with signatures: {reply:?}"
    );
    let plain = daemon.ask("www.example.net.", rtype::A);
    assert!(
        plain.answers.iter().all(|record| record.rtype != 46),
        "without, who did not ask: {plain:?}"
    );
    // A trust anchor that is not the zone's: all of it is bogus.
    let wrong = key.replace(&key[key.len() - 20..key.len() - 12], "AAAAAAAA");
    let bogus = anchored(&wrong);
    let house = House::new().upstream(bogus.addr);
    let daemon = house.start();
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::SERVFAIL, "{reply:?}");
    let reason = reply.edns.as_ref().and_then(support::wire::Edns::extended_error);
    assert!(
        matches!(reason, Some((6..=12, _))),
        "the reason (RFC 8914, 4.7 to 4.13) is passed on: {reply:?}"
    );
}

/// The other way round: somebody's Unbound forwards to us.
fn unbound_takes_us_as_its_upstream() {
    let (_house, daemon) = served();
    let forward = format!(
        "forward-zone:\n  name: .\n  forward-addr: 127.0.0.1@{}\n",
        daemon.udp[0].port()
    );
    let resolver = unbound(free_address(), ITERATE, &forward, "hearth.example.");
    let ask = |name: &str, asked| resolver.client().ask(name, asked);
    assert_eq!(ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert_eq!(ask("www2.hearth.example.", rtype::A).answers.len(), 3);
    assert_eq!(ask("nowhere.hearth.example.", rtype::A).rcode, rcode::NXDOMAIN);
    assert_eq!(ask("matrix.hearth.example.", rtype::TXT).rcode, rcode::NOERROR);
    assert_eq!(ask("host3.wild.example.", rtype::MX).answers.len(), 1);
}
