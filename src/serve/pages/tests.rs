//! What the pages remember of uses, and what they believe of a request, with a host that counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::onboard::{Ports, Scope, Trust};

/// Every code gives a device of its own each time; its token counts the uses.
#[derive(Default)]
struct Counting {
    uses: AtomicUsize,
}

impl Host for Counting {
    fn server(&self, _: IpAddr) -> (Server, Vec<Name>) {
        let server = Server {
            name: None,
            addresses: Vec::new(),
            zones: Vec::new(),
            ports: Ports::default(),
            trust: Trust::None,
            hosts: Vec::new(),
        };
        (server, Vec::new())
    }

    fn hosts(&self, _: IpAddr) -> Vec<(Name, IpAddr)> {
        Vec::new()
    }

    fn check(&self) -> Option<Name> {
        None
    }

    fn invited(&self, _: Code, _: IpAddr) -> Result<(Device, String), Refused> {
        Err(Refused::Code)
    }

    fn redeem(&self, _: Code, _: IpAddr) -> Result<Device, Refused> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(device(Token::from_random(used as u128)))
    }

    fn device(&self, token: Token) -> Option<Device> {
        Some(device(token))
    }

    fn make(&self, _: Thing, _: &Facts) -> Result<Artefact, Unfit> {
        unreachable!("no file is asked for")
    }
}

fn device(token: Token) -> Device {
    Device {
        name: "anna-phone".to_owned(),
        token: Some(token.to_string()),
        scope: Scope::Zones,
    }
}

fn pages() -> (Pages, Arc<Counting>) {
    let host = Arc::new(Counting::default());
    (Pages::new(Arc::clone(&host) as Arc<dyn Host>), host)
}

/// Presses the button of a system that needs no file; where it leads.
fn press(pages: &Pages, code: Code, client: &str, now: u32) -> String {
    let response = pages.respond(&Visit {
        method: Method::POST,
        uri: format!("/i/{code}/other").parse().unwrap(),
        fields: HeaderMap::new(),
        client: client.parse().unwrap(),
        is_encrypted: true,
        now,
    });
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

const ANNA: &str = "192.0.2.7";

#[test]
fn a_button_pressed_again_within_the_hour_uses_nothing_up() {
    let (pages, host) = pages();
    let code = Code::from_random(7);
    let uses = || host.uses.load(Ordering::Relaxed);
    let first = press(&pages, code, ANNA, 100);
    assert_eq!(press(&pages, code, ANNA, 100 + REPEAT - 1), first);
    assert_eq!(uses(), 1);
    // Somebody else with the same code, and the same client with another one.
    assert_ne!(press(&pages, code, "192.0.2.8", 101), first);
    assert_ne!(press(&pages, Code::from_random(8), ANNA, 101), first);
    assert_eq!(uses(), 3);
    // The hour counts from the use, not from the last press, and then a second use has an hour of its own.
    let second = press(&pages, code, ANNA, 100 + REPEAT);
    assert_ne!(second, first);
    assert_eq!(press(&pages, code, ANNA, 99 + 2 * REPEAT), second);
    assert_eq!(uses(), 4);
}

#[test]
fn uses_that_may_be_repeated_are_bounded() {
    let (pages, host) = pages();
    for code in 0..=REDEEMED {
        press(&pages, Code::from_random(code as u128), ANNA, 100);
    }
    assert_eq!(pages.redeemed().len(), REDEEMED);
    // The oldest gave way to the newest.
    press(&pages, Code::from_random(REDEEMED as u128), ANNA, 100);
    assert_eq!(host.uses.load(Ordering::Relaxed), REDEEMED + 1);
    press(&pages, Code::from_random(0), ANNA, 100);
    assert_eq!(host.uses.load(Ordering::Relaxed), REDEEMED + 2);
}

#[test]
fn only_what_can_be_a_host_is_repeated_on_a_page() {
    let origin = |host: &[u8], is_encrypted| {
        let mut fields = HeaderMap::new();
        fields.insert(HOST, HeaderValue::from_bytes(host).unwrap());
        Visit {
            method: Method::GET,
            uri: Uri::from_static("/"),
            fields,
            client: ANNA.parse().unwrap(),
            is_encrypted,
            now: 0,
        }
        .origin()
    };
    assert_eq!(origin(b"192.168.1.10", false).unwrap(), "http://192.168.1.10");
    assert_eq!(
        origin(b"[2001:db8::1]:8443", true).unwrap(),
        "https://[2001:db8::1]:8443"
    );
    assert_eq!(
        origin(&[b'a'; HOST_BYTES], true).unwrap().len(),
        "https://".len() + HOST_BYTES
    );
    for host in [
        b"".as_slice(),
        b"evil.example/path",
        b"evil.example\"><b>",
        b"user@evil.example",
        b"a b",
        b"a;touch x",
        b"$(x)",
        "h\u{e9}arth.example".as_bytes(),
        &[b'a'; HOST_BYTES + 1],
    ] {
        assert_eq!(origin(host, false), None, "{}", host.escape_ascii());
    }
}
