//! The names of the LAN while the daemon runs: files are read when they change, and what they say becomes part of the next
//! snapshot.
//!
//! What a file said last is kept. One that cannot be read keeps all its names, and one with a damaged line those of which
//! it says nothing more, until it is whole again; both are told. A file that is gone has no names: DHCP servers remove
//! theirs with the network that it was of. Rules about names are [`crate::lan`]'s.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

use super::desk::Desk;
use super::files::FileWatch;
use crate::config::{Config, LanConfig, limits};
use crate::control::types::{LanFile, LanName, LanNames, LanRefused};
use crate::lan::memory::{Kind, Known, names_of};
use crate::lan::{Fault, Names, Rules};
use crate::message::{Key, Name};
use crate::store::{Store, disk};
use crate::zone::master::civil::write_time;
use crate::zone::{Defect, Lan, Zone};

/// Most files of one folder.
const FOLDER: usize = limits::LAN_FOLDER.default_usize();
/// Lines of the log about names at one look.
const LOGGED: usize = limits::LAN_LOGGED.default_usize();

/// The devices around us.
pub(super) struct House {
    config: LanConfig,
    own: Option<Name>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, File>,
    /// Folders with more files than are read.
    crowded: Vec<Defect>,
    names: Names,
    /// The names as the log was last told.
    told: Names,
    zone: Option<Arc<Lan>>,
}

/// What is known of a file, and why it could not be read as a whole.
#[derive(Default, Clone, PartialEq, Eq)]
struct File {
    known: Known,
    damage: Vec<Defect>,
}

/// Of a hosts file. odhcpd puts its files into the folder of those that are a person's words, and lets a device call itself
/// anything.
fn kind_of_hosts(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default();
    if name.as_encoded_bytes().starts_with(b"odhcpd") {
        Kind::Claims
    } else {
        Kind::Hosts
    }
}

impl House {
    /// Reads everything once, at `now` in Unix seconds; none where the configuration wants no names.
    pub(super) fn new(config: &Config, now: u64) -> Option<Self> {
        let house = House {
            config: config.lan.clone()?,
            own: config.name.clone(),
            state: Mutex::default(),
        };
        house.look(now);
        house.tell();
        Some(house)
    }

    /// What is to be watched.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let LanConfig {
            leases,
            hosts,
            dhcp,
            ethers,
            ..
        } = &self.config;
        leases
            .iter()
            .chain(hosts)
            .chain(dhcp)
            .chain(ethers)
            .cloned()
            .collect()
    }

    /// Reads the files again; whether the names are others than before.
    pub(super) fn look(&self, now: u64) -> bool {
        let mut state = self.lock();
        let mut wanted: Vec<(PathBuf, Kind)> = Vec::new();
        let mut crowded = Vec::new();
        for path in &self.config.hosts {
            match files_of(path) {
                None => wanted.push((path.clone(), kind_of_hosts(path))),
                Some(Ok((files, more))) => {
                    wanted.extend(files.into_iter().map(|file| {
                        let kind = kind_of_hosts(&file);
                        (file, kind)
                    }));
                    if more > 0 {
                        let message =
                            format!("{more} files more than the {FOLDER} that are read; remove some");
                        crowded.push(whole(path, message));
                    }
                }
                Some(Err(error)) => crowded.push(whole(path, format!("the folder cannot be read: {error}"))),
            }
        }
        let leases = self.config.leases.iter().map(|path| (path.clone(), Kind::Leases));
        wanted.extend(leases);
        wanted.extend(self.config.dhcp.iter().map(|path| (path.clone(), Kind::Dhcp)));
        wanted.extend(self.config.ethers.iter().map(|path| (path.clone(), Kind::Ethers)));
        let mut files = BTreeMap::new();
        for (path, kind) in wanted {
            let before = state.files.get(&path).cloned().unwrap_or_default();
            let file = match disk::read(&path, limits::LAN_FILE.default) {
                Ok(bytes) => File::of(&path, Known::read(kind, &bytes, &before.known)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => File {
                    known: Known::nothing(kind),
                    damage: Vec::new(),
                },
                Err(error) => File {
                    known: Known {
                        kind,
                        ..before.known.clone()
                    },
                    damage: vec![whole(
                        &path,
                        format!("it cannot be read: {error}; the names that it gave last stay"),
                    )],
                },
            };
            if file.damage != before.damage {
                for defect in file.damage.iter().take(LOGGED) {
                    warn!("{defect}");
                }
                if file.damage.is_empty() {
                    info!("{} is whole again", path.display());
                }
            }
            files.insert(path, file);
        }
        if crowded != state.crowded {
            for defect in &crowded {
                warn!("{defect}");
            }
        }
        (state.files, state.crowded) = (files, crowded);
        self.settle(&mut state, now)
    }

    /// Leaves out the leases that are over at `now`; whether there were any.
    pub(super) fn expire(&self, now: u64) -> bool {
        let mut state = self.lock();
        let is_over = state.names.next_end().is_some_and(|end| end <= now);
        is_over && self.settle(&mut state, now)
    }

    /// Says in the log what is new since the last time: to be called when it is answered.
    pub(super) fn tell(&self) {
        let mut state = self.lock();
        tell(&state.told, &state.names);
        state.told = state.names.clone();
    }

    /// When the next lease ends.
    pub(super) fn next_end(&self) -> Option<u64> {
        self.lock().names.next_end()
    }

    /// What goes under the zones of the next snapshot.
    pub(super) fn zone(&self) -> Option<Arc<Lan>> {
        self.lock().zone.clone()
    }

    /// What is wrong with the files.
    pub(super) fn defects(&self) -> Vec<Defect> {
        let state = self.lock();
        let of_files = state.files.values().flat_map(|file| &file.damage);
        state.crowded.iter().chain(of_files).cloned().collect()
    }

    /// Where an address of a name, or the name that an address leads to, comes from.
    pub(super) fn source_of(&self, asked: &Name, told: impl Fn(&IpAddr, &Name) -> bool) -> Option<String> {
        let state = self.lock();
        let found = state.names.names.iter().find(|name| {
            let is_asked = name.name == *asked
                || name.has_reverse && crate::lan::names::reverse_name(name.address).as_ref() == Some(asked);
            is_asked && told(&name.address, &name.name)
        })?;
        let of = found
            .device
            .as_ref()
            .map(|device| format!(" of {device}"))
            .unwrap_or_default();
        let lease = match found.until {
            Some(until) => format!(", a lease{of} until {}", write_time(until)),
            None if found.device.is_some() => format!(", a lease{of} without end"),
            None => String::new(),
        };
        Some(format!(
            "{} has {}: line {} of {}{lease}",
            found.name, found.address, found.line, found.file
        ))
    }

    /// What `dnsctl lan` shows; a zone of `store` that holds a name is told with it.
    pub(super) fn names(&self, store: &Store) -> LanNames {
        let state = self.lock();
        let names = state.names.names.iter().map(|name| LanName {
            name: name.name.to_string(),
            address: name.address.to_string(),
            reverse: name.has_reverse,
            until: name.until.map(write_time),
            device: name.device.as_deref().map(str::to_owned),
            file: name.file.to_string(),
            line: name.line,
            zone: holder_of(store, &name.name),
        });
        let refused = state.names.refused.iter().map(|refused| LanRefused {
            name: refused.name.chars().take(255).collect(),
            address: refused.address.to_string(),
            file: refused.file.to_string(),
            line: refused.line,
            reason: refused.why.to_string(),
        });
        LanNames {
            domain: self.config.domain.to_string(),
            names: names.collect(),
            refused: refused.collect(),
            more_refused: state.names.more_refused as u64,
            files: state
                .files
                .iter()
                .map(|(path, file)| file_of(path, file))
                .collect(),
        }
    }

    /// Makes the names of what is known of the files; whether they are others than before.
    fn settle(&self, state: &mut State, now: u64) -> bool {
        let rules = Rules {
            domain: &self.config.domain,
            own: self.own.as_ref(),
        };
        let files: Vec<(Arc<str>, &Known)> = state
            .files
            .iter()
            .map(|(path, file)| (path.display().to_string().into(), &file.known))
            .collect();
        let names = names_of(&files, rules, now);
        let zone = Lan {
            domain: self.config.domain.clone(),
            records: names.records(),
        };
        state.names = names;
        if state.zone.as_deref() == Some(&zone) {
            return false;
        }
        state.zone = Some(Arc::new(zone));
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    fn of(path: &Path, known: Known) -> Self {
        let damage = known
            .faults()
            .iter()
            .map(|fault| defect_of(path, fault))
            .collect();
        File { known, damage }
    }
}

/// Attends to the files that tell names. Never ends.
pub(super) async fn attend(desk: &Arc<Desk>) {
    if let Some(house) = &desk.house
        && let Err(error) = follow(desk, house.paths()).await
    {
        warn!("changes of the files of `lan` are not noticed: {error}; after one, run `dnsctl reload`");
    }
    std::future::pending::<()>().await;
}

async fn follow(desk: &Arc<Desk>, paths: Vec<PathBuf>) -> io::Result<()> {
    let mut watch = FileWatch::start(paths)?;
    loop {
        // At first too: something may have been written since the start.
        let desk = Arc::clone(desk);
        let _ = tokio::task::spawn_blocking(move || desk.look_at_house()).await;
        watch.changed().await?;
    }
}

/// Says what is new among the names, and which are refused for the first time.
fn tell(before: &Names, names: &Names) {
    if before.names.len() != names.names.len() || before.refused.len() != names.refused.len() {
        info!(
            "names of the LAN: {}, {} refused",
            names.names.len(),
            names.refused.len() + names.more_refused
        );
    }
    let known: HashSet<_> = before
        .refused
        .iter()
        .map(|refused| (&refused.name, refused.address, refused.why))
        .collect();
    let is_new =
        |refused: &&crate::lan::Refused| !known.contains(&(&refused.name, refused.address, refused.why));
    for refused in names.refused.iter().filter(is_new).take(LOGGED) {
        warn!(
            "{}:{}: the name `{}` of {} is not answered: {}",
            refused.file,
            refused.line,
            refused.name.escape_default(),
            refused.address,
            refused.why
        );
    }
}

/// The zone of a file that says itself what a name of the LAN is.
fn holder_of(store: &Store, name: &Name) -> Option<String> {
    let key = Key::new(name.as_ref());
    let (zone_key, held) = store
        .zones()
        .filter(|(zone, _)| zone.view.is_none() && name.as_ref().is_at_or_below(zone.origin.as_ref()))
        .max_by_key(|(zone, _)| zone.origin.as_ref().label_count())?;
    let zone: &Zone = &held.zone;
    (zone.is_closed() || zone.says(&key)).then(|| zone_key.origin.to_string())
}

fn file_of(path: &Path, file: &File) -> LanFile {
    LanFile {
        file: path.display().to_string(),
        kind: file.known.kind.as_str().to_owned(),
        entries: file.known.reading.entries.len() as u64,
        damaged: !file.damage.is_empty(),
    }
}

/// The files of a folder in alphabetical order, and how many more there are; none where it is no folder. Hidden ones and
/// those that an editor left are nobody's.
fn files_of(path: &Path) -> Option<io::Result<(Vec<PathBuf>, usize)>> {
    if !path.is_dir() {
        return None;
    }
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !name.starts_with('#') && !name.ends_with('~') && path.is_file()
    };
    let read = std::fs::read_dir(path).map(|entries| {
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(is_meant)
            .collect();
        files.sort_unstable();
        let more = files.len().saturating_sub(FOLDER);
        files.truncate(FOLDER);
        (files, more)
    });
    Some(read)
}

fn defect_of(path: &Path, fault: &Fault) -> Defect {
    Defect {
        file: path.display().to_string().into(),
        line: fault.line,
        column: 1,
        message: fault.message.clone(),
    }
}

fn whole(path: &Path, message: String) -> Defect {
    Defect {
        file: path.display().to_string().into(),
        line: 0,
        column: 0,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for one test, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("hearthdns-lan-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }

        /// Writes a file.
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn house(leases: Vec<PathBuf>, hosts: Vec<PathBuf>, now: u64) -> House {
        let mut config = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
        config.lan = Some(LanConfig {
            domain: "lan".parse().unwrap(),
            leases,
            hosts,
            dhcp: None,
            ethers: None,
        });
        House::new(&config, now).unwrap()
    }

    /// Names with their addresses, and how many are refused.
    fn known(house: &House) -> (Vec<String>, usize) {
        let Names { names, refused, .. } = &house.lock().names;
        let names = names.iter().map(|name| format!("{} {}", name.name, name.address));
        (names.collect(), refused.len())
    }

    #[test]
    fn a_lease_ends_at_its_second() {
        let folder = Folder::new("ends");
        let leases = folder.write(
            "leases",
            "100 52:54:00:00:00:01 192.168.1.20 short *\n0 52:54:00:00:00:02 192.168.1.21 long *\n",
        );
        let of = |now| house(vec![leases.clone()], Vec::new(), now);
        let long = (vec!["long.lan. 192.168.1.21".to_owned()], 0);
        let house = of(99);
        assert_eq!(known(&house).0.len(), 2);
        assert_eq!(house.next_end(), Some(100));
        assert!(!house.expire(99));
        assert!(house.expire(100));
        assert_eq!(known(&house), long);
        assert_eq!(house.zone().unwrap().records.len(), 2);
        assert_eq!(house.next_end(), None);
        assert!(!house.expire(101));
        assert_eq!(known(&of(100)), long);
    }

    #[test]
    fn files_of_odhcpd_among_hosts_files_are_claims() {
        let folder = Folder::new("claims");
        folder.write("dhcp.cfg01411c", "192.168.1.2 wpad\n");
        let claims = folder.write("odhcpd.hosts.lan", "192.168.1.3 wpad\n192.168.1.4 tv\n");
        let expected = (
            ["wpad.lan. 192.168.1.2", "tv.lan. 192.168.1.4"]
                .map(str::to_owned)
                .to_vec(),
            1,
        );
        assert_eq!(known(&house(Vec::new(), vec![folder.0.clone()], 1)), expected);
        let alone = (vec!["tv.lan. 192.168.1.4".to_owned()], 1);
        assert_eq!(known(&house(Vec::new(), vec![claims], 1)), alone);
    }
}
