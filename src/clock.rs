//! The wall clock of the host, and whether it is to be believed.
//!
//! A router without a battery starts in 1970, or at the time of the newest file that it has, which may be months ago. Names
//! of time servers are looked up through us, so the clock gets right only if we answer while it is wrong; and a
//! certificate or a signature of today is "not valid yet" to such a clock. So while it is not to be believed, all about
//! certificates and signatures is checked but their times: see `upstream::tls` and `upstream::dnssec`.
//!
//! **What tells.** A clock before [`CLOCK_FLOOR`], when this program did not exist, is wrong beyond doubt. One that stands
//! later may still be wrong, and only whoever sets it knows: where the configuration names a file (`clock_file`), the clock
//! counts once that file is there. OpenWrt's NTP client has a script of ours make it; systemd-timesyncd has one of its own.
//! Who was believed once is believed until the end, as long as the clock stays behind the floor: NTP may be lost for days.
//!
//! **Why not another way for the names of time servers.** A list of such names that are asked in the open, past encrypted
//! upstreams, would have to be right for every client of the house, would show them to the network, and would still leave
//! all other names dead until somebody has set the clock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::zone::master::civil::CLOCK_FLOOR;

/// The clock.
#[derive(Debug, Default)]
pub struct Clock {
    /// What is there once the clock is set.
    file: Option<PathBuf>,
    was_seen: AtomicBool,
}

impl Clock {
    /// The host's; not to be believed before `file` is there, where one is named.
    #[must_use]
    pub fn new(file: Option<PathBuf>) -> Self {
        let clock = Clock {
            file,
            was_seen: AtomicBool::new(false),
        };
        clock.look();
        clock
    }

    /// Looks for the file again, and says whether the clock is to be believed now.
    pub fn look(&self) -> bool {
        if let Some(file) = &self.file
            && !self.was_seen.load(Ordering::Relaxed)
            && file.exists()
        {
            self.was_seen.store(true, Ordering::Relaxed);
        }
        self.now().is_some()
    }

    /// Unix time in seconds, where the clock is to be believed.
    #[must_use]
    pub fn now(&self) -> Option<u64> {
        self.believed(wall())
    }

    /// The same for a moment that the clock has shown.
    #[must_use]
    pub fn believed(&self, shown: u64) -> Option<u64> {
        let is_told = self.file.is_none() || self.was_seen.load(Ordering::Relaxed);
        (is_told && shown >= CLOCK_FLOOR).then_some(shown)
    }

    /// What the clock shows where it is to be believed, else a time before [`CLOCK_FLOOR`]: for what must not be done, or
    /// undone, by a clock that is wrong.
    #[must_use]
    pub fn cautious(&self) -> u64 {
        let shown = wall();
        self.believed(shown).unwrap_or_else(|| shown.min(CLOCK_FLOOR - 1))
    }

    /// The earliest that it can be, in Unix seconds: what is over by then is over, whatever the clock shows.
    #[must_use]
    pub fn at_least(&self) -> u64 {
        wall().max(CLOCK_FLOOR)
    }
}

/// What the clock shows, in Unix seconds.
#[must_use]
pub fn wall() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_floor_is_never_believed() {
        let clock = Clock::new(None);
        assert_eq!(clock.believed(0), None);
        assert_eq!(clock.believed(CLOCK_FLOOR - 1), None);
        assert_eq!(clock.believed(CLOCK_FLOOR), Some(CLOCK_FLOOR));
    }

    #[test]
    fn a_clock_that_somebody_sets_is_believed_from_then_on() {
        let file = std::env::temp_dir().join(format!("hearthdns-clock-{}", std::process::id()));
        std::fs::remove_file(&file).ok();
        let clock = Clock::new(Some(file.clone()));
        assert_eq!((clock.look(), clock.now()), (false, None));
        std::fs::write(&file, "").unwrap();
        assert_eq!(clock.now(), None, "nobody has looked");
        assert!(clock.look());
        std::fs::remove_file(&file).unwrap();
        assert!(clock.look(), "NTP may be lost for days");
        assert_eq!(clock.believed(CLOCK_FLOOR - 1), None);
        assert!(Clock::new(None).look());
    }
}
