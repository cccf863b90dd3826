//! What the resolver of this machine says, beside the answer that is followed.

use std::net::IpAddr;
use std::time::Instant;

use super::dns::Via;
use super::walk::Walk;
use crate::matrix::doctor::answer::{Seen, compare as judge, list, services};
use crate::matrix::doctor::{Fault, Grade, Leg};
use crate::matrix::set::{bare, srv_owner};
use crate::message::{Name, Rtype};

/// Docker's resolver inside a container.
const DOCKER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 11));

/// Compares each nameserver, and getaddrinfo, with the answer that is followed.
pub(super) fn compare(walk: &mut Walk<'_>, name: &Name, asks_srv: bool) {
    let Some(servers) = walk.nameservers.clone() else {
        return;
    };
    let (expected, _) = walk.seen(name).addresses(name);
    if expected.is_empty() {
        return;
    }
    let views = walk.of_views(name);
    let grade = |decides: bool| if decides { Grade::Broken } else { Grade::Warning };
    let mut first_right = None;
    for (index, server) in servers.iter().enumerate() {
        if walk.follows(*server) {
            first_right.get_or_insert(true);
            continue;
        }
        let what = if server.ip() == DOCKER {
            format!("nameserver {} (Docker's)", server.ip())
        } else if server.port() == 53 {
            format!("nameserver {}", server.ip())
        } else {
            format!("nameserver {server}")
        };
        (walk.progress)(&what);
        let began = Instant::now();
        let v4 = walk.asker.ask_server(*server, name, Rtype::A);
        let seen = Seen {
            v6: walk.asker.ask_server(*server, name, Rtype::AAAA),
            v4,
        };
        let took = Some(began.elapsed());
        let judged = judge(name, &expected, &seen, &views);
        let is_second = index > 0 && first_right == Some(true);
        match judged {
            Some((_, said)) if is_second => {
                let said = format!("{said}, unlike the first");
                walk.push(
                    Leg::Server,
                    what,
                    Grade::Warning,
                    Some(Fault::ResolverSecond),
                    said,
                    took,
                );
                continue;
            }
            Some((Fault::ResolverNoV6, said)) => {
                // IPv4 is left, so it goes on.
                first_right.get_or_insert(true);
                let fault = Some(Fault::ResolverNoV6);
                walk.push(Leg::Server, what.clone(), Grade::Warning, fault, said, took);
            }
            Some((fault, said)) => {
                first_right.get_or_insert(false);
                let fault = if server.ip() == DOCKER {
                    Fault::ResolverDocker
                } else {
                    fault
                };
                let grade = grade(walk.resolver_decides && index == 0);
                walk.push(Leg::Server, what, grade, Some(fault), said, took);
                continue;
            }
            None => {
                first_right.get_or_insert(true);
                let said = list(&seen.addresses(name).0);
                walk.push(Leg::Server, what.clone(), Grade::Ok, None, said, took);
            }
        }
        if let Some(said) = seen.broken_v6() {
            let said = format!("gives A, but answers the question for AAAA with {said}");
            let grade = grade(walk.resolver_decides && index == 0);
            walk.push(
                Leg::Server,
                what.clone(),
                grade,
                Some(Fault::ResolverAaaa),
                said,
                None,
            );
        }
        if !asks_srv {
            continue;
        }
        let Some(owner) = srv_owner(name) else { continue };
        let theirs = services(&walk.asker.ask_server(*server, &owner, Rtype::SRV), &owner);
        let ours = services(&walk.asker.ask(&owner, Rtype::SRV), &owner);
        let said = match (&ours, theirs) {
            (Ok(_), Err(said)) => format!("gives the address, but the question for SRV {said}"),
            (Ok(ours), Ok(theirs)) if *ours != theirs => {
                "gives the address, but other SRV records".to_owned()
            }
            _ => continue,
        };
        let grade = grade(walk.resolver_decides && index == 0);
        walk.push(Leg::Server, what, grade, Some(Fault::ResolverSrv), said, None);
    }
    if walk.asks_system {
        system(walk, name, &expected, first_right != Some(false));
    }
}

/// getaddrinfo, which reads files and other sources before it asks anybody.
fn system(walk: &mut Walk<'_>, name: &Name, expected: &[IpAddr], nameservers_agree: bool) {
    let host = bare(name);
    let began = Instant::now();
    let found = walk.system(&host);
    let took = Some(began.elapsed());
    let what = "getaddrinfo";
    let (said, is_right) = match &found {
        Ok(found) if !found.is_empty() && found.iter().all(|address| expected.contains(address)) => {
            (list(found), true)
        }
        Ok(found) if found.is_empty() => ("gives no address".to_owned(), false),
        Ok(found) => (format!("gives {} and not {}", list(found), list(expected)), false),
        Err(why) => (format!("fails: {why}"), false),
    };
    if is_right {
        walk.push(Leg::Server, what, Grade::Ok, None, said, took);
        return;
    }
    // Where the nameservers say the same, they are the reason, and were told.
    let (grade, fault) = match (
        nameservers_agree,
        walk.resolver_decides || matches!(walk.asker.via, Via::System(_)),
    ) {
        (false, _) => (Grade::Note, None),
        (true, true) => (Grade::Broken, Some(Fault::HostsFile)),
        (true, false) => (Grade::Warning, Some(Fault::HostsFile)),
    };
    walk.push(Leg::Server, what, grade, fault, said, took);
}
