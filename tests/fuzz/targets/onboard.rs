//! Onboarding: whatever zones, devices and invites are called, what is made for routers and devices is well-formed.
#![no_main]

#[path = "../../support/artefacts.rs"]
mod artefacts;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    artefacts::check_all(&artefacts::facts_of(bytes));
});
