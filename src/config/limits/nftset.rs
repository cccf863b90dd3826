//! Bounds of what goes into sets of the firewall.

use super::{Limit, Unit};

/// Entries.
pub const NFTSETS: Limit = Limit::fixed(
    "entries of `nftsets`",
    64,
    Unit::Count,
    "each is one or two sets; a router has a handful of ways out",
);
/// Domains of one entry.
pub const NFTSET_DOMAINS: Limit = Limit::fixed(
    "domains of an entry of `nftsets`",
    4096,
    Unit::Count,
    "names are found by hash; more are a list of somebody's, and better a set by address",
);
/// For how long an address stays at most.
pub const NFTSET_TIMEOUT: Limit = Limit::fixed(
    "longest `timeout_seconds` in `nftsets`",
    604_800,
    Unit::Seconds,
    "programs keep an address beyond its TTL; none longer than a week",
);
/// Addresses of one reply.
pub const NFTSET_ADDRESSES: Limit = Limit::fixed(
    "addresses of one reply that go into sets",
    64,
    Unit::Count,
    "more than any service has; a hostile reply must not fill the set at once",
);
/// Replies that wait for the firewall.
pub const NFTSET_QUEUE: Limit = Limit::fixed(
    "replies that wait for the firewall",
    256,
    Unit::Count,
    "as many as may be asked for at once; what comes beyond is answered and told",
);
/// How long an answer waits for the firewall.
pub const NFTSET_WAIT: Limit = Limit::fixed(
    "time for which an answer waits until its addresses are in their sets",
    250,
    Unit::Milliseconds,
    "the first packet should find them there; the kernel takes less than one",
);

/// How long the kernel may take.
pub const NFTSET_KERNEL: Limit = Limit::fixed(
    "time for which the firewall's word is waited for",
    1000,
    Unit::Milliseconds,
    "it is another set's turn then; nobody waits for it so long",
);

/// Bounds of sets, in the order of the table.
pub(super) const NFTSET: &[Limit] = &[
    NFTSETS,
    NFTSET_DOMAINS,
    NFTSET_TIMEOUT,
    NFTSET_ADDRESSES,
    NFTSET_QUEUE,
    NFTSET_WAIT,
    NFTSET_KERNEL,
];
