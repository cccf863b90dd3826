//! `dnsctl`: a command line becomes a request; a daemon or, without one, the files answer it.
//!
//! [`args`] are the words, [`output`] the text for people; `router` makes more of an answer, and asks a router. What a
//! request means is said elsewhere: [`crate::control`]. Read [`args`] next.

pub mod args;
mod ask;
mod devices;
#[cfg(feature = "doctor")]
mod doctor;
#[cfg(feature = "onboard")]
mod invite;
mod matrix;
#[cfg(feature = "openwrt")]
mod mode;
pub mod output;
mod places;
mod queries;
mod router;
mod rpcd;
#[cfg(feature = "systemd")]
mod setup;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::control::client::{Client, ClientError};
use crate::control::facts::{ServerWords, facts};
use crate::control::files;
use crate::control::line::reply_line;
use crate::control::types::{Answer, Code, Failure, Request};
use crate::store::{Store, StoreSettings, check_file};

use args::{Command, CommandLine, RpcdCommand};

/// Refused, failed, or a check that found a defect.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// A daemon is needed and none can be reached.
const NO_DAEMON: u8 = 3;

/// Runs `dnsctl` with these arguments, the program's name first; returns the exit code.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let wants_json = args::line::wants_json(&args);
    let line = match args::parse(args) {
        Ok(line) => line,
        Err(error) => {
            if wants_json && error.use_stderr() {
                let failure = Failure::new(Code::BadWord, args::line::told_by(&error));
                say(&mut io::stdout().lock(), &reply_line(&Err(failure)));
            } else {
                // Help and version come this way too, with code 0, on stdout.
                let _ = error.print();
            }
            return u8::try_from(error.exit_code()).unwrap_or(USAGE);
        }
    };
    match &line.command {
        Command::Rpcd(RpcdCommand::List) => {
            say(&mut io::stdout().lock(), &rpcd::list());
            return 0;
        }
        Command::Rpcd(RpcdCommand::Call(call)) => {
            let (printed, is_ok) = rpcd::call(&call.method, rpcd::stdin(), |request| answer(&line, request));
            say(&mut io::stdout().lock(), &printed);
            return if is_ok { 0 } else { FAILED };
        }
        _ => {}
    }
    let request = line.command.request();
    if let Command::Queries(args) = &line.command
        && args.follow
    {
        return queries::follow(line.target.json, |request| answer(&line, request));
    }
    let reply = match &line.command {
        Command::Matrix(args) => matrix::run(&args.command, &|request| answer(&line, request)),
        #[cfg(feature = "systemd")]
        Command::Setup(args) => setup::run(args),
        #[cfg(feature = "openwrt")]
        Command::RouterMode(args) => mode::run(args),
        Command::Router(args) => router::run(args, || answer(&line, &request)),
        #[cfg(feature = "onboard")]
        Command::Invite(args) => invite::run(&args.draw, || answer(&line, &request)),
        _ => answer(&line, &request),
    };
    for note in &reply.notes {
        say(&mut io::stderr().lock(), &format!("{note}\n"));
    }
    if line.target.json {
        say(&mut io::stdout().lock(), &reply_line(&reply.result));
        return match &reply.result {
            Ok(answer) => code_of(answer),
            Err(_) => reply.code,
        };
    }
    match &reply.result {
        Ok(answer) => {
            #[cfg_attr(not(feature = "onboard"), allow(unused_mut))]
            let mut printed = output::text_of(&request, answer);
            #[cfg(feature = "onboard")]
            if let (Command::Invite(args), Answer::Invited(invited)) = (&line.command, answer) {
                let (before, behind) = invite::around(&args.draw, invited);
                printed.out = before + &printed.out + &behind;
            }
            say(&mut io::stdout().lock(), &printed.out);
            say(&mut io::stderr().lock(), &printed.err);
            if printed.bad { FAILED } else { code_of(answer) }
        }
        Err(failure) => {
            say(&mut io::stderr().lock(), &output::failure_text(failure));
            reply.code
        }
    }
}

/// The exit code of what was answered.
fn code_of(answer: &Answer) -> u8 {
    match answer {
        Answer::Diagnosed(diagnosed) => diagnosed.exit,
        answer if output::is_bad(answer) => FAILED,
        _ => 0,
    }
}

/// What is to be said, and the exit code if it is a failure.
struct Reply {
    result: Result<Answer, Failure>,
    notes: Vec<String>,
    code: u8,
}

impl Reply {
    fn new(result: Result<Answer, Failure>) -> Self {
        Reply {
            result,
            notes: Vec::new(),
            code: FAILED,
        }
    }

    fn failed(code: u8, message: impl Into<String>) -> Self {
        Reply {
            result: Err(Failure::new(Code::Unavailable, message)),
            notes: Vec::new(),
            code,
        }
    }
}

fn answer(line: &CommandLine, request: &Request) -> Reply {
    // One file is checked here: the daemon may not be allowed to read it, and knows no more about it.
    if let Command::Check(check) = &line.command
        && let Some(file) = &check.file
    {
        let origin = check.origin.as_deref();
        let checked = check_file(file, origin).map(|found| Answer::Checked(files::checked_file(&found)));
        return Reply::new(checked.map_err(Failure::from));
    }
    let target = &line.target;
    if let Some(socket) = &target.control {
        return match Client::connect(socket) {
            Ok(client) => ask(client, request),
            Err(error) => Reply::failed(NO_DAEMON, error.to_string()),
        };
    }
    if let Some(zones) = &target.zones {
        return match places::settings_in(zones, target.state.as_deref()) {
            // No listener is known: whoever needs an address is told to name it.
            Ok(settings) => on_files(settings, request, Why::Asked, &ServerWords::default()),
            Err(failure) => Reply::new(Err(failure)),
        };
    }
    let (config, has_file) = match places::of_user() {
        Ok(user) => (user.config, user.file.is_some()),
        Err(failure) => return Reply::new(Err(failure)),
    };
    let connected = match Client::connect(&config.control) {
        // Whoever has nothing of that kind means the daemon of this host.
        Err(error @ ClientError::NobodyListens(..)) if !has_file && !config.zones.exists() => {
            Client::connect(&places::control_of_host()).map_err(|of_host| match of_host {
                ClientError::NotAllowed(_) => of_host,
                _ => error,
            })
        }
        connected => connected,
    };
    match connected {
        Ok(client) => ask(client, request),
        Err(ClientError::NobodyListens(..)) => {
            let server = places::server_of(&config);
            on_files(
                StoreSettings::of(&config),
                request,
                Why::NoDaemon(config.control),
                &server,
            )
        }
        Err(error) => Reply::failed(NO_DAEMON, error.to_string()),
    }
}

fn ask(mut client: Client, request: &Request) -> Reply {
    match client.call(request) {
        Ok(result) => Reply::new(result),
        Err(error) => Reply::failed(FAILED, error.to_string()),
    }
}

/// Why files are worked on.
enum Why {
    /// `--zones` says so.
    Asked,
    /// Nobody listens on this socket.
    NoDaemon(PathBuf),
}

fn on_files(settings: StoreSettings, request: &Request, why: Why, server: &ServerWords) -> Reply {
    let now = now();
    let asks_daemon = matches!(
        request,
        Request::Status(_)
            | Request::Stats(_)
            | Request::Queries(_)
            | Request::Flush(_)
            | Request::CacheStats(_)
            | Request::CacheDump(_)
            | Request::Reconnect(_)
            | Request::Lan(_)
            | Request::Certificate(_)
            | Request::RenewCertificate(_)
            | Request::Authority(_)
            | Request::Explain(_)
            | Request::Invite(_)
            | Request::Devices(_)
            | Request::Revoke(_)
            | Request::Reload(_)
    );
    if asks_daemon {
        return match why {
            Why::Asked => Reply::failed(
                USAGE,
                "this command asks a running daemon, and --zones works on files only; leave out --zones, or name the daemon's socket with --control",
            ),
            Why::NoDaemon(socket) => Reply::failed(
                NO_DAEMON,
                format!(
                    "this command asks a running daemon, and nobody listens on `{}`; start hearthdns, or name its socket with --control",
                    socket.display()
                ),
            ),
        };
    }
    let mut notes = Vec::new();
    if let Why::NoDaemon(socket) = &why {
        notes.push(format!(
            "note: nobody listens on `{}`; working on the files in `{}`",
            socket.display(),
            settings.zones.display()
        ));
    }
    let result = if let Request::Check(_) = request {
        Ok(Answer::Checked(files::check(settings, now)))
    } else if let Request::Facts(_) = request {
        let mut store = Store::open(settings);
        store.inspect(now);
        Ok(Answer::Facts(facts(&store, server)))
    } else {
        let mut store = Store::open(settings);
        store.inspect(now);
        let unavailable = || {
            Err(Failure::new(
                Code::Unavailable,
                "this command needs a running daemon",
            ))
        };
        files::execute(&mut store, request, now, false, &mut |_| {}).unwrap_or_else(unavailable)
    };
    let has_edited = match &result {
        Ok(Answer::Edited(_)) => true,
        Ok(Answer::Changed(changed)) => !changed.dry_run,
        _ => false,
    };
    if let (true, Why::Asked) = (has_edited, &why) {
        notes.push(
            "note: only the files were changed; a running daemon serves this after `dnsctl reload`"
                .to_owned(),
        );
    }
    Reply {
        result,
        notes,
        code: FAILED,
    }
}

/// Whether there is still somebody who reads.
fn say_to_stdout(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// A reader that has gone away (a closed pipe) is no failure of ours.
fn say(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
