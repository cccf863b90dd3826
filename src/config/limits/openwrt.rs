//! Bounds on an OpenWrt router: its configuration files, and how soon port 53 is given back and taken again.

use super::{Limit, Unit};
use crate::uci;

/// Size of a file of UCI.
pub const UCI_FILE: Limit = Limit::fixed(
    "file of UCI",
    uci::MAX_BYTES as u64,
    Unit::Bytes,
    "all of a router's files together are smaller",
);
/// Statements in a file of UCI.
pub const UCI_STATEMENTS: Limit = Limit::fixed(
    "statements in a file of UCI",
    uci::MAX_STATEMENTS as u64,
    Unit::Count,
    "thousands of static hosts fit",
);

/// Time between two looks of the watch.
pub const WATCH_EVERY: Limit = Limit::fixed(
    "time between two looks at the daemon",
    1,
    Unit::Seconds,
    "one question over loopback",
);
/// Time for the answer to one look.
pub const WATCH_PROBE: Limit = Limit::fixed(
    "time for the answer to a look",
    1000,
    Unit::Milliseconds,
    "over loopback, from memory",
);
/// Silence after which port 53 is given back.
pub const WATCH_SILENT: Limit = Limit::fixed(
    "silence after which port 53 is given back",
    6,
    Unit::Seconds,
    "longer than a start takes; a house waits no longer than 15 s in all",
);
/// Falls after which it is given back.
pub const WATCH_FALLS: Limit = Limit::fixed(
    "falls after which port 53 is given back",
    3,
    Unit::Count,
    "a crash loop answers between the crashes",
);
/// Time within which they fall.
pub const WATCH_WINDOW: Limit = Limit::fixed(
    "time in which falls are counted",
    60,
    Unit::Seconds,
    "three in an hour are no loop",
);
/// Time to be well before port 53 is taken.
pub const WATCH_WELL: Limit = Limit::fixed(
    "time to be well before port 53 is taken",
    3,
    Unit::Seconds,
    "a daemon that ends at once has ended by then",
);
/// The same after it was given back once.
pub const WATCH_WELL_AGAIN: Limit = Limit::fixed(
    "time to be well before port 53 is taken again",
    60,
    Unit::Seconds,
    "doubled each time: every switch writes flash",
);
/// And no longer than that.
pub const WATCH_WELL_LONGEST: Limit = Limit::fixed(
    "longest time to be well before that",
    3600,
    Unit::Seconds,
    "by then somebody has mended it",
);
/// Time for the daemon to leave port 53.
pub const WATCH_LEAVING: Limit = Limit::fixed(
    "time for the daemon to leave port 53",
    7,
    Unit::Seconds,
    "procd kills after five",
);

/// The part of [`super::TABLE`] that stands here.
pub(super) static OPENWRT: &[Limit] = &[
    UCI_FILE,
    UCI_STATEMENTS,
    WATCH_EVERY,
    WATCH_PROBE,
    WATCH_SILENT,
    WATCH_FALLS,
    WATCH_WINDOW,
    WATCH_WELL,
    WATCH_WELL_AGAIN,
    WATCH_WELL_LONGEST,
    WATCH_LEAVING,
];
