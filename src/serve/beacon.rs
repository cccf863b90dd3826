//! The live check's memory: which pages are open, and by what their browsers' questions came.
//!
//! A page of ours has the browser look up `ROUND.NONCE.check.NAME`. Nothing exists there and nobody may keep that, so
//! the question reaches whomever the browser really asks. If that is us, the engine says so
//! ([`Outcome::Beacon`](crate::engine::Outcome)) and the mark is noted here; the page asks for it by its nonce.
//!
//! A nonce is given out with a page, and a page is given only to whoever has an invite or a device's token. A mark with
//! a nonce that was not given out is dropped, so strangers can put nothing in here and push nobody out, whatever they
//! ask. One client's pages push out one another before they push out those of others.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE32_NOPAD;

use crate::config::limits;
use crate::device::Bearer;
use crate::engine::{Client, Transport};
use crate::message::{Parsed, Query};
use crate::onboard::page::Verdict;

/// Pages whose checks are remembered.
const PAGES: usize = limits::CHECK_PAGES.default_usize();
/// Those of one client.
const PER_CLIENT: usize = limits::CHECK_PER_CLIENT.default_usize();
/// Seconds for which one is remembered.
const LIFE: u32 = limits::CHECK_LIFE.default as u32;
/// Random bytes of a nonce.
const NONCE: usize = 16;

/// Pages that are open, the oldest first.
#[derive(Default)]
pub(super) struct Beacons(Mutex<Vec<Open>>);

struct Open {
    nonce: String,
    /// Who loaded the page.
    client: IpAddr,
    since: u32,
    seen: Option<Mark>,
}

/// The last question with a nonce in it.
#[derive(Clone, Copy)]
struct Mark {
    round: u32,
    addr: IpAddr,
    transport: Transport,
    has_token: bool,
}

impl Beacons {
    /// A nonce for a page that this client loads at second `now`.
    pub(super) fn open(&self, client: IpAddr, now: u32) -> String {
        let nonce = BASE32_NOPAD
            .encode(&rand::random::<[u8; NONCE]>())
            .to_ascii_lowercase();
        let mut open = self.lock();
        open.retain(|page| now.saturating_sub(page.since) < LIFE);
        let own = open.iter().filter(|page| page.client == client).count();
        let oldest = match own {
            PER_CLIENT.. => open.iter().position(|page| page.client == client),
            _ => (open.len() >= PAGES).then_some(0),
        };
        if let Some(oldest) = oldest {
            open.remove(oldest);
        }
        open.push(Open {
            nonce: nonce.clone(),
            client,
            since: now,
            seen: None,
        });
        nonce
    }

    /// Notes a question that the engine calls a mark.
    pub(super) fn note(&self, bytes: &[u8], client: Client) {
        let Parsed::Query(query) = Query::parse(bytes) else {
            return;
        };
        let Some((round, nonce)) = mark_in(&query) else {
            return;
        };
        let mut open = self.lock();
        let page = open.iter_mut().find(|page| page.nonce.as_bytes() == nonce);
        if let Some(page) = page {
            page.seen = Some(Mark {
                round,
                addr: client.addr.to_canonical(),
                transport: client.transport,
                has_token: matches!(client.bearer, Bearer::Device(_)),
            });
        }
    }

    /// How the question of this round, or of a later one, came. `is_over`: the page waits no longer.
    pub(super) fn verdict(&self, nonce: &str, round: u32, is_over: bool) -> Option<Verdict> {
        let open = self.lock();
        let page = open.iter().find(|page| page.nonce == nonce)?;
        Some(match page.seen.filter(|mark| mark.round >= round) {
            Some(mark) => mark.verdict(page.client),
            None if is_over => Verdict::Bypassed,
            None => Verdict::Waiting,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mark {
    fn verdict(self, page: IpAddr) -> Verdict {
        let by = match self.transport {
            Transport::Udp | Transport::Tcp | Transport::Http => None,
            Transport::Tls => Some("DNS over TLS"),
            Transport::Https => Some("DNS over HTTPS"),
            Transport::Quic => Some("DNS over QUIC"),
            Transport::H3 => Some("DNS over HTTPS, HTTP/3"),
        };
        // Whoever has the device's token is the device, wherever it asks from.
        if self.addr == page || self.has_token {
            return by.map_or(Verdict::Plain, Verdict::Encrypted);
        }
        match (self.addr, page) {
            // A device has one IPv4 address in the house, and several of IPv6.
            (IpAddr::V4(_), IpAddr::V4(_)) => Verdict::Router(self.addr, by),
            _ => Verdict::Unsure(self.addr, by),
        }
    }
}

/// Round and nonce of a question `ROUND.NONCE.check.NAME`. Clients may change the case of letters.
fn mark_in(query: &Query<'_>) -> Option<(u32, Vec<u8>)> {
    let mut labels = query.name().labels();
    let round = std::str::from_utf8(labels.next()?).ok()?;
    let nonce = labels.next()?.to_ascii_lowercase();
    Some((round.parse().ok()?, nonce))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Rtype, write};

    fn at(addr: &str) -> IpAddr {
        addr.parse().unwrap()
    }

    fn ask(beacons: &Beacons, name: &str, addr: &str, transport: Transport) {
        let mut query = Vec::new();
        let name = name.parse::<crate::message::Name>().unwrap();
        write::write_query(&mut query, 0, name.as_ref(), Rtype::A, (false, false), 1232);
        beacons.note(&query, Client::new(at(addr), transport));
    }

    #[test]
    fn a_mark_is_told_to_the_page_that_left_it() {
        let beacons = Beacons::default();
        let (one, other) = (beacons.open(at("192.0.2.1"), 0), beacons.open(at("192.0.2.1"), 0));
        assert_ne!(one, other);
        assert_eq!(one.len(), 26);
        assert_eq!(beacons.verdict(&one, 1, false), Some(Verdict::Waiting));
        assert_eq!(beacons.verdict(&one, 1, true), Some(Verdict::Bypassed));
        let shouted = format!("1.{}.check.dns.example", one.to_uppercase());
        ask(&beacons, &shouted, "192.0.2.1", Transport::Https);
        let encrypted = Verdict::Encrypted("DNS over HTTPS");
        assert_eq!(beacons.verdict(&one, 1, true), Some(encrypted));
        assert_eq!(beacons.verdict(&other, 1, false), Some(Verdict::Waiting));
        // What came before is no answer to a new question.
        assert_eq!(beacons.verdict(&one, 2, true), Some(Verdict::Bypassed));
        ask(
            &beacons,
            &format!("2.{one}.check.dns.example"),
            "192.0.2.1",
            Transport::Udp,
        );
        assert_eq!(beacons.verdict(&one, 2, true), Some(Verdict::Plain));
        assert_eq!(beacons.verdict("nothing", 0, false), None);
    }

    #[test]
    fn who_asked_is_told_from_the_address() {
        let beacons = Beacons::default();
        for (page, asker, transport, expected) in [
            ("192.0.2.1", "192.0.2.1", Transport::Tcp, Verdict::Plain),
            ("192.0.2.1", "::ffff:192.0.2.1", Transport::Udp, Verdict::Plain),
            (
                "192.0.2.1",
                "192.0.2.254",
                Transport::Udp,
                Verdict::Router(at("192.0.2.254"), None),
            ),
            (
                "192.0.2.1",
                "192.0.2.254",
                Transport::Tls,
                Verdict::Router(at("192.0.2.254"), Some("DNS over TLS")),
            ),
            (
                "192.0.2.1",
                "2001:db8::1",
                Transport::Udp,
                Verdict::Unsure(at("2001:db8::1"), None),
            ),
            (
                "2001:db8::2",
                "2001:db8::1",
                Transport::Quic,
                Verdict::Unsure(at("2001:db8::1"), Some("DNS over QUIC")),
            ),
        ] {
            let nonce = beacons.open(at(page), 0);
            ask(
                &beacons,
                &format!("1.{nonce}.check.dns.example"),
                asker,
                transport,
            );
            assert_eq!(
                beacons.verdict(&nonce, 1, false),
                Some(expected),
                "{page} {asker}"
            );
        }
    }

    #[test]
    fn a_token_is_the_device_wherever_it_asks_from() {
        let mark = Mark {
            round: 1,
            addr: at("203.0.113.9"),
            transport: Transport::Tls,
            has_token: true,
        };
        assert_eq!(mark.verdict(at("192.0.2.1")), Verdict::Encrypted("DNS over TLS"));
    }

    #[test]
    fn strangers_put_nothing_in_and_push_nobody_out() {
        let beacons = Beacons::default();
        let mine = beacons.open(at("192.0.2.1"), 0);
        for name in [
            "1.aaaaaaaaaaaaaaaaaaaaaaaaaa.check.x",
            "check.x",
            "x.y.check.x",
            "99999999999.a.x",
        ] {
            ask(&beacons, name, "192.0.2.9", Transport::Udp);
        }
        assert_eq!(beacons.lock().len(), 1);
        // One client that loads pages without end.
        for _ in 0..PAGES * 2 {
            beacons.open(at("192.0.2.9"), 1);
        }
        assert_eq!(beacons.lock().len(), 1 + PER_CLIENT);
        assert_eq!(beacons.verdict(&mine, 1, false), Some(Verdict::Waiting));
    }

    #[test]
    fn pages_are_few_and_forgotten_after_a_while() {
        let beacons = Beacons::default();
        let first = beacons.open(at("192.0.2.1"), 0);
        for number in 1..PAGES {
            beacons.open(IpAddr::from((number as u128).to_be_bytes()), 0);
        }
        assert_eq!(beacons.lock().len(), PAGES);
        assert!(beacons.verdict(&first, 1, false).is_some());
        let last = beacons.open(at("192.0.2.2"), LIFE - 1);
        assert_eq!(beacons.lock().len(), PAGES);
        assert_eq!(beacons.verdict(&first, 1, false), None);
        beacons.open(at("192.0.2.3"), LIFE);
        assert_eq!(beacons.lock().len(), 2);
        assert!(beacons.verdict(&last, 1, false).is_some());
    }
}
