//! Two real Matrix homeservers whose domains are in no public DNS: they find each other by HearthDNS and by nothing else.
//!
//! `support/place` is a small internet of network namespaces, `matrix/house` a site in it (Synapse behind Caddy or nginx),
//! `matrix/person` somebody with an account, and `matrix/world` all of it together; read that next. The tests are in
//! `matrix/federation` and `matrix/clients`. They share one world, because Synapse takes long to start, so they run one
//! after the other; each begins with a room of its own and with the records as they should be.
//!
//! What is missing for that is skipped, by name.
#![allow(clippy::unwrap_used)]

#[path = "matrix/clients.rs"]
mod clients;
#[path = "matrix/federation.rs"]
mod federation;
#[path = "matrix/house.rs"]
mod house;
#[path = "matrix/person.rs"]
mod person;
mod support;
#[path = "matrix/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;

use support::shared::{Shared, run_tests};
use world::World;

type Test = support::shared::Test<World>;

fn main() -> ExitCode {
    let world = Shared {
        needed: &[
            "unshare", "nsenter", "ip", "mount", "caddy", "nginx", "curl", "synapse",
        ],
        permitted: &[("network namespaces are", "ip link add wire type bridge")],
        make: World::new,
        // What a failed test has left is put right where the next one begins.
        run: |world, test| {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(world))) {
                world.tell();
                resume_unwind(panic);
            }
        },
    };
    run_tests(
        world,
        [federation::TESTS, clients::TESTS, federation::LAST].concat(),
    )
}
