//! How a query ended. Every message received ends in exactly one of these, so their counts sum to the
//! messages received.

/// The end of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Not a query: no reply.
    Ignored,
    /// Could not be read: FORMERR or NOTIMP.
    Malformed,
    /// The client may not ask: REFUSED.
    Refused,
    /// A question that is not served: other classes, zone transfer, EDNS versions, no recursion wanted.
    Rejected,
    /// Answered from zones.
    Local,
    /// Answered from the zone of the live check: the question is to be noted.
    Beacon,
    /// In a zone that cannot be served: SERVFAIL.
    Closed,
    /// Answered from the cache.
    Cached,
    /// Answered from the cache after its time, because no upstream answered (RFC 8767).
    Stale,
    /// Answered by an upstream.
    Forwarded,
    /// No upstream gave a usable reply: SERVFAIL.
    Failed,
    /// Too many questions wait for upstreams already: SERVFAIL.
    Overloaded,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Outcome; 12] = [
        Self::Local,
        Self::Beacon,
        Self::Cached,
        Self::Stale,
        Self::Forwarded,
        Self::Failed,
        Self::Overloaded,
        Self::Closed,
        Self::Rejected,
        Self::Refused,
        Self::Malformed,
        Self::Ignored,
    ];

    /// The word that people see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Local => "local",
            Self::Beacon => "beacon",
            Self::Closed => "closed",
            Self::Cached => "cached",
            Self::Stale => "stale",
            Self::Forwarded => "forwarded",
            Self::Failed => "failed",
            Self::Overloaded => "overloaded",
        }
    }
}
