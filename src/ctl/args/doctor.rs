//! The words of `dnsctl matrix doctor`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;

use crate::matrix::doctor::place::{Host, Place};

/// What is said below the options.
pub(super) const WORDS: &str = "\
Walks to a Matrix server as another homeserver does, then as a client and a
call do, and says where the way ends first, and what to do about it. Asks and
reads only; changes nothing. What it looks at, in order:
  the answer        A and AAAA, and whether homeservers take such addresses
  the resolver      getaddrinfo and each nameserver of this machine
  the delegation    .well-known/matrix/server, SRV records
  each address      TCP, TLS, certificate, version, signing keys, clock
  clients           .well-known/matrix/client, versions, login, CORS
  calls             a STUN binding over UDP, TCP and TLS at turn.SERVER

Without --via our daemon's answers are followed, and a resolver of this
machine that says something else breaks the way; without a daemon, the
system's. With --via a resolver that differs is a warning.

Where a name leads to this machine, its link or a private address, nothing is
sent, unless the name lies in a zone of ours (private addresses only) or
--allow holds the address.

Exit codes beside those of every command:
  0   it works; warnings may be shown
  10  answer      the name, or its addresses
  11  resolver    this machine is told something else
  12  delegation  .well-known/matrix/server or SRV
  13  reach       no connection
  14  tls         TLS or the certificate
  15  federation  the server does not answer other servers
  16  keys        its signing keys
  17  clock       the clocks of this machine and the server
  18  client      what clients need
  19  turn        what calls need

Examples:
  dnsctl matrix doctor hearth.example
  dnsctl matrix doctor hearth.example --from-view abroad
  dnsctl matrix doctor hearth.example --via system --json
  dnsctl matrix doctor hearth.example --only server --ca-file authority.pem
  dnsctl matrix doctor hearth.example --nameserver 192.168.1.1
  dnsctl matrix doctor hearth.example --connect hearth.example:8448=203.0.113.9";

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// The way of another homeserver.
    Server,
    /// The way of clients.
    Client,
    /// Calls.
    Turn,
}

/// Whose answers are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Our daemon's.
    Us,
    /// The system's.
    System,
    /// A nameserver's.
    Server(SocketAddr),
}

/// A place that lies somewhere else than its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The name.
    pub host: Host,
    /// The port that is meant.
    pub port: u16,
    /// Where to connect.
    pub to: SocketAddr,
}

impl FromStr for Connect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("`{text}`: expected HOST:PORT=ADDR, such as hearth.example:443=203.0.113.9");
        let (place, to) = text.split_once('=').ok_or_else(wanted)?;
        let place: Place = place.parse()?;
        let port = place.port.ok_or_else(wanted)?;
        let to: Place = to.parse()?;
        let Host::Address(address) = to.host else {
            return Err(wanted());
        };
        Ok(Connect {
            host: place.host,
            port,
            to: SocketAddr::new(address, to.port.unwrap_or(port)),
        })
    }
}

fn via(text: &str) -> Result<Via, String> {
    match text {
        "us" => Ok(Via::Us),
        "system" => Ok(Via::System),
        text => super::server_address(text)
            .map(Via::Server)
            .map_err(|_| format!("`{text}` is not `us`, `system` or an address")),
    }
}

fn only(text: &str) -> Result<Only, String> {
    match text {
        "server" => Ok(Only::Server),
        "client" => Ok(Only::Client),
        "turn" => Ok(Only::Turn),
        _ => Err("expected server, client or turn".to_owned()),
    }
}

fn range(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(IpNet::from);
    one.or_else(|_| text.parse())
        .map_err(|_| format!("`{text}` is no range of addresses; expected one such as 10.0.0.0/8"))
}

fn seconds(text: &str, most: u64) -> Result<Duration, String> {
    let number = text
        .parse::<u64>()
        .ok()
        .filter(|number| (1..=most).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}`: expected seconds from 1 to {most}"))
}

fn step(text: &str) -> Result<Duration, String> {
    seconds(text, 60)
}

fn all(text: &str) -> Result<Duration, String> {
    seconds(text, 600)
}

/// A Matrix server to look at.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The part of a user's id behind the colon
    #[arg(value_name = "SERVER_NAME")]
    pub server: Place,
    /// Whose answers to follow: us, system, or a nameserver
    #[arg(long, value_name = "us|system|ADDR", value_parser = via)]
    pub via: Option<Via>,
    /// Follow what clients of this view get (or this address)
    #[arg(long, value_name = "VIEW", conflicts_with = "via")]
    pub from_view: Option<String>,
    /// Ask this one in place of those of /etc/resolv.conf
    #[arg(long, value_name = "ADDR", value_parser = super::server_address)]
    pub nameserver: Vec<SocketAddr>,
    /// Look at one way only: server, client or turn
    #[arg(long, value_name = "WAY", value_parser = only)]
    pub only: Option<Only>,
    /// The TURN server [default: turn.SERVER, if it has an address]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub turn: Option<Place>,
    /// Trust these authorities too, in PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Connect to such addresses; homeservers allow them too
    #[arg(long, value_name = "CIDR", value_parser = range)]
    pub allow: Vec<IpNet>,
    /// Connect there for this host and port, whatever DNS says
    #[arg(long, value_name = "HOST:PORT=ADDR")]
    pub connect: Vec<Connect>,
    /// Seconds for one step [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = step)]
    pub step: Option<Duration>,
    /// Seconds for all [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = all)]
    pub time: Option<Duration>,
}
