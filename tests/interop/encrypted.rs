//! Other people's servers upstream of us, over every transport that each of them speaks: what they answer arrives,
//! and none of them is asked that cannot prove who it is.
//!
//! All stand before the same small zone, signed by ldns and served by NSD; what must come out of it is written here
//! as a whole. Of Debian 12's packages (looked through on 2026-11-23) only Knot DNS 3.2 has DNS over QUIC, see
//! `quic`; it has no DNS over TLS. None is a server for DNS over HTTP/3, but Caddy is a web server with HTTP/3 that
//! passes requests on, here to Unbound.

use std::net::SocketAddr;
use std::process::Command;

use crate::Test;
use crate::peers::{ITERATE, caddy, dnsdist, kresd, nsd_with, public, stub_zone, unbound};
use crate::support::identity::Identity;
use crate::support::wire::Edns;
use crate::support::{Client, Daemon, House, Message, Peer, free_address, program, rcode, rtype, run};

pub(crate) const TESTS: &[Test] = &[
    ("unbound_answers_over_udp_tcp_tls_and_https", UNBOUND, || {
        answers_arrive(&unbound_secure());
    }),
    ("unbound_must_prove_who_it_is", UNBOUND, || {
        strangers_are_refused(&unbound_secure());
    }),
    ("knot_resolver_answers_over_udp_tcp_tls_and_https", KRESD, || {
        answers_arrive(&kresd_secure());
    }),
    ("knot_resolver_must_prove_who_it_is", KRESD, || {
        strangers_are_refused(&kresd_secure());
    }),
    ("dnsdist_answers_over_udp_tcp_tls_and_https", DNSDIST, || {
        answers_arrive(&dnsdist_secure());
    }),
    ("dnsdist_must_prove_who_it_is", DNSDIST, || {
        strangers_are_refused(&dnsdist_secure());
    }),
    ("nsd_answers_over_udp_tcp_and_tls", NSD, || {
        answers_arrive(&nsd_secure());
    }),
    ("nsd_must_prove_who_it_is", NSD, || {
        strangers_are_refused(&nsd_secure());
    }),
    ("caddy_before_unbound_answers_over_h3", CADDY, || {
        answers_arrive(&caddy_secure());
    }),
    ("caddy_before_unbound_must_prove_who_it_is", CADDY, || {
        strangers_are_refused(&caddy_secure());
    }),
];

const UNBOUND: &[&str] = &["unbound", "nsd", "ldns-keygen", "ldns-signzone"];
const KRESD: &[&str] = &["kresd", "nsd", "ldns-keygen", "ldns-signzone"];
const DNSDIST: &[&str] = &["dnsdist", "nsd", "ldns-keygen", "ldns-signzone"];
const NSD: &[&str] = &["nsd", "ldns-keygen", "ldns-signzone"];
const CADDY: &[&str] = &["caddy", "unbound", "nsd", "ldns-keygen", "ldns-signzone"];

/// What every peer's certificate bears.
const NAME: &str = "dns.example";

/// A peer with the doors that it has, and everything behind it.
pub(crate) struct Served {
    doors: Vec<(&'static str, SocketAddr)>,
    papers: Papers,
    /// It says of what it validated that it did.
    validates: bool,
    // The one that is asked first, those behind it later: that is the order in which they end.
    _peers: Vec<Peer>,
}

impl Served {
    /// With these doors, and these peers behind them; it does not validate.
    pub(crate) fn new(doors: Vec<(&'static str, SocketAddr)>, papers: Papers, peers: Vec<Peer>) -> Self {
        Served {
            doors,
            papers,
            validates: false,
            _peers: peers,
        }
    }

    /// The URL of a door for a host of this name.
    fn url(scheme: &str, host: &str, door: SocketAddr) -> String {
        let path = if ["https", "h3"].contains(&scheme) {
            "/dns-query"
        } else {
            ""
        };
        format!("{scheme}://{host}:{}{path}", door.port())
    }

    fn encrypted(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let doors = self.doors.iter().copied();
        doors.filter(|(scheme, _)| !["udp", "tcp"].contains(scheme))
    }
}

/// A peer's certificate and key as files.
pub(crate) struct Papers {
    house: House,
    identity: Identity,
}

impl Papers {
    pub(crate) fn new() -> Self {
        let (house, identity) = (House::new(), Identity::new(&[NAME]));
        house.write("certificate.pem", &identity.certificate_pem());
        house.write("key.pem", &identity.key_pem());
        Papers { house, identity }
    }

    pub(crate) fn files(&self) -> (String, String) {
        let file = |name| self.house.path(name).display().to_string();
        (file("certificate.pem"), file("key.pem"))
    }
}

/// The zone `example.net`, signed, and the DS record of its key.
pub(crate) fn signed() -> (String, String) {
    let house = House::new();
    let tool = |name: &str| {
        let mut command = Command::new(program(name).unwrap());
        command.current_dir(house.root());
        command
    };
    let mut keygen = tool("ldns-keygen");
    let key = run(keygen.args(["-k", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "example.net"])).ok();
    house.write("zone", &format!("$ORIGIN example.net.\n{}", public()));
    let mut sign = tool("ldns-signzone");
    run(sign.args([
        "-o",
        "example.net",
        "-f",
        "zone.signed",
        "zone",
        key.stdout.trim(),
    ]))
    .ok();
    let anchor = house.read(&format!("{}.ds", key.stdout.trim()));
    (house.read("zone.signed"), anchor.trim().to_owned())
}

// ---- the peers

fn nsd_secure() -> Served {
    let (papers, tls) = (Papers::new(), free_address());
    let (certificate, key) = papers.files();
    let more = format!(
        "  ip-address: {}@{}\n  tls-port: {}\n  tls-service-pem: \"{certificate}\"\n  tls-service-key: \"{key}\"\n",
        tls.ip(),
        tls.port(),
        tls.port()
    );
    let mut peer = nsd_with(&more, &[("example.net", &signed().0)]);
    peer.wait_for_doors(&[tls]);
    let addr = peer.addr;
    Served::new(
        vec![("udp", addr), ("tcp", addr), ("tls", tls)],
        papers,
        vec![peer],
    )
}

fn unbound_secure() -> Served {
    let server = nsd_with("", &[("example.net", &signed().0)]);
    let (papers, tls, https) = (Papers::new(), free_address(), free_address());
    let (certificate, key) = papers.files();
    let more = format!(
        "{ITERATE}  interface: {}@{}\n  tls-port: {}\n  interface: {}@{}\n  https-port: {}\n  \
         tls-service-pem: \"{certificate}\"\n  tls-service-key: \"{key}\"\n",
        tls.ip(),
        tls.port(),
        tls.port(),
        https.ip(),
        https.port(),
        https.port()
    );
    let mut peer = unbound(free_address(), &more, &stub_zone(&server), "example.net.");
    peer.wait_for_doors(&[tls, https]);
    let addr = peer.addr;
    Served::new(
        vec![("udp", addr), ("tcp", addr), ("tls", tls), ("https", https)],
        papers,
        vec![peer, server],
    )
}

fn kresd_secure() -> Served {
    let (zone, anchor) = signed();
    let server = nsd_with("", &[("example.net", &zone)]);
    let (papers, tls, https) = (Papers::new(), free_address(), free_address());
    let (certificate, key) = papers.files();
    let mut peer = kresd(server.addr, &anchor, tls, https, &certificate, &key);
    peer.wait_for_doors(&[tls, https]);
    let addr = peer.addr;
    Served {
        validates: true,
        ..Served::new(
            vec![("udp", addr), ("tcp", addr), ("tls", tls), ("https", https)],
            papers,
            vec![peer, server],
        )
    }
}

fn dnsdist_secure() -> Served {
    let server = nsd_with("", &[("example.net", &signed().0)]);
    let (papers, tls, https) = (Papers::new(), free_address(), free_address());
    let (certificate, key) = papers.files();
    let mut peer = dnsdist(server.addr, tls, https, &certificate, &key);
    peer.wait_for_doors(&[tls, https]);
    let addr = peer.addr;
    Served::new(
        vec![("udp", addr), ("tcp", addr), ("tls", tls), ("https", https)],
        papers,
        vec![peer, server],
    )
}

/// Caddy speaks HTTP/3 to us and HTTP/2 to Unbound.
fn caddy_secure() -> Served {
    let behind = unbound_secure();
    let (_, https) = behind.encrypted().find(|(scheme, _)| *scheme == "https").unwrap();
    let (papers, h3) = (Papers::new(), free_address());
    let (certificate, key) = papers.files();
    // Unbound's papers are needed no more: it has read them.
    let mut peers = vec![caddy(NAME, h3, https, &certificate, &key)];
    peers.extend(behind._peers);
    Served::new(vec![("h3", h3)], papers, peers)
}

// ---- what must come

/// A house whose one upstream is this mapping, and the daemon in it.
fn with_upstream(mapping: &str, authority: &str) -> (House, Daemon) {
    let house = House::new()
        .config(&format!(
            "upstreams:\n  - {{{mapping}}}\nupstream: {{attempt_ms: 5000}}\n"
        ))
        .upstreams_of_config();
    house.write("ca.pem", authority);
    let daemon = house.start_talkative();
    (house, daemon)
}

/// A reply without what may differ from run to run: TTLs have aged in the peers' caches, signatures are new.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    rcode: u16,
    aa: bool,
    ad: bool,
    tc: bool,
    ra: bool,
    answer: Vec<String>,
    authority: Vec<String>,
    extended_error: Option<(u16, String)>,
}

impl Said {
    fn of(reply: &Message) -> Self {
        let timeless = |lines: Vec<String>| -> Vec<String> {
            let shown = |line: String| {
                let words: Vec<&str> = line.split(' ').collect();
                let ttl: u32 = words[1].parse().unwrap();
                assert!(ttl <= 300, "a TTL grew on its way: {line}");
                // Of what signs and proves only the type: this codec shows it as digits.
                match words[2] {
                    "RRSIG" | "TYPE47" => words[2].to_owned(),
                    _ => format!("{} {}", words[0], words[2..].join(" ")),
                }
            };
            lines.into_iter().map(shown).collect()
        };
        Said {
            rcode: reply.rcode,
            aa: reply.aa,
            ad: reply.ad,
            tc: reply.tc,
            ra: reply.ra,
            answer: timeless(reply.answer_lines()),
            authority: timeless(reply.authority_lines()),
            extended_error: reply.edns.as_ref().and_then(Edns::extended_error),
        }
    }

    /// What a forwarder says: not its own data, nothing that it validated.
    fn forwarded(rcode: u16, answer: &[&str], authority: &[&str]) -> Self {
        let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
        Said {
            rcode,
            aa: false,
            ad: false,
            tc: false,
            ra: true,
            answer: lines(answer),
            authority: lines(authority),
            extended_error: None,
        }
    }
}

const SOA: &str = "example.net. SOA ns.example.net. hostmaster.example.net. 1 3600 900 604800 60";

/// Every door answers every kind of question, and each with a daemon of its own, whose cache is empty.
pub(crate) fn answers_arrive(served: &Served) {
    let big: Vec<String> = (0..200)
        .map(|n| format!("big.example.net. A 198.51.100.{n}"))
        .collect();
    for &(scheme, door) in &served.doors {
        let mapping = if ["udp", "tcp"].contains(&scheme) {
            format!("url: \"{scheme}://{door}\"")
        } else {
            let url = Served::url(scheme, NAME, door);
            format!("url: \"{url}\", addresses: [{}], ca_file: ca.pem", door.ip())
        };
        let (_house, daemon) = with_upstream(&mapping, &served.papers.identity.authority);
        let client = daemon.client();
        let ask = |name: &str, asked| Said::of(&client.ask(name, asked));
        let expected = Said::forwarded(rcode::NOERROR, &["www.example.net. A 198.51.100.80"], &[]);
        assert_eq!(ask("www.example.net.", rtype::A), expected, "{mapping}");
        let expected = Said::forwarded(rcode::NXDOMAIN, &[], &[SOA]);
        assert_eq!(ask("nowhere.example.net.", rtype::A), expected, "{mapping}");
        let expected = Said::forwarded(rcode::NOERROR, &[], &[SOA]);
        assert_eq!(ask("www.example.net.", rtype::TXT), expected, "{mapping}");
        let expected = Said::forwarded(rcode::NOERROR, &["odd.example.net. TYPE65280 \\# abcdef"], &[]);
        assert_eq!(ask("odd.example.net.", 65280), expected, "{mapping}");
        // More than 1232 bytes: whole over TCP, cut over UDP, whatever it came by.
        let mut lines: Vec<&str> = big.iter().map(String::as_str).collect();
        lines.sort_unstable();
        let mut whole = Said::of(&client.ask_tcp("big.example.net.", rtype::A));
        whole.answer.sort();
        assert_eq!(whole, Said::forwarded(rcode::NOERROR, &lines, &[]), "{mapping}");
        let cut = client.ask("big.example.net.", rtype::A);
        assert!(cut.tc && cut.size <= 1232, "{mapping}: {cut:?}");
        assert_signatures_pass(&client, served.validates, &mapping);
    }
}

/// Who sets DO gets signatures and proofs, and hears that a peer has validated them.
fn assert_signatures_pass(client: &Client, ad: bool, mapping: &str) {
    let ask = |name: &str| {
        let mut query = Message::query(name, rtype::A).with_edns(1232);
        query.edns.as_mut().unwrap().dnssec_ok = true;
        Said::of(&client.exchange(&query))
    };
    let forwarded = |rcode, answer: &[&str], authority: &[&str]| Said {
        ad,
        ..Said::forwarded(rcode, answer, authority)
    };
    let expected = forwarded(
        rcode::NOERROR,
        &["RRSIG", "www.example.net. A 198.51.100.80"],
        &[],
    );
    let mut found = ask("www.example.net.");
    found.answer.sort();
    assert_eq!(found, expected, "{mapping}");
    // That the name does not exist, nor a wildcard in its place, and the SOA, all signed.
    let proof = ["RRSIG", "RRSIG", "RRSIG", "TYPE47", "TYPE47", SOA];
    let mut found = ask("other.example.net.");
    found.authority.sort();
    assert_eq!(found, forwarded(rcode::NXDOMAIN, &[], &proof), "{mapping}");
}

// ---- what must not come

/// Another name, another authority, a forged one, another key: each ends in the same words for the client, and in exact ones in
/// the log. The right pin is believed, so that what is refused is refused for its own sake.
pub(crate) fn strangers_are_refused(served: &Served) {
    let Identity { authority, pin, .. } = &served.papers.identity;
    let (other, forger) = (Identity::new(&["other.example"]), Identity::new(&[NAME]));
    let failed = Said {
        extended_error: Some((22, "no upstream can be reached".to_owned())),
        ..Said::forwarded(rcode::SERVFAIL, &[], &[])
    };
    for (scheme, door) in served.encrypted() {
        let ip = door.ip();
        let url = |host: &str| format!("url: \"{}\", addresses: [{ip}]", Served::url(scheme, host, door));
        let pinned = |pin: &str| format!("{}, pin_sha256: [\"{pin}\"]", url("wrong.example"));
        let trusted = |host: &str| format!("{}, ca_file: ca.pem", url(host));
        let unknown = "certificate is of no known authority; name that one with `ca_file`, or the key with `pin_sha256`";
        let refused = [
            (
                trusted("wrong.example"),
                authority,
                "wrong.example",
                format!("certificate is for {NAME}"),
            ),
            (trusted(NAME), &other.authority, NAME, unknown.to_owned()),
            // Bears the right authority's name, but has not its key.
            (
                trusted(NAME),
                &forger.authority,
                NAME,
                "certificate is refused: BadSignature".to_owned(),
            ),
            (
                pinned(&other.pin),
                authority,
                "wrong.example",
                format!("the server's key is {pin}, which no `pin_sha256` names"),
            ),
        ];
        for (mapping, authority, host, reason) in refused {
            let (_house, daemon) = with_upstream(&mapping, authority);
            assert_eq!(
                Said::of(&daemon.ask("www.example.net.", rtype::A)),
                failed,
                "{mapping}"
            );
            let reason = format!("tls handshake with {host} ({door}): {reason}");
            daemon
                .process
                .wait_for_line(&reason, |line| line.contains(&reason));
        }
        let (_house, daemon) = with_upstream(&pinned(pin), authority);
        let expected = Said::forwarded(rcode::NOERROR, &["www.example.net. A 198.51.100.80"], &[]);
        assert_eq!(
            Said::of(&daemon.ask("www.example.net.", rtype::A)),
            expected,
            "{scheme}"
        );
    }
}
