//! Clients that mean no good: connections that never speak, requests that never end, handshakes that are left
//! behind. Plain DNS is answered throughout, places stay within their bounds and come back, and every bound that was
//! met is counted.
//!
//! No test here is about time: what is asserted are counts. How long plain answers took is printed. Those of QUIC are in
//! `hostile/quic.rs`.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3"))]

#[path = "hostile/quic.rs"]
mod quic;
mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hearthdns::config::limits;
use support::asker::{Asker, Authority, Response, Secret, read_framed};
use support::client::{framed, sound_reply};
use support::sample::HEARTH;
use support::{DEADLINE, Daemon, House, Message, SetAtEnd, rtype};

const NAME: &str = "dns.example";

fn started(listen: &[&str], config: &str) -> (House, Daemon, Asker) {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(listen)
        .config(&format!(
            "certificate: {{chain: chain.pem, key: key.pem}}\n{config}"
        ));
    let authority = Authority::new();
    authority.issue(&house, &[NAME], 2099);
    let daemon = house.start();
    (house, daemon, authority.asker(NAME))
}

fn query() -> Message {
    let mut query = Message::query("matrix.hearth.example.", rtype::A).with_edns(1232);
    query.id = 0;
    query
}

/// What `dnsctl stats` says: an event's count, or `queries` or `open`.
fn stat(house: &House, transport: &str, word: &str) -> usize {
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let transports = value["ok"]["transports"].as_array().unwrap();
    let of = transports.iter().find(|of| of["transport"] == transport).unwrap();
    let found = match word {
        "queries" => &of["queries"],
        "open" => &of["connections"]["open"],
        event => &of["events"][event],
    };
    usize::try_from(found.as_u64().unwrap()).unwrap()
}

/// Waits until `is_so`; every look asks the daemon, so nothing spins.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
    }
}

fn descriptors(daemon: &Daemon) -> usize {
    let folder = format!("/proc/{}/fd", daemon.process.pid());
    std::fs::read_dir(folder).unwrap().count()
}

/// Resident memory in KiB.
fn memory(daemon: &Daemon) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.process.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Does this while plain DNS is asked over UDP and TCP without a pause, and fails where one question has no answer.
fn throughout<T>(what: &str, daemon: &Daemon, attack: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let begun = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut count, mut slowest) = (0, Duration::ZERO);
            let client = daemon.client();
            let mut stream = client.stream();
            while !done.load(Ordering::SeqCst) || count < 100 {
                let start = Instant::now();
                // Fails by itself where no sound reply comes.
                if count % 2 == 0 {
                    client.exchange(&query());
                } else {
                    stream.exchange(&query());
                }
                slowest = slowest.max(start.elapsed());
                count += 1;
                begun.store(true, Ordering::SeqCst);
            }
            println!("{what}: {count} plain questions, all answered, the slowest after {slowest:?}");
        });
        let _end = SetAtEnd(&done);
        while !begun.load(Ordering::SeqCst) && !asking.is_finished() {
            std::thread::yield_now();
        }
        attack()
    })
}

/// The `n`th of many clients: an address of this machine.
fn client(n: usize) -> IpAddr {
    let [.., high, low] = u32::try_from(n).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 77, high, low.max(1)).into()
}

fn connect_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect_timeout(&to.into(), DEADLINE).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Lets this process hold as many connections as the tests open.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )
    .unwrap();
}

#[track_caller]
fn assert_answers_over_tls(daemon: &Daemon, asker: &Asker) {
    let reply = asker.tls(daemon.encrypted("tls"), &[query().encode()]).unwrap();
    assert_eq!(sound_reply(&query(), &reply[0]).answers.len(), 1);
}

// ---- TLS

#[test]
fn a_thousand_connections_that_never_shake_hands_take_no_more_than_their_places() {
    raise_descriptors();
    let (house, daemon, asker) = started(
        &["tls://127.0.0.1:0", "https://127.0.0.1:0"],
        "encrypted: {connections: 100, per_client: 5}\n",
    );
    let (before, addr) = (descriptors(&daemon), daemon.encrypted("tls"));
    throughout("1,000 silent connections", &daemon, || {
        let silent: Vec<TcpStream> = (0..1000).map(|n| connect_from(client(n / 8), addr)).collect();
        wait_until("all are counted", || {
            let [accepted, full, of_client] =
                ["accepted", "full", "client-full"].map(|event| stat(&house, "tls", event));
            accepted + full + of_client == 1000
        });
        assert!(stat(&house, "tls", "open") <= 100);
        let held = descriptors(&daemon);
        assert!(held <= before + 110, "{held} descriptors, {before} before");
        // Other gates are open: this one's crowd is not theirs.
        let response = asker
            .http1(daemon.encrypted("https"), b"GET /nothing HTTP/1.1\r\n\r\n")
            .unwrap();
        assert_eq!(response.status, 404);
        wait_until("every place is free again", || stat(&house, "tls", "open") == 0);
        drop(silent);
    });
    let accepted = stat(&house, "tls", "accepted");
    assert_eq!(stat(&house, "tls", "handshake-late"), accepted);
    assert!(stat(&house, "tls", "client-full") > 0 && stat(&house, "tls", "full") > 0);
    assert_answers_over_tls(&daemon, &asker);
    wait_until("no descriptor is left behind", || {
        descriptors(&daemon) <= before + 10
    });
}

#[test]
fn a_thousand_idle_tls_connections_are_closed_when_their_time_is_over() {
    raise_descriptors();
    let (house, daemon, asker) = started(
        &["tls://127.0.0.1:0"],
        "encrypted: {connections: 1000, per_client: 1000, idle_seconds: 5}\n",
    );
    let (before, addr) = (descriptors(&daemon), daemon.encrypted("tls"));
    let memory_before = memory(&daemon);
    throughout("1,000 idle TLS connections", &daemon, || {
        // From several at once, so that the last is there before the first is over.
        let idle: Vec<Vec<Secret>> = std::thread::scope(|scope| {
            let connect = || (0..250).map(|_| asker.connect(addr, "dot").unwrap()).collect();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(connect)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let more = memory(&daemon) - memory_before;
        println!(
            "1,000 idle TLS connections: {} descriptors more, {more} KiB more",
            descriptors(&daemon) - before,
        );
        let bound = limits::CONNECTION_MEMORY.default_usize() / 1024 * 1000;
        assert!(more < bound, "{more} KiB for 1,000 connections, {bound} at most");
        wait_until("each is closed", || stat(&house, "tls", "idle") == 1000);
        drop(idle);
    });
    assert_eq!(stat(&house, "tls", "accepted"), 1000);
    assert_eq!(stat(&house, "tls", "open"), 0);
    wait_until("no descriptor is left behind", || {
        descriptors(&daemon) <= before + 10
    });
    assert_answers_over_tls(&daemon, &asker);
}

#[test]
fn a_handshake_in_single_bytes_and_nonsense_are_counted_and_delay_nobody() {
    let (house, daemon, asker) = started(&["tls://127.0.0.1:0"], "");
    let addr = daemon.encrypted("tls");
    throughout("slow handshakes", &daemon, || {
        for n in 0..20 {
            let mut stream = connect_from(client(n), addr);
            stream.write_all(b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
            // Closed, perhaps behind an alert.
            stream.read_to_end(&mut Vec::new()).ok();
        }
        wait_until("nonsense is counted", || {
            stat(&house, "tls", "handshake-failed") == 20
        });
        // The beginning of a record that never ends.
        let slow: Vec<TcpStream> = (0..10)
            .map(|n| {
                let mut stream = connect_from(client(n), addr);
                stream.write_all(&[22, 3, 1, 2, 0]).unwrap();
                stream
            })
            .collect();
        assert_answers_over_tls(&daemon, &asker);
        let end = Instant::now() + DEADLINE;
        for mut stream in slow {
            while stream.write_all(&[1]).is_ok() {
                assert!(Instant::now() < end, "a handshake goes on and on");
                let mut byte = [0];
                stream.set_read_timeout(Some(support::asker::MOMENT)).unwrap();
                match stream.read(&mut byte) {
                    Ok(0) => break,
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                    _ => {}
                }
            }
        }
        wait_until("they are counted", || stat(&house, "tls", "handshake-late") == 10);
    });
}

#[test]
fn half_a_query_over_tls_is_waited_for_no_longer_than_a_request_may_take() {
    let (house, daemon, asker) = started(&["tls://127.0.0.1:0"], "encrypted: {idle_seconds: 600}\n");
    throughout("half queries", &daemon, || {
        let halves: Vec<Secret> = (0..10)
            .map(|_| {
                let mut stream = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
                stream.write_all(&framed(&query().encode())).unwrap();
                read_framed(&mut stream).unwrap();
                stream.write_all(&framed(&query().encode())[..20]).unwrap();
                stream
            })
            .collect();
        assert_answers_over_tls(&daemon, &asker);
        for mut stream in halves {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty(), "half a query is answered: {rest:02x?}");
        }
        assert_eq!(stat(&house, "tls", "request-late"), 10);
    });
}

#[test]
fn rfc8446_s8_nobody_is_allowed_early_data() {
    let (_house, daemon, asker) = started(
        &["tls://127.0.0.1:0", "quic://127.0.0.1:0", "h3://127.0.0.1:0"],
        "",
    );
    // It can be played back by whoever saw it.
    assert!(!asker.may_send_early_over_tls(daemon.encrypted("tls"), &query().encode()));
    assert!(!asker.may_send_early_over_quic(daemon.encrypted("quic"), "doq"));
    assert!(!asker.may_send_early_over_quic(daemon.encrypted("h3"), "h3"));
}

// ---- HTTP

#[test]
fn a_preface_that_is_never_sent_and_fields_that_never_end_have_their_time() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "encrypted: {idle_seconds: 600}\n");
    let addr = daemon.encrypted("https");
    throughout("no preface, no end of fields", &daemon, || {
        let mut silent: Vec<Secret> = (0..5).map(|_| asker.connect(addr, "h2").unwrap()).collect();
        for n in 0..5 {
            let mut stream = asker.connect(addr, "http/1.1").unwrap();
            write!(stream, "GET /dns-query HTTP/1.1\r\nx{n}: ").unwrap();
            silent.push(stream);
        }
        let response = asker.http1(addr, b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(response.status, 404, "another client is served meanwhile");
        for mut stream in silent {
            stream.read_to_end(&mut Vec::new()).ok();
        }
        // The eleventh asked and went.
        wait_until("they are counted", || stat(&house, "https", "request-late") == 10);
        wait_until("their places are free", || stat(&house, "https", "open") == 0);
    });
}

#[test]
fn a_body_without_end_is_not_read_and_one_that_stands_still_has_its_time() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "encrypted: {idle_seconds: 600}\n");
    let addr = daemon.encrypted("https");
    let head = "POST /dns-query HTTP/1.1\r\ncontent-type: application/dns-message\r\n";
    let before = memory(&daemon);
    throughout("bodies", &daemon, || {
        let mut endless = asker.connect(addr, "http/1.1").unwrap();
        write!(endless, "{head}transfer-encoding: chunked\r\n\r\n").unwrap();
        let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
        // It is refused within the first few; what follows nobody reads.
        let mut sent = 0;
        while sent < 100_000 && endless.write_all(chunk.as_bytes()).is_ok() {
            sent += 1;
        }
        assert!(sent < 100_000, "{sent} KiB were taken");
        println!("bodies: {sent} KiB sent until the connection was closed");
        wait_until("it is counted", || stat(&house, "https", "too-large") == 1);

        let mut still = asker.connect(addr, "http/1.1").unwrap();
        write!(still, "{head}content-length: 100\r\n\r\nhalf").unwrap();
        assert_eq!(Response::read(&mut still).unwrap().status, 408);
        assert_eq!(stat(&house, "https", "request-late"), 1);
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A connection of HTTP/2 by hand, with the preface and empty settings sent.
fn by_hand(asker: &Asker, addr: SocketAddr) -> Secret {
    let mut stream = asker.connect(addr, "h2").unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).unwrap();
    stream
}

/// Writes these again and again until the connection is closed; how many bytes were taken.
fn write_until_closed(stream: &mut Secret, mut pieces: impl FnMut(u32) -> Vec<u8>) -> usize {
    let mut taken = 0;
    for n in 0..100_000 {
        let piece = pieces(n);
        if stream.write_all(&piece).and_then(|()| stream.flush()).is_err() {
            break;
        }
        taken += piece.len();
    }
    taken
}

/// `GET https://dns.example/` in HPACK (RFC 7541, appendix A), nothing indexed anew.
const GET: &[u8] = b"\x82\x87\x84\x01\x0bdns.example";

#[test]
fn fields_that_go_on_in_further_frames_of_http_2_end_the_connection() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "");
    let addr = daemon.encrypted("https");
    let before = memory(&daemon);
    throughout("fields without end", &daemon, || {
        let mut stream = by_hand(&asker, addr);
        stream.write_all(&frame(1, 0, 1, GET)).unwrap();
        // A field that is neither indexed nor short, over and over; the last frame never comes.
        let field = [b"\x00\x01x\x7f\x81\x06".to_vec(), vec![b'v'; 896]].concat();
        let taken = write_until_closed(&mut stream, |_| frame(9, 0, 1, &field));
        println!("fields without end: {taken} bytes were taken");
        assert!(taken < 16 << 20, "{taken} bytes");
        wait_until("its place is free", || stat(&house, "https", "open") == 0);
        let counted = ["too-many", "bad-request"].map(|word| stat(&house, "https", word));
        assert_eq!(counted.iter().sum::<usize>(), 1, "{counted:?}");
        let response = asker.http1(addr, b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(response.status, 404, "another client is served");
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
}

#[test]
fn rfc9113_s10_5_1_fields_of_http_2_that_are_too_large_and_requests_that_are_none_are_counted() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "");
    let mut stream = by_hand(&asker, daemon.encrypted("https"));
    // More than 16 KiB in three frames; 431, with and without a body that is still to come.
    let field = [b"\x00\x01x\x7f\x81\x3e".to_vec(), vec![b'v'; 8064]].concat();
    for (flags, id) in [(1, 1), (1, 3), (0, 5), (1, 7)] {
        let first = frame(1, flags, id, &[GET, &field].concat());
        let rest = [frame(9, 0, id, &field), frame(9, 4, id, &field)].concat();
        stream.write_all(&[first, rest].concat()).unwrap();
    }
    wait_until("they are counted", || stat(&house, "https", "too-large") == 4);
    assert_eq!(stat(&house, "https", "bad-request"), 0);
    // A response's :status in a request.
    let response = frame(1, 5, 9, &[GET, b"\x88"].concat());
    stream.write_all(&response).unwrap();
    wait_until("it is counted", || stat(&house, "https", "bad-request") == 1);
    let counts = ["too-large", "too-many"].map(|word| stat(&house, "https", word));
    assert_eq!(counts, [4, 0]);
    // The connection goes on.
    stream.write_all(&frame(1, 4, 11, POST)).unwrap();
    stream.write_all(&frame(0, 1, 11, &query().encode())).unwrap();
    wait_until("it is answered", || stat(&house, "https", "queries") == 1);
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "");
    let addr = daemon.encrypted("https");
    let before = memory(&daemon);
    throughout("requests taken back", &daemon, || {
        let mut stream = by_hand(&asker, addr);
        let taken = write_until_closed(&mut stream, |n| {
            let id = 2 * n + 1;
            // END_HEADERS without END_STREAM, then RST_STREAM with CANCEL.
            [frame(1, 4, id, GET), frame(3, 0, id, &[0, 0, 0, 8])].concat()
        });
        println!("requests taken back: {taken} bytes were taken");
        drop(stream);
        wait_until("its place is free", || stat(&house, "https", "open") == 0);
        // The end of the connection, beside requests that were refused while others were under way.
        assert!(stat(&house, "https", "too-many") > 0);
        let response = asker.http1(addr, b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(response.status, 404, "another client is served");
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
}

#[test]
fn who_takes_no_replies_loses_the_connection_and_costs_little() {
    let (house, daemon, asker) = started(&["tls://127.0.0.1:0"], "encrypted: {idle_seconds: 1}\n");
    let before = memory(&daemon);
    throughout("replies that nobody takes", &daemon, || {
        let mut stream = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
        let many: Vec<u8> = (0..100).flat_map(|_| framed(&query().encode())).collect();
        // Until the buffers of both kernels are full, and then until we are turned away.
        stream.sock.set_write_timeout(Some(DEADLINE)).unwrap();
        let taken = write_until_closed(&mut stream, |_| many.clone());
        println!("replies that nobody takes: {taken} bytes of queries were taken");
        wait_until("its place is free", || stat(&house, "tls", "open") == 0);
        assert_eq!(stat(&house, "tls", "not-taken"), 1);
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
    assert_answers_over_tls(&daemon, &asker);
}

#[test]
fn a_connection_of_http_that_asks_for_nothing_more_is_closed() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "encrypted: {idle_seconds: 1}\n");
    let addr = daemon.encrypted("https");
    let mut first = asker.connect(addr, "http/1.1").unwrap();
    first.write_all(b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut first).unwrap().status, 404);
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).ok();
    assert!(rest.is_empty(), "{rest:02x?}");
    let mut second = by_hand(&asker, addr);
    second.write_all(&frame(1, 5, 1, GET)).unwrap();
    second.read_to_end(&mut rest).ok();
    // GOAWAY with NO_ERROR (RFC 9113, 6.8), and time for requests that are on their way.
    let end = frame(7, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    assert!(rest.windows(end.len()).any(|bytes| bytes == end), "no GOAWAY");
    assert_eq!(stat(&house, "https", "idle"), 2);
    assert_eq!(stat(&house, "https", "open"), 0);
}

/// A POST to `/dns-query` in HPACK whose body is still to come.
const POST: &[u8] = b"\x83\x87\x04\x0a/dns-query\x01\x0bdns.example\x0f\x10\x17application/dns-message";

#[test]
fn rfc9113_s5_1_2_more_requests_at_once_than_are_told_are_refused() {
    let (house, daemon, asker) = started(&["https://127.0.0.1:0"], "encrypted: {pipeline: 4}\n");
    let mut stream = by_hand(&asker, daemon.encrypted("https"));
    for n in 0..5 {
        stream.write_all(&frame(1, 4, 2 * n + 1, POST)).unwrap();
    }
    let mut told = None;
    let refused = loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let [_, a, b, c] = u32::from_be_bytes([0, head[0], head[1], head[2]]).to_be_bytes();
        let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
        stream.read_exact(&mut payload).unwrap();
        let id = u32::from_be_bytes(*head.last_chunk().unwrap());
        match head[3] {
            // SETTINGS_MAX_CONCURRENT_STREAMS is 3.
            4 if told.is_none() => {
                let setting = payload.chunks(6).find(|setting| setting[..2] == [0, 3]);
                told = setting.map(|setting| setting[2..].to_vec());
            }
            // RST_STREAM; the first four would end otherwise, and later.
            3 | 1 => break (head[3], id, payload),
            _ => {}
        }
    };
    assert_eq!(told, Some(vec![0, 0, 0, 4]));
    assert_eq!(refused, (3, 9, vec![0, 0, 0, 7]), "REFUSED_STREAM");
    // Where one has ended there is room for another.
    stream.write_all(&frame(0, 1, 1, &query().encode())).unwrap();
    wait_until("it is answered", || stat(&house, "https", "queries") == 1);
    stream.write_all(&frame(1, 4, 11, POST)).unwrap();
    stream.write_all(&frame(0, 1, 11, &query().encode())).unwrap();
    wait_until("the next one too", || stat(&house, "https", "queries") == 2);
    assert_eq!(stat(&house, "https", "too-many"), 1);
}
