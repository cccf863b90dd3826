//! Our answers behind somebody else's listeners: a [`Service`] is a request handler of hickory-server.
//!
//! hickory-server takes records and not bytes, so a reply is read and written once more: names lose nothing but their
//! compression against the question. What hickory cannot read becomes SERVFAIL. The bounds on connections, handshakes
//! and requests of this crate's own listeners do not hold there.

use async_trait::async_trait;
use hickory_proto::op::{Header, HeaderCounts, Message, Metadata, ResponseCode};
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tracing::debug;

use super::{Received, Service};
use crate::engine::{Client, Transport};

#[async_trait]
impl RequestHandler for Service {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let client = Client::new(request.src().ip().to_canonical(), transport(request.protocol()));
        let mut reply = Vec::new();
        let is_reply = match self.receive(request.as_slice(), client, &mut reply) {
            Received::Reply => true,
            Received::Nothing => false,
            Received::Ask(pending) => self.finish(request.as_slice(), client, pending, &mut reply).await,
        };
        if !is_reply {
            return told(request, ResponseCode::NoError);
        }
        let sent = match Message::from_vec(&reply) {
            Ok(message) => {
                let builder = MessageResponseBuilder::new(&request.queries, message.edns.as_ref());
                let whole = builder.build(
                    message.metadata,
                    &message.answers,
                    &message.authorities,
                    &[],
                    &message.additionals,
                );
                response.send_response(whole).await
            }
            Err(error) => {
                debug!(%error, "hickory cannot read our reply");
                let builder = MessageResponseBuilder::from_message_request(request);
                let failure = builder.error_msg(&request.metadata, ResponseCode::ServFail);
                response.send_response(failure).await
            }
        };
        sent.unwrap_or_else(|error| {
            debug!(%error, "sending a reply failed");
            told(request, ResponseCode::ServFail)
        })
    }
}

/// What hickory is told of a request to which nothing was sent.
fn told(request: &Request, code: ResponseCode) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = code;
    ResponseInfo::from(Header {
        metadata,
        counts: HeaderCounts::default(),
    })
}

/// Which of the encrypted ones it is makes no difference to an answer.
fn transport(protocol: Protocol) -> Transport {
    if protocol.is_datagram() {
        Transport::Udp
    } else if protocol.is_encrypted() {
        Transport::Tls
    } else {
        Transport::Tcp
    }
}
