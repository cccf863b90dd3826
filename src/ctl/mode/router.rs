//! The router that we run on: its files, its commands, and what we changed in it.

use std::cell::RefCell;
use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::limits;
use crate::config::openwrt::record::{Change, Record};
use crate::config::openwrt::{self, Coexistence, Mode};
use crate::control::client::Client;
use crate::control::types::{Answer, Facts, Nothing, Request};
use crate::message::Name;
use crate::onboard::{plain, quote};
use crate::store;
use crate::uci::{self, Package};

use super::plan::{Target, doing, stands, undoing};

/// A question that every daemon of ours answers itself: `localhost A`, recursion desired.
const PROBE: &[u8] = b"hd\x01\0\0\x01\0\0\0\0\0\0\x09localhost\0\0\x01\0\x01";
/// Time for its answer.
const PROBE_TIME: Duration = limits::WATCH_PROBE.default_time();
/// Time until port 53 must be free after the daemon was told to leave it.
const LEAVING: Duration = limits::WATCH_LEAVING.default_time();

/// See the module.
#[derive(Debug)]
pub(super) struct Router {
    root: PathBuf,
    is_dry: bool,
    log: RefCell<Vec<String>>,
    /// What [`Router::follow`] did last.
    followed: RefCell<Option<Target>>,
}

/// What becomes of the daemon at a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    /// It goes on, and is told where to listen now.
    Runs,
    /// The init script that calls us ends it, and would wait for itself if we called it.
    Ends,
}

impl Router {
    pub(super) fn new(root: &Path, is_dry: bool) -> Self {
        Router {
            root: root.to_owned(),
            is_dry,
            log: RefCell::default(),
            followed: RefCell::default(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// What was, or would have been, run.
    pub(super) fn take_log(&self) -> Vec<String> {
        self.log.take()
    }

    /// One switch at a time.
    pub(super) fn lock(&self) -> Result<Option<File>, String> {
        if self.is_dry {
            return Ok(None);
        }
        let path = self.path("var/run/hearthdns-mode.lock");
        let failed = |error| format!("cannot lock `{}`: {error}; run as root", path.display());
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Some(file))
    }

    /// What we changed.
    pub(super) fn record(&self) -> Result<Record, String> {
        let path = self.path("etc/hearthdns/router-mode");
        if !path.exists() {
            return Ok(Record::default());
        }
        let told = |why: String| format!("{}: {why}", path.display());
        let bytes = store::read_bytes(&path, limits::UCI_FILE.default).map_err(told)?;
        Record::read(&bytes).map_err(|error| {
            format!(
                "{}:{error}; mend the file, it says what is to be taken back",
                path.display()
            )
        })
    }

    fn remember(&self, record: &Record) -> Result<(), String> {
        if self.is_dry {
            return Ok(());
        }
        let path = self.path("etc/hearthdns/router-mode");
        store::publish(&path, &record.write()).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// What `/etc/config/hearthdns` says of us and dnsmasq.
    pub(super) fn settings(&self) -> Result<Coexistence, String> {
        let path = self.path("etc/config/hearthdns");
        let bytes = store::read_bytes(&path, limits::UCI_FILE.default);
        let bytes = bytes.map_err(|why| format!("{}: {why}", path.display()))?;
        let package = uci::parse(&bytes).map_err(|error| format!("{}:{error}", path.display()))?;
        Ok(Coexistence::of(&package))
    }

    /// Has the file want this mode.
    pub(super) fn want(&self, mode: Mode) -> Result<(), String> {
        if self.settings()?.mode == mode {
            return Ok(());
        }
        let value = format!("hearthdns.@{}[0].mode={}", openwrt::MAIN, mode.as_str());
        self.uci(&["set", &value])?;
        self.uci(&["commit", "hearthdns"])
    }

    /// Somebody's unfinished changes must not be committed with ours.
    pub(super) fn refuse_unfinished(&self) -> Result<(), String> {
        let changes = self.output("uci", &["-q", "changes", "dhcp"])?;
        if changes.is_empty() {
            return Ok(());
        }
        Err("the configuration dhcp has changes that are not committed; run `uci commit dhcp` to keep them, or `uci \
             revert dhcp` to drop them"
            .to_owned())
    }

    fn dhcp(&self) -> Result<Package, String> {
        let text = self.output("uci", &["-q", "export", "dhcp"])?;
        uci::parse(&text).map_err(|error| format!("what `uci export dhcp` prints cannot be read: {error}"))
    }

    /// Where the daemon answers plain DNS in this mode.
    pub(super) fn port(mode: Mode, settings: &Coexistence) -> u16 {
        if mode == Mode::Front { 53 } else { settings.port }
    }

    /// The zones that every client sees, with names that dnsmasq's configuration can hold; none where nobody can be asked.
    /// A daemon that does not answer DNS is not asked either: it would be waited for while the house has no DNS.
    fn facts(&self) -> Option<Vec<String>> {
        probe(Self::port(self.record().ok()?.mode, &self.settings().ok()?))?;
        let socket = self.config_value("control")?;
        let mut client = Client::connect(Path::new(&socket)).ok()?;
        let Ok(Ok(Answer::Facts(Facts { zones, .. }))) = client.call(&Request::Facts(Nothing {})) else {
            return None;
        };
        let names = zones.iter().filter_map(|zone| zone.zone.parse::<Name>().ok());
        Some(names.filter_map(|name| plain(name.as_ref())).collect())
    }

    /// The same; where nobody can be asked, those whose files lie in the zones folder or among the last good ones, and those
    /// that dnsmasq was told of last: it must not ask others for names of ours because we are down.
    pub(super) fn zones(&self) -> Vec<String> {
        if let Some(zones) = self.facts() {
            return zones;
        }
        let changes = self.record().map(|record| record.changes).unwrap_or_default();
        let told = changes.into_iter().filter_map(|change| match change {
            Change::Added { option, value, .. } if option == "server" => {
                value.split('/').nth(1).map(str::to_owned)
            }
            _ => None,
        });
        let folders = [
            self.config_value("zones").map(PathBuf::from),
            self.config_value("state")
                .map(|state| Path::new(&state).join("zones")),
        ];
        let files = folders
            .into_iter()
            .flatten()
            .filter_map(|folder| fs::read_dir(folder).ok());
        let names = files.flatten().flatten().filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            plain(name.strip_suffix(".zone")?.parse::<Name>().ok()?.as_ref())
        });
        let mut zones: Vec<String> = told.chain(names).collect();
        zones.sort();
        zones.dedup();
        zones
    }

    /// A path that the translated configuration names.
    fn config_value(&self, key: &str) -> Option<String> {
        let text = fs::read_to_string(self.path("etc/hearthdns/config.yaml")).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?;
        Some(line.trim_matches('"').to_owned())
    }

    /// Makes it so. What is too much is taken back, what is missing is done, and who must move is restarted in such an
    /// order that port 53 is free before it is taken.
    pub(super) fn apply(
        &self,
        target: &Target,
        given_back: Option<&str>,
        daemon: Daemon,
    ) -> Result<(), String> {
        self.followed.replace(None);
        let old = self.record()?;
        let dhcp = self.dhcp()?;
        let changes = target.changes(&dhcp, &old.changes);
        let mut both = old.changes.clone();
        both.extend(
            changes
                .iter()
                .filter(|change| !old.changes.contains(change))
                .cloned(),
        );
        let given_back = given_back.map(str::to_owned);
        let leaves_front = old.mode == Mode::Front && target.mode != Mode::Front;
        self.remember(&Record {
            mode: if leaves_front { target.mode } else { old.mode },
            given_back: given_back.clone(),
            changes: both,
        })?;
        if leaves_front {
            if daemon == Daemon::Runs {
                if given_back.is_some() {
                    self.service("hearthdns", "abort")?;
                }
                self.service("hearthdns", "reload")?;
            }
            self.wait_until_free();
        }
        let mut is_changed = false;
        let mut change = |words: [String; 2]| {
            is_changed = true;
            self.uci(&[&words[0], &words[1]])
        };
        for gone in old.changes.iter().filter(|known| !changes.contains(known)) {
            if stands(&dhcp, gone) {
                change(undoing(gone))?;
            }
        }
        for new in changes.iter().filter(|change| !stands(&dhcp, change)) {
            change(doing(new))?;
        }
        if is_changed {
            self.uci(&["commit", "dhcp"])?;
            self.service("dnsmasq", "restart")?;
        }
        self.remember(&Record {
            mode: target.mode,
            given_back,
            changes,
        })?;
        if target.mode == Mode::Front && old.mode != Mode::Front {
            self.service("hearthdns", "reload")?;
        }
        Ok(())
    }

    /// Has dnsmasq know the zones of now. Nothing is looked at while they are the same.
    pub(super) fn follow(&self, target: &Target, given_back: Option<&str>) -> Result<(), String> {
        if self.followed.borrow().as_ref() == Some(target) {
            return Ok(());
        }
        self.apply(target, given_back, Daemon::Runs)?;
        self.followed.replace(Some(target.clone()));
        Ok(())
    }

    /// Whether something answers there, within this time.
    pub(super) fn answers(&self, port: u16, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            if probe(port).is_some() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The daemon leaves port 53 when it has ended; if it does not, dnsmasq's own restarts must do.
    fn wait_until_free(&self) {
        let deadline = Instant::now() + LEAVING;
        while !self.is_dry
            && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).is_err()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn uci(&self, words: &[&str]) -> Result<(), String> {
        self.run(Path::new("uci"), words)
    }

    fn service(&self, name: &str, word: &str) -> Result<(), String> {
        let script = self.path("etc/init.d").join(name);
        self.run(&script, &[word])
    }

    /// Runs what changes something, or says what would be run.
    fn run(&self, program: &Path, words: &[&str]) -> Result<(), String> {
        let quoted: Vec<String> = words.iter().map(|word| quote_if_needed(word)).collect();
        let line = format!("{} {}", program.display(), quoted.join(" "));
        self.log.borrow_mut().push(line.clone());
        if self.is_dry {
            return Ok(());
        }
        let ran = Command::new(program).args(words).stdin(Stdio::null()).output();
        let ran = ran.map_err(|error| format!("cannot run `{line}`: {error}; is this OpenWrt?"))?;
        if ran.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        Err(format!("`{line}` failed: {}", said.trim_end()))
    }

    fn output(&self, program: &str, words: &[&str]) -> Result<Vec<u8>, String> {
        let ran = Command::new(program).args(words).stdin(Stdio::null()).output();
        let ran = ran.map_err(|error| format!("cannot run `{program}`: {error}; is this OpenWrt?"))?;
        Ok(ran.stdout)
    }
}

/// The reply to a question to this host, within the time for one.
pub(super) fn probe(port: u16) -> Option<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_read_timeout(Some(PROBE_TIME)).ok()?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    socket.send(PROBE).ok()?;
    let mut reply = [0; 512];
    let len = socket.recv(&mut reply).ok()?;
    reply.get(..len)?.starts_with(&PROBE[..2]).then_some(())
}

fn quote_if_needed(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=/#,:".contains(c);
    if word.chars().all(is_plain) && !word.contains('#') {
        word.to_owned()
    } else {
        quote::shell(word)
    }
}
