//! One upstream server: a question in, its reply out, over whatever is spoken there.
//!
//! [`super::udp`] is plain DNS over UDP; [`super::pool`] holds connections of every other kind, and TCP for
//! what comes truncated over UDP. Above both this file adds what DNS asks for: a query without EDNS for
//! servers that do not know it, and padding where a length could tell something.
//!
//! Client subnets are never sent (RFC 7871), and an upstream's word on them goes no further: replies are
//! written anew from their records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::dial::Dialer;
pub(super) use super::error::Error;
use super::error::Kind;
use super::pool::Pool;
use super::udp::Udp;
use crate::clock::Clock;
use crate::config::{Scheme, UpstreamSpec};
use crate::engine::fetch::Question;
use crate::message::read::glance;
use crate::message::{Incoming, Outgoing, Rcode, flag};

/// UDP payload that we announce to upstreams (RFC 9715, 3.2).
const PAYLOAD: u16 = 1232;
/// Encrypted queries are padded to multiples of this (RFC 8467, 4.1).
const BLOCK: usize = 128;
/// One server and what is known of it.
pub(super) struct Server {
    spec: UpstreamSpec,
    dialer: Arc<Dialer>,
    udp: Udp,
    pool: Arc<Pool>,
    /// Counts the networks that we were in.
    network: AtomicU32,
}

/// A reply that came, and whether another server should still be asked for a better one.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) reply: Vec<u8>,
    pub(super) is_usable: bool,
}

impl Server {
    /// Reads the file of authorities, if there is one; connects to nothing yet.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificate.
    pub(super) fn new(spec: UpstreamSpec, clock: &Arc<Clock>) -> Result<Self, Error> {
        let dialer = Arc::new(Dialer::new(&spec, clock)?);
        Ok(Server {
            spec,
            pool: Pool::new(Arc::clone(&dialer)),
            dialer,
            udp: Udp::new(),
            network: AtomicU32::new(0),
        })
    }

    pub(super) fn spec(&self) -> &UpstreamSpec {
        &self.spec
    }

    /// Drops all connections and sockets: they belong to a network that is gone. What waits on them is sent once
    /// more, on new ones.
    pub(super) fn network_changed(&self) {
        self.network.fetch_add(1, Ordering::AcqRel);
        self.udp.close();
        self.pool.close();
        self.dialer.network_changed();
    }

    /// Asks the question, over TCP as well if the reply is truncated, without EDNS if the server does not
    /// know it (RFC 6891, 7). Nothing is begun after the deadline; the caller no longer waits then.
    pub(super) async fn ask(&self, question: &Question, deadline: Instant) -> Result<Attempt, Error> {
        let (mut reply, mut facts) = self.send(question, PAYLOAD, deadline).await?;
        if facts.rcode == Rcode::FORMERR && !facts.has_opt {
            (reply, facts) = self.send(question, 0, deadline).await?;
        }
        let failing = [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::FORMERR, Rcode::NOTIMP];
        let is_usable = !failing.contains(&facts.rcode);
        Ok(Attempt { reply, is_usable })
    }

    async fn send(
        &self,
        question: &Question,
        payload: u16,
        deadline: Instant,
    ) -> Result<(Vec<u8>, Facts), Error> {
        let dnssec = (question.dnssec_ok, question.checking_disabled);
        let mut query = Outgoing::new(question.name.as_ref(), question.rtype, dnssec, payload);
        let scheme = self.spec.url.scheme;
        if scheme == Scheme::Udp {
            let network = self.network.load(Ordering::Acquire);
            let mut reply = self.over_udp(question, &query, deadline).await;
            if reply.is_err() && self.network.load(Ordering::Acquire) != network {
                reply = self.over_udp(question, &query, deadline).await;
            }
            let reply = reply?;
            let facts = Facts::of(&reply)?;
            if !facts.is_truncated {
                return Ok((reply, facts));
            }
        } else if scheme.is_encrypted() {
            query.pad(BLOCK);
        }
        // In a place of its own: a plain query need not carry room for what connections need.
        let reply = Box::pin(self.pool.ask(&query, deadline)).await?;
        let facts = Facts::of(&reply)?;
        Ok((reply, facts))
    }

    /// Asks at the address that answered last; at the next if nobody listens there.
    async fn over_udp(
        &self,
        question: &Question,
        query: &Outgoing,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        let addresses = self.dialer.addresses().await?;
        let mut last = None;
        for (at, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - at).unwrap_or(1);
            let until = Instant::now() + share;
            match self.udp.ask(*address, question.name.as_ref(), query, until).await {
                Ok(reply) => {
                    self.dialer.note(Some(*address));
                    return Ok(reply);
                }
                Err(error) if error.kind == Kind::BadReply => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        self.dialer.note(None);
        Err(last.unwrap_or_else(Error::timed_out))
    }
}

/// What of a reply decides how it goes on.
struct Facts {
    rcode: Rcode,
    /// Told of failures only.
    has_opt: bool,
    is_truncated: bool,
}

impl Facts {
    /// Of an answer the header suffices: the rest is read when it is taken in.
    fn of(reply: &[u8]) -> Result<Self, Error> {
        if let Some((rcode @ (Rcode::NOERROR | Rcode::NXDOMAIN), is_truncated)) = glance(reply) {
            let has_opt = true;
            return Ok(Facts {
                rcode,
                has_opt,
                is_truncated,
            });
        }
        let incoming = Incoming::parse(reply)
            .map_err(|error| Error::bad_reply(&format!("the reply cannot be read: {error}")))?;
        Ok(Facts {
            rcode: incoming.rcode,
            has_opt: incoming.has_opt,
            is_truncated: incoming.has(flag::TC),
        })
    }
}
