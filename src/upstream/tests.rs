//! One server at a time, played on loopback: what its sockets and connections do, and how many there are.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};

use super::dial::Dialer;
use super::error::Kind;
use super::pool::Pool;
use super::server::{Attempt, Error, Server};
use crate::config::{Host, Scheme, UpstreamSpec, UpstreamUrl, limits};
use crate::engine::fetch::Question;
use crate::message::outgoing::mirrored;
use crate::message::{Incoming, Outgoing, Rcode, Rtype, flag};

const SOON: Duration = Duration::from_secs(5);

fn spec(scheme: Scheme, addr: SocketAddr) -> UpstreamSpec {
    UpstreamSpec::new(UpstreamUrl {
        scheme,
        host: Host::Address(addr),
        path: String::new(),
    })
}

fn server(scheme: Scheme, addr: SocketAddr) -> Server {
    Server::new(spec(scheme, addr), &Arc::default()).unwrap()
}

fn question(name: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: Rtype::A,
        route: 0,
        dnssec_ok: false,
        checking_disabled: false,
    }
}

async fn ask(server: &Server, name: &str, within: Duration) -> Result<Attempt, Error> {
    server.ask(&question(name), Instant::now() + within).await
}

fn query(name: &str) -> Outgoing {
    Outgoing::new(question(name).name.as_ref(), Rtype::A, (false, false), 1232)
}

/// A reply with one address, TTL 300.
fn answer(query: &[u8], address: [u8; 4]) -> Vec<u8> {
    let mut reply = bare(query);
    reply[7] = 1;
    reply.extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04");
    reply.extend_from_slice(&address);
    reply
}

/// A reply without records and without the OPT record.
fn bare(query: &[u8]) -> Vec<u8> {
    let mut reply = mirrored(query);
    let end = 12 + reply[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    reply.truncate(end);
    reply[11] = 0;
    reply
}

/// A UDP server; the script gives the datagrams to send back.
async fn udp(script: impl Fn(&[u8], SocketAddr) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            for reply in script(&buffer[..len], from) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    addr
}

/// What a TCP server saw.
#[derive(Default)]
struct Seen {
    accepted: AtomicUsize,
    closed: AtomicUsize,
    queries: AtomicUsize,
}

/// A TCP server; the script says what to send for a query, `None` to close the connection.
async fn tcp(
    listener: TcpListener,
    script: impl Fn(&[u8], usize) -> Option<Vec<u8>> + Clone + Send + Sync + 'static,
) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counts.accepted.fetch_add(1, Ordering::SeqCst);
            let (counts, script) = (Arc::clone(&counts), script.clone());
            tokio::spawn(async move {
                let _ = converse(stream, &counts, &script).await;
                counts.closed.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    seen
}

async fn converse(
    mut stream: TcpStream,
    counts: &Seen,
    script: &impl Fn(&[u8], usize) -> Option<Vec<u8>>,
) -> std::io::Result<()> {
    loop {
        let len = stream.read_u16().await?;
        let mut query = vec![0; usize::from(len)];
        stream.read_exact(&mut query).await?;
        let number = counts.queries.fetch_add(1, Ordering::SeqCst);
        let Some(reply) = script(&query, number) else {
            return Ok(());
        };
        if !reply.is_empty() {
            stream.write_u16(reply.len() as u16).await?;
            stream.write_all(&reply).await?;
        }
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn address_in(attempt: &Attempt) -> Vec<u8> {
    let incoming = Incoming::parse(&attempt.reply).unwrap();
    let mut rdata = Vec::new();
    incoming.records().next().unwrap().rdata(&mut rdata).unwrap();
    rdata
}

#[tokio::test]
async fn a_port_where_nobody_listens_costs_no_time() {
    let addr = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = server(Scheme::Udp, addr);
    let began = Instant::now();
    let error = ask(&server, "a.example", SOON).await.unwrap_err();
    assert!(
        began.elapsed() < Duration::from_millis(50),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(error.kind, Kind::Unreachable);
    assert_eq!(error.to_string(), format!("udp to {addr}: nobody listens there"));
}

#[tokio::test]
async fn rfc5452_s9_1_only_the_reply_to_this_query_is_taken() {
    let addr = udp(|query, from| {
        let mut other_id = answer(query, [203, 0, 113, 66]);
        other_id[1] ^= 1;
        let mut other_name = answer(query, [203, 0, 113, 66]);
        other_name[13] ^= 3;
        let mut other_type = answer(query, [203, 0, 113, 66]);
        let at = other_type.len() - 16 - 3;
        other_type[at] = 28;
        let mut no_reply = answer(query, [203, 0, 113, 66]);
        no_reply[2] &= 0x7f;
        // From the right address and another port: the kernel drops it.
        let elsewhere = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        elsewhere
            .send_to(&answer(query, [203, 0, 113, 66]), from)
            .unwrap();
        let right = answer(query, [198, 51, 100, 7]);
        vec![vec![], vec![7], other_id, other_name, other_type, no_reply, right]
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let attempt = ask(&server, "a.example", SOON).await.unwrap();
    assert!(attempt.is_usable);
    assert_eq!(address_in(&attempt), [198, 51, 100, 7]);
}

#[tokio::test]
async fn the_reply_has_the_letters_of_the_question() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let addr = udp(move |query, _| {
        seen.lock().unwrap().push(query.to_vec());
        vec![answer(query, [198, 51, 100, 7])]
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let name = "a-rather-long-name-with-many-letters.example";
    for _ in 0..2 {
        let attempt = ask(&server, name, SOON).await.unwrap();
        let incoming = Incoming::parse(&attempt.reply).unwrap();
        assert_eq!(incoming.question().to_string(), format!("{name}."));
    }
    let sent = sent.lock().unwrap();
    assert_ne!(sent[0][12..], sent[1][12..], "the letters are random");
}

#[tokio::test]
async fn a_server_that_changes_letters_is_asked_without_them_after_two_times() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let addr = udp(move |query, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        let mut reply = answer(query, [198, 51, 100, 7]);
        let end = reply.len() - 16;
        reply[12..end].make_ascii_lowercase();
        vec![reply]
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let name = "a-rather-long-name-with-many-letters.example";
    for (ask_number, queries) in [(1, 2), (2, 4), (3, 5), (4, 6)] {
        assert!(ask(&server, name, SOON).await.unwrap().is_usable);
        assert_eq!(
            count.load(Ordering::SeqCst),
            queries,
            "after question {ask_number}"
        );
    }
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let count = AtomicUsize::new(0);
    let addr = udp(move |query, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => vec![],
        _ => vec![answer(query, [198, 51, 100, 7])],
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let began = Instant::now();
    ask(&server, "a.example", Duration::from_millis(1200))
        .await
        .unwrap();
    assert!(
        began.elapsed() >= Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_thousand_misses_to_a_silent_server_take_few_ports() {
    let ports = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&ports);
    let addr = udp(move |_, from| {
        seen.lock().unwrap().insert(from.port());
        vec![]
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let names: Vec<String> = (0..1000).map(|n| format!("n{n}.example")).collect();
    let asks = names
        .iter()
        .map(|name| ask(&server, name, Duration::from_millis(600)));
    for result in join_all(asks).await {
        assert_eq!(result.unwrap_err().kind, Kind::TimedOut);
    }
    let most = limits::UPSTREAM_UDP_SOCKETS.default_usize();
    assert_eq!(ports.lock().unwrap().len(), most);
}

#[tokio::test]
async fn rfc1035_s4_2_1_a_truncated_reply_is_asked_for_over_tcp() {
    let (listener, addr) = listener().await;
    let socket = UdpSocket::bind(addr).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            let mut reply = bare(&buffer[..len]);
            reply[2] |= 2;
            let _ = socket.send_to(&reply, from).await;
        }
    });
    // As large as a message can be.
    let seen = tcp(listener, |query, _| {
        let mut reply = bare(query);
        while reply.len() + 267 <= 65_535 {
            reply.extend_from_slice(b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x01\x2c\x00\xff");
            reply.push(254);
            reply.extend_from_slice(&[b'x'; 254]);
        }
        let count = ((reply.len() - 27) / 267) as u16;
        reply[6..8].copy_from_slice(&count.to_be_bytes());
        Some(reply)
    })
    .await;
    let server = server(Scheme::Udp, addr);
    for _ in 0..3 {
        let attempt = ask(&server, "a.example", SOON).await.unwrap();
        assert!(attempt.reply.len() > 65_000);
        assert!(!Incoming::parse(&attempt.reply).unwrap().has(flag::TC));
    }
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn rfc6891_s7_a_server_without_edns_is_asked_without() {
    let addr = udp(|query, _| {
        if query[11] == 0 {
            return vec![answer(query, [198, 51, 100, 7])];
        }
        // FORMERR, and as old servers do without the question.
        let mut reply = mirrored(query)[..12].to_vec();
        reply[3] = 1;
        reply[4..12].fill(0);
        vec![reply]
    })
    .await;
    let server = server(Scheme::Udp, addr);
    let attempt = ask(&server, "a.example", SOON).await.unwrap();
    assert_eq!(address_in(&attempt), [198, 51, 100, 7]);
}

#[tokio::test]
async fn every_response_code_is_handed_over() {
    for code in [2, 3, 5] {
        let addr = udp(move |query, _| {
            let mut reply = bare(query);
            reply[3] = 0x80 | code;
            vec![reply]
        })
        .await;
        let attempt = ask(&server(Scheme::Udp, addr), "a.example", SOON).await.unwrap();
        assert_eq!(
            Incoming::parse(&attempt.reply).unwrap().rcode,
            Rcode(u16::from(code))
        );
        assert_eq!(attempt.is_usable, code == 3, "code {code}");
    }
}

#[tokio::test]
async fn a_burst_makes_one_connection_and_a_second_when_that_is_full() {
    for (count, most) in [(60, 1), (200, 2)] {
        let (listener, addr) = listener().await;
        let seen = tcp(listener, |query, _| Some(answer(query, [198, 51, 100, 7]))).await;
        let server = server(Scheme::Tcp, addr);
        let names: Vec<String> = (0..count).map(|n| format!("n{n}.example")).collect();
        let results = join_all(names.iter().map(|name| ask(&server, name, SOON))).await;
        for result in results {
            assert_eq!(address_in(&result.unwrap()), [198, 51, 100, 7]);
        }
        assert_eq!(
            seen.accepted.load(Ordering::SeqCst),
            most,
            "for {count} questions"
        );
        assert_eq!(seen.queries.load(Ordering::SeqCst), count);
    }
}

#[tokio::test]
async fn rfc7766_s6_2_4_a_connection_that_closed_is_made_anew() {
    let (listener, addr) = listener().await;
    // Closes at every third query.
    let seen = tcp(listener, |query, number| {
        (number % 3 != 2).then(|| answer(query, [198, 51, 100, 7]))
    })
    .await;
    let server = server(Scheme::Tcp, addr);
    for n in 0..9 {
        ask(&server, &format!("n{n}.example"), SOON).await.unwrap();
    }
    assert!(seen.accepted.load(Ordering::SeqCst) > 3);
}

#[tokio::test]
async fn a_server_that_always_closes_is_asked_once_on_a_new_connection() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |_, _| None).await;
    let server = server(Scheme::Tcp, addr);
    let error = ask(&server, "a.example", SOON).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert_eq!(seen.queries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_without_replies_is_given_up() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |_, _| Some(Vec::new())).await;
    let server = server(Scheme::Tcp, addr);
    for _ in 0..4 {
        let error = ask(&server, "a.example", Duration::from_millis(60))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::TimedOut);
    }
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn rfc7766_s6_2_3_a_silent_connection_is_closed() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |query, _| Some(answer(query, [198, 51, 100, 7]))).await;
    let dialer = Arc::new(Dialer::new(&spec(Scheme::Tcp, addr), &Arc::default()).unwrap());
    let pool = Pool::with_idle(dialer, Duration::from_millis(100));
    pool.ask(&query("a.example"), Instant::now() + SOON)
        .await
        .unwrap();
    let closed = async {
        while seen.closed.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let began = Instant::now();
    timeout(SOON, closed).await.unwrap();
    assert!(
        began.elapsed() >= Duration::from_millis(60),
        "{:?}",
        began.elapsed()
    );
    pool.ask(&query("b.example"), Instant::now() + SOON)
        .await
        .unwrap();
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn another_network_gets_other_connections() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |query, _| Some(answer(query, [198, 51, 100, 7]))).await;
    let server = server(Scheme::Tcp, addr);
    ask(&server, "a.example", SOON).await.unwrap();
    server.network_changed();
    ask(&server, "b.example", SOON).await.unwrap();
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_waits_when_the_network_changes_is_asked_anew() {
    // Over TCP the first query on each connection gets no reply while the first network lasts.
    let (listener, addr) = listener().await;
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel(8);
    let tell = arrived.clone();
    let seen = tcp(listener, move |query, number| {
        tell.try_send(()).unwrap();
        Some(if number == 0 {
            Vec::new()
        } else {
            answer(query, [198, 51, 100, 7])
        })
    })
    .await;
    let over_tcp = server(Scheme::Tcp, addr);
    let count = AtomicUsize::new(0);
    let addr = udp(move |query, _| {
        arrived.try_send(()).unwrap();
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => vec![],
            _ => vec![answer(query, [198, 51, 100, 7])],
        }
    })
    .await;
    let over_udp = server(Scheme::Udp, addr);
    for server in [&over_tcp, &over_udp] {
        // Longer than the test may take: what comes does not come because time was over.
        let asking = ask(server, "a.example", Duration::from_secs(600));
        let changing = async {
            arrivals.recv().await.unwrap();
            server.network_changed();
        };
        let (attempt, ()) = timeout(SOON, async { tokio::join!(asking, changing) })
            .await
            .expect("the query is sent anew");
        assert_eq!(address_in(&attempt.unwrap()), [198, 51, 100, 7]);
        arrivals.recv().await.unwrap();
    }
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 2);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_connection_that_is_being_made_when_the_network_changes_is_made_anew() {
    // Nobody shakes hands on the first connection.
    let (first, addr) = listener().await;
    let server = Arc::new(server(Scheme::Tls, addr));
    let asking = ask(&server, "a.example", Duration::from_secs(600));
    let changing = async {
        let (held, _) = first.accept().await.unwrap();
        // Not before the hello is there: what ends then is a handshake.
        held.peek(&mut [0]).await.unwrap();
        server.network_changed();
        // The second one is refused, and that is what the query learns.
        let (second, _) = first.accept().await.unwrap();
        drop(second);
        held
    };
    let (attempt, mut held) = timeout(SOON, async { tokio::join!(asking, changing) })
        .await
        .expect("another connection is made");
    assert_eq!(attempt.unwrap_err().kind, Kind::Unreachable);
    // The first was given up: behind its hello comes the end.
    let mut sent = Vec::new();
    timeout(SOON, held.read_to_end(&mut sent)).await.unwrap().unwrap();
    assert!(!sent.is_empty());
}

#[tokio::test]
async fn replies_may_come_in_any_order_and_in_pieces() {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut replies = Vec::new();
        for n in 0..3 {
            let len = stream.read_u16().await.unwrap();
            let mut query = vec![0; usize::from(len)];
            stream.read_exact(&mut query).await.unwrap();
            replies.push(answer(&query, [198, 51, 100, n]));
        }
        for reply in replies.iter().rev() {
            let frame = [&(reply.len() as u16).to_be_bytes(), reply.as_slice()].concat();
            for byte in frame {
                stream.write_all(&[byte]).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
        sleep(SOON).await;
    });
    let server = server(Scheme::Tcp, addr);
    let asks = ["a.example", "b.example", "c.example"].map(|name| ask(&server, name, SOON));
    let mut addresses: Vec<u8> = Vec::new();
    for attempt in join_all(asks).await {
        addresses.push(*address_in(&attempt.unwrap()).last().unwrap());
    }
    addresses.sort_unstable();
    assert_eq!(addresses, [0, 1, 2]);
}

/// A server that is a host name with these bootstrap servers.
fn named(scheme: Scheme, port: u16, bootstrap: Vec<SocketAddr>) -> Server {
    let url = UpstreamUrl {
        scheme,
        host: Host::Name("dns.example".to_owned(), port),
        path: String::new(),
    };
    Server::new(
        UpstreamSpec {
            bootstrap,
            ..UpstreamSpec::new(url)
        },
        &Arc::default(),
    )
    .unwrap()
}

/// A bootstrap server that knows one IPv4 address, behind an alias.
async fn bootstrap(count: Arc<AtomicUsize>) -> SocketAddr {
    udp(move |query, _| {
        count.fetch_add(1, Ordering::SeqCst);
        let end = query.len() - 11;
        if query[end - 3] != 1 {
            return vec![bare(query)];
        }
        let mut reply = bare(query);
        reply[7] = 2;
        reply.extend_from_slice(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x04\x01x\xc0\x10");
        reply.extend_from_slice(b"\x01x\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x01");
        vec![reply]
    })
    .await
}

#[tokio::test]
async fn a_host_name_is_asked_for_once_and_kept() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |query, _| Some(answer(query, [198, 51, 100, 7]))).await;
    let count = Arc::new(AtomicUsize::new(0));
    let dead = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let servers = vec![dead, bootstrap(Arc::clone(&count)).await];
    let server = named(Scheme::Tcp, addr.port(), servers);
    let asks = ["a.example", "b.example", "c.example"].map(|name| ask(&server, name, SOON));
    for result in join_all(asks).await {
        result.unwrap();
    }
    server.network_changed();
    ask(&server, "d.example", SOON).await.unwrap();
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 2);
    // A and AAAA, and both again in the background after the change of the network.
    let asked = count.load(Ordering::SeqCst);
    assert!((2..=4).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_host_name_that_nobody_knows_is_an_error_that_says_so() {
    let addr = udp(|query, _| {
        let mut reply = bare(query);
        reply[3] = 0x83;
        vec![reply]
    })
    .await;
    let server = named(Scheme::Tcp, 53, vec![addr]);
    let error = ask(&server, "a.example", SOON).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot learn where dns.example is: {addr} knows no address (NXDOMAIN)")
    );
}

#[tokio::test]
async fn rfc8305_s5_an_address_where_nobody_listens_is_passed_over() {
    let (listener, addr) = listener().await;
    let seen = tcp(listener, |query, _| Some(answer(query, [198, 51, 100, 7]))).await;
    let url = UpstreamUrl {
        scheme: Scheme::Tcp,
        host: Host::Name("dns.example".to_owned(), addr.port()),
        path: String::new(),
    };
    let server = Server::new(
        UpstreamSpec {
            addresses: vec!["127.0.0.9".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            ..UpstreamSpec::new(url)
        },
        &Arc::default(),
    )
    .unwrap();
    let began = Instant::now();
    ask(&server, "a.example", SOON).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(200),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(seen.accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn routes_to_private_servers_are_exempt_from_validation_but_default_routes_are_not() {
    for (domain, servers, expected) in [
        ("corp.example", &["192.168.1.1", "fd00::1"][..], true),
        ("corp.example. (view guests)", &["127.0.0.1"], true),
        ("corp.example", &["192.168.1.1", "9.9.9.9"], false),
        (".", &["192.168.1.1"], false),
        (". (view guests)", &["192.168.1.1"], false),
    ] {
        let spec_of = |text: &&str| spec(Scheme::Udp, SocketAddr::new(text.parse().unwrap(), 53));
        let route = super::Route {
            domain: domain.to_owned(),
            servers: servers.iter().map(spec_of).collect(),
            strategy: crate::health::Strategy::default(),
        };
        let origin = super::origin_of(&route.domain);
        assert_eq!(
            super::is_exempt(&route, &origin),
            expected,
            "{domain} {servers:?}"
        );
    }
}
