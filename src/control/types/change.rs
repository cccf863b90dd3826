//! Several changes of several zones as one request, all or none.

use serde::{Deserialize, Serialize};

use super::Edited;

/// Changes to be made together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeWords {
    /// The zones, each once. Written in this order, so that a base zone stands before its views.
    pub zones: Vec<ZoneChange>,
    /// Only to say what would change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What is to become of one zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneChange {
    /// Its name; the closing dot may be left out.
    pub zone: String,
    /// The view that it belongs to; none for a base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// It is made where it is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub make: bool,
    /// `private`, `overlay` or `redirect`, for one that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Only if it has this serial still: what the changes were made up from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// Options `matrix=` to be written, replaced or taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Record sets, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetWords>,
}

/// A value of the option `matrix=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// What stands there; absent where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What is to stand there; absent to take it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What the records of one name and type are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetWords {
    /// Owner: absolute with a closing dot, else relative to the zone.
    pub name: String,
    /// Type: mnemonic or `TYPE12345`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// TTL in seconds; absent: records keep theirs, new ones take the file's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// The records; none takes the set away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<MemberWords>,
}

/// One record of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberWords {
    /// RDATA, word by word.
    pub rdata: Vec<String>,
    /// Comment for a line that is new; a line that is there keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the record ceases to be served: `2027-01-01`, `2027-01-01T12:30:00Z`, or from now `30d`, `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// What `change` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Nothing was written: this is what would change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Every zone of the request, in its order.
    pub zones: Vec<Edited>,
}
