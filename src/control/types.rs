//! What is said over the control socket: requests, answers, failures.
//!
//! Both sides share these types, so the daemon and `dnsctl` cannot disagree about a word. `PROTOCOL.md`
//! beside this file is the specification for everyone else. [`mod@super::line`] puts them on lines; read it next.

mod answer;
mod certificate;
mod change;
mod devices;
mod doctor;
mod lan;
mod matrix;
mod queries;
mod read;
mod setup;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::limits;
pub use certificate::{Authority, CertificateStatus};
pub use change::{ChangeWords, Changed, Mark, MemberWords, SetWords, ZoneChange};
pub use devices::{DeviceState, DeviceStatus, DeviceWords, Devices, Invite, Invited, Revoked};
pub use doctor::{Diagnosed, DiagnosedLink};
pub use lan::{LanFile, LanName, LanNames, LanRefused};
pub use matrix::{Finding, Matrix, MatrixCache, MatrixPart, MatrixServer};
pub use queries::{QueriesSeen, QueriesWords, QuerySeen};
pub(super) use read::read;
pub use setup::{RouterMode, Setup};
pub use status::{CacheStatus, Listener, NegativeAnchor, ServerStatus, Status, Upstream, Validation};

/// Version of the protocol that this program speaks.
pub const VERSION: u64 = 1;
/// Longest request line in bytes, its newline included.
pub const MAX_REQUEST: usize = limits::CONTROL_REQUEST.default_usize();
/// Longest reply line that a client reads, in bytes: the most records a list may hold, at the longest each.
pub const MAX_REPLY: usize = limits::CONTROL_REPLY.default_usize();
/// Most records in one list.
pub const MAX_LISTED: usize = limits::CONTROL_LISTED.default_usize();

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// One record more.
    AddRecord(RecordWords),
    /// The set of this name and type becomes this one record.
    SetRecord(RecordWords),
    /// Records less.
    RemoveRecord(RemoveRecord),
    /// Several changes of several zones, all or none.
    Change(ChangeWords),
    /// The records that are served.
    ListRecords(ListRecords),
    /// A new zone without records.
    AddZone(AddZone),
    /// A zone less, its file included.
    RemoveZone(ZoneWords),
    /// The zones and how each fares.
    ListZones(Nothing),
    /// Every defect of the zones folder as it is on disk now; changes nothing.
    Check(Nothing),
    /// Reads the zones folder again.
    Reload(Nothing),
    /// How the daemon fares.
    Status(Nothing),
    /// What came by which transport, and which bounds were met.
    Stats(Nothing),
    /// The last queries, which are remembered while somebody asks for them.
    Queries(QueriesWords),
    /// Forgets cached answers.
    Flush(Flush),
    /// What the cache holds, in numbers.
    CacheStats(Nothing),
    /// What the cache holds, answer by answer.
    CacheDump(CacheDump),
    /// Drops the connections to upstreams, as after a change of the network.
    Reconnect(Nothing),
    /// The names of the devices of the house.
    Lan(Nothing),
    /// The certificate of the encrypted listeners.
    Certificate(Nothing),
    /// A new one, now.
    RenewCertificate(Nothing),
    /// The authority of our own that signs it.
    Authority(AuthorityWords),
    /// What routers and devices need to know of the server.
    Facts(Nothing),
    /// How a query would be answered, step by step.
    Explain(Explain),
    /// An invite for a device, and the device if need be.
    Invite(Invite),
    /// The devices, and when they were seen.
    Devices(Nothing),
    /// Takes a device's token no more.
    Revoke(DeviceWords),
    /// Earlier versions of a zone.
    Log(ZoneWords),
    /// Back to the version before the last edit.
    Undo(UndoWords),
}

/// A request without words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A record as a person writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordWords {
    /// Owner: absolute with a closing dot or where it lies in a loaded zone, else relative to the zone.
    pub name: String,
    /// Type: mnemonic or `TYPE12345`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// RDATA, word by word.
    pub rdata: Vec<String>,
    /// TTL in seconds; none joins the set that is there, or the file's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// Comment to stand on the record's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the record ceases to be served: `2027-01-01`, `2027-01-01T12:30:00Z`, or from now `30d`, `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The zone, where the name alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The view whose file is meant; none for the base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// Which records to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRecord {
    /// Owner, as in [`RecordWords`].
    pub name: String,
    /// Only this type; none removes every record of the name.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub rtype: Option<String>,
    /// Only this RDATA; empty removes the whole set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rdata: Vec<String>,
    /// The zone, where the name alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The view whose file is meant; none for the base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// Which records to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRecords {
    /// Only this name, as in [`RecordWords`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub rtype: Option<String>,
    /// Only this zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only this view's own records; none lists base zones and views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// A zone to add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddZone {
    /// Its name; the closing dot may be left out.
    pub zone: String,
    /// `private`, `overlay` or `redirect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The view that it belongs to; none for a base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// A zone that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneWords {
    /// Its name; the closing dot may be left out.
    pub zone: String,
    /// The view that it belongs to; none for a base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// What is to go back to the version before its last edit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoWords {
    /// A zone; the closing dot may be left out.
    pub zone: String,
    /// The view that it belongs to; none for a base zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// Only this file, where the last edit changed others with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// Only says what would change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What the cache is to forget; everything where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flush {
    /// Only this name, every type of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// This name and every name below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
}

/// Which cached answers to list; all where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheDump {
    /// Only this name, every type of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// This name and every name below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
}

/// The query to explain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Name asked for; always absolute.
    pub name: String,
    /// Type asked for; `A` where none is given.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub rtype: Option<String>,
    /// Address of the client; loopback where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Name of the device that asks with its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Which authority is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityWords {
    /// A new one takes the place of the one at hand, which devices trust.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// What a request brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// To every request that changes a zone, but `change`.
    Edited(Edited),
    /// To `change`.
    Changed(Changed),
    /// To `list-records`.
    Records(Records),
    /// To `list-zones`.
    Zones(Zones),
    /// To `check`.
    Checked(Checked),
    /// To `reload`.
    Reloaded(Reloaded),
    /// To `status`.
    Status(Box<Status>),
    /// To `stats`.
    Stats(Stats),
    /// To `queries`.
    Queries(QueriesSeen),
    /// To `flush`.
    Flushed(Flushed),
    /// To `cache-stats`.
    CacheStats(CacheStats),
    /// To `cache-dump`.
    CacheEntries(CacheEntries),
    /// To `reconnect`.
    Reconnected(Reconnected),
    /// To `lan`.
    Lan(Box<LanNames>),
    /// To `certificate` and `renew-certificate`.
    Certificate(Box<CertificateStatus>),
    /// To `authority`.
    Authority(Authority),
    /// To `facts`.
    Facts(Facts),
    /// To `explain`.
    Explained(Explained),
    /// To `invite`.
    Invited(Invited),
    /// To `devices`.
    Devices(Devices),
    /// To `revoke`.
    Revoked(Revoked),
    /// To `log`.
    Log(Log),
    /// Of `dnsctl router`, which makes it itself: kinds of routers.
    Routers(Routers),
    /// Of `dnsctl router KIND`: what to do there.
    Router(Router),
    /// Of `dnsctl router --verify`: what the router answers.
    Verified(Verified),
    /// Of `dnsctl matrix`: what changed, and what else must be set.
    Matrix(Box<Matrix>),
    /// Of `dnsctl setup`, which makes it itself: what was done to this host.
    Setup(Setup),
    /// Of `dnsctl router-mode`, which makes it itself: who has port 53 of the router.
    RouterMode(RouterMode),
    /// What `dnsctl matrix doctor` says. A daemon never does.
    Diagnosed(Diagnosed),
}

/// What an edit did. When it is said, the change is on disk and, by a daemon, in every answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Whether a daemon serves the change now; false where only files were written.
    pub live: bool,
    /// The zone, absolute.
    pub zone: String,
    /// Its view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// The serial that it has now; none where the zone is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// Its file.
    pub file: String,
    /// Records that came, each with the line it stands on now.
    #[serde(default)]
    pub added: Vec<RecordText>,
    /// Records that went, each with the line it stood on.
    #[serde(default)]
    pub removed: Vec<RecordText>,
    /// What else the user should know, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What changes in the file, as `diff -u` shows it; where nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Other files that went back with this one, because one change had changed them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Edited>,
}

/// One record as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordText {
    /// Owner, absolute.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// RDATA in presentation form, names in it absolute.
    pub rdata: String,
    /// When it ceases to be served, `2027-01-01T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Line of the zone file; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The zone, in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The view, in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// Records that are served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The records, zone by zone, SOA and NS that were synthesised included.
    pub records: Vec<RecordText>,
    /// Whether more than [`MAX_LISTED`] matched and the rest was left out.
    pub more: bool,
}

/// All zones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// Base zones first, then the views'.
    pub zones: Vec<ZoneStatus>,
    /// Defects that belong to no zone.
    #[serde(default)]
    pub defects: Vec<DefectText>,
}

/// How a zone fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneState {
    /// What the file says is served.
    #[default]
    Ok,
    /// The file is broken or gone; the last good version is served.
    LastGood,
    /// The file is broken or gone and no good version is known: SERVFAIL.
    Closed,
}

/// One zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// Its name, absolute.
    pub zone: String,
    /// Its view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// `private`, `overlay`, `redirect`; absent where the file says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Its options `matrix=`, as they stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matrix: Vec<String>,
    /// Serial that is served.
    pub serial: u32,
    /// How many records are served, SOA and NS that were synthesised included.
    pub records: u64,
    /// Its file.
    pub file: String,
    /// How it fares.
    pub state: ZoneState,
    /// What is wrong with it.
    #[serde(default)]
    pub defects: Vec<DefectText>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// How many zones were read.
    pub zones: u64,
    /// How many records they hold.
    pub records: u64,
    /// Every defect; empty for a clean folder or file.
    #[serde(default)]
    pub defects: Vec<DefectText>,
    /// What the linter finds in zones of Matrix servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What a reload brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Generation of the snapshot that is served now.
    pub generation: u64,
    /// How many zones it holds.
    pub zones: u64,
    /// Zones whose content changed, came or went.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Every defect found; a zone that has one keeps its last good version.
    #[serde(default)]
    pub defects: Vec<DefectText>,
}

/// What came since the start, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// How many queries ended how; they sum to the queries received.
    pub outcomes: BTreeMap<String, u64>,
    /// The transports that are listened on.
    pub transports: Vec<TransportStats>,
}

/// What came by one transport since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportStats {
    /// `udp`, `tcp`, `tls`, `https`, `quic`, `h3`, or `http`, by which pages come and no queries.
    pub transport: String,
    /// Queries received; over all transports they sum to the outcomes and what is under way.
    pub queries: u64,
    /// Its connections; absent for UDP, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// How often what happened: `accepted`, and each bound that was met.
    #[serde(default)]
    pub events: BTreeMap<String, u64>,
}

/// The connections of one transport.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Most that may be open.
    pub limit: u64,
    /// Most that one client address may have.
    pub per_client: u64,
}

/// What a flush did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flushed {
    /// Answers forgotten.
    pub entries: u64,
}

/// What the cache holds, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntries {
    /// By name and type.
    pub entries: Vec<CacheEntry>,
    /// Whether more matched than one list may hold, and the rest was left out.
    pub more: bool,
}

/// One cached answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// Name, absolute, in lower case.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dnssec: bool,
    /// Whether it was asked for without validation (CD).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
}

/// What was done as after a change of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnected {
    /// Upstreams whose connections were dropped; the next question opens new ones.
    pub upstreams: u64,
    /// Of these, those that had not answered lately: they are forgiven, and asked for something now.
    pub probed: u64,
    /// The subnets of this host's own interfaces are others than before; clients there may ask, where the
    /// configuration says `local`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subnets_changed: bool,
}

/// What routers and devices need to know of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Host name of the server, absolute, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Addresses at which the house reaches it, the preferred one first.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The port of each of `plain`, `tls`, `https`, `quic` and `h3` that is listened for.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// Who vouches for its certificate: `public`, `own` or `none`.
    pub trust: String,
    /// The zones that every client sees, in the order of their names.
    #[serde(default)]
    pub zones: Vec<ZoneFacts>,
    /// Zones that only clients of a view see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_views: Vec<String>,
    /// The views, each with the prefixes of its clients.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, Vec<String>>,
}

/// What can be asked of a zone to see that an answer is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneFacts {
    /// The zone, absolute.
    pub zone: String,
    /// Primary server and mailbox of its SOA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soa: Option<(String, String)>,
    /// A name with addresses, private ones where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its addresses, of one family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// Kinds of routers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routers {
    /// Each with its word, and what comes out.
    pub kinds: Vec<(String, String)>,
}

/// What to do at a router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One step at a router: either of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStep {
    /// A sentence for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
    /// A line to paste, or what to type into a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// What a router answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Whom was asked: address and port.
    pub router: String,
    /// Each zone.
    pub zones: Vec<ZoneVerdict>,
    /// What else the user should know, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// How it stands with one zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneVerdict {
    /// The zone, absolute.
    pub zone: String,
    /// The name that was asked for, where the zone has one with an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `right`, `stripped`, `not-forwarded`, `missing`, `other-address`, `refused`, `failed`, `silent` or `not-asked`.
    pub verdict: String,
    /// What that means, and what to look at.
    pub reason: String,
    /// The lines for this kind of router that mend it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// How a query would be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The straight line, step by step.
    pub steps: Vec<ExplainStep>,
    /// Response code of the reply; absent where upstream would be asked or nothing sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// Answer section of the reply, a record each.
    #[serde(default)]
    pub records: Vec<String>,
    /// Route that would be asked, where one would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Upstreams of that route, as in the configuration; ` (down)` behind those that did not answer lately.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
}

/// One step of the line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainStep {
    /// Who looked, as `zone::lookup`.
    pub step: String,
    /// What it said.
    pub verdict: String,
}

/// Earlier versions of a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The zone, absolute.
    pub zone: String,
    /// Its view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// Newest first.
    pub versions: Vec<Version>,
}

/// One earlier version: the file as it was before a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub changes: Vec<String>,
}

/// Why a request failed, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The line is no request of this protocol.
    BadRequest,
    /// The line's version is not spoken here.
    Version,
    /// A word of the request is wrong: no such type, bad RDATA, a name in no zone.
    BadWord,
    /// The zone, view, record or version is not there.
    NotFound,
    /// It would break the zone, or the file on disk is broken already.
    Refused,
    /// Another edit holds the lock, or too many clients are connected.
    Busy,
    /// A file could not be read or written.
    Io,
    /// This side cannot do that: `status` of files, say.
    Unavailable,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: Code,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// The defects that stand in the way, where that is the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<DefectText>,
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
