//! The daemon. See [`hearthdns::daemon`].
//!
//! Called `dnsctl`, through a link, it is that program: one file on the flash for both.

use std::process::ExitCode;

use hearthdns::cli::Program;

fn main() -> ExitCode {
    match Program::called_by(std::env::args_os().next().as_deref()) {
        Program::Daemon => hearthdns::daemon::main(),
        Program::Ctl => ExitCode::from(hearthdns::ctl::run(std::env::args_os())),
    }
}
