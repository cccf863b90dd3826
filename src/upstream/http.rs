//! What requests and responses of DNS over HTTPS hold, whichever HTTP carries them (RFC 8484).

use ::http::{HeaderMap, Request, StatusCode, Uri, header};

use super::error::{Error, Kind};
use crate::message::{MAX_MESSAGE, Outgoing};

/// Media type of a DNS message (RFC 8484, 6).
const MEDIA_TYPE: &str = "application/dns-message";

/// Where requests go.
pub(super) fn target(authority: &str, path: &str) -> Result<Uri, Error> {
    Uri::builder()
        .scheme("https")
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|error| Error::new(Kind::Unreachable, format!("https://{authority}{path}: {error}")))
}

/// The request for a query (RFC 8484, 4.1).
pub(super) fn request(target: &Uri, query: &Outgoing) -> Result<Request<()>, Error> {
    Request::post(target.clone())
        .header(header::CONTENT_TYPE, MEDIA_TYPE)
        .header(header::ACCEPT, MEDIA_TYPE)
        .header(header::CONTENT_LENGTH, query.as_bytes().len())
        .body(())
        .map_err(|error| Error::new(Kind::Unreachable, error.to_string()))
}

/// Whether a response holds a DNS message (RFC 8484, 4.2.1): every response code of DNS comes with 200.
pub(super) fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
    if status != StatusCode::OK {
        let message = format!("the server answers HTTP {}; is the path right?", status.as_u16());
        return Err(Error::bad_reply(&message));
    }
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type
        .and_then(|value| value.split(';').next())
        .unwrap_or("nothing");
    if !essence.trim().eq_ignore_ascii_case(MEDIA_TYPE) {
        let message = format!("the server answers {essence} and not {MEDIA_TYPE}; is the path right?");
        return Err(Error::bad_reply(&message));
    }
    Ok(())
}

/// Adds a piece of a body, which holds no more than so many bytes.
pub(super) fn extend(reply: &mut Vec<u8>, chunk: &[u8], most: usize) -> Result<(), Error> {
    if reply.len() + chunk.len() > most {
        let message = match most {
            MAX_MESSAGE => "the reply is larger than a DNS message can be".to_owned(),
            _ => format!("the reply has more than {most} bytes"),
        };
        return Err(Error::bad_reply(&message));
    }
    reply.extend_from_slice(chunk);
    Ok(())
}
