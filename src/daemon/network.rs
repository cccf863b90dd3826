//! Notices that the host's network is another: an address, a default route or a link came or went.
//!
//! A netlink socket (rtnetlink(7)) hears of every change. Many come at once and most mean nothing: [`netlink`]
//! reads what can matter, [`picture`] knows what was so already. After the first that matters the rest of the
//! burst is waited for, for a bounded time, and the whole is looked at once more: what the kernel does not tell one by
//! one, such as the routes that go with a link, is seen then. What follows is [`super::reconnect`]'s and
//! [`super::presence`]'s business.
//!
//! Where the kernel does not let us (some containers), that is said once, and nobody watches.

mod netlink;
mod picture;

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use crate::config::limits;
use crate::interfaces::{self, DATAGRAM, receive};
use crate::netlink::route::List;
use netlink::{GROUPS, Told};
use picture::{Cause, Causes, Picture};

/// How long nothing must happen before a burst counts as over.
const QUIET: Duration = limits::NETWORK_QUIET.default_time();
/// How long a burst is waited for at most.
const BURST: Duration = limits::NETWORK_BURST.default_time();
/// How long reading the whole may take.
const PATIENCE: Duration = limits::NETWORK_LOOK.default_time();
/// How much of the lists is read. A router of the Internet's core has more routes than that.
const LISTED: usize = limits::NETWORK_LISTED.default_usize();

/// Hears of changes of the network.
pub(super) struct Watcher {
    events: AsyncFd<OwnedFd>,
    picture: Picture,
}

impl Watcher {
    /// Begins to listen; nobody watches where the kernel does not let us, and the log says so.
    pub(super) async fn start() -> Option<Self> {
        Self::open().await.map_err(|error| warn_of(&error)).ok()
    }

    async fn open() -> io::Result<Self> {
        // The socket first: what changes while we look is heard.
        let events = open(GROUPS)?;
        let picture = look().await?;
        Ok(Watcher { events, picture })
    }

    /// Calls `changed` at each change with a word on what happened. Ends only when nothing can be heard any more.
    pub(super) async fn watch(self, changed: impl Fn(&str)) {
        let changed = |causes: &Causes| changed(&format!("network changed ({causes})"));
        warn_of(&self.run(changed).await);
    }

    /// Calls `changed` for each change; gives the error that ends it.
    async fn run(mut self, changed: impl Fn(&Causes)) -> io::Error {
        loop {
            let mut causes = Causes::default();
            if let Err(error) = self.hear(&mut causes).await {
                return error;
            }
            let end = Instant::now() + BURST;
            loop {
                let until = end.min(Instant::now() + QUIET);
                match timeout_at(until, self.hear(&mut causes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return error,
                    Err(_) => break,
                }
            }
            match look().await {
                Ok(picture) => {
                    causes.0.extend(self.picture.differences(&picture).0);
                    self.picture = picture;
                }
                Err(error) => debug!("cannot read the network as a whole: {error}"),
            }
            if !causes.0.is_empty() {
                changed(&causes);
            }
        }
    }

    /// Waits until something is told that matters. May be dropped at any time: what was told is in the picture
    /// and in `causes`.
    async fn hear(&mut self, causes: &mut Causes) -> io::Result<()> {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let mut ready = self.events.readable().await?;
            let len = match ready.try_io(|socket| receive(socket.get_ref(), &mut buffer)) {
                Ok(Ok(len)) => len,
                Ok(Err(error)) if is_overrun(&error) => {
                    causes.0.insert(Cause::Lost);
                    return Ok(());
                }
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => continue,
            };
            let mut matters = false;
            for told in netlink::read(buffer.get(..len).unwrap_or_default()) {
                let cause = self.picture.apply(told);
                match cause {
                    Some(cause) => drop(causes.0.insert(cause)),
                    None => debug!("nothing new of the network: {told}"),
                }
                // What cannot be read may have been anything: a look at the whole tells.
                matters |= cause.is_some() || told == Told::Unclear;
            }
            if matters {
                return Ok(());
            }
        }
    }
}

fn warn_of(error: &io::Error) {
    warn!("changes of the network are not noticed: {error}; after one, run `dnsctl reconnect`");
}

/// A netlink socket that hears these groups.
fn open(groups: u32) -> io::Result<AsyncFd<OwnedFd>> {
    let socket = interfaces::open(groups, SocketFlags::NONBLOCK)?;
    // Its successor is unsafe to call, because a type may lie about its descriptor; `OwnedFd` does not.
    #[allow(deprecated)]
    AsyncFd::new(socket)
}

/// Whether the kernel had to throw away what we did not take.
fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error())
}

/// Reads the links, addresses and default routes as they are now.
async fn look() -> io::Result<Picture> {
    let looking = async {
        let socket = open(0)?;
        let mut picture = Picture::default();
        let mut left = LISTED;
        for list in List::ALL {
            rustix::net::send(socket.get_ref(), &list.request(0), SendFlags::empty())?;
            left = read_list(&socket, &mut picture, left).await?;
        }
        Ok(picture)
    };
    timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Reads one list, so many bytes of it; how many are left.
async fn read_list(socket: &AsyncFd<OwnedFd>, picture: &mut Picture, mut left: usize) -> io::Result<usize> {
    let mut buffer = vec![0; DATAGRAM];
    // Default routes come first in their tables: what is left out is of no concern.
    while left > 0 {
        let mut ready = socket.readable().await?;
        let Ok(received) = ready.try_io(|socket| receive(socket.get_ref(), &mut buffer)) else {
            continue;
        };
        let len = received?;
        left = left.saturating_sub(len.max(1));
        for told in netlink::read(buffer.get(..len).unwrap_or_default()) {
            match told {
                Told::End => return Ok(left),
                Told::Refused(code) => return Err(io::Error::from_raw_os_error(code)),
                told => drop(picture.apply(told)),
            }
        }
    }
    Ok(left)
}
