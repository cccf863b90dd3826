//! The addresses of this host's interfaces, asked of the kernel.
//!
//! Over netlink, as ip(8) does, and not by getifaddrs(3): that of musl follows every length that it is told, so a damaged answer
//! can keep it for ever. Here every wait, list and repetition has its bound, and what cannot be read is refused. The bytes are
//! read by [`crate::netlink::route`]; who hears of changes is the daemon, over sockets of the same kind.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::config::limits;
use crate::netlink::route::{Address, List, Listing};

/// How long all of it may take.
const PATIENCE: Duration = limits::NETWORK_LOOK.default_time();
/// How much of one list is read.
const LISTED: usize = limits::NETWORK_LISTED.default_usize();
/// How often a list is read that changes meanwhile.
const LOOKS: usize = limits::NETWORK_LOOKS.default_usize();
/// Largest datagram: the kernel makes none longer.
pub(crate) const DATAGRAM: usize = 32 * 1024;

/// The addresses of all interfaces, also of those that are down, in the kernel's order. Link-local addresses of IPv6 are left
/// out: without their interface they lead nowhere.
///
/// # Errors
///
/// Where the kernel does not let us, does not answer in time, or says what cannot be read.
pub fn addresses() -> io::Result<Vec<Address>> {
    addresses_by(&socket()?, Instant::now() + PATIENCE)
}

/// As [`addresses`], but only of interfaces that something is at the other end of.
///
/// # Errors
///
/// As those of [`addresses`].
pub fn addresses_in_use() -> io::Result<Vec<Address>> {
    addresses_in_use_by(&socket()?, Instant::now() + PATIENCE)
}

fn addresses_by(kernel: &dyn Kernel, end: Instant) -> io::Result<Vec<Address>> {
    let mut found = list(kernel, List::Addresses, end)?.addresses;
    found.retain(|address| match address.ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    Ok(found)
}

fn addresses_in_use_by(kernel: &dyn Kernel, end: Instant) -> io::Result<Vec<Address>> {
    let mut found = addresses_by(kernel, end)?;
    // Interfaces come second: one that went meanwhile takes its addresses along, one that came has none of them.
    let running = list(kernel, List::Links, end)?.running;
    found.retain(|address| running.contains(&address.link));
    Ok(found)
}

/// Whom we ask.
trait Kernel {
    fn ask(&self, request: &[u8]) -> io::Result<()>;
    /// The next datagram; its length, 0 for anybody else's.
    fn hear(&self, room: &mut [u8]) -> io::Result<usize>;
}

impl Kernel for OwnedFd {
    fn ask(&self, request: &[u8]) -> io::Result<()> {
        rustix::net::send(self, request, SendFlags::empty())?;
        Ok(())
    }

    fn hear(&self, room: &mut [u8]) -> io::Result<usize> {
        receive(self, room)
    }
}

/// A list as a whole. One that changed while it was read is read again; where that does not end, the last one counts, because
/// it lacks no more than what changes, and each change is told to whoever watches.
fn list(kernel: &dyn Kernel, list: List, end: Instant) -> io::Result<Listing> {
    let mut room = vec![0; DATAGRAM];
    let mut number = 0;
    loop {
        number += 1;
        let listing = read(kernel, list, number, end, &mut room)?;
        if !listing.is_torn || number as usize >= LOOKS {
            return Ok(listing);
        }
    }
}

fn read(kernel: &dyn Kernel, list: List, number: u32, end: Instant, room: &mut [u8]) -> io::Result<Listing> {
    kernel.ask(&list.request(number))?;
    let mut listing = Listing::new(number, LISTED);
    loop {
        let heard = kernel.hear(room);
        let is_late = matches!(&heard, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        if is_late || Instant::now() >= end {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the kernel does not answer in time",
            ));
        }
        let len = match heard {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if listing.take(room.get(..len).unwrap_or_default())? {
            return Ok(listing);
        }
    }
}

/// A socket that waits for an answer, but not for ever.
fn socket() -> io::Result<OwnedFd> {
    let socket = open(0, SocketFlags::empty())?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

/// A netlink socket about links, addresses and routes that hears these multicast groups.
///
/// # Errors
///
/// Where the kernel does not let us.
pub(crate) fn open(groups: u32, flags: SocketFlags) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | flags;
    // No protocol stands for routes.
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// Takes one datagram of the kernel's; 0 for anybody else's.
///
/// # Errors
///
/// Where none can be taken, and where there is no room for it.
pub(crate) fn receive(socket: &OwnedFd, room: &mut [u8]) -> io::Result<usize> {
    let space = room.len();
    let (_, len, from) = rustix::net::recvfrom(socket, room, RecvFlags::TRUNC)?;
    if len > space {
        return Err(Errno::NOBUFS.into());
    }
    let sender = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
    let is_kernel = sender.is_some_and(|sender| sender.pid() == 0);
    Ok(if is_kernel { len } else { 0 })
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    use super::*;
    use crate::netlink::fixtures::{attribute, message};
    use crate::netlink::route::{IFA_ADDRESS, IPV4, IPV6, NEW_ADDR, NEW_LINK, RUNNING};
    use crate::netlink::{DONE, ERROR, TORN, u32_at};

    /// A kernel that says what it is told to, to the request that was heard last.
    #[derive(Default)]
    struct Script {
        /// What comes, with a number of its own to be replaced.
        says: RefCell<VecDeque<io::Result<Vec<u8>>>>,
        /// What is said when that is over, again and again.
        then: Vec<u8>,
        requests: RefCell<Vec<Vec<u8>>>,
        number: Cell<u32>,
    }

    impl Script {
        fn of(says: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> Self {
            Script {
                says: RefCell::new(says.into_iter().collect()),
                ..Script::default()
            }
        }

        /// Whether all of it was heard.
        fn is_over(&self) -> bool {
            self.says.borrow().is_empty()
        }
    }

    impl Kernel for Script {
        fn ask(&self, request: &[u8]) -> io::Result<()> {
            self.number.set(u32_at(request, 8).unwrap());
            self.requests.borrow_mut().push(request.to_vec());
            Ok(())
        }

        fn hear(&self, room: &mut [u8]) -> io::Result<usize> {
            assert_eq!(room.len(), DATAGRAM);
            let said = self.says.borrow_mut().pop_front();
            let mut said = said.unwrap_or_else(|| Ok(self.then.clone()))?;
            let mut at = 0;
            while let Some(len) = u32_at(&said, at) {
                said[at + 8..at + 12].copy_from_slice(&self.number.get().to_ne_bytes());
                at += len as usize;
            }
            room[..said.len()].copy_from_slice(&said);
            Ok(said.len())
        }
    }

    fn address(link: u32, ip: &str) -> Vec<u8> {
        let (family, octets) = match ip.parse().unwrap() {
            IpAddr::V4(ip) => (IPV4, ip.octets().to_vec()),
            IpAddr::V6(ip) => (IPV6, ip.octets().to_vec()),
        };
        let mut body = vec![family, 24, 0, 0];
        body.extend_from_slice(&link.to_ne_bytes());
        attribute(&mut body, IFA_ADDRESS, &octets);
        message(NEW_ADDR, 2, 0, &body)
    }

    fn link(link: u32, flags: u32) -> Vec<u8> {
        let parts = [0, link, flags, 0].map(u32::to_ne_bytes);
        message(NEW_LINK, 2, 0, &parts.concat())
    }

    fn done(flags: u16) -> io::Result<Vec<u8>> {
        Ok(message(DONE, 2 | flags, 0, &[0; 4]))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    fn texts(found: io::Result<Vec<Address>>) -> String {
        match found {
            Ok(found) => {
                let texts = found.iter().map(|address| address.ip.to_string());
                texts.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn addresses_are_all_but_the_link_local_ones() {
        let script = Script::of([
            Ok([address(2, "192.0.2.1"), address(3, "169.254.7.7")].concat()),
            // Somebody else's, and a signal.
            Ok(Vec::new()),
            Err(io::ErrorKind::Interrupted.into()),
            Ok([address(2, "fe80::1"), address(2, "2001:db8::1")].concat()),
            done(0),
        ]);
        assert_eq!(
            texts(addresses_by(&script, soon())),
            "192.0.2.1 169.254.7.7 2001:db8::1"
        );
        assert!(script.is_over());
        assert_eq!(script.requests.take(), [List::Addresses.request(1)]);
    }

    #[test]
    fn those_in_use_are_of_interfaces_that_run_and_are_still_there() {
        let script = Script::of([
            Ok([2, 3, 4].map(|at| address(at, &format!("192.0.2.{at}"))).concat()),
            done(0),
            Ok([link(1, RUNNING), link(2, !RUNNING), link(4, RUNNING | 1)].concat()),
            done(0),
        ]);
        assert_eq!(texts(addresses_in_use_by(&script, soon())), "192.0.2.4");
        assert!(script.is_over());
        assert_eq!(
            script.requests.take(),
            [List::Addresses.request(1), List::Links.request(1)]
        );
    }

    #[test]
    fn a_list_that_changed_meanwhile_is_read_again_but_not_for_ever() {
        for torn in [1, 3, 4, 9] {
            let looks = (1..=torn).flat_map(|at| [Ok(address(2, &format!("192.0.2.{at}"))), done(TORN)]);
            let script = Script::of(looks.chain([Ok(address(2, "192.0.2.99")), done(0)]));
            let expected = if torn < 4 { "192.0.2.99" } else { "192.0.2.4" };
            assert_eq!(texts(addresses_by(&script, soon())), expected, "{torn}");
            let requests = (1..=4.min(torn + 1)).map(|number| List::Addresses.request(number));
            assert_eq!(script.requests.take(), Vec::from_iter(requests));
        }
    }

    #[test]
    fn whatever_the_kernel_does_there_is_an_end_and_a_reason() {
        let late = "the kernel does not answer in time";
        let refused = [&(-13_i32).to_ne_bytes()[..], &[0; 16]].concat();
        for (said, words) in [
            (Err(Errno::AGAIN.into()), late),
            (
                Err(Errno::NOBUFS.into()),
                "No buffer space available (os error 105)",
            ),
            (
                Ok(message(ERROR, 0, 0, &refused)),
                "Permission denied (os error 13)",
            ),
            (
                Ok(message(NEW_ADDR, 2, 0, &[2])),
                "message 2 of the kernel's list cannot be read",
            ),
        ] {
            let script = Script::of([Ok(address(2, "192.0.2.1")), said]);
            assert_eq!(texts(addresses_by(&script, soon())), words);
        }
        for then in [address(2, "192.0.2.1"), Vec::new()] {
            let script = Script {
                then,
                ..Script::default()
            };
            assert_eq!(texts(addresses_by(&script, Instant::now())), late);
        }
        let script = Script {
            then: address(2, "192.0.2.1").repeat(DATAGRAM / 32),
            ..Script::default()
        };
        assert_eq!(
            texts(addresses_by(&script, soon())),
            "the kernel's list is too long"
        );
    }

    #[test]
    fn a_host_has_addresses() {
        let all = texts(addresses());
        assert!(all.split(' ').any(|ip| ip == "127.0.0.1"), "{all}");
        let in_use = texts(addresses_in_use());
        for ip in in_use.split(' ') {
            assert!(all.split(' ').any(|other| other == ip), "{ip} is not of {all}");
        }
    }
}
