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
/// Records in one list.
pub const CONTROL_LISTED: Limit = Limit::fixed(
    "records in one control reply",
    100_000,
    Unit::Count,
    "the rest is counted; name a zone to see them",
);
