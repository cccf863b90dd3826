//! Answers of `dnsctl setup`, which makes them itself.

use serde::{Deserialize, Serialize};

/// What was done to this host, what would be, or how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// What it is about: `resolved` or `port`.
    pub what: String,
    /// `planned`, `applied`, `undone` or `unchanged`; of a port `free` or `taken`.
    pub state: String,
    /// What that consists of, a line each, in its order.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What else the user should know, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}
