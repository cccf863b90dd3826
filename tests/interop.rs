//! Other people's DNS software against ours: dig, kdig, curl, dnspython, stubby, systemd-resolved, Firefox and Chromium
//! ask us, NSD and Knot DNS answer the same zones as we do, and Unbound, Knot Resolver, dnsdist, NSD and Caddy stand
//! upstream, over every transport that each of them speaks. Unbound and dnsmasq stand in front of us as routers. OpenSSL
//! and ShellCheck read what is made for devices. Pebble signs certificates.
//!
//! The tests are in `interop/`: `clients`, `listeners`, `certificates`, `acme`, `stubs`, `scripts`, `links`, `bearers`, `browsers`, `agreement`,
//! `resolver`, `routers`, `made`, `encrypted` and `quic`; `peers` starts and ends other people's daemons, and a `lab` is a network of a test's
//! own.
//!
//! A harness of its own, because a peer that is not installed must be counted as skipped, by name, and not as
//! passed. Peers run on loopback ports, but for `quic`, with files in a temporary folder, and are stopped by their own pid.
#![allow(clippy::unwrap_used)]

#[cfg(all(feature = "acme", feature = "h3"))]
#[path = "interop/acme.rs"]
mod acme;
#[path = "interop/agreement.rs"]
mod agreement;
#[cfg(feature = "h3")]
#[path = "interop/bearers.rs"]
mod bearers;
#[cfg(feature = "h3")]
#[path = "interop/browsers.rs"]
mod browsers;
#[cfg(feature = "tls")]
#[path = "interop/certificates.rs"]
mod certificates;
#[path = "interop/clients.rs"]
mod clients;
#[cfg(feature = "h3")]
#[path = "interop/encrypted.rs"]
mod encrypted;
#[cfg(feature = "h3")]
#[path = "interop/lab.rs"]
mod lab;
#[cfg(all(feature = "h3", feature = "onboard"))]
#[path = "interop/links.rs"]
mod links;
#[cfg(feature = "h3")]
#[path = "interop/listeners.rs"]
mod listeners;
#[cfg(feature = "onboard")]
#[path = "interop/made.rs"]
mod made;
#[cfg(all(feature = "h3", feature = "onboard"))]
#[path = "interop/pages.rs"]
mod pages;
#[cfg_attr(not(feature = "h3"), allow(dead_code))]
#[path = "interop/peers.rs"]
mod peers;
#[cfg(feature = "h3")]
#[path = "interop/quic.rs"]
mod quic;
#[path = "interop/resolver.rs"]
mod resolver;
#[path = "interop/routers.rs"]
mod routers;
#[cfg(all(feature = "h3", feature = "onboard"))]
#[path = "interop/scripts.rs"]
mod scripts;
#[cfg(feature = "h3")]
#[path = "interop/stubs.rs"]
mod stubs;
mod support;

use std::net::UdpSocket;
use std::process::{Command, ExitCode};

use support::needs::{Test, not_installed, run_tests};
use support::sample::{HEARTH, WILD};
use support::{DEADLINE, Daemon, House, program, run};

/// Stands among the peers of a test that lays a wire between two network namespaces.
const NAMESPACES: &str = "network namespaces";

fn main() -> ExitCode {
    let tests = [
        clients::TESTS,
        agreement::TESTS,
        resolver::TESTS,
        routers::TESTS,
        #[cfg(feature = "onboard")]
        made::TESTS,
        #[cfg(feature = "tls")]
        certificates::TESTS,
        #[cfg(all(feature = "acme", feature = "h3"))]
        acme::TESTS,
        #[cfg(feature = "h3")]
        listeners::TESTS,
        #[cfg(feature = "h3")]
        stubs::TESTS,
        #[cfg(all(feature = "h3", feature = "onboard"))]
        scripts::TESTS,
        #[cfg(all(feature = "h3", feature = "onboard"))]
        links::TESTS,
        #[cfg(feature = "h3")]
        bearers::TESTS,
        #[cfg(feature = "h3")]
        browsers::TESTS,
        #[cfg(all(feature = "h3", feature = "onboard"))]
        pages::TESTS,
        #[cfg(feature = "h3")]
        encrypted::TESTS,
        #[cfg(feature = "h3")]
        quic::TESTS,
    ]
    .concat();
    run_tests(tests, why_absent)
}

/// Why a peer, or something else that a test needs, is not to be had.
fn why_absent(needed: &str) -> Option<String> {
    if needed == NAMESPACES {
        #[cfg(feature = "h3")]
        return (!quic::can_lay_wires()).then(|| "network namespaces cannot be made here".to_owned());
    }
    let (name, wants_quic) = match needed.strip_suffix("+quic") {
        Some(name) => (name, true),
        None => (needed, false),
    };
    if let Some(why) = not_installed(name) {
        return Some(why);
    }
    (wants_quic && !kdig_speaks_quic()).then(|| format!("the {name} that is installed is built without QUIC"))
}

/// Where kdig is built without QUIC it takes the word and asks over plain UDP: a first packet of QUIC is seen by its
/// length (RFC 9000, 14.1).
fn kdig_speaks_quic() -> bool {
    let Some(kdig) = program("kdig") else {
        return false;
    };
    let trap = UdpSocket::bind("127.0.0.1:0").unwrap();
    trap.set_read_timeout(Some(DEADLINE)).unwrap();
    let port = trap.local_addr().unwrap().port().to_string();
    let mut command = Command::new(kdig);
    run(command.args(["+quic", "+retry=0", "+timeout=1", "@127.0.0.1", "-p", &port, "x"]));
    trap.recv(&mut [0; 2048]).is_ok_and(|len| len >= 1200)
}

/// A house with three zones of ours.
fn served() -> (House, Daemon) {
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("wild.example", WILD)
        .zone("big.example", &big);
    let daemon = house.start();
    (house, daemon)
}
