//! The section `dnssec`: whether to validate, from which trust anchors, and where not (RFC 7646).

use std::path::PathBuf;

use super::address::shown;
use super::document::{Kind, Node};
use super::limits;
use super::values::Reader;
use crate::message::Name;
use crate::zone::master::civil::read_time;

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["negative_trust_anchors", "trust_anchors", "validate"];
/// Keys of one negative trust anchor.
const NEGATIVE: &[&str] = &["domain", "reason", "until"];
/// Longest reason in characters: it is a line of `dnsctl status`.
const MAX_REASON: usize = 200;

/// Validation of what upstreams say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnssecConfig {
    /// `validate`.
    pub validate: bool,
    /// `trust_anchors`: a master file in place of the root's built-in keys.
    pub trust_anchors: Option<PathBuf>,
    /// `negative_trust_anchors`.
    pub negative: Vec<NegativeAnchor>,
}

/// A domain that is not validated for a while, although it is signed (RFC 7646).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegativeAnchor {
    /// The domain; names below it are meant as well.
    pub domain: Name,
    /// Why, for those who find it later.
    pub reason: String,
    /// Unix time in seconds from which on it no longer holds.
    pub until: u64,
}

impl Reader {
    /// See [`DnssecConfig`].
    pub(super) fn dnssec(&mut self, node: &Node) {
        for (key, node) in self.named_section(node, "dnssec") {
            match key {
                "validate" => match node.kind {
                    Kind::Bool(value) => self.config.dnssec.validate = value,
                    _ => self.mistyped(node, "true or false"),
                },
                "trust_anchors" => {
                    self.config.dnssec.trust_anchors = self.path_of(node, "the path of a file");
                }
                "negative_trust_anchors" => self.negative_anchors(node),
                _ => {}
            }
        }
    }

    fn negative_anchors(&mut self, node: &Node) {
        let Kind::List(nodes) = &node.kind else {
            return self.mistyped(
                node,
                "a list, as in [{domain: broken.example, reason: keys lost, until: 2027-01-31}]",
            );
        };
        let max = limits::NEGATIVE_ANCHORS.max;
        if nodes.len() as u64 > max {
            let message = format!("expected at most {max} items, found {}", nodes.len());
            return self.defect(node.id, message);
        }
        for node in nodes {
            if let Some(anchor) = self.negative_anchor(node) {
                self.config.dnssec.negative.push(anchor);
            }
        }
    }

    fn negative_anchor(&mut self, node: &Node) -> Option<NegativeAnchor> {
        let (mut domain, mut reason, mut until) = (None, None, None);
        let keys = self.section(node, "dnssec.negative_trust_anchors", NEGATIVE);
        if keys.is_empty() && !matches!(node.kind, Kind::Map(_)) {
            return None;
        }
        let missing: Vec<&str> = NEGATIVE
            .iter()
            .copied()
            .filter(|known| keys.iter().all(|(key, _)| key != known))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "the negative trust anchor has no {}; write domain, reason and until",
                missing.join(" and no ")
            );
            self.defect(node.id, message);
        }
        for (key, node) in keys {
            let text = match (&node.kind, node.scalar()) {
                (Kind::Null, _) | (_, None) => {
                    self.mistyped(node, "a text");
                    continue;
                }
                (_, Some(text)) => text,
            };
            match key {
                "domain" => match Name::parse(&text, None) {
                    Ok(name) => domain = Some(name.as_ref().to_lowercase()),
                    Err(error) => self.defect(node.id, error.to_string()),
                },
                "reason" => {
                    let is_line = !text.trim().is_empty()
                        && text.chars().count() <= MAX_REASON
                        && !text.chars().any(char::is_control);
                    if is_line {
                        reason = Some(text);
                    } else {
                        let message = format!("expected a line of 1 to {MAX_REASON} characters");
                        self.defect(node.id, message);
                    }
                }
                _ => match read_time(&text) {
                    Some(time) => until = Some(time),
                    None => {
                        let message = format!(
                            "expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, found {}",
                            shown(&text)
                        );
                        self.defect(node.id, message);
                    }
                },
            }
        }
        Some(NegativeAnchor {
            domain: domain?,
            reason: reason?,
            until: until?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_in_etc;
    use super::*;

    fn read(text: &str) -> Result<DnssecConfig, String> {
        read_in_etc(text).map(|config| config.dnssec)
    }

    #[test]
    fn every_value_arrives() {
        let text = "dnssec:\n  validate: true\n  trust_anchors: root.key\n  negative_trust_anchors:\n    - {domain: \
                    Broken.example, reason: keys lost, until: 2027-01-31}\n";
        let expected = DnssecConfig {
            validate: true,
            trust_anchors: Some("/etc/hearthdns/root.key".into()),
            negative: vec![NegativeAnchor {
                domain: "broken.example".parse().unwrap(),
                reason: "keys lost".to_owned(),
                until: 1_801_353_600,
            }],
        };
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(DnssecConfig::default()));
    }

    #[test]
    fn defects_say_where_and_what() {
        let at = "/etc/hearthdns/config.yaml";
        for (text, expected) in [
            (
                "dnssec: {validate: 1}",
                "1:20: expected true or false, found a number",
            ),
            (
                "dnssec: {trust_anchors: [a]}",
                "1:25: expected the path of a file, found a list",
            ),
            (
                "dnssec: {negative_trust_anchors: a.example}",
                "1:34: expected a list, as in [{domain: broken.example, reason: keys lost, until: 2027-01-31}], found \
                 a text",
            ),
            (
                "dnssec: {negative_trust_anchors: [{domain: a.example}]}",
                "1:35: the negative trust anchor has no reason and no until; write domain, reason and until",
            ),
            (
                "dnssec: {negative_trust_anchors: [{domain: a.example, reason: x, until: tomorrow}]}",
                "1:73: expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, found `tomorrow`",
            ),
            (
                "dnssec: {negative_trust_anchors: [{domain: a.example, reason: '', until: 2027-01-31}]}",
                "1:63: expected a line of 1 to 200 characters",
            ),
            (
                "dnssec: {negative_trust_anchors: [{domain: a..b, reason: x, until: 2027-01-31}]}",
                "1:44: the name has an empty label (two dots in a row)",
            ),
        ] {
            assert_eq!(read(text), Err(format!("{at}:{expected}\n")), "{text}");
        }
    }
}
