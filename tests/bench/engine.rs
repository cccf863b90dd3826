//! How long the engine takes for a query that memory answers: nanoseconds each, best of several rounds.
//!
//! `cargo run --release --example engine`; `tests/bench/run` runs it and compares it with the goals. No sockets: what
//! is measured is [`hearthdns::engine::Engine::receive`] from the query's bytes to the reply's. At the end two threads
//! call one engine: the figure is the time that one thread takes for all calls over the time of two for half of
//! them each, 2 where nothing is shared, printed as the goal wants it, one over half of that.
#![allow(clippy::unwrap_used)]

mod world;

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use hearthdns::engine::{Engine, Step};
use world::{CLIENT, engine, fill, query, records};

const CALLS: usize = 200_000;
const ROUNDS: usize = 7;
/// Rounds with two threads are short and many: one of them finds both cores free.
const PAIRS: usize = 60;
const KEPT: usize = 1_000_000;

/// Seconds for so many calls.
fn timed(engine: &Engine, queries: &[Vec<u8>], calls: usize) -> f64 {
    let mut out = Vec::with_capacity(4096);
    let start = Instant::now();
    for query in queries.iter().cycle().take(calls) {
        out.clear();
        let step = engine.receive(black_box(query), CLIENT, 1, &mut out);
        assert!(matches!(step, Step::Reply(_)));
        black_box(&out);
    }
    start.elapsed().as_secs_f64()
}

fn least(times: impl Iterator<Item = f64>) -> f64 {
    times.fold(f64::MAX, f64::min)
}

fn measure(what: &str, engine: &Engine, queries: &[Vec<u8>]) {
    let best = least((0..ROUNDS).map(|_| timed(engine, queries, CALLS)));
    println!("{what:<44} {:>7.0} ns", best * 1e9 / CALLS as f64);
}

/// Two threads, each with half of the calls; seconds until both are done.
fn timed_together(engine: &Engine, queries: &[Vec<u8>], calls: usize) -> f64 {
    let ready = Barrier::new(2);
    let half = || {
        ready.wait();
        timed(engine, queries, calls / 2)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(half);
        half().max(other.join().unwrap())
    })
}

fn measure_together(what: &str, engine: &Engine, queries: &[Vec<u8>]) {
    let calls = CALLS / 10;
    let one = least((0..PAIRS).map(|_| timed(engine, queries, calls)));
    let two = least((0..PAIRS).map(|_| timed_together(engine, queries, calls)));
    println!(
        "{what:<44} {:>7.2} (two threads answer {:.2} times what one does)",
        2.0 * two / one,
        one / two
    );
}

/// Queries for names far apart.
fn spread(prefix: &str, suffix: &str, count: usize) -> Vec<Vec<u8>> {
    let name = |at: usize| format!("{prefix}{}.{suffix}", at * 7919 % count);
    (0..65_536).map(|at| query(&name(at), 1232, false)).collect()
}

fn main() {
    let small = engine(&records(10), 1 << 20);
    fill(&small, "www.example.net", false);
    let one = |text: &str| [query(text, 1232, false)];
    let local = one("host-3.hearth.example");
    measure("local answer, 10 records", &small, &local);
    measure(
        "local, does not exist, 10 records",
        &small,
        &one("nobody.hearth.example"),
    );
    measure("cached answer, 1 message", &small, &one("www.example.net"));

    let large = engine(&records(100_000), 1 << 30);
    let many_local = spread("host-", "hearth.example", 100_000);
    measure("local answer, 100,000 records", &large, &many_local);
    measure(
        "local, does not exist, 100,000 records",
        &large,
        &spread("nobody-", "hearth.example", 100_000),
    );
    (0..KEPT).for_each(|at| fill(&large, &format!("host-{at}.example.net"), false));
    let held = large.cache_fill();
    assert_eq!(held.entries, KEPT, "all are kept");
    let many_cached = spread("host-", "example.net", KEPT);
    measure("cached answer, 1,000,000 messages", &large, &many_cached);
    println!("a cached message takes {} bytes", held.bytes / held.entries);

    measure_together("two threads, local", &small, &local);
    measure_together("two threads, cached", &large, &many_cached);
    measure_together(
        "two threads, the same cached name",
        &small,
        &one("www.example.net"),
    );
}
