//! `dnsctl router-mode`: who has port 53 on an OpenWrt router, dnsmasq or we, and what the other is told.
//!
//! Everything goes through the router's own commands: `uci` and the init scripts. What is changed is recorded before
//! (`Record`), so that exactly this is taken back, also by a run after one that was killed. Switching is to say what shall
//! be there (`plan`), and to do what is missing and undo what is too much; so it is idempotent.
//!
//! At a stop the init script has us `yield` port 53: our zones stay ours, so private names end in SERVFAIL and not upstream.
//! All is taken back (`release`) only by who disables or removes us.
//!
//! `watch` runs beside the daemon, as root, which the daemon is not: it follows the zones, and gives port 53 back when we
//! do not answer. Read `plan` next, then `watch`.

mod plan;
mod router;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Reply;
use crate::config::openwrt::Mode;
use crate::control::types::{Answer, Code, Failure, RouterMode};

use plan::Target;
use router::{Daemon, Router};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// dnsmasq keeps port 53 and sends us our zones
    Guest,
    /// We have port 53, dnsmasq another
    Front,
    /// dnsmasq knows nothing of us
    Off,
    /// Follow the zones, and give port 53 back when we do not answer; what the init script runs
    Watch,
    /// Have dnsmasq take port 53, and ask us for our zones still; what the init script does at a stop
    Yield,
    /// Take back all that was changed, until the watch runs again; what the init script does where it is disabled
    Release,
}

/// Which mode.
#[derive(Debug, Args)]
pub struct ModeArgs {
    /// The mode; without it the present one is shown
    #[arg(value_name = "MODE", value_enum, hide_possible_values = true)]
    pub word: Option<Word>,
    /// Print the commands, and run none
    #[arg(long)]
    pub dry_run: bool,
    /// The router's files lie below this folder
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub root: PathBuf,
}

/// How long a daemon that was told to listen elsewhere has for it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Carries the command out.
pub(super) fn run(args: &ModeArgs) -> Reply {
    let done = carry_out(args).map(Answer::RouterMode);
    Reply::new(done.map_err(|why| Failure::new(Code::Refused, why)))
}

/// The answer as text for stdout: what was run, then how it stands, unless nothing was.
pub(super) fn text_of(mode: &RouterMode) -> String {
    let mut said: String = mode.commands.iter().map(|line| format!("{line}\n")).collect();
    if mode.planned {
        return said;
    }
    said.push_str(&format!("mode {}\n", mode.mode));
    if mode.wanted != mode.mode {
        said.push_str(&format!("wanted {}\n", mode.wanted));
    }
    if let Some(why) = &mode.given_back {
        said.push_str(&format!("port 53 was given back: {why}\n"));
    }
    said
}

fn carry_out(args: &ModeArgs) -> Result<RouterMode, String> {
    let router = Router::new(&args.root, args.dry_run);
    let wish = match args.word {
        None => return state(&router, false),
        Some(Word::Watch) => return watch::run(&router),
        Some(Word::Yield) => {
            let _lock = router.lock()?;
            // Our zones stay with us although nobody answers: dnsmasq must not ask others for private names.
            if router.record()?.mode == Mode::Front {
                let target = Target::new(Mode::Guest, &router.settings()?, &router.zones());
                router.apply(&target, None, Daemon::Ends)?;
            }
            return state(&router, args.dry_run);
        }
        Some(Word::Release) => {
            let _lock = router.lock()?;
            router.apply(&Target::off(), None, Daemon::Ends)?;
            return state(&router, args.dry_run);
        }
        Some(Word::Guest) => Mode::Guest,
        Some(Word::Front) => Mode::Front,
        Some(Word::Off) => Mode::Off,
    };
    let _lock = router.lock()?;
    router.refuse_unfinished()?;
    router.want(wish)?;
    let settings = router.settings()?;
    let target = Target::new(wish, &settings, &router.zones());
    router.apply(&target, None, Daemon::Runs)?;
    if wish == Mode::Front && !args.dry_run && !router.answers(53, PATIENCE) {
        let back = Target::new(Mode::Guest, &settings, &router.zones());
        let why = "nothing answered on port 53 after the switch";
        router.apply(&back, Some(why), Daemon::Runs)?;
        return Err(format!(
            "{why}, so dnsmasq has it again; see `logread -e hearthdns`, or choose the mode guest"
        ));
    }
    state(&router, args.dry_run)
}

fn state(router: &Router, planned: bool) -> Result<RouterMode, String> {
    let record = router.record()?;
    Ok(RouterMode {
        mode: record.mode.as_str().to_owned(),
        wanted: router.settings()?.mode.as_str().to_owned(),
        given_back: record.given_back,
        commands: router.take_log(),
        planned,
    })
}
