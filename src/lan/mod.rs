//! Names of the devices of the house: from what DHCP servers and people write into files, to records.
//!
//! Text in, values out. [`lease`] reads what dnsmasq and odhcpd write of their leases, [`hosts`] hosts files and
//! `/etc/ethers`, [`dhcp`] OpenWrt's settings of DHCP; each line becomes an [`Entry`] or a [`Fault`]. [`names`] decides which of them become names of the LAN
//! domain, because a device may call itself whatever it likes, and why the others do not; [`memory`] keeps what damaged files said before. Files are read and watched by
//! the daemon; [`crate::zone::lan`] lays the records under the zones.

pub mod dhcp;
pub mod hosts;
pub mod lease;
pub mod memory;
pub mod names;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

pub use names::{Names, Refusal, Refused, Rules, Told, collect};

/// Largest file in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// Names at most, of all files together.
pub const MAX_NAMES: usize = 4096;
/// Refused names that are remembered, and faults of one file.
pub const MAX_REFUSED: usize = 256;

/// A name and an address, as a line of a file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as it stands there; empty where a lease has none.
    pub name: Box<str>,
    /// Its address.
    pub address: IpAddr,
    /// When the lease ends, in Unix seconds; `None` where it does not.
    pub until: Option<u64>,
    /// Who has the lease: a MAC address in lower case, or another identifier in the DHCP server's words.
    pub device: Option<Box<str>>,
    /// Line of the file, from 1.
    pub line: u32,
    /// Whether the address leads back to this name: the first name of a line of a hosts file does.
    pub is_canonical: bool,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// What could be read, in the order of the file.
    pub entries: Vec<Entry>,
    /// What could not; a file that has one is damaged. At most [`MAX_REFUSED`].
    pub faults: Vec<Fault>,
}

impl Reading {
    fn fault(&mut self, line: u32, message: impl Into<String>) {
        if self.faults.len() < MAX_REFUSED {
            let message = message.into();
            self.faults.push(Fault { line, message });
        }
    }

    /// This reading of a damaged file, with what an `earlier` one of the whole file said of names of which this one
    /// says nothing: a damaged line takes no name away. At most [`MAX_NAMES`] are kept, because a file may stay damaged
    /// while devices change their names.
    #[must_use]
    pub fn completed_by(mut self, earlier: &Reading) -> Reading {
        let is_told: std::collections::HashSet<&str> =
            self.entries.iter().map(|entry| &*entry.name).collect();
        let kept: Vec<Entry> = earlier
            .entries
            .iter()
            .filter(|entry| !is_told.contains(&*entry.name))
            .take(MAX_NAMES)
            .cloned()
            .collect();
        self.entries.extend(kept);
        self
    }
}

/// The lines of a file with their numbers, without their ends. Bytes that are no UTF-8 are read as U+FFFD, which no name
/// may hold.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, std::borrow::Cow<'_, str>)> {
    let lines = bytes.split(|byte| *byte == b'\n');
    (1..).zip(lines.map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))))
}

/// A word of a file as a message shows it: bounded, without control characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        f.write_str("`")?;
        for c in self.0.chars().take(LONGEST).flat_map(char::escape_default) {
            write!(f, "{c}")?;
        }
        f.write_str(if self.0.chars().nth(LONGEST).is_some() {
            "…`"
        } else {
            "`"
        })
    }
}

/// A MAC address in the notation `52:54:00:12:34:56`; one digit in place of two is read too (ether_aton(3)).
fn mac_of(text: &str) -> Option<Box<str>> {
    let mut octets = [0u8; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *octet = hex(part)?;
    }
    parts.next().is_none().then(|| mac_text(octets))
}

/// A MAC address as twelve hexadecimal digits.
fn bare_mac_of(text: &str) -> Option<Box<str>> {
    if text.len() != 12 || !text.is_ascii() {
        return None;
    }
    let mut octets = [0u8; 6];
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = hex(text.get(2 * at..2 * at + 2)?)?;
    }
    Some(mac_text(octets))
}

fn hex(text: &str) -> Option<u8> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

fn mac_text([a, b, c, d, e, f]: [u8; 6]) -> Box<str> {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}").into()
}
