//! Earlier versions of a zone's file: what `log` shows and `undo` brings back.
//!
//! One file per change, holding the bytes as they were before it, named `NUMBER-TIME-SERIAL.KIND`, or
//! `NUMBER-TIME-SERIAL-GROUP.KIND` where the change was of several files, which have the same group. The
//! number orders them: a router without a clock battery may write a time long past. Bounded per zone by
//! versions and by bytes; the newest is always kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::limits;

use super::StoreError;
use super::disk;

/// Most bytes of history per zone; the newest version is kept even if it alone is larger.
pub const MAX_BYTES: u64 = limits::HISTORY_BYTES.default;

/// What ended a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// An edit.
    Edit,
    /// An undo.
    Undo,
    /// The removal of the zone.
    Remove,
}

impl Before {
    const ALL: [Before; 3] = [Before::Edit, Before::Undo, Before::Remove];

    /// The word for it, which is also the file's extension.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Undo => "undo",
            Self::Remove => "remove",
        }
    }
}

/// One earlier version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Orders the versions of a zone.
    pub number: u64,
    /// When it was ended, in unix seconds.
    pub time: u64,
    /// Serial that it had.
    pub serial: u32,
    /// What versions of several files have in common that one change ended.
    pub group: Option<u32>,
    /// What ended it.
    pub before: Before,
    /// The copy.
    pub file: PathBuf,
}

/// The versions in a zone's history folder, oldest first. A folder that is not there holds none.
///
/// # Errors
/// [`StoreError::Io`] where the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Version>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read the history", folder, &error)),
        Ok(entries) => entries,
    };
    let mut versions: Vec<Version> = entries
        .flatten()
        .filter_map(|entry| {
            let file = entry.path();
            let (stem, kind) = entry
                .file_name()
                .to_str()?
                .split_once('.')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            let before = Before::ALL.into_iter().find(|before| before.as_str() == kind)?;
            let mut parts = stem.splitn(4, '-');
            let number = parts.next()?.parse().ok()?;
            let time = parts.next()?.parse().ok()?;
            let serial = parts.next()?.parse().ok()?;
            let group = parts.next().map(|group| u32::from_str_radix(group, 16));
            Some(Version {
                number,
                time,
                serial,
                group: group.transpose().ok()?,
                before,
                file,
            })
        })
        .collect();
    versions.sort_by_key(|version| version.number);
    Ok(versions)
}

/// Keeps `bytes` as the newest version, then drops the oldest ones over the bounds. With `most` 0 nothing is kept.
///
/// # Errors
/// [`StoreError::Io`]; the change that was about to be made must not be made then, for it could not be undone.
pub(crate) fn keep(
    folder: &Path,
    bytes: &[u8],
    (time, serial): (u64, u32),
    before: Before,
    group: Option<u32>,
    most: usize,
) -> Result<(), StoreError> {
    if most == 0 {
        return Ok(());
    }
    let versions = list(folder)?;
    let number = versions.last().map_or(1, |last| last.number.saturating_add(1));
    disk::make_folder(folder, 0o750)
        .map_err(|error| StoreError::io("make the history folder", folder, &error))?;
    let group = group.map_or(String::new(), |group| format!("-{group:08x}"));
    let path = folder.join(format!("{number:08}-{time}-{serial}{group}.{}", before.as_str()));
    disk::replace(&path, bytes, None)
        .map_err(|failure| StoreError::io("keep the earlier version", &path, &failure.error))?;
    let mut left = MAX_BYTES.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let mut kept = 1;
    for version in versions.iter().rev() {
        let size = fs::metadata(&version.file).map_or(0, |found| found.len());
        if kept < most && size <= left {
            kept += 1;
            left -= size;
        } else {
            // No gaps: what is older than one that had to go goes as well.
            left = 0;
            kept = most;
            let _ = fs::remove_file(&version.file);
        }
    }
    Ok(())
}

/// The version that an undo brings back: the newest that an edit or a removal ended.
pub(crate) fn last_to_undo(versions: &[Version]) -> Option<&Version> {
    versions
        .iter()
        .rev()
        .find(|version| version.before != Before::Undo)
}
