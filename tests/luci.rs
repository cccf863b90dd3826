//! The LuCI application: its views in a real browser, against a stub of LuCI (`luci/luci.js`), which asks a real daemon
//! through the plugin that rpcd runs, with the rights that the package installs.
//!
//! `luci/router.rs` plays OpenWrt, `luci/browser.rs` steers the browser, `luci/views.rs` has the tests of the views and
//! `luci/files.rs` those of the package's files. A harness of its own, as in `interop.rs`: where the browser is missing
//! the tests are counted as skipped. Pictures of the views are left in `target/tmp`.
#![allow(clippy::unwrap_used)]

#[path = "luci/browser.rs"]
mod browser;
#[path = "luci/files.rs"]
mod files;
#[path = "luci/router.rs"]
mod router;
mod support;
#[path = "luci/views.rs"]
mod views;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use support::program;

/// Name, the programs that it needs, the test.
type Test = (&'static str, &'static [&'static str], fn());

fn main() -> ExitCode {
    let tests = [files::TESTS, views::TESTS].concat();
    let trials = tests.into_iter().map(|(name, needed, test)| {
        let missing: Vec<&&str> = needed.iter().filter(|tool| program(tool).is_none()).collect();
        for tool in &missing {
            println!("skipped: {name}: {tool} is not installed");
        }
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    let trials: Vec<Trial> = trials.collect();
    let mut arguments = Arguments::from_args();
    // A browser takes a core.
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
}
