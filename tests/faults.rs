//! `dnsctl matrix doctor` against servers with one fault each: whether it names that one.
//!
//! The stand-ins speak real DNS, TLS, HTTP and STUN on loopback; only the fault is seeded. Faults and verdicts are a golden
//! file, `tests/golden/faults.txt`, written anew by `HEARTHDNS_BLESS=1 cargo test --test faults`.
// One change stands on one line of the table, with or without braces.
#![allow(clippy::unwrap_used, clippy::semicolon_if_nothing_returned)]
#![cfg(feature = "doctor")]

#[path = "faults/stand.rs"]
mod stand;
mod support;

use std::net::TcpListener;
use std::path::Path;

use hearthdns::matrix::doctor::Fault;

use support::homeserver;

use stand::{Cert, Mode, Speech, World, run, run_live};

/// A seeded fault: what is wrong, the word that names it, and how it is made.
type Seeded = (&'static str, &'static str, fn(&mut World));

const KEYS: &str = homeserver::KEYS;
const VERSION: &str = homeserver::VERSION.0;
const SERVER: &str = "/.well-known/matrix/server";
const CLIENT: &str = "/.well-known/matrix/client";
const VERSIONS: &str = homeserver::VERSIONS.0;
const LOGIN: &str = homeserver::LOGIN.0;

/// Every fault; `works` is what a server without one gets.
const FAULTS: &[Seeded] = &[
    ("nothing is wrong", "works", |_| ()),
    ("delegated by .well-known with a port", "works", |w| {
        w.server_file(
            200,
            "application/json",
            "{\"m.server\":\"m.hearth.example:{fed}\"}",
        );
        w.fed.cert = Cert::Of("m.hearth.example");
    }),
    ("the name does not exist", "no-name", |w| w.records.clear()),
    ("the name has no address and no SRV", "no-address", |w| {
        w.records = vec!["hearth.example TXT x".to_owned()];
    }),
    ("the name has no address, but SRV leads on", "no-address", |w| {
        w.records[0] = "hearth.example TXT x".to_owned();
    }),
    ("the name server refuses", "answer-refused", |w| {
        w.fail("hearth.example", 5)
    }),
    ("the name server fails", "answer-failed", |w| {
        w.fail("hearth.example", 2)
    }),
    ("the name server says nothing", "answer-silent", |w| {
        w.speech = Speech::Silent
    }),
    ("an answer is cut, and TCP is closed", "answer-cut", |w| {
        w.speech = Speech::Cuts
    }),
    ("AAAA gets NXDOMAIN beside A", "aaaa-failed", |w| {
        w.fail_type("hearth.example", 28, 3)
    }),
    ("the address is of a private network", "address-private", |w| {
        w.records[0] = "hearth.example A 10.77.0.1".to_owned();
    }),
    ("private and public addresses mixed", "address-mixed", |w| {
        w.records[0] = "hearth.example A 10.77.0.1".to_owned();
        w.records.push("hearth.example A 9.9.9.9".to_owned());
    }),
    ("a link-local address", "address-useless", |w| {
        w.records[0] = "hearth.example A 169.254.7.7".to_owned();
    }),
    (
        "a resolver between does not know the zone",
        "resolver-nxdomain",
        |w| {
            w.resolver = Some(Vec::new());
        },
    ),
    (
        "a resolver between takes private addresses out",
        "resolver-strips",
        |w| {
            w.records[0] = "hearth.example A 127.0.0.1".to_owned();
            w.resolver = Some(vec!["hearth.example TXT x".to_owned()]);
        },
    ),
    ("a public record differs", "resolver-other", |w| {
        w.resolver = Some(vec!["hearth.example A 198.51.100.1".to_owned()]);
    }),
    ("a resolver between refuses", "resolver-refused", |w| {
        w.between(&[]);
        w.resolver_fails = vec![("hearth.example".to_owned(), None, 5)];
    }),
    ("a resolver between fails", "resolver-failed", |w| {
        w.between(&[]);
        w.resolver_fails = vec![("hearth.example".to_owned(), None, 2)];
    }),
    ("a resolver between says nothing", "resolver-silent", |w| {
        w.between(&[]);
        w.resolver_speech = Speech::Silent;
    }),
    (
        "a resolver between cuts, and its TCP is closed",
        "resolver-cut",
        |w| {
            w.between(&[]);
            w.resolver_speech = Speech::Cuts;
        },
    ),
    ("a resolver between gives AAAA alone", "resolver-no-a", |w| {
        w.both_kinds();
        w.between(&["hearth.example AAAA 2620:fe::9"]);
    }),
    ("a resolver between gives A alone", "resolver-no-aaaa", |w| {
        w.both_kinds();
        w.between(&[
            "hearth.example A 9.9.9.9",
            "_matrix-fed._tcp.hearth.example SRV 10 5 {fed} m.hearth.example",
        ]);
    }),
    (
        "a resolver between answers AAAA with an error",
        "resolver-aaaa",
        |w| {
            w.between(&["hearth.example A 127.0.0.1"]);
            w.resolver_fails = vec![("hearth.example".to_owned(), Some(28), 2)];
        },
    ),
    ("a resolver between says nothing to AAAA", "resolver-aaaa", |w| {
        w.both_kinds();
        w.between(&[
            "hearth.example A 9.9.9.9",
            "_matrix-fed._tcp.hearth.example SRV 10 5 {fed} m.hearth.example",
        ]);
        w.resolver_fails = vec![("hearth.example".to_owned(), Some(28), stand::SILENCE)];
    }),
    (
        "a resolver between answers SRV with an error",
        "resolver-srv",
        |w| {
            w.resolver = Some(vec!["hearth.example A 127.0.0.1".to_owned()]);
            w.resolver_fails = vec![("_matrix-fed._tcp.hearth.example".to_owned(), None, 2)];
        },
    ),
    ("a resolver between has other SRV records", "resolver-srv", |w| {
        w.between(&[
            "hearth.example A 127.0.0.1",
            "_matrix-fed._tcp.hearth.example SRV 10 5 8450 m.hearth.example",
        ]);
    }),
    (
        ".well-known is 404 and 8448 closed",
        "well-known-absent",
        World::drop_srv,
    ),
    (".well-known is a page", "well-known-html", |w| {
        w.server_file(200, "text/html", "<!doctype html><p>Welcome");
    }),
    (".well-known is too large", "well-known-too-large", |w| {
        w.server_file(
            200,
            "application/json",
            &format!("{{\"x\":\"{}\"}}", "y".repeat(60_000)),
        );
    }),
    (".well-known is no JSON", "well-known-json", |w| {
        w.server_file(200, "application/json", "m.hearth.example:443");
    }),
    (".well-known lacks m.server", "well-known-field", |w| {
        w.server_file(200, "application/json", "{\"server\":\"m.hearth.example\"}");
    }),
    (".well-known names port 99999", "well-known-target", |w| {
        w.server_file(
            200,
            "application/json",
            "{\"m.server\":\"m.hearth.example:99999\"}",
        );
    }),
    (".well-known names a URL", "well-known-target", |w| {
        w.server_file(
            200,
            "application/json",
            "{\"m.server\":\"https://m.hearth.example\"}",
        );
    }),
    (".well-known redirects in a circle", "well-known-loop", |w| {
        w.drop_srv();
        w.web
            .redirect(SERVER, "https://hearth.example/.well-known/matrix/server");
    }),
    (".well-known redirects to http", "well-known-redirect", |w| {
        w.drop_srv();
        w.web.redirect(SERVER, "http://hearth.example/server");
    }),
    (".well-known redirects on and on", "well-known-loop", |w| {
        w.drop_srv();
        w.web.redirect(SERVER, "https://hearth.example/1");
        for at in 1..8 {
            let to = format!("https://hearth.example/{}", at + 1);
            w.web.redirect(&format!("/{at}"), &to);
        }
    }),
    (
        ".well-known redirects to this machine",
        "well-known-unreachable",
        |w| {
            w.web.redirect(SERVER, "https://[::1]/server");
            w.only_note = true;
        },
    ),
    (
        "the host that .well-known redirects to has no certificate of its own",
        "well-known-tls",
        |w| {
            w.drop_srv();
            w.records.push("elsewhere.example A 127.0.0.1".to_owned());
            w.web.redirect(SERVER, "https://elsewhere.example:{web}/server");
        },
    ),
    (".well-known answers 500", "well-known-status", |w| {
        w.server_file(500, "text/plain", "oops");
    }),
    (".well-known has another content type", "well-known-type", |w| {
        w.server_file(200, "text/plain", "{\"m.server\":\"hearth.example:{fed}\"}");
    }),
    (".well-known has the wrong certificate", "well-known-tls", |w| {
        w.drop_srv();
        w.web.cert = Cert::Of("other.example");
    }),
    ("the delegated host has no address", "target-no-address", |w| {
        w.server_file(
            200,
            "application/json",
            "{\"m.server\":\"gone.hearth.example:8448\"}",
        );
    }),
    ("SRV questions fail", "srv-failed", |w| {
        w.fail("_matrix-fed._tcp.hearth.example", 2)
    }),
    ("SRV names an alias", "srv-alias", |w| {
        w.records[1] = "m.hearth.example CNAME hearth.example".to_owned();
    }),
    ("SRV names a host without address", "srv-no-address", |w| {
        w.records.remove(1);
    }),
    ("SRV names the root", "srv-none", |w| {
        w.drop_srv();
        w.records
            .push("_matrix-fed._tcp.hearth.example SRV 0 0 0 .".to_owned());
    }),
    ("SRV names port 0", "srv-port", |w| {
        w.drop_srv();
        w.records
            .push("_matrix-fed._tcp.hearth.example SRV 0 0 0 m.hearth.example".to_owned());
    }),
    ("only the deprecated SRV", "srv-deprecated", |w| {
        w.drop_srv();
        w.records
            .push("_matrix._tcp.hearth.example SRV 10 5 {fed} m.hearth.example".to_owned());
    }),
    ("the port is closed", "port-closed", |w| w.fed.mode = Mode::Closed),
    ("the port is filtered", "port-filtered", |w| {
        w.fed.mode = Mode::Full
    }),
    ("only IPv6, at which nobody listens", "port-closed", |w| {
        w.records[1] = "m.hearth.example AAAA ::1".to_owned();
        w.allow_v6 = true;
    }),
    (
        "the address is this machine's, and not allowed",
        "address-useless",
        |w| w.is_allowed = false,
    ),
    (
        "the address is private, of no zone of ours",
        "forbidden-address",
        |w| {
            w.records[1] = "m.hearth.example A 10.77.0.1".to_owned();
        },
    ),
    ("IPv6 is announced and dead", "ipv6-dead", |w| {
        w.records.push("m.hearth.example AAAA ::1".to_owned());
        w.allow_v6 = true;
    }),
    ("one of two addresses is dead", "address-dead", |w| {
        w.records.push("m.hearth.example A 127.0.0.2".to_owned());
    }),
    ("no TLS on the port", "not-tls", |w| w.fed.mode = Mode::Plain),
    ("the connection ends in the handshake", "tls-closed", |w| {
        w.fed.mode = Mode::Hangup
    }),
    ("the server never answers", "tls-silent", |w| {
        w.fed.mode = Mode::Silent
    }),
    ("the handshake stalls", "tls-silent", |w| {
        w.fed.mode = Mode::Stalled
    }),
    (
        "the web server of .well-known never answers",
        "well-known-tls",
        |w| {
            w.drop_srv();
            w.web.mode = Mode::Silent;
        },
    ),
    ("TLS 1.1 only", "tls-version", |w| w.fed.mode = Mode::OldTls),
    ("a TLS server that knows the name not", "tls-refused", |w| {
        w.fed.mode = Mode::Alert(112)
    }),
    ("the certificate is of another name", "certificate-name", |w| {
        w.fed.cert = Cert::Of("other.example")
    }),
    (
        "the certificate is of the SRV target",
        "certificate-srv-target",
        |w| {
            w.fed.cert = Cert::Of("m.hearth.example");
        },
    ),
    ("the certificate has expired", "certificate-expired", |w| {
        w.fed.cert = Cert::Expired
    }),
    ("the certificate is not valid yet", "certificate-not-yet", |w| {
        w.fed.cert = Cert::Early
    }),
    (
        "the intermediate certificate is missing",
        "certificate-chain",
        |w| w.fed.cert = Cert::NoIntermediate,
    ),
    ("the authority is not known", "certificate-unknown", |w| {
        w.fed.cert = Cert::Stranger
    }),
    (
        "the certificate has signed itself",
        "certificate-self-signed",
        |w| w.fed.cert = Cert::SelfSigned,
    ),
    (
        "the certificate is for clients, not for servers",
        "certificate-bad",
        |w| w.fed.cert = Cert::ForClients,
    ),
    ("the homeserver behind the proxy is down", "server-down", |w| {
        w.fed.say(VERSION, 502, "text/html", "<h1>502")
    }),
    ("the proxy does not pass /_matrix", "version-status", |w| {
        w.fed.say(VERSION, 404, "text/html", "<h1>404")
    }),
    ("the version is a page", "version-not-json", |w| {
        w.fed.say(VERSION, 200, "text/html", "<p>Hello")
    }),
    ("the server closes after the handshake", "no-http", |w| {
        w.fed.mode = Mode::Mute
    }),
    ("the server takes a request and says nothing", "no-http", |w| {
        w.fed.mode = Mode::Dumb
    }),
    ("the keys are not passed", "keys-status", |w| {
        w.fed.say(KEYS, 404, "application/json", "{}")
    }),
    ("the keys are no JSON", "keys-not-json", |w| {
        w.fed.say(KEYS, 200, "text/html", "<p>")
    }),
    ("the keys are another server's", "keys-server-name", |w| {
        w.fed.keys = homeserver::keys("other.example", homeserver::FAR)
    }),
    ("the keys have a wrong signature", "keys-signature", |w| {
        w.fed.keys = w.fed.keys.replace(
            "\"valid_until_ts\":35184372088832",
            "\"valid_until_ts\":35184372088833",
        );
    }),
    ("the keys hold no key", "keys-none", |w| {
        w.fed.say(
            KEYS,
            200,
            "application/json",
            "{\"server_name\":\"hearth.example\",\"verify_keys\":{}}",
        );
    }),
    ("the keys have expired", "keys-expired", |w| {
        w.fed.keys = homeserver::keys("hearth.example", 1_000_000)
    }),
    ("the clock is off by a day", "clock", |w| w.fed.clock = 86_400),
    ("clients: .well-known answers 500", "client-well-known", |w| {
        w.for_clients(CLIENT, 500, "text/plain", "");
    }),
    ("clients: .well-known is a page", "client-well-known", |w| {
        w.for_clients(CLIENT, 200, "text/html", "<p>");
    }),
    ("clients: base_url is missing", "client-base-url", |w| {
        w.for_clients(CLIENT, 200, "application/json", "{}");
    }),
    ("clients: base_url has no address", "client-no-address", |w| {
        w.for_clients(
            CLIENT,
            200,
            "application/json",
            "{\"m.homeserver\":{\"base_url\":\"https://gone.hearth.example\"}}",
        );
    }),
    ("clients: base_url has a path", "works", |w| {
        w.for_clients(
            CLIENT,
            200,
            "application/json",
            "{\"m.homeserver\":{\"base_url\":\"https://hearth.example/sub/\"}}",
        );
        for (path, body) in [homeserver::VERSIONS, homeserver::LOGIN] {
            w.web.say(path, 404, "text/html", "");
            w.web.say(&format!("/sub{path}"), 200, "application/json", body);
        }
    }),
    ("clients: versions is a page", "versions-not-json", |w| {
        w.for_clients(VERSIONS, 200, "text/html", "<p>");
    }),
    ("clients: versions is not passed", "versions-status", |w| {
        w.for_clients(VERSIONS, 404, "text/html", "<p>");
    }),
    ("clients: the homeserver is down", "server-down", |w| {
        w.for_clients(VERSIONS, 502, "text/html", "<h1>502");
    }),
    ("clients: CORS is missing", "cors", |w| {
        w.only = "client";
        w.web.has_cors = false;
    }),
    ("clients: login is not there", "login-status", |w| {
        w.for_clients(LOGIN, 404, "application/json", "{}");
    }),
    ("clients: no way to log in", "login-flows", |w| {
        w.for_clients(LOGIN, 200, "application/json", "{\"flows\":[]}");
    }),
    ("clients: port 443 is closed", "port-closed", |w| {
        w.only = "client";
        w.web.mode = Mode::Closed;
    }),
    ("clients: port 443 is filtered", "port-filtered", |w| {
        w.only = "client";
        w.web.mode = Mode::Full;
    }),
    ("clients: the web server never answers", "tls-silent", |w| {
        w.only = "client";
        w.web.mode = Mode::Silent;
    }),
    ("TURN is dead", "turn-dead", |w| w.turn(false, false)),
    ("TURN takes everything and says nothing", "turn-dead", |w| {
        w.turn(true, true);
        w.is_turn_silent = true;
    }),
    ("TURN answers over UDP only", "turn-udp-only", |w| {
        w.turn(true, false)
    }),
    ("TURN answers over TCP only", "turn-no-udp", |w| {
        w.turn(false, true)
    }),
    (
        "TURN is at a private address of no zone of ours",
        "forbidden-address",
        |w| {
            w.turn(true, true);
            w.records.retain(|record| !record.starts_with("turn."));
            w.records.push("turn.hearth.example A 10.77.0.1".to_owned());
        },
    ),
    ("TURN has no address", "turn-no-address", |w| {
        w.turn(true, true);
        w.records.retain(|record| !record.starts_with("turn."));
    }),
];

#[test]
fn the_doctor_names_the_fault_that_was_seeded() {
    let mut golden = String::new();
    let mut wrong = Vec::new();
    for (what, word, seed) in FAULTS {
        let mut world = World::healthy();
        seed(&mut world);
        let said = run(&world);
        let named = if world.only_note {
            said.noted.contains(&(*word).to_owned())
        } else {
            said.fault == *word
        };
        if !named {
            wrong.push(format!(
                "{what}: expected {word}, and it said {}\n{}",
                said.fault, said.all
            ));
        }
        golden.push_str(&format!(
            "{what:52} {word:24} exit {:2}\n    {}\n",
            said.exit, said.sentence
        ));
    }
    let seeded = FAULTS.iter().filter(|(_, word, _)| *word != "works").count();
    assert!(seeded >= 40, "{seeded} faults");
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        FAULTS.len(),
        wrong.join("\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/faults.txt");
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::write(&path, &golden).unwrap();
    }
    assert_eq!(
        golden,
        std::fs::read_to_string(&path).unwrap_or_default(),
        "see {}",
        path.display()
    );
}

/// A certificate that ends soon works still.
#[test]
fn a_certificate_that_ends_soon_is_told() {
    for (days, fault) in [(3, "certificate-soon"), (60, "works")] {
        let mut world = World::healthy();
        world.fed.cert = Cert::Ends(days);
        let said = run(&world);
        assert_eq!(
            (said.fault.as_str(), said.exit),
            (fault, 0),
            "{days}: {}",
            said.all
        );
        let told = format!(" expires soon, at {}", stand::day_in(days));
        assert_eq!(said.sentence.contains(&told), days == 3, "{}", said.sentence);
    }
}

/// The clock of this machine is behind: so the certificate is good, and its time is not what is wrong.
#[test]
fn a_certificate_that_is_good_by_the_servers_clock_is_not_what_is_broken() {
    let mut world = World::healthy();
    world.fed.cert = Cert::Early;
    world.fed.clock = stand::until_early();
    let said = run(&world);
    assert_eq!((said.fault.as_str(), said.exit), ("clock", 17), "{}", said.all);
    let told = "is not valid before 2098-01-01 by the clock of this machine, but not by the server's";
    assert!(said.all.contains(told), "{}", said.all);
}

/// A minute is nothing, ten are told, an hour is in the way of signatures and certificates.
#[test]
fn clocks_that_differ_are_told_by_how_much() {
    for (ahead, fault, exit, is_told) in [
        (20, "works", 0, false),
        (120, "works", 0, true),
        (900, "clock", 0, true),
        (5400, "clock", 17, true),
    ] {
        let mut world = World::healthy();
        world.fed.clock = ahead;
        let said = run(&world);
        assert_eq!(
            (said.fault.as_str(), said.exit),
            (fault, exit),
            "{ahead}: {}",
            said.all
        );
        let is_noted = said.noted.iter().any(|fault| fault == "clock");
        assert_eq!(is_noted, is_told, "{ahead}: {}", said.all);
    }
}

/// Whoever writes the file at `.well-known` does not choose whom this machine talks to.
#[test]
fn a_redirect_to_this_machine_sends_nothing_there() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        println!("skipped: a_redirect_to_this_machine_sends_nothing_there: this machine has no IPv6");
        return;
    };
    let mut world = World::healthy();
    let to = format!("https://{}/server", listener.local_addr().unwrap());
    world.web.redirect(SERVER, &to);
    let said = run(&world);
    assert_eq!((said.fault.as_str(), said.exit), ("works", 0), "{}", said.all);
    let told =
        "is an address of this machine, of its link or of its provider's metadata; nothing was sent there";
    assert!(said.all.contains(told), "{}", said.all);
    listener.set_nonblocking(true).unwrap();
    let came = listener.accept().map_err(|error| error.kind());
    assert_eq!(came.map(|_| ()), Err(std::io::ErrorKind::WouldBlock));
}

/// Whoever writes the records does not choose how many connections this machine opens.
#[test]
fn no_more_addresses_are_tried_than_a_way_may_have() {
    let mut world = World::healthy();
    world.drop_srv();
    for target in ["m", "n"] {
        let srv = format!("_matrix-fed._tcp.hearth.example SRV 10 5 {{fed}} {target}.hearth.example");
        world.records.push(srv);
    }
    world.records.retain(|record| !record.starts_with("m."));
    for last in 2..8 {
        world.records.push(format!("m.hearth.example A 127.0.0.{last}"));
        world.records.push(format!("n.hearth.example A 127.0.1.{last}"));
    }
    let said = run(&world);
    let closed = said.noted.iter().filter(|fault| *fault == "port-closed");
    assert_eq!((closed.count(), said.exit), (8, 13), "{}", said.all);
}

/// Faults with tests of their own, beside the tables.
const BY_THEMSELVES: [&str; 4] = ["certificate-soon", "no-time", "resolver-view", "turn-certificate"];

#[test]
fn every_fault_that_the_doctor_knows_is_seeded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let tables = ["faults.txt", "faults_machine.txt"];
    let tables = tables.map(|table| std::fs::read_to_string(folder.join(table)).unwrap());
    let words: Vec<&str> = tables.iter().flat_map(|table| table.split_whitespace()).collect();
    let is_seeded = |word: &&str| words.contains(word) || BY_THEMSELVES.contains(word);
    let all = Fault::ALL.iter().map(|fault| fault.as_str());
    let missing: Vec<&str> = all.filter(|word| !is_seeded(word)).collect();
    assert_eq!(missing, [""; 0]);
}

/// A silence that lasts until the time for all is over says nothing of the server.
#[test]
fn what_there_was_no_time_for_is_told_as_that() {
    let mut world = World::healthy();
    world.fed.mode = Mode::Silent;
    world.time = "1";
    let said = run(&world);
    assert_eq!((said.fault.as_str(), said.exit), ("no-time", 13), "{}", said.all);
    assert_eq!(
        said.noted.last().map(String::as_str),
        Some("no-time"),
        "{}",
        said.all
    );
    let words = "was not waited for, nor what comes after it: there was no time left";
    assert!(said.sentence.ends_with(words), "{}", said.sentence);
    assert!(!said.all.contains("does not answer"), "{}", said.all);
}

/// The whole way by the answers of a daemon, whose own authority signed what the servers show.
#[test]
fn a_daemon_of_ours_is_followed_and_its_authority_believed() {
    let said = run_live(
        &World::healthy(),
        "",
        &[],
        &["--nameserver", "{dns}", "--allow", "127.0.0.0/8"],
    );
    let out = "\
hearth.example, by our answers (DNS)

as another homeserver
ok hearth.example 127.0.0.1
- .well-known/matrix/server is not there (404)
ok SRV _matrix-fed._tcp.hearth.example m.hearth.example:FED at 127.0.0.1
ok port 127.0.0.1:FED open (step 4)
- the certificate at 127.0.0.1:FED hearth.example by our own authority, TLS 1.3; other homeservers must be given it
ok version at 127.0.0.1:FED Stand-in 1
ok the server's clock agrees
ok signing keys at 127.0.0.1:FED ed25519:a, signed, until 3084-12-12T12:41:28Z

as a client
ok .well-known/matrix/client https://hearth.example
ok client API, versions up to v1.11
ok client API, login m.login.password

Works: everything that was looked at works.
";
    assert_eq!(said.out, out);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            0,
            "note: the authority of our own is trusted here; others trust it only where they were given it\n"
        )
    );
}

/// Clients of one view are led to where nobody is, those of a wider one around it to the server, and all others elsewhere.
#[test]
fn the_answers_to_a_view_are_followed() {
    let mut world = World::healthy();
    world.records[1] = "m.hearth.example A 127.0.0.3".to_owned();
    let config = "views:\n  inner: {clients: [10.0.0.0/24]}\n  outer: {clients: [10.0.0.0/8]}\n";
    let views = [
        ("inner", "m.hearth.example A 127.0.0.2"),
        ("outer", "m.hearth.example A 127.0.0.1"),
    ];
    let ask = |from: &[&str]| {
        let options = ["--allow", "127.0.0.0/8", "--only", "server"];
        run_live(&world, config, &views, &[&options[..], from].concat())
    };
    for (from, port, code) in [
        (&["--from-view", "outer"][..], "127.0.0.1:FED", 0),
        (&["--from-view", "inner"], "127.0.0.2:FED", 13),
        (&["--from-view", "10.0.0.9"], "127.0.0.2:FED", 13),
        (&["--nameserver", "{dns}"], "127.0.0.3:FED", 13),
    ] {
        let said = ask(from);
        assert_eq!(said.code, code, "{from:?} {}{}", said.out, said.err);
        assert!(
            said.out.contains(&format!("port {port}")),
            "{from:?} {}",
            said.out
        );
    }
    let said = ask(&["--from-view", "none"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (
            1,
            "",
            "dnsctl: there is no view `none`; known here: inner, outer\n"
        )
    );
}

/// What other nameservers say is told from what the followed one does: one that comes second, and one that takes this
/// machine for a client of another view.
#[test]
fn nameservers_beside_the_followed_one_are_told_apart() {
    let other = stand::zone(
        vec!["hearth.example A 198.51.100.1".to_owned()],
        Vec::new(),
        Speech::Answers,
    );
    let allow = ["--allow", "127.0.0.0/8", "--only", "server"];
    let second = other.addr.to_string();
    let servers = ["--nameserver", "{dns}", "--nameserver", &second];
    let said = run_live(&World::healthy(), "", &[], &[&allow[..], &servers[..]].concat());
    let told = format!("WARN nameserver {second} gives 198.51.100.1 and not 127.0.0.1, unlike the first\n");
    assert!(said.out.contains(&told), "{}", said.out);
    assert_eq!(said.code, 0, "{}", said.out);

    let config = "views:\n  here: {clients: [127.0.0.0/8]}\n  away: {clients: [10.0.0.0/8]}\n";
    let views = [
        ("here", "hearth.example A 127.0.0.7"),
        ("away", "hearth.example A 127.0.0.1"),
    ];
    let from = ["--from-view", "away", "--nameserver", "{dns}"];
    let said = run_live(
        &World::healthy(),
        config,
        &views,
        &[&allow[..], &from[..]].concat(),
    );
    let told = "BROKEN nameserver DNS gives 127.0.0.7, as clients of the view `here` get\n";
    assert!(said.out.contains(told), "{}", said.out);
    assert_eq!(said.code, 11, "{}", said.out);
}
