//! Rules about records by themselves: SRV records that lead nobody, addresses, times.

use crate::matrix::range::useless;
use crate::matrix::set::{address_of, bare};
use crate::message::{Name, NameRef, Rtype};
use crate::zone::check::Item;
use crate::zone::rdata::{hints, target};

use super::{Finding, Led, SECTION, Severity, Zone, at};

/// Longest time in seconds that a negative answer may be kept.
const LONGEST_NEGATIVE: u32 = 300;

/// What an SRV record of Matrix is, by its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `_matrix-fed._tcp`.
    Federation,
    /// `_matrix._tcp`.
    Deprecated,
    /// `_matrix-client._tcp` and the like.
    Client,
    /// Something that nobody asks for.
    Misnamed,
}

/// The kind of an SRV record, and the host that it is of.
pub(super) fn kind_of(owner: NameRef<'_>) -> Option<(Kind, Name)> {
    let labels: Vec<String> = owner
        .labels()
        .take(2)
        .map(|label| String::from_utf8_lossy(label).to_ascii_lowercase())
        .collect();
    let first = labels.first()?;
    let second = labels.get(1).map_or("", String::as_str);
    let skip = 1 + usize::from(second.starts_with('_') || matches!(second, "tcp" | "udp"));
    let host = owner.ancestors().nth(skip)?.to_name();
    let kind = match (first.as_str(), second) {
        ("_matrix-fed", "_tcp") => Kind::Federation,
        ("_matrix", "_tcp") => Kind::Deprecated,
        ("_matrix-client" | "_matrix_client" | "_matrix-c2s", _) => Kind::Client,
        (first, _) if first.starts_with("_matrix") || first.starts_with("matrix-fed") => Kind::Misnamed,
        _ => return None,
    };
    Some((kind, host))
}

/// Whether a record shows that its zone has to do with Matrix.
pub(super) fn is_meant_for_matrix(item: &Item<'_>) -> bool {
    item.record.rtype == Rtype::SRV && kind_of(item.record.owner.as_ref()).is_some()
}

/// Port of an SRV record (RFC 2782).
pub(super) fn port_of(rdata: &[u8]) -> u16 {
    let port = rdata.get(4..6).and_then(|bytes| bytes.first_chunk::<2>());
    port.map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn look(zone: &Zone<'_>, findings: &mut Vec<Finding>) {
    for item in zone.items {
        match item.record.rtype {
            Rtype::SRV => srv(zone, item, findings),
            Rtype::A | Rtype::AAAA => address(zone, item, findings),
            Rtype::SVCB | Rtype::HTTPS => hinted(zone, item, findings),
            Rtype::SOA => negative(zone, item, findings),
            _ => {}
        }
    }
}

fn srv(zone: &Zone<'_>, item: &Item<'_>, findings: &mut Vec<Finding>) {
    let Some((kind, host)) = kind_of(item.record.owner.as_ref()) else {
        return;
    };
    let mut find = |severity, rule, message| findings.push(at(zone, item, severity, rule, message));
    let short = zone.short(item);
    match kind {
        Kind::Client => find(
            Severity::Warning,
            "srv-for-clients",
            format!(
                "`{short}`: clients ask for no SRV record (Matrix client-server API, server discovery): serve https://{}/.well-known/matrix/client, and remove it",
                bare(&host)
            ),
        ),
        Kind::Misnamed => find(
            Severity::Error,
            "srv-misnamed",
            format!(
                "`{short}`: nobody asks for this name ({SECTION}, step 4): name it `_matrix-fed._tcp{}`",
                below(zone, &host)
            ),
        ),
        Kind::Federation | Kind::Deprecated => {
            let leads = target(Rtype::SRV, &item.record.rdata);
            if leads.is_some_and(NameRef::is_root) {
                return find(
                    Severity::Error,
                    "srv-refuses",
                    format!(
                        "`{short}` says that {} does not federate (RFC 2782): name the homeserver, or remove it",
                        bare(&host)
                    ),
                );
            }
            if port_of(&item.record.rdata) == 0 {
                find(
                    Severity::Error,
                    "srv-port",
                    format!(
                        "`{short}`: nothing listens on port 0 (RFC 2782): write the homeserver's port, mostly 8448"
                    ),
                );
            }
        }
    }
    if kind == Kind::Deprecated {
        deprecated(zone, item, &host, findings);
    }
}

/// ` below HOST` where the record is not of the zone's own name.
fn below(zone: &Zone<'_>, host: &Name) -> String {
    match host == zone.origin {
        true => String::new(),
        false => format!(".{}", zone.name(host)),
    }
}

fn deprecated(zone: &Zone<'_>, item: &Item<'_>, host: &Name, findings: &mut Vec<Finding>) {
    let Some(owner) = crate::matrix::set::srv_owner(host) else {
        return;
    };
    let newer: Vec<&Item<'_>> = zone.of(owner.as_ref(), Rtype::SRV).collect();
    let data = |item: &Item<'_>| zone.short(item).split(' ').skip(2).collect::<Vec<_>>().join(" ");
    let short = zone.short(item);
    let Some(first) = newer.first() else {
        return findings.push(at(zone, item,
            Severity::Warning,
            "srv-deprecated",
            format!(
                "`{short}`: this name is deprecated since Matrix 1.8, and may cease to be asked for ({SECTION}, step 5): rename it to `_matrix-fed._tcp{}`",
                below(zone, host)
            ),
        ));
    };
    if newer
        .iter()
        .all(|newer| newer.record.rdata.get(4..) != item.record.rdata.get(4..))
    {
        findings.push(at(zone, item,
            Severity::Warning,
            "srv-two-ways",
            format!(
                "`{short}` leads old software elsewhere than `{}` leads the rest ({SECTION}, steps 4 and 5): remove it, for today's software does not need it, or write `{}`",
                zone.short(first),
                data(first)
            ),
        ));
    }
}

fn address(zone: &Zone<'_>, item: &Item<'_>, findings: &mut Vec<Finding>) {
    let Some(address) = address_of(item.record) else {
        return;
    };
    let Some(what) = useless(address) else { return };
    // Other names may well lead to this host itself.
    let is_of_server = zone
        .sets
        .iter()
        .flat_map(crate::matrix::Set::hosts)
        .any(|(_, host)| host == item.record.owner);
    let is_target = zone.items.iter().any(|other| {
        is_meant_for_matrix(other)
            && target(Rtype::SRV, &other.record.rdata)
                .is_some_and(|target| target == item.record.owner.as_ref())
    });
    let is_named = zone.items.iter().any(|other| {
        other.record.rtype == Rtype::SRV
            && kind_of(other.record.owner.as_ref()).is_some_and(|(_, host)| host == item.record.owner)
    });
    if is_of_server || is_target || is_named {
        findings.push(at(zone, item,
            Severity::Error,
            "useless-address",
            format!(
                "`{}` is {what}: other hosts do not reach the server there, and one whose own name leads to itself refuses invites (Synapse, ip_range_blacklist): write the address at which others reach it",
                zone.short(item)
            ),
        ));
    }
}

/// Addresses in an HTTPS record that its target does not have, or has no longer. Of a base zone's record in a view, where they
/// are left out, nothing is said.
fn hinted(zone: &Zone<'_>, item: &Item<'_>, findings: &mut Vec<Finding>) {
    let (rtype, rdata) = (item.record.rtype, &item.record.rdata);
    let hints = hints(rtype, rdata);
    if hints.is_empty() || zone.is_from_below(item) {
        return;
    }
    let host = match target(rtype, rdata) {
        Some(host) if !host.is_root() => host.to_name(),
        _ => item.record.owner.clone(),
    };
    let Led::Here(found) = zone.led(&host) else { return };
    let other = hints
        .iter()
        .find(|hint| found.iter().all(|(address, _)| address != *hint));
    findings.extend(other.map(|hint| {
        at(zone, item,
            Severity::Warning,
            "hint",
            format!(
                "`{}` hints at {hint}, which is no address of {}: browsers may connect there first (RFC 9460, 7.3): take `ipv4hint` and `ipv6hint` out, for they ask for the address anyway",
                zone.short(item),
                bare(&host)
            ),
        )
    }));
}

fn negative(zone: &Zone<'_>, item: &Item<'_>, findings: &mut Vec<Finding>) {
    if item.record.owner != *zone.origin || item.at.0 == 0 {
        return;
    }
    let minimum = item.record.rdata.last_chunk::<4>();
    let kept = minimum.map_or(0, |bytes| u32::from_be_bytes(*bytes).min(item.record.ttl));
    if kept > LONGEST_NEGATIVE {
        findings.push(at(zone, item,
            Severity::Warning,
            "negative-ttl",
            format!(
                "who asks for a name before its record is there keeps that it is not for {kept} seconds, homeservers of the Conduit family for 3 days (RFC 2308, 5): write 60 as the SOA record's last number"
            ),
        ));
    }
}
