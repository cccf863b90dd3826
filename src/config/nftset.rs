//! The list `nftsets`: domains whose addresses go into sets of the firewall.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::address::shown;
use super::discovery;
use super::document::{Kind, Node};
use super::limits::{self, Limit};
use super::values::Reader;
use crate::message::Name;

/// Keys of one entry.
pub(super) const NFTSET: &[&str] = &["domains", "timeout_seconds", "v4", "v6"];

/// Longest name of a table or a set (NFT_NAME_MAXLEN).
const LONGEST: usize = 255;

/// One entry: domains, and where the addresses of their names go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftsetConfig {
    /// `domains`, each with all names below it, in lower case.
    pub domains: Vec<Name>,
    /// `v4`: for IPv4 addresses.
    pub v4: Option<NftSet>,
    /// `v6`: for IPv6 addresses.
    pub v6: Option<NftSet>,
    /// `timeout_seconds`: for how long an address stays at least; `None`: as the set says.
    pub timeout: Option<Duration>,
}

/// A set of nftables, as `nft` names it: `inet fw4 vpn4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftSet {
    /// The family: its word, and its number (NFPROTO_…).
    pub family: (&'static str, u8),
    /// The table.
    pub table: String,
    /// The set.
    pub set: String,
}

/// Families whose tables see addresses.
const FAMILIES: [(&str, u8); 5] = [("inet", 1), ("ip", 2), ("ip6", 10), ("bridge", 7), ("netdev", 5)];

impl fmt::Display for NftSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.family.0, self.table, self.set)
    }
}

impl FromStr for NftSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = || {
            format!(
                "expected FAMILY TABLE SET such as inet fw4 vpn4, found {}",
                shown(text)
            )
        };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [family, table, set] = words[..] else {
            return Err(told());
        };
        let family = FAMILIES
            .into_iter()
            .find(|(word, _)| *word == family)
            .ok_or_else(|| {
                let words: Vec<&str> = FAMILIES.iter().map(|(word, _)| *word).collect();
                format!(
                    "expected a family of {}, found {}",
                    words.join(", "),
                    shown(family)
                )
            })?;
        let is_name = |word: &str| {
            let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
            word.len() <= LONGEST && word.bytes().all(is_byte)
        };
        if !(is_name(table) && is_name(set)) {
            return Err(told());
        }
        Ok(NftSet {
            family,
            table: table.to_owned(),
            set: set.to_owned(),
        })
    }
}

impl Reader {
    /// `nftsets`.
    pub(super) fn nftsets(&mut self, node: &Node) {
        let Kind::List(items) = &node.kind else {
            self.mistyped(node, "a list of mappings with `domains` and a set");
            return;
        };
        if items.len() as u64 > limits::NFTSETS.max {
            let message = format!(
                "expected at most {} items, found {}",
                limits::NFTSETS.max,
                items.len()
            );
            self.defect(node.id, message);
            return;
        }
        for item in items {
            if let Some(entry) = self.nftset(item) {
                self.config.nftsets.push(entry);
            }
        }
    }

    fn nftset(&mut self, node: &Node) -> Option<NftsetConfig> {
        let mut entry = NftsetConfig {
            domains: Vec::new(),
            v4: None,
            v6: None,
            timeout: None,
        };
        let before = self.found.len();
        for (key, node) in self.section(node, "nftsets", NFTSET) {
            match key {
                "domains" => {
                    let domain = |text: &str| discovery::domain_name(text);
                    let limit = limits::NFTSET_DOMAINS;
                    let items = self.items(node, "a list of domains", "a domain", limit, domain);
                    entry.domains = items.into_iter().map(|(domain, _)| domain).collect();
                }
                "v4" => entry.v4 = self.nft_set(node),
                "v6" => entry.v6 = self.nft_set(node),
                _ => {
                    let range = Limit {
                        min: 1,
                        ..limits::NFTSET_TIMEOUT
                    };
                    let seconds = self.number(node, range);
                    entry.timeout = seconds.map(Duration::from_secs);
                }
            }
        }
        if self.found.len() > before {
            return None;
        }
        if entry.domains.is_empty() || (entry.v4.is_none() && entry.v6.is_none()) {
            self.defect(
                node.id,
                "an entry of `nftsets` needs `domains`, and a set: `v4: inet fw4 vpn4`, `v6`, or both",
            );
            return None;
        }
        Some(entry)
    }

    fn nft_set(&mut self, node: &Node) -> Option<NftSet> {
        let Kind::Text(text) = &node.kind else {
            self.mistyped(node, "a set such as inet fw4 vpn4");
            return None;
        };
        match text.parse() {
            Ok(set) => Some(set),
            Err(message) => {
                self.defect(node.id, message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_in_etc;
    use super::*;

    #[test]
    fn every_value_arrives() {
        let text = "nftsets: [{domains: [Video.example], v4: inet fw4 vpn4, v6: ip6 mine vpn-6, timeout_seconds: 600}]";
        let entries = read_in_etc(text).unwrap().nftsets;
        let [entry] = &entries[..] else {
            panic!("{entries:?}")
        };
        assert_eq!(entry.domains, ["video.example".parse().unwrap()]);
        assert_eq!(entry.v4.as_ref().unwrap().to_string(), "inet fw4 vpn4");
        assert_eq!(entry.v6.as_ref().unwrap().family, ("ip6", 10));
        assert_eq!(entry.timeout, Some(Duration::from_secs(600)));
        assert!(read_in_etc("").unwrap().nftsets.is_empty());
    }

    #[test]
    fn defects_say_where_and_what() {
        let at = "/etc/hearthdns/config.yaml";
        for (text, expected) in [
            (
                "nftsets: [{domains: [a.example]}]",
                "1:11: an entry of `nftsets` needs `domains`, and a set: `v4: inet fw4 vpn4`, `v6`, or both",
            ),
            (
                "nftsets: [{domains: [a.example], v4: fw4 vpn4}]",
                "1:38: expected FAMILY TABLE SET such as inet fw4 vpn4, found `fw4 vpn4`",
            ),
            (
                "nftsets: [{domains: [a.example], v4: arp fw4 vpn4}]",
                "1:38: expected a family of inet, ip, ip6, bridge, netdev, found `arp`",
            ),
            (
                "nftsets: [{domains: [a.example], v4: 'inet fw4 x;y'}]",
                "1:38: expected FAMILY TABLE SET such as inet fw4 vpn4, found `inet fw4 x;y`",
            ),
            (
                "nftsets: [{domains: [a.example], v4: inet fw4 x, timeout_seconds: 0}]",
                "1:67: expected 1 to 604800, found 0",
            ),
            (
                "nftsets: {domains: [a.example]}",
                "1:10: expected a list of mappings with `domains` and a set, found a mapping",
            ),
        ] {
            assert_eq!(
                read_in_etc(text).map(|config| config.nftsets),
                Err(format!("{at}:{expected}\n")),
                "{text}"
            );
        }
    }
}
