//! Other people's DNS software against ours: dig and kdig ask us, NSD and Knot DNS answer the same zones as we do,
//! and Unbound, Knot Resolver, dnsdist, NSD and Caddy stand upstream, over every transport that each of them speaks.
//!
//! The tests are in `interop/`: `clients`, `agreement`, `resolver` and `encrypted`; `peers` starts and ends other
//! people's daemons.
//!
//! A harness of its own, because a peer that is not installed must be counted as skipped, by name, and not as
//! passed. Peers run on loopback ports, with files in a temporary folder, and are stopped by their own pid.
#![allow(clippy::unwrap_used)]

#[path = "interop/agreement.rs"]
mod agreement;
#[path = "interop/clients.rs"]
mod clients;
#[cfg(feature = "h3")]
#[path = "interop/encrypted.rs"]
mod encrypted;
#[cfg_attr(not(feature = "h3"), allow(dead_code))]
#[path = "interop/peers.rs"]
mod peers;
#[path = "interop/resolver.rs"]
mod resolver;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use support::sample::{HEARTH, WILD};
use support::{Daemon, House, program};

/// Name, the peers that it needs, the test.
type Test = (&'static str, &'static [&'static str], fn());

fn main() -> ExitCode {
    let tests = [
        clients::TESTS,
        agreement::TESTS,
        resolver::TESTS,
        #[cfg(feature = "h3")]
        encrypted::TESTS,
    ]
    .concat();
    let trials = tests.into_iter().map(|(name, peers, test)| {
        let missing: Vec<&str> = peers
            .iter()
            .copied()
            .filter(|peer| program(peer).is_none())
            .collect();
        for peer in &missing {
            println!("skipped: {name}: {peer} is not installed");
        }
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    let mut arguments = Arguments::from_args();
    // Twenty houses with peers at once are more than a small machine should carry.
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
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
