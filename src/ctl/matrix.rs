//! `dnsctl matrix`: from options to changes of zone files, and to all that must be set beside them.
//!
//! What a Matrix server needs is [`crate::matrix`]'s to say. Here its records are compared with what the zones hold, and the
//! difference is asked for as one `change`. Whoever answers (a daemon, or the files) is behind [`Asking`].

mod moving;
mod plan;
#[cfg(test)]
mod tests;

use crate::control::types::{
    Answer, Changed, Code, Failure, Finding, ListRecords, Matrix, MatrixPart, MatrixServer, Nothing,
    RecordText, Request, ZoneStatus,
};
use crate::matrix::mark;
use crate::matrix::set::{Delegation, ServerName, Set, Target, bare, host_name, in_order};
use crate::matrix::texts::{self, Part};
use crate::matrix::{FEDERATION_PORT, HTTPS_PORT, Role, TTL};
use crate::message::{Name, Rtype};
use crate::zone::rdata;
use crate::zone::record::Record;

use super::Reply;
use super::args::matrix::{MatrixAddArgs, MatrixCheckArgs, MatrixCommand, MatrixRemoveArgs, MatrixShowArgs};

use plan::{Plan, Wanted};

/// Carries the command out. `ask` puts one request to the daemon, or to the files.
pub(super) fn run(command: &MatrixCommand, ask: &dyn Fn(&Request) -> Reply) -> Reply {
    let mut asking = Asking {
        ask,
        notes: Vec::new(),
        code: super::FAILED,
    };
    let result = match command {
        MatrixCommand::Add(args) => add(args, &mut asking),
        MatrixCommand::Show(args) => show(args, &mut asking),
        MatrixCommand::Remove(args) => remove(args, &mut asking),
        MatrixCommand::Check(args) => check(args, &mut asking),
        MatrixCommand::Move(args) => moving::run(args, &mut asking),
        #[cfg(feature = "doctor")]
        MatrixCommand::Doctor(args) => return super::doctor::run(args, ask),
    };
    Reply {
        result: result.map(|matrix| Answer::Matrix(Box::new(matrix))),
        notes: asking.notes,
        code: asking.code,
    }
}

/// Who answers, and what was said beside the answers.
struct Asking<'a> {
    ask: &'a dyn Fn(&Request) -> Reply,
    notes: Vec<String>,
    code: u8,
}

impl Asking<'_> {
    fn call(&mut self, request: &Request) -> Result<Answer, Failure> {
        let reply = (self.ask)(request);
        for note in reply.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        if reply.result.is_err() {
            self.code = reply.code;
        }
        reply.result
    }

    fn zones(&mut self) -> Result<Vec<ZoneStatus>, Failure> {
        match self.call(&Request::ListZones(Nothing {}))? {
            Answer::Zones(zones) => Ok(zones.zones),
            _ => Err(other_answer()),
        }
    }

    fn records(&mut self, zone: &str) -> Result<Vec<RecordText>, Failure> {
        let request = Request::ListRecords(ListRecords {
            zone: Some(zone.to_owned()),
            ..ListRecords::default()
        });
        match self.call(&request)? {
            Answer::Records(records) if records.more => Err(Failure::new(
                Code::Refused,
                format!("the zone {zone} holds more records than one list may: edit it by hand"),
            )),
            Answer::Records(records) => Ok(records.records),
            _ => Err(other_answer()),
        }
    }

    /// Has a plan carried out; what changed, the zones that did not left out.
    fn carry_out(&mut self, plan: Plan, dry_run: bool) -> Result<Changed, Failure> {
        let Answer::Changed(mut changed) = self.call(&Request::Change(plan.words(dry_run)))? else {
            return Err(other_answer());
        };
        changed.zones.retain(|zone| {
            let has_diff = zone.diff.as_ref().is_some_and(|diff| !diff.is_empty());
            has_diff || !zone.added.is_empty() || !zone.removed.is_empty() || !zone.notes.is_empty()
        });
        Ok(changed)
    }
}

fn other_answer() -> Failure {
    Failure::new(
        Code::Unavailable,
        "the daemon answered something else than was asked",
    )
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Code::BadWord, message)
}

/// What the base zone and its views hold of a zone, and which Matrix servers it names.
struct Ground {
    origin: Name,
    /// The base zone; none where it is to be made.
    base: Option<ZoneStatus>,
    /// The views' zones.
    views: Vec<ZoneStatus>,
    records: Vec<Record>,
    in_views: Vec<(String, Vec<Record>)>,
}

impl Ground {
    /// The zone that a host lies in, or would.
    fn of(host: &Name, asking: &mut Asking<'_>) -> Result<Ground, Failure> {
        let zones = asking.zones()?;
        let origin_of = |zone: &ZoneStatus| zone.zone.parse::<Name>().ok();
        let longest = zones
            .iter()
            .filter(|zone| zone.view.is_none())
            .filter_map(origin_of)
            .filter(|origin| host.as_ref().is_at_or_below(origin.as_ref()))
            .max_by_key(|origin| origin.as_ref().label_count());
        let origin = longest.unwrap_or_else(|| host.clone());
        Self::at(origin, zones, asking)
    }

    fn at(origin: Name, zones: Vec<ZoneStatus>, asking: &mut Asking<'_>) -> Result<Ground, Failure> {
        let mut here: Vec<ZoneStatus> = zones
            .into_iter()
            .filter(|zone| zone.zone.parse::<Name>().is_ok_and(|name| name == origin))
            .collect();
        let base = here.iter().position(|zone| zone.view.is_none());
        let base = base.map(|at| here.remove(at));
        let listed = match &base {
            Some(base) => asking.records(&base.zone)?,
            None => Vec::new(),
        };
        let mut in_views: Vec<(String, Vec<Record>)> = here
            .iter()
            .filter_map(|zone| Some((zone.view.clone()?, Vec::new())))
            .collect();
        let mut records = Vec::new();
        for text in &listed {
            let Some(record) = record_of(text) else { continue };
            match &text.view {
                None => records.push(record),
                Some(view) => {
                    if let Some((_, of_view)) = in_views.iter_mut().find(|(name, _)| name == view) {
                        of_view.push(record);
                    }
                }
            }
        }
        Ok(Ground {
            origin,
            base,
            views: here,
            records,
            in_views,
        })
    }

    /// The Matrix servers that the zone names, with the value each was read from.
    fn sets(&self) -> Result<Vec<(String, Set)>, Failure> {
        let values = self.base.iter().flat_map(|base| &base.matrix);
        let read = values.map(|value| {
            let mut set = mark::read(value).map_err(|error| {
                let file = self.base.as_ref().map_or("", |base| base.file.as_str());
                Failure::new(
                    Code::Refused,
                    format!(
                        "the option `matrix={}` in `{file}` is not valid: {error}",
                        value.escape_debug()
                    ),
                )
            })?;
            set.read_records(&self.records, &self.in_views);
            Ok((value.clone(), set))
        });
        read.collect()
    }

    fn set_of(&self, server: &ServerName) -> Result<Option<(String, Set)>, Failure> {
        let sets = self.sets()?;
        Ok(sets.into_iter().find(|(_, set)| set.server == *server))
    }
}

/// The record of a text; none for types that Matrix servers do not need.
fn record_of(text: &RecordText) -> Option<Record> {
    let rtype: Rtype = text.rtype.parse().ok()?;
    if !matches!(rtype, Rtype::A | Rtype::AAAA | Rtype::SRV | Rtype::CNAME) {
        return None;
    }
    let owner: Name = text.name.parse().ok()?;
    let rdata = rdata::from_args(rtype, &[&text.rdata], Name::root().as_ref()).ok()?;
    Some(Record {
        owner,
        ttl: text.ttl,
        rtype,
        rdata,
        expires: text
            .expires
            .as_deref()
            .and_then(crate::zone::master::civil::read_time),
    })
}

fn add(args: &MatrixAddArgs, asking: &mut Asking<'_>) -> Result<Matrix, Failure> {
    let mut set = wanted(args)?;
    let ground = Ground::of(&set.server.host, asking)?;
    if let (Some(mode), Some(base)) = (&args.mode, &ground.base)
        && base.mode.as_ref() != Some(mode)
    {
        let is = base.mode.as_deref().unwrap_or("private");
        return Err(bad(format!(
            "the zone {} is there and is {is}: leave out --mode, or change `mode=` in `{}`",
            ground.origin, base.file
        )));
    }
    refuse_shared(&ground, &set)?;
    let old = ground.set_of(&set.server)?;
    if args.ttl.is_none()
        && let Some((_, old)) = &old
    {
        set.ttl = old.ttl;
    }
    let mut notes = Vec::new();
    let homeserver = set.homeserver().host;
    if !homeserver.as_ref().is_at_or_below(ground.origin.as_ref()) {
        if args.web.is_some() {
            return Err(bad(format!(
                "{} does not lie in the zone {}, so --address is the server name's already: leave out --web",
                bare(&homeserver),
                ground.origin
            )));
        }
        notes.push(format!(
            "{} does not lie in the zone {}: its address must come from elsewhere",
            bare(&homeserver),
            ground.origin
        ));
    }
    let plan = Plan::between(
        &ground,
        old.as_ref(),
        &Wanted {
            set: Some(&set),
            mode: args.mode.as_deref(),
            replace: args.replace,
            leaving: None,
        },
    )?;
    let changed = asking.carry_out(plan, args.dry_run)?;
    notes.extend(undo_words(&changed));
    if changed.zones.is_empty() && !args.dry_run {
        notes.push(format!(
            "nothing changed: the records of {} are so already",
            set.server
        ));
    }
    Ok(Matrix {
        dry_run: changed.dry_run,
        zones: changed.zones,
        servers: vec![server_of(&set, &ground.origin)],
        notes,
        ..Matrix::default()
    })
}

/// Refuses a set that has a name of another server of the zone: what is changed of one would be lost to the other.
fn refuse_shared(ground: &Ground, set: &Set) -> Result<(), Failure> {
    let hosts = set.hosts();
    for (_, other) in ground
        .sets()?
        .iter()
        .filter(|(_, other)| other.server != set.server)
    {
        let theirs = other.hosts();
        let shared = hosts
            .iter()
            .find(|(_, host)| theirs.iter().any(|(_, other)| other == host));
        if let Some((_, host)) = shared {
            return Err(Failure::new(
                Code::Refused,
                format!(
                    "{} is a name of the Matrix server {} already: choose another, or remove that one first with `dnsctl matrix remove {}`",
                    bare(host),
                    other.server,
                    other.server
                ),
            ));
        }
    }
    Ok(())
}

/// What the options ask for.
fn wanted(args: &MatrixAddArgs) -> Result<Set, Failure> {
    let server = args.server.clone();
    let read = |text: &str| host_name(text.strip_suffix('.').unwrap_or(text));
    let given = args.homeserver.as_deref().map(read).transpose();
    let given = given.map_err(|error| bad(format!("--homeserver: {error}")))?;
    let default = if server.port.is_some() {
        "none"
    } else {
        "well-known"
    };
    let way = args.delegate.as_deref().unwrap_or(default);
    let target = |port: u16| {
        let usual = || Name::prepend(b"matrix", server.host.as_ref());
        let host = given
            .clone()
            .or_else(usual)
            .unwrap_or_else(|| server.host.clone());
        Target {
            host,
            port: args.port.unwrap_or(port),
        }
    };
    let delegation = match way {
        "srv" => Delegation::Srv(target(FEDERATION_PORT)),
        "well-known" => Delegation::WellKnown(target(HTTPS_PORT)),
        _ => {
            if let Some(host) = given.as_ref().filter(|host| **host != server.host) {
                return Err(bad(format!(
                    "without delegation the homeserver is {} itself: leave out --homeserver {}, or lead others there with --delegate well-known or srv",
                    bare(&server.host),
                    bare(host)
                )));
            }
            let port = server.port.unwrap_or(FEDERATION_PORT);
            if args.port.is_some_and(|other| other != port) {
                return Err(bad(format!(
                    "without delegation other servers ask port {port} (server-server API, resolving server names, steps 2 and 6): leave out --port, or lead them elsewhere with --delegate well-known or srv"
                )));
            }
            Delegation::None
        }
    };
    let addresses = in_order(args.addresses.base.clone());
    let mut set = Set {
        server,
        delegation,
        client_port: args.client_port.filter(|port| *port != HTTPS_PORT),
        services: args.services().map(|(service, _)| service).collect(),
        own: Default::default(),
        views: Default::default(),
        ttl: args.ttl.unwrap_or(TTL),
        addresses,
    };
    for (view, addresses) in &args.addresses.views {
        let place: &mut Vec<_> = set.views.entry(view.clone()).or_default();
        place.extend(addresses);
        *place = in_order(std::mem::take(place));
    }
    let own = args
        .services()
        .filter_map(|(service, own)| Some((Role::Service(service), own?)));
    let web = args.web.iter().map(|web| (Role::Server, web));
    for (role, own) in own.chain(web) {
        let own = in_order(own.0.clone());
        if role == Role::Server && set.homeserver().host == set.server.host {
            return Err(bad(
                "--web is for a server name whose homeserver is another host: leave it out, or name --homeserver",
            ));
        }
        if own != set.addresses {
            set.own.insert(role, own);
        }
    }
    set.check().map_err(bad)?;
    Ok(set)
}

fn show(args: &MatrixShowArgs, asking: &mut Asking<'_>) -> Result<Matrix, Failure> {
    let mut servers = Vec::new();
    for (ground, _, set) in all(asking)? {
        if args.server.as_ref().is_none_or(|server| *server == set.server) {
            let mut server = server_of(&set, &ground);
            server
                .parts
                .retain(|part| args.part.is_none_or(|wanted| wanted.as_str() == part.part));
            servers.push(server);
        }
    }
    match (&args.server, servers.as_slice()) {
        (Some(server), []) => return Err(unknown(server)),
        (None, []) => {
            let message = "no zone has a Matrix server that `dnsctl matrix add` wrote";
            return Err(Failure::new(Code::NotFound, message));
        }
        _ => {}
    }
    if let (Some(part), true) = (args.part, servers.iter().all(|server| server.parts.is_empty())) {
        let message = match part {
            Part::Server => {
                "there must be no .well-known/matrix/server: others are led another way, and it would come first"
            }
            _ => "the server has no use for this part",
        };
        return Err(Failure::new(Code::NotFound, message));
    }
    Ok(Matrix {
        servers,
        ..Matrix::default()
    })
}

/// Every Matrix server of every base zone: its zone, the option it was read from, itself.
fn all(asking: &mut Asking<'_>) -> Result<Vec<(Name, String, Set)>, Failure> {
    let zones = asking.zones()?;
    let mut all = Vec::new();
    let with_servers = zones
        .iter()
        .filter(|zone| zone.view.is_none() && !zone.matrix.is_empty());
    for zone in with_servers {
        let Ok(origin) = zone.zone.parse::<Name>() else {
            continue;
        };
        let ground = Ground::at(origin, zones.clone(), asking)?;
        let sets = ground.sets()?;
        all.extend(
            sets.into_iter()
                .map(|(value, set)| (ground.origin.clone(), value, set)),
        );
    }
    Ok(all)
}

fn unknown(server: &ServerName) -> Failure {
    Failure::new(
        Code::NotFound,
        format!("no zone has a Matrix server `{server}` that `dnsctl matrix add` wrote"),
    )
}

fn remove(args: &MatrixRemoveArgs, asking: &mut Asking<'_>) -> Result<Matrix, Failure> {
    let ground = Ground::of(&args.server.host, asking)?;
    let old = ground
        .set_of(&args.server)?
        .ok_or_else(|| unknown(&args.server))?;
    let plan = Plan::between(&ground, Some(&old), &Wanted::default())?;
    let changed = asking.carry_out(plan, args.dry_run)?;
    let mut notes = Vec::from_iter(undo_words(&changed));
    if ground.base.is_some() {
        notes.push(format!(
            "the zone {} is there still: its names are not asked upstream",
            ground.origin
        ));
    }
    Ok(Matrix {
        dry_run: changed.dry_run,
        zones: changed.zones,
        notes,
        ..Matrix::default()
    })
}

fn check(args: &MatrixCheckArgs, asking: &mut Asking<'_>) -> Result<Matrix, Failure> {
    let Answer::Checked(checked) = asking.call(&Request::Check(Nothing {}))? else {
        return Err(other_answer());
    };
    // What a broken file holds is not looked at.
    if !checked.defects.is_empty() {
        let message = "zones have defects, which come first:";
        let mut failure = Failure::new(Code::Refused, message);
        failure.defects = checked.defects;
        return Err(failure);
    }
    let is_wanted = |finding: &Finding| {
        let zone = finding.zone.parse::<Name>();
        args.server
            .as_ref()
            .is_none_or(|server| zone.is_ok_and(|zone| server.host.as_ref().is_at_or_below(zone.as_ref())))
    };
    let findings: Vec<Finding> = checked.findings.into_iter().filter(is_wanted).collect();
    let mut notes = Vec::new();
    if let Some(server) = &args.server {
        let servers = all(asking)?;
        if findings.is_empty() && !servers.iter().any(|(_, _, set)| set.server == *server) {
            return Err(unknown(server));
        }
    }
    if findings.is_empty() {
        notes.push("nothing is wrong with the records of Matrix servers".to_owned());
    }
    Ok(Matrix {
        findings,
        notes,
        ..Matrix::default()
    })
}

/// How to take a change back: one step, of however many files.
fn undo_words(changed: &Changed) -> Option<String> {
    let first = changed.zones.first().filter(|_| !changed.dry_run)?;
    let view = first
        .view
        .as_ref()
        .map_or(String::new(), |view| format!(" --view {view}"));
    let files = match changed.zones.len() {
        1 => String::new(),
        2 => ", in both files".to_owned(),
        count => format!(", in all {count} files"),
    };
    let zone = first.zone.trim_end_matches('.');
    Some(format!("`dnsctl undo {zone}{view}` takes this back{files}"))
}

/// A set as answers tell of it.
fn server_of(set: &Set, origin: &Name) -> MatrixServer {
    let texts_of = |addresses: &[std::net::IpAddr]| addresses.iter().map(ToString::to_string).collect();
    let host_of = |role: Role| {
        let hosts = set.hosts();
        let found = hosts.into_iter().find(|(other, _)| *other == role);
        found.map(|(_, host)| bare(&host)).unwrap_or_default()
    };
    let parts = Part::ALL.into_iter().filter_map(|part| {
        Some(MatrixPart {
            part: part.as_str().to_owned(),
            title: part.title(set),
            text: texts::text(set, part)?,
        })
    });
    MatrixServer {
        server: set.server.to_string(),
        zone: origin.to_string(),
        delegation: set.delegation.as_str().to_owned(),
        homeserver: set.homeserver().to_string(),
        certificate: bare(&set.certificate_name()),
        client: texts::client_url(set),
        addresses: texts_of(&set.addresses),
        services: set
            .services
            .iter()
            .map(|service| (bare(&set.service_host(*service)), service.as_str().to_owned()))
            .collect(),
        own: set
            .own
            .iter()
            .map(|(role, addresses)| (host_of(*role), texts_of(addresses)))
            .collect(),
        views: set
            .views
            .iter()
            .map(|(view, addresses)| (view.clone(), texts_of(addresses)))
            .collect(),
        ttl: set.ttl,
        parts: parts.collect(),
    }
}
