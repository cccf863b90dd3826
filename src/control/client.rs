//! The other side of the control socket: one connection, a request and its reply at a time.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::limits;

use super::line::{parse_reply, request_line};
use super::types::{Answer, Failure, MAX_REPLY, MAX_REQUEST, Request};

/// How long a reply may take. A reload of large zones on a small router takes seconds.
pub const PATIENCE: Duration = limits::CONTROL_WAIT.default_time();

/// Why there was no reply. That the daemon refused is a reply: [`Failure`].
#[derive(Debug)]
pub enum ClientError {
    /// No socket stands there, or nobody listens on it.
    NobodyListens(PathBuf, io::Error),
    /// The user may not use the socket.
    NotAllowed(PathBuf),
    /// The connection broke before the reply was complete.
    Lost(PathBuf, io::Error),
    /// The reply was no reply of this protocol.
    Unreadable(PathBuf, String),
    /// The request is longer than a daemon reads.
    TooLong(usize),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens(path, error) => write!(
                f,
                "no daemon listens on the control socket `{}` ({error}); start hearthdns, or name its socket with --control",
                path.display()
            ),
            Self::NotAllowed(path) => write!(
                f,
                "you may not use the control socket `{}`; run as its owner or as a member of its group (`{}`)",
                path.display(),
                super::server::GROUP
            ),
            Self::Lost(path, error) => write!(
                f,
                "the daemon on `{}` went away before it replied ({error}); whether the request was carried out is not known: ask with list-records or log",
                path.display()
            ),
            Self::Unreadable(path, reason) => {
                write!(f, "the reply from `{}` is not usable: {reason}", path.display())
            }
            Self::TooLong(len) => {
                write!(
                    f,
                    "the request takes {len} bytes; a daemon reads at most {MAX_REQUEST}"
                )
            }
        }
    }
}

impl std::error::Error for ClientError {}

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Client {
    /// Connects to the daemon that listens on `path`.
    ///
    /// # Errors
    /// [`ClientError::NobodyListens`], [`ClientError::NotAllowed`].
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path)
            .and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(stream)
            })
            .map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => ClientError::NotAllowed(path.to_owned()),
                _ => ClientError::NobodyListens(path.to_owned(), error),
            })?;
        Ok(Client {
            stream: BufReader::new(stream),
            path: path.to_owned(),
        })
    }

    /// Sends one request and waits for its reply.
    ///
    /// # Errors
    /// Why no reply came. The inner result is the daemon's own word.
    pub fn call(&mut self, request: &Request) -> Result<Result<Answer, Failure>, ClientError> {
        let line = request_line(request);
        if line.len() > MAX_REQUEST {
            return Err(ClientError::TooLong(line.len()));
        }
        let lost = |error| ClientError::Lost(self.path.clone(), error);
        // A daemon that is full says so and hangs up without reading: its reply counts, not our failed write.
        let written = self.stream.get_mut().write_all(line.as_bytes());
        let mut reply = Vec::new();
        let bound = u64::try_from(MAX_REPLY).unwrap_or(u64::MAX);
        let read = self.stream.by_ref().take(bound).read_until(b'\n', &mut reply);
        if reply.last() != Some(&b'\n') {
            if reply.len() >= MAX_REPLY {
                let reason = format!("it is longer than {MAX_REPLY} bytes");
                return Err(ClientError::Unreadable(self.path.clone(), reason));
            }
            written.map_err(lost)?;
            read.map_err(lost)?;
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
        parse_reply(&reply).map_err(|reason| ClientError::Unreadable(self.path.clone(), reason))
    }
}
