//! The UDP listener: datagrams in batches, replies from the address that was asked.
//!
//! A query that memory answers costs no task and no allocation. The reply leaves from the address that the
//! query came to, because a client that asked one address of a router ignores an answer from another.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use super::{Received, Service};
use crate::config::limits;
use crate::engine::{Client, Transport};
use crate::message::MAX_MESSAGE;

/// Datagrams taken in one system call.
const BATCH: usize = limits::UDP_BATCH.default_usize();
/// The kernel may hand over several datagrams of one sender as one; the buffers must hold them all. Pages
/// that nothing is written to take no memory.
const BUFFER: usize = MAX_MESSAGE + 1;

/// A socket and what is needed to answer from the right address.
struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

/// Where a datagram came from and to.
#[derive(Clone, Copy)]
struct Peer {
    addr: SocketAddr,
    asked: Option<IpAddr>,
}

/// Serves datagrams until the runtime ends.
///
/// # Errors
/// If the socket cannot be used at all.
pub async fn serve(socket: std::net::UdpSocket, service: Arc<Service>) -> io::Result<()> {
    let io = UdpSocket::from_std(socket)?;
    let state = UdpSocketState::new(UdpSockRef::from(&io))?;
    let socket = Arc::new(Socket { io, state });
    let mut memory = vec![0u8; BATCH * BUFFER];
    let mut metas = [RecvMeta::default(); BATCH];
    let mut out = Vec::with_capacity(MAX_MESSAGE);
    loop {
        let count = socket.receive(&mut memory, &mut metas).await;
        for (meta, buffer) in metas[..count].iter().zip(memory.chunks_exact(BUFFER)) {
            let peer = Peer {
                addr: meta.addr,
                asked: meta.dst_ip,
            };
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                take(datagram, peer, &socket, &service, &mut out);
            }
        }
    }
}

/// Answers one datagram, or leaves it to whoever waits for upstream.
fn take(datagram: &[u8], peer: Peer, socket: &Arc<Socket>, service: &Arc<Service>, out: &mut Vec<u8>) {
    out.clear();
    let client = Client {
        addr: peer.addr.ip(),
        transport: Transport::Udp,
    };
    match service.receive(datagram, client, out) {
        Received::Reply => socket.send(out, peer),
        Received::Nothing => {}
        Received::Ask(pending) => {
            let socket = Arc::clone(socket);
            service.finish_then(datagram, client, pending, move |reply| socket.send(reply, peer));
        }
    }
}

impl Socket {
    /// Waits for datagrams. Errors that the kernel reports of earlier replies (ICMP) are not ours.
    async fn receive(&self, memory: &mut [u8], metas: &mut [RecvMeta; BATCH]) -> usize {
        loop {
            let mut chunks = memory.chunks_exact_mut(BUFFER);
            let mut buffers: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let receive = || self.state.recv(UdpSockRef::from(&self.io), &mut buffers, metas);
            match self.io.async_io(Interest::READABLE, receive).await {
                Ok(count) => return count,
                Err(error) => debug!(%error, "receiving a datagram failed"),
            }
        }
    }

    /// Sends a reply. If the kernel has no room the reply is lost, as any datagram may be, and the client
    /// asks again.
    fn send(&self, reply: &[u8], peer: Peer) {
        let transmit = Transmit {
            destination: peer.addr,
            ecn: None,
            contents: reply,
            segment_size: None,
            src_ip: peer.asked,
        };
        let sent = self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send(UdpSockRef::from(&self.io), &transmit)
        });
        if let Err(error) = sent {
            debug!(%error, client = %peer.addr, "sending a reply failed");
        }
    }
}
