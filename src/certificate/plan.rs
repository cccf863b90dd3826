//! When a certificate is to be made anew. Pure: the time comes in.
//!
//! Clocks of routers are wrong after a start, and jump. So nothing here counts down: what is due is decided from the
//! time as it is now, again and again, and a clock that stands before 2026 decides nothing.

use std::fmt;

use super::read::Facts;
#[cfg(feature = "acme")]
use crate::config::limits;
use crate::zone::master::civil::CLOCK_FLOOR;

/// Whether a clock can be believed.
#[must_use]
pub fn is_clock_set(now: u64) -> bool {
    now >= CLOCK_FLOOR
}

/// When to renew: two thirds of its life are over. What is left is for repair.
#[must_use]
pub fn renewal_at(facts: &Facts) -> u64 {
    facts.from + facts.until.saturating_sub(facts.from) / 3 * 2
}

/// Why a certificate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is none that can be read.
    Missing,
    /// It is for other names or addresses than it should be.
    Names,
    /// Two thirds of its life are over.
    Age,
    /// It begins in the future: the clock was wrong when it was made.
    Future,
    /// Another authority signed it.
    Authority,
    /// A person asked for it.
    Asked,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there was none",
            Self::Names => "its names or addresses are others now",
            Self::Age => "the old one would end soon",
            Self::Future => "the old one begins in the future",
            Self::Authority => "another authority signed the old one",
            Self::Asked => "it was asked for",
        })
    }
}

/// Why a certificate that is there must be made anew now; `None`: it need not. `is_for`: whether it is for what it
/// should be.
#[must_use]
pub fn due(facts: &Facts, is_for: bool, now: u64) -> Option<Why> {
    if !is_for {
        Some(Why::Names)
    } else if !is_clock_set(now) {
        None
    } else if facts.from > now {
        Some(Why::Future)
    } else if now >= renewal_at(facts) {
        Some(Why::Age)
    } else {
        None
    }
}

/// First and longest wait after a failed order, in seconds.
#[cfg(feature = "acme")]
const RETRY: u64 = limits::ACME_RETRY.default_time().as_secs();
#[cfg(feature = "acme")]
const LONGEST_RETRY: u64 = limits::ACME_LONGEST_RETRY.default_time().as_secs();

/// For how many seconds an authority is left alone after so many failures in a row: three times as long after each,
/// and by chance up to a quarter longer, so that those who failed together do not come back together. `told`: what
/// the authority asks for itself; `dice`: any number.
#[cfg(feature = "acme")]
#[must_use]
pub fn wait_after(failures: u32, told: Option<u64>, dice: u64) -> u64 {
    let factor = 3u64.saturating_pow(failures.saturating_sub(1));
    let wait = RETRY.saturating_mul(factor).min(LONGEST_RETRY);
    let wait = wait + dice % (wait / 4 + 1);
    wait.max(told.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    /// The first second of 2027.
    const NOW: u64 = 1_798_761_600;

    fn facts(from: u64, until: u64) -> Facts {
        Facts {
            names: Vec::new(),
            addresses: Vec::new(),
            from,
            until,
            issuer: String::new(),
            subject: String::new(),
        }
    }

    #[test]
    fn a_certificate_is_renewed_when_two_thirds_of_its_life_are_over() {
        let held = facts(NOW, NOW + 90 * DAY);
        assert_eq!(renewal_at(&held), NOW + 60 * DAY);
        assert_eq!(due(&held, true, NOW), None);
        assert_eq!(due(&held, true, NOW + 60 * DAY - 1), None);
        assert_eq!(due(&held, true, NOW + 60 * DAY), Some(Why::Age));
        // Long off: it is over, and renewed all the same.
        assert_eq!(due(&held, true, NOW + 1000 * DAY), Some(Why::Age));
    }

    #[test]
    fn a_clock_before_2026_ends_no_certificate_and_one_that_was_ahead_leaves_none() {
        let held = facts(NOW, NOW + 90 * DAY);
        for wrong in [0, 1, CLOCK_FLOOR - 1] {
            assert_eq!(due(&held, true, wrong), None);
        }
        assert_eq!(due(&held, true, CLOCK_FLOOR), Some(Why::Future));
        assert_eq!(due(&held, true, NOW - 1), Some(Why::Future));
        // What it is for does not depend on the clock.
        assert_eq!(due(&held, false, 0), Some(Why::Names));
    }

    #[cfg(feature = "acme")]
    #[test]
    fn failures_are_answered_with_patience() {
        let shortest: Vec<u64> = (1..=7).map(|failures| wait_after(failures, None, 0)).collect();
        assert_eq!(shortest, [600, 1800, 5400, 16_200, 48_600, 86_400, 86_400]);
        // Chance makes it longer, by a quarter at most.
        let waits: Vec<u64> = (0..1000).map(|dice| wait_after(1, None, dice)).collect();
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&600), Some(&750)));
        // What the authority says counts where it is longer.
        assert_eq!(wait_after(1, Some(7200), 0), 7200);
        assert_eq!(wait_after(3, Some(60), 0), 5400);
        assert_eq!(wait_after(u32::MAX, None, u64::MAX) / 86_400, 1);
        assert_eq!(wait_after(0, None, 0), 600);
    }

    #[test]
    fn nonsense_does_not_overflow() {
        let backwards = facts(u64::MAX, 0);
        assert_eq!(renewal_at(&backwards), u64::MAX);
        assert_eq!(due(&backwards, true, NOW), Some(Why::Future));
        assert_eq!(renewal_at(&facts(0, u64::MAX)), u64::MAX / 3 * 2);
    }
}
