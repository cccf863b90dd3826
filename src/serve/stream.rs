//! Framed queries on a stream, answered as they become ready, in any order (RFC 7766, 6.2.1.1): plain TCP, and
//! DNS over TLS (RFC 7858) behind its handshake. One path for both, and one write for all replies that are ready.
//!
//! Bounded at every end: queries under way on one connection, time for a query, time without one. A client that
//! does not read its replies loses the connection. What was received is answered before it is closed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{Received, Service, Session, Stop};
use crate::config::limits;
use crate::telemetry::Event;

/// Replies from memory are gathered up to so many bytes before they are written.
const GATHER: usize = limits::TCP_GATHER.default_usize();
/// A query that has begun is whole after this time.
const REQUEST: Duration = limits::REQUEST.default_time();
/// First size of the receive buffer; queries are small.
const READ_BUFFER: usize = 2 * 1024;

/// Serves one connection until the client closes it, is idle for too long, breaks the framing, or all is to stop.
pub(super) async fn serve<R, W>(reader: R, writer: W, service: Arc<Service>, session: Session, stop: Stop)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let limits = session.place.limits();
    let (ready, replies) = mpsc::channel(limits.pipeline);
    let writing = tokio::spawn(write_replies(writer, replies, limits.idle));
    if let Err(error) = read_queries(reader, &service, &ready, &session, stop).await {
        debug!(%error, client = %session.place.addr(), "a connection ended");
    }
    drop(ready);
    // What was received is answered before the connection is closed.
    if let Ok(Err(Late)) = writing.await {
        session.place.note(Event::NotTaken);
    }
}

async fn read_queries(
    mut reader: impl AsyncRead + Unpin,
    service: &Arc<Service>,
    ready: &mpsc::Sender<Vec<u8>>,
    session: &Session,
    mut stop: Stop,
) -> io::Result<()> {
    let place = &session.place;
    let idle = place.limits().idle;
    let mut input = Vec::with_capacity(READ_BUFFER);
    // Both count from the last whole query, so that single bytes do not keep a connection open.
    let mut deadline = Instant::now() + idle;
    let mut begun: Option<Instant> = None;
    loop {
        let end = begun.map_or(deadline, |begun| deadline.min(begun + REQUEST));
        let read = tokio::select! {
            // What has arrived comes before the wish to stop.
            biased;
            read = reader.read_buf(&mut input) => read?,
            () = stop.told() => return Ok(()),
            () = tokio::time::sleep_until(end) => {
                place.note(if begun.is_some() { Event::RequestLate } else { Event::Idle });
                return Err(io::ErrorKind::TimedOut.into());
            }
        };
        if read == 0 {
            return Ok(());
        }
        let mut rest = &input[..];
        let mut gathered = Vec::new();
        while let Some((message, tail)) = split_frame(rest) {
            rest = tail;
            begun = None;
            deadline = Instant::now() + idle;
            let start = gathered.len();
            gathered.extend_from_slice(&[0, 0]);
            let client = service.client(session);
            match service.receive(message, client, &mut gathered) {
                Received::Reply => frame(&mut gathered, start),
                Received::Nothing => gathered.truncate(start),
                Received::Ask(pending) => {
                    gathered.truncate(start);
                    if !gathered.is_empty() {
                        pass_on(ready, std::mem::take(&mut gathered), idle).await?;
                    }
                    // A place in the channel is a place under way: when all are taken, reading waits.
                    let slot = timeout(idle, ready.clone().reserve_owned()).await?;
                    let slot = slot.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
                    let (message, service) = (message.to_vec(), Arc::clone(service));
                    tokio::spawn(async move {
                        let mut reply = vec![0, 0];
                        if service.finish(&message, client, pending, &mut reply).await {
                            frame(&mut reply, 0);
                            slot.send(reply);
                        }
                    });
                }
            }
            if gathered.len() >= GATHER {
                pass_on(ready, std::mem::take(&mut gathered), idle).await?;
            }
        }
        if !gathered.is_empty() {
            pass_on(ready, gathered, idle).await?;
        }
        if !rest.is_empty() {
            begun.get_or_insert_with(Instant::now);
        }
        let used = input.len() - rest.len();
        input.drain(..used);
        if stop.is_told() {
            return Ok(());
        }
    }
}

/// Splits the first whole message off what was received (RFC 1035, 4.2.2).
pub(super) fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Writes the length of the message that starts behind `start` in front of it.
pub(super) fn frame(bytes: &mut [u8], start: usize) {
    // A reply is never longer than a message can be.
    let len = (bytes.len() - start - 2) as u16;
    bytes[start..start + 2].copy_from_slice(&len.to_be_bytes());
}

async fn pass_on(ready: &mpsc::Sender<Vec<u8>>, replies: Vec<u8>, idle: Duration) -> io::Result<()> {
    let sent = timeout(idle, ready.send(replies)).await?;
    sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// The client took no replies for too long.
struct Late;

async fn write_replies(
    mut writer: impl AsyncWrite + Unpin,
    mut replies: mpsc::Receiver<Vec<u8>>,
    idle: Duration,
) -> Result<(), Late> {
    while let Some(mut batch) = replies.recv().await {
        // One write for all that is ready.
        while batch.len() < GATHER
            && let Ok(more) = replies.try_recv()
        {
            batch.extend_from_slice(&more);
        }
        let write = async {
            writer.write_all(&batch).await?;
            // TLS keeps what the socket did not take at once.
            writer.flush().await
        };
        match timeout(idle, write).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(Late),
        }
    }
    // The peer learns that this is the end and no attack on the stream (close_notify; RFC 8446, 6.1).
    let _ = timeout(REQUEST, writer.shutdown()).await;
    Ok(())
}
