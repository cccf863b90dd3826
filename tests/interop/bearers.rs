//! Clients of others as devices abroad: with their token they get the names of our zones from a listener that is
//! private-only, and with none, a revoked one or one that never was they are refused.

use std::process::Command;

use crate::browsers::{self, Start};
use crate::listeners::count;
use crate::stubs::{resolved, stubby};
use crate::support::asker::Authority;
use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, program, rcode, run};
use crate::{NAMESPACES, Test, lab};

pub(crate) const TESTS: &[Test] = &[
    ("kdig_bears_a_token_over_tls_and_https", &["kdig"], || {
        only_with_a_token(&[("tls", kdig), ("https", kdig), ("https", kdig_gets)]);
    }),
    ("kdig_bears_a_token_over_quic", &["kdig+quic"], || {
        only_with_a_token(&[("quic", kdig)]);
    }),
    ("dnspython_bears_a_token_over_h3_and_quic", &["dnspython"], || {
        only_with_a_token(&[("h3", dnspython), ("quic", dnspython)]);
    }),
    ("curl_bears_a_token_over_https", &["curl"], || {
        only_with_a_token(&[("https", curl)]);
    }),
    ("stubby_bears_a_token_over_tls", &["stubby"], || {
        only_with_a_token(&[("tls", stubby_asks)]);
    }),
    (
        "systemd_resolved_bears_a_token_over_tls",
        &["systemd-resolved", "unshare", NAMESPACES],
        || lab::inside(|| only_with_a_token(&[("tls", resolved_asks)])),
    ),
    (
        "chromium_bears_a_token_over_https",
        &["chromium", "certutil", NAMESPACES],
        || lab::inside(|| only_with_a_token(&[("https", chromium_loads)])),
    ),
    (
        "firefox_bears_a_token_over_https",
        &["firefox-esr", "certutil", NAMESPACES],
        || lab::inside(|| only_with_a_token(&[("https", firefox_loads)])),
    ),
];

const NAME: &str = "dns.example";
const ASKED: &str = "matrix.hearth.example";
const ANSWER: &str = "192.0.2.10";

/// Whether a client gets the answer: over this transport, with this host name and path.
type Ask = fn(&House, &Daemon, transport: &str, host: &str, path: &str) -> bool;

fn only_with_a_token(clients: &[(&str, Ask)]) {
    let listeners: String = ["tls", "https", "quic", "h3"]
        .iter()
        .map(|scheme| format!("  - {{url: '{scheme}://127.0.0.1:0', private_only: true}}\n"))
        .collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .config(&format!(
            "listen:\n  - 127.0.0.1:0\n{listeners}certificate: {{chain: chain.pem, key: key.pem}}\nname: {NAME}\n"
        ))
        .listen_of_config(1);
    Authority::new().issue(&house, &[NAME, "*.dns.example", "127.0.0.1"], 2099);
    let daemon = house.start();
    let invite = |device: &str| {
        let ran = house.dnsctl(&["invite", device, "--json"]).ok();
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        value["ok"]["token"].as_str().unwrap().to_owned()
    };
    let (known, revoked) = (invite("phone"), invite("lost-phone"));
    house.dnsctl(&["revoke", "lost-phone"]).ok();
    for (transport, ask) in clients {
        for (token, expected) in [
            (Some(known.as_str()), true),
            (Some(&revoked), false),
            (Some("aaaaaaaaaaaaaaaa"), false),
            (None, false),
        ] {
            let (host, path) = match token {
                // In the path where there is one, else in the name.
                Some(token) if ["https", "h3"].contains(transport) => {
                    (NAME.to_owned(), format!("/d/{token}/dns-query"))
                }
                Some(token) => (format!("{token}.{NAME}"), String::new()),
                None => (NAME.to_owned(), "/dns-query".to_owned()),
            };
            let is_answered = ask(&house, &daemon, transport, &host, &path);
            assert_eq!(is_answered, expected, "{transport} {host} {path}");
        }
    }
}

fn kdig(house: &House, daemon: &Daemon, transport: &str, host: &str, path: &str) -> bool {
    let words: &[&str] = match transport {
        "https" => &[&format!("+https={path}")],
        "quic" => &["+quic"],
        _ => &["+tls"],
    };
    kdig_asks(house, daemon, transport, host, words)
}

fn kdig_gets(house: &House, daemon: &Daemon, transport: &str, host: &str, path: &str) -> bool {
    let words = [&format!("+https={path}"), "+https-get"];
    kdig_asks(house, daemon, transport, host, &words)
}

fn kdig_asks(house: &House, daemon: &Daemon, transport: &str, host: &str, words: &[&str]) -> bool {
    let server = daemon.encrypted(transport);
    let mut command = Command::new(program("kdig").unwrap());
    command
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string()])
        .arg(format!("+tls-ca={}", house.path("authority.pem").display()))
        .args([&format!("+tls-hostname={host}"), &format!("+tls-sni={host}")])
        .args(words)
        .args(["+retry=0", "+timeout=5", ASKED, "A"]);
    let ran = run(&mut command).ok();
    let is_answered = ran.stdout.contains(ANSWER);
    // The server spoke in either case.
    assert_eq!(ran.stdout.contains("status: REFUSED"), !is_answered, "{ran:?}");
    is_answered
}

fn dnspython(house: &House, daemon: &Daemon, transport: &str, host: &str, path: &str) -> bool {
    let server = daemon.encrypted(transport);
    let mut command = Command::new(program("dnspython").unwrap());
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/ask.py"))
        .args([transport, &server.ip().to_string(), &server.port().to_string()])
        .arg(house.path("authority.pem"))
        .args([host, ASKED, path]);
    match run(&mut command).ok().stdout.as_str() {
        "NOERROR 192.0.2.10\n" => true,
        "REFUSED\n" => false,
        other => panic!("{other}"),
    }
}

fn curl(house: &House, daemon: &Daemon, transport: &str, host: &str, path: &str) -> bool {
    let port = daemon.encrypted(transport).port();
    let mut command = Command::new(program("curl").unwrap());
    command
        .args([
            "-q",
            "--noproxy",
            "*",
            "--max-time",
            "5",
            "--connect-timeout",
            "1",
            "--verbose",
        ])
        .args(["--resolve", &format!("{host}:{port}:127.0.0.1")])
        .args(["--doh-url", &format!("https://{host}:{port}{path}"), "--cacert"])
        .arg(house.path("authority.pem"))
        // On this port of the name that is looked up nobody listens.
        .arg("http://loop.hearth.example:9/");
    house
        .dnsctl(&["set-record", "loop.hearth.example", "A", "127.0.0.77"])
        .ok();
    let refused = refusals(house);
    let ran = run(&mut command);
    let is_answered = ran.stderr.contains("127.0.0.77");
    // It could not resolve the name, because we refused.
    assert_eq!(
        ran.code == 6 && refusals(house) > refused,
        !is_answered,
        "{ran:?}"
    );
    is_answered
}

fn stubby_asks(house: &House, daemon: &Daemon, transport: &str, host: &str, _: &str) -> bool {
    let authority = house.path("authority.pem");
    let reply = stubby(daemon.encrypted(transport), &authority, host).reply();
    assert_eq!(
        reply.rcode == rcode::NOERROR,
        !reply.answers.is_empty(),
        "{reply:?}"
    );
    !reply.answers.is_empty()
}

fn resolved_asks(house: &House, daemon: &Daemon, transport: &str, host: &str, _: &str) -> bool {
    let server = daemon.encrypted(transport);
    house.write(
        "resolved.conf",
        &format!(
            "[Resolve]\nDNS={server}#{host}\nFallbackDNS=\nDNSOverTLS=yes\nDomains=~.\nDNSSEC=no\nLLMNR=no\n\
             MulticastDNS=no\n"
        ),
    );
    let reply = resolved(house, "resolved.conf", "authority.pem").reply();
    assert_eq!(
        reply.rcode == rcode::NOERROR,
        !reply.answers.is_empty(),
        "{reply:?}"
    );
    !reply.answers.is_empty()
}

fn chromium_loads(house: &House, daemon: &Daemon, transport: &str, _: &str, path: &str) -> bool {
    browser_loads(browsers::chromium, house, daemon, transport, path)
}

fn firefox_loads(house: &House, daemon: &Daemon, transport: &str, _: &str, path: &str) -> bool {
    browser_loads(browsers::firefox, house, daemon, transport, path)
}

/// Whether a browser, which knows the server by its address, loads a page by a name of ours.
fn browser_loads(start: Start, house: &House, daemon: &Daemon, transport: &str, path: &str) -> bool {
    house
        .dnsctl(&["set-record", browsers::PAGE, "A", "127.0.0.1"])
        .ok();
    let profile = House::new();
    profile.write(
        "trusted.pem",
        &std::fs::read_to_string(house.path("authority.pem")).unwrap(),
    );
    let doh = format!("https://{}{path}", daemon.encrypted(transport));
    // A browser asks for names of its own too, and a listener for devices refuses those: with a token it is told by
    // what is said of tokens. It asks for addresses of two kinds and for HTTPS records before it gives up.
    let refused = || match path.starts_with("/d/") {
        true => count(house, transport, "token-refused"),
        false => refusals(house),
    };
    let before = refused();
    browsers::loads(start, &profile, &doh, || refused() >= before + 3)
}

/// Queries that were refused so far.
fn refusals(house: &House) -> u64 {
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    value["ok"]["outcomes"]["refused"].as_u64().unwrap_or(0)
}
