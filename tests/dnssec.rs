//! Validation against zones that real tools signed: what is good comes out secure, what is known to be bad comes
//! out bogus, and what nobody vouches for comes out as it is.
//!
//! One small world of DNS is made for all tests: a root of its own, two top-level domains and zones below them,
//! signed by ldns and served by one NSD, which our daemon takes for its upstream. Every bad zone has a good twin.
//! At the end Unbound is asked the same questions of the same world, and must agree. A harness of its own, as in
//! `interop.rs`: where a tool is missing the tests are counted as skipped.
#![allow(clippy::unwrap_used)]

#[path = "dnssec/asking.rs"]
mod asking;
#[path = "dnssec/exceptions.rs"]
mod exceptions;
#[path = "dnssec/leaks.rs"]
mod leaks;
mod support;
#[path = "dnssec/unbound.rs"]
mod unbound;
#[path = "dnssec/verdicts.rs"]
mod verdicts;
#[path = "dnssec/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use support::program;
use world::World;

/// Name, the tools that it needs beside ldns and NSD, the test.
type Test = (&'static str, &'static [&'static str], fn(&World));

fn main() -> ExitCode {
    let tests = [verdicts::TESTS, exceptions::TESTS, leaks::TESTS, unbound::TESTS].concat();
    let world: Arc<OnceLock<World>> = Arc::default();
    let trials = tests.into_iter().map(|(name, more, test)| {
        let needed = ["ldns-keygen", "ldns-signzone", "nsd"].iter().chain(more);
        let missing: Vec<&&str> = needed.filter(|tool| program(tool).is_none()).collect();
        for tool in &missing {
            println!("skipped: {name}: {tool} is not installed");
        }
        let world = Arc::clone(&world);
        Trial::test(name, move || {
            test(world.get_or_init(World::new));
            Ok(())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    let trials: Vec<Trial> = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
}
