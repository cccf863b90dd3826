//! Onboarding: what a device needs to use this server, as bytes. Values in, bytes out: nothing here opens a socket or
//! a file, and no time is read.
//!
//! [`Facts`] is what every profile, script, page and router line is made from; whoever knows the configuration, the
//! zones and the invite puts it together. Sizes of what comes out are bounded by the sizes of what goes in.

use std::net::IpAddr;

use crate::message::Name;

/// What one device is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The server to use.
    pub server: Server,
    /// The device, and what it is to ask the server for.
    pub device: Device,
}

/// The server as devices see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name in the certificate, `dns.home.example`; none where there is no encrypted listener.
    pub name: Option<Name>,
    /// Addresses at which devices of the house reach it, the preferred one first.
    pub addresses: Vec<IpAddr>,
    /// Private and overlay zones of the group, in alphabetical order.
    pub zones: Vec<Name>,
    /// Where it listens.
    pub ports: Ports,
    /// Who vouches for its certificate.
    pub trust: Trust,
}

/// Ports of the listeners; none where nothing of the kind listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// Plain DNS over UDP and TCP.
    pub plain: Option<u16>,
    /// DNS over TLS.
    pub tls: Option<u16>,
    /// DNS over HTTPS with HTTP/1.1 and HTTP/2.
    pub https: Option<u16>,
    /// DNS over QUIC.
    pub quic: Option<u16>,
    /// DNS over HTTPS with HTTP/3.
    pub h3: Option<u16>,
}

/// Who vouches for the server's certificate, and so which devices can verify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A certificate authority that every device knows.
    Public,
    /// An authority of our own: its certificate in DER, which a device must be given first.
    Own(Vec<u8>),
    /// There is no certificate, or nobody knows who signed it.
    None,
}

/// A device, as an invite describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What its owner calls it, `anna-phone`.
    pub name: String,
    /// The secret that tells it from others: a label of a host name, and a part of a path.
    pub token: Option<String>,
    /// Which names it is to ask the server for.
    pub scope: Scope,
}

/// Which names a device asks the server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those of the group's zones; everything else stays as it was.
    #[default]
    Zones,
    /// All.
    Everything,
}
