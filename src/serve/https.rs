//! HTTP/1.1 and HTTP/2 over any stream that is open already: what ALPN chose, and how long a silent or half-open
//! connection may stay.
//!
//! hyper has no time limit for a preface that is never sent, for fields that never end, or for a client that takes
//! no responses. So the connection as a whole has one: it counts from the last request that came whole, or from the
//! start. What it refuses by itself in HTTP/2 is read from what it sends (`sent`).

mod sent;

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::rt::{Executor, ReadBufCursor};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Stop;
use super::gate::Place;
use super::http::{Refusal, Site, extend};
use crate::config::limits;
use crate::message::MAX_MESSAGE;
use crate::telemetry::Event;
use sent::Sent;

/// Bytes of header fields.
const HEAD: usize = limits::HTTP_HEAD.default_usize();
/// Header fields.
const FIELDS: usize = limits::HTTP_FIELDS.default_usize();
/// Room for the bodies of a connection's requests.
const WINDOW: u32 = 64 * 1024;
/// Room for the body of one request: one that is too large is seen to be.
const STREAM_WINDOW: u32 = 2 * limits::QUERY_BYTES.default as u32;
/// Time for a first request.
const REQUEST: Duration = limits::REQUEST.default_time();
/// Time for responses under way once the connection is to end.
const DRAIN: Duration = limits::DRAIN.default_time();
/// Bytes read at once.
const READ: usize = 4096;

/// Serves one connection until it ends, is silent for too long, or all is to stop.
pub(super) async fn serve<S>(stream: S, is_http2: bool, site: Arc<Site>, place: Place, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Arc::new(place);
    let activity = Arc::new(Activity::default());
    let pipeline = u32::try_from(place.limits().pipeline).unwrap_or(u32::MAX);
    let service = service_fn({
        let (place, activity) = (Arc::clone(&place), Arc::clone(&activity));
        move |request| respond(request, Arc::clone(&site), Arc::clone(&place), activity.begin())
    });
    let watch = Watch {
        activity,
        place,
        stop,
    };
    if is_http2 {
        let connection = http2::Builder::new(Spawn)
            .max_concurrent_streams(pipeline)
            .max_header_list_size(HEAD as u32)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(MAX_MESSAGE)
            .auto_date_header(false)
            .serve_connection(Io::counted(stream, Arc::clone(&watch.place)), service);
        watch.over(connection, http2::Connection::graceful_shutdown).await;
    } else {
        let connection = http1::Builder::new()
            .max_buf_size(HEAD)
            .max_headers(FIELDS)
            .auto_date_header(false)
            .serve_connection(Io::new(stream), service);
        watch.over(connection, http1::Connection::graceful_shutdown).await;
    }
}

async fn respond(
    request: Request<Incoming>,
    site: Arc<Site>,
    place: Arc<Place>,
    _begun: Begun,
) -> Result<Response<Whole>, Infallible> {
    let (head, body) = request.into_parts();
    let response = site.answer(&head, whole_body(body), &place).await;
    Ok(response.map(|bytes| Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))))
}

async fn whole_body(mut body: Incoming) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Refusal::Late)?;
        if let Some(piece) = frame.data_ref() {
            extend(&mut all, piece)?;
        }
    }
    Ok(all)
}

/// Requests under way on a connection, and when the last one came or went.
#[derive(Default)]
struct Activity(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    under_way: usize,
    last: Option<Instant>,
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>) -> Begun {
        let mut lately = self.lock();
        lately.under_way += 1;
        lately.last = Some(Instant::now());
        drop(lately);
        Begun(Arc::clone(self))
    }
}

/// A request under way; it ends when this is dropped.
struct Begun(Arc<Activity>);

impl Drop for Begun {
    fn drop(&mut self) {
        let mut lately = self.0.lock();
        lately.under_way -= 1;
        lately.last = Some(Instant::now());
    }
}

/// What decides how long a connection may stay.
struct Watch {
    activity: Arc<Activity>,
    place: Arc<Place>,
    stop: Stop,
}

impl Watch {
    async fn over<C: Future<Output = hyper::Result<()>>>(mut self, connection: C, end: impl Fn(Pin<&mut C>)) {
        let mut connection = pin!(connection);
        let begun = Instant::now();
        let idle = self.place.limits().idle;
        loop {
            let (until, event) = {
                let lately = self.activity.lock();
                match (lately.under_way, lately.last) {
                    (0, None) => (begun + REQUEST, Some(Event::RequestLate)),
                    (0, Some(last)) => (last + idle, Some(Event::Idle)),
                    // Each request has a bound of its own.
                    _ => (Instant::now() + idle, None),
                }
            };
            if let Some(event) = event.filter(|_| until <= Instant::now()) {
                self.place.note(event);
                break;
            }
            // A request that comes and goes meanwhile moves the end, and wakes nobody.
            let until = until.min(Instant::now() + idle);
            tokio::select! {
                done = connection.as_mut() => return self.ended(done),
                () = self.stop.told() => break,
                () = sleep_until(until) => {}
            }
        }
        // GOAWAY, or `connection: close`; what is under way is answered.
        end(connection.as_mut());
        let _ = timeout(DRAIN, connection).await;
    }

    fn ended(&self, done: hyper::Result<()>) {
        let Err(error) = done else { return };
        if error.is_parse_too_large() {
            self.place.note(Event::TooLarge);
        } else if error.is_parse() {
            self.place.note(Event::BadRequest);
        }
        debug!(%error, client = %self.place.addr(), "a connection ended");
    }
}

/// Tasks of HTTP/2 run on the worker's own runtime.
#[derive(Clone)]
struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// A body that is there as a whole.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// A stream of tokio's as hyper wants it.
struct Io<S> {
    stream: S,
    /// What HTTP/2 sends is looked at for this place.
    counted: Option<(Sent, Arc<Place>)>,
}

impl<S> Io<S> {
    fn new(stream: S) -> Self {
        Io {
            stream,
            counted: None,
        }
    }

    fn counted(stream: S, place: Arc<Place>) -> Self {
        Io {
            stream,
            counted: Some((Sent::default(), place)),
        }
    }

    /// Octets of `pieces` are on their way.
    fn sent<'p>(&mut self, mut octets: usize, pieces: impl IntoIterator<Item = &'p [u8]>) {
        let Some((sent, place)) = &mut self.counted else {
            return;
        };
        for piece in pieces {
            let of = octets.min(piece.len());
            sent.read(&piece[..of], |event| place.note(event));
            octets -= of;
        }
    }
}

impl<S: AsyncRead + Unpin> hyper::rt::Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Filling hyper's buffer in place takes unsafe code; this costs a copy of a few hundred bytes.
        let mut bytes = [0; READ];
        let room = into.remaining().min(READ);
        let mut buffer = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        into.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.sent(taken, [bytes]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        self.sent(taken, pieces.iter().map(|piece| &**piece));
        Poll::Ready(Ok(taken))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::super::gate::{Entrance, Gate, Limits};
    use super::*;
    use crate::engine::Transport;
    use crate::telemetry::Traffic;

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_when_its_time_is_over_and_not_later() {
        for (idle, asks, event, end) in [
            // Its time counts from the end of the request, a second after the start.
            (1, true, Event::Idle, 2),
            (30, true, Event::Idle, 31),
            // Who never asks has the time of a request.
            (1, false, Event::RequestLate, 5),
            (30, false, Event::RequestLate, 5),
        ] {
            let limits = Limits {
                connections: 1,
                per_client: 1,
                pipeline: 1,
                idle: Duration::from_secs(idle),
            };
            let traffic = Arc::<Traffic>::default();
            let gate = Arc::new(Gate::new(Transport::Https, limits, Arc::clone(&traffic)));
            let place = Entrance::new(&gate, false).enter("192.0.2.1".parse().unwrap());
            let activity = Arc::<Activity>::default();
            let (_running, stop) = Stop::new();
            let watch = Watch {
                activity: Arc::clone(&activity),
                place: Arc::new(place.unwrap()),
                stop,
            };
            let begun = Instant::now();
            let asking = async {
                if asks {
                    let request = activity.begin();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    drop(request);
                }
            };
            let ended = Mutex::new(None);
            let watching = watch.over(pending(), |_: Pin<&mut std::future::Pending<_>>| {
                *ended.lock().unwrap() = Some(begun.elapsed().as_secs());
            });
            // The request comes when the first look is over.
            tokio::join!(watching, asking);
            assert_eq!(*ended.lock().unwrap(), Some(end), "{idle} {asks}");
            let noted: Vec<Event> = traffic
                .events(Transport::Https)
                .filter(|(_, count)| *count > 0)
                .map(|(event, _)| event)
                .collect();
            assert_eq!(noted, [Event::Accepted, event], "{idle} {asks}");
        }
    }
}
