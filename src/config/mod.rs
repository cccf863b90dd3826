//! Configuration: the text of a YAML file in, a checked [`Config`] out, or every defect that it has.
//!
//! It is strict, because a misspelt key that is passed over is a setting that silently does not hold: unknown
//! keys, wrong types and values out of range are refused, each with its place and the way out, and nothing is
//! clamped. All defects are told in one go. Files are read elsewhere; text, flags and paths come in as
//! arguments.
//!
//! Read [`limits`] for the ranges, [`address`] for the notations, `reader` for the keys, `values` for
//! the types, and `document` for how a value's place is found. `packaging/config.yaml` shows every key.

pub mod acme;
pub mod address;
pub mod certificate;
pub mod discovery;
mod dnssec;
mod document;
mod lan;
pub mod limits;
pub mod listen;
pub mod nftset;
#[cfg(feature = "openwrt")]
pub mod openwrt;
mod reader;
pub mod routes;
pub mod stamp;
#[cfg(test)]
mod tests;
pub mod upstream;
mod values;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub use acme::{AcmeChallenge, AcmeConfig};
pub use address::from_resolv_conf;
pub use certificate::{CertificateConfig, CertificateFiles};
pub use discovery::{Ddr, DiscoveryConfig};
pub use dnssec::{DnssecConfig, NegativeAnchor};
pub use lan::LanConfig;
use limits::Limit;
pub use listen::{ListenScheme, ListenUrl};
pub use nftset::NftsetConfig;
pub use routes::{RouteConfig, RouteTarget, ScreenConfig, Servers};
pub use upstream::{Host, Scheme, UpstreamSpec, UpstreamUrl};
pub use values::nearest;

use crate::health::Strategy;
use crate::message::Name;
use crate::zone::record::Defect;

/// File name of a [`Defect`] in a flag.
pub const COMMAND_LINE: &str = "command line";

/// Where the daemon listens unless told otherwise: reachable from this host only, and without privilege.
pub const DEFAULT_LISTEN: ListenUrl =
    ListenUrl::plain(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5300));

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `listen`: where to listen, and what is spoken there; never empty.
    pub listen: Vec<ListenUrl>,
    /// `certificate`: what encrypted listeners prove themselves with; there where one of them is.
    pub certificate: Option<CertificateConfig>,
    /// `name`: the host name under which devices reach this server, in lower case.
    pub name: Option<Name>,
    /// `addresses`: at which they reach it; empty: those of our own interfaces.
    pub addresses: Vec<IpAddr>,
    /// `discovery`: what keeps devices on us.
    pub discovery: DiscoveryConfig,
    /// `zones`: folder of the base zones; a view's folder lies in it.
    pub zones: PathBuf,
    /// `state`: folder of what must outlive a restart.
    pub state: PathBuf,
    /// `control`: path of the control socket.
    pub control: PathBuf,
    /// `clock_file`: there once the clock of the host is set; `None`: any clock that can be right is.
    pub clock_file: Option<PathBuf>,
    /// `resolv_conf`: whom to ask where `upstreams` names nobody, see [`from_resolv_conf`]; `None`: the system's.
    pub resolv_conf: Option<PathBuf>,
    /// `upstreams`, in the order of the file. Empty: those of `resolv_conf`.
    pub upstreams: Vec<UpstreamSpec>,
    /// `bootstrap`: whom to ask for the addresses of upstreams that are host names and name nobody themselves.
    pub bootstrap: Vec<SocketAddr>,
    /// `clients`: who may ask.
    pub clients: Clients,
    /// `views`, in the order of their names.
    pub views: Vec<ViewConfig>,
    /// `routes`: domains with servers of their own, or none.
    pub routes: Vec<RouteConfig>,
    /// `screen`: what is believed of upstreams.
    pub screen: ScreenConfig,
    /// `edns_payload`: UDP payload size in bytes that we offer and use (RFC 6891).
    pub edns_payload: u16,
    /// `workers`: threads that answer. `None`: see [`Config::worker_count`].
    pub workers: Option<usize>,
    /// `tcp`: bounds on TCP connections (RFC 7766).
    pub tcp: ConnectionConfig,
    /// `encrypted`: bounds on the connections of each encrypted transport.
    pub encrypted: ConnectionConfig,
    /// `upstream`: bounds on forwarded queries.
    pub upstream: UpstreamConfig,
    /// `cache`: size, and bounds on TTLs.
    pub cache: CacheConfig,
    /// `dnssec`: validation of what upstreams say.
    pub dnssec: DnssecConfig,
    /// `nftsets`: whose addresses go into sets of the firewall.
    pub nftsets: Vec<NftsetConfig>,
    /// `devices.keep_seen`: whether when devices were seen outlives a restart.
    pub keep_seen: bool,
    /// `lan`: names of the devices of the house.
    pub lan: Option<LanConfig>,
    /// `log.level`.
    pub log: LogLevel,
    /// `history.versions`: earlier versions kept of each zone.
    pub history_versions: usize,
}

/// Who may ask; everyone else is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// These prefixes; those of the word `private` are among them where it is given.
    pub prefixes: Vec<IpNet>,
    /// The word `local`: also the subnets of our own interfaces, which only the running daemon knows.
    pub own_subnets: bool,
}

/// One view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewConfig {
    /// Name, which is also its folder's: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
    pub name: String,
    /// Clients that see it. No prefix is in two views.
    pub clients: Vec<IpNet>,
    /// Servers that are asked for its clients; empty: those of everybody.
    pub upstreams: Vec<UpstreamSpec>,
    /// Routes of its own, laid over those of everybody.
    pub routes: Vec<RouteConfig>,
}

/// Bounds on the connections of one transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// Open connections of all clients.
    pub connections: usize,
    /// Open connections of one client address; at most `connections`.
    pub per_client: usize,
    /// Silence after which a connection is closed (RFC 7766, 6.2.3).
    pub idle: Duration,
    /// Queries of one connection answered at the same time (RFC 7766, 6.2.1.1).
    pub pipeline: usize,
}

/// Bounds on forwarded queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Time for a query with all its attempts.
    pub timeout: Duration,
    /// Time for one attempt; at most `timeout`.
    pub attempt: Duration,
    /// Queries that wait for an answer at the same time.
    pub outstanding: usize,
    /// How a server is chosen.
    pub strategy: Strategy,
}

/// Size of the cache, and bounds on TTLs in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// Memory in bytes.
    pub bytes: usize,
    /// Smallest TTL; at most `max_ttl`.
    pub min_ttl: u32,
    /// Largest TTL.
    pub max_ttl: u32,
    /// Largest TTL of a negative answer (RFC 2308, 5).
    pub negative_max_ttl: u32,
    /// For how long after its time an answer may serve where no upstream answers (RFC 8767); 0: not at all.
    pub stale_for: u32,
    /// For how long a failure is kept (RFC 9520, 3.2).
    pub failure_ttl: u32,
    /// Whether answers are kept in a file for the next run.
    pub file: bool,
    /// How often the file is written while the daemon runs; zero: only when it stops.
    pub file_every: Duration,
}

/// What goes into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What needs a human.
    Error,
    /// What may need one.
    Warn,
    /// Starts, stops and changes.
    #[default]
    Info,
    /// Single decisions.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All levels, from silent to loud.
    pub const ALL: [Self; 6] = [
        Self::Off,
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The word is no log level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevelError(String);

impl fmt::Display for LogLevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected one of off, error, warn, info, debug, trace, found {}",
            self.0
        )
    }
}

impl std::error::Error for LogLevelError {}

impl FromStr for LogLevel {
    type Err = LogLevelError;

    fn from_str(word: &str) -> Result<Self, LogLevelError> {
        let level = Self::ALL.into_iter().find(|level| level.as_str() == word);
        level.ok_or_else(|| LogLevelError(address::shown(word)))
    }
}

/// What flags set over the file. Empty lists and `None` leave the file's word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--listen`: in place of the file's list.
    pub listen: Vec<ListenUrl>,
    /// `--upstream`: in place of the file's list.
    pub upstreams: Vec<UpstreamSpec>,
    /// `--bootstrap`: in place of the file's list.
    pub bootstrap: Vec<SocketAddr>,
    /// `--zones`.
    pub zones: Option<PathBuf>,
    /// `--state`; where nobody names a control socket, it is `control.sock` in this folder.
    pub state: Option<PathBuf>,
    /// `--control`.
    pub control: Option<PathBuf>,
    /// `--log`.
    pub log: Option<LogLevel>,
}

impl Config {
    /// The defaults, with the paths that depend on the user and on the place of the file.
    #[must_use]
    pub fn with_paths(zones: PathBuf, state: PathBuf, control: PathBuf) -> Self {
        let seconds = |limit: Limit| u32::try_from(limit.default).unwrap_or(u32::MAX);
        Self {
            listen: vec![DEFAULT_LISTEN],
            certificate: None,
            name: None,
            addresses: Vec::new(),
            discovery: DiscoveryConfig::default(),
            zones,
            state,
            control,
            clock_file: None,
            resolv_conf: None,
            upstreams: Vec::new(),
            bootstrap: Vec::new(),
            clients: Clients {
                prefixes: address::private_prefixes(),
                own_subnets: true,
            },
            views: Vec::new(),
            routes: Vec::new(),
            screen: ScreenConfig::default(),
            edns_payload: u16::try_from(limits::EDNS_PAYLOAD.default).unwrap_or(512),
            workers: None,
            tcp: ConnectionConfig {
                connections: limits::TCP_CONNECTIONS.default_usize(),
                per_client: limits::TCP_PER_CLIENT.default_usize(),
                idle: Duration::from_secs(limits::TCP_IDLE.default),
                pipeline: limits::TCP_PIPELINE.default_usize(),
            },
            encrypted: ConnectionConfig {
                connections: limits::ENCRYPTED_CONNECTIONS.default_usize(),
                per_client: limits::ENCRYPTED_PER_CLIENT.default_usize(),
                idle: limits::ENCRYPTED_IDLE.default_time(),
                pipeline: limits::ENCRYPTED_PIPELINE.default_usize(),
            },
            upstream: UpstreamConfig {
                timeout: Duration::from_millis(limits::UPSTREAM_TIMEOUT.default),
                attempt: Duration::from_millis(limits::UPSTREAM_ATTEMPT.default),
                outstanding: limits::UPSTREAM_OUTSTANDING.default_usize(),
                strategy: Strategy::default(),
            },
            cache: CacheConfig {
                bytes: limits::CACHE_BYTES.default_usize(),
                min_ttl: seconds(limits::CACHE_MIN_TTL),
                max_ttl: seconds(limits::CACHE_MAX_TTL),
                negative_max_ttl: seconds(limits::CACHE_NEGATIVE_MAX_TTL),
                stale_for: seconds(limits::CACHE_STALE),
                failure_ttl: seconds(limits::CACHE_FAILURE),
                file: true,
                file_every: limits::CACHE_FILE_HOURS.default_time(),
            },
            dnssec: DnssecConfig::default(),
            nftsets: Vec::new(),
            keep_seen: true,
            lan: None,
            log: LogLevel::default(),
            history_versions: limits::HISTORY_VERSIONS.default_usize(),
        }
    }

    /// Reads the file's text over the defaults `base`, and the flags over both. Relative paths of the file
    /// start at its folder. `file` names it in defects.
    ///
    /// # Errors
    /// Every defect of the file in the order of its lines, at most [`limits::CONFIG_DEFECTS`] of them.
    pub fn read(file: &Path, text: &str, base: Self, flags: &Overrides) -> Result<Self, Vec<Defect>> {
        reader::read(file, text, base, flags)
    }

    /// The defaults `base` and the flags, where there is no file.
    ///
    /// # Errors
    /// What flags say that cannot hold together.
    pub fn without_file(base: Self, flags: &Overrides) -> Result<Self, Vec<Defect>> {
        let mut config = base;
        config.apply(flags, false);
        let defects = config.defects_of_flags(flags, false);
        if defects.is_empty() {
            Ok(config)
        } else {
            Err(defects)
        }
    }

    /// Threads to start: what is set, else one for each of the `cores`, within the bounds.
    #[must_use]
    pub fn worker_count(&self, cores: usize) -> usize {
        // The number of cores is the machine's word and not a human's: bounding it hides no mistake.
        let bounds = (limits::WORKERS.min as usize, limits::WORKERS.max as usize);
        self.workers.unwrap_or_else(|| cores.clamp(bounds.0, bounds.1))
    }

    /// Sets what flags say. `control_named`: the file names a control socket.
    fn apply(&mut self, flags: &Overrides, control_named: bool) {
        if !flags.listen.is_empty() {
            self.listen.clone_from(&flags.listen);
        }
        if !flags.upstreams.is_empty() {
            self.upstreams.clone_from(&flags.upstreams);
        }
        if !flags.bootstrap.is_empty() {
            self.bootstrap.clone_from(&flags.bootstrap);
        }
        self.settle_bootstrap();
        self.settle_certificate();
        if let Some(zones) = &flags.zones {
            self.zones.clone_from(zones);
        }
        if let Some(state) = &flags.state {
            self.state.clone_from(state);
            if !control_named {
                self.control = state.join("control.sock");
            }
        }
        if let Some(control) = &flags.control {
            self.control.clone_from(control);
        }
        if let Some(log) = flags.log {
            self.log = log;
        }
    }

    /// Tells every upstream whom to ask where it is. An entry's own list wins, and one whose addresses are
    /// known asks nobody.
    fn settle_bootstrap(&mut self) {
        let of_views = self
            .views
            .iter_mut()
            .flat_map(|view| view.upstreams.iter_mut().chain(of_routes(&mut view.routes)));
        let all = self.upstreams.iter_mut().chain(of_routes(&mut self.routes));
        for upstream in all.chain(of_views) {
            if upstream.unresolved().is_some() && upstream.bootstrap.is_empty() {
                upstream.bootstrap.clone_from(&self.bootstrap);
            }
        }
    }

    /// Defects that only the whole can show, where no line of the file is to blame.
    fn defects_of_flags(&self, flags: &Overrides, control_named: bool) -> Vec<Defect> {
        let given = if flags.upstreams.is_empty() {
            &[][..]
        } else {
            &self.upstreams
        };
        let unusable = given.iter().flat_map(|upstream| self.unusable(upstream));
        let listening = if flags.listen.is_empty() {
            Vec::new()
        } else {
            self.unusable_listeners()
        };
        let in_file = control_named && flags.control.is_none();
        let socket = if in_file { None } else { self.control_too_long() };
        unusable
            .chain(listening.into_iter().map(|(_, message)| message))
            .chain(socket)
            .map(|message| whole(COMMAND_LINE, message))
            .collect()
    }

    /// What to say of an upstream that is ourselves, or that nobody can find.
    fn unusable(&self, upstream: &UpstreamSpec) -> Vec<String> {
        let addresses = self.own_addresses();
        let own = |addr: &SocketAddr| address::is_own(*addr, &addresses);
        let mut found = Vec::new();
        if upstream.fixed_addresses().iter().any(own) {
            found.push(format!(
                "upstream {upstream} is this server itself, which listens there; name another server"
            ));
        }
        let bootstrap = match upstream.bootstrap.as_slice() {
            [] if upstream.unresolved().is_some() => self.bootstrap.as_slice(),
            own => own,
        };
        if let Some(addr) = bootstrap.iter().find(|addr| own(addr)) {
            found.push(format!(
                "upstream {upstream} would be looked up at {addr}, which is this server itself; name another \
                 bootstrap server"
            ));
        }
        if let (Some(name), []) = (upstream.unresolved(), bootstrap) {
            found.push(format!(
                "nothing says where {name} of upstream {upstream} is; add `addresses: [IP]` to it, or say whom to \
                 ask with `bootstrap: [IP]` or --bootstrap IP (the system's resolver is not asked: it may be this \
                 server)"
            ));
        }
        found
    }

    /// Every address that is listened on, whatever is spoken there.
    #[must_use]
    pub fn own_addresses(&self) -> Vec<SocketAddr> {
        self.listen.iter().map(|listen| listen.addr).collect()
    }

    /// What to say of listeners that cannot be opened, by their place in `listen`.
    fn unusable_listeners(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (at, listen) in self.listen.iter().enumerate() {
            let is_named_in_sni = matches!(listen.scheme, ListenScheme::Tls | ListenScheme::Quic);
            if listen.private_only && is_named_in_sni && self.name.is_none() {
                found.push((
                    at,
                    format!(
                        "{listen} knows a device by the name that it asks for, TOKEN.NAME, so a private-only one \
                         needs `name: dns.home.example`, the host name of this server"
                    ),
                ));
            }
            let earlier = self.listen.iter().take(at);
            if let Some(first) = earlier.into_iter().find(|first| first.is_in_the_way_of(listen)) {
                found.push((
                    at,
                    format!(
                        "{listen} wants the port that {first} takes; choose another port for one of them"
                    ),
                ));
            }
        }
        found
    }

    /// What to say of a path that does not fit into a socket's address.
    fn control_too_long(&self) -> Option<String> {
        let length = self.control.as_os_str().len();
        let max = limits::CONTROL_PATH.default_usize();
        (length > max).then(|| {
            format!(
                "the control socket's path has {length} bytes; expected at most {max}, so choose a shorter one"
            )
        })
    }
}

/// Checks the size and the encoding of a configuration file.
///
/// # Errors
/// More than [`limits::CONFIG_BYTES`], or bytes that are not UTF-8, with their place.
pub fn decode<'b>(file: &Path, bytes: &'b [u8]) -> Result<&'b str, Defect> {
    let name = file.display().to_string();
    let max = limits::CONFIG_BYTES.default_usize();
    if bytes.len() > max {
        return Err(whole(
            &name,
            format!("{} bytes; expected at most {max}", bytes.len()),
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let lines = good.split(|byte| *byte == b'\n');
        let last = lines.clone().next_back().unwrap_or_default();
        let column = String::from_utf8_lossy(last).chars().count() + 1;
        Defect {
            line: u32::try_from(lines.count()).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            ..whole(&name, "not UTF-8 from here on; save the file as UTF-8".to_owned())
        }
    })
}

/// The upstreams of routes.
fn of_routes(routes: &mut [RouteConfig]) -> impl Iterator<Item = &mut UpstreamSpec> {
    let servers = routes.iter_mut().filter_map(|route| match &mut route.target {
        RouteTarget::Servers(servers) => Some(servers),
        RouteTarget::Nowhere => None,
    });
    servers.flat_map(|servers| &mut servers.upstreams)
}

fn whole(file: &str, message: String) -> Defect {
    Defect {
        file: Arc::from(file),
        line: 0,
        column: 0,
        message,
    }
}
