//! What `dnsctl matrix doctor` saw. It is made by `dnsctl`; a daemon never sends it.

use super::words::words;

words! {
    /// The way to a Matrix server, link by link, and where it ends.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Diagnosed {
        /// The server name.
        pub server: String,
        /// Whose answers were followed.
        pub via: String,
        /// What was looked at, in order.
        pub links: Vec<DiagnosedLink>,
        /// `works`, `works-but` or `broken`.
        pub verdict: String,
        /// The word of the fault that decides, where there is one.
        pub fault: Option<String>,
        /// On which part of the way it lies.
        pub class: Option<String>,
        /// The verdict in a sentence.
        pub sentence: String,
        /// What to do.
        pub cure: Option<String>,
        /// The exit code.
        pub exit: u8,
        /// What else the user should know.
        pub notes: Vec<String> = optional,
    }

    /// One link of the way.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct DiagnosedLink {
        /// Who goes here: `server`, `client` or `turn`.
        pub leg: String,
        /// What was looked at.
        pub what: String,
        /// What was seen.
        pub seen: String,
        /// `ok`, `note`, `warning` or `broken`.
        pub grade: String,
        /// The word of its fault.
        pub fault: Option<String>,
        /// What to do about it.
        pub cure: Option<String>,
        /// How long it took, in milliseconds.
        pub ms: Option<u64>,
    }
}
