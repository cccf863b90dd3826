//! Going back: `undo` brings back what the last edit changed, in every file that was changed with it.
//!
//! A change of several files gives the versions that it ends one number, by which they are found again. All that goes back is
//! checked as it would lie over each other, written, and published at once, as the change was.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::control::types::UndoWords;
use crate::message::Rtype;
use crate::zone::edit::{self, diff};
use crate::zone::master::MasterFile;
use crate::zone::record::Record;

use super::change::Written;
use super::disk::{self, Lock};
use super::edits::{Write, refused, target_of};
use super::history::{self, Before, Version};
use super::load::{self, Good, OnDisk, view_flag};
use super::{Change, Held, Publish, State, Store, StoreError, ZoneKey, remembered};

/// A file with its earlier text, checked by itself and not written yet.
struct Back {
    key: ZoneKey,
    version: Version,
    path: PathBuf,
    target: PathBuf,
    /// The bytes as they are; none where the file is gone.
    current: Option<Vec<u8>>,
    new: OnDisk,
    held: Held,
    added: Vec<(Record, u32)>,
    removed: Vec<(Record, u32)>,
    notes: Vec<String>,
}

impl Store {
    /// Goes back to the version before the last edit, or brings back a zone that was removed; the zone that is named comes
    /// first, then those that were changed together with it. What is undone is kept in the history too.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then, unless the message says so.
    pub fn undo(
        &mut self,
        words: &UndoWords,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Vec<Change>, StoreError> {
        let key = self.new_key(&words.zone, words.view.as_deref())?;
        let lock = Lock::take(&self.settings.zones, self.lock_wait)?;
        let versions = history::list(&self.history_folder(&key))?;
        let Some(version) = history::last_to_undo(&versions).cloned() else {
            // A misspelt zone is told so first.
            let key = self.zone_named(&words.zone, words.view.as_deref())?;
            return Err(StoreError::NotFound(format!(
                "the history of the zone {key} holds no edit to undo"
            )));
        };
        let mut members = vec![(key, version)];
        if !words.alone {
            self.find_others(&mut members)?;
        }
        let backs = members
            .into_iter()
            .map(|(key, version)| self.back(key, version, now));
        let backs: Vec<Back> = backs.collect::<Result<_, _>>()?;
        self.check_together(&backs)?;
        if words.dry_run {
            return Ok(backs.into_iter().map(Back::told).collect());
        }
        self.go_back(&lock, backs, now, publish)
    }

    /// The versions of other files that the same change ended.
    fn find_others(&self, members: &mut Vec<(ZoneKey, Version)>) -> Result<(), StoreError> {
        let Some((named, first)) = members.first().cloned() else {
            return Ok(());
        };
        if first.group.is_none() {
            return Ok(());
        }
        for key in self.zones.keys().filter(|key| **key != named) {
            let versions = history::list(&self.history_folder(key))?;
            let is_of_group = |version: &&Version| version.group == first.group && version.time == first.time;
            let Some(version) = versions.iter().find(is_of_group) else {
                continue;
            };
            // Going back further than to the last edit would lose that.
            if history::last_to_undo(&versions) != Some(version) {
                return Err(StoreError::Refused(
                    format!(
                        "the last edit of the zone {named} changed {key} too, which was edited again since: undo that first with `dnsctl undo {}{}`, or go back in this file alone with --alone",
                        key.stem(),
                        view_flag(key)
                    ),
                    Vec::new(),
                ));
            }
            members.push((key.clone(), version.clone()));
        }
        Ok(())
    }

    /// A file as it would be.
    fn back(&self, key: ZoneKey, version: Version, now: u64) -> Result<Back, StoreError> {
        let mut text = disk::read(&version.file, disk::MAX_FILE)
            .map_err(|error| StoreError::io("read the earlier version", &version.file, &error))?;
        let path = self
            .files_of(&key)
            .into_iter()
            .next()
            .unwrap_or_else(|| key.path_in(&self.settings.zones));
        let target = target_of(&path)?;
        let current = match disk::read(&target, disk::MAX_FILE) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("read", &target, &error)),
        };
        let mut master = self.parse(&key, &path, &text);
        let serial = self
            .zones
            .get(&key)
            .filter(|held| held.state != State::Closed)
            .map(|held| held.zone.serial());
        // A serial never goes back: secondaries would not notice the change.
        if let (Some(own), Some(now_served)) = (load::own_serial(&key.origin, &master.entries), serial)
            && master.defects.is_empty()
            && !load::is_newer(own, now_served)
        {
            text = with_serial_after(now_served, &mut master, &text, &key)?;
            master = self.parse(&key, &path, &text);
        }
        let mut notes = Vec::new();
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        if let Some(current) = &current {
            let before = self.parse(&key, &path, current);
            added = edit::difference(&master.entries, &before.entries);
            removed = edit::difference(&before.entries, &master.entries);
            if !before.defects.is_empty() {
                notes.push(
                    "the file on disk was broken; not everything that went may be listed here".to_owned(),
                );
            }
        } else {
            notes.push("the file had been gone and is back".to_owned());
        }
        // A serial that was counted on is no change that anybody made.
        if added.len() + removed.len() > 2 {
            added.retain(|(record, _)| record.rtype != Rtype::SOA);
            removed.retain(|(record, _)| record.rtype != Rtype::SOA);
        }
        let copy = remembered::read(&key.path_in(&self.remembered_folder()))
            .ok()
            .flatten();
        let good = Good {
            master: &master,
            copy: copy.as_ref(),
        };
        let held = self.compile(&key, &good, path.clone(), now);
        Ok(Back {
            key,
            version,
            path,
            target,
            current,
            new: OnDisk { text, master },
            held,
            added,
            removed,
            notes,
        })
    }

    /// Refuses earlier versions that would break a zone, alone or over each other.
    fn check_together(&self, backs: &[Back]) -> Result<(), StoreError> {
        let mut zones: BTreeMap<ZoneKey, Held> = self.zones.clone();
        for back in backs {
            zones.insert(back.key.clone(), back.held.clone());
        }
        for Back {
            key, version, new, ..
        } in backs
        {
            let mut defects = self.defects_of(key, &new.master, &zones);
            if defects.is_empty() {
                defects = Self::clashes_with_views(key, &new.master, &zones);
            }
            if !defects.is_empty() {
                let file = version.file.display();
                let reason = format!("the earlier version `{file}` is broken itself");
                return Err(StoreError::Refused(reason, defects));
            }
        }
        Ok(())
    }

    fn go_back(
        &mut self,
        lock: &Lock,
        backs: Vec<Back>,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        let mut done: Vec<Written> = Vec::new();
        let mut ended = Vec::new();
        let mut late = None;
        for back in backs {
            let written = Written {
                key: back.key.clone(),
                target: back.target.clone(),
                bytes: back.current.clone(),
                held: self.zones.get(&back.key).cloned(),
                is_kept: back.current.is_some(),
            };
            ended.push(back.version.file.clone());
            match self.write_back(lock, back, now) {
                Ok((change, flaw)) => {
                    changes.push(change);
                    done.push(written);
                    late = late.or(flaw);
                }
                Err(error) => return Err(self.take_back(done, error)),
            }
        }
        publish(self.next_parts());
        for (file, change) in ended.into_iter().zip(&mut changes) {
            if let Err(error) = disk::remove(&file) {
                change.notes.push(format!(
                    "the next undo will meet the same version again: `{}`: {error}",
                    file.display()
                ));
            }
        }
        late.map_or(Ok(changes), Err)
    }

    fn write_back(
        &mut self,
        lock: &Lock,
        back: Back,
        now: u64,
    ) -> Result<(Change, Option<StoreError>), StoreError> {
        let folder = disk::folder_of(&back.target);
        disk::make_folder(folder, 0o755)
            .map_err(|error| StoreError::io("make the folder", folder, &error))?;
        let write = Write {
            key: back.key,
            path: back.path,
            target: back.target,
            new: back.new,
            keep: back.current.map(|bytes| (bytes, Before::Undo)),
            group: None,
            notes: back.notes,
        };
        let (mut change, late) = self.write_down(lock, write, now)?;
        change.added = back.added;
        change.removed = back.removed;
        Ok((change, late))
    }
}

impl Back {
    /// What going back does, without its being done.
    fn told(self) -> Change {
        let current = self.current.unwrap_or_default();
        Change {
            diff: Some(diff::unified(
                &self.path.to_string_lossy(),
                &current,
                &self.new.text,
            )),
            key: self.key,
            serial: Some(self.held.zone.serial()),
            file: self.path,
            added: self.added,
            removed: self.removed,
            notes: self.notes,
        }
    }
}

/// The text with the serial after `served` in its own SOA, everything else as it stands.
fn with_serial_after(
    served: u32,
    master: &mut MasterFile,
    text: &[u8],
    key: &ZoneKey,
) -> Result<Vec<u8>, StoreError> {
    // Counting up starts from the serial that the entry holds, and writes only the serial's own word.
    for entry in &mut master.entries {
        if entry.record.rtype == Rtype::SOA && entry.record.owner == key.origin {
            load::set_soa_serial(&mut entry.record.rdata, served);
        }
    }
    edit::bump_serial(master, text)
        .map(|edited| edited.text)
        .map_err(refused)
}
