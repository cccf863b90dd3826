//! Flash wears: a daemon that is set up as on a router writes nothing below the folders of zones and state but what an edit
//! changes, whatever else happens.
//!
//! What is written shows in what the kernel notes of every file and folder (stat(2)): a file that was made and removed again
//! leaves its mark on the folder, and no program can set the time of a change back.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Daemon, House, Ran, Upstream, rcode, rtype, run};

/// As `hearthdns uci` writes it for a router, with names of the LAN.
const ROUTER: &str = "cache: {file: false}\ndevices: {keep_seen: false}\nlan: {domain: lan, leases: [ram/leases]}\n\
                      resolv_conf: ram/resolv.conf\n";
const HEARTH: &str = "matrix A 203.0.113.10\nbrief A 203.0.113.11 ; hearthdns: expires=2025-01-01\n";

/// Every file and folder below these, with what would be another after any writing: number, size, and the times of the last
/// writing and of the last change.
fn marks(house: &House) -> BTreeMap<PathBuf, [i64; 6]> {
    fn add(path: &Path, marks: &mut BTreeMap<PathBuf, [i64; 6]>) {
        let meta = std::fs::symlink_metadata(path).unwrap();
        let ino = i64::try_from(meta.ino()).unwrap();
        let size = i64::try_from(meta.size()).unwrap();
        let mark = [
            ino,
            size,
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        marks.insert(path.to_owned(), mark);
        if meta.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                add(&entry.unwrap().path(), marks);
            }
        }
    }
    let mut marks = BTreeMap::new();
    for folder in ["zones", "state"] {
        add(&house.path(folder), &mut marks);
    }
    marks
}

/// Sockets lie in memory on a router, as everything there that is written.
fn house(config: &str) -> House {
    let house = House::new()
        .config(&format!("control: ram/control.sock\n{config}"))
        .zone("hearth.example", HEARTH)
        .listen(&["127.0.0.1:0"])
        .listen_too(&["tls://127.0.0.1:0"]);
    house.write("ram/leases", "0 52:54:00:00:00:01 192.168.1.20 tv *\n");
    house.write("ram/resolv.conf", "# nobody yet\n");
    house
}

fn dnsctl(house: &House, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnsctl"));
    command
        .arg("--control")
        .arg(house.path("ram/control.sock"))
        .args(args);
    run(command.current_dir(house.root())).ok()
}

/// Everything that may happen to a daemon but an edit; it is stopped at the end.
fn live(house: &House, daemon: &mut Daemon) {
    let wait = |words: &str| daemon.process.wait_for_line(words, |line| line.contains(words));
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert_eq!(
        daemon.ask("brief.hearth.example.", rtype::A).rcode,
        rcode::NXDOMAIN
    );
    for n in 0..50 {
        daemon.ask(&format!("n{n}.example.net."), rtype::A);
    }
    // The DHCP server gives other leases, writes a damaged file, and mends it.
    house.write(
        "ram/leases",
        "0 52:54:00:00:00:01 192.168.1.21 tv *\n0 52:54:00:00:00:02 192.168.1.22 nas *\n",
    );
    wait("names of the LAN: 2, 0 refused");
    house.write("ram/leases", "soon 52:54:00:00:00:01 192.168.1.21 tv *\n");
    wait("expected the end of a lease in seconds");
    house.write("ram/leases", "0 52:54:00:00:00:01 192.168.1.23 tv *\n");
    wait("leases is whole again");
    // The provider names other servers.
    house.write("ram/resolv.conf", "nameserver 192.0.2.53\n");
    wait("upstream udp://192.0.2.53:53");
    for words in [
        &["status"][..],
        &["stats"],
        &["lan"],
        &["list-records"],
        &["queries"],
        &["devices"],
        &["certificate"],
        &["check"],
        &["reload"],
        &["reconnect"],
        &["flush"],
        &["explain", "matrix.hearth.example", "A"],
    ] {
        dnsctl(house, words);
    }
    assert!(daemon.process.terminate().success());
}

#[test]
fn a_router_writes_on_an_edit_only() {
    let house = house(ROUTER).upstreams_of_config();
    // The first start makes the certificate, and remembers the zones; an invite that is never used is open.
    let mut daemon = house.start();
    dnsctl(&house, &["invite", "phone"]);
    assert!(daemon.process.terminate().success());
    let before = marks(&house);
    let mut daemon = house.start();
    live(&house, &mut daemon);
    assert_eq!(marks(&house), before, "something was written that nobody edited");
    // An edit is written, and this test would see it.
    let daemon = house.start();
    dnsctl(&house, &["add-record", "turn", "A", "203.0.113.12"]);
    let changed = marks(&house);
    drop(daemon);
    let touched: Vec<&PathBuf> = changed
        .keys()
        .filter(|path| changed.get(*path) != before.get(*path))
        .collect();
    for part in ["zones/hearth.example.zone", "state/history", "state/zones"] {
        assert!(
            touched.iter().any(|path| path.starts_with(house.path(part))),
            "{part}: {touched:?}"
        );
    }
}

/// Elsewhere the cache is kept for the next run: the same life leaves a mark.
#[test]
fn a_host_with_a_disk_writes_its_cache() {
    let upstream = Upstream::answering("198.51.100.7");
    let house = house("lan: {domain: lan, leases: [ram/leases]}\n").upstream(upstream.addr);
    let mut daemon = house.start();
    assert!(daemon.process.terminate().success());
    let before = marks(&house);
    let mut daemon = house.start();
    for n in 0..5 {
        daemon.ask(&format!("n{n}.example.net."), rtype::A);
    }
    assert!(daemon.process.terminate().success());
    let after = marks(&house);
    let touched: Vec<&PathBuf> = after
        .keys()
        .filter(|path| after.get(*path) != before.get(*path))
        .collect();
    assert_eq!(touched, [&house.path("state"), &house.path("state/cache")]);
}
