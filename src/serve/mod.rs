//! Listeners: bytes in, bytes out, one path for all.
//!
//! Every listener hands what it received to [`Service::receive`]; what memory can answer goes back at once,
//! what cannot is finished by [`Service::finish`] in a task of its own. [`bind`] opens the sockets (a [`holder`] is in its way), [`tls`] holds
//! the certificate (`standing` says who can verify it), and a [`door`] is a socket with what is spoken over it:
//! [`udp`] knows datagrams; `accept` takes connections, bounded by their [`gate`], handshakes take [`turn`]s, and
//! `stream` serves TCP and TLS on one path; `https` and `h3` are ways to the one site of `http`, which leads on to the
//! pages of invites (`pages`), and `quic` takes connections of its own kind. None of them knows of zones.

mod accept;
#[cfg(feature = "onboard")]
mod beacon;
pub mod bind;
pub mod door;
#[cfg(feature = "embed")]
mod embed;
pub mod gate;
#[cfg(feature = "h3")]
mod h3;
pub mod holder;
#[cfg(any(feature = "https-listener", feature = "h3"))]
mod http;
#[cfg(feature = "https-listener")]
mod https;
#[cfg(feature = "onboard")]
pub mod pages;
#[cfg(feature = "quic")]
mod quic;
#[cfg(feature = "tls")]
mod standing;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_absent.rs"]
pub mod tls;
pub mod turn;
pub mod udp;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::device::{Bearer, Bearers, Claim};
use crate::engine::fetch::{Failure, Fetched, Question};
use crate::engine::{Client, Engine, Outcome, Step};
use crate::telemetry::queries::Queries;
use crate::telemetry::{Event, Outcomes, Sightings, Traffic};
use crate::upstream::Upstreams;
use gate::Place;
#[cfg(any(feature = "https-listener", feature = "h3"))]
pub use http::requested;

/// A client for which a stale answer is at hand waits no longer than this for a new one (RFC 8767, 5).
const STALE_ANSWER_AFTER: Duration = Duration::from_millis(1800);

/// Room for a usual reply to a datagram.
const REPLY: usize = 512;

/// What a listener needs to answer.
pub struct Service {
    engine: Arc<Engine>,
    upstreams: Arc<Upstreams>,
    outcomes: Arc<Outcomes>,
    traffic: Arc<Traffic>,
    bearers: Arc<Bearers>,
    sightings: Arc<Sightings>,
    queries: Arc<Queries>,
    #[cfg(feature = "onboard")]
    pages: Option<Arc<pages::Pages>>,
    /// The moment from which the engine counts its seconds.
    started: Instant,
}

/// A connection whose queries all make the same claim.
struct Session {
    place: Place,
    claim: Claim,
}

impl Session {
    fn new(place: Place, claim: Claim) -> Self {
        Session { place, claim }
    }
}

/// A message that waits for upstream.
pub struct Pending {
    question: Question,
    has_stale: bool,
}

/// What became of a message.
pub enum Received {
    /// The reply stands in the buffer.
    Reply,
    /// Upstream must be asked.
    Ask(Pending),
    /// Nothing is to be sent.
    Nothing,
}

impl Service {
    /// A service that counts its seconds from `started`.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        upstreams: Arc<Upstreams>,
        outcomes: Arc<Outcomes>,
        started: Instant,
    ) -> Self {
        Service {
            engine,
            upstreams,
            outcomes,
            traffic: Arc::default(),
            bearers: Arc::default(),
            sightings: Arc::default(),
            queries: Arc::default(),
            #[cfg(feature = "onboard")]
            pages: None,
            started,
        }
    }

    /// With these tokens; without, none is known.
    #[must_use]
    pub fn with_bearers(mut self, bearers: Arc<Bearers>) -> Self {
        self.bearers = bearers;
        self
    }

    /// With pages for invites; without, there are none.
    #[cfg(feature = "onboard")]
    #[must_use]
    pub fn with_pages(mut self, pages: Arc<pages::Pages>) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Whose tokens are known.
    #[must_use]
    pub fn bearers(&self) -> &Arc<Bearers> {
        &self.bearers
    }

    /// When which device was seen.
    #[must_use]
    pub fn sightings(&self) -> &Arc<Sightings> {
        &self.sightings
    }

    /// The last queries, while somebody watches.
    #[must_use]
    pub fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    /// Who asks on a connection now: a token may have been revoked since it was opened.
    fn client(&self, session: &Session) -> Client {
        session.place.client(self.bearers.bearer(session.claim))
    }

    /// What came by which transport.
    #[must_use]
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Answers from memory if that is possible; the reply is appended to `out`.
    pub fn receive(&self, bytes: &[u8], client: Client, out: &mut Vec<u8>) -> Received {
        self.traffic.received(client.transport);
        let now = self.now();
        match client.bearer {
            Bearer::Nobody => {}
            Bearer::Device(device) => self.sightings.note(device, client.transport, now),
            Bearer::Unknown => self.traffic.note(client.transport, Event::TokenRefused),
        }
        let start = out.len();
        let (outcome, received) = match self.engine.receive(bytes, client, now, out) {
            Step::Reply(outcome) => (outcome, Received::Reply),
            Step::Drop(outcome) => (outcome, Received::Nothing),
            Step::ReplyAndRefresh(outcome, question) => {
                self.upstreams.refresh(&self.engine, &question, self.started);
                (outcome, Received::Reply)
            }
            Step::Ask { question, has_stale } => return Received::Ask(Pending { question, has_stale }),
        };
        self.end(bytes, client, outcome, out.get(start..), now);
        #[cfg(feature = "onboard")]
        if let (Outcome::Beacon, Some(pages)) = (outcome, &self.pages) {
            pages.beacons().note(bytes, client);
        }
        received
    }

    /// Asks upstream and writes the reply to a message that [`Service::receive`] could not answer. Says
    /// whether there is something to send.
    pub async fn finish(&self, bytes: &[u8], client: Client, pending: Pending, out: &mut Vec<u8>) -> bool {
        let Pending { question, has_stale } = pending;
        let ask = self.upstreams.ask(&self.engine, question.clone(), self.started);
        let fetched = if has_stale {
            // The question stays under way; whoever asks later has the new answer.
            let late = || Fetched::Failed(question, Failure::Late);
            timeout(STALE_ANSWER_AFTER, ask).await.unwrap_or_else(|_| late())
        } else {
            ask.await
        };
        self.resume(bytes, client, &fetched, out)
    }

    /// The same without a task of the client's own, for a datagram, whose sender waits on nothing of ours:
    /// `send` is called if there is a reply.
    pub fn finish_then(
        self: &Arc<Self>,
        bytes: &[u8],
        client: Client,
        pending: Pending,
        send: impl FnOnce(&[u8]) + Send + 'static,
    ) {
        let (service, bytes) = (Arc::clone(self), Box::<[u8]>::from(bytes));
        if pending.has_stale {
            tokio::spawn(async move {
                let mut out = Vec::new();
                if service.finish(&bytes, client, pending, &mut out).await {
                    send(&out);
                }
            });
            return;
        }
        let then = move |fetched: &Fetched| {
            let mut out = Vec::with_capacity(REPLY);
            if service.resume(&bytes, client, fetched, &mut out) {
                send(&out);
            }
        };
        self.upstreams
            .ask_then(&self.engine, pending.question, self.started, then);
    }

    /// Writes the reply with what upstream brought. Says whether there is something to send.
    fn resume(&self, bytes: &[u8], client: Client, fetched: &Fetched, out: &mut Vec<u8>) -> bool {
        let (start, now) = (out.len(), self.now());
        let (outcome, is_reply) = match self.engine.resume(bytes, client, now, fetched, out) {
            Step::Reply(outcome) | Step::ReplyAndRefresh(outcome, _) => (outcome, true),
            // The engine asks once for a message; should it ever ask again, the client is left to retry.
            Step::Ask { .. } => (Outcome::Failed, false),
            Step::Drop(outcome) => (outcome, false),
        };
        self.end(bytes, client, outcome, out.get(start..), now);
        is_reply
    }

    /// A message has ended so, with this reply.
    fn end(&self, bytes: &[u8], client: Client, outcome: Outcome, reply: Option<&[u8]>, now: u32) {
        self.outcomes.count(outcome);
        if self.queries.is_watched(now) {
            let reply = reply.unwrap_or_default();
            self.queries.note(bytes, client, outcome, reply, now);
        }
    }

    /// Seconds since the start.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.started.elapsed().as_secs() as u32
    }
}

/// Tells listeners and connections that nothing new is to be taken.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A wish that is not made yet, and how to make it. Whoever drops the sender makes it too.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Stop(receiver))
    }

    /// Waits until it is made.
    pub async fn told(&mut self) {
        // An error is the sender's end.
        let _ = self.0.wait_for(|told| *told).await;
    }

    /// Whether it is made.
    #[must_use]
    pub fn is_told(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
