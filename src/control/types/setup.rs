//! Answers of `dnsctl setup` and `dnsctl router-mode`, which make them themselves.

use super::words::words;

words! {
    /// What was done to this host, what would be, or how it stands.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Setup {
        /// What it is about: `resolved` or `port`.
        pub what: String,
        /// `planned`, `applied`, `undone` or `unchanged`; of a port `free` or `taken`.
        pub state: String,
        /// What that consists of, a line each, in its order.
        pub steps: Vec<String> = lenient,
        /// What else the user should know, a sentence each.
        pub notes: Vec<String> = lenient,
    }

    /// Who has port 53 of an OpenWrt router.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RouterMode {
        /// The mode that holds: `guest`, `front` or `off`.
        pub mode: String,
        /// The mode that the configuration asks for.
        pub wanted: String,
        /// Why port 53 was given back to dnsmasq; none where it was not.
        pub given_back: Option<String>,
        /// Commands that were run, in their order; with `--dry-run` those that would be.
        pub commands: Vec<String> = lenient,
        /// Whether nothing was run.
        pub planned: bool = lenient,
    }
}
