//! The answer to `status`: how the daemon fares, part by part.

use std::collections::BTreeMap;

use super::words::words;
use super::{CertificateStatus, DefectText, ZoneStatus};

words! {
    /// How the daemon fares.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Status {
        /// Version of the program.
        pub version: String,
        /// Its process.
        pub pid: u32,
        /// Seconds since it started.
        pub uptime: u64,
        /// Generation of the snapshot that is served.
        pub generation: u64,
        /// What it listens on.
        pub listeners: Vec<Listener>,
        /// What it is to devices.
        pub server: ServerStatus = lenient,
        /// The certificate of the encrypted listeners, where they have one or wait for one.
        pub certificate: Option<Box<CertificateStatus>>,
        /// Whom it asks.
        pub upstreams: Vec<Upstream>,
        /// The zones.
        pub zones: Vec<ZoneStatus>,
        /// Defects that belong to no zone.
        pub defects: Vec<DefectText> = lenient,
        /// How many queries ended how; they sum to the queries received.
        pub outcomes: BTreeMap<String, u64>,
        /// The cache.
        pub cache: CacheStatus,
        /// The clock of the host is not set yet, so times of certificates and signatures are not checked, and invites wait.
        pub clock_unset: bool = optional,
        /// Validation, where it is on.
        pub validation: Option<Validation>,
    }

    /// What the server is to devices.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ServerStatus {
        /// Its name, absolute, where it has one.
        pub name: Option<String>,
        /// The addresses at which devices reach it.
        pub addresses: Vec<String>,
        /// Encrypted listeners that clients are told of (DDR, RFC 9462): the protocol by its name in ALPN, and the port.
        pub announced: Vec<String>,
        /// Why they are told of none; absent where no listener could be told of.
        pub silent: Option<String>,
    }

    /// Validation of what upstreams say.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Validation {
        /// The clock is wrong, so signatures are checked without their times and nothing is called authentic.
        pub without_clock: bool,
        /// Domains that are not validated for a while (RFC 7646).
        pub negative: Vec<NegativeAnchor>,
    }

    /// A negative trust anchor.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct NegativeAnchor {
        /// The domain.
        pub domain: String,
        /// Why.
        pub reason: String,
        /// Until when: `2027-01-31`.
        pub until: String,
        /// Its time is over: it no longer holds.
        pub over: bool,
    }

    /// One listener.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Listener {
        /// Address and port.
        pub address: String,
        /// `udp`, `tcp`, `tls`, `https`, `quic`, `h3`, or `http`, by which pages come and no queries.
        pub transport: String,
        /// Only devices with a token are answered there, and only names of our own zones.
        pub private_only: bool = optional,
    }

    /// One upstream.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Upstream {
        /// As configured.
        pub url: String,
        /// Domain that it is asked for; `.` for everything.
        pub route: String,
        /// Whether it is thought to answer.
        pub up: bool,
        /// Smoothed time to an answer in microseconds, where one came.
        pub latency_us: Option<u64>,
    }

    /// The cache's fill.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CacheStatus {
        /// Answers held.
        pub entries: u64,
        /// Bytes they take.
        pub bytes: u64,
        /// Most bytes they may take.
        pub limit: u64,
    }
}
