//! HearthDNS as a service of a host: what it says to the service manager and takes from it, who has its port,
//! systemd-resolved, the units, the Debian package, the container.
//!
//! The tests are in `host/`: `manager`, `ports`, `resolved`, `units`, `manuals`, `debian` and `container`. A harness of its own, because a
//! tool that is not installed, or a right that we lack, must be counted as skipped, by name, and not as passed.
#![allow(clippy::unwrap_used)]

#[path = "host/container.rs"]
mod container;
#[path = "host/debian.rs"]
mod debian;
#[path = "host/manager.rs"]
mod manager;
#[path = "host/manuals.rs"]
mod manuals;
#[path = "host/ports.rs"]
mod ports;
#[path = "host/resolved.rs"]
mod resolved;
mod support;
#[path = "host/units.rs"]
mod units;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Trial};

use support::program;

/// Name, what it needs, the test.
type Test = (&'static str, &'static [&'static str], fn());

/// Stands among the needs of a test that mounts where only it sees it.
const MOUNTS: &str = "mount namespaces";

/// Stands among the needs of a test whose messages would name a unit otherwise.
const NO_SYSTEMD: &str = "a host without systemd";

/// Stands among the needs of a test that installs packages: a Debian that `tests/run` makes.
const DEBIAN: &str = "a Debian to install into";

/// Stands among the needs of a test that becomes another user.
const ROOT: &str = "root";

fn main() -> ExitCode {
    let tests = [
        manager::TESTS,
        ports::TESTS,
        resolved::TESTS,
        units::TESTS,
        manuals::TESTS,
        debian::TESTS,
        container::TESTS,
    ]
    .concat();
    let mut absent = BTreeMap::new();
    let trials: Vec<Trial> = tests
        .into_iter()
        .map(|(name, needed, test)| {
            let mut is_skipped = false;
            for need in needed {
                if let Some(why) = absent.entry(*need).or_insert_with(|| why_absent(need)) {
                    println!("skipped: {name}: {why}");
                    is_skipped = true;
                }
            }
            Trial::test(name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(is_skipped)
        })
        .collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why something that a test needs is not to be had.
fn why_absent(needed: &str) -> Option<String> {
    if needed == MOUNTS {
        let tried = Command::new("unshare")
            .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
            .stderr(Stdio::null())
            .status();
        let can = tried.is_ok_and(|status| status.success());
        return (!can).then(|| "mount namespaces cannot be made here".to_owned());
    }
    if needed == NO_SYSTEMD {
        let has = Path::new("/run/systemd/system").is_dir();
        return has
            .then(|| "systemd runs here, and messages name its units; unit tests have those".to_owned());
    }
    if needed == DEBIAN {
        let is_there = Path::new(debian::TREE).join("usr/bin/dpkg").is_file();
        return (!is_there)
            .then(|| "no Debian to install into; tests/run makes one with debootstrap".to_owned());
    }
    if needed == ROOT {
        return (!rustix::process::geteuid().is_root()).then(|| "only root may do that".to_owned());
    }
    program(needed)
        .is_none()
        .then(|| format!("{needed} is not installed"))
}
