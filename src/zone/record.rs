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
