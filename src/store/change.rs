//! Several changes of several zones as one: all are checked together before one is written, and published together.
//!
//! Files are written one after the other. Where the system refuses one, those before it get their old bytes back; only a
//! power cut between two of them leaves some new and some old, and then nothing was acknowledged.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rand::RngExt;

use crate::config::limits;
use crate::control::types::{ChangeWords, SetWords, ZoneChange};
use crate::message::Name;
use crate::zone::edit::{self, Batch, Edited, Member, WholeSet, diff};
use crate::zone::record::{MAX_TTL, Mode};

use super::disk::{self, Lock};
use super::edits::{Open, Write, read_rdata, refuse_breaking, refused};
use super::history::{self, Before};
use super::lifecycle::{mode_named, new_text};
use super::load::{Good, OnDisk};
use super::{Change, Held, Publish, Store, StoreError, ZoneKey, remembered, words};

/// Most zones in one change.
const MAX_ZONES: usize = limits::CHANGE_ZONES.default_usize();
/// Most record sets, and most records, of one zone in one change.
const MAX_RECORDS: usize = limits::CHANGE_RECORDS.default_usize();

/// A zone file with its changes made, and not written yet.
struct Draft {
    open: Open,
    edited: Edited,
    outcome: OnDisk,
    held: Held,
    made: bool,
}

/// What a file was before it was written, to be put back where a later one fails.
pub(super) struct Written {
    pub(super) key: ZoneKey,
    pub(super) target: PathBuf,
    /// None for a file that was not there.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) held: Option<Held>,
    /// Whether a version was kept when it was written.
    pub(super) is_kept: bool,
}

impl Store {
    /// Makes all changes, or none.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then, unless the message says so.
    pub fn change(
        &mut self,
        words: &ChangeWords,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Vec<Change>, StoreError> {
        if words.zones.len() > MAX_ZONES {
            let message = format!(
                "{} zones are to change together, at most {MAX_ZONES} may",
                words.zones.len()
            );
            return Err(StoreError::BadWord(message));
        }
        let mut keys: Vec<ZoneKey> = Vec::new();
        for zone in &words.zones {
            let key = self.new_key(&zone.zone, zone.view.as_deref())?;
            if keys.contains(&key) {
                return Err(StoreError::BadWord(format!(
                    "the zone {key} stands in the request twice"
                )));
            }
            keys.push(key);
        }
        let folder = self.settings.zones.clone();
        if words.zones.iter().any(|zone| zone.make) && !words.dry_run {
            disk::make_folder(&folder, 0o755)
                .map_err(|error| StoreError::io("make the zones folder", &folder, &error))?;
        }
        // Where nothing is to be written, and there is no folder yet, there is nobody to lock out.
        let lock = match words.dry_run && !folder.is_dir() {
            true => None,
            false => Some(Lock::take(&folder, self.lock_wait)?),
        };
        let mut drafts = Vec::new();
        for (key, zone) in keys.into_iter().zip(&words.zones) {
            drafts.push(self.draft(lock.as_ref(), key, zone, now)?);
        }
        self.refuse_breaking_together(&drafts)?;
        let edits: Vec<_> = drafts
            .iter()
            .map(|draft| (&draft.open.key, &draft.open.on_disk.master, &draft.outcome.master))
            .collect();
        let findings = self.new_findings(&edits);
        if let Some(draft) = drafts.first_mut() {
            draft.open.notes.extend(findings);
        }
        match lock.filter(|_| !words.dry_run) {
            Some(lock) => self.write_all(&lock, drafts, now, publish),
            None => Ok(drafts.into_iter().map(Draft::told).collect()),
        }
    }

    /// Makes the changes of one zone, in memory.
    fn draft(
        &self,
        lock: Option<&Lock>,
        key: ZoneKey,
        words: &ZoneChange,
        now: u64,
    ) -> Result<Draft, StoreError> {
        let is_new = words.make && !self.zones.contains_key(&key);
        let mode = words.mode.as_deref().map(mode_named).transpose()?;
        let open = match lock.filter(|_| !is_new) {
            Some(lock) => {
                self.zone_named(&words.zone, words.view.as_deref())?;
                self.open_locked(lock, &key)?
            }
            None => self.open_new(key, mode)?,
        };
        let served = self.zones.get(&open.key).map(|held| held.zone.serial());
        if let Some(asked) = words.serial
            && served != Some(asked)
        {
            let message = format!(
                "the zone {} has changed meanwhile: run the command again",
                open.key
            );
            return Err(StoreError::Refused(message, Vec::new()));
        }
        let batch = batch_of(words, &open.key, now)?;
        let edited = edit::apply(&open.on_disk.master, &open.on_disk.text, &batch).map_err(refused)?;
        let outcome = OnDisk {
            master: self.parse(&open.key, &open.path, &edited.text),
            text: edited.text.clone(),
        };
        let copy = remembered::read(&open.key.path_in(&self.remembered_folder()))
            .ok()
            .flatten();
        let good = Good {
            master: &outcome.master,
            copy: copy.as_ref(),
        };
        let held = self.compile(&open.key, &good, open.path.clone(), now);
        Ok(Draft {
            open,
            edited,
            outcome,
            held,
            made: is_new,
        })
    }

    /// A zone file that is to be made.
    fn open_new(&self, key: ZoneKey, mode: Option<Mode>) -> Result<Open, StoreError> {
        let path = key.path_in(&self.settings.zones);
        if fs::symlink_metadata(&path).is_ok() {
            let message = format!(
                "the file `{}` is there already; `dnsctl reload` loads it",
                path.display()
            );
            return Err(StoreError::Refused(message, Vec::new()));
        }
        let text = new_text(&key, mode).into_bytes();
        let master = self.parse(&key, &path, &text);
        let mut notes = Vec::new();
        if key.view.is_none() && matches!(mode, None | Some(Mode::Private)) {
            notes.push(format!(
                "every name at or below {} that gets no record here does not exist from now on",
                key.origin
            ));
        }
        Ok(Open {
            key,
            target: path.clone(),
            path,
            on_disk: OnDisk { text, master },
            notes,
        })
    }

    /// Checks the outcomes as they would lie over each other.
    fn refuse_breaking_together(&self, drafts: &[Draft]) -> Result<(), StoreError> {
        let mut zones: BTreeMap<ZoneKey, Held> = self.zones.clone();
        for draft in drafts {
            zones.insert(draft.open.key.clone(), draft.held.clone());
        }
        for draft in drafts {
            let (key, master) = (&draft.open.key, &draft.outcome.master);
            refuse_breaking(&self.defects_of(key, master, &zones))?;
            refuse_breaking(&Self::clashes_with_views(key, master, &zones))?;
        }
        Ok(())
    }

    fn write_all(
        &mut self,
        lock: &Lock,
        drafts: Vec<Draft>,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        let mut done: Vec<Written> = Vec::new();
        let mut late = None;
        let is_idle = |draft: &Draft| !draft.made && draft.edited.text == draft.open.on_disk.text;
        let files = drafts.iter().filter(|draft| !is_idle(draft)).count();
        let group = (files > 1).then(|| rand::rng().random());
        for draft in drafts {
            if is_idle(&draft) {
                changes.push(Change {
                    diff: None,
                    ..draft.told()
                });
                continue;
            }
            let undo = Written {
                key: draft.open.key.clone(),
                target: draft.open.target.clone(),
                bytes: (!draft.made).then(|| draft.open.on_disk.text.clone()),
                held: self.zones.get(&draft.open.key).cloned(),
                is_kept: true,
            };
            match self.write_draft(lock, draft, group, now) {
                Ok((change, flaw)) => {
                    changes.push(change);
                    done.push(undo);
                    late = late.or(flaw);
                }
                Err(error) => return Err(self.take_back(done, error)),
            }
        }
        if !done.is_empty() {
            publish(self.next_parts());
        }
        late.map_or(Ok(changes), Err)
    }

    fn write_draft(
        &mut self,
        lock: &Lock,
        draft: Draft,
        group: Option<u32>,
        now: u64,
    ) -> Result<(Change, Option<StoreError>), StoreError> {
        let Draft {
            open,
            edited,
            outcome,
            ..
        } = draft;
        let folder = disk::folder_of(&open.target);
        disk::make_folder(folder, 0o755)
            .map_err(|error| StoreError::io("make the folder", folder, &error))?;
        let write = Write {
            key: open.key,
            path: open.path,
            target: open.target,
            new: outcome,
            // Of a zone that is made the empty one is kept, so that this can be undone as every edit can.
            keep: Some((open.on_disk.text, Before::Edit)),
            group,
            notes: open.notes,
        };
        let (mut change, late) = self.write_down(lock, write, now)?;
        change.added = edited.added;
        change.removed = edited.removed;
        Ok((change, late))
    }

    /// Puts back what was written before `error` came.
    pub(super) fn take_back(&mut self, done: Vec<Written>, error: StoreError) -> StoreError {
        let mut stuck = Vec::new();
        let names = remembered::folder_names(&self.settings.zones);
        for undo in done.into_iter().rev() {
            let copy = undo.key.path_in(&self.remembered_folder());
            let put_back = match &undo.bytes {
                Some(bytes) => {
                    let like = fs::metadata(&undo.target).ok();
                    disk::replace(&undo.target, bytes, like.as_ref()).map_err(|failure| failure.error)
                }
                None => disk::remove(&undo.target).and_then(|()| disk::remove(&copy)),
            };
            if let Err(error) = put_back {
                stuck.push(format!("`{}`: {error}", undo.target.display()));
                continue;
            }
            // The version that was kept for this edit is what stands there again.
            let kept = history::list(&self.history_folder(&undo.key)).ok();
            let is_kept = undo.is_kept && self.settings.history_versions > 0;
            if let Some(version) = kept.and_then(|mut versions| versions.pop()).filter(|_| is_kept) {
                let _ = disk::remove(&version.file);
            }
            match undo.held {
                Some(held) => {
                    if let Some(bytes) = &undo.bytes {
                        let master = self.parse(&undo.key, &undo.target, bytes);
                        let good = Good {
                            master: &master,
                            copy: None,
                        };
                        // Reading the folder brings it up to date at the latest.
                        let _ = self.remember(&undo.key, &good, &held, &names);
                    }
                    self.zones.insert(undo.key, held);
                }
                None => drop(self.zones.remove(&undo.key)),
            }
        }
        if stuck.is_empty() {
            return error;
        }
        StoreError::Io(format!(
            "{error}; what was changed before could not be put back ({}): look at `dnsctl log`",
            stuck.join(", ")
        ))
    }
}

impl Draft {
    /// What the change does, without its being done.
    fn told(self) -> Change {
        let before: &[u8] = if self.made { b"" } else { &self.open.on_disk.text };
        let diff = diff::unified(&self.open.path.to_string_lossy(), before, &self.edited.text);
        Change {
            key: self.open.key,
            serial: Some(self.held.zone.serial()),
            file: self.open.path,
            added: self.edited.added,
            removed: self.edited.removed,
            notes: self.open.notes,
            diff: Some(diff),
        }
    }
}

/// Reads the words of one zone's changes.
fn batch_of(words: &ZoneChange, key: &ZoneKey, now: u64) -> Result<Batch, StoreError> {
    let records: usize = words.sets.iter().map(|set| set.records.len().max(1)).sum();
    if records + words.marks.len() > MAX_RECORDS {
        return Err(StoreError::BadWord(format!(
            "{records} records of the zone {key} are to change together, at most {MAX_RECORDS} may"
        )));
    }
    let sets = words.sets.iter().map(|set| set_of(set, key, now));
    Ok(Batch {
        marks: words
            .marks
            .iter()
            .map(|mark| (mark.before.clone(), mark.after.clone()))
            .collect(),
        sets: sets.collect::<Result<_, _>>()?,
    })
}

fn set_of(words: &SetWords, key: &ZoneKey, now: u64) -> Result<WholeSet, StoreError> {
    let bad = |message: String| StoreError::BadWord(message);
    let owner = match words.name.as_str() {
        "@" => key.origin.clone(),
        name => Name::parse(name, Some(key.origin.as_ref()))
            .map_err(|error| bad(format!("the name `{name}` is not valid: {error}")))?,
    };
    if !owner.as_ref().is_at_or_below(key.origin.as_ref()) {
        return Err(bad(format!("`{owner}` does not lie in the zone {key}")));
    }
    let rtype = words::rtype(&words.rtype)?;
    if let Some(ttl) = words.ttl.filter(|ttl| *ttl > MAX_TTL) {
        let message = format!("the TTL {ttl} is too large; at most {MAX_TTL} is allowed (RFC 2181, 8)");
        return Err(bad(message));
    }
    let mut members: Vec<Member> = Vec::new();
    for record in &words.records {
        let rdata = read_rdata(rtype, &record.rdata, key)?;
        if members.iter().any(|member| member.rdata == rdata) {
            let text = record.rdata.join(" ");
            return Err(bad(format!("`{owner} {rtype} {text}` stands in its set twice")));
        }
        let expires = record.expires.as_deref();
        members.push(Member {
            rdata,
            comment: record.comment.clone(),
            expires: expires.map(|text| words::expiry(text, now)).transpose()?,
        });
    }
    Ok(WholeSet {
        owner,
        rtype,
        ttl: words.ttl,
        members,
    })
}
