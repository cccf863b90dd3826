//! Zones come and go: `add_zone`, `remove_zone`, and the versions to go back to, which `undo` beside it does.
//!
//! Only `remove_zone` takes a zone away. It leaves the file's bytes in the history, which is also how a daemon
//! learns of a removal that was done beside it.

use std::fs;

use crate::config::nearest;
use crate::control::types::{AddZone, ZoneWords};
use crate::message::Name;
use crate::zone::master::DEFAULT_TTL;
use crate::zone::record::Mode;

use super::disk::{self, Lock};
use super::edits::Write;
use super::history::{self, Before};
use super::load::{OnDisk, view_flag};
use super::{Change, Publish, State, Store, StoreError, ZoneKey, remembered};

/// A zone's history.
#[derive(Debug)]
pub struct Versions {
    /// The zone.
    pub key: ZoneKey,
    /// Earlier versions, oldest first.
    pub versions: Vec<history::Version>,
    /// The file's text as it is now, where it is there.
    pub text: Option<Vec<u8>>,
}

impl Store {
    /// Adds a zone without records.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then.
    pub fn add_zone(
        &mut self,
        words: &AddZone,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let key = self.new_key(&words.zone, words.view.as_deref())?;
        let mode = words.mode.as_deref().map(mode_named).transpose()?;
        let folder = self.settings.zones.clone();
        disk::make_folder(&folder, 0o755)
            .map_err(|error| StoreError::io("make the zones folder", &folder, &error))?;
        let lock = Lock::take(&folder, self.lock_wait)?;
        let path = key.path_in(&folder);
        if let Some(held) = self.zones.get(&key) {
            let message = match held.state {
                State::Ok => format!("the zone {key} is there already, in `{}`", held.file.display()),
                State::LastGood | State::Closed => format!(
                    "the zone {key} is known already, but its file `{}` is broken or gone: mend it or put it back, or remove the zone first with `dnsctl remove-zone {}{}`",
                    held.file.display(),
                    key.stem(),
                    view_flag(&key)
                ),
            };
            return Err(StoreError::Refused(message, Vec::new()));
        }
        if fs::symlink_metadata(&path).is_ok() {
            let message = format!(
                "the file `{}` is there already; `dnsctl reload` loads it",
                path.display()
            );
            return Err(StoreError::Refused(message, Vec::new()));
        }
        let text = new_text(&key, mode);
        let in_folder = disk::folder_of(&path);
        disk::make_folder(in_folder, 0o755)
            .map_err(|error| StoreError::io("make the folder", in_folder, &error))?;
        let master = self.parse(&key, &path, text.as_bytes());
        let new = OnDisk {
            text: text.into_bytes(),
            master,
        };
        self.refuse_defects(&key, &new, "the new zone would be broken")?;
        let mut notes = Vec::new();
        if key.view.is_none() && matches!(mode, None | Some(Mode::Private)) {
            notes.push(format!(
                "every name at or below {} that gets no record here does not exist from now on",
                key.origin
            ));
        }
        let write = Write {
            key,
            target: path.clone(),
            path,
            new,
            keep: None,
            group: None,
            notes,
        };
        self.put(&lock, write, now, publish)
    }

    /// Removes a zone, its file and what is remembered of it. The file's bytes go to the history.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing has changed then, or the zone is still served.
    pub fn remove_zone(
        &mut self,
        words: &ZoneWords,
        now: u64,
        publish: Publish<'_>,
    ) -> Result<Change, StoreError> {
        let key = self.removable(words)?;
        // The folder itself may be what has vanished; then there is nobody to lock out either.
        let folder = self.settings.zones.clone();
        let _lock = if folder.is_dir() {
            Some(Lock::take(&folder, self.lock_wait)?)
        } else {
            None
        };
        let paths = self.files_of(&key);
        let serial = self.zones.get(&key).map_or(0, |held| held.zone.serial());
        let mut notes = Vec::new();
        let history = self.history_folder(&key);
        // Even where no history is wanted: this version tells a daemon that the zone went on purpose.
        let most = self.settings.history_versions.max(1);
        let mut kept = false;
        for path in &paths {
            match disk::read(path, disk::MAX_FILE) {
                Ok(bytes) => {
                    history::keep(&history, &bytes, (now, serial), Before::Remove, None, most)?;
                    kept = true;
                }
                Err(error) => notes.push(format!(
                    "`{}` could not be kept in the history: {error}",
                    path.display()
                )),
            }
        }
        let copy = key.path_in(&self.remembered_folder());
        if !kept {
            // The last good version is what an undo can bring back then.
            let last_good = remembered::read(&copy).ok().flatten().map(|copy| copy.body);
            kept = last_good.is_some();
            let text = last_good.unwrap_or_else(|| "; of this zone no version was left\n".to_owned());
            history::keep(
                &history,
                text.as_bytes(),
                (now, serial),
                Before::Remove,
                None,
                most,
            )?;
        }
        disk::remove(&copy).map_err(|error| StoreError::io("remove the remembered copy", &copy, &error))?;
        for path in &paths {
            disk::remove(path).map_err(|error| StoreError::io("remove", path, &error))?;
        }
        let gone = self.zones.remove(&key);
        self.orphans
            .retain(|origin| key.view.is_none() || *origin != key.origin);
        publish(self.next_parts());
        if kept {
            notes.push(format!(
                "`dnsctl undo {}{}` brings it back",
                key.stem(),
                view_flag(&key)
            ));
        }
        let file = paths
            .first()
            .cloned()
            .or_else(|| gone.map(|held| held.file))
            .unwrap_or_else(|| key.path_in(&folder));
        Ok(Change {
            key,
            serial: None,
            file,
            added: Vec::new(),
            removed: Vec::new(),
            notes,
            diff: None,
        })
    }

    /// The earlier versions of a zone, oldest first, and its file's text as it is now, where it is there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn versions(&self, zone: &str, view: Option<&str>) -> Result<Versions, StoreError> {
        let key = self.new_key(zone, view)?;
        let versions = history::list(&self.history_folder(&key))?;
        // A zone that was removed has a history, one that never was has none.
        let key = if versions.is_empty() {
            self.zone_named(zone, view)?
        } else {
            key
        };
        let text = self
            .files_of(&key)
            .first()
            .and_then(|path| disk::read(path, disk::MAX_FILE).ok());
        Ok(Versions { key, versions, text })
    }

    /// The text of an earlier version, unless it is larger than `most` bytes.
    #[must_use]
    pub fn version_text(&self, version: &history::Version, most: u64) -> Option<Vec<u8>> {
        disk::read(&version.file, most).ok()
    }

    /// The zone that `remove-zone` means; one that only a folder without a view or a remembered copy holds too.
    fn removable(&self, words: &ZoneWords) -> Result<ZoneKey, StoreError> {
        // A view that the configuration does not name has not been checked to be a plain folder name.
        let stray =
            |view: &&str| !self.has_view(view) && !view.is_empty() && !view.contains(['/', '.', '\0']);
        if let Some(view) = words.view.as_deref().filter(stray)
            && let Ok(name) = words.zone.parse::<Name>()
        {
            let key = ZoneKey::new(Some(view), &name);
            if key.path_in(&self.remembered_folder()).exists() {
                return Ok(key);
            }
        }
        self.zone_named(&words.zone, words.view.as_deref())
    }
}

/// The text of a new zone file.
pub(super) fn new_text(key: &ZoneKey, mode: Option<Mode>) -> String {
    let mut text = format!(
        "; Zone {}. One record a line: NAME [TTL] TYPE DATA.\n; SOA and NS are made where the file has none; TTLs are in seconds.\n$TTL {DEFAULT_TTL}\n",
        key.stem()
    );
    if let Some(mode) = mode {
        text.push_str(&format!("; hearthdns: mode={}\n", mode.as_str()));
    }
    text
}

pub(super) fn mode_named(text: &str) -> Result<Mode, StoreError> {
    let modes = [Mode::Private, Mode::Overlay, Mode::Redirect];
    modes
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| {
            let near = nearest(text, &modes.map(Mode::as_str))
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            StoreError::BadWord(format!(
                "`{}` is no mode{near} known here: private, overlay, redirect",
                text.escape_debug()
            ))
        })
}
