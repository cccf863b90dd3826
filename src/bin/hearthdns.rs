//! The daemon. See [`hearthdns::daemon`].

use std::process::ExitCode;

fn main() -> ExitCode {
    hearthdns::daemon::main()
}
