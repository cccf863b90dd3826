//! The admin's tool. See [`hearthdns::ctl`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(hearthdns::ctl::run(std::env::args_os()))
}
