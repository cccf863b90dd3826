//! Clients of others at the encrypted listeners, and that they refuse a server with another name or authority.

use std::process::Command;

use crate::Test;
use crate::support::asker::Authority;
use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, program, run};

pub(crate) const TESTS: &[Test] = &[
    (
        "kdig_asks_over_tls_and_https",
        &["kdig"],
        kdig_asks_over_tls_and_https,
    ),
    ("kdig_asks_over_quic", &["kdig+quic"], kdig_asks_over_quic),
    (
        "curl_looks_names_up_over_https",
        &["curl"],
        curl_looks_names_up_over_https,
    ),
];

/// A house that listens on everything, with a certificate for dns.example in `authority.pem`, and another authority
/// in `stranger.pem`.
pub(crate) fn served_encrypted() -> (House, Daemon) {
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("big.example", &big)
        .listen_too(&[
            "tls://127.0.0.1:0",
            "https://127.0.0.1:0",
            "quic://127.0.0.1:0",
            "h3://127.0.0.1:0",
        ])
        .config("certificate: {chain: chain.pem, key: key.pem}\n");
    Authority::new().issue(&house, &["dns.example"], 2099);
    house.write("stranger.pem", &Authority::new().pem);
    let daemon = house.start();
    (house, daemon)
}

/// A count of a transport's: `queries`, or of an event.
pub(crate) fn count(house: &House, transport: &str, word: &str) -> u64 {
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let transports = value["ok"]["transports"].as_array().unwrap();
    let of = transports.iter().find(|of| of["transport"] == transport).unwrap();
    let found = match word {
        "queries" => &of["queries"],
        event => &of["events"][event],
    };
    found
        .as_u64()
        .unwrap_or_else(|| panic!("no {word} of {transport} in {}", ran.stdout))
}

fn kdig_asks_over_tls_and_https() {
    kdig_asks_over(&[&["+tls"], &["+https"], &["+https", "+https-get"]]);
}

fn kdig_asks_over_quic() {
    kdig_asks_over(&[&["+quic"]]);
}

fn kdig_asks_over(transports: &[&[&str]]) {
    let (house, daemon) = served_encrypted();
    let kdig = |transport: &[&str], authority: &str, name: &str, question: &[&str]| {
        let scheme = transport[0].trim_start_matches('+');
        let server = daemon.encrypted(scheme);
        let mut command = Command::new(program("kdig").unwrap());
        command
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string()])
            .arg(format!("+tls-ca={}", house.path(authority).display()))
            .arg(format!("+tls-hostname={name}"))
            // Behind the others: kdig 3.2 dies of an option for TLS that comes after QUIC.
            .args(transport);
        run(command.args(["+retry=0", "+timeout=5"]).args(question))
    };
    for transport in transports {
        let ask = |question: &[&str]| {
            kdig(transport, "authority.pem", "dns.example", question)
                .ok()
                .stdout
        };
        assert_eq!(
            ask(&["+short", "matrix.hearth.example", "A"]),
            "192.0.2.10\n",
            "{transport:?}"
        );
        let large = ask(&["big.big.example", "A"]);
        assert!(large.contains("ANSWER: 120;"), "{transport:?}: {large}");
        let nowhere = ask(&["+padding", "nowhere.hearth.example", "A"]);
        assert!(
            nowhere.contains("status: NXDOMAIN")
                && nowhere.contains("PADDING")
                && !nowhere.contains("WARNING"),
            "{transport:?}: {nowhere}"
        );
        for (authority, name) in [
            ("authority.pem", "other.example"),
            ("stranger.pem", "dns.example"),
        ] {
            let ran = kdig(
                transport,
                authority,
                name,
                &["+short", "matrix.hearth.example", "A"],
            );
            // It has seen what is wrong, and did not die of something else.
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (1, ""),
                "{transport:?} {authority} {name}: {ran:?}"
            );
        }
    }
}

fn curl_looks_names_up_over_https() {
    let (house, daemon) = served_encrypted();
    let doh = daemon.encrypted("https");
    // What curl looks up leads nowhere; that it tries the address shows that it was told.
    let curl = |authority: &str, name: &str| {
        let mut command = Command::new(program("curl").unwrap());
        command
            .args(["-q", "--noproxy", "*", "--max-time", "5", "--verbose"])
            .args(["--resolve", &format!("{name}:{}:127.0.0.1", doh.port())])
            .arg("--doh-url")
            .arg(format!("https://{name}:{}/dns-query", doh.port()))
            .arg("--cacert")
            .arg(house.path(authority))
            // On this port of the name that is looked up nobody listens.
            .args(["--connect-timeout", "1", "http://local.loop.example:9/"]);
        run(&mut command)
    };
    house.write("zones/loop.example.zone", "local 300 A 127.0.0.77\n");
    house.dnsctl(&["reload"]).ok();
    let ran = curl("authority.pem", "dns.example");
    assert!(ran.stderr.contains("127.0.0.77"), "{ran:?}");
    for (authority, name) in [
        ("authority.pem", "other.example"),
        ("stranger.pem", "dns.example"),
    ] {
        let ran = curl(authority, name);
        assert!(!ran.stderr.contains("127.0.0.77"), "{authority} {name}: {ran:?}");
        // It could not resolve the name, and says why.
        assert_eq!(ran.code, 6, "{authority} {name}: {ran:?}");
        assert!(ran.stderr.contains("DoH request SSL "), "{ran:?}");
    }
}
