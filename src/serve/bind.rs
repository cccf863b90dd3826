//! Opening sockets: several workers on one port, and a clear word when the port is taken.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::limits;

/// Connections that the kernel keeps for us before we take them.
const BACKLOG: i32 = limits::TCP_BACKLOG.default as i32;
/// Ports tried when any free port will do for UDP and TCP alike.
const TRIES: usize = 16;

/// The sockets of one listen address: one pair for each worker.
pub struct Listener {
    /// Address, with the real port.
    pub addr: SocketAddr,
    /// One for each worker.
    pub udp: Vec<UdpSocket>,
    /// One for each worker.
    pub tcp: Vec<TcpListener>,
}

/// Opens UDP and TCP on an address for so many workers. Port 0 takes one that is free for both.
///
/// # Errors
/// If the address cannot be bound, as when another program holds it.
pub fn listen(addr: SocketAddr, workers: usize) -> io::Result<Listener> {
    if addr.port() != 0 {
        return listen_on(addr, workers);
    }
    let mut last = None;
    for _ in 0..TRIES {
        let free = socket(addr, Type::DGRAM, false)?.local_addr()?;
        let free = free
            .as_socket()
            .ok_or_else(|| io::Error::other("not an internet address"))?;
        match listen_on(SocketAddr::new(addr.ip(), free.port()), workers) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no port is free for UDP and TCP")))
}

fn listen_on(addr: SocketAddr, workers: usize) -> io::Result<Listener> {
    // With SO_REUSEPORT a second daemon would silently share the port with the first. A socket without it
    // cannot be bound then, which is what we want to know before anything else.
    drop(socket(addr, Type::DGRAM, false)?);
    let mut listener = Listener {
        addr,
        udp: Vec::new(),
        tcp: Vec::new(),
    };
    for _ in 0..workers.max(1) {
        listener.udp.push(socket(addr, Type::DGRAM, true)?.into());
        let tcp = socket(addr, Type::STREAM, true)?;
        tcp.listen(BACKLOG)?;
        listener.tcp.push(tcp.into());
    }
    Ok(listener)
}

fn socket(addr: SocketAddr, kind: Type, share: bool) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM {
        Protocol::UDP
    } else {
        Protocol::TCP
    };
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        // [::] and 0.0.0.0 are two listeners; without this the second could not be bound.
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // A restart must not wait for old connections to time out.
        socket.set_reuse_address(true)?;
    }
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_port_is_the_same_for_udp_and_tcp() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        assert_ne!(listener.addr.port(), 0);
        for socket in &listener.udp {
            assert_eq!(socket.local_addr().unwrap(), listener.addr);
        }
        for socket in &listener.tcp {
            assert_eq!(socket.local_addr().unwrap(), listener.addr);
        }
    }

    #[test]
    fn a_port_that_is_taken_is_not_shared_with_a_stranger() {
        let first = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let second = listen(first.addr, 1);
        assert_eq!(
            second.err().map(|error| error.kind()),
            Some(io::ErrorKind::AddrInUse)
        );
    }
}
