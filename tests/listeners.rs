//! The encrypted listeners from outside: the same answers over each, the certificate that they show, and what they
//! refuse.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3"))]

mod support;

use std::io::Write;

use support::asker::{Asker, Authority, Response, read_framed};
use support::client::{framed, sound_reply};
use support::sample::HEARTH;
use support::upstream::positive;
use support::{Act, Daemon, House, Message, Upstream, rcode, rtype};

const NAME: &str = "dns.example";
const CERTIFICATE: &str = "certificate: {chain: chain.pem, key: key.pem}\n";

/// A house with a certificate for [`NAME`], and these listeners beside the plain one.
fn house(listen: &[&str], config: &str) -> (House, Authority) {
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("big.example", &big)
        .listen_too(listen)
        .config(&format!("{CERTIFICATE}{config}"));
    let authority = Authority::new();
    authority.issue(&house, &[NAME], 2099);
    (house, authority)
}

/// A query as clients of every transport may send it: id 0 (RFC 8484, 4.1; RFC 9250, 4.2.1).
fn query(name: &str, rtype: u16) -> Message {
    let mut query = Message::query(name, rtype).with_edns(1232);
    query.id = 0;
    query
}

/// What `dnsctl stats` says of a transport: a count of its events, or `queries` or `open`.
#[track_caller]
fn stat(house: &House, transport: &str, word: &str) -> u64 {
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let transports = value["ok"]["transports"].as_array().unwrap();
    let of = transports.iter().find(|of| of["transport"] == transport).unwrap();
    let found = match word {
        "queries" => &of["queries"],
        "open" => &of["connections"]["open"],
        event => &of["events"][event],
    };
    found
        .as_u64()
        .unwrap_or_else(|| panic!("no {word} of {transport} in {}", ran.stdout))
}

// ---- DNS over TLS

#[test]
fn rfc7858_s3_3_queries_in_one_write_are_answered_each() {
    let upstream = Upstream::start(|query, _| vec![Act::Send(positive(query, "198.51.100.7"))]);
    let (house, authority) = house(&["tls://127.0.0.1:0"], "");
    let house = house.upstream(upstream.addr);
    let daemon = house.start();
    let asker = authority.asker(NAME);
    let mut queries = Vec::new();
    for id in 1..=20 {
        // Some from memory, some from upstream, so that replies come in another order.
        let name = match id % 3 {
            0 => format!("n{id}.example.net."),
            _ => "matrix.hearth.example.".to_owned(),
        };
        let mut query = Message::query(&name, rtype::A).with_edns(1232);
        query.id = id;
        queries.push(query);
    }
    let encoded: Vec<Vec<u8>> = queries.iter().map(Message::encode).collect();
    let replies = asker.tls(daemon.encrypted("tls"), &encoded).unwrap();
    let mut ids = Vec::new();
    for reply in &replies {
        let id = Message::decode(reply).unwrap().id;
        let asked = queries.iter().find(|query| query.id == id).unwrap();
        let reply = sound_reply(asked, reply);
        assert_eq!(
            (reply.rcode, reply.answers.len()),
            (rcode::NOERROR, 1),
            "{reply:?}"
        );
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=20).collect::<Vec<u16>>());
    assert_eq!(stat(&house, "tls", "queries"), 20);
    assert_eq!(stat(&house, "tls", "accepted"), 1);
}

#[test]
fn tls_1_2_and_1_3_are_spoken_and_sessions_are_resumed() {
    let (house, authority) = house(&["tls://127.0.0.1:0"], "");
    let daemon = house.start();
    let addr = daemon.encrypted("tls");
    let query = query("matrix.hearth.example.", rtype::A);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let asker = authority.asker_of(NAME, &[version]);
        assert!(
            asker.resumes(addr, &query.encode()),
            "the second handshake is a whole one with {version:?}"
        );
    }
    let asker = authority.asker(NAME);
    // Without ALPN, as some clients are, and with a stranger's.
    let mut stream = asker.connect(addr, "").unwrap();
    stream.write_all(&framed(&query.encode())).unwrap();
    let reply = read_framed(&mut stream).unwrap();
    assert_eq!(sound_reply(&query, &reply).answers.len(), 1);
    let error = asker.connect(addr, "h2").map(drop).unwrap_err();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn a_name_or_an_authority_that_is_not_ours_is_refused_by_the_client() {
    let (house, authority) = house(&["tls://127.0.0.1:0"], "");
    let daemon = house.start();
    let addr = daemon.encrypted("tls");
    let query = query("matrix.hearth.example.", rtype::A).encode();
    assert!(
        authority
            .asker(NAME)
            .tls(addr, std::slice::from_ref(&query))
            .is_ok()
    );
    let error = authority
        .asker("other.example")
        .tls(addr, std::slice::from_ref(&query))
        .unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let error = Authority::new().asker(NAME).tls(addr, &[query]).unwrap_err();
    assert!(
        error.contains("UnknownIssuer") || error.contains("BadSignature"),
        "{error}"
    );
    assert_eq!(stat(&house, "tls", "handshake-failed"), 2);
}

// ---- the certificate

/// The leaf that a listener shows.
fn shown(asker: &Asker, daemon: &Daemon) -> Vec<u8> {
    let stream = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_renewed_certificate_is_shown_after_a_reload_and_a_broken_one_is_not() {
    let (house, authority) = house(&["tls://127.0.0.1:0"], "");
    let daemon = house.start();
    let asker = authority.asker(NAME);
    let query = query("matrix.hearth.example.", rtype::A);
    let mut old_connection = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
    let first = shown(&asker, &daemon);

    authority.issue(&house, &[NAME], 2098);
    house.dnsctl(&["reload"]).ok();
    let second = shown(&asker, &daemon);
    assert_ne!(first, second);

    authority.issue(&house, &[NAME], 2097);
    daemon.process.signal(rustix::process::Signal::HUP);
    let read_again = |line: &str| line.contains("chain.pem read again");
    let count = |daemon: &Daemon| {
        daemon
            .process
            .log()
            .iter()
            .filter(|line| read_again(line))
            .count()
    };
    let end = std::time::Instant::now() + support::DEADLINE;
    while count(&daemon) < 2 {
        assert!(std::time::Instant::now() < end, "SIGHUP is not heard");
        std::thread::yield_now();
    }
    let third = shown(&asker, &daemon);
    assert_ne!(second, third);

    house.write("key.pem", "not a key");
    let ran = house.dnsctl(&["reload"]).fails(1);
    let said = house.neutral(&format!("{}{}", ran.stdout, ran.stderr));
    assert!(said.contains("HOUSE/key.pem"), "{said}");
    assert_eq!(shown(&asker, &daemon), third);

    // Who was there before has noticed nothing.
    old_connection.write_all(&framed(&query.encode())).unwrap();
    let reply = read_framed(&mut old_connection).unwrap();
    assert_eq!(sound_reply(&query, &reply).answers.len(), 1);
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_and_plain_dns_goes_on_until_it_is_mended() {
    let (house, authority) = house(&["tls://127.0.0.1:0"], "");
    let refused = |house: &House| {
        let daemon = house.start();
        assert_eq!(
            daemon
                .client()
                .ask("matrix.hearth.example.", rtype::A)
                .answers
                .len(),
            1
        );
        let asker = authority.asker(NAME);
        assert!(asker.connect(daemon.encrypted("tls"), "dot").is_err());
        let log = daemon.process.log();
        let line = log.iter().find_map(|line| line.split_once("ERROR ")).unwrap().1;
        let said = house.neutral(line);
        let (line, rest) = said.rsplit_once("; ").unwrap();
        assert_eq!(
            rest,
            "encrypted listeners refuse everybody until it is mended, plain ones answer"
        );
        // The check holds the same against it.
        let checked = support::run(house.command().arg("--check")).fails(2);
        let checked = house.neutral(&checked.stderr);
        assert!(checked.contains(line), "{line} is not in {checked}");
        // Mended while the daemon runs, it serves.
        authority.issue(house, &[NAME], 2099);
        house.dnsctl(&["reload"]).ok();
        shown(&asker, &daemon);
        line.to_owned()
    };
    authority.issue(&house, &[NAME], 2020);
    let since = "HOUSE/chain.pem: the certificate is over since 2020-01-01; renew it";
    assert_eq!(refused(&house), since);
    authority.issue(&house, &[NAME], 2099);
    let key = house.read("key.pem");
    authority.issue(&house, &[NAME], 2099);
    house.write("key.pem", &key);
    assert_eq!(
        refused(&house),
        "HOUSE/key.pem: is not the key of the first certificate in HOUSE/chain.pem, which must be the server's own"
    );
    std::fs::remove_file(house.path("chain.pem")).unwrap();
    assert_eq!(
        refused(&house),
        "HOUSE/chain.pem: cannot be read: No such file or directory (os error 2)"
    );
}

// ---- DNS over HTTPS

/// A POST of DNS over HTTPS for HTTP/2 and HTTP/3.
fn post(query: &Message) -> http::Request<Vec<u8>> {
    http::Request::post(format!("https://{NAME}/dns-query"))
        .header("content-type", "application/dns-message")
        .body(query.encode())
        .unwrap()
}

/// The same question as a GET.
fn get(query: &Message) -> http::Request<Vec<u8>> {
    let text = data_encoding::BASE64URL_NOPAD.encode(&query.encode());
    http::Request::get(format!("https://{NAME}/dns-query?dns={text}"))
        .body(Vec::new())
        .unwrap()
}

/// A request as HTTP/1.1 writes it.
fn text(request: &http::Request<Vec<u8>>) -> Vec<u8> {
    let target = request.uri().path_and_query().unwrap();
    let mut text = format!("{} {target} HTTP/1.1\r\nHost: {NAME}\r\n", request.method());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    if !request.body().is_empty() {
        text.push_str(&format!("content-length: {}\r\n", request.body().len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(request.body());
    bytes
}

/// The message in a response with 200 and the right type.
#[track_caller]
fn message(query: &Message, response: &Response) -> Message {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.field("content-type"), Some("application/dns-message"));
    sound_reply(query, &response.body)
}

#[test]
fn rfc8484_s4_1_get_and_post_over_http_1_and_2() {
    let (house, authority) = house(&["https://127.0.0.1:0"], "");
    let daemon = house.start();
    let (addr, asker) = (daemon.encrypted("https"), authority.asker(NAME));
    let query = query("matrix.hearth.example.", rtype::A);
    for request in [get(&query), post(&query)] {
        let first = asker.http1(addr, &text(&request)).unwrap();
        let second = asker.http2(addr, request).unwrap();
        for response in [first, second] {
            assert_eq!(
                message(&query, &response).answer_lines(),
                ["matrix.hearth.example. 300 A 192.0.2.10"]
            );
            // Nothing but what is needed.
            let mut names: Vec<&str> = response.fields.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, ["cache-control", "content-length", "content-type"]);
        }
    }
    assert_eq!(stat(&house, "https", "queries"), 4);
    // One connection for several requests, one behind the other and both at once.
    let mut stream = asker.connect(addr, "http/1.1").unwrap();
    for _ in 0..2 {
        stream
            .write_all(&[text(&get(&query)), text(&post(&query))].concat())
            .unwrap();
        for _ in 0..2 {
            message(&query, &Response::read(&mut stream).unwrap());
        }
    }
    assert_eq!(stat(&house, "https", "accepted"), 5);
}

#[test]
fn rfc8484_s5_1_a_response_may_be_kept_as_long_as_its_smallest_ttl() {
    let upstream = Upstream::start(|query, _| {
        // The name comes with letters of mixed case.
        let name = query.qname();
        vec![Act::Send(if name.eq_ignore_ascii_case("two.example.net.") {
            let reply = query.reply().answer(&format!("{name} 70 A 198.51.100.1"));
            reply.answer(&format!("{name} 30 A 198.51.100.2"))
        } else {
            positive(query, "198.51.100.7")
        })]
    });
    let (house, authority) = house(&["https://127.0.0.1:0"], "");
    let house = house.upstream(upstream.addr);
    let daemon = house.start();
    let (addr, asker) = (daemon.encrypted("https"), authority.asker(NAME));
    let age = |name: &str, rtype: u16| {
        let query = query(name, rtype);
        let response = asker.http1(addr, &text(&get(&query))).unwrap();
        message(&query, &response);
        response.field("cache-control").unwrap().to_owned()
    };
    assert_eq!(age("matrix.hearth.example.", rtype::A), "max-age=300");
    assert_eq!(age("two.example.net.", rtype::A), "max-age=30");
    // RFC 2308, 5: the SOA's TTL is 300, its MINIMUM 60.
    assert_eq!(age("nowhere.hearth.example.", rtype::A), "max-age=60");
    assert_eq!(age("mail.hearth.example.", rtype::AAAA), "max-age=60");
    // A refusal is nothing to keep.
    assert_eq!(age("hearth.example.", 252), "max-age=0");
}

#[test]
fn what_is_no_query_is_answered_with_its_4xx_and_dns_errors_with_200() {
    let (house, authority) = house(&["https://127.0.0.1:0"], "");
    let daemon = house.start();
    let (addr, asker) = (daemon.encrypted("https"), authority.asker(NAME));
    let query = query("matrix.hearth.example.", rtype::A);
    let good = data_encoding::BASE64URL_NOPAD.encode(&query.encode());
    let request = |method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]| {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://{NAME}{target}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(body.to_vec()).unwrap()
    };
    let dns = &[("content-type", "application/dns-message")][..];
    let large = vec![0; 4097];
    for (status, request) in [
        (400, request("GET", "/dns-query", &[], b"")),
        (400, request("GET", &format!("/dns-query?dns={good}=="), &[], b"")),
        (400, request("GET", "/dns-query?dns=AAAA", &[], b"")),
        (400, request("POST", "/dns-query", dns, b"too short")),
        (404, request("GET", &format!("/nothing?dns={good}"), &[], b"")),
        (404, request("GET", &format!("/dns-query/?dns={good}"), &[], b"")),
        (
            404,
            request("GET", "/dns-query/%2e%2e/%2e%2e/etc/passwd", &[], b""),
        ),
        (405, request("PUT", "/dns-query", dns, &query.encode())),
        (405, request("HEAD", "/dns-query", &[], b"")),
        (413, request("POST", "/dns-query", dns, &large)),
        (
            414,
            request("GET", &format!("/dns-query?dns={}", "A".repeat(6200)), &[], b""),
        ),
        (
            415,
            request(
                "POST",
                "/dns-query",
                &[("content-type", "text/plain")],
                &query.encode(),
            ),
        ),
        (415, request("POST", "/dns-query", &[], &query.encode())),
    ] {
        let shown = format!("{} {}", request.method(), request.uri());
        if request.method() != "HEAD" {
            let first = asker.http1(addr, &text(&request)).unwrap();
            assert_eq!(first.status, status, "HTTP/1.1 {shown}");
        }
        let second = asker.http2(addr, request).unwrap();
        assert_eq!(second.status, status, "HTTP/2 {shown}");
        let allowed = second.field("allow");
        assert_eq!(allowed, (status == 405).then_some("GET, POST"), "{shown}");
    }
    // A header that is too large, by its bytes and by its fields.
    let fields: String = (0..65).map(|n| format!("x{n}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(16_384));
    for fields in [fields, long] {
        let request = format!("GET /dns-query?dns={good} HTTP/1.1\r\n{fields}\r\n");
        let response = asker.http1(addr, request.as_bytes()).unwrap();
        assert_eq!(response.status, 431);
    }
    let long = request("GET", "/dns-query", &[("x", &"y".repeat(17_000))], b"");
    assert_eq!(asker.http2(addr, long).unwrap().status, 431);

    // Errors of DNS are no errors of HTTP, and any Accept will do.
    for (rcode, bytes) in [
        (rcode::NXDOMAIN, self::query("nowhere.hearth.example.", rtype::A)),
        (rcode::REFUSED, self::query("hearth.example.", 252)),
    ] {
        for accept in ["*/*", "text/html", "application/dns-message"] {
            let mut request = post(&bytes);
            request.headers_mut().insert("accept", accept.parse().unwrap());
            let response = asker.http2(addr, request).unwrap();
            assert_eq!(message(&bytes, &response).rcode, rcode);
        }
    }
    let mut malformed = query.encode();
    malformed.push(0);
    let request = request("POST", "/dns-query", dns, &malformed);
    let response = asker.http2(addr, request).unwrap();
    assert_eq!(
        (response.status, Message::decode(&response.body).unwrap().rcode),
        (200, rcode::FORMERR)
    );
    assert!(stat(&house, "https", "too-large") >= 6);
    assert!(stat(&house, "https", "bad-request") >= 16);
}

#[test]
fn rfc8467_s4_1_replies_to_padded_queries_are_padded_where_nobody_sees_their_text() {
    let (house, authority) = house(&["tls://127.0.0.1:0", "https://127.0.0.1:0"], "");
    let daemon = house.start();
    let asker = authority.asker(NAME);
    let bare = query("matrix.hearth.example.", rtype::A);
    let mut padded = bare.clone();
    padded.edns.as_mut().unwrap().options.push((12, vec![0; 20]));
    let length = |query: &Message| {
        let tls = asker.tls(daemon.encrypted("tls"), &[query.encode()]).unwrap();
        let https = asker.http2(daemon.encrypted("https"), post(query)).unwrap();
        message(query, &https);
        (tls[0].len(), https.body.len())
    };
    assert_eq!(length(&padded), (468, 468));
    let (tls, https) = length(&bare);
    assert!(tls < 100 && https < 100, "{tls} {https}");
    assert!(
        daemon
            .client()
            .raw(&padded.encode(), support::DEADLINE)
            .unwrap()
            .len()
            < 100
    );
}

// ---- all of them

const ALL: &[&str] = &[
    "tls://127.0.0.1:0",
    "https://127.0.0.1:0",
    "quic://127.0.0.1:0",
    "h3://127.0.0.1:0",
];

/// The reply over each transport: plain TCP first, then every encrypted one.
fn over_all(daemon: &Daemon, asker: &Asker, query: &Message) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = [query.encode()];
    let mut stream = daemon.client().stream();
    stream.send(&bytes[0]);
    let of = |mut replies: Vec<Vec<u8>>| replies.pop().unwrap();
    let https = daemon.encrypted("https");
    let body = |response: Result<Response, String>| {
        let response = response.unwrap();
        message(query, &response);
        response.body
    };
    vec![
        ("tcp", stream.receive().unwrap()),
        ("tls", of(asker.tls(daemon.encrypted("tls"), &bytes).unwrap())),
        ("http/1.1 post", body(asker.http1(https, &text(&post(query))))),
        ("http/1.1 get", body(asker.http1(https, &text(&get(query))))),
        ("http/2 post", body(asker.http2(https, post(query)))),
        ("http/2 get", body(asker.http2(https, get(query)))),
        ("quic", of(asker.doq(daemon.encrypted("quic"), &bytes).unwrap())),
        (
            "http/3 post",
            body(asker.http3(daemon.encrypted("h3"), post(query))),
        ),
        (
            "http/3 get",
            body(asker.http3(daemon.encrypted("h3"), get(query))),
        ),
    ]
}

#[test]
fn the_answer_is_the_same_over_every_transport() {
    let upstream = Upstream::start(|query, _| {
        vec![Act::Send(
            query
                .reply()
                .answer(&format!("{} 300 A 198.51.100.7", query.qname())),
        )]
    });
    let (house, authority) = house(ALL, "cache: {max_ttl: 300}\n");
    let house = house.upstream(upstream.addr);
    let daemon = house.start();
    let asker = authority.asker(NAME);
    for (name, rtype, rcode, answers) in [
        ("matrix.hearth.example.", rtype::A, rcode::NOERROR, 1),
        ("www2.hearth.example.", rtype::A, rcode::NOERROR, 3),
        ("nowhere.hearth.example.", rtype::A, rcode::NXDOMAIN, 0),
        ("mail.hearth.example.", rtype::AAAA, rcode::NOERROR, 0),
        // 120 records are more than any datagram takes.
        ("big.big.example.", rtype::A, rcode::NOERROR, 120),
    ] {
        let query = query(name, rtype);
        let replies = over_all(&daemon, &asker, &query);
        let first = sound_reply(&query, &replies[0].1);
        assert_eq!((first.rcode, first.answers.len()), (rcode, answers), "{name}");
        assert!(!first.tc);
        for (transport, reply) in &replies {
            assert_eq!(reply, &replies[0].1, "{name} over {transport}");
        }
    }
    // From upstream: each transport asks for a name of its own, and then for one that is known already.
    let fresh: Vec<Message> = (0..9)
        .map(|n| query(&format!("n{n}.example.net."), rtype::A))
        .collect();
    for query in fresh.iter().chain(&fresh[..1]) {
        for (transport, reply) in over_all(&daemon, &asker, query) {
            let reply = sound_reply(query, &reply);
            assert_eq!(
                (reply.rcode, reply.answers.len()),
                (rcode::NOERROR, 1),
                "{transport}"
            );
        }
    }
    assert_eq!(upstream.seen().len(), 9, "each name is asked for once");
    for (transport, queries) in [("tcp", 15), ("tls", 15), ("https", 60), ("quic", 15), ("h3", 30)] {
        assert_eq!(stat(&house, transport, "queries"), queries, "{transport}");
    }
}

#[test]
fn who_expects_another_name_or_authority_refuses_over_every_transport() {
    let (house, authority) = house(ALL, "");
    let daemon = house.start();
    let query = query("matrix.hearth.example.", rtype::A);
    for asker in [authority.asker("other.example"), Authority::new().asker(NAME)] {
        let bytes = [query.encode()];
        for error in [
            asker.tls(daemon.encrypted("tls"), &bytes).map(drop),
            asker
                .http1(daemon.encrypted("https"), &text(&get(&query)))
                .map(drop),
            asker.http2(daemon.encrypted("https"), get(&query)).map(drop),
            asker.doq(daemon.encrypted("quic"), &bytes).map(drop),
            asker.http3(daemon.encrypted("h3"), get(&query)).map(drop),
        ] {
            let error = error.unwrap_err();
            assert!(error.to_lowercase().contains("certificate"), "{error}");
        }
    }
    for transport in ["tls", "https", "quic", "h3"] {
        assert_eq!(stat(&house, transport, "queries"), 0);
    }
}

#[test]
fn who_may_not_ask_is_refused_over_every_transport() {
    let (house, authority) = house(ALL, "clients: [192.0.2.0/24]\n");
    let daemon = house.start();
    let query = query("matrix.hearth.example.", rtype::A);
    // What a client says of where it comes from is not believed.
    let mut forwarded = get(&query);
    forwarded
        .headers_mut()
        .insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    forwarded
        .headers_mut()
        .insert("forwarded", "for=192.0.2.1".parse().unwrap());
    let asker = authority.asker(NAME);
    let response = asker.http2(daemon.encrypted("https"), forwarded).unwrap();
    assert_eq!(message(&query, &response).rcode, rcode::REFUSED);
    for (transport, reply) in over_all(&daemon, &asker, &query) {
        assert_eq!(sound_reply(&query, &reply).rcode, rcode::REFUSED, "{transport}");
    }
}

#[test]
fn what_was_received_is_answered_before_the_end() {
    let upstream = Upstream::start(|query, _| {
        vec![
            Act::Wait(std::time::Duration::from_millis(600)),
            Act::Send(positive(query, "198.51.100.7")),
        ]
    });
    let (house, authority) = house(ALL, "");
    let house = house.upstream(upstream.addr);
    let mut daemon = house.start();
    let asker = authority.asker(NAME);
    let query = query("slow.example.net.", rtype::A);
    let bytes = [query.encode()];
    let [tls, https, quic, h3] = ["tls", "https", "quic", "h3"].map(|transport| daemon.encrypted(transport));
    // Connections that ask nothing are no reason to wait.
    let idle = [
        asker.connect(tls, "dot").unwrap(),
        asker.connect(https, "h2").unwrap(),
    ];
    std::thread::scope(|scope| {
        let (asker, query, bytes) = (&asker, &query, &bytes);
        let body = |response: Result<Response, String>| response.map(|response| response.body);
        let one = |replies: Result<Vec<Vec<u8>>, String>| replies.map(|mut replies| replies.remove(0));
        let threads = [
            ("tls", scope.spawn(move || one(asker.tls(tls, bytes)))),
            (
                "http/1.1",
                scope.spawn(move || body(asker.http1(https, &text(&get(query))))),
            ),
            (
                "http/2",
                scope.spawn(move || body(asker.http2(https, get(query)))),
            ),
            ("quic", scope.spawn(move || one(asker.doq(quic, bytes)))),
            ("http/3", scope.spawn(move || body(asker.http3(h3, get(query))))),
        ];
        let end = std::time::Instant::now() + support::DEADLINE;
        let asked = |transport| stat(&house, transport, "queries");
        while [asked("tls"), asked("https"), asked("quic"), asked("h3")] != [1, 2, 1, 1] {
            assert!(std::time::Instant::now() < end, "not every query has arrived");
        }
        assert!(daemon.process.terminate().success());
        for (transport, thread) in threads {
            let reply = thread.join().unwrap();
            let reply = reply.unwrap_or_else(|error| panic!("no reply over {transport}: {error}"));
            assert_eq!(sound_reply(query, &reply).answers.len(), 1, "{transport}");
        }
    });
    drop(idle);
}

// ---- DNS over QUIC

/// Writes bytes to a new stream, ends it, and says what came of it: a reply, or the error's number.
fn doq_raw(asker: &Asker, daemon: &Daemon, streams: Vec<Vec<u8>>) -> Result<Vec<u8>, String> {
    asker.quic(daemon.encrypted("quic"), "doq", |connection| async move {
        let (mut send, mut receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
        for part in streams {
            send.write_all(&part).await.ok();
        }
        send.finish().ok();
        receive.read_to_end(70_000).await.map_err(|error| match error {
            quinn::ReadToEndError::Read(quinn::ReadError::Reset(code)) => format!("stream {code}"),
            quinn::ReadToEndError::Read(quinn::ReadError::ConnectionLost(
                quinn::ConnectionError::ApplicationClosed(close),
            )) => format!("connection {}", close.error_code),
            error => format!("{error:?}"),
        })
    })
}

#[test]
fn rfc9250_s4_3_what_breaks_the_protocol_ends_the_connection() {
    let (house, authority) = house(&["quic://127.0.0.1:0"], "");
    let daemon = house.start();
    let asker = authority.asker(NAME);
    let good = query("matrix.hearth.example.", rtype::A);
    let mut keepalive = good.clone();
    keepalive.edns.as_mut().unwrap().options.push((11, Vec::new()));
    let mut reply = good.encode();
    reply[2] |= 0x80;
    let framed = |message: &[u8]| vec![framed(message)];
    let protocol_error = Err("connection 2".to_owned());
    for (what, streams) in [
        (
            "an id",
            framed(&Message::query("matrix.hearth.example.", rtype::A).encode()),
        ),
        ("a keepalive", framed(&keepalive.encode())),
        ("a reply", framed(&reply)),
        (
            "two messages",
            [framed(&good.encode()), framed(&good.encode())].concat(),
        ),
        ("half a message", vec![framed(&good.encode())[0][..20].to_vec()]),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(doq_raw(&asker, &daemon, streams), protocol_error, "{what}");
    }
    let large = doq_raw(&asker, &daemon, framed(&vec![0; 5000]));
    assert_eq!(large, Err("stream 4".to_owned()), "DOQ_EXCESSIVE_LOAD");
    // FORMERR is an answer like any other.
    let mut malformed = good.encode();
    malformed.push(0);
    let reply = doq_raw(&asker, &daemon, framed(&malformed)).unwrap();
    assert_eq!(Message::decode(&reply[2..]).unwrap().rcode, rcode::FORMERR);
    assert_eq!(stat(&house, "quic", "bad-request"), 6);
    assert_eq!(stat(&house, "quic", "too-large"), 1);
}

#[test]
fn rfc9250_s4_2_many_queries_on_one_connection_are_answered_each() {
    let (house, authority) = house(&["quic://127.0.0.1:0"], "");
    let daemon = house.start();
    let query = query("matrix.hearth.example.", rtype::A);
    let queries = vec![query.encode(); 200];
    let replies = authority
        .asker(NAME)
        .doq(daemon.encrypted("quic"), &queries)
        .unwrap();
    assert_eq!(replies.len(), 200);
    for reply in replies {
        assert_eq!(sound_reply(&query, &reply).answers.len(), 1);
    }
    assert_eq!(stat(&house, "quic", "accepted"), 1);
}

// ---- HTTP/3

#[test]
fn http_3_has_the_same_responses_as_http_2() {
    let (house, authority) = house(ALL, "");
    let daemon = house.start();
    let asker = authority.asker(NAME);
    let query = query("matrix.hearth.example.", rtype::A);
    let request = |method: &str, target: &str, body: &[u8]| {
        http::Request::builder()
            .method(method)
            .uri(format!("https://{NAME}{target}"))
            .header("content-type", "application/dns-message")
            .body(body.to_vec())
            .unwrap()
    };
    for request in [
        post(&query),
        get(&query),
        request("GET", "/dns-query", b""),
        request("GET", "/", b""),
        request("PUT", "/dns-query", &query.encode()),
        request("HEAD", "/dns-query", b""),
        request("POST", "/dns-query", &vec![0; 4097]),
        request("POST", "/dns-query", b"short"),
        request("GET", &format!("/dns-query?dns={}", "A".repeat(6200)), b""),
    ] {
        let shown = format!("{} {}", request.method(), request.uri());
        let over_2 = asker.http2(daemon.encrypted("https"), request.clone()).unwrap();
        let over_3 = asker.http3(daemon.encrypted("h3"), request).unwrap();
        assert_eq!(over_3, over_2, "{shown}");
    }
    let mut long = get(&query);
    long.headers_mut()
        .insert("x", "y".repeat(17_000).parse().unwrap());
    // h3 answers with 431, or the stream ends at its bound, whichever comes first.
    match asker.http3(daemon.encrypted("h3"), long) {
        Ok(response) => assert_eq!(response.status, 431),
        Err(error) => assert!(!error.contains("nothing within"), "{error}"),
    }
    // The daemon is as it was.
    let response = asker.http3(daemon.encrypted("h3"), get(&query)).unwrap();
    assert_eq!(message(&query, &response).answers.len(), 1);
}
