//! The kernel's firewall: addresses of a list go into sets, which `nft` shows, and a client that asks somebody else for names is
//! led to us.
//!
//! Each test runs in a network namespace of its own, with a firewall of its own, made for it and gone with it: this program
//! calls itself there by way of `unshare`. What is missing for that is skipped, by name.
#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, ExitCode};

use libtest_mimic::Failed;
use serde_json::Value;
use support::needs::{Test, not_installed, run_tests};
use support::{Act, Client, DEADLINE, Daemon, House, Message, Running, Upstream, rcode, rtype, run};

/// Names the test to a copy of this program that runs in a namespace.
const INSIDE: &str = "HEARTHDNS_TEST_IN_NAMESPACE";
const NFTABLES: &str = "nftables";
const NEEDS: &[&str] = &["nft", "unshare", "nsenter", "setpriv", "ip", NFTABLES];

const TESTS: &[(&str, fn())] = &[
    ("addresses_are_in_their_sets_when_they_are_answered", answered),
    ("timeouts_are_renewed", timeouts),
    ("what_fails_is_told_once_and_dns_goes_on", failures),
    ("whoever_asks_another_server_is_answered_by_us", redirected),
];

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(INSIDE) {
        let (_, test) = TESTS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a test of this name");
        run(Command::new("ip").args(["link", "set", "lo", "up"])).ok();
        nft("add table inet fw4");
        test();
        return ExitCode::SUCCESS;
    }
    let tests: Vec<Test> = vec![
        (TESTS[0].0, NEEDS, || inside(TESTS[0].0)),
        (TESTS[1].0, NEEDS, || inside(TESTS[1].0)),
        (TESTS[2].0, NEEDS, || inside(TESTS[2].0)),
        (TESTS[3].0, NEEDS, || inside(TESTS[3].0)),
    ];
    run_tests(tests, |need| match need {
        NFTABLES => {
            let tried = unshare().args(["nft", "add", "table", "inet", "x"]).output();
            let can = tried.is_ok_and(|ran| ran.status.success());
            (!can).then(|| "a firewall in a network namespace is not permitted here".to_owned())
        }
        tool => not_installed(tool),
    })
}

/// A new network namespace, in which we may do everything.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]);
    command
}

fn inside(name: &str) {
    let ran = run(unshare().arg(std::env::current_exe().unwrap()).env(INSIDE, name));
    let shown = Failed::from(format!("{}{}", ran.stdout, ran.stderr));
    assert_eq!(ran.code, 0, "{}", shown.message().unwrap_or_default());
}

#[track_caller]
fn nft(words: &str) {
    run(Command::new("nft").arg(words)).ok();
}

/// The elements of a set with their timeouts in seconds, in order.
#[track_caller]
fn elements(set: &str) -> Vec<(String, Option<u64>)> {
    let ran = run(Command::new("nft").args(["-j", "list", "set", "inet", "fw4", set])).ok();
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let listed = value["nftables"].as_array().unwrap();
    let set = listed.iter().find_map(|item| item.get("set")).unwrap();
    let mut out: Vec<(String, Option<u64>)> = set["elem"]
        .as_array()
        .unwrap_or(&Vec::new())
        .iter()
        .map(|element| match element.get("elem") {
            Some(inner) => (
                inner["val"].as_str().unwrap().to_owned(),
                inner["timeout"].as_u64(),
            ),
            None => (element.as_str().unwrap().to_owned(), None),
        })
        .collect();
    out.sort();
    out
}

/// Gives every name an alias and two addresses of the type that is asked for.
fn upstream() -> Upstream {
    Upstream::start(|query: &Message, _| {
        let name = query.qname();
        let reply = query.reply();
        vec![Act::Send(match query.qtype() {
            rtype::A => reply
                .answer(&format!("{name} 300 CNAME edge.example.net."))
                .answer("edge.example.net. 300 A 198.51.100.7")
                .answer("edge.example.net. 300 A 198.51.100.8"),
            rtype::AAAA => reply.answer(&format!("{name} 300 AAAA 2001:db8::7")),
            _ => reply,
        })]
    })
}

fn start(config: &str, upstream: &Upstream) -> (House, Daemon) {
    let house = House::new()
        .config(config)
        .zone("hearth.example", "matrix A 203.0.113.10\n")
        .upstream(upstream.addr);
    let daemon = house.start();
    (house, daemon)
}

#[track_caller]
fn ask(daemon: &Daemon, name: &str, qtype: u16) {
    let reply = daemon.ask(name, qtype);
    assert!(
        reply.rcode == rcode::NOERROR && !reply.answers.is_empty(),
        "{reply:?}"
    );
}

fn bare(addresses: &[&str]) -> Vec<(String, Option<u64>)> {
    addresses
        .iter()
        .map(|address| ((*address).to_owned(), None))
        .collect()
}

fn answered() {
    nft("add set inet fw4 vpn4 { type ipv4_addr; }");
    nft("add set inet fw4 vpn6 { type ipv6_addr; }");
    nft("add set inet fw4 other4 { type ipv4_addr; }");
    let upstream = upstream();
    let (house, daemon) = start(
        "nftsets:\n  - {domains: [video.example, hearth.example], v4: inet fw4 vpn4, v6: inet fw4 vpn6}\n  - {domains: \
         [hd.video.example], v4: inet fw4 other4}\n",
        &upstream,
    );
    // Names beside the list, and those that we answer ourselves, are nobody's business.
    ask(&daemon, "www.example.net.", rtype::A);
    ask(&daemon, "notvideo.example.", rtype::A);
    ask(&daemon, "matrix.hearth.example.", rtype::A);
    assert_eq!(elements("vpn4"), []);
    // There the moment the client has them; in the case in which it is asked for.
    ask(&daemon, "www.VIDEO.example.", rtype::A);
    assert_eq!(elements("vpn4"), bare(&["198.51.100.7", "198.51.100.8"]));
    assert_eq!((elements("vpn6"), elements("other4")), (vec![], vec![]));
    ask(&daemon, "video.example.", rtype::AAAA);
    assert_eq!(elements("vpn6"), bare(&["2001:db8::7"]));
    // A name may be on two lists.
    ask(&daemon, "cdn.hd.video.example.", rtype::A);
    assert_eq!(elements("other4"), bare(&["198.51.100.7", "198.51.100.8"]));
    // The firewall is loaded anew: whoever flushes has the sets filled again.
    nft("flush set inet fw4 vpn4");
    ask(&daemon, "www.video.example.", rtype::A);
    assert_eq!(elements("vpn4"), [], "it came from the cache");
    house.dnsctl(&["flush", "--below", "video.example"]).ok();
    ask(&daemon, "www.video.example.", rtype::A);
    assert_eq!(elements("vpn4"), bare(&["198.51.100.7", "198.51.100.8"]));
    assert!(!house.dnsctl(&["status"]).ok().stdout.contains("nftset"));
}

/// `nft monitor`, which has begun to hear: it tells each change of an element, and where a batch ends and whose it was.
fn monitor() -> Running {
    let monitor = Running::start(Command::new("sh").args(["-c", "exec nft monitor >&2"]));
    nft("add set inet fw4 heard4 { type ipv4_addr; }");
    let end = std::time::Instant::now() + DEADLINE;
    while !monitor.log().iter().any(|line| line.contains("heard4")) {
        assert!(std::time::Instant::now() < end, "the monitor hears nothing");
        nft("add element inet fw4 heard4 { 192.0.2.9 }");
        nft("flush set inet fw4 heard4");
    }
    monitor
}

fn timeouts() {
    nft("add set inet fw4 vpn4 { type ipv4_addr; flags timeout; timeout 7m; }");
    nft("add set inet fw4 own4 { type ipv4_addr; flags timeout; timeout 7m; }");
    nft("add element inet fw4 own4 { 198.51.100.7 timeout 10s }");
    nft("add element inet fw4 vpn4 { 192.0.2.1 timeout 10s }");
    let upstream = upstream();
    let (_house, daemon) = start(
        "cache: {stale_seconds: 60}\nnftsets:\n  - {domains: [video.example], v4: inet fw4 vpn4, timeout_seconds: 3600}\n  - {domains: \
         [short.example], v4: inet fw4 vpn4, timeout_seconds: 1}\n  - {domains: [own.example], v4: inet fw4 own4}\n",
        &upstream,
    );
    let with = |address: &str, timeout| (address.to_owned(), Some(timeout));
    // As long as the cache may answer, where that is longer: the TTL, and stale.
    ask(&daemon, "www.short.example.", rtype::A);
    let others = with("192.0.2.1", 10);
    assert_eq!(
        elements("vpn4"),
        [
            others.clone(),
            with("198.51.100.7", 360),
            with("198.51.100.8", 360)
        ]
    );
    // One that is there already gets the new time, and nobody else's is touched.
    let monitor = monitor();
    ask(&daemon, "www.video.example.", rtype::A);
    assert_eq!(
        elements("vpn4"),
        [others, with("198.51.100.7", 3600), with("198.51.100.8", 3600)]
    );
    // Older kernels than 6.12 leave its old time to an element that is added again. So each is taken away before that, and no
    // packet sees it missing: it is one batch, after which the kernel tells of a new generation.
    monitor.wait_for_line("the batch", |line| {
        line.starts_with("# ") && line.contains("(nftset)")
    });
    let log = monitor.log();
    let told = log
        .iter()
        .filter(|line| line.contains("vpn4 ") || line.contains("(nftset)"));
    let mut steps: Vec<&str> = told.map(|line| line.split(' ').next().unwrap()).collect();
    steps.dedup();
    assert_eq!(steps, ["add", "delete", "add", "#"], "{log:#?}");
    // Without a time of ours the set's own counts, also for what was put in by somebody else.
    ask(&daemon, "www.own.example.", rtype::A);
    // `nft` shows none that is the set's.
    assert_eq!(elements("own4"), bare(&["198.51.100.7", "198.51.100.8"]));
}

fn failures() {
    nft("add set inet fw4 wide4 { type ipv4_addr; flags interval; }");
    nft("add set inet fw4 six { type ipv6_addr; }");
    nft("add set inet fw4 plain4 { type ipv4_addr; }");
    let upstream = upstream();
    let entry = |name: &str, more: &str| format!("  - {{domains: [{name}.example], v4: inet fw4 {more}}}\n");
    let config = [
        entry("gone", "gone4"),
        entry("wide", "wide4"),
        entry("six", "six"),
        entry("plain", "plain4, timeout_seconds: 60"),
    ];
    let (house, daemon) = start(&format!("nftsets:\n{}", config.concat()), &upstream);
    let told = |words: &str| {
        let log = daemon.process.log();
        log.iter().filter(|line| line.contains(words)).count()
    };
    for (name, set, words) in [
        (
            "gone",
            "gone4",
            "there is no such set; make it, or correct its name",
        ),
        (
            "wide",
            "wide4",
            "it holds intervals; make one without `flags interval`",
        ),
        (
            "six",
            "six",
            "it is not made for addresses of IPv4; make it with `type ipv4_addr`",
        ),
        (
            "plain",
            "plain4",
            "its elements have no timeout; make it with `flags timeout`, or leave out `timeout_seconds`",
        ),
    ] {
        ask(&daemon, &format!("a.{name}.example."), rtype::A);
        ask(&daemon, &format!("b.{name}.example."), rtype::A);
        let line = format!("nftset inet fw4 {set}: {words}");
        daemon.process.wait_for_line(&line, |told| told.contains(&line));
        assert_eq!(told(&line), 1, "{line}");
        assert!(house.dnsctl(&["status"]).ok().stdout.contains(words), "{words}");
    }
    nft("add set inet fw4 gone4 { type ipv4_addr; }");
    ask(&daemon, "c.gone.example.", rtype::A);
    assert_eq!(elements("gone4"), bare(&["198.51.100.7", "198.51.100.8"]));
    let line = "nftset inet fw4 gone4: it is filled again";
    daemon.process.wait_for_line(line, |told| told.contains(line));
    assert!(!house.dnsctl(&["status"]).ok().stdout.contains("no such set"));
    // Whoever may not is told so.
    let upstream = self::upstream();
    let house = House::new()
        .config("nftsets:\n  - {domains: [gone.example], v4: inet fw4 gone4}\n")
        .upstream(upstream.addr);
    let inner = house.command();
    let daemon = house.start_with(|command| {
        let mut powerless = Command::new("setpriv");
        powerless
            .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(house.root());
        *command = powerless;
    });
    ask(&daemon, "d.gone.example.", rtype::A);
    let line = "nftset inet fw4 gone4: the kernel lets only holders of CAP_NET_ADMIN fill it; grant that";
    daemon.process.wait_for_line(line, |told| told.contains(line));
}

/// What the init script tells OpenWrt's firewall, `service_data` of procd, see tests/openwrt.rs.
const REDIRECT: &str = include_str!("golden/openwrt/redirect.txt");
/// Keys of a redirect that OpenWrt's firewall knows, of those that could be meant here.
const KNOWN: &[&str] = &[
    "type",
    "enabled",
    "name",
    "family",
    "src",
    "dest",
    "proto",
    "src_ip",
    "src_mac",
    "src_port",
    "src_dip",
    "src_dport",
    "dest_ip",
    "dest_port",
    "reflection",
    "target",
];

/// The rules that OpenWrt's firewall (fw4) makes of it: a redirect without `dest_ip` leads to the router itself.
fn rules_of(redirect: &Value) -> Vec<String> {
    let word = |key: &str| match &redirect[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let unknown: Vec<&String> = redirect
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| !KNOWN.contains(&key.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "fw4 warns of options that it does not know: {unknown:?}"
    );
    assert_eq!(
        (
            word("type").as_str(),
            word("target").as_str(),
            word("src").as_str()
        ),
        ("redirect", "DNAT", "lan")
    );
    // Of both families: fw4 makes a rule of each that is not bound to one.
    assert_eq!(
        (word("family").as_str(), word("reflection").as_str()),
        ("any", "false")
    );
    let (from, to, name) = (word("src_dport"), word("dest_port"), word("name"));
    let protocols = word("proto");
    let rule = |proto: &str| {
        format!(
            "add rule inet fw4 dstnat_lan {proto} dport {from} counter redirect to :{to} comment \"!fw4: {name}\""
        )
    };
    protocols.split(' ').map(rule).collect()
}

fn redirected() {
    let data: Value = serde_json::from_str(REDIRECT).unwrap();
    let [redirect] = &data["firewall"].as_array().unwrap()[..] else {
        panic!("{data}")
    };
    // The router has a namespace of its own; this one is the LAN, with a client that knows another server.
    let mut holder = Command::new("unshare");
    let router = Running::start(holder.args(["--net", "sh", "-c", "echo there >&2; exec sleep 600"]));
    router.wait_for_line("the namespace", |line| line == "there");
    let pid = router.pid().to_string();
    let inner = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        run(command.args(["--target", &pid, "--net", "--"]).args(words)).ok()
    };
    let outer = |words: &str| drop(run(Command::new("ip").args(words.split(' '))).ok());
    outer(&format!("link add lan type veth peer name lan0 netns {pid}"));
    for address in ["10.77.1.1/24", "fd77::1/64"] {
        run(Command::new("ip").args(["addr", "add", address, "dev", "lan", "nodad"])).ok();
    }
    outer("link set lan up");
    for words in [
        &["ip", "addr", "add", "10.77.1.2/24", "dev", "lan0"][..],
        &["ip", "addr", "add", "fd77::2/64", "dev", "lan0", "nodad"],
        &["ip", "link", "set", "lo", "up"],
        &["ip", "link", "set", "lan0", "up"],
        &["nft", "add table inet fw4"],
        &[
            "nft",
            "add chain inet fw4 dstnat { type nat hook prerouting priority dstnat; policy accept; }",
        ],
        &["nft", "add chain inet fw4 dstnat_lan"],
        &["nft", "add rule inet fw4 dstnat iifname lan0 jump dstnat_lan"],
    ] {
        inner(words);
    }
    outer("route add 192.0.2.8/32 via 10.77.1.2");
    run(Command::new("ip").args(["-6", "route", "add", "2001:db8::8/128", "via", "fd77::2"])).ok();
    let house = House::new()
        .zone(
            "hearth.example",
            "matrix A 203.0.113.10\nmatrix AAAA 2001:db8::10\n",
        )
        .listen(&["0.0.0.0:53", "[::]:53"]);
    let daemon = house.start_in_network_of(router.pid());
    for rule in rules_of(redirect) {
        inner(&["nft", &rule]);
    }
    for (from, server) in [("10.77.1.1", "192.0.2.8:53"), ("fd77::1", "[2001:db8::8]:53")] {
        let server: std::net::SocketAddr = server.parse().unwrap();
        let client = Client::new(server, server).from(from);
        // A cable takes its time; what is asked meanwhile is lost.
        let end = std::time::Instant::now() + DEADLINE;
        while inner(&["ip", "-br", "link", "show", "lan0"])
            .stdout
            .matches(" UP ")
            .count()
            < 1
        {
            assert!(std::time::Instant::now() < end, "the cable is not up");
        }
        for reply in [
            client.ask("matrix.hearth.example.", rtype::A),
            client.ask_tcp("matrix.hearth.example.", rtype::A),
        ] {
            assert_eq!(
                (reply.rcode, reply.answers.len()),
                (rcode::NOERROR, 1),
                "{server}: {reply:?}"
            );
        }
    }
    drop(daemon);
}
