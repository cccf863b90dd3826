//! Rules about whole servers: what is missing, what contradicts itself, what others will refuse.

use std::net::IpAddr;

use crate::matrix::range::{blocked_by_synapse, is_private, useless};
use crate::matrix::set::{Delegation, Role, Set, bare, srv_owner};
use crate::message::{Name, NameRef, Rtype};
use crate::zone::check::Item;
use crate::zone::master::civil::write_time;
use crate::zone::rdata::target;

use super::records::{Kind, kind_of, port_of};
use super::{Finding, Led, SECTION, Severity, Zone, about, at};

/// Longest TTL in seconds that lets a server move within the hour.
const LONGEST_TTL: u32 = 3600;

/// Names that resolvers answer by themselves, and where that is written.
const SPECIAL: &[(&str, &str)] = &[
    ("home.arpa", "RFC 8375"),
    ("test", "RFC 6761"),
    ("invalid", "RFC 6761"),
    ("localhost", "RFC 6761"),
    ("onion", "RFC 7686"),
    ("local", "RFC 6762"),
];

/// A server of this zone: from `matrix=`, or only from its SRV record.
struct Server<'z> {
    host: Name,
    set: Option<&'z Set>,
}

pub(super) fn look(zone: &Zone<'_>, findings: &mut Vec<Finding>) {
    for (value, error) in &zone.broken {
        findings.push(about(
            zone,
            Severity::Error,
            "mark",
            format!(
                "the option `matrix={}` is not valid: {error}; `dnsctl matrix add` writes it",
                value.escape_debug()
            ),
        ));
    }
    for server in servers(zone) {
        if let Some(set) = server.set {
            if !zone.is_here(set.server.host.as_ref()) {
                findings.push(about(
                    zone,
                    Severity::Error,
                    "mark",
                    format!(
                        "the option `matrix=` names {}, which is not in the zone {}: take it away, and add the server with `dnsctl matrix add`",
                        set.server, zone.origin
                    ),
                ));
                continue;
            }
            delegation(zone, set, findings);
            services(zone, set, findings);
            clients(zone, set, findings);
        }
        reachable(zone, &server, findings);
        passed_on(zone, &server, findings);
        wildcard(zone, &server, findings);
        special(zone, &server, findings);
    }
}

fn servers<'z>(zone: &'z Zone<'_>) -> Vec<Server<'z>> {
    let of_set = |set: &'z Set| Server {
        host: set.server.host.clone(),
        set: Some(set),
    };
    let mut all: Vec<Server<'z>> = zone.sets.iter().map(of_set).collect();
    for item in zone.items.iter().filter(|item| item.record.rtype == Rtype::SRV) {
        let Some((Kind::Federation | Kind::Deprecated, host)) = kind_of(item.record.owner.as_ref()) else {
            continue;
        };
        let is_known = all
            .iter()
            .any(|server| server.host == host || server.set.is_some_and(|set| set.homeserver().host == host));
        if !is_known {
            all.push(Server { host, set: None });
        }
    }
    all
}

/// SRV records against what `matrix=` says.
fn delegation(zone: &Zone<'_>, set: &Set, findings: &mut Vec<Finding>) {
    let owner = set.srv_owner();
    let records: Vec<&Item<'_>> = zone.of(owner.as_ref(), Rtype::SRV).collect();
    match &set.delegation {
        Delegation::Srv(wanted) => {
            let fits = |item: &&Item<'_>| {
                port_of(&item.record.rdata) == wanted.port
                    && target(Rtype::SRV, &item.record.rdata) == Some(wanted.host.as_ref())
            };
            if records.is_empty() {
                findings.push(about(
                    zone,
                    Severity::Error,
                    "srv-missing",
                    format!(
                        "the SRV record of {} is not there, so others go to its port 8448 ({SECTION}, step 6): write it again with `dnsctl matrix add`, or add `{} SRV 10 5 {} {}`",
                        set.server,
                        zone.name(&owner),
                        wanted.port,
                        zone.name(&wanted.host)
                    ),
                ));
            } else if !records.iter().any(fits) {
                findings.extend(records.first().map(|item| {
                    at(zone, item,
                        Severity::Warning,
                        "srv-other",
                        format!(
                            "`{}` leads elsewhere than `matrix=` says, which is {wanted} ({SECTION}, step 4): say with `dnsctl matrix add` which it is",
                            zone.short(item)
                        ),
                    )
                }));
            }
        }
        Delegation::WellKnown(named) => {
            let own = records.first();
            let unasked = srv_owner(&named.host);
            let other = unasked
                .iter()
                .filter(|name| **name != owner)
                .find_map(|name| zone.of(name.as_ref(), Rtype::SRV).next());
            findings.extend(own.copied().into_iter().chain(other).map(|item| {
                at(zone, item,
                    Severity::Warning,
                    "srv-unasked",
                    format!(
                        "`{}` is never asked for, because .well-known/matrix/server of {} names a port ({SECTION}, step 3.2): remove it, or lead others by it with `dnsctl matrix add --delegate srv`",
                        zone.short(item),
                        set.server
                    ),
                )
            }));
        }
        Delegation::None if set.server.port.is_some() => {
            findings.extend(records.first().map(|item| {
                at(zone, item,
                    Severity::Warning,
                    "srv-unasked",
                    format!(
                        "`{}` is never asked for, because the server name {} has a port ({SECTION}, step 2): remove it",
                        zone.short(item),
                        set.server
                    ),
                )
            }));
        }
        Delegation::None => {
            findings.extend(records.first().map(|item| {
                at(zone, item,
                    Severity::Warning,
                    "srv-other",
                    format!(
                        "`{}` leads elsewhere than `matrix=` says, which is {} ({SECTION}, step 4): say with `dnsctl matrix add` which it is",
                        zone.short(item),
                        set.homeserver()
                    ),
                )
            }));
        }
    }
}

/// Names of services, and IPv6: all of a server's names have it, or none has.
fn services(zone: &Zone<'_>, set: &Set, findings: &mut Vec<Finding>) {
    for (role, host) in set.hosts() {
        if let (Role::Service(service), Led::Nothing) = (role, zone.led(&host)) {
            findings.push(about(
                zone,
                Severity::Warning,
                "service-address",
                format!(
                    "{} has no address, though `matrix=` says that {} has `{}`: write it again with `dnsctl matrix add`, or add `{} A ADDRESS`",
                    bare(&host),
                    set.server,
                    service.as_str(),
                    zone.name(&host)
                ),
            ));
        }
    }
    let Led::Here(main) = zone.led(&set.homeserver().host) else {
        return;
    };
    let of_family =
        |found: &[(IpAddr, &Item<'_>)], is_v6: bool| found.iter().any(|(ip, _)| ip.is_ipv6() == is_v6);
    for (_, host) in set.hosts() {
        let Led::Here(found) = zone.led(&host) else {
            continue;
        };
        // A name on another host has what that host has.
        let shares = found
            .iter()
            .any(|(ip, _)| main.iter().any(|(other, _)| other == ip));
        if shares && of_family(&found, true) != of_family(&main, true) {
            let (with, without) = match of_family(&main, true) {
                true => (set.homeserver().host, host),
                false => (host, set.homeserver().host),
            };
            findings.push(about(
                zone,
                Severity::Warning,
                "half-ipv6",
                format!(
                    "{} has an AAAA record and {}, which is on the same host, has none: over IPv6 one works and the other does not (Matrix client-server API, server discovery): give all names of the server one, or none",
                    bare(&with),
                    bare(&without)
                ),
            ));
        }
    }
}

/// Clients begin at port 443 of the server name, whatever port they are sent to then.
fn clients(zone: &Zone<'_>, set: &Set, findings: &mut Vec<Finding>) {
    let homeserver = set.homeserver().host;
    let (Some(port), Led::Here(of_name), Led::Here(main)) =
        (set.client_port, zone.led(&set.server.host), zone.led(&homeserver))
    else {
        return;
    };
    if of_name
        .iter()
        .any(|(ip, _)| main.iter().any(|(other, _)| other == ip))
    {
        let (name, homeserver) = (bare(&set.server.host), bare(&homeserver));
        findings.push(about(
            zone,
            Severity::Warning,
            "client-port",
            format!(
                "clients look for https://{name}/.well-known/matrix/client at port 443, though the server is at port {port} for them (Matrix client-server API, server discovery): have 443 open there too, give {name} a web host elsewhere with `--web ADDRESS`, or have people type https://{homeserver}:{port}"
            ),
        ));
    }
}

/// Names that must have addresses, and whether anybody may use these.
fn reachable(zone: &Zone<'_>, server: &Server<'_>, findings: &mut Vec<Finding>) {
    let mut hosts = vec![server.host.clone()];
    let homeserver = match server.set {
        Some(set) => Some(set.homeserver().host),
        None => srv_target(zone, &server.host),
    };
    hosts.extend(homeserver.filter(|host| *host != server.host));
    let mut blocked: Vec<(IpAddr, &str)> = Vec::new();
    for (index, host) in hosts.iter().enumerate() {
        let found = match zone.led(host) {
            Led::Here(found) => found,
            Led::Elsewhere => continue,
            Led::Nothing => {
                nothing(zone, server, host, index == 0, findings);
                continue;
            }
        };
        mixed(zone, host, &found, findings);
        times(zone, host, &found, findings);
        let named = found
            .iter()
            .filter(|(ip, _)| useless(*ip).is_none())
            .filter_map(|(ip, _)| Some((*ip, blocked_by_synapse(*ip)?)));
        blocked.extend(named);
    }
    blocked.sort_unstable();
    blocked.dedup();
    // What the clients of a view are told concerns other servers only if they are such clients.
    if let (Some((ip, what)), None) = (blocked.first(), zone.view) {
        let all: Vec<String> = blocked.iter().map(|(ip, _)| format!("\"{ip}\"")).collect();
        findings.push(about(
            zone,
            Severity::Warning,
            "blocked-address",
            format!(
                "{ip}, an address of {}, is {what}: other homeservers refuse to connect there unless told (Synapse, ip_range_blacklist): they need `ip_range_whitelist: [{}]`",
                bare(&server.host),
                all.join(", ")
            ),
        ));
    }
}

fn srv_target(zone: &Zone<'_>, host: &Name) -> Option<Name> {
    let owner = srv_owner(host)?;
    let found = zone.of(owner.as_ref(), Rtype::SRV).next();
    let found = found.and_then(|item| target(Rtype::SRV, &item.record.rdata));
    found.filter(|name| !name.is_root()).map(NameRef::to_name)
}

fn nothing(zone: &Zone<'_>, server: &Server<'_>, host: &Name, is_server: bool, findings: &mut Vec<Finding>) {
    let name = bare(host);
    let leads = server.set.map(|set| &set.delegation);
    let (severity, rule, message) = match (is_server, leads) {
        (true, Some(Delegation::None)) => (
            Severity::Error,
            "server-address",
            format!("{name} has no address, and nothing leads others elsewhere ({SECTION}, step 6)"),
        ),
        (true, Some(Delegation::WellKnown(_))) => (
            Severity::Error,
            "server-address",
            format!(
                "{name} has no address, so nobody finds https://{name}/.well-known/matrix/server ({SECTION}, step 3)"
            ),
        ),
        (true, _) => (
            Severity::Warning,
            "server-address",
            format!(
                "{name} has no address, so clients do not find https://{name}/.well-known/matrix/client (Matrix client-server API, server discovery)"
            ),
        ),
        (false, _) => (
            Severity::Error,
            "homeserver-address",
            format!("{name}, to which other servers are led, has no address ({SECTION}, steps 3.2 and 4)"),
        ),
    };
    findings.push(about(
        zone,
        severity,
        rule,
        format!("{message}: add `{} A ADDRESS`", zone.name(host)),
    ));
}

/// Private and public addresses in one answer.
fn mixed(zone: &Zone<'_>, host: &Name, found: &[(IpAddr, &Item<'_>)], findings: &mut Vec<Finding>) {
    let private = found
        .iter()
        .find(|(ip, _)| is_private(*ip) && useless(*ip).is_none());
    let public = found.iter().find(|(ip, _)| !is_private(*ip));
    if let (Some((private, item)), Some((public, _))) = (private, public) {
        findings.push(at(zone, item,
            Severity::Warning,
            "mixed-addresses",
            format!(
                "{} has the private address {private} beside {public}: Synapse refuses a name for one private address (ip_range_blacklist), and clients elsewhere try it in vain: give {private} to the view of those who reach it, with `dnsctl matrix add --view VIEW --address {private}`",
                zone.name(host)
            ),
        ));
    }
}

/// Times after which a change arrives, or an address goes.
fn times(zone: &Zone<'_>, host: &Name, found: &[(IpAddr, &Item<'_>)], findings: &mut Vec<Finding>) {
    if let Some((_, item)) = found.iter().find(|(_, item)| item.record.ttl > LONGEST_TTL) {
        findings.push(at(zone, item,
            Severity::Warning,
            "long-ttl",
            format!(
                "`{}` has the TTL {}: others look for a server that has moved at its old address for so long (RFC 1035, 3.2.1): 300 is usual, `--ttl 300`",
                zone.short(item),
                item.record.ttl
            ),
        ));
    }
    let last = found.iter().map(|(_, item)| item.record.expires);
    let last = last
        .collect::<Option<Vec<u64>>>()
        .and_then(|all| all.into_iter().max());
    if let (Some(last), Some((_, item))) = (last, found.first()) {
        findings.push(at(zone, item,
            Severity::Warning,
            "expires",
            format!(
                "{} has no address from {} on, for each of its records expires (`expires=`): add one that stays",
                zone.name(host),
                write_time(last)
            ),
        ));
    }
}

/// Names of the server that `forward=` sends upstream.
fn passed_on(zone: &Zone<'_>, server: &Server<'_>, findings: &mut Vec<Finding>) {
    let mut names: Vec<Name> = srv_owner(&server.host).into_iter().collect();
    names.extend(server.set.into_iter().flat_map(Set::hosts).map(|(_, host)| host));
    for name in names {
        if let Some(top) = zone.forwarded(name.as_ref()) {
            findings.push(about(
                zone,
                Severity::Error,
                "passed-on",
                format!(
                    "`forward={}` sends every question for {} to public DNS, which tells of the server and fails when nobody answers there ({SECTION}, step 4): take it away",
                    zone.name(top),
                    bare(&name)
                ),
            ));
        }
    }
}

/// A wildcard that answers for the SRV record's name.
fn wildcard(zone: &Zone<'_>, server: &Server<'_>, findings: &mut Vec<Finding>) {
    let Some(owner) = srv_owner(&server.host) else {
        return;
    };
    let exists = |name: NameRef<'_>| {
        let mut owners = zone.by_owner.keys();
        owners.any(|owner| owner.is_at_or_below(name))
    };
    if exists(owner.as_ref()) {
        return;
    }
    let encloser = owner
        .as_ref()
        .ancestors()
        .skip(1)
        .find(|name| *name == zone.origin.as_ref() || exists(*name));
    let wildcard = encloser
        .filter(|name| zone.is_here(*name))
        .and_then(|name| Name::prepend(b"*", name));
    let alias = wildcard.and_then(|wildcard| zone.of(wildcard.as_ref(), Rtype::CNAME).next());
    findings.extend(alias.map(|item| {
        at(zone, item,
            Severity::Warning,
            "wildcard",
            format!(
                "`{}` answers for `{}` too, so other servers look for the homeserver where it leads ({SECTION}, step 4): write out the names that are meant",
                zone.short(item),
                zone.name(&owner)
            ),
        )
    }));
}

/// Server names that other resolvers keep to themselves.
fn special(zone: &Zone<'_>, server: &Server<'_>, findings: &mut Vec<Finding>) {
    let found = SPECIAL.iter().find(|(domain, _)| {
        let top = domain.parse::<Name>();
        top.is_ok_and(|top| server.host.as_ref().is_at_or_below(top.as_ref()))
    });
    if let Some((domain, rule)) = found {
        findings.push(about(
            zone,
            Severity::Warning,
            "special-use",
            format!(
                "{} lies in `{domain}`, for which many resolvers ask nobody ({rule}): choose another server name, or let every resolver in between make an exception; `dnsctl router` prints it",
                bare(&server.host)
            ),
        ));
    }
}
