//! What `dnsctl matrix` says. It makes this answer itself, from zones and records.

use std::collections::BTreeMap;

use super::Edited;
use super::words::words;

words! {
    /// What a command about Matrix servers did or found.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Matrix {
        /// Nothing was written: this is what would change.
        pub dry_run: bool = optional,
        /// The zones that changed, or would.
        pub zones: Vec<Edited> = optional,
        /// The servers.
        pub servers: Vec<MatrixServer> = optional,
        /// What the linter finds.
        pub findings: Vec<Finding> = optional,
        /// After a move: who still goes to the old address, and for how long.
        pub caches: Vec<MatrixCache> = optional,
        /// What else the user should know, a sentence each.
        pub notes: Vec<String> = optional,
    }

    /// What the linter finds: a record that is well-formed and wrong all the same.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Finding {
        /// `error`: somebody will not be reached; `warning`: it works for some, or for now.
        pub severity: String,
        /// The rule's word.
        pub rule: String,
        /// The zone, absolute.
        pub zone: String = lenient,
        /// File.
        pub file: String,
        /// Line from 1; 0 where the finding is the whole zone's.
        pub line: u32,
        /// Column in characters from 1; 0 with the line.
        pub column: u32,
        /// What is wrong, where that is written, and the way out.
        pub message: String,
    }

    /// Who keeps what was so before a change.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct MatrixCache {
        /// Whose cache.
        pub who: String,
        /// Seconds for which the old address may be kept at most.
        pub seconds: u64,
        /// The same, and what makes it be forgotten, for people.
        pub what: String,
    }

    /// One Matrix server.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct MatrixServer {
        /// Its server name.
        pub server: String,
        /// The zone that holds its records, absolute.
        pub zone: String,
        /// `none`, `srv` or `well-known`.
        pub delegation: String,
        /// Host and port to which other servers are led.
        pub homeserver: String,
        /// The name whose certificate they must be shown.
        pub certificate: String,
        /// Where clients go.
        pub client: String,
        /// Its addresses, as everybody sees them.
        pub addresses: Vec<String>,
        /// Names of services, and what each is.
        pub services: BTreeMap<String, String> = optional,
        /// Names that have addresses of their own.
        pub own: BTreeMap<String, Vec<String>> = optional,
        /// Its addresses as clients of views see them.
        pub views: BTreeMap<String, Vec<String>> = optional,
        /// Seconds.
        pub ttl: u32,
        /// What else must be set, text by text.
        pub parts: Vec<MatrixPart>,
    }

    /// A text to be put somewhere.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct MatrixPart {
        /// Its word: `server`, `client`, `nginx` and so on.
        pub part: String,
        /// Where it belongs.
        pub title: String,
        /// The text.
        pub text: String,
    }
}
