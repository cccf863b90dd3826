//! From the zones folder to compiled zones.
//!
//! Everything is read again each time, since a file may include others and a folder may be swapped under
//! us; a zone whose content is the same keeps its compiled form. What is wrong with a zone never takes it
//! away: see the three states in [`super`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::limits;
use crate::matrix::lint::{self, Finding, Sight};
use crate::message::{Name, NameRef, Rtype};
use crate::zone::check::{self, Item};
use crate::zone::master::{self, Entry, MasterFile};
use crate::zone::record::{Defect, Options, Record, replaces};
use crate::zone::tree::Zone;

use super::disk::{self, Lock};
use super::folder::Found;
use super::history::{self, Before};
use super::{Held, Loaded, Own, State, Store, StoreError, ZoneKey, remembered};

/// Most zone files in the base folder and the views' folders together.
pub const MAX_ZONES: usize = limits::ZONES.default_usize();

/// A zone file as it is on disk.
#[derive(Debug)]
pub(super) struct OnDisk {
    /// Its bytes.
    pub text: Vec<u8>,
    /// What was read of them.
    pub master: MasterFile,
}

/// Everything that one reading brings; put in place whole or not at all.
struct Reading {
    zones: BTreeMap<ZoneKey, Held>,
    defects: Vec<Defect>,
    orphans: Vec<Name>,
}

impl Store {
    /// Reads the zones folder, and remembers what is good of it. Always brings something to serve.
    pub fn load(&mut self, now: u64) -> Loaded {
        let reading = self.read_folder(now, true);
        let mut changed: Vec<ZoneKey> = Vec::new();
        for (key, held) in &reading.zones {
            match self.zones.get(key) {
                Some(before) if before.content == held.content && before.state == held.state => {}
                _ => changed.push(key.clone()),
            }
        }
        changed.extend(
            self.zones
                .keys()
                .filter(|key| !reading.zones.contains_key(*key))
                .cloned(),
        );
        self.adopt(reading);
        let parts = self.next_parts();
        Loaded {
            parts,
            changed,
            defects: self.all_defects(),
        }
    }

    /// The same as [`Store::load`]: what is running stands in where a file is broken or gone.
    pub fn reload(&mut self, now: u64) -> Loaded {
        self.load(now)
    }

    /// Reads the zones folder without writing anything: for a check, and for listings without a daemon.
    /// Returns every defect, the folder's first.
    pub fn inspect(&mut self, now: u64) -> Vec<Defect> {
        let reading = self.read_folder(now, false);
        self.adopt(reading);
        self.all_defects()
    }

    fn adopt(&mut self, reading: Reading) {
        self.zones = reading.zones;
        self.defects = reading.defects;
        self.orphans = reading.orphans;
    }

    fn read_folder(&self, now: u64, remember: bool) -> Reading {
        let folder = &self.settings.zones;
        // A folder that we may not write to has no lock and needs none: files are replaced whole.
        let lock = if remember && folder.is_dir() {
            Lock::take(folder, self.lock_wait).ok()
        } else {
            None
        };
        if lock.is_some() {
            disk::sweep(folder);
            for (view, _) in &self.settings.views {
                disk::sweep(&folder.join(view));
            }
        }
        let Found {
            files,
            mut defects,
            orphans,
        } = self.scan();
        let names = remembered::folder_names(folder);
        let copies = self.remembered_folder();
        if let Err(error) = fs::read_dir(&copies)
            && error.kind() != io::ErrorKind::NotFound
        {
            let message = format!(
                "the remembered zones cannot be read: {error}; zones whose files are gone may not be known"
            );
            defects.push(whole(&copies, message));
        }
        let mut keys: BTreeSet<ZoneKey> = files.keys().cloned().collect();
        keys.extend(remembered::keys(&copies, &names));
        keys.extend(
            self.zones
                .keys()
                .filter(|key| files.contains_key(key) || !self.was_removed(key))
                .cloned(),
        );

        let mut orphans = orphans;
        let mut zones: BTreeMap<ZoneKey, Held> = BTreeMap::new();
        // Base zones come first in the order of keys, so a view's zone finds its base.
        for (count, key) in keys.into_iter().enumerate() {
            if let Some(view) = key.view.as_ref().filter(|view| !self.has_view(view)) {
                if !files.contains_key(&key) {
                    let message = format!(
                        "the view `{view}` of this remembered zone is not in the configuration; name it there, or remove the zone with `dnsctl remove-zone {} --view {view}`",
                        key.stem()
                    );
                    defects.push(whole(&key.path_in(&copies), message));
                }
                orphans.insert(key.origin);
                continue;
            }
            let found = files.get(&key).map_or(&[][..], Vec::as_slice);
            let held = if count < MAX_ZONES {
                self.settle(&key, found, &zones, &names, now, remember)
            } else {
                let message =
                    format!("there are more than {MAX_ZONES} zones; this one is not read and stays closed");
                let file = found.first().cloned().unwrap_or_else(|| key.path_in(folder));
                closed(&key, vec![whole(&file, message)], file)
            };
            zones.insert(key, held);
        }
        let orphans = orphans
            .into_iter()
            .filter(|origin| {
                !zones.contains_key(&ZoneKey {
                    view: None,
                    origin: origin.clone(),
                })
            })
            .collect();
        Reading {
            zones,
            defects,
            orphans,
        }
    }

    /// Whether `dnsctl remove-zone` took this zone while we held it: only then may a zone without a file go.
    fn was_removed(&self, key: &ZoneKey) -> bool {
        let last = history::list(&self.history_folder(key))
            .ok()
            .and_then(|versions| versions.last().cloned());
        last.is_some_and(|last| last.before == Before::Remove)
            && matches!(
                remembered::read(&key.path_in(&self.remembered_folder())),
                Ok(None)
            )
    }

    /// Decides what is served of one zone.
    fn settle(
        &self,
        key: &ZoneKey,
        files: &[PathBuf],
        zones: &BTreeMap<ZoneKey, Held>,
        names: &[String],
        now: u64,
        remember: bool,
    ) -> Held {
        let path = files
            .first()
            .cloned()
            .unwrap_or_else(|| key.path_in(&self.settings.zones));
        let copy_path = key.path_in(&self.remembered_folder());
        let copy = remembered::read(&copy_path);
        let (mut defects, bytes) = match files {
            [] => {
                let message = format!(
                    "the file is gone; its zone is kept until `dnsctl remove-zone {}{}`",
                    key.stem(),
                    view_flag(key)
                );
                (vec![whole(&path, message)], None)
            }
            [_] => match self.read_zone(key, &path) {
                Err(error) => (vec![whole(&path, error.to_string())], None),
                Ok(on_disk) => {
                    let bytes = Some(disk::fingerprint(&on_disk.text));
                    let defects = self.defects_of(key, &on_disk.master, zones);
                    if defects.is_empty() {
                        let good = Good {
                            master: &on_disk.master,
                            copy: copy.as_ref().ok().and_then(Option::as_ref),
                        };
                        let mut held = self.compile(key, &good, path, now);
                        held.bytes = bytes;
                        if remember && let Err(error) = self.remember(key, &good, &held, names) {
                            held.defects.push(whole(
                                &held.file,
                                format!("it is served, but not remembered: {error}"),
                            ));
                        }
                        return held;
                    }
                    (defects, bytes)
                }
            },
            [first, others @ ..] => {
                let others: Vec<String> = others
                    .iter()
                    .map(|other| format!("`{}`", other.display()))
                    .collect();
                let message = format!(
                    "it names the same zone as {}; keep one of them",
                    others.join(", ")
                );
                (vec![whole(first, message)], None)
            }
        };
        let mut held = self.last_good(key, copy, &copy_path, names, path, now, &mut defects);
        held.bytes = bytes;
        if held.state == State::LastGood && key.view.is_some() {
            // A base zone that has changed may clash with what the view last had.
            if let Some(base) = base_of(key, zones) {
                let records = held.own_records();
                let file = Arc::from(held.file.to_string_lossy());
                if !laid_over(key, base, held.zone.options(), &items_of(&records, &file)).is_empty() {
                    held = closed(key, Vec::new(), held.file);
                    held.bytes = bytes;
                }
            }
        }
        held.defects = defects;
        held
    }

    /// The running version, else the remembered one, else a closed zone.
    #[allow(clippy::too_many_arguments)]
    fn last_good(
        &self,
        key: &ZoneKey,
        copy: Result<Option<remembered::Copy>, String>,
        copy_path: &Path,
        names: &[String],
        file: PathBuf,
        now: u64,
        defects: &mut Vec<Defect>,
    ) -> Held {
        if let Some(running) = self.zones.get(key)
            && running.state != State::Closed
        {
            let mut held = running.clone();
            held.state = State::LastGood;
            held.file = file;
            return held;
        }
        let parsed = match copy {
            Ok(Some(copy)) if copy.is_from(names) => copy
                .parse(copy_path, &key.origin)
                .map(|(options, records)| Some((copy, options, records))),
            Ok(_) => Ok(None),
            Err(reason) => Err(reason),
        };
        match parsed {
            Ok(Some((copy, options, records))) => Held {
                zone: Arc::new(Zone::compile(&key.origin, &options, &records, copy.serial, now)),
                state: State::LastGood,
                defects: Vec::new(),
                file,
                bytes: None,
                content: disk::fingerprint(copy.body.as_bytes()),
                own: Own::of(&key.origin, records.iter()),
            },
            Ok(None) => closed(key, Vec::new(), file),
            Err(reason) => {
                defects.push(whole(
                    copy_path,
                    format!("{reason}; the zone is closed until its file is mended"),
                ));
                closed(key, Vec::new(), file)
            }
        }
    }

    /// Compiles a zone without defects.
    pub(super) fn compile(&self, key: &ZoneKey, good: &Good<'_>, file: PathBuf, now: u64) -> Held {
        let records = good.records();
        let options = &good.master.options;
        let body = remembered::body_of(&key.origin, options, &records);
        let content = disk::fingerprint(body.as_bytes());
        // The running version is newer than the copy where the state folder could not be written.
        let running = self.zones.get(key).filter(|before| before.state != State::Closed);
        let running = running.map(|before| (before.zone.serial(), before.content == content));
        let copied = good.copy.map(|copy| (copy.serial, copy.body == body));
        let before = match (running, copied) {
            (Some(running), Some(copied)) if is_newer(running.0, copied.0) => Some(running),
            (running, copied) => copied.or(running),
        };
        let serial = own_serial(&key.origin, &good.master.entries).unwrap_or(match before {
            None => 1,
            Some((serial, true)) => serial,
            Some((serial, false)) => next_serial(serial),
        });
        let zone = match self.zones.get(key) {
            Some(before)
                if before.state == State::Ok
                    && before.content == content
                    && before.zone.serial() == serial
                    && before.zone.next_expiry().is_none_or(|at| at > now) =>
            {
                Arc::clone(&before.zone)
            }
            _ => Arc::new(Zone::compile(&key.origin, options, &records, serial, now)),
        };
        let own = Own::of(&key.origin, records.iter());
        Held {
            zone,
            state: State::Ok,
            defects: Vec::new(),
            file,
            bytes: None,
            content,
            own,
        }
    }

    /// Writes the remembered copy where it differs from what stands there.
    pub(super) fn remember(
        &self,
        key: &ZoneKey,
        good: &Good<'_>,
        held: &Held,
        names: &[String],
    ) -> Result<(), StoreError> {
        let records = good.records();
        let body = remembered::body_of(&key.origin, &good.master.options, &records);
        let serial = held.zone.serial();
        if good
            .copy
            .is_some_and(|copy| copy.body == body && copy.serial == serial && copy.folders == names)
        {
            return Ok(());
        }
        remembered::write(&key.path_in(&self.remembered_folder()), names, serial, &body)
    }

    /// Reads and parses one zone file.
    pub(super) fn read_zone(&self, key: &ZoneKey, path: &Path) -> Result<OnDisk, StoreError> {
        let text = disk::read(path, disk::MAX_FILE).map_err(|error| match error.raw_os_error() {
            _ if error.kind() == io::ErrorKind::NotFound => {
                StoreError::Io("it is a symbolic link to a file that is not there".to_owned())
            }
            _ => StoreError::Io(format!("it cannot be read: {error}")),
        })?;
        let master = self.parse(key, path, &text);
        Ok(OnDisk { text, master })
    }

    /// Parses the text of a zone file that stands, or is to stand, at `path`.
    pub(super) fn parse(&self, key: &ZoneKey, path: &Path, text: &[u8]) -> MasterFile {
        parse_file(&self.settings.zones, path, text, &key.origin)
    }

    /// Every defect of a zone file: of its text, of the zone that it makes, and of a view's zone laid over its base.
    pub(super) fn defects_of(
        &self,
        key: &ZoneKey,
        master: &MasterFile,
        zones: &BTreeMap<ZoneKey, Held>,
    ) -> Vec<Defect> {
        if !master.defects.is_empty() {
            return master.defects.clone();
        }
        let Some(base) = base_of(key, zones) else {
            return check::check(&key.origin, &master.options, &master.entries);
        };
        let upper: Vec<Item<'_>> = master.entries.iter().map(Item::from).collect();
        laid_over(key, base, &master.options, &upper)
    }

    /// The defects that the new text of a base zone would make in the views whose zones lie over it.
    pub(super) fn clashes_with_views(
        key: &ZoneKey,
        master: &MasterFile,
        zones: &BTreeMap<ZoneKey, Held>,
    ) -> Vec<Defect> {
        if key.view.is_some() {
            return Vec::new();
        }
        let lower: Vec<Item<'_>> = master.entries.iter().map(Item::from).collect();
        let views = zones.iter().filter(|(other, held)| {
            other.view.is_some() && other.origin == key.origin && held.state != State::Closed
        });
        for (view, held) in views {
            let records = held.own_records();
            let file = Arc::from(held.file.to_string_lossy());
            let upper = items_of(&records, &file);
            let options = laid_options(&master.options, held.zone.options());
            let mut defects = check::check_records(&key.origin, &options, &laid(&lower, &upper));
            if !defects.is_empty() {
                let name = view.view.as_deref().unwrap_or_default();
                for defect in &mut defects {
                    defect.message = format!("in the view {name}: {}", defect.message);
                }
                return defects;
            }
        }
        Vec::new()
    }
}

/// What a single zone file holds, outside of any zones folder.
#[derive(Debug, Clone)]
pub struct CheckedFile {
    /// How many records.
    pub records: usize,
    /// Every defect.
    pub defects: Vec<Defect>,
    /// What the Matrix linter finds, where there is no defect.
    pub findings: Vec<Finding>,
}

/// Checks one zone file by itself. Its zone is `origin`, or what the file name says; it may include files
/// from its own folder and below.
///
/// # Errors
/// [`StoreError::BadWord`] where no zone is known, [`StoreError::Io`] where the file cannot be read.
pub fn check_file(path: &Path, origin: Option<&str>) -> Result<CheckedFile, StoreError> {
    let stem = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_suffix(".zone"));
    let zone = origin.or(stem).ok_or_else(|| {
        let message = format!(
            "the name of `{}` does not say its zone (DOMAIN.zone); name it with --origin",
            path.display()
        );
        StoreError::BadWord(message)
    })?;
    let origin: Name = zone.parse().map_err(|error| {
        StoreError::BadWord(format!(
            "the zone name `{zone}` is not valid: {error}; name it with --origin"
        ))
    })?;
    let text = disk::read(path, disk::MAX_FILE).map_err(|error| StoreError::io("read", path, &error))?;
    let file = parse_file(disk::folder_of(path), path, &text, &origin);
    let defects = if file.defects.is_empty() {
        check::check(&origin, &file.options, &file.entries)
    } else {
        file.defects
    };
    let findings = match defects.is_empty() {
        true => {
            let sight = Sight {
                view: None,
                options: file.options.clone(),
                items: file.entries.iter().map(Item::from).collect(),
            };
            lint::lint(&origin, &file.file, &[sight])
        }
        false => Vec::new(),
    };
    Ok(CheckedFile {
        records: file.entries.len(),
        defects,
        findings,
    })
}

/// A zone file without defects, and the remembered copy as it was before.
#[derive(Debug)]
pub(super) struct Good<'a> {
    pub master: &'a MasterFile,
    pub copy: Option<&'a remembered::Copy>,
}

impl Good<'_> {
    fn records(&self) -> Vec<Record> {
        let entries = self.master.entries.iter();
        entries.map(|entry| entry.record.clone()).collect()
    }
}

/// Parses the text of one zone file; what it includes must lie in `folder`.
pub(super) fn parse_file(folder: &Path, path: &Path, text: &[u8], origin: &Name) -> MasterFile {
    let mut include = |wanted: &str| read_included(folder, disk::folder_of(path), wanted);
    master::parse(&path.to_string_lossy(), text, origin, &mut include)
}

/// Reads what a zone file in the folder `from` includes.
fn read_included(zones: &Path, from: &Path, wanted: &str) -> Result<Vec<u8>, String> {
    let named = |path: &Path| std::path::absolute(path).map(|path| flat(&path));
    let path = from.join(wanted);
    let inside = match (named(zones), named(&path)) {
        (Ok(Some(zones)), Ok(Some(path))) => path.starts_with(zones),
        _ => false,
    };
    if !inside {
        return Err(format!(
            "`{wanted}` lies outside of the zones folder; only files inside of it can be included"
        ));
    }
    disk::read(&path, disk::MAX_FILE).map_err(|error| format!("`{wanted}` cannot be included: {error}"))
}

/// A path without `.` and `..`; none if it climbs above the root.
fn flat(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => out.pop().then_some(())?,
            part => out.push(part),
        }
    }
    Some(out)
}

/// The serial of a file that has a SOA of its own.
pub(super) fn own_serial(origin: &Name, entries: &[Entry]) -> Option<u32> {
    let soa = entries
        .iter()
        .map(|entry| &entry.record)
        .find(|r| r.rtype == Rtype::SOA && r.owner == *origin)?;
    soa_serial(&soa.rdata)
}

/// The serial in a SOA's RDATA: the first of the five numbers at its end (RFC 1035, 3.3.13).
fn soa_serial(soa: &[u8]) -> Option<u32> {
    let numbers = soa.last_chunk::<20>()?;
    numbers.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Puts another serial into a SOA's RDATA.
pub(super) fn set_soa_serial(soa: &mut [u8], serial: u32) {
    if let Some(field) = soa
        .last_chunk_mut::<20>()
        .and_then(|numbers| numbers.first_chunk_mut::<4>())
    {
        *field = serial.to_be_bytes();
    }
}

/// The serial after `serial` (RFC 1982, 3.1); 0 is left out since some software takes it for "none".
pub(super) fn next_serial(serial: u32) -> u32 {
    match serial.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

/// Whether serial `a` is newer than `b` (RFC 1982, 3.2).
pub(super) fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

/// The base zone that a view's zone lies over; none for a base zone, or where it lies over none.
fn base_of<'z>(key: &ZoneKey, zones: &'z BTreeMap<ZoneKey, Held>) -> Option<&'z Held> {
    key.view.as_ref()?;
    let base = zones.get(&ZoneKey {
        view: None,
        origin: key.origin.clone(),
    })?;
    (base.state != State::Closed).then_some(base)
}

/// The defects of a view's records laid over its base zone.
fn laid_over(key: &ZoneKey, base: &Held, options: &Options, upper: &[Item<'_>]) -> Vec<Defect> {
    let records = base.own_records();
    let file = Arc::from(base.file.to_string_lossy());
    let lower = items_of(&records, &file);
    check::check_records(
        &key.origin,
        &laid_options(base.zone.options(), options),
        &laid(&lower, upper),
    )
}

/// Records of which only the file is known.
pub(super) fn items_of<'r>(records: &'r [Record], file: &'r Arc<str>) -> Vec<Item<'r>> {
    records
        .iter()
        .map(|record| Item {
            record,
            file,
            at: (0, 0),
            data_at: (0, 0),
        })
        .collect()
}

/// What is seen of both: set by set the upper one's, as [`replaces`] says. The same as [`Zone::overlaid`], but that hints of SVCB
/// and HTTPS records stay: what is checked are records as they are written.
pub(super) fn laid<'i>(lower: &[Item<'i>], upper: &[Item<'i>]) -> Vec<Item<'i>> {
    let mut above: HashMap<NameRef<'_>, Vec<Rtype>> = HashMap::new();
    for item in upper {
        above
            .entry(item.record.owner.as_ref())
            .or_default()
            .push(item.record.rtype);
    }
    let seen = |item: &&Item<'i>| {
        let record = item.record;
        above
            .get(&record.owner.as_ref())
            .is_none_or(|types| !types.iter().any(|upper| replaces(*upper, record.rtype)))
    };
    lower.iter().filter(seen).chain(upper).copied().collect()
}

/// The options of a view's zone over its base.
pub(super) fn laid_options(lower: &Options, upper: &Options) -> Options {
    let forward = lower.forward.iter().chain(&upper.forward).cloned().collect();
    Options {
        mode: upper.mode.or(lower.mode),
        forward,
        ..Options::default()
    }
}

fn closed(key: &ZoneKey, defects: Vec<Defect>, file: PathBuf) -> Held {
    Held {
        zone: Arc::new(Zone::closed(&key.origin)),
        state: State::Closed,
        defects,
        file,
        bytes: None,
        content: 0,
        own: Own::default(),
    }
}

/// A defect of a whole file.
pub(super) fn whole(file: &Path, message: String) -> Defect {
    Defect {
        file: file.to_string_lossy().into(),
        line: 0,
        column: 0,
        message,
    }
}

/// ` --view NAME` for a view's zone, to be put behind a suggested command.
pub(super) fn view_flag(key: &ZoneKey) -> String {
    key.view
        .as_ref()
        .map_or(String::new(), |view| format!(" --view {view}"))
}
