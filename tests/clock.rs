//! A host whose clock is wrong, as a router without a battery after its start: names resolve over encrypted upstreams, and
//! nothing ends or comes back because of the time that the clock shows.
//!
//! Where a file tells that the clock is set, the test writes that file. Where the clock itself is wrong, libfaketime shows
//! another time to the daemon; where that is not installed these tests are counted as skipped, by name.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(all(feature = "https-listener", feature = "h3")), allow(dead_code))]

mod support;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use support::identity::Identity;
use support::needs::{Test, run_tests};
use support::secure::Secure;
use support::upstream::positive;
use support::{Act, DEADLINE, Daemon, House, rcode, rtype};

const NAME: &str = "dns.example";
/// The library that shows another time.
const LIBRARY: &str = "libfaketime";
/// What it shows while the clock is wrong: some day of 1970.
const WRONG: &str = "-56y";
const RIGHT: &str = "+0";

fn main() -> ExitCode {
    let tests: Vec<Test> = vec![
        ("a_certificate_of_the_future", &[], a_certificate_of_the_future),
        (
            "a_stranger_is_refused_by_a_wrong_clock_too",
            &[],
            a_stranger_is_refused_by_a_wrong_clock_too,
        ),
        ("in_1970_names_resolve", &[LIBRARY], in_1970_names_resolve),
        (
            "nothing_ends_or_comes_back",
            &[LIBRARY],
            nothing_ends_or_comes_back,
        ),
    ];
    run_tests(tests, |need| {
        library().is_none().then(|| format!("{need} is not installed"))
    })
}

/// Where Debian's package puts the library.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists())
}

/// An upstream that answers, with a certificate from one day to another.
fn lasting(name: &str, from: (i32, u8, u8), until: (i32, u8, u8)) -> Secure {
    let identity = Identity::lasting(&[name], from, until);
    Secure::with_identity(Ipv4Addr::LOCALHOST, identity, |query, _| {
        vec![Act::Send(positive(query, "198.51.100.7"))]
    })
}

/// A house whose one upstream is at this URL, with more keys.
fn house(secure: &Secure, url: &str, more: &str) -> House {
    let house = House::new()
        .config(&format!(
            "upstreams:\n  - {{url: \"{url}\", addresses: [127.0.0.1], ca_file: ca.pem}}\nupstream: {{attempt_ms: 5000}}\n\
             {more}"
        ))
        .upstreams_of_config();
    house.write("ca.pem", &secure.authority);
    house
}

/// The daemon of the house under a clock that shows what the file `time` in the house says.
fn start(house: &House, time: &str) -> Daemon {
    house.write("time", time);
    let file = house.path("time");
    house.start_with(|command: &mut Command| {
        command
            .env("LD_PRELOAD", library().unwrap())
            .env("FAKETIME_TIMESTAMP_FILE", &file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
    })
}

/// The response code for this name, which nobody was asked for before.
fn code(daemon: &Daemon, name: &str) -> u16 {
    daemon.ask(name, rtype::A).rcode
}

fn wait(daemon: &Daemon, words: &str) {
    daemon.process.wait_for_line(words, |line| line.contains(words));
}

/// The line of `dnsctl status` about the clock, if there is one.
fn told_of_clock(house: &House) -> Option<String> {
    let ran = house.dnsctl(&["status"]).ok();
    let line = ran.stdout.lines().find(|line| line.starts_with("clock: "));
    line.map(str::to_owned)
}

const NOT_SET: &str =
    "clock: not set yet; certificates of upstreams are checked without their times, and invites wait";
const SET: &str = "the clock is set: new connections to upstreams, ";

/// As seen by a clock that is months behind.
fn a_certificate_of_the_future() {
    let secure = lasting(NAME, (2999, 1, 1), (2999, 12, 31));
    for (at, url) in secure.urls(NAME).iter().enumerate() {
        let house = house(&secure, url, "clock_file: set\n");
        let daemon = house.start_talkative();
        wait(
            &daemon,
            "is not set yet: certificates of upstreams and signatures are checked without their times",
        );
        assert_eq!(code(&daemon, "one.example.net."), rcode::NOERROR, "{url}");
        assert_eq!(code(&daemon, "two.example.net."), rcode::NOERROR, "{url}");
        assert_eq!(secure.accepted(), 2 * at + 1, "one connection for both: {url}");
        assert_eq!(told_of_clock(&house).as_deref(), Some(NOT_SET));
        house.write("set", "");
        wait(&daemon, SET);
        assert_eq!(told_of_clock(&house), None);
        // It was asked on a connection that is open; only another one, with everything checked, will do now.
        assert_eq!(code(&daemon, "three.example.net."), rcode::SERVFAIL, "{url}");
        wait(
            &daemon,
            "certificate is not valid yet, or the clock of this host is wrong",
        );
        assert_eq!(secure.resumed(), 0);
        // What was learnt stays.
        assert_eq!(code(&daemon, "one.example.net."), rcode::NOERROR, "{url}");
        let asked = secure.seen().len();
        assert_eq!(asked, 2 * (at + 1), "{url}");
    }
}

/// Everything but the times is checked, and what had ended before this program existed.
fn a_stranger_is_refused_by_a_wrong_clock_too() {
    let other = lasting("other.example", (2999, 1, 1), (2999, 12, 31));
    let forger = lasting(NAME, (2999, 1, 1), (2999, 12, 31));
    let old = lasting(NAME, (2020, 1, 1), (2025, 12, 31));
    for (secure, authority, why) in [
        (&other, &other.authority, "certificate is for other.example"),
        (&forger, &old.authority, "certificate is refused: BadSignature"),
        (
            &old,
            &old.authority,
            "certificate has expired, or the clock of this host is wrong",
        ),
    ] {
        for url in &secure.urls(NAME) {
            let house = house(secure, url, "clock_file: set\n");
            house.write("ca.pem", authority);
            let daemon = house.start_talkative();
            assert_eq!(code(&daemon, "www.example.net."), rcode::SERVFAIL, "{url}");
            wait(&daemon, why);
        }
        assert!(secure.seen().is_empty(), "a question went to a stranger");
    }
}

fn in_1970_names_resolve() {
    // Over by the day on which this is run, but not by the floor: which of both it is, a clock of 1970 cannot tell.
    let secure = lasting(NAME, (2026, 1, 2), (2999, 1, 1));
    let over = lasting(NAME, (2026, 1, 2), (2026, 1, 3));
    for (secure, at_last, log) in [
        (&secure, rcode::NOERROR, "ready"),
        (
            &over,
            rcode::SERVFAIL,
            "certificate has expired, or the clock of this host is wrong",
        ),
    ] {
        let [tls, ..] = secure.urls(NAME);
        let house = house(secure, &tls, "log: {level: debug}\n");
        let daemon = start(&house, WRONG);
        wait(&daemon, "the clock stands at 1970-");
        assert_eq!(code(&daemon, "ntp.example.net."), rcode::NOERROR);
        assert_eq!(secure.accepted(), 1);
        assert_eq!(told_of_clock(&house).as_deref(), Some(NOT_SET));
        house.write("time", RIGHT);
        wait(&daemon, SET);
        assert_eq!(told_of_clock(&house), None);
        assert_eq!(code(&daemon, "www.example.net."), at_last);
        wait(&daemon, log);
        assert!(
            secure.accepted() > 1,
            "the connection of the wrong time is still in use"
        );
        assert_eq!(secure.resumed(), 0);
        // Fifty-six years have passed, and the cache has not aged.
        let asked = secure.seen().len();
        assert_eq!(code(&daemon, "ntp.example.net."), rcode::NOERROR);
        assert_eq!(secure.seen().len(), asked);
    }
}

/// Records with an end, leases, invites: what is over is not answered again, and what is not over stays.
fn nothing_ends_or_comes_back() {
    let zone = "old A 192.0.2.1 ; hearthdns: expires=2025-06-01\nyoung A 192.0.2.2 ; hearthdns: expires=2026-06-01\n\
                good A 192.0.2.3 ; hearthdns: expires=2999-01-01\n";
    let house = House::new()
        .zone("hearth.example", zone)
        .config("lan: {domain: lan, leases: [leases]}\n");
    let of = |daemon: &Daemon, name: &str| daemon.ask(name, rtype::A).answers.len();
    // An invite that is made while the clock is right, and will be over when the daemon runs anew.
    let daemon = start(&house, RIGHT);
    let invited = house.dnsctl(&["invite", "phone", "--ttl", "1h"]).ok().stdout;
    assert!(invited.contains("phone"), "{invited}");
    drop(daemon);

    // The DHCP server has the same clock: its lease ends twelve hours into the first day.
    house.write("leases", "43200 52:54:00:00:00:01 192.168.1.20 tv *\n");
    let daemon = start(&house, WRONG);
    wait(&daemon, "the clock stands at 1970-");
    assert_eq!(
        of(&daemon, "old.hearth.example."),
        0,
        "it was over before there was this program"
    );
    // Nobody can tell yet.
    assert_eq!(of(&daemon, "young.hearth.example."), 1);
    assert_eq!(of(&daemon, "good.hearth.example."), 1);
    assert_eq!(of(&daemon, "tv.lan."), 1);
    let refused = house.dnsctl(&["invite", "tablet"]).fails(1);
    assert_eq!(
        refused.stderr,
        "dnsctl: the clock of this host is not set yet, so nobody can tell when an invite is over; set it, or let NTP set \
         it\n"
    );
    let refused = house
        .dnsctl(&[
            "add-record",
            "brief.hearth.example.",
            "A",
            "192.0.2.4",
            "--expires",
            "2h",
        ])
        .fails(1);
    assert_eq!(
        refused.stderr,
        "dnsctl: the clock of this host is not set yet, so nobody can tell what `2h` from now is; set it, or write a date \
         (2027-01-01)\n"
    );
    house.write("time", RIGHT);
    wait(&daemon, SET);
    // Said before the records that are over are gone, so it is waited for.
    wait(&daemon, "records expired");
    let end = std::time::Instant::now() + DEADLINE;
    while of(&daemon, "young.hearth.example.") > 0 {
        assert!(std::time::Instant::now() < end, "it is over");
    }
    assert_eq!(of(&daemon, "good.hearth.example."), 1);
    assert_eq!(of(&daemon, "tv.lan."), 1, "the lease has an end of a wrong clock");
    let invited = house.dnsctl(&["invite", "tablet"]).ok().stdout;
    assert!(invited.contains("tablet"), "{invited}");
}
