//! The URLs and fields of the invite pages: any path, query, `User-Agent` and `Accept-Language` is read or is nothing,
//! and whatever is read is short, and of the characters that its kind has.
#![no_main]

use hearthdns::onboard::page::path::{Asked, Target};
use hearthdns::onboard::page::platform::{Browser, Platform};
use hearthdns::onboard::page::words::Language;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let is_word = |word: &str, others: &[u8]| {
        word.len() <= 32
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    match Target::of(path, query) {
        Some(Target::Enter(Some(code)) | Target::Invite(code) | Target::Redeem(code, _)) => {
            assert!(is_word(code, b"-+"));
        }
        Some(Target::Device(code, token) | Target::Thing(code, token, _)) => {
            assert!(is_word(code, b"-+") && is_word(token, b""));
        }
        Some(Target::Enter(None) | Target::Seen) | None => {}
    }
    let asked = Asked::of(query);
    assert!(asked.round <= 1000);
    assert!(asked.nonce.is_none_or(|nonce| is_word(nonce, b"")));
    let _ = Language::accepted(text);
    let _ = Platform::of_user_agent(text);
    let _ = Browser::of_user_agent(text);
});
