//! `dnsctl matrix move`: a server changes its address, and others learn of it as soon as they can.

use std::net::IpAddr;

use crate::control::types::{Code, Failure, Matrix, MatrixCache};
use crate::ctl::args::matrix::MatrixMoveArgs;
use crate::matrix::MOVING_TTL;
use crate::matrix::range::blocked_by_synapse;
use crate::matrix::set::{Set, in_order};
use crate::message::Name;
use crate::zone::master::civil::write_time;

use super::plan::{Plan, Wanted};
use super::{Asking, Ground, all, bad, undo_words, unknown};

/// For how long Tuwunel and conduwuit keep an address at most, in seconds.
const CONDUIT_ADDRESS: u64 = 12 * 3600;
/// For how long continuwuity keeps where a server is.
const CONTINUWUITY: u64 = 24 * 3600;
/// For how long Synapse keeps an idle connection.
const SYNAPSE_IDLE: u64 = 120;

pub(super) fn run(args: &MatrixMoveArgs, asking: &mut Asking<'_>) -> Result<Matrix, Failure> {
    let (origin, value, old) = sought(args, asking)?;
    let zones = asking.zones()?;
    let ground = Ground::at(origin, zones, asking)?;
    let mut set = old.clone();
    let mut left: Vec<IpAddr> = Vec::new();
    let lowers = args.lower_ttl.is_some();
    if !lowers {
        left = moved(args, &mut set)?;
        set.check().map_err(bad)?;
    }
    let lowered = args.lower_ttl.map(|ttl| ttl.unwrap_or(MOVING_TTL));
    if let Some(lowered) = lowered.filter(|lowered| *lowered >= old.ttl) {
        return Err(bad(format!(
            "the TTL is {} seconds, which is no more than {lowered}: move at once, without --lower-ttl",
            old.ttl
        )));
    }
    set.ttl = lowered.or(args.ttl).unwrap_or(old.ttl);
    let now = super::super::now();
    let until = args.keep.map(|keep| now + u64::from(keep));
    let wanted = Wanted {
        set: Some(&set),
        leaving: until.map(|until| (left.as_slice(), until)),
        ..Wanted::default()
    };
    let plan = Plan::between(&ground, Some(&(value, old.clone())), &wanted)?;
    let changed = asking.carry_out(plan, args.dry_run)?;
    let mut notes = Vec::new();
    let old_ttl = u64::from(old.ttl);
    if lowers {
        notes.push(format!(
            "the address has not changed yet: from {} on no cache keeps it for more than {} seconds; move then, without --lower-ttl",
            write_time(now + old_ttl),
            set.ttl
        ));
    } else if let Some(until) = until.filter(|_| !left.is_empty()) {
        notes.push(format!(
            "{} {} served beside the new address until {}: keep the server listening there until then",
            listed(&left),
            if left.len() == 1 { "is" } else { "are" },
            write_time(until)
        ));
    } else if !left.is_empty() {
        notes.push(format!(
            "let the server listen at {} until {}, for those who have just asked",
            listed(&left),
            write_time(now + old_ttl)
        ));
    }
    if !lowers {
        notes.extend(refused_by_others(&args.to.0, &set));
    }
    if !lowers && set.ttl <= MOVING_TTL {
        notes.push(format!(
            "the TTL is {} seconds still; the same command with --ttl 300 puts it back",
            set.ttl
        ));
    }
    if changed.zones.is_empty() && !args.dry_run {
        notes.push(format!(
            "nothing changed: the records of {} are so already",
            set.server
        ));
    }
    notes.extend(undo_words(&changed));
    let caches = match left.is_empty() {
        true => Vec::new(),
        false => caches(&set, &Leaving::of(now, until, &old, &set)),
    };
    Ok(Matrix {
        dry_run: changed.dry_run,
        zones: changed.zones,
        caches,
        notes,
        ..Matrix::default()
    })
}

/// The server that moves: the one that is named, or the only one.
fn sought(args: &MatrixMoveArgs, asking: &mut Asking<'_>) -> Result<(Name, String, Set), Failure> {
    let mut servers = all(asking)?;
    if let Some(server) = &args.server {
        servers.retain(|(_, _, set)| set.server == *server);
        return servers.pop().ok_or_else(|| unknown(server));
    }
    let names: Vec<String> = servers.iter().map(|(_, _, set)| set.server.to_string()).collect();
    match (servers.pop(), names.len()) {
        (Some(server), 1) => Ok(server),
        (None, _) => Err(Failure::new(
            Code::NotFound,
            "no zone has a Matrix server that `dnsctl matrix add` wrote",
        )),
        _ => Err(bad(format!(
            "there are several Matrix servers; name the one that moves with --server: {}",
            names.join(", ")
        ))),
    }
}

/// Changes the addresses; those that were left.
fn moved(args: &MatrixMoveArgs, set: &mut Set) -> Result<Vec<IpAddr>, Failure> {
    let to = in_order(args.to.0.clone());
    let from = args.from.as_ref().map(|from| in_order(from.0.clone()));
    let mut left: Vec<IpAddr> = Vec::new();
    let mut found = false;
    let mut change = |addresses: &mut Vec<IpAddr>, from: &[IpAddr]| {
        // Some addresses of a place may move and others stay.
        if !from.iter().all(|address| addresses.contains(address)) {
            return;
        }
        found = true;
        let stays = addresses.iter().filter(|address| !from.contains(address));
        let new = in_order(stays.chain(&to).copied().collect());
        left.extend(addresses.iter().filter(|address| !new.contains(address)));
        *addresses = new;
    };
    match &args.view {
        Some(view) => {
            let Some(addresses) = set.views.get_mut(view) else {
                let known: Vec<&str> = set.views.keys().map(String::as_str).collect();
                let known = match known.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("it has {}", known.join(", ")),
                };
                return Err(bad(format!(
                    "{} has no records in the view `{}` ({known})",
                    set.server,
                    view.escape_debug()
                )));
            };
            let from = from.clone().unwrap_or_else(|| addresses.clone());
            change(addresses, &from);
        }
        None => {
            let from = from.clone().unwrap_or_else(|| set.addresses.clone());
            change(&mut set.addresses, &from);
            for addresses in set.views.values_mut() {
                change(addresses, &from);
            }
            // A name on another host moves only where that is what was said.
            if args.from.is_some() {
                for addresses in set.own.values_mut() {
                    change(addresses, &from);
                }
            }
        }
    }
    if !found {
        let from = from.unwrap_or_default();
        return Err(bad(format!("{} has no record at {}", set.server, listed(&from))));
    }
    let addresses = set.addresses.clone();
    set.own.retain(|_, own| *own != addresses);
    Ok(in_order(left))
}

/// That homeservers do not connect to a new address of a view. Of one that everybody gets the linter says so.
fn refused_by_others(new: &[IpAddr], set: &Set) -> Option<String> {
    let is_refused =
        |address: &&IpAddr| blocked_by_synapse(**address).is_some() && !set.addresses.contains(address);
    let refused: Vec<IpAddr> = new.iter().filter(is_refused).copied().collect();
    let quoted: Vec<String> = refused.iter().map(|address| format!("\"{address}\"")).collect();
    (!refused.is_empty()).then(|| {
        format!(
            "homeservers that are led to {} refuse to connect there unless told: Synapse needs `ip_range_whitelist: [{}]`, and Tuwunel, conduwuit and continuwuity its range out of `ip_range_denylist`",
            listed(&refused),
            quoted.join(", ")
        )
    })
}

fn listed(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

/// When the old address is told for the last time, and with which TTL.
struct Leaving {
    /// Unix time of the command.
    now: u64,
    /// Unix time of the last answer with it.
    last: u64,
    /// TTL of that answer in seconds.
    ttl: u64,
    /// What is to be said of that TTL.
    words: &'static str,
}

impl Leaving {
    fn of(now: u64, until: Option<u64>, old: &Set, new: &Set) -> Self {
        let (last, ttl, words) = match until {
            Some(until) => (until, new.ttl, " after the last answer with it"),
            None if old.ttl <= MOVING_TTL => (
                now,
                old.ttl,
                ", which was the TTL (more where that was lowered only just before)",
            ),
            None => (now, old.ttl, ", which was the TTL"),
        };
        Leaving {
            now,
            last,
            ttl: u64::from(ttl),
            words,
        }
    }
}

/// Who still goes to the old address.
fn caches(set: &Set, leaving: &Leaving) -> Vec<MatrixCache> {
    let Leaving {
        now,
        last,
        ttl,
        words,
    } = *leaving;
    let cache = |who: &str, seconds: u64, what: String| MatrixCache {
        who: who.to_owned(),
        seconds: last - now + seconds,
        what,
    };
    let server = &set.server;
    vec![
        cache(
            "resolvers and clients",
            ttl,
            format!("{ttl} seconds{words}: until {}", write_time(last + ttl)),
        ),
        cache(
            "Synapse",
            ttl.max(SYNAPSE_IDLE),
            format!(
                "as resolvers, and on connections that were open for {SYNAPSE_IDLE} seconds more; after failures it waits from 10 minutes up to 7 days: a message from {server} ends that"
            ),
        ),
        cache(
            "Tuwunel, conduwuit",
            CONDUIT_ADDRESS,
            format!(
                "3 to 12 hours after they have asked, whatever the TTL is: until {}; flush their resolver's cache for {server}, or restart them",
                write_time(last + CONDUIT_ADDRESS)
            ),
        ),
        cache(
            "continuwuity",
            CONTINUWUITY,
            format!(
                "24 hours after it has asked: until {}; `!admin query resolver flush-cache {server}` ends that",
                write_time(last + CONTINUWUITY)
            ),
        ),
    ]
}
