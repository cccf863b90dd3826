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

/// The part of [`super::TABLE`] that stands here.
pub(super) static OPENWRT: &[Limit] = &[UCI_FILE, UCI_STATEMENTS];
