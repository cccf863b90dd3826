//! Bounds of forwarding that nobody chooses: what a question to an upstream may cost, and how changes of the
//! host's network are heard.

use super::{Limit, Unit};

/// Memory that a question under way takes, with all that wait for it.
pub const UPSTREAM_QUESTION: Limit = Limit::fixed(
    "memory for a question to an upstream",
    16 << 10,
    Unit::Bytes,
    "so 256 of them hold 4 MiB at most; most hold a few KiB",
);
/// Quiet after which a change of the host's network counts as complete.
pub const NETWORK_QUIET: Limit = Limit::fixed(
    "quiet after a change of the network",
    250,
    Unit::Milliseconds,
    "link, address and route come one after the other, and are one change",
);
/// How long the end of such a change is waited for.
pub const NETWORK_BURST: Limit = Limit::fixed(
    "wait for the end of a change of the network",
    2,
    Unit::Seconds,
    "a link that comes and goes for ever must not keep connections from being opened anew",
);
/// How long looking at the whole network may take.
pub const NETWORK_LOOK: Limit = Limit::fixed(
    "time to look at links, addresses and routes",
    2,
    Unit::Seconds,
    "the kernel has them at hand",
);
/// Bytes of the kernel's lists that are read in one look.
pub const NETWORK_LISTED: Limit = Limit::fixed(
    "lists of links, addresses and routes",
    4 << 20,
    Unit::Bytes,
    "tens of thousands of routes; default routes come first",
);
/// Links, addresses, and default routes that are watched, of each.
pub const NETWORK_ITEMS: Limit = Limit::fixed(
    "links, addresses, default routes that are watched",
    1024,
    Unit::Count,
    "of each; a host with many containers has hundreds",
);

/// What stands here, for the table.
pub(super) const FORWARDING: &[Limit] = &[
    UPSTREAM_QUESTION,
    NETWORK_QUIET,
    NETWORK_BURST,
    NETWORK_LOOK,
    NETWORK_LISTED,
    NETWORK_ITEMS,
];
