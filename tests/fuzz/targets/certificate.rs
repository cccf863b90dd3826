//! Certificates: any bytes are read or refused, and what is read can be shown on one line.
#![no_main]

use hearthdns::certificate::read::{Facts, Permitted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(facts) = Facts::read(bytes) {
        for text in facts.names.iter().chain([&facts.issuer, &facts.subject]) {
            assert!(
                !text.is_empty() && !text.chars().any(char::is_control),
                "{text:?}"
            );
            let _ = facts.covers(text);
        }
    }
    if let Some(permitted) = Permitted::read(bytes) {
        for domain in permitted
            .domains
            .iter()
            .filter(|domain| !domain.starts_with("*."))
        {
            assert!(permitted.allows_name(domain), "{domain:?}");
        }
        for prefix in &permitted.prefixes {
            assert!(permitted.allows_address(prefix.addr()), "{prefix}");
        }
    }
});
