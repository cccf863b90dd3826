//! Questions of the doctor: to our daemon, to a nameserver, to the system.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::super::ask;
use super::net::{Budget, left};
use crate::config::limits;
use crate::control::types::{Answer, Explain, Request};
use crate::ctl::Reply;
use crate::matrix::doctor::answer::{Heard, Seen, hear, read_line};
use crate::message::{Name, Rcode, Rtype};

/// Where the system says whom to ask.
pub(super) const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Most bytes of it that are read.
const MAX_CONF: u64 = 65_536;
/// Port of plain DNS.
const PORT: u16 = 53;

/// Whose answers are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Via {
    /// Our daemon's, over plain DNS.
    Us(SocketAddr),
    /// Our daemon's, as it would answer this client.
    View(IpAddr),
    /// A nameserver's.
    Server(SocketAddr),
    /// The first of these that answers.
    System(Vec<SocketAddr>),
}

/// Asks.
pub(super) struct Asker<'a> {
    pub(super) via: Via,
    pub(super) budget: Budget,
    /// Carries a request to our daemon.
    pub(super) control: &'a dyn Fn(&Request) -> Reply,
}

impl Asker<'_> {
    /// Asks whoever is followed.
    pub(super) fn ask(&self, name: &Name, rtype: Rtype) -> Heard {
        match &self.via {
            Via::Us(server) | Via::Server(server) => self.ask_server(*server, name, rtype),
            Via::View(client) => self.explain(*client, name, rtype),
            Via::System(servers) => {
                let answers = servers.iter().map(|server| self.ask_server(*server, name, rtype));
                let mut last = Heard::Silence;
                for heard in answers {
                    if heard != Heard::Silence {
                        return heard;
                    }
                    last = heard;
                }
                last
            }
        }
    }

    /// Asks for the addresses of a name.
    pub(super) fn addresses(&self, name: &Name) -> Seen {
        Seen {
            v4: self.ask(name, Rtype::A),
            v6: self.ask(name, Rtype::AAAA),
        }
    }

    /// Asks a nameserver.
    pub(super) fn ask_server(&self, server: SocketAddr, name: &Name, rtype: Rtype) -> Heard {
        ask::ask(server, name.as_ref(), rtype, self.budget.deadline())
            .map_or(Heard::Silence, |message| hear(&message))
    }

    /// Asks our daemon how it would answer this client.
    pub(super) fn explain(&self, client: IpAddr, name: &Name, rtype: Rtype) -> Heard {
        let request = Request::Explain(Explain {
            name: name.to_string(),
            rtype: Some(rtype.to_string()),
            client: Some(client.to_string()),
            device: None,
        });
        match (self.control)(&request).result {
            Ok(Answer::Explained(explained)) => match &explained.rcode {
                Some(rcode) => {
                    let held = explained.records.iter().filter_map(|line| read_line(line));
                    Heard::Reply(rcode_of(rcode), held.collect())
                }
                // It asks upstream: for this client the name is nobody's of ours.
                None if explained.route.is_some() => Heard::Reply(Rcode::NXDOMAIN, Vec::new()),
                None => Heard::Silence,
            },
            _ => Heard::Silence,
        }
    }
}

fn rcode_of(word: &str) -> Rcode {
    let known = [
        Rcode::NOERROR,
        Rcode::NXDOMAIN,
        Rcode::REFUSED,
        Rcode::NOTIMP,
        Rcode::FORMERR,
    ];
    let found = known.into_iter().find(|rcode| rcode.to_string() == word);
    found.unwrap_or(Rcode::SERVFAIL)
}

/// The nameservers of a file like `resolv.conf`, as glibc takes them.
pub(super) fn nameservers(file: &Path) -> Vec<SocketAddr> {
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(MAX_CONF).read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    nameservers_in(&text)
}

fn nameservers_in(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        let address = words.next()?;
        // Scopes of link-local addresses (`fe80::1%eth0`) stay out: nobody but the system can use them.
        Some(SocketAddr::new(address.parse().ok()?, PORT))
    });
    lines.take(limits::DOCTOR_NAMESERVERS.default_usize()).collect()
}

/// What the system's own resolver returns for a host: its files, its nameservers, in its order.
///
/// # Errors
/// Its own words, or that it did not answer in time.
pub(super) fn getaddrinfo(host: &str, budget: Budget) -> Result<Vec<IpAddr>, String> {
    let (tell, told) = mpsc::channel();
    let asked = (host.to_owned(), 0u16);
    // It has no deadline of its own. A thread that stays behind ends with the program.
    thread::spawn(move || {
        let found = asked
            .to_socket_addrs()
            .map(|all| all.map(|addr| addr.ip()).collect::<Vec<IpAddr>>());
        let _ = tell.send(found.map_err(|error| error.to_string()));
    });
    let patience = left(budget.deadline()).unwrap_or_default();
    let found = told
        .recv_timeout(patience)
        .unwrap_or_else(|_| Err("no answer in time".to_owned()));
    found.map(|mut all| {
        all.dedup();
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_read_as_glibc_does() {
        let text = "# nameserver 192.0.2.9\nsearch a.example\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # x\n\
                    nameserver fe80::1%eth0\nnameserver x\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
        let found: Vec<String> = nameservers_in(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"]);
    }

    #[test]
    fn codes_of_explain_are_read_back() {
        for rcode in [Rcode::NOERROR, Rcode::NXDOMAIN, Rcode::REFUSED, Rcode::SERVFAIL] {
            assert_eq!(rcode_of(&rcode.to_string()), rcode);
        }
        assert_eq!(rcode_of("?"), Rcode::SERVFAIL);
    }
}
