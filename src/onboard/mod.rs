//! Onboarding: what a device needs to use this server, as bytes. Values in, bytes out: nothing here opens a socket or
//! a file, and no time is read.
//!
//! [`Facts`] is what every profile, script, page and router line is made from; whoever knows the configuration, the
//! zones and the invite puts it together. Sizes of what comes out are bounded by the sizes of what goes in.
//!
//! Names come from zone files, and people write strange things there. Only *plain* names ([`plain`]) reach a line that
//! another program reads; besides, everything is quoted for where it stands ([`quote`]). Where a platform cannot be
//! served, a function says why ([`Unfit`]) and never makes something that half works.
//!
//! Read [`router`] next: what makes every device of a house find the zones with nothing to do on any of them. Then
//! `things`: what is made for one device, and by what word.

#[cfg(feature = "onboard")]
pub mod android;
#[cfg(feature = "onboard")]
pub mod apple;
#[cfg(feature = "onboard")]
pub mod browsers;
#[cfg(feature = "onboard")]
pub mod card;
#[cfg(feature = "onboard")]
pub mod cms;
#[cfg(feature = "onboard")]
pub mod dhcp;
#[cfg(feature = "onboard")]
pub mod linux;
#[cfg(feature = "onboard")]
pub mod macos;
#[cfg(feature = "onboard")]
pub mod page;
#[cfg(feature = "qr")]
pub mod qr;
pub mod quote;
#[cfg(feature = "onboard")]
mod reach;
pub mod router;
#[cfg(feature = "onboard")]
pub mod stamps;
#[cfg(feature = "onboard")]
pub mod things;
pub mod verify;
#[cfg(feature = "onboard")]
pub mod windows;

use std::fmt;
use std::net::IpAddr;

use crate::message::{Name, NameRef};

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
    /// Names and addresses in the zones, for systems that know no better than a hosts file; empty where nobody looked.
    pub hosts: Vec<(Name, IpAddr)>,
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

/// A device, as an invite describes it. Printed for debugging it keeps its token to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// What its owner calls it, `anna-phone`.
    pub name: String,
    /// The secret that tells it from others: a label of a host name, and a part of a path.
    pub token: Option<String>,
    /// Which names it is to ask the server for.
    pub scope: Scope,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("name", &self.name)
            .field("has_token", &self.token.is_some())
            .field("scope", &self.scope)
            .finish()
    }
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

/// Path of DNS over HTTPS (RFC 8484, 4.1.1 uses it throughout).
pub const DOH_PATH: &str = "/dns-query";
/// The port of plain DNS.
pub const PLAIN_PORT: u16 = 53;
/// The port of DNS over TLS and over QUIC (RFC 7858, 3.1; RFC 9250, 4.1.1).
pub const TLS_PORT: u16 = 853;
/// The port of HTTPS.
pub const HTTPS_PORT: u16 = 443;

/// Something made for a device. What it holds, a token among it, is not printed for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Name under which to save it; plain characters only.
    pub file: String,
    /// Media type to send it with.
    pub media_type: &'static str,
    /// The contents.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Artefact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artefact")
            .field("file", &self.file)
            .field("media_type", &self.media_type)
            .field("length", &self.bytes.len())
            .finish()
    }
}

/// Why something cannot be made for these facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// No zone that can be told of; an empty list would mean every name.
    NoZones,
    /// No host name in the certificate, or one that is no host name.
    NoName,
    /// No address of the server is known.
    NoAddress,
    /// The token is no label of a host name.
    Token,
    /// Nothing of the kind listens.
    NoListener(&'static str),
    /// It listens at a port that the client cannot be told.
    Port {
        /// What is spoken there.
        of: &'static str,
        /// Where it listens.
        is: u16,
        /// The only port that the client asks.
        must: u16,
    },
    /// Nobody vouches for the certificate.
    NoCertificate,
    /// The client believes no authority of our own.
    NeedsPublicCertificate,
    /// There is no authority of our own whose certificate could be given away.
    NoAuthority,
    /// No name of the zones has an address.
    NoHosts,
    /// The client asks one server for all names, and only those of our zones are wanted.
    AllNamesOnly,
    /// The client asks us for our zones only, and all names are wanted.
    ZonesOnly,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoZones => {
                "there is no zone that a device could be told of; add one with `dnsctl add-zone DOMAIN`"
            }
            Self::NoName => "the server has no host name that a certificate could hold",
            Self::NoAddress => "no address of the server is known; name one with --server",
            Self::Token => "the token is no label of a host name",
            Self::NoListener(of) => return write!(f, "the server does not listen for {of}"),
            Self::Port { of, is, must } => {
                return write!(
                    f,
                    "{of} listens at port {is}, and the other side asks port {must} only"
                );
            }
            Self::NoCertificate => "nobody vouches for the server's certificate",
            Self::NeedsPublicCertificate => {
                "this client believes only certificates of public authorities, and ours has one of our own"
            }
            Self::NoAuthority => "there is no authority of our own",
            Self::NoHosts => "no name of the zones has an address",
            Self::AllNamesOnly => "this client would ask us for every name, not for those of our zones only",
            Self::ZonesOnly => "this client can ask us for the names of our zones only",
        })
    }
}

impl std::error::Error for Unfit {}

/// A name as every program understands it: in lower case without the closing dot. None where a label holds anything but
/// letters, digits, `-` and `_`, or begins with `-`; and for the root.
#[must_use]
pub fn plain(name: NameRef<'_>) -> Option<String> {
    let mut text = String::with_capacity(name.as_wire().len());
    for label in name.labels() {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !label.iter().all(is_plain) || label.starts_with(b"-") {
            return None;
        }
        if !text.is_empty() {
            text.push('.');
        }
        text.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
    (!text.is_empty()).then_some(text)
}

impl Server {
    /// The zones that can be told of, as text.
    #[must_use]
    pub fn plain_zones(&self) -> Vec<String> {
        self.zones
            .iter()
            .filter_map(|zone| plain(zone.as_ref()))
            .collect()
    }

    /// The zones that cannot: no configuration of another program could hold their names.
    #[must_use]
    pub fn odd_zones(&self) -> Vec<&Name> {
        self.zones
            .iter()
            .filter(|zone| plain(zone.as_ref()).is_none())
            .collect()
    }
}
