//! Why an upstream gave no reply: the kind for the program, the words for the human.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::config::limits;
use crate::engine::fetch::Failure;
use crate::message::Outgoing;
use crate::message::outgoing::Echo;

/// Longest text of another's that goes into a message.
const LONGEST: usize = limits::UPSTREAM_ERROR_TEXT.default_usize();

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No reply came in time.
    TimedOut,
    /// No way leads there, nobody listens, or the connection ended.
    Unreachable,
    /// The server did not prove who it is.
    #[cfg(feature = "tls")]
    Untrusted,
    /// What came cannot be used.
    BadReply,
}

/// Why no reply came. Cheap to clone: all that wait for one connection get the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    /// For the program.
    pub(super) kind: Kind,
    text: Arc<str>,
}

impl Error {
    /// An error in our words, or in another's made harmless.
    pub(super) fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.as_ref().chars().take(LONGEST).map(clean).collect();
        Error {
            kind,
            text: text.into(),
        }
    }

    pub(super) fn timed_out() -> Self {
        Self::new(Kind::TimedOut, "no reply in time")
    }

    /// The other side ended the connection while a reply was awaited.
    pub(super) fn closed() -> Self {
        Self::new(Kind::Unreachable, "the server closed the connection")
    }

    pub(super) fn unreachable(doing: &str, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                "no route leads there".to_owned()
            }
            io::ErrorKind::PermissionDenied => "a firewall of this host forbids it".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                "the server closed the connection".to_owned()
            }
            io::ErrorKind::TimedOut => {
                return Self::new(Kind::TimedOut, format!("{doing}: no reply in time"));
            }
            _ => error.to_string(),
        };
        Self::new(Kind::Unreachable, format!("{doing}: {why}"))
    }

    pub(super) fn bad_reply(why: &str) -> Self {
        Self::new(Kind::BadReply, why)
    }

    /// What the client is told, if nobody does better.
    pub(super) fn failure(&self) -> Failure {
        match self.kind {
            Kind::TimedOut => Failure::TimedOut,
            Kind::Unreachable => Failure::Unreachable,
            #[cfg(feature = "tls")]
            Kind::Untrusted => Failure::Unreachable,
            Kind::BadReply => Failure::BadReply,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// Takes the reply that came on a stream of its own for this query.
pub(super) fn accept(query: &Outgoing, reply: Vec<u8>) -> Result<Vec<u8>, Error> {
    match query.echo(&reply) {
        // Where nobody can forge, the case of letters proves nothing.
        Echo::Exact | Echo::OtherCase => Ok(reply),
        Echo::NoQuestion => Ok(query.complete(&reply)),
        Echo::Other => Err(Error::bad_reply("the reply belongs to another question")),
    }
}
