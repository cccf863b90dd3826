//! Other people's DNS software against ours: dig and kdig ask us, NSD and Knot answer the same zones as we do,
//! and Unbound stands upstream.
//!
//! A harness of its own, because a peer that is not installed must be counted as skipped, by name, and not as
//! passed. Peers run on loopback ports, with files in a temporary folder, and are stopped by their own pid.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use libtest_mimic::{Arguments, Trial};

use support::sample::{HEARTH, WILD};
use support::wire::{type_name, type_number};
use support::{Client, Daemon, House, Message, Running, rcode, rtype, run};

/// Name, the peers that it needs, the test.
type Test = (&'static str, &'static [&'static str], fn());

fn main() -> ExitCode {
    let tests: &[Test] = &[
        ("dig_gets_what_it_asks_for", &["dig"], dig_gets_what_it_asks_for),
        (
            "dig_has_nothing_to_complain_of",
            &["dig"],
            dig_has_nothing_to_complain_of,
        ),
        (
            "kdig_gets_what_it_asks_for",
            &["kdig"],
            kdig_gets_what_it_asks_for,
        ),
        (
            "nsd_and_knot_agree_with_each_other",
            &["nsd", "knotd"],
            nsd_and_knot_agree_with_each_other,
        ),
        (
            "nsd_answers_the_same_zones_alike",
            &["nsd"],
            nsd_answers_the_same_zones_alike,
        ),
        (
            "knot_answers_the_same_zones_alike",
            &["knotd"],
            knot_answers_the_same_zones_alike,
        ),
        (
            "nsd_answers_made_up_zones_alike",
            &["nsd"],
            nsd_answers_made_up_zones_alike,
        ),
        (
            "unbound_upstream_of_us_is_passed_on",
            &["nsd", "unbound"],
            unbound_upstream_of_us_is_passed_on,
        ),
        (
            "unbound_killed_and_back_is_asked_again",
            &["nsd", "unbound"],
            unbound_killed_and_back_is_asked_again,
        ),
        (
            "unbound_validates_and_we_pass_it_on",
            &["knotd", "kdig", "unbound"],
            unbound_validates_and_we_pass_it_on,
        ),
        (
            "unbound_takes_us_as_its_upstream",
            &["unbound"],
            unbound_takes_us_as_its_upstream,
        ),
    ];
    let trials = tests.iter().map(|&(name, peers, test)| {
        let missing: Vec<&str> = peers
            .iter()
            .copied()
            .filter(|peer| program(peer).is_none())
            .collect();
        for peer in &missing {
            println!("skipped: {name}: {peer} is not installed");
        }
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    let mut arguments = Arguments::from_args();
    // Nine houses with peers at once are more than a small machine should carry.
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Where a program is; daemons live where a user's PATH need not point.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn served() -> (House, Daemon) {
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("wild.example", WILD)
        .zone("big.example", &big);
    let daemon = house.start();
    (house, daemon)
}

// ---- clients

fn dig(daemon: &Daemon, args: &[&str]) -> String {
    let server = if args.contains(&"+tcp") {
        daemon.tcp[0]
    } else {
        daemon.udp[0]
    };
    let mut command = Command::new(program("dig").unwrap());
    // -r: the user's .digrc takes no part.
    command
        .arg("-r")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string()]);
    run(command.args(["+tries=1", "+timeout=5"]).args(args))
        .ok()
        .stdout
}

fn dig_gets_what_it_asks_for() {
    let (_house, daemon) = served();
    for (args, expected) in [
        (&["+short", "matrix.hearth.example", "A"][..], "192.0.2.10\n"),
        (
            &["+short", "+tcp", "matrix.hearth.example", "AAAA"],
            "2001:db8::10\n",
        ),
        (
            &["+short", "_matrix-fed._tcp.hearth.example", "SRV"],
            "10 5 8448 matrix.hearth.example.\n",
        ),
        (
            &["+short", "www2.hearth.example", "A"],
            "www.hearth.example.\nmatrix.hearth.example.\n192.0.2.10\n",
        ),
        (
            &["+short", "x.old.hearth.example", "A"],
            "new.hearth.example.\nx.new.hearth.example.\n192.0.2.30\n",
        ),
        (&["+short", "odd.hearth.example", "TYPE65280"], "\\# 3 ABCDEF\n"),
        (
            &["+short", "host3.wild.example", "TXT"],
            "\"this is a wildcard\"\n",
        ),
    ] {
        let got = dig(&daemon, args);
        // dig prints a DNAME's alias and the DNAME in the order of the message; only the lines matter.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&got), sorted(expected), "dig {args:?}");
    }
    assert!(dig(&daemon, &["nowhere.hearth.example"]).contains("status: NXDOMAIN"));
    assert!(dig(&daemon, &["version.bind", "CH", "TXT"]).contains("status: REFUSED"));
    // dig sees the truncation and comes back over TCP only where both have one port; so it is told not to.
    let cut = dig(&daemon, &["+ignore", "+bufsize=512", "big.big.example", "A"]);
    assert!(cut.contains("flags: qr aa tc rd ra;"), "{cut}");
    let whole = dig(&daemon, &["+tcp", "big.big.example", "A"]);
    assert!(whole.contains("ANSWER: 120,"), "{whole}");
}

fn dig_has_nothing_to_complain_of() {
    let (_house, daemon) = served();
    for args in [
        &["matrix.hearth.example", "A"][..],
        &["matrix.hearth.example", "ANY"],
        &["+dnssec", "matrix.hearth.example", "A"],
        &[
            "+nsid",
            "+subnet=192.0.2.0/24",
            "+cookie",
            "matrix.hearth.example",
            "A",
        ],
        &["+noedns", "host.sub.hearth.example", "A"],
        &[
            "+ednsopt=65001:abcd",
            "+expire",
            "+keepalive",
            "+tcp",
            "hearth.example",
            "SOA",
        ],
        &["+ignore", "+bufsize=512", "big.big.example", "A"],
        &["x.old.hearth.example", "A"],
    ] {
        let got = dig(&daemon, args);
        assert!(got.contains("HEADER"), "dig {args:?}: {got}");
        for complaint in [
            ";; WARNING",
            ";; Warning",
            "malformed",
            "mismatch",
            "FORMERR",
            "bytes at end",
            "recursion requested but",
        ] {
            assert!(
                !got.contains(complaint),
                "dig {args:?} says `{complaint}`:\n{got}"
            );
        }
    }
}

fn kdig_gets_what_it_asks_for() {
    let (_house, daemon) = served();
    let kdig = |server: SocketAddr, args: &[&str]| {
        let mut command = Command::new(program("kdig").unwrap());
        command
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string()]);
        run(command.args(["+retry=0", "+timeout=5"]).args(args))
            .ok()
            .stdout
    };
    let (udp, tcp) = (daemon.udp[0], daemon.tcp[0]);
    assert_eq!(
        kdig(udp, &["+short", "matrix.hearth.example", "A"]),
        "192.0.2.10\n"
    );
    assert_eq!(kdig(udp, &["+short", "-t", "HTTPS", "matrix.hearth.example"]), "");
    let two = kdig(
        tcp,
        &[
            "+short",
            "+tcp",
            "+keepopen",
            "matrix.hearth.example",
            "A",
            "mail.hearth.example",
            "A",
        ],
    );
    assert_eq!(
        two, "192.0.2.10\n192.0.2.25\n",
        "two questions over one connection"
    );
    assert!(kdig(udp, &["+edns=1", "matrix.hearth.example"]).contains("BADVERS"));
    let padded = kdig(tcp, &["+tcp", "+padding=128", "+cookie", "matrix.hearth.example"]);
    assert!(
        padded.contains("status: NOERROR") && !padded.contains("WARNING"),
        "{padded}"
    );
    let bad = kdig(udp, &["+ignore", "+bufsize=512", "big.big.example", "A"]);
    assert!(bad.contains("tc") && !bad.contains("WARNING"), "{bad}");
}

// ---- servers of the same zones

/// A peer's daemon. It ends by SIGTERM, because its children listen to that.
struct Peer {
    process: Running,
    addr: SocketAddr,
    // Where its files are; they go after it.
    _house: House,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.end();
    }
}

impl Peer {
    /// Starts a daemon with a config of this text, written with its port and folder, and waits for its first
    /// answer to `probe`.
    fn start(name: &str, args: &[&str], addr: SocketAddr, house: House, config: &str, probe: &str) -> Self {
        house.write("peer.conf", config);
        let mut command = Command::new(program(name).unwrap());
        command
            .args(args)
            .arg(house.path("peer.conf"))
            .current_dir(house.root());
        let mut peer = Peer {
            process: Running::start(&mut command),
            addr,
            _house: house,
        };
        let end = Instant::now() + support::DEADLINE;
        // A foreign daemon has no word for ready that we could wait for; it is ready when it answers.
        loop {
            let query = Message::query(probe, rtype::SOA);
            let bytes = peer
                .client()
                .raw(&query.encode(), std::time::Duration::from_millis(200));
            match bytes.and_then(|bytes| Message::decode(&bytes).ok()) {
                Some(reply) if reply.rcode == rcode::NOERROR => return peer,
                _ => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
            let alive = peer.process.is_alive();
            assert!(
                alive && Instant::now() < end,
                "{name} does not come up:\n{}",
                peer.process.log().join("\n")
            );
        }
    }

    fn client(&self) -> Client {
        Client::new(self.addr, self.addr)
    }
}

/// An address for one peer: one of this machine's that nobody else uses, and a port that is free there. With
/// 127.0.0.1 another test could take the port before the peer does.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(
        127,
        64 + NEXT.fetch_add(1, Ordering::Relaxed) % 128,
        high,
        low.clamp(1, 254),
    );
    (0..100)
        .find_map(|_| {
            let udp = UdpSocket::bind((ip, 0)).ok()?;
            let addr = udp.local_addr().ok()?;
            TcpListener::bind(addr).ok()?;
            Some(addr)
        })
        .expect("a port that is free for UDP and TCP")
}

fn nsd(zones: &[(&str, &str)]) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let mut config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \"{folder}\"\n  \
         database: \"\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd\"\n  xfrdir: \"{folder}\"\n  \
         zonelistfile: \"{folder}/zone.list\"\n  rrl-ratelimit: 0\n  minimal-responses: yes\n\
         remote-control:\n  control-enable: no\n"
    );
    for (name, text) in zones {
        house.write(&format!("{name}.zone"), text);
        config.push_str(&format!("zone:\n  name: {name}\n  zonefile: {name}.zone\n"));
    }
    let probe = format!("{}.", zones[0].0);
    Peer::start("nsd", &["-d", "-c"], addr, house, &config, &probe)
}

fn knot(zones: &[(&str, &str)], signed: bool) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let signing = if signed { "    dnssec-signing: on\n" } else { "" };
    let mut config = format!(
        "server:\n  rundir: \"{folder}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{folder}\"\n\
         template:\n  - id: default\n    storage: \"{folder}\"\n    zonefile-sync: -1\n{signing}zone:\n"
    );
    for (name, text) in zones {
        house.write(&format!("{name}.zone"), text);
        config.push_str(&format!("  - domain: {name}\n    file: {name}.zone\n"));
    }
    let probe = format!("{}.", zones[0].0);
    Peer::start("knotd", &["-c"], addr, house, &config, &probe)
}

/// Questions that a server of the two zones must answer like any other: rcode, AA, answer, and where there is no
/// answer the authority section too.
const ALIKE: &[(&str, &str)] = &[
    ("hearth.example.", "A AAAA NS SOA MX TXT"),
    ("matrix.hearth.example.", "A AAAA TXT CNAME"),
    ("MATRIX.hearth.EXAMPLE.", "A"),
    ("_matrix-fed._tcp.hearth.example.", "SRV A"),
    ("_tcp.hearth.example.", "SRV A"),
    ("deep.hearth.example.", "TXT A"),
    ("a.deep.hearth.example.", "TXT A"),
    ("b.deep.hearth.example.", "TXT"),
    ("www.hearth.example.", "A AAAA CNAME TXT"),
    ("www2.hearth.example.", "A CNAME"),
    ("dangling.hearth.example.", "A"),
    ("nodata.hearth.example.", "AAAA"),
    ("nowhere.hearth.example.", "A SOA"),
    ("x.old.hearth.example.", "A AAAA"),
    ("old.hearth.example.", "A DNAME"),
    ("y.z.old.hearth.example.", "A"),
    ("sub.hearth.example.", "A NS DS"),
    ("host.sub.hearth.example.", "A DS"),
    ("ns.sub.hearth.example.", "A"),
    ("odd.hearth.example.", "TYPE65280 A"),
    ("stays.hearth.example.", "A"),
    ("wild.example.", "NS MX"),
    ("*.wild.example.", "TXT MX A"),
    ("host3.wild.example.", "MX A TXT"),
    ("foo.bar.wild.example.", "TXT"),
    ("host1.wild.example.", "MX A"),
    ("sub.*.wild.example.", "MX TXT"),
    ("_telnet._tcp.host1.wild.example.", "SRV"),
    ("_tcp.host1.wild.example.", "SRV"),
    ("host2.wild.example.", "A"),
    ("x.host2.wild.example.", "TXT"),
    ("host.subdel.wild.example.", "A"),
    ("subdel.wild.example.", "DS NS"),
    ("ghost.*.wild.example.", "MX"),
];

/// Asks both for all of [`ALIKE`].
fn assert_alike(one: (&str, &Client), other: (&str, &Client)) {
    let questions = ALIKE.iter().flat_map(|(owner, types)| {
        types
            .split(' ')
            .map(|asked| ((*owner).to_owned(), type_number(asked)))
    });
    assert_same_answers(one, other, questions);
}

/// Asks both for the same and lists what differs.
fn assert_same_answers(
    (one, of_one): (&str, &Client),
    (other, of_other): (&str, &Client),
    questions: impl Iterator<Item = (String, u16)>,
) {
    let mut differences = Vec::new();
    for (owner, asked) in questions {
        let show = |client: &Client| {
            let mut query = Message::query(&owner, asked).with_edns(1232);
            // An authoritative server has no recursion to offer; the question is the same without.
            query.rd = false;
            let reply = client.exchange(&query);
            let authority = if reply.answers.is_empty() {
                reply.authority_lines()
            } else {
                Vec::new()
            };
            let lower = |lines: Vec<String>| lines.join(", ").to_lowercase();
            let (answer, authority) = (lower(reply.answer_lines()), lower(authority));
            format!("code {} aa {} [{answer}] [{authority}]", reply.rcode, reply.aa)
        };
        let (left, right) = (show(of_one), show(of_other));
        if left != right {
            let asked = type_name(asked);
            differences.push(format!("{owner} {asked}:\n  {one}: {left}\n  {other}: {right}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

const SAME: &[(&str, &str)] = &[("hearth.example", HEARTH), ("wild.example", WILD)];

fn nsd_and_knot_agree_with_each_other() {
    // Else the list asks for something that is a matter of taste, and says nothing of us.
    let (nsd, knot) = (nsd(SAME), knot(SAME, false));
    assert_alike(("nsd", &nsd.client()), ("knot", &knot.client()));
}

fn nsd_answers_the_same_zones_alike() {
    let (peer, (_house, daemon)) = (nsd(SAME), served());
    assert_alike(("ours", &daemon.client()), ("nsd", &peer.client()));
}

fn knot_answers_the_same_zones_alike() {
    let (peer, (_house, daemon)) = (knot(SAME, false), served());
    assert_alike(("ours", &daemon.client()), ("knot", &peer.client()));
}

/// Labels of made-up names. Few, so that names meet: above, below, beside and under wildcards.
const LABELS: &[&str] = &["a", "b", "c", "*"];

fn nsd_answers_made_up_zones_alike() {
    let mut dice = Dice(0x9e37_79b9);
    let zones: Vec<(String, String)> = (0..6)
        .map(|n| (format!("made{n}.example"), made_up_zone(&mut dice)))
        .collect();
    let zones: Vec<(&str, &str)> = zones.iter().map(|(name, text)| (&**name, &**text)).collect();
    let peer = nsd(&zones);
    let house = zones
        .iter()
        .fold(House::new(), |house, (name, text)| house.zone(name, text));
    let daemon = house.start();
    let types = "A TXT MX NS CNAME DNAME DS SOA AAAA".split(' ').map(type_number);
    let types: Vec<u16> = types.collect();
    let questions = (0..3000).filter_map(|_| {
        let (zone, text) = zones[dice.below(zones.len())];
        let below = if dice.below(4) == 0 { "new." } else { "" };
        let name = format!("{}.{below}{zone}.", made_up_name(&mut dice, 4, LABELS));
        let asked = types[dice.below(types.len())];
        // Whether the alias that a DNAME makes is followed for a question of type CNAME is a matter of taste:
        // RFC 6672, 3.2 goes on to its target, as we do; NSD does not.
        let mut tops = text
            .lines()
            .filter_map(|line| Some(line.split_once(" DNAME ")?.0));
        let is_taste = asked == rtype::CNAME && tops.any(|top| name.ends_with(&format!(".{top}.{zone}.")));
        (!is_taste).then_some((name, asked))
    });
    assert_same_answers(("ours", &daemon.client()), ("nsd", &peer.client()), questions);
}

/// Numbers that are the same in every run (xorshift).
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end
    }
}

fn made_up_name(dice: &mut Dice, most: usize, labels: &[&str]) -> String {
    let count = 1 + dice.below(most);
    let name: Vec<&str> = (0..count).map(|_| labels[dice.below(labels.len())]).collect();
    name.join(".")
}

/// A zone of addresses, texts, aliases, cuts and DNAMEs at random places, but a zone that every server loads: no
/// alias beside other data, nothing below a cut or a DNAME, no chain that goes round, no wildcard above those.
fn made_up_zone(dice: &mut Dice) -> String {
    let mut text =
        "$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.53\nmail A 192.0.2.25\n\
                    x.new A 192.0.2.30\n*.b.new TXT \"wild\"\na.new CNAME x.new\n"
            .to_owned();
    let mut names = Vec::<String>::new();
    let mut tops = Vec::<String>::new();
    for _ in 0..24 {
        let name = made_up_name(dice, 3, LABELS);
        let is_below = |name: &str, top: &str| name.ends_with(&format!(".{top}"));
        if names.contains(&name) || tops.iter().any(|top| is_below(&name, top)) {
            continue;
        }
        let can_be_top = !name.contains('*') && !names.iter().any(|other| is_below(other, &name));
        let lines = match dice.below(9) {
            0 if can_be_top => {
                tops.push(name.clone());
                format!("{name} NS ns.{name}\n{name} NS ns.example.net.\nns.{name} A 192.0.2.60\n")
            }
            1 if can_be_top => {
                tops.push(name.clone());
                format!("{name} DNAME new\n{name} TXT \"beside a DNAME\"\n")
            }
            2 => format!("{name} CNAME target.example.net.\n"),
            3 => format!("{name} CNAME a.new\n"),
            4 => format!("{name} CNAME {}.new\n", made_up_name(dice, 2, &["a", "b", "x"])),
            5 => format!("{name} MX 10 mail\n{name} TXT \"one\" \"two\"\n"),
            6 => format!("{name} A 192.0.2.1\n{name} A 192.0.2.2\n"),
            _ => format!("{name} A 192.0.2.3\n"),
        };
        names.push(name);
        text.push_str(&lines);
    }
    text
}

// ---- Unbound upstream

/// A public zone, as far as these tests go.
const PUBLIC: &str = "\
$TTL 300
@      SOA   ns hostmaster 1 3600 900 604800 60
@      NS    ns
ns     A     127.0.0.1
www    A     198.51.100.80
www    AAAA  2001:db8::80
alias  CNAME www
broken CNAME nowhere
empty  CNAME ns
odd    TYPE65280 \\# 3 abcdef
*.any  TXT   \"wild\"
moved  DNAME any
srv    SRV   1 2 3 www
";

fn public() -> String {
    let big: String = (0..200).map(|n| format!("big A 198.51.100.{n}\n")).collect();
    format!("{PUBLIC}{big}")
}

/// Unbound on this port: `more` goes into its server clause, `below` behind it; ready when it answers `probe`.
fn unbound(addr: SocketAddr, more: &str, below: &str, probe: &str) -> Peer {
    let (house, ip, port) = (House::new(), addr.ip(), addr.port());
    let folder = house.root().display();
    let config = format!(
        "server:\n  interface: {ip}\n  port: {port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  \
         directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  do-ip6: no\n  ede: yes\n  \
         edns-buffer-size: 1232\n{more}remote-control:\n  control-enable: no\n{below}"
    );
    Peer::start("unbound", &["-d", "-c"], addr, house, &config, probe)
}

fn stub_zone(server: &Peer) -> String {
    let (ip, port) = (server.addr.ip(), server.addr.port());
    format!(
        "stub-zone:
  name: example.net
  stub-addr: {ip}@{port}
  stub-prime: no
"
    )
}

const ITERATE: &str = "  module-config: \"iterator\"\n";

fn unbound_upstream_of_us_is_passed_on() {
    let server = nsd(&[("example.net", &public())]);
    let upstream = unbound(free_address(), ITERATE, &stub_zone(&server), "example.net.");
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstream(upstream.addr);
    let daemon = house.start();
    for (owner, types) in [
        ("www.example.net.", "A AAAA TXT"),
        ("alias.example.net.", "A AAAA CNAME"),
        ("broken.example.net.", "A"),
        ("empty.example.net.", "AAAA"),
        ("nowhere.example.net.", "A"),
        ("odd.example.net.", "TYPE65280"),
        ("a.any.example.net.", "TXT A"),
        ("b.moved.example.net.", "TXT"),
        ("srv.example.net.", "SRV"),
        ("example.net.", "SOA NS"),
        ("big.example.net.", "A"),
    ] {
        for asked in types.split(' ') {
            // What Unbound says directly, and what it says through us; TTLs have aged by another second at most.
            let show = |client: &Client, tcp: bool| {
                let query = Message::query(owner, type_number(asked)).with_edns(1232);
                let reply = if tcp {
                    client.stream().exchange(&query)
                } else {
                    client.exchange(&query)
                };
                let timeless = |lines: Vec<String>| -> Vec<String> {
                    let without = |line: String| {
                        let mut words: Vec<&str> = line.split(' ').collect();
                        words.remove(1);
                        words.join(" ")
                    };
                    let mut lines: Vec<String> = lines.into_iter().map(without).collect();
                    lines.sort();
                    lines
                };
                (
                    reply.rcode,
                    timeless(reply.answer_lines()),
                    timeless(reply.authority_lines()),
                )
            };
            assert_eq!(
                show(&daemon.client(), true),
                show(&upstream.client(), true),
                "{owner} {asked}"
            );
            if owner != "big.example.net." {
                assert_eq!(
                    show(&daemon.client(), false),
                    show(&upstream.client(), false),
                    "{owner} {asked}"
                );
            }
        }
    }
    let cut = daemon.ask("big.example.net.", rtype::A);
    assert!(cut.tc && cut.size <= 1232, "{cut:?}");
    assert_eq!(
        daemon
            .client()
            .ask_tcp("big.example.net.", rtype::A)
            .answers
            .len(),
        200
    );
}

fn unbound_killed_and_back_is_asked_again() {
    let server = nsd(&[("example.net", &public())]);
    let addr = free_address();
    let mut upstream = unbound(addr, ITERATE, &stub_zone(&server), "example.net.");
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    assert_eq!(daemon.ask("www.example.net.", rtype::A).answers.len(), 1);
    upstream.process.kill();
    assert_eq!(daemon.ask("srv.example.net.", rtype::SRV).rcode, rcode::SERVFAIL);
    let _upstream = unbound(addr, ITERATE, &stub_zone(&server), "example.net.");
    let end = Instant::now() + support::DEADLINE;
    // A failed upstream may be left alone for a while, but not for good.
    while daemon.ask("alias.example.net.", rtype::A).rcode != rcode::NOERROR {
        assert!(
            Instant::now() < end,
            "an upstream that came back is not asked again"
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Knot signs, Unbound validates, and what it says of that reaches our client: AD, RRSIG, and SERVFAIL for a zone
/// that is bogus.
fn unbound_validates_and_we_pass_it_on() {
    let server = knot(&[("example.net", &public())], true);
    let mut command = Command::new(program("kdig").unwrap());
    command.args([
        &format!("@{}", server.addr.ip()),
        "-p",
        &server.addr.port().to_string(),
        "+short",
        "example.net",
        "DNSKEY",
    ]);
    let end = Instant::now() + support::DEADLINE;
    let keys = loop {
        // Signing takes Knot a moment after its first answer.
        let keys = run(&mut command).ok().stdout;
        if keys.lines().any(|key| key.starts_with("257 ")) {
            break keys;
        }
        assert!(Instant::now() < end, "knot does not sign");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let key = keys
        .lines()
        .find(|key| key.starts_with("257 "))
        .unwrap()
        .to_owned();
    let anchored = |key: &str| {
        // A name of its own to probe: nothing of a bogus zone is ever answered.
        let more = format!(
            "  module-config: \"validator iterator\"\n  trust-anchor: \"example.net. DNSKEY {key}\"\n  \
             local-zone: \"probe.example.com.\" static\n  local-data: \"probe.example.com. SOA a. b. 1 2 3 4 5\"\n"
        );
        unbound(free_address(), &more, &stub_zone(&server), "probe.example.com.")
    };
    let upstream = anchored(&key);
    let house = House::new().upstream(upstream.addr);
    let daemon = house.start();
    let mut query = Message::query("www.example.net.", rtype::A).with_edns(1232);
    query.edns.as_mut().unwrap().dnssec_ok = true;
    let reply = daemon.client().exchange(&query);
    assert!(reply.ad, "validated upstream, and the client is told: {reply:?}");
    assert!(
        reply.answers.iter().any(|record| record.rtype == 46),
        "with signatures: {reply:?}"
    );
    let plain = daemon.ask("www.example.net.", rtype::A);
    assert!(
        plain.answers.iter().all(|record| record.rtype != 46),
        "without, who did not ask: {plain:?}"
    );
    // A trust anchor that is not the zone's: all of it is bogus.
    let wrong = key.replace(&key[key.len() - 20..key.len() - 12], "AAAAAAAA");
    let bogus = anchored(&wrong);
    let house = House::new().upstream(bogus.addr);
    let daemon = house.start();
    let reply = daemon.ask("www.example.net.", rtype::A);
    assert_eq!(reply.rcode, rcode::SERVFAIL, "{reply:?}");
    let reason = reply.edns.as_ref().and_then(support::wire::Edns::extended_error);
    assert!(
        matches!(reason, Some((6..=12, _))),
        "the reason (RFC 8914, 4.7 to 4.13) is passed on: {reply:?}"
    );
}

/// The other way round: somebody's Unbound forwards to us.
fn unbound_takes_us_as_its_upstream() {
    let (_house, daemon) = served();
    let forward = format!(
        "forward-zone:\n  name: .\n  forward-addr: 127.0.0.1@{}\n",
        daemon.udp[0].port()
    );
    let resolver = unbound(free_address(), ITERATE, &forward, "hearth.example.");
    let ask = |name: &str, asked| resolver.client().ask(name, asked);
    assert_eq!(ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert_eq!(ask("www2.hearth.example.", rtype::A).answers.len(), 3);
    assert_eq!(ask("nowhere.hearth.example.", rtype::A).rcode, rcode::NXDOMAIN);
    assert_eq!(ask("matrix.hearth.example.", rtype::TXT).rcode, rcode::NOERROR);
    assert_eq!(ask("host3.wild.example.", rtype::MX).answers.len(), 1);
}
