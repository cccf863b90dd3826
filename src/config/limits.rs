//! The limits table: every bound of the program, with its key, default, range, unit and reason.
//!
//! Nothing in HearthDNS grows without a bound that stands here. The configuration reads its ranges from this
//! table, modules above take their constants from it (`limits::TCP_PIPELINE.default`), those below have
//! constants to which it points, and [`Table`] prints it. A value out of its range is refused and never clamped: what
//! runs is what the file says.
//!
//! To add a bound: write a `const`, put it into [`TABLE`]; of listeners, forwarding, devices or certificates that we make, into
//! their own file. To let users choose it: give it a key with `Limit::key`, and read that key in `reader`; a bound that is not
//! theirs to choose is `Limit::fixed`.

mod certificates;
mod control;
mod devices;
mod doctor;
mod forwarding;
mod host;
mod lan;
mod listeners;
mod nftset;
mod onboard;
mod openwrt;
mod pages;
mod table;

use std::time::Duration;

use crate::zone::edit;
use crate::zone::master::{self, lexer};
pub use certificates::*;
pub use control::*;
pub use devices::*;
pub use doctor::*;
pub use forwarding::*;
pub use host::*;
pub use lan::*;
pub use listeners::*;
pub use nftset::*;
pub use onboard::*;
pub use openwrt::*;
pub use pages::*;
pub use table::Table;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Octets.
    Bytes,
    /// Seconds.
    Seconds,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// Milliseconds.
    Milliseconds,
    /// Things: connections, queries, files.
    Count,
}

impl Unit {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "s",
            Self::Hours => "h",
            Self::Days => "d",
            Self::Milliseconds => "ms",
            Self::Count => "",
        }
    }
}

/// One bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Path of the key in the configuration, `tcp.pipeline`; for a fixed bound a name in words.
    pub key: &'static str,
    /// Value where the configuration says nothing.
    pub default: u64,
    /// Smallest value allowed.
    pub min: u64,
    /// Largest value allowed.
    pub max: u64,
    /// What the number counts.
    pub unit: Unit,
    /// Why these values; the RFC where one says so.
    pub why: &'static str,
}

impl Limit {
    const fn key(
        key: &'static str,
        default: u64,
        (min, max): (u64, u64),
        unit: Unit,
        why: &'static str,
    ) -> Self {
        assert!(
            min <= default && default <= max,
            "a default must lie in its range"
        );
        Self {
            key,
            default,
            min,
            max,
            unit,
            why,
        }
    }

    const fn fixed(name: &'static str, value: u64, unit: Unit, why: &'static str) -> Self {
        Self {
            key: name,
            default: value,
            min: value,
            max: value,
            unit,
            why,
        }
    }

    /// Whether users cannot choose it.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.min == self.max
    }

    /// Whether a value lies in the range.
    #[must_use]
    pub const fn allows(&self, value: u64) -> bool {
        self.min <= value && value <= self.max
    }

    /// The default as a size in memory. Every bound of the table fits 32 bits, which a test asserts.
    #[must_use]
    pub const fn default_usize(&self) -> usize {
        self.default as usize
    }

    /// The default as a time.
    ///
    /// # Panics
    /// While compiling, where the bound is no time.
    #[must_use]
    pub const fn default_time(&self) -> Duration {
        match self.unit {
            Unit::Days => Duration::from_secs(self.default * 86_400),
            Unit::Hours => Duration::from_secs(self.default * 3600),
            Unit::Seconds => Duration::from_secs(self.default),
            Unit::Milliseconds => Duration::from_millis(self.default),
            Unit::Bytes | Unit::Count => panic!("this bound is no time"),
        }
    }
}

/// UDP payload size that we offer and use.
pub const EDNS_PAYLOAD: Limit = Limit::key(
    "edns_payload",
    1232,
    (512, 1432),
    Unit::Bytes,
    "RFC 6891, 6.2.3 and 6.2.5; 1232 fits the smallest IPv6 MTU unfragmented, 1432 an IPv6 tunnel of 1480",
);
/// Threads that answer. The default is the number of cores; the one here is for where that is unknown.
pub const WORKERS: Limit = Limit::key(
    "workers",
    1,
    (1, 64),
    Unit::Count,
    "one per core where the key is left out; more does not help",
);
/// Open TCP connections of all clients.
pub const TCP_CONNECTIONS: Limit = Limit::key(
    "tcp.connections",
    128,
    (1, 4096),
    Unit::Count,
    "RFC 7766, 10: each costs a descriptor and a buffer",
);
/// Open TCP connections of one client address.
pub const TCP_PER_CLIENT: Limit = Limit::key(
    "tcp.per_client",
    16,
    (1, 1024),
    Unit::Count,
    "RFC 7766, 6.2.2: one client must not take them all",
);
/// Silence after which a TCP connection is closed.
pub const TCP_IDLE: Limit = Limit::key(
    "tcp.idle_seconds",
    10,
    (1, 600),
    Unit::Seconds,
    "RFC 7766, 6.2.3: a few seconds, so that idle clients hold nothing",
);
/// Queries of one TCP connection that are answered at the same time.
pub const TCP_PIPELINE: Limit = Limit::key(
    "tcp.pipeline",
    32,
    (1, 256),
    Unit::Count,
    "RFC 7766, 6.2.1.1: several in flight, answered out of order",
);
/// Time for a forwarded query with all its attempts.
pub const UPSTREAM_TIMEOUT: Limit = Limit::key(
    "upstream.timeout_ms",
    5000,
    (100, 30_000),
    Unit::Milliseconds,
    "most stub resolvers have given up after 5 s",
);
/// Time for one attempt at one upstream.
pub const UPSTREAM_ATTEMPT: Limit = Limit::key(
    "upstream.attempt_ms",
    1500,
    (50, 10_000),
    Unit::Milliseconds,
    "three attempts fit into the whole; far networks answer within one second",
);
/// Queries that wait for an upstream at the same time.
pub const UPSTREAM_OUTSTANDING: Limit = Limit::key(
    "upstream.outstanding",
    256,
    (1, 4096),
    Unit::Count,
    "each waits with its clients; those to one upstream share few ports and connections",
);
/// Memory of the cache.
pub const CACHE_BYTES: Limit = Limit::key(
    "cache.bytes",
    8 << 20,
    (64 << 10, 1 << 30),
    Unit::Bytes,
    "thousands of answers; a small router has 64 MiB in all",
);
/// Smallest TTL that the cache keeps to.
pub const CACHE_MIN_TTL: Limit = Limit::key(
    "cache.min_ttl",
    0,
    (0, 3600),
    Unit::Seconds,
    "0 keeps to what the zone's owner said (RFC 2181, 8)",
);
/// Largest TTL that the cache keeps to.
pub const CACHE_MAX_TTL: Limit = Limit::key(
    "cache.max_ttl",
    86_400,
    (1, 604_800),
    Unit::Seconds,
    "RFC 8767, 4: at most seven days",
);
/// Largest TTL of a negative answer.
pub const CACHE_NEGATIVE_MAX_TTL: Limit = Limit::key(
    "cache.negative_max_ttl",
    10_800,
    (1, 86_400),
    Unit::Seconds,
    "RFC 2308, 5: one to three hours work well, more than a day does not",
);
/// Seconds after its time for which an answer may serve (RFC 8767, 5 suggests 1 to 3 days).
pub const CACHE_STALE: Limit = Limit::key(
    "cache.stale_seconds",
    86_400,
    (0, 604_800),
    Unit::Seconds,
    "RFC 8767, 5; 0 serves nothing after its time",
);
/// Seconds for which a failure is kept.
pub const CACHE_FAILURE: Limit = Limit::key(
    "cache.failure_seconds",
    5,
    (1, 300),
    Unit::Seconds,
    "RFC 9520, 3.2: 1 second to 5 minutes",
);
/// Hours between two writings of the cache's file while the daemon runs.
pub const CACHE_FILE_HOURS: Limit = Limit::key(
    "cache.file_hours",
    0,
    (0, 168),
    Unit::Hours,
    "flash wears; 0 writes only at an orderly stop",
);
/// Earlier versions kept of a zone.
pub const HISTORY_VERSIONS: Limit = Limit::key(
    "history.versions",
    50,
    (1, 1000),
    Unit::Count,
    "each is a copy of the zone file in flash",
);

/// Size of the configuration file; also of the text that its aliases repeat.
pub const CONFIG_BYTES: Limit = Limit::fixed(
    "configuration file",
    1 << 20,
    Unit::Bytes,
    "thousands of prefixes fit",
);
/// Nesting of lists and mappings in the configuration file.
pub const CONFIG_DEPTH: Limit = Limit::fixed(
    "nesting of the configuration",
    16,
    Unit::Count,
    "no key needs more than 4",
);
/// Brackets open at the same time in the text of the configuration file.
pub const CONFIG_BRACKETS: Limit = Limit::fixed(
    "open brackets in the configuration",
    64,
    Unit::Count,
    "the YAML library's time grows with the square",
);
/// Values in the configuration file, those that aliases repeat included.
pub const CONFIG_VALUES: Limit = Limit::fixed(
    "values in the configuration",
    65_536,
    Unit::Count,
    "aliases can make a small file a large one",
);
/// Defects of the configuration that are listed.
pub const CONFIG_DEFECTS: Limit = Limit::fixed(
    "listed defects of the configuration",
    50,
    Unit::Count,
    "more help nobody; the rest is counted",
);
/// Addresses to listen on.
pub const LISTEN: Limit = Limit::fixed(
    "addresses in `listen`",
    64,
    Unit::Count,
    "each costs two descriptors for each worker",
);
/// Upstreams.
pub const UPSTREAMS: Limit = Limit::fixed(
    "upstreams in `upstreams`",
    32,
    Unit::Count,
    "each costs a memory of failures",
);
/// Addresses, bootstrap servers or pins of one upstream.
pub const UPSTREAM_ITEMS: Limit = Limit::fixed(
    "items in one list of an upstream",
    16,
    Unit::Count,
    "more are tried one after the other and come too late",
);
/// UDP sockets to one upstream.
pub const UPSTREAM_UDP_SOCKETS: Limit = Limit::fixed(
    "UDP sockets to one upstream",
    8,
    Unit::Count,
    "RFC 5452, 9.2: each is a random port and a descriptor; a query takes one of them at random",
);
/// Queries that are sent from one UDP port before another takes its place.
pub const UPSTREAM_UDP_QUERIES: Limit = Limit::fixed(
    "queries sent from one UDP port",
    64,
    Unit::Count,
    "RFC 5452, 9.2: who finds a port out needs time for it, so its age counts most; more only where all are busy",
);
/// Age at which a UDP port to an upstream is given up.
pub const UPSTREAM_UDP_SECONDS: Limit = Limit::fixed(
    "age of a UDP port to an upstream",
    5,
    Unit::Seconds,
    "RFC 5452, 9.2: searching all ports takes longer",
);
/// Connections to one upstream.
pub const UPSTREAM_CONNECTIONS: Limit = Limit::fixed(
    "connections to one upstream",
    2,
    Unit::Count,
    "RFC 7766, 6.2.2: one, and a second only while the first is full",
);
/// Queries under way on one connection to an upstream.
pub const UPSTREAM_PIPELINE: Limit = Limit::fixed(
    "queries on one connection to an upstream",
    64,
    Unit::Count,
    "RFC 7766, 6.2.1.1: below the 100 streams that HTTP/2 servers allow at least",
);
/// Silence after which a connection to an upstream is closed.
pub const UPSTREAM_IDLE: Limit = Limit::fixed(
    "silence on a connection to an upstream",
    30,
    Unit::Seconds,
    "RFC 7766, 6.2.3; public servers close after 10 to 60 s themselves",
);
/// Shortest time for which the address of an upstream's host name is kept.
pub const BOOTSTRAP_MIN_TTL: Limit = Limit::fixed(
    "age of an upstream's address",
    60,
    Unit::Seconds,
    "shorter TTLs are for load balancing, and would cost a look-up before every query",
);
/// Routes of everybody, and of each view.
pub const ROUTES: Limit = Limit::fixed(
    "routes in one `routes`",
    1024,
    Unit::Count,
    "each is an entry in every view's table",
);
/// Views.
pub const VIEWS: Limit = Limit::fixed(
    "views in `views`",
    64,
    Unit::Count,
    "each is a whole set of zones in memory",
);
/// Prefixes in one list of clients.
pub const PREFIXES: Limit = Limit::fixed(
    "prefixes in one list of clients",
    4096,
    Unit::Count,
    "each query is compared against them",
);
/// Path of the control socket.
pub const CONTROL_PATH: Limit = Limit::fixed(
    "path of the control socket",
    107,
    Unit::Bytes,
    "what a Unix socket address holds (unix(7))",
);
/// Nameservers taken from resolv.conf.
pub const RESOLV_CONF: Limit = Limit::fixed(
    "nameservers from resolv.conf",
    3,
    Unit::Count,
    "as the C library does (MAXNS)",
);
/// Size of a resolv.conf.
pub const RESOLV_CONF_FILE: Limit = Limit::fixed(
    "file of nameservers",
    65_536,
    Unit::Bytes,
    "such files have a few lines; of a larger one the servers stay as they were",
);
/// Negative trust anchors.
pub const NEGATIVE_ANCHORS: Limit = Limit::fixed(
    "items in `dnssec.negative_trust_anchors`",
    256,
    Unit::Count,
    "RFC 7646, 2: each is an exception for a while",
);
/// Look-ups of DS and DNSKEY for one answer under validation.
pub const DNSSEC_LOOKUPS: Limit = Limit::fixed(
    "look-ups for one validation",
    64,
    Unit::Count,
    "one for each label and one for each zone; reverse names of IPv6 have 34 labels",
);
/// Look-ups under way for all validations, beside `upstream.outstanding`.
pub const DNSSEC_OUTSTANDING: Limit = Limit::fixed(
    "look-ups of validation under way",
    64,
    Unit::Count,
    "equal ones are asked once, and most lead to the same few zones",
);
/// Signatures and digests that are checked for one answer.
pub const DNSSEC_CHECKS: Limit = Limit::fixed(
    "signatures checked for one validation",
    96,
    Unit::Count,
    "CVE-2023-50387: a reply must not make us calculate for long; a real one takes one for each set",
);
/// Signatures of one record set that are read.
pub const DNSSEC_SIGNATURES: Limit = Limit::fixed(
    "signatures of one record set",
    8,
    Unit::Count,
    "two algorithms and a change of keys take four",
);
/// Keys with the same tag that are tried for one signature.
pub const DNSSEC_TAG_COLLISIONS: Limit = Limit::fixed(
    "keys with one tag",
    4,
    Unit::Count,
    "RFC 4034, appendix B: tags are not unique; CVE-2023-50387 makes many equal ones",
);
/// Keys of one zone.
pub const DNSSEC_KEYS: Limit = Limit::fixed(
    "keys of one zone",
    32,
    Unit::Count,
    "two algorithms, each with a change of both keys, take eight",
);
/// Record sets of one reply under validation.
pub const DNSSEC_SETS: Limit = Limit::fixed(
    "record sets of one validated reply",
    64,
    Unit::Count,
    "sixteen aliases and their proofs fit",
);
/// Names hashed for NSEC3 for one answer.
pub const DNSSEC_HASHES: Limit = Limit::fixed(
    "names hashed for one validation",
    96,
    Unit::Count,
    "CVE-2023-50868; a denial takes one for each label that is missing",
);
/// Iterations of an NSEC3 hash; with more a zone counts as unsigned.
pub const NSEC3_ITERATIONS: Limit = Limit::fixed(
    "iterations of NSEC3",
    100,
    Unit::Count,
    "RFC 9276, 3.2 and appendix A: more count as unsigned, with extended error 27",
);
/// Memory for keys and statuses of zones that are proven.
pub const DNSSEC_BYTES: Limit = Limit::fixed(
    "memory for proven keys",
    256 << 10,
    Unit::Bytes,
    "hundreds of zones; what is not kept is proven again",
);
/// Time for which a zone's proven status is kept.
pub const DNSSEC_KEEP: Limit = Limit::fixed(
    "time for a proven status",
    3600,
    Unit::Seconds,
    "as long as its records hold, but a change of keys is seen within an hour",
);
/// Time for which a zone is bogus without another look.
pub const DNSSEC_BOGUS: Limit = Limit::fixed(
    "time for a bogus status",
    10,
    Unit::Seconds,
    "RFC 4035, 4.7: short, so that a mended zone is back soon, and long enough to spare upstream",
);

// Of zones, queries, the store, the control socket and the listeners. Layers below this one keep their own
// constants, and the entries here point to them; layers above take theirs from here.

/// Zone files in the zones folder and the views' folders.
pub const ZONES: Limit = Limit::fixed(
    "zones",
    10_000,
    Unit::Count,
    "base folder and views together; a router has a handful",
);
/// Size of a zone file.
pub const ZONE_FILE: Limit = Limit::fixed(
    "zone file",
    master::MAX_BYTES as u64,
    Unit::Bytes,
    "what it includes counts as well; a million records fit",
);
/// Records of a zone file.
pub const ZONE_RECORDS: Limit = Limit::fixed(
    "records of a zone file",
    master::MAX_RECORDS as u64,
    Unit::Count,
    "`$GENERATE` makes many of one line",
);
/// Defects of a zone file that are listed.
pub const ZONE_DEFECTS: Limit = Limit::fixed(
    "listed defects of a zone file",
    master::MAX_DEFECTS as u64,
    Unit::Count,
    "more help nobody",
);
/// How deep files include files.
pub const INCLUDE_DEPTH: Limit = Limit::fixed(
    "nesting of `$INCLUDE`",
    master::MAX_INCLUDE_DEPTH as u64,
    Unit::Count,
    "ends a file that includes itself",
);
/// Files that one zone file includes.
pub const INCLUDES: Limit = Limit::fixed(
    "files that a zone file includes",
    master::MAX_INCLUDES as u64,
    Unit::Count,
    "ends two files that include each other many times",
);
/// Words of one record.
pub const ZONE_WORDS: Limit = Limit::fixed(
    "words of one record in a zone file",
    lexer::MAX_WORDS as u64,
    Unit::Count,
    "the largest RDATA, an octet a word",
);
/// Size of one word.
pub const ZONE_WORD: Limit = Limit::fixed(
    "one word in a zone file",
    lexer::MAX_WORD as u64,
    Unit::Bytes,
    "the largest RDATA, an octet written as `\\DDD`",
);
/// Parentheses within parentheses.
pub const ZONE_PARENTHESES: Limit = Limit::fixed(
    "nesting of parentheses in a zone file",
    lexer::MAX_NESTING as u64,
    Unit::Count,
    "one level is usual",
);
/// Comment that an edit may bring.
pub const RECORD_COMMENT: Limit = Limit::fixed(
    "comment of a record in `dnsctl`",
    edit::MAX_COMMENT as u64,
    Unit::Bytes,
    "it shares the record's line",
);
/// CNAME and DNAME records followed for one query.
pub const ALIASES: Limit = Limit::fixed(
    "aliases followed for one query",
    16,
    Unit::Count,
    "RFC 1034, 3.6.2: a longer chain is a loop",
);
/// Bytes of a zone's history.
pub const HISTORY_BYTES: Limit = Limit::fixed(
    "earlier versions of one zone",
    8_388_608,
    Unit::Bytes,
    "the oldest go first, the newest always stays",
);
/// How long an edit waits for another one.
pub const LOCK_WAIT: Limit = Limit::fixed(
    "wait for the lock of the zones folder",
    10,
    Unit::Seconds,
    "an edit takes milliseconds",
);
/// Lines that a version in a log shows.
pub const LOG_CHANGES: Limit = Limit::fixed(
    "lines of changes of a version in `dnsctl log`",
    20,
    Unit::Count,
    "the rest is counted",
);
/// Size of a version that a log looks into.
pub const LOG_COMPARED: Limit = Limit::fixed(
    "version that `dnsctl log` compares",
    1_048_576,
    Unit::Bytes,
    "two of them are in memory at once",
);
/// Size of the cache's file.
pub const CACHE_FILE: Limit = Limit::fixed(
    "cache file",
    4 << 20,
    Unit::Bytes,
    "tens of thousands of answers; it lies in flash, and in memory while it is written or read",
);
/// Time that taking the cache's file in may take.
pub const CACHE_FILE_TIME: Limit = Limit::fixed(
    "time to take in the cache file",
    5,
    Unit::Seconds,
    "it goes on beside the first questions; what is not in by then is asked anew",
);
/// Answers in one list of the cache.
pub const CACHE_LISTED: Limit = Limit::fixed(
    "answers in one list of the cache",
    10_000,
    Unit::Count,
    "the rest is passed over; name a domain to see them",
);
/// Queries that may wait, for each question that may be under way.
pub const WAITING: Limit = Limit::fixed(
    "queries that wait for each forwarded one",
    4,
    Unit::Count,
    "equal questions are asked once and wait together",
);
/// Datagrams taken at once.
pub const UDP_BATCH: Limit = Limit::fixed(
    "datagrams taken in one system call",
    16,
    Unit::Count,
    "each has a buffer of 4 KiB for each socket",
);
/// Replies that are written together.
pub const TCP_GATHER: Limit = Limit::fixed(
    "replies gathered before they are written",
    16_384,
    Unit::Bytes,
    "one connection of many small queries costs few system calls",
);
/// All bounds: those that users can choose first, in the order of the example file.
pub static TABLE: &[Limit] = &joined::<
    {
        FIRST.len()
            + LISTENERS.len()
            + FORWARDING.len()
            + DEVICES.len()
            + CERTIFICATES.len()
            + PAGES.len()
            + OPENWRT.len()
            + DOCTOR.len()
            + LAN.len()
            + NFTSET.len()
    },
>(&[
    FIRST,
    LISTENERS,
    FORWARDING,
    DEVICES,
    CERTIFICATES,
    PAGES,
    OPENWRT,
    DOCTOR,
    LAN,
    NFTSET,
]);

const fn joined<const N: usize>(parts: &[&[Limit]]) -> [Limit; N] {
    let mut all = [EDNS_PAYLOAD; N];
    let (mut at, mut part, mut row) = (0, 0, 0);
    while at < N {
        if row == parts[part].len() {
            (part, row) = (part + 1, 0);
        } else {
            all[at] = parts[part][row];
            (at, row) = (at + 1, row + 1);
        }
    }
    all
}

const FIRST: &[Limit] = &[
    EDNS_PAYLOAD,
    WORKERS,
    TCP_CONNECTIONS,
    TCP_PER_CLIENT,
    TCP_IDLE,
    TCP_PIPELINE,
    ENCRYPTED_CONNECTIONS,
    ENCRYPTED_PER_CLIENT,
    ENCRYPTED_IDLE,
    ENCRYPTED_PIPELINE,
    UPSTREAM_TIMEOUT,
    UPSTREAM_ATTEMPT,
    UPSTREAM_OUTSTANDING,
    CACHE_BYTES,
    CACHE_MIN_TTL,
    CACHE_MAX_TTL,
    CACHE_NEGATIVE_MAX_TTL,
    CACHE_STALE,
    CACHE_FAILURE,
    CACHE_FILE_HOURS,
    HISTORY_VERSIONS,
    CONFIG_BYTES,
    CONFIG_DEPTH,
    CONFIG_BRACKETS,
    CONFIG_VALUES,
    CONFIG_DEFECTS,
    LISTEN,
    UPSTREAMS,
    UPSTREAM_ITEMS,
    UPSTREAM_UDP_SOCKETS,
    UPSTREAM_UDP_QUERIES,
    UPSTREAM_UDP_SECONDS,
    UPSTREAM_CONNECTIONS,
    UPSTREAM_PIPELINE,
    UPSTREAM_IDLE,
    BOOTSTRAP_MIN_TTL,
    ROUTES,
    VIEWS,
    PREFIXES,
    CONTROL_PATH,
    RESOLV_CONF,
    RESOLV_CONF_FILE,
    ZONES,
    ZONE_FILE,
    ZONE_RECORDS,
    ZONE_DEFECTS,
    INCLUDE_DEPTH,
    INCLUDES,
    ZONE_WORDS,
    ZONE_WORD,
    ZONE_PARENTHESES,
    RECORD_COMMENT,
    ALIASES,
    HISTORY_BYTES,
    LOCK_WAIT,
    LOG_CHANGES,
    LOG_COMPARED,
    CONTROL_CLIENTS,
    CONTROL_IDLE,
    CONTROL_PATIENCE,
    CONTROL_WAIT,
    CONTROL_REQUEST,
    CONTROL_REPLY,
    CHANGE_ZONES,
    CHANGE_RECORDS,
    CONTROL_LISTED,
    VERIFY_ATTEMPT,
    VERIFY_TIME,
    GIVEN_SOCKETS,
    CLOCK_WAIT,
    CLOCK_LOOK,
    CLOCK_JUMP,
    SOCKET_TABLE_BYTES,
    OPEN_FILES_LOOKED_AT,
    HOLDERS,
    SETUP_FILE_BYTES,
    CACHE_FILE,
    CACHE_FILE_TIME,
    CACHE_LISTED,
    WAITING,
    UDP_BATCH,
    TCP_GATHER,
    TCP_BACKLOG,
    DRAIN,
    NEGATIVE_ANCHORS,
    DNSSEC_LOOKUPS,
    DNSSEC_OUTSTANDING,
    DNSSEC_CHECKS,
    DNSSEC_SIGNATURES,
    DNSSEC_TAG_COLLISIONS,
    DNSSEC_KEYS,
    DNSSEC_SETS,
    DNSSEC_HASHES,
    NSEC3_ITERATIONS,
    DNSSEC_BYTES,
    DNSSEC_KEEP,
    DNSSEC_BOGUS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_fits_32_bits_and_has_a_name_of_its_own() {
        for (index, limit) in TABLE.iter().enumerate() {
            assert!(u32::try_from(limit.max).is_ok(), "{}", limit.key);
            assert!(limit.allows(limit.default), "{}", limit.key);
            assert!(!limit.why.is_empty(), "{}", limit.key);
            assert!(
                TABLE.iter().skip(index + 1).all(|other| other.key != limit.key),
                "{}",
                limit.key
            );
        }
    }

    #[test]
    fn the_table_prints_as_markdown() {
        let printed = Table.to_string();
        assert_eq!(printed.lines().count(), TABLE.len() + 2);
        assert!(printed.contains(
            "| `tcp.pipeline` | 32 | 1 | 256 |  | RFC 7766, 6.2.1.1: several in flight, answered out of order |\n"
        ));
        assert!(printed.contains(
            "| configuration file | 1048576 | fixed | fixed | bytes | thousands of prefixes fit |\n"
        ));
    }
}
