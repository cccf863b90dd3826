//! Which of the names that files tell become names of the LAN domain.
//!
//! What people write holds; what a device calls itself is a claim. So a device gets one label below the domain and no
//! more, none that other programs trust blindly, none that a person gave to another address, and none that another device
//! of the same family has. Everything that is refused is kept with its reason, in bounds.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Entry, MAX_NAMES, MAX_REFUSED};
use crate::message::{Name, NameRef, Rtype};
use crate::zone::Record;
use crate::zone::master::civil::CLOCK_FLOOR;

/// TTL in seconds: a device that got another address is found again soon.
const TTL: u32 = 60;
/// Names that no device may have: browsers take the address of their proxy from `wpad`, Windows its tunnel from
/// `isatap`, and everybody believes that `localhost` is at home.
const RESERVED: [&str; 3] = ["localhost", "wpad", "isatap"];

/// What the names are measured by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The LAN domain, in lower case.
    pub domain: &'a Name,
    /// The name of this server, which nobody else may have.
    pub own: Option<&'a Name>,
}

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Someone who may name anything.
    Person,
    /// Whoever asked for an address.
    Device,
}

/// What one file tells.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// The file, as the user knows it.
    pub file: Arc<str>,
    /// Whose words they are.
    pub author: Author,
    /// Its entries.
    pub entries: &'a [Entry],
}

/// A name of the LAN domain and one of its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanName {
    /// The name, absolute, in lower case.
    pub name: Name,
    /// The address.
    pub address: IpAddr,
    /// Whether the address leads back to this name.
    pub has_reverse: bool,
    /// When the lease ends, in Unix seconds.
    pub until: Option<u64>,
    /// Who has the lease.
    pub device: Option<Box<str>>,
    /// The file that tells it.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
}

/// A name that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The name as it stands in the file.
    pub name: Box<str>,
    /// Its address.
    pub address: IpAddr,
    /// Why not.
    pub why: Refusal,
    /// The file.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
}

/// Why a name is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It holds what host names do not (RFC 1123, 2.1).
    NoHostName,
    /// It is longer than a name may be.
    TooLong,
    /// Other programs trust it blindly.
    Reserved,
    /// A device calls itself something with dots in it.
    Dotted,
    /// It does not lie in the LAN domain.
    Outside,
    /// It is the domain itself.
    Domain,
    /// It is this server's own name, or lies below it.
    Own,
    /// A person gave it to another address.
    TakenByPerson,
    /// Another device has it.
    TakenByDevice,
    /// There are as many as there may be.
    Full,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHostName => "it is no host name: expected letters, digits, `-` and `_` (RFC 1123, 2.1)",
            Self::TooLong => "it is longer than a name may be (RFC 1035, 2.3.4)",
            Self::Reserved => "programs trust this name blindly, so no device may have it",
            Self::Dotted => "a device may have one label below the domain, and no dots",
            Self::Outside => "it does not lie in the LAN domain; a zone file can hold it",
            Self::Domain => "it is the domain itself; a zone file can hold it",
            Self::Own => {
                "it is this server's own name, whose addresses are those of `addresses:` or of the interfaces"
            }
            Self::TakenByPerson => "a file gives this name to another address",
            Self::TakenByDevice => "another device has this name",
            Self::Full => "there are as many names as there may be",
        })
    }
}

/// All names of the LAN, and those that are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// What is answered: those of people first.
    pub names: Vec<LanName>,
    /// What is not; at most [`MAX_REFUSED`].
    pub refused: Vec<Refused>,
    /// How many more are not.
    pub more_refused: usize,
}

impl Names {
    /// When the next lease ends, in Unix seconds.
    #[must_use]
    pub fn next_end(&self) -> Option<u64> {
        self.names.iter().filter_map(|name| name.until).min()
    }

    /// The records that they make: addresses below the domain, and names in reverse zones.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let record = |owner: Name, rtype, rdata| Record {
            owner,
            ttl: TTL,
            rtype,
            rdata,
            expires: None,
        };
        let mut records = Vec::with_capacity(2 * self.names.len());
        for LanName {
            name,
            address,
            has_reverse,
            ..
        } in &self.names
        {
            let (rtype, rdata): (_, Box<[u8]>) = match address {
                IpAddr::V4(address) => (Rtype::A, Box::new(address.octets())),
                IpAddr::V6(address) => (Rtype::AAAA, Box::new(address.octets())),
            };
            records.push(record(name.clone(), rtype, rdata));
            if let Some(owner) = reverse_name(*address).filter(|_| *has_reverse) {
                records.push(record(owner, Rtype::PTR, name.as_wire().into()));
            }
        }
        records
    }

    fn refuse(&mut self, told: &Told<'_>, entry: &Entry, name: &str, why: Refusal) {
        if self.refused.len() >= MAX_REFUSED {
            self.more_refused += 1;
            return;
        }
        self.refused.push(Refused {
            name: name.into(),
            address: entry.address,
            why,
            file: Arc::clone(&told.file),
            line: entry.line,
        });
    }
}

/// Decides. Leases that are over at `now` (Unix seconds) are left out; `ethers` has the names that people gave to devices
/// by their MAC addresses, which stand in place of what those call themselves.
#[must_use]
pub fn collect(rules: Rules<'_>, told: &[Told<'_>], ethers: &HashMap<Box<str>, Box<str>>, now: u64) -> Names {
    let mut names = Names::default();
    let mut taken: HashMap<(Name, bool), Holder> = HashMap::new();
    let mut pairs: HashSet<(Name, IpAddr)> = HashSet::new();
    let mut led_back: HashSet<IpAddr> = HashSet::new();
    let given = |entry: &Entry| entry.device.as_ref().and_then(|device| ethers.get(device));
    let of = |author: Author| told.iter().filter(move |told| told.author == author);
    // What people say comes first, so that it is not taken when its turn comes.
    let people = of(Author::Person).flat_map(|told| told.entries.iter().map(move |entry| (told, entry)));
    let devices = || of(Author::Device).flat_map(|told| told.entries.iter().map(move |entry| (told, entry)));
    let named = devices().filter(|(_, entry)| given(entry).is_some());
    let unnamed = devices().filter(|(_, entry)| given(entry).is_none());
    for (told, entry) in people.chain(named).chain(unnamed) {
        // A DHCP server whose clock was not set has written an end that lies long past; the lease ends when it says so.
        let until = entry
            .until
            .filter(|until| !(1..CLOCK_FLOOR).contains(until) || now < CLOCK_FLOOR);
        if until.is_some_and(|until| until <= now) {
            continue;
        }
        let given = given(entry);
        let author = if given.is_some() {
            Author::Person
        } else {
            told.author
        };
        let word: &str = given.unwrap_or(&entry.name);
        if word.is_empty() {
            continue;
        }
        let name = match name_of(word, author, rules) {
            Ok(name) => name,
            Err(why) => {
                names.refuse(told, entry, word, why);
                continue;
            }
        };
        let pair = (name.clone(), entry.address);
        if pairs.contains(&pair) {
            continue;
        }
        let refusal = if names.names.len() >= MAX_NAMES {
            Some(Refusal::Full)
        } else {
            refusal_of(&taken, &name, author, entry)
        };
        if let Some(why) = refusal {
            names.refuse(told, entry, word, why);
            continue;
        }
        let holder = match author {
            Author::Person => Holder::Person,
            Author::Device => Holder::Device(entry.device.clone()),
        };
        taken
            .entry((name.clone(), entry.address.is_ipv4()))
            .or_insert(holder);
        pairs.insert(pair);
        names.names.push(LanName {
            name,
            address: entry.address,
            has_reverse: entry.is_canonical && led_back.insert(entry.address),
            until,
            device: entry.device.clone(),
            file: Arc::clone(&told.file),
            line: entry.line,
        });
    }
    names
}

/// Who has a name, for one family of addresses.
enum Holder {
    Person,
    Device(Option<Box<str>>),
}

fn refusal_of(
    taken: &HashMap<(Name, bool), Holder>,
    name: &Name,
    author: Author,
    entry: &Entry,
) -> Option<Refusal> {
    if author == Author::Person {
        return None;
    }
    let holder = |is_ipv4| taken.get(&(name.clone(), is_ipv4));
    // An address of the other family would draw those who prefer that one to the device.
    if [true, false]
        .map(holder)
        .iter()
        .any(|holder| matches!(holder, Some(Holder::Person)))
    {
        return Some(Refusal::TakenByPerson);
    }
    match holder(entry.address.is_ipv4()) {
        Some(Holder::Device(device)) if *device != entry.device => Some(Refusal::TakenByDevice),
        _ => None,
    }
}

/// The name of the LAN domain that a word means.
fn name_of(word: &str, author: Author, rules: Rules<'_>) -> Result<Name, Refusal> {
    let word = word.strip_suffix('.').unwrap_or(word).to_ascii_lowercase();
    let labels: Vec<&str> = word.split('.').collect();
    if !labels.iter().all(|label| is_host_label(label.as_bytes())) {
        return Err(Refusal::NoHostName);
    }
    let join = |labels: &[&str], parent: NameRef<'_>| {
        let mut name = parent.to_name();
        for label in labels.iter().rev() {
            name = Name::prepend(label.as_bytes(), name.as_ref()).ok_or(Refusal::TooLong)?;
        }
        Ok(name)
    };
    let name = match labels.as_slice() {
        [_] => join(&labels, rules.domain.as_ref())?,
        labels => join(labels, NameRef::ROOT)?,
    };
    let below = name.as_ref().label_count() as isize - rules.domain.as_ref().label_count() as isize;
    let is_inside = name.as_ref().is_at_or_below(rules.domain.as_ref());
    if labels.len() > 1 && author == Author::Device && (!is_inside || below != 1) {
        return Err(Refusal::Dotted);
    }
    if !is_inside {
        return Err(Refusal::Outside);
    }
    if below == 0 {
        return Err(Refusal::Domain);
    }
    let is_reserved = |reserved: &&str| labels.first() == Some(reserved);
    if RESERVED.iter().any(is_reserved) && (author == Author::Device || labels.first() == Some(&"localhost"))
    {
        return Err(Refusal::Reserved);
    }
    if rules
        .own
        .is_some_and(|own| name.as_ref().is_at_or_below(own.as_ref()))
    {
        return Err(Refusal::Own);
    }
    Ok(name)
}

/// Letters, digits and `-` (RFC 1123, 2.1), and within a label `_`, which telephones like.
fn is_host_label(label: &[u8]) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    is_edge(label.first())
        && is_edge(label.last())
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The name in a reverse zone that stands for an address (RFC 1035, 3.5; RFC 3596, 2.5).
#[must_use]
pub fn reverse_name(address: IpAddr) -> Option<Name> {
    let text = match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address
                .octets()
                .into_iter()
                .rev()
                .flat_map(|octet| [octet & 15, octet >> 4]);
            let mut text = String::with_capacity(73);
            for nibble in nibbles {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                text.push('.');
            }
            text + "ip6.arpa"
        }
    };
    text.parse().ok()
}
