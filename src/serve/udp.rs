//! The UDP listener: datagrams in batches, replies from the address that was asked.
//!
//! A query that memory answers costs no task and no allocation. The reply leaves from the address that the
//! query came to, because a client that asked one address of a router ignores an answer from another.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::cmsg_space;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, setsockopt, sockopt,
};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use super::{Received, Service};
use crate::config::limits;
use crate::engine::{Client, Transport};

/// Datagrams taken in one system call, and replies sent in one.
const BATCH: usize = limits::UDP_BATCH.default_usize();
/// Room for the largest query that is taken. A larger one is without its end here, which is an error like any. Room for
/// the largest datagram would be a mebibyte for each socket of each worker, in real memory where the C library writes
/// zeros into what it gives, as the packages' does.
const BUFFER: usize = limits::QUERY_BYTES.default_usize();

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

/// Serves datagrams until the runtime ends. To be run on a thread's own tasks: what the kernel wants to be told
/// of a batch holds pointers, which stay on the thread.
///
/// # Errors
/// If the socket cannot be used at all.
pub async fn serve(socket: std::net::UdpSocket, service: Arc<Service>) -> io::Result<()> {
    let socket = Arc::new(Socket::new(socket)?);
    let mut memory = vec![0u8; BATCH * BUFFER];
    let mut metas = [RecvMeta::default(); BATCH];
    let mut replies = Replies::new();
    loop {
        let count = socket.receive(&mut memory, &mut metas).await;
        for (meta, buffer) in metas[..count].iter().zip(memory.chunks_exact(BUFFER)) {
            let peer = Peer {
                addr: meta.addr,
                asked: meta.dst_ip,
            };
            take(&buffer[..meta.len], peer, &socket, &service, &mut replies);
        }
        replies.send(&socket);
        if count < BATCH {
            socket.wait_for_more();
        }
    }
}

/// Answers one datagram, or leaves it to whoever waits for upstream.
fn take(datagram: &[u8], peer: Peer, socket: &Arc<Socket>, service: &Arc<Service>, replies: &mut Replies) {
    let client = Client::new(peer.addr.ip(), Transport::Udp);
    match service.receive(datagram, client, &mut replies.bytes) {
        Received::Reply => replies.end_one(peer),
        Received::Nothing => {}
        Received::Ask(pending) => {
            let socket = Arc::clone(socket);
            service.finish_then(datagram, client, pending, move |reply| socket.send(reply, peer));
        }
    }
}

/// The replies to a batch, which go out together.
///
/// Measured on a 2-core x86 machine: a system call for each reply makes an answer from memory cost 1.25 times what
/// the bare echo loop costs, one for all of them 1.1 times.
struct Replies {
    /// One behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends, and to whom it goes.
    ends: Vec<(usize, Peer)>,
    /// What the kernel is told: of IPv4 and of IPv6, whose control messages differ in length.
    v4: MultiHeaders<SockaddrStorage>,
    v6: MultiHeaders<SockaddrStorage>,
}

impl Replies {
    fn new() -> Self {
        Replies {
            bytes: Vec::with_capacity(BATCH * super::REPLY),
            ends: Vec::with_capacity(BATCH),
            v4: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(in_pktinfo))),
            v6: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(in6_pktinfo))),
        }
    }

    /// What was written last is a reply to this one.
    fn end_one(&mut self, peer: Peer) {
        self.ends.push((self.bytes.len(), peer));
    }

    /// Sends all. If the kernel has no room a reply is lost, as any datagram may be, and the client asks again.
    fn send(&mut self, socket: &Socket) {
        let mut start = 0;
        let ends = std::mem::take(&mut self.ends);
        // One call takes one address to answer from; seldom is a server asked at several at once.
        for run in ends.chunk_by(|(_, one), (_, next)| one.asked == next.asked) {
            start = self.send_run(run, start, socket);
        }
        self.ends = ends;
        self.ends.clear();
        self.bytes.clear();
    }

    /// Sends replies from one address, the first of which begins at `start`; says where the last one ends.
    fn send_run(&mut self, run: &[(usize, Peer)], start: usize, socket: &Socket) -> usize {
        let mut end = start;
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|at| {
            let begin = end;
            end = run.get(at).map_or(begin, |(end, _)| *end);
            [IoSlice::new(&self.bytes[begin..end])]
        });
        let peers: [Option<SockaddrStorage>; BATCH] =
            std::array::from_fn(|at| run.get(at).map(|(_, peer)| peer.addr.into()));
        let mut sent = 0;
        while sent < run.len() {
            let (slices, peers) = (&slices[sent..run.len()], &peers[sent..run.len()]);
            let result = socket.io.try_io(Interest::WRITABLE, || {
                let (fd, flags) = (socket.io.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
                let count = match run[0].1.asked {
                    Some(IpAddr::V4(from)) => {
                        let from = in_pktinfo {
                            ipi_ifindex: 0,
                            ipi_spec_dst: nix::libc::in_addr {
                                s_addr: u32::from_ne_bytes(from.octets()),
                            },
                            ipi_addr: nix::libc::in_addr { s_addr: 0 },
                        };
                        let from = [ControlMessage::Ipv4PacketInfo(&from)];
                        sendmmsg(fd, &mut self.v4, slices, peers, from, flags)?.count()
                    }
                    Some(IpAddr::V6(from)) => {
                        let from = in6_pktinfo {
                            ipi6_addr: nix::libc::in6_addr {
                                s6_addr: from.octets(),
                            },
                            ipi6_ifindex: 0,
                        };
                        let from = [ControlMessage::Ipv6PacketInfo(&from)];
                        sendmmsg(fd, &mut self.v6, slices, peers, from, flags)?.count()
                    }
                    // The kernel said nothing of the address: it knows only one.
                    None => 0,
                };
                Ok(count)
            });
            sent += match result {
                Ok(0) => {
                    socket.send(&slices[0][0], run[sent].1);
                    1
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => run.len(),
                // The fault of the first of them.
                Err(error) => {
                    debug!(%error, client = %run[sent].1.addr, "sending a reply failed");
                    1
                }
            };
        }
        run.last().map_or(start, |(end, _)| *end)
    }
}

impl Socket {
    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let io = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        // What QUIC wants to know of a datagram beyond the address that was asked costs the kernel time for each. A
        // kernel that cannot turn it off (an old one, an emulated one) answers all the same, only later.
        let options = SockRef::from(&io);
        let _ = if io.local_addr()?.is_ipv4() {
            options.set_recv_tos_v4(false)
        } else {
            options.set_recv_tclass_v6(false)
        };
        let _ = setsockopt(&io, sockopt::ReceiveTimestampns, &false);
        let _ = setsockopt(&io, sockopt::UdpGroSegment, &false);
        Ok(Socket { io, state })
    }

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

    /// Nothing is there: the next look waits for the kernel's word and saves a call that would only say so. What
    /// came meanwhile is told (the registration is edge-triggered), and then this changes nothing.
    fn wait_for_more(&self) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = self.io.try_io(Interest::READABLE, nothing);
    }

    /// Sends a reply that came late, by itself.
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
