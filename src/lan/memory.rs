//! What is known of each file, and all of it together as names.
//!
//! A file that is damaged keeps what its last good version said, for everything of which it says nothing more. Files are
//! read by whoever calls: bytes and the time come in.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::Author;
use super::{Fault, Names, Reading, Rules, Told, collect, dhcp, hosts, lease};

/// What kind of a file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A hosts file that people write.
    #[default]
    Hosts,
    /// A hosts file that a DHCP server writes of what devices call themselves.
    Claims,
    /// Leases of dnsmasq or odhcpd.
    Leases,
    /// Names by MAC address.
    Ethers,
    /// OpenWrt's settings of DHCP.
    Dhcp,
}

impl Kind {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hosts | Self::Claims => "hosts",
            Self::Leases => "leases",
            Self::Ethers => "ethers",
            Self::Dhcp => "dhcp",
        }
    }
}

/// What is known of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its kind.
    pub kind: Kind,
    /// Of the last good version, with what could be read since.
    pub reading: Reading,
    /// Names by MAC address, of the same.
    pub macs: HashMap<Box<str>, Box<str>>,
}

impl Known {
    /// A file of this kind that says nothing.
    #[must_use]
    pub fn nothing(kind: Kind) -> Self {
        Known {
            kind,
            ..Known::default()
        }
    }

    /// What a file says now; what it said before fills in for damaged lines, which are among the faults.
    #[must_use]
    pub fn read(kind: Kind, bytes: &[u8], before: &Self) -> Self {
        let (reading, mut macs) = match kind {
            Kind::Hosts | Kind::Claims => (hosts::parse(bytes), HashMap::new()),
            Kind::Leases => (lease::parse(bytes), HashMap::new()),
            Kind::Dhcp => dhcp::parse(bytes),
            Kind::Ethers => {
                let (macs, faults) = hosts::parse_ethers(bytes);
                let reading = Reading {
                    entries: Vec::new(),
                    faults,
                };
                (reading, macs)
            }
        };
        let reading = if reading.faults.is_empty() {
            reading
        } else {
            for (mac, name) in &before.macs {
                macs.entry(mac.clone()).or_insert_with(|| name.clone());
            }
            reading.completed_by(&before.reading)
        };
        Known { kind, reading, macs }
    }

    /// What is wrong with the file as it is.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.reading.faults
    }
}

/// The names that all files tell, at `now` in Unix seconds. Of two files that give a name, or an address, both hold, and the
/// first leads back.
#[must_use]
pub fn names_of(files: &[(Arc<str>, &Known)], rules: Rules<'_>, now: u64) -> Names {
    let of = |kind: Kind, author: Author| {
        let files = files.iter().filter(move |(_, known)| known.kind == kind);
        files.map(move |(file, known)| Told {
            file: Arc::clone(file),
            author,
            entries: &known.reading.entries,
        })
    };
    let told: Vec<Told<'_>> = of(Kind::Hosts, Author::Person)
        .chain(of(Kind::Dhcp, Author::Person))
        .chain(of(Kind::Leases, Author::Device))
        .chain(of(Kind::Claims, Author::Device))
        .collect();
    // Of two that name a device, what was written for nothing else counts.
    let mut macs = HashMap::new();
    for kind in [Kind::Ethers, Kind::Dhcp] {
        for (_, known) in files.iter().filter(|(_, known)| known.kind == kind) {
            for (mac, name) in &known.macs {
                macs.entry(mac.clone()).or_insert_with(|| name.clone());
            }
        }
    }
    collect(rules, &told, &macs, now)
}
