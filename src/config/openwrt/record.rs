//! What `dnsctl router-mode` has changed in OpenWrt's configuration, so that exactly this is taken back.
//!
//! It is kept as a UCI file of its own, written before the change is made: what is recorded and was not done yet is no
//! harm, what was done and is not recorded would stay for ever.

use super::Mode;
use crate::uci::{self, Opt, Package, Place, Section, UciError, Value};

/// One change of an option of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An item was added to a list.
    Added {
        /// The section, as `uci` names it: `dhcp.@dnsmasq[0]`.
        section: String,
        /// The list.
        option: String,
        /// The item.
        value: String,
    },
    /// An option was set.
    Set {
        /// The section, as `uci` names it.
        section: String,
        /// The option.
        option: String,
        /// What it was set to.
        value: String,
        /// What it was before; none where it was not there.
        before: Option<String>,
    },
}

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The mode that the changes make.
    pub mode: Mode,
    /// Why port 53 was given back, where that is so.
    pub given_back: Option<String>,
    /// The changes, in the order in which they were made.
    pub changes: Vec<Change>,
}

/// Kinds of sections.
const MODE: &str = "mode";
const ADDED: &str = "added";
const SET: &str = "set";

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// The text is no UCI. What is not understood in it is passed over.
    pub fn read(text: &[u8]) -> Result<Self, UciError> {
        let package = uci::parse(text)?;
        let head = package.of_kind(MODE).next();
        let word = |name| head.and_then(|head| head.text(name));
        let change = |section: &Section| {
            let word = |name| section.text(name).map(str::to_owned);
            let (target, option, value) = (word("section")?, word("option")?, word("value")?);
            match section.kind.as_str() {
                ADDED => Some(Change::Added {
                    section: target,
                    option,
                    value,
                }),
                SET => Some(Change::Set {
                    section: target,
                    option,
                    value,
                    before: word("before"),
                }),
                _ => None,
            }
        };
        Ok(Record {
            mode: word("mode").and_then(Mode::named).unwrap_or_default(),
            given_back: word("given_back").map(str::to_owned),
            changes: package.sections.iter().filter_map(change).collect(),
        })
    }

    /// The record as text.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut sections = vec![section(
            MODE,
            &[
                ("mode", Some(self.mode.as_str())),
                ("given_back", self.given_back.as_deref()),
            ],
        )];
        sections.extend(self.changes.iter().map(|change| match change {
            Change::Added {
                section: target,
                option,
                value,
            } => section(
                ADDED,
                &[
                    ("section", Some(target)),
                    ("option", Some(option)),
                    ("value", Some(value)),
                ],
            ),
            Change::Set {
                section: target,
                option,
                value,
                before,
            } => section(
                SET,
                &[
                    ("section", Some(target)),
                    ("option", Some(option)),
                    ("value", Some(value)),
                    ("before", before.as_deref()),
                ],
            ),
        }));
        let head = b"# What `dnsctl router-mode` changed, and will take back.\n".to_vec();
        [head, Package { sections }.export("router_mode")].concat()
    }
}

fn section(kind: &str, options: &[(&str, Option<&str>)]) -> Section {
    let option = |(name, value): &(&str, Option<&str>)| {
        let value = (*value)?;
        Some(Opt {
            name: (*name).to_owned(),
            place: Place::default(),
            is_list: false,
            values: vec![Value {
                bytes: value.as_bytes().to_vec(),
                place: Place::default(),
            }],
        })
    };
    Section {
        kind: kind.to_owned(),
        name: None,
        place: Place::default(),
        options: options.iter().filter_map(option).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = Record {
            mode: Mode::Front,
            given_back: Some("it's silent\nand so".to_owned()),
            changes: vec![
                Change::Added {
                    section: "dhcp.@dnsmasq[0]".to_owned(),
                    option: "server".to_owned(),
                    value: "/a.example/127.0.0.1#5300".to_owned(),
                },
                Change::Set {
                    section: "dhcp.@dnsmasq[0]".to_owned(),
                    option: "port".to_owned(),
                    value: "5335".to_owned(),
                    before: None,
                },
                Change::Set {
                    section: "dhcp.lan".to_owned(),
                    option: "x".to_owned(),
                    value: "$(id)".to_owned(),
                    before: Some("'".to_owned()),
                },
            ],
        };
        assert_eq!(Record::read(&record.write()), Ok(record));
        assert_eq!(Record::read(b""), Ok(Record::default()));
    }
}
