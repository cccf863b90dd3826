//! The section `lan`: the domain of the devices of the house, and the files that tell their names.

use std::path::PathBuf;

use super::address::shown;
use super::discovery;
use super::document::{Kind, Node};
use super::limits;
use super::values::Reader;
use crate::message::Name;

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["dhcp", "domain", "ethers", "hosts", "leases"];

/// Names of the devices of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanConfig {
    /// `domain`: private, whatever the files say; in lower case.
    pub domain: Name,
    /// `leases`: lease files of dnsmasq or odhcpd.
    pub leases: Vec<PathBuf>,
    /// `hosts`: hosts files, or folders of such.
    pub hosts: Vec<PathBuf>,
    /// `dhcp`: OpenWrt's settings of DHCP, for the names in them.
    pub dhcp: Option<PathBuf>,
    /// `ethers`: names by MAC address.
    pub ethers: Option<PathBuf>,
}

impl Reader {
    /// `lan`.
    pub(super) fn lan(&mut self, node: &Node) {
        let mut domain = None;
        let (mut leases, mut hosts, mut ethers, mut dhcp) = (Vec::new(), Vec::new(), None, None);
        for (key, node) in self.named_section(node, "lan") {
            match key {
                "domain" => domain = self.lan_domain(node),
                "dhcp" => dhcp = self.path_of(node, "the path of a file"),
                "ethers" => ethers = self.path_of(node, "the path of a file"),
                "hosts" => hosts = self.lan_paths(node, "a list of files and folders"),
                _ => leases = self.lan_paths(node, "a list of files"),
            }
        }
        let domain = match domain {
            Some(domain) => domain,
            None if self.places.contains_key("lan.domain") => return,
            None => match node.kind {
                Kind::Map(_) => {
                    let message = "nothing says which domain the devices are in; write `domain: lan`";
                    return self.defect(node.id, message);
                }
                _ => return,
            },
        };
        self.config.lan = Some(LanConfig {
            domain,
            leases,
            hosts,
            dhcp,
            ethers,
        });
    }

    fn lan_domain(&mut self, node: &Node) -> Option<Name> {
        let Kind::Text(text) = &node.kind else {
            self.mistyped(node, "a domain such as lan");
            return None;
        };
        match discovery::domain_name(text) {
            Ok(name) => Some(name),
            Err(message) => {
                self.defect(node.id, message);
                None
            }
        }
    }

    fn lan_paths(&mut self, node: &Node, list: &str) -> Vec<PathBuf> {
        let folder = self.folder.clone();
        let path = |text: &str| {
            let is_path = !text.is_empty() && !text.chars().any(char::is_control) && !text.starts_with('~');
            match is_path {
                true => Ok(folder.join(text)),
                false => Err(format!("expected a whole path, found {}", shown(text))),
            }
        };
        let items = self.items(node, list, "a path", limits::LAN_FILES, path);
        items.into_iter().map(|(path, _)| path).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_in_etc;
    use super::*;

    fn read(text: &str) -> Result<Option<LanConfig>, String> {
        read_in_etc(text).map(|config| config.lan)
    }

    #[test]
    fn every_value_arrives() {
        let text = "lan: {domain: LAN, leases: [/var/dhcp.leases], hosts: [/var/hosts, hosts], ethers: /etc/ethers, dhcp: dhcp}";
        let expected = LanConfig {
            domain: "lan".parse().unwrap(),
            leases: vec!["/var/dhcp.leases".into()],
            hosts: vec!["/var/hosts".into(), "/etc/hearthdns/hosts".into()],
            dhcp: Some("/etc/hearthdns/dhcp".into()),
            ethers: Some("/etc/ethers".into()),
        };
        assert_eq!(read(text), Ok(Some(expected)));
        assert_eq!(read(""), Ok(None));
        let alone = read("lan: {domain: home.arpa}").unwrap().unwrap();
        assert_eq!(
            (alone.domain.to_string(), alone.leases.len()),
            ("home.arpa.".to_owned(), 0)
        );
    }

    #[test]
    fn defects_say_where_and_what() {
        let at = "/etc/hearthdns/config.yaml";
        for (text, expected) in [
            (
                "lan: {leases: [/var/dhcp.leases]}",
                "1:6: nothing says which domain the devices are in; write `domain: lan`",
            ),
            (
                "lan: {domain: [a]}",
                "1:15: expected a domain such as lan, found a list",
            ),
            (
                "lan: {domain: local}",
                "1:15: devices look for names below `local` by multicast (RFC 6762); choose another domain, such as lan, \
                 found `local`",
            ),
            (
                "lan: {domain: my_lan}",
                "1:15: expected a domain of letters, digits and `-` (RFC 1123, 2.1), such as lan, found `my_lan`",
            ),
            (
                "lan: {domain: .}",
                "1:15: expected a domain of letters, digits and `-` (RFC 1123, 2.1), such as lan, found `.`",
            ),
            (
                "lan: {domain: lan, leases: ['~/x']}",
                "1:29: expected a whole path, found `~/x`",
            ),
            (
                "lan: {domain: lan, leases: /var/dhcp.leases}",
                "1:28: expected a list of files, found a text; write [\"/var/dhcp.leases\"]",
            ),
            (
                "lan: {domain: lan, lease: [x]}",
                "1:20: unknown key `lease` in `lan`; did you mean `leases`? known here: dhcp, domain, ethers, hosts, leases",
            ),
        ] {
            assert_eq!(read(text), Err(format!("{at}:{expected}\n")), "{text}");
        }
    }
}
