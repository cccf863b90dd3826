//! The configuration file: any text is taken whole or refused with defects that have a place.
#![no_main]

use std::path::Path;

use hearthdns::config::{Config, Overrides};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let base = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
    if let Err(defects) = Config::read(Path::new("config.yaml"), text, base, &Overrides::default()) {
        assert!(!defects.is_empty());
        for defect in defects {
            assert!(!defect.message.is_empty(), "{defect:?}");
        }
    }
});
