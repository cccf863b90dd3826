//! Queries from the network: any bytes are read or refused, and what was read keeps its promises.
#![no_main]

use hearthdns::message::{Parsed, Query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Query::parse(bytes) {
        Parsed::Ignore => {}
        Parsed::Malformed(malformed) => {
            assert_eq!(malformed.id.to_be_bytes(), bytes[..2]);
            assert_eq!(malformed.flags & 0x8000, 0, "a reply must not be answered");
        }
        Parsed::Query(query) => {
            assert_eq!(query.as_bytes().len(), bytes.len());
            assert!(query.name().as_wire().len() <= 255);
            assert_eq!(query.question().len(), query.name().as_wire().len() + 4);
            assert!((512..=1232).contains(&query.udp_limit(1232)));
            let text = query.name().to_string();
            let read =
                hearthdns::message::Name::parse(&text, None).expect("a printed name must be read back");
            assert_eq!(read.as_wire(), query.name().as_wire());
        }
    }
});
