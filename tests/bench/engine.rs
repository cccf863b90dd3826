//! How long the engine takes for a query that memory answers: nanoseconds each, best of several rounds.
//!
//! `cargo run --release --example engine`. One thread, no sockets: what is measured is
//! [`hearthdns::engine::Engine::receive`] from the query's bytes to the reply's.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use hearthdns::engine::fetch::Question;
use hearthdns::engine::{Client, Engine, Rules, Step, Transport};
use hearthdns::message::{Name, Rtype, write};
use hearthdns::policy::Access;
use hearthdns::view::{Routing, Snapshot};
use hearthdns::zone::{Options, Record, Zone};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 7;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn engine(records: usize) -> Engine {
    let record = |at: usize| Record {
        owner: name(&format!("host-{at}.hearth.example")),
        ttl: 300,
        rtype: Rtype::A,
        rdata: Box::new([203, 0, 113, 10]),
        expires: None,
    };
    let records: Vec<Record> = (0..records).map(record).collect();
    let zone = Zone::compile(&name("hearth.example"), &Options::default(), &records, 1, 0);
    let rules = Rules {
        access: Access::new(
            ["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"].map(|text| text.parse().unwrap()),
        ),
        edns_payload: 1232,
        cache_bytes: 256 << 20,
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
        Snapshot::build(vec![Arc::new(zone)], Vec::new(), &Routing::default(), 1),
    )
}

fn query(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write::write_query(&mut bytes, 7, name(text).as_ref(), Rtype::A, (false, false), 1232);
    bytes
}

/// Puts an answer with one address into the cache.
fn fill(engine: &Engine, text: &str) {
    let question = Question {
        name: name(text),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok: false,
        checking_disabled: false,
    };
    let mut reply = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    reply.extend_from_slice(question.name.as_wire());
    reply.extend_from_slice(&[
        0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 198, 51, 100, 7,
    ]);
    engine.absorb(&question, &reply, None, 0).unwrap();
}

fn measure(what: &str, engine: &Engine, queries: &[Vec<u8>]) {
    let client = Client {
        addr: "127.0.0.1".parse().unwrap(),
        transport: Transport::Udp,
    };
    let mut out = Vec::with_capacity(4096);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for call in 0..CALLS {
            out.clear();
            let query = &queries[call as usize % queries.len()];
            let step = engine.receive(black_box(query), client, 1, &mut out);
            assert!(matches!(step, Step::Reply(_)));
            black_box(&out);
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
    }
    println!("{what:<40} {best:>7.0} ns");
}

fn main() {
    let small = engine(10);
    measure(
        "local answer, 10 records",
        &small,
        &[query("host-3.hearth.example")],
    );
    measure(
        "local, name does not exist",
        &small,
        &[query("nobody.hearth.example")],
    );
    fill(&small, "www.example.net");
    measure("cached answer, 1 message", &small, &[query("www.example.net")]);
    let large = engine(100_000);
    let spread = |prefix: &str, suffix: &str, count: usize| -> Vec<Vec<u8>> {
        (0..4096)
            .map(|at| query(&format!("{prefix}{}.{suffix}", at * 7919 % count)))
            .collect()
    };
    measure(
        "local answer, 100,000 records",
        &large,
        &spread("host-", "hearth.example", 100_000),
    );
    measure(
        "local, does not exist, 100,000 records",
        &large,
        &spread("nobody-", "hearth.example", 100_000),
    );
    (0..200_000).for_each(|at| fill(&large, &format!("host-{at}.example.net")));
    measure(
        "cached answer, 200,000 messages",
        &large,
        &spread("host-", "example.net", 200_000),
    );
    let fill = large.cache_fill();
    println!("a cached message takes {} bytes", fill.bytes / fill.entries);
}
