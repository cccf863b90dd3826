//! What servers tell the doctor of a Matrix server: replies of HTTP, STUN and DNS, server names and URLs. Whatever comes is
//! read or refused, in bounds, and what is read in pieces is what is read at once.
#![no_main]

use hearthdns::matrix::doctor::answer::{Heard, Seen, hear, read_line, services};
use hearthdns::matrix::doctor::http::{Progress, read};
use hearthdns::matrix::doctor::place::{Place, Url, shown};
use hearthdns::matrix::doctor::stun;
use hearthdns::message::Name;
use libfuzzer_sys::fuzz_target;

/// Bytes of a body that are kept.
const MOST: usize = 64;

fn http(bytes: &[u8]) {
    let at_once = read(bytes, true, MOST);
    assert_ne!(at_once, Progress::More, "nothing more will come");
    if let Progress::Done(reply) = &at_once {
        assert!(reply.body.len() <= MOST);
        assert!(!(100..200).contains(&reply.status));
    }
    // As it comes from a connection: what is decided early stays.
    for len in 0..bytes.len() {
        match read(&bytes[..len], false, MOST) {
            Progress::More => {}
            early => {
                assert_eq!(early, at_once);
                break;
            }
        }
    }
}

fn stun(bytes: &[u8]) {
    if let Some(length) = stun::length(bytes) {
        assert!(length >= stun::HEADER);
    }
    let id = bytes
        .get(8..20)
        .and_then(|id| id.try_into().ok())
        .unwrap_or_default();
    let _ = stun::read(bytes, id);
    assert_eq!(stun::read(&stun::request(id), id), None);
}

fn dns(bytes: &[u8]) {
    let heard = hear(bytes);
    let name: Name = "hearth.example".parse().expect("a name");
    let _ = services(&heard, &name);
    if let Heard::Reply(_, held) = &heard {
        assert!(held.len() <= 64);
    }
    let seen = Seen {
        v4: heard.clone(),
        v6: heard,
    };
    assert_eq!(seen.fault(&name).is_none(), !seen.addresses(&name).0.is_empty());
}

fn words(text: &str) {
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    if let Ok(url) = text.parse::<Url>() {
        let written = url.to_string();
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written:?}");
        assert_eq!(written.parse(), Ok(url));
    }
    let base: Url = "https://hearth.example/.well-known/matrix/server"
        .parse()
        .expect("a URL");
    if let Ok(url) = base.join(text) {
        assert_eq!(url.to_string().parse(), Ok(url));
    }
    assert!(!shown(text).contains(char::is_control));
    let _ = read_line(text);
}

fuzz_target!(|bytes: &[u8]| {
    http(bytes);
    stun(bytes);
    dns(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        words(text);
    }
});
