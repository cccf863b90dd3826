//! The way of a call: a STUN binding at the TURN server over UDP, TCP and TLS.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rand::RngExt;

use super::net::{self, Timed, left};
use super::walk::Walk;
use crate::matrix::doctor::place::{Host, Place};
use crate::matrix::doctor::stun::{self, MAX_MESSAGE};
use crate::matrix::doctor::{Class, Fault, Grade, Leg};

const LEG: Leg = Leg::Turn;
/// Ports of TURN, and of TURN over TLS (RFC 8656, 20).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;
/// How long a datagram is waited for before it is sent again (RFC 8489, 6.2.1, begins with this).
const AGAIN: Duration = Duration::from_millis(500);

impl Walk<'_> {
    /// Walks as a call. Where nobody named the TURN server, the usual name is looked for, and its absence is no fault.
    pub(super) fn turn(&mut self, named: Option<&Place>, server: &Place) {
        let guessed = match &server.host {
            Host::Name(name) => Host::Name(format!("turn.{name}")),
            Host::Address(_) => return self.turn_of(named),
        };
        if named.is_some() {
            return self.turn_of(named);
        }
        let Some(name) = guessed.name() else { return };
        if !self.seen(&name).addresses(&name).0.is_empty() {
            let place = Place {
                host: guessed,
                port: None,
            };
            self.turn_of(Some(&place));
        }
    }

    fn turn_of(&mut self, place: Option<&Place>) {
        let Some(place) = place else { return };
        let host = &place.host;
        if let Some((link, false)) = self.answer(LEG, host) {
            self.report.links[link].fault = Some(Fault::TurnNoAddress);
            return;
        }
        let from = self.report.links.len();
        let port = place.port.unwrap_or(PORT);
        let udp = self.binding(host, port, "UDP", |_, to, deadline| over_udp(to, deadline));
        let tcp = self.binding(host, port, "TCP", |_, to, deadline| over_tcp(to, deadline));
        let tls = self.binding(host, TLS_PORT, "TLS", |walk, to, deadline| {
            let tcp = net::connect(to, deadline)?;
            let mut session = walk.trust.connect(tcp, host, None, deadline)?;
            if !session.is_good()
                && let Some((_, fault, said)) = session.faults.first()
            {
                return Err((*fault, format!("the certificate {said}")));
            }
            over_stream(&mut session)
        });
        if self.late.is_some() {
            return;
        }
        let (fault, grade, at) = match (udp, tcp, tls) {
            (false, false, false) => (Fault::TurnDead, Grade::Broken, 0),
            (false, _, _) => (Fault::TurnNoUdp, Grade::Warning, 0),
            (true, false, false) => (Fault::TurnUdpOnly, Grade::Warning, 1),
            _ => return,
        };
        if let Some(link) = self.report.links.get_mut(from + at) {
            if !(link.fault == Some(Fault::Forbidden) && grade == Grade::Broken) {
                link.fault = Some(fault);
            }
            link.grade = grade;
            link.seen = match fault {
                Fault::TurnDead => format!("{}, and nothing else answers either", link.seen),
                Fault::TurnUdpOnly => format!("{}, nor does TLS answer: UDP alone does", link.seen),
                _ => link.seen.clone(),
            };
        }
    }

    fn binding(
        &mut self,
        host: &Host,
        port: u16,
        over: &str,
        ask: impl Fn(&mut Self, SocketAddr, Instant) -> Result<Option<SocketAddr>, (Fault, String)>,
    ) -> bool {
        let what = format!("TURN over {over}, {host}:{port}");
        (self.progress)(&what);
        let began = Instant::now();
        let mut failed = (Fault::TurnDead, "has no address".to_owned());
        for to in self.places_of(host, port).unwrap_or_default() {
            if let Some(why) = self.refuses(host, to) {
                failed = (Fault::Forbidden, why);
                continue;
            }
            let deadline = self.asker.budget.deadline();
            match ask(self, to, deadline) {
                Ok(seen) => {
                    let said = match seen {
                        Some(seen) => format!("answers; it sees {seen}"),
                        None => "answers".to_owned(),
                    };
                    self.push(LEG, what, Grade::Ok, None, said, Some(began.elapsed()));
                    return true;
                }
                Err(why) => failed = why,
            }
        }
        let (fault, said) = failed;
        // What a certificate is wrong in is worth a word of its own; the rest depends on the other transports.
        let (grade, fault) = match fault.class() {
            Class::Tls if !matches!(fault, Fault::NotTls | Fault::TlsClosed | Fault::TlsSilent) => {
                (Grade::Warning, Some(Fault::TurnTls))
            }
            _ if fault == Fault::Forbidden => (Grade::Note, Some(fault)),
            _ => (Grade::Note, None),
        };
        self.push(LEG, what, grade, fault, said, Some(began.elapsed()));
        false
    }
}

fn silent() -> (Fault, String) {
    (Fault::TurnDead, "does not answer".to_owned())
}

fn over_udp(to: SocketAddr, deadline: Instant) -> Result<Option<SocketAddr>, (Fault, String)> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let unreachable = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => (Fault::TurnDead, "is closed: nothing listens there".to_owned()),
        _ => (Fault::TurnDead, format!("cannot be reached ({error})")),
    };
    let id: [u8; 12] = rand::rng().random();
    let socket = UdpSocket::bind(any).map_err(unreachable)?;
    socket.connect(to).map_err(unreachable)?;
    let mut room = [0; MAX_MESSAGE];
    loop {
        socket.send(&stun::request(id)).map_err(unreachable)?;
        let again = Instant::now() + AGAIN;
        while let Ok(patience) = left(again.min(deadline)) {
            socket.set_read_timeout(Some(patience)).map_err(unreachable)?;
            match socket.recv(&mut room) {
                Ok(len) => {
                    if let Some(seen) = stun::read(room.get(..len).unwrap_or_default(), id) {
                        return Ok(seen);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreachable(error)),
            }
        }
        left(deadline).map_err(|_| silent())?;
    }
}

fn over_tcp(to: SocketAddr, deadline: Instant) -> Result<Option<SocketAddr>, (Fault, String)> {
    let tcp = net::connect(to, deadline)?;
    over_stream(&mut Timed { tcp, deadline })
}

fn over_stream(stream: &mut (impl Read + Write)) -> Result<Option<SocketAddr>, (Fault, String)> {
    let id: [u8; 12] = rand::rng().random();
    let broken = |_: io::Error| (Fault::TurnDead, "is open, but does not speak STUN".to_owned());
    stream.write_all(&stun::request(id)).map_err(broken)?;
    stream.flush().map_err(broken)?;
    let mut bytes = Vec::new();
    let mut room = [0; MAX_MESSAGE];
    while bytes.len() < MAX_MESSAGE {
        let len = stream.read(&mut room).map_err(broken)?;
        if len == 0 {
            break;
        }
        bytes.extend_from_slice(room.get(..len).unwrap_or_default());
        if stun::length(&bytes).is_some_and(|length| bytes.len() >= length) {
            break;
        }
    }
    stun::read(&bytes, id).ok_or_else(|| broken(io::ErrorKind::InvalidData.into()))
}
