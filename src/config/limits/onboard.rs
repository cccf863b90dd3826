//! Bounds of onboarding: how long a router is asked, and how much is told to a device.

use super::{Limit, Unit};

/// Time for one answer of a router.
pub const VERIFY_ATTEMPT: Limit = Limit::fixed(
    "time for an answer to `dnsctl router --verify`",
    2000,
    Unit::Milliseconds,
    "a router that forwards answers within a second; each question is sent twice over UDP",
);
/// Time for all questions to a router.
pub const VERIFY_TIME: Limit = Limit::fixed(
    "time for all of `dnsctl router --verify`",
    30,
    Unit::Seconds,
    "zones whose turn does not come are told as not asked",
);
