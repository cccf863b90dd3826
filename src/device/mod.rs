//! Devices and invites: who a device is, by a token that only it has; and the short codes by which a person gets one.
//!
//! A [`Registry`] is values in memory: no file, no clock, no randomness of its own. A change is made on a copy, written
//! to disk by `store::devices`, and only then published as [`Tokens`], which every encrypted query that bears a token
//! is looked up in. Read [`secret`] for tokens and codes, [`claim`] for what a client shows and what that makes it,
//! [`mod@file`] for the form on disk, [`guard`] for how guesses are slowed down.
//!
//! A token is a capability: whoever has it is the device. It stands in the path of DNS over HTTPS, or as a label of
//! the name in SNI, and SNI is not encrypted: whoever can watch the path of a device that uses DoT or DoQ learns its
//! token. With it they get what the device gets, answers, until it is revoked; they learn nothing of what it asks.

pub mod claim;
pub mod file;
pub mod guard;
pub mod secret;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::onboard;
pub use claim::{Bearer, Bearers, Claim, Tokens};
pub use secret::{Code, Token};

/// Most devices, those that are revoked included.
pub const MAX_DEVICES: usize = 1024;
/// Most open invites.
pub const MAX_INVITES: usize = 256;
/// Longest name of a device in bytes.
pub const MAX_NAME: usize = 32;
/// Draws until the source of randomness counts as broken.
const DRAWS: usize = 16;

/// A device's place in the registry. It stays while the process runs, and is another device's only after this one
/// has gone from the registry; it is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(u16);

impl DeviceId {
    /// The place with this index; none where it is not below [`MAX_DEVICES`].
    #[must_use]
    pub const fn at(index: usize) -> Option<Self> {
        if index < MAX_DEVICES {
            Some(DeviceId(index as u16))
        } else {
            None
        }
    }

    /// The place as an index below [`MAX_DEVICES`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What its owner calls it: see [`check_name`].
    pub name: String,
    /// What tells it from others.
    pub token: Token,
    /// Which names it is told to ask us for.
    pub scope: onboard::Scope,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// When its token ceased to be taken, in Unix seconds.
    pub revoked: Option<u64>,
    /// The last query with its token that is on record.
    pub seen: Option<Seen>,
}

impl Device {
    /// The device as profiles and pages are made from it.
    #[must_use]
    pub fn facts(&self) -> onboard::Device {
        onboard::Device {
            name: self.name.clone(),
            token: Some(self.token.to_string()),
            scope: self.scope,
        }
    }
}

/// When a device was seen, and over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Unix seconds.
    pub at: u64,
    /// The transport's word, such as `https`; lower-case letters and digits.
    pub by: String,
}

/// A code that gives a person a device's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invite {
    /// What is typed or scanned.
    pub code: Code,
    /// Whose profile it gives.
    pub device: DeviceId,
    /// From when on it is over, in Unix seconds.
    pub expires: u64,
    /// How often it can still be redeemed; never 0.
    pub uses: u32,
}

/// What an invite is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The device is to ask us for all names. Where this is not set, a device that is there keeps its scope.
    pub everything: bool,
    /// For how many seconds it is good.
    pub ttl: u64,
    /// How often it can be redeemed; at least once.
    pub uses: u32,
}

/// Why the registry does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This is no name for a device; what to write.
    Name(String),
    /// There is no such device; the nearest that there is.
    NoDevice(String, Option<String>),
    /// The device is revoked already.
    Revoked(String),
    /// There is no room for another device.
    Devices,
    /// There is no room for another invite.
    Invites,
    /// The source of randomness gives the same again and again.
    Randomness,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(message) => f.write_str(message),
            Self::NoDevice(name, near) => {
                write!(f, "there is no device `{name}`")?;
                match near {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => f.write_str("; `dnsctl devices` lists them"),
                }
            }
            Self::Revoked(name) => write!(
                f,
                "the device `{name}` is revoked already; `dnsctl invite {name}` makes it anew with another token"
            ),
            Self::Devices => write!(
                f,
                "there are {MAX_DEVICES} devices and none of them is revoked; revoke one that is no longer used"
            ),
            Self::Invites => write!(
                f,
                "{MAX_INVITES} invites are open; one must be used or end before there can be another"
            ),
            Self::Randomness => f.write_str(
                "the system's source of randomness gives the same again and again; nothing was made",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// What [`Registry::invite`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invited {
    /// Whom for.
    pub device: DeviceId,
    /// The device was not there before, or was revoked.
    pub is_new: bool,
    /// The invite.
    pub invite: Invite,
}

/// All devices and open invites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    devices: Vec<Device>,
    invites: Vec<Invite>,
}

impl Registry {
    /// Makes an invite, and the device where there is none of this name or it is revoked: then it gets a new token.
    /// `random` draws 128 bits.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing has changed then but that invites that are over are gone.
    pub fn invite(
        &mut self,
        name: &str,
        terms: Terms,
        now: u64,
        mut random: impl FnMut() -> u128,
    ) -> Result<Invited, Refusal> {
        check_name(name).map_err(Refusal::Name)?;
        self.invites.retain(|invite| invite.expires > now);
        if self.invites.len() >= MAX_INVITES {
            return Err(Refusal::Invites);
        }
        let code = (0..DRAWS)
            .map(|_| Code::from_random(random()))
            .find(|code| self.invites.iter().all(|invite| invite.code != *code))
            .ok_or(Refusal::Randomness)?;
        let (device, is_new) = match self.find(name) {
            Some((id, device)) if device.revoked.is_none() => (id, false),
            _ => (self.add(name, now, &mut random)?, true),
        };
        if let Some(device) = self.devices.get_mut(device.index())
            && terms.everything
        {
            device.scope = onboard::Scope::Everything;
        }
        let invite = Invite {
            code,
            device,
            expires: now.saturating_add(terms.ttl),
            uses: terms.uses.max(1),
        };
        self.invites.push(invite);
        Ok(Invited {
            device,
            is_new,
            invite,
        })
    }

    /// Makes a device, in the place of the revoked one of its name, else in a new one, else in that of the device
    /// that was revoked first.
    fn add(&mut self, name: &str, now: u64, random: &mut impl FnMut() -> u128) -> Result<DeviceId, Refusal> {
        let token = (0..DRAWS)
            .map(|_| Token::from_random(random()))
            .find(|token| self.devices.iter().all(|device| device.token != *token))
            .ok_or(Refusal::Randomness)?;
        let device = Device {
            name: name.to_owned(),
            token,
            scope: onboard::Scope::Zones,
            created: now,
            revoked: None,
            seen: None,
        };
        let free = match self.find(name) {
            Some((id, _)) => Some(id.index()),
            None if self.devices.len() < MAX_DEVICES => None,
            None => {
                let revoked = self.devices.iter().enumerate();
                let revoked = revoked.filter_map(|(at, device)| Some((device.revoked?, at)));
                Some(revoked.min().ok_or(Refusal::Devices)?.1)
            }
        };
        let at = free.unwrap_or(self.devices.len());
        match self.devices.get_mut(at) {
            Some(place) => *place = device,
            None => self.devices.push(device),
        }
        Ok(id_of(at))
    }

    /// Takes the device's token no more, and drops its invites.
    ///
    /// # Errors
    /// There is no such device, or it is revoked already.
    pub fn revoke(&mut self, name: &str, now: u64) -> Result<DeviceId, Refusal> {
        let Some((id, device)) = self.find(name) else {
            return Err(self.no_device(name));
        };
        if device.revoked.is_some() {
            return Err(Refusal::Revoked(name.to_owned()));
        }
        if let Some(device) = self.devices.get_mut(id.index()) {
            device.revoked = Some(now);
        }
        self.invites.retain(|invite| invite.device != id);
        Ok(id)
    }

    /// The device that a code is for, while the code is good. Says no more of one that is not: unknown, used up and
    /// over are the same to whoever guesses.
    #[must_use]
    pub fn invited(&self, code: Code, now: u64) -> Option<(&Invite, &Device)> {
        let invite = self.invites.iter().find(|invite| invite.code == code)?;
        let device = self.devices.get(invite.device.index())?;
        (invite.expires > now).then_some((invite, device))
    }

    /// Uses a code once.
    pub fn redeem(&mut self, code: Code, now: u64) -> Option<DeviceId> {
        let at = self
            .invites
            .iter()
            .position(|invite| invite.code == code && invite.expires > now)?;
        let invite = self.invites.get_mut(at)?;
        let device = invite.device;
        invite.uses -= 1;
        if invite.uses == 0 {
            self.invites.remove(at);
        }
        Some(device)
    }

    /// Notes when a device was seen last. Says whether that is news.
    pub fn note_seen(&mut self, id: DeviceId, seen: Seen) -> bool {
        match self.devices.get_mut(id.index()) {
            Some(device) if device.seen.as_ref() != Some(&seen) => {
                device.seen = Some(seen);
                true
            }
            _ => false,
        }
    }

    /// The devices in the order of their places.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.devices
            .iter()
            .enumerate()
            .map(|(at, device)| (id_of(at), device))
    }

    /// The device in this place.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id.index())
    }

    /// The device of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(DeviceId, &Device)> {
        self.devices().find(|(_, device)| device.name == name)
    }

    /// Invites of a device that are still good.
    pub fn open_invites(&self, id: DeviceId, now: u64) -> impl Iterator<Item = &Invite> {
        self.invites
            .iter()
            .filter(move |invite| invite.device == id && invite.expires > now)
    }

    /// The tokens that are taken, for look-ups.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        let taken = self.devices().filter(|(_, device)| device.revoked.is_none());
        Tokens::new(taken.map(|(id, device)| (device.token, id)))
    }

    /// That there is no device of this name, and which may be meant.
    #[must_use]
    pub fn no_device(&self, name: &str) -> Refusal {
        let near = |device: &Device| strsim::damerau_levenshtein(name, &device.name);
        let candidates = self.devices.iter().map(|device| (near(device), &device.name));
        let nearest = candidates
            .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
            .min_by_key(|(distance, _)| *distance);
        Refusal::NoDevice(shown(name), nearest.map(|(_, name)| name.clone()))
    }
}

/// Whether a text can be a device's name: 1 to [`MAX_NAME`] of `a-z`, `0-9`, `-` and `_`, no dash in front.
///
/// # Errors
/// What to write instead.
pub fn check_name(text: &str) -> Result<(), String> {
    let is_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let is_name = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_byte) && !text.starts_with('-');
    if is_name {
        return Ok(());
    }
    Err(format!(
        "`{}` is no name for a device; write 1 to {MAX_NAME} of `a-z`, `0-9`, `-` and `_`, such as anna-phone",
        shown(text)
    ))
}

/// A text of anybody's for a message: short, and without what a terminal obeys.
fn shown(text: &str) -> String {
    text.chars()
        .take(MAX_NAME * 2)
        .flat_map(char::escape_debug)
        .collect()
}

/// The registry holds at most [`MAX_DEVICES`].
fn id_of(at: usize) -> DeviceId {
    DeviceId(at as u16)
}
