//! Devices with tokens, and listeners that answer only them.

use super::*;
use crate::device::{Registry, Terms};
use crate::engine::explain::Story;

const AWAY: &str = "203.0.113.9";

/// The bearer of a known token.
fn known() -> Bearer {
    let terms = Terms {
        everything: true,
        ttl: 1,
        uses: 1,
    };
    let made = Registry::default().invite("phone", terms, 0, || 1).unwrap();
    Bearer::Device(made.device)
}

fn bearing(addr: &str, bearer: Bearer, private_only: bool) -> Client {
    Client {
        bearer,
        private_only,
        ..Client::new(addr.parse().unwrap(), Transport::Https)
    }
}

/// What a client gets: the outcome, or what would be asked; rcode and records; the reason, where one is given.
fn get(engine: &Engine, text: &str, client: Client) -> (String, Vec<String>) {
    let mut out = Vec::new();
    match engine.receive(&query(text), client, 0, &mut out) {
        Step::Reply(outcome) => {
            let reason = String::from_utf8_lossy(&out);
            for (part, word) in [
                ("not known here", "token"),
                ("own zones", "zones"),
                ("may not ask", "stranger"),
            ] {
                if reason.contains(part) {
                    return (format!("{outcome:?} {word}"), show(&out));
                }
            }
            (format!("{outcome:?}"), show(&out))
        }
        Step::Ask { question, .. } => (format!("ask {}", question.name), Vec::new()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_admits_its_bearer_from_everywhere_and_to_everything() {
    let engine = hearth();
    let refused = vec!["REFUSED ra".to_owned()];
    let away = bearing(AWAY, Bearer::Nobody, false);
    assert_eq!(
        get(&engine, "matrix.hearth.example A", away),
        ("Refused stranger".to_owned(), refused)
    );
    let phone = bearing(AWAY, known(), false);
    assert_eq!(
        get(&engine, "matrix.hearth.example A", phone),
        (
            "Local".to_owned(),
            vec![
                "NOERROR aa ra".to_owned(),
                "matrix.hearth.example. 300 A 203.0.113.10".to_owned()
            ]
        )
    );
    assert_eq!(get(&engine, "www.example.net A", phone).0, "ask www.example.net.");
}

#[test]
fn a_token_that_is_not_known_is_refused_wherever_it_comes_from() {
    let engine = hearth();
    for addr in [LAN, AWAY] {
        for private_only in [false, true] {
            let client = bearing(addr, Bearer::Unknown, private_only);
            for name in ["matrix.hearth.example A", "www.example.net A", "localhost A"] {
                assert_eq!(
                    get(&engine, name, client),
                    ("Refused token".to_owned(), vec!["REFUSED ra".to_owned()]),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_private_only_listener_answers_strangers_nothing() {
    let engine = hearth();
    for addr in [LAN, AWAY, "127.0.0.1"] {
        for name in [
            "matrix.hearth.example A",
            "nobody.hearth.example A",
            "www.example.net A",
            "localhost A",
            "www.example.net ANY",
            "printer A",
            "hearth.example AXFR",
            "hearth.example A class=3",
        ] {
            assert_eq!(
                get(&engine, name, bearing(addr, Bearer::Nobody, true)),
                ("Refused stranger".to_owned(), vec!["REFUSED ra".to_owned()]),
                "{name}"
            );
        }
    }
}

#[test]
fn a_private_only_listener_answers_devices_names_of_our_zones_and_no_other() {
    let engine = hearth();
    let phone = bearing(AWAY, known(), true);
    let records = |text: &str| {
        let (outcome, shown) = get(&engine, text, phone);
        assert_eq!(outcome, "Local", "{text}");
        shown
    };
    assert_eq!(
        records("matrix.hearth.example A"),
        ["NOERROR aa ra", "matrix.hearth.example. 300 A 203.0.113.10"]
    );
    assert_eq!(records("nobody.hearth.example A"), ["NXDOMAIN aa ra", SOA]);
    assert_eq!(
        records("matrix.over.example A"),
        ["NOERROR aa ra", "matrix.over.example. 60 A 203.0.113.30"]
    );
    assert_eq!(
        records("near.hearth.example A")[2],
        "host.other.example. 60 A 203.0.113.20"
    );
    assert_eq!(records("localhost A")[0], "NOERROR aa ra");
    // The alias is ours. What it leads to is not, and whoever wants to know asks elsewhere.
    assert_eq!(
        records("far.hearth.example A"),
        ["NOERROR aa ra", "far.hearth.example. 300 CNAME www.example.net."]
    );
    assert_eq!(
        get(&engine, "x.broken.example A", phone),
        ("Closed".to_owned(), vec!["SERVFAIL ra".to_owned()])
    );
    for name in [
        "www.example.net A",
        "www.example.net ANY",
        "www.example.net A +nord",
        "example A",
        "example DS",
        ". NS",
        // What an overlay does not hold, and what a zone passes on.
        "nobody.over.example A",
        "_acme-challenge.hearth.example TXT",
    ] {
        assert_eq!(
            get(&engine, name, phone),
            ("Refused zones".to_owned(), vec!["REFUSED ra".to_owned()]),
            "{name}"
        );
    }
}

#[test]
fn a_private_only_listener_neither_reads_nor_fills_the_cache() {
    let engine = hearth();
    ask_through(
        &engine,
        "www.example.net A",
        "NOERROR | www.example.net. 90 A 198.51.100.7",
    );
    ask_through(
        &engine,
        "nobody.over.example A",
        "NOERROR | nobody.over.example. 90 A 198.51.100.8",
    );
    let kept = engine.cache_fill();
    let phone = bearing(LAN, known(), true);
    for name in ["www.example.net A", "nobody.over.example A"] {
        assert_eq!(get(&engine, name, phone).0, "Refused zones", "{name}");
    }
    assert_eq!(
        get(&engine, "far.hearth.example A", phone).1,
        ["NOERROR aa ra", "far.hearth.example. 300 CNAME www.example.net."]
    );
    assert_eq!(engine.cache_fill(), kept);
    // And nothing of a hit is counted: it would be refreshed for somebody who never got it.
    let (listed, _) = engine.list_cache(None, false, 0, 10);
    assert!(listed.iter().all(|listed| listed.hits == 0), "{listed:?}");
}

#[test]
fn a_reply_that_was_waited_for_goes_to_nobody_whose_listener_is_private_only() {
    let engine = hearth();
    let bytes = query("www.example.net A");
    let mut out = Vec::new();
    let lan = client(LAN, "");
    let Step::Ask { question, .. } = engine.receive(&bytes, lan, 0, &mut out) else {
        panic!("not asked")
    };
    let reply = upstream("NOERROR | www.example.net. 90 A 198.51.100.7", &question);
    let fetched = engine.absorb(&question, &reply, None, 0).unwrap();
    let step = engine.resume(&bytes, bearing(LAN, known(), true), 0, &fetched, &mut out);
    assert!(matches!(step, Step::Reply(Outcome::Refused)), "{step:?}");
    assert_eq!(show(&out), ["REFUSED ra"]);
}

#[test]
fn explain_tells_why_somebody_is_refused() {
    let engine = hearth();
    let verdicts = |client: Client| {
        let mut story = Story::default();
        engine.explain(
            &query("www.example.net A"),
            client,
            0,
            &mut Vec::new(),
            &mut story,
        );
        let steps = story.steps.into_iter();
        steps
            .map(|(stage, verdict)| format!("{stage}: {verdict}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        verdicts(bearing(AWAY, Bearer::Unknown, false)),
        ["admit: refused: 203.0.113.9 bears a token that is not known"]
    );
    assert_eq!(
        verdicts(bearing(AWAY, Bearer::Nobody, true)),
        ["admit: refused: 203.0.113.9 bears no token, and the listener is private-only"]
    );
    assert_eq!(
        verdicts(bearing(AWAY, known(), true)),
        [
            "admit: 203.0.113.9 may ask for our own zones",
            "view: base zones",
            "zone: www.example.net. is in no zone",
            "special: only our own zones are answered here",
        ]
    );
}
