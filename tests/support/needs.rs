//! A harness for tests that need what may not be there: a program, or a right. What is missing is counted as skipped, by
//! name, and not as passed.

use std::collections::BTreeMap;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use super::program;

/// Name, what it needs, the test.
pub(crate) type Test = (&'static str, &'static [&'static str], fn());

/// Runs the tests as the command line of this program says, two at a time where it says nothing of that: houses with
/// peers are more than a small machine should carry by the dozen. `why_absent` says why a need is not to be had.
pub(crate) fn run_tests(tests: Vec<Test>, why_absent: impl Fn(&str) -> Option<String>) -> ExitCode {
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

/// Why a program is not to be had.
pub(crate) fn not_installed(name: &str) -> Option<String> {
    program(name)
        .is_none()
        .then(|| format!("{name} is not installed"))
}
