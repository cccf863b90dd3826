//! Unbound, and the routers that are made with it: pfSense, OPNsense.
//!
//! Four things, all tried with Unbound 1.17: a `forward-zone`; `private-domain`, without which it takes private addresses
//! out of answers; `domain-insecure`, because a private zone below a signed domain has no signature; and `local-zone`,
//! where Unbound answers a name above the zone itself and would never forward.

use super::{Guide, Role, Wish};

/// Zones that Unbound answers itself unless it is told otherwise: those of its manual, and of RFC 6303 and RFC 7793,
/// without the two runs of [`builtin`].
const BUILTIN: &[&str] = &[
    "localhost",
    "test",
    "invalid",
    "onion",
    "home.arpa",
    "service.arpa",
    "resolver.arpa",
    "127.in-addr.arpa",
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];

/// [`BUILTIN`], and 172.16/12 and 100.64/10.
fn builtin() -> impl Iterator<Item = String> {
    let private = (16..=31).map(|byte| format!("{byte}.172.in-addr.arpa"));
    let shared = (64..=127).map(|byte| format!("{byte}.100.in-addr.arpa"));
    BUILTIN
        .iter()
        .map(|zone| (*zone).to_owned())
        .chain(private)
        .chain(shared)
}

/// Whether `name` lies below `zone`.
fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// The lines that make Unbound stand back: `transparent` for a zone below one of its own, so that the rest of that stays
/// as it is, `nodefault` for its own and those below ours.
fn local_zones(zone: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for own in builtin() {
        if is_below(zone, &own) {
            return vec![format!("local-zone: \"{zone}.\" transparent")];
        }
        if own == zone || is_below(&own, zone) {
            lines.push(format!("local-zone: \"{own}.\" nodefault"));
        }
    }
    lines
}

/// What stands in the `server:` clause.
fn server_clause(guide: &mut Guide, wish: &Wish, indent: &str) {
    guide.frame("server:");
    for (at, zone) in wish.screened() {
        guide.push(
            Role::Exempt,
            Some(at),
            format!("{indent}private-domain: \"{zone}.\""),
        );
    }
    for (at, zone) in wish.zones() {
        guide.push(
            Role::Insecure,
            Some(at),
            format!("{indent}domain-insecure: \"{zone}.\""),
        );
        for line in local_zones(zone) {
            guide.push(Role::Local, Some(at), format!("{indent}{line}"));
        }
    }
    if wish.servers.iter().any(|server| server.ip().is_loopback()) {
        guide.frame(format!("{indent}do-not-query-localhost: no"));
    }
}

const FILE: &str = "/etc/unbound/unbound.conf.d/hearthdns.conf";

/// Unbound by itself: a configuration file, or the shell lines that remove it.
pub(super) fn itself(wish: &Wish) -> Guide {
    let mut guide = Guide::new(true);
    if wish.undo {
        guide.say("In a shell of the host that runs Unbound, as root:");
        guide.frame(format!("rm -f {FILE}"));
        guide.frame("systemctl restart unbound");
        return guide;
    }
    guide.say(format!("dnsctl router unbound >{FILE}; then restart Unbound."));
    server_clause(&mut guide, wish, "  ");
    for (at, zone) in wish.zones() {
        guide.push(Role::Forward, Some(at), "forward-zone:");
        guide.push(Role::Forward, Some(at), format!("  name: \"{zone}.\""));
        for server in wish.addresses('@') {
            guide.push(Role::Forward, Some(at), format!("  forward-addr: {server}"));
        }
    }
    guide
}

/// pfSense: its pages.
pub(super) fn pfsense(wish: &Wish) -> Guide {
    let mut guide = Guide::new(false);
    guide.say("Open Services > DNS Resolver > General Settings. These places are from its documentation, not tried on a device.");
    let servers = wish.addresses('@').join(", ");
    for (at, zone) in wish.zones() {
        if wish.undo {
            guide.say("Under Domain Overrides, remove the entry for the domain:");
        } else {
            guide.say(format!(
                "Under Domain Overrides, press Add: IP Address {servers}, and the domain below; save."
            ));
        }
        guide.push(Role::Forward, Some(at), zone);
    }
    guide.say(if wish.undo {
        "In Custom options (Display Custom Options), remove these lines; `server:` only if nothing else follows it:"
    } else {
        "Into Custom options (Display Custom Options), paste:"
    });
    server_clause(&mut guide, wish, "");
    guide.say("Press Save, then Apply Changes.");
    guide
}

/// OPNsense: its pages.
pub(super) fn opnsense(wish: &Wish) -> Guide {
    let mut guide = Guide::new(false);
    let ports: Vec<String> = wish
        .servers
        .iter()
        .map(|server| format!("Server IP {}, Server Port {}", server.ip(), server.port()))
        .collect();
    guide.say("Open Services > Unbound DNS > Query Forwarding. These places are from its documentation, not tried on a device.");
    for (at, zone) in wish.zones() {
        if wish.undo {
            guide.say("Remove the entry for the domain:");
        } else {
            guide.say(format!(
                "Press +: {}, and the domain below; save.",
                ports.join("; and again with ")
            ));
        }
        guide.push(Role::Forward, Some(at), zone);
    }
    let (doing, of) = if wish.undo {
        ("remove", "from")
    } else {
        ("add", "to")
    };
    guide.say(format!(
        "Open Services > Unbound DNS > Advanced; {doing} {of} Private Domains:"
    ));
    for (at, zone) in wish.screened() {
        guide.push(Role::Exempt, Some(at), zone);
    }
    guide.say(format!("In the same place, {doing} {of} Insecure Domains:"));
    for (at, zone) in wish.zones() {
        guide.push(Role::Insecure, Some(at), zone);
    }
    let local: Vec<(usize, String)> = wish
        .zones()
        .flat_map(|(at, zone)| local_zones(zone).into_iter().map(move |line| (at, line)))
        .collect();
    if !local.is_empty() {
        let file = "/usr/local/etc/unbound.opnsense.d/hearthdns.conf";
        if wish.undo {
            guide.say("In a shell of the firewall:");
            guide.frame(format!("rm -f {file}"));
        } else {
            guide.say(format!(
                "These zones lie under names that Unbound answers itself. Put into {file}:"
            ));
            guide.frame("server:");
            for (at, line) in local {
                guide.push(Role::Local, Some(at), line);
            }
        }
    }
    guide.say("Press Apply.");
    guide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbound_stands_back_where_it_would_answer_itself() {
        let none: [&str; 0] = [];
        assert_eq!(local_zones("home.example"), none);
        assert_eq!(local_zones("latest"), none);
        assert_eq!(local_zones("test"), ["local-zone: \"test.\" nodefault"]);
        assert_eq!(local_zones("lab.test"), ["local-zone: \"lab.test.\" transparent"]);
        assert_eq!(
            local_zones("x.home.arpa"),
            ["local-zone: \"x.home.arpa.\" transparent"]
        );
        assert_eq!(
            local_zones("1.168.192.in-addr.arpa"),
            ["local-zone: \"1.168.192.in-addr.arpa.\" transparent"]
        );
        assert_eq!(
            local_zones("20.172.in-addr.arpa"),
            ["local-zone: \"20.172.in-addr.arpa.\" nodefault"]
        );
        assert_eq!(local_zones("ip6.arpa").len(), 8);
    }
}
