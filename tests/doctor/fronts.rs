//! What `dnsctl matrix show` prints for nginx and coturn, given to real ones: the doctor finds its way.

use crate::Test;
use crate::street::{SERVER, Street};
use crate::support::place::command;
use crate::support::{Ran, run};

pub(crate) const TESTS: &[Test] = &[
    (
        "nginx_as_shown_leads_servers_and_clients",
        &["curl"],
        nginx_as_shown_leads_servers_and_clients,
    ),
    (
        "coturn_as_shown_answers_over_udp_tcp_and_tls",
        &["turnserver"],
        coturn_as_shown_answers_over_udp_tcp_and_tls,
    ),
];

/// Every way to lead others, and clients on another port; where clients are led, and as whom servers ask. Behind an SRV record
/// that is the server name (server-server API, resolving server names, step 4).
const WAYS: [(&str, &str, &str); 6] = [
    (
        "--delegate well-known",
        "https://matrix.hearth.example",
        "matrix.hearth.example:443",
    ),
    (
        "--delegate well-known --port 8451",
        "https://matrix.hearth.example",
        "matrix.hearth.example:8451",
    ),
    (
        "--delegate srv --port 8448",
        "https://matrix.hearth.example",
        "hearth.example:8448",
    ),
    (
        "--delegate srv --port 443",
        "https://matrix.hearth.example",
        "hearth.example:443",
    ),
    ("--delegate none", "https://hearth.example", "hearth.example:8448"),
    (
        "--delegate well-known --client-port 8443",
        "https://matrix.hearth.example:8443",
        "matrix.hearth.example:443",
    ),
];

fn nginx_as_shown_leads_servers_and_clients(street: &mut Street) {
    for (way, base, asked_as) in WAYS {
        street.add(&format!("{way} --address {SERVER}"));
        street.serve();
        street.homeserver.heads();
        let said = street.doctor("");
        assert_eq!((said.fault.as_str(), said.exit), ("works", 0), "{way}: {said:#?}");
        // Homeservers check the name that they were asked for, and whoever wrote to them.
        let heads = street.homeserver.heads();
        for path in [
            "/_matrix/federation/v1/version",
            "/_matrix/key/v2/server",
            "/_matrix/client/versions",
            "/_matrix/client/v3/login",
        ] {
            let head = heads
                .iter()
                .find(|head| head.starts_with(&format!("GET {path} ")))
                .unwrap_or_else(|| panic!("{way}: {path} did not arrive: {heads:#?}"));
            let lower = head.to_ascii_lowercase();
            assert!(lower.contains("x-forwarded-for: 192.168.1.50\r\n"), "{head}");
            assert!(lower.contains("x-forwarded-proto: https\r\n"), "{head}");
            let host = if path.starts_with("/_matrix/client/") {
                let place = base.trim_start_matches("https://");
                let port = if place.contains(':') { "" } else { ":443" };
                format!("host: {place}{port}\r\n")
            } else {
                format!("host: {asked_as}\r\n")
            };
            assert!(lower.contains(&host), "{way}: {host}{head}");
        }
        // What is served at .well-known is what is shown.
        let client = fetch(street, "https://hearth.example/.well-known/matrix/client");
        assert_eq!(client.stdout + "\n", street.shown("client"), "{way}");
        assert!(
            client.stderr.contains("content-type: application/json"),
            "{}",
            client.stderr
        );
        assert!(street.shown("client").contains(&format!("\"{base}\"")), "{way}");
        let server = fetch(street, "https://hearth.example/.well-known/matrix/server");
        if way.contains("well-known") {
            assert_eq!(server.stdout + "\n", street.shown("server"), "{way}");
            assert!(
                server.stderr.contains("cache-control: max-age=3600"),
                "{}",
                server.stderr
            );
        } else {
            // A server that is led to otherwise must have none: it would come first.
            assert!(server.stderr.starts_with("404"), "{way}: {}", server.stderr);
        }
    }
}

/// A body, and behind it as standard error the status and the fields of the head.
fn fetch(street: &Street, url: &str) -> Ran {
    let mut curl = street.here.command("curl");
    curl.args(["-sS", "--max-time", "20", "--cacert"])
        .arg(street.house.path("authority.pem"))
        .args([
            "-w",
            "%{stderr}%{http_code} content-type: %{content_type}\n%header{cache-control}\n",
            url,
        ]);
    let mut ran = run(&mut curl).ok();
    ran.stderr = ran
        .stderr
        .lines()
        .map(|line| {
            if line.starts_with("max-age") {
                format!("cache-control: {line}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    ran
}

fn coturn_as_shown_answers_over_udp_tcp_and_tls(street: &mut Street) {
    street.add(&format!("--delegate srv --port 8448 --turn --address {SERVER}"));
    let settings = street.shown("turn");
    start(street, &settings);
    let works = street.doctor("--only turn");
    assert_eq!((works.fault.as_str(), works.exit), ("works", 0), "{works:#?}");
    let seen: Vec<String> = works.links.iter().map(|link| without_port(link)).collect();
    assert_eq!(
        seen,
        [
            format!("ok turn.hearth.example {SERVER}"),
            "ok TURN over UDP, turn.hearth.example:3478 answers; it sees 192.168.1.50".to_owned(),
            "ok TURN over TCP, turn.hearth.example:3478 answers; it sees 192.168.1.50".to_owned(),
            "ok TURN over TLS, turn.hearth.example:5349 answers; it sees 192.168.1.50".to_owned(),
        ]
    );

    for (rule, fault, exit) in [
        ("udp dport 3478", "turn-no-udp", 0),
        ("tcp dport {3478, 5349}", "turn-udp-only", 0),
        ("meta l4proto {tcp, udp} th dport {3478, 5349}", "turn-dead", 19),
    ] {
        run(&mut command("nft flush ruleset")).ok();
        street.drops(rule);
        let said = street.doctor("--only turn");
        assert_eq!(
            (said.fault.as_str(), said.exit),
            (fault, exit),
            "{rule}: {said:#?}"
        );
    }
    run(&mut command("nft flush ruleset")).ok();

    if let Some(mut coturn) = street.coturn.take() {
        coturn.end();
    }
    let dead = street.doctor("--only turn");
    assert_eq!((dead.fault.as_str(), dead.exit), ("turn-dead", 19), "{dead:#?}");
    assert_eq!(
        dead.sentence,
        "TURN over UDP, turn.hearth.example:3478 is closed: nothing listens there, and nothing else answers either"
    );

    // A certificate of another name: everything else answers, and clients of TLS turn away.
    street.other_certificate();
    let other = street.shown("turn").replace("/tls.", "/other.");
    start(street, &other);
    let said = street.doctor("--only turn");
    assert_eq!(
        (said.fault.as_str(), said.exit),
        ("turn-certificate", 0),
        "{said:#?}"
    );
    assert_eq!(
        said.sentence,
        "TURN over TLS, turn.hearth.example:5349 the certificate is for other.example, and not for turn.hearth.example"
    );
}

/// coturn with these settings, taking requests.
fn start(street: &mut Street, settings: &str) {
    let file = street.house.path("turnserver.conf");
    street.house.write("turnserver.conf", settings);
    let mut coturn = command("turnserver --log-file stdout --simple-log --listening-ip");
    coturn.arg(SERVER).arg("-c").arg(file);
    coturn
        .arg("--pidfile")
        .arg(street.house.path("turnserver.pid"))
        .arg("--userdb")
        .arg(street.house.path("turndb"));
    street.start_coturn(&mut coturn);
}

/// `192.168.1.50:40123` without its port, which is another each time.
fn without_port(link: &str) -> String {
    match link.rsplit_once(':') {
        Some((front, port)) if front.contains(" sees ") && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            front.to_owned()
        }
        _ => link.to_owned(),
    }
}
