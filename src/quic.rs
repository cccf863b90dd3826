//! The socket of an endpoint for QUIC, with room for what DNS sends: it exists because quinn's own takes three megabytes.
//!
//! quinn keeps room for 32 datagrams, each of which may be 64 that the kernel has put together (UDP_GRO). Where the C library
//! writes zeros into what it hands out, as musl's does, all of that is memory in use, for each listener of each worker and for
//! each connection to an upstream: 12.7 MB on a machine with two cores that answered nobody yet. A question is one
//! datagram, so here none are put together, and the room is 47 kilobytes.
//!
//! Read next: [`crate::serve`] for listeners, [`crate::upstream`] for the other side.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};

/// Tokio, as quinn knows it, but for the sockets.
#[derive(Debug)]
pub(crate) struct OneByOne;

impl Runtime for OneByOne {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let same = socket.try_clone()?;
        let quinns = TokioRuntime.wrap_udp_socket(socket)?;
        // It has switched this on. A kernel that does not know it puts nothing together either, and quinn has seen that.
        let is_off = setsockopt(&same, UdpGroSegment, &false).is_ok();
        let most = if is_off { 1 } else { quinns.max_receive_segments() };
        Ok(Arc::new(Socket { quinns, most }))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// quinn's socket, whose datagrams come one by one.
struct Socket {
    quinns: Arc<dyn AsyncUdpSocket>,
    most: usize,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.quinns.fmt(f)
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.quinns).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.quinns.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.quinns.poll_recv(cx, buffers, metas)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.quinns.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.quinns.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.most
    }

    fn may_fragment(&self) -> bool {
        self.quinns.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[tokio::test]
    async fn datagrams_come_one_by_one() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let same = socket.try_clone().unwrap();
        let wrapped = OneByOne.wrap_udp_socket(socket).unwrap();
        assert_eq!(wrapped.max_receive_segments(), 1);
        assert!(!getsockopt(&same, UdpGroSegment).unwrap());
    }
}
