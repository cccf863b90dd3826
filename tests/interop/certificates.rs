//! Clients of others and the authority of our own: what it signs for this server is believed, what a thief of its key
//! signs for somebody else is not.

use std::process::Command;

use crate::Test;
#[cfg(feature = "https-listener")]
use crate::support::asker::Authority;
use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, Ran, program, run};

pub(crate) const TESTS: &[Test] = &[
    (
        "kdig_believes_our_own_authority_and_no_thief_of_its_key",
        &["kdig"],
        kdig_believes_our_own_authority_and_no_thief_of_its_key,
    ),
    (
        "openssl_believes_our_own_authority_and_no_thief_of_its_key",
        &["openssl"],
        openssl_believes_our_own_authority_and_no_thief_of_its_key,
    ),
    #[cfg(feature = "https-listener")]
    (
        "dig_is_told_of_listeners_where_the_public_vouches_for_them",
        &["dig"],
        dig_is_told_of_listeners_where_the_public_vouches_for_them,
    ),
];

/// A house with a certificate of its own authority, which is in `given.pem`.
fn served() -> (House, Daemon) {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config("name: dns.hearth.example\n");
    let daemon = house.start();
    let given = house.dnsctl(&["certificate", "authority"]).ok().stdout;
    house.write("given.pem", &given);
    (house, daemon)
}

/// Another house, whose certificate for `bank.example` and one of our names was signed with the first one's key.
fn thief(of: &House) -> (House, Daemon) {
    let kept = of.read("state/certificate/authority.pem");
    let (_, key) = kept.split_once("-----END CERTIFICATE-----\n").unwrap();
    let json = of.dnsctl(&["certificate", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let name = json["ok"]["issuer"].as_str().unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = rcgen::Issuer::new(params, rcgen::KeyPair::from_pem(key).unwrap());
    let names = ["bank.example".to_owned(), "dns.hearth.example".to_owned()];
    let key = rcgen::KeyPair::generate().unwrap();
    let forged = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config("certificate: {chain: chain.pem, key: key.pem}\n");
    house.write("chain.pem", &forged.pem());
    house.write("key.pem", &key.serialize_pem());
    let daemon = house.start();
    (house, daemon)
}

fn kdig_believes_our_own_authority_and_no_thief_of_its_key() {
    let (house, daemon) = served();
    let kdig = |daemon: &Daemon, name: &str| {
        let server = daemon.encrypted("tls");
        let mut command = Command::new(program("kdig").unwrap());
        command
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string(), "+tls", "+retry=0", "+timeout=5"])
            .arg(format!("+tls-ca={}", house.path("given.pem").display()))
            .arg(format!("+tls-hostname={name}"));
        run(command.args(["+short", "matrix.hearth.example", "A"]))
    };
    for name in ["dns.hearth.example", "token.dns.hearth.example", "127.0.0.1"] {
        assert_eq!(kdig(&daemon, name).ok().stdout, "192.0.2.10\n", "{name}");
    }
    let (_there, forger) = thief(&house);
    for name in ["bank.example", "dns.hearth.example"] {
        let ran = kdig(&forger, name);
        assert!(!ran.stdout.contains("192.0.2.10"), "{name}: {ran:?}");
    }
}

fn openssl_believes_our_own_authority_and_no_thief_of_its_key() {
    let (house, daemon) = served();
    let openssl = |daemon: &Daemon, expected: [&str; 2]| -> Ran {
        let mut command = Command::new(program("openssl").unwrap());
        command
            .args(["s_client", "-connect", &daemon.encrypted("tls").to_string()])
            .args(["-verify_return_error", "-purpose", "sslserver", "-CAfile"])
            .arg(house.path("given.pem"));
        run(command.args(expected))
    };
    for expected in [
        ["-verify_hostname", "dns.hearth.example"],
        ["-verify_hostname", "token.dns.hearth.example"],
        ["-verify_ip", "127.0.0.1"],
    ] {
        let ran = openssl(&daemon, expected).ok();
        assert!(
            ran.stdout.contains("Verify return code: 0 (ok)"),
            "{expected:?}: {ran:?}"
        );
    }
    let (_there, forger) = thief(&house);
    for name in ["bank.example", "dns.hearth.example"] {
        let ran = openssl(&forger, ["-verify_hostname", name]).fails(1);
        assert!(
            ran.stderr.contains("permitted subtree violation"),
            "{name}: {ran:?}"
        );
    }
    let mut command = Command::new(program("openssl").unwrap());
    command
        .args(["x509", "-noout", "-text", "-in"])
        .arg(house.path("given.pem"));
    let text = run(&mut command).ok().stdout;
    for part in [
        "X509v3 Name Constraints: critical",
        "DNS:hearth.example",
        "IP:10.0.0.0/255.0.0.0",
        "X509v3 Basic Constraints: critical",
        "CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical",
        "Certificate Sign",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("Digital Signature"), "{text}");
}

#[cfg(feature = "https-listener")]
/// What dig is told of our encrypted listeners: the lines, or why there are none.
fn told(daemon: &Daemon) -> String {
    let server = daemon.udp[0];
    let mut command = Command::new(program("dig").unwrap());
    command
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+tries=1", "+time=5"])
        .args(["+noall", "+answer", "+comments", "_dns.resolver.arpa", "SVCB"]);
    let said = run(&mut command).ok().stdout;
    let status = said
        .split_once("status: ")
        .and_then(|(_, rest)| rest.split_once(','));
    let lines: Vec<String> = said
        .lines()
        .filter(|line| line.starts_with("_dns."))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    match (status.map(|(word, _)| word), lines.as_slice()) {
        (Some("NOERROR"), []) => "NODATA".to_owned(),
        (status, lines) => format!("{} {}", status.unwrap_or("silence"), lines.join("\n")),
    }
}

#[cfg(feature = "https-listener")]
/// RFC 9462, 4.2: clients that are told of us verify the certificate by our address, with the authorities that they have.
/// Here the list of these is a file that the environment names, as systems and their programs have it.
fn dig_is_told_of_listeners_where_the_public_vouches_for_them() {
    const NAME: &str = "dns.hearth.example";
    let world = |names: &[&str], list: &str| {
        let house = House::new()
            .zone("hearth.example", HEARTH)
            .listen_too(&["tls://127.0.0.1:0", "https://127.0.0.1:0"])
            .config(&format!(
                "name: {NAME}\naddresses: [127.0.0.1]\ncertificate: {{chain: chain.pem, key: key.pem}}\n"
            ));
        let authority = Authority::new();
        authority.issue(&house, names, 2099);
        let stranger = rcgen::generate_simple_self_signed(["stranger.example".to_owned()]);
        house.write("stranger.pem", &stranger.unwrap().cert.pem());
        let daemon = house.start_with(|command| {
            if !list.is_empty() {
                command.env("SSL_CERT_FILE", house.path(list));
            }
        });
        (house, daemon)
    };
    let why = |house: &House| {
        let status = house.dnsctl(&["status"]).ok().stdout;
        let line = status.lines().find(|line| line.starts_with("  announced"));
        line.unwrap_or_default()
            .trim_start_matches("  announced")
            .trim()
            .to_owned()
    };
    let good = [NAME, "*.dns.hearth.example", "127.0.0.1"];
    let (house, daemon) = world(&good, "authority.pem");
    let [tls, https] = ["tls", "https"].map(|transport| daemon.encrypted(transport));
    assert_eq!(
        told(&daemon),
        format!(
            "NOERROR _dns.resolver.arpa. 60 IN SVCB 1 {NAME}. alpn=\"dot\" port={} ipv4hint=127.0.0.1\n\
             _dns.resolver.arpa. 60 IN SVCB 2 {NAME}. alpn=\"h2\" port={} ipv4hint=127.0.0.1 key7=\"/dns-query{{?dns}}\"",
            tls.port(),
            https.port()
        )
    );
    assert_eq!(why(&house), format!("dot {}, h2 {}", tls.port(), https.port()));
    // A client that goes there, and knows the address alone, finds what it can verify.
    let given = house.read("authority.pem");
    for name in [NAME, "127.0.0.1"] {
        Authority::asker_with(&given, name).connect(tls, "dot").unwrap();
    }
    let unknown = "nothing: no public authority has signed the certificate; where all devices trust yours, write `discovery: \
                   {ddr: force}`";
    let unread = "nothing: there is no list of public authorities that can be read; install ca-certificates, or name one with \
                  SSL_CERT_FILE";
    for (names, list, expected) in [
        // Of an authority of somebody's own: in no list, or not in this one.
        (&good[..], "", unknown),
        (&good[..], "stranger.pem", unknown),
        // A list that is none vouches for nobody.
        (&good[..], "key.pem", unread),
        (&good[..], "nowhere.pem", unread),
        (
            &[NAME, "127.0.0.2"][..],
            "authority.pem",
            "nothing: the certificate does not bear the address 127.0.0.1",
        ),
        (
            &["dns.other.example", "127.0.0.1"][..],
            "authority.pem",
            "nothing: the certificate does not bear the name dns.hearth.example",
        ),
    ] {
        let (house, daemon) = world(names, list);
        assert_eq!(told(&daemon), "NODATA", "{names:?} {list}");
        assert_eq!(why(&house), expected, "{names:?} {list}");
    }
    // With the authority of our own, which nobody knows.
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config(&format!("name: {NAME}\naddresses: [127.0.0.1]\n"));
    let daemon = house.start();
    assert_eq!(
        (told(&daemon).as_str(), why(&house).as_str()),
        ("NODATA", unknown)
    );
}
