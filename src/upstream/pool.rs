//! The connections to one server: made once for all that wait, shared, counted, closed when silent.
//!
//! At most [`CONNECTIONS`] of them are open, the second only while the first is full. However many queries
//! come at once, one connection is being made at a time, by a task that outlives the query that wanted it: a
//! query that is answered elsewhere meanwhile must not undo a handshake. A connection that ends while a
//! query waits on it is an accident when it was used before (servers close idle ones, and the last query
//! may cross that); such a query is sent once more on a new connection (RFC 7766, 6.2.4). So is one that waits
//! when the network changes: nothing will come on the connections of the old one.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use super::dial::{Dialer, Link};
use super::error::{Error, Kind};
use crate::config::limits;
use crate::message::Outgoing;

/// Connections at most.
const CONNECTIONS: usize = limits::UPSTREAM_CONNECTIONS.default_usize();
/// Queries on one connection at most.
const PIPELINE: usize = limits::UPSTREAM_PIPELINE.default_usize();
/// Silence after which a connection is closed.
const IDLE: Duration = Duration::from_secs(limits::UPSTREAM_IDLE.default);
/// Queries in a row that may go without a reply before the connection counts as lost. The path under a
/// connection can go without a word, and what waits on it is often given up before its time.
const UNANSWERED: u32 = limits::UPSTREAM_UNANSWERED.default as u32;

/// What there is to know of how a connection came to be: nothing yet, or its end.
type News = watch::Receiver<Option<Result<(), Error>>>;

/// All connections to one server.
pub(super) struct Pool {
    dialer: Arc<Dialer>,
    idle: Duration,
    state: Mutex<State>,
    places: Semaphore,
    /// Wakes all that wait on the connections of a network that is gone.
    moved: Notify,
}

#[derive(Default)]
struct State {
    members: Vec<Arc<Member>>,
    connecting: Option<News>,
    /// Counts the networks that we were in: what was begun in an earlier one is of no use.
    network: u32,
}

/// One connection.
struct Member {
    link: Link,
    busy: AtomicU32,
    unanswered: AtomicU32,
    is_lost: AtomicBool,
    was_used: AtomicBool,
    last_used: Mutex<Instant>,
}

/// One query's place on a connection.
struct Lease<'p> {
    member: Arc<Member>,
    /// Whether the connection carried a query before.
    is_reused: bool,
    got_reply: bool,
    _place: SemaphorePermit<'p>,
}

impl Pool {
    pub(super) fn new(dialer: Arc<Dialer>) -> Arc<Self> {
        Self::with_idle(dialer, IDLE)
    }

    pub(super) fn with_idle(dialer: Arc<Dialer>, idle: Duration) -> Arc<Self> {
        Arc::new(Pool {
            dialer,
            idle,
            state: Mutex::default(),
            places: Semaphore::new(CONNECTIONS * PIPELINE),
            moved: Notify::new(),
        })
    }

    /// Asks on an open connection, or on a new one.
    pub(super) async fn ask(self: &Arc<Self>, query: &Outgoing, deadline: Instant) -> Result<Vec<u8>, Error> {
        let mut is_last = false;
        loop {
            let mut lease = self.lease(deadline).await?;
            let result = tokio::select! {
                biased;
                result = within(deadline, lease.member.link.exchange(query)) => result,
                () = self.moved_from(&lease.member), if !is_last => {
                    is_last = true;
                    continue;
                }
            };
            match result {
                Ok(reply) => {
                    lease.got_reply = true;
                    return Ok(reply);
                }
                Err(error) => {
                    if lease.member.link.is_dead() || error.kind == Kind::Unreachable {
                        lease.member.is_lost.store(true, Ordering::Release);
                        if lease.is_reused && !is_last {
                            is_last = true;
                            continue;
                        }
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Gives up all connections, also one that is being made: the network is another. What waits there is sent
    /// anew.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.network = state.network.wrapping_add(1);
        state.connecting = None;
        for member in state.members.drain(..) {
            member.is_lost.store(true, Ordering::Release);
        }
        self.moved.notify_waiters();
    }

    /// Waits until the network of this connection is gone.
    async fn moved_from(&self, member: &Member) {
        let moved = self.moved.notified();
        // What happened before the line above woke nobody here.
        if !member.is_lost.load(Ordering::Acquire) {
            moved.await;
        }
    }

    /// A place on a connection that is open or being made.
    async fn lease(self: &Arc<Self>, deadline: Instant) -> Result<Lease<'_>, Error> {
        let place = timeout_at(deadline, self.places.acquire()).await;
        // The semaphore is never closed.
        let Ok(Ok(place)) = place else {
            return Err(Error::timed_out());
        };
        loop {
            let moved = self.moved.notified();
            let (mut news, network) = {
                let mut state = self.lock();
                if let Some((member, is_reused)) = state.pick() {
                    return Ok(Lease {
                        member,
                        is_reused,
                        got_reply: false,
                        _place: place,
                    });
                }
                let news = match &state.connecting {
                    Some(news) => news.clone(),
                    None => self.connect(&mut state, deadline),
                };
                (news, state.network)
            };
            let end = tokio::select! {
                biased;
                end = timeout_at(deadline, news.wait_for(Option::is_some)) => end,
                () = moved => continue,
            };
            let error = match end {
                Err(_) => return Err(Error::timed_out()),
                // The sender goes without a word only when the program ends.
                Ok(Err(_)) => return Err(Error::closed()),
                Ok(Ok(end)) => match &*end {
                    Some(Err(error)) => error.clone(),
                    _ => continue,
                },
            };
            // Whoever was connecting may have heard of another network, and ended, before we did.
            if self.lock().network == network {
                return Err(error);
            }
        }
    }

    /// Starts to make a connection.
    fn connect(self: &Arc<Self>, state: &mut State, deadline: Instant) -> News {
        let (sender, news) = watch::channel(None);
        state.connecting = Some(news.clone());
        let (pool, network) = (Arc::clone(self), state.network);
        tokio::spawn(async move {
            let moved = async {
                let moved = pool.moved.notified();
                if pool.lock().network == network {
                    moved.await;
                }
            };
            let late = |_| {
                let message = format!("no connection to {} in time", pool.dialer);
                Err(Error::new(Kind::TimedOut, message))
            };
            let dialed = tokio::select! {
                dialed = timeout_at(deadline, pool.dialer.dial()) => dialed.unwrap_or_else(late),
                () = moved => Err(Error::closed()),
            };
            let end = {
                let mut state = pool.lock();
                let is_current = state.network == network;
                if is_current {
                    state.connecting = None;
                }
                match dialed {
                    Ok(link) if is_current => {
                        let member = Arc::new(Member::new(link));
                        state.members.push(Arc::clone(&member));
                        let (pool, member, idle) =
                            (Arc::downgrade(&pool), Arc::downgrade(&member), pool.idle);
                        tokio::spawn(close_when_idle(pool, member, idle));
                        Ok(())
                    }
                    Ok(_) => Err(Error::closed()),
                    Err(error) => {
                        debug!(server = %pool.dialer, %error, "cannot connect");
                        Err(error)
                    }
                }
            };
            let _ = sender.send(Some(end));
        });
        news
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first connection with a free place; those that ended are forgotten. A second one is opened only
    /// when this gives none.
    fn pick(&mut self) -> Option<(Arc<Member>, bool)> {
        self.members.retain(|member| !member.is_over());
        let free = |member: &&Arc<Member>| (member.busy.load(Ordering::Acquire) as usize) < PIPELINE;
        let member = self.members.iter().find(free)?;
        member.busy.fetch_add(1, Ordering::AcqRel);
        let is_reused = member.was_used.swap(true, Ordering::AcqRel);
        Some((Arc::clone(member), is_reused))
    }
}

impl Member {
    fn new(link: Link) -> Self {
        Member {
            link,
            busy: AtomicU32::new(0),
            unanswered: AtomicU32::new(0),
            is_lost: AtomicBool::new(false),
            was_used: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
        }
    }

    fn is_over(&self) -> bool {
        self.is_lost.load(Ordering::Acquire) || self.link.is_dead()
    }

    fn last_used(&self) -> MutexGuard<'_, Instant> {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        *self.member.last_used() = Instant::now();
        if self.got_reply {
            self.member.unanswered.store(0, Ordering::Release);
        } else if self.member.unanswered.fetch_add(1, Ordering::AcqRel) + 1 >= UNANSWERED {
            self.member.is_lost.store(true, Ordering::Release);
        }
        self.member.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Takes a connection out of the pool, and with that closes it, when it was silent for long or has ended.
async fn close_when_idle(pool: Weak<Pool>, member: Weak<Member>, idle: Duration) {
    loop {
        let Some(wake) = member.upgrade().map(|member| *member.last_used() + idle) else {
            return;
        };
        sleep_until(wake).await;
        let (Some(pool), Some(member)) = (pool.upgrade(), member.upgrade()) else {
            return;
        };
        let mut state = pool.lock();
        let is_idle =
            member.busy.load(Ordering::Acquire) == 0 && *member.last_used() + idle <= Instant::now();
        if is_idle || member.is_over() {
            state.members.retain(|other| !Arc::ptr_eq(other, &member));
            return;
        }
        // What is busy for longer than this is looked at again when it may be silent.
        if member.busy.load(Ordering::Acquire) > 0 {
            *member.last_used() = Instant::now();
        }
    }
}

async fn within<T>(deadline: Instant, doing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout_at(deadline, doing)
        .await
        .unwrap_or_else(|_| Err(Error::timed_out()))
}
