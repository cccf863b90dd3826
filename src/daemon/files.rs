//! Notices that files which other programs write are others now.
//!
//! Such files are replaced by rename, so a watch on the file itself would hear of it once and then look at a file that
//! nobody writes any more. Their folders are watched (inotify(7)), and where one is not there yet, the nearest folder
//! above it. A burst of writes is waited for, in bounds. After each, everything is watched anew before the caller reads,
//! so no change falls between two looks.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout_at};

use crate::config::limits;

const QUIET: Duration = limits::FILES_QUIET.default_time();
const BURST: Duration = limits::FILES_BURST.default_time();
/// Room for events: some 30 of the longest names.
const ROOM: usize = 8192;

/// Watches files, and folders with all files in them.
pub(super) struct FileWatch {
    paths: Vec<PathBuf>,
    events: AsyncFd<OwnedFd>,
    folders: HashMap<i32, Heard>,
}

/// What counts in a watched folder.
#[derive(Default)]
struct Heard {
    everything: bool,
    names: HashSet<OsString>,
}

impl FileWatch {
    /// Begins to watch; what is not there yet is waited for. Must be called in a runtime.
    pub(super) fn start(paths: Vec<PathBuf>) -> io::Result<Self> {
        let (events, folders) = watched(&paths)?;
        Ok(FileWatch {
            paths,
            events,
            folders,
        })
    }

    /// Waits until something was written, and then no more for a while. May be dropped at any time before it ends.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        self.hear().await?;
        let end = Instant::now() + BURST;
        while Instant::now() < end {
            let quiet = end.min(Instant::now() + QUIET);
            match timeout_at(quiet, self.hear()).await {
                Ok(heard) => heard?,
                Err(_) => break,
            }
        }
        // Folders may have come and gone.
        (self.events, self.folders) = watched(&self.paths)?;
        Ok(())
    }

    /// Waits until something happens that counts.
    async fn hear(&self) -> io::Result<()> {
        let mut room = [MaybeUninit::<u8>::uninit(); ROOM];
        loop {
            let mut ready = self.events.readable().await?;
            let mut counts = false;
            let mut reader = Reader::new(self.events.get_ref(), &mut room);
            loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        let is_lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                        counts |= is_lost || self.does_count(event.wd(), name);
                    }
                    Err(Errno::AGAIN) => break,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            ready.clear_ready();
            if counts {
                return Ok(());
            }
        }
    }

    fn does_count(&self, folder: i32, name: Option<&OsStr>) -> bool {
        let Some(heard) = self.folders.get(&folder) else {
            return false;
        };
        // Without a name it is the folder itself that went.
        name.is_none_or(|name| heard.everything || heard.names.contains(name))
    }
}

/// Watches the folders of these paths.
fn watched(paths: &[PathBuf]) -> io::Result<(AsyncFd<OwnedFd>, HashMap<i32, Heard>)> {
    let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let mut folders: HashMap<i32, Heard> = HashMap::new();
    for path in paths {
        watch_folder_of(&events, &mut folders, path)?;
        // What a symbolic link leads to may be replaced where it is.
        if let Ok(real) = std::fs::canonicalize(path) {
            if real != *path {
                watch_folder_of(&events, &mut folders, &real)?;
            }
            // So may a file that is mounted by itself, as into a jail: no folder that we see hears of it.
            if let Some(itself) = watch(&events, &real, WatchFlags::empty())? {
                folders.entry(itself).or_default().everything = true;
            }
        }
    }
    // Its successor is unsafe to call, because a type may lie about its descriptor; `OwnedFd` does not.
    #[allow(deprecated)]
    let events = AsyncFd::new(events)?;
    Ok((events, folders))
}

/// Watches for `path` in its folder, or in the nearest one above that is there, for the way to it.
fn watch_folder_of(events: &OwnedFd, folders: &mut HashMap<i32, Heard>, path: &Path) -> io::Result<()> {
    let mut below = path;
    while let (Some(folder), Some(name)) = (below.parent(), below.file_name()) {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        if let Some(watch) = watch(events, folder, WatchFlags::ONLYDIR)? {
            folders.entry(watch).or_default().names.insert(name.to_owned());
            return Ok(());
        }
        below = folder;
    }
    Ok(())
}

/// Watches a folder or a file; none where it is not there, or is not ours to look into.
fn watch(events: &OwnedFd, path: &Path, more: WatchFlags) -> io::Result<Option<i32>> {
    let flags = WatchFlags::CREATE
        | WatchFlags::MODIFY
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::ATTRIB
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | more;
    match add_watch(events, path, flags) {
        Ok(watch) => Ok(Some(watch)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_by_another_name_is_heard_of() {
        let folder = std::env::temp_dir().join(format!("hearthdns-files-{}", std::process::id()));
        let [here, there] = ["here", "there"].map(|name| folder.join(name));
        for folder in [&here, &there] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let [file, same] = [here.join("leases"), there.join("leases")];
        std::fs::write(&file, "").unwrap();
        // As a mount does, a second link leads to the file past its folder.
        std::fs::hard_link(&file, &same).unwrap();
        let mut watch = FileWatch::start(vec![file]).unwrap();
        std::fs::write(&same, "0 52:54:00:00:00:01 192.168.1.20 tv *\n").unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(20), watch.changed()).await;
        std::fs::remove_dir_all(&folder).ok();
        changed.expect("nothing was heard").unwrap();
    }
}
