//! `dnsctl setup`: what this host needs so that HearthDNS can have its port.
//!
//! [`resolved`] changes two files of the system, and takes that back; [`port`] only looks. Neither asks the daemon: they
//! are for the time before it runs. Only root may change files of the system, so the rest of `dnsctl` never does.

mod port;
mod resolved;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Reply;
use crate::control::types::{Answer, Setup};

const PORT_EXAMPLES: &str = "\
Looks at every address that the configuration listens on. As root it names the
program that has it, and two steps that put that right; exit code 1 then.

Example:
  dnsctl setup port";

const RESOLVED_EXAMPLES: &str = "\
systemd-resolved has port 53 of 127.0.0.53, so nobody can listen on 0.0.0.0:53.
With --apply it gives that up and asks HearthDNS, and /etc/resolv.conf leads to
a file that does not name 127.0.0.53. It is refused where that would leave this
host without DNS. With --undo everything is as it was; stop hearthdns before.

Examples:
  dnsctl setup resolved           what would be done
  dnsctl setup resolved --apply && systemctl restart hearthdns
  systemctl stop hearthdns && dnsctl setup resolved --undo";

/// Part of the host.
#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(subcommand)]
    command: SetupCommand,
}

/// The same in words.
#[derive(Debug, Subcommand)]
pub(super) enum SetupCommand {
    /// Say who has the port, where it is not free
    #[command(after_help = PORT_EXAMPLES)]
    Port,
    /// Have systemd-resolved leave port 53 and ask HearthDNS
    #[command(after_help = RESOLVED_EXAMPLES)]
    Resolved(ResolvedArgs),
}

/// What to do about systemd-resolved; neither: say what would be done.
#[derive(Debug, Args)]
pub(super) struct ResolvedArgs {
    /// Do it
    #[arg(long, conflicts_with = "undo")]
    apply: bool,
    /// Take it back
    #[arg(long)]
    undo: bool,
    /// Work on the system in this folder, and restart nothing
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Carries the command out.
pub(super) fn run(args: &SetupArgs) -> Reply {
    let made = match &args.command {
        SetupCommand::Port => port::look(),
        SetupCommand::Resolved(args) => resolved::run(args),
    };
    Reply::new(made.map(Answer::Setup))
}

/// Whether the answer says that something is wrong.
pub(super) fn is_bad(setup: &Setup) -> bool {
    setup.state == "taken"
}

/// The answer as text.
pub(super) fn text_of(setup: &Setup) -> String {
    let mut text = match setup.state.as_str() {
        "planned" => "would be done with --apply:\n".to_owned(),
        "applied" => "done:\n".to_owned(),
        "undone" => "taken back:\n".to_owned(),
        _ => String::new(),
    };
    let indent = if text.is_empty() { "" } else { "  " };
    for step in &setup.steps {
        text.push_str(&format!("{indent}{step}\n"));
    }
    for note in &setup.notes {
        text.push_str(&format!("{note}\n"));
    }
    text
}
