//! Bounds of the pages of invites and of their live check.

use super::{Limit, Unit};

/// Pages whose live check is remembered.
pub const CHECK_PAGES: Limit = Limit::fixed(
    "pages with a live check",
    256,
    Unit::Count,
    "a hundred bytes each; they are given only to whoever has an invite, and the oldest goes first",
);
/// Those of one client address.
pub const CHECK_PER_CLIENT: Limit = Limit::fixed(
    "pages with a live check for one client address",
    16,
    Unit::Count,
    "one that loads its page again and again pushes out its own",
);
/// How long one is remembered.
pub const CHECK_LIFE: Limit = Limit::fixed(
    "time for which a live check is remembered",
    3600,
    Unit::Seconds,
    "as long as somebody may need for the steps",
);
/// Uses of an invite that the same client may repeat.
pub const REDEEMED: Limit = Limit::fixed(
    "uses of invites that may be repeated",
    64,
    Unit::Count,
    "a client that pressed the button twice gets the same device, for as long as a live check is remembered",
);
/// Pages that are made at the same time.
pub const PAGES_AT_ONCE: Limit = Limit::fixed(
    "pages made at the same time by all listeners",
    4,
    Unit::Count,
    "each takes a thread beside those that answer; further requests wait in their connections",
);
/// Names that a hosts file is told.
pub const HOSTS_TOLD: Limit = Limit::fixed(
    "names with addresses that a device is told for its hosts file",
    256,
    Unit::Count,
    "only systems that know no better have one; the zones of a group have some ten",
);

/// Bounds of pages, in the order of the table.
pub(super) const PAGES: &[Limit] = &[
    CHECK_PAGES,
    CHECK_PER_CLIENT,
    CHECK_LIFE,
    REDEEMED,
    PAGES_AT_ONCE,
    HOSTS_TOLD,
];
