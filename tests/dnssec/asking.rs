//! Questions of clients that set DO, and what matters of the replies.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::wire::Edns;
use crate::support::{self, Client, Message, Transport};

pub(crate) fn query(name: &str, rtype: u16, dnssec_ok: bool) -> Message {
    let mut query = Message::query(name, rtype).with_edns(1232);
    query.edns.as_mut().unwrap().dnssec_ok = dnssec_ok;
    query
}

/// Rcode and AD; the extended error where there is one.
pub(crate) fn verdict(client: &Client, name: &str, rtype: u16) -> (u16, bool, Option<u16>) {
    let reply = client.stream().exchange(&query(name, rtype, true));
    let ede = reply.edns.as_ref().and_then(Edns::extended_error);
    (reply.rcode, reply.ad, ede.map(|(code, _)| code))
}

/// What a server says to a query, by the same transport.
pub(crate) fn relay(server: SocketAddr, query: &Message, by: Transport) -> Option<Message> {
    let client = Client::new(server, server);
    let bytes = match by {
        Transport::Udp => client.raw(&query.encode(), Duration::from_secs(5)),
        _ => {
            let mut stream = client.stream();
            stream.send(&query.encode());
            stream.receive()
        }
    };
    Message::decode(&bytes?).ok()
}

/// The number of a type, those of DNSSEC included.
pub(crate) fn type_number(text: &str) -> u16 {
    match text {
        "NSEC" => 47,
        "DNSKEY" => 48,
        "NSEC3PARAM" => 51,
        other => support::wire::type_number(other),
    }
}

/// Name, types, rcode.
pub(crate) type Asked = (&'static str, &'static str, u16);
