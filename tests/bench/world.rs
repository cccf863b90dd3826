//! An engine with records and kept answers, for the benchmark `engine.rs` beside it and for
//! `tests/allocations.rs`: both ask the same things of the same engine.

use std::sync::Arc;

use hearthdns::engine::fetch::Question;
use hearthdns::engine::{Client, Engine, Rules, Transport};
use hearthdns::message::{Name, Rtype, write};
use hearthdns::policy::Access;
use hearthdns::view::{Routing, Snapshot};
use hearthdns::zone::{Options, Record, Zone};

/// A client on a datagram.
pub(crate) const CLIENT: Client = Client::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    Transport::Udp,
);

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// So many records `host-0` and up, one name each.
pub(crate) fn records(count: usize) -> Vec<Record> {
    let record = |at: usize| Record {
        owner: name(&format!("host-{at}.hearth.example")),
        ttl: 300,
        rtype: Rtype::A,
        rdata: Box::new([203, 0, 113, 10]),
        expires: None,
    };
    (0..count).map(record).collect()
}

/// An engine with these records in the zone `hearth.example` and so many bytes for answers.
pub(crate) fn engine(records: &[Record], cache_bytes: usize) -> Engine {
    let zone = Zone::compile(&name("hearth.example"), &Options::default(), records, 1, 0);
    let rules = Rules {
        access: Access::new(
            ["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"].map(|text| text.parse().unwrap()),
        ),
        edns_payload: 1232,
        cache_bytes,
        min_ttl: 0,
        max_ttl: 86_400,
        negative_max_ttl: 3600,
        stale_for: 0,
        failure_ttl: 5,
        screens: Vec::new(),
        rebinding_exempt: Vec::new(),
    };
    Engine::new(
        rules,
        Snapshot::build(
            vec![Arc::new(zone)],
            Vec::new(),
            &Routing::default(),
            &hearthdns::zone::Itself::default(),
            1,
        ),
    )
}

/// A query for an address: without EDNS (`payload` 0), with it, or with DO.
pub(crate) fn query(text: &str, payload: u16, dnssec_ok: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::write_query(
        &mut bytes,
        7,
        name(text).as_ref(),
        Rtype::A,
        (dnssec_ok, false),
        payload,
    );
    bytes
}

/// Has the engine keep an answer with one address, as an upstream would have sent it.
pub(crate) fn fill(engine: &Engine, text: &str, dnssec_ok: bool) {
    let question = Question {
        name: name(text),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok,
        checking_disabled: false,
    };
    let mut reply = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    reply.extend_from_slice(question.name.as_wire());
    reply.extend_from_slice(&[
        0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 198, 51, 100, 7,
    ]);
    engine.absorb(&question, &reply, None, 0).unwrap();
}
