//! Counting: one number per outcome, which sum to the messages received; one per transport, which sum to the
//! same; and what befalls connections. And when each device was seen, and while somebody watches the last [`queries`].

pub mod queries;

use portable_atomic::{AtomicU64, Ordering};

use crate::device::{DeviceId, MAX_DEVICES};
use crate::engine::{Outcome, Transport};

/// Counts how queries ended.
#[derive(Debug, Default)]
pub struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    /// One more message ended so.
    pub fn count(&self, outcome: Outcome) {
        // The order of ALL is for the eye; the discriminant is the index.
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts so far, in the order in which they are shown.
    pub fn counts(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL
            .iter()
            .map(|&outcome| (outcome, self.0[outcome as usize].load(Ordering::Relaxed)))
    }
}

/// What can befall a connection or a request, beside an answer. Most are a bound that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A connection was let in.
    Accepted,
    /// A connection was turned away: all places are taken.
    Full,
    /// A connection was turned away: its client has all the places that one may have.
    ClientFull,
    /// A handshake failed.
    HandshakeFailed,
    /// A handshake was not finished in time.
    HandshakeLate,
    /// A request was not whole in time.
    RequestLate,
    /// A request was larger than it may be.
    TooLarge,
    /// A request was no request: HTTP 4xx, or an error of HTTP/2 or QUIC.
    BadRequest,
    /// A request more than a connection may have, at once or in all, or frames of HTTP/2 that ask for nothing.
    TooMany,
    /// A connection was closed because nothing was asked for long.
    Idle,
    /// A client took no replies for long: its connection was closed, or its stream reset.
    NotTaken,
    /// A QUIC client was asked to prove its address first.
    Retry,
    /// A query bore a token that is not known: it never was, or was revoked.
    TokenRefused,
}

impl Event {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Event; 13] = [
        Self::Accepted,
        Self::Full,
        Self::ClientFull,
        Self::HandshakeFailed,
        Self::HandshakeLate,
        Self::RequestLate,
        Self::TooLarge,
        Self::BadRequest,
        Self::TooMany,
        Self::Idle,
        Self::NotTaken,
        Self::Retry,
        Self::TokenRefused,
    ];

    /// The word that people see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Full => "full",
            Self::ClientFull => "client-full",
            Self::HandshakeFailed => "handshake-failed",
            Self::HandshakeLate => "handshake-late",
            Self::RequestLate => "request-late",
            Self::TooLarge => "too-large",
            Self::BadRequest => "bad-request",
            Self::TooMany => "too-many",
            Self::Idle => "idle",
            Self::NotTaken => "not-taken",
            Self::Retry => "retry",
            Self::TokenRefused => "token-refused",
        }
    }
}

/// Counts messages and events by transport.
#[derive(Debug, Default)]
pub struct Traffic([OfTransport; Transport::ALL.len()]);

#[derive(Debug, Default)]
struct OfTransport {
    messages: AtomicU64,
    events: [AtomicU64; Event::ALL.len()],
}

impl Traffic {
    /// One more message came by this transport.
    pub fn received(&self, transport: Transport) {
        self.0[transport as usize]
            .messages
            .fetch_add(1, Ordering::Relaxed);
    }

    /// This happened once more.
    pub fn note(&self, transport: Transport, event: Event) {
        self.0[transport as usize].events[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Messages that came by this transport so far.
    #[must_use]
    pub fn messages(&self, transport: Transport) -> u64 {
        self.0[transport as usize].messages.load(Ordering::Relaxed)
    }

    /// What happened so far, in the order in which it is shown.
    pub fn events(&self, transport: Transport) -> impl Iterator<Item = (Event, u64)> {
        let of = &self.0[transport as usize];
        Event::ALL
            .iter()
            .map(|&event| (event, of.events[event as usize].load(Ordering::Relaxed)))
    }
}

/// When each device was seen last, and over what. Written with every query that bears a token, so it is one word of
/// memory for each and nothing else; what of it goes to disk, and when, is for others to say.
#[derive(Debug)]
pub struct Sightings(Box<[AtomicU64; MAX_DEVICES]>);

impl Default for Sightings {
    fn default() -> Self {
        Sightings(Box::new([const { AtomicU64::new(0) }; MAX_DEVICES]))
    }
}

impl Sightings {
    /// The device asked something at second `now`.
    pub fn note(&self, device: DeviceId, transport: Transport, now: u32) {
        // Not 0, which is for those never seen.
        let seen = (u64::from(now) + 1) << 8 | transport as u64;
        if let Some(place) = self.0.get(device.index()) {
            place.store(seen, Ordering::Relaxed);
        }
    }

    /// The second at which the device asked something last, and the transport.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<(u32, Transport)> {
        let seen = self.0.get(device.index())?.load(Ordering::Relaxed);
        let second = (seen >> 8).checked_sub(1)?;
        let transport = Transport::ALL
            .into_iter()
            .find(|transport| *transport as u64 == seen & 0xff)?;
        Some((second as u32, transport))
    }

    /// The place belongs to another device now.
    pub fn forget(&self, device: DeviceId) {
        if let Some(place) = self.0.get(device.index()) {
            place.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Registry, Terms};

    #[test]
    fn a_device_is_seen_when_it_asks_and_where() {
        let mut registry = Registry::default();
        let terms = Terms {
            everything: false,
            ttl: 1,
            uses: 1,
        };
        let mut last = 0;
        let mut add = |name: &str| {
            let random = || {
                last += 1;
                last
            };
            registry.invite(name, terms, 0, random).unwrap().device
        };
        let (phone, laptop) = (add("phone"), add("laptop"));
        let sightings = Sightings::default();
        assert_eq!(sightings.of(phone), None);
        for transport in Transport::ALL {
            sightings.note(phone, transport, 0);
            assert_eq!(sightings.of(phone), Some((0, transport)));
        }
        sightings.note(laptop, Transport::Tls, u32::MAX);
        assert_eq!(sightings.of(laptop), Some((u32::MAX, Transport::Tls)));
        sightings.forget(phone);
        assert_eq!(sightings.of(phone), None);
    }

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let outcomes = Outcomes::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| outcomes.count(outcome));
        }
        let counts: Vec<u64> = outcomes.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, (0..Outcome::ALL.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn every_event_of_every_transport_has_a_place_of_its_own() {
        let traffic = Traffic::default();
        for (at, transport) in Transport::ALL.into_iter().enumerate() {
            (0..at).for_each(|_| traffic.received(transport));
            for (times, event) in Event::ALL.into_iter().enumerate() {
                (0..at + times).for_each(|_| traffic.note(transport, event));
            }
        }
        for (at, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(traffic.messages(transport), at as u64);
            let counts: Vec<u64> = traffic.events(transport).map(|(_, count)| count).collect();
            assert_eq!(
                counts,
                (at as u64..(at + Event::ALL.len()) as u64).collect::<Vec<_>>()
            );
        }
    }
}
