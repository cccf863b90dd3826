//! Accepting TCP connections: the gate first, then the handshake where there is one, then the protocol.
//!
//! Each connection has a task of its own from its first byte, so a handshake that never ends delays nobody.

use std::io;
#[cfg(feature = "tls")]
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(feature = "tls")]
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
#[cfg(feature = "tls")]
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};
use tracing::debug;

use super::gate::{Entrance, Place};
#[cfg(feature = "https-listener")]
use super::http::Site;
#[cfg(feature = "https-listener")]
use super::https;
#[cfg(feature = "tls")]
use super::tls;
use super::tls::Certificate;
use super::turn::Turns;
use super::{Service, Session, Stop, stream};
#[cfg(feature = "tls")]
use crate::config::limits;
use crate::device::Claim;
#[cfg(feature = "tls")]
use crate::telemetry::Event;

/// After an error of accepting (no descriptors left), so long nothing is accepted.
const PAUSE: Duration = Duration::from_millis(50);
/// Time for a handshake.
#[cfg(feature = "tls")]
const HANDSHAKE: Duration = limits::HANDSHAKE.default_time();

/// What is spoken on accepted connections.
#[derive(Clone)]
pub(super) enum Speech {
    /// Framed DNS.
    Plain,
    /// Framed DNS in TLS.
    #[cfg(feature = "tls")]
    Tls(TlsAcceptor),
    /// HTTP in TLS.
    #[cfg(feature = "https-listener")]
    Https(TlsAcceptor, Arc<Site>),
    /// HTTP/1.1 without TLS.
    #[cfg(feature = "onboard")]
    Http(Arc<Site>),
}

/// What ALPN calls HTTP/2 (RFC 9113, 3.1).
#[cfg(feature = "https-listener")]
const HTTP_2: &[u8] = b"h2";
/// What ALPN calls HTTP/1.1 (RFC 7301, 6).
#[cfg(feature = "https-listener")]
const HTTP_1_1: &[u8] = b"http/1.1";

impl Speech {
    /// DNS over TLS. Clients that name a protocol must name this one (RFC 7858, 8; RFC 7301, 3.2).
    #[cfg(feature = "tls")]
    pub(super) fn tls(certificate: &Arc<Certificate>) -> Result<Self, String> {
        tls::acceptor(certificate, &[b"dot"]).map(Self::Tls)
    }

    /// DNS over HTTPS. Clients that name no protocol mean HTTP/1.1.
    #[cfg(feature = "https-listener")]
    pub(super) fn https(certificate: &Arc<Certificate>, service: &Arc<Service>) -> Result<Self, String> {
        let acceptor = tls::acceptor(certificate, &[HTTP_2, HTTP_1_1])?;
        Ok(Self::Https(acceptor, Arc::new(Site::new(Arc::clone(service)))))
    }

    /// Pages without TLS.
    #[cfg(feature = "onboard")]
    pub(super) fn http(service: &Arc<Service>) -> Self {
        Self::Http(Arc::new(Site::of_pages(Arc::clone(service))))
    }

    /// Never called.
    #[cfg(not(feature = "https-listener"))]
    pub(super) fn https(_: &Arc<Certificate>, _: &Arc<Service>) -> Result<Self, String> {
        Err("this build has no https:// listeners".to_owned())
    }

    /// Never called.
    #[cfg(not(feature = "tls"))]
    pub(super) fn tls(_: &Arc<Certificate>) -> Result<Self, String> {
        Err("this build has no encrypted listeners".to_owned())
    }
}

/// Accepts connections until it is to stop.
///
/// # Errors
/// If the listener cannot be used at all.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    speech: Speech,
    service: Arc<Service>,
    entrance: Entrance,
    turns: Arc<Turns>,
    mut stop: Stop,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.told() => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                // Over the bound the connection is closed at once: a waiting one would cost as much.
                if let Some(place) = entrance.enter(peer.ip()) {
                    let (speech, service, stop) = (speech.clone(), Arc::clone(&service), stop.clone());
                    tokio::spawn(attend(stream, speech, service, place, Arc::clone(&turns), stop));
                }
            }
            Err(error) => {
                debug!(%error, "accepting a connection failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg_attr(not(feature = "tls"), allow(unused_variables))]
async fn attend(
    stream: TcpStream,
    speech: Speech,
    service: Arc<Service>,
    place: Place,
    turns: Arc<Turns>,
    stop: Stop,
) {
    // Replies are whole when they are written; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    match speech {
        Speech::Plain => {
            let (reader, writer) = stream.into_split();
            stream::serve(reader, writer, service, Session::new(place, Claim::None), stop).await;
        }
        #[cfg(feature = "tls")]
        Speech::Tls(acceptor) => {
            if let Some(stream) = shake_hands(&acceptor, stream, &place, &turns).await {
                let claim = service.bearers().claim_of_sni(stream.get_ref().1.server_name());
                let (reader, writer) = tokio::io::split(stream);
                stream::serve(reader, writer, service, Session::new(place, claim), stop).await;
            }
        }
        #[cfg(feature = "onboard")]
        Speech::Http(site) => https::serve(stream, false, site, place, stop).await,
        #[cfg(feature = "https-listener")]
        Speech::Https(acceptor, site) => {
            if let Some(stream) = shake_hands(&acceptor, stream, &place, &turns).await {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
                https::serve(stream, is_http2, site, place, stop).await;
            }
        }
    }
}

/// The handshake, in time.
#[cfg(feature = "tls")]
async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    place: &Place,
    turns: &Turns,
) -> Option<TlsStream<TcpStream>> {
    let shaken = async {
        // The hello costs nothing; what is computed of it does.
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let mut rest = hello.into_stream(Arc::clone(acceptor.config()));
        // Whoever waits for the client behind this does so with a waker of its own.
        let compute = || Pin::new(&mut rest).poll(&mut Context::from_waker(Waker::noop()));
        match turns.take(compute).await {
            Poll::Ready(ended) => ended,
            Poll::Pending => rest.await,
        }
    };
    let (event, why) = match tokio::time::timeout(HANDSHAKE, shaken).await {
        // The handshake was all that an authority wanted (RFC 8737, 3).
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(tls::ACME_TLS) => return None,
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => (Event::HandshakeFailed, error.to_string()),
        Err(_) => (Event::HandshakeLate, "not finished in time".to_owned()),
    };
    debug!(client = %place.addr(), "a handshake failed: {why}");
    place.note(event);
    None
}
