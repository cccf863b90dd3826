//! What is said over the control socket: requests, answers, failures.
//!
//! Both sides share these types, so the daemon and `dnsctl` cannot disagree about a word. `PROTOCOL.md`
//! beside this file is the specification for everyone else. How they stand in JSON is said by `words!`, in `words`;
//! [`mod@super::line`] puts them on lines. Read these next.

mod certificate;
mod change;
mod devices;
mod doctor;
mod lan;
mod matrix;
mod queries;
mod setup;
mod status;
pub(super) mod words;

use std::collections::BTreeMap;

use crate::config::limits;
pub use certificate::{Authority, CertificateStatus};
pub use change::{ChangeWords, Changed, Mark, MemberWords, SetWords, ZoneChange};
pub use devices::{DeviceState, DeviceStatus, DeviceWords, Devices, Invite, Invited, Revoked};
pub use doctor::{Diagnosed, DiagnosedLink};
pub use lan::{LanFile, LanName, LanNames, LanRefused};
pub use matrix::{Finding, Matrix, MatrixCache, MatrixPart, MatrixServer};
pub use queries::{QueriesSeen, QueriesWords, QuerySeen};
pub use setup::{RouterMode, Setup};
pub use status::{CacheStatus, Listener, NegativeAnchor, ServerStatus, Status, Upstream, Validation};
use words::words;

/// Version of the protocol that this program speaks.
pub const VERSION: u64 = 1;
/// Longest request line in bytes, its newline included.
pub const MAX_REQUEST: usize = limits::CONTROL_REQUEST.default_usize();
/// Longest reply line that a client reads, in bytes: the most records a list may hold, at the longest each.
pub const MAX_REPLY: usize = limits::CONTROL_REPLY.default_usize();
/// Most records in one list.
pub const MAX_LISTED: usize = limits::CONTROL_LISTED.default_usize();

words! {
    /// One request.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Request as "command" {
        /// One record more.
        AddRecord(RecordWords) as "add-record",
        /// The set of this name and type becomes this one record.
        SetRecord(RecordWords) as "set-record",
        /// Records less.
        RemoveRecord(RemoveRecord) as "remove-record",
        /// Several changes of several zones, all or none.
        Change(ChangeWords) as "change",
        /// The records that are served.
        ListRecords(ListRecords) as "list-records",
        /// A new zone without records.
        AddZone(AddZone) as "add-zone",
        /// A zone less, its file included.
        RemoveZone(ZoneWords) as "remove-zone",
        /// The zones and how each fares.
        ListZones(Nothing) as "list-zones",
        /// Every defect of the zones folder as it is on disk now; changes nothing.
        Check(Nothing) as "check",
        /// Reads the zones folder again.
        Reload(Nothing) as "reload",
        /// How the daemon fares.
        Status(Nothing) as "status",
        /// What came by which transport, and which bounds were met.
        Stats(Nothing) as "stats",
        /// The last queries, which are remembered while somebody asks for them.
        Queries(QueriesWords) as "queries",
        /// Forgets cached answers.
        Flush(Flush) as "flush",
        /// What the cache holds, in numbers.
        CacheStats(Nothing) as "cache-stats",
        /// What the cache holds, answer by answer.
        CacheDump(CacheDump) as "cache-dump",
        /// Drops the connections to upstreams, as after a change of the network.
        Reconnect(Nothing) as "reconnect",
        /// The names of the devices of the house.
        Lan(Nothing) as "lan",
        /// The certificate of the encrypted listeners.
        Certificate(Nothing) as "certificate",
        /// A new one, now.
        RenewCertificate(Nothing) as "renew-certificate",
        /// The authority of our own that signs it.
        Authority(AuthorityWords) as "authority",
        /// What routers and devices need to know of the server.
        Facts(Nothing) as "facts",
        /// How a query would be answered, step by step.
        Explain(Explain) as "explain",
        /// An invite for a device, and the device if need be.
        Invite(Invite) as "invite",
        /// The devices, and when they were seen.
        Devices(Nothing) as "devices",
        /// Takes a device's token no more.
        Revoke(DeviceWords) as "revoke",
        /// Earlier versions of a zone.
        Log(ZoneWords) as "log",
        /// Back to the version before the last edit.
        Undo(UndoWords) as "undo",
    }
}

words! {
    /// A request without words.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Nothing {}

    /// A record as a person writes it.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RecordWords {
        /// Owner: absolute with a closing dot or where it lies in a loaded zone, else relative to the zone.
        pub name: String,
        /// Type: mnemonic or `TYPE12345`.
        pub rtype: String as "type",
        /// RDATA, word by word.
        pub rdata: Vec<String>,
        /// TTL in seconds; none joins the set that is there, or the file's default.
        pub ttl: Option<u32>,
        /// Comment to stand on the record's line.
        pub comment: Option<String>,
        /// When the record ceases to be served: `2027-01-01`, `2027-01-01T12:30:00Z`, or from now `30d`, `12h`.
        pub expires: Option<String>,
        /// The zone, where the name alone does not say it.
        pub zone: Option<String>,
        /// The view whose file is meant; none for the base zone.
        pub view: Option<String>,
    }

    /// Which records to remove.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RemoveRecord {
        /// Owner, as in [`RecordWords`].
        pub name: String,
        /// Only this type; none removes every record of the name.
        pub rtype: Option<String> as "type",
        /// Only this RDATA; empty removes the whole set.
        pub rdata: Vec<String> = optional,
        /// The zone, where the name alone does not say it.
        pub zone: Option<String>,
        /// The view whose file is meant; none for the base zone.
        pub view: Option<String>,
    }

    /// Which records to list.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ListRecords {
        /// Only this name, as in [`RecordWords`].
        pub name: Option<String>,
        /// Only this type.
        pub rtype: Option<String> as "type",
        /// Only this zone.
        pub zone: Option<String>,
        /// Only this view's own records; none lists base zones and views.
        pub view: Option<String>,
    }

    /// A zone to add.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct AddZone {
        /// Its name; the closing dot may be left out.
        pub zone: String,
        /// `private`, `overlay` or `redirect`.
        pub mode: Option<String>,
        /// The view that it belongs to; none for a base zone.
        pub view: Option<String>,
    }

    /// A zone that is there.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ZoneWords {
        /// Its name; the closing dot may be left out.
        pub zone: String,
        /// The view that it belongs to; none for a base zone.
        pub view: Option<String>,
    }

    /// What is to go back to the version before its last edit.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct UndoWords {
        /// A zone; the closing dot may be left out.
        pub zone: String,
        /// The view that it belongs to; none for a base zone.
        pub view: Option<String>,
        /// Only this file, where the last edit changed others with it.
        pub alone: bool = optional,
        /// Only says what would change.
        pub dry_run: bool = optional,
    }

    /// What the cache is to forget; everything where nothing is named.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Flush {
        /// Only this name, every type of it.
        pub name: Option<String>,
        /// This name and every name below it.
        pub below: Option<String>,
    }

    /// Which cached answers to list; all where nothing is named.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CacheDump {
        /// Only this name, every type of it.
        pub name: Option<String>,
        /// This name and every name below it.
        pub below: Option<String>,
    }

    /// The query to explain.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Explain {
        /// Name asked for; always absolute.
        pub name: String,
        /// Type asked for; `A` where none is given.
        pub rtype: Option<String> as "type",
        /// Address of the client; loopback where none is given.
        pub client: Option<String>,
        /// Name of the device that asks with its token.
        pub device: Option<String>,
    }

    /// Which authority is wanted.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct AuthorityWords {
        /// A new one takes the place of the one at hand, which devices trust.
        pub replace: bool = optional,
    }
}

words! {
    /// What a request brought about.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Answer as "answer" {
        /// To every request that changes a zone, but `change`.
        Edited(Edited) as "edited",
        /// To `change`.
        Changed(Changed) as "changed",
        /// To `list-records`.
        Records(Records) as "records",
        /// To `list-zones`.
        Zones(Zones) as "zones",
        /// To `check`.
        Checked(Checked) as "checked",
        /// To `reload`.
        Reloaded(Reloaded) as "reloaded",
        /// To `status`.
        Status(Box<Status>) as "status",
        /// To `stats`.
        Stats(Stats) as "stats",
        /// To `queries`.
        Queries(QueriesSeen) as "queries",
        /// To `flush`.
        Flushed(Flushed) as "flushed",
        /// To `cache-stats`.
        CacheStats(CacheStats) as "cache-stats",
        /// To `cache-dump`.
        CacheEntries(CacheEntries) as "cache-entries",
        /// To `reconnect`.
        Reconnected(Reconnected) as "reconnected",
        /// To `lan`.
        Lan(Box<LanNames>) as "lan",
        /// To `certificate` and `renew-certificate`.
        Certificate(Box<CertificateStatus>) as "certificate",
        /// To `authority`.
        Authority(Authority) as "authority",
        /// To `facts`.
        Facts(Facts) as "facts",
        /// To `explain`.
        Explained(Explained) as "explained",
        /// To `invite`.
        Invited(Invited) as "invited",
        /// To `devices`.
        Devices(Devices) as "devices",
        /// To `revoke`.
        Revoked(Revoked) as "revoked",
        /// To `log`.
        Log(Log) as "log",
        /// Of `dnsctl router`, which makes it itself: kinds of routers.
        Routers(Routers) as "routers",
        /// Of `dnsctl router KIND`: what to do there.
        Router(Router) as "router",
        /// Of `dnsctl router --verify`: what the router answers.
        Verified(Verified) as "verified",
        /// Of `dnsctl matrix`: what changed, and what else must be set.
        Matrix(Box<Matrix>) as "matrix",
        /// Of `dnsctl setup`, which makes it itself: what was done to this host.
        Setup(Setup) as "setup",
        /// Of `dnsctl router-mode`, which makes it itself: who has port 53 of the router.
        RouterMode(RouterMode) as "router-mode",
        /// What `dnsctl matrix doctor` says. A daemon never does.
        Diagnosed(Diagnosed) as "diagnosed",
    }
}

words! {
    /// What an edit did. When it is said, the change is on disk and, by a daemon, in every answer.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Edited {
        /// Whether a daemon serves the change now; false where only files were written.
        pub live: bool,
        /// The zone, absolute.
        pub zone: String,
        /// Its view.
        pub view: Option<String>,
        /// The serial that it has now; none where the zone is gone.
        pub serial: Option<u32>,
        /// Its file.
        pub file: String,
        /// Records that came, each with the line it stands on now.
        pub added: Vec<RecordText> = lenient,
        /// Records that went, each with the line it stood on.
        pub removed: Vec<RecordText> = lenient,
        /// What else the user should know, a sentence each.
        pub notes: Vec<String> = lenient,
        /// What changes in the file, as `diff -u` shows it; where nothing was written.
        pub diff: Option<String>,
        /// Other files that went back with this one, because one change had changed them all.
        pub with: Vec<Edited> = optional,
    }

    /// One record as text.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RecordText {
        /// Owner, absolute.
        pub name: String,
        /// Seconds.
        pub ttl: u32,
        /// Type.
        pub rtype: String as "type",
        /// RDATA in presentation form, names in it absolute.
        pub rdata: String,
        /// When it ceases to be served, `2027-01-01T00:00:00Z`.
        pub expires: Option<String>,
        /// Line of the zone file; absent where it is not known.
        pub line: Option<u32>,
        /// The zone, in lists.
        pub zone: Option<String>,
        /// The view, in lists.
        pub view: Option<String>,
    }

    /// Records that are served.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Records {
        /// The records, zone by zone, SOA and NS that were synthesised included.
        pub records: Vec<RecordText>,
        /// Whether more than [`MAX_LISTED`] matched and the rest was left out.
        pub more: bool,
    }

    /// All zones.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Zones {
        /// Base zones first, then the views'.
        pub zones: Vec<ZoneStatus>,
        /// Defects that belong to no zone.
        pub defects: Vec<DefectText> = lenient,
    }
}

words! {
    /// How a zone fares.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum ZoneState {
        /// What the file says is served.
        #[default]
        Ok as "ok",
        /// The file is broken or gone; the last good version is served.
        LastGood as "last-good",
        /// The file is broken or gone and no good version is known: SERVFAIL.
        Closed as "closed",
    }
}

words! {
    /// One zone.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ZoneStatus {
        /// Its name, absolute.
        pub zone: String,
        /// Its view.
        pub view: Option<String>,
        /// `private`, `overlay`, `redirect`; absent where the file says nothing.
        pub mode: Option<String>,
        /// Its options `matrix=`, as they stand.
        pub matrix: Vec<String> = optional,
        /// Serial that is served.
        pub serial: u32,
        /// How many records are served, SOA and NS that were synthesised included.
        pub records: u64,
        /// Its file.
        pub file: String,
        /// How it fares.
        pub state: ZoneState,
        /// What is wrong with it.
        pub defects: Vec<DefectText> = lenient,
    }

    /// One thing that is wrong, and where.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct DefectText {
        /// File.
        pub file: String,
        /// Line from 1; 0 where the defect is the whole file's.
        pub line: u32,
        /// Column in characters from 1; 0 where the defect is the whole file's.
        pub column: u32,
        /// What is wrong and what to do.
        pub message: String,
    }

    /// What a check found.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Checked {
        /// How many zones were read.
        pub zones: u64,
        /// How many records they hold.
        pub records: u64,
        /// Every defect; empty for a clean folder or file.
        pub defects: Vec<DefectText> = lenient,
        /// What the linter finds in zones of Matrix servers.
        pub findings: Vec<Finding> = optional,
    }

    /// What a reload brought.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Reloaded {
        /// Generation of the snapshot that is served now.
        pub generation: u64,
        /// How many zones it holds.
        pub zones: u64,
        /// Zones whose content changed, came or went.
        pub changed: Vec<String> = lenient,
        /// Every defect found; a zone that has one keeps its last good version.
        pub defects: Vec<DefectText> = lenient,
    }

    /// What came since the start, in numbers.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Stats {
        /// How many queries ended how; they sum to the queries received.
        pub outcomes: BTreeMap<String, u64>,
        /// The transports that are listened on.
        pub transports: Vec<TransportStats>,
    }

    /// What came by one transport since the start.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct TransportStats {
        /// `udp`, `tcp`, `tls`, `https`, `quic`, `h3`, or `http`, by which pages come and no queries.
        pub transport: String,
        /// Queries received; over all transports they sum to the outcomes and what is under way.
        pub queries: u64,
        /// Its connections; absent for UDP, which has none.
        pub connections: Option<Connections>,
        /// How often what happened: `accepted`, and each bound that was met.
        pub events: BTreeMap<String, u64> = lenient,
    }

    /// The connections of one transport.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Connections {
        /// Open now.
        pub open: u64,
        /// Most that may be open.
        pub limit: u64,
        /// Most that one client address may have.
        pub per_client: u64,
    }

    /// What a flush did.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Flushed {
        /// Answers forgotten.
        pub entries: u64,
    }

    /// What the cache holds, in numbers.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CacheStats {
        /// Answers held: the sum of those below.
        pub entries: u64,
        /// Bytes they take.
        pub bytes: u64,
        /// Most bytes they may take.
        pub limit: u64,
        /// Answers with records that are served.
        pub fresh: u64,
        /// Answers that there is nothing, served.
        pub negative: u64,
        /// Answers whose time is over, held for when no upstream answers.
        pub stale: u64,
        /// Questions that failed a moment ago.
        pub failures: u64,
        /// Of no use any more; their place is taken when it is needed.
        pub over: u64,
        /// Queries answered from the cache since the start, stale answers included.
        pub hits: u64,
        /// Queries for which upstream was asked since the start.
        pub misses: u64,
    }

    /// Cached answers.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CacheEntries {
        /// By name and type.
        pub entries: Vec<CacheEntry>,
        /// Whether more matched than one list may hold, and the rest was left out.
        pub more: bool,
    }

    /// One cached answer.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CacheEntry {
        /// Name, absolute, in lower case.
        pub name: String,
        /// Type.
        pub rtype: String as "type",
        /// Domain of the route that it was asked by; `.` for the default one.
        pub route: String,
        /// Response code.
        pub rcode: String,
        /// `fresh`, `negative`, `stale`, `failure` or `over`.
        pub kind: String,
        /// Seconds for which it is good; below 0 since when it is not.
        pub left: i64,
        /// Times it was asked for since it came; 255 for more.
        pub hits: u64,
        /// Whether it was asked for with DNSSEC records (DO).
        pub dnssec: bool = optional,
        /// Whether it was asked for without validation (CD).
        pub unchecked: bool = optional,
    }

    /// What was done as after a change of the network.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Reconnected {
        /// Upstreams whose connections were dropped; the next question opens new ones.
        pub upstreams: u64,
        /// Of these, those that had not answered lately: they are forgiven, and asked for something now.
        pub probed: u64,
        /// The subnets of this host's own interfaces are others than before; clients there may ask, where the
        /// configuration says `local`.
        pub subnets_changed: bool = optional,
    }

    /// What routers and devices need to know of the server.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Facts {
        /// Host name of the server, absolute, where it has one.
        pub name: Option<String>,
        /// Addresses at which the house reaches it, the preferred one first.
        pub addresses: Vec<String> = lenient,
        /// The port of each of `plain`, `tls`, `https`, `quic` and `h3` that is listened for.
        pub ports: BTreeMap<String, u16> = lenient,
        /// Who vouches for its certificate: `public`, `own` or `none`.
        pub trust: String,
        /// The zones that every client sees, in the order of their names.
        pub zones: Vec<ZoneFacts> = lenient,
        /// Zones that only clients of a view see.
        pub in_views: Vec<String> = optional,
        /// The views, each with the prefixes of its clients.
        pub views: BTreeMap<String, Vec<String>> = optional,
    }

    /// What can be asked of a zone to see that an answer is ours.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ZoneFacts {
        /// The zone, absolute.
        pub zone: String,
        /// Primary server and mailbox of its SOA.
        pub soa: Option<(String, String)>,
        /// A name with addresses, private ones where there are any.
        pub host: Option<String>,
        /// Its addresses, of one family.
        pub addresses: Vec<String> = optional,
    }

    /// Kinds of routers.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Routers {
        /// Each with its word, and what comes out.
        pub kinds: Vec<(String, String)>,
    }

    /// What to do at a router.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Router {
        /// Its kind.
        pub kind: String,
        /// Whether it takes back what the guide without it does.
        pub undo: bool,
        /// Whether the text can be pasted or piped whole.
        pub script: bool,
        /// The steps in their order.
        pub steps: Vec<RouterStep>,
        /// The same as one text.
        pub text: String,
        /// What else the user should know, a sentence each.
        pub notes: Vec<String> = lenient,
    }

    /// One step at a router: either of the two.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RouterStep {
        /// A sentence for a person.
        pub say: Option<String>,
        /// A line to paste, or what to type into a field.
        pub line: Option<String>,
    }

    /// What a router answers.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Verified {
        /// Whom was asked: address and port.
        pub router: String,
        /// Each zone.
        pub zones: Vec<ZoneVerdict>,
        /// What else the user should know, a sentence each.
        pub notes: Vec<String> = lenient,
    }

    /// How it stands with one zone.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ZoneVerdict {
        /// The zone, absolute.
        pub zone: String,
        /// The name that was asked for, where the zone has one with an address.
        pub host: Option<String>,
        /// `right`, `stripped`, `not-forwarded`, `missing`, `other-address`, `refused`, `failed`, `silent` or `not-asked`.
        pub verdict: String,
        /// What that means, and what to look at.
        pub reason: String,
        /// The lines for this kind of router that mend it.
        pub lines: Vec<String> = optional,
    }

    /// How a query would be answered.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Explained {
        /// The straight line, step by step.
        pub steps: Vec<ExplainStep>,
        /// Response code of the reply; absent where upstream would be asked or nothing sent.
        pub rcode: Option<String>,
        /// Answer section of the reply, a record each.
        pub records: Vec<String> = lenient,
        /// Route that would be asked, where one would be.
        pub route: Option<String>,
        /// Upstreams of that route, as in the configuration; ` (down)` behind those that did not answer lately.
        pub upstreams: Vec<String> = optional,
    }

    /// One step of the line.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ExplainStep {
        /// Who looked, as `zone::lookup`.
        pub step: String,
        /// What it said.
        pub verdict: String,
    }

    /// Earlier versions of a zone.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Log {
        /// The zone, absolute.
        pub zone: String,
        /// Its view.
        pub view: Option<String>,
        /// Newest first.
        pub versions: Vec<Version>,
    }

    /// One earlier version: the file as it was before a change.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Version {
        /// When the change was made, `2026-05-03T10:20:30Z`.
        pub time: String,
        /// Serial that this version had.
        pub serial: u32,
        /// What ended it: `edit`, `undo` or `remove`.
        pub before: String,
        /// The copy.
        pub file: String,
        /// What the change did: `+ RECORD` and `- RECORD`; not always known.
        pub changes: Vec<String> = lenient,
    }
}

words! {
    /// Why a request failed, for programs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Code {
        /// The line is no request of this protocol.
        BadRequest as "bad-request",
        /// The line's version is not spoken here.
        Version as "version",
        /// A word of the request is wrong: no such type, bad RDATA, a name in no zone.
        BadWord as "bad-word",
        /// The zone, view, record or version is not there.
        NotFound as "not-found",
        /// It would break the zone, or the file on disk is broken already.
        Refused as "refused",
        /// Another edit holds the lock, or too many clients are connected.
        Busy as "busy",
        /// A file could not be read or written.
        Io as "io",
        /// This side cannot do that: `status` of files, say.
        Unavailable as "unavailable",
    }
}

words! {
    /// Why a request failed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Failure {
        /// For programs.
        pub code: Code,
        /// For people: what is wrong and what to do.
        pub message: String,
        /// The defects that stand in the way, where that is the reason.
        pub defects: Vec<DefectText> = optional,
    }
}

impl Failure {
    /// A failure without defects.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Failure {
            code,
            message: message.into(),
            defects: Vec::new(),
        }
    }
}
