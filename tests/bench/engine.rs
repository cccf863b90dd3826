//! How long the engine takes for a query that memory answers, without sockets: from the query's bytes to the reply's,
//! by [`hearthdns::engine::Engine::receive`].
//!
//! `cargo bench --bench engine` prints the table; `tests/bench/run` runs it and compares it with the goals. Each
//! benchmark asks one question of one engine, in turn for as many names as its argument says. Those of `together` are
//! called by one thread and by two at once: what nothing is shared for takes each of two as long as one alone. That
//! nothing is allocated is a test: `tests/allocations.rs`, over the same engines (`world.rs`).
#![allow(clippy::unwrap_used)]

mod world;

use std::cell::RefCell;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use hearthdns::engine::{Engine, Step};
use world::{CLIENT, engine, fill, query, records};

fn main() {
    // Built before anything is timed, and once for all.
    LazyLock::force(&LARGE);
    divan::main();
    let fill = LARGE.cache_fill();
    println!("a cached message takes {} bytes", fill.bytes / fill.entries);
}

const KEPT: usize = 1_000_000;
/// Long samples, so that looking at the clock is not what is measured, and many, so that some find the machine quiet.
const CALLS: u32 = 5_000;
const SAMPLES: u32 = 100;

/// Ten records and one answer kept.
static SMALL: LazyLock<Engine> = LazyLock::new(|| {
    let engine = engine(&records(10), 1 << 20);
    fill(&engine, "host-0.example.net", false);
    engine
});

/// 100,000 records and a million answers kept.
static LARGE: LazyLock<Engine> = LazyLock::new(|| {
    let engine = engine(&records(100_000), 1 << 30);
    (0..KEPT).for_each(|at| fill(&engine, &format!("host-{at}.example.net"), false));
    assert_eq!(engine.cache_fill().entries, KEPT, "all are kept");
    engine
});

/// The engine that holds so many.
fn holding(names: usize) -> &'static Engine {
    if names <= 10 { &SMALL } else { &LARGE }
}

/// Queries for so many names, far apart where they are many.
fn spread(prefix: &str, suffix: &str, names: usize) -> Vec<Vec<u8>> {
    (0..names.min(65_536))
        .map(|at| query(&format!("{prefix}{}.{suffix}", at * 7919 % names), 1232, false))
        .collect()
}

#[divan::bench(args = [10, 100_000], sample_count = SAMPLES, sample_size = CALLS)]
fn local(bencher: Bencher, names: usize) {
    measure(bencher, holding(names), &spread("host-", "hearth.example", names));
}

#[divan::bench(args = [10, 100_000], sample_count = SAMPLES, sample_size = CALLS)]
fn nxdomain(bencher: Bencher, names: usize) {
    measure(
        bencher,
        holding(names),
        &spread("nobody-", "hearth.example", names),
    );
}

#[divan::bench(args = [1, KEPT], sample_count = SAMPLES, sample_size = CALLS)]
fn cached(bencher: Bencher, names: usize) {
    measure(bencher, holding(names), &spread("host-", "example.net", names));
}

#[divan::bench_group(threads = [1, 2], sample_count = SAMPLES, sample_size = CALLS)]
mod together {
    use super::{Bencher, KEPT, LARGE, SMALL, measure, spread};

    #[divan::bench]
    fn local_name(bencher: Bencher) {
        measure(bencher, &SMALL, &spread("host-", "hearth.example", 1));
    }

    #[divan::bench]
    fn cached_names(bencher: Bencher) {
        measure(bencher, &LARGE, &spread("host-", "example.net", KEPT));
    }

    #[divan::bench]
    fn same_cached_name(bencher: Bencher) {
        measure(bencher, &SMALL, &spread("host-", "example.net", 1));
    }
}

thread_local! {
    /// The reply's bytes, and which query is next. A worker has a buffer of its own, too.
    static WORK: RefCell<(Vec<u8>, usize)> = RefCell::new((Vec::with_capacity(4096), 0));
}

fn measure(bencher: Bencher, engine: &Engine, queries: &[Vec<u8>]) {
    bencher.bench(|| {
        WORK.with_borrow_mut(|(out, at)| {
            *at = (*at + 1) % queries.len();
            out.clear();
            let step = engine.receive(black_box(&queries[*at]), CLIENT, 1, out);
            assert!(matches!(step, Step::Reply(_)));
            black_box(out.len())
        })
    });
}
