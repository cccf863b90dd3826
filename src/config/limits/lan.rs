//! Bounds of the names of the LAN.

use super::{Limit, Unit};
use crate::lan;

/// Files and folders of one key of `lan`.
pub const LAN_FILES: Limit = Limit::fixed(
    "files and folders in a list of `lan`",
    16,
    Unit::Count,
    "a router has a handful",
);
/// Files of a folder.
pub const LAN_FOLDER: Limit = Limit::fixed(
    "hosts files of a folder of `lan.hosts`",
    64,
    Unit::Count,
    "one for each interface and DHCP server; the first in the alphabet are read, and the rest is told",
);
/// Size of a file.
pub const LAN_FILE: Limit = Limit::fixed(
    "file of leases or hosts",
    lan::MAX_FILE as u64,
    Unit::Bytes,
    "ten thousand leases; of a larger file the names stay as they were",
);
/// Names.
pub const LAN_NAMES: Limit = Limit::fixed(
    "names of the LAN with their addresses",
    lan::MAX_NAMES as u64,
    Unit::Count,
    "a house has tens; whoever asks for address after address under new names gets no further",
);
/// Names that are refused.
pub const LAN_REFUSED: Limit = Limit::fixed(
    "names of the LAN that are refused and remembered, and faults of one file",
    lan::MAX_REFUSED as u64,
    Unit::Count,
    "the rest is counted",
);
/// Lines about refused names.
pub const LAN_LOGGED: Limit = Limit::fixed(
    "lines of the log about names of the LAN at one look",
    8,
    Unit::Count,
    "a device may change its name every second; `dnsctl lan` shows all",
);
/// How long nothing must be written before files are read.
pub const FILES_QUIET: Limit = Limit::fixed(
    "silence after which watched files are read",
    200,
    Unit::Milliseconds,
    "a DHCP server writes its file line by line",
);
/// How long is waited for that.
pub const FILES_BURST: Limit = Limit::fixed(
    "time after which watched files are read in any case",
    2000,
    Unit::Milliseconds,
    "where somebody never stops writing",
);

/// Bounds of names of the LAN, in the order of the table.
pub(super) const LAN: &[Limit] = &[
    LAN_FILES,
    LAN_FOLDER,
    LAN_FILE,
    LAN_NAMES,
    LAN_REFUSED,
    LAN_LOGGED,
    FILES_QUIET,
    FILES_BURST,
];
