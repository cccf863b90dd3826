//! Zone files over their life: changed, broken, vanished, removed, and laid over each other by views; each with
//! and without a restart.
#![allow(clippy::unwrap_used)]

mod support;

use support::sample::HEARTH;
use support::{Daemon, House, Upstream, rcode, rtype};

const BROKEN: &str = "matrix 300 A 192.0.2.99\nmail 300 A not-an-address\n";

fn addresses(daemon: &Daemon, name: &str) -> Vec<String> {
    let reply = daemon.ask(name, rtype::A);
    reply
        .answer_lines()
        .iter()
        .filter_map(|line| line.split_once(" A "))
        .map(|(_, a)| a.to_owned())
        .collect()
}

fn house() -> (House, Upstream) {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    (house, upstream)
}

#[test]
fn reload_takes_what_changed() {
    let (house, _upstream) = house();
    let daemon = house.start();
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    house.write(
        "zones/hearth.example.zone",
        &HEARTH.replace("192.0.2.10 ", "192.0.2.11 "),
    );
    house.write("zones/new.example.zone", "www 60 A 192.0.2.80\n");
    house.dnsctl(&["reload"]).ok();
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.11"]);
    assert_eq!(addresses(&daemon, "www.new.example."), ["192.0.2.80"]);
}

#[test]
fn s3_a_broken_file_leaves_the_running_version() {
    let (house, upstream) = house();
    let daemon = house.start();
    house.write("zones/hearth.example.zone", BROKEN);
    let reload = house.dnsctl(&["reload"]);
    assert_ne!(reload.code, 0, "a reload that found a defect says so: {reload:?}");
    let said = format!("{}{}", reload.stdout, reload.stderr);
    assert!(
        said.contains("hearth.example.zone:2:"),
        "with file and line: {said}"
    );
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    let status = house.dnsctl(&["status"]);
    assert!(status.stdout.contains("hearth.example.zone:2:"), "{status:?}");
    assert!(
        daemon
            .process
            .log()
            .iter()
            .any(|line| line.contains("hearth.example.zone:2:")),
        "the log says so"
    );
    // Mended, it is taken again.
    house.write(
        "zones/hearth.example.zone",
        &HEARTH.replace("192.0.2.10 ", "192.0.2.12 "),
    );
    house.dnsctl(&["reload"]).ok();
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.12"]);
    assert!(upstream.seen().is_empty());
}

#[test]
fn s3_a_broken_file_leaves_the_last_good_version_after_a_restart() {
    let (house, upstream) = house();
    let mut daemon = house.start();
    house.write("zones/hearth.example.zone", BROKEN);
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    assert_eq!(
        daemon.ask("nowhere.hearth.example.", rtype::A).rcode,
        rcode::NXDOMAIN
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn s1_a_zone_that_was_never_good_is_closed() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("broken.example", BROKEN)
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    for name in [
        "broken.example.",
        "matrix.broken.example.",
        "anything.at.all.broken.example.",
    ] {
        assert_eq!(daemon.ask(name, rtype::A).rcode, rcode::SERVFAIL, "{name}");
    }
    assert!(
        upstream.seen().is_empty(),
        "closed means closed: {:?}",
        upstream.seen()
    );
    assert_eq!(
        addresses(&daemon, "matrix.hearth.example."),
        ["192.0.2.10"],
        "the other zones are served"
    );
}

#[test]
fn s3_a_file_that_vanishes_is_a_defect_and_no_removal() {
    let (house, upstream) = house();
    let mut daemon = house.start();
    std::fs::remove_file(house.path("zones/hearth.example.zone")).unwrap();
    let reload = house.dnsctl(&["reload"]);
    assert_ne!(reload.code, 0, "{reload:?}");
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    let status = house.dnsctl(&["status"]);
    assert!(status.stdout.contains("hearth.example"), "{status:?}");
    for _ in 0..2 {
        daemon.process.kill();
        daemon = house.start();
        assert_eq!(
            addresses(&daemon, "matrix.hearth.example."),
            ["192.0.2.10"],
            "also after a restart"
        );
        assert_eq!(
            daemon.ask("nowhere.hearth.example.", rtype::A).rcode,
            rcode::NXDOMAIN
        );
    }
    assert!(upstream.seen().is_empty());
    house.dnsctl(&["remove-zone", "hearth.example"]).ok();
    assert_eq!(
        addresses(&daemon, "matrix.hearth.example."),
        ["198.51.100.7"],
        "removed, it is a public name"
    );
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(
        addresses(&daemon, "other.hearth.example."),
        ["198.51.100.7"],
        "and stays removed"
    );
}

#[test]
fn s3_a_folder_that_vanishes_takes_no_zone_with_it() {
    let (house, upstream) = house();
    let mut daemon = house.start();
    std::fs::rename(house.path("zones"), house.path("elsewhere")).unwrap();
    assert_ne!(house.dnsctl(&["reload"]).code, 0);
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    daemon.process.kill();
    let mut daemon = house.start();
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    std::fs::create_dir(house.path("zones")).unwrap();
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(
        addresses(&daemon, "matrix.hearth.example."),
        ["192.0.2.10"],
        "an empty folder in its place"
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_file_that_is_no_zone_is_no_zone() {
    let (house, upstream) = house();
    for name in [
        "zones/notes.txt",
        "zones/.hidden.example.zone",
        "zones/hearth.example.zone~",
        "zones/a.zone.bak",
    ] {
        house.write(name, "www 60 A 192.0.2.66\n");
    }
    let daemon = house.start();
    assert_eq!(addresses(&daemon, "www.hidden.example."), ["198.51.100.7"]);
    assert_eq!(addresses(&daemon, "matrix.hearth.example."), ["192.0.2.10"]);
    drop(upstream);
}

#[test]
fn an_include_stays_inside_the_folder() {
    let house = House::new()
        .zone("in.example", "$INCLUDE parts/hosts.inc\n")
        .zone("out.example", "$INCLUDE ../secret.inc\n");
    house.write("zones/parts/hosts.inc", "www 60 A 192.0.2.80\n");
    house.write("secret.inc", "www 60 A 192.0.2.81\n");
    let daemon = house.start();
    assert_eq!(addresses(&daemon, "www.in.example."), ["192.0.2.80"]);
    assert_eq!(daemon.ask("www.out.example.", rtype::A).rcode, rcode::SERVFAIL);
}

#[test]
fn s2_views_are_laid_over_the_base_set_by_set() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr)
        .config("views:\n  lan: {clients: [127.0.0.2/32]}\n  guest: {clients: [127.0.0.0/24]}\n");
    house.write(
        "zones/lan/hearth.example.zone",
        "matrix 300 A 10.0.0.10\nprinter 300 A 10.0.0.20\n",
    );
    house.write("zones/guest/hearth.example.zone", "matrix 300 A 10.9.9.9\n");
    house.write("zones/lan/lan.example.zone", "nas 300 A 10.0.0.30\n");
    let mut daemon = house.start();
    for round in ["fresh", "after a restart"] {
        let ask = |from: &str, name: &str, asked: u16| {
            let reply = daemon.client().from(from).ask(name, asked);
            let data = |line: String| line.rsplit(' ').next().unwrap().to_owned();
            (
                reply.rcode,
                reply
                    .answer_lines()
                    .into_iter()
                    .map(data)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let has = |address: &str| (rcode::NOERROR, address.to_owned());
        let nothing = (rcode::NXDOMAIN, String::new());
        let matrix = "matrix.hearth.example.";
        // The longest prefix that holds the client decides.
        assert_eq!(ask("127.0.0.2", matrix, rtype::A), has("10.0.0.10"), "{round}");
        assert_eq!(ask("127.0.0.3", matrix, rtype::A), has("10.9.9.9"), "{round}");
        assert_eq!(ask("127.1.0.1", matrix, rtype::A), has("192.0.2.10"), "{round}");
        // A view's addresses are all that a name has in it; other sets, and names, come from the base.
        assert_eq!(ask("127.0.0.2", matrix, rtype::AAAA), has(""), "{round}");
        assert_eq!(
            ask("127.1.0.1", matrix, rtype::AAAA),
            has("2001:db8::10"),
            "{round}"
        );
        assert_eq!(
            ask("127.0.0.2", "mail.hearth.example.", rtype::A),
            has("192.0.2.25"),
            "{round}"
        );
        // What only a view holds, nobody else sees.
        assert_eq!(
            ask("127.0.0.2", "printer.hearth.example.", rtype::A),
            has("10.0.0.20"),
            "{round}"
        );
        assert_eq!(
            ask("127.0.0.3", "printer.hearth.example.", rtype::A),
            nothing,
            "{round}"
        );
        assert_eq!(
            ask("127.0.0.2", "nas.lan.example.", rtype::A),
            has("10.0.0.30"),
            "{round}"
        );
        // An alias is followed inside the view.
        let www = daemon
            .client()
            .from("127.0.0.2")
            .ask("www.hearth.example.", rtype::A);
        assert!(
            www.answer_lines()
                .iter()
                .any(|line| line.ends_with("A 10.0.0.10")),
            "{round}: {www:?}"
        );
        daemon.process.kill();
        daemon = house.start();
    }
    assert_eq!(upstream.names_below("hearth.example."), [""; 0]);
}

#[test]
fn s4_5_what_was_fetched_for_one_view_is_not_served_to_another() {
    // `lan.example` is private to one view and public for the other, which an overlay that holds nothing says:
    // the cache must not mix them.
    let upstream = Upstream::answering("198.51.100.7");
    let house = House::new()
        .zone("lan.example", "; hearthdns: mode=overlay\n")
        .upstream(upstream.addr)
        .config("views:\n  lan: {clients: [127.0.0.2/32]}\n");
    house.write(
        "zones/lan/lan.example.zone",
        "; hearthdns: mode=private\nnas 300 A 10.0.0.30\n",
    );
    let daemon = house.start();
    for _ in 0..2 {
        let inside = daemon
            .client()
            .from("127.0.0.2")
            .ask("nas.lan.example.", rtype::A);
        assert_eq!(inside.answer_lines(), ["nas.lan.example. 300 A 10.0.0.30"]);
        let outside = daemon
            .client()
            .from("127.0.0.3")
            .ask("nas.lan.example.", rtype::A);
        assert_eq!(outside.answers.len(), 1, "{outside:?}");
        assert!(
            outside.answer_lines()[0].ends_with(" A 198.51.100.7"),
            "{outside:?}"
        );
        let missing = daemon
            .client()
            .from("127.0.0.2")
            .ask("other.lan.example.", rtype::A);
        assert_eq!(missing.rcode, rcode::NXDOMAIN);
        daemon
            .client()
            .from("127.0.0.3")
            .ask("other.lan.example.", rtype::A);
    }
}

#[test]
fn a_synthesised_serial_counts_edits_and_outlives_the_daemon() {
    let house = House::new().zone("bare.example", "matrix 300 A 192.0.2.10\n");
    let serial = |daemon: &Daemon| -> u32 {
        let reply = daemon.ask("bare.example.", rtype::SOA);
        let line = reply.answer_lines().remove(0);
        line.split_whitespace().nth(5).unwrap().parse().unwrap()
    };
    let mut daemon = house.start();
    let first = serial(&daemon);
    house
        .dnsctl(&["add-record", "www.bare.example.", "A", "192.0.2.80"])
        .ok();
    assert_eq!(serial(&daemon), first + 1);
    house.dnsctl(&["reload"]).ok();
    assert_eq!(serial(&daemon), first + 1, "nothing changed");
    daemon.process.kill();
    let daemon = house.start();
    assert_eq!(serial(&daemon), first + 1, "a restart is no edit");
    house.dnsctl(&["remove-record", "www.bare.example.", "A"]).ok();
    assert_eq!(serial(&daemon), first + 2);
}

#[test]
fn a_daemon_ends_in_order_and_another_takes_its_place() {
    let (house, _upstream) = house();
    let mut first = house.start();
    assert!(house.control().exists());
    assert_eq!(first.process.terminate().code(), Some(0));
    assert!(
        !house.control().exists(),
        "the control socket goes with the daemon"
    );
    let mut second = house.start();
    // After SIGKILL the socket is left behind; that stops nobody.
    second.process.kill();
    assert!(house.control().exists());
    let third = house.start();
    assert_eq!(addresses(&third, "matrix.hearth.example."), ["192.0.2.10"]);
    house.dnsctl(&["status"]).ok();
    // But a living daemon's socket is not taken away.
    let refused = support::run(&mut house.command());
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.stderr.contains("control.sock"), "{refused:?}");
    house.dnsctl(&["status"]).ok();
}
