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

use support::needs::{Test, not_installed, run_tests};

fn main() -> ExitCode {
    let tests = [files::TESTS, views::TESTS].concat();
    run_tests(tests, not_installed)
}
