//! The seam between choosing and asking: whom a question can be put to.
//!
//! [`super::Upstreams`] chooses, waits and gives up; how a message travels is the business of whatever
//! implements [`Ask`]. In the daemon that is `server`, over sockets. A program that embeds this crate
//! may bring resolvers of its own, and the scenarios under `tests/` bring servers that follow a script.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::time::Instant;

use super::server::Server;
use crate::engine::fetch::{Failure, Question};
use crate::message::{Incoming, Rcode};

/// Somebody who can be asked.
pub trait Ask: Send + Sync {
    /// Puts the question and gives the whole reply: one that came truncated was fetched again over a stream.
    /// Nobody waits beyond `deadline`; the future may be dropped at any time.
    fn ask<'a>(&'a self, question: &'a Question, deadline: Instant) -> Asking<'a>;

    /// What people call it: the URL of the config.
    fn name(&self) -> String;

    /// Connections that it holds belong to a network that is gone.
    fn network_changed(&self) {}
}

/// A question under way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Answered, Unanswered>> + Send + 'a>>;

/// A reply that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its bytes.
    pub reply: Vec<u8>,
    /// Whether it answers the question, if only by saying that there is nothing: else another server is asked
    /// for a better one.
    pub is_usable: bool,
}

impl Answered {
    /// Judges a reply by its response code: a server that says that it failed, or does not want to, may be
    /// followed by one that does better.
    ///
    /// # Errors
    /// If the bytes are no reply.
    pub fn new(reply: Vec<u8>) -> Result<Self, Unanswered> {
        let failing = [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::FORMERR, Rcode::NOTIMP];
        match Incoming::parse(&reply) {
            Ok(incoming) => Ok(Answered {
                is_usable: !failing.contains(&incoming.rcode),
                reply,
            }),
            Err(error) => Err(Unanswered {
                failure: Failure::BadReply,
                why: error.to_string(),
            }),
        }
    }
}

/// Why no reply came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// What the client is told if nobody does better.
    pub failure: Failure,
    /// What the log says.
    pub why: String,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unanswered {}

impl Ask for Server {
    fn ask<'a>(&'a self, question: &'a Question, deadline: Instant) -> Asking<'a> {
        Box::pin(async move {
            let attempt = Server::ask(self, question, deadline)
                .await
                .map_err(|error| Unanswered {
                    failure: error.failure(),
                    why: error.to_string(),
                })?;
            Ok(Answered {
                reply: attempt.reply,
                is_usable: attempt.is_usable,
            })
        })
    }

    fn name(&self) -> String {
        self.spec().to_string()
    }

    fn network_changed(&self) {
        Server::network_changed(self);
    }
}
