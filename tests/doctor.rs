//! `dnsctl matrix doctor` in a street of its own: on a machine whose resolver, files or firewall is at fault, and at servers that
//! are set up as `dnsctl matrix show` says.
//!
//! `doctor/street` is the machine, the server and HearthDNS between them, in network namespaces; read that next. The tests are
//! in `doctor/machine` and `doctor/fronts`. They share one street, so they run one after the other; each begins with
//! everything as it should be.
//!
//! What is missing for that is skipped, by name.
#![allow(clippy::unwrap_used)]

#[path = "doctor/fronts.rs"]
mod fronts;
#[path = "doctor/machine.rs"]
mod machine;
#[path = "doctor/street.rs"]
mod street;
mod support;

use std::process::ExitCode;

use street::Street;
use support::shared::{Shared, run_tests};

type Test = support::shared::Test<Street>;

fn main() -> ExitCode {
    let street = Shared {
        needed: &["unshare", "nsenter", "ip", "mount", "nft", "nginx"],
        permitted: &[
            ("network namespaces are", "ip link add wire type bridge"),
            ("a firewall in a namespace is", "nft add table inet street"),
        ],
        make: Street::new,
        run: |street, test| {
            street.settle();
            test(street);
        },
    };
    run_tests(street, [machine::TESTS, fronts::TESTS].concat())
}
