//! Bounds of the listeners, above all of the encrypted ones: connections, handshakes, requests, and what a peer may make
//! us hold.

use super::{Limit, Unit};

/// Open connections of each encrypted transport.
pub const ENCRYPTED_CONNECTIONS: Limit = Limit::key(
    "encrypted.connections",
    128,
    (1, 4096),
    Unit::Count,
    "each of tls, https, quic and h3 has so many places, and as many again where it is private-only; one costs a \
     descriptor or tens of KiB",
);
/// Open connections of one client address to each encrypted transport.
pub const ENCRYPTED_PER_CLIENT: Limit = Limit::key(
    "encrypted.per_client",
    16,
    (1, 1024),
    Unit::Count,
    "RFC 7766, 6.2.2: one client must not take them all",
);
/// Silence after which an encrypted connection is closed.
pub const ENCRYPTED_IDLE: Limit = Limit::key(
    "encrypted.idle_seconds",
    30,
    (1, 600),
    Unit::Seconds,
    "longer than for TCP: a handshake costs the client more than a place costs us",
);
/// Queries of one encrypted connection that are answered at the same time.
pub const ENCRYPTED_PIPELINE: Limit = Limit::key(
    "encrypted.pipeline",
    32,
    (1, 256),
    Unit::Count,
    "streams of HTTP/2 and QUIC, queries in flight of DoT",
);
/// Connections not yet taken.
pub const TCP_BACKLOG: Limit = Limit::fixed(
    "TCP connections that the kernel keeps for us",
    256,
    Unit::Count,
    "listen(2); more than we serve at once need not wait",
);
/// How long shutting down waits.
pub const DRAIN: Limit = Limit::fixed(
    "wait for answers under way at the end",
    2,
    Unit::Seconds,
    "a service manager's patience is longer",
);
/// Time for a handshake of TLS or QUIC.
pub const HANDSHAKE: Limit = Limit::fixed(
    "time for a handshake",
    5,
    Unit::Seconds,
    "two round trips; the connection has its place among `encrypted.connections` from its first packet",
);
/// Share of a thread's time for the computations of handshakes.
pub const HANDSHAKE_SHARE: Limit = Limit::fixed(
    "share of a thread's time for handshakes in percent",
    50,
    Unit::Count,
    "one is computed at a time, and then the thread rests from them; connections that are open have the other half",
);
/// Memory of one encrypted connection that is idle, kernel's buffers aside.
pub const CONNECTION_MEMORY: Limit = Limit::fixed(
    "memory of an idle encrypted connection",
    65_536,
    Unit::Bytes,
    "TLS and HTTP/2 hold 23 to 40 KiB in buffers and state; with `encrypted.connections` it bounds the whole",
);
/// Time for one request to arrive whole.
pub const REQUEST: Limit = Limit::fixed(
    "time for a request to arrive",
    5,
    Unit::Seconds,
    "from its first byte to its last; it fits a few packets",
);
/// Header fields of an HTTP request in bytes.
pub const HTTP_HEAD: Limit = Limit::fixed(
    "header of an HTTP request",
    16_384,
    Unit::Bytes,
    "browsers send one to two KiB; larger is answered with 431",
);
/// Header fields of an HTTP/1.1 request by number. For HTTP/2 and 3 [`HTTP_HEAD`] bounds them (RFC 9113, 6.5.2).
pub const HTTP_FIELDS: Limit = Limit::fixed(
    "fields in the header of an HTTP/1.1 request",
    64,
    Unit::Count,
    "browsers send twenty; more are answered with 431. HTTP/2 and 3 count 32 bytes more for each instead",
);
/// Path and query of an HTTP request.
pub const HTTP_TARGET: Limit = Limit::fixed(
    "path and query of an HTTP request",
    6144,
    Unit::Bytes,
    "the largest query that is taken in base64url; longer is answered with 414",
);
/// A DNS query over UDP, HTTPS or QUIC.
pub const QUERY_BYTES: Limit = Limit::fixed(
    "query over UDP, HTTPS or QUIC",
    4096,
    Unit::Bytes,
    "one with every option and padding has some hundred; larger is answered with FORMERR, with 413 or the end of its stream",
);
/// Replies of one encrypted connection that wait for the client to take them.
pub const SEND_BUFFER: Limit = Limit::fixed(
    "replies held for one encrypted connection",
    262_144,
    Unit::Bytes,
    "four of the largest; a client that takes none of them loses its connection when it is idle",
);
/// QUIC connections not yet taken, for each worker and address.
pub const QUIC_INCOMING: Limit = Limit::fixed(
    "QUIC connections not yet taken",
    64,
    Unit::Count,
    "they are taken at once; more are refused",
);
/// Bytes held for QUIC connections that are not yet taken.
pub const QUIC_INCOMING_BYTES: Limit = Limit::fixed(
    "data of QUIC connections not yet taken",
    262_144,
    Unit::Bytes,
    "for all of them; RFC 9250 allows early data, which we do not",
);
/// Streams of one direction that an HTTP/3 client may open.
pub const H3_UNI_STREAMS: Limit = Limit::fixed(
    "one-way streams of an HTTP/3 connection",
    8,
    Unit::Count,
    "RFC 9114, 6.2: three are needed, and some clients send others to see that they are ignored",
);
/// Bytes on one such stream, over the connection's life.
pub const H3_UNI_BYTES: Limit = Limit::fixed(
    "data on a one-way stream of HTTP/3",
    65_536,
    Unit::Bytes,
    "settings, and a few bytes for each request from clients that send priorities",
);
/// Requests of one HTTP/3 connection.
pub const H3_REQUESTS: Limit = Limit::fixed(
    "requests of one HTTP/3 connection",
    16_384,
    Unit::Count,
    "the HTTP/3 library remembers those that were broken; the client opens another connection",
);
/// A file of certificates or of a key.
pub const CERTIFICATE_FILE: Limit =
    Limit::fixed("certificate file", 262_144, Unit::Bytes, "a chain has some KiB");
/// How often the files of the certificate are looked at.
pub const CERTIFICATE_CHECK: Limit = Limit::fixed(
    "time between two looks at the certificate's files",
    60,
    Unit::Seconds,
    "it is a look at two time stamps; renewal comes days before the end",
);
/// Block to which replies are padded.
pub const PADDING_BLOCK: Limit = Limit::fixed(
    "padding of encrypted replies to multiples",
    468,
    Unit::Bytes,
    "RFC 8467, 4.1, for queries that are padded themselves",
);
/// The name under which devices reach this server, on the wire.
pub const SERVER_NAME: Limit = Limit::fixed(
    "`name` on the wire",
    127,
    Unit::Bytes,
    "two labels of 63 bytes fit in front of it: the secret of a device, a mark of the live check",
);
/// Addresses at which devices reach this server.
pub const SERVER_ADDRESSES: Limit = Limit::fixed(
    "addresses in `addresses`, or taken from the interfaces",
    16,
    Unit::Count,
    "a reply with all of them fits a datagram",
);

/// Those that users cannot choose.
pub(super) const LISTENERS: &[Limit] = &[
    HANDSHAKE,
    HANDSHAKE_SHARE,
    CONNECTION_MEMORY,
    REQUEST,
    HTTP_HEAD,
    HTTP_FIELDS,
    HTTP_TARGET,
    QUERY_BYTES,
    SEND_BUFFER,
    QUIC_INCOMING,
    QUIC_INCOMING_BYTES,
    H3_UNI_STREAMS,
    H3_UNI_BYTES,
    H3_REQUESTS,
    CERTIFICATE_FILE,
    CERTIFICATE_CHECK,
    PADDING_BLOCK,
    SERVER_NAME,
    SERVER_ADDRESSES,
];
