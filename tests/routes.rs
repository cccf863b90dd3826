//! Which upstream is asked for which name, and what of its word is believed: routes, views, screens.
#![allow(clippy::unwrap_used)]

mod support;

use support::sample::HEARTH;
use support::upstream::positive;
use support::{Act, House, Upstream, rcode, rtype};

/// An upstream that gives this address for every name.
fn giving(address: &'static str) -> Upstream {
    Upstream::start(move |query, _| vec![Act::Send(positive(query, address))])
}

#[test]
fn the_longest_route_is_asked_and_no_other() {
    let (everybody, corp, deep) = (
        giving("198.51.100.1"),
        giving("198.51.100.2"),
        giving("198.51.100.3"),
    );
    let config = format!(
        "upstreams: [\"{}\"]\nroutes:\n  corp.example: {{upstreams: [\"{}\"]}}\n  \
         deep.corp.example: {{upstreams: [\"{}\"]}}\n  ads.example: nowhere\n  \
         hearth.example: {{upstreams: [\"{}\"]}}\n",
        everybody.addr, corp.addr, deep.addr, everybody.addr
    );
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config(&config)
        .upstreams(&[]);
    let daemon = house.start();
    for (name, address) in [
        ("www.example.net.", "198.51.100.1"),
        ("corp.example.", "198.51.100.2"),
        ("a.CORP.example.", "198.51.100.2"),
        ("x.deep.corp.example.", "198.51.100.3"),
    ] {
        let reply = daemon.ask(name, rtype::A);
        assert_eq!(
            reply.answer_lines(),
            [format!("{name} 300 A {address}")],
            "{name}"
        );
    }
    assert_eq!(daemon.ask("x.ads.example.", rtype::A).rcode, rcode::NXDOMAIN);
    // A zone file is stronger than a route: promise 1.
    assert_eq!(
        daemon.ask("nobody.hearth.example.", rtype::A).rcode,
        rcode::NXDOMAIN
    );
    assert_eq!(
        (everybody.seen().len(), corp.seen().len(), deep.seen().len()),
        (1, 2, 1)
    );
    let explained = house.dnsctl(&["explain", "x.deep.corp.example", "AAAA"]).stdout;
    assert!(explained.contains("deep.corp.example."), "{explained}");
}

#[test]
fn private_addresses_are_removed_from_public_names_only() {
    let public = giving("192.168.1.66");
    let home = giving("192.168.1.10");
    let config = format!(
        "upstreams: [\"{}\"]\nroutes: {{lan.example: {{upstreams: [\"{}\"]}}}}\n\
         screen: {{rebinding_exempt: [plex.example]}}\n",
        public.addr, home.addr
    );
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config(&config)
        .upstreams(&[]);
    let daemon = house.start();
    let addresses = |name: &str| daemon.ask(name, rtype::A).answer_lines().len();
    assert_eq!(addresses("rebind.example.net."), 0);
    assert_eq!(addresses("x.plex.example."), 1);
    // The scripted upstream is on loopback, so the route leads home.
    assert_eq!(addresses("nas.lan.example."), 1);
}

#[test]
fn a_forged_reply_is_passed_over_for_the_next_upstream() {
    let (forger, honest) = (giving("198.51.100.66"), giving("198.51.100.7"));
    let config = format!(
        "upstreams: [\"{}\", \"{}\"]\nupstream: {{strategy: ordered}}\nscreen: {{bogus: [198.51.100.66]}}\n",
        forger.addr, honest.addr
    );
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config(&config)
        .upstreams(&[]);
    let daemon = house.start();
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(reply.answer_lines(), ["www.example.net. 300 A 198.51.100.7"]);
    assert_eq!((forger.seen().len(), honest.seen().len()), (1, 1));
}
