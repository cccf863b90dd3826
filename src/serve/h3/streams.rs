//! QUIC streams as h3 wants them, with a bound on what a client may send on each.
//!
//! h3 holds a frame until it is whole, however long the frame says that it is, and h3-quinn ends the program when a
//! stream is stopped while it is being read. So each stream ends after so many bytes, and is stopped only between
//! two reads; one that is dropped in the middle is stopped by quinn itself. quinn also ends a response that is dropped in
//! the middle as if it were whole, so such a stream is reset.

use std::task::{Context, Poll};

use ::h3::error::Code;
use ::h3::quic::{
    BidiStream, Connection, ConnectionErrorIncoming, OpenStreams, RecvStream, SendStream,
    StreamErrorIncoming, StreamId, WriteBuf,
};
use bytes::Bytes;

use crate::config::limits;

/// Bytes that a request may have: its fields, its body, and the heads of their frames.
const REQUEST_BYTES: usize = limits::HTTP_HEAD.default_usize() + limits::QUERY_BYTES.default_usize() + 64;
/// Bytes on a one-way stream.
const ONE_WAY_BYTES: usize = limits::H3_UNI_BYTES.default_usize();

type Sending = h3_quinn::SendStream<Bytes>;

/// A connection whose streams are bounded.
pub(super) struct Bounded(h3_quinn::Connection);

impl Bounded {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        Bounded(h3_quinn::Connection::new(connection))
    }
}

impl Connection<Bytes> for Bounded {
    type RecvStream = Receiving;
    type OpenStreams = Opener;

    fn poll_accept_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Receiving, ConnectionErrorIncoming>> {
        let accepted = Connection::<Bytes>::poll_accept_recv(&mut self.0, cx);
        accepted.map_ok(|stream| Receiving::new(stream, ONE_WAY_BYTES))
    }

    fn poll_accept_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Duplex, ConnectionErrorIncoming>> {
        Connection::<Bytes>::poll_accept_bidi(&mut self.0, cx).map_ok(Duplex::new)
    }

    fn opener(&self) -> Opener {
        Opener(Connection::<Bytes>::opener(&self.0))
    }
}

impl OpenStreams<Bytes> for Bounded {
    type BidiStream = Duplex;
    type SendStream = Sending;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Duplex, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_bidi(&mut self.0, cx).map_ok(Duplex::new)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sending, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_send(&mut self.0, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.0, code, reason);
    }
}

/// Opens streams of its own.
pub(super) struct Opener(h3_quinn::OpenStreams);

impl OpenStreams<Bytes> for Opener {
    type BidiStream = Duplex;
    type SendStream = Sending;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Duplex, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_bidi(&mut self.0, cx).map_ok(Duplex::new)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sending, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_send(&mut self.0, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.0, code, reason);
    }
}

/// The receiving side of a stream.
pub(super) struct Receiving {
    stream: h3_quinn::RecvStream,
    id: StreamId,
    left: usize,
    is_being_read: bool,
}

impl Receiving {
    fn new(stream: h3_quinn::RecvStream, most: usize) -> Self {
        Receiving {
            id: stream.recv_id(),
            stream,
            left: most,
            is_being_read: false,
        }
    }
}

impl RecvStream for Receiving {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let polled = self.stream.poll_data(cx);
        self.is_being_read = polled.is_pending();
        if let Poll::Ready(Ok(Some(bytes))) = &polled {
            let Some(left) = self.left.checked_sub(bytes.len()) else {
                return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                    error_code: Code::H3_EXCESSIVE_LOAD.value(),
                }));
            };
            self.left = left;
        }
        polled
    }

    fn stop_sending(&mut self, code: u64) {
        if !self.is_being_read {
            self.stream.stop_sending(code);
        }
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

/// The sending side of a request's stream.
pub(super) struct Responding {
    stream: Sending,
    /// Nothing is on its way yet, or not all that was to be.
    is_torn: bool,
}

impl SendStream<Bytes> for Responding {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let polled = self.stream.poll_ready(cx);
        self.is_torn &= polled.is_pending();
        polled
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.is_torn = true;
        self.stream.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_finish(cx)
    }

    fn reset(&mut self, code: u64) {
        self.stream.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.stream.send_id()
    }
}

impl Drop for Responding {
    fn drop(&mut self) {
        // What h3 says of a head that is too large has no end but this.
        if self.is_torn {
            self.stream.reset(Code::H3_REQUEST_CANCELLED.value());
        }
    }
}

/// A stream of both directions.
pub(super) struct Duplex {
    send: Responding,
    receive: Receiving,
}

impl Duplex {
    fn new(stream: h3_quinn::BidiStream<Bytes>) -> Self {
        let (send, receive) = stream.split();
        Duplex {
            send: Responding {
                stream: send,
                is_torn: true,
            },
            receive: Receiving::new(receive, REQUEST_BYTES),
        }
    }
}

impl BidiStream<Bytes> for Duplex {
    type SendStream = Responding;
    type RecvStream = Receiving;

    fn split(self) -> (Responding, Receiving) {
        (self.send, self.receive)
    }
}

impl RecvStream for Duplex {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receive.poll_data(cx)
    }

    fn stop_sending(&mut self, code: u64) {
        self.receive.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

impl SendStream<Bytes> for Duplex {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, code: u64) {
        self.send.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}
