//! What earlier walks found out about zones, bounded in bytes.
//!
//! The raw DS and DNSKEY replies live in the message cache like any other answer; here stands only what was
//! proven with them, so that the root's and the big zones' keys are not checked again for every name.

use std::collections::HashMap;
use std::sync::Arc;

use super::keys::Keys;
use crate::message::{Ede, Name};

/// What is known of a name that may be a zone of its own.
#[derive(Debug, Clone)]
pub(super) enum Status {
    /// A zone with proven keys.
    Keys(Arc<Keys>),
    /// A zone that is proven to be unsigned, or signed in a way that we do not know: then why.
    Unsigned(Option<(Ede, &'static str)>),
    /// No zone of its own.
    NoCut,
    /// The name does not exist, and nothing below it does.
    NoName,
    /// What upstream said of it is wrong.
    Bogus(Ede, &'static str),
}

impl Status {
    fn cost(&self) -> usize {
        match self {
            Self::Keys(keys) => {
                let own: usize = keys.keys.iter().map(super::keys::Key::cost).sum();
                own + size_of::<Keys>() + keys.zone.as_wire().len()
            }
            _ => 0,
        }
    }
}

#[derive(Debug)]
struct Entry {
    status: Status,
    /// Second from which it no longer holds.
    until: u32,
    /// It was proven while the clock was believed.
    is_timed: bool,
    cost: usize,
}

/// Statuses by name.
#[derive(Debug)]
pub(super) struct Known {
    limit: usize,
    used: usize,
    entries: HashMap<Name, Entry>,
}

impl Known {
    /// Keeps at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Known {
            limit,
            used: 0,
            entries: HashMap::new(),
        }
    }

    /// What holds at `now`. Where the clock is believed (`is_timed`), what was found without does not count.
    pub(super) fn get(&self, name: &Name, now: u32, is_timed: bool) -> Option<Status> {
        let entry = self.entries.get(name)?;
        let holds = now < entry.until && (entry.is_timed || !is_timed);
        holds.then(|| entry.status.clone())
    }

    /// Keeps a status until a second; what ends first makes room.
    pub(super) fn put(&mut self, name: &Name, status: Status, until: u32, is_timed: bool) {
        // The name stands in the map, each entry has its place there and the allocator's words.
        let cost = size_of::<(Name, Entry)>() + name.as_wire().len() + status.cost() + 48;
        self.remove(name);
        if cost > self.limit / 4 {
            return;
        }
        while self.used + cost > self.limit {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until);
            let Some(first) = first.map(|(name, _)| name.clone()) else {
                return;
            };
            self.remove(&first);
        }
        self.used += cost;
        let entry = Entry {
            status,
            until,
            is_timed,
            cost,
        };
        self.entries.insert(name.clone(), entry);
    }

    fn remove(&mut self, name: &Name) {
        if let Some(entry) = self.entries.remove(name) {
            self.used -= entry.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Name {
        format!("zone-{number:05}.example").parse().unwrap()
    }

    #[test]
    fn the_bound_in_bytes_holds_and_what_ends_first_goes_first() {
        let mut known = Known::new(10_000);
        for number in 0..1000 {
            known.put(&numbered(number), Status::NoCut, number as u32 + 10, true);
            assert!(known.used <= 10_000);
        }
        assert!(known.get(&numbered(999), 0, true).is_some());
        assert!(known.get(&numbered(0), 0, true).is_none());
        assert!(known.entries.len() > 20);
        let used: usize = known.entries.values().map(|entry| entry.cost).sum();
        assert_eq!(used, known.used);
    }

    #[test]
    fn a_status_holds_for_its_time_and_counts_less_without_a_clock() {
        let mut known = Known::new(10_000);
        known.put(&numbered(1), Status::NoCut, 10, false);
        assert!(known.get(&numbered(1), 9, false).is_some());
        assert!(known.get(&numbered(1), 9, true).is_none());
        known.put(&numbered(1), Status::NoName, 10, true);
        assert!(known.get(&numbered(1), 9, true).is_some());
        assert!(known.get(&numbered(1), 10, true).is_none());
    }
}
