//! The Matrix linter over the zones of a store: of the files as they are on disk, and of what an edit would make of them.

use std::sync::Arc;

use crate::matrix::lint::{self, Finding, Sight};
use crate::message::Name;
use crate::zone::check::Item;
use crate::zone::master::MasterFile;
use crate::zone::record::Record;

use super::load::{items_of, laid, laid_options};
use super::{Held, State, Store, ZoneKey};

/// What stands in a zone: a file that was just read, with lines, or what is served.
enum Source<'s> {
    Read(&'s MasterFile),
    Served(Vec<Record>, Arc<str>, &'s Held),
}

impl Source<'_> {
    fn items(&self) -> Vec<Item<'_>> {
        match self {
            Self::Read(master) => master.entries.iter().map(Item::from).collect(),
            Self::Served(records, file, _) => items_of(records, file),
        }
    }

    fn options(&self) -> &crate::zone::record::Options {
        match self {
            Self::Read(master) => &master.options,
            Self::Served(_, _, held) => held.zone.options(),
        }
    }
}

impl Store {
    /// What the linter finds in the files as they are on disk now.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let bases = self.zones.keys().filter(|key| key.view.is_none());
        for base in bases {
            let family = self.zones.iter().filter(|(key, _)| key.origin == base.origin);
            let read: Vec<(ZoneKey, MasterFile)> = family
                .filter(|(_, held)| held.state == State::Ok)
                .filter_map(|(key, held)| Some((key.clone(), self.read_zone(key, &held.file).ok()?.master)))
                .collect();
            let read: Vec<(&ZoneKey, &MasterFile)> = read.iter().map(|(key, master)| (key, master)).collect();
            findings.extend(self.lint_zone(&base.origin, &read));
        }
        findings
    }

    /// What the linter finds in one zone and its views, with these files in the place of what is served.
    pub(super) fn lint_zone(&self, origin: &Name, read: &[(&ZoneKey, &MasterFile)]) -> Vec<Finding> {
        let source = |key: &ZoneKey| -> Option<Source<'_>> {
            if let Some((_, master)) = read.iter().find(|(other, _)| *other == key) {
                return Some(Source::Read(master));
            }
            let held = self.zones.get(key).filter(|held| held.state != State::Closed)?;
            let file = Arc::from(held.file.to_string_lossy());
            Some(Source::Served(held.own_records(), file, held))
        };
        let Some(base) = source(&ZoneKey::new(None, origin)) else {
            return Vec::new();
        };
        let views: Vec<(&str, Source<'_>)> = self
            .settings
            .views
            .iter()
            .filter_map(|(name, _)| Some((name.as_str(), source(&ZoneKey::new(Some(name), origin))?)))
            .collect();
        let lower = base.items();
        let file = match &base {
            Source::Read(master) => Arc::clone(&master.file),
            Source::Served(_, file, _) => Arc::clone(file),
        };
        let mut sights = vec![Sight {
            view: None,
            options: base.options().clone(),
            items: lower.clone(),
        }];
        for (view, upper) in &views {
            let mut options = laid_options(base.options(), upper.options());
            options.matrix.clone_from(&base.options().matrix);
            sights.push(Sight {
                view: Some(view),
                options,
                items: laid(&lower, &upper.items()),
            });
        }
        lint::lint(origin, &file, &sights)
    }

    /// What an edit of these files brings that was not so before, a sentence each: key, file before, file after.
    pub(super) fn new_findings(&self, edits: &[(&ZoneKey, &MasterFile, &MasterFile)]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut origins: Vec<&Name> = edits.iter().map(|(key, _, _)| &key.origin).collect();
        origins.sort_unstable();
        origins.dedup();
        for origin in origins {
            let side = |after: bool| -> Vec<(&ZoneKey, &MasterFile)> {
                let here = edits.iter().filter(|(key, _, _)| key.origin == *origin);
                here.map(|(key, old, new)| (*key, if after { *new } else { *old }))
                    .collect()
            };
            let after = self.lint_zone(origin, &side(true));
            if after.is_empty() {
                continue;
            }
            let before = self.lint_zone(origin, &side(false));
            let is_new = |finding: &&Finding| {
                !before
                    .iter()
                    .any(|other| other.rule == finding.rule && other.message == finding.message)
            };
            let new = after.iter().filter(is_new);
            notes.extend(new.map(|finding| format!("{}: {}", finding.severity.as_str(), finding.message)));
        }
        notes
    }
}
