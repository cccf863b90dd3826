//! `dnsctl router`: from the server's facts to what a router must be told, and to whether it was.
//!
//! What to say and how to judge is [`crate::onboard`]'s. Here the flags meet the facts, and the router is asked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use crate::config::limits;
use crate::control::types::{
    Answer, Code, Facts, Failure, Router, RouterStep, Routers, Verified, ZoneFacts, ZoneVerdict,
};
use crate::message::Name;
use crate::onboard::router::{Guide, Kind, Role, Wish, guide, is_reverse};
use crate::onboard::verify::{Expected, Heard, Verdict, hear, judge};
use crate::onboard::{PLAIN_PORT, plain};
use crate::store;

use super::args::RouterArgs;
use super::{FAILED, Reply, ask};

/// Where the kernel lists its routes.
const ROUTES: &str = "/proc/net/route";
/// The list is short, but on a router with all of the internet's routes.
const MAX_ROUTES: u64 = 1_048_576;
/// A route through a gateway.
const RTF_GATEWAY: u32 = 2;

/// Carries the command out. `facts` asks the daemon, or looks at the files; where flags say everything, nobody is asked.
pub(super) fn run(args: &RouterArgs, facts: impl FnOnce() -> Reply) -> Reply {
    let Some(kind) = args.kind else {
        if !args.verify {
            let kinds = Kind::ALL.into_iter();
            let kinds = kinds.map(|kind| (kind.as_str().to_owned(), kind.title().to_owned()));
            return Reply::new(Ok(Answer::Routers(Routers {
                kinds: kinds.collect(),
            })));
        }
        return with_facts(facts(), |facts| verify(args, None, facts));
    };
    if !args.verify && !args.server.is_empty() && !args.only.is_empty() {
        return Reply::new(lines(args, kind, &Facts::default()));
    }
    with_facts(facts(), |facts| {
        if args.verify {
            verify(args, Some(kind), facts)
        } else {
            lines(args, kind, facts)
        }
    })
}

fn with_facts(reply: Reply, then: impl FnOnce(&Facts) -> Result<Answer, Failure>) -> Reply {
    let Reply { result, notes, code } = reply;
    let (result, code) = match result {
        Ok(Answer::Facts(facts)) => (then(&facts), FAILED),
        Ok(_) => {
            let message = "the daemon answered something else than was asked";
            (Err(Failure::new(Code::Unavailable, message)), FAILED)
        }
        Err(failure) => (Err(failure), code),
    };
    Reply { result, notes, code }
}

/// What flags and facts say together, and what a person should know of it.
struct Told {
    zones: Vec<ZoneFacts>,
    wish: Wish,
    notes: Vec<String>,
}

fn told(args: &RouterArgs, facts: &Facts) -> Result<Told, Failure> {
    let mut notes = Vec::new();
    let zones = zones(args, facts, &mut notes)?;
    let servers = servers(args, facts, &mut notes)?;
    let wish = Wish {
        zones: zones
            .iter()
            .filter_map(|zone| plain(zone.zone.parse::<Name>().ok()?.as_ref()))
            .collect(),
        servers,
        undo: args.undo,
    };
    Ok(Told { zones, wish, notes })
}

/// The zones that are named, or all that every client sees; only those whose names a router can be told.
fn zones(args: &RouterArgs, facts: &Facts, notes: &mut Vec<String>) -> Result<Vec<ZoneFacts>, Failure> {
    let mut zones = Vec::new();
    if args.only.is_empty() {
        for zone in &facts.zones {
            if zone
                .zone
                .parse::<Name>()
                .is_ok_and(|name| plain(name.as_ref()).is_some())
            {
                zones.push(zone.clone());
            } else {
                notes.push(format!(
                    "{} is left out: no router's configuration can hold its name",
                    zone.zone
                ));
            }
        }
        if !facts.in_views.is_empty() {
            notes.push(format!(
                "left out, because only clients of a view see them: {}; name one with --zone if the router is such a client",
                facts.in_views.join(", ")
            ));
        }
        return Ok(zones);
    }
    for text in &args.only {
        let bad = |message: String| Failure::new(Code::BadWord, message);
        let name: Name = text
            .parse()
            .map_err(|error| bad(format!("`{text}` is no zone: {error}")))?;
        if plain(name.as_ref()).is_none() {
            return Err(bad(format!(
                "`{text}`: no router's configuration can hold this name"
            )));
        }
        let known = facts
            .zones
            .iter()
            .find(|zone| zone.zone.parse().is_ok_and(|zone: Name| zone == name));
        let is_ours = |zone: &String| zone.parse().is_ok_and(|zone: Name| zone == name);
        // Without facts (flags say everything) nothing is known of any zone.
        if known.is_none() && !facts.ports.is_empty() && !facts.in_views.iter().any(is_ours) {
            notes.push(format!("this server has no zone {name}"));
        }
        zones.push(known.cloned().unwrap_or_else(|| ZoneFacts {
            zone: name.as_ref().to_lowercase().to_string(),
            ..ZoneFacts::default()
        }));
    }
    Ok(zones)
}

/// The addresses that are named, or the preferred one.
fn servers(args: &RouterArgs, facts: &Facts, notes: &mut Vec<String>) -> Result<Vec<SocketAddr>, Failure> {
    if !args.server.is_empty() {
        return Ok(args.server.clone());
    }
    let unknown = |message: &str| Failure::new(Code::Unavailable, message);
    let port = facts.ports.get("plain").copied();
    let first = facts
        .addresses
        .first()
        .and_then(|text| text.parse::<IpAddr>().ok());
    let (Some(ip), Some(port)) = (first, port) else {
        return Err(unknown(
            "nothing says at which address this server answers plain DNS; name it with --server ADDR",
        ));
    };
    if ip.is_loopback() {
        notes.push(format!(
            "this server listens on {ip} only, where no other host reaches it; a router needs an address of the house in `listen`"
        ));
    }
    Ok(vec![SocketAddr::new(ip, port)])
}

fn guide_for(kind: Kind, wish: &Wish) -> Result<Guide, Failure> {
    guide(kind, wish).map_err(|why| Failure::new(Code::Unavailable, why.to_string()))
}

fn lines(args: &RouterArgs, kind: Kind, facts: &Facts) -> Result<Answer, Failure> {
    let told = told(args, facts)?;
    let guide = guide_for(kind, &told.wish)?;
    let step = |role, text: &String| match role {
        Role::Say => RouterStep {
            say: Some(text.clone()),
            line: None,
        },
        _ => RouterStep {
            say: None,
            line: Some(text.clone()),
        },
    };
    Ok(Answer::Router(Router {
        kind: kind.as_str().to_owned(),
        undo: args.undo,
        script: guide.is_script,
        steps: guide
            .steps
            .iter()
            .map(|made| step(made.role, &made.text))
            .collect(),
        text: guide.to_string(),
        notes: told.notes,
    }))
}

fn verify(args: &RouterArgs, kind: Option<Kind>, facts: &Facts) -> Result<Answer, Failure> {
    let router = match args.router {
        Some(router) => router,
        None => SocketAddr::new(gateway()?, PLAIN_PORT),
    };
    let Told {
        zones,
        wish,
        mut notes,
        ..
    } = told(args, facts)?;
    if zones.is_empty() {
        return Err(Failure::new(
            Code::NotFound,
            crate::onboard::Unfit::NoZones.to_string(),
        ));
    }
    let guide = kind.map(|kind| guide_for(kind, &wish)).transpose()?;
    let deadline = Instant::now() + limits::VERIFY_TIME.default_time();
    let mut verdicts = Vec::new();
    // Where nobody answers for one zone, the others need not be waited for.
    let mut is_silent = false;
    for (at, zone) in zones.iter().enumerate() {
        let expected = expected(zone);
        let verdict = match &expected {
            _ if is_silent => Verdict::Silent,
            Some(expected) => asked(router, expected, deadline),
            None => Verdict::NotAsked,
        };
        is_silent |= verdict == Verdict::Silent;
        let cure = guide
            .as_ref()
            .map(|guide| verdict.cure(guide, at))
            .unwrap_or_default();
        verdicts.push(ZoneVerdict {
            zone: zone.zone.clone(),
            host: zone
                .host
                .clone()
                .filter(|_| expected.as_ref().is_none_or(|expected| expected.host.is_some())),
            verdict: verdict.as_str().to_owned(),
            reason: verdict.reason(),
            lines: cure.into_iter().map(str::to_owned).collect(),
        });
    }
    if verdicts.iter().any(|verdict| verdict.verdict != "right") {
        notes.extend(look_at_server(&zones, &wish, deadline));
        if let Some(kind) = kind {
            if verdicts.iter().any(|verdict| !verdict.lines.is_empty()) {
                notes.push(format!(
                    "`dnsctl router {}` prints these lines with what belongs around them, such as a restart; all of it can be given to the router again",
                    kind.as_str()
                ));
            }
        } else {
            notes.push("name the kind of the router, and the lines that mend it are printed; `dnsctl router` lists the kinds".to_owned());
        }
    }
    Ok(Answer::Verified(Verified {
        router: router.to_string(),
        zones: verdicts,
        notes,
    }))
}

/// Whether the server itself answers at the address that the router is told.
fn look_at_server(zones: &[ZoneFacts], wish: &Wish, deadline: Instant) -> Option<String> {
    let server = wish.servers.first()?;
    let expected = zones.iter().find_map(expected)?;
    match asked(*server, &expected, deadline) {
        Verdict::Right => None,
        Verdict::Silent => Some(format!(
            "this server itself does not answer at {server}: look at `listen` and at firewalls first"
        )),
        verdict => Some(format!(
            "this server itself answers at {server} for {} otherwise than the zone says ({}): is that the right address?",
            expected.zone,
            verdict.as_str()
        )),
    }
}

fn asked(server: SocketAddr, expected: &Expected, deadline: Instant) -> Verdict {
    if Instant::now() >= deadline {
        return Verdict::NotAsked;
    }
    let heard: Vec<Heard> = expected
        .questions()
        .map(|(name, rtype)| {
            let reply = ask::ask(server, name, rtype, deadline);
            reply.map_or(Heard::Nothing, |message| hear(&message))
        })
        .collect();
    judge(expected, &heard)
}

/// The facts of a zone as names and addresses; none where the daemon's words are no such.
fn expected(zone: &ZoneFacts) -> Option<Expected> {
    let soa = match &zone.soa {
        Some((primary, mailbox)) => Some((primary.parse().ok()?, mailbox.parse().ok()?)),
        None => None,
    };
    let addresses: Vec<IpAddr> = zone
        .addresses
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let name: Name = zone.zone.parse().ok()?;
    // Addresses in a zone of addresses are looked for by nobody, and no router is told to let them pass.
    let host = match &zone.host {
        _ if plain(name.as_ref()).is_some_and(|zone| is_reverse(&zone)) => None,
        Some(host) if !addresses.is_empty() => Some((host.parse().ok()?, addresses)),
        _ => None,
    };
    Some(Expected {
        zone: name,
        soa,
        host,
    })
}

/// The default gateway, which in a house is the router.
fn gateway() -> Result<IpAddr, Failure> {
    let none = |why: String| {
        let message = format!("{why}; name the router with --router ADDR");
        Failure::new(Code::Unavailable, message)
    };
    let text = store::read_text(ROUTES.as_ref(), MAX_ROUTES).map_err(|error| none(error.to_string()))?;
    let found =
        gateway_in(&text).ok_or_else(|| none("this host has no default gateway over IPv4".to_owned()))?;
    Ok(IpAddr::V4(found))
}

/// The gateway of the default route with the smallest metric.
fn gateway_in(routes: &str) -> Option<Ipv4Addr> {
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    let route = |line: &str| {
        let mut fields = line.split_whitespace();
        let (destination, gateway) = (hex(fields.nth(1)?)?, hex(fields.next()?)?);
        let flags = hex(fields.next()?)?;
        let metric: u32 = fields.nth(2)?.parse().ok()?;
        let mask = hex(fields.next()?)?;
        let is_default = destination == 0 && mask == 0 && flags & RTF_GATEWAY != 0;
        // The kernel prints the bytes of the network as a number of its own.
        is_default.then(|| (metric, Ipv4Addr::from(gateway.to_ne_bytes())))
    };
    routes
        .lines()
        .skip(1)
        .filter_map(route)
        .min()
        .map(|(_, gateway)| gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_gateway_with_the_smallest_metric_is_the_router() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let hex = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let line = |to: [u8; 4], via: [u8; 4], flags, metric, mask: [u8; 4]| {
            format!(
                "eth0\t{}\t{}\t{flags:04X}\t0\t0\t{metric}\t{}\t0\t0\t0\n",
                hex(to),
                hex(via),
                hex(mask)
            )
        };
        let text = [
            head.to_owned(),
            line([0; 4], [10, 0, 0, 1], 3, 600, [0; 4]),
            line([0; 4], [192, 168, 1, 1], 3, 100, [0; 4]),
            // A default route into a tunnel, and half of the world: neither names a router.
            line([0; 4], [0; 4], 1, 0, [0; 4]),
            line([0; 4], [10, 8, 0, 1], 3, 0, [128, 0, 0, 0]),
            line([192, 168, 1, 0], [0; 4], 1, 100, [255, 255, 255, 0]),
        ];
        assert_eq!(gateway_in(&text.concat()), Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(gateway_in(head), None);
        assert_eq!(gateway_in("nonsense\nx y z\n"), None);
    }
}
