//! DNS over HTTPS on HTTP/2 (RFC 8484).
//!
//! Queries are sent with POST, whose length the padding hides, and with id 0 as the RFC advises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use h2::client::SendRequest;
use http::response::Parts;
use http::{HeaderMap, Request, StatusCode, Uri};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::error::{Error, Kind, accept};
use super::http::{check, extend, request, target};
use crate::config::limits;
use crate::message::{MAX_MESSAGE, Outgoing};

/// Room for header fields of a reply.
const HEADERS: u32 = limits::UPSTREAM_HEADERS.default as u32;
/// Room for replies that are under way: a few of the largest.
const WINDOW: u32 = limits::UPSTREAM_WINDOW.default as u32;

/// One HTTP/2 connection.
pub(super) struct Https {
    requests: SendRequest<Bytes>,
    target: Uri,
    is_dead: Arc<AtomicBool>,
}

impl Https {
    /// Starts HTTP/2 on a connection.
    pub(super) async fn start(
        connection: TlsStream<TcpStream>,
        authority: &str,
        path: &str,
    ) -> Result<Self, Error> {
        let target = target(authority, path)?;
        let (requests, driver) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(MAX_MESSAGE as u32)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(HEADERS)
            .handshake(connection)
            .await
            .map_err(|error| broken(&error))?;
        let is_dead = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dead);
        tokio::spawn(async move {
            let _ = driver.await;
            flag.store(true, Ordering::Release);
        });
        Ok(Https {
            requests,
            target,
            is_dead,
        })
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Acquire)
    }

    /// Asks, and waits for the reply.
    pub(super) async fn exchange(&self, query: &Outgoing) -> Result<Vec<u8>, Error> {
        let request = request(&self.target, query)?;
        let query_bytes = Bytes::copy_from_slice(query.as_bytes());
        let (_, reply) = self.send(request, query_bytes, MAX_MESSAGE, check).await?;
        accept(query, reply)
    }

    /// Sends any request, and waits for a response that `check` lets pass and whose body has no more than `most`
    /// bytes.
    pub(super) async fn send(
        &self,
        request: Request<()>,
        content: Bytes,
        most: usize,
        check: impl FnOnce(StatusCode, &HeaderMap) -> Result<(), Error>,
    ) -> Result<(Parts, Vec<u8>), Error> {
        let mut requests = self
            .requests
            .clone()
            .ready()
            .await
            .map_err(|error| broken(&error))?;
        let (response, mut body) = requests
            .send_request(request, content.is_empty())
            .map_err(|error| broken(&error))?;
        if !content.is_empty() {
            body.send_data(content, true).map_err(|error| broken(&error))?;
        }
        let (head, mut body) = response.await.map_err(|error| broken(&error))?.into_parts();
        check(head.status, &head.headers)?;
        let mut reply = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(|error| broken(&error))?;
            extend(&mut reply, &chunk, most)?;
            let _ = body.flow_control().release_capacity(chunk.len());
        }
        Ok((head, reply))
    }
}

fn broken(error: &h2::Error) -> Error {
    Error::new(Kind::Unreachable, format!("http/2: {error}"))
}
