//! The TCP listener: framed queries, answered as they become ready, in any order (RFC 7766, 6.2.1.1).
//!
//! Bounded at every end: connections in all and per client, queries under way on one connection, time
//! without a query. A client that does not read its replies loses the connection.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::{Received, Service};
use crate::config::limits;
use crate::engine::Client;

/// Replies from memory are gathered up to so many bytes before they are written.
const GATHER: usize = limits::TCP_GATHER.default_usize();
/// First size of the receive buffer; queries are small.
const READ_BUFFER: usize = 2 * 1024;
/// After an error of accepting (no descriptors left), so long nothing is accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// Bounds of TCP.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one client address.
    pub per_client: usize,
    /// Queries of one connection that may wait for upstream.
    pub pipeline: usize,
    /// A connection without a query, or a client that does not read, is closed after this time.
    pub idle: Duration,
}

/// Counts connections; shared by all listeners.
pub struct Gate {
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A place in the gate, given back when dropped.
struct Place {
    gate: Arc<Gate>,
    client: IpAddr,
}

impl Gate {
    /// A gate with these bounds.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Gate {
            limits,
            open: Mutex::default(),
        }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().all
    }

    fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut open = self.lock();
        let count = open.by_client.get(&client).copied().unwrap_or(0);
        if open.all >= self.limits.connections || count >= self.limits.per_client {
            return None;
        }
        open.all += 1;
        open.by_client.insert(client, count + 1);
        Some(Place {
            gate: Arc::clone(self),
            client,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.gate.lock();
        open.all -= 1;
        match open.by_client.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_client.remove(&self.client);
            }
        }
    }
}

/// Accepts connections until the runtime ends.
///
/// # Errors
/// If the listener cannot be used at all.
pub async fn serve(
    listener: std::net::TcpListener,
    service: Arc<Service>,
    gate: Arc<Gate>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let addr = peer.ip().to_canonical();
                // Over the bound the connection is closed at once: a waiting one would cost as much.
                if let Some(place) = gate.enter(addr) {
                    let service = Arc::clone(&service);
                    tokio::spawn(connection(
                        stream,
                        Client {
                            addr,
                            datagram: false,
                        },
                        service,
                        place,
                    ));
                }
            }
            Err(error) => {
                debug!(%error, "accepting a connection failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection until the client closes it, is idle for too long, or breaks the framing.
async fn connection(stream: TcpStream, client: Client, service: Arc<Service>, place: Place) {
    let limits = place.gate.limits;
    // Replies are whole when they are written; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (ready, replies) = mpsc::channel(limits.pipeline);
    let writing = tokio::spawn(write_replies(writer, replies, limits.idle));
    if let Err(error) = read_queries(reader, client, &service, &ready, limits).await {
        debug!(%error, client = %client.addr, "a connection ended");
    }
    drop(ready);
    // What was received is answered before the connection is closed.
    let _ = writing.await;
}

async fn read_queries(
    mut reader: OwnedReadHalf,
    client: Client,
    service: &Arc<Service>,
    ready: &mpsc::Sender<Vec<u8>>,
    limits: Limits,
) -> io::Result<()> {
    let mut input = Vec::with_capacity(READ_BUFFER);
    // Counts from the last whole query, so that single bytes do not keep a connection open.
    let mut deadline = Instant::now() + limits.idle;
    loop {
        let read = timeout_at(deadline, reader.read_buf(&mut input)).await?;
        if read? == 0 {
            return Ok(());
        }
        let mut rest = &input[..];
        let mut gathered = Vec::new();
        while let Some((message, tail)) = split_frame(rest) {
            rest = tail;
            deadline = Instant::now() + limits.idle;
            let start = gathered.len();
            gathered.extend_from_slice(&[0, 0]);
            match service.receive(message, client, &mut gathered) {
                Received::Reply => frame(&mut gathered, start),
                Received::Nothing => gathered.truncate(start),
                Received::Ask(pending) => {
                    gathered.truncate(start);
                    if !gathered.is_empty() {
                        pass_on(ready, std::mem::take(&mut gathered), limits.idle).await?;
                    }
                    // A place in the channel is a place under way: when all are taken, reading waits.
                    let place = timeout(limits.idle, ready.clone().reserve_owned()).await?;
                    let place = place.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
                    let (message, service) = (message.to_vec(), Arc::clone(service));
                    tokio::spawn(async move {
                        let mut reply = vec![0, 0];
                        if service.finish(&message, client, pending, &mut reply).await {
                            frame(&mut reply, 0);
                            place.send(reply);
                        }
                    });
                }
            }
            if gathered.len() >= GATHER {
                pass_on(ready, std::mem::take(&mut gathered), limits.idle).await?;
            }
        }
        if !gathered.is_empty() {
            pass_on(ready, gathered, limits.idle).await?;
        }
        let used = input.len() - rest.len();
        input.drain(..used);
    }
}

/// Splits the first whole message off what was received (RFC 1035, 4.2.2).
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Writes the length of the message that starts behind `start` in front of it.
fn frame(bytes: &mut [u8], start: usize) {
    // A reply is never longer than a message can be.
    let len = (bytes.len() - start - 2) as u16;
    bytes[start..start + 2].copy_from_slice(&len.to_be_bytes());
}

async fn pass_on(ready: &mpsc::Sender<Vec<u8>>, replies: Vec<u8>, idle: Duration) -> io::Result<()> {
    let sent = timeout(idle, ready.send(replies)).await?;
    sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

async fn write_replies(mut writer: OwnedWriteHalf, mut replies: mpsc::Receiver<Vec<u8>>, idle: Duration) {
    while let Some(mut batch) = replies.recv().await {
        // One write for all that is ready.
        while batch.len() < GATHER
            && let Ok(more) = replies.try_recv()
        {
            batch.extend_from_slice(&more);
        }
        match timeout(idle, writer.write_all(&batch)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}
