//! Links and addresses as the kernel writes them (rtnetlink(7)): asking for a list, what a message of it says, and a list that
//! is read to its end.
//!
//! Bytes in, values out, as in [`super`], whose messages these are. What follows from them is decided above: addresses of ours
//! by [`crate::interfaces`], changes by the daemon's look at the network, which also reads routes.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use super::{DONE, ERROR, HEAD, OVERRUN, TORN, Unclear, attributes, messages, u32_at};

/// RTM_NEWLINK: an interface is there.
pub const NEW_LINK: u16 = 16;
/// RTM_DELLINK: an interface is gone.
pub const DEL_LINK: u16 = 17;
const GET_LINK: u16 = 18;
/// RTM_NEWADDR: an address is there.
pub const NEW_ADDR: u16 = 20;
/// RTM_DELADDR: an address is gone.
pub const DEL_ADDR: u16 = 21;
const GET_ADDR: u16 = 22;
/// RTM_NEWROUTE: a route is there.
pub const NEW_ROUTE: u16 = 24;
/// RTM_DELROUTE: a route is gone.
pub const DEL_ROUTE: u16 = 25;
const GET_ROUTE: u16 = 26;
/// NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x1 | 0x300;

/// AF_UNSPEC.
pub const UNSPEC: u8 = 0;
/// AF_INET.
pub const IPV4: u8 = 2;
/// AF_INET6.
pub const IPV6: u8 = 10;
/// IFF_RUNNING: something is at the other end.
pub const RUNNING: u32 = 0x40;

/// IFA_ADDRESS: the address, or on a point-to-point link that of the other end.
pub const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// IFA_FLAGS: 32 bits, where the head has eight.
pub const IFA_FLAGS: u16 = 8;

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Interfaces.
    Links,
    /// Their addresses, of all families.
    Addresses,
    /// Routes of all tables.
    Routes,
}

impl List {
    /// All, in the order in which they are asked for: an address is of a link.
    pub const ALL: [List; 3] = [Self::Links, Self::Addresses, Self::Routes];

    /// The request for the whole list. Messages that answer it bear its number.
    #[must_use]
    pub fn request(self, number: u32) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Links => (GET_LINK, 16),
            Self::Addresses => (GET_ADDR, 8),
            Self::Routes => (GET_ROUTE, 12),
        };
        let mut bytes = Vec::with_capacity(HEAD + body);
        bytes.extend_from_slice(&((HEAD + body) as u32).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&DUMP.to_ne_bytes());
        bytes.extend_from_slice(&number.to_ne_bytes());
        // Our port (the kernel fills it in), and a body that excludes nothing.
        bytes.resize(HEAD + body, 0);
        bytes
    }
}

/// An interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub link: u32,
    /// Such as [`RUNNING`].
    pub flags: u32,
}

/// Reads the body of a message about a link: struct ifinfomsg, which is family, type, index, flags. None where it speaks of
/// something else than an interface, such as a bridge's port.
///
/// # Errors
///
/// Where it is cut off.
pub fn link(body: &[u8]) -> Result<Option<Link>, Unclear> {
    let (Some(&family), Some(link), Some(flags)) = (body.first(), u32_at(body, 4), u32_at(body, 8)) else {
        return Err(Unclear);
    };
    Ok((family == UNSPEC).then_some(Link { link, flags }))
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The interface's index.
    pub link: u32,
    /// Ours; on a point-to-point link not that of the other end.
    pub ip: IpAddr,
    /// Length of its prefix; on a point-to-point link that of the other end's address.
    pub prefix: u8,
    /// How far it is of use.
    pub scope: u8,
    /// Such as whether somebody else was found to have it.
    pub flags: u32,
}

/// Reads the body of a message about an address: struct ifaddrmsg, which is family, prefix, flags, scope, index. None where
/// it is neither of IPv4 nor of IPv6.
///
/// # Errors
///
/// Where it is cut off, holds no address, or one that is none.
pub fn address(body: &[u8]) -> Result<Option<Address>, Unclear> {
    let (Some(&[family, prefix, flags, scope]), Some(link)) = (body.first_chunk(), u32_at(body, 4)) else {
        return Err(Unclear);
    };
    if family != IPV4 && family != IPV6 {
        return Ok(None);
    }
    let (mut ours, mut either, mut flags) = (None, None, u32::from(flags));
    let mut parts = attributes(body.get(8..).unwrap_or_default());
    for (kind, value) in &mut parts {
        match kind {
            IFA_LOCAL => ours = Some(value),
            IFA_ADDRESS => either = Some(value),
            IFA_FLAGS => flags = u32_at(value, 0).ok_or(Unclear)?,
            _ => {}
        }
    }
    // What is not read could be the address that is ours.
    if !parts.are_all_read() {
        return Err(Unclear);
    }
    let value = ours.or(either).ok_or(Unclear)?;
    let (ip, longest) = match (family, <[u8; 4]>::try_from(value), <[u8; 16]>::try_from(value)) {
        (IPV4, Ok(octets), _) => (IpAddr::from(octets), 32),
        (IPV6, _, Ok(octets)) => (IpAddr::from(octets), 128),
        _ => return Err(Unclear),
    };
    if prefix > longest {
        return Err(Unclear);
    }
    Ok(Some(Address {
        link,
        ip,
        prefix,
        scope,
        flags,
    }))
}

/// A list of links or addresses that is being read, datagram by datagram.
#[derive(Debug)]
pub struct Listing {
    number: u32,
    /// Bytes that may still come.
    left: usize,
    /// Messages that came.
    read: usize,
    /// Addresses, in the kernel's order.
    pub addresses: Vec<Address>,
    /// Interfaces where something is at the other end.
    pub running: BTreeSet<u32>,
    /// Whether it changed while it was listed, so that something may be missing or stand there twice.
    pub is_torn: bool,
}

/// Why a list is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// This message, counted from 1, cannot be read.
    Damaged(usize),
    /// The kernel refuses the request: its error number, positive.
    Refused(i32),
    /// Messages were lost.
    Lost,
    /// It does not end where it must.
    TooLong,
}

impl From<Obstacle> for io::Error {
    fn from(obstacle: Obstacle) -> Self {
        let words = match obstacle {
            Obstacle::Refused(code) => return io::Error::from_raw_os_error(code),
            Obstacle::Damaged(at) => format!("message {at} of the kernel's list cannot be read"),
            Obstacle::Lost => "the kernel has lost a part of its list".to_owned(),
            Obstacle::TooLong => "the kernel's list is too long".to_owned(),
        };
        io::Error::new(io::ErrorKind::InvalidData, words)
    }
}

impl Listing {
    /// One that answers the request with this number, in so many bytes at most.
    #[must_use]
    pub fn new(number: u32, most: usize) -> Self {
        Listing {
            number,
            left: most,
            read: 0,
            addresses: Vec::new(),
            running: BTreeSet::new(),
            is_torn: false,
        }
    }

    /// Takes what came; whether the list is complete. Messages that answer something else are passed over.
    ///
    /// # Errors
    ///
    /// Where it is no list that could be believed; then nothing that follows is.
    pub fn take(&mut self, datagram: &[u8]) -> Result<bool, Obstacle> {
        // An empty one counts too, so that there is an end.
        let left = self.left.checked_sub(datagram.len().max(1));
        self.left = left.ok_or(Obstacle::TooLong)?;
        for message in messages(datagram) {
            self.read += 1;
            let damaged = |Unclear| Obstacle::Damaged(self.read);
            let message = message.map_err(damaged)?;
            if message.number != self.number {
                continue;
            }
            self.is_torn |= message.flags & TORN != 0;
            match message.kind {
                DONE | ERROR => match message.error().ok_or(Unclear).map_err(damaged)? {
                    0 if message.kind == DONE => return Ok(true),
                    0 => {}
                    code => return Err(Obstacle::Refused(code)),
                },
                OVERRUN => return Err(Obstacle::Lost),
                NEW_ADDR => self.addresses.extend(address(message.body).map_err(damaged)?),
                NEW_LINK => {
                    let link = link(message.body).map_err(damaged)?;
                    let running = link.filter(|link| link.flags & RUNNING != 0);
                    self.running.extend(running.map(|link| link.link));
                }
                _ => {}
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
