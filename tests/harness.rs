//! The tests' own tools, tested: a client or an upstream that is wrong would pass what is wrong.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::wire::{Edns, hex, unhex};
use support::{Act, Client, Message, Record, Transport, Upstream, rcode, rtype};

fn of(upstream: &Upstream) -> Client {
    Client::new(upstream.addr, upstream.addr)
}

#[test]
fn a_message_is_read_back_as_it_was_written() {
    let mut message = Message::query("MaTrix.Hearth.Example.", rtype::SRV).reply();
    message = message
        .answer("a\\.b.example. 300 A 192.0.2.1")
        .answer("\\007x.example. 300 AAAA 2001:db8::1")
        .answer("example. 1 SOA ns.example. h.example. 1 2 3 4 5")
        .answer("example. 1 MX 10 mail.example.")
        .answer("example. 1 SRV 1 2 3 t.example.")
        .answer("example. 1 TXT \"a\" \"b\"")
        .authority("example. 1 NS ns.example.")
        .additional("example. 1 TYPE65280 \\# abcdef");
    message.rcode = rcode::BADVERS;
    message.edns = Some(Edns {
        payload: 4096,
        version: 1,
        dnssec_ok: true,
        options: vec![(15, b"\0\x12why".to_vec())],
    });
    let bytes = message.encode();
    message.size = bytes.len();
    assert_eq!(Message::decode(&bytes).unwrap(), message);
    assert_eq!(message.answer_lines()[0], "\\007x.example. 300 AAAA 2001:db8::1");
    assert_eq!(
        message.edns.unwrap().extended_error(),
        Some((18, "why".to_owned()))
    );
    for len in 0..bytes.len() {
        assert!(Message::decode(&bytes[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn compressed_names_are_read_and_pointers_forward_are_not() {
    let header = "0001 8180 0001 0001 0000 0000";
    let question = "0161 0162 00 0005 0001";
    // The owner points to the question; the target is `c` below the question's `b`.
    let record = "c00c 0005 0001 0000012c 0004 0163 c00e";
    let message = Message::decode(&unhex(&[header, question, record].concat())).unwrap();
    assert_eq!(message.answer_lines(), ["a.b. 300 CNAME c.b."]);
    assert_eq!(hex(&message.answers[0].rdata), "0163016200");
    let forward = "c020 0001 0001 0000012c 0004 01020304";
    let error = Message::decode(&unhex(&[header, question, forward].concat())).unwrap_err();
    assert!(error.contains("forward"), "{error}");
}

#[test]
fn the_upstream_plays_its_script_and_remembers() {
    let upstream = Upstream::start(|query, transport| match (query.qname(), transport) {
        ("silent.test.", _) => Vec::new(),
        ("late.test.", _) => vec![
            Act::Wait(Duration::from_millis(30)),
            Act::Send(query.reply().answer("late.test. 5 A 192.0.2.9")),
        ],
        ("big.test.", Transport::Udp) => {
            let mut reply = query.reply();
            reply.tc = true;
            vec![Act::Send(reply)]
        }
        ("elsewhere.test.", _) => vec![Act::SendFromElsewhere(query.reply())],
        ("closed.test.", _) => vec![Act::Close],
        ("raw.test.", _) => vec![Act::Raw(vec![1, 2, 3])],
        _ => vec![Act::Send(query.reply().code(rcode::NXDOMAIN))],
    });
    let client = of(&upstream);
    assert_eq!(
        client.ask("late.test.", rtype::A).answer_lines(),
        ["late.test. 5 A 192.0.2.9"]
    );
    assert!(client.ask("big.test.", rtype::A).tc);
    assert!(!client.ask_tcp("big.test.", rtype::A).tc);
    assert_eq!(client.ask("other.test.", rtype::A).rcode, rcode::NXDOMAIN);
    assert!(client.is_ignored(&Message::query("silent.test.", rtype::A).encode()));
    assert!(client.is_ignored(&Message::query("elsewhere.test.", rtype::A).encode()));
    let raw = client.raw(&Message::query("raw.test.", rtype::A).encode(), support::DEADLINE);
    assert_eq!(raw.unwrap(), [1, 2, 3]);
    let mut stream = client.stream();
    stream.send(&Message::query("closed.test.", rtype::A).encode());
    assert_eq!(stream.receive(), None);
    let seen = upstream.wait_for("late.test.", |seen| seen.query.qname() == "late.test.");
    assert_eq!(seen.transport, Transport::Udp);
    assert_eq!(upstream.count("BIG.test."), 2);
    assert_eq!(upstream.names_below("late.TEST."), ["late.test. A"]);
    assert_eq!(upstream.names_below("ate.test."), [""; 0]);
    assert_eq!(Record::new("a. 1 A 192.0.2.1").to_string(), "a. 1 A 192.0.2.1");
}
