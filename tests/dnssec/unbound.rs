//! Unbound in the same world: it agrees with us, and it validates behind us.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::Test;
use crate::asking::{Asked, type_number, verdict};
use crate::support::{House, Peer, free_address, rcode, rtype};
use crate::verdicts::{BOGUS, INSECURE, SECURE, UNSUPPORTED};
use crate::world::World;

pub(crate) const TESTS: &[Test] = &[
    ("unbound_agrees", &["unbound"], unbound_agrees),
    (
        "a_validating_client_behind_us_needs_an_exception_for_a_private_zone",
        &["unbound"],
        a_validating_client_behind_us_needs_an_exception_for_a_private_zone,
    ),
];

/// Unbound that believes in this world and forwards to `upstream`; `more` goes into its server clause.
fn validating_unbound(world: &World, upstream: SocketAddr, more: &str) -> Peer {
    let (house, addr) = (House::new(), free_address());
    house.write("anchors", &world.anchor);
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let (up, up_port) = (upstream.ip(), upstream.port());
    let config = format!(
        "server:\n  interface: {ip}\n  port: {port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  \
         directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  do-ip6: no\n  ede: yes\n  \
         module-config: \"validator iterator\"\n  trust-anchor-file: \"{folder}/anchors\"\n  \
         val-bogus-ttl: 1\n  trust-anchor-signaling: no\n  root-key-sentinel: no\n  aggressive-nsec: no\n{more}\
         remote-control:\n  control-enable: no\nforward-zone:\n  name: .\n  forward-addr: {up}@{up_port}\n"
    );
    Peer::start("unbound", &["-d", "-c"], addr, house, &config, "www.good.tld.")
}

/// Unbound with the same anchor and the same upstream says the same of every question: rcode and AD.
fn unbound_agrees(world: &World) {
    let unbound = validating_unbound(world, world.server.addr, "");
    let (_house, daemon) = world.start();
    let mut differences = String::new();
    let mut compare = |name: &str, asked: u16| {
        let (ours, theirs) = (
            verdict(&daemon.client(), name, asked),
            verdict(&unbound.client(), name, asked),
        );
        if (ours.0, ours.1) != (theirs.0, theirs.1) {
            writeln!(differences, "{name} {asked}: ours {ours:?}, unbound {theirs:?}").unwrap();
        }
    };
    for (name, types, _) in SECURE.iter().chain(INSECURE).chain(ELSEWHERE) {
        // Unbound asks NSEC of its own accord in other ways.
        for asked in types.split(' ').filter(|asked| *asked != "NSEC") {
            compare(name, type_number(asked));
        }
    }
    for (name, asked, _) in BOGUS {
        compare(name, *asked);
    }
    for (name, asked, ..) in UNSUPPORTED.iter().filter(|(name, ..)| !name.contains("ed448")) {
        compare(name, *asked);
    }
    assert!(differences.is_empty(), "differences:\n{differences}");
}

/// Aliases into other zones.
const ELSEWHERE: &[Asked] = &[
    ("away.good.tld.", "A TXT", rcode::NOERROR),
    ("gone.good.tld.", "A", rcode::NXDOMAIN),
    ("plain.good.tld.", "A TXT", rcode::NOERROR),
];

/// What README says of a private zone below a signed public domain, for a client that validates by itself.
fn a_validating_client_behind_us_needs_an_exception_for_a_private_zone(world: &World) {
    let zone = "matrix A 192.168.1.10\n";
    let house = House::new()
        .upstream(world.server.addr)
        .zone("home.good.tld", zone)
        .zone("unsigned.tld", zone)
        .zone("plain.opt", zone);
    let daemon = house.start();
    // Everything public passes through us with its proofs.
    let strict = validating_unbound(world, daemon.udp[0], "");
    assert_eq!(
        verdict(&strict.client(), "www.good.tld.", rtype::A),
        (rcode::NOERROR, true, None)
    );
    for name in [
        "matrix.home.good.tld.",
        "matrix.unsigned.tld.",
        "matrix.plain.opt.",
    ] {
        // Also below an unsigned delegation: the proof of that stands in the parent, and we are asked for it.
        assert_eq!(
            verdict(&strict.client(), name, rtype::A).0,
            rcode::SERVFAIL,
            "{name}"
        );
    }
    let lenient = validating_unbound(world, daemon.udp[0], "  domain-insecure: \"home.good.tld\"\n");
    assert_eq!(
        verdict(&lenient.client(), "matrix.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
}
