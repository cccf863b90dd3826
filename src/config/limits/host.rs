//! Bounds of what is read of the host, and taken from its service manager.

use super::{Limit, Unit};

/// Sockets that the service manager may hand over.
pub const GIVEN_SOCKETS: Limit = Limit::fixed(
    "sockets that the service manager hands over",
    64,
    Unit::Count,
    "six kinds of listeners on each address of a host with five; the number comes from the environment",
);
/// How often a clock that is not set is looked at.
pub const CLOCK_WAIT: Limit = Limit::fixed(
    "pause between looks at a clock that is not set",
    1,
    Unit::Seconds,
    "validation and invites wait for it; a look is one system call",
);
/// How often a clock is looked at for jumps.
pub const CLOCK_LOOK: Limit = Limit::fixed(
    "pause between looks for a jump of the clock",
    30,
    Unit::Seconds,
    "records and leases that a jump has ended are served for so long",
);
/// What counts as a jump of the clock.
pub const CLOCK_JUMP: Limit = Limit::fixed(
    "smallest jump of the clock",
    5,
    Unit::Seconds,
    "NTP moves a clock by less without a jump; ends of leases and records have whole seconds",
);
/// A file of the kernel about sockets, when a port is taken.
pub const SOCKET_TABLE_BYTES: Limit = Limit::fixed(
    "bytes read of each file in /proc/net when a port is taken",
    4_194_304,
    Unit::Bytes,
    "some 25,000 sockets; whoever has the port and stands behind them is not named",
);
/// Open files that are looked through for a socket.
pub const OPEN_FILES_LOOKED_AT: Limit = Limit::fixed(
    "open files of other programs looked at when a port is taken",
    262_144,
    Unit::Count,
    "a second of work; whoever is not found by then is not named",
);
/// Sockets in the way that are told of.
pub const HOLDERS: Limit = Limit::fixed(
    "sockets told of when a port is taken",
    16,
    Unit::Count,
    "each is looked for in the open files of every program; one is enough to know whom to stop",
);
/// A file of the system's configuration that `dnsctl setup` reads.
pub const SETUP_FILE_BYTES: Limit = Limit::fixed(
    "bytes of a file that `dnsctl setup` reads",
    1_048_576,
    Unit::Bytes,
    "such files have a few lines",
);
