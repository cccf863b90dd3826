//! The service manager: systemd, or whoever speaks as it does.
//!
//! It is told when we answer, read everything again, and stop (`sd_notify`); it gets a sign of life as often as it
//! wants one, which every worker must have had a part in; and sockets that it opened for us take the place of those
//! that we would open. All of it is asked for in the environment, and nothing happens where it is not.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

use super::worker::Pulse;
use crate::config::{ListenScheme, ListenUrl, limits};
use crate::serve::bind::{self, Given};

/// So many sockets are taken.
const MAX_GIVEN: usize = limits::GIVEN_SOCKETS.default_usize();
/// The names of sockets (`FileDescriptorName=`) for each thing that is spoken; `-private` makes it private-only.
const NAMES: [(&str, ListenScheme); 6] = [
    ("dns", ListenScheme::Plain),
    ("tls", ListenScheme::Tls),
    ("https", ListenScheme::Https),
    ("quic", ListenScheme::Quic),
    ("h3", ListenScheme::H3),
    ("http", ListenScheme::Http),
];

/// Whom to tell, and how often.
pub(super) struct Manager {
    to: Option<UnixAddr>,
    /// Half of the time after which we would be taken for dead.
    beat: Option<Duration>,
}

impl Manager {
    /// The manager that the environment names. A name that is none is told, and nobody else.
    pub(super) fn of_environment() -> Self {
        let to = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let to = to.and_then(|name| {
            let bytes = name.as_bytes();
            let addr = match bytes.split_first() {
                Some((b'@', rest)) => UnixAddr::from_abstract_name(rest),
                _ => UnixAddr::from_pathname(&name),
            };
            let told =
                |error| warn!("the service manager cannot be told of anything: NOTIFY_SOCKET: {error}");
            addr.map_err(told).ok()
        });
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_for_us = env::var_os("WATCHDOG_PID").is_none()
            || number("WATCHDOG_PID") == Some(u64::from(std::process::id()));
        let beat = number("WATCHDOG_USEC").filter(|micros| is_for_us && *micros > 0);
        Manager {
            beat: beat
                .filter(|_| to.is_some())
                .map(|micros| Duration::from_micros((micros / 2).max(1))),
            to,
        }
    }

    /// All listeners answer.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// Everything is read again; `ready` follows.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// No query is taken any more.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    /// Gives signs of life for as long as every worker answers. Never ends.
    pub(super) async fn live(&self, mut pulse: Pulse) {
        if let Some(beat) = self.beat {
            let mut due = tokio::time::interval(beat);
            due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                due.tick().await;
                // Where one hangs this waits, and the manager starts us anew.
                pulse.feel().await;
                self.tell("WATCHDOG=1");
            }
        }
        std::future::pending::<()>().await;
    }

    /// A manager that does not listen is none of our troubles: nothing waits for it.
    fn tell(&self, state: &str) {
        let Some(to) = &self.to else { return };
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        if let Err(error) = socket.and_then(|socket| socket.send_to_addr(state.as_bytes(), to)) {
            warn!(
                "the service manager was not told `{}`: {error}",
                state.replace('\n', " ")
            );
        }
    }
}

/// Sockets that were handed over, by what is spoken there.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    listeners: Vec<(ListenUrl, Vec<Given>)>,
}

impl Inherited {
    /// Takes the sockets that the environment speaks of. To be called once, before there are threads.
    ///
    /// # Errors
    /// Where one of them is not what its name says, and what to write.
    pub(super) fn take() -> Result<Self, String> {
        let text = |name| env::var(name).unwrap_or_default();
        if text("LISTEN_PID").parse() != Ok(std::process::id()) {
            return Ok(Self::default());
        }
        let names = text("LISTEN_FDNAMES");
        let count = text("LISTEN_FDS");
        let count = count
            .parse::<usize>()
            .ok()
            .filter(|count| *count <= MAX_GIVEN)
            .ok_or_else(|| format!("LISTEN_FDS={count}: expected a number up to {MAX_GIVEN}"))?;
        let mut names = names.split(':');
        let mut all = ListenFd::from_env();
        let mut inherited = Self::default();
        for at in 0..count.min(all.len()) {
            let name = names.next().unwrap_or_default();
            inherited.add(name, take(&mut all, at).map_err(|error| defect(name, &error))?)?;
        }
        inherited.check()?;
        Ok(inherited)
    }

    fn add(&mut self, name: &str, given: Given) -> Result<(), String> {
        let (word, private_only) = match name.strip_suffix("-private") {
            Some(word) => (word, true),
            None => (name, false),
        };
        let Some((_, scheme)) = NAMES.iter().find(|(known, _)| *known == word) else {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "the service manager handed over a socket with the name `{name}`; expected FileDescriptorName= one of \
                 {}, with -private behind it for devices only",
                known.join(", ")
            ));
        };
        let is_udp = matches!(given, Given::Udp(_));
        if is_udp && !scheme.takes_udp() || !is_udp && !scheme.takes_tcp() {
            let right = if is_udp { "ListenStream" } else { "ListenDatagram" };
            return Err(defect(
                name,
                &format!("it is of the wrong kind; expected {right}="),
            ));
        }
        let url = ListenUrl {
            scheme: *scheme,
            addr: given.prepare().map_err(|error| defect(name, &error))?,
            private_only,
        };
        match self.listeners.iter_mut().find(|(other, _)| *other == url) {
            Some((_, sockets)) => sockets.push(given),
            None => self.listeners.push((url, vec![given])),
        }
        Ok(())
    }

    /// Plain DNS is one thing of two sockets.
    fn check(&self) -> Result<(), String> {
        for (url, sockets) in &self.listeners {
            let udp = sockets
                .iter()
                .filter(|given| matches!(given, Given::Udp(_)))
                .count();
            let tcp = sockets.len() - udp;
            let expected = (
                usize::from(url.scheme.takes_udp()),
                usize::from(url.scheme.takes_tcp()),
            );
            if (udp, tcp) != expected {
                return Err(format!(
                    "the service manager handed over {udp} sockets of UDP and {tcp} of TCP for {url}; expected {} and \
                     {}: ListenDatagram= and ListenStream= for plain DNS",
                    expected.0, expected.1
                ));
            }
        }
        Ok(())
    }

    /// Whether such listeners were handed over, so that none is to be opened.
    pub(super) fn has(&self, wanted: &ListenUrl) -> bool {
        let is_such =
            |url: &ListenUrl| (url.scheme, url.private_only) == (wanted.scheme, wanted.private_only);
        self.listeners.iter().any(|(url, _)| is_such(url))
    }

    /// The listeners for so many workers.
    ///
    /// # Errors
    /// If the configuration has no such listener, or a socket cannot be shared.
    pub(super) fn listeners(
        &self,
        listen: &[ListenUrl],
        workers: usize,
    ) -> Result<Vec<bind::Listener>, String> {
        let one = |(url, sockets): &(ListenUrl, Vec<Given>)| {
            let is_such =
                |other: &&ListenUrl| (other.scheme, other.private_only) == (url.scheme, url.private_only);
            if !listen.iter().any(|other| is_such(&other)) {
                let private = if url.private_only { " (private-only)" } else { "" };
                return Err(format!(
                    "the service manager handed over a socket for {url}{private}, and `listen` names no such listener; \
                     add one, at whatever address"
                ));
            }
            bind::adopt(*url, sockets, workers)
                .map_err(|error| format!("cannot share the socket of {url}: {error}"))
        };
        self.listeners.iter().map(one).collect()
    }
}

fn defect(name: &str, why: &dyn std::fmt::Display) -> String {
    format!("the socket `{name}` that the service manager handed over cannot be used: {why}")
}

fn take(all: &mut ListenFd, at: usize) -> std::io::Result<Given> {
    // One that is not of UDP stays where it is.
    if let Ok(Some(socket)) = all.take_udp_socket(at) {
        return Ok(Given::Udp(socket));
    }
    match all.take_tcp_listener(at)? {
        Some(socket) => Ok(Given::Tcp(socket)),
        None => Err(std::io::Error::other("it is no socket")),
    }
}
