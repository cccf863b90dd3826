//! Beside the daemon: follows the zones, takes the mode that is wanted, and gives port 53 back when we do not answer.
//!
//! [`Judge`] decides, with time as an argument; `run` looks, asks and acts. Port 53 is given back when we were silent for
//! [`SILENT`], or fell silent [`FALLS`] times within [`WINDOW`] (a crash loop answers between the crashes). It is taken
//! again after we were well for a while, which doubles each time.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::limits;
use crate::config::openwrt::Mode;
use crate::control::types::RouterMode;

use super::plan::Target;
use super::router::{Daemon, Router, probe};

/// Time between two looks.
const EVERY: Duration = limits::WATCH_EVERY.default_time();
/// Silence after which port 53 is given back.
const SILENT: Duration = limits::WATCH_SILENT.default_time();
/// Falls within [`WINDOW`] after which it is given back.
const FALLS: usize = limits::WATCH_FALLS.default_usize();
/// See [`FALLS`].
const WINDOW: Duration = limits::WATCH_WINDOW.default_time();
/// How long we must be well before port 53 is taken for the first time.
const WELL: Duration = limits::WATCH_WELL.default_time();
/// How long after it was given back once; doubled each time.
const WELL_AGAIN: Duration = limits::WATCH_WELL_AGAIN.default_time();
/// And no longer than that.
const WELL_LONGEST: Duration = limits::WATCH_WELL_LONGEST.default_time();

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    /// Have this mode.
    Have(Mode),
    /// Give port 53 back, for this reason.
    GiveBack(String),
}

/// What was seen, and when.
#[derive(Debug, Default)]
struct Judge {
    /// Since when we answer; none while we do not.
    well_since: Option<Duration>,
    /// Since when we do not; none while we do, or never did.
    silent_since: Option<Duration>,
    /// When we fell silent.
    falls: VecDeque<Duration>,
    /// How often port 53 was given back.
    given_back: u32,
}

impl Judge {
    /// One look that ended `now`: when the daemon was asked, whether it answers, the mode that holds, and the one that is
    /// wanted.
    fn look(
        &mut self,
        asked: Duration,
        now: Duration,
        answers: bool,
        holds: Mode,
        wanted: Mode,
    ) -> Option<Act> {
        if answers {
            self.well_since.get_or_insert(now);
            self.silent_since = None;
        } else {
            if self.well_since.take().is_some() {
                self.falls.push_back(now);
            }
            self.silent_since.get_or_insert(asked);
        }
        while self
            .falls
            .front()
            .is_some_and(|fall| now.saturating_sub(*fall) > WINDOW)
        {
            self.falls.pop_front();
        }
        if holds == Mode::Front && wanted == Mode::Front {
            let silent = self.silent_since.map(|since| now.saturating_sub(since));
            let why = if silent.is_some_and(|silent| silent >= SILENT) {
                format!("hearthdns did not answer for {} s", SILENT.as_secs())
            } else if self.falls.len() >= FALLS {
                format!("hearthdns fell silent {FALLS} times in {} s", WINDOW.as_secs())
            } else {
                return None;
            };
            self.given_back += 1;
            self.falls.clear();
            return Some(Act::GiveBack(why));
        }
        if holds == wanted {
            return None;
        }
        if wanted != Mode::Front {
            return Some(Act::Have(wanted));
        }
        let well = self
            .well_since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        (self.well_since.is_some() && well >= self.patience()).then(|| {
            // The daemon starts anew on the other port: that is no fall.
            self.well_since = None;
            Act::Have(Mode::Front)
        })
    }

    fn patience(&self) -> Duration {
        match self.given_back {
            0 => WELL,
            times => (WELL_AGAIN * 2u32.saturating_pow(times.min(12) - 1)).min(WELL_LONGEST),
        }
    }
}

/// Runs until it is ended.
pub(super) fn run(router: &Router) -> Result<RouterMode, String> {
    let started = Instant::now();
    let mut judge = Judge::default();
    if router.record()?.given_back.is_some() {
        judge.given_back = 1;
    }
    let mut last_told = String::new();
    loop {
        let begun = started.elapsed();
        if let Err(why) = look(router, &mut judge, started) {
            // Once, not with every look.
            if why != last_told {
                eprintln!("hearthdns: {why}");
                last_told = why;
            }
        } else {
            last_told.clear();
        }
        // A question that nobody answered has taken the time of a look already.
        thread::sleep(EVERY.saturating_sub(started.elapsed().saturating_sub(begun)));
    }
}

/// One look, and what follows from it.
fn look(router: &Router, judge: &mut Judge, started: Instant) -> Result<(), String> {
    let _lock = router.lock()?;
    let settings = router.settings()?;
    let record = router.record()?;
    let asked = started.elapsed();
    let answers = probe(Router::port(record.mode, &settings)).is_some();
    let target = |mode| Target::new(mode, &settings, &router.zones());
    match judge.look(asked, started.elapsed(), answers, record.mode, settings.mode) {
        Some(Act::GiveBack(why)) => {
            eprintln!("hearthdns: {why}; dnsmasq gets port 53 back");
            router.apply(&target(Mode::Guest), Some(&why), Daemon::Runs)
        }
        Some(Act::Have(mode)) => {
            eprintln!("hearthdns: mode {}", mode.as_str());
            router.apply(&target(mode), None, Daemon::Runs)
        }
        // Zones come and go, and somebody may have changed dnsmasq's configuration.
        None if record.mode == Mode::Guest && answers => {
            let given_back = record.given_back.as_deref();
            router.follow(&target(Mode::Guest), given_back)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every second, and says what was done when.
    fn acts(
        judge: &mut Judge,
        from: u64,
        seconds: u64,
        holds: Mode,
        answers: impl Fn(u64) -> bool,
    ) -> Vec<(u64, Act)> {
        let mut out = Vec::new();
        let mut holds = holds;
        for second in from..from + seconds {
            let now = Duration::from_secs(second);
            let act = judge.look(now, now, answers(second), holds, Mode::Front);
            if let Some(act) = act {
                holds = match &act {
                    Act::Have(mode) => *mode,
                    Act::GiveBack(_) => Mode::Guest,
                };
                out.push((second, act));
            }
        }
        out
    }

    #[test]
    fn silence_gives_port_53_back_well_within_15_seconds() {
        let mut judge = Judge::default();
        let acts = acts(&mut judge, 0, 40, Mode::Front, |second| second < 10);
        assert_eq!(
            acts,
            [(16, Act::GiveBack("hearthdns did not answer for 6 s".to_owned()))]
        );
    }

    #[test]
    fn silence_begins_with_the_question() {
        let mut judge = Judge::default();
        // Nobody says that nobody is there: each look takes a second.
        let seconds = |at: u64| Duration::from_secs(at);
        let acts = (0..).find(|at| {
            judge
                .look(seconds(*at), seconds(at + 1), false, Mode::Front, Mode::Front)
                .is_some()
        });
        assert_eq!(acts, Some(5));
    }

    #[test]
    fn a_crash_loop_gives_it_back_although_it_answers_in_between() {
        let mut judge = Judge::default();
        // Three seconds of life, five until it is started again.
        let acts = acts(&mut judge, 0, 30, Mode::Front, |second| second % 8 < 3);
        assert_eq!(
            acts,
            [(
                19,
                Act::GiveBack("hearthdns fell silent 3 times in 60 s".to_owned())
            )]
        );
    }

    #[test]
    fn one_restart_gives_nothing_back() {
        let mut judge = Judge::default();
        assert_eq!(
            acts(&mut judge, 0, 300, Mode::Front, |second| !(100..105)
                .contains(&second)),
            []
        );
    }

    #[test]
    fn it_is_taken_when_well_and_again_after_twice_as_long() {
        let mut judge = Judge::default();
        assert_eq!(
            acts(&mut judge, 0, 60, Mode::Off, |_| true),
            [(3, Act::Have(Mode::Front))]
        );
        let silent = acts(&mut judge, 100, 100, Mode::Front, |second| second > 120);
        let why = Act::GiveBack("hearthdns did not answer for 6 s".to_owned());
        assert_eq!(silent, [(106, why.clone()), (181, Act::Have(Mode::Front))]);
        let silent = acts(&mut judge, 200, 300, Mode::Front, |second| second > 210);
        assert_eq!(silent, [(206, why), (331, Act::Have(Mode::Front))]);
        judge.given_back = u32::MAX;
        assert_eq!(judge.patience(), WELL_LONGEST);
    }
}
