//! Plain DNS over UDP, by our own engine: few sockets, hard to forge, quick to see a dead server.
//!
//! A reply over UDP proves nothing but that its sender knew what the query held, so the query holds as much
//! as possible that must be guessed (RFC 5452): a port of the kernel's random choice, a random id, and the
//! random case of the name's letters. Sockets are connected, so that the kernel drops what another address
//! sends, and says at once when nobody listens there (ICMP): a server that is down costs a round trip, not
//! a time-out.
//!
//! One socket for each query would be the most to guess and the most to pay: a descriptor, a port and
//! several system calls. Here a server has at most [`SOCKETS`] of them, a query takes one at random, and each is given up after
//! [`QUERIES`] queries or [`SECONDS`] seconds, whichever comes first. Who forges from afar must hit one of
//! some 28,000 ports and one of 65,536 ids within a round trip, as with one socket for each query; what is given
//! up is that a port once found out stays good for a while. Finding one out by its side effects means to
//! search the port range at the rate at which hosts send ICMP, which takes longer than a port lives, and the
//! letters of the name are still to be guessed then. In exchange 1,000 misses to a silent server hold eight
//! descriptors and not 1,000.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rand::{Rng, RngExt};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::error::Error;
use crate::config::limits;
use crate::message::outgoing::{Echo, restore_case};
use crate::message::{NameRef, Outgoing};

/// Sockets at most.
const SOCKETS: usize = limits::UPSTREAM_UDP_SOCKETS.default_usize();
/// Queries sent from one socket, unless all are busy.
const QUERIES: usize = limits::UPSTREAM_UDP_QUERIES.default_usize();
/// Age at which a socket is given up.
const SECONDS: u64 = limits::UPSTREAM_UDP_SECONDS.default;
/// Largest reply read; we announce 1232, and some servers do not care.
const BUFFER: usize = limits::UPSTREAM_UDP_REPLY.default_usize();
/// A query is sent again after this part of its time, and once more after three times as much.
const AGAIN_AFTER: u32 = 4;
/// Sent again at most so often.
const AGAIN: u32 = limits::UPSTREAM_UDP_AGAIN.default as u32;
/// Bounds on the first wait before a query is sent again.
const AGAIN_BOUNDS: (Duration, Duration) = (
    limits::UPSTREAM_UDP_SOONEST.default_time(),
    limits::UPSTREAM_UDP_LATEST.default_time(),
);
/// Replies in a row with changed letters after which the letters are left alone.
const MANGLED: u8 = limits::UPSTREAM_MANGLED.default as u8;
/// For how long they are.
const MANGLED_FOR: Duration = limits::UPSTREAM_MANGLED_TIME.default_time();
/// Tries to find an id that no query under way has.
const ID_TRIES: u32 = 64;

/// The sockets to one server, and what is known of its treatment of letters.
pub(super) struct Udp {
    slots: Mutex<[Slot; SOCKETS]>,
    letters: Mutex<Letters>,
}

/// The place of one socket.
type Slot = Weak<Port>;

#[derive(Default)]
struct Letters {
    /// Replies with changed letters, in a row.
    changed: u8,
    /// Until when the name goes out in lower case.
    alone_until: Option<Instant>,
}

/// One socket, read by a task of its own until it is given up.
struct Port {
    socket: UdpSocket,
    remote: SocketAddr,
    state: Mutex<State>,
    /// Wakes the task: look whether the socket is to be closed.
    look: Notify,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    /// Its time is over: no new query is sent from it.
    is_old: bool,
    sent: usize,
    ignored: u32,
    waiting: HashMap<u16, Waiting>,
}

struct Waiting {
    /// Tells it from a later query that got the same id.
    serial: usize,
    query: Outgoing,
    reply: oneshot::Sender<Result<Arrival, io::ErrorKind>>,
}

/// What came for a query.
enum Arrival {
    Reply(Vec<u8>),
    /// The reply, but with other letters than were sent.
    Changed,
}

/// A query that waits; it waits no longer when this goes.
struct Ticket {
    port: Arc<Port>,
    serial: usize,
    query: Outgoing,
    arrival: oneshot::Receiver<Result<Arrival, io::ErrorKind>>,
}

impl Udp {
    pub(super) fn new() -> Self {
        Udp {
            slots: Mutex::new([const { Weak::new() }; SOCKETS]),
            letters: Mutex::default(),
        }
    }

    /// Sends the query to `remote`, again while nothing comes, and gives the reply's bytes with the letters
    /// of `name`.
    pub(super) async fn ask(
        &self,
        remote: SocketAddr,
        name: NameRef<'_>,
        query: &Outgoing,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        let doing = || format!("udp to {remote}");
        let mut is_mixed = self.may_mix();
        loop {
            let mut query = query.clone();
            if is_mixed {
                query.mix_case(&rand::rng().random());
            }
            let ticket = self.register(remote, query);
            let mut ticket = ticket.map_err(|error| Error::unreachable(&doing(), &error))?;
            match ticket.wait(deadline).await {
                Ok(Some(Arrival::Reply(mut reply))) => {
                    if is_mixed {
                        self.note_letters(false);
                        restore_case(&mut reply, name);
                    }
                    return Ok(reply);
                }
                // Whoever forged this guessed port and id, and must guess both anew now. Were it accepted, the
                // letters would protect nobody.
                Ok(Some(Arrival::Changed)) if is_mixed => {
                    self.note_letters(true);
                    is_mixed = false;
                }
                Ok(Some(Arrival::Changed)) => return Err(Error::bad_reply("the question came back changed")),
                Ok(None) => return Err(Error::timed_out()),
                Err(kind) => return Err(Error::unreachable(&doing(), &kind.into())),
            }
        }
    }

    /// Gives up all sockets: the network is another.
    pub(super) fn close(&self) {
        for port in lock(&self.slots).iter_mut().filter_map(|slot| slot.upgrade()) {
            port.fail(io::ErrorKind::NetworkDown);
        }
    }

    fn may_mix(&self) -> bool {
        lock(&self.letters)
            .alone_until
            .is_none_or(|until| Instant::now() >= until)
    }

    fn note_letters(&self, are_changed: bool) {
        let mut letters = lock(&self.letters);
        if !are_changed {
            *letters = Letters::default();
            return;
        }
        letters.changed = letters.changed.saturating_add(1);
        if letters.changed >= MANGLED {
            letters.alone_until = Some(Instant::now() + MANGLED_FOR);
            letters.changed = 0;
        }
    }

    /// Takes a socket at random, or opens one in its place, and gives the query an id there.
    fn register(&self, remote: SocketAddr, query: Outgoing) -> io::Result<Ticket> {
        let mut slots = lock(&self.slots);
        let first = rand::rng().random_range(0..SOCKETS);
        let order = || (first..SOCKETS).chain(0..first);
        let mut query = query;
        for at in order() {
            let Some(port) = slots.get(at).and_then(Weak::upgrade) else {
                let port = Port::open(remote)?;
                if let Some(slot) = slots.get_mut(at) {
                    *slot = Arc::downgrade(&port);
                }
                return port
                    .register(query, true)
                    .map_err(|_| io::ErrorKind::AddrInUse.into());
            };
            match port.register_for(remote, query, false) {
                Ok(ticket) => return Ok(ticket),
                Err(back) => query = back,
            }
        }
        // All are used up and still wait: more than fits their share, but never more descriptors.
        for port in order().filter_map(|at| slots.get(at).and_then(Weak::upgrade)) {
            match port.register_for(remote, query, true) {
                Ok(ticket) => return Ok(ticket),
                Err(back) => query = back,
            }
        }
        Err(io::Error::other("all sockets to this upstream are busy"))
    }
}

impl Port {
    fn open(remote: SocketAddr) -> io::Result<Arc<Self>> {
        let kind = Type::DGRAM.nonblocking();
        let socket = Socket::new(Domain::for_address(remote), kind, Some(Protocol::UDP))?;
        // This also gives it a port of the kernel's random choice.
        socket.connect(&remote.into())?;
        let port = Arc::new(Port {
            socket: UdpSocket::from_std(socket.into())?,
            remote,
            state: Mutex::default(),
            look: Notify::new(),
        });
        tokio::spawn(read(Arc::clone(&port)));
        Ok(port)
    }

    /// Registers unless the socket leads elsewhere; gives the query back if not.
    fn register_for(
        self: Arc<Self>,
        remote: SocketAddr,
        query: Outgoing,
        even_if_used_up: bool,
    ) -> Result<Ticket, Outgoing> {
        if self.remote == remote {
            self.register(query, even_if_used_up)
        } else {
            Err(query)
        }
    }

    fn register(self: Arc<Self>, mut query: Outgoing, even_if_used_up: bool) -> Result<Ticket, Outgoing> {
        let mut state = lock(&self.state);
        if state.is_closed || (!even_if_used_up && Self::is_used_up(&state)) {
            return Err(query);
        }
        let mut ids = rand::rng();
        let free = (0..ID_TRIES)
            .map(|_| ids.next_u32() as u16)
            .find(|id| !state.waiting.contains_key(id));
        let Some(id) = free else { return Err(query) };
        query.set_id(id);
        let (reply, arrival) = oneshot::channel();
        state.sent += 1;
        let serial = state.sent;
        let waiting = Waiting {
            serial,
            query: query.clone(),
            reply,
        };
        state.waiting.insert(id, waiting);
        drop(state);
        Ok(Ticket {
            port: self,
            serial,
            query,
            arrival,
        })
    }

    fn is_used_up(state: &State) -> bool {
        state.is_old || state.sent >= QUERIES
    }

    /// Hands a datagram to the query that it answers. What answers none is counted and forgotten.
    fn take(&self, datagram: &[u8]) {
        let mut state = lock(&self.state);
        let id = datagram.first_chunk().map(|id| u16::from_be_bytes(*id));
        let found = id.and_then(|id| {
            state
                .waiting
                .get(&id)
                .map(|waiting| (id, waiting.query.echo(datagram)))
        });
        let (id, arrival) = match found {
            Some((id, Echo::Exact)) => (id, Some(Arrival::Reply(datagram.to_vec()))),
            Some((id, Echo::OtherCase)) => (id, Some(Arrival::Changed)),
            Some((id, Echo::NoQuestion)) => (id, None),
            Some((_, Echo::Other)) | None => {
                state.ignored = state.ignored.saturating_add(1);
                debug!(from = %self.remote, in_all = state.ignored, "ignored a datagram that answers nothing");
                return;
            }
        };
        if let Some(Waiting { query, reply, .. }) = state.waiting.remove(&id) {
            let arrival = arrival.unwrap_or_else(|| Arrival::Reply(query.complete(datagram)));
            let _ = reply.send(Ok(arrival));
        }
    }

    /// Tells all that wait, and closes the socket.
    fn fail(&self, kind: io::ErrorKind) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        for (_, waiting) in state.waiting.drain() {
            let _ = waiting.reply.send(Err(kind));
        }
        self.look.notify_one();
    }

    /// Closes the socket to new queries if it is used up and nobody waits.
    fn close_if_done(&self, is_old: bool) -> bool {
        let mut state = lock(&self.state);
        state.is_old = is_old;
        state.is_closed |= state.waiting.is_empty() && Self::is_used_up(&state);
        state.is_closed
    }
}

/// Reads one socket until it is given up.
async fn read(port: Arc<Port>) {
    let mut buffer = vec![0; BUFFER];
    let mut is_old = false;
    let mut old = pin!(sleep(Duration::from_secs(SECONDS)));
    while !port.close_if_done(is_old) {
        tokio::select! {
            biased;
            received = port.socket.recv(&mut buffer) => match received {
                Ok(len) => port.take(buffer.get(..len).unwrap_or_default()),
                Err(error) => port.fail(error.kind()),
            },
            () = port.look.notified() => {}
            () = &mut old, if !is_old => is_old = true,
        }
    }
}

impl Ticket {
    /// Sends, and again while nothing comes; `None` when the time is over.
    async fn wait(&mut self, deadline: Instant) -> Result<Option<Arrival>, io::ErrorKind> {
        let (least, most) = AGAIN_BOUNDS;
        let now = Instant::now();
        let mut pause = (deadline.saturating_duration_since(now) / AGAIN_AFTER).clamp(least, most);
        let mut next = now;
        for _ in 0..=AGAIN {
            self.send()?;
            next += pause;
            pause *= 2;
            if let Ok(arrival) = timeout_at(next.min(deadline), &mut self.arrival).await {
                // Nobody drops the sender but to close the socket.
                return arrival.unwrap_or(Err(io::ErrorKind::NotConnected)).map(Some);
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
        match timeout_at(deadline, &mut self.arrival).await {
            Ok(arrival) => arrival.unwrap_or(Err(io::ErrorKind::NotConnected)).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Sends now. Where the kernel has no room the query is lost, as any datagram may be, and sent again later.
    fn send(&self) -> Result<(), io::ErrorKind> {
        let query = self.query.as_bytes();
        let socket = SockRef::from(&self.port.socket);
        // The first call may give the ICMP error of an earlier query, and sends nothing then.
        let sent = match socket.send(query) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => socket.send(query),
            sent => sent,
        };
        match sent.map_err(|error| error.kind()) {
            Ok(_) | Err(io::ErrorKind::WouldBlock) => Ok(()),
            Err(kind) => Err(kind),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.port.state);
        if let Entry::Occupied(entry) = state.waiting.entry(self.query.id())
            && entry.get().serial == self.serial
        {
            entry.remove();
        }
        if state.waiting.is_empty() && Port::is_used_up(&state) {
            self.port.look.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
