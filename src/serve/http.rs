//! What requests and responses of DNS over HTTPS hold, whichever HTTP carries them (RFC 8484).
//!
//! [`Site`] is what stands behind every HTTP listener: a path leads to a handler ([`target`]), and the handler makes
//! of head and body a response. Everything that DNS has to say comes with 200; the 4xx are for requests that hold no
//! query. What is no path of DNS is looked for among the pages of invites (`pages`), where there are any.
//!
//! The client is the peer. Fields such as `X-Forwarded-For` are anybody's word and are not read. A response has no
//! fields but those that a client needs, and no `Date`: the clock of a router may be wrong, and a cache would believe
//! it.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use tokio::time::timeout;

use super::gate::Place;
use super::{Received, Service};
use crate::config::limits;
use crate::config::listen::DOH_PATH;
use crate::device::Claim;
use crate::message::read;
use crate::telemetry::Event;

/// Media type of a DNS message (RFC 8484, 6).
const MEDIA_TYPE: &str = "application/dns-message";
/// Name of the query's variable in a GET (RFC 8484, 4.1).
const VARIABLE: &str = "dns=";
/// Largest query.
const QUERY_BYTES: usize = limits::QUERY_BYTES.default_usize();
/// Longest path and query of a URL.
const TARGET_BYTES: usize = limits::HTTP_TARGET.default_usize();
/// Time for a body to arrive.
const REQUEST: Duration = limits::REQUEST.default_time();

/// What is served over HTTP.
pub(super) struct Site {
    service: Arc<Service>,
    /// Whether queries are answered, and not only pages.
    has_dns: bool,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Queries, with what the path claims of who asks.
    Dns(Claim),
}

fn target(path: &str) -> Option<Target> {
    let claim = path.strip_suffix(DOH_PATH).and_then(Claim::of_path)?;
    Some(Target::Dns(claim))
}

/// What a GET asks for: the claim in its path, and the query in its URL or the status of the refusal. `None` for a path
/// that is none of DNS. Listeners take the same two steps; this is for looking at them alone.
#[must_use]
pub fn requested(uri: &::http::Uri) -> Option<(Claim, Result<Vec<u8>, u16>)> {
    let Target::Dns(claim) = target(uri.path())?;
    let query = query_of_url(uri.path_and_query().map_or("", |target| target.as_str()));
    Some((claim, query.map_err(|refusal| refusal.status().as_u16())))
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing is at that path.
    NotFound,
    /// Neither GET nor POST.
    Method,
    /// No query in it.
    BadQuery(&'static str),
    /// The body came to an end too early, or not in time.
    Late,
    /// The body is too large.
    TooLarge,
    /// Path and query are too long.
    TargetTooLong,
    /// The body is no DNS message.
    MediaType,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadQuery(_) => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// What a person reads who tries it by hand.
    fn text(self) -> &'static str {
        match self {
            Self::NotFound => "there is nothing here; DNS over HTTPS is at /dns-query\n",
            Self::Method => "DNS over HTTPS takes GET and POST\n",
            Self::BadQuery(why) => why,
            Self::Late => "the request did not arrive in time\n",
            Self::TooLarge => "a DNS query is smaller\n",
            Self::TargetTooLong => "a DNS query is smaller; this URL is too long\n",
            Self::MediaType => "the body must be application/dns-message\n",
        }
    }

    fn event(self) -> Event {
        match self {
            Self::Late => Event::RequestLate,
            Self::TooLarge | Self::TargetTooLong => Event::TooLarge,
            _ => Event::BadRequest,
        }
    }

    fn response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(self.text().as_bytes()));
        *response.status_mut() = self.status();
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if self == Self::Method {
            fields.insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        with_length(response)
    }
}

impl Site {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Site {
            service,
            has_dns: true,
        }
    }

    /// Pages only: for HTTP that is not encrypted.
    #[cfg(feature = "onboard")]
    pub(super) fn of_pages(service: Arc<Service>) -> Self {
        Site {
            service,
            has_dns: false,
        }
    }

    /// The response to a request. `body` is waited for only where it is needed, and not for long.
    pub(super) async fn answer(
        &self,
        head: &Parts,
        body: impl Future<Output = Result<Vec<u8>, Refusal>>,
        place: &Place,
    ) -> Response<Bytes> {
        let is_too_long = head
            .uri
            .path_and_query()
            .map_or(0, |target| target.as_str().len())
            > TARGET_BYTES;
        let response = match target(head.uri.path()) {
            _ if is_too_long => Err(Refusal::TargetTooLong),
            Some(Target::Dns(claim)) if self.has_dns => self.dns(head, body, place, claim).await,
            _ => self.page(head, place).await.ok_or(Refusal::NotFound),
        };
        let mut response = response.unwrap_or_else(|refusal| {
            place.note(refusal.event());
            refusal.response()
        });
        if head.method == Method::HEAD {
            // RFC 9110, 9.3.2: the fields of a body that is not sent.
            *response.body_mut() = Bytes::new();
        }
        response
    }

    #[cfg(feature = "onboard")]
    async fn page(&self, head: &Parts, place: &Place) -> Option<Response<Bytes>> {
        let pages = self.service.pages.as_ref()?;
        let response = pages.answer(head, place, &self.service).await?;
        if response.status().is_client_error() {
            place.note(Event::BadRequest);
        }
        Some(response)
    }

    #[cfg(not(feature = "onboard"))]
    async fn page(&self, _: &Parts, _: &Place) -> Option<Response<Bytes>> {
        None
    }

    async fn dns(
        &self,
        head: &Parts,
        body: impl Future<Output = Result<Vec<u8>, Refusal>>,
        place: &Place,
        claim: Claim,
    ) -> Result<Response<Bytes>, Refusal> {
        let query = match head.method {
            Method::GET => query_of_url(head.uri.path_and_query().map_or("", |target| target.as_str()))?,
            Method::POST => {
                check_body(&head.headers)?;
                timeout(REQUEST, body).await.unwrap_or(Err(Refusal::Late))?
            }
            _ => return Err(Refusal::Method),
        };
        let mut reply = Vec::new();
        let client = place.client(self.service.bearers().bearer(claim));
        let is_reply = match self.service.receive(&query, client, &mut reply) {
            Received::Reply => true,
            Received::Nothing => return Err(Refusal::BadQuery("this is no DNS query\n")),
            Received::Ask(pending) => self.service.finish(&query, client, pending, &mut reply).await,
        };
        if !is_reply {
            // Where UDP would stay silent, a stream needs an end.
            return Ok(with_length(server_error()));
        }
        let age = format!("max-age={}", read::freshness(&reply));
        let mut response = Response::new(Bytes::from(reply));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Ok(age) = HeaderValue::try_from(age) {
            fields.insert(CACHE_CONTROL, age);
        }
        Ok(with_length(response))
    }
}

/// Adds a piece of a body, which holds no more than a query.
pub(super) fn extend(body: &mut Vec<u8>, piece: &[u8]) -> Result<(), Refusal> {
    if body.len() + piece.len() > QUERY_BYTES {
        return Err(Refusal::TooLarge);
    }
    body.extend_from_slice(piece);
    Ok(())
}

fn server_error() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn with_length(mut response: Response<Bytes>) -> Response<Bytes> {
    let length = HeaderValue::from(response.body().len());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// The query in path and query of a GET (RFC 8484, 4.1): base64url without padding.
fn query_of_url(target: &str) -> Result<Vec<u8>, Refusal> {
    if target.len() > TARGET_BYTES {
        return Err(Refusal::TargetTooLong);
    }
    let variables = target.split_once('?').map_or("", |(_, variables)| variables);
    let mut found = variables
        .split('&')
        .filter_map(|variable| variable.strip_prefix(VARIABLE));
    let (Some(text), None) = (found.next(), found.next()) else {
        return Err(Refusal::BadQuery("the URL needs the variable `dns`, once\n"));
    };
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| {
        Refusal::BadQuery(
            "the variable `dns` must be a DNS message in base64url without padding (RFC 8484, 6)\n",
        )
    })
}

/// What can be said of a body before it is read.
fn check_body(fields: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| {
        fields
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let media_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next());
    if !media_type.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(MEDIA_TYPE)) {
        return Err(Refusal::MediaType);
    }
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > QUERY_BYTES as u64 => Err(Refusal::TooLarge),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8484_s4_1_the_query_is_base64url_without_padding() {
        let read = |target: &str| query_of_url(target).map_err(Refusal::status);
        // The RFC's own example.
        let example = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
        let query = read(example).unwrap();
        assert_eq!(query.len(), 33);
        assert_eq!(query_of_url(&format!("{example}&x=y")).unwrap(), query);
        assert_eq!(query_of_url(&example.replace('?', "?x=y&")).unwrap(), query);
        assert_eq!(read("/dns-query?dns="), Ok(Vec::new()));
        for bad in [
            "/dns-query",
            "/dns-query?",
            "/dns-query?DNS=AAAA",
            "/dns-query?dns=AA==",
            "/dns-query?dns=AA%3D%3D",
            "/dns-query?dns=A+A/",
            "/dns-query?dns=AAAA&dns=AAAA",
            "",
        ] {
            assert_eq!(read(bad), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
        let long = format!("/dns-query?dns={}", "A".repeat(TARGET_BYTES));
        assert_eq!(read(&long), Err(StatusCode::URI_TOO_LONG));
        // The largest query fits the longest URL.
        let largest = BASE64URL_NOPAD.encode(&vec![0; QUERY_BYTES]);
        assert_eq!(
            read(&format!("/dns-query?dns={largest}")).unwrap().len(),
            QUERY_BYTES
        );
    }

    #[test]
    fn a_path_leads_to_queries_with_and_without_a_token() {
        let claimed = |path: &str| target(path).map(|Target::Dns(claim)| claim);
        assert_eq!(claimed("/dns-query"), Some(Claim::None));
        let Some(Claim::Token(token)) = claimed("/d/abcdefghijklmnop/dns-query") else {
            panic!("no token")
        };
        assert_eq!(token.to_string(), "abcdefghijklmnop");
        assert_eq!(claimed("/d//dns-query"), Some(Claim::Malformed));
        for path in [
            "",
            "/",
            "dns-query",
            "/dns-query/",
            "/x/dns-query",
            "/d/a/b/dns-query",
            "/d/abcdefghijklmnop",
            "/d/abcdefghijklmnop/",
            "//dns-query",
        ] {
            assert_eq!(target(path), None, "{path}");
        }
    }

    #[test]
    fn rfc8484_s4_1_a_body_is_a_dns_message_and_not_too_large() {
        let check = |fields: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.insert(*name, value.parse().unwrap());
            }
            check_body(&map).map_err(|refusal| refusal.status().as_u16())
        };
        assert_eq!(check(&[("content-type", "application/dns-message")]), Ok(()));
        assert_eq!(check(&[("content-type", "Application/DNS-Message; x=y")]), Ok(()));
        assert_eq!(check(&[("content-type", "application/dns-json")]), Err(415));
        assert_eq!(check(&[]), Err(415));
        let large = [("content-type", MEDIA_TYPE), ("content-length", "4097")];
        assert_eq!(check(&large), Err(413));
        let mut body = vec![0; QUERY_BYTES - 1];
        assert_eq!(extend(&mut body, b"x"), Ok(()));
        assert_eq!(extend(&mut body, b"x"), Err(Refusal::TooLarge));
    }
}
