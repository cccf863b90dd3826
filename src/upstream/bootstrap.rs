//! Where an upstream is: its addresses as given, or asked for at the bootstrap servers.
//!
//! The system's resolver is never asked, because it is usually ourselves: a resolver that needs itself to
//! start never starts. What was learnt is kept for its TTL, asked for again in the background, and kept on
//! when nobody answers: an old address is better than none, and a certificate tells if it is another's.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{debug, info};

use super::error::{Error, Kind};
use super::udp::Udp;
use crate::config::UpstreamSpec;
use crate::config::limits;
use crate::message::{Incoming, Name, NameRef, Outgoing, Rtype, Section};

/// UDP payload that we announce (RFC 9715, 3.2).
const PAYLOAD: u16 = 1232;
/// Shortest and longest time for which an address is kept.
const TTL: (u32, u32) = (
    limits::BOOTSTRAP_MIN_TTL.default as u32,
    limits::BOOTSTRAP_MAX_TTL.default as u32,
);
/// After a failure nobody is asked for so long.
const PAUSE: Duration = limits::BOOTSTRAP_PAUSE.default_time();
/// A refresh that failed is repeated after this.
const REFRESH_AGAIN: Duration = limits::BOOTSTRAP_AGAIN.default_time();
/// For how long a look-up in the background may take.
const REFRESH: Duration = limits::BOOTSTRAP_TIME.default_time();
/// Addresses kept of one name.
const ADDRESSES: usize = limits::UPSTREAM_ITEMS.default_usize();
/// Aliases followed within one reply.
const ALIASES: usize = limits::BOOTSTRAP_ALIASES.default_usize();

/// Where one upstream is.
pub(super) enum Places {
    /// Known.
    Fixed(Vec<SocketAddr>),
    /// To be asked for.
    Asked(Arc<Lookup>),
}

/// A host name, whom to ask, and what was last heard.
pub(super) struct Lookup {
    name: Name,
    port: u16,
    servers: Vec<SocketAddr>,
    udp: Udp,
    state: Mutex<State>,
    /// One look-up at a time.
    gate: tokio::sync::Mutex<()>,
    is_refreshing: AtomicBool,
}

#[derive(Default)]
struct State {
    found: Vec<IpAddr>,
    fresh_until: Option<Instant>,
    failed: Option<(Instant, Error)>,
}

impl Places {
    pub(super) fn new(spec: &UpstreamSpec) -> Result<Self, Error> {
        let Some(host) = spec.unresolved() else {
            return Ok(Self::Fixed(spec.fixed_addresses()));
        };
        let name: Name = host
            .parse()
            .map_err(|error| Error::new(Kind::Unreachable, format!("{host} is no host name: {error}")))?;
        if spec.bootstrap.is_empty() {
            let message =
                format!("nothing says where {host} is: it has neither addresses nor bootstrap servers");
            return Err(Error::new(Kind::Unreachable, message));
        }
        Ok(Self::Asked(Arc::new(Lookup {
            name: name.as_ref().to_lowercase(),
            port: spec.url.port(),
            servers: spec.bootstrap.clone(),
            udp: Udp::new(),
            state: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
            is_refreshing: AtomicBool::new(false),
        })))
    }

    /// The addresses; never none. The caller bounds the time.
    pub(super) async fn get(&self) -> Result<Vec<SocketAddr>, Error> {
        match self {
            Self::Fixed(addresses) => Ok(addresses.clone()),
            Self::Asked(lookup) => {
                // In a place of its own: most addresses are known, and most that ask need no room for this.
                let found = Box::pin(lookup.get()).await?;
                let place = |ip| SocketAddr::new(ip, lookup.port);
                Ok(found.into_iter().map(place).collect())
            }
        }
    }

    /// Nobody answers at any of the addresses: they may be old.
    pub(super) fn doubt(&self) {
        if let Self::Asked(lookup) = self {
            lookup.lock().fresh_until = None;
        }
    }

    /// The network is another: sockets bound to the old one are useless.
    pub(super) fn network_changed(&self) {
        if let Self::Asked(lookup) = self {
            lookup.udp.close();
            let mut state = lookup.lock();
            state.fresh_until = None;
            state.failed = None;
        }
    }
}

impl Lookup {
    async fn get(self: &Arc<Self>) -> Result<Vec<IpAddr>, Error> {
        if let Some(found) = self.known()? {
            return Ok(found);
        }
        let _one = self.gate.lock().await;
        // Somebody may have been faster.
        if let Some(found) = self.known()? {
            return Ok(found);
        }
        self.look_up(Instant::now() + REFRESH).await
    }

    /// What is known, though it be old; then it is asked for again meanwhile.
    fn known(self: &Arc<Self>) -> Result<Option<Vec<IpAddr>>, Error> {
        let state = self.lock();
        let now = Instant::now();
        if state.found.is_empty() {
            return match &state.failed {
                Some((at, error)) if now < *at + PAUSE => Err(error.clone()),
                _ => Ok(None),
            };
        }
        let is_stale = state.fresh_until.is_none_or(|until| now >= until);
        if is_stale && !self.is_refreshing.swap(true, Ordering::AcqRel) {
            let lookup = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = lookup.look_up(Instant::now() + REFRESH).await {
                    debug!(name = %lookup.name, %error, "keeping the last addresses");
                    lookup.lock().fresh_until = Some(Instant::now() + REFRESH_AGAIN);
                }
                lookup.is_refreshing.store(false, Ordering::Release);
            });
        }
        Ok(Some(state.found.clone()))
    }

    /// Asks one server after the other until one knows an address.
    async fn look_up(&self, deadline: Instant) -> Result<Vec<IpAddr>, Error> {
        let mut last = Error::timed_out();
        for (asked, server) in self.servers.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(self.servers.len() - asked).unwrap_or(1).max(1);
            let until = Instant::now() + share;
            let (v4, v6) = tokio::join!(
                self.ask(*server, Rtype::A, until),
                self.ask(*server, Rtype::AAAA, until)
            );
            let mut found = Vec::new();
            let mut ttl = TTL.1;
            for answer in [v6, v4] {
                match answer {
                    Ok((addresses, its_ttl)) => {
                        if !addresses.is_empty() {
                            ttl = ttl.min(its_ttl);
                        }
                        found.extend(addresses);
                    }
                    Err(error) => last = error,
                }
            }
            found.truncate(ADDRESSES);
            if found.is_empty() {
                continue;
            }
            let mut state = self.lock();
            if state.found != found {
                info!(name = %self.name, addresses = ?found, "learnt where an upstream is");
            }
            state.found.clone_from(&found);
            state.fresh_until = Some(Instant::now() + Duration::from_secs(u64::from(ttl.max(TTL.0))));
            state.failed = None;
            return Ok(found);
        }
        let name = self.name.to_string();
        let message = format!("cannot learn where {} is: {last}", name.trim_end_matches('.'));
        let error = Error::new(last.kind, message);
        self.lock().failed = Some((Instant::now(), error.clone()));
        Err(error)
    }

    /// The addresses of one family and their TTL.
    async fn ask(
        &self,
        server: SocketAddr,
        rtype: Rtype,
        until: Instant,
    ) -> Result<(Vec<IpAddr>, u32), Error> {
        let query = Outgoing::new(self.name.as_ref(), rtype, (false, false), PAYLOAD);
        let asked = self.udp.ask(server, self.name.as_ref(), &query, until);
        let reply = timeout_at(until, asked)
            .await
            .unwrap_or_else(|_| Err(Error::timed_out()))?;
        let incoming = Incoming::parse(&reply)
            .map_err(|_| Error::bad_reply("the bootstrap server's reply cannot be read"))?;
        let found = addresses(&incoming, self.name.as_ref(), rtype);
        if found.0.is_empty() && rtype == Rtype::A {
            let message = format!("{server} knows no address ({})", incoming.rcode);
            return Err(Error::new(Kind::Unreachable, message));
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses that a reply gives for a name, along its aliases, and the smallest TTL on the way.
pub(super) fn addresses(incoming: &Incoming<'_>, name: NameRef<'_>, rtype: Rtype) -> (Vec<IpAddr>, u32) {
    let mut owner = name.to_name();
    let mut ttl = u32::MAX;
    let answers = || incoming.records().filter(|item| item.section == Section::Answer);
    for _ in 0..ALIASES {
        let mut found = Vec::new();
        let mut rdata = Vec::new();
        for item in answers().filter(|item| item.rtype == rtype && item.owner().as_ref() == owner.as_ref()) {
            if item.rdata(&mut rdata).is_err() {
                continue;
            }
            let ip = match rtype {
                Rtype::A => <[u8; 4]>::try_from(rdata.as_slice()).map(IpAddr::from).ok(),
                _ => <[u8; 16]>::try_from(rdata.as_slice()).map(IpAddr::from).ok(),
            };
            if let Some(ip) = ip.filter(|ip| !ip.is_unspecified() && !ip.is_multicast()) {
                ttl = ttl.min(item.ttl);
                found.push(ip);
            }
        }
        if !found.is_empty() {
            return (found, ttl);
        }
        let alias =
            answers().find(|item| item.rtype == Rtype::CNAME && item.owner().as_ref() == owner.as_ref());
        let Some(target) = alias.and_then(|item| Some((item.target()?, item.ttl))) else {
            break;
        };
        ttl = ttl.min(target.1);
        owner = target.0;
    }
    (Vec::new(), ttl)
}
