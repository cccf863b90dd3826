//! Bounds of forwarding that nobody chooses: what a question to an upstream may cost, and how changes of the
//! host's network are heard.

use super::{Limit, Unit};
use crate::policy::screen;
use crate::{cache, health};

/// Memory that a question under way takes, with all that wait for it.
pub const UPSTREAM_QUESTION: Limit = Limit::fixed(
    "memory for a question to an upstream",
    16 << 10,
    Unit::Bytes,
    "so 256 of them hold 4 MiB at most; most hold a few KiB",
);
/// Pause before the first probe of a server that failed.
pub const HEALTH_PAUSE: Limit = Limit::fixed(
    "pause before a failing upstream is probed",
    health::FAILING_FOR_MS,
    Unit::Milliseconds,
    "doubled with each further failure; beside a question that another answers",
);
/// Longest pause between two probes.
pub const HEALTH_LONGEST_PAUSE: Limit = Limit::fixed(
    "longest pause between probes of a failing upstream",
    health::FAILING_FOR_MS << health::MAX_DOUBLINGS,
    Unit::Milliseconds,
    "a server that is back is asked again after two minutes",
);
/// For how long a stale answer serves without another try.
pub const CACHE_RETRY_AFTER_FAILURE: Limit = Limit::fixed(
    "stale answers without another try",
    cache::RETRY_AFTER_FAILURE as u64,
    Unit::Seconds,
    "RFC 8767, 5: no more than every 30 s where upstream does not answer",
);
/// For how long no second refresh of the same answer is started.
pub const CACHE_RETRY_AFTER_REFRESH: Limit = Limit::fixed(
    "pause between refreshes of one answer",
    cache::RETRY_AFTER_REFRESH as u64,
    Unit::Seconds,
    "as long as a question may be under way",
);
/// Names of one reply that are followed or remembered.
pub const SCREEN_NAMES: Limit = Limit::fixed(
    "names of one reply that are followed",
    screen::MAX_NAMES as u64,
    Unit::Count,
    "sixteen aliases and the hosts of their records fit",
);
/// Longest time for which the address of an upstream's host name is kept.
pub const BOOTSTRAP_MAX_TTL: Limit = Limit::fixed(
    "longest age of an upstream's address",
    86_400,
    Unit::Seconds,
    "a larger TTL is a mistake; nobody listening there asks for a look-up at once",
);
/// How long a look-up of an upstream's address may take.
pub const BOOTSTRAP_TIME: Limit = Limit::fixed(
    "look-up of an upstream's address",
    5,
    Unit::Seconds,
    "several bootstrap servers share it",
);
/// Pause after such a look-up failed.
pub const BOOTSTRAP_PAUSE: Limit = Limit::fixed(
    "pause after a failed look-up of an upstream's address",
    1,
    Unit::Seconds,
    "all that wait for it share the failure",
);
/// Pause before a refresh that failed is tried again.
pub const BOOTSTRAP_AGAIN: Limit = Limit::fixed(
    "pause before an old address of an upstream is looked up again",
    30,
    Unit::Seconds,
    "it serves meanwhile: an old address is better than none",
);
/// Aliases followed within a bootstrap server's reply.
pub const BOOTSTRAP_ALIASES: Limit = Limit::fixed(
    "aliases of an upstream's host name",
    8,
    Unit::Count,
    "within one reply; a longer chain is a loop",
);
/// Queries in a row without a reply after which a connection counts as lost.
pub const UPSTREAM_UNANSWERED: Limit = Limit::fixed(
    "queries without a reply that end a connection",
    3,
    Unit::Count,
    "the path under a connection can go without a word",
);
/// How long one query may take to be written.
pub const UPSTREAM_WRITE: Limit = Limit::fixed(
    "time to send a query on a connection",
    5,
    Unit::Seconds,
    "a peer that takes nothing is gone",
);
/// Head start of one address of an upstream over the next.
pub const UPSTREAM_HEAD_START: Limit = Limit::fixed(
    "head start of an upstream's address over its next",
    250,
    Unit::Milliseconds,
    "RFC 8305, 5",
);
/// TLS sessions kept for resumption, of each upstream.
pub const UPSTREAM_SESSIONS: Limit = Limit::fixed(
    "TLS sessions kept for one upstream",
    4,
    Unit::Count,
    "RFC 8446, 2.2: for resumption; two connections take two",
);
/// Size of a `ca_file`.
pub const UPSTREAM_CA_FILE: Limit = Limit::fixed(
    "file of authorities",
    4 << 20,
    Unit::Bytes,
    "the whole of Mozilla's has 250 KiB",
);
/// Header fields of a reply over HTTP.
pub const UPSTREAM_HEADERS: Limit = Limit::fixed(
    "header fields of an HTTP reply",
    16 << 10,
    Unit::Bytes,
    "RFC 8484 needs two short ones",
);
/// Bytes of replies that may be under way on one connection.
pub const UPSTREAM_WINDOW: Limit = Limit::fixed(
    "replies under way on an HTTP/2 or QUIC connection",
    256 << 10,
    Unit::Bytes,
    "a few of the largest",
);
/// Streams that a QUIC server may open towards us.
pub const UPSTREAM_SERVER_STREAMS: Limit = Limit::fixed(
    "streams that a QUIC server may open",
    8,
    Unit::Count,
    "RFC 9114, 6.2: HTTP/3 has three, and some servers send grease",
);
/// Text of another's in a message of ours.
pub const UPSTREAM_ERROR_TEXT: Limit = Limit::fixed(
    "another's words in an error message",
    200,
    Unit::Bytes,
    "whoever writes into our log is bounded; counted in characters",
);
/// Largest reply read over UDP.
pub const UPSTREAM_UDP_REPLY: Limit = Limit::fixed(
    "UDP reply of an upstream",
    4096,
    Unit::Bytes,
    "1232 are announced, and some servers do not care",
);
/// Times that a UDP query is sent again within an attempt.
pub const UPSTREAM_UDP_AGAIN: Limit = Limit::fixed(
    "times that a UDP query is sent again",
    2,
    Unit::Count,
    "RFC 1035, 4.2.1: after a quarter and after three quarters of an attempt",
);
/// Least wait before a UDP query is sent again.
pub const UPSTREAM_UDP_SOONEST: Limit = Limit::fixed(
    "least wait before a UDP query is sent again",
    50,
    Unit::Milliseconds,
    "near servers answer within it",
);
/// Longest first wait before a UDP query is sent again.
pub const UPSTREAM_UDP_LATEST: Limit = Limit::fixed(
    "longest wait before a UDP query is sent again for the first time",
    1,
    Unit::Seconds,
    "a lost datagram is more likely than a slower server",
);
/// Replies in a row with changed letters after which the letters are left alone.
pub const UPSTREAM_MANGLED: Limit = Limit::fixed(
    "replies with changed letters before the letters are left alone",
    2,
    Unit::Count,
    "0x20: in a row, so that one forged reply does not turn the protection off",
);
/// For how long they are left alone.
pub const UPSTREAM_MANGLED_TIME: Limit = Limit::fixed(
    "time for which letters are left alone",
    3600,
    Unit::Seconds,
    "a server that changes them is asked twice otherwise",
);
/// A rival of a slow server comes no sooner than this.
pub const UPSTREAM_RIVAL: Limit = Limit::fixed(
    "soonest rival of a slow upstream",
    100,
    Unit::Milliseconds,
    "earlier ones would double the questions of a healthy network",
);
/// Quiet after which a change of the host's network counts as complete.
pub const NETWORK_QUIET: Limit = Limit::fixed(
    "quiet after a change of the network",
    250,
    Unit::Milliseconds,
    "link, address and route come one after the other, and are one change",
);
/// How long the end of such a change is waited for.
pub const NETWORK_BURST: Limit = Limit::fixed(
    "wait for the end of a change of the network",
    2,
    Unit::Seconds,
    "a link that comes and goes for ever must not keep connections from being opened anew",
);
/// How long looking at the whole network may take.
pub const NETWORK_LOOK: Limit = Limit::fixed(
    "time to look at links, addresses and routes",
    2,
    Unit::Seconds,
    "the kernel has them at hand",
);
/// Bytes of the kernel's lists that are read in one look.
pub const NETWORK_LISTED: Limit = Limit::fixed(
    "lists of links, addresses and routes",
    4 << 20,
    Unit::Bytes,
    "tens of thousands of routes; default routes come first",
);
/// How often a list of interfaces or addresses is read that changes meanwhile.
pub const NETWORK_LOOKS: Limit = Limit::fixed(
    "looks at interfaces that change meanwhile",
    4,
    Unit::Count,
    "then the last one counts: what it may lack is what changes, and brings another look",
);
/// Links, addresses, and default routes that are watched, of each.
pub const NETWORK_ITEMS: Limit = Limit::fixed(
    "links, addresses, default routes that are watched",
    1024,
    Unit::Count,
    "of each; a host with many containers has hundreds",
);

/// What stands here, for the table.
pub(super) const FORWARDING: &[Limit] = &[
    UPSTREAM_QUESTION,
    HEALTH_PAUSE,
    HEALTH_LONGEST_PAUSE,
    CACHE_RETRY_AFTER_FAILURE,
    CACHE_RETRY_AFTER_REFRESH,
    SCREEN_NAMES,
    BOOTSTRAP_MAX_TTL,
    BOOTSTRAP_TIME,
    BOOTSTRAP_PAUSE,
    BOOTSTRAP_AGAIN,
    BOOTSTRAP_ALIASES,
    UPSTREAM_UNANSWERED,
    UPSTREAM_WRITE,
    UPSTREAM_HEAD_START,
    UPSTREAM_SESSIONS,
    UPSTREAM_CA_FILE,
    UPSTREAM_HEADERS,
    UPSTREAM_WINDOW,
    UPSTREAM_SERVER_STREAMS,
    UPSTREAM_ERROR_TEXT,
    UPSTREAM_UDP_REPLY,
    UPSTREAM_UDP_AGAIN,
    UPSTREAM_UDP_SOONEST,
    UPSTREAM_UDP_LATEST,
    UPSTREAM_MANGLED,
    UPSTREAM_MANGLED_TIME,
    UPSTREAM_RIVAL,
    NETWORK_QUIET,
    NETWORK_BURST,
    NETWORK_LOOK,
    NETWORK_LISTED,
    NETWORK_LOOKS,
    NETWORK_ITEMS,
];
