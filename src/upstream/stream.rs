//! DNS over a byte stream: TCP (RFC 7766) and TLS (RFC 7858).
//!
//! One task drives one connection: it writes queries as they come and reads replies in whatever order they
//! come. An id is random and of one query only while that waits. The task ends when the connection does, or
//! when nobody can ask any more; all that wait then learn why.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::error::{Error, accept};
use crate::config::limits;
use crate::message::Outgoing;

/// Queries on their way to the task.
const QUEUE: usize = limits::UPSTREAM_PIPELINE.default_usize();
/// Ids held at most; those of queries that nobody waits for any more are given back first.
const WAITING: usize = 2 * QUEUE;
/// How long one query may take to be written. The peer that does not read is gone.
const WRITE: Duration = limits::UPSTREAM_WRITE.default_time();
/// Bytes read at once.
const READ: usize = 2048;

type Reply = Result<Vec<u8>, Error>;

/// The near end of one connection.
pub(super) struct Stream {
    queries: mpsc::Sender<(Outgoing, oneshot::Sender<Reply>)>,
    is_dead: Arc<AtomicBool>,
}

impl Stream {
    /// Drives a connection that was made.
    pub(super) fn start(connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (queries, incoming) = mpsc::channel(QUEUE);
        let is_dead = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dead);
        tokio::spawn(async move {
            let mut driver = Driver {
                connection,
                read: Vec::new(),
                waiting: HashMap::new(),
            };
            let error = driver.run(incoming).await;
            flag.store(true, Ordering::Release);
            for (_, (_, reply)) in driver.waiting {
                let _ = reply.send(Err(error.clone()));
            }
        });
        Stream { queries, is_dead }
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Acquire) || self.queries.is_closed()
    }

    /// Asks, and waits for the reply.
    pub(super) async fn exchange(&self, query: &Outgoing) -> Reply {
        let (reply, arrival) = oneshot::channel();
        let sent = self.queries.send((query.clone(), reply)).await;
        sent.map_err(|_| Error::closed())?;
        arrival.await.unwrap_or_else(|_| Err(Error::closed()))
    }
}

struct Driver<S> {
    connection: S,
    /// What was read and is no whole message yet.
    read: Vec<u8>,
    waiting: HashMap<u16, (Outgoing, oneshot::Sender<Reply>)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Runs until the connection ends, and says why it did.
    async fn run(&mut self, mut incoming: mpsc::Receiver<(Outgoing, oneshot::Sender<Reply>)>) -> Error {
        let mut chunk = vec![0; READ];
        loop {
            tokio::select! {
                query = incoming.recv() => match query {
                    Some((query, reply)) => {
                        if let Err(error) = self.write(query, reply).await {
                            return Error::unreachable("sending", &error);
                        }
                    }
                    // The pool gave this connection up.
                    None => {
                        let _ = timeout(WRITE, self.connection.shutdown()).await;
                        return Error::closed();
                    }
                },
                len = self.connection.read(&mut chunk) => match len {
                    Ok(0) => return Error::closed(),
                    Ok(len) => {
                        self.read.extend_from_slice(chunk.get(..len).unwrap_or_default());
                        self.take_messages();
                    }
                    Err(error) => return Error::unreachable("receiving", &error),
                },
            }
        }
    }

    async fn write(&mut self, mut query: Outgoing, reply: oneshot::Sender<Reply>) -> io::Result<()> {
        if self.waiting.len() >= WAITING {
            self.waiting.retain(|_, (_, reply)| !reply.is_closed());
        }
        let id = loop {
            let id = rand::rng().next_u32() as u16;
            if !self.waiting.contains_key(&id) {
                break id;
            }
        };
        query.set_id(id);
        let bytes = query.as_bytes();
        // A query is far below 64 KiB.
        let mut frame = Vec::with_capacity(2 + bytes.len());
        frame.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        frame.extend_from_slice(bytes);
        self.waiting.insert(id, (query, reply));
        let write = async {
            self.connection.write_all(&frame).await?;
            self.connection.flush().await
        };
        timeout(WRITE, write)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Takes the whole messages off the front of what was read.
    fn take_messages(&mut self) {
        let mut rest = self.read.as_slice();
        while let Some((length, tail)) = rest.split_first_chunk() {
            let Some((message, tail)) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            else {
                break;
            };
            rest = tail;
            let id = message.first_chunk().map(|id| u16::from_be_bytes(*id));
            let waiting = id.and_then(|id| self.waiting.remove(&id));
            if let Some((query, reply)) = waiting {
                let _ = reply.send(accept(&query, message.to_vec()));
            }
        }
        let done = self.read.len() - rest.len();
        self.read.drain(..done);
        if self.read.is_empty() {
            // A large answer came once; its memory is not kept for the connection's life.
            self.read.shrink_to(READ);
        }
    }
}
