//! Domain names from text: every text is read or refused, and what was read prints back to itself.
#![no_main]

use hearthdns::message::Name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Name::parse(text, None) {
        let again = Name::parse(&name.to_string(), None).expect("a printed name must be read back");
        assert_eq!(name.as_wire(), again.as_wire());
    }
});
