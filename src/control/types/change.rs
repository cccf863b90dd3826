//! Several changes of several zones as one request, all or none.

use super::Edited;
use super::words::words;

words! {
    /// Changes to be made together.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ChangeWords {
        /// The zones, each once. Written in this order, so that a base zone stands before its views.
        pub zones: Vec<ZoneChange>,
        /// Only to say what would change.
        pub dry_run: bool = optional,
    }

    /// What is to become of one zone.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ZoneChange {
        /// Its name; the closing dot may be left out.
        pub zone: String,
        /// The view that it belongs to; none for a base zone.
        pub view: Option<String>,
        /// It is made where it is not there.
        pub make: bool = optional,
        /// `private`, `overlay` or `redirect`, for one that is made.
        pub mode: Option<String>,
        /// Only if it has this serial still: what the changes were made up from.
        pub serial: Option<u32>,
        /// Options `matrix=` to be written, replaced or taken away.
        pub marks: Vec<Mark> = optional,
        /// Record sets, whole.
        pub sets: Vec<SetWords> = optional,
    }

    /// A value of the option `matrix=`.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Mark {
        /// What stands there; absent where it is new.
        pub before: Option<String>,
        /// What is to stand there; absent to take it away.
        pub after: Option<String>,
    }

    /// What the records of one name and type are to be.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct SetWords {
        /// Owner: absolute with a closing dot, else relative to the zone.
        pub name: String,
        /// Type: mnemonic or `TYPE12345`.
        pub rtype: String as "type",
        /// TTL in seconds; absent: records keep theirs, new ones take the file's default.
        pub ttl: Option<u32>,
        /// The records; none takes the set away.
        pub records: Vec<MemberWords> = optional,
    }

    /// One record of a set.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct MemberWords {
        /// RDATA, word by word.
        pub rdata: Vec<String>,
        /// Comment for a line that is new; a line that is there keeps its own.
        pub comment: Option<String>,
        /// When the record ceases to be served: `2027-01-01`, `2027-01-01T12:30:00Z`, or from now `30d`, `12h`.
        pub expires: Option<String>,
    }

    /// What `change` did.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Changed {
        /// Nothing was written: this is what would change.
        pub dry_run: bool = optional,
        /// Every zone of the request, in its order.
        pub zones: Vec<Edited>,
    }
}
