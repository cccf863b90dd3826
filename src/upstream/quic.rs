//! QUIC connections, and DNS over them (RFC 9250).
//!
//! Each query has a stream of its own with two bytes of length in front, and id 0 (RFC 9250, 4.2.1).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, TransportConfig, VarInt};

use super::error::{Error, Kind, accept};
use super::tls::Tls;
use crate::config::limits;
use crate::message::{MAX_MESSAGE, Outgoing};
use crate::quic::OneByOne;

/// Silence after which either side forgets the connection: more than the pool's, so that ours says good-bye.
const IDLE: Duration = Duration::from_secs(limits::UPSTREAM_IDLE.default + 10);
/// DOQ_NO_ERROR (RFC 9250, 4.3); H3 has a number of its own, which nobody looks at in a close.
const NO_ERROR: VarInt = VarInt::from_u32(0);
/// Streams that a server may open towards us: HTTP/3 has three (RFC 9114, 6.2), and some send grease.
const SERVER_STREAMS: VarInt = VarInt::from_u32(limits::UPSTREAM_SERVER_STREAMS.default as u32);
/// Room for replies that are under way.
const WINDOW: VarInt = VarInt::from_u32(limits::UPSTREAM_WINDOW.default as u32);

/// One connection for DNS.
pub(super) struct Quic {
    connection: Connection,
}

impl Quic {
    pub(super) fn start(connection: Connection) -> Self {
        Quic { connection }
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_dead(&self) -> bool {
        self.connection.close_reason().is_some()
    }

    /// Asks on a stream of its own, and waits for the reply.
    pub(super) async fn exchange(&self, query: &Outgoing) -> Result<Vec<u8>, Error> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(|error| broken(&error))?;
        let bytes = query.as_bytes();
        // A query is far below 64 KiB.
        let mut frame = Vec::with_capacity(2 + bytes.len());
        frame.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        frame.extend_from_slice(bytes);
        send.write_all(&frame).await.map_err(|error| lost(&error))?;
        send.finish().map_err(|error| lost(&error))?;
        let all = receive.read_to_end(2 + MAX_MESSAGE).await;
        let mut all = all.map_err(|error| lost(&error))?;
        let length = all
            .first_chunk()
            .map(|length| usize::from(u16::from_be_bytes(*length)));
        if length.is_none_or(|length| length + 2 != all.len()) {
            return Err(Error::bad_reply("the stream does not hold one message"));
        }
        all.drain(..2);
        accept(query, all)
    }
}

impl Drop for Quic {
    fn drop(&mut self) {
        self.connection.close(NO_ERROR, b"");
    }
}

/// Makes a connection from a port of its own.
pub(super) async fn connect(tls: &Tls, address: SocketAddr) -> Result<Connection, Error> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let doing = || format!("quic to {address}");
    let endpoint = UdpSocket::bind(any)
        .and_then(|socket| Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(OneByOne)))
        .map_err(|error| Error::unreachable(&doing(), &error))?;
    let config = QuicClientConfig::try_from(tls.config())
        .map_err(|error| Error::new(Kind::Untrusted, format!("{}: {error}", doing())))?;
    let mut config = ClientConfig::new(Arc::new(config));
    config.transport_config(Arc::new(transport()));
    let connecting = endpoint
        .connect_with(config, address, &tls.name())
        .map_err(|error| Error::new(Kind::Unreachable, format!("{}: {error}", doing())))?;
    connecting.await.map_err(|error| match error {
        // A failed handshake is a transport error in the range of TLS alerts (RFC 9001, 4.8).
        ConnectionError::TransportError(why) => tls.refused(address, &why.reason),
        ConnectionError::ConnectionClosed(why) => {
            let why = format!("the server refused: {why}");
            tls.refused(address, &why)
        }
        ConnectionError::TimedOut => Error::timed_out(),
        error => Error::new(Kind::Unreachable, format!("{}: {error}", doing())),
    })
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(VarInt::from_u32(IDLE.as_millis() as u32).into()))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(SERVER_STREAMS)
        .stream_receive_window(VarInt::from_u32(MAX_MESSAGE as u32 + 2))
        .receive_window(WINDOW)
        .datagram_receive_buffer_size(None);
    transport
}

fn broken(error: &ConnectionError) -> Error {
    Error::new(Kind::Unreachable, format!("quic: {error}"))
}

fn lost(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Unreachable, format!("quic: {error}"))
}
