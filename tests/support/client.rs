//! The tests' DNS client: one question over UDP or TCP, raw datagrams, and a TCP stream for pipelining.
//!
//! It never asks twice: a lost reply is a failed test, as it would be a slow page for a person.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::wire::Message;
use super::{DEADLINE, SILENCE};

/// A client that asks one server from one address.
pub(crate) struct Client {
    from: IpAddr,
    udp: SocketAddr,
    tcp: SocketAddr,
}

impl Client {
    /// A client of the server at these addresses.
    pub(crate) fn new(udp: SocketAddr, tcp: SocketAddr) -> Self {
        let from = match udp.ip() {
            IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            // At the other end of a wire: from wherever that leads to.
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        };
        Client { from, udp, tcp }
    }

    /// The same server asked from another address of this machine (all of 127.0.0.0/8 is).
    pub(crate) fn from(&self, address: &str) -> Self {
        Client {
            from: address.parse().unwrap(),
            ..*self
        }
    }

    /// Asks over UDP with EDNS as most stub resolvers do; fails the test where no sound reply comes.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, rtype: u16) -> Message {
        self.exchange(&Message::query(name, rtype).with_edns(1232))
    }

    /// Asks over TCP.
    #[track_caller]
    pub(crate) fn ask_tcp(&self, name: &str, rtype: u16) -> Message {
        self.stream()
            .exchange(&Message::query(name, rtype).with_edns(1232))
    }

    /// Sends this query over UDP and reads the reply to it.
    #[track_caller]
    pub(crate) fn exchange(&self, query: &Message) -> Message {
        let Some(bytes) = self.raw(&query.encode(), DEADLINE) else {
            panic!("no reply within {DEADLINE:?} to {:?} over UDP", query.questions);
        };
        sound_reply(query, &bytes)
    }

    /// Sends bytes over UDP and waits for one datagram from the address that they were sent to.
    pub(crate) fn raw(&self, datagram: &[u8], wait: Duration) -> Option<Vec<u8>> {
        let socket = self.socket();
        socket.send(datagram).expect("send a datagram on loopback");
        receive(&socket, wait)
    }

    /// Whether the server stays silent on this datagram.
    pub(crate) fn is_ignored(&self, datagram: &[u8]) -> bool {
        self.raw(datagram, SILENCE).is_none()
    }

    /// A UDP socket connected to the server: it takes datagrams from the address that it asks only.
    pub(crate) fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.from, 0)).expect("bind a client's UDP socket");
        socket.connect(self.udp).expect("connect a UDP socket");
        socket
    }

    /// A TCP connection.
    pub(crate) fn stream(&self) -> Stream {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(self.tcp),
            socket2::Type::STREAM,
            None,
        )
        .expect("a TCP socket");
        socket
            .bind(&SocketAddr::new(self.from, 0).into())
            .expect("bind a client's TCP socket");
        socket
            .connect_timeout(&self.tcp.into(), DEADLINE)
            .expect("connect over TCP");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).unwrap();
        Stream(stream)
    }
}

/// A TCP connection that carries DNS messages (RFC 7766).
pub(crate) struct Stream(pub(crate) TcpStream);

impl Stream {
    /// Sends one message behind its length.
    pub(crate) fn send(&mut self, message: &[u8]) {
        self.0.write_all(&framed(message)).expect("write to a TCP stream");
    }

    /// Reads one message; `None` where the server closed the connection.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        self.0.set_read_timeout(Some(DEADLINE)).unwrap();
        read_framed(&mut self.0).unwrap_or_else(|error| panic!("read from a TCP stream: {error}"))
    }

    /// Sends a query and reads the reply to it.
    #[track_caller]
    pub(crate) fn exchange(&mut self, query: &Message) -> Message {
        self.send(&query.encode());
        let Some(bytes) = self.receive() else {
            panic!(
                "the connection was closed instead of a reply to {:?}",
                query.questions
            );
        };
        sound_reply(query, &bytes)
    }

    /// Waits until the server closes the connection; how long that took.
    #[track_caller]
    pub(crate) fn wait_for_close(&mut self, deadline: Duration) -> Duration {
        let start = Instant::now();
        self.0.set_read_timeout(Some(deadline)).unwrap();
        match self.0.read(&mut [0; 1]) {
            Ok(0) => start.elapsed(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => start.elapsed(),
            other => panic!("expected the connection to be closed within {deadline:?}, got {other:?}"),
        }
    }
}

/// What every reply must be, whatever it says: to this query, complete, and with the flags in order.
#[track_caller]
pub(crate) fn sound_reply(query: &Message, bytes: &[u8]) -> Message {
    let reply = Message::decode(bytes)
        .unwrap_or_else(|error| panic!("a reply that cannot be read: {error}: {bytes:02x?}"));
    let about = format!("in the reply to {:?}: {reply:?}", query.questions);
    assert_eq!(reply.id, query.id, "another id {about}");
    assert!(reply.qr, "QR is clear {about}");
    assert_eq!(reply.opcode, query.opcode, "another opcode {about}");
    assert_eq!(reply.rd, query.rd, "RD is not copied {about}");
    assert!(!reply.z, "Z is set {about}");
    assert_eq!(
        reply.questions, query.questions,
        "the question (and its case) is not echoed {about}"
    );
    assert_eq!(
        reply.edns.is_some(),
        query.edns.is_some(),
        "OPT answers OPT, nothing else (RFC 6891, 7) {about}"
    );
    assert!(reply.trailing.is_empty(), "bytes behind the last record {about}");
    reply
}

/// One datagram from a connected socket within `wait`.
pub(crate) fn receive(socket: &UdpSocket, wait: Duration) -> Option<Vec<u8>> {
    socket.set_read_timeout(Some(wait)).unwrap();
    let mut buffer = vec![0; 65_535];
    match socket.recv(&mut buffer) {
        Ok(len) => {
            buffer.truncate(len);
            Some(buffer)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        // Nobody listens there: as silent as it gets.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => None,
        Err(error) => panic!("receive a datagram: {error}"),
    }
}

/// A message behind its two bytes of length (RFC 1035, 4.2.2).
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    out.extend(message);
    out
}

/// Reads one framed message; `None` at the end of the stream.
pub(crate) fn read_framed(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(Some(message))
}
