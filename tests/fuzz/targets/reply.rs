//! Replies from upstream: any bytes are read or refused; what was read can be walked through to its last name,
//! and packed for the cache.
#![no_main]

use hearthdns::message::{Incoming, Packed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(incoming) = Incoming::parse(bytes) else {
        return;
    };
    assert!(incoming.question().as_wire().len() <= 255);
    let mut records = 0u32;
    for item in incoming.records() {
        let mut rdata = Vec::new();
        let _ = item.rdata(&mut rdata);
        let _ = item.target();
        let _ = item.soa_minimum();
        records += 1;
    }
    assert!(records <= 3 * 65_535);
    let _ = incoming.extended_errors();
    if let Ok(packed) = Packed::new(&incoming, |_| true, &[]) {
        assert!(Packed::view(packed.as_bytes()).is_some());
        // Names may grow by decompression, but never beyond what one message can hold of them.
        let kept: u32 = packed
            .as_ref()
            .counts()
            .iter()
            .map(|count| u32::from(*count))
            .sum();
        assert!(kept <= records);
    }
});
