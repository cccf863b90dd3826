//! One GET of the doctor over HTTPS: on an address that was chosen, or by URL along redirects.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::net;
use super::tls::Session;
use super::walk::Walk;
use crate::config::limits;
use crate::matrix::doctor::http::{Progress, Reply, read};
use crate::matrix::doctor::place::{Host, Url};
use crate::matrix::doctor::{Class, Fault};

/// A page of a browser asks so; nobody can be there (RFC 6761, 6.4).
const ORIGIN: &str = "https://client.invalid";

/// What a URL brought.
pub(super) struct Fetched {
    pub(super) reply: Reply,
    /// Where it came from in the end.
    pub(super) url: Url,
    pub(super) took: Duration,
}

/// Why it brought nothing.
pub(super) struct Failed {
    pub(super) fault: Fault,
    /// What was done, as `port 203.0.113.10:443`.
    pub(super) what: String,
    pub(super) said: String,
}

/// Sends a GET over an open connection and reads the reply, at most `most` bytes of its body.
///
/// # Errors
/// Why there is none.
pub(super) fn get(session: &mut Session, host: &str, path: &str, most: usize) -> Result<Reply, String> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: hearthdns/{} (doctor)\r\nAccept: */*\r\nOrigin: {ORIGIN}\r\n\
         Connection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::TimedOut => "gives no reply in time".to_owned(),
        _ => format!("breaks the connection ({error})"),
    };
    session.write_all(request.as_bytes()).map_err(broken)?;
    session.flush().map_err(broken)?;
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        let (len, at_end) = match session.read(&mut room) {
            Ok(0) => (0, true),
            Ok(len) => (len, false),
            // What came before the end may be whole.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => (0, true),
            Err(error) => return Err(broken(error)),
        };
        bytes.extend_from_slice(room.get(..len).unwrap_or_default());
        match read(&bytes, at_end, most) {
            Progress::Done(reply) => return Ok(reply),
            Progress::Broken(why) => return Err(format!("gives no reply of HTTP: {why}")),
            // The reader ends by itself before this, unless chunks are tiny.
            Progress::More if bytes.len() > 8 * (most + 65_536) => {
                return Err("gives a reply without an end".to_owned());
            }
            Progress::More => {}
        }
    }
}

impl Walk<'_> {
    /// Where a host and a port are: as `--connect` says, or by its addresses.
    ///
    /// # Errors
    /// Why it has none.
    pub(super) fn places_of(&mut self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, (Fault, String)> {
        if let Some(connect) = self
            .connects
            .iter()
            .find(|connect| connect.port == port && connect.host == *host)
        {
            return Ok(vec![connect.to]);
        }
        let addresses = match host {
            Host::Address(address) => vec![*address],
            Host::Name(_) => {
                let name = host
                    .name()
                    .ok_or_else(|| (Fault::NoName, "is no host name".to_owned()))?;
                let seen = self.seen(&name);
                if let Some(fault) = seen.fault(&name) {
                    return Err(fault);
                }
                seen.addresses(&name).0
            }
        };
        let all = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port));
        Ok(all.take(limits::DOCTOR_ADDRESSES.default_usize()).collect())
    }

    /// Why nothing may be sent to this address, which a host led to.
    pub(super) fn refuses(&self, host: &Host, to: SocketAddr) -> Option<String> {
        if self.connects.iter().any(|connect| connect.to == to) {
            return None;
        }
        self.guard
            .refuses(to.ip(), self.is_ours(host))
            .map(|why| format!("is {why}; nothing was sent there"))
    }

    /// Fetches a URL as a homeserver or a browser does: only over a certificate that is good, along redirects.
    ///
    /// # Errors
    /// What stands in the way.
    pub(super) fn fetch(&mut self, url: &Url, most: usize) -> Result<Fetched, Failed> {
        let began = Instant::now();
        let mut url = url.clone();
        let mut visited = vec![url.clone()];
        loop {
            let reply = self.fetch_one(&url, most)?;
            let location = reply.field("location").map(str::to_owned);
            let (300..=399, Some(location)) = (reply.status, location) else {
                return Ok(Fetched {
                    reply,
                    url,
                    took: began.elapsed(),
                });
            };
            let failed = |fault, said| Failed {
                fault,
                what: url.to_string(),
                said,
            };
            let next = url
                .join(&location)
                .map_err(|why| failed(Fault::WellKnownRedirect, format!("redirects to nowhere: {why}")))?;
            if visited.contains(&next) || visited.len() > limits::DOCTOR_REDIRECTS.default_usize() {
                return Err(failed(
                    Fault::WellKnownLoop,
                    format!("redirects without end ({next} comes again, or too many come)"),
                ));
            }
            visited.push(next.clone());
            url = next;
        }
    }

    fn fetch_one(&mut self, url: &Url, most: usize) -> Result<Reply, Failed> {
        let (host, port) = (url.place.host.clone(), url.port());
        let named = |(fault, said)| Failed {
            fault,
            what: host.to_string(),
            said,
        };
        let places = self.places_of(&host, port).map_err(named)?;
        let mut first = None;
        for to in places {
            match self.fetch_at(url, &host, to, most) {
                Ok(reply) => return Ok(reply),
                // Who is reached decides; a dead address sends on to the next.
                Err(failed) if failed.fault.class() != Class::Reach => return Err(failed),
                Err(failed) => {
                    first.get_or_insert(failed);
                }
            }
        }
        Err(first.unwrap_or_else(|| named((Fault::NoAddress, "has no address".to_owned()))))
    }

    fn fetch_at(&mut self, url: &Url, host: &Host, to: SocketAddr, most: usize) -> Result<Reply, Failed> {
        let at = |what: &str, fault, said| Failed {
            fault,
            what: format!("{what} {to}"),
            said,
        };
        if let Some(why) = self.refuses(host, to) {
            return Err(at("address", Fault::Forbidden, why));
        }
        let deadline = self.asker.budget.deadline();
        let tcp = net::connect(to, deadline).map_err(|(fault, said)| at("port", fault, said))?;
        let mut session = self
            .trust
            .connect(tcp, host, None, deadline)
            .map_err(|(fault, said)| at("port", fault, said))?;
        if !session.is_good()
            && let Some((_, fault, said)) = session.faults.first()
        {
            return Err(at("the certificate at", *fault, said.clone()));
        }
        let header = url.place.to_string();
        get(&mut session, &header, &url.path, most).map_err(|said| at("port", Fault::NoHttp, said))
    }
}
