//! The cache of a running daemon: what `dnsctl` shows of it and makes it forget, and what outlives a restart.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt;

use support::sample::HEARTH;
use support::upstream::positive;
use support::{Act, Daemon, House, Upstream, rcode, rtype};

const SOA: &str = "example.net. 900 SOA ns.example.net. h.example.net. 1 1800 900 604800 300";

/// An upstream of the whole world but for names that begin with `no` and `bad`.
fn world() -> Upstream {
    Upstream::start(|query, _| {
        // Upstream sees names in mixed case.
        let reply = match query.qname().to_lowercase() {
            name if name.starts_with("no") => query.reply().code(rcode::NXDOMAIN).authority(SOA),
            name if name.starts_with("bad") => query.reply().code(rcode::SERVFAIL),
            _ => positive(query, "198.51.100.7"),
        };
        vec![Act::Send(reply)]
    })
}

#[test]
fn cache_stats_count_by_kind() {
    let upstream = world();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    let empty = house.dnsctl(&["cache", "stats"]).ok().stdout;
    assert!(
        empty.starts_with("0 cached answers in 0 KiB of 8192 KiB\n"),
        "{empty}"
    );
    assert!(
        empty.ends_with("since the start: 0 answered from it, 0 asked upstream\n"),
        "{empty}"
    );
    for name in [
        "a.example.net.",
        "b.example.net.",
        "no.example.net.",
        "bad.example.net.",
    ] {
        daemon.ask(name, rtype::A);
    }
    daemon.ask("a.example.net.", rtype::A);
    daemon.ask("matrix.hearth.example.", rtype::A);
    let json = house.dnsctl(&["--json", "cache", "stats"]).ok().stdout;
    for part in [
        r#""entries":4"#,
        r#""fresh":2,"negative":1,"stale":0,"failures":1,"over":0,"hits":1,"misses":4"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    let text = house.dnsctl(&["cache", "stats"]).ok().stdout;
    assert!(
        text.ends_with("since the start: 1 answered from it (20 %), 4 asked upstream\n"),
        "{text}"
    );
}

#[test]
fn cache_dump_lists_and_flush_forgets_what_it_lists() {
    let (upstream, corp) = (world(), world());
    let config = format!(
        "upstreams: [\"{}\"]\nroutes: {{corp.example.net: {{upstreams: [\"{}\"]}}}}\n",
        upstream.addr, corp.addr
    );
    let house = House::new().config(&config).upstreams(&[]);
    let daemon = house.start();
    let nothing = house.dnsctl(&["cache", "dump"]).ok();
    assert_eq!(
        (&*nothing.stdout, &*nothing.stderr),
        ("", "no cached answer matches\n")
    );
    daemon.ask("WWW.example.net.", rtype::A);
    daemon.ask("www.corp.example.net.", rtype::A);
    daemon.ask("no.example.net.", rtype::A);
    daemon.ask("other.example.org.", rtype::A);
    let words = |args: &[&str]| -> Vec<Vec<String>> {
        let printed = house.dnsctl(args).ok().stdout;
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        printed.lines().map(words).collect()
    };
    let dump = words(&["cache", "dump", "--below", "Example.NET"]);
    // Whether a second has passed by now is the machine's business: the column of what is left stays out.
    let columns: Vec<String> = dump
        .iter()
        .map(|row| [&row[..5], &row[6..]].concat().join(" "))
        .collect();
    assert_eq!(
        columns,
        [
            "NAME TYPE ROUTE RCODE KIND HITS",
            "no.example.net. A . NXDOMAIN negative 0",
            "www.corp.example.net. A corp.example.net. NOERROR fresh 0",
            "www.example.net. A . NOERROR fresh 0",
        ]
    );
    let left: u32 = dump[3][5].parse().unwrap();
    assert!((280..=300).contains(&left), "{left}");
    assert_eq!(words(&["cache", "dump", "www.example.net"]).len(), 2);
    assert_eq!(words(&["cache", "dump"]).len(), 5);
    let json = house
        .dnsctl(&["--json", "cache", "dump", "other.example.org"])
        .ok()
        .stdout;
    assert!(
        json.contains(
            r#""name":"other.example.org.","type":"A","route":".","rcode":"NOERROR","kind":"fresh""#
        ),
        "{json}"
    );
    // Whatever the route: what a flush names is gone.
    let flushed = house.dnsctl(&["flush", "--below", "example.net"]).ok().stdout;
    assert_eq!(flushed, "forgot 3 cached answers\n");
    assert_eq!(words(&["cache", "dump"]).len(), 2);
    daemon.ask("www.corp.example.net.", rtype::A);
    assert_eq!(
        (
            corp.count("www.corp.example.net."),
            upstream.count("www.corp.example.net.")
        ),
        (2, 0)
    );
}

#[test]
fn cache_commands_need_a_daemon_and_sound_words() {
    let house = House::new();
    house.dnsctl(&["cache", "stats"]).fails(3);
    house.dnsctl_offline(&["cache", "dump"]).fails(2);
    house.dnsctl(&["cache"]).fails(2);
    house
        .dnsctl(&["cache", "dump", "a.example", "--below", "b.example"])
        .fails(2);
    let _daemon = house.start();
    let refused = house.dnsctl(&["cache", "dump", "a..example"]).fails(1);
    assert!(refused.stderr.contains("a..example"), "{}", refused.stderr);
}

/// Waits for the line in which the daemon says what became of the file.
#[track_caller]
fn taken_in(daemon: &Daemon) -> String {
    let says = |line: &str| line.contains("of the last run");
    daemon
        .process
        .wait_for_line("what became of the cache's file", says)
}

#[test]
fn a_restart_keeps_cached_answers() {
    let upstream = world();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let mut daemon = house.start();
    daemon.ask("a.example.net.", rtype::A);
    daemon.ask("no.example.net.", rtype::A);
    daemon.ask("bad.example.net.", rtype::A);
    assert!(!house.path("state/cache").exists(), "written at the end only");
    assert!(daemon.process.terminate().success());
    let mode = house.path("state/cache").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it tells what the house asks");

    let daemon = house.start();
    assert!(taken_in(&daemon).contains("2 cached answers of the last run"));
    upstream.script(|_, _| Vec::new());
    assert_eq!(daemon.ask("a.example.net.", rtype::A).answers.len(), 1);
    assert_eq!(daemon.ask("no.example.net.", rtype::A).rcode, rcode::NXDOMAIN);
    assert_eq!(
        (
            upstream.count("a.example.net."),
            upstream.count("no.example.net.")
        ),
        (1, 1)
    );
}

#[test]
fn a_file_that_is_odd_is_ignored_and_replaced() {
    let (upstream, other) = (world(), world());
    let house = House::new().upstream(upstream.addr);
    let kept = |daemon: &mut Daemon| {
        daemon.ask("a.example.net.", rtype::A);
        assert!(daemon.process.terminate().success());
    };
    kept(&mut house.start());
    let sound = std::fs::read(house.path("state/cache")).unwrap();
    let mut damaged = sound.clone();
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    let mut later = sound.clone();
    later[19] = 99;
    for (bytes, why) in [
        (&damaged[..], "it is damaged"),
        (&sound[..50], "it is damaged"),
        (&later, "it has format 99"),
        (b"", "it is no cache of this program"),
    ] {
        std::fs::write(house.path("state/cache"), bytes).unwrap();
        let mut daemon = house.start();
        let line = taken_in(&daemon);
        assert!(line.contains("is ignored") && line.contains(why), "{line}");
        kept(&mut daemon);
    }
    // Another upstream may say other things.
    let house = house.upstream(other.addr);
    let daemon = house.start();
    let line = taken_in(&daemon);
    assert!(line.contains("upstreams or rules have changed"), "{line}");
    daemon.ask("a.example.net.", rtype::A);
    assert_eq!(other.count("a.example.net."), 1);
}

#[test]
fn without_the_setting_there_is_no_file() {
    let upstream = world();
    let house = House::new()
        .config("cache: {file: false}\n")
        .upstream(upstream.addr);
    let mut daemon = house.start();
    daemon.ask("a.example.net.", rtype::A);
    assert!(daemon.process.terminate().success());
    assert!(!house.path("state/cache").exists());
}
