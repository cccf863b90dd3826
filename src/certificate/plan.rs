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

/// What is said where something is due and the clock cannot be believed. Without the time, which would make it another
/// text each minute.
pub const WAITS_FOR_CLOCK: &str = "waits until the clock of this host is right: set it, or let NTP set it";

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
    /// The authority suggests it (RFC 9773).
    #[cfg(feature = "acme")]
    Suggested,
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
            #[cfg(feature = "acme")]
            Self::Suggested => "the authority suggests it now",
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

/// The same where the authority has suggested a moment (RFC 9773, 4.2); where it has not, the rule is ours.
#[cfg(feature = "acme")]
#[must_use]
pub fn due_by(facts: &Facts, is_for: bool, now: u64, suggested: Option<u64>) -> Option<Why> {
    let by_rule = due(facts, is_for, now);
    match suggested {
        // What it says of is the time, and nothing else.
        Some(moment) if matches!(by_rule, None | Some(Why::Age)) && is_clock_set(now) => {
            (now >= moment).then_some(Why::Suggested)
        }
        _ => by_rule,
    }
}

/// Whether a time that was noted lies ahead. One that lies further ahead than anybody would have noted it was noted by
/// a clock that was wrong. All in seconds.
#[cfg(feature = "acme")]
#[must_use]
pub fn is_ahead(noted: u64, now: u64, furthest: u64) -> bool {
    noted > now && noted - now <= furthest
}

/// Between two looks at what an authority suggests, in seconds: what is meant where it does not say, and between what
/// its word is taken (RFC 9773, 4.3).
#[cfg(feature = "acme")]
const LOOK: u64 = limits::ACME_SUGGESTION.default_time().as_secs();
#[cfg(feature = "acme")]
const SOONEST_LOOK: u64 = limits::ACME_SOONEST_SUGGESTION.default_time().as_secs();
#[cfg(feature = "acme")]
pub(super) const LATEST_LOOK: u64 = limits::ACME_LATEST_SUGGESTION.default_time().as_secs();
/// Looks that fail in a row before it is left alone for longer.
#[cfg(feature = "acme")]
const QUICK_LOOKS: u32 = limits::ACME_QUICK_SUGGESTIONS.default as u32;

/// In how many seconds to ask again what an authority suggests, when it has answered; `told`: what it says itself.
#[cfg(feature = "acme")]
#[must_use]
pub fn look_after(told: Option<u64>) -> u64 {
    told.unwrap_or(LOOK).clamp(SOONEST_LOOK, LATEST_LOOK)
}

/// The same where it has not answered for so many times in a row, for a reason that may pass (RFC 9773, 4.3.3).
#[cfg(feature = "acme")]
#[must_use]
pub fn look_after_failure(failures: u32, told: Option<u64>) -> u64 {
    if failures > QUICK_LOOKS {
        return LOOK;
    }
    let wait = SOONEST_LOOK.saturating_mul(4u64.saturating_pow(failures.saturating_sub(1)));
    wait.max(told.unwrap_or(0)).min(LATEST_LOOK)
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

    #[cfg(feature = "acme")]
    #[test]
    fn rfc9773_s4_2_a_suggestion_takes_the_place_of_our_rule_and_of_nothing_else() {
        let held = facts(NOW, NOW + 90 * DAY);
        let of = |is_for, now, suggested| due_by(&held, is_for, now, suggested);
        // Earlier than ours, and later.
        assert_eq!(of(true, NOW + 3 * DAY - 1, Some(NOW + 3 * DAY)), None);
        assert_eq!(of(true, NOW + 3 * DAY, Some(NOW + 3 * DAY)), Some(Why::Suggested));
        assert_eq!(of(true, NOW + 61 * DAY, Some(NOW + 70 * DAY)), None);
        assert_eq!(
            of(true, NOW + 70 * DAY, Some(NOW + 70 * DAY)),
            Some(Why::Suggested)
        );
        assert_eq!(of(true, NOW + 61 * DAY, None), Some(Why::Age));
        // In the past: now.
        assert_eq!(of(true, NOW, Some(0)), Some(Why::Suggested));
        assert_eq!(of(false, NOW, Some(NOW + 70 * DAY)), Some(Why::Names));
        assert_eq!(of(true, NOW - 1, Some(0)), Some(Why::Future));
        assert_eq!(of(true, CLOCK_FLOOR - 1, Some(0)), None);
    }

    #[cfg(feature = "acme")]
    #[test]
    fn rfc9773_s4_3_an_authority_is_asked_as_often_as_it_wants_within_bounds() {
        for (told, expected) in [
            (None, 21_600),
            (Some(0), 60),
            (Some(59), 60),
            (Some(61), 61),
            (Some(86_400), 86_400),
            (Some(86_401), 86_400),
            (Some(u64::MAX), 86_400),
        ] {
            assert_eq!(look_after(told), expected, "{told:?}");
        }
        let waits: Vec<u64> = (1..=5)
            .map(|failures| look_after_failure(failures, None))
            .collect();
        assert_eq!(waits, [60, 240, 960, 21_600, 21_600]);
        assert_eq!(look_after_failure(1, Some(600)), 600);
        assert_eq!(look_after_failure(1, Some(u64::MAX)), 86_400);
        assert_eq!(look_after_failure(0, None), 60);
        assert_eq!(look_after_failure(u32::MAX, Some(7)), 21_600);
    }

    #[cfg(feature = "acme")]
    #[test]
    fn a_time_that_a_wrong_clock_noted_lies_nowhere() {
        for (noted, is_one) in [
            (NOW - 1, false),
            (NOW, false),
            (NOW + 1, true),
            (NOW + DAY, true),
            (NOW + DAY + 1, false),
            (u64::MAX, false),
        ] {
            assert_eq!(is_ahead(noted, NOW, DAY), is_one, "{noted}");
        }
    }

    #[test]
    fn nonsense_does_not_overflow() {
        let backwards = facts(u64::MAX, 0);
        assert_eq!(renewal_at(&backwards), u64::MAX);
        assert_eq!(due(&backwards, true, NOW), Some(Why::Future));
        assert_eq!(renewal_at(&facts(0, u64::MAX)), u64::MAX / 3 * 2);
    }
}
