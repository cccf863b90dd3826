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

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use support::needs::{Test, not_installed, run_tests};

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
    run_tests(tests, why_absent)
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
    not_installed(needed)
}
