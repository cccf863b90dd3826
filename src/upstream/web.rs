//! HTTPS to a server that is no DNS server: one request after the other over HTTP/2, with the connections, authorities
//! and bounds of upstreams.
//!
//! Where the server is, the caller says: the system's resolver is never asked, because it may be this server.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::bootstrap;
use super::dial::{Dialer, Link};
use super::https::Https;
use crate::clock::Clock;
use crate::config::{UpstreamSpec, UpstreamUrl};
use crate::message::{Incoming, NameRef, Rtype};

/// What came back.
pub(crate) struct Response {
    /// Status of HTTP.
    pub(crate) status: u16,
    /// Its fields.
    pub(crate) fields: HeaderMap,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a field, if it is text.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client with at most one connection.
pub(crate) struct Web {
    ca_file: Option<PathBuf>,
    clock: Arc<Clock>,
    time: Duration,
    most: usize,
    /// The connection, and the host and port that it leads to.
    open: Mutex<Option<(String, Https)>>,
}

impl Web {
    /// One that believes these authorities, or the public ones; each request may take so long, and each body have so
    /// many bytes.
    pub(crate) fn new(ca_file: Option<PathBuf>, time: Duration, most: usize) -> Self {
        Web {
            ca_file,
            // Nobody orders certificates while the clock is wrong, so their times always count.
            clock: Arc::default(),
            time,
            most,
            open: Mutex::default(),
        }
    }

    /// Sends a request. `resolve` is asked where a host is, where a connection must be made.
    ///
    /// # Errors
    /// What failed and where, in words.
    pub(crate) async fn send<F: Future<Output = Result<Vec<IpAddr>, String>>>(
        &self,
        request: Request<Bytes>,
        resolve: impl FnOnce(String) -> F,
    ) -> Result<Response, String> {
        let url = request.uri().clone();
        let sent = timeout(self.time, self.exchange(request, resolve)).await;
        let late = || Err(format!("no reply within {} s", self.time.as_secs()));
        sent.unwrap_or_else(|_| late())
            .map_err(|error| format!("{url}: {error}"))
    }

    async fn exchange<F: Future<Output = Result<Vec<IpAddr>, String>>>(
        &self,
        request: Request<Bytes>,
        resolve: impl FnOnce(String) -> F,
    ) -> Result<Response, String> {
        let place = place_of(request.uri())?;
        let mut open = self.open.lock().await;
        let is_good = open
            .as_ref()
            .is_some_and(|(to, https)| *to == place && !https.is_dead());
        if !is_good {
            *open = None;
            let url: UpstreamUrl = format!("https://{place}/")
                .parse()
                .map_err(|error| format!("{error}"))?;
            let mut spec = UpstreamSpec::new(url);
            spec.ca_file.clone_from(&self.ca_file);
            if let Some(host) = spec.unresolved().map(str::to_owned) {
                spec.addresses = resolve(host).await?;
            }
            let dialer = Dialer::new(&spec, &self.clock).map_err(|error| error.to_string())?;
            match dialer.dial().await.map_err(|error| error.to_string())? {
                Link::Https(https) => *open = Some((place, https)),
                _ => return Err("no HTTP/2".to_owned()),
            }
        }
        let Some((_, https)) = open.as_ref() else {
            return Err("no connection".to_owned());
        };
        let (head, body) = request.into_parts();
        let sent = https
            .send(Request::from_parts(head, ()), body, self.most, |_, _| Ok(()))
            .await;
        if sent.is_err() {
            *open = None;
        }
        let (head, body) = sent.map_err(|error| error.to_string())?;
        Ok(Response {
            status: head.status.as_u16(),
            fields: head.headers,
            body,
        })
    }
}

/// The addresses of one family that a reply in wire form gives for a name.
pub(crate) fn addresses(reply: &[u8], name: NameRef<'_>, rtype: Rtype) -> Vec<IpAddr> {
    let incoming = Incoming::parse(reply);
    incoming.map_or_else(
        |_| Vec::new(),
        |incoming| bootstrap::addresses(&incoming, name, rtype).0,
    )
}

/// Host and port of a URL, which must be one of HTTPS.
fn place_of(url: &Uri) -> Result<String, String> {
    match (url.scheme_str(), url.host()) {
        (Some("https"), Some(host)) => Ok(format!("{host}:{}", url.port_u16().unwrap_or(443))),
        _ => Err("is no https:// URL".to_owned()),
    }
}
