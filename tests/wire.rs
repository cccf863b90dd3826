//! How the daemon speaks: EDNS, truncation, malformed messages, TCP, and the address that replies come from.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use support::client::framed;
use support::sample::HEARTH;
use support::wire::Edns;
use support::{Act, Client, Daemon, House, Message, Upstream, rcode, rtype};

fn served() -> (House, Daemon) {
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("big.example", &big);
    let daemon = house.start();
    (house, daemon)
}

#[test]
fn rfc6891_s6_1_3_other_versions_are_badvers() {
    let (_house, daemon) = served();
    for version in [1, 255] {
        let mut query = Message::query("matrix.hearth.example.", rtype::A).with_edns(1232);
        query.edns.as_mut().unwrap().version = version;
        let reply = daemon.client().exchange(&query);
        assert_eq!(reply.rcode, rcode::BADVERS, "{reply:?}");
        assert!(reply.answers.is_empty(), "{reply:?}");
        assert_eq!(reply.edns.unwrap().version, 0, "the version that we have");
    }
}

#[test]
fn rfc6891_s6_1_1_opt_answers_opt() {
    let (_house, daemon) = served();
    let with = daemon
        .client()
        .exchange(&Message::query("hearth.example.", rtype::A).with_edns(4096));
    let edns = with.edns.unwrap();
    assert_eq!((edns.payload, edns.version, edns.dnssec_ok), (1232, 0, false));
    let without = daemon
        .client()
        .exchange(&Message::query("hearth.example.", rtype::A));
    assert_eq!(without.edns, None);
    let mut query = Message::query("hearth.example.", rtype::A).with_edns(4096);
    query.edns.as_mut().unwrap().dnssec_ok = true;
    let reply = daemon.client().exchange(&query);
    assert!(reply.edns.unwrap().dnssec_ok, "RFC 3225, 3: DO is copied");
    // Also where the answer is only that there is none: NOTIFY has the layout of a query (RFC 1996, 3.6).
    query = Message::query("hearth.example.", rtype::SOA).with_edns(1232);
    query.opcode = 4;
    let bytes = daemon.client().raw(&query.encode(), support::DEADLINE).unwrap();
    let reply = Message::decode(&bytes).unwrap();
    assert_eq!(
        (reply.rcode, reply.edns.is_some()),
        (rcode::NOTIMP, true),
        "{reply:?}"
    );
}

#[test]
fn rfc6891_s6_1_2_unknown_options_are_ignored() {
    let (_house, daemon) = served();
    let mut query = Message::query("hearth.example.", rtype::A);
    let options = vec![(65001, b"whatever".to_vec()), (4242, Vec::new())];
    query.edns = Some(Edns {
        payload: 1232,
        version: 0,
        dnssec_ok: false,
        options,
    });
    let reply = daemon.client().exchange(&query);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1));
    assert_eq!(reply.edns.unwrap().options, []);
}

#[test]
fn rfc6891_s6_1_1_two_opts_are_an_error() {
    let (_house, daemon) = served();
    let mut query = Message::query("hearth.example.", rtype::A).with_edns(1232);
    let mut bytes = query.encode();
    bytes[11] = 2;
    bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    query.edns = None;
    let reply = Message::decode(&daemon.client().raw(&bytes, support::DEADLINE).unwrap()).unwrap();
    assert_eq!((reply.id, reply.rcode), (query.id, rcode::FORMERR));
}

#[test]
fn rfc6891_s6_2_3_a_reply_keeps_to_the_payload_and_keeps_opt() {
    let (_house, daemon) = served();
    // What the client offers, and what a reply may then have: never over our own 1232, never under 512.
    for (offer, most) in [
        (None, 512),
        (Some(0), 512),
        (Some(511), 512),
        (Some(900), 900),
        (Some(4096), 1232),
    ] {
        let mut query = Message::query("big.big.example.", rtype::A);
        query.edns = offer.map(Edns::sized);
        let reply = daemon.client().exchange(&query);
        assert!(reply.tc, "offer {offer:?}: {reply:?}");
        assert!(
            reply.size <= most,
            "offer {offer:?}: {} bytes, at most {most}",
            reply.size
        );
    }
    let query = Message::query("big.big.example.", rtype::A).with_edns(512);
    let reply = daemon.client().stream().exchange(&query);
    assert!(!reply.tc, "the payload says nothing of TCP (RFC 6891, 6.2.3)");
    assert_eq!(reply.answers.len(), 120);
}

#[test]
fn rfc7830_s3_a_query_may_be_padded_to_4096_octets() {
    let (_house, daemon) = served();
    let client = daemon.client();
    let padded = |length: usize| {
        let mut query = Message::query("matrix.hearth.example.", rtype::A).with_edns(1232);
        let around = query.encode().len() + 4;
        query.edns.as_mut().unwrap().options = vec![(12, vec![0; length - around])];
        let bytes = query.encode();
        assert_eq!(bytes.len(), length);
        let reply = Message::decode(&client.raw(&bytes, support::DEADLINE).unwrap()).unwrap();
        assert_eq!(reply.id, query.id);
        (reply.rcode, reply.answers.len())
    };
    assert_eq!(padded(4096), (rcode::NOERROR, 1));
    assert_eq!(padded(4097), (rcode::FORMERR, 0));
    assert_eq!(padded(60_000), (rcode::FORMERR, 0));
}

#[test]
fn rfc1035_s4_1_1_malformed_queries_are_refused_or_ignored() {
    let (_house, daemon) = served();
    let client = daemon.client();
    let query = Message::query("matrix.hearth.example.", rtype::A);
    let code = |bytes: &[u8]| {
        let reply = Message::decode(&client.raw(bytes, support::DEADLINE).unwrap()).unwrap();
        assert!(reply.qr);
        reply.rcode
    };
    let mut none = query.clone();
    none.questions.clear();
    assert_eq!(code(&none.encode()), rcode::FORMERR, "no question");
    let mut two = query.clone();
    two.questions.push(two.questions[0].clone());
    assert_eq!(code(&two.encode()), rcode::FORMERR, "two questions (RFC 9619)");
    let whole = query.encode();
    assert_eq!(
        code(&whole[..whole.len() - 3]),
        rcode::FORMERR,
        "a question that is cut off"
    );
    let mut looping = whole[..12].to_vec();
    looping.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(code(&looping), rcode::FORMERR, "a question that points to itself");
    for opcode in [1, 2, 3, 4, 5, 6, 15] {
        let mut other = query.clone();
        other.opcode = opcode;
        assert_eq!(code(&other.encode()), rcode::NOTIMP, "opcode {opcode}");
    }
    for (what, bytes) in [
        ("nothing", &[][..]),
        ("a byte", &[0]),
        ("half a header", &whole[..11]),
        ("a reply", &query.reply().encode()),
    ] {
        assert!(
            client.is_ignored(bytes),
            "{what} is not answered, or two servers could play ping-pong"
        );
    }
    assert_eq!(client.exchange(&query).answers.len(), 1, "and it still answers");
}

#[test]
fn no_datagram_stops_the_daemon() {
    let (_house, mut daemon) = served();
    let socket = daemon.client().socket();
    let whole = Message::query("matrix.hearth.example.", rtype::A)
        .with_edns(1232)
        .encode();
    // Deterministic noise: every byte of a sound query changed in turn, and every way to cut it.
    for at in 0..whole.len() {
        for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            socket.send(&changed).unwrap();
        }
        socket.send(&whole[..at]).unwrap();
        // Asked each time: to see where it would stop, and not to flood what the kernel queues.
        assert_eq!(
            daemon.ask("matrix.hearth.example.", rtype::A).answers.len(),
            1,
            "after byte {at}"
        );
    }
    assert!(daemon.process.is_alive());
}

#[test]
fn rfc7766_s6_2_1_1_queries_are_pipelined() {
    let (_house, daemon) = served();
    let mut stream = daemon.client().stream();
    let queries: Vec<Message> = (0..20)
        .map(|_| Message::query("matrix.hearth.example.", rtype::A).with_edns(1232))
        .collect();
    let all: Vec<u8> = queries.iter().flat_map(|query| framed(&query.encode())).collect();
    stream.0.write_all(&all).unwrap();
    let mut ids: Vec<u16> = queries.iter().map(|query| query.id).collect();
    for _ in &queries {
        let reply = Message::decode(&stream.receive().unwrap()).unwrap();
        assert_eq!(reply.answers.len(), 1);
        ids.retain(|id| *id != reply.id);
    }
    assert_eq!(ids, [0; 0], "queries without a reply");
}

#[test]
fn rfc7766_s7_replies_come_out_of_order() {
    let upstream = Upstream::start(|query, _| {
        vec![
            Act::Wait(Duration::from_secs(1)),
            Act::Send(support::upstream::positive(query, "198.51.100.7")),
        ]
    });
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    let mut stream = daemon.client().stream();
    let slow = Message::query("www.example.net.", rtype::A);
    let fast = Message::query("matrix.hearth.example.", rtype::A);
    stream.send(&slow.encode());
    upstream.wait_for("the slow question", |_| true);
    stream.send(&fast.encode());
    let first = Message::decode(&stream.receive().unwrap()).unwrap();
    let second = Message::decode(&stream.receive().unwrap()).unwrap();
    assert_eq!(
        (first.id, second.id),
        (fast.id, slow.id),
        "a slow question does not hold up the others"
    );
}

#[test]
fn rfc7766_messages_may_come_in_pieces() {
    let (_house, daemon) = served();
    let mut stream = daemon.client().stream();
    let query = Message::query("matrix.hearth.example.", rtype::A);
    for byte in framed(&query.encode()) {
        stream.0.write_all(&[byte]).unwrap();
    }
    assert_eq!(
        Message::decode(&stream.receive().unwrap()).unwrap().answers.len(),
        1
    );
}

#[test]
fn rfc7766_s6_2_3_idle_connections_are_closed() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config("tcp:\n  idle_seconds: 1\n");
    let daemon = house.start();
    let mut idle = daemon.client().stream();
    let mut stalled = daemon.client().stream();
    // A length that is never made good does not keep a connection either.
    stalled.0.write_all(&[0, 50, 1]).unwrap();
    let mut used = daemon.client().stream();
    used.exchange(&Message::query("matrix.hearth.example.", rtype::A));
    for stream in [&mut idle, &mut stalled, &mut used] {
        let took = stream.wait_for_close(support::DEADLINE);
        assert!(took < Duration::from_secs(10), "closed after {took:?}");
    }
}

#[test]
fn connections_are_bounded_and_udp_does_not_mind() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config("tcp:\n  connections: 4\n  per_client: 4\n  idle_seconds: 2\n");
    let daemon = house.start();
    let mut held: Vec<_> = (0..4).map(|_| daemon.client().stream()).collect();
    for stream in &mut held {
        stream.exchange(&Message::query("matrix.hearth.example.", rtype::A));
    }
    let mut more = daemon.client().stream();
    more.0
        .write_all(&framed(
            &Message::query("matrix.hearth.example.", rtype::A).encode(),
        ))
        .ok();
    // One over the bound is closed or waits for its turn; either way the daemon goes on.
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    drop(held);
    let mut later = daemon.client().stream();
    let query = Message::query("matrix.hearth.example.", rtype::A);
    let end = std::time::Instant::now() + support::DEADLINE;
    // The four places come free when the daemon sees the ends of the connections.
    loop {
        later.0.write_all(&framed(&query.encode())).ok();
        if let Ok(Some(reply)) = support::client::read_framed(&mut later.0) {
            assert_eq!(Message::decode(&reply).unwrap().answers.len(), 1);
            break;
        }
        assert!(std::time::Instant::now() < end, "no connection is taken any more");
        later = daemon.client().stream();
    }
}

#[test]
fn ipv6_is_served_as_ipv4_is() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen(&["127.0.0.1:0", "[::1]:0"]);
    let daemon = house.start();
    for at in 0..2 {
        let client = Client::new(daemon.udp[at], daemon.tcp[at]);
        assert_eq!(client.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
        assert_eq!(
            client.ask_tcp("matrix.hearth.example.", rtype::A).answers.len(),
            1
        );
    }
}

#[test]
fn replies_come_from_the_address_that_was_asked() {
    let house = House::new().zone("hearth.example", HEARTH).listen(&["0.0.0.0:0"]);
    let daemon = house.start();
    for address in ["127.0.0.1", "127.0.0.2", "127.1.2.3"] {
        let at = |port| SocketAddr::new(address.parse().unwrap(), port);
        let client = Client::new(at(daemon.udp[0].port()), at(daemon.tcp[0].port()));
        // The client's socket is connected: it does not see a reply from another address.
        assert_eq!(
            client.ask("matrix.hearth.example.", rtype::A).answers.len(),
            1,
            "asked at {address}"
        );
        assert_eq!(
            client.ask_tcp("matrix.hearth.example.", rtype::A).answers.len(),
            1,
            "asked at {address}"
        );
    }
    let house = House::new().zone("hearth.example", HEARTH).listen(&["[::]:0"]);
    let daemon = house.start();
    let at = |port| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
    let client = Client::new(at(daemon.udp[0].port()), at(daemon.tcp[0].port()));
    assert_eq!(client.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
}

#[test]
fn many_at_once_have_their_replies_from_the_address_that_each_asked() {
    let house = House::new().zone("hearth.example", HEARTH).listen(&["0.0.0.0:0"]);
    let daemon = house.start();
    // More than are taken at once, at two addresses in turns, in runs of different lengths.
    let addresses =
        ["127.0.0.1", "127.0.0.2"].map(|ip| SocketAddr::new(ip.parse().unwrap(), daemon.udp[0].port()));
    let asked_at = |id: u16| addresses[usize::from(id % 2 + id / 7 % 2) % 2];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(support::DEADLINE)).unwrap();
    let queries: Vec<Message> = (0..60)
        .map(|id| {
            // One that is long, one that does not exist, one that is usual.
            let name = [
                "hearth.example.",
                "nowhere.hearth.example.",
                "matrix.hearth.example.",
            ][usize::from(id % 3)];
            let mut query = Message::query(name, rtype::A).with_edns(1232);
            query.id = id;
            query
        })
        .collect();
    for query in &queries {
        socket.send_to(&query.encode(), asked_at(query.id)).unwrap();
    }
    let mut came = BTreeSet::new();
    let mut buffer = [0; 4096];
    while came.len() < queries.len() {
        let (len, from) = socket.recv_from(&mut buffer).expect("a reply to each query");
        let reply = Message::decode(&buffer[..len]).unwrap();
        let query = &queries[usize::from(reply.id)];
        assert_eq!(reply.questions, query.questions);
        let expected = if query.id % 3 == 1 {
            rcode::NXDOMAIN
        } else {
            rcode::NOERROR
        };
        assert_eq!(reply.rcode, expected, "{reply:?}");
        assert_eq!(from, asked_at(reply.id), "query {}", reply.id);
        assert!(came.insert(reply.id), "two replies to query {}", reply.id);
    }
}

#[test]
fn s6_strangers_are_refused() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr)
        .config("clients: [127.0.0.1/32]\n");
    let daemon = house.start();
    let stranger = daemon.client().from("127.0.0.9");
    for name in [
        "matrix.hearth.example.",
        "nowhere.hearth.example.",
        "www.example.net.",
        "localhost.",
    ] {
        let reply = stranger.ask(name, rtype::A);
        assert_eq!(reply.rcode, rcode::REFUSED, "{reply:?}");
        assert!(
            reply.answers.is_empty() && reply.authorities.is_empty(),
            "{reply:?}"
        );
    }
    assert_eq!(
        stranger.ask_tcp("matrix.hearth.example.", rtype::A).rcode,
        rcode::REFUSED
    );
    assert!(upstream.seen().is_empty());
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
}
