//! Routers with a language of their own, or with none: UniFi, MikroTik, AdGuard Home, FRITZ!Box, Tailscale.
//!
//! None of these was tried on a device; places are from the makers' documentation and may be called otherwise in another
//! version. The guides say so.

use super::super::{PLAIN_PORT, Unfit};
use super::{Guide, Role, Wish, is_reverse};

pub(super) fn unifi(wish: &Wish) -> Result<Guide, Unfit> {
    let servers = wish.plain_addresses()?.join(", ");
    let mut guide = Guide::new(false);
    guide.say("Open Settings > Policy Engine > DNS (in older versions Settings > Routing > DNS). Not tried on a device.");
    for (at, zone) in wish.zones() {
        if wish.undo {
            guide.say("Remove the Forward Domain entry for:");
        } else {
            guide.say(format!(
                "Create > type Forward Domain; DNS server {servers}; domain:"
            ));
        }
        guide.push(Role::Forward, Some(at), zone);
    }
    Ok(guide)
}

/// RouterOS: one static entry of the type FWD for each zone and everything below it.
pub(super) fn mikrotik(wish: &Wish) -> Result<Guide, Unfit> {
    let servers = wish.plain_addresses()?.join(",");
    let mut guide = Guide::new(true);
    guide.say("Paste into a terminal of the router (RouterOS 7). Not tried on a device.");
    if !wish.undo {
        guide.say("Devices must use the router for DNS: /ip dns set allow-remote-requests=yes, with a firewall towards the internet.");
    }
    for (at, zone) in wish.zones() {
        // Nothing is found and removed at the first time, so that the lines can be pasted again.
        guide.push(
            Role::Forward,
            Some(at),
            format!("/ip dns static remove [find where name=\"{zone}\" and type=FWD]"),
        );
        if !wish.undo {
            guide.push(
                Role::Forward,
                Some(at),
                format!(
                    "/ip dns static add name=\"{zone}\" type=FWD match-subdomain=yes forward-to={servers} comment=hearthdns"
                ),
            );
        }
    }
    guide.frame("/ip dns cache flush");
    Ok(guide)
}

/// AdGuard Home: a line among its upstreams. It takes nothing out of answers.
pub(super) fn adguard(wish: &Wish) -> Guide {
    let servers: Vec<String> = wish
        .servers
        .iter()
        .map(|server| match server.port() {
            PLAIN_PORT => server.ip().to_string(),
            _ => server.to_string(),
        })
        .collect();
    let servers = servers.join(" ");
    let mut guide = Guide::new(false);
    let doing = if wish.undo { "remove" } else { "add" };
    guide.say(format!("Open Settings > DNS settings > Upstream DNS servers; {doing} these lines. Not tried with every version."));
    for (at, zone) in wish.zones() {
        guide.push(Role::Forward, Some(at), format!("[/{zone}/]{servers}"));
    }
    let reverse: Vec<(usize, &str)> = wish.zones().filter(|(_, zone)| is_reverse(zone)).collect();
    if !reverse.is_empty() {
        guide.say(format!(
            "It asks other servers for private addresses: in Private reverse DNS servers, {doing} as well:"
        ));
        for (at, zone) in reverse {
            guide.push(Role::Forward, Some(at), format!("[/{zone}/]{servers}"));
        }
    }
    guide.say("Press Apply.");
    guide
}

/// FRITZ!Box: it cannot forward a domain, so devices are told to ask us for everything.
pub(super) fn fritz(wish: &Wish) -> Result<Guide, Unfit> {
    let servers = wish.plain_addresses()?;
    let first = servers.first().ok_or(Unfit::NoAddress)?;
    let mut guide = Guide::new(false);
    guide.say("This box cannot forward a domain. It can tell devices to ask this server for every name, which passes the rest on. Not tried on a device.");
    guide.say("Open Home Network > Network > Network Settings > IPv4 Settings (show more settings).");
    if wish.undo {
        guide.say("Set Local DNS server back to the address of the box itself.");
        guide.say("Under DNS Rebind Protection, remove from Host name exceptions:");
    } else {
        guide.say("Set Local DNS server to:");
        guide.frame(first);
        guide.say("Devices learn it when they join again. Do not let the box or a cable hand out a second DNS server: devices would use either.");
        guide.say("For devices that still ask the box: Home Network > Network > Network Settings > DNS Rebind Protection, Host name exceptions:");
    }
    for (at, zone) in wish.screened() {
        guide.push(Role::Exempt, Some(at), zone);
    }
    guide.say("Press Apply.");
    Ok(guide)
}

/// Tailscale: a nameserver for the zones, which every device of the network takes over by itself.
pub(super) fn tailscale(wish: &Wish) -> Result<Guide, Unfit> {
    let servers = wish.plain_addresses()?;
    let mut guide = Guide::new(false);
    guide.say("Open the admin console, page DNS, section Nameservers. Not tried here.");
    for (at, zone) in wish.zones() {
        if wish.undo {
            guide.say("Remove the custom nameserver that is restricted to:");
        } else {
            guide.say(format!(
                "Add nameserver > Custom: {}; switch on Restrict to domain (split DNS), and enter:",
                servers.join(", then again ")
            ));
        }
        guide.push(Role::Forward, Some(at), zone);
    }
    if !wish.undo {
        guide.say("Devices must reach that address: give the server's own Tailscale address with --server, or let a subnet router announce the house.");
    }
    Ok(guide)
}
