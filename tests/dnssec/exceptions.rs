//! What is not validated, and what validation may not do: exempt domains, anchors, several upstreams, leaks.

use crate::Test;
use crate::asking::{query, relay, verdict};
use crate::support::{Act, Upstream, rcode, rtype, run};
use crate::world::World;

pub(crate) const TESTS: &[Test] = &[
    (
        "negative_trust_anchors_hold_until_their_time",
        &[],
        negative_trust_anchors_hold_until_their_time,
    ),
    (
        "our_own_zones_have_no_ad_and_are_not_looked_up",
        &[],
        our_own_zones_have_no_ad_and_are_not_looked_up,
    ),
    (
        "routes_to_private_servers_are_exempt",
        &[],
        routes_to_private_servers_are_exempt,
    ),
    (
        "another_upstream_may_say_what_is_right",
        &[],
        another_upstream_may_say_what_is_right,
    ),
    (
        "anchors_that_cannot_be_read_end_the_start",
        &[],
        anchors_that_cannot_be_read_end_the_start,
    ),
];

fn negative_trust_anchors_hold_until_their_time(world: &World) {
    let house = world.house(
        "  negative_trust_anchors:\n    - {domain: tampered.tld, reason: \"owner told\", until: 2090-01-01}\n    \
         - {domain: expired.tld, reason: \"was mended\", until: 2026-02-01}\n",
    );
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "www.tampered.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(verdict(&client, "www.expired.tld.", rtype::A).0, rcode::SERVFAIL);
    let status = house.dnsctl(&["status"]).ok().stdout;
    let lines: Vec<&str> = status.lines().filter(|line| line.starts_with("  not ")).collect();
    assert_eq!(
        lines,
        [
            "  not tampered.tld.  until 2090-01-01       owner told",
            "  not expired.tld.   over since 2026-02-01  was mended",
        ]
    );
}

/// A private zone below a signed parent: our answers stand, without AD, and validation asks nobody about it.
fn our_own_zones_have_no_ad_and_are_not_looked_up(world: &World) {
    let zone = "; hearthdns: forward=_acme-challenge\nmatrix A 192.168.1.10\nout CNAME www.good.tld.\n";
    let server = world.server.addr;
    let upstream =
        Upstream::start(move |query, by| relay(server, query, by).map(Act::Send).into_iter().collect());
    let house = world
        .house("")
        .upstream(upstream.addr)
        .zone("home.good.tld", zone);
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "matrix.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(
        verdict(&client, "nowhere.home.good.tld.", rtype::A),
        (rcode::NXDOMAIN, false, None)
    );
    // The chain begins with our own alias: data may be proven, the whole is not.
    assert_eq!(
        verdict(&client, "out.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    // Passed on, but not validated: its proof would need questions about the private zone.
    assert!(!verdict(&client, "_acme-challenge.home.good.tld.", rtype::TXT).1);
    let names: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.query.qname().to_lowercase())
        .collect();
    assert!(
        names.iter().any(|name| name == "good.tld."),
        "validation was at work: {names:?}"
    );
    let private = names
        .iter()
        .filter(|name| name.ends_with("home.good.tld.") && !name.starts_with("_acme-challenge."));
    assert_eq!(private.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A domain with a server of the house: not validated, and nobody else hears of it.
fn routes_to_private_servers_are_exempt(world: &World) {
    let server = world.server.addr;
    let everybody =
        Upstream::start(move |query, by| relay(server, query, by).map(Act::Send).into_iter().collect());
    let routes = format!("routes:\n  tampered.tld:\n    upstreams: [\"{server}\"]\n");
    let house = world.house(&routes).upstream(everybody.addr);
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "www.tampered.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(
        verdict(&client, "www.expired.tld.", rtype::A),
        (rcode::SERVFAIL, false, Some(7))
    );
    assert_eq!(everybody.names_below("tampered.tld."), Vec::<String>::new());
}

fn another_upstream_may_say_what_is_right(world: &World) {
    let server = world.server.addr;
    // Lies about addresses, and only about them.
    let liar = Upstream::start(move |query, by| {
        let mut reply = relay(server, query, by);
        let records = reply.iter_mut().flat_map(|reply| &mut reply.answers);
        for record in records.filter(|record| record.rtype == rtype::A) {
            record.rdata = vec![203, 0, 113, 66];
        }
        reply.map(Act::Send).into_iter().collect()
    });
    let house = world.house("").upstreams(&[liar.addr, server]);
    let daemon = house.start();
    for _ in 0..3 {
        let reply = daemon
            .client()
            .stream()
            .exchange(&query("www.good.tld.", rtype::A, true));
        let addresses: Vec<&[u8]> = reply
            .answers
            .iter()
            .filter(|one| one.rtype == rtype::A)
            .map(|one| &one.rdata[..])
            .collect();
        assert_eq!(
            (reply.rcode, reply.ad, addresses),
            (rcode::NOERROR, true, vec![&[192, 0, 2, 80][..]])
        );
    }
    let house = world.house("").upstream(liar.addr);
    let daemon = house.start();
    assert_eq!(
        verdict(&daemon.client(), "www.good.tld.", rtype::A),
        (rcode::SERVFAIL, false, Some(6))
    );
}

fn anchors_that_cannot_be_read_end_the_start(world: &World) {
    let house = world.house("");
    house.write("anchors", ". A 192.0.2.1\n");
    let ran = run(&mut house.command());
    let ran = ran.fails(1);
    assert!(
        house
            .neutral(&ran.stderr)
            .contains("anchors:1:1: expected a DS or DNSKEY record with a known algorithm, found A"),
        "{ran:?}"
    );
}
