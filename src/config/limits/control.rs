//! Bounds of the control socket: who may connect, how long a request may take, and how large it and its reply may be.

use super::{Limit, Unit};

/// Connections to the control socket.
pub const CONTROL_CLIENTS: Limit =
    Limit::fixed("control connections", 16, Unit::Count, "each costs a thread");
/// Silence between two requests.
pub const CONTROL_IDLE: Limit = Limit::fixed(
    "silence on a control connection",
    60,
    Unit::Seconds,
    "a script may think between two requests",
);
/// Time for a request's bytes, and for a reply's.
pub const CONTROL_PATIENCE: Limit = Limit::fixed(
    "time for a control request to arrive",
    10,
    Unit::Seconds,
    "and for its reply to be taken; both are local",
);
/// How long a client waits for its reply.
pub const CONTROL_WAIT: Limit = Limit::fixed(
    "time that `dnsctl` waits for a reply",
    120,
    Unit::Seconds,
    "a reload of large zones on a small router takes seconds",
);
/// Size of a request.
pub const CONTROL_REQUEST: Limit = Limit::fixed(
    "control request",
    1_048_576,
    Unit::Bytes,
    "the largest RDATA in text fits",
);
/// Size of a reply.
pub const CONTROL_REPLY: Limit = Limit::fixed(
    "control reply",
    268_435_456,
    Unit::Bytes,
    "the longest list of the largest records; a client reads no more",
);
/// Queries that are remembered while somebody watches.
pub const QUERIES_KEPT: Limit = Limit::fixed(
    "queries remembered while somebody watches",
    512,
    Unit::Count,
    "144 KiB while `dnsctl queries` is used, nothing else; who looks every second misses none below 512 a second",
);
/// How long queries are remembered behind a look.
pub const QUERIES_WATCH: Limit = Limit::fixed(
    "time for which queries are remembered",
    60,
    Unit::Seconds,
    "since the last `dnsctl queries`; then they are forgotten",
);
/// How often `dnsctl queries --follow` asks.
pub const QUERIES_FOLLOW: Limit = Limit::fixed(
    "time between two looks of `dnsctl queries --follow`",
    1,
    Unit::Seconds,
    "soon enough for eyes",
);
/// Size of a reply for LuCI.
pub const RPCD_REPLY: Limit = Limit::fixed(
    "reply of `dnsctl rpcd`",
    786_432,
    Unit::Bytes,
    "ubus carries 1,048,576 with framing; a longer list is cut, and says so",
);
/// Zone files that one request changes together.
pub const CHANGE_ZONES: Limit = Limit::fixed(
    "zones in one `change`",
    64,
    Unit::Count,
    "a base zone and its views; each is read, checked and flushed to disk under the lock",
);
/// Record sets, and records, that one request changes together in one zone.
pub const CHANGE_RECORDS: Limit = Limit::fixed(
    "records of a zone in one `change`",
    256,
    Unit::Count,
    "for each the zone is read once more",
);
/// Records in one list.
pub const CONTROL_LISTED: Limit = Limit::fixed(
    "records in one control reply",
    100_000,
    Unit::Count,
    "the rest is counted; name a zone to see them",
);
