//! A burst of 1,000 misses to an upstream that has gone silent, over each transport, validated and not: what the
//! daemon holds meanwhile stays below the limits table, and what it can answer by itself waits for nobody.
//!
//! Nothing here is timed. The client that sent the misses looks whether any reply came, after every one of 1,000
//! cached and local questions of another client was answered.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3", feature = "dnssec"))]

mod support;

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hearthdns::config::limits;
use support::sample::HEARTH;
use support::secure::Secure;
use support::upstream::positive;
use support::{Act, DEADLINE, Daemon, House, Message, Seen, Transport, Upstream, rcode, rtype};

/// Questions of the burst.
const MISSES: usize = 1000;
/// Questions sent before the daemon shows that it took them: fewer than its socket has room for.
const BATCH: usize = 50;
const CACHED: &str = "cached.example.net.";
const LOCAL: &str = "matrix.hearth.example.";

/// Whoever is asked.
enum Server {
    Plain(Upstream),
    Secure(Secure),
}

impl Server {
    fn start(
        transport: Transport,
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        match transport {
            Transport::Udp | Transport::Tcp => Self::Plain(Upstream::start(script)),
            _ => Self::Secure(Secure::start(&["dns.example"], script)),
        }
    }

    /// Its item in the config's list.
    fn item(&self, transport: Transport) -> String {
        match self {
            Self::Plain(upstream) if transport == Transport::Udp => format!("\"udp://{}\"", upstream.addr),
            Self::Plain(upstream) => format!("\"tcp://{}\"", upstream.addr),
            Self::Secure(secure) => {
                let [tls, https, quic, h3] = secure.urls("dns.example");
                let url = match transport {
                    Transport::Https => https,
                    Transport::Quic => quic,
                    Transport::H3 => h3,
                    _ => tls,
                };
                format!("{{url: \"{url}\", addresses: [127.0.0.1], ca_file: ca.pem}}")
            }
        }
    }

    /// Waits until questions for so many different names have arrived.
    #[track_caller]
    fn wait_for_names(&self, count: usize) {
        let end = Instant::now() + DEADLINE;
        loop {
            let seen = self.seen();
            let names = seen.iter().map(|seen| seen.query.qname().to_lowercase());
            let names = names.collect::<BTreeSet<String>>().len();
            if names == count {
                return;
            }
            assert!(
                names < count,
                "{names} questions are under way, and {count} have a place"
            );
            assert!(Instant::now() < end, "of {count} questions {names} arrived");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn seen(&self) -> Vec<Seen> {
        match self {
            Self::Plain(upstream) => upstream.seen(),
            Self::Secure(secure) => secure.seen(),
        }
    }
}

/// What the process holds: descriptors, and bytes of memory that are in use (VmRSS).
fn held(daemon: &Daemon) -> (usize, usize) {
    let folder = format!("/proc/{}", daemon.process.pid());
    let descriptors = std::fs::read_dir(format!("{folder}/fd")).unwrap().count();
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (descriptors, kibibytes << 10)
}

/// A question for what is at hand; nobody validates it.
#[track_caller]
fn ask(daemon: &Daemon, name: &str) {
    let mut query = Message::query(name, rtype::A).with_edns(1232);
    query.cd = true;
    let reply = daemon.client().exchange(&query);
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 1),
        "{reply:?}"
    );
}

fn is_silent(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).unwrap();
    let received = socket.recv(&mut [0; 512]);
    matches!(received, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Sends the burst and holds the daemon to what this file says; gives what reached upstream.
#[track_caller]
fn burst(
    transport: Transport,
    validate: bool,
    is_silent_to_all: bool,
    script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
) -> Vec<Seen> {
    let server = Server::start(transport, move |query, transport| {
        match query.qname().eq_ignore_ascii_case(CACHED) {
            true => vec![Act::Send(positive(query, "198.51.100.7"))],
            false => script(query, transport),
        }
    });
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config(&format!(
            "workers: 1\nupstreams: [{}]\ndnssec: {{validate: {validate}}}\n\
             upstream: {{outstanding: {MISSES}, attempt_ms: 10000, timeout_ms: 30000}}\n",
            server.item(transport)
        ))
        .upstreams_of_config();
    if let Server::Secure(secure) = &server {
        house.write("ca.pem", &secure.authority);
    }
    let daemon = house.start();
    ask(&daemon, CACHED);
    ask(&daemon, LOCAL);
    let (descriptors, bytes) = held(&daemon);

    let misses = daemon.client().socket();
    for n in 0..MISSES {
        let query = Message::query(&format!("n{n}.example.net."), rtype::A).with_edns(1232);
        misses.send(&query.encode()).unwrap();
        // One worker takes its datagrams in their order: those before this one are taken when it is answered.
        if n % BATCH == BATCH - 1 {
            ask(&daemon, LOCAL);
        }
    }
    // Those that must wait for a place on a connection never get there.
    let places = limits::UPSTREAM_CONNECTIONS.default_usize() * limits::UPSTREAM_PIPELINE.default_usize();
    let under_way = match transport {
        Transport::Udp => MISSES,
        _ => places,
    };
    if is_silent_to_all {
        server.wait_for_names(1 + under_way);
    }
    for n in 0..1000 {
        ask(&daemon, [CACHED, LOCAL][n % 2]);
    }
    assert!(
        is_silent(&misses),
        "a question of the burst was over before those at hand"
    );

    let (descriptors_now, bytes_now) = held(&daemon);
    let most = match transport {
        Transport::Udp => limits::UPSTREAM_UDP_SOCKETS,
        _ => limits::UPSTREAM_CONNECTIONS,
    };
    let (more, most) = (descriptors_now.saturating_sub(descriptors), most.default_usize());
    assert!(
        more <= most,
        "{more} descriptors more, at most {most} are for upstream"
    );
    let (more, most) = (
        bytes_now.saturating_sub(bytes),
        MISSES * limits::UPSTREAM_QUESTION.default_usize(),
    );
    assert!(
        more <= most,
        "{more} bytes more for {MISSES} questions, at most {most}"
    );
    server.seen()
}

#[track_caller]
fn to_a_silent_server(transport: Transport) {
    for validate in [false, true] {
        let seen = burst(transport, validate, true, |_, _| Vec::new());
        let ways: BTreeSet<u16> = seen.iter().map(|seen| seen.from.port()).collect();
        let most = match transport {
            // The question that is cached may have had one of its own.
            Transport::Udp => limits::UPSTREAM_UDP_SOCKETS.default_usize() + 1,
            _ => limits::UPSTREAM_CONNECTIONS.default_usize(),
        };
        assert!(ways.len() <= most, "{transport:?}: {ways:?}");
    }
}

#[test]
fn s4_7_a_burst_over_udp_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::Udp);
}

#[test]
fn s4_7_a_burst_over_tcp_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::Tcp);
}

#[test]
fn s4_7_a_burst_over_tls_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::Tls);
}

#[test]
fn s4_7_a_burst_over_https_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::Https);
}

#[test]
fn s4_7_a_burst_over_quic_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::Quic);
}

#[test]
fn s4_7_a_burst_over_h3_is_bounded_and_delays_nothing_at_hand() {
    to_a_silent_server(Transport::H3);
}

#[test]
fn s4_7_a_burst_that_waits_for_keys_is_bounded_and_delays_nothing_at_hand() {
    for transport in [Transport::Udp, Transport::Tls] {
        // Every question is answered, and nothing that would prove the answer.
        let seen = burst(transport, true, false, |query, _| match query.qtype() {
            rtype::A => vec![Act::Send(positive(query, "198.51.100.7"))],
            _ => Vec::new(),
        });
        let look_ups: BTreeSet<(String, u16)> = seen
            .iter()
            .filter(|seen| seen.query.qtype() != rtype::A)
            .map(|seen| (seen.query.qname().to_lowercase(), seen.query.qtype()))
            .collect();
        let most = limits::DNSSEC_OUTSTANDING.default_usize();
        assert!((1..=most).contains(&look_ups.len()), "{look_ups:?}");
    }
}
