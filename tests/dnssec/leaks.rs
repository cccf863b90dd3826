//! The life that `tests/leak.rs` lives over every transport, with validation: private zones, an overlay and routes
//! below a signed domain, whose proofs are walked down to from the root, and must not be walked into.

use crate::Test;
use crate::asking::relay;
use crate::support::{House, Transport, leaks};
use crate::world::World;

pub(crate) const TESTS: &[Test] = &[
    ("nothing_leaks_over_udp", &[], |world| {
        nothing_leaks_over(world, Transport::Udp);
    }),
    ("nothing_leaks_over_tcp", &[], |world| {
        nothing_leaks_over(world, Transport::Tcp);
    }),
    #[cfg(all(feature = "https", feature = "h3"))]
    ("nothing_leaks_over_tls", &[], |world| {
        nothing_leaks_over(world, Transport::Tls);
    }),
    #[cfg(all(feature = "https", feature = "h3"))]
    ("nothing_leaks_over_https", &[], |world| {
        nothing_leaks_over(world, Transport::Https);
    }),
    #[cfg(all(feature = "https", feature = "h3"))]
    ("nothing_leaks_over_quic", &[], |world| {
        nothing_leaks_over(world, Transport::Quic);
    }),
    #[cfg(all(feature = "https", feature = "h3"))]
    ("nothing_leaks_over_h3", &[], |world| {
        nothing_leaks_over(world, Transport::H3);
    }),
];

fn nothing_leaks_over(world: &World, by: Transport) {
    let server = world.server.addr;
    let house = House::new();
    house.write("anchors", &world.anchor);
    let leaky = leaks::World {
        top: "good.tld.",
        trap: "trap.unsigned.tld.",
        config: "dnssec:\n  validate: true\n  trust_anchors: anchors\n",
    };
    leaks::nothing_leaks(by, leaky, house, move |query, by| relay(server, query, by));
}
