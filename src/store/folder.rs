//! What zone files there are: the zones folder, and one folder in it for each view.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::message::Name;
use crate::zone::record::Defect;

use super::load::whole;
use super::{Store, ZoneKey};

/// What the folders hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Every zone's files: one, unless two file names are one domain name.
    pub files: BTreeMap<ZoneKey, Vec<PathBuf>>,
    /// Defects that belong to no zone.
    pub defects: Vec<Defect>,
    /// Apexes of zones in folders without a view.
    pub orphans: BTreeSet<Name>,
}

impl Store {
    /// Looks what zone files there are.
    pub(super) fn scan(&self) -> Found {
        let mut found = Found::default();
        let folder = &self.settings.zones;
        let entries = match sorted_entries(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!(
                    "the zones folder cannot be read: {error}; zones that were known stay as they are"
                );
                found.defects.push(whole(folder, message));
                return found;
            }
        };
        for path in entries {
            let Some(name) = visible_name(&path, &mut found.defects) else {
                continue;
            };
            if path.is_dir() && !name.ends_with(".zone") {
                self.scan_view(&name, &path, &mut found);
            } else if let Some(stem) = name.strip_suffix(".zone") {
                found.add(None, stem, path);
            }
        }
        found
    }

    fn scan_view(&self, view: &str, folder: &Path, found: &mut Found) {
        let known = self.has_view(view);
        let entries = match sorted_entries(folder) {
            Ok(entries) => entries,
            Err(error) => {
                if known {
                    found.defects.push(whole(
                        folder,
                        format!("the folder of the view `{view}` cannot be read: {error}"),
                    ));
                }
                return;
            }
        };
        let mut stray = false;
        for path in entries {
            let Some(name) = visible_name(&path, &mut found.defects) else {
                continue;
            };
            let Some(stem) = name.strip_suffix(".zone") else {
                continue;
            };
            if known {
                found.add(Some(view), stem, path);
            } else {
                stray = true;
                found
                    .orphans
                    .extend(stem.parse::<Name>().ok().map(|name| name.as_ref().to_lowercase()));
            }
        }
        if stray {
            let names: Vec<&str> = self
                .settings
                .views
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            let known = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            let message = format!(
                "the folder holds zones, but the configuration has no view `{view}` (it has: {known}); its zones stay closed for everyone: name the view in the configuration, or move the folder away"
            );
            found.defects.push(whole(folder, message));
        }
    }
}

impl Found {
    fn add(&mut self, view: Option<&str>, stem: &str, path: PathBuf) {
        match stem.parse::<Name>() {
            Ok(name) => self
                .files
                .entry(ZoneKey::new(view, &name))
                .or_default()
                .push(path),
            Err(error) => {
                let message = format!(
                    "the file name is no domain name: {error}; name it DOMAIN.zone, or end it otherwise to have it ignored"
                );
                self.defects.push(whole(&path, message));
            }
        }
    }
}

fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The file name, unless it is hidden. One that is no UTF-8 is a defect if it looks like a zone.
fn visible_name(path: &Path, defects: &mut Vec<Defect>) -> Option<String> {
    let name = path.file_name()?;
    match name.to_str() {
        Some(name) => (!name.starts_with('.')).then(|| name.to_owned()),
        None => {
            if path.extension().is_some_and(|extension| extension == "zone") {
                defects.push(whole(
                    path,
                    "the file name is no domain name: it is not UTF-8".to_owned(),
                ));
            }
            None
        }
    }
}
