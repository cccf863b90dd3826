//! The record set of one Matrix server: from what is wanted to records, and from a zone's records back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::message::{Name, NameRef, Rtype};
use crate::zone::rdata;
use crate::zone::record::Record;

use super::{FEDERATION_PORT, TTL};

/// Preference of the SRV record; there is one, so any will do.
const SRV_ORDER: &str = "10 5";

/// The part of a user's id behind the first colon: a host and, seldom, a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerName {
    /// The host, in lower case.
    pub host: Name,
    /// The port that is part of the name; with one nothing is delegated (step 2).
    pub port: Option<u16>,
}

impl FromStr for ServerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok() {
            return Err(format!(
                "`{text}` is an address, and needs no records (server-server API, resolving server names, step 1)"
            ));
        }
        let (host, port) = split_port(text)?;
        Ok(ServerName {
            host: host_name(host)?,
            port,
        })
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bare(&self.host))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A host and a port, where something listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The host, in lower case.
    pub host: Name,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bare(&self.host), self.port)
    }
}

/// A host as configurations write it: without the closing dot.
#[must_use]
pub fn bare(name: &Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Parts `HOST:PORT`.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    match port_number(port) {
        Some(port) => Ok((host, Some(port))),
        None => Err(format!(
            "`{}` is no port; expected a number from 1 to 65535",
            port.escape_debug()
        )),
    }
}

/// A port from 1 to 65535 in digits.
pub(super) fn port_number(text: &str) -> Option<u16> {
    let read = text.parse::<u16>().ok().filter(|port| *port != 0);
    read.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads a host name as the Matrix specification allows it (appendices, server name): letters, digits, `-` and dots.
///
/// # Errors
/// What is wrong with it.
pub fn host_name(text: &str) -> Result<Name, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("`{text}` is an address; a host name is wanted here"));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if !text.bytes().all(is_plain) {
        return Err(format!(
            "`{}` is no host name: letters, digits, `-` and dots may stand in one",
            text.escape_debug()
        ));
    }
    let name: Name = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
    if name.as_ref().label_count() < 2 {
        return Err(format!(
            "`{text}` is a name of one label, which resolvers do not forward: choose one such as hearth.example"
        ));
    }
    Ok(name.as_ref().to_lowercase())
}

/// How other servers are told where a server speaks Matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delegation {
    /// They are not: it is the server name itself, on its port or 8448 (steps 2 and 6).
    None,
    /// By an SRV record `_matrix-fed._tcp` (step 4).
    Srv(Target),
    /// By `.well-known/matrix/server`, with the port in it (step 3.2).
    WellKnown(Target),
}

impl Delegation {
    /// The word of the command line.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Srv(_) => "srv",
            Self::WellKnown(_) => "well-known",
        }
    }
}

/// What else belongs to a homeserver, on a host name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// TURN, for calls of two.
    Turn,
    /// LiveKit and its token service, for calls of groups.
    Rtc,
    /// The authentication service.
    Auth,
    /// The web client.
    Element,
    /// The push gateway.
    Push,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 5] = [
        Service::Turn,
        Service::Rtc,
        Service::Auth,
        Service::Element,
        Service::Push,
    ];

    /// Its word, which is its label below the server name too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Rtc => "rtc",
            Self::Auth => "auth",
            Self::Element => "element",
            Self::Push => "push",
        }
    }

    /// The service of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == word)
    }
}

/// What a name of the set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The server name.
    Server,
    /// The host that speaks Matrix, where that is another one.
    Homeserver,
    /// A service.
    Service(Service),
}

/// Everything that a Matrix server's records are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The server name.
    pub server: ServerName,
    /// How others are told where it is.
    pub delegation: Delegation,
    /// Port at which clients reach it over HTTPS; none for 443.
    pub client_port: Option<u16>,
    /// Its addresses, as everybody sees them: IPv4 before IPv6, each in order.
    pub addresses: Vec<IpAddr>,
    /// The services that have names.
    pub services: BTreeSet<Service>,
    /// Addresses of names that are not on the homeserver's host.
    pub own: BTreeMap<Role, Vec<IpAddr>>,
    /// Addresses as the clients of views see them.
    pub views: BTreeMap<String, Vec<IpAddr>>,
    /// TTL of the records in seconds.
    pub ttl: u32,
}

/// One record set as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Owner.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// RDATA in presentation form, names in it absolute.
    pub rdata: Vec<String>,
    /// What it is for.
    pub comment: &'static str,
}

impl Set {
    /// The host that speaks Matrix with other servers, and its port.
    #[must_use]
    pub fn homeserver(&self) -> Target {
        match &self.delegation {
            Delegation::None => Target {
                host: self.server.host.clone(),
                port: self.server.port.unwrap_or(FEDERATION_PORT),
            },
            Delegation::Srv(target) | Delegation::WellKnown(target) => target.clone(),
        }
    }

    /// The name whose certificate the homeserver must show to other servers: with an SRV record the server name, never the
    /// record's target (step 4).
    #[must_use]
    pub fn certificate_name(&self) -> Name {
        match &self.delegation {
            Delegation::WellKnown(target) => target.host.clone(),
            Delegation::None | Delegation::Srv(_) => self.server.host.clone(),
        }
    }

    /// The host name of a service: its word below the server name.
    #[must_use]
    pub fn service_host(&self, service: Service) -> Name {
        Name::prepend(service.as_str().as_bytes(), self.server.host.as_ref())
            .unwrap_or_else(|| self.server.host.clone())
    }

    /// The owner of the SRV record.
    #[must_use]
    pub fn srv_owner(&self) -> Name {
        srv_owner(&self.server.host).unwrap_or_else(|| self.server.host.clone())
    }

    /// Every name with addresses, and what it is for; each name once.
    #[must_use]
    pub fn hosts(&self) -> Vec<(Role, Name)> {
        let mut hosts = vec![(Role::Server, self.server.host.clone())];
        let homeserver = self.homeserver().host;
        if homeserver != self.server.host {
            hosts.push((Role::Homeserver, homeserver));
        }
        let services = self.services.iter();
        hosts.extend(services.map(|service| (Role::Service(*service), self.service_host(*service))));
        hosts
    }

    /// What is wrong with it as a whole, in words of the command line.
    ///
    /// # Errors
    /// The first thing that is.
    pub fn check(&self) -> Result<(), String> {
        let homeserver = self.homeserver();
        let longest = self.services.iter().map(|service| service.as_str().len()).max();
        let room = self.server.host.as_wire().len() + longest.unwrap_or(0).max("_matrix-fed._tcp".len()) + 2;
        if room > crate::message::name::MAX_NAME {
            return Err(format!(
                "`{}` is too long: names below it have no room",
                self.server
            ));
        }
        if self.server.port.is_some() && self.delegation != Delegation::None {
            return Err(format!(
                "`{}` names a port, so nothing is delegated (server-server API, resolving server names, step 2): leave the port out, or --delegate",
                self.server
            ));
        }
        if let Some((_, host)) = self
            .hosts()
            .iter()
            .find(|(role, host)| matches!(role, Role::Service(_)) && *host == homeserver.host)
        {
            return Err(format!(
                "`{}` cannot be the homeserver and a service's name at once: choose another --homeserver",
                bare(host)
            ));
        }
        if self.addresses.is_empty() {
            return Err("there is no address; give --address A or --address A,AAAA".to_owned());
        }
        for (view, addresses) in &self.views {
            if addresses.is_empty() {
                return Err(format!(
                    "the view `{view}` has no address; write --view {view} --address A"
                ));
            }
        }
        Ok(())
    }

    /// The record sets of the base zone, or of a view, in the zone `origin`; names outside of it are somebody else's.
    #[must_use]
    pub fn records(&self, origin: NameRef<'_>, view: Option<&str>) -> Vec<Planned> {
        let mut planned = Vec::new();
        let main = match view {
            None => &self.addresses,
            Some(view) => match self.views.get(view) {
                Some(addresses) => addresses,
                None => return planned,
            },
        };
        for (role, owner) in self.hosts() {
            let own = self.own.get(&role);
            // What stands elsewhere stands there for every view.
            if view.is_some() && own.is_some() {
                continue;
            }
            let addresses = own.unwrap_or(main);
            for (rtype, is_v6) in [(Rtype::A, false), (Rtype::AAAA, true)] {
                let of_type = addresses.iter().filter(|address| address.is_ipv6() == is_v6);
                let rdata: Vec<String> = of_type.map(ToString::to_string).collect();
                if !rdata.is_empty() {
                    planned.push(Planned {
                        owner: owner.clone(),
                        rtype,
                        rdata,
                        comment: Self::comment(role),
                    });
                }
            }
            if let (Delegation::Srv(target), Role::Server, None) = (&self.delegation, role, view) {
                planned.push(Planned {
                    owner: self.srv_owner(),
                    rtype: Rtype::SRV,
                    rdata: vec![format!("{SRV_ORDER} {} {}", target.port, target.host)],
                    comment: "where other servers find it; the certificate there is for the server name",
                });
            }
        }
        planned.retain(|set| set.owner.as_ref().is_at_or_below(origin));
        planned
    }

    /// Names and types that its records have, or would have with other addresses: what `dnsctl matrix` may change.
    #[must_use]
    pub fn owned(&self, origin: NameRef<'_>) -> Vec<(Name, Rtype)> {
        let mut owned: Vec<(Name, Rtype)> = Vec::new();
        for (_, host) in self.hosts() {
            owned.push((host.clone(), Rtype::A));
            owned.push((host, Rtype::AAAA));
        }
        if let Delegation::Srv(_) = self.delegation {
            owned.push((self.srv_owner(), Rtype::SRV));
        }
        owned.retain(|(owner, _)| owner.as_ref().is_at_or_below(origin));
        owned
    }

    /// Stays true when the set changes, for lines that are there keep their comments.
    const fn comment(role: Role) -> &'static str {
        match role {
            Role::Server => "the server name: clients ask its port 443 for .well-known/matrix/client",
            Role::Homeserver => "the homeserver, to which other servers are led",
            Role::Service(Service::Turn) => "TURN: calls of two",
            Role::Service(Service::Rtc) => {
                "LiveKit and lk-jwt-service: calls of groups, for which users of other servers need it too"
            }
            Role::Service(Service::Auth) => "matrix-authentication-service: where users log in",
            Role::Service(Service::Element) => "Element Web",
            Role::Service(Service::Push) => "push gateway",
        }
    }

    /// Fills in addresses and TTL from what the zone holds. `records` are those of the base zone, `views` those of the
    /// views' own files. The other options must be set already, as [`super::mark::read`] does.
    pub fn read_records(&mut self, records: &[Record], views: &[(String, Vec<Record>)]) {
        let homeserver = self.homeserver().host;
        let main_of = |records: &[Record]| {
            let of_homeserver = addresses_of(records, &homeserver);
            match of_homeserver.is_empty() {
                true => addresses_of(records, &self.server.host),
                false => of_homeserver,
            }
        };
        self.addresses = main_of(records);
        self.own = BTreeMap::new();
        for (role, host) in self.hosts() {
            let found = addresses_of(records, &host);
            if !found.is_empty() && found != self.addresses {
                self.own.insert(role, found);
            }
        }
        let hosts = self.hosts();
        let in_view = |records: &[Record]| {
            let main = main_of(records);
            let mut hosts = hosts.iter();
            match main.is_empty() {
                true => hosts
                    .map(|(_, host)| addresses_of(records, host))
                    .find(|found| !found.is_empty()),
                false => hosts.next().map(|_| main),
            }
        };
        let found = views
            .iter()
            .filter_map(|(view, records)| Some((view.clone(), in_view(records)?)));
        self.views = found.collect();
        let ttl = records
            .iter()
            .filter(|record| matches!(record.rtype, Rtype::A | Rtype::AAAA))
            .filter(|record| record.owner == homeserver || record.owner == self.server.host)
            .map(|record| record.ttl)
            .min();
        self.ttl = ttl.unwrap_or(TTL);
    }
}

/// The owner of the SRV record of a server name; none where it has no room.
#[must_use]
pub fn srv_owner(host: &Name) -> Option<Name> {
    service_owner(b"_matrix-fed", host)
}

/// The same by the name that was in use before version 1.8 of the specification (step 5).
#[must_use]
pub fn deprecated_owner(host: &Name) -> Option<Name> {
    service_owner(b"_matrix", host)
}

fn service_owner(service: &[u8], host: &Name) -> Option<Name> {
    Name::prepend(b"_tcp", host.as_ref()).and_then(|tcp| Name::prepend(service, tcp.as_ref()))
}

/// The addresses in their order, each once.
#[must_use]
pub fn in_order(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    // IPv4 sorts before IPv6.
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The addresses that a name has among these records and that are there to stay, in order.
fn addresses_of(records: &[Record], owner: &Name) -> Vec<IpAddr> {
    let of_owner = records
        .iter()
        .filter(|record| record.owner == *owner && record.expires.is_none());
    in_order(of_owner.filter_map(address_of).collect())
}

/// The address of an A or AAAA record.
#[must_use]
pub fn address_of(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        Rtype::A | Rtype::AAAA => rdata::to_text(record.rtype, &record.rdata, None).parse().ok(),
        _ => None,
    }
}
