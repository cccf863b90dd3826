//! When the cache's file is read and written. What stands in it is [`crate::warm`]'s business.
//!
//! It is read beside the first questions, by a thread of its own, and written when the daemon stops; where the
//! config wants that, also every few hours. Nothing waits for either, and no failure is more than a line.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::config::{Config, LogLevel};
use crate::engine::Engine;
use crate::upstream::Route;
use crate::warm::{self, Useless};

/// The file's name in the state folder.
const FILE: &str = "cache";

/// Everything of the config that a cached answer may depend on, and whom it came from. Settings are taken out
/// by name, so that a new one counts until somebody has thought about it.
pub(super) fn fingerprint(config: &Config, routes: &[Route]) -> u64 {
    let mut rules = config.clone();
    rules.log = LogLevel::default();
    rules.history_versions = 0;
    rules.workers = None;
    rules.cache.bytes = 0;
    rules.cache.file_every = Duration::ZERO;
    rules.listen.clear();
    rules.certificate = None;
    rules.clock_file = None;
    rules.keep_seen = true;
    for path in [&mut rules.zones, &mut rules.state, &mut rules.control] {
        path.clear();
    }
    let version = env!("CARGO_PKG_VERSION");
    warm::fingerprint(&format!("{version} {rules:?} {routes:?}"))
}

/// The file of a running daemon.
pub(super) struct Warmth(Option<Kept>);

struct Kept {
    file: File,
    every: Duration,
    reader: Option<JoinHandle<()>>,
}

/// What reading and writing need.
#[derive(Clone)]
struct File {
    path: PathBuf,
    engine: Arc<Engine>,
    clock: Arc<Clock>,
    fingerprint: u64,
    started: Instant,
}

impl Warmth {
    /// Begins to read, where the config wants a file at all.
    pub(super) fn start(
        config: &Config,
        engine: &Arc<Engine>,
        clock: &Arc<Clock>,
        fingerprint: u64,
        started: Instant,
    ) -> Self {
        // The firewall's sets may have gone since, and an answer from the cache would put nothing into them.
        if !config.cache.file || !config.nftsets.is_empty() {
            return Warmth(None);
        }
        let file = File {
            path: config.state.join(FILE),
            engine: Arc::clone(engine),
            clock: Arc::clone(clock),
            fingerprint,
            started,
        };
        let reading = file.clone();
        let thread = thread::Builder::new().name("cache-file".to_owned());
        let reader = thread.spawn(move || reading.load()).ok();
        Warmth(Some(Kept {
            file,
            every: config.cache.file_every,
            reader,
        }))
    }

    /// Writes now and then, where the config wants that. Never ends.
    pub(super) async fn tend(&self) {
        let Some(kept) = self.0.as_ref().filter(|kept| !kept.every.is_zero()) else {
            return std::future::pending().await;
        };
        loop {
            sleep(kept.every).await;
            let file = kept.file.clone();
            let _ = tokio::task::spawn_blocking(move || file.save()).await;
        }
    }

    /// Writes a last time. What the reader has not taken in yet must not be lost by that, so it ends first;
    /// its time is bounded.
    pub(super) fn stop(self) {
        if let Some(mut kept) = self.0 {
            if let Some(reader) = kept.reader.take() {
                let _ = reader.join();
            }
            kept.file.save();
        }
    }
}

impl File {
    fn load(&self) {
        let now = || self.started.elapsed().as_secs() as u32;
        let Some(wall) = self.clock.now() else {
            if self.path.exists() {
                info!("the cache of the last run is ignored: the clock is not set, so its age is not known");
            }
            return;
        };
        match warm::load(&self.path, &self.engine, self.fingerprint, now, wall) {
            Ok(answers) => info!("{answers} cached answers of the last run are of use"),
            Err(Useless::Absent) => debug!("no cache of the last run"),
            Err(why) => warn!(
                "the cache of the last run is ignored: {why} ({})",
                self.path.display()
            ),
        }
    }

    fn save(&self) {
        let now = self.started.elapsed().as_secs() as u32;
        // Of a file with a wrong date the next run could not tell how old its answers are.
        let Some(wall) = self.clock.now() else { return };
        match warm::save(&self.path, &self.engine, self.fingerprint, now, wall) {
            Ok(bytes) => debug!("wrote {bytes} bytes of cached answers to {}", self.path.display()),
            Err(error) => warn!(
                "the cached answers cannot be kept for the next run in {}: {error}",
                self.path.display()
            ),
        }
    }
}
