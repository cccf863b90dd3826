//! A question to a DNS server over plain DNS, blocking: what `dnsctl router --verify` asks with.
//!
//! UDP, once more after silence, then TCP where the reply is cut. What comes from elsewhere or belongs to another question
//! is passed over, and nothing lasts longer than the deadline.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rand::RngExt;

use crate::config::limits;
use crate::message::outgoing::{Echo, Outgoing};
use crate::message::read::glance;
use crate::message::{NameRef, Rtype};

/// Time for one answer.
const ATTEMPT: Duration = limits::VERIFY_ATTEMPT.default_time();
/// How often a question is sent over UDP.
const TRIES: u32 = 2;
/// What fits into every path (DNS flag day 2020).
const PAYLOAD: u16 = 1232;
/// Room for a datagram.
const ROOM: usize = 4096;

/// Asks, and returns the message that came; none where nothing came in time.
pub(super) fn ask(server: SocketAddr, name: NameRef<'_>, rtype: Rtype, deadline: Instant) -> Option<Vec<u8>> {
    let mut query = Outgoing::new(name, rtype, (false, false), PAYLOAD);
    query.set_id(rand::rng().random());
    let reply = over_udp(server, &query, deadline).ok()??;
    let (_, is_cut) = glance(&reply)?;
    if !is_cut {
        return Some(reply);
    }
    // What was cut says at least that somebody answers.
    over_tcp(server, &query, deadline).ok().flatten().or(Some(reply))
}

/// Whether the message answers the query.
fn is_reply(query: &Outgoing, message: &[u8]) -> bool {
    matches!(
        query.echo(message),
        Echo::Exact | Echo::OtherCase | Echo::NoQuestion
    )
}

fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.checked_duration_since(Instant::now())?.min(ATTEMPT);
    (!left.is_zero()).then_some(left)
}

fn over_udp(server: SocketAddr, query: &Outgoing, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let any: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    // Nobody else's datagrams arrive then, and a closed port is an error at once.
    socket.connect(server)?;
    let mut room = [0; ROOM];
    for _ in 0..TRIES {
        socket.send(query.as_bytes())?;
        let end = Instant::now() + ATTEMPT;
        while let Some(patience) = left(deadline.min(end)) {
            socket.set_read_timeout(Some(patience))?;
            match socket.recv(&mut room) {
                Ok(len) => {
                    let message = room.get(..len).unwrap_or_default();
                    if is_reply(query, message) {
                        return Ok(Some(message.to_vec()));
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}

fn over_tcp(server: SocketAddr, query: &Outgoing, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let Some(patience) = left(deadline) else {
        return Ok(None);
    };
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let bytes = query.as_bytes();
    // A query is far shorter than a frame may be.
    let mut frame = u16::try_from(bytes.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes()
        .to_vec();
    frame.extend_from_slice(bytes);
    stream.write_all(&frame)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    let mut filled = 0;
    // Byte by byte would else be as many patiences.
    while filled < message.len() {
        let Some(patience) = left(deadline) else {
            return Ok(None);
        };
        stream.set_read_timeout(Some(patience))?;
        match stream.read(message.get_mut(filled..).unwrap_or_default())? {
            0 => return Ok(None),
            len => filled += len,
        }
    }
    Ok(is_reply(query, &message).then_some(message))
}
