//! What is done when the clock of the host is set, and when it jumps.
//!
//! Nobody is told of either by the kernel in a way that all systems have, so it is looked at: every second while the clock is
//! not to be believed, because everybody waits for it, and seldom later. Whether it jumped shows beside the clock that counts
//! from the start. Which clock is believed is [`crate::clock`]'s to say.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::desk::Desk;
use crate::clock::wall;
use crate::config::limits;
use crate::zone::master::civil::write_time;

/// How often it is looked whether the clock is set.
const WAITING: Duration = limits::CLOCK_WAIT.default_time();
/// How often it is looked whether it jumped.
const LOOK: Duration = limits::CLOCK_LOOK.default_time();
/// How far a jump leads at least, in seconds. NTP moves a clock by less without a jump.
const JUMP: u64 = limits::CLOCK_JUMP.default;

/// What happened to a clock.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// It shows what it should.
    Nothing,
    /// It went on by more than the time that passed.
    Ahead,
    /// It was set back.
    Back,
}

/// What to make of a clock that should show `expected` seconds and shows `found`.
fn event(expected: u64, found: u64) -> Event {
    if found.abs_diff(expected) < JUMP {
        Event::Nothing
    } else if found > expected {
        Event::Ahead
    } else {
        Event::Back
    }
}

/// Attends to the clock. Never ends.
pub(super) async fn attend(desk: &Arc<Desk>) {
    let mut is_set = desk.clock.look();
    if !is_set {
        warn!(
            "the clock stands at {} and is not set yet: certificates of upstreams and signatures are checked without their \
             times, and invites wait",
            write_time(wall())
        );
    }
    let (mut shown, mut then) = (wall(), Instant::now());
    loop {
        sleep(if is_set { LOOK } else { WAITING }).await;
        let (found, now) = (wall(), Instant::now());
        let event = event(shown + now.duration_since(then).as_secs(), found);
        (shown, then) = (found, now);
        let was_set = std::mem::replace(&mut is_set, desk.clock.look());
        match (was_set, is_set) {
            (false, true) => {
                info!(
                    "the clock is set, to {}: times of certificates and signatures are checked",
                    write_time(found)
                );
                // What was made meanwhile has not shown that it is still good.
                let _ = desk.reconnect.run("the clock is set");
            }
            (true, false) => warn!("the clock was set back to {}: it is wrong", write_time(found)),
            _ => {}
        }
        if event != Event::Nothing || was_set != is_set {
            let (desk, is_back) = (Arc::clone(desk), event == Event::Back);
            let _ = tokio::task::spawn_blocking(move || desk.clock_jumped(is_back)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_told_from_time_that_passes() {
        assert_eq!(event(100, 100), Event::Nothing);
        assert_eq!(event(100, 99 + JUMP), Event::Nothing);
        assert_eq!(event(100, 100 + JUMP), Event::Ahead);
        assert_eq!(event(100, 100 - JUMP), Event::Back);
        assert_eq!(event(100, 0), Event::Back);
    }
}
