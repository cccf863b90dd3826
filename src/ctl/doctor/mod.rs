//! `dnsctl matrix doctor`: walks to a Matrix server and says where the way ends.
//!
//! What is seen is judged by [`crate::matrix::doctor`]; here is the walking, over blocking sockets, because nothing else of
//! `dnsctl` needs a runtime. `walk` is the way of a homeserver, `client` and `turn` those of clients; `resolver` compares
//! what this machine is told; `dns`, `net`, `tls` and `web` do the asking, `keys` checks signatures. Every step has a
//! deadline, every reply a bound, and no name leads to an address that `net::Guard` refuses. Read `walk` next.

mod client;
mod dns;
mod keys;
mod net;
mod resolver;
pub(super) mod text;
mod tls;
mod turn;
mod walk;
mod web;

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::args::doctor::{DoctorArgs, Only, Via as Wanted};
use super::{FAILED, NO_DAEMON, Reply, now};
use crate::config::limits;
use crate::control::types::{
    Answer, AuthorityWords, Code, Diagnosed, DiagnosedLink, Explain, Facts, Failure, Nothing, Request,
};
use crate::matrix::doctor::{Class, Leg, Link, Report, Verdict};
use crate::upstream::roots;
use dns::{Asker, Via};
use net::{Budget, Guard};
use tls::Trust;
use walk::Walk;

/// Half a millisecond: times are told in whole ones, rounded.
const HALF: Duration = Duration::from_micros(500);

/// Carries the command out; `control` asks our daemon.
pub(super) fn run(args: &DoctorArgs, control: &dyn Fn(&Request) -> Reply) -> Reply {
    match diagnose(args, control) {
        Ok(diagnosed) => Reply::new(Ok(Answer::Diagnosed(diagnosed))),
        Err((code, failure)) => {
            let mut reply = Reply::new(Err(failure));
            reply.code = code;
            reply
        }
    }
}

fn failed(message: impl Into<String>) -> (u8, Failure) {
    (FAILED, Failure::new(Code::Unavailable, message))
}

fn diagnose(args: &DoctorArgs, control: &dyn Fn(&Request) -> Reply) -> Result<Diagnosed, (u8, Failure)> {
    let mut notes = Vec::new();
    let file = args.ca_file.as_deref().map(|file| roots::read("--ca-file", file));
    let file = file.transpose().map_err(failed)?;
    let house = House::ask(control);
    let followed = followed(args, &house, &mut notes)?;
    let own = house.authority(control).map(|pem| roots::of_pem(pem.as_bytes()));
    let own = own
        .transpose()
        .map_err(|why| failed(format!("the daemon's authority {why}")))?;
    if own.is_some() {
        notes.push(
            "the authority of our own is trusted here; others trust it only where they were given it"
                .to_owned(),
        );
    }
    let trust = Trust::new(file, own).map_err(|why| failed(why.to_string()))?;
    let began = Instant::now();
    let shown = Cell::new(false);
    let is_terminal = io::stderr().is_terminal();
    let progress = |what: &str| {
        if is_terminal {
            shown.set(true);
            let what: String = what.chars().take(70).collect();
            let _ = write!(io::stderr(), "\r\x1b[K{what} ...");
        }
    };
    let compares = args.from_view.is_none() || !args.nameserver.is_empty();
    let mut walk = Walk {
        report: Report::default(),
        asker: Asker {
            via: followed.via,
            budget: Budget {
                end: began + args.time.unwrap_or(limits::DOCTOR_TIME.default_time()),
                step: args.step.unwrap_or(limits::DOCTOR_STEP.default_time()),
            },
            control,
        },
        guard: Guard {
            allow: args.allow.clone(),
        },
        trust,
        connects: args.connect.clone(),
        zones: house.zones(),
        views: house.clients_of_views(),
        known: Vec::new(),
        nameservers: compares.then(|| followed.nameservers.clone()),
        asks_system: compares && args.nameserver.is_empty(),
        resolver_decides: args.via.is_none() || !args.nameserver.is_empty(),
        now: now(),
        progress: &progress,
        has_clock: false,
        late: None,
    };
    let wants = |walk: &Walk<'_>, way| walk.late.is_none() && args.only.is_none_or(|only| only == way);
    if wants(&walk, Only::Server) {
        walk.server(&args.server);
    }
    if wants(&walk, Only::Client) {
        walk.client(&args.server);
    }
    if wants(&walk, Only::Turn) {
        walk.turn(args.turn.as_ref(), &args.server);
    }
    if shown.get() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(said(args, followed.words, &walk.close(), notes))
}

/// What our daemon says of itself.
struct House {
    facts: Option<Facts>,
    /// Whether it runs.
    is_there: bool,
}

impl House {
    fn ask(control: &dyn Fn(&Request) -> Reply) -> Self {
        let facts = match control(&Request::Facts(Nothing {})).result {
            Ok(Answer::Facts(facts)) => Some(facts),
            _ => None,
        };
        // Facts come from files too; an explanation comes from a daemon only.
        let request = Request::Explain(Explain {
            name: "localhost.".to_owned(),
            ..Explain::default()
        });
        let is_there = matches!(control(&request).result, Ok(Answer::Explained(_)));
        House { facts, is_there }
    }

    /// Where it answers plain DNS, the preferred place first.
    fn plain(&self) -> Option<SocketAddr> {
        let facts = self.facts.as_ref().filter(|_| self.is_there)?;
        let address = facts.addresses.first()?.parse::<IpAddr>().ok()?;
        Some(SocketAddr::new(address, *facts.ports.get("plain")?))
    }

    fn zones(&self) -> Vec<crate::message::Name> {
        let Some(facts) = &self.facts else {
            return Vec::new();
        };
        let base = facts.zones.iter().map(|zone| &zone.zone);
        base.chain(&facts.in_views)
            .filter_map(|zone| zone.parse().ok())
            .collect()
    }

    /// A client of each view.
    fn clients_of_views(&self) -> Vec<(String, IpAddr)> {
        let Some(facts) = self.facts.as_ref().filter(|_| self.is_there) else {
            return Vec::new();
        };
        let prefixes = |clients: &[String]| -> Vec<IpNet> {
            clients.iter().filter_map(|client| client.parse().ok()).collect()
        };
        let all: Vec<IpNet> = facts
            .views
            .values()
            .flat_map(|clients| prefixes(clients))
            .collect();
        let views = facts.views.iter().filter_map(|(view, clients)| {
            let client = prefixes(clients)
                .into_iter()
                .find_map(|prefix| client_in(prefix, &all))?;
            Some((view.clone(), client))
        });
        views.collect()
    }

    /// The authority of our own, where the daemon has one.
    fn authority(&self, control: &dyn Fn(&Request) -> Reply) -> Option<String> {
        let facts = self.facts.as_ref().filter(|_| self.is_there)?;
        if facts.trust != "own" {
            return None;
        }
        match control(&Request::Authority(AuthorityWords { replace: false })).result {
            Ok(Answer::Authority(authority)) => Some(authority.pem),
            _ => None,
        }
    }
}

/// An address of the prefix that lies in none of the longer ones, whose clients may see another view.
fn client_in(prefix: IpNet, all: &[IpNet]) -> Option<IpAddr> {
    let mut client = prefix.hosts().next()?;
    let hides = |other: &&IpNet, client| other.prefix_len() > prefix.prefix_len() && other.contains(&client);
    // Each turn leaves one of them behind.
    while let Some(other) = all.iter().find(|other| hides(other, client)) {
        client = match other.broadcast() {
            IpAddr::V4(last) => Ipv4Addr::from(u32::from(last).checked_add(1)?).into(),
            IpAddr::V6(last) => Ipv6Addr::from(u128::from(last).checked_add(1)?).into(),
        };
    }
    prefix.contains(&client).then_some(client)
}

/// Whose answers are followed, in words too, and the nameservers of this machine.
struct Followed {
    via: Via,
    words: String,
    nameservers: Vec<SocketAddr>,
}

fn followed(args: &DoctorArgs, house: &House, notes: &mut Vec<String>) -> Result<Followed, (u8, Failure)> {
    let nameservers = if args.nameserver.is_empty() {
        dns::nameservers(Path::new(dns::RESOLV_CONF))
    } else {
        args.nameserver.clone()
    };
    let no_daemon = |what: &str| {
        let message = format!(
            "{what} asks a running daemon, and none is reached; start hearthdns, or name its socket with --control"
        );
        (NO_DAEMON, Failure::new(Code::Unavailable, message))
    };
    let (via, words) = match (&args.from_view, args.via) {
        (Some(view), _) => {
            if !house.is_there {
                return Err(no_daemon("--from-view"));
            }
            let clients = house.clients_of_views();
            let named = clients.iter().find(|(name, _)| name == view);
            let client = named.map(|(_, client)| *client).or_else(|| view.parse().ok());
            let Some(client) = client else {
                let known: Vec<&str> = clients.iter().map(|(name, _)| name.as_str()).collect();
                let known = match known.as_slice() {
                    [] => "the configuration has none".to_owned(),
                    known => format!("known here: {}", known.join(", ")),
                };
                return Err(failed(format!("there is no view `{view}`; {known}")));
            };
            (
                Via::View(client),
                format!(
                    "our answers to {view}{}",
                    named.map_or(String::new(), |_| format!(" ({client})"))
                ),
            )
        }
        (None, Some(Wanted::Server(server))) => (Via::Server(server), format!("the answers of {server}")),
        (None, Some(Wanted::System)) => (Via::System(nameservers.clone()), SYSTEM.to_owned()),
        (None, us) => {
            match house.plain() {
                Some(server) => (Via::Us(server), format!("our answers ({server})")),
                None if us.is_some() => return Err(no_daemon("--via us")),
                None => {
                    notes.push("no daemon of ours is reached: the answers of this machine's nameservers are followed".to_owned());
                    (Via::System(nameservers.clone()), SYSTEM.to_owned())
                }
            }
        }
    };
    Ok(Followed {
        via,
        words,
        nameservers,
    })
}

const SYSTEM: &str = "the answers of this machine's nameservers";

/// The report as an answer.
fn said(args: &DoctorArgs, via: String, report: &Report, notes: Vec<String>) -> Diagnosed {
    let sentence = |link: &Link| format!("{} {}", link.what, link.seen);
    let (verdict, link) = match report.verdict() {
        Verdict::Works => ("works", None),
        Verdict::WorksBut(link) => ("works-but", Some(link)),
        Verdict::Broken(link) => ("broken", Some(link)),
    };
    let fault = link.and_then(|link| link.fault);
    Diagnosed {
        server: args.server.to_string(),
        via,
        links: report.links.iter().map(link_said).collect(),
        verdict: verdict.to_owned(),
        fault: fault.map(|fault| fault.as_str().to_owned()),
        class: link
            .and_then(Link::class)
            .map(|class: Class| class.as_str().to_owned()),
        sentence: link.map_or_else(|| "everything that was looked at works".to_owned(), sentence),
        cure: fault.map(|fault| fault.cure().to_owned()),
        exit: report.exit(),
        notes,
    }
}

fn link_said(link: &Link) -> DiagnosedLink {
    DiagnosedLink {
        leg: match link.leg {
            Leg::Server => "server",
            Leg::Client => "client",
            Leg::Turn => "turn",
        }
        .to_owned(),
        what: link.what.clone(),
        seen: link.seen.clone(),
        grade: link.grade.as_str().to_owned(),
        fault: link.fault.map(|fault| fault.as_str().to_owned()),
        cure: link.fault.map(|fault| fault.cure().to_owned()),
        ms: link
            .took
            .and_then(|took| u64::try_from((took + HALF).as_millis()).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_a_view_is_none_of_a_narrower_one() {
        let net = |text: &&str| text.parse::<IpNet>().unwrap();
        for (prefix, others, client) in [
            ("10.0.0.0/8", &[][..], Some("10.0.0.1")),
            ("10.0.0.0/8", &["10.0.0.0/24", "10.0.1.0/24"], Some("10.0.2.0")),
            (
                "10.0.0.0/8",
                &["10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0"],
                Some("10.0.0.1"),
            ),
            ("10.0.0.0/24", &["10.0.0.0/25", "10.0.0.128/25"], None),
            (
                "255.255.255.0/24",
                &["255.255.255.0/25", "255.255.255.128/25"],
                None,
            ),
            ("fd00::/8", &["fd00::/16"], Some("fd01::")),
            ("192.0.2.7/32", &["192.0.2.0/24"], Some("192.0.2.7")),
        ] {
            let others: Vec<IpNet> = others.iter().map(net).collect();
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(client_in(net(&prefix), &others), client, "{prefix}");
        }
    }
}
