//! The host's network changes under the daemon: addresses, routes and links are taken away and given back.
//!
//! Each test runs in a network namespace of its own (network_namespaces(7)), made for it and gone with it: this
//! program calls itself there by way of `unshare`. In it are the clients, and upstream beyond a default route; the
//! daemon sits in a second one, tied to the first by two cables, `lan` and `wan`. Where that is not permitted, or a
//! program for it is missing, the tests are counted as skipped, by name.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};
use std::time::Instant;

use hearthdns::interfaces;
use hearthdns::netlink::route::Address;
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::Signal;

use support::asker::Authority;
use support::secure::Secure;
use support::upstream::positive;
use support::wire::Edns;
use support::{Act, Client, DEADLINE, Daemon, House, Message, Running, Upstream, rcode, rtype, run};

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    (
        "our_addresses_are_those_that_ip_shows",
        our_addresses_are_those_that_ip_shows,
    ),
    (
        "a_network_that_comes_back_gets_new_connections",
        a_network_that_comes_back_gets_new_connections,
    ),
    (
        "what_changes_nothing_costs_no_connection",
        what_changes_nothing_costs_no_connection,
    ),
    (
        "a_failing_server_is_probed_when_the_network_is_back",
        a_failing_server_is_probed_when_the_network_is_back,
    ),
    (
        "while_the_wan_is_down_old_answers_serve",
        while_the_wan_is_down_old_answers_serve,
    ),
    ("the_provider_s_file_is_followed", the_provider_s_file_is_followed),
    (
        "clients_of_a_new_subnet_of_ours_may_ask",
        clients_of_a_new_subnet_of_ours_may_ask,
    ),
    ("many_changes_at_once_are_few", many_changes_at_once_are_few),
    (
        "changes_that_were_missed_count_as_one",
        changes_that_were_missed_count_as_one,
    ),
    ("our_name_follows_our_addresses", our_name_follows_our_addresses),
    (
        "plain_dns_for_others_brings_dns_over_tls",
        plain_dns_for_others_brings_dns_over_tls,
    ),
];

/// Names the test to a copy of this program that runs in a namespace.
const INSIDE: &str = "HEARTHDNS_TEST_IN_NAMESPACE";
/// What the tests are made with.
const TOOLS: [&str; 3] = ["unshare", "nsenter", "ip"];

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(INSIDE) {
        let (_, test) = TESTS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a test of this name");
        test();
        return ExitCode::SUCCESS;
    }
    let obstacle = obstacle();
    let trials = TESTS.iter().map(|&(name, _)| {
        if let Some(why) = &obstacle {
            println!("skipped: {name}: {why}");
        }
        Trial::test(name, move || inside(name)).with_ignored_flag(obstacle.is_some())
    });
    let trials = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why these tests cannot run here, if they cannot.
fn obstacle() -> Option<String> {
    for tool in TOOLS {
        let found = Command::new(tool)
            .arg("--version")
            .output()
            .or_else(|_| Command::new(tool).arg("-V").output());
        if found.is_err() {
            return Some(format!("{tool} is not installed"));
        }
    }
    let made = unshare()
        .args(["ip", "link", "add", "one", "type", "veth", "peer", "name", "two"])
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&made.stderr);
    (!made.status.success()).then(|| format!("network namespaces are not permitted: {}", why.trim()))
}

/// A new network namespace, in which we may do everything.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]);
    command
}

/// Runs a test in a namespace of its own.
fn inside(name: &str) -> Result<(), Failed> {
    let program = std::env::current_exe().unwrap();
    let ran = run(unshare().arg(program).env(INSIDE, name));
    if ran.code == 0 {
        return Ok(());
    }
    Err(Failed::from(format!(
        "exit code {}\n{}{}",
        ran.code, ran.stdout, ran.stderr
    )))
}

// ---- the place

/// Where upstream is: nobody's neighbour, so that a default route is needed.
const UPSTREAM: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);
const OUTER_LAN: &str = "10.77.1.1";
const INNER_LAN: &str = "10.77.1.2";
const OUTER_WAN: &str = "10.77.2.1";
const INNER_WAN: &str = "10.77.2.2";

/// The namespace of the daemon: of a process that does nothing else than hold it.
struct Place {
    holder: Running,
}

impl Place {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        let holder = Running::start(command.args(["--net", "sh", "-c", "echo there >&2; exec sleep 600"]));
        holder.wait_for_line("the namespace", |line| line == "there");
        let place = Place { holder };
        let pid = place.holder.pid();
        outer("link set lo up");
        outer(&format!("addr add {UPSTREAM}/32 dev lo"));
        place.inner("link set lo up");
        for (cable, ours, its) in [("lan", OUTER_LAN, INNER_LAN), ("wan", OUTER_WAN, INNER_WAN)] {
            outer(&format!(
                "link add {cable} type veth peer name {cable}0 netns {pid}"
            ));
            outer(&format!("addr add {ours}/24 dev {cable}"));
            outer(&format!("link set {cable} up"));
            place.inner(&format!("addr add {its}/24 dev {cable}0"));
            place.inner(&format!("link set {cable}0 up"));
        }
        place.inner(&format!("route add default via {OUTER_WAN}"));
        // The kernel takes its time to say that a cable is plugged in.
        let end = Instant::now() + DEADLINE;
        while place.inner("-br link").matches(" UP ").count() < 2 {
            assert!(
                Instant::now() < end,
                "the cables are not up: {}",
                place.inner("-br link")
            );
        }
        place
    }

    /// Runs `ip` where the daemon is; what it prints.
    #[track_caller]
    fn inner(&self, words: &str) -> String {
        let pid = self.holder.pid().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--net", "--", "ip"]);
        run(command.args(words.split(' '))).ok().stdout
    }

    /// The same with many lines, one right after the other.
    #[track_caller]
    fn batch(&self, house: &House, lines: &str) {
        house.write("batch", lines);
        self.inner(&format!("-batch {}", house.path("batch").display()));
    }

    /// Starts the daemon there, with this upstream of DNS over TLS.
    fn start(&self, secure: &Secure, clients: &str) -> (House, Daemon) {
        let house = House::new()
            .config(&format!(
                "upstreams:\n  - {{url: \"tls://dns.example:{}\", addresses: [{UPSTREAM}], ca_file: ca.pem}}\n\
                 upstream: {{attempt_ms: 10000, timeout_ms: 30000}}\nclients: [{clients}]\n",
                secure.tls.port()
            ))
            .upstreams_of_config()
            .listen(&[&format!("{INNER_LAN}:5300")]);
        house.write("ca.pem", &secure.authority);
        let daemon = house.start_in_network_of(self.holder.pid());
        (house, daemon)
    }
}

/// Runs `ip` where the clients are.
#[track_caller]
fn outer(words: &str) {
    run(Command::new("ip").args(words.split(' '))).ok();
}

fn upstream() -> Secure {
    Secure::start_at(UPSTREAM, &["dns.example"], |query, _| {
        vec![Act::Send(positive(query, "203.0.113.7"))]
    })
}

fn client(daemon: &Daemon) -> Client {
    daemon.client().from(OUTER_LAN)
}

#[track_caller]
fn assert_answers(daemon: &Daemon, name: &str) {
    let reply = client(daemon).ask(name, rtype::A);
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 1),
        "{reply:?}"
    );
}

fn is_change(line: &str) -> bool {
    line.contains("network changed (")
}

/// Waits until the daemon has noticed so many changes since its start.
#[track_caller]
fn wait_for_changes(daemon: &Daemon, count: usize) {
    daemon
        .process
        .wait_for_lines("a change of the network", count, is_change);
}

fn changes(daemon: &Daemon) -> usize {
    daemon.process.log().iter().filter(|line| is_change(line)).count()
}

// ---- the tests

/// Of cables with both ends, with one and with none, and of a line to a provider: subnets, peers, and what is old.
fn our_addresses_are_those_that_ip_shows() {
    outer("link set lo up");
    for cable in ["lan", "half", "down", "wan"] {
        outer(&format!("link add {cable}0 type veth peer name {cable}1"));
    }
    for end in ["lan0", "lan1", "half0", "wan0", "wan1"] {
        outer(&format!("link set {end} up"));
    }
    for address in [
        "192.168.1.1/24 brd + dev lan0 label lan0:0",
        "192.168.1.2/24 dev lan0",
        "10.1.0.1 peer 10.2.0.0/16 dev lan0",
        "10.3.0.1/8 dev down0",
        "100.64.0.9/10 dev half0",
        "169.254.7.7/16 dev wan1",
        "203.0.113.7 peer 203.0.113.1/32 dev wan0",
        "192.0.2.9/4 dev wan0",
        "fd00::1/64 dev lan0 nodad",
        "2001:db8:1::1 peer 2001:db8:2::/64 dev lan0 nodad",
        "2001:db8:3::1/64 dev half0",
        "2001:db8:4::1/60 dev down0",
        "2001:db8::1 peer 2001:db8::2/128 dev wan0 nodad",
        "fd00:9::9/128 dev wan0 nodad valid_lft 600 preferred_lft 0",
    ] {
        outer(&format!("addr add {address}"));
    }
    let ours = |found: Vec<Address>| {
        let line = |address: &Address| format!("{}: {}/{}", address.link, address.ip, address.prefix);
        let mut lines: Vec<String> = found.iter().map(line).collect();
        lines.sort();
        lines
    };
    let shown = shown_by_ip();
    let all: Vec<String> = shown.iter().map(|(line, _)| line.clone()).collect();
    assert_eq!(ours(interfaces::addresses().unwrap()), all);
    assert_eq!(all.len(), 16, "{all:?}");
    let in_use = shown.into_iter().filter(|(_, is_in_use)| *is_in_use);
    let in_use: Vec<String> = in_use.map(|(line, _)| line).collect();
    assert_eq!(ours(interfaces::addresses_in_use().unwrap()), in_use);
    assert_eq!(in_use.len(), 12, "{in_use:?}");
}

/// Addresses as ip(8) shows them, without the link-local ones of IPv6; and whether something is at the other end.
fn shown_by_ip() -> Vec<(String, bool)> {
    let shown = run(Command::new("ip").args(["-json", "address"])).ok().stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let mut lines = Vec::new();
    for link in shown.as_array().unwrap() {
        let has = |flag: &str| link["flags"].as_array().unwrap().iter().any(|of| of == flag);
        let is_in_use = has("UP") && !has("NO-CARRIER");
        for address in link["addr_info"].as_array().unwrap() {
            let ip = address["local"].as_str().unwrap();
            if !ip.starts_with("fe80:") {
                let line = format!("{}: {ip}/{}", link["ifindex"], address["prefixlen"]);
                lines.push((line, is_in_use));
            }
        }
    }
    lines.sort();
    lines
}

fn a_network_that_comes_back_gets_new_connections() {
    let place = Place::new();
    let secure = upstream();
    let (house, daemon) = place.start(&secure, "private");
    assert_answers(&daemon, "start.example.net.");
    assert_eq!(secure.accepted(), 1);
    let (address, route) = (
        format!("{INNER_WAN}/24 dev wan0"),
        format!("default via {OUTER_WAN}"),
    );
    let with_address = [format!("addr add {address}"), format!("route add {route}")];
    let with_route = [format!("route add {route}")];
    let with_link = ["link set wan0 up".to_owned(), format!("route add {route}")];
    for (round, (taken, given)) in [
        (format!("addr del {address}"), &with_address[..]),
        (format!("route del {route}"), &with_route),
        ("link set wan0 down".to_owned(), &with_link),
    ]
    .into_iter()
    .enumerate()
    {
        let before = changes(&daemon);
        place.inner(&taken);
        wait_for_changes(&daemon, before + 1);
        let before = changes(&daemon);
        place.batch(&house, &given.join("\n"));
        wait_for_changes(&daemon, before + 1);
        let name = format!("n{round}.example.net.");
        assert_answers(&daemon, &name);
        // The old connection would carry it too, for all that TCP knows.
        assert_eq!(secure.accepted(), round + 2, "after {taken}");
        let asked = secure
            .seen()
            .iter()
            .filter(|seen| seen.query.qname() == name)
            .count();
        assert_eq!(asked, 1, "nothing was tried in vain");
    }
}

fn what_changes_nothing_costs_no_connection() {
    let place = Place::new();
    let secure = upstream();
    place.inner("addr add 2001:db8::2/64 dev wan0 nodad");
    let (_house, daemon) = place.start(&secure, "private");
    assert_answers(&daemon, "a.example.net.");
    let before = changes(&daemon);
    for (address, words) in [
        ("10.77.2.2/24", format!("addr change {INNER_WAN}/24 dev wan0")),
        ("2001:db8::2/64", "addr change 2001:db8::2/64 dev wan0".to_owned()),
    ] {
        // As router advertisements and DHCP renew it.
        for (round, lifetime) in [600, 1200].into_iter().enumerate() {
            place.inner(&format!("{words} valid_lft {lifetime} preferred_lft {lifetime}"));
            let heard = format!("nothing new of the network: address {address} ");
            daemon
                .process
                .wait_for_lines(&heard, round + 1, |line| line.contains(&heard));
        }
    }
    // A port of a bridge, and a neighbour.
    place.inner("link add port type veth peer name plug");
    place.inner("link set plug up");
    place.inner("link set port up");
    place.inner("neigh add 10.77.2.9 lladdr 02:00:00:00:00:09 dev wan0");
    place.inner("link del port");
    daemon.process.wait_for_line("the end of the port", |line| {
        line.contains("nothing new of the network: interface") && line.contains("is gone")
    });
    assert_answers(&daemon, "b.example.net.");
    assert_eq!((changes(&daemon), secure.accepted()), (before, 1));
}

fn a_failing_server_is_probed_when_the_network_is_back() {
    let place = Place::new();
    let secure = upstream();
    let (house, daemon) = place.start(&secure, "private");
    place.inner("route del default");
    wait_for_changes(&daemon, 1);
    let reply = client(&daemon).ask("away.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::SERVFAIL);
    assert!(house.dnsctl(&["status"]).ok().stdout.contains(" down "));
    place.inner(&format!("route add default via {OUTER_WAN}"));
    daemon.process.wait_for_line("the probe", |line| {
        line.contains("new connections to upstreams, 1 probed")
    });
    assert_answers(&daemon, "back.example.net.");
    assert_eq!(
        secure.accepted(),
        1,
        "the probe's connection, or none before the query's"
    );
    assert!(house.dnsctl(&["status"]).ok().stdout.contains(" up "));
}

/// As a router's cable to its provider comes out, and goes in again.
fn while_the_wan_is_down_old_answers_serve() {
    let place = Place::new();
    let secure = Secure::start_at(UPSTREAM, &["dns.example"], |query, _| {
        let record = format!("{} 1 A 203.0.113.7", query.qname());
        vec![Act::Send(query.reply().answer(&record))]
    });
    let (house, daemon) = place.start(&secure, "private");
    house.write("zones/hearth.example.zone", "matrix A 203.0.113.10\n");
    house.dnsctl(&["reload"]).ok();
    assert_answers(&daemon, "www.example.net.");
    outer("link set wan down");
    place.inner("link set wan0 down");
    wait_for_changes(&daemon, 1);
    // When its second is over it is answered nevertheless, and at no moment not at all.
    let end = Instant::now() + DEADLINE;
    let why = loop {
        let reply = client(&daemon).ask("www.example.net.", rtype::A);
        assert_eq!(
            (reply.rcode, reply.answers.len()),
            (rcode::NOERROR, 1),
            "{reply:?}"
        );
        if let Some(why) = reply.edns.as_ref().and_then(Edns::extended_error) {
            break why.0;
        }
        assert!(Instant::now() < end, "it is never called stale: {reply:?}");
    };
    assert_eq!(why, 3, "RFC 8914, 4.4");
    assert_answers(&daemon, "matrix.hearth.example.");
    let reply = client(&daemon).ask("unknown.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::SERVFAIL);
    assert!(house.dnsctl(&["status"]).ok().stdout.contains(" down "));
    let (before, accepted) = (changes(&daemon), secure.accepted());
    outer("link set wan up");
    place.batch(
        &house,
        &format!("link set wan0 up\nroute add default via {OUTER_WAN}"),
    );
    wait_for_changes(&daemon, before + 1);
    // Asked before any client asks.
    daemon
        .process
        .wait_for_line("the probe", |line| line.contains("to upstreams, 1 probed"));
    assert_answers(&daemon, "back.example.net.");
    assert!(secure.accepted() > accepted, "the connection of before is dead");
    assert!(house.dnsctl(&["status"]).ok().stdout.contains(" up "));
}

/// The file that a router's provider fills: replaced by rename, emptied, gone, with the router itself in it.
fn the_provider_s_file_is_followed() {
    let place = Place::new();
    outer("addr add 198.51.100.54/32 dev lo");
    let at = |last: u8| std::net::SocketAddr::from(([198, 51, 100, last], 53));
    let of = |address: &'static str| move |query: &Message, _| vec![Act::Send(positive(query, address))];
    let _one = Upstream::start_on(at(53), of("203.0.113.1"));
    let _two = Upstream::start_on(at(54), of("203.0.113.2"));
    let house = House::new()
        .config("resolv_conf: resolv.conf.d/resolv.conf.auto\n")
        .upstreams_of_config()
        .listen(&["0.0.0.0:53"]);
    // It is there before the provider is.
    house.write("resolv.conf.d/resolv.conf.auto", "# Interface wan\n");
    let daemon = house.start_in_network_of(place.holder.pid());
    let server = std::net::SocketAddr::new(INNER_LAN.parse().unwrap(), 53);
    let asker = Client::new(server, server);
    let told = |name: &str| {
        let reply = asker.ask(name, rtype::A);
        let data = reply.answers.first().map(ToString::to_string);
        data.map_or(format!("code {}", reply.rcode), |record| {
            record.rsplit_once(' ').unwrap().1.to_owned()
        })
    };
    let wait = |words: &str| daemon.process.wait_for_line(words, |line| line.contains(words));
    let replace = |text: &str| {
        house.write("resolv.conf.d/new", text);
        std::fs::rename(
            house.path("resolv.conf.d/new"),
            house.path("resolv.conf.d/resolv.conf.auto"),
        )
        .unwrap();
    };
    wait("no upstream: names outside our zones fail");
    assert_eq!(told("a.example.net."), "code 2");
    replace("# Interface wan\nnameserver 10.77.1.2\nnameserver 198.51.100.53\nnameserver 10.77.2.2\n");
    wait("upstream udp://198.51.100.53:53, named by ");
    assert_eq!(told("b.example.net."), "203.0.113.1");
    let listed = house.dnsctl(&["status"]).ok().stdout;
    assert!(
        !listed.contains("udp://10.77."),
        "we would ask ourselves: {listed}"
    );
    replace("nameserver 198.51.100.54\n");
    wait("upstream udp://198.51.100.54:53, named by ");
    assert_eq!(told("c.example.net."), "203.0.113.2");
    // What is of no use changes nothing, and is told.
    replace("# Interface wan\nnameserver 10.77.1.2\n");
    let complaint = "it names no server but this one, if any; those that it named last are asked";
    daemon
        .process
        .wait_for_lines(complaint, 2, |line| line.contains(complaint));
    assert_eq!(told("d.example.net."), "203.0.113.2");
    assert!(house.dnsctl(&["status"]).ok().stdout.contains(complaint));
    std::fs::remove_file(house.path("resolv.conf.d/resolv.conf.auto")).unwrap();
    wait("it cannot be read: No such file or directory (os error 2); those that it named last are asked");
    assert_eq!(told("e.example.net."), "203.0.113.2");
    replace("nameserver 198.51.100.54\n");
    let again = "names servers again";
    daemon
        .process
        .wait_for_lines(again, 2, |line| line.contains(again));
    assert!(!house.dnsctl(&["status"]).ok().stdout.contains("named last"));
}

fn clients_of_a_new_subnet_of_ours_may_ask() {
    let place = Place::new();
    let secure = upstream();
    let (_house, daemon) = place.start(&secure, "local");
    assert_answers(&daemon, "a.example.net.");
    outer("addr add 203.0.113.1/24 dev lan");
    let stranger = daemon.client().from("203.0.113.1");
    assert_eq!(stranger.ask("a.example.net.", rtype::A).rcode, rcode::REFUSED);
    place.inner("addr add 203.0.113.2/24 dev lan0");
    daemon.process.wait_for_line("another subnet", |line| {
        line.contains(
            "network changed (address): new connections to upstreams, 0 probed; clients of other subnets",
        )
    });
    assert_eq!(stranger.ask("a.example.net.", rtype::A).rcode, rcode::NOERROR);
    place.inner("addr del 203.0.113.2/24 dev lan0");
    wait_for_changes(&daemon, 2);
    assert_eq!(stranger.ask("a.example.net.", rtype::A).rcode, rcode::REFUSED);
}

/// Addresses for `ip -batch`, one a line.
fn addresses(count: u32) -> String {
    let line = |n: u32| format!("addr add 10.88.{}.{}/32 dev wan0\n", n / 250, n % 250 + 1);
    (0..count).map(line).collect()
}

fn many_changes_at_once_are_few() {
    let place = Place::new();
    let secure = upstream();
    let (house, daemon) = place.start(&secure, "private");
    place.batch(&house, &addresses(200));
    wait_for_changes(&daemon, 1);
    place.inner("link set wan0 down");
    daemon
        .process
        .wait_for_line("the last change", |line| is_change(line) && line.contains("link"));
    // On a machine that stops for a while in the middle a few more.
    assert!(changes(&daemon) < 10, "{} changes", changes(&daemon));
}

fn changes_that_were_missed_count_as_one() {
    let place = Place::new();
    let secure = upstream();
    let (house, daemon) = place.start(&secure, "private");
    daemon.process.signal(Signal::STOP);
    place.batch(&house, &addresses(3000));
    daemon.process.signal(Signal::CONT);
    daemon.process.wait_for_line("the overrun", |line| {
        is_change(line) && line.contains("too much at once")
    });
    assert_answers(&daemon, "a.example.net.");
}

fn our_name_follows_our_addresses() {
    let place = Place::new();
    let house = House::new()
        .config("name: dns.home.example\n")
        .listen(&["0.0.0.0:5300"]);
    let daemon = house.start_in_network_of(place.holder.pid());
    let port = daemon.udp[0].port();
    let server = std::net::SocketAddr::new(INNER_LAN.parse().unwrap(), port);
    let asker = Client::new(server, server);
    let told = |name: &str| {
        let reply = asker.ask(name, rtype::A);
        let mut addresses: Vec<String> = reply
            .answers
            .iter()
            .map(|record| record.to_string().rsplit_once(' ').unwrap().1.to_owned())
            .collect();
        addresses.sort();
        addresses.join(" ")
    };
    assert_eq!(told("dns.home.example."), "10.77.1.2 10.77.2.2");
    for (words, expected) in [
        ("addr add 10.77.9.9/24 dev lan0", "10.77.1.2 10.77.2.2 10.77.9.9"),
        // A public one is none of the house's.
        (
            "addr add 203.0.113.9/24 dev lan0",
            "10.77.1.2 10.77.2.2 10.77.9.9",
        ),
        ("link set wan0 down", "10.77.1.2 10.77.9.9"),
    ] {
        let before = changes(&daemon);
        place.inner(words);
        wait_for_changes(&daemon, before + 1);
        if told("t.dns.home.example.") != expected {
            daemon.process.wait_for_line("another address", |line| {
                line.contains("devices know this server as dns.home.example. at ")
                    && expected.split(' ').all(|address| line.contains(address))
                    && line.matches(", ").count() == expected.matches(' ').count()
            });
            // What changes zones has been done when this is answered.
            house.dnsctl(&["status"]).ok();
        }
        assert_eq!(told("t.dns.home.example."), expected, "after {words}");
    }
}

fn plain_dns_for_others_brings_dns_over_tls() {
    let place = Place::new();
    let authority = Authority::new();
    let house = |config: &str| {
        let config = format!("certificate: {{chain: chain.pem, key: key.pem}}\n{config}");
        let house = House::new()
            .config(&config)
            .zone("home.example", "matrix 300 A 192.0.2.10\n");
        authority.issue(&house, &["dns.home.example"], 2099);
        house
    };
    let query = Message::query("matrix.home.example.", rtype::A).encode();
    let over_tls = || {
        let server = std::net::SocketAddr::new(INNER_LAN.parse().unwrap(), 853);
        authority
            .asker("dns.home.example")
            .tls(server, std::slice::from_ref(&query))
    };
    let lan = house("").listen(&["0.0.0.0:53"]);
    let daemon = lan.start_in_network_of(place.holder.pid());
    assert_eq!(daemon.encrypted("tls"), "0.0.0.0:853".parse().unwrap());
    assert_eq!(over_tls().unwrap().len(), 1);
    drop(daemon);
    let quiet = house("discovery: {lan_tls: false}\n").listen(&["0.0.0.0:53"]);
    let daemon = quiet.start_in_network_of(place.holder.pid());
    assert!(over_tls().unwrap_err().contains("Connection refused"));
    drop(daemon);
    // Somebody else has the port: plain DNS answers all the same.
    let other = house("")
        .listen(&["127.0.0.1:5301"])
        .listen_too(&["tls://0.0.0.0"]);
    let _other = other.start_in_network_of(place.holder.pid());
    let daemon = lan.start_in_network_of(place.holder.pid());
    daemon.process.wait_for_line("why not", |line| {
        line.ends_with(
            "HearthDNS runs already; stop that one, or choose another port with --listen; or do without it: \
             `discovery: {lan_tls: false}`",
        )
    });
    let server = std::net::SocketAddr::new(INNER_LAN.parse().unwrap(), 53);
    let reply = Client::new(server, server).ask("matrix.home.example.", rtype::A);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1));
}
