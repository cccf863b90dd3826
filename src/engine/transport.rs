//! What queries come by. The engine needs to know whether a reply must fit a datagram and whether strangers can
//! see its length; counters and limits go by the name.

/// A transport that clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Plain DNS over UDP.
    Udp,
    /// Plain DNS over TCP (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS with HTTP/1.1 or HTTP/2 (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS with HTTP/3.
    H3,
    /// HTTP without TLS: pages for first contact, never queries.
    Http,
}

impl Transport {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Udp,
        Self::Tcp,
        Self::Tls,
        Self::Https,
        Self::Quic,
        Self::H3,
        Self::Http,
    ];

    /// The word that people see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
            Self::H3 => "h3",
            Self::Http => "http",
        }
    }

    /// Whether a reply must fit a datagram.
    #[must_use]
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Udp)
    }

    /// Whether only the length of a reply can be seen on the way.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Udp | Self::Tcp | Self::Http)
    }
}
