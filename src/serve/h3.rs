//! HTTP/3 on QUIC connections (RFC 9114): requests for the same [`Site`] as over TCP.

mod streams;

use std::sync::Arc;
use std::time::Duration;

use ::h3::error::{Code, ConnectionError};
use ::h3::server::{RequestResolver, RequestStream};
use ::http::{Response, StatusCode};
use bytes::{Buf, Bytes};
use quinn::VarInt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Stop;
use super::gate::Place;
use super::http::{Refusal, Site, extend};
use super::quic::close;
use crate::config::limits;
use crate::telemetry::Event;
use streams::{Bounded, Duplex};

/// Bytes of header fields.
const HEAD: u64 = limits::HTTP_HEAD.default;
/// Time for the first exchange of settings, and for a request's head.
const REQUEST: Duration = limits::REQUEST.default_time();
/// Requests of one connection.
const REQUESTS: u64 = limits::H3_REQUESTS.default;
/// Time for responses under way once the connection is to end.
const DRAIN: Duration = limits::DRAIN.default_time();
/// What a client needs to acknowledge the last response, beside a few round trips.
const LAST_WORD: Duration = Duration::from_millis(50);
/// H3_NO_ERROR (RFC 9114, 8.1).
const NO_ERROR: VarInt = VarInt::from_u32(0x100);
/// H3_EXCESSIVE_LOAD.
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x107);

type Server = ::h3::server::Connection<Bounded, Bytes>;

/// Serves one connection until it ends, is silent for too long, or all is to stop.
pub(super) async fn serve(connection: quinn::Connection, site: Arc<Site>, place: Place, mut stop: Stop) {
    let place = Arc::new(place);
    let idle = place.limits().idle;
    let bounded = Bounded::new(connection.clone());
    let mut builder = ::h3::server::builder();
    let begun = builder
        .max_field_section_size(HEAD)
        .send_grease(false)
        .build(bounded);
    let Ok(Ok(mut server)) = timeout(REQUEST, begun).await else {
        place.note(Event::RequestLate);
        return close(&connection, EXCESSIVE_LOAD).await;
    };
    // Bounded by the streams that a client may open.
    let mut requests = JoinSet::new();
    let mut last = Instant::now();
    // h3 remembers every request that it could not read, so a connection has so many and no more.
    let mut left = REQUESTS;
    loop {
        tokio::select! {
            next = accept(&mut server, &place) => {
                let Some(resolver) = next else { break };
                last = Instant::now();
                requests.spawn(respond(resolver, Arc::clone(&site), Arc::clone(&place)));
                left -= 1;
                if left == 0 {
                    place.note(Event::TooMany);
                    break;
                }
            }
            Some(_) = requests.join_next() => last = Instant::now(),
            () = stop.told() => break,
            () = sleep_until(last + idle), if requests.is_empty() => {
                place.note(Event::Idle);
                break;
            }
        }
    }
    // GOAWAY; what is under way is answered.
    let _ = timeout(LAST_WORD, server.shutdown(0)).await;
    if !requests.is_empty() {
        let _ = timeout(DRAIN, async { while requests.join_next().await.is_some() {} }).await;
        // Closing loses what the client has not acknowledged.
        let _ = timeout(connection.rtt() * 4 + LAST_WORD, connection.closed()).await;
    }
    close(&connection, NO_ERROR).await;
}

async fn accept(server: &mut Server, place: &Place) -> Option<RequestResolver<Bounded, Bytes>> {
    match server.accept().await {
        Ok(next) => next,
        Err(error) => {
            // What we close a connection for; what the client does, it may.
            if matches!(error, ConnectionError::Local { .. }) {
                place.note(Event::BadRequest);
            }
            debug!(%error, "an HTTP/3 connection ended");
            None
        }
    }
}

async fn respond(resolver: RequestResolver<Bounded, Bytes>, site: Arc<Site>, place: Arc<Place>) {
    let (request, mut stream) = match timeout(REQUEST, resolver.resolve_request()).await {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(_)) => return place.note(Event::BadRequest),
        Err(_) => return place.note(Event::RequestLate),
    };
    let (head, ()) = request.into_parts();
    let response = site.answer(&head, whole_body(&mut stream), &place).await;
    let is_refused = response.status() != StatusCode::OK;
    let sent = timeout(place.limits().idle, send(&mut stream, response)).await;
    if sent.is_err() {
        place.note(Event::NotTaken);
    }
    if is_refused {
        // Whatever else the body holds is not wanted, and that is no error (RFC 9114, 4.1.1).
        stream.stop_sending(Code::H3_NO_ERROR);
    }
}

async fn whole_body(stream: &mut RequestStream<Duplex, Bytes>) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    while let Some(mut piece) = stream.recv_data().await.map_err(|_| Refusal::Late)? {
        while piece.has_remaining() {
            let len = piece.chunk().len();
            extend(&mut all, piece.chunk())?;
            piece.advance(len);
        }
    }
    Ok(all)
}

async fn send(stream: &mut RequestStream<Duplex, Bytes>, response: Response<Bytes>) -> Option<()> {
    let (head, bytes) = response.into_parts();
    stream.send_response(Response::from_parts(head, ())).await.ok()?;
    stream.send_data(bytes).await.ok()?;
    stream.finish().await.ok()
}
