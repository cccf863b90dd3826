//! Changes to zones: lock, read, edit, check, keep, write, publish, and only then say so.
//!
//! Every change takes the lock, reads the file as it is now, refuses a file that is broken already, edits
//! the text in place, and checks the outcome (a view's zone laid over its base as well) before a byte is
//! written. The bytes as they were go to the history first: a change that could not be undone is not made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::nearest;
use crate::control::types::{RecordWords, RemoveRecord};
use crate::message::{Name, Rtype};
use crate::zone::edit::{self, EditError, Edited, NewRecord};
use crate::zone::rdata;
use crate::zone::record::{Defect, MAX_TTL, Record};

use super::disk::{self, Lock};
use super::history::{self, Before};
use super::load::{Good, OnDisk, view_flag};
use super::{Parts, Store, StoreError, ZoneKey, remembered, words};

/// What a change did. It is on disk and published when this is returned.
#[derive(Debug, Clone)]
pub struct Change {
    /// The zone.
    pub key: ZoneKey,
    /// Its serial now; none where the zone is gone.
    pub serial: Option<u32>,
    /// Its file.
    pub file: PathBuf,
    /// Records that came, with the line each stands on now; 0 where it is not known.
    pub added: Vec<(Record, u32)>,
    /// Records that went, with the line each stood on.
    pub removed: Vec<(Record, u32)>,
    /// What else the user should know.
    pub notes: Vec<String>,
    /// What would change in the file, where nothing was to be written.
    pub diff: Option<String>,
}

/// Takes what is to be served from now on. An edit is acknowledged only after this has returned.
pub type Publish<'a> = &'a mut dyn FnMut(Parts);

/// A zone file under the lock.
pub(super) struct Open {
    pub key: ZoneKey,
    /// As listed: what defects and messages name.
    pub path: PathBuf,
    /// Where the bytes are: the link's target where the file is a symbolic link.
    pub target: PathBuf,
    pub on_disk: OnDisk,
    pub notes: Vec<String>,
}

/// A change that has passed every check.
pub(super) struct Write {
    pub key: ZoneKey,
    pub path: PathBuf,
    pub target: PathBuf,
    pub new: OnDisk,
    /// The bytes as they were, for the history.
    pub keep: Option<(Vec<u8>, Before)>,
    /// What the versions have in common that one change of several files ends.
    pub group: Option<u32>,
    pub notes: Vec<String>,
}

impl Store {
    /// Adds one record.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then.
    pub fn add_record(
        &mut self,
        words: &RecordWords,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let (lock, open, mut new) = self.open_for_record(words, now)?;
        let set_ttl = open
            .on_disk
            .master
            .entries
            .iter()
            .map(|entry| &entry.record)
            .find(|record| record.rtype == new.rtype && record.owner == new.owner)
            .map(|record| record.ttl);
        if let (Some(asked), Some(there)) = (new.ttl, set_ttl)
            && asked != there
        {
            return Err(StoreError::Refused(
                format!(
                    "the other {} records of `{}` have TTL {there}, and the TTLs of one set must not differ (RFC 2181, 5.2); leave out --ttl to join them, or change the set first",
                    new.rtype, new.owner
                ),
                Vec::new(),
            ));
        }
        let mut edited = self.add_to(&open, &new)?;
        // The line would take the TTL in force where it stands, which need not be the set's.
        if let Some(there) = set_ttl
            && new.ttl.is_none()
            && edited.added.iter().any(|(record, _)| record.ttl != there)
        {
            new.ttl = Some(there);
            edited = self.add_to(&open, &new)?;
        }
        self.finish(&lock, open, edited, now, publish)
    }

    /// Makes the set of the record's name and type this one record.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then.
    pub fn set_record(
        &mut self,
        words: &RecordWords,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let (lock, open, new) = self.open_for_record(words, now)?;
        let edited = edit::set(&open.on_disk.master, &open.on_disk.text, &new).map_err(refused)?;
        self.finish(&lock, open, edited, now, publish)
    }

    /// Removes every record that matches.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then.
    pub fn remove_record(
        &mut self,
        words: &RemoveRecord,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let (key, owner) = self.resolve(&words.name, words.zone.as_deref(), words.view.as_deref())?;
        let rtype = words.rtype.as_deref().map(words::rtype).transpose()?;
        let data = match (rtype, words.rdata.as_slice()) {
            (_, []) => None,
            (Some(rtype), data) => Some(read_rdata(rtype, data, &key)?),
            (None, _) => {
                return Err(StoreError::BadWord(
                    "RDATA without a type; write NAME TYPE RDATA".to_owned(),
                ));
            }
        };
        let (lock, open) = self.open_zone(&key)?;
        let matches = |record: &Record| {
            record.owner == owner
                && rtype.is_none_or(|rtype| record.rtype == rtype)
                && data.as_ref().is_none_or(|data| record.rdata == *data)
        };
        if !open
            .on_disk
            .master
            .entries
            .iter()
            .any(|entry| matches(&entry.record))
        {
            return Err(self.nothing_to_remove(&open, &owner, rtype, data.is_some()));
        }
        let edited = edit::remove(
            &open.on_disk.master,
            &open.on_disk.text,
            &owner,
            rtype,
            data.as_deref(),
        )
        .map_err(refused)?;
        self.finish(&lock, open, edited, now, publish)
    }

    /// Reads the words of a record and opens its zone.
    fn open_for_record(&self, words: &RecordWords, now: u64) -> Result<(Lock, Open, NewRecord), StoreError> {
        let (key, owner) = self.resolve(&words.name, words.zone.as_deref(), words.view.as_deref())?;
        let rtype = words::rtype(&words.rtype)?;
        if words.rdata.is_empty() {
            return Err(StoreError::BadWord(format!(
                "the {rtype} record has no data; write NAME TYPE RDATA"
            )));
        }
        let data = read_rdata(rtype, &words.rdata, &key)?;
        if let Some(ttl) = words.ttl.filter(|ttl| *ttl > MAX_TTL) {
            let message = format!("the TTL {ttl} is too large; at most {MAX_TTL} is allowed (RFC 2181, 8)");
            return Err(StoreError::BadWord(message));
        }
        let expires = words
            .expires
            .as_deref()
            .map(|text| words::expiry(text, now))
            .transpose()?;
        let new = NewRecord {
            owner,
            ttl: words.ttl,
            rtype,
            rdata: data,
            comment: words.comment.clone(),
            expires,
        };
        let (lock, open) = self.open_zone(&key)?;
        Ok((lock, open, new))
    }

    /// Takes the lock and reads a zone's file as it is now; refuses one that is broken.
    fn open_zone(&self, key: &ZoneKey) -> Result<(Lock, Open), StoreError> {
        let lock = Lock::take(&self.settings.zones, self.lock_wait)?;
        let open = self.open_locked(&lock, key)?;
        Ok((lock, open))
    }

    /// The same under a lock that is taken already.
    pub(super) fn open_locked(&self, _lock: &Lock, key: &ZoneKey) -> Result<Open, StoreError> {
        let undo = format!("`dnsctl undo {}{}`", key.stem(), view_flag(key));
        let paths = self.files_of(key);
        let [path] = paths.as_slice() else {
            let defects = self
                .zones
                .get(key)
                .map(|held| held.defects.clone())
                .unwrap_or_default();
            let message = match paths.as_slice() {
                [] => format!(
                    "the file of the zone {key} is gone; put it back, bring back its last edited version with {undo}, or remove the zone with `dnsctl remove-zone {}{}`",
                    key.stem(),
                    view_flag(key)
                ),
                _ => format!("the zone {key} has several files; keep one of them"),
            };
            return Err(StoreError::Refused(message, defects));
        };
        let target = target_of(path)?;
        let on_disk = self
            .read_zone(key, path)
            .map_err(|error| StoreError::Io(format!("`{}`: {error}", path.display())))?;
        let reason = format!(
            "the file `{}` is broken as it is on disk; mend it, or go back to the version before the last edit with {undo}",
            path.display()
        );
        self.refuse_defects(key, &on_disk, &reason)?;
        let mut notes = Vec::new();
        let bytes = disk::fingerprint(&on_disk.text);
        if self.zones.get(key).is_some_and(|held| held.bytes != Some(bytes)) {
            notes.push(
                "the file had been changed by hand since it was loaded; those changes are live now too"
                    .to_owned(),
            );
        }
        Ok(Open {
            key: key.clone(),
            path: path.clone(),
            target,
            on_disk,
            notes,
        })
    }

    /// The files of a zone as they are now, whatever the case of their names.
    pub(super) fn files_of(&self, key: &ZoneKey) -> Vec<PathBuf> {
        let usual = key.path_in(&self.settings.zones);
        let folder = disk::folder_of(&usual);
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let stem = name
                    .to_str()
                    .filter(|name| !name.starts_with('.'))
                    .and_then(|name| name.strip_suffix(".zone"));
                stem.and_then(|stem| stem.parse::<Name>().ok())
                    .is_some_and(|name| name == key.origin)
            })
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        paths
    }

    /// Refuses a text that would not make a good zone, alone or with the views and the base it belongs with.
    pub(super) fn refuse_defects(
        &self,
        key: &ZoneKey,
        on_disk: &OnDisk,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut defects = self.defects_of(key, &on_disk.master, &self.zones);
        if defects.is_empty() {
            defects = Self::clashes_with_views(key, &on_disk.master, &self.zones);
        }
        if defects.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Refused(reason.to_owned(), defects))
        }
    }

    /// Which addresses of the base zone the clients of a view no longer get, because the view has now one of the other kind.
    fn taken_away(&self, key: &ZoneKey, before: &OnDisk, after: &OnDisk) -> Vec<String> {
        let (Some(view), Some(base)) = (&key.view, self.zones.get(&ZoneKey::new(None, &key.origin))) else {
            return Vec::new();
        };
        let kinds = |records: &mut dyn Iterator<Item = &Record>, owner: &Name| {
            let mut kinds = [false, false];
            for record in records.filter(|record| record.owner == *owner) {
                match record.rtype {
                    Rtype::A => kinds[0] = true,
                    Rtype::AAAA => kinds[1] = true,
                    _ => {}
                }
            }
            kinds
        };
        let mut owners: Vec<&Name> = after
            .master
            .entries
            .iter()
            .map(|entry| &entry.record)
            .filter(|record| matches!(record.rtype, Rtype::A | Rtype::AAAA))
            .map(|record| &record.owner)
            .collect();
        owners.dedup();
        let lower = base.own_records();
        let mut notes = Vec::new();
        for owner in owners {
            let of = |on_disk: &OnDisk| {
                kinds(
                    &mut on_disk.master.entries.iter().map(|entry| &entry.record),
                    owner,
                )
            };
            let (old, new) = (of(before), of(after));
            let below = kinds(&mut lower.iter(), owner);
            if old != [false, false] {
                continue;
            }
            for (at, rtype) in [Rtype::A, Rtype::AAAA].into_iter().enumerate() {
                if below[at] && !new[at] {
                    notes.push(format!(
                        "clients of the view {view} get no {rtype} record of {owner} any more, because a view's addresses take the place of all that the base zone has: add one to the view too if they are to have it"
                    ));
                }
            }
        }
        notes
    }

    fn add_to(&self, open: &Open, new: &NewRecord) -> Result<Edited, StoreError> {
        edit::add(&open.on_disk.master, &open.on_disk.text, new).map_err(refused)
    }

    /// Checks an edit's outcome, writes and publishes it.
    fn finish(
        &mut self,
        lock: &Lock,
        open: Open,
        edited: Edited,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let Open {
            key,
            path,
            target,
            on_disk,
            notes,
        } = open;
        let master = self.parse(&key, &path, &edited.text);
        let outcome = OnDisk {
            text: edited.text,
            master,
        };
        let defects = match self.refuse_defects(&key, &outcome, "") {
            Err(StoreError::Refused(_, defects)) => defects,
            other => other.map(|()| Vec::new())?,
        };
        refuse_breaking(&defects)?;
        let notes = [
            notes,
            self.taken_away(&key, &on_disk, &outcome),
            self.new_findings(&[(&key, &on_disk.master, &outcome.master)]),
        ]
        .concat();
        let keep = Some((on_disk.text, Before::Edit));
        let write = Write {
            key,
            path,
            target,
            new: outcome,
            keep,
            group: None,
            notes,
        };
        let mut change = self.put(lock, write, now, publish)?;
        change.added = edited.added;
        change.removed = edited.removed;
        Ok(change)
    }

    /// Keeps the bytes as they were, writes the new ones, remembers and publishes the zone they make.
    pub(super) fn put(
        &mut self,
        lock: &Lock,
        write: Write,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let (change, late) = self.write_down(lock, write, now)?;
        publish(self.next_parts());
        late.map_or(Ok(change), Err)
    }

    /// The same without publishing. Beside the change, why it may not outlive a power cut.
    pub(super) fn write_down(
        &mut self,
        _lock: &Lock,
        write: Write,
        now: u64,
    ) -> Result<(Change, Option<StoreError>), StoreError> {
        let Write {
            key,
            path,
            target,
            new,
            keep,
            group,
            mut notes,
        } = write;
        let copy = remembered::read(&key.path_in(&self.remembered_folder()))
            .ok()
            .flatten();
        let good = Good {
            master: &new.master,
            copy: copy.as_ref(),
        };
        let mut held = self.compile(&key, &good, path.clone(), now);
        held.bytes = Some(disk::fingerprint(&new.text));
        if let Some((bytes, before)) = keep {
            let serial = self.zones.get(&key).map_or(0, |held| held.zone.serial());
            let most = self.settings.history_versions;
            history::keep(
                &self.history_folder(&key),
                &bytes,
                (now, serial),
                before,
                group,
                most,
            )?;
        }
        let like = fs::metadata(&target).ok();
        let written = disk::replace(&target, &new.text, like.as_ref());
        if let Err(failure) = &written
            && !failure.replaced
        {
            return Err(StoreError::io("write", &target, &failure.error));
        }
        let names = remembered::folder_names(&self.settings.zones);
        if let Err(error) = self.remember(&key, &good, &held, &names) {
            notes.push(format!(
                "the change is on disk, but the last good copy could not be brought up to date: {error}"
            ));
        }
        let serial = Some(held.zone.serial());
        self.zones.insert(key.clone(), held);
        self.orphans
            .retain(|origin| key.view.is_some() || *origin != key.origin);
        let late = written.err().map(|failure| {
            StoreError::Io(format!(
                "the change was written to `{}` and is live, but the folder could not be flushed ({}): it may not outlive a power cut",
                target.display(),
                failure.error
            ))
        });
        let change = Change {
            key,
            serial,
            file: path,
            added: Vec::new(),
            removed: Vec::new(),
            notes,
            diff: None,
        };
        Ok((change, late))
    }

    fn nothing_to_remove(&self, open: &Open, owner: &Name, rtype: Option<Rtype>, data: bool) -> StoreError {
        let records = || open.on_disk.master.entries.iter().map(|entry| &entry.record);
        let of_name: Vec<&Record> = records().filter(|record| record.owner == *owner).collect();
        let file = open.path.display();
        let message = match rtype {
            _ if of_name.is_empty() => {
                let names: Vec<String> = records().map(|record| record.owner.to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let near = nearest(&owner.to_string(), &names)
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                format!("`{owner}` has no record in `{file}`{near}")
            }
            Some(rtype) if data && of_name.iter().any(|record| record.rtype == rtype) => {
                let there: Vec<String> = of_name
                    .iter()
                    .filter(|record| record.rtype == rtype)
                    .take(8)
                    .map(|record| format!("`{}`", rdata::to_text(rtype, &record.rdata, None)))
                    .collect();
                format!(
                    "`{owner}` has no {rtype} record with this data in `{file}`; it has {}",
                    there.join(", ")
                )
            }
            _ => {
                let mut types: Vec<String> = of_name.iter().map(|record| record.rtype.to_string()).collect();
                types.dedup();
                let wanted = rtype.map_or(String::new(), |rtype| format!("{rtype} "));
                format!(
                    "`{owner}` has no {wanted}record in `{file}`; it has {}",
                    types.join(", ")
                )
            }
        };
        StoreError::NotFound(message)
    }
}

/// Refuses an edit whose outcome has defects.
pub(super) fn refuse_breaking(defects: &[Defect]) -> Result<(), StoreError> {
    let Some(first) = defects.first() else {
        return Ok(());
    };
    // The positions are those of a text that will never be on disk; the words say enough.
    let more = match defects.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let message = format!("it would break the zone: {}{more}", first.message);
    Err(StoreError::Refused(message, Vec::new()))
}

/// Why the text could not be edited.
pub(super) fn refused(error: EditError) -> StoreError {
    match error {
        EditError::NotFound(message) => StoreError::NotFound(message),
        other => StoreError::Refused(other.to_string(), Vec::new()),
    }
}

pub(super) fn read_rdata(rtype: Rtype, data: &[String], key: &ZoneKey) -> Result<Box<[u8]>, StoreError> {
    let read = rdata::from_args(rtype, data, key.origin.as_ref()).map_err(|error| {
        let shown = rdata::Word::plain(data.join(" ").as_bytes()).shown();
        StoreError::BadWord(format!("the {rtype} data {shown} is not valid: {error}"))
    })?;
    refuse_doubled(rtype, data, &read, &key.origin)?;
    Ok(read)
}

/// Refuses `host.hearth.example` without its closing dot, which means `host.hearth.example.hearth.example.`.
fn refuse_doubled(rtype: Rtype, data: &[String], read: &[u8], origin: &Name) -> Result<(), StoreError> {
    let Some(target) = rdata::target(rtype, read) else {
        return Ok(());
    };
    let (meant, origin) = (target.to_string().to_lowercase(), origin.to_string());
    let Some(written) = meant.strip_suffix(&format!(".{origin}")) else {
        return Ok(());
    };
    let whole = format!("{written}.");
    let is_doubled = whole == origin || whole.ends_with(&format!(".{origin}"));
    if !is_doubled || data.iter().any(|word| word.ends_with('.')) {
        return Ok(());
    }
    Err(StoreError::BadWord(format!(
        "`{written}` lacks its closing dot, and would be {meant}; write `{whole}`"
    )))
}

/// Where the bytes of a zone file are: behind its symbolic links.
pub(super) fn target_of(path: &Path) -> Result<PathBuf, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => path
            .canonicalize()
            .map_err(|error| StoreError::io("follow the symbolic link", path, &error)),
        _ => Ok(path.to_owned()),
    }
}
