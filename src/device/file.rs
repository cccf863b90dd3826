//! The registry's form on disk: lines of words, the first naming the form and its version, the last counting the
//! others, so that a file that was cut off is seen to be.
//!
//! ```text
//! hearthdns-devices 1
//! device anna-phone abcdefghijklmnop zones 1795872000 seen=1795958400/https
//! device old-laptop qrstuvwxyz234567 everything 1767225600 revoked=1790000000
//! invite 7KQ4-M2XR anna-phone 1795958400 1
//! end 3
//! ```
//!
//! A device has its token, its scope and when it was made; an invite the name of its device, when it ends and how often
//! it can be used. Times are Unix seconds. The reader is strict, and does not quote what it does not understand: it may
//! be a part of a secret.

use std::collections::HashSet;
use std::fmt;

use super::{Code, Device, Invite, MAX_DEVICES, MAX_INVITES, MAX_NAME, Registry, Seen, Token, check_name};
use crate::onboard::Scope;

/// First word of the file.
const FORM: &str = "hearthdns-devices";
/// Version that is read and written.
const VERSION: &str = "1";
/// Longest line: a device with everything.
const MAX_LINE: usize = 160 + MAX_NAME;
/// Largest file in bytes: every device and every invite at its longest.
pub const MAX_BYTES: usize = (MAX_DEVICES + MAX_INVITES + 2) * MAX_LINE;
/// Longest word for a transport.
const MAX_WORD: usize = 8;

/// Why a text is no registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Line from 1.
    pub line: u32,
    /// Character of the line, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Damage {}

impl Registry {
    /// The registry as a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        let mut out = format!("{FORM} {VERSION}\n");
        for device in &self.devices {
            let Device {
                name,
                token,
                scope,
                created,
                revoked,
                seen,
            } = device;
            let scope = scope_word(*scope);
            // Writing to a String cannot fail.
            let _ = write!(out, "device {name} {token} {scope} {created}");
            if let Some(Seen { at, by }) = seen {
                let _ = write!(out, " seen={at}/{by}");
            }
            if let Some(revoked) = revoked {
                let _ = write!(out, " revoked={revoked}");
            }
            out.push('\n');
        }
        for invite in &self.invites {
            let Some(device) = self.device(invite.device) else {
                continue;
            };
            let (code, name) = (invite.code, &device.name);
            let _ = writeln!(out, "invite {code} {name} {} {}", invite.expires, invite.uses);
        }
        let _ = writeln!(out, "end {}", self.devices.len() + self.invites.len());
        out
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, Damage> {
        let mut registry = Registry::default();
        let mut tokens = HashSet::new();
        let mut lines = (1u32..).zip(text.split_inclusive('\n'));
        let first = lines.next().map_or("", |(_, line)| line);
        read_form(first)?;
        let mut entries = 0;
        while let Some((number, line)) = lines.next() {
            let mut words = Words::new(number, line)?;
            match words.next("device, invite or end")? {
                "device" => registry.read_device(&mut words, &mut tokens)?,
                "invite" => registry.read_invite(&mut words)?,
                "end" => {
                    let count = words.number("the number of entries")?;
                    if count != entries {
                        return Err(words.wrong(format!(
                            "{count} entries are announced and {entries} are there; a part of the file is missing"
                        )));
                    }
                    words.end()?;
                    return match lines.next() {
                        None => Ok(registry),
                        Some((line, _)) => Err(Damage {
                            line,
                            column: 1,
                            message: "something stands behind the end".to_owned(),
                        }),
                    };
                }
                _ => return Err(words.wrong("expected device, invite or end")),
            }
            words.end()?;
            entries += 1;
        }
        Err(Damage {
            line: text.split_inclusive('\n').count() as u32 + 1,
            column: 1,
            message: "the end is missing; a part of the file is lost".to_owned(),
        })
    }

    fn read_device(&mut self, words: &mut Words<'_>, tokens: &mut HashSet<u128>) -> Result<(), Damage> {
        if self.devices.len() >= MAX_DEVICES {
            return Err(words.wrong(format!("more than {MAX_DEVICES} devices")));
        }
        let name = words.next("a name")?.to_owned();
        if check_name(&name).is_err() {
            return Err(words.wrong("this is no name for a device"));
        }
        if self.find(&name).is_some() {
            return Err(words.wrong("there are two devices of this name"));
        }
        let token = Token::parse(words.next("a token")?);
        let token = token.ok_or_else(|| words.wrong("this is no token"))?;
        if !tokens.insert(token.bits()) {
            return Err(words.wrong("two devices have this token"));
        }
        let scope = scope_of(words.next("zones or everything")?);
        let scope = scope.ok_or_else(|| words.wrong("expected zones or everything"))?;
        let mut device = Device {
            name,
            token,
            scope,
            created: words.number("when it was made")?,
            revoked: None,
            seen: None,
        };
        while let Some(word) = words.optional() {
            if let Some(seen) = word.strip_prefix("seen=").filter(|_| device.seen.is_none()) {
                let seen = seen_of(seen);
                device.seen = Some(seen.ok_or_else(|| words.wrong("expected seen=SECONDS/TRANSPORT"))?);
            } else if let Some(at) = word.strip_prefix("revoked=").filter(|_| device.revoked.is_none()) {
                device.revoked = Some(seconds(at).ok_or_else(|| words.wrong("expected revoked=SECONDS"))?);
            } else {
                return Err(words.wrong("expected seen= or revoked=, each once"));
            }
        }
        self.devices.push(device);
        Ok(())
    }

    fn read_invite(&mut self, words: &mut Words<'_>) -> Result<(), Damage> {
        if self.invites.len() >= MAX_INVITES {
            return Err(words.wrong(format!("more than {MAX_INVITES} invites")));
        }
        let code = Code::parse(words.next("a code")?);
        let code = code.ok_or_else(|| words.wrong("this is no code"))?;
        if self.invites.iter().any(|invite| invite.code == code) {
            return Err(words.wrong("two invites have this code"));
        }
        let found = self.find(words.next("the name of a device")?);
        let device = match found {
            Some((id, device)) if device.revoked.is_none() => id,
            Some(_) => return Err(words.wrong("this device is revoked, and has invites")),
            None => return Err(words.wrong("no line above has a device of this name")),
        };
        let expires = words.number("when it ends")?;
        let uses = u32::try_from(words.number("how often it can be used")?).ok();
        let uses = uses.filter(|uses| *uses > 0);
        self.invites.push(Invite {
            code,
            device,
            expires,
            uses: uses.ok_or_else(|| words.wrong("expected 1 or more uses"))?,
        });
        Ok(())
    }
}

fn read_form(line: &str) -> Result<(), Damage> {
    let mut words = Words::new(1, line)?;
    if words.next(FORM)? != FORM {
        return Err(words.wrong("this is no file of devices"));
    }
    if words.next("a version")? != VERSION {
        return Err(words.wrong(format!(
            "the file is of another version; this program knows version {VERSION}"
        )));
    }
    words.end()
}

/// The words of a line.
struct Words<'a> {
    line: u32,
    /// Where the word begins that was read last.
    column: u32,
    rest: Option<&'a str>,
    /// Characters read.
    read: u32,
}

impl<'a> Words<'a> {
    fn new(line: u32, text: &'a str) -> Result<Self, Damage> {
        let whole = text.strip_suffix('\n');
        let words = Words {
            line,
            column: 1,
            rest: whole,
            read: 0,
        };
        match whole {
            Some(_) => Ok(words),
            None => Err(words.wrong("the line has no end; a part of the file is lost")),
        }
    }

    fn optional(&mut self) -> Option<&'a str> {
        self.column = self.read + 1;
        let rest = self.rest?;
        let (word, rest) = match rest.split_once(' ') {
            Some((word, rest)) => (word, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        self.read += word.chars().count() as u32 + 1;
        Some(word)
    }

    fn next(&mut self, what: &str) -> Result<&'a str, Damage> {
        let word = self.optional().filter(|word| !word.is_empty());
        word.ok_or_else(|| self.wrong(format!("expected {what}, found nothing")))
    }

    fn number(&mut self, what: &str) -> Result<u64, Damage> {
        let number = seconds(self.next(what)?);
        number.ok_or_else(|| self.wrong(format!("expected {what} as a number")))
    }

    fn end(&mut self) -> Result<(), Damage> {
        match self.optional() {
            None => Ok(()),
            Some(_) => Err(self.wrong("nothing is expected here")),
        }
    }

    fn wrong(&self, message: impl Into<String>) -> Damage {
        Damage {
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }
}

/// A number as it is written here, and in no other way: without a sign, and without zeros in front.
fn seconds(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

fn seen_of(text: &str) -> Option<Seen> {
    let (at, by) = text.split_once('/')?;
    let is_word = (1..=MAX_WORD).contains(&by.len())
        && by
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    Some(Seen {
        at: seconds(at)?,
        by: is_word.then(|| by.to_owned())?,
    })
}

/// The word for a scope, here and in the control protocol.
#[must_use]
pub const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Zones => "zones",
        Scope::Everything => "everything",
    }
}

fn scope_of(word: &str) -> Option<Scope> {
    let all = [Scope::Zones, Scope::Everything];
    all.into_iter().find(|scope| scope_word(*scope) == word)
}
