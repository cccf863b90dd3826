//! Bytes on disk: bounded reads, writes that survive a power cut, the lock.
//!
//! A file is replaced whole: a hidden neighbour is written and flushed, renamed over it, and the folder
//! flushed (a rename alone may be lost with the power). Whoever reads sees the old bytes or the new ones.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::limits;

use super::StoreError;

/// Largest zone file in bytes.
pub const MAX_FILE: u64 = limits::ZONE_FILE.default;
/// How long an edit waits for another one's lock.
pub const LOCK_WAIT: Duration = limits::LOCK_WAIT.default_time();
/// The lock's file in the zones folder.
pub const LOCK_NAME: &str = ".lock";
/// How unfinished files begin and end; hidden, so that no reader takes one for a zone.
const UNFINISHED: (&str, &str) = (".hearthdns-", ".new");

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// Why not, without the path.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    // Opening a named pipe would wait for a writer for ever.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let too_large = || io::Error::other(format!("it is larger than {} MiB", max >> 20));
    if found.len() > max {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
    file.take(max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads a text file of at most `max` bytes.
///
/// # Errors
/// [`StoreError::Io`].
pub fn read_text(path: &Path, max: u64) -> Result<String, StoreError> {
    let text = read(path, max)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8")));
    text.map_err(|error| StoreError::io("read", path, &error))
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// Why not, without the path.
pub fn read_bytes(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    read(path, max).map_err(|error| format!("cannot be read: {error}"))
}

/// Replaces a file that everybody may read, its folder made where it is not there; durably. The same bytes are not
/// written again: what has not changed wears no flash.
///
/// # Errors
/// Why not, without the path. The old file is untouched then, unless only flushing failed.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    make_folder(folder_of(path), 0o755)
        .and_then(|()| replace(path, bytes, None).map_err(|failure| failure.error))
        .map_err(|error| format!("cannot be written: {error}"))
}

/// What went wrong while a file was replaced, and whether the new bytes stand there all the same.
#[derive(Debug)]
pub(crate) struct WriteFailure {
    /// The system's reason.
    pub error: io::Error,
    /// The rename was done; only flushing the folder failed.
    pub replaced: bool,
}

/// Replaces `path` by `bytes`, durably. The new file has mode and owner of the one `like`, where given.
///
/// # Errors
/// See [`WriteFailure`]; where `replaced` is false the old file is untouched.
pub(crate) fn replace(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<(), WriteFailure> {
    let mode = like.map_or(0o644, |like| like.permissions().mode() & 0o7777);
    replace_with(path, bytes, mode, like)
}

/// The same for a file that is nobody else's business.
///
/// # Errors
/// See [`WriteFailure`].
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), WriteFailure> {
    replace_with(path, bytes, 0o600, None)
}

fn replace_with(path: &Path, bytes: &[u8], mode: u32, like: Option<&Metadata>) -> Result<(), WriteFailure> {
    let early = |error| WriteFailure {
        error,
        replaced: false,
    };
    let folder = folder_of(path);
    let hidden = unfinished_name(folder);
    let written = (|| {
        // Private until it has its owner: what a strict mode protects must not be open for a moment.
        let first_mode = if like.is_some() { 0o600 } else { mode };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(first_mode)
            .open(&hidden)?;
        if let Some(like) = like {
            // Only root may give files away. Another user's edit keeps the group if it can.
            let _ = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))
                .or_else(|_| std::os::unix::fs::fchown(&file, None, Some(like.gid())));
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&hidden, path)
    })();
    if let Err(error) = written {
        let _ = fs::remove_file(&hidden);
        return Err(early(error));
    }
    sync_folder(folder).map_err(|error| WriteFailure {
        error,
        replaced: true,
    })
}

/// Removes a file, durably. That it is gone already is no failure.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder_of(path)),
    }
}

/// Makes a folder and what is missing above it, durably.
pub(crate) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above, mode)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder_of(path)),
    }
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot flush a folder and say so; they keep the order themselves.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

fn unfinished_name(folder: &Path) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let (head, tail) = UNFINISHED;
    // Not built from the file's own name: that may have the greatest length already.
    folder.join(format!("{head}{}-{count}{tail}", std::process::id()))
}

/// Removes what a crash has left half-written in `folder`. To be called under the lock: nobody else writes then.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if is_unfinished(&entry.file_name()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    let (head, tail) = UNFINISHED;
    name.to_str()
        .is_some_and(|name| name.starts_with(head) && name.ends_with(tail))
}

/// Held while files are changed; let go when dropped, by the system at the latest when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of a zones folder, at most `wait`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::Io`].
    pub(crate) fn take(zones: &Path, wait: Duration) -> Result<Self, StoreError> {
        let path = zones.join(LOCK_NAME);
        let io = |error| StoreError::io("open the lock file", &path, &error);
        // Reading suffices for a lock, so members of the folder's group share a file that another has made.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o660)
            .open(&path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                File::open(&path).map_err(|_| io(error))?
            }
            other => other.map_err(io)?,
        };
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path, wait)),
                Err(TryLockError::Error(error)) => {
                    return Err(StoreError::io("lock", &path, &error));
                }
            }
        }
    }
}

/// A short fingerprint (FNV-1a, 64 bits): tells damage and changes apart from sameness, not an attacker.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
