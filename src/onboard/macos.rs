//! Macs without a profile: files in `/etc/resolver`, each named like a zone, in plain DNS.
//!
//! Every program that asks the system follows them; `dig` and `nslookup` do not. They are passed over while a profile for
//! all names is active.

use std::fmt::Write as _;

use super::quote::shell;
use super::{Artefact, Facts, Unfit};

/// Lines for a terminal.
///
/// # Errors
/// What is missing; [`Unfit::ZonesOnly`].
pub fn lines(facts: &Facts) -> Result<Artefact, Unfit> {
    let (zones, port) = (facts.zones_only()?, facts.plain_port()?);
    // More than three are not asked (resolver(5)).
    let servers: String = facts
        .addresses()?
        .iter()
        .take(3)
        .fold(String::new(), |mut text, ip| {
            let _ = write!(text, "nameserver {ip}\\n");
            text
        });
    let mut out = "sudo mkdir -p /etc/resolver\n".to_owned();
    for zone in zones {
        let file = shell(&format!("/etc/resolver/{zone}"));
        let _ = writeln!(
            out,
            "printf '{servers}port {port}\\n' | sudo tee {file} >/dev/null"
        );
    }
    out.push_str("sudo killall -HUP mDNSResponder\n");
    Ok(made(facts, "-mac.sh", out))
}

/// What undoes them.
///
/// # Errors
/// As for [`lines`].
pub fn undo(facts: &Facts) -> Result<Artefact, Unfit> {
    let mut out = String::new();
    for zone in facts.zones_only()? {
        let _ = writeln!(out, "sudo rm -f {}", shell(&format!("/etc/resolver/{zone}")));
    }
    out.push_str("sudo killall -HUP mDNSResponder\n");
    Ok(made(facts, "-mac-undo.sh", out))
}

fn made(facts: &Facts, ending: &str, text: String) -> Artefact {
    Artefact {
        file: facts.file(ending),
        media_type: "text/plain; charset=utf-8",
        bytes: text.into_bytes(),
    }
}
