//! `dnsctl matrix` against a daemon: the four deployments, one command each, and that each view gets its own.
#![allow(clippy::unwrap_used)]

mod support;

use support::upstream::positive;
use support::{Act, Daemon, House, Ran, Upstream, rcode, rtype};

const VIEWS: &str = "views:\n  lan: {clients: [127.0.0.2/32]}\n  cloud: {clients: [127.0.0.3/32]}\n  \
                     abroad: {clients: [127.0.0.4/32]}\n";

/// RCODE and what stands behind the type, from this client.
fn ask(daemon: &Daemon, from: &str, name: &str, asked: u16) -> (u16, Vec<String>) {
    let reply = daemon.client().from(from).ask(name, asked);
    let data = |line: String| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
    (reply.rcode, reply.answer_lines().into_iter().map(data).collect())
}

fn has(data: &[&str]) -> (u16, Vec<String>) {
    (rcode::NOERROR, data.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn done(ran: &Ran) -> &str {
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    &ran.stdout
}

/// Options 1 and 2: the server is public; its address is pinned, or is that of the LAN, and the rest is asked upstream.
#[test]
fn a5_1_and_2_a_public_server_is_pinned_by_an_overlay() {
    let upstream = Upstream::start(|query, _| vec![Act::Send(positive(query, "198.51.100.7"))]);
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    done(&house.dnsctl(&[
        "matrix",
        "add",
        "outside.example",
        "--address",
        "203.0.113.77",
        "--delegate",
        "none",
        "--mode",
        "overlay",
    ]));
    let local = "127.0.0.1";
    assert_eq!(
        ask(&daemon, local, "outside.example.", rtype::A),
        has(&["A 203.0.113.77"])
    );
    // A name that the file holds is ours for every type; the others are public.
    assert_eq!(ask(&daemon, local, "outside.example.", rtype::AAAA), has(&[]));
    assert_eq!(
        ask(&daemon, local, "www.outside.example.", rtype::A),
        has(&["A 198.51.100.7"])
    );
    assert_eq!(
        upstream.names_below("outside.example."),
        ["www.outside.example. A"]
    );
}

/// Option 3: the server has no public record; the zone is closed, and undo opens nothing.
#[test]
fn a5_3_a_server_without_public_records() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    let line = [
        "matrix",
        "add",
        "hearth.example",
        "--address",
        "203.0.113.10,2001:db8::10",
        "--delegate",
        "srv",
        "--port",
        "8449",
        "--turn",
        "--rtc",
    ];
    // Nothing is written by a dry run.
    let dry = house.dnsctl(&[&line[..], &["--dry-run"]].concat());
    assert!(done(&dry).starts_with("--- "), "{}", dry.stdout);
    assert_ne!(
        ask(&daemon, "127.0.0.1", "hearth.example.", rtype::A),
        has(&["A 203.0.113.10"])
    );
    upstream.forget();
    done(&house.dnsctl(&line));
    let local = "127.0.0.1";
    for name in ["", "matrix.", "turn.", "rtc."] {
        let name = format!("{name}hearth.example.");
        assert_eq!(
            ask(&daemon, local, &name, rtype::A),
            has(&["A 203.0.113.10"]),
            "{name}"
        );
        assert_eq!(
            ask(&daemon, local, &name, rtype::AAAA),
            has(&["AAAA 2001:db8::10"]),
            "{name}"
        );
    }
    assert_eq!(
        ask(&daemon, local, "_matrix-fed._tcp.hearth.example.", rtype::SRV),
        has(&["SRV 10 5 8449 matrix.hearth.example."])
    );
    let absent = (rcode::NXDOMAIN, Vec::new());
    assert_eq!(
        ask(&daemon, local, "_matrix._tcp.hearth.example.", rtype::SRV),
        absent
    );
    assert_eq!(ask(&daemon, local, "push.hearth.example.", rtype::A), absent);
    // The address changes in every answer when the command returns.
    done(&house.dnsctl(&["matrix", "move", "203.0.113.11,2001:db8::11"]));
    assert_eq!(
        ask(&daemon, local, "rtc.hearth.example.", rtype::A),
        has(&["A 203.0.113.11"])
    );
    done(&house.dnsctl(&["undo", "hearth.example"]));
    assert_eq!(
        ask(&daemon, local, "rtc.hearth.example.", rtype::A),
        has(&["A 203.0.113.10"])
    );
    done(&house.dnsctl(&["matrix", "remove", "hearth.example"]));
    assert_eq!(ask(&daemon, local, "rtc.hearth.example.", rtype::A), absent);
    assert_eq!(upstream.names_below("hearth.example."), [""; 0]);
}

/// Option 4: users go to a proxy at home, the server abroad straight to the cloud.
#[test]
fn a5_4_each_view_gets_its_own_and_the_rest_from_the_base_zone() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new().upstream(upstream.addr).config(VIEWS);
    let mut daemon = house.start();
    done(&house.dnsctl(&[
        "matrix",
        "add",
        "hearth.example",
        "--address",
        "198.51.100.7",
        "--delegate",
        "srv",
        "--turn=203.0.113.10",
        "--view",
        "lan",
        "--address",
        "192.168.1.5",
        "--view",
        "cloud",
        "--address",
        "203.0.113.10",
        "--view",
        "abroad",
        "--address",
        "203.0.113.10",
    ]));
    let names = ["hearth.example.", "matrix.hearth.example."];
    for round in ["at once", "after a restart"] {
        // Twice, and each view behind the other: an answer of one that was kept would show.
        for _ in 0..2 {
            for (from, address) in [
                ("127.0.0.2", "A 192.168.1.5"),
                ("127.0.0.3", "A 203.0.113.10"),
                ("127.0.0.4", "A 203.0.113.10"),
                ("127.0.0.9", "A 198.51.100.7"),
            ] {
                for name in names {
                    assert_eq!(
                        ask(&daemon, from, name, rtype::A),
                        has(&[address]),
                        "{round} {from} {name}"
                    );
                }
                // What no view has of its own is the base zone's.
                assert_eq!(
                    ask(&daemon, from, "turn.hearth.example.", rtype::A),
                    has(&["A 203.0.113.10"]),
                    "{round} {from}"
                );
                assert_eq!(
                    ask(&daemon, from, "_matrix-fed._tcp.hearth.example.", rtype::SRV),
                    has(&["SRV 10 5 8448 matrix.hearth.example."]),
                    "{round} {from}"
                );
            }
        }
        let explained = house.dnsctl(&["explain", "matrix.hearth.example", "A", "--client", "127.0.0.2"]);
        assert!(done(&explained).contains("192.168.1.5"), "{}", explained.stdout);
        assert!(explained.stdout.contains("lan"), "{}", explained.stdout);
        daemon.process.kill();
        daemon = house.start();
    }
    let checked = house.dnsctl(&["matrix", "check", "hearth.example"]);
    assert!(!done(&checked).contains("error"), "{}", checked.stdout);
    // The cloud server moves: its own view and that of the server abroad follow, home does not.
    done(&house.dnsctl(&["matrix", "move", "203.0.113.11", "--from", "203.0.113.10"]));
    let seen: Vec<_> = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9"]
        .into_iter()
        .map(|from| ask(&daemon, from, "matrix.hearth.example.", rtype::A).1.concat())
        .collect();
    assert_eq!(
        seen,
        [
            "A 192.168.1.5",
            "A 203.0.113.11",
            "A 203.0.113.11",
            "A 198.51.100.7"
        ]
    );
    // One step takes it back in all three files.
    let moved = ["", "cloud/", "abroad/"].map(|view| house.read(&format!("zones/{view}hearth.example.zone")));
    let undo = ["undo", "hearth.example"];
    let dry = house.dnsctl(&[&undo[..], &["--dry-run"]].concat());
    assert_eq!(done(&dry).matches("\n--- ").count(), 2, "{}", dry.stdout);
    let same = ["", "cloud/", "abroad/"].map(|view| house.read(&format!("zones/{view}hearth.example.zone")));
    assert_eq!(same, moved);
    let undone = house.dnsctl(&undo);
    assert_eq!(house.neutral(done(&undone)), UNDONE);
    assert_eq!(undone.stderr, "");
    for (from, address) in [("127.0.0.3", "A 203.0.113.10"), ("127.0.0.4", "A 203.0.113.10")] {
        assert_eq!(
            ask(&daemon, from, "matrix.hearth.example.", rtype::A),
            has(&[address])
        );
    }
    assert_eq!(upstream.names_below("hearth.example."), [""; 0]);
}

const UNDONE: &str = "\
went back to the version of hearth.example. before the last edit (HOUSE/zones/hearth.example.zone, serial 3)
- turn.hearth.example. 300 A 203.0.113.11
+ turn.hearth.example. 300 A 203.0.113.10
went back to the version of hearth.example. in the view abroad before the last edit (HOUSE/zones/abroad/hearth.example.zone, serial 3)
- hearth.example. 300 A 203.0.113.11
- matrix.hearth.example. 300 A 203.0.113.11
+ hearth.example. 300 A 203.0.113.10
+ matrix.hearth.example. 300 A 203.0.113.10
went back to the version of hearth.example. in the view cloud before the last edit (HOUSE/zones/cloud/hearth.example.zone, serial 3)
- hearth.example. 300 A 203.0.113.11
- matrix.hearth.example. 300 A 203.0.113.11
+ hearth.example. 300 A 203.0.113.10
+ matrix.hearth.example. 300 A 203.0.113.10
";

/// A view's addresses take the place of the base zone's, whatever kinds either has: no IPv6 address shines through to clients who
/// are given an IPv4 address of their own.
#[test]
fn a_view_without_ipv6_has_none_though_the_base_zone_has() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new().upstream(upstream.addr).config(VIEWS);
    let daemon = house.start();
    let line = "matrix add hearth.example --address 203.0.113.10,2001:db8::10 --turn=203.0.113.20,2001:db8::20 \
                --view lan --address 192.168.1.5 --view abroad --address 2001:db8::30";
    let added = house.dnsctl(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(
        done(&added).matches(" A 192.168.1.5").count(),
        2,
        "{}",
        added.stdout
    );
    let matrix = "matrix.hearth.example.";
    for (from, v4, v6) in [
        ("127.0.0.2", &["A 192.168.1.5"][..], &[][..]),
        ("127.0.0.4", &[], &["AAAA 2001:db8::30"]),
        ("127.0.0.9", &["A 203.0.113.10"], &["AAAA 2001:db8::10"]),
    ] {
        assert_eq!(ask(&daemon, from, matrix, rtype::A), has(v4), "{from}");
        assert_eq!(ask(&daemon, from, matrix, rtype::AAAA), has(v6), "{from}");
        // Names that the view says nothing of.
        let turn = "turn.hearth.example.";
        assert_eq!(ask(&daemon, from, turn, rtype::AAAA), has(&["AAAA 2001:db8::20"]));
    }
    let checked = house.dnsctl(&["matrix", "check", "hearth.example"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert!(!checked.stdout.contains("lan"), "{}", checked.stdout);
    assert_eq!(upstream.names_below("hearth.example."), [""; 0]);
}

/// An HTTPS record tells addresses too. The base zone's are not told where a view has others, and a move that leaves them behind is
/// told.
#[test]
fn hints_of_https_records_go_with_the_addresses() {
    let house = House::new()
        .zone(
            "hearth.example",
            "matrix HTTPS 1 . alpn=h2 ipv4hint=203.0.113.10\n",
        )
        .config(VIEWS);
    let daemon = house.start();
    let line = "matrix add hearth.example --address 203.0.113.10 --view lan --address 192.168.1.5";
    done(&house.dnsctl(&line.split(' ').collect::<Vec<_>>()));
    const HTTPS: u16 = 65;
    let data = |from: &str| {
        let reply = daemon.client().from(from).ask("matrix.hearth.example.", HTTPS);
        reply.answers.first().map(|record| record.rdata.len())
    };
    // Priority, root, alpn=h2 with its head; and the hint with its head.
    assert_eq!((data("127.0.0.2"), data("127.0.0.9")), (Some(10), Some(18)));
    let moved = house.dnsctl(&["matrix", "move", "203.0.113.11"]);
    done(&moved);
    let told = "`matrix HTTPS 1 . alpn=h2 ipv4hint=203.0.113.10` hints at 203.0.113.10, which is no address of \
                matrix.hearth.example: browsers may connect there first (RFC 9460, 7.3): take `ipv4hint` and `ipv6hint` out, for \
                they ask for the address anyway";
    let one_line = moved.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(told), "{}", moved.stderr);
}

/// A name of the zone that leads out of it: what was fetched for the clients of one route is not kept for those of
/// another.
#[test]
fn what_was_fetched_for_one_view_is_not_served_to_another() {
    let everybody = Upstream::start(|query, _| vec![Act::Send(positive(query, "198.51.100.1"))]);
    let abroad = Upstream::start(|query, _| vec![Act::Send(positive(query, "198.51.100.2"))]);
    let config = format!(
        "upstreams: [\"{}\"]\nviews:\n  abroad: {{clients: [127.0.0.4/32], upstreams: [\"{}\"]}}\n",
        everybody.addr, abroad.addr
    );
    let house = House::new()
        .zone("hearth.example", "matrix CNAME host.provider.example.\n")
        .config(&config)
        .upstreams(&[]);
    let daemon = house.start();
    for _ in 0..2 {
        for (from, address) in [("127.0.0.4", "A 198.51.100.2"), ("127.0.0.9", "A 198.51.100.1")] {
            let (code, lines) = ask(&daemon, from, "matrix.hearth.example.", rtype::A);
            assert_eq!(code, rcode::NOERROR, "{from}");
            assert!(lines.iter().any(|line| line == address), "{from}: {lines:?}");
        }
    }
    // The second time came from the cache, each from its own entry.
    assert_eq!((everybody.seen().len(), abroad.seen().len()), (1, 1));
}
