//! The linter: what is wrong with a Matrix server's records although every one of them is well-formed and the zone is whole.
//!
//! A zone is looked at as its clients see it: the base zone, and each view's records laid over it. Only zones that have to do
//! with Matrix are looked at: those with an option `matrix=`, and those with an SRV record that is meant for Matrix. Each
//! rule is a function in `records` or `servers` and has a word; its message names the record, the section of the
//! specification or the software that it comes from, and the way out.

mod records;
mod servers;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::message::{Name, NameRef, Rtype};
use crate::zone::check::Item;
use crate::zone::rdata::{name_text, target};
use crate::zone::record::{Mode, Options};
use crate::zone::render::short_text;

use super::mark;
use super::set::{Set, address_of};

/// Most findings of one zone.
pub const MAX_FINDINGS: usize = 200;
/// How many aliases in a row are followed.
const MAX_ALIASES: usize = 8;
/// The section of how servers find each other.
const SECTION: &str = "Matrix server-server API, resolving server names";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, for some or for now.
    Warning,
    /// Somebody will not be reached.
    Error,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's word.
    pub rule: &'static str,
    /// The zone.
    pub zone: Name,
    /// File as the user knows it.
    pub file: Arc<str>,
    /// Line from 1; 0 where it is not known, or is the whole file's.
    pub line: u32,
    /// Column in characters from 1; 0 with the line.
    pub column: u32,
    /// What is wrong, where that is written, and the way out.
    pub message: String,
}

/// A zone as a group of clients sees it.
#[derive(Debug, Clone)]
pub struct Sight<'a> {
    /// The view; none for everybody else.
    pub view: Option<&'a str>,
    /// Options of the zone, those of the base zone included.
    pub options: Options,
    /// The records that are seen.
    pub items: Vec<Item<'a>>,
}

/// Looks at a zone: as everybody sees it first, then as views do. Of a view only that is told which is not so for
/// everybody. `file` is the base zone's, for what no record can be blamed for.
#[must_use]
pub fn lint(origin: &Name, file: &Arc<str>, sights: &[Sight<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let of_all = sights.iter().find(|sight| sight.view.is_none());
    for sight in sights {
        let below = of_all.filter(|_| sight.view.is_some());
        let zone = Zone::new(origin, file, sight, below.map_or(&[], |below| &below.items));
        if !zone.is_of_matrix() {
            continue;
        }
        let mut found = Vec::new();
        records::look(&zone, &mut found);
        servers::look(&zone, &mut found);
        for mut finding in found {
            if findings
                .iter()
                .any(|other| other.rule == finding.rule && other.message == finding.message)
            {
                continue;
            }
            if let Some(view) = sight.view {
                finding.message = format!("in the view {view}: {}", finding.message);
            }
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
    findings.truncate(MAX_FINDINGS);
    findings
}

/// Where a name leads.
enum Led<'a> {
    /// To these addresses.
    Here(Vec<(IpAddr, &'a Item<'a>)>),
    /// To a name of this zone that has none.
    Nothing,
    /// Out of the zone, or to names that are asked upstream.
    Elsewhere,
}

/// A sight with an index.
struct Zone<'a> {
    origin: &'a Name,
    file: &'a Arc<str>,
    view: Option<&'a str>,
    options: &'a Options,
    items: &'a [Item<'a>],
    /// Of a view: what everybody else sees.
    below: &'a [Item<'a>],
    by_owner: HashMap<NameRef<'a>, Vec<&'a Item<'a>>>,
    /// The servers of `matrix=`, as this sight has them, and values that cannot be read.
    sets: Vec<Set>,
    broken: Vec<(&'a str, String)>,
}

impl<'a> Zone<'a> {
    fn new(origin: &'a Name, file: &'a Arc<str>, sight: &'a Sight<'a>, below: &'a [Item<'a>]) -> Self {
        let mut by_owner: HashMap<NameRef<'a>, Vec<&'a Item<'a>>> = HashMap::with_capacity(sight.items.len());
        for item in &sight.items {
            by_owner.entry(item.record.owner.as_ref()).or_default().push(item);
        }
        let (mut sets, mut broken) = (Vec::new(), Vec::new());
        for value in &sight.options.matrix {
            match mark::read(value) {
                Ok(set) => sets.push(set),
                Err(error) => broken.push((value.as_str(), error)),
            }
        }
        Zone {
            origin,
            file,
            view: sight.view,
            options: &sight.options,
            items: &sight.items,
            below,
            by_owner,
            sets,
            broken,
        }
    }

    fn is_of_matrix(&self) -> bool {
        !self.options.matrix.is_empty() || self.items.iter().any(|item| records::is_meant_for_matrix(item))
    }

    fn of(&self, owner: NameRef<'_>, rtype: Rtype) -> impl Iterator<Item = &'a Item<'a>> + use<'a> {
        let all = self.by_owner.get(&owner).cloned().unwrap_or_default();
        all.into_iter().filter(move |item| item.record.rtype == rtype)
    }

    /// Whether a record is the base zone's, seen from a view.
    fn is_from_below(&self, item: &Item<'_>) -> bool {
        let is_same = |other: &Item<'_>| other.file == item.file && other.record == item.record;
        self.below.iter().any(is_same)
    }

    fn is_here(&self, name: NameRef<'_>) -> bool {
        name.is_at_or_below(self.origin.as_ref())
    }

    /// The name below an option `forward=`, if it is.
    fn forwarded(&self, name: NameRef<'_>) -> Option<&'a Name> {
        let mut names = self.options.forward.iter();
        names.find(|top| name.is_at_or_below(top.as_ref()))
    }

    /// Where a host name leads, aliases of this zone followed. Wildcards count as elsewhere: what they say is not ours to
    /// judge.
    fn led(&self, host: &Name) -> Led<'a> {
        let mut name = host.clone();
        for _ in 0..MAX_ALIASES {
            if !self.is_here(name.as_ref()) || self.forwarded(name.as_ref()).is_some() {
                return Led::Elsewhere;
            }
            let Some(items) = self.by_owner.get(&name.as_ref()) else {
                let above = name.as_ref().ancestors().skip(1);
                let has_wildcard = above
                    .filter_map(|above| Name::prepend(b"*", above))
                    .any(|wildcard| self.by_owner.contains_key(&wildcard.as_ref()));
                let mode = self.options.mode.unwrap_or_default();
                return match has_wildcard || mode != Mode::Private {
                    true => Led::Elsewhere,
                    false => Led::Nothing,
                };
            };
            let alias = items.iter().find(|item| item.record.rtype == Rtype::CNAME);
            let Some(to) = alias.and_then(|item| target(Rtype::CNAME, &item.record.rdata)) else {
                let found: Vec<_> = items
                    .iter()
                    .filter_map(|item| Some((address_of(item.record)?, *item)))
                    .collect();
                return match found.is_empty() {
                    true => Led::Nothing,
                    false => Led::Here(found),
                };
            };
            name = to.to_name();
        }
        Led::Nothing
    }

    fn name(&self, name: &Name) -> String {
        name_text(name.as_ref(), Some(self.origin.as_ref()))
    }

    fn short(&self, item: &Item<'_>) -> String {
        short_text(item.record, Some(self.origin.as_ref()))
    }
}

/// A finding about a record.
fn at(zone: &Zone<'_>, item: &Item<'_>, severity: Severity, rule: &'static str, message: String) -> Finding {
    Finding {
        severity,
        rule,
        zone: zone.origin.clone(),
        file: Arc::clone(item.file),
        line: item.at.0,
        column: item.at.1,
        message,
    }
}

/// A finding about something that is missing.
fn about(zone: &Zone<'_>, severity: Severity, rule: &'static str, message: String) -> Finding {
    Finding {
        severity,
        rule,
        zone: zone.origin.clone(),
        file: Arc::clone(zone.file),
        line: 0,
        column: 0,
        message,
    }
}
