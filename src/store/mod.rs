//! The zones on disk: the folder that people edit, what the state folder remembers of it, and every change.
//!
//! A private name must never go upstream, so nothing here trusts the folder to be there or to be right:
//! a zone that was once loaded stays until `remove_zone` says otherwise. Each zone is in one of three
//! states: what its file says ([`State::Ok`]), the last good version because the file is broken or gone
//! ([`State::LastGood`]), or closed because no good version is known ([`State::Closed`]). The last good
//! version is the running one, or after a restart the copy in the state folder ([`remembered`]).
//! The daemon and an offline `dnsctl` use the same [`Store`]; only what `publish` does differs.
//! Read [`load`] next (folder to zones), then [`edits`] and [`lifecycle`] (the changes). [`devices`] is a file of its own.

mod change;
pub mod devices;
pub(crate) mod disk;
pub mod edits;
mod folder;
pub mod history;
pub mod lifecycle;
mod lint;
pub mod load;
pub mod remembered;
#[cfg(test)]
mod tests;
mod undo;
pub mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::Config;
use crate::message::{Name, Rtype};
use crate::view::ViewZones;
use crate::zone::record::{Defect, Mode, Record};
use crate::zone::tree::Zone;

pub use disk::{LOCK_NAME, LOCK_WAIT, MAX_FILE, publish, read_bytes, read_text};
pub use edits::{Change, Publish};
pub use load::{CheckedFile, check_file};

/// Where a store finds things, and its bounds.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The folder of zone files.
    pub zones: PathBuf,
    /// The folder that outlives restarts: remembered copies and history.
    pub state: PathBuf,
    /// The views by name, with the prefixes of their clients.
    pub views: Vec<(String, Vec<IpNet>)>,
    /// How many earlier versions of a zone are kept.
    pub history_versions: usize,
}

impl StoreSettings {
    /// What the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        StoreSettings {
            zones: config.zones.clone(),
            state: config.state.clone(),
            views: config
                .views
                .iter()
                .map(|view| (view.name.clone(), view.clients.clone()))
                .collect(),
            history_versions: config.history_versions,
        }
    }
}

/// Which zone: a domain may have a base zone and one in each view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneKey {
    /// The view; none for the base zone. Base zones sort first.
    pub view: Option<String>,
    /// The apex, in lower case.
    pub origin: Name,
}

impl ZoneKey {
    /// The key of a zone; `origin` in any case.
    #[must_use]
    pub fn new(view: Option<&str>, origin: &Name) -> Self {
        ZoneKey {
            view: view.map(str::to_owned),
            origin: origin.as_ref().to_lowercase(),
        }
    }

    /// What its file is called, without `.zone`: the name without its closing dot. A slash, which a label
    /// may hold (RFC 2317) and a file name may not, is written as its escape.
    #[must_use]
    pub fn stem(&self) -> String {
        let text = self.origin.to_string();
        text.strip_suffix('.').unwrap_or(&text).replace('/', "\\047")
    }

    /// Its file under `folder`.
    fn path_in(&self, folder: &Path) -> PathBuf {
        let folder = self
            .view
            .as_ref()
            .map_or_else(|| folder.to_owned(), |view| folder.join(view));
        folder.join(format!("{}.zone", self.stem()))
    }
}

impl fmt::Display for ZoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.view {
            None => self.origin.fmt(f),
            Some(view) => write!(f, "{} (view {view})", self.origin),
        }
    }
}

/// What is served of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What the file says.
    Ok,
    /// The last good version: the file is broken or gone.
    LastGood,
    /// SERVFAIL: the file is broken or gone, and no good version is known.
    Closed,
}

/// One zone as the store holds it: compiled, without its text.
#[derive(Clone)]
pub struct Held {
    /// What is served.
    pub zone: Arc<Zone>,
    /// Why that.
    pub state: State,
    /// What is wrong.
    pub defects: Vec<Defect>,
    /// The file, whether it is there or not.
    pub file: PathBuf,
    /// Fingerprint of the file's bytes when they were last read; tells whether a hand has changed them.
    pub(crate) bytes: Option<u64>,
    /// Fingerprint of what is served, the synthesised serial left out.
    pub(crate) content: u64,
    /// Whether the SOA and the apex NS come from the file, rather than being synthesised.
    pub(crate) own: Own,
}

/// Which apex records a zone's file has itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Own {
    pub soa: bool,
    pub ns: bool,
}

impl Own {
    pub(crate) fn of<'a>(origin: &Name, records: impl Iterator<Item = &'a Record>) -> Self {
        records
            .filter(|record| record.owner == *origin)
            .fold(Own::default(), |own, record| Own {
                soa: own.soa || record.rtype == Rtype::SOA,
                ns: own.ns || record.rtype == Rtype::NS,
            })
    }
}

impl Held {
    /// The records that the file gave, without those that compiling synthesised.
    pub(crate) fn own_records(&self) -> Vec<Record> {
        let mut records = self.zone.records();
        let origin = self.zone.origin();
        records.retain(|record| {
            let made =
                (record.rtype == Rtype::SOA && !self.own.soa) || (record.rtype == Rtype::NS && !self.own.ns);
            !(made && record.owner.as_ref() == origin)
        });
        records
    }
}

/// Everything that a snapshot is built of.
pub struct Parts {
    /// The base zones.
    pub base: Vec<Arc<Zone>>,
    /// The views, in the order of the settings, each with its own zones.
    pub views: Vec<ViewZones>,
    /// Counts what was published, from 1.
    pub generation: u64,
}

/// What reading the zones folder brought.
pub struct Loaded {
    /// To be served.
    pub parts: Parts,
    /// Zones whose content differs from before, new ones and gone ones included.
    pub changed: Vec<ZoneKey>,
    /// Every defect: of the folder first, then zone by zone.
    pub defects: Vec<Defect>,
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// A word of the request is wrong; what and the way out.
    BadWord(String),
    /// The zone, view, record or version is not there.
    NotFound(String),
    /// It would break the zone, or the file on disk is broken already; why, and the defects.
    Refused(String, Vec<Defect>),
    /// Somebody else held the lock file for so long.
    Locked(PathBuf, Duration),
    /// The system refused: what was being done, to which file, why.
    Io(String),
}

impl StoreError {
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => "; run as the user who owns it",
            io::ErrorKind::StorageFull => "; free some space there",
            io::ErrorKind::ReadOnlyFilesystem => "; the file system is mounted read-only",
            _ => "",
        };
        StoreError::Io(format!("cannot {doing} `{}`: {error}{hint}", path.display()))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadWord(message) | Self::NotFound(message) | Self::Io(message) => f.write_str(message),
            Self::Refused(message, _) => f.write_str(message),
            Self::Locked(path, waited) => write!(
                f,
                "another edit has held the lock `{}` for {} seconds; try again when it is done",
                path.display(),
                waited.as_secs()
            ),
        }
    }
}

impl std::error::Error for StoreError {}

/// The zones, and the folders they come from.
pub struct Store {
    settings: StoreSettings,
    zones: BTreeMap<ZoneKey, Held>,
    /// Defects that belong to no zone.
    defects: Vec<Defect>,
    /// Apexes that only folders without a view hold: closed for everyone, since nobody knows who may see them.
    orphans: Vec<Name>,
    generation: u64,
    /// How long an edit waits for the lock.
    lock_wait: Duration,
}

impl Store {
    /// A store that has read nothing yet.
    #[must_use]
    pub fn open(settings: StoreSettings) -> Self {
        Store {
            settings,
            zones: BTreeMap::new(),
            defects: Vec::new(),
            orphans: Vec::new(),
            generation: 0,
            lock_wait: LOCK_WAIT,
        }
    }

    /// Sets how long an edit waits for the lock; [`LOCK_WAIT`] otherwise.
    pub fn set_lock_wait(&mut self, wait: Duration) {
        self.lock_wait = wait;
    }

    /// Where it finds things.
    #[must_use]
    pub fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// The zones, base zones first.
    pub fn zones(&self) -> impl Iterator<Item = (&ZoneKey, &Held)> {
        self.zones.iter()
    }

    /// Defects that belong to no zone: of the folder itself, of folders without a view.
    #[must_use]
    pub fn folder_defects(&self) -> &[Defect] {
        &self.defects
    }

    /// Every defect: the folder's, then zone by zone.
    #[must_use]
    pub fn all_defects(&self) -> Vec<Defect> {
        let zones = self.zones.values().flat_map(|held| &held.defects);
        self.defects.iter().chain(zones).cloned().collect()
    }

    /// When the next record expires, in unix seconds.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        self.zones
            .values()
            .filter_map(|held| held.zone.next_expiry())
            .min()
    }

    /// Takes out of the zones what has expired by `now`; the new parts, if anything had.
    pub fn expire(&mut self, now: u64) -> Option<Parts> {
        let mut any = false;
        for held in self.zones.values_mut() {
            if held.zone.next_expiry().is_some_and(|at| at <= now) {
                let origin = held.zone.origin().to_name();
                let (options, serial) = (held.zone.options().clone(), held.zone.serial());
                held.zone = Arc::new(Zone::compile(&origin, &options, &held.own_records(), serial, now));
                any = true;
            }
        }
        any.then(|| self.next_parts())
    }

    /// The zones as they are, for a snapshot that differs in something else.
    pub fn republish(&mut self) -> Parts {
        self.next_parts()
    }

    /// What is to be served now, as a new generation.
    fn next_parts(&mut self) -> Parts {
        self.generation += 1;
        let mut base: Vec<Arc<Zone>> = self.zones_of(None);
        // A view's own zone must not be laid over a closed one. Where it is private the snapshot withholds it
        // from everybody else.
        let withheld = |origin: &&Name| {
            self.zones.iter().any(|(key, held)| {
                key.view.is_some() && key.origin == **origin && held.zone.mode() != Mode::Overlay
            })
        };
        let orphans = self.orphans.iter().filter(|origin| !withheld(origin));
        base.extend(orphans.map(|origin| Arc::new(Zone::closed(origin))));
        let views = self.settings.views.iter().map(|(name, clients)| ViewZones {
            name: name.clone(),
            clients: clients.clone(),
            zones: self.zones_of(Some(name)),
        });
        Parts {
            base,
            views: views.collect(),
            generation: self.generation,
        }
    }

    fn zones_of(&self, view: Option<&str>) -> Vec<Arc<Zone>> {
        let held = self.zones.iter().filter(|(key, _)| key.view.as_deref() == view);
        held.map(|(_, held)| Arc::clone(&held.zone)).collect()
    }

    fn has_view(&self, name: &str) -> bool {
        self.settings.views.iter().any(|(view, _)| view == name)
    }

    /// Where the remembered copies are.
    fn remembered_folder(&self) -> PathBuf {
        self.settings.state.join("zones")
    }

    /// Where earlier versions of one zone are.
    fn history_folder(&self, key: &ZoneKey) -> PathBuf {
        let folder = self.settings.state.join("history");
        let folder = key
            .view
            .as_ref()
            .map_or_else(|| folder.clone(), |view| folder.join(view));
        folder.join(key.stem())
    }
}
