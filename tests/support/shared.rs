//! A harness for tests that share one place in namespaces, because it takes long to make. They run one after the other.
//!
//! The program calls itself in namespaces where it may do everything and the host is out of reach. Where that is not
//! permitted, or a program is missing, the tests are counted as skipped, by name. [`super::needs`] is the harness of tests
//! that each stand alone, [`super::place`] what a place is made of.

use std::process::{ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Trial};

use super::{place, program};

/// Name, the programs that it needs beside those that all need, the test.
pub(crate) type Test<T> = (&'static str, &'static [&'static str], fn(&mut T));

/// What the tests share.
pub(crate) struct Shared<T> {
    /// The programs that it is made of.
    pub(crate) needed: &'static [&'static str],
    /// What must be permitted in a namespace, and a command that tries it there.
    pub(crate) permitted: &'static [(&'static str, &'static str)],
    /// Makes it, before the first test.
    pub(crate) make: fn() -> T,
    /// Runs a test in it, whatever the one before has left.
    pub(crate) run: fn(&mut T, fn(&mut T)),
}

/// Tells the copy of this program that it is inside.
const INSIDE: &str = "HEARTHDNS_TEST_IN_NAMESPACE";

/// Runs the tests as the command line of this program says.
pub(crate) fn run_tests<T: Send + 'static>(shared: Shared<T>, tests: Vec<Test<T>>) -> ExitCode {
    let obstacle = obstacle(&shared);
    if obstacle.is_none() && std::env::var_os(INSIDE).is_none() {
        let status = place::unshare()
            .arg(std::env::current_exe().unwrap())
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "yes")
            .status();
        let code = status.expect("run in a namespace").code().unwrap_or(1);
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let place: Arc<Mutex<Option<T>>> = Arc::default();
    let Shared { make, run, .. } = shared;
    let trials = tests.into_iter().map(|(name, more, test)| {
        let why = obstacle.clone().or_else(|| missing(more));
        if let Some(why) = &why {
            println!("skipped: {name}: {why}");
        }
        let place = Arc::clone(&place);
        Trial::test(name, move || {
            let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
            run(place.get_or_insert_with(make), test);
            Ok(())
        })
        .with_ignored_flag(why.is_some())
    });
    let trials = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before the program ends: its processes are ended by their values.
    drop(place);
    conclusion.exit_code()
}

fn missing(needed: &[&str]) -> Option<String> {
    let absent = needed.iter().find(|name| program(name).is_none());
    absent.map(|name| format!("{name} is not installed"))
}

/// Why these tests cannot run here, if they cannot.
fn obstacle<T>(shared: &Shared<T>) -> Option<String> {
    if let Some(why) = missing(shared.needed) {
        return Some(why);
    }
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    shared.permitted.iter().find_map(|(what, line)| {
        let words = line.split(' ');
        let tried = place::unshare().args(words).stdin(Stdio::null()).output();
        let tried = tried.unwrap();
        let why = String::from_utf8_lossy(&tried.stderr);
        (!tried.status.success()).then(|| format!("{what} not permitted: {}", why.trim()))
    })
}
