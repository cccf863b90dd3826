//! Asking upstreams: which, how long, and what counts as an answer.
//!
//! [`Upstreams::ask`] turns a question into a [`Fetched`]. Equal questions that wait at the same time are
//! asked once. Each route has servers and a strategy; [`crate::health`] says in which order they come. A
//! server that is slow gets a rival after a while, one that fails is followed by the next at once, and one
//! that failed before is probed beside the others until it is back. [`ask`] says what can be asked.
//!
//! Below that, in reading order: `server` is one server; `udp` its plain sockets, `pool` its connections and
//! `dial` how one is made, to addresses from `bootstrap`; `stream` (TCP and TLS), `https`, `quic` and `h3` carry
//! messages; `tls` and `der` say whom to believe. All of them hand over the reply's bytes as they came.

pub mod ask;
mod bootstrap;
#[cfg(feature = "tls")]
mod der;
mod dial;
#[cfg(feature = "dnssec")]
pub mod dnssec;
#[cfg(not(feature = "dnssec"))]
#[path = "dnssec_absent.rs"]
pub mod dnssec;
mod error;
#[cfg(feature = "h3")]
mod h3;
#[cfg(any(feature = "https", feature = "h3"))]
mod http;
#[cfg(feature = "https")]
mod https;
mod pool;
#[cfg(feature = "quic")]
mod quic;
mod server;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
mod udp;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use crate::config::{UpstreamSpec, limits};
use crate::engine::Engine;
use crate::engine::fetch::{Failure, Fetched, Proven, Question};
use crate::health::{self, Health, Strategy};
use crate::message::{Name, Rtype};
use crate::policy::screen::is_private;
use ask::{Answered, Ask, Unanswered};
use dnssec::Validator;
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
const SLOW_AT_LEAST: Duration = Duration::from_millis(100);
/// A rival comes when at the latest this part of an attempt's time is over.
const RIVAL_AFTER: u32 = 3;

type Waiter = watch::Receiver<Option<Arc<Fetched>>>;

/// A server with its record. One that serves several routes is one peer.
struct Peer {
    server: Arc<dyn Ask>,
    health: Mutex<Health>,
}

struct RouteOfPeers {
    domain: String,
    strategy: Strategy,
    peers: Vec<Arc<Peer>>,
    /// The domain as a name.
    origin: Name,
    /// A domain's own servers, all with private addresses: what they say of it is not public, so the public
    /// chain of trust does not lead to it.
    is_exempt: bool,
}

impl RouteOfPeers {
    fn servers(&self) -> impl Iterator<Item = ServerStatus> {
        self.peers.iter().map(|peer| {
            let health = *peer.health();
            ServerStatus {
                name: peer.server.name(),
                domain: self.domain.clone(),
                is_failing: health.is_failing(),
                srtt_ms: health.srtt_ms(),
            }
        })
    }
}

/// All upstream servers and the questions under way.
pub struct Upstreams {
    routes: Vec<RouteOfPeers>,
    limits: Limits,
    validator: Option<Validator>,
    outstanding: Semaphore,
    lookups: Semaphore,
    waiting: Semaphore,
    under_way: Mutex<HashMap<Question, Waiter>>,
    /// Counts questions: the dice of exploration need no more chance than that.
    turn: AtomicU32,
    /// The moment from which milliseconds are counted.
    epoch: Instant,
}

impl Upstreams {
    /// Takes the routes by number: 0 is the default route.
    ///
    /// # Errors
    /// What of a server cannot be used, such as a file of authorities that cannot be read.
    pub fn new(routes: &[Route], limits: Limits) -> Result<Self, String> {
        let mut known: Vec<(&UpstreamSpec, Arc<dyn Ask>)> = Vec::new();
        let mut over = Vec::with_capacity(routes.len());
        for route in routes {
            let mut servers = Vec::with_capacity(route.servers.len());
            for spec in &route.servers {
                let found = known.iter().find(|(other, _)| *other == spec);
                let server = match found {
                    Some((_, server)) => Arc::clone(server),
                    None => {
                        let server = Server::new(spec.clone());
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
                peers: route.servers.into_iter().map(&mut peer_of).collect(),
            })
            .collect();
        Upstreams {
            routes,
            limits,
            validator: None,
            outstanding: Semaphore::new(limits.outstanding),
            lookups: Semaphore::new(limits::DNSSEC_OUTSTANDING.default_usize()),
            waiting: Semaphore::new(limits.waiting),
            under_way: Mutex::default(),
            turn: AtomicU32::new(1),
            epoch: Instant::now(),
        }
    }

    /// Drops all connections, and forgets who failed: both belong to a network that is gone.
    pub fn network_changed(&self) {
        for peer in self.routes.iter().flat_map(|route| &route.peers) {
            peer.server.network_changed();
            peer.health().forgive();
        }
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.available_permits() == self.limits.waiting
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
    /// moment from which it counts its seconds.
    pub async fn ask(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: Question,
        started: Instant,
    ) -> Arc<Fetched> {
        let failed = |failure| Arc::new(Fetched::Failed(question.clone(), failure));
        let Ok(_place) = self.waiting.try_acquire() else {
            return failed(Failure::Overloaded);
        };
        let Some(mut waiter) = self.join(engine, &question, started) else {
            return failed(Failure::Overloaded);
        };
        // The sender goes only after it sent, or when the program ends.
        let Ok(fetched) = waiter.wait_for(Option::is_some).await else {
            return failed(Failure::Unreachable);
        };
        fetched
            .as_ref()
            .map_or_else(|| failed(Failure::Unreachable), Arc::clone)
    }

    /// Asks without anybody waiting: the answer is for the cache.
    pub fn refresh(self: &Arc<Self>, engine: &Arc<Engine>, question: &Question, started: Instant) {
        let _ = self.join(engine, question, started);
    }

    /// Joins those that wait for the same answer, or starts to fetch it; `None` if too much is under way.
    fn join(self: &Arc<Self>, engine: &Arc<Engine>, question: &Question, started: Instant) -> Option<Waiter> {
        let mut under_way = self.lock();
        if let Some(waiter) = under_way.get(question) {
            return Some(waiter.clone());
        }
        self.slots(question).try_acquire().ok()?.forget();
        let (sender, waiter) = watch::channel(None);
        under_way.insert(question.clone(), waiter.clone());
        let (upstreams, engine, question) = (Arc::clone(self), Arc::clone(engine), question.clone());
        // A task of its own: a client that goes away does not take the others' answer with it.
        tokio::spawn(async move {
            let deliver = |fetched: Fetched| {
                let is_answer =
                    matches!(&fetched, Fetched::Reply(_, message) if message.as_ref().is_answer());
                if !is_answer {
                    engine.note_failure(&fetched, started.elapsed().as_secs() as u32);
                }
                upstreams.lock().remove(&question);
                let _ = sender.send(Some(Arc::new(fetched)));
            };
            upstreams.fetch(&engine, &question, started, deliver).await;
            // Not before the last attempt has ended: each may hold a descriptor.
            upstreams.slots(&question).add_permits(1);
        });
        Some(waiter)
    }

    /// What bounds this question. The look-ups of validation have places of their own: questions that wait for
    /// them must not have taken the last.
    fn slots(&self, question: &Question) -> &Semaphore {
        let is_lookup = question.checking_disabled && matches!(question.rtype, Rtype::DS | Rtype::DNSKEY);
        if is_lookup {
            &self.lookups
        } else {
            &self.outstanding
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, Waiter>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks one server after the other, a slow one getting a rival, until one gives a usable reply, which goes
    /// to `deliver`. Those that were asked too are heard out: were they forgotten, a silent server that always
    /// loses the race would never count as failing, and a failing one that came back never as good.
    async fn fetch(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: &Question,
        started: Instant,
        deliver: impl FnOnce(Fetched),
    ) {
        let deadline = Instant::now() + self.limits.timeout;
        let Some(route) = self.routes.get(usize::from(question.route)) else {
            return deliver(Fetched::Failed(question.clone(), Failure::NoUpstream));
        };
        let validator = self.validator_for(engine, question, route);
        let asked_for = match validator {
            Some(_) => question.for_validation(),
            None => question.clone(),
        };
        // Those that may be asked again where nobody answers: others failed before and must do with one attempt.
        let (promising, mut again): (Vec<_>, Vec<_>) = (self.promising(route), Vec::new());
        let mut waiting: VecDeque<Arc<Peer>> = self.order(route).into();
        let mut running = FuturesUnordered::new();
        let mut asked: Vec<(Arc<Peer>, Instant)> = Vec::new();
        let start = |peer: Arc<Peer>, asked: &mut Vec<_>, running: &mut FuturesUnordered<_>| {
            asked.push((Arc::clone(&peer), Instant::now()));
            let until = deadline.min(Instant::now() + self.limits.attempt);
            running.push(attempt(peer, &asked_for, until));
        };
        for peer in self.due_probes(route) {
            waiting.retain(|other| !Arc::ptr_eq(other, &peer));
            start(peer, &mut asked, &mut running);
        }
        for _ in 1..route.strategy.first_wave() {
            if let Some(peer) = waiting.pop_front() {
                start(peer, &mut asked, &mut running);
            }
        }
        let mut rival_at = Instant::now();
        let mut second_best = None;
        let mut failure = Failure::NoUpstream;
        loop {
            let now = Instant::now();
            if (running.is_empty() || now >= rival_at)
                && let Some(peer) = waiting.pop_front()
            {
                rival_at = now + self.rival_after(&peer);
                start(peer, &mut asked, &mut running);
            }
            if running.is_empty() {
                // It may have found the answer by now, or a packet was lost.
                if again.is_empty() || second_best.is_some() || now + self.limits.attempt > deadline {
                    break;
                }
                waiting.extend(again.drain(..));
                continue;
            }
            let (peer, result) = tokio::select! {
                biased;
                Some(ended) = running.next() => ended,
                () = sleep_until(rival_at), if !waiting.is_empty() => continue,
                () = sleep_until(deadline) => {
                    failure = Failure::TimedOut;
                    asked.iter().for_each(|(peer, _)| peer.health().note_failure(self.now_ms()));
                    break;
                }
            };
            let is_late = matches!(&result, Err(error) if error.failure == Failure::TimedOut);
            if is_late && promising.iter().any(|other| Arc::ptr_eq(other, &peer)) {
                again.push(Arc::clone(&peer));
            }
            let since = self.note(&peer, &result, &asked);
            let proof = match (&result, validator) {
                (Ok(answered), Some(validator)) if answered.is_usable => {
                    let ask = dnssec::Lookups {
                        upstreams: self,
                        engine,
                        route: question.route,
                        domain: &route.origin,
                        started,
                    };
                    let proof = timeout_at(deadline, validator.prove(&ask, question, &answered.reply)).await;
                    proof.unwrap_or(Err(Failure::TimedOut)).map(Some)
                }
                _ => Ok(None),
            };
            let ended = Ended { result, proof, since };
            match self.judge(engine, question, started, &peer, ended, &asked) {
                Verdict::Answer(fetched) => {
                    deliver(fetched);
                    asked.retain(|(other, _)| !Arc::ptr_eq(other, &peer));
                    while let Some((peer, result)) = running.next().await {
                        self.note(&peer, &result, &asked);
                    }
                    return;
                }
                Verdict::SecondBest(fetched) => second_best = Some(fetched),
                Verdict::Nothing(why) => failure = why,
            }
            asked.retain(|(other, _)| !Arc::ptr_eq(other, &peer));
            rival_at = Instant::now();
        }
        deliver(second_best.unwrap_or_else(|| Fetched::Failed(question.clone(), failure)));
    }

    /// What the end of an attempt says of the server's health; when the attempt began.
    fn note(
        &self,
        peer: &Arc<Peer>,
        result: &Result<Answered, Unanswered>,
        asked: &[(Arc<Peer>, Instant)],
    ) -> Option<Instant> {
        let since = asked
            .iter()
            .find(|(other, _)| Arc::ptr_eq(other, peer))
            .map(|(_, since)| *since);
        match result {
            Ok(_) => {
                let took = since.map_or(0.0, |since| since.elapsed().as_secs_f32() * 1000.0);
                peer.health().note_answer(took);
            }
            Err(_) => peer.health().note_failure(self.now_ms()),
        }
        since
    }

    /// The validator, if this question's answer is to be validated: the client did not turn that off (CD,
    /// RFC 4035, 3.2.2), and the answer is public.
    fn validator_for(
        &self,
        engine: &Engine,
        question: &Question,
        route: &RouteOfPeers,
    ) -> Option<&Validator> {
        let name = question.name.as_ref();
        let is_wanted = !question.checking_disabled && !route.is_exempt && !engine.is_answered_here(name);
        self.validator.as_ref().filter(|_| is_wanted)
    }

    /// What one ended attempt is worth, and what it says of the servers.
    fn judge(
        &self,
        engine: &Engine,
        question: &Question,
        started: Instant,
        peer: &Arc<Peer>,
        Ended { result, proof, since }: Ended,
        asked: &[(Arc<Peer>, Instant)],
    ) -> Verdict {
        let seconds = started.elapsed().as_secs() as u32;
        let name = &question.name;
        let Answered { reply, is_usable } = match result {
            Ok(answered) => answered,
            Err(error) => {
                debug!(server = peer.server.name(), %name, %error, "attempt failed");
                return Verdict::Nothing(error.failure);
            }
        };
        let proven = match proof {
            Ok(proven) => proven,
            Err(failure) => {
                let why = failure.extended_error().1;
                debug!(server = peer.server.name(), %name, why, "not validated");
                // Another server may say what its owner signed.
                return Verdict::SecondBest(Fetched::Failed(question.clone(), failure));
            }
        };
        match engine.absorb(question, &reply, proven.as_ref(), seconds) {
            Ok(fetched) if is_usable => {
                // Whoever was asked before and still says nothing is at least so slow.
                for (slower, began) in asked.iter().take_while(|(_, began)| Some(*began) < since) {
                    slower
                        .health()
                        .note_passed(began.elapsed().as_secs_f32() * 1000.0);
                }
                Verdict::Answer(fetched)
            }
            // A server's word that it failed is better than ours, if no other says more.
            Ok(fetched) => Verdict::SecondBest(fetched),
            Err(error) => {
                debug!(server = peer.server.name(), %name, %error, "unusable reply");
                Verdict::Nothing(Failure::BadReply)
            }
        }
    }

    /// The servers of a route that do not count as failing.
    fn promising(&self, route: &RouteOfPeers) -> Vec<Arc<Peer>> {
        let is_promising = |peer: &&Arc<Peer>| !peer.health().is_failing();
        route.peers.iter().filter(is_promising).cloned().collect()
    }

    fn order(&self, route: &RouteOfPeers) -> Vec<Arc<Peer>> {
        let records: Vec<Health> = route.peers.iter().map(|peer| *peer.health()).collect();
        let dice = self.turn.fetch_add(1, Ordering::Relaxed);
        let order = health::order(route.strategy, &records, dice);
        order.into_iter().map(|at| Arc::clone(&route.peers[at])).collect()
    }

    /// Failing servers whose time has come. Where all fail there is nothing to probe beside.
    fn due_probes(&self, route: &RouteOfPeers) -> Vec<Arc<Peer>> {
        let is_due = |peer: &&Arc<Peer>| peer.health().take_probe(self.now_ms());
        if route.peers.iter().all(|peer| peer.health().is_failing()) {
            return Vec::new();
        }
        route.peers.iter().filter(is_due).cloned().collect()
    }

    /// When a server that was just asked gets a rival.
    fn rival_after(&self, peer: &Peer) -> Duration {
        let latest = self.limits.attempt / RIVAL_AFTER;
        let usual = peer
            .health()
            .srtt_ms()
            .map(|ms| Duration::from_secs_f32(ms * SLOW_FACTOR / 1000.0));
        usual.map_or(latest, |usual| usual.max(SLOW_AT_LEAST).min(latest))
    }

    fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

impl Peer {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// The end of one attempt.
struct Ended {
    result: Result<Answered, Unanswered>,
    /// What validation found, where it looked.
    proof: Result<Option<Proven>, Failure>,
    /// When the attempt began.
    since: Option<Instant>,
}

/// What an attempt brought.
enum Verdict {
    Answer(Fetched),
    SecondBest(Fetched),
    Nothing(Failure),
}

/// One attempt, which is over at its deadline whatever the server does.
async fn attempt(
    peer: Arc<Peer>,
    question: &Question,
    deadline: Instant,
) -> (Arc<Peer>, Result<Answered, Unanswered>) {
    let late = |_| {
        Err(Unanswered {
            failure: Failure::TimedOut,
            why: "no reply in time".to_owned(),
        })
    };
    let asking = peer.server.ask(question, deadline);
    let result = timeout_at(deadline, asking).await.unwrap_or_else(late);
    (peer, result)
}
