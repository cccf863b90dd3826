//! The request target of DNS over HTTPS, as anybody may write it: a path that is one of ours or none, with a token that
//! reads as itself, and a query in base64url that is no larger than one may be and is what a client would have written.
#![no_main]

use data_encoding::BASE64URL_NOPAD;
use hearthdns::config::limits;
use hearthdns::device::Claim;
use hearthdns::message::Query;
use hearthdns::serve::requested;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // What an HTTP library makes of the line first.
    let Ok(uri) = text.parse::<http::Uri>() else {
        return;
    };
    let Some((claim, query)) = requested(&uri) else {
        assert!(!(uri.path() == "/dns-query"), "{text:?}");
        return;
    };
    match claim {
        Claim::None => assert_eq!(uri.path(), "/dns-query"),
        Claim::Token(token) => {
            let whole = format!("/d/{token}/dns-query");
            assert!(uri.path().eq_ignore_ascii_case(&whole), "{text:?}");
        }
        Claim::Malformed => assert!(uri.path().starts_with("/d/")),
    }
    match query {
        Ok(query) => {
            assert!(query.len() as u64 <= limits::QUERY_BYTES.default);
            let written = format!("dns={}", BASE64URL_NOPAD.encode(&query));
            let variables = uri.query().unwrap_or_default();
            assert_eq!(variables.split('&').filter(|one| *one == written).count(), 1);
            let _ = Query::parse(&query);
        }
        Err(status) => assert!(matches!(status, 400 | 414), "{status}"),
    }
});
