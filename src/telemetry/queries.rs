//! The last queries, for whoever watches: who asked for what, and how it ended.
//!
//! What the people of a house ask for is nobody's business, so nothing is remembered unless somebody asks to see it, and
//! it is forgotten soon after the last look. It never goes to disk. While nobody watches, a query pays for one load and one
//! comparison, and there is no ring.
//!
//! While somebody does, each query writes its entry into a ring of fixed places: plain stores, no lock, no allocation, no
//! waiting. A place carries a stamp, which is taken away before its words are written and set behind them, so a reader
//! sees a whole entry or knows that it does not (a seqlock whose words are atomics). Two writers in one place at once,
//! a whole ring apart, cost the later entry; it is counted as missed like those that were written over.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use arc_swap::ArcSwapOption;

use crate::config::limits;
use crate::device::{Bearer, DeviceId};
use crate::engine::{Client, Outcome, Transport};
use crate::message::read::glance;
use crate::message::{Name, NameRef, Parsed, Query, Rcode, Rtype};

/// Entries that are remembered.
const KEPT: usize = limits::QUERIES_KEPT.default_usize();
/// Seconds for which a look keeps the watch going.
const WATCH: u32 = limits::QUERIES_WATCH.default as u32;

/// Words for a name of 255 bytes.
const NAME: usize = 64;
/// Words before it: second, type with codes, bearer with transport and length, address.
const HEAD: usize = 7;

/// Stamps of a place without an entry, and of one that is being written.
const EMPTY: u32 = 0;
const WRITING: u32 = u32::MAX;

/// Where the low byte of a word with parts ends.
const BYTE: u32 = 0xff;
/// No reply was sent.
const NO_REPLY: u32 = 0xff;
/// Bearers: nobody, one whose token is not known, and from `DEVICES` on the devices.
const NOBODY: u32 = 0;
const UNKNOWN: u32 = 1;
const DEVICES: u32 = 2;

/// The watch, and while there is one its ring.
#[derive(Debug, Default)]
pub struct Queries {
    /// The second of the engine at which the watch ends.
    until: AtomicU32,
    /// Serial of the last entry. It goes on from one watch to the next.
    last: AtomicU32,
    ring: ArcSwapOption<Ring>,
}

#[derive(Debug)]
struct Ring([Place; KEPT]);

#[derive(Debug)]
struct Place {
    stamp: AtomicU32,
    words: [AtomicU32; HEAD + NAME],
}

/// One query that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number; later queries have larger ones.
    pub serial: u32,
    /// The engine's second at which it was answered.
    pub second: u32,
    /// Who asked.
    pub client: IpAddr,
    /// Over what.
    pub transport: Transport,
    /// With whose token.
    pub bearer: Bearer,
    /// For which name; none where the message could not be read.
    pub name: Option<Name>,
    /// For which type.
    pub rtype: Rtype,
    /// How it ended.
    pub outcome: Outcome,
    /// With which code, where a reply was sent.
    pub rcode: Option<Rcode>,
}

/// What a look at the watch shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The entries, the oldest first.
    pub seen: Vec<Seen>,
    /// Serial of the last query; the next look goes on behind it.
    pub last: u32,
    /// Queries that came since and are in the ring no more.
    pub missed: u32,
    /// Whether the watch began with this look.
    pub began: bool,
}

impl Queries {
    /// Whether somebody watches at second `now`.
    #[must_use]
    pub fn is_watched(&self, now: u32) -> bool {
        now < self.until.load(Ordering::Relaxed)
    }

    /// Remembers a query and what was sent for it, which may be nothing.
    pub fn note(&self, query: &[u8], client: Client, outcome: Outcome, reply: &[u8], now: u32) {
        let ring = self.ring.load();
        let Some(ring) = ring.as_deref() else { return };
        let serial = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let place = ring.place(serial);
        let Some(place) = place.filter(|_| serial != EMPTY && serial != WRITING) else {
            return;
        };
        if place.stamp.swap(WRITING, Ordering::Relaxed) == WRITING {
            return;
        }
        // Whoever sees a word of this entry sees that the stamp of the one before is gone.
        fence(Ordering::Release);
        place.write(query, client, outcome, reply, now);
        place.stamp.store(serial, Ordering::Release);
    }

    /// What was seen behind serial `after`. Has queries remembered for a while from now on.
    pub fn look(&self, after: u32, now: u32) -> Look {
        let began = self.ring.load().is_none();
        if began {
            // Two first lookers at once: the ring of the second one stays, both see it empty.
            self.ring.store(Some(Arc::new(Ring::new())));
        }
        self.until.store(now.saturating_add(WATCH), Ordering::Relaxed);
        let last = self.last.load(Ordering::Acquire);
        // A serial of a run before this one is none of ours.
        let after = if after > last { 0 } else { after };
        let behind = last - after;
        let first = last - behind.min(KEPT as u32);
        let ring = self.ring.load();
        let read = |serial| ring.as_deref()?.place(serial)?.read(serial);
        let seen: Vec<Seen> = (first..last).filter_map(|serial| read(serial + 1)).collect();
        let missed = match began {
            true => 0,
            false => behind.saturating_sub(seen.len() as u32),
        };
        Look {
            seen,
            last,
            missed,
            began,
        }
    }

    /// Forgets everything where nobody has looked for a while.
    pub fn rest(&self, now: u32) {
        if !self.is_watched(now) {
            self.ring.store(None);
        }
    }
}

impl Ring {
    fn new() -> Self {
        Ring(std::array::from_fn(|_| Place {
            stamp: AtomicU32::new(EMPTY),
            words: [const { AtomicU32::new(0) }; HEAD + NAME],
        }))
    }

    fn place(&self, serial: u32) -> Option<&Place> {
        self.0.get(serial as usize % KEPT)
    }
}

impl Place {
    fn write(&self, query: &[u8], client: Client, outcome: Outcome, reply: &[u8], now: u32) {
        let (name, rtype) = match Query::parse(query) {
            Parsed::Query(query) => (query.name().as_wire(), query.qtype),
            _ => (&[][..], Rtype(0)),
        };
        let rcode = glance(reply).map_or(NO_REPLY, |(rcode, _)| u32::from(rcode.0));
        let bearer = match client.bearer {
            Bearer::Nobody => NOBODY,
            Bearer::Unknown => UNKNOWN,
            Bearer::Device(device) => DEVICES + device.index() as u32,
        };
        let address = match client.addr {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let head = [
            now,
            u32::from(rtype.0) << 16 | rcode << 8 | outcome as u32,
            bearer << 16 | (client.transport as u32) << 8 | name.len() as u32,
        ];
        let address = address.octets();
        let words = head.into_iter().chain(packed(&address)).chain(packed(name));
        for (place, word) in self.words.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
    }

    /// The entry of this serial, if it stands here whole.
    fn read(&self, serial: u32) -> Option<Seen> {
        if self.stamp.load(Ordering::Acquire) != serial {
            return None;
        }
        let words = self.words.each_ref().map(|word| word.load(Ordering::Relaxed));
        // The words were read before the stamp is looked at again.
        fence(Ordering::Acquire);
        if self.stamp.load(Ordering::Relaxed) != serial {
            return None;
        }
        let [second, asked, how, one, two, three, four, name @ ..] = words;
        let mut bytes = [0; 4 * NAME];
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(name) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        let name = bytes.get(..(how & BYTE) as usize).and_then(NameRef::from_wire);
        let address = [one, two, three, four];
        let address = address.iter().fold(0, |sum, word| sum << 32 | u128::from(*word));
        let index = |word: u32| word >> 8 & BYTE;
        Some(Seen {
            serial,
            second,
            client: IpAddr::V6(Ipv6Addr::from_bits(address)).to_canonical(),
            transport: Transport::ALL.into_iter().find(|one| *one as u32 == index(how))?,
            bearer: match how >> 16 {
                NOBODY => Bearer::Nobody,
                UNKNOWN => Bearer::Unknown,
                device => Bearer::Device(DeviceId::at((device - DEVICES) as usize)?),
            },
            name: name.map(NameRef::to_name),
            rtype: Rtype((asked >> 16) as u16),
            outcome: Outcome::ALL.into_iter().find(|one| *one as u32 == asked & BYTE)?,
            rcode: Some(index(asked))
                .filter(|code| *code != NO_REPLY)
                .map(|code| Rcode(code as u16)),
        })
    }
}

/// Four bytes to a word, zeros behind the end.
fn packed(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks(4).map(|bytes| {
        let shifted = bytes.iter().zip([24, 16, 8, 0]);
        shifted.fold(0, |word, (byte, shift)| word | u32::from(*byte) << shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::write::write_query;

    const CLIENT: Client = Client::new(
        IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 20)),
        Transport::Udp,
    );

    fn query(name: &str, rtype: Rtype) -> Vec<u8> {
        let mut bytes = Vec::new();
        let name: Name = name.parse().unwrap();
        write_query(&mut bytes, 7, name.as_ref(), rtype, (false, false), 1232);
        bytes
    }

    /// A reply's header with this code.
    fn reply(rcode: u8) -> [u8; 12] {
        [0, 7, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    #[test]
    fn nothing_is_remembered_unless_somebody_watches_and_forgotten_behind() {
        let queries = Queries::default();
        let note = |now| {
            queries.note(
                &query("a.example.", Rtype::A),
                CLIENT,
                Outcome::Local,
                &reply(0),
                now,
            );
        };
        assert!(!queries.is_watched(0));
        note(1);
        let look = queries.look(0, 10);
        let expected = Look {
            seen: Vec::new(),
            last: 0,
            missed: 0,
            began: true,
        };
        assert_eq!(look, expected);
        assert!(queries.is_watched(10 + WATCH - 1) && !queries.is_watched(10 + WATCH));
        note(11);
        queries.rest(10 + WATCH - 1);
        let look = queries.look(0, 12);
        assert_eq!((look.seen.len(), look.last, look.began), (1, 1, false));
        queries.rest(12 + WATCH);
        note(12 + WATCH);
        let look = queries.look(1, 100);
        assert_eq!(
            (look.seen.len(), look.last, look.missed, look.began),
            (0, 1, 0, true)
        );
    }

    #[test]
    fn an_entry_says_what_was_asked_and_how_it_ended() {
        let queries = Queries::default();
        queries.look(0, 0);
        let longest = [
            &"a".repeat(63),
            &"b".repeat(63),
            &"c".repeat(63),
            &*"d".repeat(61),
        ]
        .join(".");
        let clients = [
            "192.168.1.20",
            "::ffff:192.168.1.20",
            "2001:db8::1:2:3:4",
            "255.255.255.255",
        ];
        let mut expected = Vec::new();
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            let name = [
                ".",
                "WWW.Example.",
                "<script>alert(1)</script>.example.",
                &longest,
            ][at % 4];
            let client: IpAddr = clients[at % 4].parse().unwrap();
            let bearer = [
                Bearer::Nobody,
                Bearer::Unknown,
                Bearer::Device(DeviceId::at(1023).unwrap()),
            ][at % 3];
            let transport = Transport::ALL[at % Transport::ALL.len()];
            let rtype = [Rtype::A, Rtype(65_535), Rtype::SVCB][at % 3];
            let replies = [reply(0), reply(15)];
            let sent = [&replies[0][..], &replies[1], b""][at % 3];
            let client = Client {
                addr: client,
                transport,
                bearer,
                private_only: false,
            };
            queries.note(&query(name, rtype), client, outcome, sent, at as u32);
            expected.push(Seen {
                serial: at as u32 + 1,
                second: at as u32,
                client: client.addr.to_canonical(),
                transport,
                bearer,
                name: Some(name.parse().unwrap()),
                rtype,
                outcome,
                rcode: [Some(Rcode(0)), Some(Rcode(15)), None][at % 3],
            });
        }
        assert_eq!(queries.look(0, 1).seen, expected);
        assert_eq!(queries.look(3, 1).seen, expected[3..]);
        queries.note(b"no message", CLIENT, Outcome::Ignored, b"", 20);
        let seen = queries.look(Outcome::ALL.len() as u32, 1).seen;
        assert_eq!(
            (seen.len(), seen[0].name.clone(), seen[0].rtype),
            (1, None, Rtype(0))
        );
    }

    #[test]
    fn the_ring_keeps_the_last_and_counts_the_others() {
        let queries = Queries::default();
        queries.look(0, 0);
        let bytes = query("a.example.", Rtype::A);
        for _ in 0..KEPT + 5 {
            queries.note(&bytes, CLIENT, Outcome::Cached, &reply(0), 1);
        }
        let look = queries.look(0, 1);
        assert_eq!(
            (look.seen.len(), look.missed, look.last),
            (KEPT, 5, KEPT as u32 + 5)
        );
        assert_eq!(look.seen[0].serial, 6);
        let look = queries.look(look.last, 1);
        assert_eq!((look.seen.len(), look.missed), (0, 0));
        // Of a daemon that ran before.
        assert_eq!(queries.look(u32::MAX, 1).seen.len(), KEPT);
        // At the end of the numbers nothing is written where no stamp can tell it.
        queries.last.store(u32::MAX - 2, Ordering::Relaxed);
        for _ in 0..4 {
            queries.note(&bytes, CLIENT, Outcome::Cached, &reply(0), 1);
        }
        assert_eq!(queries.look(0, 1).last, 1);
    }

    #[test]
    fn an_entry_is_whole_while_others_write() {
        let queries = Queries::default();
        queries.look(0, 0);
        // Names whose every label says the same: a torn one would not.
        let messages = ["a", "b"].map(|label| query(&[label; 100].join("."), Rtype::A));
        std::thread::scope(|scope| {
            for message in &messages {
                let queries = &queries;
                scope.spawn(move || {
                    for _ in 0..20 * KEPT {
                        queries.note(message, CLIENT, Outcome::Local, &reply(0), 1);
                    }
                });
            }
            let mut after = 0;
            let mut sum = 0;
            while after < 40 * KEPT as u32 {
                let look = queries.look(after, 1);
                for seen in &look.seen {
                    let name = seen.name.as_ref().unwrap().to_string();
                    assert!(name == "a.".repeat(100) || name == "b.".repeat(100), "{name}");
                }
                sum += look.seen.len() as u32 + look.missed;
                after = look.last;
            }
            assert_eq!(sum, 40 * KEPT as u32);
        });
    }
}
