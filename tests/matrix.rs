//! Two real Matrix homeservers whose domains are in no public DNS: they find each other by HearthDNS and by nothing else.
//!
//! `matrix/place` is a small internet of network namespaces, `matrix/house` a site in it (Synapse behind Caddy or nginx),
//! `matrix/person` somebody with an account, and `matrix/world` all of it together; read that next. The tests are in
//! `matrix/federation` and `matrix/clients`. They share one world, because Synapse takes long to start, so they run one
//! after the other; each begins with a room of its own and with the records as they should be.
//!
//! The program calls itself in a namespace where it may do everything and the host is out of reach. Where that is not
//! permitted, or a peer is missing, the tests are counted as skipped, by name.
#![allow(clippy::unwrap_used)]

#[path = "matrix/clients.rs"]
mod clients;
#[path = "matrix/federation.rs"]
mod federation;
#[path = "matrix/house.rs"]
mod house;
#[path = "matrix/person.rs"]
mod person;
#[path = "matrix/place.rs"]
mod place;
mod support;
#[path = "matrix/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Trial};

use support::program;
use world::World;

/// Name, the peers that it needs beside those that all need, the test.
type Test = (&'static str, &'static [&'static str], fn(&mut World));

/// What the world is made of.
const NEEDED: [&str; 8] = [
    "unshare", "nsenter", "ip", "mount", "caddy", "nginx", "curl", "synapse",
];

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
    let world: Arc<Mutex<Option<World>>> = Arc::default();
    let tests = [federation::TESTS, clients::TESTS, federation::LAST].concat();
    let trials = tests.into_iter().map(|(name, more, test)| {
        let mut missing = more.iter().filter(|peer| program(peer).is_none());
        let absent = missing.next().map(|peer| format!("{peer} is not installed"));
        let why = obstacle.clone().or(absent);
        if let Some(why) = &why {
            println!("skipped: {name}: {why}");
        }
        let world = Arc::clone(&world);
        Trial::test(name, move || {
            // What a failed test has left is put right where the next one begins.
            let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
            let world = world.get_or_insert_with(World::new);
            let ran = catch_unwind(AssertUnwindSafe(|| test(world)));
            if let Err(panic) = ran {
                world.tell();
                resume_unwind(panic);
            }
            Ok(())
        })
        .with_ignored_flag(why.is_some())
    });
    let trials = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before the program ends: its processes are ended by their values.
    drop(world);
    conclusion.exit_code()
}

/// Why these tests cannot run here, if they cannot.
fn obstacle() -> Option<String> {
    for peer in NEEDED {
        if program(peer).is_none() {
            return Some(format!("{peer} is not installed"));
        }
    }
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let made = place::unshare()
        .args(["ip", "link", "add", "wire", "type", "bridge"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&made.stderr);
    (!made.status.success()).then(|| format!("network namespaces are not permitted: {}", why.trim()))
}

/// A command whose words stand in one line.
fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}
