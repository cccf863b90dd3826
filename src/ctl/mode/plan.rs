//! What shall stand in dnsmasq's configuration, as the changes that put it there. Pure.

use crate::config::openwrt::record::Change;
use crate::config::openwrt::{Coexistence, Mode};
use crate::onboard::router::is_reverse;
use crate::uci::{Package, Section};

/// Where dnsmasq's settings are.
const DNSMASQ: &str = "dhcp.@dnsmasq[0]";
/// DHCP's option 6, with the address that dnsmasq takes for its own on the network of the client. dnsmasq names itself
/// only while it has port 53.
const OPTION_6: &str = "6,0.0.0.0";

/// What shall be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) mode: Mode,
    /// Plain names of the zones.
    pub(super) zones: Vec<String>,
    pub(super) port: u16,
    pub(super) dnsmasq_port: u16,
}

impl Target {
    pub(super) fn new(mode: Mode, settings: &Coexistence, zones: &[String]) -> Self {
        Target {
            mode,
            zones: zones.to_vec(),
            port: settings.port,
            dnsmasq_port: settings.dnsmasq_port,
        }
    }

    pub(super) fn off() -> Self {
        Target {
            mode: Mode::Off,
            zones: Vec::new(),
            port: 0,
            dnsmasq_port: 0,
        }
    }

    /// The changes that make it so, with this configuration of dnsmasq, in which those of `ours` are already.
    pub(super) fn changes(&self, dhcp: &Package, ours: &[Change]) -> Vec<Change> {
        let mut wanted = Vec::new();
        match self.mode {
            Mode::Off => {}
            Mode::Guest => {
                for zone in &self.zones {
                    wanted.push(added(
                        DNSMASQ,
                        "server",
                        format!("/{zone}/127.0.0.1#{}", self.port),
                    ));
                    if !is_reverse(zone) {
                        wanted.push(added(DNSMASQ, "rebind_domain", zone.clone()));
                    }
                }
            }
            Mode::Front => {
                let before = dhcp
                    .of_kind("dnsmasq")
                    .next()
                    .and_then(|section| section.text("port"));
                let known = ours.iter().find_map(|change| match change {
                    Change::Set { option, before, .. } if option == "port" => Some(before.clone()),
                    _ => None,
                });
                wanted.push(Change::Set {
                    section: DNSMASQ.to_owned(),
                    option: "port".to_owned(),
                    value: self.dnsmasq_port.to_string(),
                    before: known.unwrap_or_else(|| before.map(str::to_owned)),
                });
                for (number, pool) in dhcp.of_kind("dhcp").enumerate() {
                    let target = pool
                        .name
                        .as_ref()
                        .map_or_else(|| format!("dhcp.@dhcp[{number}]"), |name| format!("dhcp.{name}"));
                    let change = added(&target, "dhcp_option", OPTION_6.to_owned());
                    if serves(pool) && (ours.contains(&change) || !names_nameserver(pool)) {
                        wanted.push(change);
                    }
                }
            }
        }
        // What somebody else has put there is not ours to take back.
        wanted.retain(|change| ours.contains(change) || !stands(dhcp, change));
        wanted
    }
}

fn added(section: &str, option: &str, value: String) -> Change {
    Change::Added {
        section: section.to_owned(),
        option: option.to_owned(),
        value,
    }
}

/// Whether DHCP is served on it.
fn serves(pool: &Section) -> bool {
    let is_on = |name| matches!(pool.text(name), Some("1" | "on" | "true" | "yes" | "enabled"));
    !is_on("ignore") && pool.text("dhcpv4") != Some("disabled")
}

/// Whether its clients are told of a nameserver already: somebody's own choice.
fn names_nameserver(pool: &Section) -> bool {
    let tells = |value: &str| value.starts_with("6,") || value.contains("option:dns-server,");
    pool.texts("dhcp_option").any(tells)
}

/// The section that a change is of.
fn section_of<'p>(dhcp: &'p Package, target: &str) -> Option<&'p Section> {
    let name = target.strip_prefix("dhcp.")?;
    let Some((kind, number)) = name
        .strip_prefix('@')
        .and_then(|rest| rest.strip_suffix(']')?.split_once('['))
    else {
        return dhcp.named(name);
    };
    dhcp.of_kind(kind).nth(number.parse().ok()?)
}

/// Whether a change stands in the configuration.
pub(super) fn stands(dhcp: &Package, change: &Change) -> bool {
    match change {
        Change::Added {
            section,
            option,
            value,
        } => section_of(dhcp, section).is_some_and(|found| found.texts(option).any(|known| known == value)),
        Change::Set {
            section,
            option,
            value,
            ..
        } => section_of(dhcp, section).is_some_and(|found| found.text(option) == Some(value)),
    }
}

/// The words behind `uci` that make a change.
pub(super) fn doing(change: &Change) -> [String; 2] {
    match change {
        Change::Added {
            section,
            option,
            value,
        } => ["add_list".to_owned(), format!("{section}.{option}={value}")],
        Change::Set {
            section,
            option,
            value,
            ..
        } => ["set".to_owned(), format!("{section}.{option}={value}")],
    }
}

/// The words behind `uci` that take a change back; nothing is to be done where it does not stand any more.
pub(super) fn undoing(change: &Change) -> [String; 2] {
    match change {
        Change::Added {
            section,
            option,
            value,
        } => ["del_list".to_owned(), format!("{section}.{option}={value}")],
        Change::Set {
            section,
            option,
            before: Some(before),
            ..
        } => ["set".to_owned(), format!("{section}.{option}={before}")],
        Change::Set { section, option, .. } => ["delete".to_owned(), format!("{section}.{option}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uci;

    const DHCP: &str = "config dnsmasq\n\toption domain 'lan'\n\tlist server '/b.example/127.0.0.1#5300'\n\
                        config dhcp 'lan'\n\toption interface 'lan'\nconfig dhcp 'wan'\n\toption ignore '1'\n\
                        config dhcp\n\tlist dhcp_option '6,192.0.2.1'\nconfig dhcp\n\tlist dhcp_option '3,192.0.2.1'\n";

    fn said(changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| doing(change).join(" ")).collect()
    }

    fn target(mode: Mode) -> Target {
        Target {
            mode,
            zones: ["a.example", "b.example", "1.168.192.in-addr.arpa"]
                .map(str::to_owned)
                .to_vec(),
            port: 5300,
            dnsmasq_port: 5335,
        }
    }

    #[test]
    fn guest_forwards_every_zone_and_leaves_alone_what_others_did() {
        let dhcp = uci::parse(DHCP.as_bytes()).unwrap();
        let changes = target(Mode::Guest).changes(&dhcp, &[]);
        assert_eq!(
            said(&changes),
            [
                "add_list dhcp.@dnsmasq[0].server=/a.example/127.0.0.1#5300",
                "add_list dhcp.@dnsmasq[0].rebind_domain=a.example",
                "add_list dhcp.@dnsmasq[0].rebind_domain=b.example",
                "add_list dhcp.@dnsmasq[0].server=/1.168.192.in-addr.arpa/127.0.0.1#5300",
            ]
        );
    }

    #[test]
    fn front_moves_dnsmasq_and_has_every_pool_name_the_router() {
        let dhcp = uci::parse(DHCP.as_bytes()).unwrap();
        let changes = target(Mode::Front).changes(&dhcp, &[]);
        assert_eq!(
            said(&changes),
            [
                "set dhcp.@dnsmasq[0].port=5335",
                "add_list dhcp.lan.dhcp_option=6,0.0.0.0",
                "add_list dhcp.@dhcp[3].dhcp_option=6,0.0.0.0",
            ]
        );
        assert_eq!(undoing(&changes[0]).join(" "), "delete dhcp.@dnsmasq[0].port");
        // What stands already and is ours stays ours, with what was there before.
        let after = DHCP.replace("option domain 'lan'", "option port '5335'");
        let after = after.replace("option interface 'lan'", "list dhcp_option '6,0.0.0.0'");
        let after = uci::parse(after.as_bytes()).unwrap();
        assert_eq!(target(Mode::Front).changes(&after, &changes), changes);
        assert!(target(Mode::Off).changes(&after, &changes).is_empty());
    }
}
