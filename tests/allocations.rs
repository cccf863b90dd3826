//! What an answer from memory allocates (nothing), and what memory holds (at most so many bytes), counted.
//!
//! Counts, not times: they are the same on every machine. What they do not see is what the kernel and the
//! allocator keep; each block counts with [`BLOCK`] bytes for the latter. Times are in `tests/bench/run`.
#![allow(clippy::unwrap_used)]

#[path = "bench/world.rs"]
mod world;

use allocation_counter::{AllocationInfo, measure};
use hearthdns::device::{Bearer, Bearers, Claim, Registry, Terms};
use hearthdns::engine::{Client, Engine, Outcome, Step, Transport};
use hearthdns::telemetry::queries::Queries;
use world::{CLIENT, engine, fill, query, records};

/// What an allocator adds to a block: its word, and rounding up.
const BLOCK: i64 = 16;

/// Bytes held since, with the allocator's part.
fn held(counted: &AllocationInfo) -> i64 {
    counted.bytes_current + BLOCK * counted.count_current
}

/// Asserts that a query is answered like this and that no answer behind the first allocates.
#[track_caller]
fn answers_without_allocating(engine: &Engine, query: &[u8], client: Client, expected: Outcome) {
    let mut out = Vec::with_capacity(4096);
    let mut ask = || {
        out.clear();
        let step = engine.receive(query, client, 1, &mut out);
        assert!(
            matches!(step, Step::Reply(outcome) if outcome == expected),
            "{step:?}"
        );
    };
    ask();
    let counted = measure(|| (0..100).for_each(|_| ask()));
    assert_eq!(
        counted,
        AllocationInfo::default(),
        "{expected:?} over {:?}",
        client.transport
    );
}

/// In every form that clients use: without EDNS, with it, with DO; as a datagram and on a stream.
#[track_caller]
fn answers_every_form_without_allocating(engine: &Engine, name: &str, expected: Outcome) {
    for transport in [Transport::Udp, Transport::Tcp] {
        for (payload, dnssec_ok) in [(0, false), (1232, false), (1232, true)] {
            let client = Client { transport, ..CLIENT };
            answers_without_allocating(engine, &query(name, payload, dnssec_ok), client, expected);
        }
    }
}

#[test]
fn a_local_answer_allocates_nothing() {
    let engine = engine(&records(10), 1 << 20);
    answers_every_form_without_allocating(&engine, "host-3.hearth.example", Outcome::Local);
}

#[test]
fn that_a_local_name_does_not_exist_allocates_nothing() {
    let engine = engine(&records(10), 1 << 20);
    answers_every_form_without_allocating(&engine, "nobody.hearth.example", Outcome::Local);
    // The apex exists and has no address.
    answers_every_form_without_allocating(&engine, "hearth.example", Outcome::Local);
}

#[test]
fn a_cached_answer_allocates_nothing() {
    let engine = engine(&records(10), 1 << 20);
    for dnssec_ok in [false, true] {
        fill(&engine, "www.example.net", dnssec_ok);
    }
    answers_every_form_without_allocating(&engine, "www.example.net", Outcome::Cached);
}

#[test]
fn a_query_that_is_watched_allocates_nothing() {
    let queries = Queries::default();
    queries.look(0, 0);
    let asked = query("matrix.hearth.example", 1232, false);
    // Its first use gives the thread a place among those who read what is replaced whole.
    let note = || queries.note(&asked, CLIENT, Outcome::Local, &[0; 12], 1);
    note();
    let counted = measure(|| (0..100).for_each(|_| note()));
    assert_eq!(counted, AllocationInfo::default());
    assert_eq!(queries.look(0, 1).seen.len(), 101);
}

#[test]
fn a_refusal_allocates_nothing() {
    let engine = engine(&records(10), 1 << 20);
    let stranger = Client::new("203.0.113.99".parse().unwrap(), Transport::Udp);
    let query = query("host-3.hearth.example", 1232, false);
    answers_without_allocating(&engine, &query, stranger, Outcome::Refused);
    // The same with a token that is not known, and with none where one is needed.
    let bearer = Bearer::Unknown;
    let transport = Transport::Tls;
    let unknown = Client {
        bearer,
        transport,
        ..CLIENT
    };
    answers_without_allocating(&engine, &query, unknown, Outcome::Refused);
    let no_token = Client {
        private_only: true,
        transport,
        ..CLIENT
    };
    answers_without_allocating(&engine, &query, no_token, Outcome::Refused);
}

#[test]
fn looking_a_token_up_and_answering_its_bearer_allocates_nothing() {
    let engine = engine(&records(10), 1 << 20);
    let mut registry = Registry::default();
    let terms = Terms {
        everything: false,
        ttl: 60,
        uses: 1,
    };
    let mut next = 0;
    for at in 0..200 {
        let mut random = || {
            next += 1;
            next
        };
        registry
            .invite(&format!("device-{at}"), terms, 0, &mut random)
            .unwrap();
    }
    let (id, device) = registry.find("device-150").unwrap();
    let path = format!("/d/{}", device.token);
    let sni = format!("{}.dns.example", device.token);
    let bearers = Bearers::new(Some("dns.example".to_owned()));
    bearers.publish(registry.tokens());
    let look_up = || {
        let by_path = bearers.bearer(Claim::of_path(&path).unwrap());
        let by_sni = bearers.bearer(bearers.claim_of_sni(Some(&sni)));
        assert_eq!((by_path, by_sni), (Bearer::Device(id), Bearer::Device(id)));
    };
    look_up();
    let counted = measure(|| (0..100).for_each(|_| look_up()));
    assert_eq!(counted, AllocationInfo::default());
    let bearer = Bearer::Device(id);
    for (name, outcome) in [
        ("host-3.hearth.example", Outcome::Local),
        ("www.example.net", Outcome::Refused),
    ] {
        let client = Client {
            addr: "203.0.113.99".parse().unwrap(),
            bearer,
            private_only: true,
            transport: Transport::Https,
        };
        answers_without_allocating(&engine, &query(name, 1232, false), client, outcome);
    }
}

#[test]
fn ten_thousand_local_records_take_at_most_3_mb() {
    let records = records(10_000);
    let mut kept = None;
    let empty = measure(|| kept = Some(engine(&[], 1 << 20)));
    let full = measure(|| kept = Some(engine(&records, 1 << 20)));
    drop(kept);
    // The first engine went in the second count, and the zones that nobody wrote are made once.
    let taken = held(&full) + held(&empty).min(0);
    assert!(taken <= 3_000_000, "{taken} bytes for 10,000 records");
}

#[test]
fn a_cached_address_takes_at_most_250_bytes() {
    // Tables grow in steps: among these are counts right behind one, where each answer takes most.
    for count in [1000, 7200, 10_000, 15_000, 30_000, 60_000] {
        let engine = engine(&[], 64 << 20);
        let counted = measure(|| {
            (0..count).for_each(|at| fill(&engine, &format!("www.host-{at:05}.example.net"), false));
        });
        assert_eq!(engine.cache_fill().entries, count);
        let each = held(&counted) / count as i64;
        assert!(each <= 250, "{each} bytes for each of {count} answers");
    }
}

#[test]
fn a_flood_of_names_takes_no_more_than_the_bound() {
    let bound = 1 << 20;
    let engine = engine(&[], bound);
    let mut most = 0;
    for start in (0..100_000).step_by(1000) {
        let counted = measure(|| {
            (start..start + 1000).for_each(|at| fill(&engine, &format!("{at:x}.example.net"), false));
        });
        most += held(&counted);
        assert!(most <= bound as i64, "{most} bytes after {start} names");
    }
}
