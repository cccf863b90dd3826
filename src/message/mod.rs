//! DNS messages as bytes: the only place that knows wire offsets.
//!
//! Everything above asks this module: what does the client want ([`query`]), what does an upstream's
//! message hold ([`read`]), and write me a reply ([`mod@write`], [`packed`]). Names ([`Name`]) and numbers
//! ([`Rtype`], [`Rcode`]) are here because every layer speaks them. Nothing here waits, allocates on the
//! way of a query answered from memory, or knows of zones. Read [`query`] next, then [`mod@write`].

pub mod key;
pub mod name;
pub mod outgoing;
pub mod packed;
pub mod query;
pub mod read;
pub mod rtype;
pub mod write;

pub use key::Key;
pub use name::{Name, NameError, NameRef};
pub use outgoing::Outgoing;
pub use packed::Packed;
pub use query::{Edns, Parsed, Query};
pub use read::Incoming;
pub use rtype::{Rcode, Rtype};
pub use write::{Section, Writer};

/// Length of a message's header (RFC 1035, 4.1.1).
pub const HEADER: usize = 12;
/// Class IN, the only one that is served.
pub const CLASS_IN: u16 = 1;
/// Largest message there is: what the two length bytes of TCP can say (RFC 1035, 4.2.2).
pub const MAX_MESSAGE: usize = 65_535;
/// Largest reply over UDP to a client that speaks no EDNS (RFC 1035, 4.2.1).
pub const PLAIN_UDP: u16 = 512;

/// Bits of the header's third and fourth byte, taken together (RFC 1035, 4.1.1; RFC 4035, 3).
pub mod flag {
    /// This is a reply.
    pub const QR: u16 = 0x8000;
    /// The operation code.
    pub const OPCODE: u16 = 0x7800;
    /// The answer comes from the zone's own data.
    pub const AA: u16 = 0x0400;
    /// The reply did not fit.
    pub const TC: u16 = 0x0200;
    /// The client wants recursion.
    pub const RD: u16 = 0x0100;
    /// The server offers recursion.
    pub const RA: u16 = 0x0080;
    /// The data was validated.
    pub const AD: u16 = 0x0020;
    /// The client does its own validation.
    pub const CD: u16 = 0x0010;
}

/// An extended error code (RFC 8914, 5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ede(pub u16);

impl Ede {
    /// Other Error.
    pub const OTHER: Ede = Ede(0);
    /// Unsupported DNSKEY Algorithm.
    pub const UNSUPPORTED_ALGORITHM: Ede = Ede(1);
    /// Unsupported DS Digest Type.
    pub const UNSUPPORTED_DIGEST: Ede = Ede(2);
    /// Stale Answer.
    pub const STALE_ANSWER: Ede = Ede(3);
    /// DNSSEC Indeterminate.
    pub const DNSSEC_INDETERMINATE: Ede = Ede(5);
    /// DNSSEC Bogus.
    pub const DNSSEC_BOGUS: Ede = Ede(6);
    /// Signature Expired.
    pub const SIGNATURE_EXPIRED: Ede = Ede(7);
    /// Signature Not Yet Valid.
    pub const SIGNATURE_NOT_YET_VALID: Ede = Ede(8);
    /// DNSKEY Missing.
    pub const DNSKEY_MISSING: Ede = Ede(9);
    /// RRSIGs Missing.
    pub const RRSIGS_MISSING: Ede = Ede(10);
    /// No Zone Key Bit Set.
    pub const NO_ZONE_KEY_BIT: Ede = Ede(11);
    /// NSEC Missing.
    pub const NSEC_MISSING: Ede = Ede(12);
    /// Unsupported NSEC3 Iterations Value.
    pub const UNSUPPORTED_NSEC3_ITERATIONS: Ede = Ede(27);
    /// Blocked.
    pub const BLOCKED: Ede = Ede(15);
    /// Stale NXDOMAIN Answer.
    pub const STALE_NXDOMAIN: Ede = Ede(19);
    /// Cached Error.
    pub const CACHED_ERROR: Ede = Ede(13);
    /// Not Ready.
    pub const NOT_READY: Ede = Ede(14);
    /// Prohibited.
    pub const PROHIBITED: Ede = Ede(18);
    /// Not Authoritative.
    pub const NOT_AUTHORITATIVE: Ede = Ede(20);
    /// Not Supported.
    pub const NOT_SUPPORTED: Ede = Ede(21);
    /// No Reachable Authority.
    pub const NO_REACHABLE_AUTHORITY: Ede = Ede(22);
    /// Invalid Data.
    pub const INVALID_DATA: Ede = Ede(24);
}

impl Ede {
    /// The EDNS option in wire form (RFC 8914, 2).
    #[must_use]
    pub fn option(self, text: &str) -> Vec<u8> {
        let text = &text.as_bytes()[..text.len().min(write::MAX_EDE_TEXT)];
        let mut option = vec![0, 15];
        option.extend_from_slice(&(2 + text.len() as u16).to_be_bytes());
        option.extend_from_slice(&self.0.to_be_bytes());
        option.extend_from_slice(text);
        option
    }
}

/// Reads two bytes in network order.
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

/// Reads four bytes in network order.
fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|four| u32::from_be_bytes(*four))
}
