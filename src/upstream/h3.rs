//! DNS over HTTPS on HTTP/3 (RFC 8484 over RFC 9114).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::h3::client::SendRequest;
use bytes::{Buf, Bytes};
use h3_quinn::OpenStreams;
use http::Uri;
use quinn::Connection;

use super::error::{Error, Kind, accept};
use super::http::{check, extend, request, target};
use crate::config::limits;
use crate::message::MAX_MESSAGE;
use crate::message::Outgoing;

/// Room for header fields of a reply.
const HEADERS: u64 = limits::UPSTREAM_HEADERS.default;

/// One HTTP/3 connection.
pub(super) struct H3 {
    connection: Connection,
    requests: SendRequest<OpenStreams, Bytes>,
    target: Uri,
    is_dead: Arc<AtomicBool>,
}

impl H3 {
    /// Starts HTTP/3 on a connection.
    pub(super) async fn start(connection: Connection, authority: &str, path: &str) -> Result<Self, Error> {
        let target = target(authority, path)?;
        let (mut driver, requests) = ::h3::client::builder()
            .max_field_section_size(HEADERS)
            .build(h3_quinn::Connection::new(connection.clone()))
            .await
            .map_err(|error| broken(&error))?;
        let is_dead = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dead);
        tokio::spawn(async move {
            let _ = poll_fn(|cx| driver.poll_close(cx)).await;
            flag.store(true, Ordering::Release);
        });
        Ok(H3 {
            connection,
            requests,
            target,
            is_dead,
        })
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Acquire) || self.connection.close_reason().is_some()
    }

    /// Asks, and waits for the reply.
    pub(super) async fn exchange(&self, query: &Outgoing) -> Result<Vec<u8>, Error> {
        let request = request(&self.target, query)?;
        let mut requests = self.requests.clone();
        let mut stream = requests
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        let body = Bytes::copy_from_slice(query.as_bytes());
        stream.send_data(body).await.map_err(|error| broken(&error))?;
        stream.finish().await.map_err(|error| broken(&error))?;
        let response = stream.recv_response().await.map_err(|error| broken(&error))?;
        check(response.status(), response.headers())?;
        let mut reply = Vec::new();
        while let Some(mut chunk) = stream.recv_data().await.map_err(|error| broken(&error))? {
            while chunk.has_remaining() {
                let len = chunk.chunk().len();
                extend(&mut reply, chunk.chunk(), MAX_MESSAGE)?;
                chunk.advance(len);
            }
        }
        accept(query, reply)
    }
}

impl Drop for H3 {
    fn drop(&mut self) {
        // H3_NO_ERROR (RFC 9114, 8.1).
        self.connection.close(quinn::VarInt::from_u32(0x100), b"");
    }
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Unreachable, format!("http/3: {error}"))
}
