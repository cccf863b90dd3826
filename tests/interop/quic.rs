//! Knot DNS upstream of us over DNS over QUIC.
//!
//! Knot DNS 3.2 takes QUIC from a network card past the kernel's sockets (XDP), which loopback does not offer. So
//! these tests make two network namespaces with a wire between them, Knot DNS in one and everything else in the
//! other, and remove them. That takes root; where it cannot be done the tests are counted as skipped.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::encrypted::{Papers, Served, answers_arrive, signed, strangers_are_refused};
use crate::support::{House, Peer, program, run};
use crate::{NAMESPACES, Test};

pub(crate) const TESTS: &[Test] = &[
    ("knot_answers_over_quic", NEEDED, || {
        beside_knot(answers_arrive);
    }),
    ("knot_must_prove_who_it_is", NEEDED, || {
        beside_knot(strangers_are_refused);
    }),
];

const NEEDED: &[&str] = &["knotd", "ldns-keygen", "ldns-signzone", NAMESPACES];

/// Two namespaces, named after this process, with a wire between them.
struct Wire {
    near: String,
    far: String,
}

/// Addresses at the wire's ends.
const NEAR: &str = "192.168.99.1";
const FAR: &str = "192.168.99.2";

impl Wire {
    /// Nothing if namespaces cannot be made.
    fn new() -> Option<Self> {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("hearthdns-{}-{serial}-{end}", std::process::id());
        let wire = Wire {
            near: name("near"),
            far: name("far"),
        };
        let (near, far) = (&wire.near, &wire.far);
        let is_made = [
            format!("netns add {near}"),
            format!("netns add {far}"),
            format!("-n {near} link set lo up"),
            format!("-n {far} link set lo up"),
            format!("-n {near} link add near type veth peer name far netns {far}"),
            format!("-n {near} addr add {NEAR}/30 dev near"),
            format!("-n {far} addr add {FAR}/30 dev far"),
            format!("-n {near} link set near up"),
            format!("-n {far} link set far up"),
        ]
        .iter()
        .all(|line| ip(line));
        is_made.then_some(wire)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // With the last namespace of the two the wire goes.
        ip(&format!("netns del {}", self.near));
        ip(&format!("netns del {}", self.far));
    }
}

pub(crate) fn ip(line: &str) -> bool {
    program("ip").is_some_and(|ip| run(Command::new(ip).args(line.split(' '))).code == 0)
}

/// Whether such a wire can be laid here.
pub(crate) fn can_lay_wires() -> bool {
    Wire::new().is_some()
}

/// Runs `test` at one end of a wire with Knot DNS at the other.
fn beside_knot(test: fn(&Served)) {
    let wire = Wire::new().expect("two network namespaces");
    let near = File::open(format!("/run/netns/{}", wire.near)).expect("the namespace's file");
    // In a thread of its own: it and what it starts stay there for good.
    let ran = std::thread::scope(|scope| {
        let at_the_end = || {
            move_into_link_name_space(near.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("enter the namespace");
            test(&knot_secure(&wire));
        };
        scope.spawn(at_the_end).join()
    });
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}

fn knot_secure(wire: &Wire) -> Served {
    let (papers, house) = (Papers::new(), House::new());
    let (certificate, key) = papers.files();
    let (addr, quic): (SocketAddr, SocketAddr) = (
        format!("{FAR}:53").parse().unwrap(),
        format!("{FAR}:853").parse().unwrap(),
    );
    let folder = house.root().display();
    house.write("example.net.zone", &signed().0);
    let config = format!(
        "server:\n  rundir: \"{folder}\"\n  listen: {FAR}@53\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\n  cert-file: \"{certificate}\"\n  key-file: \"{key}\"\nxdp:\n  listen: far@53\n  \
         udp: off\n  quic: on\n  quic-port: {}\nlog:\n  - target: stderr\n    any: info\ndatabase:\n  \
         storage: \"{folder}\"\ntemplate:\n  - id: default\n    storage: \"{folder}\"\n    zonefile-sync: -1\nzone:\n  \
         - domain: example.net\n    file: example.net.zone\n",
        quic.port()
    );
    let knotd = program("knotd").unwrap().display().to_string();
    let inside = ["netns", "exec", &wire.far, &knotd, "-c"];
    let peer = Peer::start("ip", &inside, addr, house, &config, "example.net.");
    Served::new(vec![("quic", quic)], papers, vec![peer])
}
