//! Remembered copies: the last good version of every zone, in the state folder.
//!
//! After a restart they are all that stands between a broken or vanished zone file and a private name on
//! its way upstream. A copy is a canonical flattened master file under a few comment lines:
//! ```text
//! ; hearthdns remembered copy 1
//! ; folder "/etc/hearthdns/zones"
//! ; serial 5
//! ; check 0123456789abcdef
//! ```
//! The folder keeps a store over another zones folder with the same state from raising foreign zones. The
//! check is over everything else, so that a damaged copy is known as such. Copies are written only where
//! the content differs from what stands there: flash wears.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::message::Name;
use crate::zone::record::{Options, Record};
use crate::zone::{master, render};

use super::disk;
use super::{StoreError, ZoneKey};

/// First line of every copy; the number is the format's version.
const TITLE: &str = "; hearthdns remembered copy 1";

/// A copy that was read and is whole.
#[derive(Debug)]
pub(crate) struct Copy {
    /// Serial that the zone had.
    pub serial: u32,
    /// Zones folder that it came from, by each of its names.
    pub folders: Vec<String>,
    /// The master file below the head.
    pub body: String,
}

/// What a zones folder is called: as named (made absolute), and with symbolic links resolved. Either name
/// suffices to recognise it, so that neither a vanished folder nor a link set anew loses its zones.
pub(crate) fn folder_names(zones: &Path) -> Vec<String> {
    let named = std::path::absolute(zones).unwrap_or_else(|_| zones.to_owned());
    let mut names = vec![format!("{:?}", named.components().collect::<PathBuf>())];
    if let Ok(resolved) = zones.canonicalize() {
        let resolved = format!("{resolved:?}");
        if !names.contains(&resolved) {
            names.push(resolved);
        }
    }
    names
}

/// The canonical text of a zone: the same for the same content, whatever its file looks like.
pub(crate) fn body_of(origin: &Name, options: &Options, records: &[Record]) -> String {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_cached_key(|record| {
        (
            record.owner.as_wire().to_ascii_lowercase(),
            record.rtype,
            record.rdata.clone(),
        )
    });
    render::zone_text(origin, options, sorted.into_iter())
}

/// Reads the copy at `path`; none where there is no file.
///
/// # Errors
/// Why the copy is of no use: unreadable or damaged.
pub(crate) fn read(path: &Path) -> Result<Option<Copy>, String> {
    // A canonical copy is longer than the file it came from: every name is absolute.
    let bytes = match disk::read(path, 4 * disk::MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("the remembered copy cannot be read: {error}")),
    };
    let damaged = || "the remembered copy is damaged and cannot be used".to_owned();
    let text = String::from_utf8(bytes).map_err(|_| damaged())?;
    let (head, body) = split(&text).ok_or_else(damaged)?;
    let check = disk::fingerprint(format!("{}{body}", head.checked).as_bytes());
    if check != head.check {
        return Err(damaged());
    }
    Ok(Some(Copy {
        serial: head.serial,
        folders: head.folders,
        body: body.to_owned(),
    }))
}

impl Copy {
    /// The options and records of the copy.
    ///
    /// # Errors
    /// The copy is whole but not understood, as one of a later version may be.
    pub(crate) fn parse(&self, path: &Path, origin: &Name) -> Result<(Options, Vec<Record>), String> {
        let mut no_includes = |_: &str| Err("a remembered copy includes nothing".to_owned());
        let file = master::parse(
            &path.to_string_lossy(),
            self.body.as_bytes(),
            origin,
            &mut no_includes,
        );
        if let Some(defect) = file.defects.first() {
            return Err(format!("the remembered copy cannot be used: {defect}"));
        }
        Ok((
            file.options,
            file.entries.into_iter().map(|entry| entry.record).collect(),
        ))
    }

    /// Whether it came from the zones folder of these names.
    pub(crate) fn is_from(&self, names: &[String]) -> bool {
        self.folders.iter().any(|folder| names.contains(folder))
    }
}

/// Writes a copy, making its folder where it is missing.
///
/// # Errors
/// [`StoreError::Io`].
pub(crate) fn write(path: &Path, names: &[String], serial: u32, body: &str) -> Result<(), StoreError> {
    let folder = disk::folder_of(path);
    disk::make_folder(folder, 0o750).map_err(|error| StoreError::io("make the folder", folder, &error))?;
    let mut checked = format!("{TITLE}\n");
    for name in names {
        checked.push_str(&format!("; folder {name}\n"));
    }
    checked.push_str(&format!("; serial {serial}\n"));
    let check = disk::fingerprint(format!("{checked}{body}").as_bytes());
    let text = format!("{checked}; check {check:016x}\n{body}");
    disk::replace(path, text.as_bytes(), None)
        .map_err(|failure| StoreError::io("write the remembered copy", path, &failure.error))
}

/// The zones of which copies stand under `folder` that came from the zones folder of these names. A copy
/// whose head is damaged may have come from anywhere: it counts, for closing too much is safer than too little.
pub(crate) fn keys(folder: &Path, names: &[String]) -> BTreeSet<ZoneKey> {
    let mut found = BTreeSet::new();
    collect(folder, None, names, &mut found);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if let (true, Some(view)) = (entry.path().is_dir(), entry.file_name().to_str()) {
            collect(&entry.path(), Some(view), names, &mut found);
        }
    }
    found
}

fn collect(folder: &Path, view: Option<&str>, names: &[String], found: &mut BTreeSet<ZoneKey>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let stem = file.to_str().and_then(|file| file.strip_suffix(".zone"));
        let Some(stem) = stem.filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        let Ok(origin) = stem.parse::<Name>() else {
            continue;
        };
        let foreign = matches!(read(&entry.path()), Ok(Some(copy)) if !copy.is_from(names));
        if !foreign {
            found.insert(ZoneKey::new(view, &origin));
        }
    }
}

struct Head<'a> {
    folders: Vec<String>,
    serial: u32,
    check: u64,
    /// The lines that the check covers.
    checked: &'a str,
}

/// Parts a copy's head from its body.
fn split(text: &str) -> Option<(Head<'_>, &str)> {
    let mut folders = Vec::new();
    let mut serial = None;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let plain = line.strip_suffix('\n')?;
        if number == 0 {
            (plain == TITLE).then_some(())?;
        } else if let Some(folder) = plain.strip_prefix("; folder ") {
            folders.push(folder.to_owned());
        } else if let Some(digits) = plain.strip_prefix("; serial ") {
            serial = Some(digits.parse().ok()?);
        } else {
            let check = u64::from_str_radix(plain.strip_prefix("; check ")?, 16).ok()?;
            let (checked, rest) = text.split_at_checked(at)?;
            let head = Head {
                folders,
                serial: serial?,
                check,
                checked,
            };
            return Some((head, rest.get(line.len()..)?));
        }
        at += line.len();
    }
    None
}
