//! Unbound and dnsmasq as routers in front of us, with the lines that `dnsctl router` prints, and without one of them.

use crate::Test;
use crate::peers::{ITERATE, unbound};
use crate::support::{Daemon, House, Peer, Ran, Upstream, free_address, rcode, rtype};

pub(crate) const TESTS: &[Test] = &[
    (
        "unbound_with_our_lines_forwards_every_zone",
        &["unbound"],
        unbound_with_our_lines_forwards_every_zone,
    ),
    (
        "unbound_without_a_line_is_told_which",
        &["unbound"],
        unbound_without_a_line_is_told_which,
    ),
    (
        "dnsmasq_with_our_lines_forwards_every_zone",
        &["dnsmasq"],
        dnsmasq_with_our_lines_forwards_every_zone,
    ),
    (
        "dnsmasq_without_a_line_is_told_which",
        &["dnsmasq"],
        dnsmasq_without_a_line_is_told_which,
    ),
];

/// Zones of every kind: an ordinary one, two below names that a resolver answers itself, one of addresses.
fn house() -> (House, Daemon) {
    let house = House::new()
        .zone("home.example", "matrix A 192.168.7.20\n")
        .zone("lab.test", "box A 10.7.0.1\n")
        .zone("attic.home.arpa", "lamp A 172.20.7.1\n")
        // With an address where nobody looks for one: no router lets that pass, and nothing is wrong with it.
        .zone(
            "7.168.192.in-addr.arpa",
            "20 PTR matrix.home.example.\n@ NS ns\nns A 192.168.7.1\n",
        );
    let daemon = house.start();
    (house, daemon)
}

/// Whom the router asks for everything else: somebody who knows nothing of us.
fn world() -> Upstream {
    Upstream::failing(rcode::NXDOMAIN)
}

/// What `dnsctl router` prints for this house, without the lines that hold one of these words.
#[track_caller]
fn lines(house: &House, kind: &str, without: &[&str]) -> String {
    let text = house.dnsctl(&["router", kind]).ok().stdout;
    let kept = text
        .lines()
        .filter(|line| !without.iter().any(|word| line.contains(word)));
    kept.map(|line| format!("{line}\n")).collect()
}

#[track_caller]
fn verify(house: &House, kind: &str, router: &Peer) -> Ran {
    house.dnsctl(&["router", kind, "--verify", "--router", &router.addr.to_string()])
}

/// Unbound that takes private addresses out of answers, with these lines.
fn unbound_router(lines: &str, world: &Upstream) -> Peer {
    let more = format!(
        "{ITERATE}  private-address: 10.0.0.0/8\n  private-address: 172.16.0.0/12\n  private-address: 192.168.0.0/16\n  \
         local-zone: \"probe.example.org.\" static\n  local-data: \"probe.example.org. SOA a. b. 1 2 3 4 5\"\n"
    );
    let rest = format!(
        "{lines}forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{}\n",
        world.addr.port()
    );
    unbound(free_address(), &more, &rest, "probe.example.org.")
}

/// dnsmasq set up as OpenWrt does, with these lines.
fn dnsmasq_router(lines: &str, world: &Upstream) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let config = format!(
        "keep-in-foreground\nlisten-address={}\nport={}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file\n\
         log-facility=-\nstop-dns-rebind\nbogus-priv\ndomain-needed\nserver=127.0.0.1#{}\n\
         local=/probe.example.org/\nhost-record=probe.example.org,198.51.100.1\n{lines}",
        addr.ip(),
        addr.port(),
        world.addr.port()
    );
    Peer::start("dnsmasq", &["-C"], addr, house, &config, "probe.example.org.")
}

#[track_caller]
fn assert_forwards(router: &Peer) {
    let client = router.client();
    for (name, address) in [
        ("matrix.home.example.", "192.168.7.20"),
        ("box.lab.test.", "10.7.0.1"),
        ("lamp.attic.home.arpa.", "172.20.7.1"),
    ] {
        let reply = client.ask(name, rtype::A);
        assert!(
            reply
                .answer_lines()
                .iter()
                .any(|line| line.ends_with(&format!(" A {address}"))),
            "{name}: {reply:?}"
        );
        assert_eq!(client.ask(&format!("no.{name}"), rtype::A).rcode, rcode::NXDOMAIN);
    }
    let reply = client.ask("20.7.168.192.in-addr.arpa.", rtype::PTR);
    assert_eq!(reply.answers.len(), 1, "{reply:?}");
}

/// Verdicts and the lines that mend them, without the reasons.
fn told(ran: &Ran) -> Vec<String> {
    let short = |line: &str| match line.split_once(' ') {
        Some((word @ ("ok" | "WRONG"), rest)) => {
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap_or_default();
            let reason: Vec<&str> = words.take(3).collect();
            format!("{word} {name} {}", reason.join(" "))
        }
        _ => line.trim().to_owned(),
    };
    ran.stdout.lines().skip(1).map(short).collect()
}

const RIGHT: [&str; 4] = [
    "ok lamp.attic.home.arpa. answers as the",
    "ok 7.168.192.in-addr.arpa. answers as the",
    "ok matrix.home.example. answers as the",
    "ok box.lab.test. answers as the",
];

fn unbound_with_our_lines_forwards_every_zone() {
    let ((house, _daemon), world) = (house(), world());
    let router = unbound_router(&lines(&house, "unbound", &[]), &world);
    assert_forwards(&router);
    assert_eq!(told(&verify(&house, "unbound", &router).ok()), RIGHT);
    // Below the same names, what is not ours is as it was before.
    for name in ["other.home.arpa.", "other.test.", "1.9.168.192.in-addr.arpa."] {
        assert_eq!(
            router.client().ask(name, rtype::A).rcode,
            rcode::NXDOMAIN,
            "{name}"
        );
        assert_eq!(world.count(name), 0, "{name} left the house");
    }
}

fn unbound_without_a_line_is_told_which() {
    let ((house, daemon), world) = (house(), world());
    let router = unbound_router(&lines(&house, "unbound", &["private-domain"]), &world);
    assert_eq!(
        told(&verify(&house, "unbound", &router).fails(1)),
        [
            "WRONG lamp.attic.home.arpa. is forwarded, but",
            "private-domain: \"attic.home.arpa.\"",
            RIGHT[1],
            "WRONG matrix.home.example. is forwarded, but",
            "private-domain: \"home.example.\"",
            "WRONG box.lab.test. is forwarded, but",
            "private-domain: \"lab.test.\"",
        ]
    );
    drop(router);
    let port = daemon.udp[0].port();
    let forward = |zone: &str, local: &str| -> Vec<String> {
        let lines = format!("{local}\nforward-zone:\nname: \"{zone}\"\nforward-addr: 127.0.0.1@{port}");
        lines.lines().map(str::to_owned).collect()
    };
    let expected = |name: &str, zone: &str, local: &str| {
        let verdict = format!("WRONG {name} is not forwarded");
        [vec![verdict], forward(zone, local)].concat()
    };
    let reverse = "7.168.192.in-addr.arpa.";
    let local = |zone: &str| format!("local-zone: \"{zone}\" transparent");
    let router = unbound_router(&lines(&house, "unbound", &["local-zone"]), &world);
    assert_eq!(
        told(&verify(&house, "unbound", &router).fails(1)),
        [
            expected(
                "lamp.attic.home.arpa.",
                "attic.home.arpa.",
                &local("attic.home.arpa.")
            ),
            expected(reverse, reverse, &local(reverse)),
            vec![RIGHT[2].to_owned()],
            expected("box.lab.test.", "lab.test.", &local("lab.test.")),
        ]
        .concat()
    );
    drop(router);
    let router = unbound_router("", &world);
    let all = told(&verify(&house, "unbound", &router).fails(1));
    assert_eq!(
        all.iter()
            .filter(|line| line.ends_with("is not forwarded"))
            .count(),
        4,
        "{all:?}"
    );
}

fn dnsmasq_with_our_lines_forwards_every_zone() {
    let ((house, _daemon), world) = (house(), world());
    let router = dnsmasq_router(&lines(&house, "dnsmasq", &[]), &world);
    assert_forwards(&router);
    assert_eq!(told(&verify(&house, "dnsmasq", &router).ok()), RIGHT);
}

fn dnsmasq_without_a_line_is_told_which() {
    let ((house, daemon), world) = (house(), world());
    let router = dnsmasq_router(&lines(&house, "dnsmasq", &["rebind"]), &world);
    assert_eq!(
        told(&verify(&house, "dnsmasq", &router).fails(1)),
        [
            "WRONG lamp.attic.home.arpa. is forwarded, but",
            "rebind-domain-ok=/attic.home.arpa/",
            RIGHT[1],
            "WRONG matrix.home.example. is forwarded, but",
            "rebind-domain-ok=/home.example/",
            "WRONG box.lab.test. is forwarded, but",
            "rebind-domain-ok=/lab.test/",
        ]
    );
    drop(router);
    let router = dnsmasq_router(&lines(&house, "dnsmasq", &["server=/home.example/"]), &world);
    let port = daemon.udp[0].port();
    let line = format!("server=/home.example/127.0.0.1#{port}");
    let wrong = "WRONG matrix.home.example. is not forwarded";
    assert_eq!(
        told(&verify(&house, "dnsmasq", &router).fails(1)),
        [RIGHT[0], RIGHT[1], wrong, &line, RIGHT[3]]
    );
    // The server goes, the router stays.
    drop(daemon);
    let ran = house.dnsctl_offline(&[
        "router",
        "--verify",
        "--server",
        "127.0.0.1:9",
        "--router",
        &router.addr.to_string(),
    ]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("this server itself does not answer at 127.0.0.1:9"),
        "{ran:?}"
    );
}
