//! What the integration tests share: the real daemon in a temporary house, an independent DNS client, and an
//! upstream that plays a script.
//!
//! Nothing here uses the library under test, so a mistake there cannot hide here. Nothing here sleeps for
//! luck either: every wait is for a line, a packet or an exit, and has a deadline that fails with what was
//! seen until then. Read [`house`] next (a test begins there), then [`client`], [`upstream`] and [`wire`].

// Each test binary uses another part of this module.
#![allow(dead_code, unused_imports)]

#[cfg(all(feature = "https", feature = "h3"))]
pub(crate) mod asker;
pub(crate) mod client;
#[cfg(feature = "doctor")]
pub(crate) mod homeserver;
pub(crate) mod house;
#[cfg(feature = "tls")]
pub(crate) mod identity;
pub(crate) mod leaks;
pub(crate) mod needs;
pub(crate) mod nginx;
pub(crate) mod peer;
pub(crate) mod place;
pub(crate) mod process;
pub(crate) mod sample;
#[cfg(all(feature = "https", feature = "h3"))]
pub(crate) mod secure;
pub(crate) mod shared;
pub(crate) mod upstream;
pub(crate) mod wire;

pub(crate) use client::{Client, Stream};
pub(crate) use house::{Daemon, House};
pub(crate) use peer::{CHROMIUM, Peer, free_address, program};
pub(crate) use process::{Ran, Running, run};
pub(crate) use upstream::{Act, Seen, Transport, Upstream};
pub(crate) use wire::{Message, Record, class, rcode, rtype};

use std::time::Duration;

/// How long anything on loopback may take before the test fails. Generous, because the machine that runs the
/// tests may be a small one with other work: it is only ever waited for in full by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// How long to listen before believing that nothing arrives. Only for claims of the form "no reply is sent".
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

/// Sets a flag when it goes out of scope, also when the test fails: else threads that wait for the flag would
/// keep a failed test from ending.
pub(crate) struct SetAtEnd<'a>(pub(crate) &'a std::sync::atomic::AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}
