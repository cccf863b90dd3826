//! Connections of the doctor: to whom, for how long, and why there is none.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::matrix::doctor::Fault;
use crate::matrix::range::{is_private, useless};

/// How long everything may take, and each step of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) end: Instant,
    pub(super) step: Duration,
}

impl Budget {
    /// When a step that begins now must have ended.
    pub(super) fn deadline(&self) -> Instant {
        (Instant::now() + self.step).min(self.end)
    }

    /// Whether there is no time for another step.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// What is left until then.
///
/// # Errors
/// Nothing is.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// Which addresses may be connected to: a name is somebody else's word.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// Ranges that the user means.
    pub(super) allow: Vec<IpNet>,
}

impl Guard {
    /// Whether the user means this address.
    pub(super) fn is_meant(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allow.iter().any(|net| net.contains(&address))
    }

    /// Why there must be no connection to an address that a name led to; `is_ours` says that the name lies in a zone of
    /// this server, whose private addresses are meant.
    pub(super) fn refuses(&self, address: IpAddr, is_ours: bool) -> Option<&'static str> {
        let address = address.to_canonical();
        if self.is_meant(address) {
            return None;
        }
        if is_own_or_metadata(address) {
            return Some("an address of this machine, of its link or of its provider's metadata");
        }
        (!is_ours && is_private(address)).then_some("not an address of the internet")
    }
}

/// Addresses behind which something answers that trusts whoever is on this machine: those at which no server can be
/// (loopback, link-local with the metadata of clouds among them, and their like), this network, and the metadata address of
/// IPv6.
fn is_own_or_metadata(address: IpAddr) -> bool {
    useless(address).is_some()
        || match address {
            IpAddr::V4(v4) => v4.octets()[0] == 0,
            IpAddr::V6(v6) => v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        }
}

/// A stream whose every operation ends at the deadline.
pub(super) struct Timed {
    pub(super) tcp: TcpStream,
    pub(super) deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(left(self.deadline)?))?;
        self.tcp.read(room).map_err(late)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(left(self.deadline)?))?;
        self.tcp.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// A time-out has two names.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// Connects.
///
/// # Errors
/// What is wrong, and how it shows.
pub(super) fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, (Fault, String)> {
    let silent = || (Fault::PortFiltered, "does not answer".to_owned());
    let patience = left(deadline).map_err(|_| silent())?;
    let tcp = TcpStream::connect_timeout(&address, patience).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (Fault::PortClosed, "is closed: nothing listens there".to_owned())
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => silent(),
        _ => (Fault::Unreachable, format!("cannot be reached ({error})")),
    })?;
    // Small questions, each waited for.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_with_the_time_for_all() {
        let now = Instant::now();
        let step = Duration::from_secs(60);
        let budget = |end| Budget { end, step };
        let soon = now + Duration::from_secs(1);
        assert_eq!(budget(soon).deadline(), soon);
        assert!(budget(now + 10 * step).deadline() < now + 2 * step);
        assert!(budget(now).is_over() && !budget(now + step).is_over());
        assert!(left(now).is_err());
    }

    #[test]
    fn a_name_leads_to_no_address_that_trusts_this_machine() {
        let plain = Guard::default();
        let allowing = Guard {
            allow: vec!["127.0.0.0/8".parse().unwrap(), "10.7.0.0/16".parse().unwrap()],
        };
        for (text, of_others, of_ours, allowed) in [
            ("9.9.9.9", true, true, true),
            ("203.0.113.10", true, true, true),
            ("192.168.1.20", false, true, false),
            ("fd00::1", false, true, false),
            ("100.64.0.1", false, true, false),
            ("10.7.1.1", false, true, true),
            ("127.0.0.1", false, false, true),
            ("::ffff:127.0.0.1", false, false, true),
            ("169.254.169.254", false, false, false),
            ("fd00:ec2::254", false, false, false),
            ("fe80::1", false, false, false),
            ("::1", false, false, false),
            ("0.0.0.0", false, false, false),
            ("224.0.0.1", false, false, false),
        ] {
            let address = text.parse().unwrap();
            assert_eq!(plain.refuses(address, false).is_none(), of_others, "{text}");
            assert_eq!(plain.refuses(address, true).is_none(), of_ours, "{text}");
            assert_eq!(allowing.refuses(address, false).is_none(), allowed, "{text}");
        }
    }
}
