//! Counting: one number per outcome, which sum to the messages received.

use portable_atomic::{AtomicU64, Ordering};

use crate::engine::Outcome;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let outcomes = Outcomes::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| outcomes.count(outcome));
        }
        let counts: Vec<u64> = outcomes.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, (0..Outcome::ALL.len() as u64).collect::<Vec<_>>());
    }
}
