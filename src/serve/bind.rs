//! Opening sockets: several workers on one port, and a clear word when the port is taken.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::{ListenScheme, ListenUrl, limits};

/// Connections that the kernel keeps for us before we take them.
const BACKLOG: i32 = limits::TCP_BACKLOG.default as i32;
/// Ports tried when any free port will do for UDP and TCP alike.
const TRIES: usize = 16;

/// The sockets of one listener: for each worker one of each kind that is spoken over.
pub struct Listener {
    /// What is spoken, and where; with the real port.
    pub url: ListenUrl,
    /// One for each worker, or none.
    pub udp: Vec<UdpSocket>,
    /// One for each worker, or none.
    pub tcp: Vec<TcpListener>,
}

/// Opens the sockets of a listener for so many workers. Port 0 takes one that is free for all of them.
///
/// # Errors
/// If the address cannot be bound, as when another program holds it.
pub fn listen(url: ListenUrl, workers: usize) -> io::Result<Listener> {
    if url.addr.port() != 0 {
        return listen_on(url, workers);
    }
    let kind = if url.scheme.takes_udp() {
        Type::DGRAM
    } else {
        Type::STREAM
    };
    let mut last = None;
    for _ in 0..TRIES {
        let free = socket(url.addr, kind, false)?.local_addr()?;
        let free = free
            .as_socket()
            .ok_or_else(|| io::Error::other("not an internet address"))?;
        let addr = SocketAddr::new(url.addr.ip(), free.port());
        match listen_on(ListenUrl { addr, ..url }, workers) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no port is free for UDP and TCP")))
}

fn listen_on(url: ListenUrl, workers: usize) -> io::Result<Listener> {
    let ListenUrl { scheme, addr, .. } = url;
    // With SO_REUSEPORT a second daemon would silently share the port with the first. A socket without it
    // cannot be bound then, which is what we want to know before anything else.
    let kind = if scheme.takes_udp() {
        Type::DGRAM
    } else {
        Type::STREAM
    };
    drop(socket(addr, kind, false)?);
    let mut listener = Listener {
        url,
        udp: Vec::new(),
        tcp: Vec::new(),
    };
    for _ in 0..workers.max(1) {
        if scheme.takes_udp() {
            listener.udp.push(socket(addr, Type::DGRAM, true)?.into());
        }
        if scheme.takes_tcp() {
            let tcp = socket(addr, Type::STREAM, true)?;
            tcp.listen(BACKLOG)?;
            listener.tcp.push(tcp.into());
        }
    }
    Ok(listener)
}

/// A socket that was opened for us and handed over.
#[derive(Debug)]
pub enum Given {
    /// Of UDP.
    Udp(UdpSocket),
    /// Of TCP, listening.
    Tcp(TcpListener),
}

impl Given {
    /// Where it is bound, made ready for our runtimes.
    ///
    /// # Errors
    /// If it cannot be used as a socket of ours would be.
    pub fn prepare(&self) -> io::Result<SocketAddr> {
        let (addr, socket) = match self {
            Self::Udp(socket) => (socket.local_addr()?, SockRef::from(socket)),
            Self::Tcp(socket) => (socket.local_addr()?, SockRef::from(socket)),
        };
        if matches!(self, Self::Tcp(_)) && !socket.is_listener()? {
            return Err(io::Error::other("it does not listen (Accept= must be no)"));
        }
        // Addresses of IPv4 clients would come as IPv6, and who may ask is told by address.
        if addr.is_ipv6() && !socket.only_v6()? {
            return Err(io::Error::other(
                "it takes IPv4 too; set BindIPv6Only=ipv6-only, and name 0.0.0.0 as well",
            ));
        }
        socket.set_nonblocking(true)?;
        Ok(addr)
    }
}

/// A listener of sockets that were handed over, shared by so many workers.
///
/// # Errors
/// If a socket cannot be shared.
pub fn adopt(url: ListenUrl, given: &[Given], workers: usize) -> io::Result<Listener> {
    let mut listener = Listener {
        url,
        udp: Vec::new(),
        tcp: Vec::new(),
    };
    // Packets of a QUIC connection must all come to the worker that knows it; of sockets on a port of their own the
    // kernel takes care of that, of one socket that many read nobody does.
    let sharers = match url.scheme {
        ListenScheme::Quic | ListenScheme::H3 => 1,
        _ => workers.max(1),
    };
    for _ in 0..sharers {
        for socket in given {
            match socket {
                Given::Udp(socket) => listener.udp.push(socket.try_clone()?),
                Given::Tcp(socket) => listener.tcp.push(socket.try_clone()?),
            }
        }
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
    fn one_worker_alone_reads_a_socket_of_quic_that_was_handed_over() {
        let given = [Given::Udp(UdpSocket::bind("127.0.0.1:0").unwrap())];
        let adopted = |scheme| adopt(url(scheme, "127.0.0.1:0"), &given, 4).unwrap().udp.len();
        let schemes = [ListenScheme::Plain, ListenScheme::Quic, ListenScheme::H3];
        assert_eq!(schemes.map(adopted), [4, 1, 1]);
    }

    fn url(scheme: ListenScheme, addr: &str) -> ListenUrl {
        ListenUrl {
            scheme,
            addr: addr.parse().unwrap(),
            private_only: false,
        }
    }

    #[test]
    fn any_port_is_the_same_for_udp_and_tcp() {
        let listener = listen(url(ListenScheme::Plain, "127.0.0.1:0"), 2).unwrap();
        assert_ne!(listener.url.addr.port(), 0);
        assert_eq!((listener.udp.len(), listener.tcp.len()), (2, 2));
        for socket in &listener.udp {
            assert_eq!(socket.local_addr().unwrap(), listener.url.addr);
        }
        for socket in &listener.tcp {
            assert_eq!(socket.local_addr().unwrap(), listener.url.addr);
        }
    }

    #[test]
    fn a_listener_takes_the_sockets_that_it_speaks_over() {
        let count = |scheme| {
            let listener = listen(url(scheme, "127.0.0.1:0"), 2).unwrap();
            (listener.udp.len(), listener.tcp.len())
        };
        assert_eq!(count(ListenScheme::Tls), (0, 2));
        assert_eq!(count(ListenScheme::Https), (0, 2));
        assert_eq!(count(ListenScheme::Quic), (2, 0));
        assert_eq!(count(ListenScheme::H3), (2, 0));
    }

    #[test]
    fn a_port_that_is_taken_is_not_shared_with_a_stranger() {
        for scheme in [ListenScheme::Plain, ListenScheme::Tls, ListenScheme::Quic] {
            let first = listen(url(scheme, "127.0.0.1:0"), 1).unwrap();
            let second = listen(first.url, 1);
            assert_eq!(
                second.err().map(|error| error.kind()),
                Some(io::ErrorKind::AddrInUse)
            );
        }
    }
}
