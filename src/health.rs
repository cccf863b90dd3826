//! What is known of each server: how fast it answers, and whether it answers at all.
//!
//! Pure state: time comes in as milliseconds, randomness as a number. The smoothed time of RFC 6298 serves
//! as the measure; a server that was not asked for a while is tried again now and then, because a network
//! changes and yesterday's slow server may be today's fast one. Used by `upstream`, which asks in the order
//! that [`order`] gives.

/// Smoothed time of a server that was never asked: below most real ones, so that each is tried once.
const UNKNOWN_MS: f32 = 10.0;
/// Of so many questions, one goes to another than the fastest server first.
const EXPLORE_ONE_IN: u32 = 25;
/// After how many milliseconds a server that failed is probed; doubled with each further failure.
pub const FAILING_FOR_MS: u64 = 2_000;
/// Most doublings: about two minutes.
pub const MAX_DOUBLINGS: u32 = 6;

/// One server's record.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Health {
    /// Smoothed time to an answer in milliseconds; `None` before the first.
    srtt_ms: Option<f32>,
    failures_in_a_row: u32,
    probe_at_ms: u64,
}

impl Health {
    /// An answer came after so many milliseconds. A negative answer is an answer like any other.
    pub fn note_answer(&mut self, took_ms: f32) {
        // RFC 6298, 2.3: an eighth of the new sample.
        let smoothed = self.srtt_ms.map_or(took_ms, |srtt| srtt + (took_ms - srtt) / 8.0);
        *self = Health {
            srtt_ms: Some(smoothed),
            failures_in_a_row: 0,
            probe_at_ms: 0,
        };
    }

    /// No answer came, or the connection failed.
    pub fn note_failure(&mut self, now_ms: u64) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.probe_at_ms = now_ms + self.pause_ms();
    }

    /// Another server answered while this one still had not: it is at least so slow.
    pub fn note_passed(&mut self, after_ms: f32) {
        let floor = self.srtt_ms.unwrap_or(UNKNOWN_MS);
        self.srtt_ms = Some(floor.max(floor + (after_ms - floor) / 4.0));
    }

    /// Forgets failures: the network changed.
    pub fn forgive(&mut self) {
        self.failures_in_a_row = 0;
        self.probe_at_ms = 0;
    }

    /// Whether it failed and did not answer since: others are asked first.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failures_in_a_row > 0
    }

    /// Whether the time has come to see if a failing server is back; true once, then again after its pause.
    pub fn take_probe(&mut self, now_ms: u64) -> bool {
        let is_due = self.is_failing() && now_ms >= self.probe_at_ms;
        if is_due {
            self.probe_at_ms = now_ms + self.pause_ms();
        }
        is_due
    }

    /// Time between failures and probes: doubled with each failure in a row.
    fn pause_ms(&self) -> u64 {
        FAILING_FOR_MS << self.failures_in_a_row.saturating_sub(1).min(MAX_DOUBLINGS)
    }

    /// Smoothed time to an answer in milliseconds, where one came.
    #[must_use]
    pub fn srtt_ms(&self) -> Option<f32> {
        self.srtt_ms
    }
}

/// How the servers of a route are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The fastest by its record; a slow answer gets a rival.
    #[default]
    Fastest,
    /// The two fastest at once; the first answer counts.
    Parallel,
    /// In the configured order; the next only after a failure or a slow answer.
    Ordered,
}

impl Strategy {
    /// All, as the config offers them.
    pub const ALL: [Strategy; 3] = [Self::Fastest, Self::Parallel, Self::Ordered];

    /// The word in the config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fastest => "fastest",
            Self::Parallel => "parallel",
            Self::Ordered => "ordered",
        }
    }

    /// How many servers are asked at once at first.
    #[must_use]
    pub const fn first_wave(self) -> usize {
        match self {
            Self::Parallel => 2,
            Self::Fastest | Self::Ordered => 1,
        }
    }
}

/// In which order to ask servers with these records. `dice` is any random number.
#[must_use]
pub fn order(strategy: Strategy, records: &[Health], dice: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..records.len()).collect();
    let time = |at: usize| records[at].srtt_ms.unwrap_or(UNKNOWN_MS);
    if strategy != Strategy::Ordered {
        order.sort_by(|&a, &b| time(a).total_cmp(&time(b)));
    }
    // Stable: within each group the order above stays.
    order.sort_by_key(|&at| records[at].is_failing());
    let good = records.iter().filter(|record| !record.is_failing()).count();
    if strategy == Strategy::Fastest && good > 1 && dice.is_multiple_of(EXPLORE_ONE_IN) {
        let other = 1 + (dice / EXPLORE_ONE_IN) as usize % (good - 1);
        order[..=other].rotate_right(1);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(ms: f32) -> Health {
        let mut health = Health::default();
        health.note_answer(ms);
        health
    }

    #[test]
    fn the_fastest_comes_first_and_failing_ones_last() {
        let mut records = [answered(30.0), answered(12.0), answered(20.0)];
        assert_eq!(order(Strategy::Fastest, &records, 1), [1, 2, 0]);
        assert_eq!(order(Strategy::Ordered, &records, 1), [0, 1, 2]);
        records[1].note_failure(1000);
        assert_eq!(order(Strategy::Fastest, &records, 1), [2, 0, 1]);
        assert_eq!(order(Strategy::Ordered, &records, 1), [0, 2, 1]);
        records[1].note_answer(12.0);
        assert_eq!(order(Strategy::Fastest, &records, 1), [1, 2, 0]);
    }

    #[test]
    fn a_new_server_is_tried_before_slow_ones() {
        assert_eq!(
            order(Strategy::Fastest, &[answered(30.0), Health::default()], 1),
            [1, 0]
        );
    }

    #[test]
    fn now_and_then_another_is_explored() {
        let records = [answered(30.0), answered(12.0), answered(20.0)];
        assert_eq!(order(Strategy::Fastest, &records, 0), [2, 1, 0]);
        assert_eq!(order(Strategy::Fastest, &records, 25), [0, 1, 2]);
        let explored = (0..1000)
            .filter(|dice| order(Strategy::Fastest, &records, *dice)[0] != 1)
            .count();
        assert_eq!(explored, 40);
    }

    #[test]
    fn probes_of_a_failing_server_come_ever_more_seldom_up_to_a_bound() {
        let mut health = Health::default();
        assert!(!health.take_probe(0));
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            health.note_failure(now);
            let at = (now..).step_by(1000).find(|ms| health.take_probe(*ms)).unwrap();
            pauses.push((at - now) / 1000);
            assert!(!health.take_probe(at), "only once");
            now = at;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 128, 128]);
        health.note_answer(5.0);
        assert!(!health.is_failing() && !health.take_probe(now + 1_000_000));
    }

    #[test]
    fn a_server_that_is_passed_grows_slower() {
        let mut health = answered(10.0);
        health.note_passed(500.0);
        assert!(health.srtt_ms().unwrap() > 100.0);
        let before = health.srtt_ms();
        health.note_passed(1.0);
        assert_eq!(health.srtt_ms(), before);
    }
}
