//! `dnsctl router`: what it prints for every kind of router, word for word, and what it says of a router that it asks.
//!
//! Each kind has a file in `tests/golden/`, written anew by `HEARTHDNS_BLESS=1 cargo test --test router`.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::UdpSocket;
use std::path::Path;

use support::house::dnsctl;
use support::sample::HEARTH;
use support::{House, Ran, Upstream, run};

const KINDS: [&str; 12] = [
    "openwrt",
    "dnsmasq",
    "unifi",
    "mikrotik",
    "pfsense",
    "opnsense",
    "unbound",
    "adguard",
    "pihole",
    "asus",
    "fritz",
    "tailscale",
];

fn shown(args: &[&str], ran: &Ran) -> String {
    let mut shown = format!("$ dnsctl {}\nexit code {}\n", args.join(" "), ran.code);
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        if !text.is_empty() {
            shown.push_str(&format!("-- {stream}\n{text}"));
        }
    }
    shown
}

/// Compares runs with a golden file.
#[track_caller]
fn assert_golden(name: &str, runs: &[&[&str]]) {
    let shown: Vec<String> = runs
        .iter()
        .map(|args| shown(args, &run(dnsctl().args(*args))))
        .collect();
    let shown = shown.join("\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, golden, "see {}", path.display());
}

#[test]
fn the_list_of_kinds() {
    assert_golden(
        "router_list",
        &[&["router"], &["router", "openwert"], &["router", "--undo"]],
    );
}

#[test]
fn help() {
    assert_golden("router_help", &[&["router", "--help"]]);
}

#[test]
fn every_kind() {
    for kind in KINDS {
        let zones = [
            "--zone",
            "home.example",
            "--zone",
            "Lab.Test.",
            "--zone",
            "1.168.192.in-addr.arpa",
        ];
        let args = [&["router", kind, "--server", "192.168.1.10"][..], &zones].concat();
        let undo = [&args[..], &["--undo"]].concat();
        let elsewhere = [
            "router",
            kind,
            "--server",
            "[fd00::1]:5300",
            "--zone",
            "home.example",
        ];
        assert_golden(&format!("router_{kind}"), &[&args, &undo, &elsewhere]);
    }
}

#[test]
fn zones_and_addresses_come_from_the_daemon_and_from_files() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("odd\\032name.example", "");
    house.write("zones/b.example.zone", "x A 10.0.0.1\n");
    let daemon = house.start();
    let port = daemon.udp[0].port();
    let ran = house.dnsctl(&["router", "dnsmasq"]).ok();
    assert_eq!(
        ran.stdout,
        format!(
            "# dnsctl router dnsmasq >/etc/dnsmasq.d/hearthdns.conf; then restart dnsmasq.\n\
             # DD-WRT: Services > Services > Additional Dnsmasq Options (not tried on a device).\n\
             server=/b.example/127.0.0.1#{port}\nserver=/hearth.example/127.0.0.1#{port}\n\
             rebind-domain-ok=/b.example/\nrebind-domain-ok=/hearth.example/\n"
        )
    );
    let alone = "note: this server listens on 127.0.0.1 only, where no other host reaches it; a router needs an address \
                 of the house in `listen`\n";
    assert!(ran.stderr.ends_with(alone), "{}", ran.stderr);
    let ran = house.dnsctl(&["router", "unbound", "--zone", "c.example"]).ok();
    assert!(
        ran.stderr
            .starts_with("note: this server has no zone c.example.\n"),
        "{}",
        ran.stderr
    );
    let ran = house
        .dnsctl(&["router", "unbound", "--zone", "a/b.example"])
        .fails(1);
    assert_eq!(
        ran.stderr,
        "dnsctl: `a/b.example`: no router's configuration can hold this name\n"
    );
    drop(daemon);
    let ran = house
        .dnsctl_offline(&["router", "mikrotik", "--server", "192.168.1.10"])
        .ok();
    assert!(ran.stdout.contains("add name=\"b.example\""), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("add name=\"hearth.example\""),
        "{}",
        ran.stdout
    );
    let ran = house.dnsctl_offline(&["router", "mikrotik"]).fails(1);
    assert_eq!(
        ran.stderr,
        "dnsctl: nothing says at which address this server answers plain DNS; name it with --server ADDR\n"
    );
}

#[test]
fn facts_hold_what_onboarding_needs() {
    use std::io::{BufRead, BufReader, Write};
    let house = House::new()
        .config("name: dns.hearth.example\naddresses: [192.168.1.10]\nviews: {office: {clients: [10.9.0.0/16]}}\n")
        .zone("hearth.example", "matrix A 192.168.1.20\nmatrix A 192.168.1.21\nout A 203.0.113.1\n")
        .zone("office/desk.example", "x A 10.9.0.1\n");
    let daemon = house.start();
    let mut stream = std::os::unix::net::UnixStream::connect(&daemon.control).unwrap();
    writeln!(stream, "{{\"version\":1,\"request\":{{\"command\":\"facts\"}}}}").unwrap();
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).unwrap();
    let port = daemon.udp[0].port();
    assert_eq!(
        reply,
        format!(
            "{{\"version\":1,\"ok\":{{\"answer\":\"facts\",\"name\":\"dns.hearth.example.\",\"addresses\":[\"192.168.1.10\"],\
             \"ports\":{{\"plain\":{port}}},\"trust\":\"none\",\"zones\":[{{\"zone\":\"hearth.example.\",\
             \"soa\":[\"hearth.example.\",\"hostmaster.hearth.example.\"],\"host\":\"matrix.hearth.example.\",\
             \"addresses\":[\"192.168.1.20\",\"192.168.1.21\"]}}],\"in_views\":[\"desk.example.\"],\
             \"views\":{{\"office\":[\"10.9.0.0/16\"]}}}}}}\n"
        )
    );
    let ran = house.dnsctl(&["router", "unbound"]).ok();
    assert!(
        ran.stdout
            .contains(&format!("  forward-addr: 192.168.1.10@{port}\n")),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.stderr,
        "note: left out, because only clients of a view see them: desk.example.; name one with --zone if the router is \
         such a client\n"
    );
}

#[test]
fn json_holds_the_same_as_the_text() {
    let args = [
        "--json",
        "router",
        "dnsmasq",
        "--server",
        "192.168.1.10",
        "--zone",
        "home.example",
    ];
    let ran = run(dnsctl().args(args)).ok();
    assert_eq!(
        ran.stdout,
        "{\"version\":1,\"ok\":{\"answer\":\"router\",\"kind\":\"dnsmasq\",\"undo\":false,\"script\":true,\"steps\":[\
         {\"say\":\"dnsctl router dnsmasq >/etc/dnsmasq.d/hearthdns.conf; then restart dnsmasq.\"},\
         {\"say\":\"DD-WRT: Services > Services > Additional Dnsmasq Options (not tried on a device).\"},\
         {\"line\":\"server=/home.example/192.168.1.10\"},{\"line\":\"rebind-domain-ok=/home.example/\"}],\
         \"text\":\"# dnsctl router dnsmasq >/etc/dnsmasq.d/hearthdns.conf; then restart dnsmasq.\\n\
         # DD-WRT: Services > Services > Additional Dnsmasq Options (not tried on a device).\\n\
         server=/home.example/192.168.1.10\\nrebind-domain-ok=/home.example/\\n\",\"notes\":[]}}\n"
    );
}

/// The daemon stands for a router that forwards all, an upstream for one that knows nothing of us, a closed port for
/// none. Real routers are in `interop`.
#[test]
fn verify_tells_a_router_that_answers_from_one_that_does_not() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let router = daemon.udp[0].to_string();
    let ran = house.dnsctl(&["router", "--verify", "--router", &router]).ok();
    assert_eq!(
        ran.stdout,
        format!("asked {router}:\nok    hearth.example. answers as the zone does\n")
    );
    let elsewhere = Upstream::answering("198.51.100.7");
    let router = elsewhere.addr.to_string();
    let ran = house
        .dnsctl(&["router", "openwrt", "--verify", "--router", &router])
        .fails(1);
    let port = daemon.udp[0].port();
    assert_eq!(
        ran.stdout,
        format!(
            "asked {router}:\nWRONG hearth.example. has another address through the router (198.51.100.7): a public \
             record, an entry of the router's own, or an earlier answer\n        \
             uci -q del_list 'dhcp.@dnsmasq[0].server=/hearth.example/127.0.0.1#{port}'\n        \
             uci add_list 'dhcp.@dnsmasq[0].server=/hearth.example/127.0.0.1#{port}'\n"
        )
    );
    assert_eq!(
        ran.stderr,
        "note: this server listens on 127.0.0.1 only, where no other host reaches it; a router needs an address of the house in \
         `listen`\nnote: `dnsctl router openwrt` prints these lines with what belongs around them, such as a restart; all of it \
         can be given to the router again\n"
    );
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let ran = house
        .dnsctl(&["--json", "router", "--verify", "--router", &closed])
        .fails(1);
    assert!(
        ran.stdout
            .contains("\"host\":\"hearth.example.\",\"verdict\":\"silent\""),
        "{}",
        ran.stdout
    );
}
