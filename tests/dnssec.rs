//! Validation against zones that real tools signed: what is good comes out secure, what is known to be bad comes
//! out bogus, and what nobody vouches for comes out as it is.
//!
//! One small world of DNS is made for all tests: a root of its own, two top-level domains and zones below them,
//! signed by ldns and served by one NSD, which our daemon takes for its upstream. Every bad zone has a good twin.
//! At the end Unbound is asked the same questions of the same world, and must agree. A harness of its own, as in
//! `interop.rs`: where a tool is missing the tests are counted as skipped.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};

use support::{Act, Client, Daemon, House, Message, Running, Transport, Upstream, rcode, rtype, run};

/// Name, the tools that it needs beside ldns and NSD, the test.
type Test = (&'static str, &'static [&'static str], fn(&World));

fn main() -> ExitCode {
    let tests: &[Test] = &[
        ("what_is_signed_is_secure", &[], what_is_signed_is_secure),
        (
            "what_nobody_vouches_for_is_insecure",
            &[],
            what_nobody_vouches_for_is_insecure,
        ),
        (
            "what_is_wrong_is_bogus_and_says_why",
            &[],
            what_is_wrong_is_bogus_and_says_why,
        ),
        (
            "ad_goes_to_those_who_can_read_it",
            &[],
            ad_goes_to_those_who_can_read_it,
        ),
        ("cd_turns_validation_off", &[], cd_turns_validation_off),
        (
            "a_validated_answer_is_cached_and_ages",
            &[],
            a_validated_answer_is_cached_and_ages,
        ),
        (
            "negative_trust_anchors_hold_until_their_time",
            &[],
            negative_trust_anchors_hold_until_their_time,
        ),
        (
            "our_own_zones_have_no_ad_and_are_not_looked_up",
            &[],
            our_own_zones_have_no_ad_and_are_not_looked_up,
        ),
        (
            "routes_to_private_servers_are_exempt",
            &[],
            routes_to_private_servers_are_exempt,
        ),
        (
            "another_upstream_may_say_what_is_right",
            &[],
            another_upstream_may_say_what_is_right,
        ),
        (
            "anchors_that_cannot_be_read_end_the_start",
            &[],
            anchors_that_cannot_be_read_end_the_start,
        ),
        ("unbound_agrees", &["unbound"], unbound_agrees),
        (
            "a_validating_client_behind_us_needs_an_exception_for_a_private_zone",
            &["unbound"],
            a_validating_client_behind_us_needs_an_exception_for_a_private_zone,
        ),
    ];
    let world: Arc<OnceLock<World>> = Arc::default();
    let trials = tests.iter().map(|&(name, more, test)| {
        let needed = ["ldns-keygen", "ldns-signzone", "nsd"].iter().chain(more);
        let missing: Vec<&&str> = needed.filter(|tool| program(tool).is_none()).collect();
        for tool in &missing {
            println!("skipped: {name}: {tool} is not installed");
        }
        let world = Arc::clone(&world);
        Trial::test(name, move || {
            test(world.get_or_init(World::new));
            Ok(())
        })
        .with_ignored_flag(!missing.is_empty())
    });
    let trials: Vec<Trial> = trials.collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
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

// ---- the world

/// What every leaf zone holds.
const LEAF: &str = "\
@     NS    ns
ns    A     192.0.2.53
www   A     192.0.2.80
www   AAAA  2001:db8::80
alias CNAME www
away  CNAME www.good3.tld.
gone  CNAME nowhere.good3.tld.
plain CNAME www.unsigned.tld.
*.any TXT   \"wild\"
x.y   TXT   \"below an empty name\"
moved DNAME y
";

/// How a zone is signed.
#[derive(Clone, Copy)]
struct Signing {
    algorithm: &'static str,
    /// Further arguments of ldns-signzone.
    more: &'static [&'static str],
}

const NSEC: Signing = Signing {
    algorithm: "ECDSAP256SHA256",
    more: &[],
};
const NSEC3: Signing = Signing {
    algorithm: "ECDSAP256SHA256",
    more: &["-n", "-t", "1", "-s", "abcd"],
};

struct World {
    server: Peer,
    /// The root's key, for those who are to believe in this world.
    anchor: String,
}

impl World {
    fn new() -> Self {
        // A delegation that no record of the chain knows: what opt-out is for.
        let hidden = |zone: &str| {
            format!("hidden.{zone}. 300 IN NS ns.hidden.{zone}.\nns.hidden.{zone}. 300 IN A 192.0.2.53\n")
        };
        let maker = Maker { house: House::new() };
        let mut tld = String::new();
        let mut zones: Vec<(&str, String)> = Vec::new();
        let mut add = |name: &'static str, (text, ds): (String, String), delegate: &str| {
            let label = name.split('.').next().unwrap();
            let ds = if delegate == "unsigned" { String::new() } else { ds };
            writeln!(tld, "{label} NS ns.{label}\nns.{label} A 192.0.2.53\n{ds}").unwrap();
            zones.push((name, text));
        };
        add("good.tld", maker.leaf("good.tld", NSEC), "");
        let (text, ds) = maker.leaf("good3.tld", NSEC3);
        add("good3.tld", (text + &hidden("good3.tld"), ds), "");
        for (name, algorithm) in [
            ("rsa256.tld", "RSASHA256"),
            ("rsa512.tld", "RSASHA512"),
            ("p384.tld", "ECDSAP384SHA384"),
            ("ed25519.tld", "ED25519"),
            ("ed448.tld", "ED448"),
        ] {
            add(name, maker.leaf(name, Signing { algorithm, ..NSEC }), "");
        }
        let dear = Signing {
            more: &["-n", "-t", "200"],
            ..NSEC
        };
        add("dear.tld", maker.leaf("dear.tld", dear), "");
        add(
            "unsigned.tld",
            (maker.plain("unsigned.tld"), String::new()),
            "unsigned",
        );
        add("island.tld", maker.leaf("island.tld", NSEC), "unsigned");
        let expired = Signing {
            more: &["-i", "20260101000000", "-e", "20260201000000"],
            ..NSEC
        };
        add("expired.tld", maker.leaf("expired.tld", expired), "");
        let early = Signing {
            more: &["-i", "20900101000000", "-e", "20900201000000"],
            ..NSEC
        };
        add("early.tld", maker.leaf("early.tld", early), "");
        // The parent names another key than the one that signed.
        let (text, _) = maker.leaf("mismatch.tld", NSEC);
        let (_, other) = maker.leaf("mismatch.tld", NSEC);
        add("mismatch.tld", (text, other), "");
        let damaged = |name, damage: &dyn Fn(&str) -> bool| {
            let (text, ds) = maker.leaf(name, NSEC);
            let kept: Vec<&str> = text.lines().filter(|line| !damage(line)).collect();
            assert!(kept.len() < text.lines().count(), "{name} is as it was");
            (kept.join("\n") + "\n", ds)
        };
        let is_sig = |line: &str, covered: &str| line.contains(&format!("RRSIG\t{covered} "));
        let at = |line: &str, owner: &str| line.starts_with(owner);
        add(
            "stripped.tld",
            damaged("stripped.tld", &|line| at(line, "www.") && is_sig(line, "A")),
            "",
        );
        add(
            "keyless.tld",
            damaged("keyless.tld", &|line| {
                line.contains("\tDNSKEY\t") || is_sig(line, "DNSKEY")
            }),
            "",
        );
        add(
            "nodenial.tld",
            damaged("nodenial.tld", &|line| {
                line.contains("\tNSEC\t") || is_sig(line, "NSEC")
            }),
            "",
        );
        let (text, ds) = maker.leaf("tampered.tld", NSEC);
        add(
            "tampered.tld",
            (text.replace("192.0.2.80", "203.0.113.66"), ds),
            "",
        );
        // Signed by a key of another zone of the same name: a signature that fits nothing.
        let (text, ds) = maker.leaf("garbled.tld", NSEC);
        let garbled = text
            .lines()
            .map(|line| match line.rsplit_once(' ') {
                Some((head, signature)) if at(line, "www.") && is_sig(line, "A") => {
                    format!(
                        "{head} {}{}{}\n",
                        &signature[4..8],
                        &signature[..4],
                        &signature[8..]
                    )
                }
                _ => format!("{line}\n"),
            })
            .collect();
        add("garbled.tld", (garbled, ds), "");

        let soa = "@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.53\n";
        let (tld_text, tld_ds) = maker.sign("tld", &format!("$TTL 300\n{soa}{tld}"), NSEC);
        let (safe, safe_ds) = maker.leaf("safe.opt", NSEC3);
        let opt_out = Signing {
            more: &["-n", "-t", "0", "-p"],
            ..NSEC
        };
        let opt = format!(
            "$TTL 300\n{soa}plain NS ns.plain\nns.plain A 192.0.2.53\nsafe NS ns.safe\nns.safe A 192.0.2.53\n\
             {safe_ds}\nwww A 192.0.2.80\n"
        );
        let (opt_text, opt_ds) = maker.sign("opt", &opt, opt_out);
        let opt_text = opt_text + &hidden("opt");
        let root = format!(
            "$TTL 300\n{soa}tld. NS ns.tld.\nns.tld. A 192.0.2.53\n{tld_ds}\nopt. NS ns.opt.\nns.opt. A 192.0.2.53\n\
             {opt_ds}\n"
        );
        let (root_text, anchor) = maker.sign(".", &root, NSEC);
        zones.extend([
            (".", root_text),
            ("tld", tld_text),
            ("opt", opt_text),
            ("safe.opt", safe),
            ("plain.opt", maker.plain("plain.opt")),
            ("hidden.opt", maker.plain("hidden.opt")),
            ("hidden.good3.tld", maker.plain("hidden.good3.tld")),
        ]);
        World {
            server: nsd(&zones),
            anchor,
        }
    }

    /// Our daemon with this world for its upstream, and with validation.
    fn house(&self, more: &str) -> House {
        let house = House::new().upstream(self.server.addr);
        house.write("anchors", &self.anchor);
        house.config(&format!(
            "dnssec:\n  validate: true\n  trust_anchors: anchors\n{more}"
        ))
    }

    fn start(&self) -> (House, Daemon) {
        let house = self.house("");
        let daemon = house.start();
        (house, daemon)
    }
}

/// Signs zones.
struct Maker {
    house: House,
}

impl Maker {
    fn plain(&self, name: &str) -> String {
        format!("$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 60\n{LEAF}")
    }

    fn leaf(&self, name: &str, how: Signing) -> (String, String) {
        self.sign(name, &self.plain(name), how)
    }

    /// Signs with one new key; gives the zone and the DS record for the parent.
    fn sign(&self, name: &str, text: &str, how: Signing) -> (String, String) {
        let tool = |name: &str| {
            let mut command = Command::new(program(name).unwrap());
            command.current_dir(self.house.root());
            command
        };
        let mut keygen = tool("ldns-keygen");
        keygen.args(["-k", "-r", "/dev/urandom", "-a", how.algorithm]);
        if how.algorithm.starts_with("RSA") {
            keygen.args(["-b", "2048"]);
        }
        let key = run(keygen.arg(name)).ok().stdout.trim().to_owned();
        self.house.write("zone", text);
        let mut sign = tool("ldns-signzone");
        sign.args(how.more)
            .args(["-o", name, "-f", "zone.signed", "zone", &key]);
        run(&mut sign).ok();
        (
            self.house.read("zone.signed"),
            self.house.read(&format!("{key}.ds")),
        )
    }
}

struct Peer {
    process: Running,
    addr: SocketAddr,
    _house: House,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.end();
    }
}

impl Peer {
    /// Starts a server with the arguments and the name of its config, and waits until it answers `probe`.
    fn start(name: &str, args: &[&str], addr: SocketAddr, house: House, config: &str, probe: &str) -> Self {
        house.write("server.conf", config);
        let mut command = Command::new(program(name).unwrap());
        command
            .args(args)
            .arg(house.path("server.conf"))
            .current_dir(house.root());
        let mut peer = Peer {
            process: Running::start(&mut command),
            addr,
            _house: house,
        };
        let end = Instant::now() + support::DEADLINE;
        loop {
            let query = Message::query(probe, rtype::SOA).encode();
            let reply = peer.client().raw(&query, Duration::from_millis(200));
            match reply.and_then(|bytes| Message::decode(&bytes).ok()) {
                Some(reply) if reply.rcode == rcode::NOERROR => return peer,
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
            let is_alive = peer.process.is_alive();
            let log = peer.process.log().join("\n");
            assert!(
                is_alive && Instant::now() < end,
                "{name} does not come up:\n{log}"
            );
        }
    }

    fn client(&self) -> Client {
        Client::new(self.addr, self.addr)
    }
}

fn free_address(last: u8) -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 192 + last, high, low.clamp(1, 254));
    (0..100)
        .find_map(|_| {
            let udp = UdpSocket::bind((ip, 0)).ok()?;
            let addr = udp.local_addr().ok()?;
            TcpListener::bind(addr).ok()?;
            Some(addr)
        })
        .expect("a port that is free for UDP and TCP")
}

fn nsd(zones: &[(&str, String)]) -> Peer {
    let (house, addr) = (House::new(), free_address(0));
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let mut config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \"{folder}\"\n  \
         database: \"\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd\"\n  xfrdir: \"{folder}\"\n  \
         zonelistfile: \"{folder}/zone.list\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
    );
    for (name, text) in zones {
        let file = if *name == "." { "root" } else { name };
        house.write(&format!("{file}.zone"), text);
        writeln!(config, "zone:\n  name: {name}\n  zonefile: {file}.zone").unwrap();
    }
    Peer::start("nsd", &["-d", "-c"], addr, house, &config, ".")
}

// ---- asking

fn query(name: &str, rtype: u16, dnssec_ok: bool) -> Message {
    let mut query = Message::query(name, rtype).with_edns(1232);
    query.edns.as_mut().unwrap().dnssec_ok = dnssec_ok;
    query
}

/// Rcode and AD; the extended error where there is one.
fn verdict(client: &Client, name: &str, rtype: u16) -> (u16, bool, Option<u16>) {
    let reply = client.stream().exchange(&query(name, rtype, true));
    let ede = reply.edns.as_ref().and_then(support::wire::Edns::extended_error);
    (reply.rcode, reply.ad, ede.map(|(code, _)| code))
}

/// What a server says to a query, by the same transport.
fn relay(server: SocketAddr, query: &Message, by: Transport) -> Option<Message> {
    let client = Client::new(server, server);
    let bytes = match by {
        Transport::Udp => client.raw(&query.encode(), Duration::from_secs(5)),
        _ => {
            let mut stream = client.stream();
            stream.send(&query.encode());
            stream.receive()
        }
    };
    Message::decode(&bytes?).ok()
}

/// The number of a type, those of DNSSEC included.
fn type_number(text: &str) -> u16 {
    match text {
        "NSEC" => 47,
        "DNSKEY" => 48,
        "NSEC3PARAM" => 51,
        other => support::wire::type_number(other),
    }
}

/// Name, types, rcode.
type Asked = (&'static str, &'static str, u16);

const SECURE: &[Asked] = &[
    (".", "SOA NS DNSKEY", rcode::NOERROR),
    ("tld.", "DNSKEY DS", rcode::NOERROR),
    ("nowhere.", "DS", rcode::NXDOMAIN),
    ("good.tld.", "SOA NS DNSKEY DS MX NSEC", rcode::NOERROR),
    ("www.good.tld.", "A AAAA TXT DS", rcode::NOERROR),
    ("WWW.Good.TLD.", "A", rcode::NOERROR),
    ("alias.good.tld.", "A TXT CNAME", rcode::NOERROR),
    ("nowhere.good.tld.", "A DS", rcode::NXDOMAIN),
    ("a.b.nowhere.good.tld.", "A", rcode::NXDOMAIN),
    ("a.any.good.tld.", "TXT A", rcode::NOERROR),
    ("a.b.any.good.tld.", "TXT", rcode::NOERROR),
    ("*.any.good.tld.", "TXT", rcode::NOERROR),
    ("y.good.tld.", "A", rcode::NOERROR),
    ("moved.good.tld.", "DNAME", rcode::NOERROR),
    ("x.moved.good.tld.", "TXT A", rcode::NOERROR),
    ("a.moved.good.tld.", "TXT", rcode::NXDOMAIN),
    ("good3.tld.", "SOA DNSKEY DS MX NSEC3PARAM", rcode::NOERROR),
    ("www.good3.tld.", "A TXT DS", rcode::NOERROR),
    ("nowhere.good3.tld.", "A DS", rcode::NXDOMAIN),
    ("a.b.nowhere.good3.tld.", "A", rcode::NXDOMAIN),
    ("a.any.good3.tld.", "TXT A", rcode::NOERROR),
    ("a.b.any.good3.tld.", "TXT", rcode::NOERROR),
    ("y.good3.tld.", "A", rcode::NOERROR),
    ("x.moved.good3.tld.", "TXT A", rcode::NOERROR),
    ("a.moved.good3.tld.", "TXT", rcode::NXDOMAIN),
    ("www.rsa256.tld.", "A TXT", rcode::NOERROR),
    ("www.rsa512.tld.", "A", rcode::NOERROR),
    ("www.p384.tld.", "A", rcode::NOERROR),
    ("www.ed25519.tld.", "A", rcode::NOERROR),
    ("unsigned.tld.", "DS", rcode::NOERROR),
    ("www.dear.tld.", "A", rcode::NOERROR),
    // Of damaged zones, what is whole.
    ("www.stripped.tld.", "AAAA", rcode::NOERROR),
    ("www.tampered.tld.", "AAAA", rcode::NOERROR),
    ("www.nodenial.tld.", "A", rcode::NOERROR),
    ("www.opt.", "A TXT", rcode::NOERROR),
    ("www.safe.opt.", "A TXT", rcode::NOERROR),
    ("nowhere.safe.opt.", "A", rcode::NXDOMAIN),
    ("safe.opt.", "DS", rcode::NOERROR),
    ("plain.opt.", "DS", rcode::NOERROR),
];

const INSECURE: &[Asked] = &[
    ("www.unsigned.tld.", "A TXT", rcode::NOERROR),
    ("nowhere.unsigned.tld.", "A", rcode::NXDOMAIN),
    ("a.any.unsigned.tld.", "TXT", rcode::NOERROR),
    ("unsigned.tld.", "SOA DNSKEY", rcode::NOERROR),
    ("www.island.tld.", "A", rcode::NOERROR),
    ("nowhere.island.tld.", "A", rcode::NXDOMAIN),
    ("www.plain.opt.", "A TXT", rcode::NOERROR),
    ("www.hidden.opt.", "A TXT", rcode::NOERROR),
    ("hidden.opt.", "DS", rcode::NOERROR),
    ("nowhere.opt.", "A", rcode::NXDOMAIN),
];

/// Insecure as well, but with a word why.
const UNSUPPORTED: &[(&str, u16, u16, u16)] = &[
    ("www.ed448.tld.", rtype::A, rcode::NOERROR, 1),
    ("nowhere.ed448.tld.", rtype::A, rcode::NXDOMAIN, 1),
    ("nowhere.dear.tld.", rtype::A, rcode::NXDOMAIN, 27),
    ("www.dear.tld.", rtype::TXT, rcode::NOERROR, 27),
];

/// Name, type, extended error (RFC 8914).
const BOGUS: &[(&str, u16, u16)] = &[
    ("www.expired.tld.", rtype::A, 7),
    ("nowhere.expired.tld.", rtype::A, 7),
    ("www.early.tld.", rtype::A, 8),
    ("www.mismatch.tld.", rtype::A, 9),
    ("nowhere.mismatch.tld.", rtype::A, 9),
    ("www.keyless.tld.", rtype::A, 9),
    ("www.stripped.tld.", rtype::A, 10),
    ("www.tampered.tld.", rtype::A, 6),
    ("www.garbled.tld.", rtype::A, 6),
    ("nowhere.nodenial.tld.", rtype::A, 12),
    ("www.nodenial.tld.", rtype::TXT, 12),
    // The same in a chain without opt-out says that the delegation does not exist.
    ("www.hidden.good3.tld.", rtype::A, 10),
    // A wildcard without the proof that nothing closer exists.
    ("a.any.nodenial.tld.", rtype::TXT, 12),
];

fn assert_all(client: &Client, list: &[Asked], ad: bool) {
    let mut wrong = String::new();
    for (name, types, expected) in list {
        for asked in types.split(' ') {
            let (code, has_ad, ede) = verdict(client, name, type_number(asked));
            if (code, has_ad) != (*expected, ad) {
                writeln!(wrong, "{name} {asked}: rcode {code}, ad {has_ad}, ede {ede:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "expected ad {ad}:\n{wrong}");
}

fn what_is_signed_is_secure(world: &World) {
    let (_house, daemon) = world.start();
    assert_all(&daemon.client(), SECURE, true);
    // Once more, from the cache.
    assert_all(&daemon.client(), SECURE, true);
}

fn what_nobody_vouches_for_is_insecure(world: &World) {
    let (_house, daemon) = world.start();
    assert_all(&daemon.client(), INSECURE, false);
    for (name, rtype, code, ede) in UNSUPPORTED {
        let found = verdict(&daemon.client(), name, *rtype);
        assert_eq!(found, (*code, false, Some(*ede)), "{name}");
    }
}

fn what_is_wrong_is_bogus_and_says_why(world: &World) {
    let (_house, daemon) = world.start();
    for _ in 0..2 {
        for (name, rtype, ede) in BOGUS {
            let found = verdict(&daemon.client(), name, *rtype);
            assert_eq!(found, (rcode::SERVFAIL, false, Some(*ede)), "{name} {rtype}");
        }
    }
    let reply = daemon
        .client()
        .exchange(&query("www.tampered.tld.", rtype::A, true));
    assert!(
        reply.answers.is_empty() && reply.authorities.is_empty(),
        "{reply:?}"
    );
}

fn ad_goes_to_those_who_can_read_it(world: &World) {
    let (_house, daemon) = world.start();
    let client = daemon.client();
    let plain = client.exchange(&query("www.good.tld.", rtype::A, false));
    assert_eq!(
        (plain.rcode, plain.ad, plain.answers.len()),
        (rcode::NOERROR, false, 1)
    );
    assert!(
        plain.authorities.is_empty() && plain.additionals.is_empty(),
        "{plain:?}"
    );
    let mut wants_ad = Message::query("www.good.tld.", rtype::A);
    wants_ad.ad = true;
    let told = client.exchange(&wants_ad);
    assert!(
        told.ad && told.answers.iter().all(|record| record.rtype != 46),
        "{told:?}"
    );
    let with_proof = client.exchange(&query("www.good.tld.", rtype::A, true));
    assert!(
        with_proof.ad && with_proof.answers.iter().any(|record| record.rtype == 46),
        "{with_proof:?}"
    );
    // Proofs of absence: for those who set DO, the SOA for all.
    let types = |reply: &Message| -> Vec<u16> {
        let mut types: Vec<u16> = reply.authorities.iter().map(|record| record.rtype).collect();
        types.sort_unstable();
        types.dedup();
        types
    };
    let denied = client.exchange(&query("nowhere.good.tld.", rtype::A, false));
    assert_eq!((denied.rcode, types(&denied)), (rcode::NXDOMAIN, vec![6]));
    let denied = client
        .stream()
        .exchange(&query("nowhere.good.tld.", rtype::A, true));
    assert_eq!((denied.rcode, types(&denied)), (rcode::NXDOMAIN, vec![6, 46, 47]));
}

fn cd_turns_validation_off(world: &World) {
    let (_house, daemon) = world.start();
    for (name, rtype, _) in BOGUS {
        let mut asked = query(name, *rtype, true);
        asked.cd = true;
        let reply = daemon.client().stream().exchange(&asked);
        assert_ne!(reply.rcode, rcode::SERVFAIL, "{name}");
        assert!(!reply.ad, "{name}");
        // What one client wanted unseen is not served to another.
        assert_eq!(
            verdict(&daemon.client(), name, *rtype).0,
            rcode::SERVFAIL,
            "{name}"
        );
    }
}

fn a_validated_answer_is_cached_and_ages(world: &World) {
    let (house, daemon) = world.start();
    let client = daemon.client();
    for name in ["www.good.tld.", "nowhere.good.tld."] {
        let first = client.stream().exchange(&query(name, rtype::A, true));
        let ttl = |reply: &Message| {
            reply
                .answers
                .iter()
                .chain(&reply.authorities)
                .map(|one| one.ttl)
                .max()
        };
        std::thread::sleep(Duration::from_millis(1100));
        let second = client.stream().exchange(&query(name, rtype::A, true));
        assert!(ttl(&second) < ttl(&first) && second.ad, "{name}: {second:?}");
    }
    let status = house.dnsctl(&["status"]).ok().stdout;
    assert!(status.contains("  cached     2\n"), "{status}");
    assert!(status.contains("validation: on\n  none\n"), "{status}");
}

fn negative_trust_anchors_hold_until_their_time(world: &World) {
    let house = world.house(
        "  negative_trust_anchors:\n    - {domain: tampered.tld, reason: \"owner told\", until: 2090-01-01}\n    \
         - {domain: expired.tld, reason: \"was mended\", until: 2026-02-01}\n",
    );
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "www.tampered.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(verdict(&client, "www.expired.tld.", rtype::A).0, rcode::SERVFAIL);
    let status = house.dnsctl(&["status"]).ok().stdout;
    let lines: Vec<&str> = status.lines().filter(|line| line.starts_with("  not ")).collect();
    assert_eq!(
        lines,
        [
            "  not tampered.tld.  until 2090-01-01       owner told",
            "  not expired.tld.   over since 2026-02-01  was mended",
        ]
    );
}

/// A private zone below a signed parent: our answers stand, without AD, and validation asks nobody about it.
fn our_own_zones_have_no_ad_and_are_not_looked_up(world: &World) {
    let zone = "; hearthdns: forward=_acme-challenge\nmatrix A 192.168.1.10\nout CNAME www.good.tld.\n";
    let server = world.server.addr;
    let upstream =
        Upstream::start(move |query, by| relay(server, query, by).map(Act::Send).into_iter().collect());
    let house = world
        .house("")
        .upstream(upstream.addr)
        .zone("home.good.tld", zone);
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "matrix.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(
        verdict(&client, "nowhere.home.good.tld.", rtype::A),
        (rcode::NXDOMAIN, false, None)
    );
    // The chain begins with our own alias: data may be proven, the whole is not.
    assert_eq!(
        verdict(&client, "out.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    // Passed on, but not validated: its proof would need questions about the private zone.
    assert!(!verdict(&client, "_acme-challenge.home.good.tld.", rtype::TXT).1);
    let names: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.query.qname().to_lowercase())
        .collect();
    assert!(
        names.iter().any(|name| name == "good.tld."),
        "validation was at work: {names:?}"
    );
    let private = names
        .iter()
        .filter(|name| name.ends_with("home.good.tld.") && !name.starts_with("_acme-challenge."));
    assert_eq!(private.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A domain with a server of the house: not validated, and nobody else hears of it.
fn routes_to_private_servers_are_exempt(world: &World) {
    let server = world.server.addr;
    let everybody =
        Upstream::start(move |query, by| relay(server, query, by).map(Act::Send).into_iter().collect());
    let routes = format!("routes:\n  tampered.tld:\n    upstreams: [\"{server}\"]\n");
    let house = world.house(&routes).upstream(everybody.addr);
    let daemon = house.start();
    let client = daemon.client();
    assert_eq!(
        verdict(&client, "www.tampered.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
    assert_eq!(
        verdict(&client, "www.expired.tld.", rtype::A),
        (rcode::SERVFAIL, false, Some(7))
    );
    assert_eq!(everybody.names_below("tampered.tld."), Vec::<String>::new());
}

fn another_upstream_may_say_what_is_right(world: &World) {
    let server = world.server.addr;
    // Lies about addresses, and only about them.
    let liar = Upstream::start(move |query, by| {
        let mut reply = relay(server, query, by);
        let records = reply.iter_mut().flat_map(|reply| &mut reply.answers);
        for record in records.filter(|record| record.rtype == rtype::A) {
            record.rdata = vec![203, 0, 113, 66];
        }
        reply.map(Act::Send).into_iter().collect()
    });
    let house = world.house("").upstreams(&[liar.addr, server]);
    let daemon = house.start();
    for _ in 0..3 {
        let reply = daemon
            .client()
            .stream()
            .exchange(&query("www.good.tld.", rtype::A, true));
        let addresses: Vec<&[u8]> = reply
            .answers
            .iter()
            .filter(|one| one.rtype == rtype::A)
            .map(|one| &one.rdata[..])
            .collect();
        assert_eq!(
            (reply.rcode, reply.ad, addresses),
            (rcode::NOERROR, true, vec![&[192, 0, 2, 80][..]])
        );
    }
    let house = world.house("").upstream(liar.addr);
    let daemon = house.start();
    assert_eq!(
        verdict(&daemon.client(), "www.good.tld.", rtype::A),
        (rcode::SERVFAIL, false, Some(6))
    );
}

fn anchors_that_cannot_be_read_end_the_start(world: &World) {
    let house = world.house("");
    house.write("anchors", ". A 192.0.2.1\n");
    let ran = run(&mut house.command());
    let ran = ran.fails(1);
    assert!(
        house
            .neutral(&ran.stderr)
            .contains("anchors:1:1: expected a DS or DNSKEY record with a known algorithm, found A"),
        "{ran:?}"
    );
}

/// Unbound that believes in this world and forwards to `upstream`; `more` goes into its server clause.
fn validating_unbound(world: &World, place: u8, upstream: SocketAddr, more: &str) -> Peer {
    let (house, addr) = (House::new(), free_address(place));
    house.write("anchors", &world.anchor);
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let (up, up_port) = (upstream.ip(), upstream.port());
    let config = format!(
        "server:\n  interface: {ip}\n  port: {port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  \
         directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  do-ip6: no\n  ede: yes\n  \
         module-config: \"validator iterator\"\n  trust-anchor-file: \"{folder}/anchors\"\n  \
         val-bogus-ttl: 1\n  trust-anchor-signaling: no\n  root-key-sentinel: no\n  aggressive-nsec: no\n{more}\
         remote-control:\n  control-enable: no\nforward-zone:\n  name: .\n  forward-addr: {up}@{up_port}\n"
    );
    Peer::start("unbound", &["-d", "-c"], addr, house, &config, "www.good.tld.")
}

/// Unbound with the same anchor and the same upstream says the same of every question: rcode and AD.
fn unbound_agrees(world: &World) {
    let unbound = validating_unbound(world, 1, world.server.addr, "");
    let (_house, daemon) = world.start();
    let mut differences = String::new();
    let mut compare = |name: &str, asked: u16| {
        let (ours, theirs) = (
            verdict(&daemon.client(), name, asked),
            verdict(&unbound.client(), name, asked),
        );
        if (ours.0, ours.1) != (theirs.0, theirs.1) {
            writeln!(differences, "{name} {asked}: ours {ours:?}, unbound {theirs:?}").unwrap();
        }
    };
    for (name, types, _) in SECURE.iter().chain(INSECURE).chain(ELSEWHERE) {
        // Unbound asks NSEC of its own accord in other ways.
        for asked in types.split(' ').filter(|asked| *asked != "NSEC") {
            compare(name, type_number(asked));
        }
    }
    for (name, asked, _) in BOGUS {
        compare(name, *asked);
    }
    for (name, asked, ..) in UNSUPPORTED.iter().filter(|(name, ..)| !name.contains("ed448")) {
        compare(name, *asked);
    }
    assert!(differences.is_empty(), "differences:\n{differences}");
}

/// Aliases into other zones.
const ELSEWHERE: &[Asked] = &[
    ("away.good.tld.", "A TXT", rcode::NOERROR),
    ("gone.good.tld.", "A", rcode::NXDOMAIN),
    ("plain.good.tld.", "A TXT", rcode::NOERROR),
];

/// What README says of a private zone below a signed public domain, for a client that validates by itself.
fn a_validating_client_behind_us_needs_an_exception_for_a_private_zone(world: &World) {
    let zone = "matrix A 192.168.1.10\n";
    let house = House::new()
        .upstream(world.server.addr)
        .zone("home.good.tld", zone)
        .zone("unsigned.tld", zone)
        .zone("plain.opt", zone);
    let daemon = house.start();
    // Everything public passes through us with its proofs.
    let strict = validating_unbound(world, 2, daemon.udp[0], "");
    assert_eq!(
        verdict(&strict.client(), "www.good.tld.", rtype::A),
        (rcode::NOERROR, true, None)
    );
    for name in [
        "matrix.home.good.tld.",
        "matrix.unsigned.tld.",
        "matrix.plain.opt.",
    ] {
        // Also below an unsigned delegation: the proof of that stands in the parent, and we are asked for it.
        assert_eq!(
            verdict(&strict.client(), name, rtype::A).0,
            rcode::SERVFAIL,
            "{name}"
        );
    }
    let lenient = validating_unbound(world, 3, daemon.udp[0], "  domain-insecure: \"home.good.tld\"\n");
    assert_eq!(
        verdict(&lenient.client(), "matrix.home.good.tld.", rtype::A),
        (rcode::NOERROR, false, None)
    );
}
