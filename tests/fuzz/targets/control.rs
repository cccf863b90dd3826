//! The control socket: any line is a request or refused, and a request that is written is read back alike. The
//! client's side reads any line too.
#![no_main]

use hearthdns::control::line::{parse_reply, parse_request, request_line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    match parse_request(line) {
        Ok(request) => {
            let again = parse_request(request_line(&request).trim_end().as_bytes());
            assert_eq!(again.expect("a written request must be read back"), request);
        }
        Err(failure) => assert!(!failure.message.is_empty()),
    }
    let _ = parse_reply(line);
});
