//! What every part of a zone speaks of: records, options, defects.
//!
//! The text side ([`super::master`], [`super::rdata`], [`super::edit`]) makes these from master files; the
//! answering side (the label tree) compiles them.

use std::fmt;
use std::sync::Arc;

use crate::message::{Name, Rtype};

/// Largest TTL in seconds (RFC 2181, 8).
pub const MAX_TTL: u32 = 0x7fff_ffff;

/// One record of class IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Owner name, as written.
    pub owner: Name,
    /// Seconds, at most [`MAX_TTL`].
    pub ttl: u32,
    /// Type.
    pub rtype: Rtype,
    /// RDATA in wire form, names in it uncompressed, at most 65,535 bytes.
    pub rdata: Box<[u8]>,
    /// Unix time in seconds from which on the record is no longer served.
    pub expires: Option<u64>,
}

/// Whether a record set of a view takes away one of the same name from the base zone. Sets replace their like, and A and AAAA
/// count as one set, the name's addresses: whoever gives a name another IPv4 address in a view does not mean clients to go to
/// the old host over IPv6. An alias stands alone (RFC 1034, 3.6.2), so it takes everything away and goes for anything.
#[must_use]
pub fn replaces(upper: Rtype, lower: Rtype) -> bool {
    let is_address = |rtype| matches!(rtype, Rtype::A | Rtype::AAAA);
    upper == lower
        || upper == Rtype::CNAME
        || lower == Rtype::CNAME
        || (is_address(upper) && is_address(lower))
}

/// What a zone does with names that it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They do not exist.
    #[default]
    Private,
    /// They are asked upstream.
    Overlay,
    /// The apex answers for every name below it.
    Redirect,
}

impl Mode {
    /// The word in a pragma.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Overlay => "overlay",
            Self::Redirect => "redirect",
        }
    }
}

/// Options of a zone, from `; hearthdns: KEY=VALUE` comments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// `mode=`; `None` where the file says nothing: private, or for a view's file the base zone's mode.
    pub mode: Option<Mode>,
    /// `forward=`: these names and all below them are asked upstream although the zone is private.
    pub forward: Vec<Name>,
    /// `matrix=`: the Matrix servers whose records `dnsctl matrix` keeps in this file, a value each. What stands in one
    /// is read by [`crate::matrix`].
    pub matrix: Vec<String>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// File as the user knows it.
    pub file: Arc<str>,
    /// Line, from 1; 0 where the defect is the file's own.
    pub line: u32,
    /// Column in characters, from 1; 0 where the defect is the file's own.
    pub column: u32,
    /// What is wrong and the way out: lower-case, no full stop.
    pub message: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}
