//! The request for the last queries, and its answer.

use super::words::words;

words! {
    /// Which queries to show. To ask is to watch: from now on they are remembered for a while.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct QueriesWords {
        /// Only those behind this serial, which is `last` of the answer before.
        pub after: Option<u32>,
    }

    /// The last queries.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct QueriesSeen {
        /// The oldest first.
        pub queries: Vec<QuerySeen>,
        /// Serial of the last query.
        pub last: u32,
        /// How many came since and are not remembered any more.
        pub missed: u32 = lenient,
        /// Whether queries are remembered since this request only.
        pub began: bool = lenient,
        /// Seconds for which they go on being remembered.
        pub watch: u32,
    }

    /// One query.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct QuerySeen {
        /// When it was answered, `2026-11-29T12:30:00Z`.
        pub time: String,
        /// Address of the client.
        pub client: String,
        /// Over what: `udp`, `tcp`, `tls`, `https`, `quic` or `h3`.
        pub transport: String,
        /// The device that asked with its token.
        pub device: Option<String>,
        /// Name asked for, absolute; absent where the message could not be read.
        pub name: Option<String>,
        /// Type asked for.
        pub rtype: Option<String> as "type",
        /// How it ended.
        pub outcome: String,
        /// Code of the reply; absent where none was sent.
        pub rcode: Option<String>,
    }
}
