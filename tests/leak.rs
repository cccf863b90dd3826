//! Promise 1: a name of a private zone is never sent upstream. A scripted upstream is watched while everything
//! that could go wrong does; in the end it must not have seen one such name. That the watch itself works is
//! shown in each test by a public name, which must have arrived.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::sample::HEARTH;
use support::upstream::positive;
use support::{Daemon, House, Message, SetAtEnd, Transport, Upstream, leaks, rcode, rtype};

const PRIVATE: &str = "hearth.example.";

fn ask_everything(daemon: &Daemon) -> Vec<u16> {
    leaks::ask_everything(daemon, PRIVATE)
}

/// Nothing private arrived; and the watch works, because this public name did.
#[track_caller]
fn assert_no_leak(daemon: &Daemon, upstream: &Upstream) {
    let public = format!("canary-{}.example.org.", upstream.seen().len());
    assert_eq!(
        daemon.ask(&public, rtype::A).answers.len(),
        1,
        "upstream is asked at all"
    );
    assert!(upstream.count(&public) > 0, "the watch does not see what arrives");
    leaks::assert_unseen(upstream, PRIVATE);
}

fn house(zone: &str) -> (House, Upstream) {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new().zone("hearth.example", zone).upstream(upstream.addr);
    (house, upstream)
}

#[test]
fn nothing_leaks_from_a_sound_zone() {
    let (house, upstream) = house(HEARTH);
    let daemon = house.start();
    ask_everything(&daemon);
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn nothing_leaks_while_the_daemon_starts() {
    // Asked from before it listens until it says that it is ready, over and over.
    let (house, upstream) = house(HEARTH);
    let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let listen = format!("127.0.0.1:{port}");
    let house = house.listen(&[&listen]);
    let stop = AtomicBool::new(false);
    for _ in 0..5 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let query = Message::query("matrix.hearth.example.", rtype::AAAA).encode();
                while !stop.load(Ordering::SeqCst) {
                    socket.send_to(&query, &listen).ok();
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let _end = SetAtEnd(&stop);
            let daemon = house.start();
            ask_everything(&daemon);
            assert_no_leak(&daemon, &upstream);
        });
        stop.store(false, Ordering::SeqCst);
    }
}

#[test]
fn nothing_leaks_when_a_file_breaks() {
    for broken in [
        "matrix 300 A not-an-address\n",
        "\0\0\0\u{fffd}",
        "",
        "@ CNAME x.example.net.\n@ A 192.0.2.1\n",
    ] {
        let (house, upstream) = house(HEARTH);
        let mut daemon = house.start();
        house.write("zones/hearth.example.zone", broken);
        house.dnsctl(&["reload"]);
        ask_everything(&daemon);
        assert_no_leak(&daemon, &upstream);
        daemon.process.kill();
        let daemon = house.start();
        ask_everything(&daemon);
        assert_no_leak(&daemon, &upstream);
    }
}

#[test]
fn nothing_leaks_from_a_zone_that_was_never_good() {
    let (house, upstream) = house("matrix 300 A not-an-address\n");
    let mut daemon = house.start();
    for _ in 0..2 {
        let codes = ask_everything(&daemon);
        assert!(codes.iter().all(|code| *code == rcode::SERVFAIL), "{codes:?}");
        assert_no_leak(&daemon, &upstream);
        daemon.process.kill();
        daemon = house.start();
    }
}

#[test]
fn nothing_leaks_when_a_file_or_the_folder_is_deleted() {
    let (house, upstream) = house(HEARTH);
    let mut daemon = house.start();
    let before = ask_everything(&daemon);
    std::fs::remove_file(house.path("zones/hearth.example.zone")).unwrap();
    assert_eq!(ask_everything(&daemon), before, "before a reload");
    house.dnsctl(&["reload"]);
    assert_eq!(ask_everything(&daemon), before, "after a reload");
    std::fs::remove_dir_all(house.path("zones")).unwrap();
    house.dnsctl(&["reload"]);
    assert_eq!(ask_everything(&daemon), before, "without a folder");
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(ask_everything(&daemon), before, "after SIGKILL and a restart");
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn nothing_leaks_when_the_remembered_copy_is_damaged_too() {
    let (house, upstream) = house(HEARTH);
    let mut daemon = house.start();
    daemon.process.kill();
    std::fs::remove_file(house.path("zones/hearth.example.zone")).unwrap();
    let mut folders = vec![house.path("state")];
    let mut spoiled = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zone") {
                std::fs::write(path, "\0 this ( is no zone").unwrap();
                spoiled += 1;
            }
        }
    }
    assert!(spoiled > 0, "no remembered copy was found to spoil");
    let daemon = house.start();
    let codes = ask_everything(&daemon);
    assert!(
        codes.iter().all(|code| *code == rcode::SERVFAIL),
        "closed: {codes:?}"
    );
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn nothing_leaks_under_reloads_edits_and_kills() {
    let (house, upstream) = house(HEARTH);
    let mut daemon = house.start();
    let stop = AtomicBool::new(false);
    for round in 0..6 {
        let client = daemon.client();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    // Replies may stay out when the daemon is killed; what arrives upstream is the point.
                    for (name, asked) in leaks::names(PRIVATE) {
                        let query = Message::query(&name, asked).encode();
                        client.raw(&query, Duration::from_millis(20));
                    }
                }
            });
            let _end = SetAtEnd(&stop);
            for n in 0..5 {
                let (name, address) = (format!("r{round}n{n}"), format!("10.0.{round}.{n}"));
                house.dnsctl(&["add-record", &name, "A", &address]).ok();
                house.dnsctl(&["reload"]).ok();
            }
            daemon.process.kill();
        });
        stop.store(false, Ordering::SeqCst);
        daemon = house.start();
        ask_everything(&daemon);
        assert_no_leak(&daemon, &upstream);
    }
}

#[test]
fn nothing_leaks_through_an_upstreams_alias() {
    // A public name whose alias points into the private zone: what is private is answered here, or not at all.
    let upstream = Upstream::start(|query, _| {
        let reply = query.reply();
        vec![support::Act::Send(match query.qname() {
            "trap.example.net." => reply.answer("trap.example.net. 300 CNAME nowhere.hearth.example."),
            name => reply.answer(&format!("{name} 300 A 198.51.100.7")),
        })]
    });
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    daemon.ask("trap.example.net.", rtype::A);
    daemon.ask("trap.example.net.", rtype::AAAA);
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn nothing_leaks_from_a_view() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .upstream(upstream.addr)
        .config("views:\n  lan: {clients: [127.0.0.0/8]}\n");
    house.write("zones/lan/hearth.example.zone", HEARTH);
    let mut daemon = house.start();
    let before = ask_everything(&daemon);
    house.write("zones/lan/hearth.example.zone", "broken");
    house.dnsctl(&["reload"]);
    assert_eq!(ask_everything(&daemon), before);
    std::fs::remove_dir_all(house.path("zones/lan")).unwrap();
    house.dnsctl(&["reload"]);
    assert_eq!(ask_everything(&daemon), before);
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(ask_everything(&daemon), before);
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn no_daemon_starts_over_a_folder_that_is_not_there() {
    // Misspelt, or not mounted yet: nobody knows which names are private.
    let house = House::new();
    std::fs::remove_dir_all(house.path("zones")).unwrap();
    let ran = support::run(&mut house.command()).fails(1);
    assert!(
        house
            .neutral(&ran.stderr)
            .contains("cannot read the zones folder `HOUSE/zones`: No such file or directory (os error 2); make it, empty"),
        "{}",
        ran.stderr
    );
    // An empty folder is a word, too.
    std::fs::create_dir(house.path("zones")).unwrap();
    house.start();
}

#[test]
fn nothing_leaks_through_clients_that_do_not_see_the_view() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .upstream(upstream.addr)
        .config("views:\n  lan: {clients: [127.0.0.2/32]}\n  guests: {clients: [127.0.0.3/32]}\n");
    house.write("zones/lan/hearth.example.zone", HEARTH);
    let daemon = house.start();
    ask_everything(&daemon);
    for (client, expected) in [
        ("127.0.0.1", rcode::NXDOMAIN),
        ("127.0.0.2", rcode::NOERROR),
        ("127.0.0.3", rcode::NXDOMAIN),
    ] {
        let client = daemon.client().from(client);
        assert_eq!(client.ask("matrix.hearth.example.", rtype::A).rcode, expected);
    }
    // A copy that somebody put aside does not close the zone for those who see it, nor open it for others.
    house.write("zones/backup/hearth.example.zone", HEARTH);
    house.dnsctl(&["reload"]);
    let seen = daemon
        .client()
        .from("127.0.0.2")
        .ask("matrix.hearth.example.", rtype::A);
    assert_eq!(seen.rcode, rcode::NOERROR);
    ask_everything(&daemon);
    assert_no_leak(&daemon, &upstream);
}

#[test]
fn only_the_two_exceptions_go_upstream() {
    // An overlay's other names, and the names that a zone passes on: these and no others.
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone(
            "over.example",
            "; hearthdns: mode=overlay\nmatrix 300 A 192.0.2.10\n",
        )
        .zone(
            "hearth.example",
            &format!("; hearthdns: forward=_acme-challenge\n{HEARTH}"),
        )
        .upstream(upstream.addr);
    let daemon = house.start();
    ask_everything(&daemon);
    daemon.ask("matrix.over.example.", rtype::A);
    daemon.ask("matrix.over.example.", rtype::AAAA);
    daemon.ask("other.over.example.", rtype::A);
    daemon.ask("_acme-challenge.hearth.example.", rtype::TXT);
    daemon.ask("x_acme-challenge.hearth.example.", rtype::TXT);
    assert_eq!(upstream.names_below("over.example."), ["other.over.example. A"]);
    assert_eq!(
        upstream.names_below("hearth.example."),
        ["_acme-challenge.hearth.example. TXT"]
    );
    // Broken, an overlay is closed as a whole: which names it held, nobody knows now.
    upstream.forget();
    drop(daemon);
    house.write(
        "zones/over.example.zone",
        "; hearthdns: mode=overlay\nmatrix 300 A nonsense\n",
    );
    std::fs::remove_dir_all(house.path("state")).unwrap();
    let daemon = house.start();
    for name in ["matrix.over.example.", "other.over.example."] {
        assert_eq!(daemon.ask(name, rtype::A).rcode, rcode::SERVFAIL, "{name}");
    }
    assert_eq!(upstream.names_below("over.example."), [""; 0]);
}

// ---- a whole life, over every transport that an upstream can have

/// Every public name has one address.
fn nothing_leaks_over(by: Transport) {
    let world = leaks::World {
        top: "example.",
        trap: "trap.example.",
        config: "",
    };
    leaks::nothing_leaks(by, world, House::new(), |query, _| {
        Some(positive(query, "198.51.100.7"))
    });
}

#[test]
fn nothing_leaks_over_udp() {
    nothing_leaks_over(Transport::Udp);
}

#[test]
fn nothing_leaks_over_tcp() {
    nothing_leaks_over(Transport::Tcp);
}

#[test]
#[cfg(all(feature = "https", feature = "h3"))]
fn nothing_leaks_over_tls() {
    nothing_leaks_over(Transport::Tls);
}

#[test]
#[cfg(all(feature = "https", feature = "h3"))]
fn nothing_leaks_over_https() {
    nothing_leaks_over(Transport::Https);
}

#[test]
#[cfg(all(feature = "https", feature = "h3"))]
fn nothing_leaks_over_quic() {
    nothing_leaks_over(Transport::Quic);
}

#[test]
#[cfg(all(feature = "https", feature = "h3"))]
fn nothing_leaks_over_h3() {
    nothing_leaks_over(Transport::H3);
}
