//! Linux: a script for POSIX shells that looks what resolves names on the machine and tells that, in plain DNS.
//!
//! The ways, best first: systemd-resolved 258 and newer with a file of its own for some domains (`dns-delegate`);
//! NetworkManager's dnsmasq; the link that leads to us, in any version of systemd-resolved; dnsmasq; the hosts file.
//!
//! Older versions of systemd-resolved split by link only, and what they send for a link leaves through it: a link made for
//! this purpose reaches no server on another one, which was tried with version 252. A link that leads to us can be given
//! our servers for our zones where it has none of its own, as a VPN to the house or a second network card; one that has
//! some, from DHCP or from somebody else, would send us every name, and is left alone. A unit tells the link each time
//! that it comes. Links that NetworkManager or systemd-networkd manages are left alone too, because those take back what
//! they did not say themselves: seen with 1.42 when another link came, and with 252 at a restart.
//!
//! The global setting of systemd-resolved sends all other names to us as well: it is for those who ask for it
//! (`--way resolved`), and for invites for all names where nothing better is at hand.
//!
//! `linux.sh` is the part that is the same for everybody; what stands before it is made here.

use std::fmt::Write as _;

use super::quote::shell;
use super::reach::plain_address;
use super::{Artefact, Facts, PLAIN_PORT, Unfit, plain};

/// Most names in the script's hosts file: it is read line by line for every name that is looked up.
const MAX_HOSTS: usize = 1000;

const BODY: &str = include_str!("linux.sh");

/// The script; with `--undo` it takes back what it did.
///
/// # Errors
/// What is missing.
pub fn script(facts: &Facts) -> Result<Artefact, Unfit> {
    written(facts, ".sh", "")
}

/// The same as if it were always run with `--undo`: whoever had the script fetched and run has no file to run again.
///
/// # Errors
/// As for [`script`].
pub fn undo(facts: &Facts) -> Result<Artefact, Unfit> {
    written(facts, "-undo.sh", "set -- --undo\n")
}

/// The script with these words before its common part, as a file of this ending.
fn written(facts: &Facts, ending: &str, first: &str) -> Result<Artefact, Unfit> {
    let (addresses, port) = (facts.addresses()?, facts.plain_port()?);
    let zones = facts.wanted_zones()?;
    let for_dnsmasq = |ip: &std::net::IpAddr| match port {
        PLAIN_PORT => ip.to_string(),
        _ => format!("{ip}#{port}"),
    };
    let join = |texts: Vec<String>| shell(&texts.join(" "));
    let mut out = "#!/bin/sh\n# Sends names of these zones ('.': all names) to this DNS server; with --undo takes that back.\n".to_owned();
    let _ = write!(
        out,
        "zones={}\nresolved_servers={}\ndnsmasq_servers={}\nhost_lines={}\n",
        join(zones.unwrap_or_else(|| vec![".".to_owned()])),
        join(addresses.iter().map(|ip| plain_address(*ip, port)).collect()),
        join(addresses.iter().map(for_dnsmasq).collect()),
        shell(&lines(facts)),
    );
    out.push_str(first);
    out.push_str(BODY);
    Ok(Artefact {
        file: facts.file(ending),
        media_type: "text/x-shellscript; charset=utf-8",
        bytes: out.into_bytes(),
    })
}

/// Lines for a hosts file.
///
/// # Errors
/// [`Unfit::NoHosts`].
pub fn hosts(facts: &Facts) -> Result<Artefact, Unfit> {
    let lines = lines(facts);
    if lines.is_empty() {
        return Err(Unfit::NoHosts);
    }
    Ok(Artefact {
        file: "hearthdns-hosts.txt".to_owned(),
        media_type: "text/plain; charset=utf-8",
        bytes: lines.into_bytes(),
    })
}

/// Address and name, one line each. No hosts file knows wildcards, and unspecified addresses name nobody.
fn lines(facts: &Facts) -> String {
    let usable = facts.server.hosts.iter().filter_map(|(name, ip)| {
        let name = plain(name.as_ref())?;
        (!ip.is_unspecified()).then_some((ip, name))
    });
    usable
        .take(MAX_HOSTS)
        .fold(String::new(), |mut text, (ip, name)| {
            let _ = writeln!(text, "{ip} {name}");
            text
        })
}
