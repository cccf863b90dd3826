//! The words of `dnsctl`'s command line.

#[cfg(feature = "doctor")]
pub mod doctor;
pub mod line;
pub mod matrix;
mod words;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::control::types::{
    AddZone, AuthorityWords, CacheDump, DeviceWords, Explain, Flush, Invite, ListRecords, Nothing,
    QueriesWords, RecordWords, RemoveRecord, Request, UndoWords, ZoneWords,
};
use crate::onboard::PLAIN_PORT;
use crate::onboard::router::Kind;
use crate::zone::rdata;
use crate::zone::record::MAX_TTL;
use words::{CACHE_DUMP_EXAMPLES, CACHE_EXAMPLES, FLUSH_EXAMPLES, QUERIES_EXAMPLES, STATS_WORDS};

const AFTER_HELP: &str = "\
Which daemon, which files:
  --control SOCKET  ask that daemon and nobody else
  --zones DIR       work on the files in DIR; a running daemon must reload
  neither           ask the daemon on the default socket; if nobody listens
                    there, work on the default files and say so

Exit codes:
  0  done (check: no defect)
  1  refused or failed; the reason is on stderr
  2  the command line is wrong
  3  a daemon is needed and none can be reached

With --json, stdout is one line: {\"version\":1,\"ok\":...} when done,
{\"version\":1,\"error\":{\"code\":...,\"message\":...}} when not, as in the control
protocol; queries --follow prints one for each look that finds something. Exit
codes are the same. Notes for people go to stderr, with --json or without.

Examples:
  dnsctl add-zone hearth.example
  dnsctl add-record matrix A 203.0.113.10
  dnsctl add-record _matrix-fed._tcp SRV 10 5 8448 matrix
  dnsctl list-records
  dnsctl undo hearth.example";

/// What every command about one record says below its examples.
macro_rules! with_name_rules {
    ($text:literal) => {
        concat!(
            $text,
            "\n\n\
NAME is absolute if it ends with a dot or lies in a zone that is there; else\n\
it is relative to --zone, or to the only zone. `@` is the zone itself.\n\
Options may stand before or behind the data. A word of the data that begins\n\
with two dashes stands behind `--`:  add-record x TXT -- --word"
        )
    };
}

const ADD_RECORD_EXAMPLES: &str = with_name_rules!(
    "\
Examples:
  dnsctl add-record matrix A 203.0.113.10
  dnsctl add-record matrix AAAA 2001:db8::10 --ttl 1h --comment 'moved 3 May'
  dnsctl add-record @ TXT 'v=spf1 -all' --zone hearth.example
  dnsctl add-record _matrix-fed._tcp SRV 10 5 8448 matrix
  dnsctl add-record guest A 192.168.1.99 --expires 30d"
);

const SET_RECORD_EXAMPLES: &str = with_name_rules!(
    "\
The record keeps its line, its comment and, without --ttl, its TTL.

Examples:
  dnsctl set-record matrix A 203.0.113.11
  dnsctl set-record matrix.hearth.example A 203.0.113.11 --view vpn"
);

const REMOVE_RECORD_EXAMPLES: &str = with_name_rules!(
    "\
Examples:
  dnsctl remove-record matrix A 203.0.113.10   one record
  dnsctl remove-record matrix A                every A record of the name
  dnsctl remove-record matrix                  every record of the name"
);

const LIST_RECORDS_EXAMPLES: &str = "\
Examples:
  dnsctl list-records
  dnsctl list-records matrix
  dnsctl list-records --zone hearth.example --type SRV --json";

const ADD_ZONE_EXAMPLES: &str = "\
Modes:
  private   names that the zone does not hold do not exist (the default)
  overlay   names that it does not hold are asked upstream
  redirect  the zone's own records answer for every name below it

Examples:
  dnsctl add-zone hearth.example
  dnsctl add-zone example.org --mode overlay
  dnsctl add-zone hearth.example --view vpn";

const REMOVE_ZONE_EXAMPLES: &str = "\
The file goes to the history, from where `undo` brings it back. From then on
names of the zone are asked upstream. This is also how a zone goes whose file
was deleted by hand: until then it stays as it last was.

Example:
  dnsctl remove-zone hearth.example";

const CHECK_EXAMPLES: &str = "\
Without FILE the whole zones folder is checked: the daemon's if one runs.
Changes nothing. Every defect is listed as FILE:LINE:COLUMN: MESSAGE.

Examples:
  dnsctl check
  dnsctl check hearth.example.zone
  dnsctl check draft.txt --origin hearth.example";

const RECONNECT_EXAMPLES: &str = "\
The daemon does the same by itself when an address, a default route or a link
of this host changes. This command is for hosts where it cannot notice that,
such as some containers, and for what it cannot see: a new line behind the
modem. Upstreams that did not answer lately get another chance.

Example, in a hotplug script:
  dnsctl reconnect";

const LAN_WORDS: &str = "\
Names come from the files that the section `lan` of the configuration names:
leases of DHCP servers, hosts files, /etc/ethers. UNTIL is when a lease ends.
What is refused is shown with the reason: a device may call itself anything.

Example:
  dnsctl lan";

const CERTIFICATE_EXAMPLES: &str = "\
Without a command it shows names, issuer, times, and what stands in the way.
An authority of our own is made at the first start where listeners are
encrypted and the configuration names no certificate. It can sign for this
server's names and for private addresses only.

Examples:
  dnsctl certificate
  dnsctl certificate renew
  dnsctl certificate authority >authority.pem";

const AUTHORITY_EXAMPLES: &str = "\
The certificate is what devices are given, so that they trust this server; it
is no secret. With --replace every device must be given the new one.

Examples:
  dnsctl certificate authority >authority.pem
  dnsctl certificate authority --replace";

const EXPLAIN_EXAMPLES: &str = "\
Shows step by step how the daemon would answer; asks nobody.

Examples:
  dnsctl explain matrix.hearth.example
  dnsctl explain hearth.example HTTPS --client 192.168.1.20
  dnsctl explain example.org --client 203.0.113.9 --device anna-phone";

const INVITE_EXAMPLES: &str = "\
Makes the device with a token of its own, or another invite for one that is
there. NAME is 1 to 32 of a-z, 0-9, - and _. The code is good for a day and for
one use, unless told otherwise; a revoked device is made anew.

What is printed is a secret: whoever has it can be that device.

Examples:
  dnsctl invite anna-phone
  dnsctl invite anna-phone --card anna.html --wifi Hearth
  dnsctl invite class-tablets --uses 30 --ttl 2h
  dnsctl invite anna-laptop --all";

const DEVICES_WORDS: &str = "\
States:
  invited  its token was never used
  active   its token was used: SEEN is when last, OVER is by which transport
  revoked  its token is refused";

const REVOKE_EXAMPLES: &str = "\
Its token is refused from the next query on, also on open connections, and its
invites are void. `dnsctl invite` makes the device anew with another token.

Example:
  dnsctl revoke anna-phone";

const ROUTER_EXAMPLES: &str = "\
Prints the exact lines, or the places to click, that make a router forward\nyour \
zones to this server and let their private addresses pass. It changes\nnothing by \
itself. Without KIND it lists the kinds.\n
With --verify it asks the router, and says for each zone what is wrong and\nwhich \
line mends it; exit code 1 if something is wrong.\n
Examples:
  dnsctl router
  dnsctl router openwrt | ssh root@192.168.1.1 sh
  dnsctl router openwrt --undo
  dnsctl router unbound --server 192.168.1.10 --zone hearth.example
  dnsctl router openwrt --verify";

const RPCD_EXAMPLES: &str = "\
For /usr/libexec/rpcd: `list` prints the methods and their arguments, `call`
reads the arguments as JSON from stdin and prints the reply as JSON.

Examples:
  dnsctl rpcd list
  echo '{\"zone\":\"hearth.example\"}' | dnsctl rpcd call list_records";

#[cfg(feature = "openwrt")]
const ROUTER_MODE_EXAMPLES: &str = "\
Modes:
  guest  dnsmasq keeps port 53 and sends us our zones, as they come and go
  front  we have port 53, dnsmasq another; clients are told by DHCP
  off    dnsmasq knows nothing of us

Run on the router. Everything that is changed is recorded and taken back by the
next mode. In front, port 53 goes back to dnsmasq by itself when we do not
answer, and comes again when we are well.

Examples:
  dnsctl router-mode
  dnsctl router-mode front --dry-run
  dnsctl router-mode guest";

const UNDO_EXAMPLES: &str = "\
Goes back to the file as it was before the last edit; again goes one further
back. Where that edit changed several files, as `dnsctl matrix add` does for
views, all of them go back together. Brings back a removed zone. What is undone
stays in the history folder.

Examples:
  dnsctl undo hearth.example
  dnsctl undo hearth.example --dry-run
  dnsctl undo hearth.example --view lan --alone";

/// Heading of the options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// Edits and watches the zones of HearthDNS.
#[derive(Debug, Parser)]
#[command(name = "dnsctl", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
#[command(arg_required_else_help = true)]
pub struct CommandLine {
    /// On whom it works.
    #[command(flatten)]
    pub target: Target,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// On whom a command works, and how it speaks.
#[derive(Debug, Args)]
pub struct Target {
    /// Ask the daemon on this socket, nobody else
    #[arg(long, global = true, value_name = "SOCKET", help_heading = EVERYWHERE)]
    pub control: Option<PathBuf>,
    /// Work on the zone files in this folder
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub zones: Option<PathBuf>,
    /// With --zones: folder of history and last good copies
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub state: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
}

/// The commands, most used first.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add one record
    #[command(after_help = ADD_RECORD_EXAMPLES)]
    AddRecord(RecordArgs),
    /// Make the records of a name and type this one
    #[command(after_help = SET_RECORD_EXAMPLES)]
    SetRecord(RecordArgs),
    /// Remove records
    #[command(after_help = REMOVE_RECORD_EXAMPLES)]
    RemoveRecord(RemoveRecordArgs),
    /// List the records that are served
    #[command(after_help = LIST_RECORDS_EXAMPLES)]
    ListRecords(ListRecordsArgs),
    /// Add a zone without records
    #[command(after_help = ADD_ZONE_EXAMPLES)]
    AddZone(AddZoneArgs),
    /// Remove a zone and its file
    #[command(after_help = REMOVE_ZONE_EXAMPLES)]
    RemoveZone(ZoneArgs),
    /// List the zones and how each fares
    ListZones,
    /// List every defect of a zone file, or of all
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Have the daemon read the zones folder again
    Reload,
    /// Show how the daemon fares
    Status,
    /// Show what came by which transport, and which bounds were met
    #[command(after_help = STATS_WORDS)]
    Stats,
    /// Show what was asked, while somebody watches
    #[command(after_help = QUERIES_EXAMPLES)]
    Queries(QueriesArgs),
    /// Forget cached answers
    #[command(after_help = FLUSH_EXAMPLES)]
    Flush(FlushArgs),
    /// Show what the cache holds
    #[command(subcommand, after_help = CACHE_EXAMPLES, disable_help_subcommand = true)]
    Cache(CacheCommand),
    /// Open new connections to upstreams
    #[command(after_help = RECONNECT_EXAMPLES)]
    Reconnect,
    /// List the names of the devices of the house
    #[command(after_help = LAN_WORDS)]
    Lan,
    /// Show the certificate of the encrypted listeners
    #[command(after_help = CERTIFICATE_EXAMPLES, disable_help_subcommand = true)]
    Certificate(CertificateArgs),
    /// Show how a query would be answered
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Invite a device: make it, and a code for it
    #[command(after_help = INVITE_EXAMPLES)]
    Invite(InviteArgs),
    /// List the devices, and when they were seen
    #[command(after_help = DEVICES_WORDS)]
    Devices,
    /// Refuse a device's token from now on
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(DeviceArgs),
    /// Set up a Matrix server: its records, and what goes with them
    Matrix(matrix::MatrixArgs),
    /// Print what a router must be told, or ask it
    #[command(after_help = ROUTER_EXAMPLES)]
    Router(RouterArgs),
    /// Answer rpcd, which asks for LuCI
    #[command(subcommand, after_help = RPCD_EXAMPLES, disable_help_subcommand = true)]
    Rpcd(RpcdCommand),
    /// Set this host up: port 53, systemd-resolved
    #[cfg(feature = "systemd")]
    #[command(disable_help_subcommand = true)]
    Setup(super::setup::SetupArgs),
    /// Say who has port 53 on an OpenWrt router
    #[cfg(feature = "openwrt")]
    #[command(after_help = ROUTER_MODE_EXAMPLES)]
    RouterMode(super::mode::ModeArgs),
    /// List earlier versions of a zone
    Log(ZoneArgs),
    /// Go back to the version before the last edit
    #[command(after_help = UNDO_EXAMPLES)]
    Undo(UndoArgs),
}

/// A record.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Owner of the record: absolute, or relative to the zone
    #[arg(value_name = "NAME")]
    name: String,
    /// A, AAAA, CNAME, SRV, TXT, ... or TYPE12345
    #[arg(value_name = "TYPE")]
    rtype: String,
    /// The data, as in a zone file; several words are one record
    #[arg(value_name = "RDATA", required = true)]
    rdata: Vec<String>,
    /// Seconds, or as 1h30m; else as the set or the file has it
    #[arg(long, value_name = "TTL", value_parser = ttl)]
    ttl: Option<u32>,
    /// A comment on the record's line
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Serve it until then: 2027-01-01; or for 30d, 12h
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Which zone file is meant.
#[derive(Debug, Args)]
pub struct Place {
    /// The zone, where the name alone does not say it
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The view whose zone is meant; else the base zone
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
}

/// Records to remove.
#[derive(Debug, Args)]
pub struct RemoveRecordArgs {
    /// Owner of the records: absolute, or relative to the zone
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this type
    #[arg(value_name = "TYPE")]
    rtype: Option<String>,
    /// Only the record with this data
    #[arg(value_name = "RDATA")]
    rdata: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// Records to list.
#[derive(Debug, Args)]
pub struct ListRecordsArgs {
    /// Only this name
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// A zone to add.
#[derive(Debug, Args)]
pub struct AddZoneArgs {
    /// The domain
    #[arg(value_name = "ZONE")]
    zone: String,
    /// private, overlay or redirect
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// The view that it belongs to; else it is a base zone
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
}

/// A zone.
#[derive(Debug, Args)]
pub struct ZoneArgs {
    /// The zone's domain
    #[arg(value_name = "ZONE")]
    zone: String,
    /// The view whose zone is meant; else the base zone
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
}

/// What is to go back.
#[derive(Debug, Args)]
pub struct UndoArgs {
    #[command(flatten)]
    zone: ZoneArgs,
    /// Only this file, not the others of the same edit
    #[arg(long)]
    alone: bool,
    /// Show the difference in the files, change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A zone file; else the whole zones folder
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The zone of FILE, where its name does not say it
    #[arg(long, value_name = "NAME", requires = "file")]
    pub origin: Option<String>,
}

/// How to show queries.
#[derive(Debug, Args)]
pub struct QueriesArgs {
    /// Go on and print them as they come
    #[arg(long)]
    pub follow: bool,
}

/// What to forget.
#[derive(Debug, Args)]
pub struct FlushArgs {
    /// Only this name
    #[arg(value_name = "NAME", conflicts_with = "below")]
    name: Option<String>,
    /// This name and all below it
    #[arg(long, value_name = "NAME")]
    below: Option<String>,
}

/// What to show of the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show how full it is and how often it answered
    Stats,
    /// List the answers that it holds
    #[command(after_help = CACHE_DUMP_EXAMPLES)]
    Dump(CacheDumpArgs),
}

/// What to list.
#[derive(Debug, Args)]
pub struct CacheDumpArgs {
    /// Only this name
    #[arg(value_name = "NAME", conflicts_with = "below")]
    name: Option<String>,
    /// This name and all below it
    #[arg(long, value_name = "NAME")]
    below: Option<String>,
}

/// What to do about the certificate.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    #[command(subcommand)]
    command: Option<CertificateCommand>,
}

/// The same in words.
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Make or fetch a new certificate now
    Renew,
    /// Print the certificate of our own authority
    #[command(after_help = AUTHORITY_EXAMPLES)]
    Authority(AuthorityArgs),
}

/// Which authority.
#[derive(Debug, Args)]
pub struct AuthorityArgs {
    /// Make a new one, which no device trusts yet
    #[arg(long)]
    replace: bool,
}

/// A query.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Name asked for
    #[arg(value_name = "NAME")]
    name: String,
    /// Type asked for [default: A]
    #[arg(value_name = "TYPE")]
    rtype: Option<String>,
    /// Address of the client that asks [default: loopback]
    #[arg(long, value_name = "ADDR")]
    client: Option<String>,
    /// Device that asks with its token
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

/// A device to invite.
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// What the device is called
    #[arg(value_name = "NAME")]
    name: String,
    /// It is to ask for all names, not only for our zones
    #[arg(long)]
    all: bool,
    /// For how long the code is good [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = span)]
    ttl: Option<u32>,
    /// How often it can be used [default: 1]
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// What is drawn of it.
    #[cfg(feature = "onboard")]
    #[command(flatten)]
    pub draw: DrawArgs,
}

/// What is drawn of an invite.
#[cfg(feature = "onboard")]
#[derive(Debug, Default, Args)]
pub struct DrawArgs {
    /// Print the QR code where stdout is no terminal, too
    #[arg(long)]
    pub qr: bool,
    /// Write the QR code as a picture in PNG
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
    /// Write the QR code as a picture in SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write a card to print, A6, in HTML
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
    /// Join this Wi-Fi first; its passphrase is read from stdin
    #[arg(long, value_name = "SSID", requires = "card")]
    pub wifi: Option<String>,
}

/// A device.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// What the device is called
    #[arg(value_name = "NAME")]
    name: String,
}

/// What rpcd wants.
#[derive(Debug, Subcommand)]
pub enum RpcdCommand {
    /// Print the methods and their arguments
    List,
    /// Carry a method out with the arguments on stdin
    Call(RpcdCall),
}

/// A method.
#[derive(Debug, Args)]
pub struct RpcdCall {
    /// One of those that `list` prints
    #[arg(value_name = "METHOD")]
    pub method: String,
}

/// A router.
#[derive(Debug, Args)]
pub struct RouterArgs {
    /// What the router is
    #[arg(value_name = "KIND", value_parser = kind)]
    pub kind: Option<Kind>,
    /// Print what takes it back
    #[arg(long, requires = "kind", conflicts_with = "verify")]
    pub undo: bool,
    /// Ask the router whether it does it
    #[arg(long)]
    pub verify: bool,
    /// Address of this server, with :PORT if not 53
    #[arg(long, value_name = "ADDR", value_parser = server_address)]
    pub server: Vec<SocketAddr>,
    /// Only these zones
    #[arg(long = "zone", value_name = "ZONE")]
    pub only: Vec<String>,
    /// The router to ask [default: the default gateway]
    #[arg(long, value_name = "ADDR", value_parser = server_address, requires = "verify")]
    pub router: Option<SocketAddr>,
}

impl Command {
    /// The request that this command is.
    #[must_use]
    pub fn request(&self) -> Request {
        let zone = |args: &ZoneArgs| ZoneWords {
            zone: args.zone.clone(),
            view: args.view.clone(),
        };
        match self {
            Self::AddRecord(args) => Request::AddRecord(args.words()),
            Self::SetRecord(args) => Request::SetRecord(args.words()),
            Self::RemoveRecord(args) => Request::RemoveRecord(RemoveRecord {
                name: args.name.clone(),
                rtype: args.rtype.clone(),
                rdata: args.rdata.clone(),
                zone: args.place.zone.clone(),
                view: args.place.view.clone(),
            }),
            Self::ListRecords(args) => Request::ListRecords(ListRecords {
                name: args.name.clone(),
                rtype: args.rtype.clone(),
                zone: args.place.zone.clone(),
                view: args.place.view.clone(),
            }),
            Self::AddZone(args) => Request::AddZone(AddZone {
                zone: args.zone.clone(),
                mode: args.mode.clone(),
                view: args.view.clone(),
            }),
            Self::RemoveZone(args) => Request::RemoveZone(zone(args)),
            Self::ListZones => Request::ListZones(Nothing {}),
            Self::Check(_) => Request::Check(Nothing {}),
            Self::Reload => Request::Reload(Nothing {}),
            Self::Status => Request::Status(Nothing {}),
            Self::Stats => Request::Stats(Nothing {}),
            Self::Queries(_) => Request::Queries(QueriesWords::default()),
            Self::Flush(args) => Request::Flush(Flush {
                name: args.name.clone(),
                below: args.below.clone(),
            }),
            Self::Cache(CacheCommand::Stats) => Request::CacheStats(Nothing {}),
            Self::Cache(CacheCommand::Dump(args)) => Request::CacheDump(CacheDump {
                name: args.name.clone(),
                below: args.below.clone(),
            }),
            Self::Reconnect => Request::Reconnect(Nothing {}),
            Self::Lan => Request::Lan(Nothing {}),
            Self::Certificate(args) => match &args.command {
                None => Request::Certificate(Nothing {}),
                Some(CertificateCommand::Renew) => Request::RenewCertificate(Nothing {}),
                Some(CertificateCommand::Authority(args)) => Request::Authority(AuthorityWords {
                    replace: args.replace,
                }),
            },
            Self::Explain(args) => Request::Explain(Explain {
                name: args.name.clone(),
                rtype: args.rtype.clone(),
                client: args.client.clone(),
                device: args.device.clone(),
            }),
            Self::Invite(args) => Request::Invite(Invite {
                name: args.name.clone(),
                all: args.all,
                ttl: args.ttl,
                uses: args.uses,
            }),
            Self::Devices => Request::Devices(Nothing {}),
            Self::Revoke(args) => Request::Revoke(DeviceWords {
                name: args.name.clone(),
            }),
            // What rpcd asks for stands on standard input; nobody comes here for it.
            #[cfg(feature = "openwrt")]
            Self::RouterMode(_) => Request::Facts(Nothing {}),
            Self::Router(_) | Self::Rpcd(_) => Request::Facts(Nothing {}),
            // It asks several things; this one first.
            Self::Matrix(_) => Request::ListZones(Nothing {}),
            // Asks nobody.
            #[cfg(feature = "systemd")]
            Self::Setup(_) => Request::Facts(Nothing {}),
            Self::Log(args) => Request::Log(zone(args)),
            Self::Undo(args) => Request::Undo(UndoWords {
                zone: args.zone.zone.clone(),
                view: args.zone.view.clone(),
                alone: args.alone,
                dry_run: args.dry_run,
            }),
        }
    }
}

impl RecordArgs {
    fn words(&self) -> RecordWords {
        RecordWords {
            name: self.name.clone(),
            rtype: self.rtype.clone(),
            rdata: self.rdata.clone(),
            ttl: self.ttl,
            comment: self.comment.clone(),
            expires: self.expires.clone(),
            zone: self.place.zone.clone(),
            view: self.place.view.clone(),
        }
    }
}

/// Reads a command line.
///
/// # Errors
/// What clap says, help and version included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let line = CommandLine::try_parse_from(line::reordered(args.into_iter().collect()))?;
    let conflict =
        |message: &str| CommandLine::command().error(clap::error::ErrorKind::ArgumentConflict, message);
    // Said here, because clap does not see a conflict of one before the command with one behind it.
    if line.target.control.is_some() && line.target.zones.is_some() {
        return Err(conflict(
            "--control asks a daemon and --zones works on files; choose one of them",
        ));
    }
    if line.target.state.is_some() && line.target.zones.is_none() {
        return Err(conflict(
            "--state belongs to --zones; a daemon knows its own state folder",
        ));
    }
    Ok(line)
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::named(text).ok_or_else(|| {
        let words: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        format!("expected one of {}", words.join(", "))
    })
}

/// An address, with or without a port.
fn server_address(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PLAIN_PORT));
    address.or_else(|_| text.parse::<SocketAddr>()).map_err(|_| {
        "expected an IP address, as 192.168.1.10, 192.168.1.10:5300 or [fd00::1]:5300".to_owned()
    })
}

fn ttl(text: &str) -> Result<u32, String> {
    rdata::read_seconds(text)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .filter(|seconds| *seconds <= MAX_TTL)
        .ok_or_else(|| format!("expected seconds up to {MAX_TTL}, or a time as 1h30m"))
}

/// A time from now; how long it may be is for the daemon to say.
fn span(text: &str) -> Result<u32, String> {
    rdata::read_seconds(text)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| "expected a time as 24h, 30m or 7d, or seconds".to_owned())
}

#[cfg(test)]
mod tests;
