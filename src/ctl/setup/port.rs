//! `dnsctl setup port`: whether the addresses of the configuration are free, else who has them.

use std::process::{Command, Stdio};

use crate::control::types::{Failure, Setup};
use crate::ctl::places;
use crate::serve::holder::{self, Holder};

/// The unit whose sockets are opened for us.
const SOCKET_UNIT: &str = "hearthdns.socket";

/// Looks at each listener of the configuration.
pub(super) fn look() -> Result<Setup, Failure> {
    let config = places::of_user()?.config;
    let mut steps = Vec::new();
    let mut state = "free";
    for url in &config.listen {
        let mut held = holder::of(url);
        held.retain(|holder| !(opens_for_others(holder) && is_active(SOCKET_UNIT)));
        if held.iter().all(Holder::is_ours) {
            let by_us = if held.is_empty() { "free" } else { "ours already" };
            steps.push(format!("{url} is {by_us}"));
            continue;
        }
        state = "taken";
        steps.push(format!("{url} is taken:"));
        let advice = holder::advice(&held, holder::has_systemd());
        steps.extend(advice.lines().map(str::to_owned));
    }
    Ok(Setup {
        what: "port".to_owned(),
        state: state.to_owned(),
        steps,
        notes: Vec::new(),
    })
}

/// Whether it is the first process, which opens sockets for units.
fn opens_for_others(holder: &Holder) -> bool {
    holder.process.as_ref().is_some_and(|process| process.pid == 1)
}

fn is_active(unit: &str) -> bool {
    Command::new("systemctl")
        .args(["is-active", "--quiet", unit])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
