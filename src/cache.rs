//! The message cache: what upstreams said, for as long as they said it holds.
//!
//! Pure state: `now` is a parameter, in seconds since the start of the program. Bounded in bytes, not in
//! entries, because a 64 KiB answer is not an A record. What goes first is chosen by SIEVE (Zhang et al.,
//! NSDI 2024): entries stay in order of arrival, a hand walks from the oldest and spares, once, those that
//! were asked for since it last came by. A hit therefore only sets a flag.
//!
//! An answer whose time is over stays for a while: it serves where no upstream answers (RFC 8767). One that
//! is asked for often is due for a refresh shortly before its time is over. Failures are kept as well, for
//! seconds (RFC 9520).
//!
//! The key holds the route: what was fetched for one side of the horizon is never served to the other.

pub mod warm;

use std::hash::BuildHasher;
use std::ops::{Index, IndexMut};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::message::key::spread;
use crate::message::packed::PackedRef;
use crate::message::{Name, NameRef, Packed, Rcode, Rtype};

/// For how many seconds a stale answer is served without another try after a refresh failed (RFC 8767, 5).
pub const RETRY_AFTER_FAILURE: u32 = 30;
/// For how many seconds no second refresh of the same answer is started.
pub const RETRY_AFTER_REFRESH: u32 = 5;
/// Times an answer must have been asked for to be refreshed before its time is over.
const POPULAR: u8 = 3;
/// The refresh starts when this part of the time is left.
const REFRESH_PART: u32 = 10;
/// What an entry costs beside its own bytes, at most: the slot, its place in the index, the allocator's word, and what
/// the allocator loses. The index takes five bytes for each place, and may double when 7/16 of its places are taken by
/// keys and as many by traces of earlier ones: five bytes at 7/32. Entries come while queries hold memory for a moment,
/// and are cut from what earlier ones gave back, with a rest that nobody wants: 36 to 48 bytes each, measured with
/// 400,000 random names (`tests/bench/run flood`).
const OVERHEAD: usize = size_of::<Entry>() + 23 + 16 + 48;
/// Slots of one block.
const BLOCK: usize = 64;
/// No entry.
const NONE: u32 = u32::MAX;

/// What distinguishes one answer from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheKey<'a> {
    /// Name, case ignored.
    pub name: NameRef<'a>,
    /// Type.
    pub rtype: Rtype,
    /// The route that it was asked by.
    pub route: u16,
    /// DO: with DNSSEC records.
    pub dnssec_ok: bool,
    /// CD: unvalidated data wanted.
    pub checking_disabled: bool,
}

/// An answer found.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The message.
    pub message: PackedRef<'a>,
    /// Seconds since it came: to be taken off its TTLs.
    pub age: u32,
    /// Seconds for which it is still good; 0 if it is stale.
    pub left: u32,
    /// Its time is over.
    pub is_stale: bool,
    /// Upstream should be asked: because its time is over, or because it is popular and its time is nearly
    /// over. Not said again for a while once said.
    pub is_due: bool,
}

/// One answer held, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Name, in lower case.
    pub name: Name,
    /// Type.
    pub rtype: Rtype,
    /// The route that it was asked by.
    pub route: u16,
    /// DO and CD of the question.
    pub dnssec_ok: bool,
    /// See `dnssec_ok`.
    pub checking_disabled: bool,
    /// Response code.
    pub rcode: Rcode,
    /// What it is good for.
    pub kind: Kind,
    /// Seconds for which it is good; below 0 since when it is not.
    pub left: i64,
    /// Times it was asked for since it came; 255 for more.
    pub hits: u8,
}

/// What an entry is good for at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An answer with records, served.
    Fresh,
    /// The answer that there is nothing, served.
    Negative,
    /// An answer whose time is over, held for when no upstream answers.
    Stale,
    /// That a question failed, told for seconds.
    Failure,
    /// Nothing any more: it only waits for its place to be needed.
    Over,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Kind; 5] = [
        Self::Fresh,
        Self::Negative,
        Self::Stale,
        Self::Failure,
        Self::Over,
    ];

    /// The word that people see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Negative => "negative",
            Self::Stale => "stale",
            Self::Failure => "failure",
            Self::Over => "over",
        }
    }
}

/// How full a cache is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fill {
    /// Messages held.
    pub entries: usize,
    /// Bytes they take, bookkeeping included.
    pub bytes: usize,
}

struct Entry {
    /// Key in wire form ([`encode`]), then the packed message.
    data: Box<[u8]>,
    hash: u32,
    key_len: u16,
    visited: bool,
    /// Times it was asked for since it came; stops counting at 255.
    hits: u8,
    /// Seconds before which no refresh is due.
    retry_at: u32,
    /// Seconds: when it came, and until when it is good. Both lie before 0 for what an earlier run kept.
    stored: i32,
    until: i32,
    /// Neighbours in order of arrival.
    newer: u32,
    older: u32,
}

/// A cache of at most so many bytes.
pub struct Cache {
    limit: usize,
    stale_for: u32,
    used: usize,
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    entries: Slots,
    /// Slots of `entries` that are free.
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    hand: u32,
}

/// The entries, in blocks that never move. One growing vector would hold up to twice the memory that is counted, and
/// leave holes of all its earlier sizes in the heap: measured, a full cache of 8 MiB took 22 MiB.
#[derive(Default)]
struct Slots {
    blocks: Vec<Vec<Entry>>,
}

impl Slots {
    fn get(&self, at: u32) -> Option<&Entry> {
        let at = at as usize;
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut Entry> {
        let at = at as usize;
        self.blocks.get_mut(at / BLOCK)?.get_mut(at % BLOCK)
    }

    /// Places an entry behind the last and says where.
    fn push(&mut self, entry: Entry) -> u32 {
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(entry),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(entry);
                self.blocks.push(block);
            }
        }
        let full = self.blocks.len() - 1;
        (full * BLOCK + self.blocks[full].len() - 1) as u32
    }
}

impl Index<u32> for Slots {
    type Output = Entry;

    fn index(&self, at: u32) -> &Entry {
        &self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }
}

impl IndexMut<u32> for Slots {
    fn index_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }
}

/// Longest key: DO/CD, route, type, name.
const MAX_KEY: usize = 5 + 255;

/// Writes a key's bytes and gives their length.
fn encode(key: &CacheKey<'_>, bytes: &mut [u8; MAX_KEY]) -> usize {
    bytes[0] = u8::from(key.dnssec_ok) | u8::from(key.checking_disabled) << 1;
    bytes[1..3].copy_from_slice(&key.route.to_be_bytes());
    bytes[3..5].copy_from_slice(&key.rtype.0.to_be_bytes());
    let name = key.name.as_wire();
    for (to, from) in bytes[5..].iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    5 + name.len()
}

/// Seconds since the start; the cast that holds for 68 years.
fn signed(now: u32) -> i32 {
    i32::try_from(now).unwrap_or(i32::MAX)
}

impl Entry {
    /// Seconds since it came.
    fn age(&self, now: u32) -> u32 {
        u32::try_from(i64::from(now) - i64::from(self.stored)).unwrap_or(0)
    }

    /// Seconds for which it is good; below 0 since when it is not.
    fn left(&self, now: u32) -> i64 {
        i64::from(self.until) - i64::from(now)
    }

    /// Seconds for which it has not been good any more.
    fn overdue(&self, now: u32) -> u32 {
        u32::try_from(-self.left(now)).unwrap_or(0)
    }

    fn key(&self) -> &[u8] {
        &self.data[..usize::from(self.key_len)]
    }

    fn message(&self) -> Option<PackedRef<'_>> {
        Packed::view(&self.data[usize::from(self.key_len)..])
    }
}

/// Reads a key that [`encode`] wrote; anything else is refused.
fn decode(bytes: &[u8]) -> Option<CacheKey<'_>> {
    let (&[bits, route @ .., high, low], name) = bytes.split_first_chunk::<5>()?;
    (bits < 4 && !name.iter().any(u8::is_ascii_uppercase)).then_some(())?;
    Some(CacheKey {
        name: NameRef::from_wire(name)?,
        rtype: Rtype(u16::from_be_bytes([high, low])),
        route: u16::from_be_bytes(route),
        dnssec_ok: bits & 1 != 0,
        checking_disabled: bits & 2 != 0,
    })
}

impl Cache {
    /// An empty cache of `limit` bytes whose answers may be served for `stale_for` seconds after their time.
    /// With a limit of 0 it keeps nothing.
    #[must_use]
    pub fn new(limit: usize, stale_for: u32) -> Self {
        Cache {
            limit,
            stale_for,
            used: 0,
            hasher: DefaultHashBuilder::default(),
            index: HashTable::new(),
            entries: Slots::default(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            hand: NONE,
        }
    }

    /// Looks an answer up: one that is still good at `now`, or a stale one.
    pub fn get(&mut self, key: &CacheKey<'_>, now: u32) -> Option<Hit<'_>> {
        let mut bytes = [0; MAX_KEY];
        let len = encode(key, &mut bytes);
        let at = self.find(&bytes[..len])?;
        let stale_for = self.stale_for;
        let entry = &mut self.entries[at];
        let message = Packed::view(&entry.data[usize::from(entry.key_len)..])?;
        let left = u32::try_from(entry.left(now)).unwrap_or(0);
        let is_stale = left == 0;
        if is_stale && (entry.overdue(now) >= stale_for || !message.is_answer()) {
            return None;
        }
        entry.visited = true;
        entry.hits = entry.hits.saturating_add(1);
        let nearly_over = left <= entry.until.abs_diff(entry.stored) / REFRESH_PART;
        let is_wanted = is_stale || (nearly_over && entry.hits >= POPULAR && message.is_answer());
        let is_due = is_wanted && now >= entry.retry_at;
        if is_due && !is_stale {
            entry.retry_at = now + RETRY_AFTER_REFRESH;
        }
        Some(Hit {
            message,
            age: entry.age(now),
            left,
            is_stale,
            is_due,
        })
    }

    /// A refresh failed: if a stale answer is held it is served for a while without another try. Says
    /// whether one is held.
    pub fn note_failure(&mut self, key: &CacheKey<'_>, now: u32) -> bool {
        let mut bytes = [0; MAX_KEY];
        let len = encode(key, &mut bytes);
        let Some(at) = self.find(&bytes[..len]) else {
            return false;
        };
        let entry = &mut self.entries[at];
        let message = Packed::view(&entry.data[usize::from(entry.key_len)..]);
        if !message.is_some_and(PackedRef::is_answer) {
            return false;
        }
        entry.retry_at = now + RETRY_AFTER_FAILURE;
        entry.left(now) > 0 || entry.overdue(now) < self.stale_for
    }

    /// Keeps an answer for `ttl` seconds from `now`, in place of an earlier one; drops others while the
    /// bytes do not suffice. An answer that would take more than a quarter of the cache is not kept.
    pub fn put(&mut self, key: &CacheKey<'_>, message: &Packed, ttl: u32, now: u32) {
        let mut bytes = [0; MAX_KEY];
        let len = encode(key, &mut bytes);
        let key = &bytes[..len];
        let hash = self.hash(key);
        if let Some(at) = self.find(key) {
            self.remove(at);
        }
        let cost = OVERHEAD + len + message.as_bytes().len();
        if ttl == 0 || cost > self.limit / 4 {
            return;
        }
        while self.used + cost > self.limit {
            self.evict();
        }
        self.insert(Entry {
            data: [key, message.as_bytes()].concat().into(),
            hash,
            key_len: len as u16,
            visited: false,
            hits: 0,
            retry_at: 0,
            stored: signed(now),
            until: signed(now.saturating_add(ttl)),
            newer: NONE,
            older: self.newest,
        });
    }

    /// Places an entry beside the neighbours that it names: in front of the newest, or behind the oldest.
    fn insert(&mut self, entry: Entry) {
        let (newer, older) = (entry.newer, entry.older);
        let (hash, cost) = (entry.hash, OVERHEAD + entry.data.len());
        let at = if let Some(at) = self.free.pop() {
            self.entries[at] = entry;
            at
        } else {
            self.entries.push(entry)
        };
        self.used += cost;
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = at,
            None => self.oldest = at,
        }
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = at,
            None => self.newest = at,
        }
        let entries = &self.entries;
        self.index
            .insert_unique(spread(hash), at, |&at| spread(entries[at].hash));
    }

    /// Drops what `matches` wants, by name, and says how many that were.
    pub fn flush(&mut self, matches: impl Fn(NameRef<'_>) -> bool) -> usize {
        let mut at = self.oldest;
        let mut dropped = 0;
        while let Some(entry) = self.entries.get(at) {
            let newer = entry.newer;
            if NameRef::from_wire(&entry.data[5..usize::from(entry.key_len)]).is_some_and(&matches) {
                self.remove(at);
                dropped += 1;
            }
            at = newer;
        }
        dropped
    }

    /// What is held, oldest first. Looking is no asking: nothing counts as a hit.
    pub fn list(&self, now: u32) -> impl Iterator<Item = Listed> {
        self.arrivals().filter_map(move |entry| self.listed(entry, now))
    }

    /// The entries in order of arrival.
    fn arrivals(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let mut order = Vec::with_capacity(self.index.len());
        let mut at = self.oldest;
        while let Some(entry) = self.entries.get(at) {
            order.push(entry);
            at = entry.newer;
        }
        order.into_iter()
    }

    fn listed(&self, entry: &Entry, now: u32) -> Option<Listed> {
        let key = decode(entry.key())?;
        let message = entry.message()?;
        Some(Listed {
            name: key.name.to_name(),
            rtype: key.rtype,
            route: key.route,
            dnssec_ok: key.dnssec_ok,
            checking_disabled: key.checking_disabled,
            rcode: message.rcode(),
            kind: self.kind(entry, message, now),
            left: entry.left(now),
            hits: entry.hits,
        })
    }

    fn kind(&self, entry: &Entry, message: PackedRef<'_>, now: u32) -> Kind {
        match (message.is_answer(), entry.left(now) > 0) {
            (true, false) if entry.overdue(now) < self.stale_for => Kind::Stale,
            (_, false) => Kind::Over,
            (false, true) => Kind::Failure,
            (true, true) if message.counts()[0] == 0 || message.rcode() == Rcode::NXDOMAIN => Kind::Negative,
            (true, true) => Kind::Fresh,
        }
    }

    /// How many entries there are of each kind, in the order of [`Kind::ALL`].
    #[must_use]
    pub fn census(&self, now: u32) -> [usize; Kind::ALL.len()] {
        let mut counts = [0; Kind::ALL.len()];
        for entry in self.arrivals() {
            let kind = entry
                .message()
                .map_or(Kind::Over, |message| self.kind(entry, message, now));
            counts[kind as usize] += 1;
        }
        counts
    }

    /// How full it is.
    #[must_use]
    pub fn fill(&self) -> Fill {
        Fill {
            entries: self.index.len(),
            bytes: self.used,
        }
    }

    fn hash(&self, key: &[u8]) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hash(key);
        let same = |&at: &u32| {
            let entry = &self.entries[at];
            entry.hash == hash && entry.key() == key
        };
        self.index.find(spread(hash), same).copied()
    }

    /// Moves the hand to the next entry that nobody asked for since it last came by, and drops it.
    fn evict(&mut self) {
        let mut at = if self.hand == NONE { self.oldest } else { self.hand };
        while let Some(entry) = self.entries.get_mut(at) {
            if !entry.visited {
                self.hand = at;
                self.remove(at);
                return;
            }
            entry.visited = false;
            at = if entry.newer == NONE {
                self.oldest
            } else {
                entry.newer
            };
        }
        // Nothing is held: what is counted as used must be nothing as well.
        self.used = 0;
    }

    fn remove(&mut self, at: u32) {
        let (hash, newer, older, cost) = {
            let entry = &mut self.entries[at];
            let cost = OVERHEAD + entry.data.len();
            entry.data = Box::default();
            (entry.hash, entry.newer, entry.older, cost)
        };
        if let Ok(found) = self.index.find_entry(spread(hash), |&other| other == at) {
            found.remove();
        }
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        if self.hand == at {
            self.hand = newer;
        }
        self.used -= cost;
        self.free.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Incoming, Name, Rcode};

    /// An answer to `name A` with one address.
    fn message(name: &Name, last: u8) -> Packed {
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        bytes.extend_from_slice(name.as_wire());
        bytes.extend_from_slice(&[
            0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, last,
        ]);
        Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap()
    }

    fn key(name: &Name) -> CacheKey<'_> {
        CacheKey {
            name: name.as_ref(),
            rtype: Rtype::A,
            route: 0,
            dnssec_ok: false,
            checking_disabled: false,
        }
    }

    fn numbered(number: usize) -> Name {
        format!("host-{number:05}.example").parse().unwrap()
    }

    #[test]
    fn a_look_up_compares_hardly_more_than_one_key_however_many_there_are() {
        for count in [100, 100_000] {
            let mut cache = Cache::new(64 << 20, 0);
            let names: Vec<Name> = (0..count + 100).map(numbered).collect();
            let (held, absent) = names.split_at(count);
            for name in held {
                cache.put(&key(name), &message(name, 1), 300, 0);
            }
            let mut compared = 0;
            let mut look = |name: &Name| {
                let mut bytes = [0; MAX_KEY];
                let len = encode(&key(name), &mut bytes);
                let same = |&at: &u32| {
                    compared += 1;
                    cache.entries[at].key() == &bytes[..len]
                };
                cache
                    .index
                    .find(spread(cache.hash(&bytes[..len])), same)
                    .is_some()
            };
            assert!(held.iter().rev().take(100).all(&mut look));
            assert!(!absent.iter().any(&mut look));
            // 100 that are there, and few whose hash looks the same in seven bits.
            assert!(
                (100..170).contains(&compared),
                "{compared} of 200 look-ups among {count}"
            );
        }
    }

    fn holds(cache: &mut Cache, name: &Name, now: u32) -> bool {
        cache.get(&key(name), now).is_some()
    }

    #[test]
    fn an_answer_is_good_until_its_time_is_over() {
        let mut cache = Cache::new(10_000, 0);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 1000);
        let hit = cache.get(&key(&name), 1299).unwrap();
        assert_eq!((hit.age, hit.left), (299, 1));
        assert!(!holds(&mut cache, &name, 1300));
    }

    #[test]
    fn rfc8767_s4_a_stale_answer_is_held_for_its_window() {
        let mut cache = Cache::new(10_000, 100);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        let hit = cache.get(&key(&name), 399).unwrap();
        assert_eq!((hit.is_stale, hit.is_due, hit.left), (true, true, 0));
        assert!(cache.get(&key(&name), 400).is_none());
    }

    #[test]
    fn rfc8767_s5_after_a_failed_refresh_the_stale_answer_serves_for_a_while() {
        let mut cache = Cache::new(10_000, 1000);
        let name = numbered(1);
        assert!(!cache.note_failure(&key(&name), 0));
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        assert!(cache.note_failure(&key(&name), 310));
        assert!(!cache.get(&key(&name), 339).unwrap().is_due);
        assert!(cache.get(&key(&name), 340).unwrap().is_due);
        assert!(!cache.note_failure(&key(&name), 1300), "beyond the window");
    }

    #[test]
    fn a_popular_answer_is_due_for_refresh_once_before_its_time_is_over() {
        let mut cache = Cache::new(10_000, 0);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        let due: Vec<u32> = (0..300)
            .filter(|now| cache.get(&key(&name), *now).unwrap().is_due)
            .collect();
        assert_eq!(due, [270, 275, 280, 285, 290, 295]);
        let rare = numbered(2);
        cache.put(&key(&rare), &message(&rare, 1), 300, 0);
        assert!(!cache.get(&key(&rare), 290).unwrap().is_due);
        assert!(!cache.get(&key(&rare), 291).unwrap().is_due);
        assert!(cache.get(&key(&rare), 292).unwrap().is_due);
    }

    #[test]
    fn rfc9520_s3_2_a_failure_is_kept_but_never_stale() {
        let mut cache = Cache::new(10_000, 1000);
        let name = numbered(1);
        let failure = Packed::failure(Rcode::SERVFAIL, &[]);
        cache.put(&key(&name), &failure, 5, 0);
        assert_eq!(
            cache.get(&key(&name), 4).unwrap().message.rcode(),
            Rcode::SERVFAIL
        );
        assert!(cache.get(&key(&name), 5).is_none());
        assert!(!cache.note_failure(&key(&name), 4));
    }

    #[test]
    fn the_key_separates_type_route_and_the_dnssec_bits_but_not_case() {
        let mut cache = Cache::new(10_000, 0);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        for other in [
            CacheKey {
                rtype: Rtype::AAAA,
                ..key(&name)
            },
            CacheKey {
                route: 1,
                ..key(&name)
            },
            CacheKey {
                dnssec_ok: true,
                ..key(&name)
            },
            CacheKey {
                checking_disabled: true,
                ..key(&name)
            },
        ] {
            assert!(cache.get(&other, 1).is_none(), "{other:?}");
        }
        assert!(holds(&mut cache, &"HOST-00001.Example".parse().unwrap(), 1));
    }

    #[test]
    fn the_bound_in_bytes_holds_and_what_is_asked_for_stays() {
        let limit = 100_000;
        let mut cache = Cache::new(limit, 0);
        let loved = numbered(0);
        cache.put(&key(&loved), &message(&loved, 1), 300, 0);
        for number in 1..20_000 {
            let name = numbered(number);
            cache.put(&key(&name), &message(&name, 1), 300, 0);
            assert!(holds(&mut cache, &loved, 1), "lost after {number}");
            assert!(cache.fill().bytes <= limit);
        }
        let fill = cache.fill();
        assert!(fill.bytes > limit * 9 / 10 && fill.entries > 500, "{fill:?}");
        // The slots of dropped entries are used again.
        let slots: usize = cache.entries.blocks.iter().map(Vec::len).sum();
        assert!(slots <= fill.entries + 1);
        // Only what is held is found.
        let found = (0..20_000)
            .filter(|number| holds(&mut cache, &numbered(*number), 1))
            .count();
        assert_eq!(found, fill.entries);
    }

    #[test]
    fn a_later_answer_takes_the_place_of_the_earlier_one() {
        let mut cache = Cache::new(10_000, 0);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        let before = cache.fill();
        cache.put(&key(&name), &message(&name, 2), 300, 10);
        assert_eq!(cache.fill(), before);
        assert_eq!(cache.get(&key(&name), 10).unwrap().age, 0);
        cache.put(&key(&name), &message(&name, 3), 0, 20);
        assert_eq!(cache.fill(), Fill::default());
    }

    #[test]
    fn flush_drops_what_it_is_told_and_nothing_else() {
        let mut cache = Cache::new(100_000, 0);
        for number in 0..100 {
            let name = numbered(number);
            cache.put(&key(&name), &message(&name, 1), 300, 0);
        }
        let one = numbered(7);
        assert_eq!(cache.flush(|name| name == one.as_ref()), 1);
        assert!(!holds(&mut cache, &one, 1) && holds(&mut cache, &numbered(8), 1));
        assert_eq!(cache.flush(|_| true), 99);
        assert_eq!(cache.fill(), Fill::default());
        cache.put(&key(&one), &message(&one, 1), 300, 0);
        assert!(holds(&mut cache, &one, 1));
    }

    #[test]
    fn an_entry_of_one_address_stays_below_250_bytes() {
        let name = numbered(1);
        let mut cache = Cache::new(10_000, 0);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        assert!(cache.fill().bytes < 250, "{}", cache.fill().bytes);
    }

    #[test]
    fn a_huge_answer_does_not_empty_the_cache() {
        let mut cache = Cache::new(1000, 0);
        let name = numbered(1);
        cache.put(&key(&name), &message(&name, 1), 300, 0);
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        bytes.extend_from_slice(b"\x01b\x00\x00\x10\x00\x01\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x01\x2c");
        bytes.extend_from_slice(&[0; 300]);
        let big: Name = "b".parse().unwrap();
        let packed = Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap();
        cache.put(&key(&big), &packed, 300, 0);
        assert!(holds(&mut cache, &name, 1) && !holds(&mut cache, &big, 1));
    }
}
