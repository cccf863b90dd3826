//! Devices and invites on disk: one file in the state folder, for the eyes of its owner only.
//!
//! A change is made on a copy of the registry, written and flushed, then published, then acknowledged. A file that is
//! damaged is told with its place and left as it is: no token is taken then and nothing is changed, for to write it
//! anew would throw away what a person may still save. When devices were seen is kept in memory
//! ([`crate::telemetry::Sightings`]) and comes to disk only now and then: flash wears.
//!
//! Invite pages ask [`Devices::invited`] what a code is for, and use it up with [`Devices::redeem`].

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{StoreError, disk};
use crate::config::limits;
use crate::device::guard::{Guard, Wait};
use crate::device::{Bearers, Code, Device, DeviceId, Invited, Refusal, Registry, Seen, Terms, Token};
use crate::onboard;
use crate::telemetry::Sightings;
use crate::zone::master::civil::CLOCK_FLOOR;
use crate::zone::record::Defect;

/// The file's name in the state folder.
const FILE: &str = "devices";
/// Largest file.
const MAX_FILE: u64 = limits::DEVICES_FILE.default;
/// What was seen less than so many seconds after what is on record is no news.
const NEWS: u64 = 60;

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock in Unix seconds; 0 where it is not to be believed ([`crate::zone::master::civil::CLOCK_FLOOR`]). What hangs
    /// on it waits then: no invite is made or used, and what was seen is not written.
    pub unix: u64,
    /// Seconds since the start, which no change of the wall clock moves.
    pub second: u32,
}

/// One device, as people want to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The device, with when it was seen last.
    pub device: Device,
    /// How many invites for it are open.
    pub invites: usize,
}

/// What an invite gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The device as profiles and pages are made from it.
    pub device: onboard::Device,
    /// From when on the invite is over, in Unix seconds.
    pub expires: u64,
    /// How often it can still be used.
    pub uses: u32,
}

/// Why a code gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwelcome {
    /// It is no code, or there is no such invite, or it is used up or over: whoever guesses is not told which.
    NoInvite,
    /// Too many wrong codes came from this client, or from all; so many seconds until another one is heard.
    Wait(u32),
    /// The registry cannot be read or written.
    Broken(StoreError),
}

impl fmt::Display for Unwelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInvite => f.write_str("there is no such invite; it may be mistyped, used up or over"),
            Self::Wait(seconds) => write!(f, "too many wrong codes were tried; wait {seconds} seconds"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unwelcome {}

/// The registry, its file, and those who are told of changes. Shared by all who ask for something.
pub struct Devices {
    path: PathBuf,
    held: Mutex<Held>,
    guard: Mutex<Guard>,
    bearers: Arc<Bearers>,
    sightings: Arc<Sightings>,
}

#[derive(Default)]
struct Held {
    registry: Registry,
    /// Why the registry is not what the file says.
    damage: Option<Defect>,
}

impl Devices {
    /// Reads the file in the state folder, and has its tokens taken. Where there is none, nobody has a token; what is
    /// wrong with one stands in [`Devices::damage`].
    #[must_use]
    pub fn open(state: &Path, bearers: Arc<Bearers>, sightings: Arc<Sightings>) -> Self {
        // What a crash has left half-written holds tokens.
        disk::sweep(state);
        let devices = Devices {
            path: state.join(FILE),
            held: Mutex::default(),
            guard: Mutex::default(),
            bearers,
            sightings,
        };
        devices.read(&mut devices.lock());
        devices
    }

    /// What is wrong with the file: while something is, no token is taken and nothing changes.
    #[must_use]
    pub fn damage(&self) -> Option<Defect> {
        self.lock().damage.clone()
    }

    /// Reads the file again if it was damaged; says what is wrong with it now.
    pub fn mend(&self) -> Option<Defect> {
        let mut held = self.lock();
        if held.damage.is_some() {
            self.read(&mut held);
        }
        held.damage.clone()
    }

    fn read(&self, held: &mut Held) {
        *held = match read(&self.path) {
            Ok(registry) => Held {
                registry,
                damage: None,
            },
            Err(damage) => Held {
                registry: Registry::default(),
                damage: Some(damage),
            },
        };
        self.bearers.publish(held.registry.tokens());
    }

    /// Makes an invite, and the device if need be; it, and the device as it is now.
    ///
    /// # Errors
    /// The name or the terms are wrong, there is no room, or nothing can be written; nothing has changed then, unless
    /// the message says so.
    pub fn invite(&self, name: &str, terms: Terms, now: u64) -> Result<(Invited, Device), StoreError> {
        timed(now)?;
        let made = self.change(|registry| {
            let invited = registry.invite(name, terms, now, rand::random::<u128>)?;
            let device = registry.device(invited.device).cloned();
            Ok((invited, device.ok_or(Refusal::Devices)?))
        })?;
        if made.0.is_new {
            self.sightings.forget(made.0.device);
        }
        Ok(made)
    }

    /// Takes a device's token no more.
    ///
    /// # Errors
    /// There is no such device, it is revoked already, or nothing can be written; nothing has changed then, unless the
    /// message says so.
    pub fn revoke(&self, name: &str, now: u64) -> Result<(), StoreError> {
        self.change(|registry| registry.revoke(name, now)).map(|_| ())
    }

    /// The devices, in the order of their names.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn list(&self, now: Moment) -> Result<Vec<Listed>, StoreError> {
        let held = self.lock();
        self.sound(&held)?;
        let listed = |(id, device): (DeviceId, &Device)| Listed {
            device: Device {
                seen: self.seen(id, now).or_else(|| device.seen.clone()),
                ..device.clone()
            },
            invites: held.registry.open_invites(id, now.unix).count(),
        };
        let mut all: Vec<Listed> = held.registry.devices().map(listed).collect();
        all.sort_by(|one, other| one.device.name.cmp(&other.device.name));
        Ok(all)
    }

    /// The device of this name, and whether its token is taken.
    ///
    /// # Errors
    /// There is no such device, or the file is damaged.
    pub fn find(&self, name: &str) -> Result<(DeviceId, bool), StoreError> {
        let held = self.lock();
        self.sound(&held)?;
        match held.registry.find(name) {
            Some((id, device)) => Ok((id, device.revoked.is_none())),
            None => Err(StoreError::NotFound(held.registry.no_device(name).to_string())),
        }
    }

    /// The name of the device in this place, where there is one.
    #[must_use]
    pub fn name_of(&self, id: DeviceId) -> Option<String> {
        let held = self.lock();
        held.registry.device(id).map(|device| device.name.clone())
    }

    /// What a code is for; uses nothing up, and reads no file. Wrong codes count against the client.
    ///
    /// # Errors
    /// See [`Unwelcome`].
    pub fn invited(&self, code: &str, client: IpAddr, now: Moment) -> Result<Welcome, Unwelcome> {
        let mut guard = self.hear(client, now)?;
        let held = self.lock();
        self.sound(&held).map_err(Unwelcome::Broken)?;
        timed(now.unix).map_err(Unwelcome::Broken)?;
        let found = Code::parse(code).and_then(|code| held.registry.invited(code, now.unix));
        match found {
            Some((invite, device)) => Ok(Welcome {
                device: device.facts(),
                expires: invite.expires,
                uses: invite.uses,
            }),
            None => {
                guard.missed(client);
                Err(Unwelcome::NoInvite)
            }
        }
    }

    /// Uses a code once: when this returns, that it was used is on disk. It waits for the disk, so it is not to be
    /// called where queries are answered. Wrong codes count against the client.
    ///
    /// # Errors
    /// See [`Unwelcome`].
    pub fn redeem(&self, code: &str, client: IpAddr, now: Moment) -> Result<onboard::Device, Unwelcome> {
        let mut guard = self.hear(client, now)?;
        let mut held = self.lock();
        self.sound(&held).map_err(Unwelcome::Broken)?;
        timed(now.unix).map_err(Unwelcome::Broken)?;
        let mut registry = held.registry.clone();
        let Some(id) = Code::parse(code).and_then(|code| registry.redeem(code, now.unix)) else {
            guard.missed(client);
            return Err(Unwelcome::NoInvite);
        };
        drop(guard);
        let facts = registry.device(id).map(Device::facts);
        self.put(&mut held, registry).map_err(Unwelcome::Broken)?;
        facts.ok_or(Unwelcome::NoInvite)
    }

    /// The device that bears this token, while the token is taken.
    #[must_use]
    pub fn bearing(&self, token: Token) -> Option<onboard::Device> {
        let held = self.lock();
        let mut devices = held.registry.devices().map(|(_, device)| device);
        let device = devices.find(|device| device.token == token && device.revoked.is_none());
        device.map(Device::facts)
    }

    /// Writes when devices were seen, where that is news. Says whether it wrote.
    ///
    /// # Errors
    /// Nothing can be written.
    pub fn save_seen(&self, now: Moment) -> Result<bool, StoreError> {
        let mut held = self.lock();
        if held.damage.is_some() || timed(now.unix).is_err() {
            return Ok(false);
        }
        let mut registry = held.registry.clone();
        let mut any = false;
        for (id, device) in held.registry.devices() {
            let seen = self
                .seen(id, now)
                .filter(|seen| is_news(seen, device.seen.as_ref()));
            if let Some(seen) = seen {
                any |= registry.note_seen(id, seen);
            }
        }
        if any {
            self.put(&mut held, registry)?;
        }
        Ok(any)
    }

    /// When the device was seen since the start.
    fn seen(&self, id: DeviceId, now: Moment) -> Option<Seen> {
        timed(now.unix).ok()?;
        let (second, transport) = self.sightings.of(id)?;
        let ago = now.second.saturating_sub(second);
        Some(Seen {
            at: now.unix.saturating_sub(u64::from(ago)),
            by: transport.as_str().to_owned(),
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> Result<T, Refusal>) -> Result<T, StoreError> {
        let mut held = self.lock();
        self.sound(&held)?;
        let mut registry = held.registry.clone();
        let changed = change(&mut registry).map_err(refused)?;
        self.put(&mut held, registry)?;
        Ok(changed)
    }

    /// Writes the registry, then publishes it.
    fn put(&self, held: &mut Held, registry: Registry) -> Result<(), StoreError> {
        let folder = disk::folder_of(&self.path);
        disk::make_folder(folder, 0o750)
            .map_err(|error| StoreError::io("make the folder", folder, &error))?;
        let written = disk::replace_private(&self.path, registry.to_text().as_bytes());
        if let Err(failure) = &written
            && !failure.replaced
        {
            return Err(StoreError::io("write", &self.path, &failure.error));
        }
        held.registry = registry;
        self.bearers.publish(held.registry.tokens());
        written.map_err(|failure| {
            StoreError::Io(format!(
                "the change was written to `{}` and is in force, but the folder could not be flushed ({}): it may not \
                 outlive a power cut",
                self.path.display(),
                failure.error
            ))
        })
    }

    /// Refuses to go on with a damaged file.
    fn sound(&self, held: &Held) -> Result<(), StoreError> {
        let Some(damage) = &held.damage else {
            return Ok(());
        };
        Err(StoreError::Refused(
            format!(
                "the file of devices `{}` is damaged, and no token is taken; mend it, or move it away and invite every \
                 device anew, then `dnsctl reload`",
                self.path.display()
            ),
            vec![damage.clone()],
        ))
    }

    fn hear(&self, client: IpAddr, now: Moment) -> Result<MutexGuard<'_, Guard>, Unwelcome> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        match guard.hears(client, now.second) {
            Ok(()) => Ok(guard),
            Err(Wait(seconds)) => Err(Unwelcome::Wait(seconds)),
        }
    }

    /// The registry is replaced whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with the file in the state folder, where something is; nothing is changed.
#[must_use]
pub fn check(state: &Path) -> Option<Defect> {
    read(&state.join(FILE)).err()
}

fn read(path: &Path) -> Result<Registry, Defect> {
    let defect = |line, column, message| Defect {
        file: path.display().to_string().into(),
        line,
        column,
        message,
    };
    let bytes = match disk::read(path, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Registry::default()),
        Err(error) => return Err(defect(0, 0, format!("cannot be read: {error}"))),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| defect(0, 0, "is not UTF-8".to_owned()))?;
    Registry::parse(text).map_err(|damage| defect(damage.line, damage.column, damage.message))
}

/// Refuses what hangs on a clock that is wrong: an invite of that time would be over, or one that is over be good again.
fn timed(now: u64) -> Result<(), StoreError> {
    if now >= CLOCK_FLOOR {
        return Ok(());
    }
    let message = "the clock of this host is not set yet, so nobody can tell when an invite is over; set it, or let NTP set it";
    Err(StoreError::Refused(message.to_owned(), Vec::new()))
}

fn is_news(seen: &Seen, on_record: Option<&Seen>) -> bool {
    on_record.is_none_or(|old| old.by != seen.by || seen.at.abs_diff(old.at) >= NEWS)
}

fn refused(refusal: Refusal) -> StoreError {
    let message = refusal.to_string();
    match refusal {
        Refusal::Name(_) => StoreError::BadWord(message),
        Refusal::NoDevice(..) => StoreError::NotFound(message),
        Refusal::Revoked(_) | Refusal::Devices | Refusal::Invites | Refusal::Randomness => {
            StoreError::Refused(message, Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::device::guard::{MISSES_OF_ONE, SPAN};
    use crate::device::{Bearer, Claim};
    use crate::engine::Transport;

    const START: Moment = Moment {
        unix: 1_795_872_000,
        second: 0,
    };
    const TERMS: Terms = Terms {
        everything: false,
        ttl: 600,
        uses: 1,
    };

    fn after(seconds: u32) -> Moment {
        Moment {
            unix: START.unix + u64::from(seconds),
            second: seconds,
        }
    }

    /// A state folder of one test's own.
    struct State(PathBuf);

    impl State {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("hearthdns-devices-{}-{name}", std::process::id()));
            fs::remove_dir_all(&folder).ok();
            State(folder)
        }

        fn open(&self) -> Devices {
            Devices::open(&self.0, Arc::default(), Arc::default())
        }

        fn file(&self) -> PathBuf {
            self.0.join(FILE)
        }

        fn neutral(&self, text: &str) -> String {
            text.replace(&*self.0.to_string_lossy(), "STATE")
        }
    }

    impl Drop for State {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn bearer(devices: &Devices, token: Token) -> Bearer {
        devices.bearers.bearer(Claim::Token(token))
    }

    fn names(devices: &Devices) -> Vec<(String, bool, usize)> {
        let listed = devices.list(START).unwrap().into_iter();
        listed
            .map(|listed| {
                (
                    listed.device.name,
                    listed.device.revoked.is_some(),
                    listed.invites,
                )
            })
            .collect()
    }

    #[test]
    fn what_is_acknowledged_is_on_disk_and_in_force_and_nobody_else_can_read_it() {
        let state = State::new("life");
        let devices = state.open();
        let (invited, phone) = devices.invite("phone", TERMS, START.unix).unwrap();
        assert_eq!(bearer(&devices, phone.token), Bearer::Device(invited.device));
        let mode = fs::metadata(state.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = state.open();
        assert_eq!(names(&again), [("phone".to_owned(), false, 1)]);
        assert_eq!(bearer(&again, phone.token), Bearer::Device(invited.device));
        devices.revoke("phone", START.unix).unwrap();
        assert_eq!(bearer(&devices, phone.token), Bearer::Unknown);
        let again = state.open();
        assert_eq!(names(&again), [("phone".to_owned(), true, 0)]);
        assert_eq!(bearer(&again, phone.token), Bearer::Unknown);
        assert_eq!(
            devices.find("fone").unwrap_err(),
            StoreError::NotFound("there is no device `fone`; `dnsctl devices` lists them".to_owned())
        );
        assert_eq!(devices.find("phone").unwrap(), (invited.device, false));
    }

    #[test]
    fn a_use_is_on_disk_before_the_device_is_given() {
        let state = State::new("redeem");
        let devices = state.open();
        let client = "192.0.2.1".parse().unwrap();
        let terms = Terms { uses: 2, ..TERMS };
        let (invited, phone) = devices.invite("phone", terms, START.unix).unwrap();
        let code = invited.invite.code.to_string();
        let welcome = devices.invited(&code.to_lowercase(), client, START).unwrap();
        assert_eq!((welcome.uses, welcome.expires), (2, START.unix + 600));
        assert_eq!(welcome.device.token, Some(phone.token.to_string()));
        assert_eq!(devices.redeem(&code, client, START).unwrap(), phone.facts());
        let again = state.open();
        assert_eq!(again.invited(&code, client, START).unwrap().uses, 1);
        assert_eq!(again.redeem(&code, client, START).unwrap(), phone.facts());
        assert_eq!(again.redeem(&code, client, START), Err(Unwelcome::NoInvite));
        assert_eq!(
            state.open().redeem(&code, client, START),
            Err(Unwelcome::NoInvite)
        );
    }

    #[test]
    fn nothing_is_given_or_changed_when_nothing_can_be_written() {
        let state = State::new("full");
        let devices = state.open();
        let client = "192.0.2.1".parse().unwrap();
        let (invited, phone) = devices.invite("phone", TERMS, START.unix).unwrap();
        let before = fs::read(state.file()).unwrap();
        // In place of the folder stands a file: nothing can be written there, not even by root.
        fs::rename(&state.0, state.0.with_extension("away")).unwrap();
        fs::write(&state.0, "in the way").unwrap();
        let told = |error: StoreError| state.neutral(&error.to_string());
        let expected = "cannot make the folder `STATE`: File exists (os error 17)";
        assert_eq!(told(devices.revoke("phone", START.unix).unwrap_err()), expected);
        assert_eq!(
            told(devices.invite("tv", TERMS, START.unix).unwrap_err()),
            expected
        );
        let code = invited.invite.code.to_string();
        let Err(Unwelcome::Broken(error)) = devices.redeem(&code, client, START) else {
            panic!("given")
        };
        assert_eq!(told(error), expected);
        assert_eq!(names(&devices), [("phone".to_owned(), false, 1)]);
        assert_eq!(bearer(&devices, phone.token), Bearer::Device(invited.device));
        fs::remove_file(&state.0).unwrap();
        fs::rename(state.0.with_extension("away"), &state.0).unwrap();
        assert_eq!(fs::read(state.file()).unwrap(), before);
        assert_eq!(devices.redeem(&code, client, START).unwrap(), phone.facts());
    }

    #[test]
    fn a_damaged_file_takes_no_token_and_is_left_as_it_is() {
        let state = State::new("damage");
        let (_, phone) = state.open().invite("phone", TERMS, START.unix).unwrap();
        let good = fs::read_to_string(state.file()).unwrap();
        let bad = good.replace(" zones ", " zonse ");
        fs::write(state.file(), &bad).unwrap();
        let devices = state.open();
        let damage = devices.damage().unwrap();
        assert_eq!(
            state.neutral(&damage.to_string()),
            "STATE/devices:2:31: expected zones or everything"
        );
        assert_eq!(bearer(&devices, phone.token), Bearer::Unknown);
        let client = "192.0.2.1".parse().unwrap();
        let message = "the file of devices `STATE/devices` is damaged, and no token is taken; mend it, or move it away and \
                       invite every device anew, then `dnsctl reload`";
        for error in [
            devices.invite("tv", TERMS, START.unix).unwrap_err(),
            devices.revoke("phone", START.unix).unwrap_err(),
            devices.list(START).unwrap_err(),
            devices.find("phone").unwrap_err(),
        ] {
            assert_eq!(state.neutral(&error.to_string()), message);
            assert!(matches!(error, StoreError::Refused(_, defects) if defects == [damage.clone()]));
        }
        assert!(matches!(
            devices.redeem("0000-0000", client, START),
            Err(Unwelcome::Broken(_))
        ));
        devices.sightings.note(phone_id(), Transport::Tls, 5);
        assert_eq!(devices.save_seen(after(100)), Ok(false));
        assert_eq!(fs::read_to_string(state.file()).unwrap(), bad);
        assert_eq!(check(&state.0), Some(damage.clone()));
        assert_eq!(devices.mend(), Some(damage));
        fs::write(state.file(), &good).unwrap();
        assert_eq!(devices.mend(), None);
        assert!(matches!(bearer(&devices, phone.token), Bearer::Device(_)));
        fs::write(state.file(), [0xff, b'\n']).unwrap();
        assert_eq!(devices.mend(), None, "what is in force is not read again");
        let message = state.open().damage().unwrap().to_string();
        assert_eq!(state.neutral(&message), "STATE/devices: is not UTF-8");
        fs::write(state.file(), vec![b' '; MAX_FILE as usize + 1]).unwrap();
        let message = state.open().damage().unwrap().to_string();
        assert_eq!(
            state.neutral(&message),
            "STATE/devices: cannot be read: it is larger than 0 MiB"
        );
    }

    /// The place of the first device.
    fn phone_id() -> DeviceId {
        Registry::default()
            .invite("phone", TERMS, 0, || 1)
            .unwrap()
            .device
    }

    #[test]
    fn when_a_device_was_seen_is_written_where_it_is_news() {
        let state = State::new("seen");
        let devices = state.open();
        let (invited, _) = devices.invite("phone", TERMS, START.unix).unwrap();
        let before = fs::read(state.file()).unwrap();
        assert_eq!(devices.save_seen(after(10)), Ok(false));
        assert_eq!(fs::read(state.file()).unwrap(), before);
        devices.sightings.note(invited.device, Transport::Https, 20);
        let seen = |devices: &Devices, now| devices.list(now).unwrap().remove(0).device.seen;
        let at = |second: u64, by: &str| {
            Some(Seen {
                at: START.unix + second,
                by: by.to_owned(),
            })
        };
        assert_eq!(seen(&devices, after(3600)), at(20, "https"));
        assert_eq!(devices.save_seen(after(3600)), Ok(true));
        assert_eq!(devices.save_seen(after(7200)), Ok(false));
        devices.sightings.note(invited.device, Transport::Https, 79);
        assert_eq!(devices.save_seen(after(7200)), Ok(false));
        devices.sightings.note(invited.device, Transport::Tls, 79);
        assert_eq!(devices.save_seen(after(7200)), Ok(true));
        let again = state.open();
        assert_eq!(seen(&again, after(0)), at(79, "tls"));
        // Another device of the name is another device.
        again.revoke("phone", START.unix).unwrap();
        again.sightings.note(invited.device, Transport::Tls, 90);
        again.invite("phone", TERMS, START.unix).unwrap();
        assert_eq!(seen(&again, after(100)), None);
    }

    #[test]
    fn guessing_ends_after_a_few_wrong_codes() {
        let state = State::new("guess");
        let devices = state.open();
        let terms = Terms { ttl: 7200, ..TERMS };
        let (invited, _) = devices.invite("phone", terms, START.unix).unwrap();
        let code = invited.invite.code.to_string();
        let (guesser, other) = ("2001:db8::1".parse().unwrap(), "192.0.2.7".parse().unwrap());
        for at in 0..MISSES_OF_ONE {
            let wrong = ["0000-0000", "nonsense", ""][at as usize % 3];
            let missed = if at % 2 == 0 {
                devices.invited(wrong, guesser, after(9)).map(drop)
            } else {
                devices.redeem(wrong, guesser, after(9)).map(drop)
            };
            assert_eq!(missed, Err(Unwelcome::NoInvite));
        }
        let wait = Unwelcome::Wait(SPAN - 9);
        assert_eq!(devices.invited(&code, guesser, after(9)), Err(wait.clone()));
        assert_eq!(devices.redeem(&code, guesser, after(9)), Err(wait));
        assert!(devices.invited(&code, other, after(9)).is_ok());
        assert!(devices.redeem(&code, guesser, after(SPAN)).is_ok());
    }
}
