//! Bounds of devices and invites, and of what is remembered of them.

use super::{Limit, Unit};
use crate::device::{self, file, guard};

/// Devices.
const DEVICES_KNOWN: Limit = Limit::fixed(
    "devices",
    device::MAX_DEVICES as u64,
    Unit::Count,
    "those that are revoked included, of which the oldest makes room; each is a line in memory and in flash",
);
/// Name of a device.
const DEVICE_NAME: Limit = Limit::fixed(
    "name of a device",
    device::MAX_NAME as u64,
    Unit::Bytes,
    "it stands in tables, in file names and in profiles",
);
/// Invites that are open.
const INVITES: Limit = Limit::fixed(
    "open invites",
    device::MAX_INVITES as u64,
    Unit::Count,
    "the more there are, the sooner one is guessed",
);
/// Time for which an invite is good unless it says otherwise.
pub const INVITE_TIME: Limit = Limit::fixed(
    "time of an invite",
    86_400,
    Unit::Seconds,
    "`dnsctl invite --ttl` says otherwise",
);
/// Shortest time for which an invite may be good.
pub const INVITE_SHORTEST: Limit = Limit::fixed(
    "shortest time of an invite",
    60,
    Unit::Seconds,
    "less is over before the code is typed",
);
/// Longest time for which an invite may be good.
pub const INVITE_LONGEST: Limit = Limit::fixed(
    "longest time of an invite",
    2_592_000,
    Unit::Seconds,
    "a code that lies about for longer than 30 days has been forgotten",
);
/// Most uses of an invite.
pub const INVITE_USES: Limit = Limit::fixed(
    "uses of an invite",
    100,
    Unit::Count,
    "a class of pupils; one device's token is the same for all of them",
);
/// Wrong codes from one client.
const MISSES_OF_ONE: Limit = Limit::fixed(
    "wrong invite codes from one client",
    guard::MISSES_OF_ONE as u64,
    Unit::Count,
    "in ten minutes; an IPv6 client is a network of 64 bits",
);
/// Wrong codes from all clients, which is also how many clients are remembered for them.
const MISSES_OF_ALL: Limit = Limit::fixed(
    "wrong invite codes from all clients",
    guard::MISSES_OF_ALL as u64,
    Unit::Count,
    "in ten minutes; a code has 40 bits, so at this rate guessing takes longer than an invite is good",
);
/// Span in which wrong codes are counted.
const MISSES_SPAN: Limit = Limit::fixed(
    "span for wrong invite codes",
    guard::SPAN as u64,
    Unit::Seconds,
    "then all are heard again",
);
/// The file of devices and invites.
pub const DEVICES_FILE: Limit = Limit::fixed(
    "file of devices and invites",
    file::MAX_BYTES as u64,
    Unit::Bytes,
    "every device and invite at its longest",
);
/// How often the times at which devices were seen are written.
pub const DEVICES_SEEN: Limit = Limit::fixed(
    "time between two writings of when devices were seen",
    3600,
    Unit::Seconds,
    "flash wears; written only where one was seen, and at an orderly stop",
);

/// The rows of this file.
pub(super) const DEVICES: &[Limit] = &[
    DEVICES_KNOWN,
    DEVICE_NAME,
    INVITES,
    INVITE_TIME,
    INVITE_SHORTEST,
    INVITE_LONGEST,
    INVITE_USES,
    MISSES_OF_ONE,
    MISSES_OF_ALL,
    MISSES_SPAN,
    DEVICES_FILE,
    DEVICES_SEEN,
];
