//! Upstreams over TLS, HTTPS, QUIC and HTTP/3: answers arrive whole, whoever cannot prove to be the server is
//! not believed, and the log says why.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3"))]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::secure::Secure;
use support::upstream::positive;
use support::{Act, Daemon, House, Message, Transport, Upstream, rcode, rtype};

const NAME: &str = "dns.example";

fn answering(names: &[&str]) -> Secure {
    Secure::start(names, |query, _| vec![Act::Send(positive(query, "198.51.100.7"))])
}

/// A house whose one upstream is this mapping, and the daemon in it.
fn with_upstream(secure: &Secure, mapping: &str) -> (House, Daemon) {
    let house = House::new()
        .config(&format!(
            "upstreams:\n  - {{{mapping}}}\nupstream: {{attempt_ms: 5000}}\n"
        ))
        .upstreams_of_config();
    house.write("ca.pem", &secure.authority);
    let daemon = house.start_talkative();
    (house, daemon)
}

/// The mapping of a host that is named and known, with the test's authority.
fn trusted(url: &str) -> String {
    format!("url: \"{url}\", addresses: [127.0.0.1], ca_file: ca.pem")
}

#[track_caller]
fn assert_answers(daemon: &Daemon, name: &str) {
    let reply = daemon.ask(name, rtype::A);
    assert_eq!(reply.rcode, rcode::NOERROR, "{reply:?}");
    assert_eq!(reply.answers.len(), 1, "{reply:?}");
}

/// Asks, expects failure, and the reason in the log.
#[track_caller]
fn assert_refused(daemon: &Daemon, reason: &str) {
    let began = Instant::now();
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::SERVFAIL, "{reply:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    daemon.process.wait_for_line(reason, |line| line.contains(reason));
}

#[test]
fn answers_arrive_over_every_transport() {
    let secure = answering(&[NAME]);
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &trusted(&url));
        for n in 0..3 {
            assert_answers(&daemon, &format!("n{n}.example.net."));
        }
    }
    assert_eq!(secure.accepted(), 4, "one connection for each transport");
    let seen = secure.seen();
    assert_eq!(seen.len(), 12);
    for transport in [Transport::Tls, Transport::Https, Transport::Quic, Transport::H3] {
        let queries: Vec<&Message> = seen
            .iter()
            .filter(|seen| seen.transport == transport)
            .map(|seen| &seen.query)
            .collect();
        assert_eq!(queries.len(), 3, "{transport:?}");
        for query in queries {
            // RFC 8467, 4.1.
            assert_eq!(query.size % 128, 0, "{transport:?}: {query:?}");
            let options = &query.edns.as_ref().unwrap().options;
            assert!(options.iter().all(|(code, _)| *code == 12), "{options:?}");
            // RFC 8484, 4.1; RFC 9250, 4.2.1.
            assert!(transport == Transport::Tls || query.id == 0, "{transport:?}");
        }
    }
    let authorities = secure.authorities();
    let expected = [secure.https, secure.h3].map(|addr| format!("{NAME}:{}", addr.port()));
    assert!(
        expected.iter().all(|one| authorities.contains(one)),
        "{authorities:?}"
    );
}

#[test]
fn large_answers_arrive_over_every_transport() {
    let secure = Secure::start(&[NAME], |query, _| {
        let text = "x".repeat(250);
        let many = (0..200).fold(query.reply(), |reply, n| {
            reply.answer(&format!("{} 300 TXT \"{n} {text}\"", query.qname()))
        });
        vec![Act::Send(many)]
    });
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &trusted(&url));
        let reply = daemon.client().ask_tcp("large.example.net.", rtype::TXT);
        assert_eq!(reply.answers.len(), 200, "{url}");
    }
}

#[test]
fn rfc7858_s4_the_certificate_must_bear_the_name() {
    let secure = answering(&["other.example"]);
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &trusted(&url));
        assert_refused(&daemon, "certificate is for other.example");
        let expected = format!("tls handshake with {NAME} (127.0.0.1:");
        daemon
            .process
            .wait_for_line(&expected, |line| line.contains(&expected));
    }
    assert!(secure.seen().is_empty(), "a question went to a stranger");
}

#[test]
fn the_name_in_the_certificate_may_be_another() {
    let secure = answering(&["other.example"]);
    for url in secure.urls("127.0.0.1") {
        let mapping = format!("url: \"{url}\", ca_file: ca.pem, server_name: other.example");
        let (_house, daemon) = with_upstream(&secure, &mapping);
        assert_answers(&daemon, "www.example.net.");
    }
    assert_eq!(secure.names(), ["other.example", "other.example"]);
    let authorities = secure.authorities();
    assert!(
        authorities.iter().all(|one| one.starts_with("other.example:")),
        "{authorities:?}"
    );
}

#[test]
fn rfc6066_s3_no_name_is_sent_where_none_is_wanted() {
    let secure = answering(&[NAME, "127.0.0.1"]);
    let [tls, ..] = secure.urls(NAME);
    let (_house, daemon) = with_upstream(&secure, &format!("{}, server_name: \"\"", trusted(&tls)));
    assert_answers(&daemon, "www.example.net.");
    // A host that is an address has none to send, and the certificate bears the address.
    for url in secure.urls("127.0.0.1") {
        let (_house, daemon) = with_upstream(&secure, &format!("url: \"{url}\", ca_file: ca.pem"));
        assert_answers(&daemon, "www.example.net.");
    }
    assert_eq!(secure.names(), ["", "", ""]);
}

#[test]
fn an_unknown_authority_is_not_believed() {
    let secure = answering(&[NAME]);
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &format!("url: \"{url}\", addresses: [127.0.0.1]"));
        assert_refused(&daemon, "certificate is of no known authority");
    }
    assert!(secure.seen().is_empty(), "a question went to a stranger");
}

#[test]
fn a_certificate_that_signed_itself_needs_a_pin_and_the_log_says_so() {
    let secure = Secure::own_authority(&[NAME]);
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &trusted(&url));
        assert_refused(&daemon, "name its key with `pin_sha256` instead of `ca_file`");
    }
}

#[test]
fn rfc7858_s4_2_a_pin_suffices() {
    let secure = answering(&["whatever.example"]);
    for url in secure.urls(NAME) {
        let pin = &secure.pin;
        let mapping = format!("url: \"{url}\", addresses: [127.0.0.1], pin_sha256: [\"{pin}\"]");
        let (_house, daemon) = with_upstream(&secure, &mapping);
        assert_answers(&daemon, "www.example.net.");
    }
    // With authorities as well both must hold.
    let [tls, ..] = secure.urls(NAME);
    let (_house, daemon) = with_upstream(
        &secure,
        &format!("{}, pin_sha256: [\"{}\"]", trusted(&tls), secure.pin),
    );
    assert_refused(&daemon, "certificate is for whatever.example");
}

#[test]
fn rfc7858_s4_2_another_key_is_not_believed() {
    let secure = answering(&[NAME]);
    let other = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for url in secure.urls(NAME) {
        for ca in ["", ", ca_file: ca.pem"] {
            let mapping = format!("url: \"{url}\", addresses: [127.0.0.1], pin_sha256: [\"{other}\"]{ca}");
            let (_house, daemon) = with_upstream(&secure, &mapping);
            assert_refused(
                &daemon,
                &format!("the server's key is {}, which no `pin_sha256`", secure.pin),
            );
        }
    }
    assert!(secure.seen().is_empty(), "a question went to a stranger");
}

#[test]
fn a_connection_that_ends_is_made_anew() {
    for transport in 0..4 {
        let count = AtomicUsize::new(0);
        // Closes at every third query.
        let secure = Secure::start(&[NAME], move |query, _| {
            match count.fetch_add(1, Ordering::SeqCst) % 3 {
                2 => vec![Act::Close],
                _ => vec![Act::Send(positive(query, "198.51.100.7"))],
            }
        });
        let url = &secure.urls(NAME)[transport];
        let (_house, daemon) = with_upstream(&secure, &trusted(url));
        for n in 0..8 {
            assert_answers(&daemon, &format!("n{n}.example.net."));
        }
        assert!(secure.accepted() >= 3, "{url}: {}", secure.accepted());
        if transport == 0 {
            assert!(secure.resumed() >= 1, "RFC 8446, 2.2: sessions are resumed");
        }
    }
}

#[test]
fn a_server_that_says_nothing_costs_no_more_than_the_time_allowed() {
    let secure = Secure::start(&[NAME], |_, _| Vec::new());
    let count = AtomicUsize::new(0);
    for url in secure.urls(NAME) {
        let house = House::new()
            .config(&format!(
                "upstreams:\n  - {{{}}}\nupstream: {{timeout_ms: 900, attempt_ms: 400}}\n",
                trusted(&url)
            ))
            .upstreams_of_config();
        house.write("ca.pem", &secure.authority);
        let daemon = house.start();
        let began = Instant::now();
        let n = count.fetch_add(1, Ordering::SeqCst);
        let reply = daemon.ask(&format!("n{n}.example.net."), rtype::A);
        assert_eq!(reply.rcode, rcode::SERVFAIL, "{url}");
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{url}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_burst_over_tls_makes_two_connections_at_most() {
    let secure = Secure::start(&[NAME], |query, _| {
        vec![
            Act::Wait(Duration::from_millis(30)),
            Act::Send(positive(query, "198.51.100.7")),
        ]
    });
    let [tls, ..] = secure.urls(NAME);
    let (_house, daemon) = with_upstream(&secure, &trusted(&tls));
    let socket = daemon.client().socket();
    for n in 0..200 {
        let query = Message::query(&format!("n{n}.example.net."), rtype::A);
        socket.send(&query.encode()).unwrap();
    }
    let answered = (0..200)
        .filter_map(|_| support::client::receive(&socket, Duration::from_secs(10)))
        .filter(|bytes| Message::decode(bytes).unwrap().rcode == rcode::NOERROR)
        .count();
    assert_eq!(answered, 200);
    assert!(secure.accepted() <= 2, "{} connections", secure.accepted());
}

#[test]
fn a_wrong_path_is_told() {
    let secure = answering(&[NAME]);
    let url = format!("https://{NAME}:{}/elsewhere", secure.https.port());
    let (_house, daemon) = with_upstream(&secure, &trusted(&url));
    assert_refused(&daemon, "the server answers HTTP 404; is the path right?");
}

#[test]
fn a_reply_to_another_question_is_not_believed() {
    let secure = Secure::start(&[NAME], |query, _| {
        let mut lie = positive(query, "203.0.113.66");
        lie.questions[0].0 = "other.example.net.".to_owned();
        vec![Act::Send(lie)]
    });
    for url in secure.urls(NAME) {
        let (_house, daemon) = with_upstream(&secure, &trusted(&url));
        assert_refused(&daemon, "belongs to another question");
    }
}

#[test]
fn hostile_bytes_are_a_failure_and_nothing_else() {
    for bytes in [vec![], vec![0], vec![0xff; 12], vec![0; 70_000]] {
        let secure = Secure::start(&[NAME], move |_, _| vec![Act::Raw(bytes.clone()), Act::Close]);
        for url in secure.urls(NAME) {
            let house = House::new()
                .config(&format!(
                    "upstreams:\n  - {{{}}}\nupstream: {{timeout_ms: 900, attempt_ms: 300}}\n",
                    trusted(&url)
                ))
                .upstreams_of_config();
            house.write("ca.pem", &secure.authority);
            let mut daemon = house.start();
            let reply = daemon.ask("www.example.net.", rtype::A);
            assert_eq!(reply.rcode, rcode::SERVFAIL, "{url}");
            assert!(daemon.process.is_alive(), "{url}");
        }
    }
}

#[test]
fn a_host_name_is_looked_up_at_the_bootstrap_server_and_nowhere_else() {
    let secure = answering(&[NAME]);
    let bootstrap = Upstream::answering("127.0.0.1");
    for url in secure.urls(NAME) {
        let mapping = format!(
            "url: \"{url}\", bootstrap: [\"{}\"], ca_file: ca.pem",
            bootstrap.addr
        );
        let (_house, daemon) = with_upstream(&secure, &mapping);
        assert_answers(&daemon, "www.example.net.");
    }
    let asked: Vec<String> = bootstrap
        .seen()
        .iter()
        .map(|seen| seen.query.qname().to_ascii_lowercase())
        .collect();
    assert_eq!(asked.len(), 8, "A and AAAA, once for each daemon");
    assert!(asked.iter().all(|name| name == "dns.example."), "{asked:?}");
}

#[test]
fn a_file_of_authorities_that_is_missing_is_a_defect() {
    let house = House::new()
        .config("upstreams:\n  - {url: \"tls://192.0.2.1\", ca_file: nowhere.pem}\n")
        .upstreams_of_config();
    let ran = support::run(house.command().arg("--check"));
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("upstream tls://192.0.2.1:853: ca_file ") && ran.stderr.contains("nowhere.pem"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_thousand_misses_to_a_silent_server_stay_within_the_bound() {
    let upstream = Upstream::silent();
    let house = House::new()
        .config("upstream: {outstanding: 1024, timeout_ms: 4000, attempt_ms: 4000}\n")
        .upstream(upstream.addr);
    let daemon = house.start();
    let descriptors = || {
        std::fs::read_dir(format!("/proc/{}/fd", daemon.process.pid()))
            .unwrap()
            .count()
    };
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.process.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let (before, rss_before) = (descriptors(), memory());
    let socket = daemon.client().socket();
    for n in 0..1000 {
        let query = Message::query(&format!("n{n}.example.net."), rtype::A);
        socket.send(&query.encode()).unwrap();
        if n % 50 == 49 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let end = Instant::now() + Duration::from_secs(2);
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(descriptors());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most <= before + 8, "{before} descriptors before, {most} at most");
    let grown = memory().saturating_sub(rss_before);
    assert!(grown < 16 * 1024, "grown by {grown} kB");
    assert!(upstream.seen().len() >= 900, "{}", upstream.seen().len());
    // What is known without upstream is answered as ever.
    let began = Instant::now();
    daemon.ask("localhost.", rtype::A);
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "{:?}",
        began.elapsed()
    );
}
