//! dnsmasq, and the routers that are made with it: OpenWrt, Pi-hole, Asuswrt-Merlin.
//!
//! `server=/ZONE/ADDRESS` forwards, `rebind-domain-ok=/ZONE/` lets private addresses pass. Of equal depth and deeper,
//! the longest domain wins in dnsmasq, so a reverse zone of ours takes its place before `bogus-priv`. Lines for dnsmasq
//! itself were tried with version 2.90, those of the routers were not tried on a device.

use super::super::{PLAIN_PORT, quote};
use super::{Guide, Role, Wish};

/// The file that holds our lines, and nothing else.
const FILE: &str = "/etc/dnsmasq.d/hearthdns.conf";
/// The same for Pi-hole, behind its own.
const PIHOLE_FILE: &str = "/etc/dnsmasq.d/99-hearthdns.conf";

/// The lines of dnsmasq's language.
fn lines(guide: &mut Guide, wish: &Wish) {
    for (at, zone) in wish.zones() {
        for server in wish.addresses('#') {
            guide.push(Role::Forward, Some(at), format!("server=/{zone}/{server}"));
        }
    }
    for (at, zone) in wish.screened() {
        guide.push(Role::Exempt, Some(at), format!("rebind-domain-ok=/{zone}/"));
    }
}

/// dnsmasq by itself: a configuration file, or the shell lines that remove it.
pub(super) fn itself(wish: &Wish) -> Guide {
    let mut guide = Guide::new(true);
    if wish.undo {
        guide.say("In a shell of the host that runs dnsmasq, as root:");
        guide.frame(format!("rm -f {FILE}"));
        guide.frame("systemctl restart dnsmasq");
        return guide;
    }
    guide.say(format!("dnsctl router dnsmasq >{FILE}; then restart dnsmasq."));
    guide.say("DD-WRT: Services > Services > Additional Dnsmasq Options (not tried on a device).");
    lines(&mut guide, wish);
    guide
}

/// OpenWrt: its own configuration, in a shell.
pub(super) fn openwrt(wish: &Wish) -> Guide {
    let mut guide = Guide::new(true);
    let undo = if wish.undo { " --undo" } else { "" };
    guide.say(format!(
        "Paste into a shell of the router, or: dnsctl router openwrt{undo} | ssh root@ROUTER sh"
    ));
    guide.say("Lines of OpenWrt's own documentation, not tried on a device.");
    let mut set = |role, at, option: &str, value: &str| {
        let word = quote::shell(&format!("dhcp.@dnsmasq[0].{option}={value}"));
        // Taken out first, so that the lines can be pasted again.
        guide.push(role, Some(at), format!("uci -q del_list {word}"));
        if !wish.undo {
            guide.push(role, Some(at), format!("uci add_list {word}"));
        }
    };
    for (at, zone) in wish.zones() {
        for server in wish.addresses('#') {
            set(Role::Forward, at, "server", &format!("/{zone}/{server}"));
        }
    }
    for (at, zone) in wish.screened() {
        set(Role::Exempt, at, "rebind_domain", zone);
    }
    guide.frame("uci commit dhcp");
    guide.frame("/etc/init.d/dnsmasq restart");
    guide
}

/// Pi-hole: a file that its resolver reads.
pub(super) fn pihole(wish: &Wish) -> Guide {
    let mut guide = Guide::new(true);
    guide.say("In a shell of the Pi-hole, as root. Not tried on a device.");
    if wish.undo {
        guide.frame(format!("rm -f {PIHOLE_FILE}"));
    } else {
        guide.frame(format!("cat >{PIHOLE_FILE} <<'EOF'"));
        lines(&mut guide, wish);
        guide.frame("EOF");
        guide.say("Pi-hole 6 reads that folder only where it is told to; Pi-hole 5 always does.");
        guide.frame("pihole-FTL --config misc.etc_dnsmasq_d true");
    }
    guide.frame("service pihole-FTL restart");
    guide
}

/// Asuswrt-Merlin: lines that it adds to its own file, between marks.
pub(super) fn asus(wish: &Wish) -> Guide {
    let mut guide = Guide::new(true);
    guide.say("Asuswrt-Merlin, in a shell of the router. Not tried on a device.");
    guide.say("First, in its pages: Administration > System > Enable JFFS custom scripts and configs: Yes.");
    if let (false, Some(server)) = (
        wish.undo,
        wish.servers.first().filter(|server| server.port() == PLAIN_PORT),
    ) {
        guide.say(format!(
            "Asus' own firmware cannot forward a domain; there, LAN > DHCP Server > DNS Server 1: {}",
            server.ip()
        ));
    }
    guide.frame("f=/jffs/configs/dnsmasq.conf.add");
    guide.frame("touch \"$f\"");
    guide.frame("sed -i '/^# hearthdns begin$/,/^# hearthdns end$/d' \"$f\"");
    if !wish.undo {
        guide.frame("cat >>\"$f\" <<'EOF'");
        guide.frame("# hearthdns begin");
        lines(&mut guide, wish);
        guide.frame("# hearthdns end");
        guide.frame("EOF");
    }
    guide.frame("service restart_dnsmasq");
    guide
}
