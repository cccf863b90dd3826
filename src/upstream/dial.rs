//! Making a connection: to which address, and what is spoken on it.
//!
//! Where a server has several addresses they are tried one after the other without waiting for the end of
//! each (RFC 8305), the one that worked last before all others.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::bootstrap::Places;
use super::error::Error;
#[cfg(feature = "h3")]
use super::h3::H3;
#[cfg(feature = "https")]
use super::https::Https;
#[cfg(feature = "quic")]
use super::quic::Quic;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::clock::Clock;
use crate::config::{Scheme, UpstreamSpec, UpstreamUrl, limits};
use crate::message::Outgoing;

/// Head start of an address over the next (RFC 8305, 5).
const HEAD_START: Duration = limits::UPSTREAM_HEAD_START.default_time();

/// Knows how to connect to one server.
pub(super) struct Dialer {
    url: UpstreamUrl,
    places: Places,
    last_good: Mutex<Option<SocketAddr>>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// An open connection, of whatever kind.
pub(super) enum Link {
    /// TCP or TLS.
    Stream(Stream),
    #[cfg(feature = "https")]
    Https(Https),
    #[cfg(feature = "quic")]
    Quic(Quic),
    #[cfg(feature = "h3")]
    H3(H3),
}

impl fmt::Display for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl Dialer {
    /// # Errors
    /// A file of authorities that cannot be used, a scheme that this build leaves out.
    pub(super) fn new(spec: &UpstreamSpec, clock: &Arc<Clock>) -> Result<Self, Error> {
        #[cfg(not(feature = "tls"))]
        let _ = clock;
        let url = spec.url.clone();
        if !url.scheme.is_built() {
            let message = format!("this build has no {}:// upstreams", url.scheme.as_str());
            return Err(Error::new(super::error::Kind::Unreachable, message));
        }
        Ok(Dialer {
            places: Places::new(spec)?,
            last_good: Mutex::new(None),
            #[cfg(feature = "tls")]
            tls: url
                .scheme
                .is_encrypted()
                .then(|| Tls::new(spec, clock))
                .transpose()?,
            url,
        })
    }

    /// Makes a connection. The caller bounds the time.
    pub(super) async fn dial(&self) -> Result<Link, Error> {
        let mut waiting = self.addresses().await?.into_iter();
        let mut running = FuturesUnordered::new();
        let mut first_error = None;
        loop {
            match waiting.next() {
                Some(address) => {
                    running.push(async move { (address, self.connect(address).await) });
                }
                None if running.is_empty() => break,
                None => {}
            }
            let next_in = if waiting.len() == 0 {
                Duration::MAX
            } else {
                HEAD_START
            };
            tokio::select! {
                biased;
                Some((address, result)) = running.next() => match result {
                    Ok(link) => {
                        self.note(Some(address));
                        return Ok(link);
                    }
                    Err(error) => {
                        first_error.get_or_insert(error);
                    }
                },
                () = sleep(next_in), if next_in < Duration::MAX => {}
            }
        }
        self.note(None);
        self.places.doubt();
        Err(first_error.unwrap_or_else(Error::timed_out))
    }

    /// Where the server is, the address that worked last first, the families in turn (RFC 8305, 4).
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        let found = self.places.get().await?;
        if found.len() == 1 {
            return Ok(found);
        }
        let (mut v6, mut v4): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv6);
        let mut order = Vec::with_capacity(v6.len() + v4.len());
        v6.reverse();
        v4.reverse();
        while !(v6.is_empty() && v4.is_empty()) {
            order.extend(v6.pop());
            order.extend(v4.pop());
        }
        let good = *self.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = good.and_then(|good| order.iter().position(|address| *address == good)) {
            order[..=at].rotate_right(1);
        }
        Ok(order)
    }

    /// Remembers which address worked; `None`: none did.
    pub(super) fn note(&self, good: Option<SocketAddr>) {
        *self.last_good.lock().unwrap_or_else(PoisonError::into_inner) = good;
    }

    pub(super) fn network_changed(&self) {
        self.note(None);
        self.places.network_changed();
    }

    async fn connect(&self, address: SocketAddr) -> Result<Link, Error> {
        match self.url.scheme {
            Scheme::Udp | Scheme::Tcp => Ok(Link::Stream(Stream::start(connect_tcp(address).await?))),
            #[cfg(feature = "tls")]
            scheme => {
                let tls = self.tls.as_ref();
                let tls = tls.ok_or_else(|| Error::bad_reply("no TLS configuration"))?;
                match scheme {
                    #[cfg(feature = "https")]
                    Scheme::Https => {
                        let connection = tls.connect(address, connect_tcp(address).await?).await?;
                        Ok(Link::Https(
                            Https::start(connection, tls.authority(), &self.url.path).await?,
                        ))
                    }
                    #[cfg(feature = "quic")]
                    Scheme::Quic => Ok(Link::Quic(Quic::start(super::quic::connect(tls, address).await?))),
                    #[cfg(feature = "h3")]
                    Scheme::H3 => {
                        let connection = super::quic::connect(tls, address).await?;
                        Ok(Link::H3(
                            H3::start(connection, tls.authority(), &self.url.path).await?,
                        ))
                    }
                    _ => {
                        let connection = tls.connect(address, connect_tcp(address).await?).await?;
                        Ok(Link::Stream(Stream::start(connection)))
                    }
                }
            }
            #[cfg(not(feature = "tls"))]
            _ => Err(Error::bad_reply("no TLS in this build")),
        }
    }
}

impl Link {
    /// Whether nothing can be asked any more.
    pub(super) fn is_dead(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_dead(),
            #[cfg(feature = "https")]
            Self::Https(https) => https.is_dead(),
            #[cfg(feature = "quic")]
            Self::Quic(quic) => quic.is_dead(),
            #[cfg(feature = "h3")]
            Self::H3(h3) => h3.is_dead(),
        }
    }

    /// Asks, and waits for the reply, which belongs to the query.
    pub(super) async fn exchange(&self, query: &Outgoing) -> Result<Vec<u8>, Error> {
        match self {
            Self::Stream(stream) => stream.exchange(query).await,
            #[cfg(feature = "https")]
            Self::Https(https) => https.exchange(query).await,
            #[cfg(feature = "quic")]
            Self::Quic(quic) => quic.exchange(query).await,
            #[cfg(feature = "h3")]
            Self::H3(h3) => h3.exchange(query).await,
        }
    }
}

async fn connect_tcp(address: SocketAddr) -> Result<TcpStream, Error> {
    let error = |error| Error::unreachable(&format!("tcp to {address}"), &error);
    let stream = TcpStream::connect(address).await.map_err(error)?;
    // A query is one small segment, and nobody waits for more of it.
    stream.set_nodelay(true).map_err(error)?;
    Ok(stream)
}
