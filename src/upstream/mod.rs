//! Asking upstreams: which, how long, and what counts as an answer.
//!
//! [`Upstreams::ask`] turns a question into a [`Fetched`]. Equal questions that wait at the same time are
//! asked once. Each route has servers and a strategy; [`crate::health`] says in which order they come. A
//! server that is slow gets a rival after a while, one that fails is followed by the next at once, and one
//! that failed before is probed beside the others until it is back: that is `flight`. [`ask`] says what can be asked.
//!
//! Below that, in reading order: `server` is one server; `udp` its plain sockets, `pool` its connections and
//! `dial` how one is made, to addresses from `bootstrap`; `stream` (TCP and TLS), `https`, `quic` and `h3` carry
//! messages; `tls` and `der` say whom to believe. All of them hand over the reply's bytes as they came. `network` is
//! what happens when the host's network is another. `web` uses the same for HTTPS to servers of another kind.

pub mod ask;
mod bootstrap;
#[cfg(feature = "tls")]
pub(crate) mod der;
mod dial;
#[cfg(feature = "dnssec")]
pub mod dnssec;
#[cfg(not(feature = "dnssec"))]
#[path = "dnssec_absent.rs"]
pub mod dnssec;
mod error;
mod flight;
#[cfg(feature = "h3")]
mod h3;
#[cfg(any(feature = "https", feature = "h3"))]
mod http;
#[cfg(feature = "https")]
mod https;
mod network;
mod pool;
#[cfg(feature = "quic")]
mod quic;
#[cfg(feature = "tls")]
pub(crate) mod roots;
mod server;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
mod udp;
#[cfg(feature = "acme")]
pub(crate) mod web;

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{UpstreamSpec, limits};
use crate::engine::Engine;
use crate::engine::fetch::{Failure, Fetched, Question};
use crate::health::{Health, Strategy};
use crate::message::{Name, Rtype};
use crate::nftset::Sets;
use crate::policy::screen::is_private;
use ask::Ask;
use dnssec::Validator;
pub use network::Change;
use server::Server;

/// Bounds of asking.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For how long a question may take in all.
    pub timeout: Duration,
    /// For how long one attempt at one server may take.
    pub attempt: Duration,
    /// Questions under way at most.
    pub outstanding: usize,
    /// Queries that may wait for them at most, equal ones counted each.
    pub waiting: usize,
}

/// One route: a domain, and whom to ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The domain as people see it; `.` for the default route.
    pub domain: String,
    /// Servers, in the order in which they are preferred.
    pub servers: Vec<UpstreamSpec>,
    /// How one is chosen.
    pub strategy: Strategy,
}

/// One route over whatever can be asked, for programs that embed this crate and for tests.
#[derive(Clone)]
pub struct RouteOver {
    /// See [`Route::domain`].
    pub domain: String,
    /// See [`Route::servers`]. One that serves several routes is given to each, and has one record.
    pub servers: Vec<Arc<dyn Ask>>,
    /// See [`Route::strategy`].
    pub strategy: Strategy,
}

/// A server as `dnsctl status` shows it.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// As configured.
    pub name: String,
    /// The route that it serves.
    pub domain: String,
    /// Whether it did not answer lately.
    pub is_failing: bool,
    /// Smoothed time to an answer in milliseconds.
    pub srtt_ms: Option<f32>,
}

/// Queries that may wait for each question that may be under way.
pub const WAITING_PER_OUTSTANDING: usize = limits::WAITING.default_usize();
/// A server that takes longer than this many times its usual time gets a rival.
const SLOW_FACTOR: f32 = 3.0;
/// A rival comes no sooner than this.
const SLOW_AT_LEAST: Duration = limits::UPSTREAM_RIVAL.default_time();
/// A rival comes when at the latest this part of an attempt's time is over.
const RIVAL_AFTER: u32 = 3;

/// Is called with the answer.
type Waiter = Box<dyn FnOnce(&Fetched) + Send>;

/// Who waits for one question.
#[derive(Default)]
struct Waiters {
    /// Nearly always the only one.
    first: Option<Waiter>,
    others: Vec<Waiter>,
}

/// So many of something at most, without a queue for those that find none left.
struct Places {
    free: AtomicUsize,
    all: usize,
}

/// A server with its record. One that serves several routes is one peer.
struct Peer {
    server: Arc<dyn Ask>,
    health: Mutex<Health>,
}

struct RouteOfPeers {
    domain: String,
    strategy: Strategy,
    /// Those of the default route may be replaced.
    peers: ArcSwap<Vec<Arc<Peer>>>,
    /// The domain as a name.
    origin: Name,
    /// A domain's own servers, all with private addresses: what they say of it is not public, so the public
    /// chain of trust does not lead to it.
    is_exempt: bool,
}

impl RouteOfPeers {
    fn servers(&self) -> Vec<ServerStatus> {
        let status = |peer: &Arc<Peer>| {
            let health = *peer.health();
            ServerStatus {
                name: peer.server.name(),
                domain: self.domain.clone(),
                is_failing: health.is_failing(),
                srtt_ms: health.srtt_ms(),
            }
        };
        self.peers.load().iter().map(status).collect()
    }
}

/// All upstream servers and the questions under way.
pub struct Upstreams {
    routes: Vec<RouteOfPeers>,
    limits: Limits,
    validator: Option<Validator>,
    sets: Option<Arc<Sets>>,
    outstanding: Places,
    lookups: Places,
    waiting: Places,
    under_way: Mutex<HashMap<Question, Waiters>>,
    /// Counts questions: the dice of exploration need no more chance than that.
    turn: AtomicU32,
    /// The moment from which milliseconds are counted.
    epoch: Instant,
}

impl Upstreams {
    /// Takes the routes by number: 0 is the default route. Certificates are checked by `clock`.
    ///
    /// # Errors
    /// What of a server cannot be used, such as a file of authorities that cannot be read.
    pub fn new(routes: &[Route], limits: Limits, clock: &Arc<Clock>) -> Result<Self, String> {
        let mut known: Vec<(&UpstreamSpec, Arc<dyn Ask>)> = Vec::new();
        let mut over = Vec::with_capacity(routes.len());
        for route in routes {
            let mut servers = Vec::with_capacity(route.servers.len());
            for spec in &route.servers {
                let found = known.iter().find(|(other, _)| *other == spec);
                let server = match found {
                    Some((_, server)) => Arc::clone(server),
                    None => {
                        let server = Server::new(spec.clone(), clock);
                        let server = server.map_err(|error| format!("upstream {spec}: {error}"))?;
                        let server: Arc<dyn Ask> = Arc::new(server);
                        known.push((spec, Arc::clone(&server)));
                        server
                    }
                };
                servers.push(server);
            }
            over.push(RouteOver {
                domain: route.domain.clone(),
                servers,
                strategy: route.strategy,
            });
        }
        let mut upstreams = Self::over(over, limits);
        for (known, route) in upstreams.routes.iter_mut().zip(routes) {
            known.is_exempt = is_exempt(route, &known.origin);
        }
        Ok(upstreams)
    }

    /// With a validator: what comes is validated.
    #[must_use]
    pub fn with_validator(mut self, validator: Option<Validator>) -> Self {
        self.validator = validator;
        self
    }

    /// With sets of the firewall: addresses go into them before they are answered.
    #[must_use]
    pub fn with_sets(mut self, sets: Option<Arc<Sets>>) -> Self {
        self.sets = sets;
        self
    }

    /// What validates replies, if anything does.
    #[must_use]
    pub fn validator(&self) -> Option<&Validator> {
        self.validator.as_ref()
    }

    /// Whether a private route answers for this name.
    #[cfg(feature = "dnssec")]
    fn is_exempt(&self, name: crate::message::NameRef<'_>) -> bool {
        let mut exempt = self.routes.iter().filter(|route| route.is_exempt);
        exempt.any(|route| name.is_at_or_below(route.origin.as_ref()))
    }

    /// The same over whatever can be asked.
    #[must_use]
    pub fn over(routes: Vec<RouteOver>, limits: Limits) -> Self {
        let mut known: Vec<Arc<Peer>> = Vec::new();
        let mut peer_of = |server: Arc<dyn Ask>| {
            let found = known.iter().find(|peer| Arc::ptr_eq(&peer.server, &server));
            found.cloned().unwrap_or_else(|| {
                let peer = Arc::new(Peer {
                    server,
                    health: Mutex::default(),
                });
                known.push(Arc::clone(&peer));
                peer
            })
        };
        let routes = routes
            .into_iter()
            .map(|route| RouteOfPeers {
                origin: origin_of(&route.domain),
                is_exempt: false,
                domain: route.domain,
                strategy: route.strategy,
                peers: ArcSwap::from_pointee(route.servers.into_iter().map(&mut peer_of).collect()),
            })
            .collect();
        Upstreams {
            routes,
            limits,
            validator: None,
            sets: None,
            outstanding: Places::new(limits.outstanding),
            lookups: Places::new(limits::DNSSEC_OUTSTANDING.default_usize()),
            waiting: Places::new(limits.waiting),
            under_way: Mutex::default(),
            turn: AtomicU32::new(1),
            epoch: Instant::now(),
        }
    }

    /// Has these servers serve the default route from now on; whether they are others than before. One that served it
    /// already keeps its record and its connections. What is under way ends with the server that was asked.
    ///
    /// # Errors
    /// What of a server cannot be used; nothing has changed then.
    pub fn replace_default(&self, servers: &[UpstreamSpec], clock: &Arc<Clock>) -> Result<bool, String> {
        let Some(route) = self.routes.first() else {
            return Ok(false);
        };
        let before = route.peers.load_full();
        let mut peers = Vec::with_capacity(servers.len());
        for spec in servers {
            let name = spec.to_string();
            let peer = match before.iter().find(|peer| peer.server.name() == name) {
                Some(peer) => Arc::clone(peer),
                None => {
                    let server = Server::new(spec.clone(), clock);
                    Arc::new(Peer {
                        server: Arc::new(server.map_err(|error| format!("upstream {spec}: {error}"))?),
                        health: Mutex::default(),
                    })
                }
            };
            peers.push(peer);
        }
        let is_same = before.len() == peers.len()
            && before
                .iter()
                .zip(&peers)
                .all(|(one, other)| Arc::ptr_eq(one, other));
        if !is_same {
            route.peers.store(Arc::new(peers));
        }
        Ok(!is_same)
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.are_all_free()
    }

    /// The domain of a route, as people see it.
    #[must_use]
    pub fn domain_of(&self, route: u16) -> &str {
        self.routes
            .get(usize::from(route))
            .map_or("?", |route| &route.domain)
    }

    /// Every server of every route.
    pub fn servers(&self) -> impl Iterator<Item = ServerStatus> {
        self.routes.iter().flat_map(RouteOfPeers::servers)
    }

    /// Every server of one route.
    pub fn servers_of(&self, route: u16) -> impl Iterator<Item = ServerStatus> {
        let route = self.routes.get(usize::from(route));
        route.into_iter().flat_map(RouteOfPeers::servers)
    }

    /// Asks, or waits with whoever asks the same already. `engine` takes the reply in; `started` is the
    /// moment from which it counts its seconds. `then` is called with the end of it, in a task of the question's
    /// own or at once, and should be quick: others may wait for the same.
    pub fn ask_then(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: Question,
        started: Instant,
        then: impl FnOnce(&Fetched) + Send + 'static,
    ) {
        if !self.waiting.take() {
            return then(&Fetched::Failed(question, Failure::Overloaded));
        }
        let upstreams = Arc::clone(self);
        let then = Box::new(move |fetched: &Fetched| {
            then(fetched);
            upstreams.waiting.give();
        });
        if let Err((Some(then), question)) = self.join(engine, question, started, Some(then)) {
            then(&Fetched::Failed(question, Failure::Overloaded));
        }
    }

    /// The same for who would rather wait.
    pub async fn ask(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: Question,
        started: Instant,
    ) -> Fetched {
        let (then, receiver) = herald();
        self.ask_then(engine, question.clone(), started, then);
        // The sender goes without a word only when the program ends.
        let ended = receiver.await;
        ended.unwrap_or(Fetched::Failed(question, Failure::Unreachable))
    }

    /// Asks without anybody waiting: the answer is for the cache.
    pub fn refresh(self: &Arc<Self>, engine: &Arc<Engine>, question: &Question, started: Instant) {
        let _ = self.join(engine, question.clone(), started, None);
    }

    /// Joins those that wait for the same answer, or starts to fetch it. Gives back who would wait if too much is
    /// under way.
    fn join(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: Question,
        started: Instant,
        waiter: Option<Waiter>,
    ) -> Result<(), (Option<Waiter>, Question)> {
        let mut under_way = self.lock();
        let entry = match under_way.entry(question) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().push(waiter);
                return Ok(());
            }
            Entry::Vacant(entry) => entry,
        };
        if !self.places_for(entry.key()).take() {
            return Err((waiter, entry.into_key()));
        }
        let question = entry.key().clone();
        entry.insert(Waiters::default()).push(waiter);
        drop(under_way);
        let (upstreams, engine) = (Arc::clone(self), Arc::clone(engine));
        // A task of its own: a client that goes away does not take the others' answer with it.
        tokio::spawn(async move {
            let deliver = |fetched: Fetched| {
                let is_answer =
                    matches!(&fetched, Fetched::Reply(_, message) if message.as_ref().is_answer());
                if !is_answer {
                    engine.note_failure(&fetched, started.elapsed().as_secs() as u32);
                }
                let waiters = upstreams.lock().remove(&question);
                waiters.unwrap_or_default().tell(&fetched);
            };
            upstreams.fetch(&engine, &question, started, deliver).await;
            // Not before the last attempt has ended: each may hold a descriptor.
            upstreams.places_for(&question).give();
        });
        Ok(())
    }

    /// What bounds this question. The look-ups of validation have places of their own: questions that wait for
    /// them must not have taken the last.
    fn places_for(&self, question: &Question) -> &Places {
        let is_lookup = question.checking_disabled && matches!(question.rtype, Rtype::DS | Rtype::DNSKEY);
        if is_lookup {
            &self.lookups
        } else {
            &self.outstanding
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Waiters>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

impl Waiters {
    fn push(&mut self, waiter: Option<Waiter>) {
        if self.first.is_none() {
            self.first = waiter;
        } else {
            self.others.extend(waiter);
        }
    }

    fn tell(self, fetched: &Fetched) {
        for waiter in self.first.into_iter().chain(self.others) {
            waiter(fetched);
        }
    }
}

impl Places {
    fn new(all: usize) -> Self {
        Places {
            free: AtomicUsize::new(all),
            all,
        }
    }

    /// Takes one, if one is left.
    fn take(&self) -> bool {
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1));
        taken.is_ok()
    }

    /// Gives one back.
    fn give(&self) {
        self.free.fetch_add(1, Ordering::AcqRel);
    }

    fn are_all_free(&self) -> bool {
        self.free.load(Ordering::Acquire) == self.all
    }
}

impl Peer {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waiter that tells a task.
fn herald() -> (Waiter, oneshot::Receiver<Fetched>) {
    let (sender, receiver) = oneshot::channel();
    let tell = Box::new(move |fetched: &Fetched| {
        let _ = sender.send(fetched.clone());
    });
    (tell, receiver)
}

/// See [`RouteOfPeers::is_exempt`]. The default route is none: a house's only upstream is often the modem.
fn is_exempt(route: &Route, origin: &Name) -> bool {
    let is_private = |server: &UpstreamSpec| {
        let addresses = server.fixed_addresses();
        !addresses.is_empty() && addresses.iter().all(|addr| is_private(addr.ip()))
    };
    !origin.as_ref().is_root() && route.servers.iter().all(is_private)
}

/// The domain of a route as a name: people also see a view's mark behind it.
fn origin_of(domain: &str) -> Name {
    let domain = domain.split(' ').next().unwrap_or(".");
    domain.parse().unwrap_or_else(|_| Name::root())
}
