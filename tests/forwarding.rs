//! What happens to questions that go upstream: what upstream said arrives as upstream said it, lies are not
//! believed, failures go to the next upstream, and nothing is asked twice without need.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::sample::HEARTH;
use support::upstream::positive;
use support::wire::Edns;
use support::{Act, Daemon, House, Message, Transport, Upstream, rcode, rtype};

const SOA: &str = "example.net. 900 SOA ns.example.net. h.example.net. 1 1800 900 604800 300";

fn in_front_of(upstream: &Upstream) -> (House, Daemon) {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    (house, daemon)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An upstream that plays one reply for everything, whatever the transport.
fn saying(reply: impl Fn(&Message) -> Message + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |query, _| vec![Act::Send(reply(query))])
}

#[test]
fn an_answer_arrives_as_upstream_said_it() {
    let upstream = saying(|query| {
        query
            .reply()
            .answer(&format!("{} 300 CNAME Other.Example.NET.", query.qname()))
            .answer("Other.Example.NET. 77 A 198.51.100.1")
            .answer("Other.Example.NET. 77 A 198.51.100.2")
            .authority("example.net. 900 NS ns.example.net.")
            .additional("ns.example.net. 900 A 198.51.100.53")
    });
    let (_house, daemon) = in_front_of(&upstream);
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::NOERROR);
    // Compression may fold the case of what stands in the question already (RFC 4343, 4.1); of the rest it may not.
    assert!(
        reply.answer_lines().iter().all(|line| line.contains("Other.")),
        "{reply:?}"
    );
    let lower: Vec<String> = reply
        .answer_lines()
        .iter()
        .map(|line| line.to_lowercase())
        .collect();
    assert_eq!(
        lower,
        [
            "other.example.net. 77 a 198.51.100.1",
            "other.example.net. 77 a 198.51.100.2",
            "www.example.net. 300 cname other.example.net."
        ]
    );
    assert_eq!(reply.authority_lines(), ["example.net. 900 NS ns.example.net."]);
    assert_eq!(reply.additional_lines(), ["ns.example.net. 900 A 198.51.100.53"]);
    assert!(reply.ra && !reply.aa && !reply.ad);
}

#[test]
fn rfc3597_s3_unknown_types_pass() {
    let upstream = saying(|query| {
        query
            .reply()
            .answer("odd.example.net. 60 TYPE65280 \\# c00c0001ff")
    });
    let (_house, daemon) = in_front_of(&upstream);
    let reply = daemon.ask("odd.example.net.", 65280);
    assert_eq!(
        reply.answer_lines(),
        ["odd.example.net. 60 TYPE65280 \\# c00c0001ff"]
    );
    assert_eq!(upstream.seen()[0].query.qtype(), 65280);
}

#[test]
fn rfc2308_s2_negative_answers_keep_alias_and_soa() {
    for code in [rcode::NXDOMAIN, rcode::NOERROR] {
        let upstream = saying(move |query| {
            query
                .reply()
                .code(code)
                .answer("alias.example.net. 300 CNAME nowhere.example.net.")
                .authority(SOA)
        });
        let (_house, daemon) = in_front_of(&upstream);
        for round in ["asked", "cached"] {
            let reply = daemon.ask("alias.example.net.", rtype::A);
            assert_eq!(reply.rcode, code, "{round}: {reply:?}");
            assert_eq!(reply.answers.len(), 1, "{round}: {reply:?}");
            assert_eq!(reply.authorities.len(), 1, "{round}: {reply:?}");
            assert!(
                reply.answers[0]
                    .to_string()
                    .ends_with("CNAME nowhere.example.net."),
                "{reply:?}"
            );
        }
    }
}

#[test]
fn rfc8914_extended_errors_and_codes_pass() {
    for code in [rcode::SERVFAIL, rcode::REFUSED, rcode::NOTIMP, rcode::YXDOMAIN] {
        let upstream = saying(move |query| {
            let mut reply = query.reply().code(code);
            if let Some(edns) = &mut reply.edns {
                edns.options.push((15, b"\x00\x06bogus today".to_vec()));
            }
            reply
        });
        let (_house, daemon) = in_front_of(&upstream);
        let reply = daemon.ask("broken.example.net.", rtype::A);
        assert_eq!(reply.rcode, code, "{reply:?}");
        assert_eq!(
            reply.edns.unwrap().extended_error(),
            Some((6, "bogus today".to_owned())),
            "code {code}"
        );
    }
}

#[test]
fn rfc6840_s5_7_authenticated_data_passes_to_who_asks_for_it() {
    let upstream = saying(|query| {
        let mut reply = positive(query, "198.51.100.7");
        reply.ad = true;
        reply
    });
    let (_house, daemon) = in_front_of(&upstream);
    let mut query = Message::query("secure.example.net.", rtype::A).with_edns(1232);
    query.ad = true;
    assert!(daemon.client().exchange(&query).ad);
    query = Message::query("secure2.example.net.", rtype::A).with_edns(1232);
    query.edns.as_mut().unwrap().dnssec_ok = true;
    let reply = daemon.client().exchange(&query);
    assert!(reply.ad && reply.edns.unwrap().dnssec_ok);
    let seen = upstream.wait_for("the question with DO", |seen| {
        seen.query.qname().eq_ignore_ascii_case("secure2.example.net.")
    });
    assert!(seen.query.edns.unwrap().dnssec_ok, "DO reaches upstream");
    query = Message::query("secure3.example.net.", rtype::A).with_edns(1232);
    query.cd = true;
    assert!(daemon.client().exchange(&query).cd);
    assert!(
        upstream.seen().last().unwrap().query.cd,
        "CD reaches upstream (RFC 4035, 3.2.2)"
    );
}

/// An RRSIG of the right shape: A, algorithm 13, 3 labels, times, key tag, signer `example.net.`, a signature.
const SIGNATURE: &str = "s.example.net. 300 TYPE46 \\# 00010d03 0000012c 70000000 60000000 1234 \
    07 6578616d706c65 03 6e6574 00 aabbccdd";

#[test]
fn what_was_asked_with_do_is_not_served_to_who_asked_without() {
    let upstream = saying(|query| {
        let reply = query.reply().answer("s.example.net. 300 A 198.51.100.7");
        match &query.edns {
            Some(Edns { dnssec_ok: true, .. }) => reply.answer(SIGNATURE),
            _ => reply,
        }
    });
    let (_house, daemon) = in_front_of(&upstream);
    let mut with = Message::query("s.example.net.", rtype::A).with_edns(1232);
    with.edns.as_mut().unwrap().dnssec_ok = true;
    assert_eq!(daemon.client().exchange(&with).answers.len(), 2);
    assert_eq!(daemon.ask("s.example.net.", rtype::A).answers.len(), 1);
    with.id = support::wire::fresh_id();
    assert_eq!(daemon.client().exchange(&with).answers.len(), 2);
}

#[test]
fn an_answer_is_kept_and_grows_old() {
    let upstream = Upstream::answering("198.51.100.7");
    let (_house, daemon) = in_front_of(&upstream);
    assert_eq!(daemon.ask("www.example.net.", rtype::A).answers[0].ttl, 300);
    let end = Instant::now() + support::DEADLINE;
    let older = loop {
        let reply = daemon.ask("WWW.example.net.", rtype::A);
        assert_eq!(reply.answers.len(), 1, "{reply:?}");
        if reply.answers[0].ttl < 300 {
            break reply;
        }
        assert!(Instant::now() < end, "the TTL does not fall");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(older.answers[0].ttl >= 270, "{older:?}");
    assert_eq!(
        upstream.count("www.example.net."),
        1,
        "asked once, whatever the case"
    );
    assert_eq!(
        daemon
            .client()
            .ask_tcp("www.example.net.", rtype::A)
            .answers
            .len(),
        1
    );
    assert_eq!(
        upstream.count("www.example.net."),
        1,
        "TCP is answered from the same cache"
    );
    daemon.ask("www.example.net.", rtype::AAAA);
    assert_eq!(
        upstream.count("www.example.net."),
        2,
        "another type is another question"
    );
}

#[test]
fn an_answer_is_kept_no_longer_than_its_ttl() {
    let upstream = saying(|query| query.reply().answer("short.example.net. 1 A 198.51.100.7"));
    let (_house, daemon) = in_front_of(&upstream);
    daemon.ask("short.example.net.", rtype::A);
    let end = Instant::now() + support::DEADLINE;
    while upstream.count("short.example.net.") < 2 {
        let reply = daemon.ask("short.example.net.", rtype::A);
        assert_eq!(reply.answers.len(), 1);
        assert!(reply.answers[0].ttl <= 1, "{reply:?}");
        assert!(Instant::now() < end, "an answer of one second is served for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn rfc2308_s5_negative_answers_are_kept_only_with_a_soa() {
    let upstream = saying(|query| {
        let reply = query.reply().code(rcode::NXDOMAIN);
        if query.qname().to_ascii_lowercase().starts_with("with.") {
            reply.authority(SOA)
        } else {
            reply
        }
    });
    let (_house, daemon) = in_front_of(&upstream);
    for _ in 0..3 {
        let reply = daemon.ask("with.example.net.", rtype::A);
        assert_eq!(reply.rcode, rcode::NXDOMAIN);
        assert!(reply.authorities[0].ttl <= 900, "{reply:?}");
        assert_eq!(
            daemon.ask("without.example.net.", rtype::A).rcode,
            rcode::NXDOMAIN
        );
    }
    assert_eq!(
        (
            upstream.count("with.example.net."),
            upstream.count("without.example.net.")
        ),
        (1, 3)
    );
}

#[test]
fn flush_forgets() {
    let upstream = Upstream::answering("198.51.100.7");
    let (house, daemon) = in_front_of(&upstream);
    daemon.ask("a.example.net.", rtype::A);
    daemon.ask("b.example.net.", rtype::A);
    house.dnsctl(&["flush", "a.example.net."]).ok();
    daemon.ask("a.example.net.", rtype::A);
    daemon.ask("b.example.net.", rtype::A);
    assert_eq!(
        (upstream.count("a.example.net."), upstream.count("b.example.net.")),
        (2, 1)
    );
    house.dnsctl(&["flush"]).ok();
    daemon.ask("b.example.net.", rtype::A);
    assert_eq!(upstream.count("b.example.net."), 2);
}

#[test]
fn equal_questions_at_once_are_asked_once() {
    let upstream = Upstream::start(|query, _| {
        vec![
            Act::Wait(Duration::from_millis(300)),
            Act::Send(positive(query, "198.51.100.7")),
        ]
    });
    let (_house, daemon) = in_front_of(&upstream);
    let sockets: Vec<UdpSocket> = (0..20).map(|_| daemon.client().socket()).collect();
    let queries: Vec<Message> = (0..20)
        .map(|_| Message::query("www.example.net.", rtype::A))
        .collect();
    for (socket, query) in sockets.iter().zip(&queries) {
        socket.send(&query.encode()).unwrap();
    }
    for (socket, query) in sockets.iter().zip(&queries) {
        let bytes =
            support::client::receive(socket, support::DEADLINE).expect("a reply for each of the askers");
        assert_eq!(support::client::sound_reply(query, &bytes).answers.len(), 1);
    }
    assert_eq!(upstream.count("www.example.net."), 1);
}

#[test]
fn another_upstream_answers_where_the_first_fails() {
    let good = Upstream::answering("198.51.100.7");
    let failing: Vec<(&str, Upstream)> = vec![
        ("SERVFAIL", Upstream::failing(rcode::SERVFAIL)),
        ("REFUSED", Upstream::failing(rcode::REFUSED)),
        ("FORMERR", Upstream::failing(rcode::FORMERR)),
        ("NOTIMP", Upstream::failing(rcode::NOTIMP)),
        ("silence", Upstream::silent()),
        (
            "garbage",
            Upstream::start(|_, _| vec![Act::Raw(b"garbage".to_vec())]),
        ),
    ];
    for (what, bad) in &failing {
        let house = House::new().upstreams(&[bad.addr, good.addr]);
        let daemon = house.start();
        for n in 0..3 {
            let reply = daemon.ask(&format!("n{n}.example.net."), rtype::A);
            assert_eq!(
                (reply.rcode, reply.answers.len()),
                (rcode::NOERROR, 1),
                "first upstream: {what}"
            );
        }
        good.forget();
    }
    let house = House::new().upstreams(&[nobody(), good.addr]);
    let daemon = house.start();
    let start = Instant::now();
    assert_eq!(daemon.ask("www.example.net.", rtype::A).answers.len(), 1);
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "nobody listens there, and that is known at once"
    );
}

#[test]
fn a_name_error_is_an_answer_and_not_a_failure() {
    let first = saying(|query| query.reply().code(rcode::NXDOMAIN).authority(SOA));
    let second = Upstream::answering("198.51.100.7");
    let house = House::new().upstreams(&[first.addr, second.addr]);
    let daemon = house.start();
    for n in 0..5 {
        let reply = daemon.ask(&format!("n{n}.example.net."), rtype::A);
        // Whichever was asked: its answer stands.
        assert!(
            matches!((reply.rcode, reply.answers.len()), (3, 0) | (0, 1)),
            "{reply:?}"
        );
    }
    assert_eq!(
        first.seen().len() + second.seen().len(),
        5,
        "each question went to one of them"
    );
}

#[test]
fn with_no_upstream_left_the_answer_is_servfail() {
    for upstreams in [vec![nobody()], vec![nobody(), nobody()]] {
        let house = House::new().zone("hearth.example", HEARTH).upstreams(&upstreams);
        let daemon = house.start();
        let start = Instant::now();
        let reply = daemon.ask("www.example.net.", rtype::A);
        assert_eq!(reply.rcode, rcode::SERVFAIL, "{reply:?}");
        assert!(
            start.elapsed() < Duration::from_secs(8),
            "after {:?}",
            start.elapsed()
        );
        assert_eq!(
            daemon.ask("matrix.hearth.example.", rtype::A).answers.len(),
            1,
            "our own zones go on"
        );
    }
    let silent = Upstream::silent();
    let house = House::new().upstream(silent.addr);
    let daemon = house.start();
    let start = Instant::now();
    assert_eq!(daemon.ask("www.example.net.", rtype::A).rcode, rcode::SERVFAIL);
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "after {:?}",
        start.elapsed()
    );
}

#[test]
fn rfc7766_s5_a_truncated_answer_is_fetched_over_tcp() {
    let upstream = Upstream::start(|query, transport| match transport {
        Transport::Udp => {
            let mut reply = query.reply();
            reply.tc = true;
            vec![Act::Send(reply)]
        }
        _ => {
            let many = (0..200).fold(query.reply(), |reply, n| {
                reply.answer(&format!("{} 300 A 198.51.100.{n}", query.qname()))
            });
            vec![Act::Send(many)]
        }
    });
    let (_house, daemon) = in_front_of(&upstream);
    let small = daemon.ask("big.example.net.", rtype::A);
    assert!(small.tc && small.size <= 1232, "{small:?}");
    let whole = daemon.client().ask_tcp("big.example.net.", rtype::A);
    assert_eq!((whole.tc, whole.answers.len()), (false, 200));
    let over_tcp = upstream
        .seen()
        .iter()
        .filter(|seen| seen.transport == Transport::Tcp)
        .count();
    assert_eq!(over_tcp, 1, "the second was answered from the cache");
}

#[test]
fn an_answer_may_be_as_large_as_a_message() {
    let upstream = saying(|query| {
        (0..250).fold(query.reply(), |reply, n| {
            let text = format!("\"{n:0>250}\"");
            reply.answer(&format!("{} 300 TXT {text}", query.qname()))
        })
    });
    // UDP carries that too on loopback, but a server that offers 1,232 bytes must not be sent it: ask over TCP.
    upstream.script(|query, transport| {
        let mut reply = query.reply();
        if transport == Transport::Udp {
            reply.tc = true;
            return vec![Act::Send(reply)];
        }
        for n in 0..230 {
            reply = reply.answer(&format!("{} 300 TXT \"{n:0>250}\"", query.qname()));
        }
        vec![Act::Send(reply)]
    });
    let (_house, daemon) = in_front_of(&upstream);
    let reply = daemon.client().ask_tcp("huge.example.net.", rtype::TXT);
    assert_eq!(
        (reply.rcode, reply.tc, reply.answers.len()),
        (rcode::NOERROR, false, 230)
    );
}

#[test]
fn rfc5452_s9_1_lies_are_not_believed() {
    // The lie comes first, the truth after it: the truth must be what the client gets.
    type Lie = fn(&Message) -> Act;
    let lies: [(&str, Lie); 5] = [
        ("another id", |query| {
            let mut lie = positive(query, "203.0.113.66");
            lie.id ^= 1;
            Act::Send(lie)
        }),
        ("another name", |query| {
            let mut lie = positive(query, "203.0.113.66");
            lie.questions[0].0 = "evil.example.net.".to_owned();
            Act::Send(lie)
        }),
        ("another type", |query| {
            let mut lie = positive(query, "203.0.113.66");
            lie.questions[0].1 = rtype::TXT;
            Act::Send(lie)
        }),
        ("no question", |query| {
            let mut lie = positive(query, "203.0.113.66");
            lie.questions.clear();
            Act::Send(lie)
        }),
        ("another source", |query| {
            Act::SendFromElsewhere(positive(query, "203.0.113.66"))
        }),
    ];
    for (what, lie) in lies {
        let upstream = Upstream::start(move |query, transport| {
            let truth = Act::Send(positive(query, "198.51.100.7"));
            if transport == Transport::Tcp {
                return vec![truth];
            }
            vec![lie(query), Act::Wait(Duration::from_millis(100)), truth]
        });
        let (_house, daemon) = in_front_of(&upstream);
        let reply = daemon.ask("www.example.net.", rtype::A);
        assert_eq!(
            reply.answer_lines(),
            ["www.example.net. 300 A 198.51.100.7"],
            "the lie: {what}"
        );
    }
}

#[test]
fn rfc1035_s4_1_1_what_is_no_reply_is_not_taken_for_one() {
    // It has the id, the port and the question, so whoever sent it could have sent anything; but it is a query.
    let upstream = saying(|query| {
        let mut lie = positive(query, "203.0.113.66");
        lie.qr = false;
        lie
    });
    let (_house, daemon) = in_front_of(&upstream);
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::SERVFAIL, 0),
        "{reply:?}"
    );
}

#[test]
fn rfc5452_s9_2_ports_and_ids_cannot_be_guessed() {
    let upstream = Upstream::answering("198.51.100.7");
    let (_house, daemon) = in_front_of(&upstream);
    for n in 0..600 {
        daemon.ask(&format!("n{n:03}.example.net."), rtype::A);
    }
    let seen = upstream.seen();
    let mut ports: BTreeMap<u16, u32> = BTreeMap::new();
    for seen in &seen {
        *ports.entry(seen.from.port()).or_default() += 1;
    }
    let ids: BTreeSet<u16> = seen.iter().map(|seen| seen.query.id).collect();
    // Eight at a time, each for 64 queries.
    assert!(ports.len() > 8, "the same ports serve for ever: {ports:?}");
    assert!(
        ports.values().all(|count| *count <= 64),
        "ports wear out: {ports:?}"
    );
    let letters: BTreeSet<String> = seen
        .iter()
        .map(|seen| seen.query.qname()[5..].to_owned())
        .collect();
    assert!(letters.len() >= 40, "the letters follow a pattern: {letters:?}");
    assert!(ids.len() >= 570, "600 questions had {} ids", ids.len());
    let steps: BTreeSet<i32> = seen
        .windows(2)
        .map(|pair| i32::from(pair[1].query.id) - i32::from(pair[0].query.id))
        .collect();
    assert!(steps.len() > 500, "ids follow a step");
}

#[test]
fn a_connection_that_closes_is_no_answer() {
    let calls = AtomicUsize::new(0);
    let upstream = Upstream::start(move |query, transport| {
        let mut reply = query.reply();
        match transport {
            Transport::Udp => {
                reply.tc = true;
                vec![Act::Send(reply)]
            }
            _ if calls.fetch_add(1, Ordering::Relaxed) == 0 => vec![Act::Close],
            _ => vec![Act::Send(positive(query, "198.51.100.7"))],
        }
    });
    let (_house, daemon) = in_front_of(&upstream);
    let first = daemon.client().ask_tcp("www.example.net.", rtype::A);
    // A second try or SERVFAIL are both right; an empty answer that looks like one is not.
    assert!(
        matches!((first.rcode, first.answers.len()), (0, 1) | (2, 0)),
        "{first:?}"
    );
    assert_eq!(
        daemon
            .client()
            .ask_tcp("again.example.net.", rtype::A)
            .answers
            .len(),
        1
    );
}

#[test]
fn s4_7_outstanding_questions_are_bounded() {
    let upstream = Upstream::silent();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr)
        .config("upstream:\n  outstanding: 8\n");
    let daemon = house.start();
    let socket = daemon.client().socket();
    let queries: Vec<Message> = (0..100)
        .map(|n| Message::query(&format!("n{n}.example.net."), rtype::A))
        .collect();
    for query in &queries {
        socket.send(&query.encode()).unwrap();
    }
    let start = Instant::now();
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "local answers do not wait for upstream"
    );
    let mut open: BTreeSet<u16> = queries.iter().map(|query| query.id).collect();
    while !open.is_empty() {
        let bytes = support::client::receive(&socket, support::DEADLINE);
        let Some(bytes) = bytes else {
            panic!("{} questions were never answered", open.len())
        };
        let reply = Message::decode(&bytes).unwrap();
        assert_eq!(reply.rcode, rcode::SERVFAIL, "{reply:?}");
        open.remove(&reply.id);
    }
    // A first wave of eight; what was refused at once never went out. Retries of these may repeat a name.
    let names: BTreeSet<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.query.qname().to_lowercase())
        .collect();
    assert!(names.len() <= 16, "{} names were outstanding", names.len());
}

#[test]
fn rfc1034_s4_3_1_without_recursion_desired_nothing_is_asked() {
    let upstream = Upstream::answering("198.51.100.7");
    let (_house, daemon) = in_front_of(&upstream);
    let mut query = Message::query("www.example.net.", rtype::A);
    query.rd = false;
    let reply = daemon.client().exchange(&query);
    assert!(reply.answers.is_empty(), "{reply:?}");
    assert!(upstream.seen().is_empty());
    let mut query = Message::query("matrix.hearth.example.", rtype::A);
    query.rd = false;
    assert_eq!(
        daemon.client().exchange(&query).answers.len(),
        1,
        "our own zones answer everybody"
    );
}

#[test]
fn an_upstream_without_edns_is_asked_without() {
    let upstream = Upstream::start(|query, _| match &query.edns {
        Some(_) => {
            let mut reply = query.reply().code(rcode::FORMERR);
            reply.edns = None;
            vec![Act::Send(reply)]
        }
        None => vec![Act::Send(positive(query, "198.51.100.7"))],
    });
    let (_house, daemon) = in_front_of(&upstream);
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 1),
        "RFC 6891, 6.2.2: {reply:?}"
    );
}

#[test]
fn what_a_client_says_of_itself_stays_here() {
    let upstream = Upstream::answering("198.51.100.7");
    let (_house, daemon) = in_front_of(&upstream);
    let mut query = Message::query("www.example.net.", rtype::A);
    let subnet = b"\x00\x01\x18\x00\xc0\x00\x02".to_vec();
    let options = vec![(8, subnet), (10, b"8 bytes!".to_vec())];
    query.edns = Some(Edns {
        payload: 1232,
        version: 0,
        dnssec_ok: false,
        options,
    });
    assert_eq!(daemon.client().exchange(&query).answers.len(), 1);
    for seen in upstream.seen() {
        let options = seen.query.edns.map(|edns| edns.options).unwrap_or_default();
        assert_eq!(
            options,
            [],
            "neither subnet (RFC 7871, 11.1) nor cookie (RFC 7873) is passed on"
        );
    }
}
