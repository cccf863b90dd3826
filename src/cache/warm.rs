//! What a cache hands to the next run of the program, and takes from the one before.
//!
//! Pure: entries go out and come in with their age, since seconds count from each start anew. What comes in was
//! on disk and is believed no more than a packet: a message must read as a reply to its key's question.

use super::{Cache, CacheKey, Entry, MAX_KEY, NONE, OVERHEAD, decode, encode, signed};
use crate::message::{NameRef, Packed};

/// One answer on its way to another run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept<'a> {
    /// The key's bytes.
    key: &'a [u8],
    /// The message's bytes.
    message: &'a [u8],
    /// Seconds since it came.
    age: u32,
    /// Seconds for which it is good; below 0 since when it is not.
    left: i32,
    /// Times it was asked for.
    hits: u8,
}

/// Numbers before an entry's bytes: age, left, hits, length of the key, length of the message.
const HEAD: usize = 4 + 4 + 1 + 2 + 4;

impl<'a> Kept<'a> {
    /// How many bytes [`Kept::write`] takes.
    #[must_use]
    pub fn size(&self) -> usize {
        HEAD + self.key.len() + self.message.len()
    }

    /// Appends it in the form that [`Kept::read`] takes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.age.to_be_bytes());
        out.extend_from_slice(&self.left.to_be_bytes());
        out.push(self.hits);
        out.extend_from_slice(&(self.key.len() as u16).to_be_bytes());
        out.extend_from_slice(&(self.message.len() as u32).to_be_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.message);
    }

    /// Reads one entry and gives what follows it.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (age, rest) = bytes.split_first_chunk()?;
        let (left, rest) = rest.split_first_chunk()?;
        let (&hits, rest) = rest.split_first()?;
        let (key_len, rest) = rest.split_first_chunk()?;
        let (message_len, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_len)))?;
        let len = usize::try_from(u32::from_be_bytes(*message_len)).ok()?;
        let (message, rest) = rest.split_at_checked(len)?;
        let kept = Kept {
            key,
            message,
            age: u32::from_be_bytes(*age),
            left: i32::from_be_bytes(*left),
            hits,
        };
        Some((kept, rest))
    }

    /// The name that it is about; `None` if the key is none.
    #[must_use]
    pub fn name(&self) -> Option<NameRef<'a>> {
        decode(self.key).map(|key| key.name)
    }

    /// The same, so many seconds later.
    #[must_use]
    pub fn aged(self, seconds: u64) -> Self {
        let older = u32::try_from(seconds).unwrap_or(u32::MAX);
        Kept {
            age: self.age.saturating_add(older),
            left: self.left.saturating_sub_unsigned(older),
            ..self
        }
    }
}

impl Cache {
    /// The answers that are still of use, newest first. Failures stay here: the next run may have better luck.
    pub fn export(&self, now: u32) -> impl Iterator<Item = Kept<'_>> {
        self.arrivals().rev().filter_map(move |entry| {
            let message = entry.message().filter(|message| message.is_answer())?;
            let is_of_use = entry.left(now) > 0 || entry.overdue(now) < self.stale_for;
            is_of_use.then(|| Kept {
                key: entry.key(),
                message: message.as_bytes(),
                age: entry.age(now),
                left: i32::try_from(entry.left(now)).unwrap_or(i32::MIN),
                hits: entry.hits,
            })
        })
    }

    /// Takes an answer of an earlier run in, and says whether it did. What is held already is newer and stays;
    /// nothing is dropped for it, so it also is not taken where there is no room.
    pub fn import(&mut self, kept: &Kept<'_>, now: u32) -> bool {
        self.try_import(kept, now).is_some()
    }

    fn try_import(&mut self, kept: &Kept<'_>, now: u32) -> Option<()> {
        let key = decode(kept.key)?;
        let mut bytes = [0; MAX_KEY];
        let len = encode(&key, &mut bytes);
        let bytes = &bytes[..len];
        let message = restored(&key, kept.message)?;
        let cost = OVERHEAD + len + message.as_bytes().len();
        let is_held = self.find(bytes).is_some();
        let fits = cost <= self.limit / 4 && self.used + cost <= self.limit;
        // Times that do not fit each other come from no cache.
        let is_sound = i64::from(kept.age) + i64::from(kept.left) > 0;
        if is_held || !fits || !is_sound {
            return None;
        }
        let entry = Entry {
            data: [bytes, message.as_bytes()].concat().into(),
            hash: self.hash(bytes),
            key_len: len as u16,
            visited: false,
            hits: kept.hits,
            retry_at: 0,
            stored: signed(now).checked_sub_unsigned(kept.age)?,
            until: signed(now).checked_add(kept.left)?,
            // The newest come first: each lies behind those before it.
            newer: self.oldest,
            older: NONE,
        };
        let is_of_use = entry.left(now) > 0 || entry.overdue(now) < self.stale_for;
        is_of_use.then(|| self.insert(entry))
    }
}

fn restored(key: &CacheKey<'_>, bytes: &[u8]) -> Option<Packed> {
    Packed::restore(bytes, key.name, key.rtype).filter(|message| message.as_ref().is_answer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Incoming, Name, Rcode, Rtype};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn message(name: &Name, ttl: u32) -> Packed {
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        bytes.extend_from_slice(name.as_wire());
        bytes.extend_from_slice(&[0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1]);
        bytes.extend_from_slice(&ttl.to_be_bytes());
        bytes.extend_from_slice(&[0, 4, 192, 0, 2, 1]);
        Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap()
    }

    fn key(name: &Name) -> CacheKey<'_> {
        CacheKey {
            name: name.as_ref(),
            rtype: Rtype::A,
            route: 3,
            dnssec_ok: true,
            checking_disabled: false,
        }
    }

    /// Everything of one cache in another, after so many seconds.
    fn moved(from: &Cache, then: u32, seconds: u64, to: &mut Cache, now: u32) -> usize {
        let mut file = Vec::new();
        for kept in from.export(then) {
            let before = file.len();
            kept.write(&mut file);
            assert_eq!(file.len() - before, kept.size());
        }
        let (mut rest, mut taken) = (&file[..], 0);
        while let Some((kept, behind)) = Kept::read(rest) {
            taken += usize::from(to.import(&kept.aged(seconds), now));
            rest = behind;
        }
        assert_eq!(rest, b"");
        taken
    }

    #[test]
    fn an_answer_goes_on_ageing_between_two_runs() {
        let (mut old, mut new) = (Cache::new(10_000, 3600), Cache::new(10_000, 3600));
        let (good, over) = (name("good.example"), name("over.example"));
        old.put(&key(&good), &message(&good, 300), 300, 5000);
        old.put(&key(&over), &message(&over, 60), 60, 5000);
        assert_eq!(moved(&old, 5010, 100, &mut new, 2), 2);
        let hit = new.get(&key(&good), 3).unwrap();
        assert_eq!((hit.age, hit.left, hit.is_stale), (111, 189, false));
        let hit = new.get(&key(&over), 3).unwrap();
        assert_eq!(
            (hit.age, hit.left, hit.is_stale, hit.is_due),
            (111, 0, true, true)
        );
        // The window in which a stale answer serves began when its time was over, not at the start.
        assert!(new.get(&key(&over), 2 + 3600 - 51).is_some());
        assert!(new.get(&key(&over), 2 + 3600 - 50).is_none());
    }

    #[test]
    fn what_is_of_no_use_stays_behind() {
        let mut old = Cache::new(10_000, 100);
        let (failed, over) = (name("failed.example"), name("over.example"));
        old.put(&key(&failed), &Packed::failure(Rcode::SERVFAIL, &[]), 300, 0);
        old.put(&key(&over), &message(&over, 60), 60, 0);
        assert_eq!(old.export(159).count(), 1);
        assert_eq!(old.export(160).count(), 0);
        let mut new = Cache::new(10_000, 100);
        assert_eq!(moved(&old, 159, 1, &mut new, 0), 0, "over on the way");
    }

    #[test]
    fn what_is_held_stays_and_nothing_is_dropped_for_an_import() {
        let (mut old, mut new) = (Cache::new(100_000, 0), Cache::new(1000, 0));
        let names: Vec<Name> = (0..100).map(|n| name(&format!("n{n}.example"))).collect();
        for one in &names {
            old.put(&key(one), &message(one, 300), 300, 0);
        }
        new.put(&key(&names[99]), &message(&names[99], 60), 60, 0);
        let taken = moved(&old, 0, 0, &mut new, 0);
        assert!((1..10).contains(&taken), "{taken}");
        assert_eq!(new.get(&key(&names[99]), 0).unwrap().left, 60);
        assert!(new.get(&key(&names[98]), 0).is_some(), "the newest come first");
    }

    #[test]
    fn what_no_cache_wrote_is_refused() {
        let one = name("a.example");
        let mut old = Cache::new(10_000, 0);
        old.put(&key(&one), &message(&one, 300), 300, 0);
        let mut file = Vec::new();
        old.export(0).for_each(|kept| kept.write(&mut file));
        let mut taken = 0;
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                let mut new = Cache::new(10_000, 0);
                if let Some((kept, _)) = Kept::read(&changed) {
                    taken += usize::from(new.import(&kept, 0));
                }
                assert!(new.list(0).count() <= 1);
            }
        }
        // A changed address or TTL is as good as the right one; the file's checksum finds those.
        assert!(taken > 0);
        let (kept, _) = Kept::read(&file).unwrap();
        let mut new = Cache::new(10_000, 0);
        let cut = &kept.message[..kept.message.len() - 1];
        for bad in [
            Kept { key: b"", ..kept },
            Kept {
                key: &kept.key[1..],
                ..kept
            },
            Kept { message: cut, ..kept },
            Kept { message: b"", ..kept },
            Kept { left: -300, ..kept },
            Kept {
                age: u32::MAX,
                left: 5,
                ..kept
            },
        ] {
            assert!(!new.import(&bad, 0), "{bad:?}");
        }
        assert!(new.import(&kept, 0));
    }
}
