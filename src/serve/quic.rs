//! QUIC connections, and DNS over them (RFC 9250): each query on a stream of its own with two bytes of length in
//! front, and id 0.
//!
//! A connection passes the gate with its first packet. While half of the places are taken, clients must prove their
//! address first (Retry; RFC 9000, 8.1.2), so that packets with made-up senders take no places. Handshakes have
//! tasks of their own and a bound in time. Clients do not move to other addresses: each worker has a socket of its
//! own, and the kernel chooses it by the client's address.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, ReadError, ReadToEndError, RecvStream,
    SendStream, ServerConfig, TransportConfig, VarInt,
};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::gate::{Entrance, Limits, Place};
#[cfg(feature = "h3")]
use super::h3;
#[cfg(feature = "h3")]
use super::http::Site;
use super::stream::{frame, split_frame};
use super::tls::{self, Certificate};
use super::turn::Turns;
use super::{Received, Service, Session, Stop};
use crate::config::limits;
use crate::message::query::is_for_quic;
use crate::quic::OneByOne;
use crate::telemetry::Event;

/// DOQ_NO_ERROR (RFC 9250, 4.3).
const NO_ERROR: VarInt = VarInt::from_u32(0);
/// DOQ_PROTOCOL_ERROR.
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
/// DOQ_REQUEST_CANCELLED.
const REQUEST_CANCELLED: VarInt = VarInt::from_u32(3);
/// DOQ_EXCESSIVE_LOAD.
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// Largest query.
const QUERY_BYTES: usize = limits::QUERY_BYTES.default_usize();
/// Time for a handshake.
const HANDSHAKE: Duration = limits::HANDSHAKE.default_time();
/// Time for a query to arrive.
const REQUEST: Duration = limits::REQUEST.default_time();
/// Time for replies under way once the connection is to end.
const DRAIN: Duration = limits::DRAIN.default_time();
/// Room for what a client sends on one stream: one that is too large is seen to be.
const STREAM_WINDOW: u32 = 2 * limits::QUERY_BYTES.default as u32;
/// Room for what a client sends on all streams.
const WINDOW: u32 = 64 * 1024;

/// What is spoken on QUIC connections.
#[derive(Clone)]
pub(super) enum Speech {
    /// DNS over QUIC.
    Dns,
    /// HTTP/3.
    #[cfg(feature = "h3")]
    Http(Arc<Site>),
}

/// What an endpoint needs to speak this.
pub(super) fn server_config(
    certificate: &Arc<Certificate>,
    speech: &Speech,
    limits: Limits,
) -> Result<ServerConfig, String> {
    let (protocol, one_way): (&[u8], u64) = match speech {
        Speech::Dns => (b"doq", 0),
        #[cfg(feature = "h3")]
        Speech::Http(_) => (b"h3", limits::H3_UNI_STREAMS.default),
    };
    let unprepared = |error: &dyn std::fmt::Display| format!("cannot prepare QUIC: {error}");
    let tls = tls::server_config(certificate, &[protocol]).map_err(|error| unprepared(&error))?;
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| unprepared(&error))?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::try_from(limits.pipeline as u64).unwrap_or(VarInt::MAX))
        .max_concurrent_uni_streams(VarInt::try_from(one_way).unwrap_or(VarInt::MAX))
        .max_idle_timeout(IdleTimeout::try_from(limits.idle).ok())
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(limits::SEND_BUFFER.default)
        .datagram_receive_buffer_size(None);
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        .migration(false)
        .max_incoming(limits::QUIC_INCOMING.default_usize())
        .incoming_buffer_size(limits::QUIC_INCOMING_BYTES.default / limits::QUIC_INCOMING.default)
        .incoming_buffer_size_total(limits::QUIC_INCOMING_BYTES.default);
    Ok(config)
}

/// Takes connections until it is to stop.
///
/// # Errors
/// If the socket cannot be used at all.
pub(super) async fn serve(
    socket: UdpSocket,
    config: ServerConfig,
    speech: Speech,
    service: Arc<Service>,
    entrance: Entrance,
    turns: Arc<Turns>,
    mut stop: Stop,
) -> io::Result<()> {
    let endpoint = Endpoint::new(
        EndpointConfig::default(),
        Some(config),
        socket,
        Arc::new(OneByOne),
    )?;
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = stop.told() => return Ok(()),
        };
        let Some(incoming) = incoming else { return Ok(()) };
        let gate = entrance.gate();
        if gate.is_busy() && incoming.may_retry() && !incoming.remote_address_validated() {
            gate.note(Event::Retry);
            // What cannot be sent is as good as lost, and the client begins anew.
            let _ = incoming.retry();
            continue;
        }
        match entrance.enter(incoming.remote_address().ip()) {
            Some(place) => {
                let (speech, service, stop) = (speech.clone(), Arc::clone(&service), stop.clone());
                tokio::spawn(attend(incoming, speech, service, place, Arc::clone(&turns), stop));
            }
            None => incoming.refuse(),
        }
    }
}

async fn attend(
    incoming: Incoming,
    speech: Speech,
    service: Arc<Service>,
    place: Place,
    turns: Arc<Turns>,
    stop: Stop,
) {
    // Accepting computes what answers the client's first packet.
    let shaken = async { turns.take(|| incoming.accept()).await?.await };
    let (event, why) = match timeout(HANDSHAKE, shaken).await {
        Ok(Ok(connection)) => {
            return match speech {
                Speech::Dns => {
                    let claim = service.bearers().claim_of_sni(sni(&connection).as_deref());
                    serve_dns(connection, service, Session::new(place, claim), stop).await;
                }
                #[cfg(feature = "h3")]
                Speech::Http(site) => h3::serve(connection, site, place, stop).await,
            };
        }
        Ok(Err(error)) => (Event::HandshakeFailed, error.to_string()),
        Err(_) => (Event::HandshakeLate, "not finished in time".to_owned()),
    };
    debug!(client = %place.addr(), "a handshake failed: {why}");
    place.note(event);
}

/// The name that the client asked for.
fn sni(connection: &Connection) -> Option<String> {
    let data = connection.handshake_data()?.downcast::<HandshakeData>().ok()?;
    data.server_name
}

async fn serve_dns(connection: Connection, service: Arc<Service>, session: Session, mut stop: Stop) {
    let session = Arc::new(session);
    let idle = session.place.limits().idle;
    // Bounded by the streams that a client may open.
    let mut exchanges = JoinSet::new();
    // A client that only keeps its connection alive holds a place for nothing.
    let mut last = Instant::now();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok((mut send, receive)) = stream else { break };
                last = Instant::now();
                let (connection, service) = (connection.clone(), Arc::clone(&service));
                let session = Arc::clone(&session);
                exchanges.spawn(async move {
                    if let Err(Fatal) = exchange(&mut send, receive, &service, &session).await {
                        session.place.note(Event::BadRequest);
                        // Before the stream is dropped, which would end it as if all were well.
                        connection.close(PROTOCOL_ERROR, b"");
                    }
                });
            }
            Some(_) = exchanges.join_next() => last = Instant::now(),
            () = stop.told() => break,
            () = sleep_until(last + idle), if exchanges.is_empty() => {
                session.place.note(Event::Idle);
                break;
            }
        }
    }
    // What was received is answered.
    let _ = timeout(DRAIN, async { while exchanges.join_next().await.is_some() {} }).await;
    close(&connection, NO_ERROR).await;
}

/// Ends a connection, and lets the word go out before its place is given back.
pub(super) async fn close(connection: &Connection, code: VarInt) {
    connection.close(code, b"");
    yield_now().await;
}

/// The client breaks the protocol: the connection is over (RFC 9250, 4.3.3).
struct Fatal;

/// One query and its reply.
async fn exchange(
    send: &mut SendStream,
    mut receive: RecvStream,
    service: &Service,
    session: &Session,
) -> Result<(), Fatal> {
    let place = &session.place;
    let mut give_up = |event: Option<Event>, code| {
        if let Some(event) = event {
            place.note(event);
        }
        // Errors say that the stream is over already.
        let _ = send.reset(code);
    };
    let bytes = match timeout(REQUEST, receive.read_to_end(2 + QUERY_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadToEndError::TooLong)) => {
            give_up(Some(Event::TooLarge), EXCESSIVE_LOAD);
            return Ok(());
        }
        Ok(Err(ReadToEndError::Read(ReadError::Reset(_)))) => {
            give_up(None, REQUEST_CANCELLED);
            return Ok(());
        }
        Ok(Err(ReadToEndError::Read(_))) => return Ok(()),
        Err(_) => {
            let _ = receive.stop(EXCESSIVE_LOAD);
            give_up(Some(Event::RequestLate), EXCESSIVE_LOAD);
            return Ok(());
        }
    };
    let Some((query, [])) = split_frame(&bytes) else {
        return Err(Fatal);
    };
    if !is_for_quic(query) {
        return Err(Fatal);
    }
    let client = service.client(session);
    let mut reply = vec![0, 0];
    let is_reply = match service.receive(query, client, &mut reply) {
        Received::Reply => true,
        Received::Nothing => return Err(Fatal),
        Received::Ask(pending) => service.finish(query, client, pending, &mut reply).await,
    };
    if !is_reply {
        give_up(None, REQUEST_CANCELLED);
        return Ok(());
    }
    frame(&mut reply, 0);
    let sent = async {
        send.write_all(&reply).await.ok()?;
        send.finish().ok()?;
        // A connection that is closed loses what the client has not acknowledged.
        send.stopped().await.ok()
    };
    if timeout(place.limits().idle, sent).await.is_err() {
        place.note(Event::NotTaken);
        // Else half a reply would end as if it were whole.
        let _ = send.reset(EXCESSIVE_LOAD);
    }
    Ok(())
}
