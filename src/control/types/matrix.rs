//! What `dnsctl matrix` says. It makes this answer itself, from zones and records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Edited;

/// What a command about Matrix servers did or found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// Nothing was written: this is what would change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The zones that changed, or would.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Edited>,
    /// The servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<MatrixServer>,
    /// What the linter finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// After a move: who still goes to the old address, and for how long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caches: Vec<MatrixCache>,
    /// What else the user should know, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the linter finds: a record that is well-formed and wrong all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `error`: somebody will not be reached; `warning`: it works for some, or for now.
    pub severity: String,
    /// The rule's word.
    pub rule: String,
    /// The zone, absolute.
    #[serde(default)]
    pub zone: String,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixCache {
    /// Whose cache.
    pub who: String,
    /// Seconds for which the old address may be kept at most.
    pub seconds: u64,
    /// The same, and what makes it be forgotten, for people.
    pub what: String,
}

/// One Matrix server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
    /// Names that have addresses of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, Vec<String>>,
    /// Its addresses as clients of views see them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, Vec<String>>,
    /// Seconds.
    pub ttl: u32,
    /// What else must be set, text by text.
    pub parts: Vec<MatrixPart>,
}

/// A text to be put somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixPart {
    /// Its word: `server`, `client`, `nginx` and so on.
    pub part: String,
    /// Where it belongs.
    pub title: String,
    /// The text.
    pub text: String,
}
