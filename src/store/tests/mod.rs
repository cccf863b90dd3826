//! The rules of the store, over temporary folders.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod views;
#[cfg(test)]
mod zones;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::disk::Lock;
use super::*;
use crate::control::types::{AddZone, RecordWords, RemoveRecord, UndoWords, ZoneWords};
use crate::message::Key;
use crate::view::{Routing, Snapshot};
use crate::zone::Found;

const NOW: u64 = 1_800_000_000;

/// A zones folder and a state folder, gone when dropped.
struct Folders {
    root: PathBuf,
    views: Vec<&'static str>,
}

impl Folders {
    fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("hearthdns-store-{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("zones")).unwrap();
        Folders {
            root,
            views: Vec::new(),
        }
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let folders = Folders::new();
        for (file, text) in files {
            folders.write(file, text);
        }
        folders
    }

    fn with_view(mut self, view: &'static str) -> Self {
        self.views.push(view);
        self
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.join("zones").join(file)
    }

    fn state(&self, file: &str) -> PathBuf {
        self.root.join("state").join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn settings(&self) -> StoreSettings {
        StoreSettings {
            zones: self.root.join("zones"),
            state: self.root.join("state"),
            views: self
                .views
                .iter()
                .map(|view| ((*view).to_owned(), vec!["10.0.0.0/8".parse().unwrap()]))
                .collect(),
            history_versions: 50,
        }
    }

    /// A store as after a start.
    fn start(&self) -> (Store, Loaded) {
        let mut store = Store::open(self.settings());
        store.set_lock_wait(Duration::from_millis(200));
        let loaded = store.load(NOW);
        (store, loaded)
    }

    /// Takes the folder's own path out of a message.
    fn plain(&self, text: impl ToString) -> String {
        text.to_string()
            .replace(&format!("{}/", self.root.display()), "")
            .replace(&self.root.display().to_string(), "")
    }

    fn defects(&self, defects: &[Defect]) -> Vec<String> {
        defects.iter().map(|defect| self.plain(defect)).collect()
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// What a client is told: addresses, `NXDOMAIN`, `SERVFAIL`, or `upstream`.
fn ask(parts: Parts, client: &str, name: &str) -> String {
    let snapshot = Snapshot::build(
        parts.base,
        parts.views,
        &Routing::default(),
        &crate::zone::Itself::default(),
        parts.generation,
    );
    let name: Name = name.parse().unwrap();
    let key = Key::new(name.as_ref());
    let Some(zone) = snapshot.select(client.parse().unwrap()).zone_of(&key) else {
        return "upstream".to_owned();
    };
    match zone.lookup(&key, Rtype::A) {
        _ if zone.is_closed() => "SERVFAIL".to_owned(),
        Found::Answer(set) => {
            let mut addresses: Vec<String> = set
                .rdata()
                .map(|data| crate::zone::rdata::to_text(Rtype::A, data, None))
                .collect();
            addresses.sort();
            addresses.join(" ")
        }
        _ => "NXDOMAIN".to_owned(),
    }
}

fn base(parts: Parts, name: &str) -> String {
    ask(parts, "192.0.2.1", name)
}

fn words(name: &str, rtype: &str, rdata: &str) -> RecordWords {
    RecordWords {
        name: name.to_owned(),
        rtype: rtype.to_owned(),
        rdata: rdata.split(' ').map(str::to_owned).collect(),
        ..RecordWords::default()
    }
}

fn undo(name: &str) -> UndoWords {
    UndoWords {
        zone: name.to_owned(),
        ..UndoWords::default()
    }
}

/// The one file that went back.
fn back(changes: Result<Vec<Change>, StoreError>) -> Result<Change, StoreError> {
    changes.map(|mut changes| {
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes.remove(0)
    })
}

fn zone(name: &str) -> ZoneWords {
    ZoneWords {
        zone: name.to_owned(),
        view: None,
    }
}

fn state_of(store: &Store, index: usize) -> (State, u32) {
    let (_, held) = store.zones().nth(index).unwrap();
    (held.state, held.zone.serial())
}

/// An edit that must succeed: what it did, and what is published.
fn edit<E>(edit: E) -> (Change, Parts)
where
    E: FnOnce(Publish<'_>) -> Result<Change, StoreError>,
{
    let mut published = None;
    let change = edit(&mut |parts| published = Some(parts)).unwrap();
    (change, published.expect("published"))
}

/// An edit that must be refused: why. Nothing may be published.
fn refused<E>(edit: E) -> StoreError
where
    E: FnOnce(Publish<'_>) -> Result<Change, StoreError>,
{
    edit(&mut |_| panic!("published")).unwrap_err()
}

const HEARTH: &str = "hearth.example.zone";
