//! Bounds of the certificates that we make or have made: their lifetimes, and what an authority may make us do.

use super::{Limit, Unit};

/// Lifetime of a certificate of our own.
pub const OWN_DAYS: Limit = Limit::fixed(
    "lifetime of a certificate of our own authority",
    397,
    Unit::Days,
    "some systems take none that lives longer",
);
/// How much earlier than now a certificate of our own begins.
pub const OWN_BACKDATED: Limit = Limit::fixed(
    "certificate of our own begins so long ago",
    2,
    Unit::Days,
    "clocks of devices are behind now and then",
);
/// Lifetime of our own authority.
pub const AUTHORITY_DAYS: Limit = Limit::fixed(
    "lifetime of our own authority",
    7305,
    Unit::Days,
    "20 years: a new one must be given to each device by hand",
);
/// Names in the constraint of our own authority.
pub const AUTHORITY_NAMES: Limit = Limit::fixed(
    "names that our own authority may sign for",
    64,
    Unit::Count,
    "the server's and its zones; clients read all of them at each handshake",
);

/// What stands here, for the table.
pub(super) const CERTIFICATES: &[Limit] = &[OWN_DAYS, OWN_BACKDATED, AUTHORITY_DAYS, AUTHORITY_NAMES];
