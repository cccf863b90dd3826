//! `dnsctl matrix doctor` in a street of its own: on a machine whose resolver, files or firewall is at fault, and at servers that
//! are set up as `dnsctl matrix show` says.
//!
//! `doctor/street` is the machine, the server and HearthDNS between them, in network namespaces; read that next. The tests are
//! in `doctor/machine` and `doctor/fronts`. They share one street, so they run one after the other; each begins with
//! everything as it should be.
//!
//! The program calls itself in a namespace where it may do everything and the host is out of reach. Where that is not
//! permitted, or a program is missing, the tests are counted as skipped, by name.
#![allow(clippy::unwrap_used)]

#[path = "doctor/fronts.rs"]
mod fronts;
#[path = "doctor/machine.rs"]
mod machine;
// The street asks less of its hosts.
#[allow(dead_code)]
#[path = "matrix/place.rs"]
mod place;
#[path = "doctor/street.rs"]
mod street;
mod support;

use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Trial};

use street::Street;
use support::program;

/// Name, the programs that it needs beside those that all need, the test.
type Test = (&'static str, &'static [&'static str], fn(&mut Street));

/// What the street is made of.
const NEEDED: [&str; 6] = ["unshare", "nsenter", "ip", "mount", "nft", "nginx"];

/// Tells the copy of this program that it is inside.
const INSIDE: &str = "HEARTHDNS_TEST_IN_NAMESPACE";

fn main() -> ExitCode {
    let obstacle = obstacle();
    if obstacle.is_none() && std::env::var_os(INSIDE).is_none() {
        let program = std::env::current_exe().unwrap();
        let mut copy = place::unshare();
        let status = copy
            .arg(program)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "yes")
            .status();
        let code = status.expect("run in a namespace").code().unwrap_or(1);
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let street: Arc<Mutex<Option<Street>>> = Arc::default();
    let tests = [machine::TESTS, fronts::TESTS].concat();
    let trials = tests.into_iter().map(|(name, more, test)| {
        let missing = more.iter().find(|needed| program(needed).is_none());
        let absent = missing.map(|needed| format!("{needed} is not installed"));
        let why = obstacle.clone().or(absent);
        if let Some(why) = &why {
            println!("skipped: {name}: {why}");
        }
        let street = Arc::clone(&street);
        Trial::test(name, move || {
            let mut street = street.lock().unwrap_or_else(PoisonError::into_inner);
            let street = street.get_or_insert_with(Street::new);
            street.settle();
            test(street);
            Ok(())
        })
        .with_ignored_flag(why.is_some())
    });
    let trials = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before the program ends: its processes are ended by their values.
    drop(street);
    conclusion.exit_code()
}

/// Why these tests cannot run here, if they cannot.
fn obstacle() -> Option<String> {
    for needed in NEEDED {
        if program(needed).is_none() {
            return Some(format!("{needed} is not installed"));
        }
    }
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    for (what, line) in [
        ("network namespaces are", "ip link add wire type bridge"),
        ("a firewall in a namespace is", "nft add table inet street"),
    ] {
        let made = place::unshare()
            .args(line.split(' '))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr);
            return Some(format!("{what} not permitted: {}", why.trim()));
        }
    }
    None
}

/// A command whose words stand in one line.
fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(program(words.next().unwrap()).unwrap());
    command.args(words);
    command
}
