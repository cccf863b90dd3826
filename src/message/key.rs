//! A name made ready for look-ups: lower case, with a hash of every suffix.
//!
//! Zones are found by the longest suffix and a zone's names by the closest encloser, so a query's name is
//! looked up several times, each time one label shorter. Hashing from the right makes one pass serve them
//! all. Lives on the stack; no allocation.

use super::name::{MAX_NAME, NameRef};

/// Most labels that fit a name (RFC 1035, 2.3.4: two bytes each, and the root's).
const MAX_LABELS: usize = 127;

/// A lower-case name and the hashes of its suffixes.
pub struct Key {
    wire: [u8; MAX_NAME],
    len: u8,
    labels: u8,
    /// Where each label starts, leftmost first; behind the last label, where the root byte is.
    starts: [u8; MAX_LABELS + 1],
    /// Hash of the suffix that starts at the same place in `starts`.
    hashes: [u32; MAX_LABELS + 1],
}

impl Key {
    /// Prepares `name`.
    #[must_use]
    pub fn new(name: NameRef<'_>) -> Self {
        let mut key = Key {
            wire: [0; MAX_NAME],
            len: 0,
            labels: 0,
            starts: [0; MAX_LABELS + 1],
            hashes: [0; MAX_LABELS + 1],
        };
        let bytes = name.as_wire();
        for (to, from) in key.wire.iter_mut().zip(bytes) {
            *to = from.to_ascii_lowercase();
        }
        // A name has at most 255 bytes and 127 labels, so these casts and indices hold.
        key.len = bytes.len() as u8;
        let mut at = 0;
        let mut labels = 0;
        while key.wire[at] != 0 {
            key.starts[labels] = at as u8;
            labels += 1;
            at += 1 + usize::from(key.wire[at]);
        }
        key.starts[labels] = at as u8;
        key.labels = labels as u8;
        let mut hash = SEED;
        key.hashes[labels] = finish(hash);
        for label in (0..labels).rev() {
            let from = usize::from(key.starts[label]);
            let to = usize::from(key.starts[label + 1]);
            hash = hash_label(hash, &key.wire[from..to]);
            key.hashes[label] = finish(hash);
        }
        key
    }

    /// The whole name in lower case.
    #[must_use]
    pub fn name(&self) -> NameRef<'_> {
        NameRef::from_checked(&self.wire[..usize::from(self.len)])
    }

    /// How many labels the name has, the root not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        usize::from(self.labels)
    }

    /// The suffix of `labels` labels and its hash; at most [`Key::label_count`].
    #[must_use]
    pub fn suffix(&self, labels: usize) -> (NameRef<'_>, u32) {
        let at = self.label_count() - labels.min(self.label_count());
        let start = usize::from(self.starts[at]);
        (
            NameRef::from_checked(&self.wire[start..usize::from(self.len)]),
            self.hashes[at],
        )
    }

    /// Every suffix with its hash, from the whole name to the root.
    pub fn suffixes(&self) -> impl Iterator<Item = (NameRef<'_>, u32)> {
        (0..=self.label_count()).rev().map(|labels| self.suffix(labels))
    }
}

/// The hash that [`Key`] gives the whole of `name`; case is ignored.
#[must_use]
pub fn hash_of(name: NameRef<'_>) -> u32 {
    Key::new(name).suffix(usize::MAX).1
}

/// The hash of [`Key`] as a table of `hashbrown` wants it: the table tells entries apart by the highest bits, which
/// are all zero in a number of 32.
#[must_use]
pub const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(FACTOR)
}

const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes one label, its length byte included, into the hash of what stands right of it. The table's keys
/// are the zone owner's own names, so nobody else can make them collide.
fn hash_label(mut hash: u64, label: &[u8]) -> u64 {
    let mut chunks = label.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    let mut word = [0; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    (hash.rotate_left(29) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR)
}

fn finish(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Name;

    #[test]
    fn suffixes_hash_as_the_names_that_they_are() {
        let name: Name = "Www.MATRIX.hearth.example".parse().unwrap();
        let key = Key::new(name.as_ref());
        for (labels, text) in [
            (4, "www.matrix.hearth.example"),
            (2, "hearth.example"),
            (1, "example"),
            (0, "."),
        ] {
            let suffix: Name = text.parse().unwrap();
            assert_eq!(
                key.suffix(labels),
                (suffix.as_ref(), hash_of(suffix.as_ref())),
                "{text}"
            );
        }
        assert_eq!(key.suffixes().count(), 5);
    }

    #[test]
    fn the_longest_name_fits() {
        let name: Name = "a.".repeat(127).parse().unwrap();
        assert_eq!(Key::new(name.as_ref()).label_count(), 127);
        let root = Key::new(NameRef::ROOT);
        assert_eq!((root.label_count(), root.name()), (0, NameRef::ROOT));
    }

    #[test]
    fn neighbouring_names_get_different_hashes() {
        let mut hashes: Vec<u32> = (0..50_000)
            .map(|i| {
                hash_of(
                    format!("host-{i}.hearth.example")
                        .parse::<Name>()
                        .unwrap()
                        .as_ref(),
                )
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        // Two of 50,000 draws from 2^32 collide 0.29 times on the average.
        assert!(hashes.len() > 49_990, "{}", hashes.len());
    }
}
